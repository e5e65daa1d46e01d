"""Measures of a dance: pure functions of joint positions, nothing learned in them."""

from __future__ import annotations

import numpy as np

from robodance.skeleton import INDEX, WAIST, bone_lengths, facing_direction
from robodance.values import BoolArray, FloatArray

__all__ = [
    "bone_error",
    "joint_speed",
    "longest_slow_run",
    "root_relative",
    "support",
    "support_slide",
    "twin_share",
    "window_speeds",
]

SUPPORT_HEIGHT_M = 0.03  # above the joint's own resting height
REST_PERCENTILE = 10
TWIN_RMS_M = 0.03
TWIN_WINDOW_BEATS = 16
TWIN_LONGEST_LAG_BEATS = 256


def joint_speed(joint_positions_m: FloatArray, frame_rate_hz: float) -> FloatArray:
    """Return the mean speed of the 21 joints from frame to frame; shape (T-1,), m/s."""
    steps = np.diff(np.asarray(joint_positions_m, dtype=np.float64), axis=0)
    return np.asarray(np.linalg.norm(steps, axis=2).mean(axis=1) * frame_rate_hz)


def window_speeds(
    joint_positions_m: FloatArray, frame_rate_hz: float, window_s: float = 1.0
) -> FloatArray:
    """Return the mean joint speed of every window, one frame apart; m/s."""
    speed = joint_speed(joint_positions_m, frame_rate_hz)
    width = max(1, min(round(window_s * frame_rate_hz), len(speed)))
    total = np.concatenate([[0.0], np.cumsum(speed)])
    return np.asarray((total[width:] - total[:-width]) / width)


def longest_slow_run(slow: BoolArray) -> int:
    """Return the length of the longest run of True."""
    padded = np.concatenate([[False], np.asarray(slow, dtype=bool), [False]])
    edges = np.flatnonzero(np.diff(padded.astype(np.int8))).reshape(-1, 2)
    return int((edges[:, 1] - edges[:, 0]).max(initial=0))


def bone_error(joint_positions_m: FloatArray, lengths_m: FloatArray) -> float:
    """Return the mean deviation of all bones from the given lengths, as a share."""
    return float(np.abs(bone_lengths(joint_positions_m) / np.asarray(lengths_m) - 1.0).mean())


def support(joint_positions_m: FloatArray) -> BoolArray:
    """Return where each foot stands, by geometry alone; shape (T, 2), right then left.

    A foot stands where ankle and toe are within 3 cm of their own resting heights, the
    10th percentile over the dance.
    """
    heights = np.asarray(joint_positions_m)[..., 2]
    low = heights < np.percentile(heights, REST_PERCENTILE, axis=0) + SUPPORT_HEIGHT_M
    return np.stack(
        [low[:, INDEX[f"{s}_ankle"]] & low[:, INDEX[f"{s}_toe"]] for s in ("right", "left")], axis=1
    )


def support_slide(joint_positions_m: FloatArray, frame_rate_hz: float) -> float:
    """Return the mean horizontal speed of ankle and toe of feet that stand, m/s.

    Frame to frame, where the foot stands in both; 0 where it never stands.
    """
    positions = np.asarray(joint_positions_m, dtype=np.float64)
    standing = support(positions)
    both = standing[1:] & standing[:-1]
    speeds = []
    for column, side in enumerate(("right", "left")):
        joints = [INDEX[f"{side}_ankle"], INDEX[f"{side}_toe"]]
        steps = np.linalg.norm(np.diff(positions[:, joints, :2], axis=0), axis=2).mean(axis=1)
        speeds.append(steps[both[:, column]] * frame_rate_hz)
    together = np.concatenate(speeds)
    return float(together.mean()) if together.size else 0.0


def root_relative(joint_positions_m: FloatArray, frame_rate_hz: float) -> FloatArray:
    """Return the joints seen from the body: waist's floor point, facing forward; (T, 21, 3)."""
    positions = np.asarray(joint_positions_m, dtype=np.float64)
    facing = facing_direction(positions, frame_rate_hz)
    seen = positions - positions[:, WAIST, None] * np.array([1.0, 1.0, 0.0])
    x = seen[..., 0] * facing[:, None, 0] + seen[..., 1] * facing[:, None, 1]
    y = seen[..., 1] * facing[:, None, 0] - seen[..., 0] * facing[:, None, 1]
    return np.stack([x, y, seen[..., 2]], axis=-1)


def twin_share(relative_m: FloatArray, frames_per_beat: int) -> float:
    """Return the share of 16-beat windows that come again.

    A window has a twin where another one, a whole number of beats and at most 256 beats
    away, differs by less than 3 cm (root mean square over joints and frames).

    Args:
        relative_m: Shape (T, 21, 3), from ``root_relative``, on the beat clock.
        frames_per_beat: Frames per beat.
    """
    beats = len(relative_m) // frames_per_beat
    windows = beats - TWIN_WINDOW_BEATS + 1
    if windows < 2:
        return 0.0
    flat = np.asarray(relative_m[: beats * frames_per_beat], dtype=np.float32)
    per_beat = flat.reshape(beats, -1)  # (beats, frames_per_beat * 63)
    squares = (per_beat.astype(np.float64) ** 2).sum(axis=1)
    distance = squares[:, None] + squares[None] - 2.0 * (per_beat @ per_beat.T).astype(np.float64)
    distance = np.maximum(distance, 0.0) / (frames_per_beat * 21)  # mean square of a joint, m^2
    has_twin = np.zeros(windows, dtype=bool)
    for lag in range(1, min(TWIN_LONGEST_LAG_BEATS, windows - 1) + 1):
        total = np.concatenate([[0.0], np.cumsum(np.diagonal(distance, lag))])
        mean = (total[TWIN_WINDOW_BEATS:] - total[:-TWIN_WINDOW_BEATS]) / TWIN_WINDOW_BEATS
        near = np.flatnonzero(mean < TWIN_RMS_M**2)
        has_twin[near] = True
        has_twin[near + lag] = True
    return float(has_twin.mean())
