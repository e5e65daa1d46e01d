"""Where the links of a robot are, for a whole song at once.

All functions are batched over ``T`` samples in time and work in the torso frame (x
forward, y left, z up). At the zero pose every joint frame is parallel to the torso, so a
link's rotation is the product of the rotations about the joints' axes. The angle of a
joint is the column of ``positions_rad`` with its name; hands are not part of the tree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from robodance.robots.model import Joint, RobotModel
from robodance.values import FloatArray

__all__ = [
    "LinkPoses",
    "center_of_mass",
    "forward_kinematics",
    "jacobian",
    "joint_axes",
    "landmark_positions",
    "topological_joints",
]


@dataclass(frozen=True)
class LinkPoses:
    """Poses of L links at T moments.

    Attributes:
        links: The L link names, parents before children.
        rotations: Shape (T, L, 3, 3), link frame to torso frame.
        positions_m: Shape (T, L, 3), origin of the link frame in the torso frame.
    """

    links: tuple[str, ...]
    rotations: FloatArray = field(repr=False)
    positions_m: FloatArray = field(repr=False)

    def index(self, link: str) -> int:
        """Return the position of a link among ``links``."""
        return self.links.index(link)

    def points(self, link: str, offset_m: ArrayLike) -> FloatArray:
        """Return a point fixed in a link, in the torso frame. Shape (T, 3)."""
        i = self.index(link)
        offset = np.asarray(offset_m, dtype=np.float64)
        return np.asarray(self.positions_m[:, i] + self.rotations[:, i] @ offset)


def topological_joints(robot: RobotModel, links: Iterable[str] | None = None) -> tuple[Joint, ...]:
    """Return the joints that carry ``links`` (all by default), parents before children."""
    by_child = {joint.child: joint for joint in robot.joints}
    wanted = {joint.child for joint in robot.joints} if links is None else set(links)
    order: list[Joint] = []
    done = {robot.base_link}

    def add(link: str) -> None:
        if link in done:
            return
        joint = by_child[link]
        add(joint.parent)
        done.add(link)
        order.append(joint)

    for joint in robot.joints:
        if joint.child in wanted:
            add(joint.child)
    return tuple(order)


def forward_kinematics(
    robot: RobotModel, positions_rad: FloatArray, links: Iterable[str] | None = None
) -> LinkPoses:
    """Return where the links are.

    Args:
        robot: J joint names.
        positions_rad: Shape (T, J).
        links: Only these links (and those that carry them); None: all.
    """
    joints = topological_joints(robot, links)
    names = (robot.base_link, *(joint.child for joint in joints))
    where = {name: i for i, name in enumerate(names)}
    samples = len(positions_rad)
    rotations = np.empty((len(names), samples, 3, 3))
    positions = np.empty((len(names), samples, 3))
    rotations[0], positions[0] = np.eye(3), 0.0
    for joint in joints:
        parent, child = where[joint.parent], where[joint.child]
        angles = positions_rad[:, robot.index(joint.name)]
        positions[child] = positions[parent] + rotations[parent] @ np.asarray(joint.origin_m)
        rotations[child] = _turned(rotations[parent], np.asarray(joint.axis), angles)
    return LinkPoses(names, rotations.swapaxes(0, 1), positions.swapaxes(0, 1))


def joint_axes(robot: RobotModel, poses: LinkPoses) -> tuple[FloatArray, FloatArray, list[int]]:
    """Return the axes of the joints that ``poses`` contains.

    Returns:
        Unit axes (T, K, 3) and origins (T, K, 3) in the torso frame, and the K columns of
        the joints in ``robot.joint_names``.
    """
    joints = [joint for joint in topological_joints(robot) if joint.child in poses.links]
    where = [poses.index(joint.child) for joint in joints]
    local = np.array([joint.axis for joint in joints])
    axes = np.einsum("tkij,kj->tki", poses.rotations[:, where], local)
    return axes, poses.positions_m[:, where], [robot.index(joint.name) for joint in joints]


def jacobian(
    robot: RobotModel, poses: LinkPoses, link: str, offset_m: ArrayLike = (0.0, 0.0, 0.0)
) -> FloatArray:
    """Return how a point fixed in a link moves with each joint, in the torso frame.

    Left and right hip-yaw-pitch have a column each; whoever moves them as the one motor
    that they are adds the two.

    Returns:
        Shape (T, 3, J), metres per radian; zero for joints that do not carry the link.
    """
    point = poses.points(link, offset_m)
    carriers = {joint.name for joint in topological_joints(robot, [link])}
    axes, origins, columns = joint_axes(robot, poses)
    result = np.zeros((len(point), 3, len(robot.joint_names)))
    for k, column in enumerate(columns):
        if robot.joint_names[column] in carriers:
            result[:, :, column] = np.cross(axes[:, k], point - origins[:, k])
    return result


def center_of_mass(robot: RobotModel, poses: LinkPoses) -> FloatArray:
    """Return the centre of mass in the torso frame. Shape (T, 3), metres."""
    total = sum(link.mass_kg for link in robot.links)
    moments = np.zeros((len(poses.positions_m), 3))
    for link in robot.links:
        moments += link.mass_kg * poses.points(link.name, link.com_m)
    return moments / total


def landmark_positions(robot: RobotModel, poses: LinkPoses) -> dict[str, FloatArray]:
    """Return the named points on the robot that stand for the dancer's joints, each (T, 3)."""
    return {name: poses.points(link, offset) for name, (link, offset) in robot.landmarks.items()}


def _turned(rotations: FloatArray, axis: FloatArray, angles: FloatArray) -> FloatArray:
    """Return ``rotations @ Rot(axis, angle)``: Rodrigues' formula, batched."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    flat = rotations.reshape(-1, 3)
    first = (flat @ cross).reshape(rotations.shape)
    second = (flat @ (cross @ cross)).reshape(rotations.shape)
    sin, cos = np.sin(angles)[:, None, None], np.cos(angles)[:, None, None]
    return np.asarray(rotations + sin * first + (1.0 - cos) * second)
