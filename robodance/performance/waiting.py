"""A dance that waits until the weight has come off the foot that it is about to lift.

A push, or a foot that lands askew, sets a robot rocking from side to side, out of step with its
plan. Where the plan then lifts a foot that the robot still leans on, the robot drops to the other
side, faster than before, and tips over that foot's outer edge. So the plan's clock comes to a stand
before such a foot leaves the floor, until the robot has rocked back (phase resetting, as Aoi and
Tsuchiya, *Autonomous Robots* 19, 2005, do at touchdown). Then it goes a little faster, where speed
and acceleration leave it room, until the dance is where its music is again.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import minimum_filter1d

from robodance.performance.conductor import executed_curve
from robodance.performance.felt import rows_of_commands
from robodance.values import FloatArray, Plan

__all__ = ["Waited", "Waiting"]

BEFORE_S = 0.15  # a foot is lifted: from when on the weight should be off it
OFF_RAD = 0.035  # lean towards that foot up to which it is
RAMP_S = 0.1  # in which the clock comes to a stand, and goes again
LONGEST_S = 0.5  # behind the music
FASTEST = 1.25  # of the clock, where the limits leave room
NEAR_S = 0.05  # of a moment: how far around it there has to be room
ON_LEFT, ON_RIGHT = 1, 2


@dataclass(frozen=True)
class Waited:
    """How far a dance is behind.

    Attributes:
        late: Commands.
        pace: Of the plan's clock; 1: as planned.
        most: Commands that it was behind at most.
    """

    late: float = 0.0
    pace: float = 1.0
    most: float = 0.0


class Waiting:
    """When a plan waits.

    Args:
        plan: The plan.
        period_s: Time between commands.
    """

    def __init__(self, plan: Plan, period_s: float) -> None:
        self._plan, self._period_s = plan, period_s
        self._curve = executed_curve(plan)
        rows = rows_of_commands(plan, period_s)
        support = np.asarray(plan.support)[rows]
        lifted = np.zeros(len(rows), dtype=int)
        for first in np.flatnonzero(np.diff(support, prepend=0)):
            if support[first]:
                window = slice(max(first - round(BEFORE_S / period_s), 0), first)
                lifted[window] = ON_LEFT + ON_RIGHT - support[first]
        self._lifted: list[int] = lifted.tolist()
        paces = _paces(plan, self._curve)[rows]
        self._paces: list[float] = paces.tolist()
        # What is still to come has to be enough to make up for it.
        room = np.cumsum((paces - 1.0)[::-1])[::-1]
        self._longest: list[float] = np.minimum(LONGEST_S / period_s, room).tolist()

    def after(self, waited: Waited, now: int, roll_rad: float) -> Waited:
        """Return how far a dance is behind, one command later.

        Args:
            waited: How far until now.
            now: The plan's command.
            roll_rad: How far the trunk leans to the right beside the plan.
        """
        now = min(now, len(self._lifted) - 1)
        side = self._lifted[now]
        if not side and not waited.late:
            return waited
        onto = roll_rad if side == ON_RIGHT else -roll_rad
        waits = side and onto > OFF_RAD and waited.late < self._longest[now]
        ramp = self._period_s / RAMP_S
        # No faster than it can slow down from until it has made up for it.
        wanted = 0.0 if waits else min(self._paces[now], 1.0 + sqrt(2.0 * ramp * waited.late))
        pace = waited.pace + max(-ramp, min(wanted - waited.pace, ramp))
        late = waited.late + 1.0 - pace
        if late <= 0.0:
            return Waited(most=waited.most)
        return Waited(late, pace, max(late, waited.most))

    def command(self, step: int, waited: Waited, unbroken_rad: FloatArray) -> FloatArray:
        """Return what a plan commands, (J,) rad.

        Args:
            step: Commands since its beginning.
            waited: How far it is behind.
            unbroken_rad: Its command if it is not, (J,).
        """
        if not waited.late:
            return unbroken_rad
        since = min((step - waited.late) * self._period_s, self._plan.duration_s)
        return np.asarray(self._curve(self._plan.times_s[0] + since))


def _paces(plan: Plan, curve: CubicSpline) -> FloatArray:
    """Return how fast the clock may go at each sample so that no joint breaks a limit, (T,)."""
    speed = (np.abs(curve(plan.times_s, 1)) / plan.velocity_limits_rad_s).max(axis=1)
    push = (np.abs(curve(plan.times_s, 2)) / plan.acceleration_limits_rad_s2).max(axis=1)
    room = 1.0 / np.maximum(np.maximum(speed, np.sqrt(push)), 1.0 / FASTEST)
    samples = round(NEAR_S * (len(plan.times_s) - 1) / plan.duration_s)
    return np.asarray(minimum_filter1d(room, 2 * samples + 1).clip(min=1.0))
