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
    "crossed",
    "forward_kinematics",
    "jacobian",
    "joint_axes",
    "landmark_positions",
    "topological_joints",
]


@dataclass(frozen=True)
class LinkPoses:
    """Poses of L links at T moments.

    Samples come last in memory, so that each number of a pose is one contiguous row over
    the whole song: that is what makes everything built on it quick.

    Attributes:
        links: The L link names, parents before children.
        turns: Shape (L, 3, 3, T), link frame to torso frame.
        origins_m: Shape (L, 3, T), origin of the link frame in the torso frame.
    """

    links: tuple[str, ...]
    turns: FloatArray = field(repr=False)
    origins_m: FloatArray = field(repr=False)

    @property
    def rotations(self) -> FloatArray:
        """Shape (T, L, 3, 3), link frame to torso frame."""
        return self.turns.transpose(3, 0, 1, 2)

    @property
    def positions_m(self) -> FloatArray:
        """Shape (T, L, 3), origin of the link frame in the torso frame."""
        return self.origins_m.transpose(2, 0, 1)

    def index(self, link: str) -> int:
        """Return the position of a link among ``links``."""
        return self.links.index(link)

    def turned(self, link: str, vector: ArrayLike) -> FloatArray:
        """Return a direction fixed in a link, as the torso sees it. Shape (3, T)."""
        x, y, z = np.asarray(vector, dtype=np.float64)
        turn = self.turns[self.index(link)]
        return np.asarray(x * turn[:, 0] + y * turn[:, 1] + z * turn[:, 2])

    def points(self, link: str, offset_m: ArrayLike) -> FloatArray:
        """Return a point fixed in a link, in the torso frame. Shape (T, 3)."""
        return np.asarray((self.turned(link, offset_m) + self.origins_m[self.index(link)]).T)


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
    turns = np.empty((len(names), 3, 3, samples))
    origins = np.empty((len(names), 3, samples))
    turns[0], origins[0] = np.eye(3)[:, :, None], 0.0
    for joint in joints:
        parent, child = where[joint.parent], where[joint.child]
        x, y, z = joint.origin_m
        base = turns[parent]
        origins[child] = origins[parent] + (x * base[:, 0] + y * base[:, 1] + z * base[:, 2])
        angle = np.ascontiguousarray(positions_rad[:, robot.index(joint.name)])
        _turn(base, np.asarray(joint.axis), angle, turns[child])
    return LinkPoses(names, turns, origins)


def joint_axes(robot: RobotModel, poses: LinkPoses) -> tuple[FloatArray, FloatArray, list[int]]:
    """Return the axes of the joints that ``poses`` contains.

    Returns:
        Unit axes (K, 3, T) and origins (K, 3, T) in the torso frame, and the K columns of
        the joints in ``robot.joint_names``.
    """
    joints = [joint for joint in topological_joints(robot) if joint.child in poses.links]
    where = [poses.index(joint.child) for joint in joints]
    axes = np.stack([poses.turned(joint.child, joint.axis) for joint in joints])
    return axes, poses.origins_m[where], [robot.index(joint.name) for joint in joints]


def jacobian(
    robot: RobotModel, poses: LinkPoses, link: str, offset_m: ArrayLike = (0.0, 0.0, 0.0)
) -> FloatArray:
    """Return how a point fixed in a link moves with each joint, in the torso frame.

    Left and right hip-yaw-pitch have a column each; whoever moves them as the one motor
    that they are adds the two.

    Returns:
        Shape (T, 3, J), metres per radian; zero for joints that do not carry the link.
    """
    point = poses.points(link, offset_m).T
    result = np.zeros((3, len(robot.joint_names), point.shape[1]))
    for joint in topological_joints(robot, [link]):
        axis = poses.turned(joint.child, joint.axis)
        arm = point - poses.origins_m[poses.index(joint.child)]
        result[:, robot.index(joint.name)] = crossed(axis, arm)
    return result.transpose(2, 0, 1)


def crossed(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the cross product of vectors whose components come first, (3, ...)."""
    a, b, c = first
    x, y, z = second
    result = np.empty((3, *np.broadcast(a, x).shape))
    for row, (p, q, r, s) in zip(result, ((b, z, c, y), (c, x, a, z), (a, y, b, x)), strict=True):
        np.multiply(p, q, out=row)
        row -= r * s
    return result


def center_of_mass(robot: RobotModel, poses: LinkPoses) -> FloatArray:
    """Return the centre of mass in the torso frame. Shape (T, 3), metres."""
    total = sum(link.mass_kg for link in robot.links)
    moments = np.zeros(poses.origins_m.shape[1:])
    for link in robot.links:
        at = poses.origins_m[poses.index(link.name)]
        moments += link.mass_kg * (at + poses.turned(link.name, link.com_m))
    return (moments / total).T


def landmark_positions(robot: RobotModel, poses: LinkPoses) -> dict[str, FloatArray]:
    """Return the named points on the robot that stand for the dancer's joints, each (T, 3)."""
    return {name: poses.points(link, offset) for name, (link, offset) in robot.landmarks.items()}


def _turn(base: FloatArray, axis: FloatArray, angle: FloatArray, out: FloatArray) -> None:
    """Write ``base @ Rot(axis, angle)`` to ``out``, all (3, 3, T)."""
    sin, cos = np.sin(angle), np.cos(angle)
    main = int(np.abs(axis).argmax())
    if abs(axis[main]) > 1.0 - 1e-12:  # about a coordinate axis: two columns mix, one stays
        u, v = (main + 1) % 3, (main + 2) % 3
        sin = sin * np.sign(axis[main])
        out[:, main] = base[:, main]
        out[:, u] = cos * base[:, u] + sin * base[:, v]
        out[:, v] = cos * base[:, v] - sin * base[:, u]
        return
    x, y, z = axis  # Rodrigues' formula
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    rest = np.einsum("ijt,jk->ikt", base, cross)
    out[:] = base + sin * rest + (1.0 - cos) * np.einsum("ijt,jk->ikt", rest, cross)
