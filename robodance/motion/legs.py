"""The legs under a torso: both feet where they should be, for a whole song at once.

A NAO's two legs have eleven motors (one moves both hip-yaw-pitch joints) and two placed
feet ask for twelve numbers, so the torso cannot choose its heading: it is the twelfth
unknown. Newton's method solves all samples together; it knows the legs only by the robot's
description. Ranges are not looked at here: the planner of the torso obeys them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.robots.kinematics import forward_kinematics, joint_axes, topological_joints
from robodance.robots.model import RobotModel
from robodance.robots.stability import to_world
from robodance.values import FloatArray

__all__ = [
    "TORSO_AXES",
    "FeetPoses",
    "Legs",
    "heading_pose",
    "leg_columns",
    "leg_motors",
    "legs_under",
]

TORSO_AXES = ("x", "y", "z", "roll", "pitch")
"""What a torso on placed feet can choose: metres and radians, world."""

ROUNDS = 20
CLOSED = 1e-10  # metres and radians
DAMPING = 1e-7  # keeps a step finite where a knee is straight
LONGEST_STEP_RAD = 0.3


@dataclass(frozen=True)
class FeetPoses:
    """Where the feet are in the world.

    Attributes:
        positions_m: Side to (T, 3) or (1, 3), origin of the foot's frame.
        turns: Side to (T, 3, 3) or (1, 3, 3), foot frame to world.
    """

    positions_m: dict[str, FloatArray] = field(repr=False)
    turns: dict[str, FloatArray] = field(repr=False)

    @classmethod
    def standing(
        cls, robot: RobotModel, posture_rad: FloatArray, torso_pose: FloatArray
    ) -> FeetPoses:
        """Return where a posture (J,) with its torso at a pose (7,) has the feet."""
        poses = forward_kinematics(robot, posture_rad[None], robot.feet.values())
        turn = Rotation.from_quat(torso_pose[3:]).as_matrix()
        places, turns = {}, {}
        for side, foot in robot.feet.items():
            places[side] = to_world(torso_pose[None], poses.points(foot, np.zeros(3)))
            turns[side] = turn @ poses.rotations[:, poses.index(foot)]
        return cls(places, turns)

    def part(self, first: int, last: int) -> FeetPoses:
        """Return the samples from ``first`` until ``last``; feet that stay are as they were."""

        def cut(values: FloatArray) -> FloatArray:
            return values if len(values) == 1 else values[first:last]

        return FeetPoses(
            {side: cut(place) for side, place in self.positions_m.items()},
            {side: cut(turn) for side, turn in self.turns.items()},
        )


@dataclass(frozen=True)
class Legs:
    """Legs that reach their feet.

    Attributes:
        positions_rad: Shape (T, J); other joints as they were given.
        yaw_rad: Shape (T,), the torso's heading.
        miss: Shape (T,), largest of the feet's errors, metres and radians.
        slopes: Shape (T, J, 5), how the joints change with ``TORSO_AXES``; zero elsewhere.
        yaw_slopes: Shape (T, 5), how the heading does.
    """

    positions_rad: FloatArray = field(repr=False)
    yaw_rad: FloatArray = field(repr=False)
    miss: FloatArray = field(repr=False)
    slopes: FloatArray = field(repr=False)
    yaw_slopes: FloatArray = field(repr=False)


def leg_columns(robot: RobotModel) -> tuple[int, ...]:
    """Return the columns of the joints between the torso and the feet."""
    joints = topological_joints(robot, robot.feet.values())
    return tuple(sorted(robot.index(joint.name) for joint in joints))


def leg_motors(robot: RobotModel) -> FloatArray:
    """Return how the legs' m motors move the J joints, (J, m)."""
    motors: dict[str, int] = {}
    pairs = []
    for column in leg_columns(robot):
        name = robot.joint_names[column]
        leader = robot.mirrored_joints.get(name, name)
        pairs.append((column, motors.setdefault(leader, len(motors))))
    spread = np.zeros((len(robot.joint_names), len(motors)))
    for column, motor in pairs:
        spread[column, motor] = 1.0
    return spread


def heading_pose(torso: FloatArray, yaw_rad: FloatArray) -> FloatArray:
    """Return torso poses (T, 7) from ``TORSO_AXES`` (T, 5) and headings (T,)."""
    turns = Rotation.from_euler("ZYX", np.stack([yaw_rad, torso[:, 4], torso[:, 3]], axis=1))
    quaternions = turns.as_quat()
    flips = np.einsum("ti,ti->t", quaternions[1:], quaternions[:-1]) < 0.0
    quaternions[1:] *= np.where(np.cumsum(flips) % 2, -1.0, 1.0)[:, None]
    if quaternions[0, 3] < 0.0:
        quaternions = -quaternions
    return np.hstack([torso[:, :3], quaternions])


def legs_under(
    robot: RobotModel,
    torso: FloatArray,
    feet: FeetPoses,
    start_rad: FloatArray,
    start_yaw_rad: FloatArray,
) -> Legs:
    """Return the legs that put both feet where they should be.

    Args:
        robot: The robot.
        torso: Shape (T, 5), ``TORSO_AXES``.
        feet: Where the feet are.
        start_rad: Shape (T, J), where to start from.
        start_yaw_rad: Shape (T,).
    """
    positions, yaw = np.array(start_rad), np.array(start_yaw_rad)
    motors = leg_motors(robot)
    for _ in range(ROUNDS):
        miss, by_motor, by_torso = _equations(robot, torso, feet, positions, yaw, motors)
        worst = np.abs(miss).max(axis=1)
        if worst.max() < CLOSED:
            break
        step = -_solved(by_motor, miss[:, :, None])[:, :, 0]
        step *= np.minimum(1.0, LONGEST_STEP_RAD / np.maximum(np.abs(step).max(axis=1), 1e-12))[
            :, None
        ]
        positions += step[:, :-1] @ motors.T
        yaw += step[:, -1]
    slopes = -_solved(by_motor, by_torso)  # (T, m + 1, 5)
    joints = np.einsum("jm,tmd->tjd", motors, slopes[:, :-1])
    return Legs(positions, yaw, worst, joints, slopes[:, -1])


def _solved(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """Solve square systems (T, n, n), finite where they are singular."""
    turned = matrix.swapaxes(1, 2)
    square = turned @ matrix + DAMPING * np.eye(matrix.shape[2])
    return np.asarray(np.linalg.solve(square, turned @ right))


def _equations(
    robot: RobotModel,
    torso: FloatArray,
    feet: FeetPoses,
    positions_rad: FloatArray,
    yaw_rad: FloatArray,
    motors: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the feet's errors (T, 12), and their slopes by motors and heading, and by torso.

    Errors are in the world: metres, then a rotation vector, for each foot.
    """
    samples = len(torso)
    poses = forward_kinematics(robot, positions_rad, robot.feet.values())
    axes, origins, columns = joint_axes(robot, poses)
    turn = Rotation.from_euler("ZYX", np.stack([yaw_rad, torso[:, 4], torso[:, 3]], axis=1))
    matrix = turn.as_matrix()
    up = np.array([0.0, 0.0, 1.0])
    ahead = np.stack([np.cos(yaw_rad), np.sin(yaw_rad), np.zeros(samples)], axis=1)
    across = np.stack([-np.sin(yaw_rad), np.cos(yaw_rad), np.zeros(samples)], axis=1)
    # Yaw turns about the world's z, pitch about the turned y, roll about the torso's own x.
    spins = (matrix @ np.array([1.0, 0.0, 0.0]), across, np.broadcast_to(up, ahead.shape))
    miss = np.empty((samples, 12))
    by_joint = np.zeros((samples, 12, motors.shape[0] + 1))
    by_torso = np.zeros((samples, 12, len(TORSO_AXES)))
    for k, side in enumerate(("left", "right")):
        place, spin = slice(6 * k, 6 * k + 3), slice(6 * k + 3, 6 * k + 6)
        foot = poses.index(robot.feet[side])
        arm = np.einsum("tij,tj->ti", matrix, poses.positions_m[:, foot])
        miss[:, place] = torso[:, :3] + arm - feet.positions_m[side]
        off = matrix @ poses.rotations[:, foot] @ feet.turns[side].swapaxes(1, 2)
        miss[:, spin] = Rotation.from_matrix(off).as_rotvec()
        by_torso[:, place, :3] = np.eye(3)
        for d, axis in ((3, spins[0]), (4, spins[1])):
            by_torso[:, place, d] = np.cross(axis, arm)
            by_torso[:, spin, d] = axis
        by_joint[:, place, -1] = np.cross(spins[2], arm)
        by_joint[:, spin, -1] = spins[2]
        carried = {joint.name for joint in topological_joints(robot, [robot.feet[side]])}
        for i, column in enumerate(columns):
            if robot.joint_names[column] not in carried:
                continue
            axis = np.einsum("tij,jt->ti", matrix, axes[i])
            origin = np.einsum("tij,jt->ti", matrix, origins[i])
            by_joint[:, place, column] = np.cross(axis, arm - origin)
            by_joint[:, spin, column] = axis
    by_motor = np.concatenate([by_joint[:, :, :-1] @ motors, by_joint[:, :, -1:]], axis=2)
    return miss, by_motor, by_torso
