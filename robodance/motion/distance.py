"""Distances between the parts of a body, for the certificate: another method, on purpose.

The planner finds closest points by clamping (``collision.py``). Here the distance of two
segments is the least of five candidates: between the lines where both feet of the common
perpendicular lie inside, and from each of the four ends to the other segment.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from robodance.motion.bodies import body_frames, carried, cross, dot
from robodance.robots.model import RobotModel
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = ["distances_at", "pair_distances", "pair_levers", "pair_speeds", "segment_distances"]

Segment = tuple[FloatArray, FloatArray]


def pair_distances(robot: RobotModel, positions_rad: FloatArray, chunk: int) -> FloatArray:
    """Return the distance of every collision pair. Shape (S, P), metres; negative: contact.

    Args:
        robot: P collision pairs.
        positions_rad: Shape (S, J).
        chunk: Samples looked at together, to bound memory.
    """
    parts = [
        distances_at(robot, columns.__getitem__, columns.shape[1])
        for columns in (
            np.ascontiguousarray(positions_rad[start : start + chunk].T)
            for start in range(0, len(positions_rad), chunk)
        )
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(robot.collision_pairs)))


def distances_at(
    robot: RobotModel,
    angle: Callable[[int], FloatArray],
    count: int,
    wanted: BoolArray | None = None,
) -> FloatArray:
    """Return distances of the collision pairs at N moments.

    Args:
        robot: P collision pairs.
        angle: Column of a joint to its angles, (N,), or (1,) where it rests.
        count: N.
        wanted: Shape (N, P), which are asked for; others are infinite. None: all.

    Returns:
        Shape (N, P), metres; negative: contact.
    """
    pairs = robot.collision_pairs
    asked = range(len(pairs)) if wanted is None else np.flatnonzero(wanted.any(axis=0))
    used = sorted({capsule for p in asked for capsule in pairs[p]})
    frames = body_frames(robot, angle, links={robot.capsules[c].link for c in used})
    segments = {}
    for c in used:
        capsule = robot.capsules[c]
        rotation, origin = frames[capsule.link]
        segments[c] = (
            origin + carried(rotation, capsule.start_m),
            origin + carried(rotation, capsule.end_m),
        )
    result = np.full((len(pairs), count), np.inf)
    for p in asked:
        i, j = pairs[p]
        rows = None if wanted is None else np.flatnonzero(wanted[:, p])
        first, second = _at(segments[i], rows), _at(segments[j], rows)
        apart = _distances(first, second)
        apart -= robot.capsules[i].radius_m + robot.capsules[j].radius_m
        result[p, slice(None) if rows is None else rows] = apart
    return result.T


def segment_distances(p1: FloatArray, q1: FloatArray, p2: FloatArray, q2: FloatArray) -> FloatArray:
    """Return the distances of segments p1 q1 and p2 q2, each point (M, 3). Shape (M,)."""
    p1, q1, p2, q2 = (np.asarray(point).T for point in (p1, q1, p2, q2))
    return _distances((p1, q1), (p2, q2))


def pair_levers(robot: RobotModel) -> FloatArray:
    """Return how far one radian of each joint can bring each pair together. Shape (J, P), m.

    A point moves at most as fast as the sum over its joints of speed times lever, and no
    lever is longer than the way from the joint along the chain to the point. Joints that
    carry both parts of a pair do not change its distance.
    """
    by_child = {joint.child: joint for joint in robot.joints}
    levers = np.zeros((len(robot.capsules), len(robot.joint_names)))
    for c, capsule in enumerate(robot.capsules):
        link = capsule.link
        lever = max(float(np.linalg.norm(capsule.start_m)), float(np.linalg.norm(capsule.end_m)))
        while link in by_child:
            joint = by_child[link]
            levers[c, robot.index(joint.name)] = lever
            lever += float(np.linalg.norm(joint.origin_m))
            link = joint.parent
    a, b = np.array(robot.collision_pairs, dtype=np.int64).reshape(-1, 2).T
    shared = (levers[a] > 0.0) & (levers[b] > 0.0)
    return np.asarray(np.where(shared, 0.0, levers[a] + levers[b]).T)


def pair_speeds(robot: RobotModel, joint_speeds_rad_s: FloatArray) -> FloatArray:
    """Return a bound on how fast the distance of each pair can change.

    Args:
        robot: P collision pairs.
        joint_speeds_rad_s: Shape (S, J), no joint is faster.

    Returns:
        Shape (S, P), m/s.
    """
    return np.asarray(joint_speeds_rad_s @ pair_levers(robot))


def _at(segment: Segment, rows: IntArray | None) -> Segment:
    start, end = segment
    if rows is None:
        return segment
    return (
        start if start.shape[1] == 1 else start[:, rows],
        end if end.shape[1] == 1 else end[:, rows],
    )


def _distances(first: Segment, second: Segment) -> FloatArray:
    """Return the distances of segments whose ends are (3, N) or (3, 1). Shape (N,) or (1,)."""
    (p1, q1), (p2, q2) = first, second
    d1, d2, between = q1 - p1, q2 - p2, p2 - p1
    # With r1, r2 the places of an end on the other segment's line, all from six products.
    a, e, b = dot(d1, d1), dot(d2, d2), dot(d1, d2)
    c, f, g = dot(between, d1), dot(between, d2), dot(between, between)
    ends = np.minimum(
        np.minimum(_end(g, -f, e), _end(g + a - 2.0 * c, b - f, e)),
        np.minimum(_end(g, c, a), _end(g + e + 2.0 * f, b + c, a)),
    )
    normal = cross(d1, d2)
    squared = dot(normal, normal)
    skew = squared > 1e-18
    safe = np.where(skew, squared, 1.0)
    s, t = (c * e - f * b) / safe, (c * b - f * a) / safe
    inside = skew & (s >= 0.0) & (s <= 1.0) & (t >= 0.0) & (t <= 1.0)
    lines = np.square(dot(between, normal)) / safe
    return np.asarray(np.sqrt(np.where(inside, np.minimum(lines, ends), ends)))


def _end(squared: FloatArray, along: FloatArray, length: FloatArray) -> FloatArray:
    """Return the squared distance of an end from a segment of squared length ``length``.

    Args:
        squared: Its squared distance from the segment's start.
        along: The product of the way there with the segment.
        length: Squared length of the segment.
    """
    share = np.clip(along / np.maximum(length, 1e-18), 0.0, 1.0)
    return np.maximum(squared - share * (2.0 * along - share * length), 0.0)
