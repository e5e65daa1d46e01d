"""The best beat sequence for each tempo range: dynamic programming over moment and interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robodance.values import FloatArray, IntArray

__all__ = ["BeatPath", "best_paths", "tempo_ranges"]

_STEP = 0.10  # between the centres of neighbouring ranges
_REACH = 0.13  # how far a range extends to either side: a drift of 6 % fits wherever it lies
_SHIFT = 4  # frames by which an interval may change from one beat to the next
_RIGIDITY = 0.02  # relative change of interval that is one standard deviation


@dataclass(frozen=True)
class BeatPath:
    """One way to hear the beat.

    Attributes:
        frames: Shape (B,), frames of the beats.
        score: Mean strength per beat, less what the tempo changes cost.
    """

    frames: IntArray
    score: float

    @property
    def interval(self) -> float:
        """Median frames between beats."""
        return float(np.median(np.diff(self.frames)))


def tempo_ranges(low_bpm: float, high_bpm: float) -> list[tuple[float, float]]:
    """Cover the tempi from ``low_bpm`` to ``high_bpm`` with overlapping ranges."""
    count = max(1, int(np.ceil(np.log(high_bpm / low_bpm) / np.log1p(_STEP))))
    centres = low_bpm * (high_bpm / low_bpm) ** ((np.arange(count) + 0.5) / count)
    return [(float(c / (1.0 + _REACH)), float(c * (1.0 + _REACH))) for c in centres]


def best_paths(
    strength: FloatArray, frame_rate_hz: float, ranges_bpm: list[tuple[float, float]]
) -> list[BeatPath]:
    """Find, for each tempo range, the beat sequence that gathers the most strength.

    Args:
        strength: Shape (T,), how much each frame wants to be a beat, zero on average, so
            that a beat which hits nothing costs as much as chance.
        frame_rate_hz: Frames per second.
        ranges_bpm: Slowest and fastest tempo of each range.

    Returns:
        One path per range, from the first to the last interval of the song; ranges too
        slow for the song's length give none.
    """
    intervals = [_intervals(low, high, frame_rate_hz) for low, high in ranges_bpm]
    intervals = [i for i in intervals if 3 * i[-1] < strength.size]
    if not intervals:
        return []
    width = max(i.size for i in intervals)
    # Rows padded with their last interval; the padding is never reached.
    table = np.stack([np.pad(i, (0, width - i.size), mode="edge") for i in intervals])
    real = np.stack([np.arange(width) < i.size for i in intervals])
    ended, steps = _forward(np.asarray(strength, dtype=np.float32), table, real)
    return [_backward(ended, steps, table, row) for row in range(len(intervals))]


def _intervals(low_bpm: float, high_bpm: float, frame_rate_hz: float) -> IntArray:
    shortest = int(np.floor(60.0 * frame_rate_hz / high_bpm))
    longest = int(np.ceil(60.0 * frame_rate_hz / low_bpm))
    return np.arange(max(shortest, 2), longest + 1)


def _forward(
    strength: NDArray[np.float32], table: IntArray, real: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Fill the tables, a block of frames at a time (no interval is shorter than a block).

    Returns:
        Best sum of a path whose last beat is at frame t after interval i, for the last
        frames of the song, (L, R, I) with L the longest interval; and the change of
        interval that led from there to the next, for all, (T, R, I).
    """
    frames, (ranges, width) = strength.size, table.shape
    shifts = np.arange(-_SHIFT, _SHIFT + 1)
    excess = np.maximum(0.0, np.abs(shifts) - 0.7) / (_RIGIDITY * table[..., None])
    cost = (0.5 * excess**2).astype(np.float32)  # (R, I, S), of leaving i - shift for i
    block, longest = int(table.min()), int(table.max())
    # Only the past of one longest interval is ever read: a ring holds it.
    ring = longest + block
    ended = np.full((ring, ranges, width), -np.inf, dtype=np.float32)
    going = np.zeros((ring, ranges, width), dtype=np.float32)  # about to use interval i
    steps = np.zeros((frames, ranges, width), dtype=np.int8)
    rows, columns = np.arange(ranges)[:, None], np.arange(width)[None, :]
    for start in range(0, frames, block):
        t = np.arange(start, min(start + block, frames))
        back = t[:, None, None] - table
        past = going[back % ring, rows, columns]
        gained = strength[t][:, None, None] + np.where(back >= 0, past, 0.0)
        gained = np.where(real, gained, -np.inf)
        ended[t % ring] = gained
        padded = np.pad(gained, ((0, 0), (0, 0), (_SHIFT, _SHIFT)), constant_values=-np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _SHIFT + 1, axis=2)
        choices = windows - cost
        best = choices.argmax(axis=3)
        going[t % ring] = np.take_along_axis(choices, best[..., None], axis=3)[..., 0]
        steps[t] = best - _SHIFT
    return ended[np.arange(frames - longest, frames) % ring], steps


def _backward(
    ended: NDArray[np.float32], steps: NDArray[np.int8], table: IntArray, row: int
) -> BeatPath:
    last = int(table[row].max())
    tail = ended[-last:, row]
    t, i = np.unravel_index(int(tail.argmax()), tail.shape)
    frame, index = len(steps) - last + int(t), int(i)
    score = float(tail[t, i])
    beats = [frame]
    while (frame := frame - int(table[row, index])) >= 0:
        beats.append(frame)
        index += int(steps[frame, row, index])
    return BeatPath(np.array(beats[::-1], dtype=np.int64), score / len(beats))
