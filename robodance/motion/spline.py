"""Uniform cubic B-splines: motions whose limits hold between the samples too.

A curve of K knots, ``step_s`` apart, has K + 2 control points per joint; around knot k
lie the control points k, k + 1, k + 2 (the one in the middle is the knot's own). Position
on a segment is a convex combination of its four control points, velocity of the
differences of neighbours over the step, acceleration of second differences over the step
squared, and acceleration is linear between knots. So limits that hold for control points
and their differences hold everywhere on the curve (de Boor, "A Practical Guide to
Splines", 1978, chapter 9).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import solve_banded

from robodance.values import FloatArray, frozen_array

__all__ = ["TAPS", "Spline", "basis", "fit_between", "fit_spline", "resting_ends"]

TAPS = 4
REST_POINTS = 3
"""Equal control points at an end: the curve starts there with no velocity or acceleration."""


@dataclass(frozen=True)
class Spline:
    """A uniform cubic B-spline of J joints.

    Attributes:
        control: Shape (K + 2, J), K knots.
        step_s: Time between knots.
        start_s: Time of knot 0.
    """

    control: FloatArray = field(repr=False)
    step_s: float
    start_s: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "control", frozen_array(self.control))

    @property
    def knots(self) -> int:
        """Number of knots, both ends counted."""
        return len(self.control) - 2

    @property
    def end_s(self) -> float:
        """Time of the last knot."""
        return self.start_s + (self.knots - 1) * self.step_s

    def at(self, times_s: FloatArray, derivative: int = 0) -> FloatArray:
        """Return the curve, or its derivative of order 0..3, at any moments. Shape (T, J)."""
        position = np.clip(
            (np.asarray(times_s, dtype=np.float64) - self.start_s) / self.step_s,
            0.0,
            self.knots - 1.0,
        )
        segment = np.minimum(position.astype(int), self.knots - 2)
        weights = basis(position - segment, derivative) / self.step_s**derivative  # (T, 4)
        result = np.zeros((len(position), self.control.shape[1]))
        for tap in range(TAPS):
            result += weights[:, tap, None] * self.control[segment + tap]
        return result

    def sampled(self, per_step: int, derivative: int = 0) -> FloatArray:
        """Return ``per_step`` samples a knot interval, knots and both ends included."""
        weights = basis(np.arange(per_step) / per_step, derivative) / self.step_s**derivative
        segments = self.knots - 1
        result = np.empty((segments * per_step + 1, self.control.shape[1]))
        for phase in range(per_step):
            result[phase:-1:per_step] = sum(
                weights[phase, tap] * self.control[tap : tap + segments] for tap in range(TAPS)
            )
        last = basis(np.ones(1), derivative)[0] / self.step_s**derivative
        result[-1] = last @ self.control[-TAPS:]
        return result

    def velocity_control(self) -> FloatArray:
        """Return the control points of the velocity. Shape (K + 1, J)."""
        return np.asarray(np.diff(self.control, axis=0) / self.step_s)

    def acceleration_control(self) -> FloatArray:
        """Return the acceleration at the knots; linear in between. Shape (K, J)."""
        return np.asarray(np.diff(self.control, 2, axis=0) / self.step_s**2)


def basis(phase: FloatArray, derivative: int = 0) -> FloatArray:
    """Return the weights of a segment's four control points.

    Args:
        phase: Shape (T,), 0..1 along the segment.
        derivative: Order 0..3, with respect to the phase.

    Returns:
        Shape (T, 4).
    """
    s = np.asarray(phase, dtype=np.float64)
    one = np.ones_like(s)
    columns = (
        ((1 - s) ** 3, 3 * s**3 - 6 * s**2 + 4, -3 * s**3 + 3 * s**2 + 3 * s + 1, s**3),
        (-3 * (1 - s) ** 2, 9 * s**2 - 12 * s, -9 * s**2 + 6 * s + 3, 3 * s**2),
        (6 * (1 - s), 18 * s - 12, -18 * s + 6, 6 * s),
        (-6 * one, 18 * one, -18 * one, 6 * one),
    )[derivative]
    return np.stack(columns, axis=-1) / 6.0


def fit_spline(values: FloatArray, step_s: float, start_s: float = 0.0) -> Spline:
    """Return the spline through given values at its knots, at rest at both ends.

    Args:
        values: Shape (K, J), K at least 2.
        step_s: Time between knots.
        start_s: Time of the first.
    """
    knots = len(values)
    bands = np.zeros((5, knots + 2))
    bands[2, 1:-1], bands[1, 2:], bands[3, :-2] = 4.0, 1.0, 1.0
    # Rest: the first and last velocities, proportional to c[k+2] - c[k], vanish.
    bands[2, 0], bands[0, 2] = -1.0, 1.0
    bands[2, -1], bands[4, -3] = 1.0, -1.0
    right = np.zeros((knots + 2, values.shape[1]))
    right[1:-1] = 6.0 * np.asarray(values)
    return Spline(solve_banded((2, 2), bands, right), step_s, start_s)


def fit_between(values: FloatArray, first: FloatArray, last: FloatArray) -> FloatArray:
    """Return control points (K + 2, J) through values (K, J) at the knots.

    Args:
        values: Shape (K, J).
        first: Shape (J,), the first control point.
        last: Shape (J,), the last one.
    """
    knots = len(values)
    bands = np.ones((3, knots))
    bands[1] = 4.0
    right = 6.0 * np.asarray(values)
    right[0] -= first
    right[-1] -= last
    inner = solve_banded((1, 1), bands, right)
    return np.concatenate([first[None], inner, last[None]])


def resting_ends(control: FloatArray, posture: FloatArray) -> FloatArray:
    """Return control points whose curve starts and ends in ``posture``, at rest."""
    result = np.array(control, dtype=np.float64)
    result[:REST_POINTS] = posture
    result[-REST_POINTS:] = posture
    return result
