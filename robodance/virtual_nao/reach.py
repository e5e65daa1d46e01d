"""Joint angles that bring parts of the virtual NAO where they are wanted.

NAOqi's documents name the method: the pseudo-inverse of the Jacobian, over the joints of the
effector's chain. Here it is damped, so that what is out of reach is come near to, calmly; all
moments of a way are solved at once. The torso is moved by both legs, whose feet stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.robots.kinematics import LinkPoses, crossed, forward_kinematics, topological_joints
from robodance.robots.model import RobotModel
from robodance.values import FloatArray
from robodance.virtual_nao.frames import Place

__all__ = ["Goal", "follow_keys", "reach"]

STEPS = 40
DAMPING_M = 0.004
RADIAN_M = 0.1  # what a radian of turn counts beside a metre of way
TRIES = 3  # joints that reach a limit are found one after the other
AT_LIMIT_RAD = 1e-4
WAY_M = 0.05  # most that is asked for in one step of the solution
STEP_RAD = 0.2  # most that a joint moves in one step of the solution


@dataclass(frozen=True)
class Goal:
    """Where a part should be, at T moments.

    Attributes:
        place: The part.
        poses: Shape (T, 4, 4), wanted, in the torso frame.
        axes: Shape (T, 3, 3), torso frame to the frame whose axes are meant.
        mask: Shape (6,), which of x y z and the turns about them are wanted.
    """

    place: Place
    poses: FloatArray
    axes: FloatArray
    mask: FloatArray


def reach(
    robot: RobotModel, start_rad: FloatArray, columns: Sequence[int], goals: Sequence[Goal]
) -> FloatArray:
    """Return joint angles (T, J) that come as near to the goals as the joints allow.

    Args:
        robot: The robot.
        start_rad: Shape (J,), where the search begins.
        columns: The motors that may move.
        goals: What is wanted, all at the same T moments.
    """
    moments = len(goals[0].poses)
    angles = np.tile(start_rad, (moments, 1))
    low, high = robot.position_limits_rad[list(columns)].T
    links = {goal.place.link for goal in goals}
    for _ in range(STEPS):
        poses = forward_kinematics(robot, angles, links)
        parts = [_way_to(robot, poses, goal) for goal in goals]
        error = np.concatenate([part[0] for part in parts], axis=1)
        slope = np.concatenate([part[1] for part in parts], axis=1)
        for twin, leader in robot.mirrored_joints.items():
            slope[:, :, robot.index(leader)] += slope[:, :, robot.index(twin)]
        now = angles[:, list(columns)]
        step = _step(error, slope[:, :, list(columns)], low - now, high - now)
        angles[:, list(columns)] = np.clip(now + step, low, high)
        for twin, leader in robot.mirrored_joints.items():
            angles[:, robot.index(twin)] = angles[:, robot.index(leader)]
    return angles


def follow_keys(
    start: FloatArray, keys: FloatArray, times_s: FloatArray, grid_s: FloatArray
) -> FloatArray:
    """Return a smooth way (N, n) from a start (n,) through keys (K, n), at rest at both ends."""
    times = np.concatenate([[0.0], times_s])
    points = np.concatenate([start[None], keys])
    slopes = np.zeros_like(points)
    slopes[1:-1] = (points[2:] - points[:-2]) / (times[2:] - times[:-2])[:, None]
    k = np.clip(np.searchsorted(times, grid_s, side="right") - 1, 0, len(times) - 2)
    length = (times[k + 1] - times[k])[:, None]
    s = np.clip((grid_s - times[k])[:, None] / length, 0.0, 1.0)
    there = s * s * (3.0 - 2.0 * s)
    leaving, arriving = s * (1.0 - s) ** 2 * length, s * s * (s - 1.0) * length
    return np.asarray(
        points[k] + there * (points[k + 1] - points[k])
        + leaving * slopes[k] + arriving * slopes[k + 1]
    )  # fmt: skip


def _step(error: FloatArray, slope: FloatArray, down: FloatArray, up: FloatArray) -> FloatArray:
    """Return a step of the joints (T, n); those at a limit leave the work to the others.

    Args:
        error: Shape (T, M), what is missing.
        slope: Shape (T, M, n), how the joints change it.
        down: Shape (T, n), to the lower limits.
        up: Shape (T, n), to the upper ones.
    """
    free = np.ones(down.shape)
    for _ in range(TRIES):
        moves = slope * free[:, None]
        square = moves @ moves.transpose(0, 2, 1) + DAMPING_M**2 * np.eye(moves.shape[1])
        step = (moves.transpose(0, 2, 1) @ np.linalg.solve(square, error[:, :, None]))[:, :, 0]
        most = np.maximum(np.abs(step).max(axis=1, keepdims=True), STEP_RAD)
        step = step * (STEP_RAD / most)
        free[(step < down - AT_LIMIT_RAD) | (step > up + AT_LIMIT_RAD)] = 0.0
    return np.asarray(step)


def _way_to(robot: RobotModel, poses: LinkPoses, goal: Goal) -> tuple[FloatArray, FloatArray]:
    """Return what is missing (T, M), in metres, and how joints change it, (T, M, J)."""
    k, offset = poses.index(goal.place.link), goal.place.pose[:3, 3]
    at = poses.turned(goal.place.link, offset) + poses.origins_m[k]
    turn = poses.rotations[:, k] @ goal.place.pose[:3, :3]
    way = goal.poses[:, :3, 3] - at.T
    way *= WAY_M / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), WAY_M)
    spin = Rotation.from_matrix(goal.poses[:, :3, :3] @ turn.transpose(0, 2, 1)).as_rotvec()
    moves = np.zeros((6, len(robot.joint_names), len(way)))
    for joint in topological_joints(robot, [goal.place.link]):
        axis = poses.turned(joint.child, joint.axis)
        arm = at - poses.origins_m[poses.index(joint.child)]
        column = robot.index(joint.name)
        moves[:3, column], moves[3:, column] = crossed(axis, arm), axis
    both = np.stack([way, RADIAN_M * spin], axis=1)  # (T, 2, 3)
    slope = moves.transpose(2, 0, 1).reshape(len(way), 2, 3, -1) * [[[[1.0]], [[RADIAN_M]]]]
    error = np.einsum("tij,tkj->tki", goal.axes, both).reshape(len(way), 6)
    slope = np.einsum("tij,tkjm->tkim", goal.axes, slope).reshape(len(way), 6, -1)
    wanted = np.nonzero(goal.mask)[0]
    return error[:, wanted], slope[:, wanted]
