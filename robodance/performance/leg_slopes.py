"""How a plan's legs follow something that changes little, sampled, and straight in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.robots.legs import FeetPoses, leg_columns
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, IntArray, Plan

__all__ = ["LegSlopes", "sampled_rows", "stances"]

SAMPLES_HZ = 25.0


@dataclass(frozen=True)
class LegSlopes:
    """By how much joints change.

    Attributes:
        columns: Those of the L joints between torso and feet.
        values: Shape (N, L, ...), ``SAMPLES_HZ`` a second of the plan.
        samples_per_step: How many of them pass from one command to the next.
    """

    columns: list[int]
    values: FloatArray = field(repr=False)
    samples_per_step: float

    @classmethod
    def of(
        cls,
        plan: Plan,
        robot: RobotModel,
        period_s: float,
        slopes: Callable[[Plan, RobotModel, IntArray], FloatArray],
    ) -> LegSlopes:
        """Return those of a plan.

        Args:
            plan: The plan.
            robot: Its robot.
            period_s: Time between commands.
            slopes: Returns those of all joints, (N, J, ...), at rows (N,) of the plan.
        """
        columns = list(leg_columns(robot))
        values = slopes(plan, robot, sampled_rows(plan))[:, columns]
        return cls(columns, values, period_s * SAMPLES_HZ)

    def at(self, step: int) -> FloatArray:
        """Return the slopes at a command, (L, ...)."""
        place = min(step * self.samples_per_step, len(self.values) - 1.0)
        before = int(place)
        after = min(before + 1, len(self.values) - 1)
        share = place - before
        return np.asarray((1.0 - share) * self.values[before] + share * self.values[after])


def stances(
    plan: Plan, robot: RobotModel, rows: IntArray
) -> tuple[FloatArray, FeetPoses, FloatArray]:
    """Return what ``legs_under`` asks of rows (N,) of a plan.

    The torso (N, 5), ``legs.TORSO_AXES``; where the feet are; the torso's heading (N,).
    """
    pose = plan.torso_pose[rows]
    yaw, pitch, roll = Rotation.from_quat(pose[:, 3:]).as_euler("ZYX").T
    torso = np.column_stack([pose[:, :3], roll, pitch])
    return torso, FeetPoses.under(robot, plan.positions_rad[rows], pose), yaw


def sampled_rows(plan: Plan) -> IntArray:
    """Return the rows of a plan at which slopes are sampled, (N,)."""
    moments = np.arange(0.0, plan.duration_s + 1.0 / SAMPLES_HZ, 1.0 / SAMPLES_HZ)
    since = plan.times_s - plan.times_s[0]
    return np.asarray(np.searchsorted(since, moments).clip(max=len(since) - 1))
