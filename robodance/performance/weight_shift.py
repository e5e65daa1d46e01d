"""Legs that bring a robot's weight back to where its plan has it.

A floor that slopes, or a load that nobody weighed, moves the pressure under the soles aside
for the whole dance, and a leg that carries alone soon has no torque left. At its beginning a
robot stands on both soles and hardly moves: how far the pressure is then from where the plan
has it is how far the weight is off. Beyond what a plan bears anyway, the pelvis is from there
on kept as far to the other side. What the floor's slope has of it stays where it is in the
world, also when a robot slips and no longer faces where it should; a load turns with it.
"""

from __future__ import annotations

from math import hypot

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.performance.felt import Felt, standing_steps, turned
from robodance.robots.kinematics import center_of_mass, forward_kinematics
from robodance.robots.legs import FeetPoses, leg_columns, legs_under
from robodance.robots.model import RobotModel
from robodance.robots.stability import to_world, zero_moment_point
from robodance.values import BoolArray, FloatArray, Plan

__all__ = ["WeightShift"]

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
        standing = standing_steps(plan, period_s)
        self._samples_per_step = period_s * SAMPLES_HZ
        moments = np.arange(0.0, plan.duration_s + 1.0 / SAMPLES_HZ, 1.0 / SAMPLES_HZ)
        rows = np.searchsorted(since, moments).clip(max=len(since) - 1)
        self.columns = list(leg_columns(robot))
        slopes = _slopes(plan, robot, rows)[:, self.columns]
        from_s = standing.stop * period_s
        ramp = np.minimum(since[rows] - from_s, plan.duration_s - since[rows]) / RAMP_S
        ramp = ramp.clip(0.0, 1.0)
        self._slopes = slopes * (ramp**2 * (3.0 - 2.0 * ramp))[:, None, None]
        felt = (since >= standing.start * period_s) & (since <= from_s)
        self._planned, self._height_m = _at_rest(plan, robot, felt)

    def against(self, felt: Felt, turned_rad: float, astray_rad: float) -> tuple[float, float]:
        """Return how to move the pelvis, in the plan's world.

        Args:
            felt: What was felt at the beginning.
            turned_rad: How far the plan has turned the robot since.
            astray_rad: How much further it has really turned.
        """
        middle = felt.middle_m
        if middle is None:
            return 0.0, 0.0
        roll, pitch = felt.floor_rad
        slope = (-self._height_m * pitch, self._height_m * roll)
        load = (self._planned[0] - middle[0] - slope[0], self._planned[1] - middle[1] - slope[1])
        by_floor, by_load = turned(slope, -astray_rad), turned(load, turned_rad)
        x, y = by_floor[0] + by_load[0], by_floor[1] + by_load[1]
        far = hypot(x, y)
        share = min(max(far - BORNE_M, 0.0), LARGEST_M) / max(far, BORNE_M)
        return share * x, share * y

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


def _at_rest(plan: Plan, robot: RobotModel, rows: BoolArray) -> tuple[list[float], float]:
    """Return where a plan's postures press on the floor on the mean, x and y, and their height.

    That is the one of their centre of mass, all in the world, metres.
    """
    positions, pose = plan.positions_rad[rows], plan.torso_pose[rows]
    still = np.zeros_like(positions)
    press = zero_moment_point(robot, positions, still, still, pose).mean(axis=0)
    com = to_world(pose, center_of_mass(robot, forward_kinematics(robot, positions)))
    return press.tolist(), float(com[:, 2].mean())
