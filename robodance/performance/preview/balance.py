"""Where a plan's zero moment point and centre of mass are on the floor, to be drawn."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from robodance.robots.dynamics import BaseMotion
from robodance.robots.kinematics import center_of_mass, forward_kinematics
from robodance.robots.model import RobotModel
from robodance.robots.stability import gravity_in_torso, to_world, zero_moment_point
from robodance.values import FloatArray, Plan

__all__ = ["balance_points"]

AT_ONCE = 8_000  # moments, to bound memory


def balance_points(robot: RobotModel, plan: Plan, robot_times_s: FloatArray) -> FloatArray:
    """Return ZMP and centre of mass on the floor.

    Args:
        robot: Who dances.
        plan: What.
        robot_times_s: Shape (N,).

    Returns:
        Shape (N, 4): ZMP x y, centre of mass x y, world, m.
    """
    joints = CubicSpline(plan.times_s, plan.positions_rad, bc_type="clamped")
    torso = CubicSpline(plan.times_s, plan.torso_pose, bc_type="clamped")
    parts = []
    for first in range(0, len(robot_times_s), AT_ONCE):
        times = robot_times_s[first : first + AT_ONCE]
        motion = [joints(times, order) for order in range(3)]
        pose, base = _torso_motion(torso, times)
        zmp = zero_moment_point(robot, motion[0], motion[1], motion[2], pose, base)
        com = to_world(pose, center_of_mass(robot, forward_kinematics(robot, motion[0])))
        parts.append(np.column_stack([zmp, com[:, :2]]))
    return np.concatenate(parts)


def _torso_motion(torso: CubicSpline, times_s: FloatArray) -> tuple[FloatArray, BaseMotion]:
    """Return poses (N, 7) and how the torso moves in its own frame.

    With q = (vector, scalar), the angular velocity in the moving frame is the vector of
    2 q* q', and its derivative that of 2 q* q''.
    """
    pose, speed, push = (np.asarray(torso(times_s, order)) for order in range(3))
    length = np.linalg.norm(pose[:, 3:], axis=1, keepdims=True)
    pose[:, 3:] /= length
    back = Rotation.from_quat(pose[:, 3:]).inv()
    return pose, BaseMotion(
        gravity_in_torso(pose),
        _seen(pose[:, 3:], speed[:, 3:] / length),
        _seen(pose[:, 3:], push[:, 3:] / length),
        np.asarray(back.apply(push[:, :3])),
    )


def _seen(turn: FloatArray, change: FloatArray) -> FloatArray:
    """Return the vector of 2 q* p for quaternions x y z w. Shape (N, 3)."""
    v, w = turn[:, :3], turn[:, 3:]
    return np.asarray(2.0 * (w * change[:, :3] - change[:, 3:] * v - np.cross(v, change[:, :3])))
