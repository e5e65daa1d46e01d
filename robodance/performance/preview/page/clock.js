// The one clock. With a song it is the player's, from the lead-in (silence in the song track)
// to the end; without one it is the computer's.

class Clock {
  constructor(times, song) {
    this.start = times.start;
    this.end = times.end;
    this.rate = 1;
    this.playing = false;
    this.loop = null;
    this.held = times.start; // where it stands while it does not run
    this.since = 0;
    this.audio = null;
    this.onchange = () => {};
    this.onfailure = () => {};
    if (song) this.open(song);
  }

  open(song) {
    const audio = document.createElement("audio");
    audio.preload = "auto";
    audio.preservesPitch = audio.webkitPreservesPitch = audio.mozPreservesPitch = true;
    audio.addEventListener("ended", () => this.finish());
    audio.addEventListener("pause", () => {
      // Told late: by then it may play again. What counts is what it does now.
      if (this.playing && audio.paused && !audio.ended) this.pause();
    });
    audio.addEventListener("error", () => {
      this.held = this.now();
      this.audio = null;
      this.since = performance.now();
      this.onfailure();
    });
    // A Blob, since some browsers do not find their place in a data: address.
    audio.src = URL.createObjectURL(new Blob([bytesOf(song)], { type: "audio/mp4" }));
    this.audio = audio;
  }

  now() {
    if (!this.playing) return this.held;
    if (this.audio) return clamp(this.heard(), this.start, this.end);
    const passed = ((performance.now() - this.since) / 1000) * this.rate;
    return Math.min(this.held + passed, this.end);
  }

  // The player's own time; between its ticks, which are coarse in some browsers, the computer's.
  heard() {
    const ticked = this.audio.currentTime;
    const stamp = performance.now();
    if (ticked !== this.ticked || this.audio.paused || this.audio.seeking) {
      this.ticked = ticked;
      this.stamp = stamp;
    }
    const passed = Math.min(((stamp - this.stamp) / 1000) * this.rate, 0.03);
    return this.start + ticked + (this.audio.readyState > 2 ? passed : 0);
  }

  play() {
    if (this.playing) return;
    if (this.held >= this.end - 0.02) this.seek(this.start);
    this.playing = true;
    this.since = performance.now();
    if (this.audio) {
      const place = this.held - this.start;
      if (Math.abs(this.audio.currentTime - place) > 0.01) this.audio.currentTime = place;
      this.audio.playbackRate = this.rate;
      this.audio.play().catch(() => this.audio && this.audio.paused && this.pause());
    }
    this.onchange();
  }

  pause() {
    if (!this.playing) return;
    this.held = this.now();
    this.playing = false;
    if (this.audio) {
      this.audio.pause();
      this.held = clamp(this.start + this.audio.currentTime, this.start, this.end);
    }
    this.onchange();
  }

  finish() {
    this.playing = false;
    this.held = this.end;
    this.onchange();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  seek(time) {
    this.held = clamp(time, this.start, this.end);
    this.since = performance.now();
    if (this.audio) this.audio.currentTime = this.held - this.start;
    this.onchange();
  }

  setRate(rate) {
    this.held = this.now();
    this.since = performance.now();
    this.rate = rate;
    if (this.audio) this.audio.playbackRate = rate;
    this.onchange();
  }

  // Called for each picture: what happens at the end, and at the end of a loop.
  tick() {
    const time = this.now();
    if (this.playing && this.loop && time >= this.loop[1]) this.seek(this.loop[0]);
    else if (this.playing && !this.audio && time >= this.end) this.finish();
    return this.now();
  }
}
