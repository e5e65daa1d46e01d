"""Distances between the parts of a body, for the certificate: another method, on purpose.

The planner finds closest points by clamping (``collision.py``). Here the distance of two
segments is the least of five candidates: between the lines where both feet of the common
perpendicular lie inside, and from each of the four ends to the other segment.
"""

from __future__ import annotations

import numpy as np

from robodance.robots.model import RobotModel
from robodance.values import FloatArray

__all__ = ["pair_distances", "pair_speeds", "segment_distances"]


def pair_distances(robot: RobotModel, positions_rad: FloatArray, chunk: int) -> FloatArray:
    """Return the distance of every collision pair. Shape (S, P), metres; negative: contact.

    Args:
        robot: P collision pairs.
        positions_rad: Shape (S, J).
        chunk: Samples looked at together, to bound memory.
    """
    a, b = np.array(robot.collision_pairs, dtype=np.int64).reshape(-1, 2).T
    radii = np.array([capsule.radius_m for capsule in robot.capsules])
    result = np.empty((len(positions_rad), len(a)))
    for start in range(0, len(positions_rad), chunk):
        part = positions_rad[start : start + chunk]
        starts, ends = _capsules(robot, part)
        moving = _changing(starts, ends)
        for p, (i, j) in enumerate(zip(a, b, strict=True)):
            rows = slice(None) if moving[i] or moving[j] else slice(0, 1)
            apart = segment_distances(
                starts[i][rows], ends[i][rows], starts[j][rows], ends[j][rows]
            )
            result[start : start + len(part), p] = apart - radii[i] - radii[j]
    return result


def segment_distances(p1: FloatArray, q1: FloatArray, p2: FloatArray, q2: FloatArray) -> FloatArray:
    """Return the distances of segments p1 q1 and p2 q2, each point (M, 3). Shape (M,)."""
    ends = np.minimum(
        np.minimum(_to_segment(p1, p2, q2), _to_segment(q1, p2, q2)),
        np.minimum(_to_segment(p2, p1, q1), _to_segment(q2, p1, q1)),
    )
    d1, d2, between = q1 - p1, q2 - p2, p2 - p1
    normal = np.cross(d1, d2)
    squared = _dot(normal, normal)
    skew = squared > 1e-18
    safe = np.where(skew, squared, 1.0)
    s = _dot(np.cross(between, d2), normal) / safe
    t = _dot(np.cross(between, d1), normal) / safe
    inside = skew & (s >= 0.0) & (s <= 1.0) & (t >= 0.0) & (t <= 1.0)
    lines = np.abs(_dot(between, normal)) / np.sqrt(safe)
    return np.asarray(np.where(inside, np.minimum(lines, ends), ends))


def pair_speeds(robot: RobotModel, joint_speeds_rad_s: FloatArray) -> FloatArray:
    """Return a bound on how fast the distance of each pair can change.

    A point moves at most as fast as the sum over its joints of speed times lever, and no
    lever is longer than the way from the joint along the chain to the point.

    Args:
        robot: P collision pairs.
        joint_speeds_rad_s: Shape (S, J), no joint is faster.

    Returns:
        Shape (S, P), m/s.
    """
    by_child = {joint.child: joint for joint in robot.joints}
    speeds = np.zeros((len(robot.capsules), len(joint_speeds_rad_s)))
    for c, capsule in enumerate(robot.capsules):
        link = capsule.link
        lever = max(float(np.linalg.norm(capsule.start_m)), float(np.linalg.norm(capsule.end_m)))
        while link in by_child:
            joint = by_child[link]
            speeds[c] += lever * joint_speeds_rad_s[:, robot.index(joint.name)]
            lever += float(np.linalg.norm(joint.origin_m))
            link = joint.parent
    a, b = np.array(robot.collision_pairs, dtype=np.int64).reshape(-1, 2).T
    return np.asarray((speeds[a] + speeds[b]).T)


def _capsules(
    robot: RobotModel, positions_rad: FloatArray
) -> tuple[list[FloatArray], list[FloatArray]]:
    """Return the capsules' ends, (S, 3) each, by plain products of rotations."""
    samples = len(positions_rad)
    frames = {robot.base_link: (np.tile(np.eye(3), (samples, 1, 1)), np.zeros((samples, 3)))}
    for joint in robot.joints:
        rotation, position = frames[joint.parent]
        half = positions_rad[:, robot.index(joint.name)] / 2.0
        turned = rotation @ _rotation(joint.axis, half)
        frames[joint.child] = (turned, position + rotation @ joint.origin_m)
    starts, ends = [], []
    for capsule in robot.capsules:
        rotation, position = frames[capsule.link]
        starts.append(position + rotation @ capsule.start_m)
        ends.append(position + rotation @ capsule.end_m)
    return starts, ends


def _rotation(axis: FloatArray, half_rad: FloatArray) -> FloatArray:
    """Return rotation matrices (S, 3, 3) by quaternions."""
    w = np.cos(half_rad)
    x, y, z = (np.sin(half_rad) * component for component in axis)
    return np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], -1),
            np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], -1),
            np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], -1),
        ],
        axis=1,
    )


def _changing(starts: list[FloatArray], ends: list[FloatArray]) -> list[bool]:
    """Return which capsules move at all in these samples."""
    return [bool((s != s[0]).any() or (e != e[0]).any()) for s, e in zip(starts, ends, strict=True)]


def _to_segment(point: FloatArray, p: FloatArray, q: FloatArray) -> FloatArray:
    d = q - p
    share = np.clip(_dot(point - p, d) / np.maximum(_dot(d, d), 1e-18), 0.0, 1.0)
    rest = point - p - share[:, None] * d
    return np.sqrt(_dot(rest, rest))


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("...i,...i->...", a, b))
