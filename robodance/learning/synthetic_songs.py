"""Songs whose every beat is known, drawn and rendered on the fly.

A song is drawn from a seed: tempo (60 to 200, evenly in the logarithm), metre, swing,
drift, who plays, which patterns, how it is mixed and recorded. Half of the parts play
the patterns that dances are known by, half play patterns drawn by metrical weight. All of
it is numpy: no sample, no recording.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from robodance.values import FloatArray

__all__ = ["PARTS", "KnownSong", "compose"]

RATE_HZ = 22_050
SLOWEST_BPM, FASTEST_BPM = 60.0, 200.0

Signal = NDArray[np.float32]

# What dances are known by: for each part a bar in sixteenths of its beats, x loud, o soft.
PARTS: dict[int, tuple[dict[str, str], ...]] = {
    4: (
        {"kick": "x.......x.......", "snare": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
        {"kick": "x...x...x...x...", "clap": "....x.......x...", "hat": "..x...x...x...x."},
        {"kick": "x.........x.....", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
        {"bell": "x...x...x...x...", "skin": "....x.......x.x.", "shaker": "x.oox.oox.oox.oo"},
        {"clave": "x.....x.....x...", "skin": "..o.x..o..o.x.o.", "shaker": "x.o.x.o.x.o.x.o."},
        {"clave": "x..x..x...x.x...", "kick": "x.....x.x.....x.", "shaker": "xoooxoooxoooxooo"},
        {"skin": "x.o.o.o.x.o.o.o.", "kick": "x...............", "clave": "x.....x...x....."},
        {"snare": "x...x...x...x.o.", "kick": "x...x...x...x..."},
        {"skin": "x..x..x.x..x..x.", "kick": "x.......x......."},
        {"hat": "x...x..xx...x..x", "kick": "x.......x......."},
        {},
    ),
    3: (
        {"kick": "x...........", "snare": "....o...o..."},
        {"kick": "x...........", "hat": "....x...x...", "bell": "x..........."},
        {"kick": "x...........", "hat": "x.o.x.o.x.o.", "snare": "........x..."},
        {"skin": "x...o...o.o.", "shaker": "x.o.x.o.x.o."},
        {},
    ),
    2: (
        {"kick": "x...x...", "snare": "..x...x."},
        {"kick": "x...x...", "skin": "x..x..x.", "shaker": "xoooxooo"},
        {},
    ),
}
_BASS = {4: ("x...x...x...x...", "x.......x.......", "x..x....x..x....", "x.....x.x.....x."),
         3: ("x...........", "x...x...x...", "x.......x..."),
         2: ("x...x...", "x..x..x.", "x.......")}  # fmt: skip
_CHORDS = {4: ("x...............", "..x...x...x...x.", "x...x...x...x...", "x..x..x.x..x..x.",
               "....x.......x...", "x.x.x.x.x.x.x.x."),
           3: ("x...........", "....x...x...", "x...x...x...", "x.x.x.x.x.x."),
           2: ("x.......", "..x...x.", "x...x...")}  # fmt: skip
_WEIGHT = {1: 0.9, 2: 0.6, 3: 0.22, 4: 0.08}  # downbeat, beat, eighth, sixteenth


@dataclass(frozen=True)
class KnownSong:
    """A rendered song with the truth about it.

    Attributes:
        samples: Shape (N,), 22,050 Hz, peak 1.
        beats_s: Every beat, from before the first sample to after the last.
        beats_per_bar: 2, 3 or 4.
        tempo_bpm: The drawn tempo; a drifting song wanders around it.
        onsets_s: Where something begins to sound that is not faint.
    """

    samples: Signal = field(repr=False)
    beats_s: FloatArray = field(repr=False)
    beats_per_bar: int
    tempo_bpm: float
    onsets_s: FloatArray = field(repr=False)


def compose(seed: Sequence[int], *, duration_s: float = 5.0) -> KnownSong:
    """Draw and render a song; the same seed gives the same samples.

    Args:
        seed: Non-negative numbers that decide everything.
        duration_s: Length; the music begins before it and goes on after it.
    """
    rng = np.random.default_rng(list(seed))
    octaves = np.log2(FASTEST_BPM / SLOWEST_BPM)
    tempo_bpm = float(SLOWEST_BPM * 2.0 ** rng.uniform(0.0, octaves))
    per_bar = int(rng.choice([4, 4, 4, 3, 3, 2]))
    clock = _Clock(rng, tempo_bpm, per_bar, duration_s)
    band = _Band(rng, clock, round(duration_s * RATE_HZ))
    band.play()
    samples = _recorded(band.sound, rng)
    return KnownSong(samples, clock.beats_s, per_bar, tempo_bpm, np.unique(band.onsets_s))


class _Clock:
    """Which moment each place of the music is."""

    def __init__(
        self, rng: np.random.Generator, tempo_bpm: float, per_bar: int, duration_s: float
    ) -> None:
        self.per_bar, beat_s = per_bar, 60.0 / tempo_bpm
        first = -beat_s * per_bar * rng.uniform(1.0, 2.0)
        count = int((duration_s - first) / (0.9 * beat_s)) + per_bar + 2
        drift = rng.choice([0.0, 0.0, 0.02, 0.05]) * np.sin(
            np.arange(count) * beat_s * 2.0 * np.pi / rng.uniform(8.0, 40.0) + rng.uniform(0.0, 6.0)
        )
        jitter = rng.choice([0.0, 0.004, 0.01]) * rng.normal(size=count)
        lengths = beat_s / (1.0 + drift)
        self.beats_s = first + np.concatenate([[0.0], np.cumsum(lengths[:-1])])
        self.played_s = self.beats_s + jitter  # people are not exact
        self.swing = float(rng.choice([0.5, 0.5, 0.5, rng.uniform(0.55, 0.67)]))

    def sixteenth(self, number: int) -> float:
        """Return the second of a sixteenth, counted from the first beat; eighths swing."""
        beat, part = divmod(number, 4)
        beat = min(beat, len(self.played_s) - 2)
        share = (0.0, 0.5 * self.swing, self.swing, 0.5 + 0.5 * self.swing)[part]
        return float((1 - share) * self.played_s[beat] + share * self.played_s[beat + 1])


class _Band:
    """Everybody who plays."""

    def __init__(self, rng: np.random.Generator, clock: _Clock, length: int) -> None:
        self.rng, self.clock = rng, clock
        self.sound: Signal = np.zeros(length, dtype=np.float32)
        self.onsets_s: list[float] = []
        self.bar = 4 * clock.per_bar  # sixteenths
        self.count = 4 * (len(clock.beats_s) - 1)
        self.beat_s = float(np.median(np.diff(clock.beats_s)))
        self.key = int(rng.integers(38, 50))
        self.chords = rng.choice([0, 2, 3, 5, 7, 8, 9, 10], size=4)
        self.every = int(rng.choice([1, 1, 2]))  # bars on a chord

    def play(self) -> None:
        """Fill the song."""
        rng = self.rng
        kits = PARTS[self.clock.per_bar]
        parts = dict(kits[rng.integers(len(kits))])
        if parts and rng.random() < 0.35:
            parts = {name: self._drawn() for name in parts}
        elif rng.random() < 0.3:
            parts[str(rng.choice(["hat", "shaker", "bell", "skin"]))] = self._drawn()
        for name, pattern in parts.items():
            self._drum(name, pattern)
        tuned = 0.9 if parts else 1.0
        if rng.random() < tuned:
            self._bass(self._pattern(_BASS))
        if rng.random() < tuned:
            self._harmony(self._pattern(_CHORDS))
        if rng.random() < 0.5:
            self._melody()

    def _pattern(self, table: dict[int, tuple[str, ...]]) -> str:
        known = table[self.clock.per_bar]
        return self._drawn() if self.rng.random() < 0.3 else known[self.rng.integers(len(known))]

    def _drawn(self) -> str:
        """Draw a bar: the stronger a place, the likelier it sounds."""
        level = [1 if i == 0 else 2 if i % 4 == 0 else 3 if i % 2 == 0 else 4
                 for i in range(self.bar)]  # fmt: skip
        busy = self.rng.uniform(0.6, 1.6)
        chance = np.array([_WEIGHT[k] for k in level]) * busy
        hits = self.rng.random(self.bar) < chance
        hits[0] |= not hits.any()
        return "".join(
            "." if not hit else "x" if place < 3 else "o"
            for hit, place in zip(hits, level, strict=True)
        )

    def _put(self, tone: Signal, second: float, level: float, *, heard: bool = True) -> None:
        at = round(second * RATE_HZ)
        skip = max(0, -at)
        tone = tone[skip : skip + max(0, len(self.sound) - max(at, 0))]
        if tone.size:
            self.sound[max(at, 0) : max(at, 0) + tone.size] += np.float32(level) * tone
        if heard and level > 0.1:
            self.onsets_s.append(second)

    def _hits(self, pattern: str) -> list[tuple[int, float]]:
        loud = {"x": 1.0, "o": 0.5}
        return [
            (start + place, loud[mark] * (1.15 if place == 0 else 1.0))
            for start in range(0, self.count, self.bar)
            for place, mark in enumerate(pattern)
            if mark != "." and start + place < self.count
        ]

    def _drum(self, name: str, pattern: str) -> None:
        rng = self.rng
        sounds = [_DRUMS[name](rng) for _ in range(2)]
        loud = {"kick": 1.0, "snare": 0.7, "clap": 0.6, "skin": 0.6}.get(name, 0.3)
        loud *= rng.uniform(0.5, 1.3)
        for place, strength in self._hits(pattern):
            level = loud * strength * rng.uniform(0.85, 1.15)
            self._put(sounds[int(rng.random() < 0.5)], self.clock.sixteenth(place), level)

    def _root(self, place: int) -> int:
        bar = place // (self.bar * self.every)
        return self.key + int(self.chords[bar % 4])

    def _bass(self, pattern: str) -> None:
        voice = _Voice(
            self.rng, bright=self.rng.uniform(1.3, 2.2), decay=self.rng.uniform(1.0, 7.0)
        )
        loud, fifth = self.rng.uniform(0.25, 0.7), self.rng.random() < 0.4
        for count, (place, strength) in enumerate(self._hits(pattern)):
            pitch = self._root(place) - 12 + (7 if fifth and count % 2 else 0)
            tone = voice.tone(pitch, self.beat_s * 0.8)
            self._put(tone, self.clock.sixteenth(place), loud * strength)

    def _harmony(self, pattern: str) -> None:
        rng = self.rng
        struck = rng.random() < 0.7
        voice = _Voice(
            rng,
            bright=rng.uniform(0.9, 1.8),
            decay=rng.uniform(2.0, 9.0) if struck else rng.uniform(0.1, 0.8),
            attack_s=rng.uniform(0.002, 0.012) if struck else rng.uniform(0.02, 0.12),
        )
        length = float(rng.choice([0.3, 0.6, 1.0, 2.0])) * self.beat_s
        third = int(rng.choice([3, 4]))
        loud, broken = rng.uniform(0.08, 0.25), rng.random() < 0.3
        for count, (place, strength) in enumerate(self._hits(pattern)):
            root = self._root(place) + 12
            triad = (root, root + third, root + 7)
            for pitch in (triad[count % 3],) if broken else triad:
                level = loud * strength * (1.6 if broken else 1.0)
                self._put(voice.tone(pitch, length), self.clock.sixteenth(place), level)

    def _melody(self) -> None:
        rng = self.rng
        voice = _Voice(rng, bright=rng.uniform(1.0, 2.0), decay=rng.uniform(0.2, 4.0),
                       attack_s=rng.uniform(0.005, 0.05), vibrato=rng.random() < 0.5)  # fmt: skip
        scale, degree, loud = (0, 2, 4, 5, 7, 9, 11), 7, rng.uniform(0.1, 0.35)
        density = rng.uniform(0.2, 0.8)
        for place in range(0, self.count, 2):
            strong = 1.3 if place % 4 == 0 else 0.7
            if rng.random() < density * strong:
                degree = int(np.clip(degree + rng.integers(-2, 3), 0, 14))
                pitch = self.key + 24 + 12 * (degree // 7) + scale[degree % 7]
                length = float(rng.choice([0.4, 0.4, 0.9])) * self.beat_s
                self._put(voice.tone(pitch, length), self.clock.sixteenth(place), loud)


class _Voice:
    """An instrument that plays notes: harmonics that fade, an attack, perhaps a vibrato."""

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        bright: float,
        decay: float,
        attack_s: float = 0.004,
        vibrato: bool = False,
    ) -> None:
        k = np.arange(1, 11)
        colour = 1.0 / k**bright * rng.uniform(0.3, 1.0, size=10)
        colour[1::2] *= rng.choice([1.0, 0.2])  # a clarinet lacks the even ones
        self.colour, self.decay, self.attack_s = colour / np.abs(colour).sum(), decay, attack_s
        self.vibrato = float(rng.uniform(0.002, 0.008)) if vibrato else 0.0
        self.phases = rng.uniform(0.0, 2.0 * np.pi, size=10)
        self.tones: dict[tuple[int, int], Signal] = {}
        t = np.arange(2048) / 2048.0
        waves = [
            c * np.sin(2 * np.pi * n * t + p)
            for n, c, p in zip(k, self.colour, self.phases, strict=True)
        ]
        self.wave = {top: np.sum(waves[:top], axis=0) for top in (3, 6, 10)}

    def tone(self, midi: int, seconds: float) -> Signal:
        """Return a note; the same again comes from memory."""
        key = (midi, round(seconds * RATE_HZ))
        if key not in self.tones:
            self.tones[key] = self._rendered(*key)
        return self.tones[key]

    def _rendered(self, midi: int, length: int) -> Signal:
        t = np.arange(max(length, 64)) / RATE_HZ
        hertz = 440.0 * 2.0 ** ((midi - 69) / 12.0)
        cycles = hertz * t
        if self.vibrato:
            cycles += hertz * self.vibrato * np.sin(2 * np.pi * 5.5 * t) / (2 * np.pi * 5.5)
        table = self.wave[10 if hertz < 900 else 6 if hertz < 1500 else 3]
        tone = table[(cycles * 2048).astype(np.int64) % 2048]
        tone *= np.exp(-self.decay * t) * np.minimum(1.0, t / self.attack_s)
        tail = min(len(t), 300)
        tone[-tail:] *= np.linspace(1.0, 0.0, tail)
        return np.asarray(tone, dtype=np.float32)


def _kick(rng: np.random.Generator) -> Signal:
    t = np.arange(int(0.25 * RATE_HZ)) / RATE_HZ
    low, sweep = rng.uniform(42, 70), rng.uniform(1.0, 5.0)
    tone = np.sin(2 * np.pi * (low * t + sweep * (1 - np.exp(-t / 0.02))))
    return _single(tone * np.exp(-rng.uniform(8, 25) * t))


def _snare(rng: np.random.Generator) -> Signal:
    body = np.arange(int(0.2 * RATE_HZ)) / RATE_HZ
    ring = np.sin(2 * np.pi * rng.uniform(150, 260) * body) * np.exp(-25 * body)
    return _single(_noise(rng, 0.2, rng.uniform(14, 40), 300, 9000) + rng.uniform(0, 0.8) * ring)


def _skin(rng: np.random.Generator) -> Signal:
    t = np.arange(int(0.25 * RATE_HZ)) / RATE_HZ
    hertz = rng.uniform(110, 420)
    ring = np.sin(2 * np.pi * hertz * (t + 0.01 * (1 - np.exp(-t / 0.02)))) * np.exp(
        -rng.uniform(10, 30) * t
    )
    return _single(ring + rng.uniform(0.05, 0.5) * _noise(rng, 0.25, 80, 900, 6000))


def _bell(rng: np.random.Generator) -> Signal:
    t = np.arange(int(0.25 * RATE_HZ)) / RATE_HZ
    hertz = rng.uniform(500, 1100)
    both = np.sin(2 * np.pi * hertz * t) + np.sin(2 * np.pi * 1.51 * hertz * t)
    return _single(both * np.exp(-rng.uniform(12, 35) * t))


def _clave(rng: np.random.Generator) -> Signal:
    t = np.arange(int(0.08 * RATE_HZ)) / RATE_HZ
    return _single(np.sin(2 * np.pi * rng.uniform(1500, 2800) * t) * np.exp(-60 * t))


def _hat(rng: np.random.Generator) -> Signal:
    return _single(_noise(rng, 0.1, rng.uniform(25, 90), rng.uniform(4000, 7000), 10_500))


def _shaker(rng: np.random.Generator) -> Signal:
    sound = _noise(rng, 0.12, 35, 3000, 9500)
    rise = int(rng.uniform(0.002, 0.02) * RATE_HZ)
    sound[:rise] *= np.linspace(0.0, 1.0, rise)
    return _single(sound)


def _clap(rng: np.random.Generator) -> Signal:
    return _single(_noise(rng, 0.15, rng.uniform(20, 45), 800, 4500))


_DRUMS: dict[str, Callable[[np.random.Generator], Signal]] = {
    "kick": _kick,
    "snare": _snare,
    "skin": _skin,
    "bell": _bell,
    "clave": _clave,
    "hat": _hat,
    "shaker": _shaker,
    "clap": _clap,
}


def _noise(
    rng: np.random.Generator, seconds: float, decay: float, low_hz: float, high_hz: float
) -> FloatArray:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    band = scipy.signal.butter(1, [low_hz, high_hz], "bandpass", fs=RATE_HZ)
    return np.asarray(scipy.signal.lfilter(*band, rng.normal(size=t.size)) * np.exp(-decay * t))


def _single(sound: FloatArray) -> Signal:
    return np.asarray(sound / max(float(np.abs(sound).max()), 1e-9), dtype=np.float32)


def _recorded(sound: Signal, rng: np.random.Generator) -> Signal:
    """Return the sound in a room, driven, with noise, peak 1."""
    if rng.random() < 0.3:
        t = np.arange(int(rng.uniform(0.1, 0.4) * RATE_HZ)) / RATE_HZ
        room = rng.normal(size=t.size) * np.exp(-6.0 * t / t[-1])
        room[0] = 0.0
        room *= rng.uniform(0.1, 0.5) / np.sqrt(np.sum(room**2))
        sound = sound + scipy.signal.oaconvolve(sound, room)[: sound.size]
    peak = max(float(np.abs(sound).max()), 1e-9)
    if rng.random() < 0.3:
        drive = rng.uniform(1.0, 4.0)
        sound, peak = np.tanh(drive / peak * sound), 1.0
    if rng.random() < 0.5:
        level = np.sqrt(np.mean(np.square(sound))) * 10.0 ** (-rng.uniform(8.0, 40.0) / 20.0)
        sound = sound + level * rng.normal(size=sound.size)
    return np.asarray(sound / max(float(np.abs(sound).max()), peak * 1e-3), dtype=np.float32)
