"""The recorded windows that database projection dances with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT
from robodance.choreography.projection import WINDOW_BEATS, WINDOW_FRAMES, MotionWindows
from robodance.errors import DataError
from robodance.learning.dataset import Unit, load_library
from robodance.skeleton import mirror_poses
from robodance.values import FloatArray

__all__ = ["load_windows", "windows_of"]


def load_windows(data: Path, genres: Iterable[str]) -> MotionWindows:
    """Read the training units of some genres as windows, each with its mirror image.

    Raises:
        DataError: The folder does not hold the data sets as published.
    """
    if not data.is_dir():
        raise DataError(f"{data}: no such folder; give the folder of the data sets as published")
    return windows_of(
        unit for genre in genres for unit in load_library(data, genre).training.values()
    )


def windows_of(units: Iterable[Unit]) -> MotionWindows:
    """Cut units into windows that begin on every beat; mirror images follow.

    Raises:
        DataError: No unit is long enough.
    """
    poses: list[FloatArray] = []
    following: list[int] = []
    for unit in units:
        starts = range(unit.beats - WINDOW_BEATS + 1)
        for beat in starts:
            start = beat * FRAMES_PER_BEAT
            next_one = beat + WINDOW_BEATS in starts
            following.append(len(poses) + WINDOW_BEATS if next_one else -1)
            poses.append(unit.poses[start : start + WINDOW_FRAMES])
    if not poses:
        raise DataError(f"no unit is as long as {WINDOW_BEATS} beats")
    plain, order = np.stack(poses), np.array(following)
    mirrored = np.where(order >= 0, order + len(plain), -1)
    return MotionWindows(
        np.concatenate([plain, mirror_poses(plain)]), np.concatenate([order, mirrored])
    )
