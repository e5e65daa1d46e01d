// Numbers along the dance, as tracks.py packs them.

function bytesOf(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

// Variable-length zigzag integers.
function integersOf(text) {
  const bytes = bytesOf(text);
  const numbers = [];
  let value = 0;
  let scale = 1;
  for (const byte of bytes) {
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) {
      numbers.push(value % 2 ? -(value + 1) / 2 : value / 2);
      value = 0;
      scale = 1;
    }
  }
  return numbers;
}

class Track {
  constructor(packed) {
    this.start = packed.start;
    this.rate = packed.rate;
    this.count = packed.count;
    this.channels = packed.rest.length;
    this.values = new Float32Array(this.count * this.channels);
    for (let i = 0; i < this.values.length; i++) this.values[i] = packed.rest[i % this.channels];
    const numbers = integersOf(packed.data);
    packed.moving.forEach((channel, place) => {
      let value = 0;
      let difference = 0;
      for (let k = 0; k < this.count; k++) {
        const number = numbers[place * this.count + k];
        if (k === 0) value = number;
        else {
          difference += number;
          value += difference;
        }
        this.values[k * this.channels + channel] = value * packed.step;
      }
    });
    this.now = new Float64Array(this.channels);
  }

  // All channels at a moment, by cubics through the samples (Catmull-Rom).
  at(time) {
    const place = Math.min(Math.max((time - this.start) * this.rate, 0), this.count - 1);
    const k = Math.min(Math.floor(place), Math.max(this.count - 2, 0));
    const u = place - k;
    const row = (i) => Math.min(Math.max(i, 0), this.count - 1) * this.channels;
    const [a, b, c, d] = [row(k - 1), row(k), row(k + 1), row(k + 2)];
    for (let j = 0; j < this.channels; j++) {
      const p = this.values[a + j];
      const q = this.values[b + j];
      const r = this.values[c + j];
      const s = this.values[d + j];
      const cubic = 2 * q + u * (r - p + u * (2 * p - 5 * q + 4 * r - s + u * (3 * (q - r) + s - p)));
      this.now[j] = 0.5 * cubic;
    }
    return this.now;
  }
}

// Where in rising numbers a value is: how many are not above it.
function countUpTo(rising, value) {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
