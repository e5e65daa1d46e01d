"""What the music encoder learns from: excerpts whose tempo, beats and onsets are known.

Half of them are synthesised (``synthetic_songs.py``: known exactly). The others are cut
from ChoreoNet's songs, played faster or slower with their pitch or without it. Their
beats are those of our own tracker, and only songs are taken where it is right as far as
can be told: its tempo agrees with the choreography's (beats over seconds) within 4 %, or
it is sure. The Million Song Dataset of the paper is not at hand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.signal
import soxr
from numpy.typing import NDArray

from robodance.audio.beats import track_beats
from robodance.audio.decode import load_song
from robodance.audio.encoder import levelled
from robodance.audio.encoder_net import (
    FINE_BLOCK,
    HOP,
    SAMPLE_RATE_HZ,
    STEPS,
    WINDOW,
    EncoderConfig,
)
from robodance.audio.mu_law import mu_law_decode, mu_law_encode
from robodance.audio.onsets import ONSET_RATE_HZ, Onsets, find_onsets
from robodance.config import AudioConfig
from robodance.errors import AudioError, DataError
from robodance.learning.synthetic_songs import compose
from robodance.values import FloatArray

__all__ = [
    "Excerpt",
    "HeldSong",
    "draw_excerpts",
    "find_held_out_songs",
    "find_known_songs",
    "known_song",
]

AGREES = 0.04  # of the tempo
SURE = 0.95  # confidence of the tracker that is enough by itself
SLOWEST, FASTEST = 0.72, 1.38  # of the original speed
STRIDE = 5 * HOP  # from window to window in an excerpt
_ONSET_WIDTH_S, _FINE_WIDTH_S = 0.02, 0.008
_ONSET_HEIGHT = 1.5  # of the onset curve's own power


@dataclass(frozen=True)
class HeldSong:
    """A real song with what is known about it.

    Attributes:
        name: Folder and file.
        codes: Shape (N,), mu-law, 22,050 Hz, at the common level.
        beats_s: Shape (B,).
        onsets_s: Shape (O,).
        tempo_bpm: Median.
        source: What its tempo rests on.
    """

    name: str
    codes: NDArray[np.uint8] = field(repr=False)
    beats_s: FloatArray = field(repr=False)
    onsets_s: FloatArray = field(repr=False)
    tempo_bpm: float
    source: str


@dataclass(frozen=True)
class Excerpt:
    """Some seconds of sound, and the truth at the centre of each of its M windows.

    Attributes:
        sound: Shape (N,), float32, after mu-law.
        tempo_bpm: Shape (M,).
        phase: Shape (M,), 0..1 from beat to beat.
        onset: Shape (M,), 1 where something begins to sound, 0 where nothing does.
        step_phase: Shape (M, 10), the phase at the middle of each step of Psi.
        fine_onset: Shape (S,), onset at the cells of the third block; () without context.
    """

    sound: NDArray[np.float32] = field(repr=False)
    tempo_bpm: FloatArray
    phase: FloatArray
    onset: FloatArray
    step_phase: FloatArray = field(repr=False)
    fine_onset: FloatArray = field(repr=False)


def find_known_songs(
    data: Path, *, held_out: Sequence[str] = (), say: Callable[[str], None] | None = None
) -> list[HeldSong]:
    """Read ChoreoNet's songs whose tempo is known; those cut off or unsure are left out.

    Args:
        data: Folder of the data sets, or of ChoreoNet itself.
        held_out: Names (``W/7``) that are left out, too.
        say: Told of each file that is left out, and why.

    Raises:
        DataError: No song is found, or the choreographies cannot be read.
    """
    files = sorted(data.glob("**/music/[CRTW]/*.mp3"))
    if not files:
        raise DataError(
            f"{data}: no songs in music/C, R, T or W; give the folder of the data sets as published"
        )
    implied = _choreographed_tempi(data)
    tell = say or (lambda line: None)
    songs = []
    for path in files:
        name = f"{path.parent.name}/{path.stem}"
        if name in held_out:
            continue
        try:
            song = known_song(path, name, implied.get(name))
        except AudioError as error:  # some songs of the published set are cut off
            tell(f"left out: {error}")
            continue
        if song is None:
            tell(f"{path}: left out: its tempo is not known for sure")
        else:
            songs.append(song)
    return songs


def find_held_out_songs(data: Path, held_out: str) -> list[HeldSong]:
    """Read the songs to judge by whose tempo is known: those held out, and all of ``music/``.

    Args:
        data: Folder of the data sets.
        held_out: Names of ChoreoNet's songs, separated by commas.
    """
    names = {name.strip() for name in held_out.split(",")}
    implied = _choreographed_tempi(data)
    files = {f"{p.parent.name}/{p.stem}": p for p in sorted(data.glob("**/music/[CRTW]/*.mp3"))}
    files = {name: path for name, path in files.items() if name in names}
    files |= {f"music/{path.stem}": path for path in sorted((data / "music").glob("*.mp3"))}
    songs = []
    for name, path in files.items():
        with suppress(AudioError):
            songs.append(known_song(path, name, implied.get(name)))
    return [song for song in songs if song is not None]


def _choreographed_tempi(data: Path) -> dict[str, float]:
    """Return the tempo of each choreography: its beats over its part of the song."""
    tempi = {}
    for path in sorted(data.glob("**/choreography/[CRTW].json")):
        try:
            for dance in json.loads(path.read_text(encoding="utf-8")):
                length_s = (dance["end_pos"] - dance["start_pos"]) / 25.0
                tempi[f"{path.stem}/{dance['dance_id']}"] = (
                    60.0 * sum(dance["durations"]) / length_s
                )
        except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
            raise DataError(
                f"{path}: not ChoreoNet's choreographies ({error!r}); fetch the file again"
            ) from error
    return tempi


def known_song(path: Path, name: str, implied_bpm: float | None = None) -> HeldSong | None:
    """Read a song if its tempo is known; None if the ear is not sure of it.

    Args:
        path: The sound file.
        name: What to call it.
        implied_bpm: What a choreography says, if there is one.

    Raises:
        AudioError: The file cannot be read or holds no beat.
    """
    song = load_song(path)
    onsets = find_onsets(song.samples, song.sample_rate_hz)
    beats = track_beats(song.samples, song.sample_rate_hz, AudioConfig(), onsets=onsets)
    agrees = implied_bpm is not None and abs(beats.tempo_bpm / implied_bpm - 1.0) <= AGREES
    if not agrees and beats.confidence < SURE:
        return None
    source = "tracker and choreography agree" if agrees else "tracker is sure"
    codes = mu_law_encode(levelled(song.samples))
    return HeldSong(name, codes, beats.times_s, _peaks(onsets), beats.tempo_bpm, source)


def _peaks(onsets: Onsets) -> FloatArray:
    curve = (onsets.bass + onsets.middle + onsets.treble) / 3.0
    found, _ = scipy.signal.find_peaks(curve, height=_ONSET_HEIGHT, distance=5)
    return np.asarray(found / ONSET_RATE_HZ)


def draw_excerpts(
    songs: Sequence[HeldSong],
    seed: Sequence[int],
    count: int,
    *,
    windows: int,
    config: EncoderConfig,
    real: float,
) -> list[Excerpt]:
    """Draw excerpts for one update; the same seed gives the same ones.

    Args:
        songs: Real songs; none: all excerpts are synthesised.
        seed: Non-negative numbers that decide everything.
        count: How many.
        windows: Windows in each, a fifth of a second apart.
        config: Of the encoder, which says how much sound lies around a window.
        real: Share of excerpts from real songs.
    """
    length = WINDOW + 2 * config.margin() + STRIDE * (windows - 1)
    places = _Places(config, length, windows)
    drawn = []
    for number in range(count):
        rng = np.random.default_rng([*seed, number])
        if songs and rng.random() < real:
            sound, beats_s, onsets_s = _cut(songs[int(rng.integers(len(songs)))], length, rng)
        else:
            song = compose([*seed, number, 1], duration_s=length / SAMPLE_RATE_HZ + 1e-3)
            sound, beats_s, onsets_s = levelled(song.samples), song.beats_s, song.onsets_s
        heard = mu_law_decode(mu_law_encode(_coloured(sound[:length], rng)))
        drawn.append(places.excerpt(heard, beats_s, onsets_s))
    return drawn


def _cut(
    song: HeldSong, length: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], FloatArray, FloatArray]:
    """Cut an excerpt and play it at another speed, with its pitch (a third) or without."""
    speed = float(SLOWEST * (FASTEST / SLOWEST) ** rng.random())
    needed = math.ceil(length * speed) + 2
    first = int(rng.integers(max(1, len(song.codes) - needed)))
    samples = mu_law_decode(song.codes[first : first + needed])
    if rng.random() < 1.0 / 3.0:
        import librosa

        played = librosa.effects.time_stretch(samples, rate=speed, n_fft=1024)
    else:
        played = soxr.resample(samples, speed * SAMPLE_RATE_HZ, SAMPLE_RATE_HZ, quality="MQ")
    played = np.pad(played, (0, max(0, length - len(played))))
    start_s = first / SAMPLE_RATE_HZ
    times = [(known - start_s) / speed for known in (song.beats_s, song.onsets_s)]
    return played.astype(np.float32), times[0], times[1]


def _coloured(sound: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the sound louder or softer, tilted towards bass or treble, perhaps upside down."""
    gain = float(10.0 ** rng.uniform(-0.2, 0.2) * rng.choice([-1.0, 1.0]))
    if rng.random() < 0.5:
        edge_hz, strength = rng.uniform(600.0, 3000.0), rng.uniform(0.0, 1.5)
        treble = rng.random() < 0.5
        b, a = scipy.signal.butter(1, edge_hz, "high" if treble else "low", fs=SAMPLE_RATE_HZ)
        sound = sound + np.asarray(strength * scipy.signal.lfilter(b, a, sound), np.float32)
    return np.asarray(gain * levelled(sound), dtype=np.float32)


class _Places:
    """The moments of an excerpt at which something is asked, in seconds."""

    def __init__(self, config: EncoderConfig, length: int, windows: int) -> None:
        starts = config.margin() + STRIDE * np.arange(windows)
        steps = WINDOW / STEPS * (np.arange(STEPS) + 0.5)
        self.centres_s = (starts + WINDOW / 2) / SAMPLE_RATE_HZ
        self.steps_s = (starts[:, None] + steps) / SAMPLE_RATE_HZ
        self.cells_s = np.zeros(0)
        if config.context > FINE_BLOCK:
            halo = sum(config.strides()[: FINE_BLOCK + 1])
            cell = config.strides()[FINE_BLOCK] * config.pools[FINE_BLOCK]
            cells = (length - 2 * halo) // cell
            self.cells_s = (halo + cell * (np.arange(cells) + 0.5)) / SAMPLE_RATE_HZ

    def excerpt(
        self, sound: NDArray[np.float32], beats_s: FloatArray, onsets_s: FloatArray
    ) -> Excerpt:
        """Return the sound with the truth at these moments."""
        return Excerpt(
            sound=sound,
            tempo_bpm=_tempo(beats_s, self.centres_s),
            phase=_phase(beats_s, self.centres_s),
            onset=_onset(onsets_s, self.centres_s, _ONSET_WIDTH_S),
            step_phase=_phase(beats_s, self.steps_s),
            fine_onset=_onset(onsets_s, self.cells_s, _FINE_WIDTH_S),
        )


def _before(beats_s: FloatArray, at_s: FloatArray) -> NDArray[np.int64]:
    """Return the last beat at or before each moment that has one after it."""
    return np.clip(np.searchsorted(beats_s, at_s, side="right") - 1, 0, len(beats_s) - 2)


def _tempo(beats_s: FloatArray, at_s: FloatArray) -> FloatArray:
    """Return the tempo of the five beats around each moment; beyond the beats as at the ends."""
    lengths = np.diff(beats_s)
    near = np.clip(_before(beats_s, at_s)[:, None] + np.arange(-2, 3), 0, len(lengths) - 1)
    return np.asarray(60.0 / np.median(lengths[near], axis=1))


def _phase(beats_s: FloatArray, at_s: FloatArray) -> FloatArray:
    before = _before(beats_s, at_s)
    return np.asarray(np.mod((at_s - beats_s[before]) / np.diff(beats_s)[before], 1.0))


def _onset(onsets_s: FloatArray, at_s: FloatArray, width_s: float) -> FloatArray:
    if not onsets_s.size:
        return np.zeros(len(at_s))
    after = np.clip(np.searchsorted(onsets_s, at_s), 1, max(1, len(onsets_s) - 1))
    near = onsets_s[np.minimum(np.stack([after - 1, after]), len(onsets_s) - 1)]
    return np.asarray(np.exp(-0.5 * (np.abs(near - at_s).min(axis=0) / width_s) ** 2))
