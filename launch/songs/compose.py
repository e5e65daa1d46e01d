"""Compose and render the demo songs: one of each dance, our own, with exactly known beats.

    python launch/songs/compose.py [FOLDER]

writes ``cha-cha.ogg``, ``rumba.ogg``, ``tango.ogg`` and ``waltz.ogg``, and beside each a
``.beats.txt`` (seconds, number in the bar). Everything is synthesised here with numpy: no
sample, no recording. The notes are below; ``C4:1`` is a middle C of one beat, ``-`` a rest,
``C4+E4+G4`` a chord, ``|`` a bar line for the eye.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
from numpy.typing import NDArray

RATE_HZ = 32_000
SEED = 20_200_401
FIRST_BEAT_S = 0.25
LAST_RING_S = 1.2

Signal = NDArray[np.float64]
Voice = Callable[[float, float, np.random.Generator], Signal]

# ------------------------------------------------------------------------------ notes


def pitch_hz(name: str) -> float:
    """Return the frequency of a note such as ``A4``, ``Bb3`` or ``F#5``."""
    semitone = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[name[0]]
    semitone += name.count("#") - name[1:].count("b")
    return float(440.0 * 2.0 ** ((semitone + 12 * (int(name[-1]) + 1) - 69) / 12))


def notes(score: str) -> list[tuple[float, float, list[str]]]:
    """Read a line of music: a list of (start, length, names), in beats from the line's start."""
    result, at = [], 0.0
    for word in score.replace("|", " ").split():
        name, length = word.split(":")
        if name != "-":
            result.append((at, float(length), name.split("+")))
        at += float(length)
    return result


# ------------------------------------------------------------------------- instruments


def _time(seconds: float) -> Signal:
    return np.arange(int(seconds * RATE_HZ)) / RATE_HZ


def _partials(hertz: float, seconds: float, amplitudes: Signal, decays: Signal) -> Signal:
    """Sum harmonics that fade, each at its own rate (per second)."""
    t = _time(seconds)
    tone = np.zeros_like(t)
    for harmonic, (amplitude, decay) in enumerate(zip(amplitudes, decays, strict=True), start=1):
        if harmonic * hertz < 0.45 * RATE_HZ:
            tone += amplitude * np.exp(-decay * t) * np.sin(2 * np.pi * harmonic * hertz * t)
    return tone


def _faded(tone: Signal, attack_s: float, release_s: float) -> Signal:
    rise = min(len(tone), max(1, int(attack_s * RATE_HZ)))
    fall = min(len(tone), max(1, int(release_s * RATE_HZ)))
    tone[:rise] *= np.linspace(0.0, 1.0, rise)
    tone[-fall:] *= np.linspace(1.0, 0.0, fall)
    return tone


def guitar(hertz: float, seconds: float, _: np.random.Generator) -> Signal:
    """Plucked nylon string."""
    k = np.arange(1, 15)
    ring = max(seconds, 0.5) + 0.5
    return _faded(_partials(hertz, ring, np.sin(np.pi * k / 5.2) / k, 2.2 + 0.8 * k), 0.002, 0.1)


def piano(hertz: float, seconds: float, _: np.random.Generator) -> Signal:
    """Struck string, damped when the note ends."""
    k = np.arange(1, 13)
    tone = _partials(hertz, seconds + 0.12, 0.9 / k**1.25, 1.2 + 0.55 * k + hertz / 500.0)
    return _faded(tone, 0.003, 0.1)


def bass(hertz: float, seconds: float, _: np.random.Generator) -> Signal:
    """Plucked double bass."""
    k = np.arange(1, 8)
    return _faded(_partials(hertz, seconds + 0.08, 1.0 / k**1.5, 1.5 + 1.2 * k), 0.004, 0.08)


def bandoneon(hertz: float, seconds: float, _: np.random.Generator) -> Signal:
    """Free reeds: two a little apart in pitch, many harmonics."""
    k = np.arange(1, 19)
    amplitudes = np.where(k % 2 == 1, 1.0, 0.6) / k**0.95
    still = np.zeros(18)
    both = [_partials(hertz * detune, seconds, amplitudes, still) for detune in (0.9985, 1.0015)]
    return _faded(0.35 * (both[0] + both[1]), 0.012, 0.05)


def strings(hertz: float, seconds: float, rng: np.random.Generator) -> Signal:
    """Section of bowed strings: slow attack, vibrato, players slightly apart."""
    t = _time(seconds + 0.2)
    tone = np.zeros_like(t)
    for _ in range(4):
        vibrato = 0.004 * np.sin(2 * np.pi * rng.uniform(4.8, 5.6) * t + rng.uniform(0, 6.28))
        phase = 2 * np.pi * hertz * (1 + rng.normal(0, 0.0015)) * np.cumsum(1 + vibrato) / RATE_HZ
        for k in range(1, 11):
            if k * hertz < 0.4 * RATE_HZ:
                tone += np.sin(k * phase + rng.uniform(0, 6.28)) / k**1.3
    return _faded(0.22 * tone, 0.07, 0.2)


def flute(hertz: float, seconds: float, rng: np.random.Generator) -> Signal:
    """Breathy tone with a late vibrato."""
    t = _time(seconds + 0.06)
    vibrato = 0.005 * np.clip(t - 0.15, 0, 0.2) / 0.2 * np.sin(2 * np.pi * 5.2 * t)
    phase = 2 * np.pi * hertz * np.cumsum(1 + vibrato) / RATE_HZ
    tone = np.sin(phase) + 0.35 * np.sin(2 * phase) + 0.12 * np.sin(3 * phase)
    return _faded(0.8 * tone + 0.02 * rng.normal(size=t.size), 0.025, 0.06)


def _noise(seconds: float, decay: float, low_hz: float, high_hz: float, rng: np.random.Generator):
    t = _time(seconds)
    band = scipy.signal.butter(2, [low_hz, high_hz], "bandpass", fs=RATE_HZ, output="sos")
    return scipy.signal.sosfilt(band, rng.normal(size=t.size)) * np.exp(-decay * t)


def _skin(hertz: float, decay: float, slap: float, rng: np.random.Generator) -> Signal:
    t = _time(0.4)
    sweep = hertz * (t + 0.012 * (1 - np.exp(-t / 0.02)))
    tone = np.exp(-decay * t) * (np.sin(2 * np.pi * sweep) + 0.3 * np.sin(2 * np.pi * 1.58 * sweep))
    return tone + slap * _noise(0.4, 90.0, 900.0, 6000.0, rng)


def _bell(frequencies: tuple[float, ...], decay: float) -> Signal:
    t = _time(0.35)
    return sum(np.sin(2 * np.pi * f * t) for f in frequencies) / 2 * np.exp(-decay * t)


def _guiro(seconds: float, rng: np.random.Generator) -> Signal:
    scrape = _noise(seconds, 0.5, 2500.0, 9000.0, rng)
    teeth = np.maximum(0.0, np.sin(2 * np.pi * 75.0 * _time(seconds))) ** 3
    return _faded(scrape * teeth, 0.005, 0.04)


DRUMS: Mapping[str, Callable[[np.random.Generator], Signal]] = {
    "kick": lambda rng: 1.5 * _skin(52.0, 11.0, 0.1, rng),
    "conga": lambda rng: _skin(196.0, 14.0, 0.3, rng),
    "tumba": lambda rng: _skin(147.0, 10.0, 0.2, rng),
    "slap": lambda rng: 0.6 * _skin(240.0, 45.0, 1.6, rng),
    "bongo": lambda rng: 0.7 * _skin(420.0, 28.0, 0.5, rng),
    "cowbell": lambda _: _bell((562.0, 845.0, 1410.0), 16.0),
    "clave": lambda _: _bell((2480.0, 2510.0), 45.0),
    "maracas": lambda rng: 0.8 * _noise(0.09, 55.0, 4000.0, 13_000.0, rng),
    "guiro": lambda rng: 1.4 * _guiro(0.11, rng),
    "long guiro": lambda rng: 1.4 * _guiro(0.3, rng),
    "snare": lambda rng: 1.3 * _noise(0.2, 22.0, 300.0, 9000.0, rng),
    "brush": lambda rng: 0.8 * _noise(0.16, 26.0, 1500.0, 10_000.0, rng),
    "ride": lambda rng: 0.7 * _noise(0.3, 14.0, 6000.0, 14_000.0, rng),
}

# ------------------------------------------------------------------------------- songs


@dataclass(frozen=True)
class Part:
    """One instrument's line through the song; the score starts at beat ``start``."""

    voice: Voice
    score: str
    level: float
    pan: float = 0.0  # -1 left .. 1 right
    start: float = 0.0
    hold: float = 0.95  # share of a note's length that sounds


@dataclass(frozen=True)
class Drum:
    """One drum's pattern, repeated: (beat in the pattern, loudness) pairs."""

    name: str
    beats: int
    hits: tuple[tuple[float, float], ...]
    level: float
    pan: float = 0.0
    bars: tuple[int, int] = (0, 1000)


@dataclass(frozen=True)
class DemoSong:
    """A song on paper."""

    name: str
    tempo_bpm: float
    beats_per_bar: int
    bars: int
    parts: tuple[Part, ...]
    drums: tuple[Drum, ...]

    def beats_s(self) -> Signal:
        """Return the exact moment of every beat."""
        return FIRST_BEAT_S + np.arange(self.bars * self.beats_per_bar) * 60.0 / self.tempo_bpm


def render(song: DemoSong) -> Signal:
    """Return the sound of a song, shape (N, 2), peak 0.8."""
    rng = np.random.default_rng(SEED)
    beat_s = 60.0 / song.tempo_bpm
    total = song.bars * song.beats_per_bar
    dry = np.zeros((int((FIRST_BEAT_S + total * beat_s + LAST_RING_S) * RATE_HZ), 2))

    def put(sound: Signal, beat: float, level: float, pan: float) -> None:
        at = round((FIRST_BEAT_S + beat * beat_s) * RATE_HZ)
        sound = sound[: len(dry) - at]
        angle = (pan + 1.0) * np.pi / 4.0
        dry[at : at + len(sound)] += level * sound[:, None] * [np.cos(angle), np.sin(angle)]

    for part in song.parts:
        for beat, length, names in notes(part.score):
            for name in names:
                tone = part.voice(pitch_hz(name), part.hold * length * beat_s, rng)
                put(tone, part.start + beat, part.level, part.pan)
    for drum in song.drums:
        first, last = (bar * song.beats_per_bar for bar in drum.bars)
        for start in range(first, min(last, total), drum.beats):
            for beat, loudness in drum.hits:
                if start + beat < total:
                    put(DRUMS[drum.name](rng), start + beat, drum.level * loudness, drum.pan)
    return _mastered(dry, rng)


def _mastered(dry: Signal, rng: np.random.Generator) -> Signal:
    """Add a small room, keep the loudest moments in bounds, fade the end."""
    t = _time(0.9)
    room = rng.normal(size=(t.size, 2)) * np.exp(-6.5 * t)[:, None] * 0.018
    room[: int(0.012 * RATE_HZ)] = 0.0
    wet = np.stack([scipy.signal.fftconvolve(dry[:, c], room[:, c])[: len(dry)] for c in (0, 1)], 1)
    mix = dry + wet
    mix = np.tanh(mix / (2.2 * np.sqrt(np.mean(mix**2)) + 1e-12) * 0.55)
    fade = int(0.5 * RATE_HZ)
    mix[-fade:] *= np.linspace(1.0, 0.0, fade)[:, None]
    return np.asarray(0.8 * mix / np.abs(mix).max())


def _bars(patterns: Mapping[str, str], chords: str, *, skip: int = 0) -> str:
    """Write each chord's pattern, one after the other."""
    return " ".join(patterns[chord] for chord in chords.split()[skip:])


# Cha-cha, A minor, 124 beats a minute: montuno, tumbao bass, guiro, cowbell, congas.
_MONTUNO = {
    "Am": "A4+A5:.5 C5+E5:.5 -:.5 A4+A5:.5 -:.5 C5+E5:.5 A4+A5:.5 C5+E5:.5",
    "Dm": "D5+D6:.5 F5+A5:.5 -:.5 D5+D6:.5 -:.5 F5+A5:.5 D5+D6:.5 F5+A5:.5",
    "E7": "E5+E6:.5 G#5+B5:.5 -:.5 E5+E6:.5 -:.5 G#5+D6:.5 E5+E6:.5 G#5+B5:.5",
}
_TUMBAO = {
    "Am": "A2:1.5 E2:1.5 A2:1",
    "Dm": "D2:1.5 A2:1.5 D2:1",
    "E7": "E2:1.5 B2:1.5 E2:1",
}
_CHA_CHORDS = "Am Dm E7 Am " * 5
CHA_CHA = DemoSong(
    name="cha-cha",
    tempo_bpm=124.0,
    beats_per_bar=4,
    bars=20,
    parts=(
        Part(piano, _bars(_MONTUNO, _CHA_CHORDS), 0.16, 0.35, hold=0.7),
        Part(bass, _bars(_TUMBAO, _CHA_CHORDS), 0.55),
        Part(
            flute,
            "E5:1.5 D5:.5 C5:1 A4:1 | D5:1 F5:1 E5:.5 D5:.5 -:1 | B4:1 D5:1 G#4:1 B4:1"
            " | C5:.5 B4:.5 A4:1 -:2"
            " | E5:1.5 F5:.5 G5:1 E5:1 | F5:1 A5:1 G5:.5 F5:.5 -:1 | E5:1 D5:1 B4:1 G#4:1"
            " | A4:2 -:2"
            " | A5:1 -:.5 A5:.5 G5:1 E5:1 | F5:1 -:.5 F5:.5 E5:1 D5:1"
            " | E5:.5 F5:.5 E5:.5 D5:.5 B4:1 D5:1 | C5:2 -:2"
            " | A5:1 -:.5 A5:.5 B5:1 C6:1 | A5:1 F5:1 D5:1 F5:1 | E5:1 G#5:1 B5:1 G#5:1 | A5:3 -:1",
            0.30,
            -0.25,
            start=16.0,
        ),
    ),
    drums=(
        Drum("cowbell", 4, ((0, 1.0), (1, 0.7), (2, 0.9), (3, 0.7)), 0.30, -0.3),
        Drum("long guiro", 2, ((0, 1.0),), 0.35, 0.5),
        Drum("guiro", 2, ((1, 0.9), (1.5, 0.8)), 0.35, 0.5),
        Drum("slap", 4, ((1, 1.0),), 0.6, 0.2),
        Drum("conga", 4, ((0.5, 0.3), (2, 0.35), (3, 1.0), (3.5, 0.9)), 0.5, 0.2),
        Drum("tumba", 8, ((7, 0.7), (7.5, 0.8)), 0.45, 0.1),
        Drum("kick", 4, ((0, 1.0), (2, 0.8)), 0.45),
    ),
)

# Rumba (bolero-son), C major, 92 beats a minute: guitar arpeggios, 3-2 clave, maracas, bongos.
_ARPEGGIO = {
    "C": "C4:.5 E4:.5 G4:.5 C5:.5 E5:.5 C5:.5 G4:.5 E4:.5",
    "Am": "A3:.5 E4:.5 A4:.5 C5:.5 E5:.5 C5:.5 A4:.5 E4:.5",
    "Dm": "D4:.5 F4:.5 A4:.5 D5:.5 F5:.5 D5:.5 A4:.5 F4:.5",
    "G7": "G3:.5 D4:.5 G4:.5 B4:.5 F5:.5 B4:.5 G4:.5 D4:.5",
}
_RUMBA_BASS = {
    "C": "C2:2 G2:1 C3:1",
    "Am": "A2:2 E2:1 A2:1",
    "Dm": "D2:2 A2:1 D3:1",
    "G7": "G2:2 D2:1 B2:1",
}
_RUMBA_CHORDS = "C Am Dm G7 " * 3 + "C Am G7 C"
RUMBA = DemoSong(
    name="rumba",
    tempo_bpm=92.0,
    beats_per_bar=4,
    bars=16,
    parts=(
        Part(guitar, _bars(_ARPEGGIO, _RUMBA_CHORDS), 0.30, 0.3),
        Part(bass, _bars(_RUMBA_BASS, _RUMBA_CHORDS), 0.5),
        Part(
            strings,
            "G5:2 E5:1 C5:1 | E5:1.5 D5:.5 C5:2 | F5:2 D5:1 A4:1 | B4:1.5 C5:.5 D5:2"
            " | E5:2 G5:1 C6:1 | B5:1.5 A5:.5 E5:2 | F5:1 A5:1 G5:1 F5:1 | D5:2 G5:2"
            " | G5:2 C6:1 G5:1 | A5:1.5 G5:.5 E5:2 | D5:1 F5:1 B4:1 D5:1 | C5:4",
            0.30,
            -0.3,
            start=16.0,
        ),
    ),
    drums=(
        Drum("clave", 8, ((0, 1.0), (1.5, 1.0), (3, 1.0), (5, 1.0), (6, 1.0)), 0.22, -0.5),
        Drum("maracas", 1, ((0, 1.0), (0.5, 0.6)), 0.40, 0.5),
        Drum("bongo", 4, ((0, 1.0), (0.5, 0.4), (1, 0.6), (1.5, 0.4)), 0.40, 0.2),
        Drum("bongo", 4, ((2, 0.9), (2.5, 0.4), (3, 0.6), (3.5, 0.5)), 0.40, -0.1),
        Drum("conga", 4, ((3, 0.9), (3.5, 1.0)), 0.45, 0.1),
        Drum("kick", 4, ((0, 0.9), (2, 0.5), (3, 0.5)), 0.35),
    ),
)

# Tango, D minor, 128 beats a minute: marcato on every beat, bandoneon, snare roll into the bar.
_MARCATO = {
    "Dm": "D4+F4+A4:1 D4+F4+A4:1 D4+F4+A4:1 D4+F4+A4:1",
    "Gm": "D4+G4+Bb4:1 D4+G4+Bb4:1 D4+G4+Bb4:1 D4+G4+Bb4:1",
    "A7": "C#4+G4+A4:1 C#4+G4+A4:1 C#4+G4+A4:1 C#4+G4+A4:1",
}
_TANGO_BASS = {
    "Dm": "D2:1 D2:1 A2:1 A2:1",
    "Gm": "G2:1 G2:1 D2:1 D2:1",
    "A7": "A2:1 A2:1 E2:1 E2:1",
}
_TANGO_CHORDS = "Dm Dm A7 A7 A7 A7 Dm Dm Gm Gm Dm Dm A7 A7 Dm Dm Dm A7 Dm Dm"
TANGO = DemoSong(
    name="tango",
    tempo_bpm=128.0,
    beats_per_bar=4,
    bars=20,
    parts=(
        Part(piano, _bars(_MARCATO, _TANGO_CHORDS), 0.26, 0.3, hold=0.35),
        Part(bass, _bars(_TANGO_BASS, _TANGO_CHORDS), 0.55, hold=0.6),
        Part(
            bandoneon,
            "A5:1.5 G#5:.5 A5:1 F5:1 | D5:.5 -:.5 D5:.5 -:.5 F5:1 A5:1"
            " | G5:1.5 F#5:.5 G5:1 E5:1 | C#5:.5 -:.5 C#5:.5 -:.5 E5:1 G5:1"
            " | Bb5:1.5 A5:.5 G5:1 E5:1 | C#5:1 E5:1 A5:1 G5:1"
            " | F5:.5 -:.5 E5:.5 -:.5 D5:1 -:1 | -:4"
            " | D5:.5 G5:.5 Bb5:1 A5:.5 G5:.5 D5:1 | Bb5:1.5 A5:.5 G5:2"
            " | D5:.5 F5:.5 A5:1 G5:.5 F5:.5 D5:1 | A5:1.5 G5:.5 F5:2"
            " | C#5:.5 E5:.5 A5:1 G5:.5 E5:.5 C#5:1 | G5:1 F5:1 E5:1 C#5:1"
            " | D5:.5 -:.5 F5:.5 -:.5 A5:1 -:1 | D6:2 -:2"
            " | F5:1 E5:1 D5:1 F5:1 | E5:1 G5:1 C#5:1 E5:1"
            " | D5:1 A4:1 F5:1 E5:1 | D5:1 -:1 D5:.5 -:1.5",
            0.20,
            -0.2,
            hold=0.85,
        ),
        Part(
            strings,
            "D5+F5:8 E5+G5:8 C#5+G5:8 D5+F5:8 D5+G5:8 D5+F5:8"
            " C#5+E5:8 D5+A5:8 D5+F5:4 C#5+E5:4 D5+F5:8",
            0.07,
            0.1,
        ),
    ),
    drums=(
        Drum("kick", 4, ((0, 1.0), (1, 0.55), (2, 0.85), (3, 0.55)), 0.5),
        Drum("snare", 4, ((0, 0.5), (1, 0.35), (2, 0.5), (3, 0.4)), 0.35, -0.1),
        Drum("snare", 4, tuple((3.5 + k / 8, 0.35 + 0.12 * k) for k in range(4)), 0.35, -0.1),
    ),
)

# Waltz, F major, 87 beats a minute: bass on one, chords on two and three, a melody in strings.
_OOM = {
    "F": "F2:1 -:2",
    "C7": "C2:1 -:2",
    "Dm": "D2:1 -:2",
    "Bb": "Bb1:1 -:2",
    "Gm": "G2:1 -:2",
}
_PAH = {
    "F": "-:1 A3+C4+F4:1 A3+C4+F4:1",
    "C7": "-:1 Bb3+C4+E4:1 Bb3+C4+E4:1",
    "Dm": "-:1 A3+D4+F4:1 A3+D4+F4:1",
    "Bb": "-:1 Bb3+D4+F4:1 Bb3+D4+F4:1",
    "Gm": "-:1 Bb3+D4+G4:1 Bb3+D4+G4:1",
}
_WALTZ_GUITAR = {
    "F": "F4:.5 A4:.5 C5:.5 F5:.5 C5:.5 A4:.5",
    "C7": "E4:.5 G4:.5 Bb4:.5 E5:.5 Bb4:.5 G4:.5",
    "Dm": "D4:.5 F4:.5 A4:.5 D5:.5 A4:.5 F4:.5",
    "Bb": "D4:.5 F4:.5 Bb4:.5 D5:.5 Bb4:.5 F4:.5",
    "Gm": "D4:.5 G4:.5 Bb4:.5 D5:.5 Bb4:.5 G4:.5",
}
_WALTZ_CHORDS = "F Dm Gm C7 F Dm C7 F Bb F Gm Dm Bb C7 F F C7 F C7 F"
WALTZ = DemoSong(
    name="waltz",
    tempo_bpm=87.0,
    beats_per_bar=3,
    bars=20,
    parts=(
        Part(bass, _bars(_OOM, _WALTZ_CHORDS), 0.65, hold=1.3),
        Part(piano, _bars(_PAH, _WALTZ_CHORDS), 0.20, 0.3, hold=0.6),
        Part(
            strings,
            "C5:2 A4:1 | D5:2 F5:1 | G5:2 D5:1 | E5:2 C5:1"
            " | A5:2 F5:1 | D5:2 A5:1 | G5:1 E5:1 C5:1 | F5:3"
            " | D6:2 Bb5:1 | C6:2 A5:1 | Bb5:2 G5:1 | A5:2 F5:1"
            " | D5:1 F5:1 Bb5:1 | C6:2 E5:1 | F5:2 A5:1 | C6:3"
            " | Bb5:2 G5:1 | A5:2 F5:1 | E5:1 G5:1 C5:1 | F5:3",
            0.32,
            -0.2,
        ),
        Part(
            guitar,
            _bars(_WALTZ_GUITAR, _WALTZ_CHORDS, skip=8),
            0.12,
            0.5,
            start=24.0,
        ),
    ),
    drums=(
        Drum("kick", 3, ((0, 1.0),), 0.4),
        Drum("brush", 3, ((1, 0.9), (2, 0.9)), 0.40, 0.1),
        Drum("ride", 3, ((0, 0.8), (1, 0.4), (2, 0.5)), 0.20, -0.4),
    ),
)

SONGS = {song.name: song for song in (CHA_CHA, RUMBA, TANGO, WALTZ)}


def beats_text(song: DemoSong) -> str:
    """Return the beats file of a song."""
    lines = [f"# {song.name}, {song.tempo_bpm:g} beats per minute: seconds, number in the bar"]
    for index, second in enumerate(song.beats_s()):
        lines.append(f"{second:.6f}\t{index % song.beats_per_bar + 1}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write all songs into the folder named on the command line, or beside this file."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    for song in SONGS.values():
        path = folder / f"{song.name}.ogg"
        soundfile.write(
            path,
            render(song),
            RATE_HZ,
            format="OGG",
            subtype="VORBIS",
            compression_level=0.85,
        )
        (folder / f"{song.name}.beats.txt").write_text(beats_text(song), encoding="utf-8")
        print(f"{path}: {song.bars} bars, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
