"""Repair of recorded motion: lost points, spikes, noise and a floor that is not level."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter
from scipy.signal import butter, sosfiltfilt

from robodance.errors import DataError
from robodance.values import BoolArray, FloatArray

__all__ = ["fill_gaps", "fit_floor", "low_pass", "repair_spikes"]

SPIKE_M = 0.06  # away from the running median; a hand at 5 m/s that turns stays under it
SPIKE_WINDOW_S = 0.14
SLOPE_DOUBT_M = 0.3  # feet that spread no further than this say little about the slope
STILL_M_S = 0.08  # a marker slower than this may be standing


def fill_gaps(paths_m: FloatArray) -> FloatArray:
    """Replace NaN along time by a cubic Hermite interpolation of what is known.

    Args:
        paths_m: Shape (T, M, 3).

    Raises:
        DataError: A marker has fewer than two known frames.
    """
    from scipy.interpolate import PchipInterpolator

    filled = np.array(paths_m, dtype=np.float64)
    frames = np.arange(len(filled))
    for marker in range(filled.shape[1]):
        known = np.isfinite(filled[:, marker]).all(axis=1)
        if known.all():
            continue
        if known.sum() < 2:
            raise DataError(f"marker {marker} is lost in nearly all of {len(filled)} frames")
        curve = PchipInterpolator(frames[known], filled[known, marker])
        nearest = np.clip(frames, frames[known][0], frames[known][-1])
        filled[~known, marker] = curve(nearest[~known])
    return filled


def repair_spikes(paths_m: FloatArray, frame_rate_hz: float) -> FloatArray:
    """Replace points that jump away from their own running median; shape (T, M, 3)."""
    window = max(3, int(SPIKE_WINDOW_S * frame_rate_hz) | 1)
    usual = median_filter(paths_m, size=(window, 1, 1), mode="nearest")
    spike = np.linalg.norm(paths_m - usual, axis=2) > SPIKE_M
    widened = spike.copy()  # the frames beside a spike already carry part of it
    for shift in (1, 2):
        widened[shift:] |= spike[:-shift]
        widened[:-shift] |= spike[shift:]
    return fill_gaps(np.where(widened[..., None], np.nan, paths_m))


def low_pass(paths: FloatArray, frame_rate_hz: float, cutoff_hz: float = 10.0) -> FloatArray:
    """Filter along time, fourth order, forth and back, so that nothing is delayed."""
    if frame_rate_hz <= 2.2 * cutoff_hz or len(paths) < 20:
        return np.asarray(paths, dtype=np.float64)
    sections = butter(2, cutoff_hz, fs=frame_rate_hz, output="sos")
    return np.asarray(sosfiltfilt(sections, paths, axis=0))


def fit_floor(foot_markers_m: FloatArray, frame_rate_hz: float) -> tuple[float, float]:
    """Find the slope of the floor from the places where foot markers stand.

    All markers share one plane's slope; each has a height of its own above it.

    Args:
        foot_markers_m: Shape (T, M, 3).
        frame_rate_hz: Frames per second.

    Returns:
        Rise of the floor in metres per metre along x and along y; zeros where the feet
        never stand at more than one place.
    """
    rows, heights = _standing(foot_markers_m, frame_rate_hz)
    if len(rows) < 50:
        return 0.0, 0.0
    centre = rows[:, :2].mean(axis=0)
    rows[:, :2] -= centre
    doubt = np.zeros((2, rows.shape[1]))  # little spread must not become much slope
    doubt[[0, 1], [0, 1]] = SLOPE_DOUBT_M
    keep = np.ones(len(rows), dtype=bool)
    solution = np.zeros(rows.shape[1])
    for _ in range(4):
        weight = np.sqrt(keep.sum())
        system = np.concatenate([rows[keep], weight * doubt])
        solution = np.linalg.lstsq(system, np.concatenate([heights[keep], [0.0, 0.0]]), rcond=None)[
            0
        ]
        residual = np.abs(heights - rows @ solution)
        keep = residual < max(2.5 * float(np.median(residual)), 0.003)
    return float(solution[0]), float(solution[1])


def _standing(markers_m: FloatArray, frame_rate_hz: float) -> tuple[FloatArray, FloatArray]:
    """Return rows (x, y, one-hot of the marker) and heights of standing markers."""
    speed = np.linalg.norm(np.gradient(markers_m, axis=0), axis=2) * frame_rate_hz
    still: BoolArray = speed < STILL_M_S
    rows, heights = [], []
    count = markers_m.shape[1]
    for marker in range(count):
        path = markers_m[still[:, marker], marker]
        if not len(path):
            continue
        path = path[path[:, 2] < np.percentile(path[:, 2], 60) + 0.01]
        one_hot = np.tile(np.eye(count)[marker], (len(path), 1))
        rows.append(np.concatenate([path[:, :2], one_hot], axis=1))
        heights.append(path[:, 2])
    if not rows:
        return np.zeros((0, count + 2)), np.zeros(0)
    return np.concatenate(rows), np.concatenate(heights)
