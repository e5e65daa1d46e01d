// The feet from above: planted soles, the area between them, ZMP and centre of mass.

class Soles {
  constructor(canvas, robot, content) {
    this.canvas = canvas;
    this.robot = robot;
    this.soles = content.robot.soles;
    this.support = content.motion.support;
    this.changes = this.support.map(([at]) => at);
    this.points = new Track(content.balance);
    this.mirror = false;
  }

  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const { clientWidth: width, clientHeight: height } = this.canvas;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.ratio = ratio;
    const outlines = this.soles.map((sole) => this.outline(sole)).flat();
    const reach = (axis) => {
      const values = outlines.map((point) => point[axis]);
      return [Math.min(...values), Math.max(...values)];
    };
    const [back, front] = reach(0);
    const [right, left] = reach(1);
    this.middle = [(back + front) / 2, (right + left) / 2];
    this.scale = Math.min(height / (front - back + 0.05), width / (left - right + 0.05)) || 1;
  }

  outline(sole) {
    return sole.outline.map(([x, y]) => {
      const { x: forward, y: left } = this.robot.point(sole.link, [x, y, -sole.height]);
      return [forward, left];
    });
  }

  // Seen as the robot sees its own feet: forward is up, its left is left.
  onScreen([forward, left]) {
    const across = (this.mirror ? 1 : -1) * (left - this.middle[1]) * this.scale;
    return [
      this.canvas.clientWidth / 2 + across,
      this.canvas.clientHeight / 2 - (forward - this.middle[0]) * this.scale,
    ];
  }

  draw(time) {
    const pen = this.canvas.getContext("2d");
    const colour = themeColours();
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    const carrying = this.support[Math.max(countUpTo(this.changes, time) - 1, 0)][1];
    const planted = this.soles.filter((sole) => carrying === 0 || carrying === sole.support);
    this.fill(pen, hull(planted.map((sole) => this.outline(sole)).flat()), colour.area, null);
    for (const sole of this.soles) {
      const stands = planted.includes(sole);
      this.fill(pen, this.outline(sole), stands ? colour.sole : null, colour.edge);
    }
    this.trail(pen, time, colour);
    const [zx, zy, cx, cy] = this.points.at(time);
    this.dot(pen, [cx, cy], 5, colour.com);
    this.dot(pen, [zx, zy], 6, colour.zmp);
  }

  trail(pen, time, colour) {
    pen.lineWidth = 2;
    pen.lineCap = "round";
    pen.strokeStyle = colour.zmp;
    let before = null;
    for (let back = 0.6; back >= 0; back -= 0.04) {
      const [x, y] = this.points.at(time - back);
      const here = this.onScreen([x, y]);
      if (before) {
        pen.globalAlpha = 0.5 * (1 - back / 0.6);
        pen.beginPath();
        pen.moveTo(...before);
        pen.lineTo(...here);
        pen.stroke();
      }
      before = here;
    }
    pen.globalAlpha = 1;
  }

  fill(pen, points, inside, edge) {
    if (!points.length) return;
    pen.beginPath();
    points.forEach((point, i) => (i ? pen.lineTo(...this.onScreen(point)) : pen.moveTo(...this.onScreen(point))));
    pen.closePath();
    if (inside) {
      pen.fillStyle = inside;
      pen.fill();
    }
    if (edge) {
      pen.lineWidth = 1.2;
      pen.strokeStyle = edge;
      pen.stroke();
    }
  }

  dot(pen, point, size, colour) {
    pen.beginPath();
    pen.arc(...this.onScreen(point), size, 0, 2 * Math.PI);
    pen.fillStyle = colour;
    pen.fill();
  }
}

// Convex hull by Andrew's monotone chain.
function hull(points) {
  const ordered = [...points].sort((p, q) => p[0] - q[0] || p[1] - q[1]);
  const half = (way) => {
    const chain = [];
    for (const p of way) {
      while (chain.length > 1) {
        const [a, b] = chain.slice(-2);
        if ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) > 0) break;
        chain.pop();
      }
      chain.push(p);
    }
    return chain.slice(0, -1);
  };
  return [...half(ordered), ...half([...ordered].reverse())];
}
