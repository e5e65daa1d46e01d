"""Where a robot's bodies are, for the certificate: its own kinematics, on purpose.

Arrays hold one row per coordinate and one column per moment, (3, N), or (3, 1) for what
does not move; products of the two broadcast, so that legs at rest cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from robodance.robots.model import RobotModel
from robodance.values import FloatArray

__all__ = ["Frames", "axis_of", "body_frames", "carried", "cross", "dot"]

Frames = dict[str, tuple[FloatArray, FloatArray]]
"""Link to its rotation (3, 3, N) and its origin (3, N)."""


def body_frames(
    robot: RobotModel,
    angle: Callable[[int], FloatArray],
    base: tuple[FloatArray, FloatArray] | None = None,
    links: Iterable[str] | None = None,
) -> Frames:
    """Return where the links are.

    Args:
        robot: The robot.
        angle: Column of a joint to its angles, (N,) or (1,).
        base: Rotation (3, 3, N) and origin (3, N) of the torso; None: the torso frame.
        links: Only these links and those that carry them; None: all.
    """
    if base is None:
        base = (np.eye(3)[:, :, None], np.zeros((3, 1)))
    wanted = None if links is None else _with_carriers(robot, links)
    frames = {robot.base_link: base}
    for joint in robot.joints:
        if wanted is not None and joint.child not in wanted:
            continue
        rotation, origin = frames[joint.parent]
        turned = _turned(rotation, np.asarray(joint.axis), angle(robot.index(joint.name)))
        frames[joint.child] = (turned, origin + carried(rotation, joint.origin_m))
    return frames


def carried(rotation: FloatArray, vector: FloatArray) -> FloatArray:
    """Return ``rotation @ vector`` for a constant vector. Shape (3, N)."""
    result = np.zeros_like(rotation[:, 0])
    for k in range(3):
        if vector[k]:
            result += rotation[:, k] * vector[k]
    return result


def axis_of(rotation: FloatArray, axis: FloatArray) -> FloatArray:
    """Return a link's joint axis, given the link's rotation. Shape (3, N)."""
    return carried(rotation, axis)


def cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the cross product of (3, N) or (3, 1) arrays."""
    return np.stack([
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ])


def dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the scalar product of (3, N) or (3, 1) arrays. Shape (N,)."""
    return np.asarray(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def _with_carriers(robot: RobotModel, links: Iterable[str]) -> set[str]:
    parents = {joint.child: joint.parent for joint in robot.joints}
    found: set[str] = set()
    for link in links:
        while link in parents:
            found.add(link)
            link = parents[link]
    return found


def _turned(rotation: FloatArray, axis: FloatArray, angle: FloatArray) -> FloatArray:
    """Return ``rotation @ Rot(axis, angle)``, by the half angle's quaternion."""
    cos, sin = np.cos(angle / 2.0), np.sin(angle / 2.0)
    w, (x, y, z) = cos, (sin * component for component in axis)
    local = (
        (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)),
        (2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)),
        (2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)),
    )
    first, second, third = rotation[:, 0], rotation[:, 1], rotation[:, 2]
    columns = [
        rotation[:, c]
        if axis[c] == 1.0  # the axis itself stays
        else first * local[0][c] + second * local[1][c] + third * local[2][c]
        for c in range(3)
    ]
    return np.stack(np.broadcast_arrays(*columns), axis=1)
