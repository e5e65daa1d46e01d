"""Steps that turn a robot back to where it should face.

Late motors with play in their gears turn a robot away a little with each step, by a degree or
so; within a minute it dances with its back to those who watch, and leans that were planned
forward go aside. Which way it faces an inertial unit knows. A leg that swings turns its foot out
or in by some of that before it lands, and the standing leg turns the trunk alike: a NAO's one
hip-yaw-pitch motor turns both feet out, or both in. The next step brings them back, so that
two steps turn the robot by twice as much. Where feet and pelvis are beside each other stays as
planned; while both soles stand, nothing turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.performance.felt import bounded, rows_of_commands
from robodance.performance.leg_slopes import LegSlopes, stances
from robodance.robots.legs import FeetPoses, legs_under
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, IntArray, Plan

__all__ = ["TurnBack", "Turned"]

LARGEST_RAD = 0.06  # of a foot, out or in
PROGRESS = (0.2, 0.75)  # of a swing: when feet turn
SHORTEST_S = 0.2  # of a swing that turns its foot
EASE = 1.0  # what a turned foot counts beside a heading astray by as much
SMOOTH_S = 0.3  # of the heading: hips that turn are late
PROBE_RAD = 0.02


@dataclass(frozen=True)
class Turned:
    """How far feet are turned out.

    Attributes:
        astray_rad: How much further to the left than planned the robot faces, smoothed.
        from_rad: Before the step that is under way, or the last one.
        to_rad: After it.
    """

    astray_rad: float = 0.0
    from_rad: float = 0.0
    to_rad: float = 0.0


class TurnBack:
    """What a plan's steps do when its robot faces elsewhere.

    Args:
        plan: The plan.
        robot: Its robot.
        period_s: Time between commands.

    Attributes:
        columns: Those of the L joints between torso and feet.
    """

    def __init__(self, plan: Plan, robot: RobotModel, period_s: float) -> None:
        self._share = min(period_s / SMOOTH_S, 1.0)
        self._slopes = LegSlopes.of(plan, robot, period_s, _slopes)
        self.columns = self._slopes.columns
        support = np.asarray(plan.support)[rows_of_commands(plan, period_s)]
        done = np.ones(len(support))
        self._begins: dict[int, float] = {}
        changes = np.flatnonzero(np.diff(support, prepend=0, append=0))
        for first, end in pairwise(changes.tolist()):
            if first < len(support) and support[first] and (end - first) * period_s >= SHORTEST_S:
                self._begins[first] = 1.0 if support[first] == 1 else -1.0
                share = (np.arange(end - first) / (end - first) - PROGRESS[0]) / np.diff(PROGRESS)
                share = share.clip(0.0, 1.0)
                done[first:end] = share**2 * (3.0 - 2.0 * share)
        self._done: list[float] = done.tolist()

    def after(self, turned: Turned, passed: range, astray_rad: float) -> Turned:
        """Return how feet turn, one command later.

        Args:
            turned: How until now.
            passed: The plan's commands that come next: one, none while it waits, or two.
            astray_rad: How much further to the left than planned the robot faces.
        """
        astray = turned.astray_rad + self._share * (astray_rad - turned.astray_rad)
        side = next((self._begins[step] for step in passed if step in self._begins), None)
        if side is None:
            return Turned(astray, turned.from_rad, turned.to_rad)
        # Turned out from a to b on the left foot, a robot faces b - a less to the left.
        out = (side * astray + turned.to_rad) / (1.0 + EASE)
        return Turned(astray, turned.to_rad, bounded(out, LARGEST_RAD))

    def out_rad(self, step: int, turned: Turned) -> float:
        """Return how far feet are turned out at a command."""
        done = self._done[min(step, len(self._done) - 1)]
        return turned.from_rad + done * (turned.to_rad - turned.from_rad)

    def legs(self, step: int, turned: Turned) -> FloatArray:
        """Return what that adds to the legs at a command, (L,) rad."""
        return np.asarray(self.out_rad(step, turned) * self._slopes.at(step))


def _slopes(plan: Plan, robot: RobotModel, rows: IntArray) -> FloatArray:
    """Return by how much joints change when both feet turn out below a pelvis, (N, J)."""
    positions = plan.positions_rad[rows]
    torso, feet, yaw = stances(plan, robot, rows)
    out = {
        side: Rotation.from_rotvec([0.0, 0.0, PROBE_RAD * sign]).as_matrix() @ feet.turns[side]
        for side, sign in (("left", 1.0), ("right", -1.0))
    }
    turned = legs_under(robot, torso, FeetPoses(feet.positions_m, out), positions, yaw)
    return np.asarray((turned.positions_rad - positions) / PROBE_RAD)
