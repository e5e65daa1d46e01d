"""The curve that a plan's samples stand for, rebuilt for the certificate.

``plan.npz`` promises the cubic spline through its samples, at rest at both ends. On a
segment between two samples it is a polynomial of degree three, so the largest position,
speed and acceleration there have closed forms: no sampling is needed to judge them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import solve_banded

from robodance.values import BoolArray, FloatArray, IntArray

__all__ = ["Curve", "Moments", "Piece"]


@dataclass(frozen=True)
class Moments:
    """N moments on the segments of a piece of curve.

    Attributes:
        segment: Shape (N,), which segment.
        since_s: Shape (N,), time since the segment's first sample.
    """

    segment: IntArray
    since_s: FloatArray

    def __len__(self) -> int:
        return len(self.segment)


@dataclass(frozen=True)
class Piece:
    """Some neighbouring segments, n of them, of a curve with C columns.

    Attributes:
        first: Index of the first segment on the whole curve.
        times_s: Shape (n + 1,).
        powers: Shape (4, C, n), coefficients of 1, u, u^2, u^3; u is the time since the
            segment's first sample.
        moving: Shape (C,), columns that are not constant on the whole curve.
        final: Whether the curve ends where the piece does.
    """

    first: int
    times_s: FloatArray
    powers: FloatArray = field(repr=False)
    moving: BoolArray
    final: bool

    @property
    def lengths_s(self) -> FloatArray:
        """Shape (n,), how long each segment takes."""
        return np.diff(self.times_s)

    def samples(self) -> Moments:
        """Return the n + 1 sample times."""
        count = len(self.times_s) - 1
        segment = np.append(np.arange(count), count - 1)
        since = np.zeros(count + 1)
        since[-1] = self.times_s[-1] - self.times_s[-2]
        return Moments(segment, since)

    def at(self, column: int, moments: Moments, order: int = 0) -> FloatArray:
        """Return one column, or a derivative. Shape (N,), or (1,) where it never moves."""
        if not self.moving[column]:
            return np.array([self.powers[0, column, 0] if order == 0 else 0.0])
        one, u1, u2, u3 = self.powers[:, column, moments.segment]
        u = moments.since_s
        if order == 0:
            return np.asarray(one + u * (u1 + u * (u2 + u * u3)))
        if order == 1:
            return np.asarray(u1 + u * (2.0 * u2 + 3.0 * u * u3))
        return np.asarray(2.0 * u2 + 6.0 * u * u3)

    def rows(self, moments: Moments, order: int = 0) -> FloatArray:
        """Return all columns, or their derivatives. Shape (N, C)."""
        columns = [self.at(c, moments, order) for c in range(self.powers.shape[1])]
        return np.stack(np.broadcast_arrays(np.zeros(len(moments)), *columns)[1:], axis=1)

    def times_of(self, moments: Moments) -> FloatArray:
        """Return moments as times. Shape (N,)."""
        return np.asarray(self.times_s[moments.segment] + moments.since_s)

    def ranges(self) -> tuple[FloatArray, FloatArray]:
        """Return the lowest and the highest position on each segment, exactly. (C, n) each."""
        one, u1, u2, u3 = self.powers
        length = self.lengths_s
        end = one + length * (u1 + length * (u2 + length * u3))
        low, high = np.minimum(one, end), np.maximum(one, end)
        # Inside, where the speed u1 + 2 u2 u + 3 u3 u^2 vanishes; the stable formula.
        root = np.sqrt(np.maximum(u2 * u2 - 3.0 * u3 * u1, 0.0))
        q = -(u2 + np.copysign(root, u2))
        real = u2 * u2 - 3.0 * u3 * u1 > 0.0
        for top, bottom in ((q, 3.0 * u3), (u1, q)):
            usable = real & (np.abs(bottom) > 0.0)
            u = np.where(usable, top / np.where(usable, bottom, 1.0), -1.0)
            inside = (u > 0.0) & (u < length)
            value = np.where(inside, one + u * (u1 + u * (u2 + u * u3)), one)
            low, high = np.minimum(low, value), np.maximum(high, value)
        return low, high

    def peaks(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the largest speed, acceleration and jerk on each segment, exactly. (C, n)."""
        _, u1, u2, u3 = self.powers
        length = self.lengths_s
        push, push_end = 2.0 * u2, 2.0 * u2 + 6.0 * length * u3
        speed = np.maximum(np.abs(u1), np.abs(u1 + length * (2.0 * u2 + 3.0 * length * u3)))
        turns = push * push_end < 0.0  # the acceleration passes through zero inside
        between = u1 - np.where(turns, u2 * u2 / np.where(turns, 3.0 * u3, 1.0), 0.0)
        return (
            np.maximum(speed, np.abs(between)),
            np.maximum(np.abs(push), np.abs(push_end)),
            np.abs(6.0 * u3),
        )


@dataclass(frozen=True)
class Curve:
    """A clamped cubic spline through samples.

    Attributes:
        times_s: Shape (T,).
        values: Shape (T, C).
        slopes: Shape (T, C), its first derivative at the samples.
        moving: Shape (C,), columns that are not constant.
    """

    times_s: FloatArray = field(repr=False)
    values: FloatArray = field(repr=False)
    slopes: FloatArray = field(repr=False)
    moving: BoolArray

    @classmethod
    def through(cls, times_s: FloatArray, values: FloatArray) -> Curve:
        """Return the spline through ``values`` with zero slope at both ends.

        Its slopes s solve, at each inner sample between steps h and k,
        ``k s[i-1] + 2 (h + k) s[i] + h s[i+1] = 3 (k d[i-1] + h d[i])`` with the divided
        differences d (de Boor, "A Practical Guide to Splines", 1978, chapter 4).
        """
        moving = values.max(axis=0) > values.min(axis=0)
        slopes = np.zeros_like(values)
        if len(times_s) > 2 and moving.any():
            steps = np.diff(times_s)
            before, after = steps[:-1], steps[1:]
            bands = np.zeros((3, len(before)))
            bands[0, 1:] = before[:-1]
            bands[1] = 2.0 * (before + after)
            bands[2, :-1] = after[1:]
            part = values[:, moving]
            divided = np.diff(part, axis=0) / steps[:, None]
            right = 3.0 * (after[:, None] * divided[:-1] + before[:, None] * divided[1:])
            slopes[1:-1, moving] = solve_banded(
                (1, 1), bands, right, overwrite_ab=True, overwrite_b=True, check_finite=False
            )
        return cls(times_s, values, slopes, moving)

    @property
    def segments(self) -> int:
        """Number of segments."""
        return len(self.times_s) - 1

    def piece(self, first: int, last: int) -> Piece:
        """Return the segments ``first`` to ``last``, the latter left out."""
        times = self.times_s[first : last + 1]
        steps = np.diff(times)
        value = np.ascontiguousarray(self.values[first : last + 1].T)
        slope = np.ascontiguousarray(self.slopes[first : last + 1].T)
        divided = np.diff(value, axis=1) / steps
        powers = np.empty((4, len(value), len(steps)))
        powers[0], powers[1] = value[:, :-1], slope[:, :-1]
        powers[2] = (3.0 * divided - 2.0 * slope[:, :-1] - slope[:, 1:]) / steps
        powers[3] = (slope[:, :-1] + slope[:, 1:] - 2.0 * divided) / steps**2
        return Piece(first, times, powers, self.moving, last >= self.segments)
