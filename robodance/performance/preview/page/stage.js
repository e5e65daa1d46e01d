// The stage: floor, light and shadow, camera, and what hands do with it.

const LOOKS = { front: [0.14, 0.12], side: [1.45, 0.1], back: [Math.PI - 0.2, 0.14], above: [0.3, 0.95] };
const BESIDE_M = 0.62;
const FIELD_OF_VIEW = 26;
const SLOW_MS = 70;
const SLOW_PICTURES = 8;

class Stage {
  constructor(canvas, robot, dancer) {
    this.canvas = canvas;
    this.robot = robot;
    this.dancer = dancer;
    this.mirror = false;
    this.place = dancer ? "beside" : "away";
    this.wanted = true; // a new picture
    this.detail = 1; // of the pixels that the screen has
    this.slow = 0;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.renderer.outputEncoding = THREE.sRGBEncoding;
    this.renderer.toneMapping = THREE.ACESFilmicToneMapping;
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = THREE.PCFShadowMap;
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(FIELD_OF_VIEW, 1, 0.05, 20);
    this.camera.up.set(0, 0, 1);
    this.centre = new THREE.Vector3();
    this.orbit = { around: LOOKS.front[0], above: LOOKS.front[1], closer: 1 };
    this.goal = null;
    this.light();
    this.floor();
    this.scene.add(robot.root);
    if (dancer) this.scene.add(dancer.group);
    this.hands();
  }

  light() {
    const sky = new THREE.HemisphereLight(0xffffff, 0x9aa4b0, 0.62);
    sky.position.set(0, 0, 1);
    const sun = new THREE.DirectionalLight(0xfff4e6, 1.75);
    sun.position.set(1.6, -1.1, 2.6);
    sun.castShadow = true;
    sun.shadow.mapSize.set(2048, 2048);
    Object.assign(sun.shadow.camera, { left: -0.95, right: 0.95, top: 0.95, bottom: -0.95, near: 0.5, far: 6 });
    sun.shadow.bias = -0.0004;
    sun.shadow.normalBias = 0.004;
    sun.shadow.radius = 5;
    const rim = new THREE.DirectionalLight(0xcfe4ff, 0.55);
    rim.position.set(-1.8, 1.6, 1.4);
    this.sun = sun;
    this.scene.add(sky, sun, sun.target, rim);
  }

  floor() {
    const shade = new THREE.ShadowMaterial({ opacity: 0.34 });
    const ground = new THREE.Mesh(new THREE.CircleGeometry(3, 64), shade);
    ground.receiveShadow = true;
    this.scene.add(ground);
    this.rings = [0, BESIDE_M].map((aside) => {
      const look = new THREE.MeshBasicMaterial({ color: 0x8894a3, transparent: true, opacity: 0.35 });
      const ring = new THREE.Mesh(new THREE.RingGeometry(0.252, 0.258, 96), look);
      ring.position.set(0, aside, 0.0006);
      this.scene.add(ring);
      return ring;
    });
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement;
    if (!width || !height) return;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2) * this.detail);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.wanted = true;
  }

  // Where pictures take long (no graphics card, an old phone), draw fewer pixels.
  pace(milliseconds) {
    this.slow = milliseconds > SLOW_MS ? this.slow + 1 : Math.max(this.slow - 1, 0);
    if (this.slow < SLOW_PICTURES || this.detail < 0.5) return;
    this.slow = 0;
    this.detail *= 0.7;
    this.sun.shadow.mapSize.multiplyScalar(0.5);
    if (this.sun.shadow.map) this.sun.shadow.map.dispose();
    this.sun.shadow.map = null;
    this.resize();
  }

  look(name) {
    const [around, above] = LOOKS[name];
    this.goal = [this.mirror ? -around : around, above];
    this.orbit.closer = 1;
    this.wanted = true;
  }

  // The dancer stands to the right of the robot wherever one looks from, and the sun comes from
  // over the left shoulder of whoever looks.
  arrange() {
    const [x, y] = this.robot.torso.at(this.robot.torso.start);
    const beside = this.place === "beside";
    const aside = this.mirror ? -BESIDE_M : BESIDE_M;
    const [ahead, right] = [Math.cos(this.orbit.around), Math.sin(this.orbit.around)];
    const other = [x - aside * right, y + aside * ahead];
    if (this.dancer) {
      const { group, material } = this.dancer;
      const inside = this.place === "inside";
      group.visible = this.place !== "away";
      group.position.set(beside ? other[0] : x, beside ? other[1] : y, 0);
      if (material.transparent !== inside) material.needsUpdate = true;
      Object.assign(material, { transparent: inside, opacity: inside ? 0.5 : 1, depthTest: !inside });
    }
    this.rings[0].position.set(x, y, 0.0006);
    this.rings[1].position.set(other[0], other[1], 0.0006);
    this.rings[1].visible = beside;
    const half = beside ? 0.5 : 0;
    this.centre.set(x + half * (other[0] - x), y + half * (other[1] - y), 0.285);
    const left = this.mirror ? -1.1 : 1.1;
    this.sun.position.set(
      this.centre.x + 1.6 * ahead + left * right,
      this.centre.y + 1.6 * right - left * ahead,
      2.6,
    );
    this.sun.target.position.set(this.centre.x, this.centre.y, 0.2);
  }

  aim() {
    const { orbit, camera, centre } = this;
    const [wide, high] = [this.place === "beside" ? 0.63 : 0.36, 0.39];
    const half = Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
    const away = Math.max(high / half, wide / (half * camera.aspect)) * 1.06 * orbit.closer;
    const flat = Math.cos(orbit.above);
    camera.position.set(
      centre.x + away * flat * Math.cos(orbit.around),
      centre.y + away * flat * Math.sin(orbit.around),
      centre.z + away * Math.sin(orbit.above),
    );
    camera.lookAt(centre);
  }

  // Draw the moment; ``pulse`` is 1 on a beat and fades, ``strong`` on the first of a bar.
  draw(time, pulse, strong) {
    if (this.goal) this.swing();
    this.robot.pose(time);
    if (this.dancer && this.dancer.group.visible) this.dancer.pose(time);
    for (const ring of this.rings) {
      ring.material.color.set(strong ? 0xe69f00 : 0x0072b2);
      ring.material.opacity = 0.25 + 0.65 * pulse;
      ring.scale.setScalar(1 + (strong ? 0.05 : 0.025) * pulse);
    }
    this.arrange();
    this.aim();
    this.renderer.render(this.scene, this.camera);
    this.wanted = Boolean(this.goal);
  }

  swing() {
    const { orbit } = this;
    const turn = Math.atan2(Math.sin(this.goal[0] - orbit.around), Math.cos(this.goal[0] - orbit.around));
    orbit.around += 0.22 * turn;
    orbit.above += 0.22 * (this.goal[1] - orbit.above);
    if (Math.abs(turn) + Math.abs(this.goal[1] - orbit.above) < 0.004) this.goal = null;
  }

  // Where on the canvas a point of the world is drawn, in CSS pixels.
  onScreen(x, y, z) {
    const seen = new THREE.Vector3(x, y, z).project(this.camera);
    const right = ((this.mirror ? -seen.x : seen.x) + 1) / 2;
    return [right * this.canvas.clientWidth, ((1 - seen.y) / 2) * this.canvas.clientHeight];
  }

  setMirror(on) {
    this.mirror = on;
    this.canvas.style.transform = on ? "scaleX(-1)" : "";
    this.orbit.around = -this.orbit.around; // what was seen stays, left for right
    this.goal = null;
    this.wanted = true;
  }

  hands() {
    const { canvas, orbit } = this;
    const fingers = new Map();
    const spread = () => {
      const [a, b] = [...fingers.values()];
      return Math.hypot(a[0] - b[0], a[1] - b[1]);
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      this.goal = null;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const apart = fingers.size === 2 ? spread() : 0;
      const dx = event.clientX - before[0];
      const dy = event.clientY - before[1];
      fingers.set(event.pointerId, [event.clientX, event.clientY]);
      if (fingers.size === 1) {
        orbit.around -= (this.mirror ? -dx : dx) * 0.008;
        orbit.above = clamp(orbit.above + dy * 0.006, -0.02, 1.5);
      } else if (fingers.size === 2) this.approach(apart / Math.max(spread(), 1));
      this.wanted = true;
    });
    const lift = (event) => fingers.delete(event.pointerId);
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.approach(Math.exp(clamp(event.deltaY, -120, 120) * 0.0015));
      },
      { passive: false },
    );
  }

  approach(factor) {
    this.orbit.closer = clamp(this.orbit.closer * factor, 0.25, 2.5);
    this.wanted = true;
  }
}
