"""Legs that bring a robot's weight back to where its plan has it.

A floor that slopes, or a load that nobody weighed, moves the pressure under the soles aside
for the whole dance, and a leg that carries alone soon has no torque left. At its beginning a
robot stands on both soles and hardly moves: how far the pressure is then from where the plan
has it is how far the weight is off. Beyond what a plan bears anyway, the pelvis is from there
on kept as far to the other side.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.robots.kinematics import forward_kinematics
from robodance.robots.legs import FeetPoses, leg_columns, legs_under
from robodance.robots.model import RobotModel
from robodance.robots.stability import to_world, zero_moment_point
from robodance.values import FloatArray, Plan

__all__ = ["WeightShift"]

FELT_S = (0.1, 0.4)  # of the plan; before, a robot settles, afterwards its dance begins
RAMP_S = 1.5
BORNE_M = 0.006  # off is what a plan bears: legs shifted for it, too, stand no better
LARGEST_M = 0.025
SAMPLES_HZ = 25.0  # of the legs' slopes, between which it is straight
LARGEST_SLOPE_RAD_M = 15.0  # a straight knee would have none


class WeightShift:
    """What a plan's legs do when its weight is off.

    Args:
        plan: The plan.
        robot: Its robot.
        period_s: Time between commands.

    Attributes:
        columns: Those of the L joints between torso and feet.
    """

    def __init__(self, plan: Plan, robot: RobotModel, period_s: float) -> None:
        since = plan.times_s - plan.times_s[0]
        self._felt = tuple(round(moment / period_s) for moment in FELT_S)
        self._samples_per_step = period_s * SAMPLES_HZ
        moments = np.arange(0.0, plan.duration_s + 1.0 / SAMPLES_HZ, 1.0 / SAMPLES_HZ)
        rows = np.searchsorted(since, moments).clip(max=len(since) - 1)
        self.columns = list(leg_columns(robot))
        slopes = _slopes(plan, robot, rows)[:, self.columns]
        ramp = np.minimum(since[rows] - FELT_S[1], plan.duration_s - since[rows]) / RAMP_S
        ramp = ramp.clip(0.0, 1.0)
        self._slopes = slopes * (ramp**2 * (3.0 - 2.0 * ramp))[:, None, None]
        while_felt = (since >= FELT_S[0]) & (since <= FELT_S[1])
        self._stands = bool(while_felt.any()) and not plan.support[while_felt].any()
        self._planned = _at_rest(plan, robot, while_felt) if self._stands else np.zeros(2)

    def feels(self, step: int) -> bool:
        """Whether the pressure counts at a command: on both soles, at the plan's beginning."""
        return self._stands and self._felt[0] <= step < self._felt[1]

    def against(self, pressure_m: FloatArray) -> FloatArray:
        """Return how to move the pelvis, (2,), world.

        Args:
            pressure_m: Shape (2,), world: middle of the soles' pressure while it counted.
        """
        off = self._planned - pressure_m
        far = float(np.linalg.norm(off))
        return np.asarray(off * min(max(far - BORNE_M, 0.0), LARGEST_M) / max(far, BORNE_M))

    def legs(self, step: int, shift_m: FloatArray) -> FloatArray:
        """Return what that adds to the legs at a command, (L,) rad."""
        place = min(step * self._samples_per_step, len(self._slopes) - 1.0)
        before = int(place)
        after = min(before + 1, len(self._slopes) - 1)
        share = place - before
        slopes = (1.0 - share) * self._slopes[before] + share * self._slopes[after]
        return np.asarray(slopes @ shift_m)


def _slopes(plan: Plan, robot: RobotModel, rows: FloatArray) -> FloatArray:
    """Return by how much joints change when the pelvis moves over soles that stay, (N, J, 2)."""
    positions, pose = plan.positions_rad[rows], plan.torso_pose[rows]
    poses = forward_kinematics(robot, positions, robot.feet.values())
    turns = Rotation.from_quat(pose[:, 3:])
    feet = FeetPoses(
        {s: to_world(pose, poses.points(foot, np.zeros(3))) for s, foot in robot.feet.items()},
        {
            s: turns.as_matrix() @ poses.rotations[:, poses.index(foot)]
            for s, foot in robot.feet.items()
        },
    )
    yaw, pitch, roll = turns.as_euler("ZYX").T
    torso = np.column_stack([pose[:, :3], roll, pitch])
    slopes = legs_under(robot, torso, feet, positions, yaw).slopes[:, :, :2]
    return slopes.clip(-LARGEST_SLOPE_RAD_M, LARGEST_SLOPE_RAD_M)


def _at_rest(plan: Plan, robot: RobotModel, rows: FloatArray) -> FloatArray:
    """Return where a plan's postures press on the floor on the mean, (2,), world."""
    positions, pose = plan.positions_rad[rows], plan.torso_pose[rows]
    still = np.zeros_like(positions)
    return np.asarray(zero_moment_point(robot, positions, still, still, pose).mean(axis=0))
