// The page: everything put together, and a picture whenever something has changed.

class Preview {
  constructor(content, song) {
    this.content = content;
    this.wanted = true;
    this.clock = new Clock(content.times, song);
    this.robot = new Robot(content.robot, content.motion);
    this.robot.pose(content.times.start);
    this.dancer = content.dancer ? new Dancer(content.dancer) : null;
    this.strips = new Strips(content, document.getElementById("overview"), document.getElementById("strips"));
    this.soles = new Soles(document.getElementById("soles"), this.robot, content);
    this.stage = this.open();
    this.controls = new Controls(this);
    this.words();
    this.numbers();
    this.asked();
    new ResizeObserver(() => this.resize()).observe(document.getElementById("stage"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.resize());
    this.resize();
    const draw = () => {
      this.frame();
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  open() {
    try {
      return new Stage(document.getElementById("view"), this.robot, this.dancer);
    } catch (error) {
      this.say("This browser shows no 3D (WebGL does not start); sound and strips work.");
      return null;
    }
  }

  say(text) {
    const message = document.getElementById("message");
    message.textContent = text;
    message.hidden = false;
  }

  // What the address asks for: #t=12.5, &look=side, &theme=dark.
  asked() {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (asked.has("t")) this.clock.seek(Number(asked.get("t")) || 0);
    if (asked.has("theme")) document.documentElement.dataset.theme = asked.get("theme");
    if (this.stage && LOOKS[asked.get("look")]) this.stage.look(asked.get("look"));
  }

  resize() {
    if (this.stage) this.stage.resize();
    this.strips.resize();
    this.soles.resize();
    this.legend();
    this.wanted = true;
  }

  frame() {
    const time = this.clock.tick();
    if (!this.clock.playing && !this.wanted && !(this.stage && this.stage.wanted)) return;
    this.wanted = false;
    const stamp = performance.now();
    if (this.stage && this.clock.playing && this.drawn) this.stage.pace(stamp - this.drawn);
    this.drawn = this.clock.playing ? stamp : 0;
    const { at, number } = this.content.beats;
    const beat = countUpTo(at, time + 1e-6) - 1;
    const since = beat < 0 ? 9 : time - at[beat];
    const pulse = Math.exp(-since / 0.16);
    if (this.stage) this.stage.draw(time, pulse, number[beat] === 1);
    else this.robot.pose(time);
    this.shown = time;
    this.soles.draw(time);
    this.strips.follow(time);
    this.tell(time, beat);
  }

  tell(time, beat) {
    const { times, beats, marks } = this.content;
    const put = (id, text) => {
      const element = document.getElementById(id);
      if (element.textContent !== text) element.textContent = text;
    };
    put("time", `${clockText(time)} / ${clockText(times.end, 0)}`);
    const bar = beats.number.slice(0, beat + 1).filter((n) => n === 1).length;
    const count = Math.max(...beats.number.slice(Math.max(beat - 8, 0), beat + 9), 1);
    const dots = Array.from({ length: count }, (_, i) => (i === beats.number[beat] - 1 ? "\u25cf" : "\u25cb"));
    put("bar", time < times.music ? "lead-in" : bar ? String(bar) : "");
    put("beat", beat >= 0 ? dots.join("") : "");
    const here = marks.find((mark) => time >= mark.from - 0.05 && time <= mark.to + 0.25);
    put("note", here ? here.text : "");
    for (const [name, show] of this.tiles) show(time, document.getElementById(`number-${name}`));
    this.placeTags();
  }

  placeTags() {
    const { stage } = this;
    const tags = ["tag-robot", "tag-dancer"].map((id) => document.getElementById(id));
    tags[0].hidden = !stage;
    tags[1].hidden = !stage || stage.place !== "beside";
    if (!stage) return;
    const narrow = stage.canvas.clientWidth < 560;
    tags[1].textContent = narrow ? "the dancer" : "the dancer, at the robot's size";
    tags.forEach((tag, which) => {
      const { x, y } = stage.rings[which].position;
      const [ahead, right] = [Math.cos(stage.orbit.around), Math.sin(stage.orbit.around)];
      const [across, down] = stage.onScreen(x + 0.27 * ahead, y + 0.27 * right, 0);
      tag.style.left = `${across}px`;
      tag.style.top = `${Math.min(down + 6, stage.canvas.clientHeight - 24)}px`;
    });
  }

  words() {
    const { about, marks } = this.content;
    document.getElementById("title").textContent = about.title;
    document.getElementById("subtitle").textContent = about.subtitle.join(" \u00b7 ");
    document.getElementById("tag-robot").textContent = "the robot";
    const verdict = document.getElementById("verdict");
    const broken = Object.entries(about.broken).map(([kind, n]) => `${kind.replace("_", " ")} ${n}`);
    verdict.classList.toggle("bad", !about.clean);
    verdict.textContent = about.clean ? "within every limit" : `breaks limits: ${broken.join(", ")}`;
    if (about.performed) {
      const { falls } = about.performed;
      verdict.classList.toggle("bad", !about.clean || falls > 0);
      verdict.textContent += falls ? " \u00b7 it fell" : " \u00b7 performed without a fall";
    }
    const section = document.getElementById("words");
    if (marks.length) {
      const items = marks.map((mark) => {
        const jump = document.createElement("button");
        jump.textContent = clockText(mark.from);
        jump.addEventListener("click", () => this.clock.seek(mark.from));
        return [jump, mark.text];
      });
      section.append(listed("Where something gave way", items));
    }
    if (about.warnings.length) section.append(listed("Worth knowing", about.warnings.map((text) => [text])));
  }

  legend() {
    const { strips, marks } = this.content;
    const legend = document.getElementById("legend");
    legend.textContent = "";
    const colour = themeColours();
    const entry = (name, text) => {
      const span = document.createElement("span");
      const box = document.createElement("i");
      box.style.background = name;
      span.append(box, text);
      legend.append(span);
    };
    if (strips.velocity) {
      const other = document.createElement("button");
      const next = { velocity: "acceleration", acceleration: "velocity" };
      other.textContent = `${this.strips.limit} of each joint`;
      other.title = `show ${next[this.strips.limit]}`;
      other.addEventListener("click", () => {
        this.strips.limit = next[this.strips.limit];
        this.resize();
      });
      const scale = document.createElement("span");
      const bar = document.createElement("i");
      bar.className = "scale";
      bar.style.background = `linear-gradient(90deg, ${CIVIDIS.map((c) => `#${c}`).join(",")})`;
      scale.append("0", bar, "100 % of the limit");
      legend.append(other, scale);
    }
    if (strips.hits) {
      entry(colour.blue, "beat hit by the robot's hands");
      entry(colour.orange, "only by the dancer's");
    }
    for (const kind of new Set(marks.map((mark) => mark.kind))) entry(colour[kind], MARKS[kind][1]);
  }

  numbers() {
    const { strips } = this.content;
    this.tiles = [];
    const list = document.getElementById("numbers");
    const tile = (name, label, show) => {
      const box = document.createElement("div");
      const [term, value] = ["dt", "dd"].map((kind) => document.createElement(kind));
      term.textContent = label;
      value.id = `number-${name}`;
      box.append(term, value);
      list.append(box);
      this.tiles.push([name, show]);
    };
    const put = (element, text, bad = false) => {
      if (element.textContent !== text) element.textContent = text;
      element.parentElement.classList.toggle("bad", bad);
    };
    if (strips.joints && strips.joints.length) {
      for (const [name, label] of [["velocity", "fastest joint"], ["acceleration", "acceleration"]]) {
        tile(name, label, (time, element) => {
          const shares = strips.joints.map((_, j) => this.strips.share(j, time, name));
          const most = Math.max(...shares);
          element.title = strips.joints[shares.indexOf(most)];
          put(element, `${Math.round(100 * Math.min(most, 1.27))} %`, most > 1.006);
        });
      }
    }
    if (strips.cells) {
      for (const [name, label] of [["clearance", "closest parts"], ["zmp", "ZMP in soles"], ["com", "centre of mass"]]) {
        tile(name, label, (time, element) => {
          const value = strips[name][this.strips.cell(time)];
          put(element, value >= 999 ? "-" : `${value.toFixed(0)} mm`, value < 0);
        });
      }
    }
    if (strips.error) {
      const { start, width, after } = strips.error;
      tile("error", "arms off", (time, element) => {
        const place = Math.floor((time - start) / width);
        put(element, after[place] === undefined ? "-" : `${after[place].toFixed(0)}\u00b0`);
      });
    }
  }
}

function listed(title, items) {
  const box = document.createElement("div");
  const head = document.createElement("h2");
  const list = document.createElement("ul");
  head.textContent = title;
  for (const parts of items) {
    const item = document.createElement("li");
    item.append(...parts);
    list.append(item);
  }
  box.append(head, list);
  return box;
}

const preview = new Preview(
  JSON.parse(document.getElementById("content").textContent),
  document.getElementById("song").textContent,
);
window.preview = preview;
