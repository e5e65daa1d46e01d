"""What a robot feels while it still stands on both soles, before its dance begins.

An inertial unit knows which way is down, not how the floor lies. A trunk that then leans
beside its plan tells of the floor, which stays as it is however the dancer turns; where the
soles press tells of the floor and of a load together, and a load turns with the dancer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import asin, atan2, cos, sin

import numpy as np

from robodance.values import IntArray, Plan

__all__ = [
    "Felt",
    "bounded",
    "heading_of",
    "lean_of",
    "rows_of_commands",
    "standing_steps",
    "turned",
]

FELT_S = (0.1, 0.4)  # of the plan; before, a robot settles, afterwards its dance begins
STEEPEST_RAD = 0.1  # a robot that leans further does not stand


@dataclass(frozen=True)
class Felt:
    """What was felt so far.

    Attributes:
        lean_rad: Sums of roll and pitch beside the plan, about the world's x and y.
        leans: How many.
        pressure_m: Sums of where the soles pressed, world.
        presses: How many.
    """

    lean_rad: tuple[float, float] = (0.0, 0.0)
    leans: int = 0
    pressure_m: tuple[float, float] = (0.0, 0.0)
    presses: int = 0

    def leaning(self, roll_rad: float, pitch_rad: float, heading_rad: float) -> Felt:
        """Return it with one more lean, as a trunk of that heading has it."""
        x, y = turned((roll_rad, pitch_rad), heading_rad)
        lean = (self.lean_rad[0] + x, self.lean_rad[1] + y)
        return replace(self, lean_rad=lean, leans=self.leans + 1)

    def pressing(self, x_m: float, y_m: float) -> Felt:
        """Return it with one more point."""
        pressure = (self.pressure_m[0] + x_m, self.pressure_m[1] + y_m)
        return replace(self, pressure_m=pressure, presses=self.presses + 1)

    @property
    def floor_rad(self) -> tuple[float, float]:
        """How the floor leans, about the world's x and y."""
        x, y = (bounded(part / max(self.leans, 1), STEEPEST_RAD) for part in self.lean_rad)
        return x, y

    @property
    def middle_m(self) -> tuple[float, float] | None:
        """Where the soles pressed on the mean, world; None: that was not felt."""
        if not self.presses:
            return None
        return self.pressure_m[0] / self.presses, self.pressure_m[1] / self.presses


def standing_steps(plan: Plan, period_s: float) -> range:
    """Return the commands during which a robot stands on both soles and hardly moves.

    None where a plan begins on one foot.
    """
    since = plan.times_s - plan.times_s[0]
    there = (since >= FELT_S[0]) & (since <= FELT_S[1])
    if not there.any() or np.asarray(plan.support)[there].any():
        return range(0)
    return range(*(round(moment / period_s) for moment in FELT_S))


def rows_of_commands(plan: Plan, period_s: float) -> IntArray:
    """Return the plan's sample at each command, the last one a little beyond its end, (M,)."""
    since = plan.times_s - plan.times_s[0]
    moments = np.arange(round(plan.duration_s / period_s) + 2) * period_s
    return np.asarray(np.searchsorted(since, moments, side="right").clip(1) - 1)


def lean_of(x: float, y: float, z: float, w: float) -> tuple[float, float]:
    """Return roll and pitch of a quaternion, in its heading."""
    size = x * x + y * y + z * z + w * w
    sine = 2.0 * (w * y - z * x) / size
    roll = atan2(2.0 * (w * x + y * z), w * w - x * x - y * y + z * z)
    return roll, asin(bounded(sine, 1.0))


def heading_of(x: float, y: float, z: float, w: float) -> float:
    """Return the heading of a quaternion, -pi .. pi."""
    return atan2(2.0 * (w * z + x * y), w * w + x * x - y * y - z * z)


def turned(vector: tuple[float, float], angle_rad: float) -> tuple[float, float]:
    """Return a vector of the floor, turned."""
    (x, y), c, s = vector, cos(angle_rad), sin(angle_rad)
    return c * x - s * y, s * x + c * y


def bounded(value: float, most: float) -> float:
    """Return a value no further than ``most`` from zero."""
    return max(-most, min(value, most))
