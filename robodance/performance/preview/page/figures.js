// Who is on the stage: the robot, from its links and meshes, and the dancer, from its bones.

class Robot {
  constructor(content, motion) {
    this.joints = new Track(motion.joints);
    this.torso = new Track(motion.torso);
    this.links = new Map();
    this.turning = [];
    this.root = null;
    for (const link of content.links) this.addLink(link);
    this.paint(content);
    this.axis = new THREE.Vector3();
  }

  addLink(link) {
    const node = new THREE.Group();
    node.name = link.name;
    node.position.fromArray(link.origin);
    this.links.set(link.name, node);
    if (link.parent === null) this.root = node;
    else this.links.get(link.parent).add(node);
    if (link.axis) this.turning.push([node, new THREE.Vector3().fromArray(link.axis), link.column]);
  }

  paint(content) {
    const materials = new Map();
    const shapes = new Map();
    for (const mesh of content.meshes) {
      if (!materials.has(mesh.colour)) materials.set(mesh.colour, robotMaterial(mesh.colour, content));
      const twin = mesh.mirrors && shapes.get(`${mesh.mirrors} ${mesh.colour}`);
      const shape = twin ? mirrored(twin) : unpackedShape(mesh);
      shapes.set(`${mesh.link} ${mesh.colour}`, shape);
      const part = new THREE.Mesh(shape, materials.get(mesh.colour));
      part.castShadow = part.receiveShadow = true;
      this.links.get(mesh.link).add(part);
    }
  }

  pose(time) {
    const [x, y, z, ...turn] = this.torso.at(time);
    this.root.position.set(x, y, z);
    this.root.quaternion.fromArray(turn).normalize();
    const angles = this.joints.at(time);
    for (const [node, axis, column] of this.turning) {
      node.quaternion.setFromAxisAngle(axis, angles[column]);
    }
    this.root.updateMatrixWorld(true);
  }

  // A point fixed in a link, in the world.
  point(link, at) {
    return this.links.get(link).localToWorld(new THREE.Vector3().fromArray(at));
  }
}

function robotMaterial(name, content) {
  const [r, g, b] = content.colours[name] || content.colours[""];
  const colour = new THREE.Color(r, g, b).convertSRGBToLinear();
  const material = new THREE.MeshStandardMaterial({ color: colour, roughness: 0.42, metalness: 0.02 });
  if (name === "light") {
    material.emissive = colour;
    material.emissiveIntensity = 0.55;
  }
  if (name === "dark") material.roughness = 0.25;
  return material;
}

function unpackedShape(mesh) {
  const shape = new THREE.BufferGeometry();
  const steps = integersOf(mesh.points);
  const points = new Float32Array(steps.length);
  for (let i = 0; i < steps.length; i++) {
    points[i] = i < 3 ? steps[i] * mesh.step : points[i - 3] + steps[i] * mesh.step;
  }
  const changes = integersOf(mesh.faces);
  const faces = new Uint32Array(changes.length);
  for (let i = 0; i < changes.length; i++) faces[i] = (i ? faces[i - 1] : 0) + changes[i];
  shape.setAttribute("position", new THREE.BufferAttribute(points, 3));
  shape.setIndex(new THREE.BufferAttribute(faces, 1));
  shape.computeVertexNormals();
  return shape;
}

function mirrored(shape) {
  const twin = shape.clone();
  for (const name of ["position", "normal"]) {
    const values = twin.getAttribute(name).array;
    for (let i = 1; i < values.length; i += 3) values[i] = -values[i];
  }
  const faces = twin.getIndex().array;
  for (let i = 0; i < faces.length; i += 3) [faces[i], faces[i + 2]] = [faces[i + 2], faces[i]];
  return twin;
}

// The dancer: bones as rods between joints, at the robot's height.
class Dancer {
  constructor(content) {
    this.joints = new Track(content.joints);
    this.yaw = new Track(content.yaw);
    this.index = content.index;
    this.group = new THREE.Group();
    this.group.scale.setScalar(content.scale);
    const body = { color: new THREE.Color("#56B4E9").convertSRGBToLinear(), roughness: 0.55 };
    this.material = new THREE.MeshStandardMaterial(body);
    this.rods = [];
    this.balls = [];
    this.count = this.joints.channels / 3;
    const rod = new THREE.CylinderGeometry(0.036, 0.036, 1, 14).rotateX(Math.PI / 2);
    const ball = new THREE.SphereGeometry(0.05, 18, 12);
    const head = this.index.head_right;
    const neck = this.count;
    const crown = this.count + 1;
    const bones = content.bones.filter(([a, b]) => a !== head && b !== head);
    for (const bone of [...bones, [this.index.waist, neck], [neck, crown]]) {
      this.rods.push([this.part(rod), ...bone]);
    }
    for (let j = 0; j < this.count; j++) {
      if (j !== this.index.head_left && j !== head) this.balls.push([this.part(ball), j]);
    }
    this.skull = this.part(new THREE.SphereGeometry(0.115, 24, 18));
    this.skull.scale.set(0.92, 0.86, 1.12);
    this.points = Array.from({ length: this.count + 2 }, () => new THREE.Vector3());
    this.turns = false;
  }

  part(shape) {
    const part = new THREE.Mesh(shape, this.material);
    part.castShadow = part.receiveShadow = true;
    this.group.add(part);
    return part;
  }

  pose(time) {
    const flat = this.joints.at(time);
    const { points, index } = this;
    for (let j = 0; j < this.count; j++) points[j].fromArray(flat, 3 * j);
    const neck = points[this.count].addVectors(points[index.right_shoulder], points[index.left_shoulder]);
    neck.multiplyScalar(0.5);
    const crown = points[this.count + 1].addVectors(points[index.head_right], points[index.head_left]);
    crown.multiplyScalar(0.5);
    this.skull.position.copy(crown);
    this.skull.up.set(0, 0, 1);
    for (const [rod, a, b] of this.rods) {
      rod.position.addVectors(points[a], points[b]).multiplyScalar(0.5);
      const length = points[a].distanceTo(points[b]);
      rod.scale.set(1, 1, Math.max(length, 1e-4));
      rod.quaternion.setFromUnitVectors(UP, along.subVectors(points[b], points[a]).normalize());
    }
    for (const [ball, j] of this.balls) ball.position.copy(points[j]);
    const side = along.subVectors(points[index.head_left], points[index.head_right]);
    this.skull.rotation.set(0, 0, Math.atan2(-side.x, side.y));
    this.group.rotation.z = this.turns ? this.yaw.at(time)[0] : 0;
  }
}

const UP = new THREE.Vector3(0, 0, 1);
const along = new THREE.Vector3();
