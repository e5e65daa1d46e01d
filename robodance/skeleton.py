"""The human body behind the 74 numbers of a pose.

Axes, said once: the **world** is right-handed with z up and the floor at z = 0. The
**body frame** moves along with the dancer: its origin is the waist projected on the
floor, x points forward (the smoothed facing direction), y to the dancer's left, z up.

===========  =========================================================================
columns      content
===========  =========================================================================
0..62        21 joints x (x, y, z) in the body frame, metres, in ``JOINT_NAMES`` order
63..65       facing direction, a unit vector in the world (z is 0)
66..68       displacement of the body frame since the frame before, metres per frame,
             seen from the body frame of the frame before (z is 0)
69           turn of the body frame since the frame before, radians per frame, + is left
70..73       foot contact ``exp(-10 h)``, h metres above the floor: left heel, left toe,
             right heel, right toe
===========  =========================================================================

The layout follows Ahn et al., "Generative Autoregressive Networks for 3D Dancing Move
Synthesis from Music" (RA-L 2020), section III-C. The first frame has no frame before:
its rates repeat those of the second and are ignored when decoding.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from robodance.errors import DataError
from robodance.values import POSE_DIM, FloatArray, IntArray, PoseSequence

__all__ = [
    "BONES",
    "CONTACT",
    "FACING",
    "JOINT_NAMES",
    "LEFT",
    "LOCAL_POSITIONS",
    "MIRRORED_JOINTS",
    "MIRROR_ORDER",
    "MIRROR_SIGN",
    "POSE_DIM",
    "RIGHT",
    "ROOT_VELOCITY",
    "YAW_RATE",
    "bone_lengths",
    "decode_pose",
    "encode_pose",
    "facing_direction",
    "mirror_dance",
    "mirror_poses",
    "mirror_positions",
    "pose_sequence",
]

JOINT_NAMES: tuple[str, ...] = (
    "head_right",
    "head_left",
    "waist",
    *(
        f"{side}_{part}"
        for side in ("right", "left")
        for part in (
            "shoulder",
            "elbow",
            "wrist",
            "hand",
            "hip",
            "knee",
            "ankle",
            "heel",
            "toe",
        )
    ),
)
INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINT_NAMES)}
WAIST = INDEX["waist"]
RIGHT = slice(3, 12)
LEFT = slice(12, 21)
MIRRORED_JOINTS: IntArray = np.array([1, 0, 2, *range(12, 21), *range(3, 12)])

LOCAL_POSITIONS = slice(0, 63)
FACING = slice(63, 66)
ROOT_VELOCITY = slice(66, 69)
YAW_RATE = 69
CONTACT = slice(70, 74)
CONTACT_JOINTS: tuple[int, ...] = tuple(
    INDEX[name] for name in ("left_heel", "left_toe", "right_heel", "right_toe")
)
CONTACT_DECAY_PER_M = 10.0
FACING_SMOOTHING_S = 0.08  # two frames at the paper's 25 fps

BONES: tuple[tuple[int, int], ...] = tuple(
    (INDEX[a], INDEX[b])
    for a, b in (
        ("head_right", "head_left"),
        ("right_shoulder", "left_shoulder"),
        ("right_hip", "left_hip"),
        *(
            (f"{side}_{a}", f"{side}_{b}")
            for side in ("right", "left")
            for a, b in (
                ("shoulder", "elbow"),
                ("elbow", "wrist"),
                ("wrist", "hand"),
                ("hip", "knee"),
                ("knee", "ankle"),
                ("ankle", "heel"),
                ("ankle", "toe"),
                ("heel", "toe"),
            )
        ),
        ("waist", "right_hip"),
        ("waist", "left_hip"),
    )
)
"""Pairs of joints whose distance a body keeps (shoulders and head ride on the spine)."""


def facing_direction(joint_positions_m: FloatArray, frame_rate_hz: float) -> FloatArray:
    """Return where the dancer faces: smoothed, horizontal unit vectors.

    Args:
        joint_positions_m: Shape (T, 21, 3), world.
        frame_rate_hz: Frames per second; the smoothing is fixed in seconds.

    Returns:
        Shape (T, 3), the mean of shoulder line and hip line, turned by a quarter.
    """
    positions = np.asarray(joint_positions_m, dtype=np.float64)
    shoulders = positions[:, INDEX["left_shoulder"]] - positions[:, INDEX["right_shoulder"]]
    hips = positions[:, INDEX["left_hip"]] - positions[:, INDEX["right_hip"]]
    to_left = _unit(_horizontal(shoulders)) + _unit(_horizontal(hips))
    forward = np.stack([to_left[:, 1], -to_left[:, 0], np.zeros(len(to_left))], axis=1)
    return _unit(_smooth(_unit(forward), FACING_SMOOTHING_S * frame_rate_hz))


def encode_pose(joint_positions_m: FloatArray, frame_rate_hz: float) -> FloatArray:
    """Turn joint positions into the 74 numbers.

    Args:
        joint_positions_m: Shape (T, 21, 3), world, T at least 2.
        frame_rate_hz: Frames per second.

    Returns:
        Shape (T, 74).

    Raises:
        DataError: The shape is wrong or a value is not finite.
    """
    positions = np.asarray(joint_positions_m, dtype=np.float64)
    if positions.ndim != 3 or positions.shape[1:] != (21, 3) or len(positions) < 2:
        raise DataError(f"a dance needs shape (T >= 2, 21, 3), found {positions.shape}")
    if not np.isfinite(positions).all():
        raise DataError("a dance holds joint positions that are not finite")
    facing = facing_direction(positions, frame_rate_hz)
    yaw = np.unwrap(np.arctan2(facing[:, 1], facing[:, 0]))
    root = _horizontal(positions[:, WAIST])
    poses = np.empty((len(positions), POSE_DIM))
    local = _rotate(positions - root[:, None], -yaw)
    poses[:, LOCAL_POSITIONS] = local.reshape(len(positions), -1)
    poses[:, FACING] = facing
    poses[1:, ROOT_VELOCITY] = _rotate(np.diff(root, axis=0)[:, None], -yaw[:-1])[:, 0]
    poses[1:, YAW_RATE] = np.diff(yaw)
    poses[0, 66:70] = poses[1, 66:70]
    heights = np.maximum(positions[:, CONTACT_JOINTS, 2], 0.0)
    poses[:, CONTACT] = np.exp(-CONTACT_DECAY_PER_M * heights)
    return poses


def decode_pose(poses: FloatArray, origin_m: tuple[float, float] = (0.0, 0.0)) -> FloatArray:
    """Turn the 74 numbers back into joint positions; the inverse of ``encode_pose``.

    The path over the floor is the sum of the rates; the facing direction counts in the
    first frame only, and contacts do not count.

    Args:
        poses: Shape (T, 74).
        origin_m: Where in the world the first frame's waist stands.

    Returns:
        Shape (T, 21, 3), world.

    Raises:
        DataError: The shape is wrong.
    """
    poses = np.asarray(poses, dtype=np.float64)
    if poses.ndim != 2 or poses.shape[1] != POSE_DIM or not len(poses):
        raise DataError(f"poses need shape (T, {POSE_DIM}), found {poses.shape}")
    first = np.arctan2(poses[0, 64], poses[0, 63])
    yaw = first + np.concatenate([[0.0], np.cumsum(poses[1:, YAW_RATE])])
    steps = _rotate(poses[1:, None, ROOT_VELOCITY], yaw[:-1])[:, 0]
    start = np.array([[*origin_m, 0.0]])
    root = np.concatenate([start, start + np.cumsum(steps, axis=0)])
    local = poses[:, LOCAL_POSITIONS].reshape(len(poses), 21, 3)
    return np.asarray(_rotate(local, yaw) + root[:, None])


def pose_sequence(
    joint_positions_m: FloatArray,
    frame_rate_hz: float,
    *,
    start_s: float = 0.0,
    beats_s: FloatArray | None = None,
    beat_numbers: IntArray | None = None,
    metadata: dict[str, object] | None = None,
) -> PoseSequence:
    """Make a ``PoseSequence`` from joint positions; arguments as its attributes."""
    beats = np.zeros(0) if beats_s is None else beats_s
    numbers = np.ones(len(beats), dtype=np.int64) if beat_numbers is None else beat_numbers
    return PoseSequence(
        poses=encode_pose(joint_positions_m, frame_rate_hz),
        joint_positions_m=joint_positions_m,
        frame_rate_hz=frame_rate_hz,
        start_s=start_s,
        beats_s=beats,
        beat_numbers=numbers,
        metadata=metadata or {},
    )


def mirror_positions(joint_positions_m: FloatArray) -> FloatArray:
    """Exchange left and right: reflect at the plane y = 0 and swap the sides' joints."""
    swapped = np.asarray(joint_positions_m)[..., MIRRORED_JOINTS, :]
    return np.asarray(swapped * np.array([1.0, -1.0, 1.0]))


def _mirror_tables() -> tuple[IntArray, FloatArray]:
    order = np.arange(POSE_DIM)
    sign = np.ones(POSE_DIM)
    order[LOCAL_POSITIONS] = (3 * MIRRORED_JOINTS[:, None] + np.arange(3)).ravel()
    sign[LOCAL_POSITIONS] = np.tile([1.0, -1.0, 1.0], 21)
    sign[FACING.start + 1] = -1.0
    sign[ROOT_VELOCITY.start + 1] = -1.0
    sign[YAW_RATE] = -1.0
    first = CONTACT.start
    order[CONTACT] = [first + 2, first + 3, first, first + 1]
    return order, sign


MIRROR_ORDER, MIRROR_SIGN = _mirror_tables()
"""``poses[..., MIRROR_ORDER] * MIRROR_SIGN`` exchanges left and right."""


def mirror_poses(poses: FloatArray) -> FloatArray:
    """Return poses (..., 74) with left and right exchanged; exact."""
    return np.asarray(np.asarray(poses)[..., MIRROR_ORDER] * MIRROR_SIGN)


def mirror_dance(dance: PoseSequence) -> PoseSequence:
    """Return a dance with left and right exchanged, world and all; twice is the dance again."""
    return replace(
        dance,
        poses=mirror_poses(dance.poses),
        joint_positions_m=mirror_positions(dance.joint_positions_m),
        confidence=None if dance.confidence is None else dance.confidence[:, MIRRORED_JOINTS],
        palms=None if dance.palms is None else dance.palms[:, ::-1] * np.array([1.0, -1.0, 1.0]),
        palm_confidence=None if dance.palm_confidence is None else dance.palm_confidence[:, ::-1],
    )


def bone_lengths(joint_positions_m: FloatArray) -> FloatArray:
    """Return the length of every bone in ``BONES`` order. Shape (T, len(BONES)), metres."""
    positions = np.asarray(joint_positions_m)
    first, second = np.array(BONES).T
    return np.asarray(np.linalg.norm(positions[:, first] - positions[:, second], axis=-1))


def _horizontal(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors * np.array([1.0, 1.0, 0.0]))


def _unit(vectors: FloatArray) -> FloatArray:
    """Normalise row by row; a row without direction takes that of the row before."""
    lengths = np.linalg.norm(vectors, axis=1)
    good = lengths > 1e-9
    if not good.any():
        return np.tile([1.0, 0.0, 0.0], (len(vectors), 1))
    latest = np.maximum.accumulate(np.where(good, np.arange(len(vectors)), -1))
    nearest = np.where(latest >= 0, latest, good.argmax())
    return np.asarray(vectors[nearest] / lengths[nearest, None])


def _smooth(values: FloatArray, sigma: float) -> FloatArray:
    """Smooth along time by a Gaussian of ``sigma`` frames; the ends repeat their value."""
    radius = int(np.ceil(4 * sigma))
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / max(sigma, 1e-9)) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(values, ((radius, radius), (0, 0)), mode="edge")
    columns = [np.convolve(column, kernel, mode="valid") for column in padded.T]
    return np.stack(columns, axis=1)


def _rotate(points: FloatArray, yaw: NDArray[np.float64]) -> FloatArray:
    """Turn points (T, K, 3) about z by yaw (T,)."""
    cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x, y = points[..., 0], points[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y, points[..., 2]], axis=-1)
