"""A dancer in metres, upright, on the floor, with all 21 joints, whatever the file's axes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from robodance.errors import DataError
from robodance.motion_files.mapping import MappedDance, base_points
from robodance.motion_files.points import NamedPoints, multiply, turned
from robodance.motion_files.skeleton_file import METRES_PER_UNIT, UP_AXES, Skeleton
from robodance.skeleton import INDEX
from robodance.values import FloatArray

__all__ = [
    "complete",
    "level_locally",
    "mirrored_sides",
    "on_the_floor",
    "unit_of",
    "upright",
    "without_stumps",
]

# Arm and trunk, shoulder to wrist and shoulder to hip: 0.62 of a person's height (Winter,
# Biomechanics and Motor Control of Human Movement, figure 4.1), 1.08 m at 1.75 m.
REACH_M = (0.6, 1.4)
USUAL_REACH_M = 1.08
BELIEVED_REACH_M = (0.2, 3.0)  # a stated unit is believed within these
CLEARLY_UP = 1.3  # the trunk's main axis against the next
USUAL_UP = "z"
FLOOR_PERCENTILE = 2.0  # of the lower foot's height; a jump or a misread foot is no floor
FLOOR_DRIFT_M = 0.12  # no jump lasts as long as the window in which a foot has to stand
SOLE_M = 0.03  # a standing foot's lowest joint lies about so high
SHORTEST_END_M = 0.02  # a shorter hand or foot shows no direction
TOES_BACKWARD = -0.5  # mean cosine between toes and the way the dancer faces

# Turns that bring an axis up: by right angles only, so that no reflection can slip in.
_HALF = float(np.sqrt(0.5))
_TO_Z = {
    "z": (1.0, 0.0, 0.0, 0.0),
    "-z": (0.0, 1.0, 0.0, 0.0),
    "y": (_HALF, _HALF, 0.0, 0.0),
    "-y": (_HALF, -_HALF, 0.0, 0.0),
    "x": (_HALF, 0.0, -_HALF, 0.0),
    "-x": (_HALF, 0.0, _HALF, 0.0),
}


def unit_of(source: NamedPoints, skeleton: Skeleton) -> tuple[float, str]:
    """Return metres per unit of the points, and a remark for a person (or nothing).

    What the skeleton file or the motion file states counts if it gives a dancer of any
    size; otherwise the common unit that makes the dancer as tall as people are; otherwise
    the dancer is scaled to the usual size (only directions reach the robot).

    Raises:
        DataError: The dancer has no size.
    """
    reach = _reach(source, skeleton)
    if not (np.isfinite(reach) and reach > 0.0):
        raise DataError(
            "the dancer has no size: shoulders, elbows, wrists and hips lie in one place or are "
            "never seen together"
        )
    stated = skeleton.metres_per_unit or source.metres_per_unit
    if stated and BELIEVED_REACH_M[0] < reach * stated < BELIEVED_REACH_M[1]:
        return stated, ""
    fitting = [
        name for name, metres in METRES_PER_UNIT.items() if REACH_M[0] < reach * metres < REACH_M[1]
    ]
    if fitting:
        remark = ""
        if stated:
            remark = f"the dancer is of human size in {fitting[0]}, not in the unit stated"
        return METRES_PER_UNIT[fitting[0]], remark
    return USUAL_REACH_M / reach, "the dancer's size fits no unit and was set to that of an adult"


def upright(source: NamedPoints, skeleton: Skeleton, unit_m: float) -> tuple[NamedPoints, str]:
    """Return the points in metres with z up, and a remark for a person (or nothing).

    ``turns`` then lead from each body's own axes to the world; ``rest`` stays as it is.
    """
    up, remark = skeleton.up or source.up, ""
    if up is None:
        up, sure = _up_axis(source, skeleton)
        if not sure:
            remark = f"the dancer is not clearly upright; {up} was taken as up"
    turn = np.asarray(_TO_Z[up])
    points = _right_angled(source.points * unit_m, up)
    return replace(
        source,
        points=points,
        turns=None if source.turns is None else multiply(turn, _unit(source.turns)),
        metres_per_unit=1.0,
        up="z",
    ), remark


def complete(mapped: MappedDance) -> MappedDance:
    """Return the dance with something plausible, of confidence 0, for each missing joint.

    Hands go on along the forearm, the waist lies a fifth up the trunk, the head stands on
    the trunk and looks ahead, legs hang from the hips, feet stick out forward from ankles.
    """
    joints = np.array(mapped.joint_positions_m)

    def at(name: str) -> FloatArray:
        return np.asarray(joints[:, INDEX[name]])

    def put(name: str, where: FloatArray) -> None:
        if name in mapped.missing:
            joints[:, INDEX[name]] = where

    shoulders = 0.5 * (at("left_shoulder") + at("right_shoulder"))
    hips = 0.5 * (at("left_hip") + at("right_hip"))
    to_left = _unit(at("left_shoulder") - at("right_shoulder"))
    up = _unit(shoulders - hips)
    forward = _unit(np.cross(to_left, up))
    put("waist", hips + 0.2 * (shoulders - hips))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        put(f"head_{side}", shoulders + 0.28 * up + 0.02 * forward + sign * 0.07 * to_left)
        forearm = _unit(at(f"{side}_wrist") - at(f"{side}_elbow"))
        put(f"{side}_hand", at(f"{side}_wrist") + 0.09 * forearm)
        put(f"{side}_knee", at(f"{side}_hip") - [0.0, 0.0, 0.42] + 0.02 * forward)
        put(f"{side}_ankle", at(f"{side}_knee") - [0.0, 0.0, 0.40] - 0.02 * forward)
        ahead = _unit(forward * [1.0, 1.0, 0.0])
        if f"{side}_toe" not in mapped.missing:
            ahead = _unit((at(f"{side}_toe") - at(f"{side}_ankle")) * [1.0, 1.0, 0.0])
        put(f"{side}_heel", at(f"{side}_ankle") - 0.05 * ahead - [0.0, 0.0, 0.06])
        put(f"{side}_toe", at(f"{side}_ankle") + 0.15 * ahead - [0.0, 0.0, 0.06])
    return replace(mapped, joint_positions_m=joints)


def without_stumps(mapped: MappedDance) -> MappedDance:
    """Count hands and toes that lie on their wrist or ankle (empty end sites) as missing."""
    joints, confidence = mapped.joint_positions_m, np.array(mapped.confidence)
    stumps = [
        f"{side}_{end}"
        for side in ("left", "right")
        for end, start in (("hand", "wrist"), ("toe", "ankle"))
        if f"{side}_{end}" not in mapped.missing
        and f"{side}_{start}" not in mapped.missing
        and _median_length(joints[:, INDEX[f"{side}_{end}"]] - joints[:, INDEX[f"{side}_{start}"]])
        < SHORTEST_END_M
    ]
    confidence[:, [INDEX[name] for name in stumps]] = 0.0
    return replace(mapped, confidence=confidence, missing=(*mapped.missing, *stumps))


def on_the_floor(joint_positions_m: FloatArray, rate_hz: float) -> tuple[FloatArray, str]:
    """Return the dance moved so that the feet stand on z = 0, and a remark (or nothing).

    A floor that drifts, which no dancer can do, is followed; otherwise one height serves all.
    """
    feet = [INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("heel", "toe")]
    lowest = joint_positions_m[:, feet, 2].min(axis=1)
    floor, remark = np.full(len(lowest), np.percentile(lowest, FLOOR_PERCENTILE)), ""
    drifting = level_locally(lowest, rate_hz)
    drift = float(np.ptp(np.percentile(drifting, (5.0, 95.0))))
    if drift > FLOOR_DRIFT_M:
        floor, remark = drifting, f"the floor drifts by {drift:.2f} m and was levelled"
    shift = np.zeros((len(lowest), 1, 3))
    shift[:, 0, 2] = floor - SOLE_M
    return np.asarray(joint_positions_m - shift), remark


def level_locally(lowest_m: FloatArray, frame_rate_hz: float, window_s: float = 2.0) -> FloatArray:
    """Follow a drifting floor: the smoothed running minimum of the lowest point.

    Args:
        lowest_m: Shape (T,), height of the lowest point of the feet.
        frame_rate_hz: Frames per second.
        window_s: The lowest point is taken to stand at least once in each window.

    Returns:
        Shape (T,), the floor's height, to be subtracted.
    """
    from scipy.ndimage import gaussian_filter1d, minimum_filter1d

    window = max(3, round(window_s * frame_rate_hz))
    running = minimum_filter1d(np.asarray(lowest_m, dtype=np.float64), window, mode="nearest")
    return np.asarray(gaussian_filter1d(running, window / 4.0, mode="nearest"))


def mirrored_sides(mapped: MappedDance) -> bool:
    """Return whether toes point backward: the file's axes are left-handed."""
    if any(f"{side}_{part}" in mapped.missing for side in ("left", "right") for part in _FOOT):
        return False
    joints = mapped.joint_positions_m
    across = joints[:, INDEX["left_hip"]] - joints[:, INDEX["right_hip"]]
    forward = _unit(np.cross(across, [0.0, 0.0, 1.0]))
    toes = [
        _unit((joints[:, INDEX[f"{s}_toe"]] - joints[:, INDEX[f"{s}_ankle"]]) * [1.0, 1.0, 0.0])
        for s in ("left", "right")
    ]
    return bool(np.mean([(toe * forward).sum(axis=1).mean() for toe in toes]) < TOES_BACKWARD)


_FOOT = ("ankle", "toe")


def _reach(source: NamedPoints, skeleton: Skeleton) -> float:
    """Return arm plus trunk in the file's unit, robust against odd frames."""
    at = {
        f"{side}_{part}": base_points(source, skeleton, f"{side}_{part}")
        for side in ("left", "right")
        for part in ("shoulder", "elbow", "wrist", "hip")
    }

    def length(first: str, second: str) -> float:
        return _median_length(at[first] - at[second])

    return sum(
        0.5 * length(f"{side}_{a}", f"{side}_{b}")
        for side in ("left", "right")
        for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"))
    )


def _up_axis(source: NamedPoints, skeleton: Skeleton) -> tuple[str, bool]:
    """Return the axis along which the trunk usually points, and whether that is clear."""
    left, right = (
        base_points(source, skeleton, f"{side}_shoulder")
        - base_points(source, skeleton, f"{side}_hip")
        for side in ("left", "right")
    )
    trunk = left + right
    trunk = trunk[np.isfinite(trunk).all(axis=1)]
    usual = np.median(trunk, axis=0) if len(trunk) else np.zeros(3)
    order = np.argsort(-np.abs(usual))
    if np.abs(usual[order[0]]) < 1e-12:
        return USUAL_UP, False
    up = UP_AXES[int(order[0]) + (3 if usual[order[0]] < 0.0 else 0)]
    return up, bool(np.abs(usual[order[0]]) > CLEARLY_UP * np.abs(usual[order[1]]))


def _median_length(vectors: FloatArray) -> float:
    lengths = np.linalg.norm(vectors, axis=1)
    lengths = lengths[np.isfinite(lengths)]
    return float(np.median(lengths)) if len(lengths) else float("nan")


def _right_angled(points: FloatArray, up: str) -> FloatArray:
    """Turn points so that axis ``up`` is z, without rounding."""
    exact = np.rint(turned(np.asarray(_TO_Z[up]), np.eye(3)))  # row k: where axis k goes
    columns = np.abs(exact).argmax(axis=0)
    return np.asarray(points[..., columns] * exact[columns, range(3)])


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))
