"""What was heard: a song, its beats, its genre."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from robodance.errors import RobodanceError
from robodance.values.arrays import (
    FEATURE_DIM,
    FloatArray,
    IntArray,
    check_rising,
    freeze,
)

__all__ = [
    "Beats",
    "Genre",
    "Song",
    "SongAnalysis",
    "SongFeatures",
]

ENERGY = {"loudness": 0.7, "onset": 0.3}  # named features that make the energy of music


@dataclass(frozen=True)
class Song:
    """A decoded song: one channel, one sampling rate.

    Attributes:
        path: Where it was read from.
        sha256: Hash of the file's bytes; ties a plan to its song.
        samples: Shape (N,), float32, mono, about -1..1.
        sample_rate_hz: Samples per second of ``samples``.
    """

    path: str
    sha256: str
    samples: NDArray[np.float32] = field(repr=False)
    sample_rate_hz: int

    def __post_init__(self) -> None:
        freeze(self, samples=(np.float32, (None,)))

    @property
    def duration_s(self) -> float:
        """Length of the song in seconds."""
        return self.samples.size / self.sample_rate_hz


@dataclass(frozen=True)
class SongFeatures:
    """128 numbers per frame that describe how the song sounds.

    Attributes:
        values: Shape (T, 128); frame ``i`` is centred on ``i / frame_rate_hz`` seconds.
        frame_rate_hz: Frames per second.
        kind: Name of the recipe (``audio/features.py``); weights record the one they know.
        names: What each of the 128 columns is.
        energy: Shape (T,), loudness and onsets together, in standard deviations of the song;
            None: as in the columns of these names, if there are any.
    """

    values: FloatArray = field(repr=False)
    frame_rate_hz: float
    kind: str
    names: tuple[str, ...] = field(repr=False)
    energy: FloatArray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        freeze(self, values=(np.float64, (None, FEATURE_DIM)))
        if self.energy is not None:
            freeze(self, energy=(np.float64, (len(self.values),)))
        if len(self.names) != FEATURE_DIM:
            raise RobodanceError(f"SongFeatures.names has {len(self.names)} names, expected 128")

    def at(self, times_s: FloatArray) -> FloatArray:
        """Interpolate the features linearly at any moments; clamped at the ends. Shape (T, 128)."""
        return self._read(self.values, times_s)

    def energy_at(self, times_s: FloatArray) -> FloatArray | None:
        """Return the energy at any moments, shape (T,); None if it is not known."""
        if self.energy is not None:
            return self._read(self.energy[:, None], times_s)[:, 0]
        known = {name: share for name, share in ENERGY.items() if name in self.names}
        if not known:
            return None
        columns = self.at(times_s)[:, [self.names.index(name) for name in known]]
        return np.asarray(columns @ np.array(list(known.values())))

    def _read(self, rows: FloatArray, times_s: FloatArray) -> FloatArray:
        position = np.clip(np.asarray(times_s) * self.frame_rate_hz, 0, max(len(rows) - 1, 0))
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, len(rows) - 1)
        share = (position - low)[:, None]
        return np.asarray((1 - share) * rows[low] + share * rows[high])


@dataclass(frozen=True)
class Beats:
    """Beats of a song, from its first moment to its last.

    The grid covers the whole song: before the first and after the last beat that was
    heard (a beatless intro, a fade-out) it goes on at the neighbouring tempo.

    Attributes:
        times_s: Shape (B,), strictly increasing, song time.
        numbers: Shape (B,), position in the bar, 1 is the downbeat.
        beats_per_bar: 3 or 4 (any positive number from a beats file).
        tempo_bpm: Median tempo.
        confidence: 0..1, how sure the ear is; 1 for beats given by a person.
    """

    times_s: FloatArray
    numbers: IntArray
    beats_per_bar: int
    tempo_bpm: float
    confidence: float

    def __post_init__(self) -> None:
        freeze(self, times_s=(np.float64, (None,)), numbers=(np.int64, (None,)))
        check_rising("Beats", "times_s", self.times_s)
        if self.times_s.shape != self.numbers.shape or self.times_s.size < 2:
            raise RobodanceError("Beats needs at least two beats, each with its number in the bar")


@dataclass(frozen=True)
class Genre:
    """What kind of dance the song asks for.

    Attributes:
        name: One of the genres of the configuration.
        confidence: 0..1; 1 when a person said so.
        scores: Every genre's share of the vote, summing to 1.
        shares: The mixture that a person asked for, summing to 1; empty: ``name`` alone.
    """

    name: str
    confidence: float
    scores: Mapping[str, float]
    shares: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", MappingProxyType(dict(self.scores)))
        object.__setattr__(self, "shares", MappingProxyType(dict(self.shares)))


@dataclass(frozen=True)
class SongAnalysis:
    """All that was heard in a song."""

    song: Song
    beats: Beats
    features: SongFeatures
    genre: Genre
    warnings: tuple[str, ...] = ()
