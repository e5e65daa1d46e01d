"""What the dancer shows and the robot should show too, moment by moment.

People bend and twist at the waist and NAO cannot, so arms and head are seen from the
dancer's **chest**: its y axis runs along the shoulders to the left, its z axis up the
trunk, x forward. A limb's target is the direction of its bones there; limb lengths do not
count. All directions are unit vectors in the chest frame, which the robot's torso stands
for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import Akima1DInterpolator

from robodance.errors import DataError
from robodance.skeleton import INDEX
from robodance.values import FloatArray, PoseSequence

__all__ = [
    "HEAD_BONE",
    "SIDES",
    "Targets",
    "arm_stops",
    "chest_frame",
    "dance_targets",
    "gaze_direction",
    "resample",
    "targets_at",
    "unseen_shares",
]

SIDES = ("left", "right")
PALM_SIDES = ("right", "left")  # order of PoseSequence.palms
HEAD_BONE = "head"

HEAD_YAW_LIMIT_RAD = 1.4  # a neck turns about 80 degrees; more is a marker fault
HEAD_PITCH_LIMIT_RAD = 0.8
SHORTEST_BONE_M = 0.02  # a shorter one has no direction that means anything
STOP_SHARE = 0.2  # an arm stop: a minimum of hand speed under this share of ...
STOP_WINDOW_S = 1.0  # ... the largest speed in a window this long
BENT_WRIST_RAD = 0.35  # wrist bend at which the palm's side is taken seriously

CLEAR_PALM = 0.3  # share of a palm's direction across the forearm under which it does not tell


@dataclass(frozen=True)
class Targets:
    """Directions to follow at T moments, and how much each counts.

    Attributes:
        upper_arm: Side to (T, 3).
        forearm: Side to (T, 3).
        palm: Side to (T, 3), where the palm faces: the side to which the wrist bends.
        confidence: Side to (T, 2), 0..1: upper arm, forearm.
        palm_confidence: Side to (T,), 0..1; 0 where the wrist is straight.
        head_rad: Shape (T, 2), yaw (left is positive) and pitch (down is positive).
        stops: Side to (T,), 0..1, 1 where the dancer's hand stops.
    """

    upper_arm: dict[str, FloatArray] = field(repr=False)
    forearm: dict[str, FloatArray] = field(repr=False)
    palm: dict[str, FloatArray] = field(repr=False)
    confidence: dict[str, FloatArray] = field(repr=False)
    palm_confidence: dict[str, FloatArray] = field(repr=False)
    head_rad: FloatArray = field(repr=False)
    stops: dict[str, FloatArray] = field(repr=False)


def chest_frame(joint_positions_m: FloatArray) -> FloatArray:
    """Return the chest's axes in the world as columns x, y, z. Shape (T, 3, 3)."""
    left, right = (_joint(joint_positions_m, f"{side}_shoulder") for side in SIDES)
    to_left = _unit(left - right)
    up = (left + right) / 2.0 - _joint(joint_positions_m, "waist")
    up = _unit(up - np.einsum("ti,ti->t", up, to_left)[:, None] * to_left)
    return np.stack([np.cross(to_left, up), to_left, up], axis=2)


def resample(
    joint_positions_m: FloatArray, dance_times_s: FloatArray, times_s: FloatArray
) -> FloatArray:
    """Return the dancer at other moments; before the first and after the last he stands still.

    Between frames each coordinate follows Akima's curve, which does not overshoot at a
    jump. Where a moment is a frame, the result is that frame.

    Args:
        joint_positions_m: Shape (H, 21, 3), H at least 2.
        dance_times_s: Shape (H,), rising.
        times_s: Shape (T,).

    Returns:
        Shape (T, 21, 3).
    """
    within = np.clip(times_s, dance_times_s[0], dance_times_s[-1])
    if len(dance_times_s) < 3:
        share = (within - dance_times_s[0]) / (dance_times_s[-1] - dance_times_s[0])
        first, last = joint_positions_m[0], joint_positions_m[-1]
        return np.asarray(first + share[:, None, None] * (last - first))
    flat = joint_positions_m.reshape(len(joint_positions_m), -1)
    curve = Akima1DInterpolator(dance_times_s, flat)
    return np.asarray(curve(within)).reshape(len(times_s), *joint_positions_m.shape[1:])


def targets_at(dance: PoseSequence, times_s: FloatArray, rate_hz: float) -> Targets:
    """Return what to follow of a dance at any moments, with what it says about itself.

    Args:
        dance: The dancer, with or without confidence and palms.
        times_s: Shape (T,), on the dance's clock, at ``rate_hz``.
        rate_hz: Samples per second.
    """
    dancer = resample(dance.joint_positions_m, dance.times_s, times_s)
    confidence = palms = palm_confidence = None
    if dance.confidence is not None:
        confidence = _interpolated(dance.confidence, dance.times_s, times_s)
    if dance.palms is not None and dance.palm_confidence is not None:
        palms = _interpolated(dance.palms, dance.times_s, times_s)
        palm_confidence = _interpolated(dance.palm_confidence, dance.times_s, times_s)
    return dance_targets(
        dancer, rate_hz, confidence=confidence, palms=palms, palm_confidence=palm_confidence
    )


def dance_targets(
    joint_positions_m: FloatArray,
    rate_hz: float,
    *,
    confidence: FloatArray | None = None,
    palms: FloatArray | None = None,
    palm_confidence: FloatArray | None = None,
) -> Targets:
    """Return what to follow.

    A bone deserves as much as the less sure of its two ends; a head that is not sure keeps
    the way it looked before and after. Where palms are known they count, else the side to
    which the wrist bends.

    Args:
        joint_positions_m: Shape (T, 21, 3), world, at ``rate_hz``.
        rate_hz: Samples per second.
        confidence: Shape (T, 21), 0..1; None: all are sure.
        palms: Shape (T, 2, 3), where right and left palm face, world.
        palm_confidence: Shape (T, 2), 0..1, of ``palms``.

    Raises:
        DataError: The dancer has no chest: shoulders or waist are in one place throughout.
    """
    joint_sure = np.ones(joint_positions_m.shape[:2]) if confidence is None else confidence
    chest, chest_sure = _sure_chest(joint_positions_m)
    seen = joint_positions_m @ chest
    middle = (_joint(seen, "left_shoulder") + _joint(seen, "right_shoulder")) / 2.0
    upper, fore, palm, sure, palm_sure, stops = {}, {}, {}, {}, {}, {}
    for side in SIDES:
        shoulder, elbow, wrist, hand = (
            _joint(seen, f"{side}_{part}") for part in ("shoulder", "elbow", "wrist", "hand")
        )
        upper[side], upper_sure = _direction(elbow - shoulder)
        fore[side], fore_sure = _direction(wrist - elbow)
        upper_sure *= chest_sure * _least(joint_sure, f"{side}_shoulder", f"{side}_elbow")
        fore_sure *= chest_sure * _least(joint_sure, f"{side}_elbow", f"{side}_wrist")
        sure[side] = np.stack([upper_sure, fore_sure], axis=1)
        palm[side], palm_sure[side] = _palm(hand - wrist, fore[side])
        palm_sure[side] *= fore_sure * _least(joint_sure, f"{side}_hand")
        if palms is not None and palm_confidence is not None:
            k = PALM_SIDES.index(side)
            known = np.einsum("ti,tij->tj", palms[:, k], chest)
            palm[side], palm_sure[side] = _known_palm(
                known, palm_confidence[:, k] * fore_sure, fore[side], palm[side], palm_sure[side]
            )
        stops[side] = arm_stops(wrist - middle, rate_hz)
        stops[side] *= _least(joint_sure, f"{side}_wrist") > 0.0
    head = _where_sure(_head(seen), _least(joint_sure, "head_left", "head_right"))
    return Targets(upper, fore, palm, sure, palm_sure, head, stops)


def unseen_shares(targets: Targets, moments: slice = slice(None)) -> dict[str, float]:
    """Return for each arm bone the share of moments in which nothing is known of it."""
    return {
        f"{side} {bone}": float((targets.confidence[side][moments, k] <= 0.0).mean())
        for side in SIDES
        for k, bone in enumerate(("upper arm", "forearm"))
    }


def arm_stops(hand_m: FloatArray, rate_hz: float) -> FloatArray:
    """Mark the stops of a hand.

    A stop is a local minimum of the hand's speed under 20 % of the largest speed within
    half a second on either side; stops are what people see of a beat (Shiratori et al.,
    "Temporal scaling of upper body motion", IROS 2007).

    Args:
        hand_m: Shape (T, 3), the wrist in the chest frame.
        rate_hz: Samples per second.

    Returns:
        Shape (T,), 1 at a stop, 0 elsewhere.
    """
    result = np.zeros(len(hand_m))
    if len(hand_m) < 5:
        return result
    speed = np.linalg.norm(np.gradient(hand_m, axis=0), axis=1) * rate_hz
    half = max(1, round(STOP_WINDOW_S * rate_hz / 2))
    padded = np.pad(speed, half, mode="edge")
    largest = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1).max(axis=1)
    inner = speed[1:-1]
    lowest = (inner <= speed[:-2]) & (inner < speed[2:])
    result[1:-1] = lowest & (inner < STOP_SHARE * largest[1:-1])
    return result


def gaze_direction(head_rad: FloatArray) -> FloatArray:
    """Return where a head looks, from yaw and pitch (T, 2). Shape (T, 3)."""
    yaw, pitch = head_rad[:, 0], head_rad[:, 1]
    flat = np.cos(pitch)
    return np.stack([flat * np.cos(yaw), flat * np.sin(yaw), -np.sin(pitch)], axis=1)


def _sure_chest(joint_positions_m: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the chest's axes (T, 3, 3), and 1 where they mean anything, else 0, (T,).

    Where shoulders and waist are in one place the chest keeps the axes it had, or gets.
    """
    left, right = (_joint(joint_positions_m, f"{side}_shoulder") for side in SIDES)
    trunk = (left + right) / 2.0 - _joint(joint_positions_m, "waist")
    across = left - right
    width = np.linalg.norm(across, axis=1)
    height = np.linalg.norm(np.cross(across, trunk), axis=1) / np.maximum(width, 1e-9)
    good = (width > SHORTEST_BONE_M) & (height > SHORTEST_BONE_M)
    if not good.any():
        raise DataError(
            f"the dancer's shoulders and waist are never {100 * SHORTEST_BONE_M:.0f} cm apart, so "
            "there is no chest to see the arms from; joint positions must be in metres"
        )
    latest = np.maximum.accumulate(np.where(good, np.arange(len(good)), -1))
    nearest = np.where(latest >= 0, latest, good.argmax())
    return chest_frame(joint_positions_m[nearest]), good.astype(np.float64)


def _head(seen: FloatArray) -> FloatArray:
    """Yaw from the line between the head's sides, pitch from where its centre is.

    A head has no front marker in the 21 joints: leaning its centre forward over the
    shoulders counts as looking down, measured from the dancer's own median.
    """
    across = _joint(seen, "head_left") - _joint(seen, "head_right")
    yaw = np.arctan2(-across[:, 0], across[:, 1])
    shoulders = (_joint(seen, "left_shoulder") + _joint(seen, "right_shoulder")) / 2.0
    neck = (_joint(seen, "head_left") + _joint(seen, "head_right")) / 2.0 - shoulders
    lean = np.arctan2(neck[:, 0], np.maximum(neck[:, 2], SHORTEST_BONE_M))
    pitch = lean - np.median(lean)
    return np.stack(
        [
            np.clip(yaw, -HEAD_YAW_LIMIT_RAD, HEAD_YAW_LIMIT_RAD),
            np.clip(pitch, -HEAD_PITCH_LIMIT_RAD, HEAD_PITCH_LIMIT_RAD),
        ],
        axis=1,
    )


def _palm(hand: FloatArray, forearm: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where the palm faces: hands bend towards the palm; a straight wrist does not tell."""
    finger, sure = _direction(hand)
    along = np.einsum("ti,ti->t", finger, forearm)
    sideways = finger - along[:, None] * forearm
    bend = np.arctan2(np.linalg.norm(sideways, axis=1), along)
    direction, _ = _direction(sideways * SHORTEST_BONE_M * 100.0)
    share = np.clip(bend / BENT_WRIST_RAD, 0.0, 1.0)
    return direction, sure * share**2


def _known_palm(
    known: FloatArray,
    known_sure: FloatArray,
    forearm: FloatArray,
    guess: FloatArray,
    guess_sure: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return a palm seen by markers, across the forearm, or the guess where that is surer."""
    across = known - np.einsum("ti,ti->t", known, forearm)[:, None] * forearm
    direction, clear = _direction(across * SHORTEST_BONE_M / CLEAR_PALM)
    known_sure = known_sure * clear
    seen = known_sure >= guess_sure
    return np.where(seen[:, None], direction, guess), np.maximum(known_sure, guess_sure)


def _where_sure(angles: FloatArray, sure: FloatArray) -> FloatArray:
    """Return angles (T, n) with those that are not sure interpolated between those that are."""
    good = np.flatnonzero(sure > 0.0)
    if len(good) == len(sure):
        return angles
    if not len(good):
        return np.zeros_like(angles)
    frames = np.arange(len(sure))
    return np.column_stack([np.interp(frames, good, column[good]) for column in angles.T])


def _least(confidence: FloatArray, *joints: str) -> FloatArray:
    return np.asarray(confidence[:, [INDEX[name] for name in joints]].min(axis=1))


def _interpolated(values: FloatArray, times_s: FloatArray, wanted_s: FloatArray) -> FloatArray:
    """Read values (H, ...) linearly at other moments; held at both ends."""
    flat = values.reshape(len(values), -1)
    read = np.column_stack([np.interp(wanted_s, times_s, column) for column in flat.T])
    return read.reshape(len(wanted_s), *values.shape[1:])


def _joint(positions: FloatArray, name: str) -> FloatArray:
    return np.asarray(positions[:, INDEX[name]])


def _direction(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Unit vectors, and 1 where the vector is long enough to have a direction, else 0."""
    lengths = np.linalg.norm(vectors, axis=1)
    good = lengths > SHORTEST_BONE_M
    if not good.any():
        return np.tile([0.0, 0.0, -1.0], (len(vectors), 1)), np.zeros(len(vectors))
    latest = np.maximum.accumulate(np.where(good, np.arange(len(vectors)), -1))
    nearest = np.where(latest >= 0, latest, good.argmax())
    return vectors[nearest] / lengths[nearest, None], good.astype(np.float64)


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9))
