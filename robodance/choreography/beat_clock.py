"""The beat clock: time counted in beats, so that tempo is nothing to be learned.

A beat has ``FRAMES_PER_BEAT`` frames whatever the music's tempo. A dance is generated
on this clock and then read at the moments of the song, through a monotone map from
seconds to beats whose slope is continuous (no jerk at a beat).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator

from robodance.errors import DataError
from robodance.values import Beats, FloatArray

__all__ = ["FRAMES_PER_BEAT", "PHASE_DIM", "BeatClock", "beat_phases"]

FRAMES_PER_BEAT = 16
PHASE_DIM = 6


class BeatClock:
    """The monotone map between the seconds of a song and its beats.

    Beat ``i`` of the song is the number ``i``; before the first and after the last beat
    time goes on at the neighbouring tempo.
    """

    def __init__(self, beats: Beats) -> None:
        times = np.asarray(beats.times_s, dtype=np.float64)
        if times.size < 2:
            raise DataError(f"a beat clock needs at least two beats, found {times.size}")
        first, last = times[1] - times[0], times[-1] - times[-2]
        self._times = np.concatenate([[times[0] - first], times, [times[-1] + last]])
        self._beats = np.arange(-1.0, times.size + 1.0)
        self._to_beats = PchipInterpolator(self._times, self._beats)
        self._slopes = 1.0 / first, 1.0 / last
        self.numbers = np.asarray(beats.numbers)
        self.beats_per_bar = int(beats.beats_per_bar)

    def beats_at(self, times_s: FloatArray) -> FloatArray:
        """Return the position in beats at moments in seconds; any moment, shape kept."""
        times = np.asarray(times_s, dtype=np.float64)
        inner = np.asarray(self._to_beats(np.clip(times, self._times[0], self._times[-1])))
        before = np.minimum(times - self._times[0], 0.0) * self._end_slope(0)
        after = np.maximum(times - self._times[-1], 0.0) * self._end_slope(-1)
        return np.asarray(inner + before + after)

    def times_at(self, beats: FloatArray) -> FloatArray:
        """Return the moments in seconds at positions in beats (the inverse map)."""
        wanted = np.asarray(beats, dtype=np.float64)
        low = self._times[0] + (wanted - self._beats[0]) / self._end_slope(0)
        high = self._times[-1] + (wanted - self._beats[-1]) / self._end_slope(-1)
        cell = np.clip(np.floor(wanted).astype(int) + 1, 0, len(self._times) - 2)
        left, right = self._times[cell].copy(), self._times[cell + 1].copy()
        for _ in range(50):  # bisection: the map is monotone but has no closed inverse
            middle = 0.5 * (left + right)
            below = self._to_beats(middle) < wanted
            left, right = np.where(below, middle, left), np.where(below, right, middle)
        inner = 0.5 * (left + right)
        inner = np.where(wanted < self._beats[0], low, inner)
        return np.asarray(np.where(wanted > self._beats[-1], high, inner))

    def bar_position_at(self, beats: FloatArray) -> FloatArray:
        """Return the position in the bar, 0 at the downbeat, in beats; fractions included."""
        wanted = np.asarray(beats, dtype=np.float64)
        index = np.floor(wanted).astype(int)
        inside = np.clip(index, 0, len(self.numbers) - 1)
        number = self.numbers[inside] - 1 + (index - inside)
        return np.asarray(np.mod(number, self.beats_per_bar) + (wanted - index))

    def _end_slope(self, end: int) -> float:
        return float(self._to_beats.derivative()(self._times[end]))


def beat_phases(beats: FloatArray, bar_positions: FloatArray, beats_per_bar: int) -> FloatArray:
    """Return what a network is told about where the music is; shape (T, 6).

    Columns: sine and cosine of the beat, of two beats, and of the bar.
    """
    angles = (
        2.0 * np.pi * np.stack([beats, bar_positions / 2.0, bar_positions / beats_per_bar], axis=1)
    )
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def resample(values: FloatArray, positions: NDArray[Any]) -> FloatArray:
    """Read rows of ``values`` at fractional row numbers by a cubic spline; ends clamp."""
    rows = np.arange(len(values), dtype=np.float64)
    return np.asarray(CubicSpline(rows, values, axis=0)(np.clip(positions, 0.0, rows[-1])))
