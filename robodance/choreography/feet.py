"""Feet that stand where they stand.

A foot is a rigid triangle of heel, toe and ankle. By its geometry alone (height over
the floor, speed) each moment is one of three: **flat** (nothing moves), **on the toe**
(the toe stays, the heel is up) or **in the air**. What slides along the floor in the
recording or the prediction becomes a small step: the foot rises first, then travels,
then comes down. All thresholds are in seconds and metres, so any frame rate works.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d

from robodance.skeleton import INDEX
from robodance.values import BoolArray, FloatArray

if TYPE_CHECKING:
    from robodance.choreography.body import Body

__all__ = ["Foot", "foot_from_joints", "joints_from_foot", "lock_foot"]

SPEED_SMOOTHING_S = 0.04
TOE_LOW_M, TOE_HIGH_M = 0.04, 0.06  # plants below the first, stays planted up to the second
TOE_SLOW_M_S, TOE_FAST_M_S = 0.40, 0.65
ANKLE_LOW_M, ANKLE_HIGH_M = 0.035, 0.06
TURN_SLOW_RAD_S, TURN_FAST_RAD_S = 1.5, 2.5
LONGEST_DRIFT_M, LONGEST_TURN_RAD = 0.09, 0.5  # a stand that drifts further takes a step
SHORTEST_STAND_S = 0.12
SHORTEST_GAP_S = 0.18
RAMP_S = 0.04  # to rise at the end of a stand, and to come down
TILT_S = 0.12  # from the flat foot to the foot's own tilt
CLEARANCE_M = 0.042  # what moves is at least this far above where it rests


@dataclass(frozen=True)
class Foot:
    """A foot over time: the toe's path and the axes of the rigid triangle.

    Attributes:
        toe: Shape (T, 3).
        forward: Shape (T, 3), unit, heel to toe.
        upward: Shape (T, 3), unit, across ``forward``, to the ankle's side.
    """

    toe: FloatArray
    forward: FloatArray
    upward: FloatArray


def foot_from_joints(positions: FloatArray, side: str) -> Foot:
    """Read one foot from joint positions (T, 21, 3)."""
    toe, heel, ankle = (positions[:, INDEX[f"{side}_{p}"]] for p in ("toe", "heel", "ankle"))
    forward = _unit(toe - heel)
    upward = ankle - heel
    upward = _unit(upward - forward * (upward * forward).sum(axis=1, keepdims=True))
    return Foot(toe=toe, forward=forward, upward=upward)


def joints_from_foot(foot: Foot, body: Body) -> dict[str, FloatArray]:
    """Return the paths of toe, heel and ankle, each (T, 3)."""
    heel = foot.toe - body.heel_toe * foot.forward
    ankle = heel + body.ankle_ahead * foot.forward + body.ankle_above * foot.upward
    return {"toe": foot.toe, "heel": heel, "ankle": ankle}


def lock_foot(foot: Foot, frame_rate_hz: float, body: Body) -> Foot:
    """Return the foot with every stand held still and every slide made a step."""
    ramp = max(1, round(RAMP_S * frame_rate_hz))
    heading = np.unwrap(np.arctan2(foot.forward[:, 1], foot.forward[:, 0]))
    toe_height = foot.toe[:, 2] - body.sole_height
    ankle_height = _ankle_height(foot, body)
    stands = _toe_stands(foot.toe, toe_height, frame_rate_hz)
    flats = _flat_stands(heading, ankle_height, stands, frame_rate_hz)

    # What is about to travel rises while it still stands: 0 standing, 1 clear of the floor.
    lifted = np.minimum(_distance_outside(_shrunk(stands, ramp), len(heading)) / ramp, 1.0)
    outside = _distance_outside(_shrunk(flats, ramp), len(heading))
    raised = np.minimum(outside / ramp, 1.0)
    tilt = np.minimum(outside / (TILT_S * frame_rate_hz), 1.0)
    ground = _relocate(foot.toe[:, :2], stands)
    heading = _relocate(heading[:, None], flats)[:, 0]
    forward, upward = _turned(foot, heading, tilt)
    toe = np.column_stack([ground, body.sole_height + lifted * np.maximum(toe_height, 0.0)])
    locked = Foot(toe=toe, forward=forward, upward=upward)
    locked = _raise_heel(locked, raised * (1.0 - lifted), body)
    return _clear_floor(locked, lifted, body)


def _toe_stands(toe: FloatArray, height: FloatArray, frame_rate_hz: float) -> list[tuple[int, int]]:
    smooth = gaussian_filter1d(
        toe[:, :2], SPEED_SMOOTHING_S * frame_rate_hz, axis=0, mode="nearest"
    )
    speed = np.linalg.norm(np.gradient(smooth, axis=0), axis=1) * frame_rate_hz
    enter = (height < TOE_LOW_M) & (speed < TOE_SLOW_M_S)
    stay = (height < TOE_HIGH_M) & (speed < TOE_FAST_M_S)
    return _stands(_hysteresis(enter, stay), toe[:, :2], LONGEST_DRIFT_M, frame_rate_hz)


def _flat_stands(
    heading: FloatArray,
    ankle_height: FloatArray,
    stands: list[tuple[int, int]],
    frame_rate_hz: float,
) -> list[tuple[int, int]]:
    smooth = gaussian_filter1d(heading, SPEED_SMOOTHING_S * frame_rate_hz, mode="nearest")
    turning = np.abs(np.gradient(smooth)) * frame_rate_hz
    enter = (ankle_height < ANKLE_LOW_M) & (turning < TURN_SLOW_RAD_S)
    stay = (ankle_height < ANKLE_HIGH_M) & (turning < TURN_FAST_RAD_S)
    flat = _hysteresis(enter, stay)
    found = []
    for start, end in stands:  # a stand on the whole foot is part of a stand on the toe
        inside = np.zeros(len(heading), dtype=bool)
        inside[start : end + 1] = flat[start : end + 1]
        found += _stands(inside, heading[:, None], LONGEST_TURN_RAD, frame_rate_hz)
    return found


def _hysteresis(enter: BoolArray, stay: BoolArray) -> BoolArray:
    """Return the runs of ``stay`` that contain a moment of ``enter``."""
    held = np.zeros(len(stay), dtype=bool)
    for start, end in _runs(stay | enter):
        if enter[start : end + 1].any():
            held[start : end + 1] = True
    return held


def _stands(
    held: BoolArray, path: FloatArray, longest_drift: float, frame_rate_hz: float
) -> list[tuple[int, int]]:
    """Return first and last frame of each stand: long enough, apart enough, without drift."""
    gap = max(2, round(SHORTEST_GAP_S * frame_rate_hz))
    shortest = max(3, round(SHORTEST_STAND_S * frame_rate_hz))
    merged: list[tuple[int, int]] = []
    for start, end in _runs(held):
        if merged and start - merged[-1][1] <= gap:
            before = path[merged[-1][0] : merged[-1][1] + 1].mean(axis=0)
            step = np.linalg.norm(path[start : end + 1].mean(axis=0) - before)
            if step < 0.5 * longest_drift:
                merged[-1] = (merged[-1][0], end)
                continue
        merged.append((start, end))
    pieces = [p for start, end in merged for p in _without_drift(start, end, path, longest_drift)]
    return _spaced(pieces, gap, shortest)


def _without_drift(
    start: int, end: int, path: FloatArray, longest_drift: float
) -> list[tuple[int, int]]:
    """Split a stand where its two halves are best told apart, until none drifts too far."""
    part = path[start : end + 1]
    count = len(part)
    drift = np.linalg.norm(part - part.mean(axis=0), axis=1).max()
    if drift <= longest_drift or count < 4:
        return [(start, end)]
    sums = np.cumsum(part, axis=0)
    left = np.arange(1, count)[:, None]
    means = sums[:-1] / left, (sums[-1] - sums[:-1]) / (count - left)
    between = (left * (count - left))[:, 0] * ((means[0] - means[1]) ** 2).sum(axis=1)
    middle = int(np.argmax(between)) + start
    return [
        *_without_drift(start, middle, path, longest_drift),
        *_without_drift(middle + 1, end, path, longest_drift),
    ]


def _spaced(pieces: list[tuple[int, int]], gap: int, shortest: int) -> list[tuple[int, int]]:
    """Take frames from both neighbours until ``gap`` frames lie between two stands."""
    spaced = [list(piece) for piece in pieces]
    for before, after in itertools.pairwise(spaced):
        missing = gap - (after[0] - before[1])
        if missing > 0:
            before[1] -= missing // 2
            after[0] += missing - missing // 2
    return [(start, end) for start, end in spaced if end - start + 1 >= shortest]


def _shrunk(stands: list[tuple[int, int]], ramp: int) -> list[tuple[int, int]]:
    """Take ``ramp`` frames from both ends of each stand, as far as one frame remains."""
    return [
        (start + cut, end - cut)
        for start, end in stands
        for cut in (min(ramp, (end - start) // 2),)
    ]


def _relocate(path: FloatArray, stands: list[tuple[int, int]]) -> FloatArray:
    """Hold a path (T, K) still during stands; between them it keeps its shape."""
    held = np.array(path)
    if not stands:
        return held
    anchors = [path[start : end + 1].mean(axis=0) for start, end in stands]
    first, last = stands[0][0], stands[-1][1]
    held[:first] += anchors[0] - path[first]
    held[last:] += anchors[-1] - path[last]
    for anchor, (start, end) in zip(anchors, stands, strict=True):
        held[start : end + 1] = anchor
    for index in range(len(stands) - 1):
        leave, arrive = stands[index][1], stands[index + 1][0]
        share = (np.arange(leave + 1, arrive) - leave) / (arrive - leave)
        blend = (share * share * (3.0 - 2.0 * share))[:, None]
        held[leave + 1 : arrive] += (1.0 - blend) * (anchors[index] - path[leave])
        held[leave + 1 : arrive] += blend * (anchors[index + 1] - path[arrive])
    return held


def _turned(foot: Foot, heading: FloatArray, tilt: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the axes with a new heading; ``tilt`` 0 lays the foot flat, 1 keeps its tilt."""
    old = np.arctan2(foot.forward[:, 1], foot.forward[:, 0])
    forward = _turn(foot.forward, -old) * tilt[:, None]
    upward = _turn(foot.upward, -old) * tilt[:, None]
    forward[:, 0] += 1.0 - tilt
    upward[:, 2] += 1.0 - tilt
    forward = _unit(forward)
    upward = _unit(upward - forward * (upward * forward).sum(axis=1, keepdims=True))
    return _turn(forward, heading), _turn(upward, heading)


def _raise_heel(foot: Foot, weight: FloatArray, body: Body) -> Foot:
    """Lift the ankle clear of its resting height where the foot stands on its toe only.

    The foot tips about its middle, so toe and ankle share the little travel that tipping
    costs while it is still near the floor.
    """
    reach = float(np.hypot(body.heel_toe - body.ankle_ahead, body.ankle_above))
    lean = _ankle_lean(foot, body, reach)
    wanted = np.arcsin(min((body.ankle_above + CLEARANCE_M) / reach, 0.999))
    angle = weight * np.maximum(wanted - lean, 0.0)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    tipped = replace(
        foot,
        forward=cos * foot.forward - sin * foot.upward,
        upward=sin * foot.forward + cos * foot.upward,
    )
    flat = body.heel_toe - body.ankle_ahead
    ahead = np.clip(flat - reach * np.cos(_ankle_lean(tipped, body, reach)), 0.0, None)
    nearest = np.arcsin(min((body.ankle_above + 0.03) / reach, 0.999))
    ahead = np.minimum(ahead, flat - reach * np.cos(nearest))
    level = np.column_stack([tipped.forward[:, :2], np.zeros(len(ahead))])
    return replace(tipped, toe=tipped.toe - 0.5 * ahead[:, None] * _unit(level))


def _ankle_lean(foot: Foot, body: Body, reach: float) -> FloatArray:
    """Return the angle of the line from toe to ankle above the floor."""
    rise = joints_from_foot(foot, body)["ankle"][:, 2] - foot.toe[:, 2]
    return np.asarray(np.arcsin(np.clip(rise / reach, -1.0, 1.0)))


def _clear_floor(foot: Foot, lifted: FloatArray, body: Body) -> Foot:
    """Raise a travelling foot until it is clear, and any foot until no part is in the floor."""
    toe_height = foot.toe[:, 2] - body.sole_height
    clear = np.maximum(CLEARANCE_M - np.maximum(toe_height, _ankle_height(foot, body)), 0.0)
    heel = joints_from_foot(foot, body)["heel"][:, 2] - body.sole_height
    toe = np.array(foot.toe)
    toe[:, 2] += np.maximum(lifted * clear, np.maximum(-np.minimum(heel, toe_height), 0.0))
    return replace(foot, toe=toe)


def _ankle_height(foot: Foot, body: Body) -> FloatArray:
    """Return the ankle's height above where it is in a flat, standing foot."""
    rest = body.sole_height + body.ankle_above
    return np.asarray(joints_from_foot(foot, body)["ankle"][:, 2] - rest)


def _distance_outside(stands: list[tuple[int, int]], count: int) -> FloatArray:
    """Return for each frame how many frames it is away from the nearest stand."""
    frames = np.arange(count, dtype=np.float64)
    standing = np.zeros(count, dtype=bool)
    for start, end in stands:
        standing[start : end + 1] = True
    before = np.maximum.accumulate(np.where(standing, frames, -np.inf))
    after = np.minimum.accumulate(np.where(standing, frames, np.inf)[::-1])[::-1]
    return np.asarray(np.minimum(frames - before, after - frames))


def _runs(flags: BoolArray) -> list[tuple[int, int]]:
    """Return first and last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]


def _turn(vectors: FloatArray, angle: FloatArray) -> FloatArray:
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = vectors[:, 0], vectors[:, 1]
    return np.column_stack([cos * x - sin * y, sin * x + cos * y, vectors[:, 2]])


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
