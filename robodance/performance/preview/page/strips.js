// Along the song: the waveform with beats, bars and marks, and under it what was used of the
// limits, the margins and what was lost. Static pictures; only the cursor and the column of
// present values move.

const CIVIDIS = ["00224e", "123570", "3b496c", "575d6d", "707173", "8a8678", "a59c74", "c3b369", "e1cc55", "fee838"];
const PER_SHARE = 200;
const MARKS = {
  calmed: ["--violet", "calmed after a trial"],
  retreated: ["--brown", "drawn back to the stand"],
  limited: ["--orange", "limits cost much"],
  broken: ["--red", "a limit is broken"],
  fell: ["--red", "a fall"],
};

let themed = null;
function themeColours() {
  if (themed) return themed;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  themed = { edge: read("--bar"), zmp: read("--blue") };
  for (const name of ["ink", "soft", "line", "blue", "orange", "red", "wave", "beat", "bar", "sole", "area", "com", "shade", "card"]) {
    themed[name] = read(`--${name}`);
  }
  themed.peak = read("--wave-peak");
  for (const [kind, [name]] of Object.entries(MARKS)) themed[kind] = read(name);
  return themed;
}

function cividis(share) {
  if (share > 1.000001) return [214, 39, 20];
  const place = clamp(share, 0, 1) * (CIVIDIS.length - 1);
  const k = Math.min(Math.floor(place), CIVIDIS.length - 2);
  const part = (i, shift) => (parseInt(CIVIDIS[i], 16) >> shift) & 255;
  return [16, 8, 0].map((shift) => part(k, shift) + (place - k) * (part(k + 1, shift) - part(k, shift)));
}

function shortName(name, narrow) {
  if (!narrow) return name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().replace(/^l /, "left ").replace(/^r /, "right ").replace(/^lhand$/, "left hand").replace(/^rhand$/, "right hand").replace(/^l(?=shoulder|elbow|wrist|hip|knee|ankle)/, "left ").replace(/^r(?=shoulder|elbow|wrist|hip|knee|ankle)/, "right ");
  return name.replace("Shoulder", "Sh").replace("Elbow", "El").replace("Wrist", "Wr").replace("Ankle", "An").replace("Pitch", "P").replace("Roll", "R").replace("Yaw", "Y");
}

class Strips {
  constructor(content, overview, lane) {
    this.content = content;
    this.overview = overview;
    this.lane = lane;
    this.wave = content.waveform && {
      rate: content.waveform.rate,
      peak: bytesOf(content.waveform.peak),
      effective: bytesOf(content.waveform.effective),
    };
    this.whole = [content.times.start, content.times.end];
    this.shown = [...this.whole];
    this.limit = "velocity";
    this.loop = null;
    this.pictures = {};
    for (const name of ["velocity", "acceleration"]) this.pictures[name] = this.heat(name);
  }

  // A picture of shares, a pixel a cell.
  heat(name) {
    const { strips } = this.content;
    if (!strips[name] || !strips.joints.length) return null;
    const shares = bytesOf(strips[name]);
    const canvas = document.createElement("canvas");
    canvas.width = strips.cells.count;
    canvas.height = strips.joints.length;
    const pen = canvas.getContext("2d");
    const picture = pen.createImageData(canvas.width, canvas.height);
    const table = Array.from({ length: 256 }, (_, i) => cividis(i / PER_SHARE));
    shares.forEach((share, i) => picture.data.set([...table[share], 255], 4 * i));
    pen.putImageData(picture, 0, 0);
    return { canvas, shares };
  }

  cell(time) {
    const { start, width, count } = this.content.strips.cells;
    return clamp(Math.floor((time - start) / width), 0, count - 1);
  }

  share(joint, time, name = this.limit) {
    return this.pictures[name].shares[joint * this.content.strips.cells.count + this.cell(time)] / PER_SHARE;
  }

  get narrow() {
    return this.lane.clientWidth < 640;
  }

  get gutters() {
    return this.narrow ? [52, 40] : [132, 62];
  }

  rows() {
    const { strips } = this.content;
    const rows = [{ kind: "beats", height: strips.hits ? 34 : 20 }];
    if (this.wave && this.zoomed) rows.push({ kind: "wave", height: 44 });
    if (this.pictures[this.limit]) {
      rows.push({ kind: "heat", height: strips.joints.length * (this.narrow ? 9 : 10) });
    }
    const height = this.narrow ? 40 : 46;
    const line = (name, label, unit, series) => ({ kind: "line", name, label, unit, series, height });
    if (strips.error) {
      const { start, width, after, before } = strips.error;
      rows.push(line("error", this.narrow ? "arms off" : "arms off the dancer's", "\u00b0", [[before, "peak", start, width], [after, "blue", start, width]]));
    }
    if (strips.cells) {
      const { start, width } = strips.cells;
      rows.push(line("clearance", this.narrow ? "closest" : "closest parts", " mm", [[strips.clearance, "blue", start, width]]));
      rows.push(line("zmp", this.narrow ? "in soles" : "inside the soles", " mm", [[strips.com, "com", start, width], [strips.zmp, "blue", start, width]]));
    }
    return rows;
  }

  get zoomed() {
    return this.shown[1] - this.shown[0] < this.whole[1] - this.whole[0] - 1e-6;
  }

  resize() {
    themed = null;
    this.drawOverview();
    this.drawLane();
  }

  pen(canvas, height) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = canvas.parentElement.clientWidth;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return pen;
  }

  span(lane) {
    const [left, right] = this.gutters;
    return [left, lane.clientWidth - right];
  }

  x(time, lane, [begin, end]) {
    const [left, right] = this.span(lane);
    return left + ((time - begin) / (end - begin)) * (right - left);
  }

  time(x, lane) {
    const [begin, end] = lane === this.overview ? this.whole : this.shown;
    const [left, right] = this.span(lane);
    return clamp(begin + ((x - left) / (right - left)) * (end - begin), ...this.whole);
  }

  drawOverview() {
    const height = this.narrow ? 58 : 68;
    const pen = this.pen(this.overview.querySelector("canvas"), height);
    const colour = themeColours();
    const [left, right] = this.span(this.overview);
    this.drawBeats(pen, this.overview, this.whole, 10, height, false);
    this.drawWave(pen, this.overview, this.whole, 12, height - 12);
    this.drawMarks(pen, this.overview, this.whole, 0, 7);
    if (this.loop) {
      const [a, b] = this.loop.map((t) => this.x(clamp(t, ...this.whole), this.overview, this.whole));
      pen.fillStyle = colour.blue;
      pen.globalAlpha = 0.18;
      pen.fillRect(a, 10, b - a, height - 10);
      pen.globalAlpha = 1;
    }
    if (this.zoomed) {
      const [a, b] = this.shown.map((t) => this.x(t, this.overview, this.whole));
      pen.fillStyle = colour.shade;
      pen.fillRect(left, 10, a - left, height - 10);
      pen.fillRect(b, 10, right - b, height - 10);
      pen.strokeStyle = colour.blue;
      pen.strokeRect(a, 10.5, b - a, height - 11);
    }
    this.label(pen, this.wave ? "song" : "no song", height / 2 + 4);
    if (this.content.marks.length) this.label(pen, "gave way", 8, 9);
  }

  drawWave(pen, lane, [begin, end], top, height) {
    if (!this.wave) return;
    const colour = themeColours();
    const [left, right] = this.span(lane);
    const middle = top + height / 2;
    for (const [values, name] of [[this.wave.peak, "peak"], [this.wave.effective, "wave"]]) {
      pen.fillStyle = colour[name];
      for (let x = Math.floor(left); x < right; x++) {
        const cells = [x, x + 1].map((at) => (begin + ((at - left) / (right - left)) * (end - begin) - this.whole[0]) * this.wave.rate);
        let most = 0;
        const last = Math.min(Math.max(cells[1], Math.floor(cells[0]) + 1), values.length);
        for (let k = Math.max(Math.floor(cells[0]), 0); k < last; k++) most = Math.max(most, values[k]);
        const size = Math.max((most / 255) * height, 0.6);
        pen.fillRect(x, middle - size / 2, 1, size);
      }
    }
  }

  drawBeats(pen, lane, [begin, end], top, bottom, numbered) {
    const { at, number } = this.content.beats;
    const colour = themeColours();
    const [left, right] = this.span(lane);
    const gap = ((right - left) / Math.max(at.length, 1)) * ((this.whole[1] - this.whole[0]) / (end - begin));
    let said = -Infinity;
    let bar = 0;
    at.forEach((time, i) => {
      const first = number[i] === 1;
      bar += first;
      if (time < begin || time > end || (!first && gap < 5)) return;
      const x = Math.round(this.x(time, lane, [begin, end])) + 0.5;
      pen.strokeStyle = first ? colour.bar : colour.beat;
      pen.globalAlpha = first && gap < 5 ? 0.45 : 1;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x, top);
      pen.lineTo(x, bottom);
      pen.stroke();
      pen.globalAlpha = 1;
      if (numbered && first && x - said > 26) {
        pen.fillStyle = colour.soft;
        pen.font = "10px system-ui, sans-serif";
        pen.textAlign = "left";
        pen.fillText(String(bar), x + 3, top + 9);
        said = x;
      }
    });
  }

  drawMarks(pen, lane, window, top, height) {
    const colour = themeColours();
    for (const mark of this.content.marks) {
      const [a, b] = [mark.from, mark.to].map((t) => this.x(clamp(t, ...window), lane, window));
      if (mark.to < window[0] || mark.from > window[1]) continue;
      pen.fillStyle = colour[mark.kind];
      pen.fillRect(a, top, Math.max(b - a, 3), height);
    }
  }

  label(pen, text, y, size = 11) {
    pen.fillStyle = themeColours().soft;
    pen.font = `${size}px system-ui, sans-serif`;
    pen.textAlign = "right";
    pen.fillText(text, this.gutters[0] - 7, y);
  }

  drawLane() {
    this.laid = this.rows();
    const total = this.laid.reduce((sum, row) => sum + row.height + 7, 0);
    const pen = this.pen(this.lane.querySelector("canvas"), total);
    this.pen(this.lane.querySelector(".now"), total);
    let top = 0;
    for (const row of this.laid) {
      row.top = top;
      if (row.kind !== "heat") this.drawBeats(pen, this.lane, this.shown, top, top + row.height, row.kind === "beats");
      this[`draw_${row.kind}`](pen, row);
      top += row.height + 7;
    }
    const colour = themeColours();
    pen.globalAlpha = 0.16;
    for (const mark of this.content.marks) {
      if (mark.to < this.shown[0] || mark.from > this.shown[1]) continue;
      const [a, b] = [mark.from, mark.to].map((t) => this.x(clamp(t, ...this.shown), this.lane, this.shown));
      pen.fillStyle = colour[mark.kind];
      pen.fillRect(a, 0, Math.max(b - a, 2), total);
    }
    pen.globalAlpha = 1;
  }

  draw_beats(pen, row) {
    const { hits } = this.content.strips;
    const colour = themeColours();
    if (!hits) {
      this.label(pen, "bars", row.top + 13);
      return;
    }
    this.label(pen, this.narrow ? "on beat" : "hands on the beat", row.top + 27);
    hits.at.forEach((time, i) => {
      if (time < this.shown[0] || time > this.shown[1] || !(hits.dancer[i] || hits.robot[i])) return;
      const x = this.x(time, this.lane, this.shown);
      pen.beginPath();
      pen.arc(x, row.top + 24, 3.1, 0, 2 * Math.PI);
      pen.strokeStyle = pen.fillStyle = hits.robot[i] ? colour.blue : colour.orange;
      pen.lineWidth = 1.4;
      if (hits.robot[i]) pen.fill();
      else pen.stroke();
    });
  }

  draw_wave(pen, row) {
    this.drawWave(pen, this.lane, this.shown, row.top, row.height);
    this.label(pen, "song", row.top + row.height / 2 + 4);
  }

  draw_heat(pen, row) {
    const { strips } = this.content;
    const { canvas } = this.pictures[this.limit];
    const { start, width } = strips.cells;
    const [left, right] = this.span(this.lane);
    pen.imageSmoothingEnabled = false;
    const [a, b] = this.shown.map((t) => (t - start) / width);
    pen.save();
    pen.beginPath();
    pen.rect(left, row.top, right - left, row.height);
    pen.clip();
    const cells = (right - left) / (b - a);
    pen.drawImage(canvas, left - a * cells, row.top, canvas.width * cells, row.height);
    pen.restore();
    const each = row.height / strips.joints.length;
    strips.joints.forEach((name, j) => this.label(pen, shortName(name, this.narrow), row.top + (j + 0.5) * each + 3, this.narrow ? 8.5 : 9.5));
  }

  draw_line(pen, row) {
    const colour = themeColours();
    const all = row.series.flatMap(([values]) => values);
    row.high = Math.max(5, ...all.map((v) => Math.min(v, 120))) * 1.08;
    row.low = Math.min(0, ...all.map((v) => Math.max(v, -20)));
    const [left, right] = this.span(this.lane);
    const y = (value) => row.top + row.height * (1 - (clamp(value, row.low, row.high) - row.low) / (row.high - row.low));
    row.series.forEach(([values, name, start, width], which) => {
      const [a, b] = this.shown.map((t) => (t - start) / width);
      pen.beginPath();
      let first = true;
      const stride = Math.max(1, Math.floor((b - a) / (2 * (right - left))));
      for (let k = Math.max(0, Math.floor(a)); k < Math.min(values.length, b + 1); k += stride) {
        const x = this.x(start + (k + 0.5) * width, this.lane, this.shown);
        if (x < left || x > right) continue;
        if (first) pen.moveTo(x, y(values[k]));
        else pen.lineTo(x, y(values[k]));
        first = false;
      }
      pen.strokeStyle = colour[name];
      pen.lineWidth = which === row.series.length - 1 ? 1.5 : 1.2;
      pen.stroke();
    });
    pen.fillStyle = row.low < 0 ? colour.red : colour.line;
    pen.fillRect(left, y(0), right - left, 1);
    this.label(pen, row.label, row.top + row.height / 2 + 4);
    pen.textAlign = "left";
    pen.font = "9px system-ui, sans-serif";
    pen.fillText(`${(row.high / 1.08).toFixed(0)}${row.unit}`, left + 3, row.top + 8);
  }

  // The column of present values, right of the strips.
  drawNow(time) {
    const canvas = this.lane.querySelector(".now");
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const pen = canvas.getContext("2d");
    const colour = themeColours();
    const [, right] = this.span(this.lane);
    const width = this.gutters[1] - 8;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(right, 0, width + 8, canvas.height);
    pen.textAlign = "left";
    for (const row of this.laid) {
      if (row.kind === "heat") {
        const each = row.height / this.content.strips.joints.length;
        this.content.strips.joints.forEach((_, j) => {
          const share = this.share(j, time);
          pen.fillStyle = colour.shade;
          pen.fillRect(right + 6, row.top + j * each + 1.5, width, each - 3);
          pen.fillStyle = share > 1.000001 ? colour.red : colour.blue;
          pen.fillRect(right + 6, row.top + j * each + 1.5, width * Math.min(share, 1), each - 3);
        });
      } else if (row.kind === "line") {
        const [values, , start, step] = row.series[row.series.length - 1];
        const value = values[clamp(Math.floor((time - start) / step), 0, values.length - 1)];
        pen.fillStyle = colour.ink;
        pen.font = `${this.narrow ? 10 : 12}px system-ui, sans-serif`;
        pen.fillText(`${value.toFixed(value < 10 ? 1 : 0)}${row.unit}`, right + 6, row.top + row.height / 2 + 4);
      }
    }
  }

  // Put the cursors; the window turns a page when the moment leaves it.
  follow(time) {
    if (time < this.shown[0] || time > this.shown[1]) {
      const length = this.shown[1] - this.shown[0];
      const begin = clamp(time - 0.08 * length, this.whole[0], Math.max(this.whole[1] - length, this.whole[0]));
      this.show(begin, begin + length);
    }
    for (const [lane, window] of [[this.overview, this.whole], [this.lane, this.shown]]) {
      lane.querySelector(".cursor").style.transform = `translateX(${this.x(time, lane, window)}px)`;
    }
    this.drawNow(time);
  }

  show(begin, end) {
    this.shown = [Math.max(begin, this.whole[0]), Math.min(end, this.whole[1])];
    this.drawOverview();
    this.drawLane();
  }

  zoom(factor, time) {
    const all = this.whole[1] - this.whole[0];
    const length = clamp((this.shown[1] - this.shown[0]) * factor, Math.min(4, all), all);
    const place = clamp((time - this.shown[0]) / (this.shown[1] - this.shown[0]), 0, 1);
    const begin = clamp(time - place * length, this.whole[0], this.whole[1] - length);
    this.show(begin, begin + length);
  }
}
