"""An arm's bones as functions of its joints, batched, with derivatives.

A bone is a line between two landmarks that both keep their place in one link; its
direction is that link's rotation times a constant. The four joints are shoulder pitch (y)
and roll (z), elbow yaw (x) and roll (z), which is what the closed-form start needs; it is
checked when an arm is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robodance.errors import ConfigError
from robodance.robots.kinematics import topological_joints
from robodance.robots.model import Joint, RobotModel
from robodance.values import FloatArray, frozen_array

__all__ = ["Arm", "arm_of"]

AXES = (np.array([0.0, 1, 0]), np.array([0.0, 0, 1]), np.array([1.0, 0, 0]), np.array([0.0, 0, 1]))


@dataclass(frozen=True)
class Arm:
    """One arm.

    Attributes:
        side: ``left`` or ``right``.
        joints: Names of shoulder pitch, shoulder roll, elbow yaw and elbow roll.
        wrist: Name of the wrist yaw joint, or None.
        upper_arm: Shape (3,), unit, shoulder to elbow in the frame after the shoulder.
        forearm: Shape (3,), unit, elbow to wrist in the frame after the elbow.
    """

    side: str
    joints: tuple[str, str, str, str]
    wrist: str | None
    upper_arm: FloatArray = field(repr=False)
    forearm: FloatArray = field(repr=False)

    def directions(self, angles_rad: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the directions of upper arm and forearm, each (T, 3), from angles (T, 4)."""
        shoulder, elbow, _ = self._frames(angles_rad)
        return shoulder @ self.upper_arm, elbow @ self.forearm

    def with_jacobians(self, angles_rad: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return directions (T, 2, 3) and their derivatives (T, 2, 3, 4)."""
        shoulder, elbow, axes = self._frames(angles_rad)
        bones = np.stack([shoulder @ self.upper_arm, elbow @ self.forearm], axis=1)
        jacobian = np.zeros((len(bones), 2, 3, 4))
        for j, axis in enumerate(axes):
            if j < 2:
                jacobian[:, 0, :, j] = np.cross(axis, bones[:, 0])
            jacobian[:, 1, :, j] = np.cross(axis, bones[:, 1])
        return bones, jacobian

    def forearm_frames(self, angles_rad: FloatArray) -> FloatArray:
        """Return the rotation of the forearm in the torso frame. Shape (T, 3, 3)."""
        return self._frames(angles_rad)[1]

    def _frames(self, q: FloatArray) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
        cos, sin = np.cos(q).T, np.sin(q).T
        samples = len(q)
        zero, one = np.zeros(samples), np.ones(samples)
        # Ry(pitch) Rz(roll), written out.
        shoulder = np.stack(
            [
                np.stack([cos[0] * cos[1], -cos[0] * sin[1], sin[0]], -1),
                np.stack([sin[1], cos[1], zero], -1),
                np.stack([-sin[0] * cos[1], sin[0] * sin[1], cos[0]], -1),
            ],
            axis=1,
        )
        # Rx(yaw) Rz(roll).
        bend = np.stack(
            [
                np.stack([cos[3], -sin[3], zero], -1),
                np.stack([cos[2] * sin[3], cos[2] * cos[3], -sin[2]], -1),
                np.stack([sin[2] * sin[3], sin[2] * cos[3], cos[2]], -1),
            ],
            axis=1,
        )
        elbow = shoulder @ bend
        pitch_axis = np.stack([zero, one, zero], -1)
        roll_axis = np.stack([sin[0], zero, cos[0]], -1)
        axes = [pitch_axis, roll_axis, shoulder[:, :, 0], elbow[:, :, 2]]
        return shoulder, elbow, axes


def arm_of(robot: RobotModel, side: str) -> Arm:
    """Return one arm of a robot.

    Raises:
        ConfigError: The arm has other joints than shoulder pitch and roll, elbow yaw and roll.
    """
    elbow_link, elbow = _carrier(robot, *robot.landmarks[f"{side}_elbow"])
    wrist_link, wrist = _carrier(robot, *robot.landmarks[f"{side}_wrist"])
    chain = topological_joints(robot, [wrist_link])
    names = tuple(joint.name for joint in chain)
    fits = len(chain) == 4 and chain[1].child == elbow_link
    if not fits or any(abs(j.axis @ a) < 1 - 1e-6 for j, a in zip(chain, AXES, strict=True)):
        raise ConfigError(
            f"{robot.name}: the {side} arm is made of {', '.join(names)}; the planner knows arms "
            "with shoulder pitch (y), shoulder roll (z), elbow yaw (x) and elbow roll (z)"
        )
    upper = elbow - _seen_from(robot, chain[:2], f"{side}_shoulder")
    fore = wrist - _seen_from(robot, chain, f"{side}_elbow")
    beyond = [j.name for j in robot.joints if j.parent == wrist_link]
    return Arm(
        side,
        (names[0], names[1], names[2], names[3]),
        beyond[0] if beyond else None,
        frozen_array(upper / np.linalg.norm(upper)),
        frozen_array(fore / np.linalg.norm(fore)),
    )


def _carrier(robot: RobotModel, link: str, offset_m: FloatArray) -> tuple[str, FloatArray]:
    """Return the first link up the tree that the point is fixed in, and where in it."""
    by_child = {joint.child: joint for joint in robot.joints}
    offset = np.asarray(offset_m, dtype=np.float64)
    while link in by_child:
        joint = by_child[link]
        if np.linalg.norm(np.cross(joint.axis, offset)) > 1e-9:
            return link, offset
        link, offset = joint.parent, offset + joint.origin_m
    return link, offset


def _seen_from(robot: RobotModel, chain: tuple[Joint, ...], landmark: str) -> FloatArray:
    """Return a landmark of the zero pose in the frame of the chain's last link."""
    by_child = {joint.child: joint for joint in robot.joints}
    link, offset = robot.landmarks[landmark]
    point = np.asarray(offset, dtype=np.float64)
    while link in by_child:
        point = point + by_child[link].origin_m
        link = by_child[link].parent
    return np.asarray(point - sum(joint.origin_m for joint in chain))
