"""The legs under a torso: both feet where they should be, for a whole song at once.

A NAO's two legs have eleven motors (one moves both hip-yaw-pitch joints) and two placed
feet ask for twelve numbers, so the torso cannot choose its heading: it is the twelfth
unknown. Newton's method solves all samples together; it knows the legs only by the robot's
description. Ranges are not looked at here: the planner of the torso obeys them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.robots.kinematics import (
    crossed,
    forward_kinematics,
    joint_axes,
    topological_joints,
)
from robodance.robots.model import RobotModel
from robodance.robots.stability import to_world
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = [
    "TORSO_AXES",
    "FeetPoses",
    "Legs",
    "heading_pose",
    "knee_columns",
    "leg_columns",
    "leg_motors",
    "legs_under",
]

TORSO_AXES = ("x", "y", "z", "roll", "pitch")
"""What a torso on placed feet can choose: metres and radians, world."""

ROUNDS = 12
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
    def under(
        cls, robot: RobotModel, positions_rad: FloatArray, torso_pose: FloatArray
    ) -> FeetPoses:
        """Return where postures (T, J) with their torso at poses (T, 7) have the feet."""
        poses = forward_kinematics(robot, positions_rad, robot.feet.values())
        turn = Rotation.from_quat(torso_pose[:, 3:]).as_matrix()
        places, turns = {}, {}
        for side, foot in robot.feet.items():
            places[side] = to_world(torso_pose, poses.points(foot, np.zeros(3)))
            turns[side] = turn @ poses.rotations[:, poses.index(foot)]
        return cls(places, turns)

    @classmethod
    def standing(
        cls, robot: RobotModel, posture_rad: FloatArray, torso_pose: FloatArray
    ) -> FeetPoses:
        """Return where a posture (J,) with its torso at a pose (7,) has the feet."""
        return cls.under(robot, posture_rad[None], torso_pose[None])

    def part(self, first: int, last: int) -> FeetPoses:
        """Return the samples from ``first`` until ``last``."""
        return self.at(slice(first, last))

    def at(self, rows: IntArray | BoolArray | slice) -> FeetPoses:
        """Return some of the samples; feet that stay are as they were."""

        def chosen(values: FloatArray) -> FloatArray:
            return values if len(values) == 1 else values[rows]

        return FeetPoses(
            {side: chosen(place) for side, place in self.positions_m.items()},
            {side: chosen(turn) for side, turn in self.turns.items()},
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

    @classmethod
    def joined(cls, parts: Sequence[Legs]) -> Legs:
        """Return the legs of samples that follow each other."""
        names = [part.name for part in fields(cls)]
        return cls(*(np.concatenate([getattr(legs, name) for legs in parts]) for name in names))

    def with_rows(self, rows: BoolArray, other: Legs) -> Legs:
        """Return the legs with some samples as in another, which has those alone."""
        joined = {part.name: np.array(getattr(self, part.name)) for part in fields(self)}
        for name, whole in joined.items():
            whole[rows] = getattr(other, name)
        return Legs(**joined)


def leg_columns(robot: RobotModel) -> tuple[int, ...]:
    """Return the columns of the joints between the torso and the feet."""
    joints = topological_joints(robot, robot.feet.values())
    return tuple(sorted(robot.index(joint.name) for joint in joints))


def knee_columns(robot: RobotModel) -> tuple[int, int]:
    """Return the columns of both knees, left first."""
    return robot.index("LKneePitch"), robot.index("RKneePitch")


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
    samples, unknowns = len(torso), motors.shape[1] + 1
    miss = np.empty(samples)
    by_motor = np.empty((samples, 2 * len(TORSO_AXES) + 2, unknowns))
    by_torso = np.empty((samples, by_motor.shape[1], len(TORSO_AXES)))
    open_rows = np.arange(samples)  # those that are there need no further rounds
    for _ in range(ROUNDS):
        off, by_motor[open_rows], by_torso[open_rows] = _equations(
            robot,
            torso[open_rows],
            feet.at(open_rows),
            positions[open_rows],
            yaw[open_rows],
            motors,
        )
        worst = np.abs(off).max(axis=1)
        miss[open_rows] = worst
        away = worst >= CLOSED
        if not away.any():
            break
        open_rows = open_rows[away]
        step = -_solved(by_motor[open_rows], off[away, :, None])[:, :, 0]
        longest = np.maximum(np.abs(step).max(axis=1), 1e-12)
        step *= np.minimum(1.0, LONGEST_STEP_RAD / longest)[:, None]
        positions[open_rows] += step[:, :-1] @ motors.T
        yaw[open_rows] += step[:, -1]
    slopes = -_solved(by_motor, by_torso)  # (T, m + 1, 5)
    joints = np.einsum("jm,tmd->tjd", motors, slopes[:, :-1])
    return Legs(positions, yaw, miss, joints, slopes[:, -1])


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
    frame = Rotation.from_euler("ZYX", np.stack([yaw_rad, torso[:, 4], torso[:, 3]], axis=1))
    matrix = np.ascontiguousarray(frame.as_matrix().transpose(1, 2, 0))  # (3, 3, T)
    # Yaw turns about the world's z, pitch about the turned y, roll about the torso's own x.
    still = np.zeros(samples)
    across = np.stack([-np.sin(yaw_rad), np.cos(yaw_rad), still])
    up = np.stack([still, still, still + 1.0])
    miss = np.empty((12, samples))
    by_joint = np.zeros((motors.shape[0] + 1, 12, samples))
    by_torso = np.zeros((len(TORSO_AXES), 12, samples))
    by_torso[:3, :3] = by_torso[:3, 6:9] = np.eye(3)[:, :, None]
    for k, side in enumerate(("left", "right")):
        place, spin = slice(6 * k, 6 * k + 3), slice(6 * k + 3, 6 * k + 6)
        foot = poses.index(robot.feet[side])
        reach = _rotated(matrix, poses.origins_m[foot])
        miss[place] = torso[:, :3].T + reach - feet.positions_m[side].T
        off = np.einsum("ijt,jkt,tlk->til", matrix, poses.turns[foot], feet.turns[side])
        miss[spin] = Rotation.from_matrix(off).as_rotvec().T
        for row, axis in ((by_torso[3], matrix[:, 0]), (by_torso[4], across), (by_joint[-1], up)):
            row[place], row[spin] = crossed(axis, reach), axis
        carried = {joint.name for joint in topological_joints(robot, [robot.feet[side]])}
        for i, column in enumerate(columns):
            if robot.joint_names[column] in carried:
                axis = _rotated(matrix, axes[i])
                arm = reach - _rotated(matrix, origins[i])
                by_joint[column, place], by_joint[column, spin] = crossed(axis, arm), axis
    by_motor = np.concatenate([np.einsum("jm,jet->met", motors, by_joint[:-1]), by_joint[-1:]])
    return miss.T, by_motor.transpose(2, 1, 0), by_torso.transpose(2, 1, 0)


def _rotated(matrix: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return vectors (3, T) turned by matrices (3, 3, T)."""
    return np.asarray((matrix * vectors[None]).sum(axis=1))
