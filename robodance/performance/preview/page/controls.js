// Buttons, keys and fingers.

const PLAY = "M8 5.2v13.6L19 12z";
const PAUSE = "M7 5h3.6v14H7zM13.4 5H17v14h-3.6z";
const SPEEDS = [0.25, 0.5, 0.75, 1, 1.5, 2];
const LOOP_BARS = 4;

function clockText(seconds, digits = 1) {
  const size = Math.abs(seconds).toFixed(digits);
  const minutes = Math.floor(size / 60);
  const rest = (size - 60 * minutes).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return `${seconds < 0 && Number(size) ? "-" : ""}${minutes}:${rest}`;
}

class Controls {
  constructor(preview) {
    this.preview = preview;
    const { clock } = preview;
    const click = (id, action) => document.getElementById(id).addEventListener("click", action);
    click("play", () => clock.toggle());
    click("start", () => clock.play());
    click("mirror", () => this.mirror());
    click("beside", () => this.dancer());
    click("turn", () => this.turning());
    click("loop", () => this.loop());
    click("closer", () => this.zoom(0.5));
    click("wider", () => this.zoom(2));
    click("theme", () => this.theme());
    click("help", () => document.getElementById("keys").showModal());
    document.getElementById("speed").addEventListener("change", (event) => {
      clock.setRate(Number(event.target.value));
      event.target.blur();
    });
    // What a pointer has pressed gives the keys back; what the keyboard has chosen keeps them.
    document.addEventListener("click", (event) => event.detail && document.activeElement.blur());
    for (const button of document.querySelectorAll("[data-look]")) {
      button.addEventListener("click", () => preview.stage && preview.stage.look(button.dataset.look));
    }
    if (!preview.content.dancer) {
      for (const id of ["beside", "turn"]) document.getElementById(id).hidden = true;
    }
    for (const lane of [preview.strips.overview, preview.strips.lane]) this.scrub(lane);
    document.addEventListener("keydown", (event) => this.key(event));
    clock.onchange = () => this.show();
    clock.onfailure = () => preview.say("This browser cannot play the song; the dance goes on without it.");
    this.show();
  }

  show() {
    const { clock } = this.preview;
    document.getElementById("play-icon").setAttribute("d", clock.playing ? PAUSE : PLAY);
    document.getElementById("play").setAttribute("aria-label", clock.playing ? "Pause" : "Play");
    if (clock.playing) document.getElementById("start").hidden = true;
    const speed = document.getElementById("speed");
    if (Number(speed.value) !== clock.rate) speed.value = String(clock.rate);
    this.preview.wanted = true;
  }

  press(id, on) {
    document.getElementById(id).setAttribute("aria-pressed", String(on));
    this.preview.wanted = true;
  }

  mirror() {
    const { stage, soles } = this.preview;
    const on = !soles.mirror;
    soles.mirror = on;
    if (stage) stage.setMirror(on);
    this.press("mirror", on);
  }

  dancer() {
    const { stage } = this.preview;
    if (!stage || !this.preview.content.dancer) return;
    const places = ["beside", "inside", "away"];
    stage.place = places[(places.indexOf(stage.place) + 1) % places.length];
    stage.wanted = true;
    this.press("beside", stage.place !== "away");
  }

  turning() {
    const { dancer } = this.preview;
    if (!dancer) return;
    dancer.turns = !dancer.turns;
    this.press("turn", dancer.turns);
  }

  loop() {
    const { clock, content } = this.preview;
    if (clock.loop) clock.loop = null;
    else {
      const bars = content.beats.at.filter((_, i) => content.beats.number[i] === 1);
      const first = Math.max(countUpTo(bars, clock.now()) - 1, 0);
      const from = bars.length ? bars[first] : clock.now();
      const to = bars[first + LOOP_BARS] || Math.min(from + 8, clock.end);
      clock.loop = [from, to];
      if (clock.now() < from) clock.seek(from);
    }
    this.preview.strips.loop = clock.loop;
    this.preview.strips.drawOverview();
    this.press("loop", Boolean(clock.loop));
  }

  zoom(factor) {
    this.preview.strips.zoom(factor, this.preview.clock.now());
    this.preview.wanted = true;
  }

  theme() {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
    this.preview.resize();
  }

  scrub(lane) {
    const { clock, strips } = this.preview;
    let held = false;
    let goesOn = false;
    const seek = (event) => clock.seek(strips.time(event.clientX - lane.getBoundingClientRect().left, lane));
    lane.addEventListener("pointerdown", (event) => {
      held = true;
      goesOn = clock.playing;
      if (goesOn) clock.pause();
      lane.setPointerCapture(event.pointerId);
      seek(event);
    });
    lane.addEventListener("pointermove", (event) => held && seek(event));
    const lift = () => {
      if (held && goesOn) clock.play();
      held = false;
    };
    lane.addEventListener("pointerup", lift);
    lane.addEventListener("pointercancel", lift);
  }

  step(seconds) {
    const { clock } = this.preview;
    clock.seek(clock.now() + seconds);
  }

  bar(direction) {
    const { clock, content } = this.preview;
    const bars = content.beats.at.filter((_, i) => content.beats.number[i] === 1);
    const now = clock.now();
    const place = direction > 0 ? countUpTo(bars, now + 0.01) : countUpTo(bars, now - 0.25) - 1;
    if (bars[place] !== undefined) clock.seek(bars[place]);
  }

  speed(direction) {
    const { clock } = this.preview;
    const place = SPEEDS.indexOf(clock.rate) + direction;
    if (SPEEDS[place]) clock.setRate(SPEEDS[place]);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.getElementById("keys").open) return;
    if (event.target instanceof HTMLSelectElement) return;
    if (event.target instanceof HTMLButtonElement && event.key === " ") return;
    const { clock, stage } = this.preview;
    const look = (name) => () => stage && stage.look(name);
    const keys = {
      " ": () => clock.toggle(),
      k: () => clock.toggle(),
      ArrowLeft: () => (event.shiftKey ? this.bar(-1) : this.step(-5)),
      ArrowRight: () => (event.shiftKey ? this.bar(1) : this.step(5)),
      ",": () => this.step(-0.04),
      ".": () => this.step(0.04),
      Home: () => clock.seek(clock.start),
      End: () => clock.seek(clock.end),
      ArrowUp: () => this.speed(1),
      ArrowDown: () => this.speed(-1),
      m: () => this.mirror(),
      d: () => this.dancer(),
      r: () => this.turning(),
      l: () => this.loop(),
      t: () => this.theme(),
      1: look("front"),
      2: look("side"),
      3: look("back"),
      4: look("above"),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      "?": () => document.getElementById("keys").showModal(),
    };
    const action = keys[event.key] || keys[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
