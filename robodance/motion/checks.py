"""Looking at a motion: where it comes too near to itself, or to tipping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from robodance.motion.balance import Stand
from robodance.motion.collision import Bodies
from robodance.motion.spline import TAPS, Spline
from robodance.motion.windows import MANY_POINTS, Run, runs_of
from robodance.values import BoolArray, FloatArray

__all__ = ["CHECKS_PER_STEP", "Asked", "Check", "look_again", "look_at"]

CHECKS_PER_STEP = 4
CLOSER_CHECKS_PER_STEP = 16
BETWEEN_SAMPLES_M = 0.004  # what parts that fly past each other gain and lose in 10 ms
ZMP_BETWEEN_SAMPLES_M = 0.005  # accelerations are linear between knots


@dataclass(frozen=True)
class Asked:
    """What a motion has to keep.

    Attributes:
        bodies: Apart.
        stand: On its feet.
        step_s: Between its knots.
        zmp_m: The ZMP's least distance to the edge of what carries the robot.
    """

    bodies: Bodies = field(repr=False)
    stand: Stand = field(repr=False)
    step_s: float
    zmp_m: float


@dataclass(frozen=True)
class Check:
    """Where a motion is too near to itself or too near to tipping, per knot interval.

    Attributes:
        near: Shape (K - 1,), metres missing between parts of the body.
        tipping: Shape (K - 1,), metres missing to the edge of what carries the robot.
    """

    near: FloatArray = field(repr=False)
    tipping: FloatArray = field(repr=False)

    @property
    def clean(self) -> bool:
        """Whether it is neither anywhere."""
        return not (self.near.any() or self.tipping.any())

    @property
    def bad(self) -> BoolArray:
        """At which knot intervals it is one of both."""
        return np.asarray((self.near > 0.0) | (self.tipping > 0.0))


def look_at(asked: Asked, control: FloatArray, first: int) -> Check:
    """Look at a piece of a motion, between its knots too, closer where it is close.

    Args:
        asked: What it has to keep.
        control: Shape (n, J), control points of the piece.
        first: Its first one's number in the whole.
    """
    step_s = asked.step_s
    spline = Spline(control, step_s)
    samples = np.linspace(0.0, spline.end_s, (spline.knots - 1) * CHECKS_PER_STEP + 1)
    near = _by_segment(asked.bodies.shortfall(spline.at(samples), 2 * BETWEEN_SAMPLES_M))
    lean = _by_segment(asked.zmp_m - asked.stand.zmp_margins(spline, samples, first * step_s))
    close = np.flatnonzero((near > -BETWEEN_SAMPLES_M) | (lean > -ZMP_BETWEEN_SAMPLES_M))
    if len(close):
        phases = np.arange(CLOSER_CHECKS_PER_STEP) / CLOSER_CHECKS_PER_STEP
        moments = (close[:, None] + phases) * step_s
        short = asked.bodies.shortfall(spline.at(moments.ravel()), 2 * BETWEEN_SAMPLES_M)
        near[close] = np.maximum(near[close], short.reshape(moments.shape).max(axis=1))
        margins = asked.stand.zmp_margins(spline, moments.ravel(), first * step_s)
        margins = margins.reshape(moments.shape)
        lean[close] = np.maximum(lean[close], asked.zmp_m - margins.min(axis=1))
    return Check(np.maximum(near, 0.0), np.maximum(lean, 0.0))


def look_again(
    check: Check,
    window: BoolArray,
    look: Callable[[FloatArray, Sequence[Run]], list[Check]],
    control: FloatArray,
) -> Check:
    """Look at what has changed only; everything else was clean or has changed.

    Args:
        check: What was known before.
        window: Shape (N,), control points that have changed.
        look: Looks at pieces of control points.
        control: Shape (N, J), all of them.
    """
    near, tipping = check.near.copy(), check.tipping.copy()
    pieces = []
    for first, last in runs_of(window):
        middle = (first + last) // 2
        cuts = [first, middle, last] if last - first > MANY_POINTS else [first, last]
        for a, b in pairwise(cuts):
            pieces.append((max(a - TAPS + 1, 0), min(b + TAPS - 1, len(control))))
    for (low, high), part in zip(pieces, look(control, pieces), strict=True):
        near[low : high - TAPS + 1] = part.near
        tipping[low : high - TAPS + 1] = part.tipping
    return Check(near, tipping)


def _by_segment(values: FloatArray) -> FloatArray:
    """Return the largest of the samples of each knot interval, both its ends counted."""
    inner = values[:-1].reshape(-1, CHECKS_PER_STEP).max(axis=1)
    return np.asarray(np.maximum(inner, values[CHECKS_PER_STEP::CHECKS_PER_STEP]))
