"""Database projection: what the network imagines, danced by the nearest real motion.

Every two beats the recorded window nearest to the network's next frames is taken in their
place, and joined to what was danced before it (``joins.chain``). So the network chooses
and the recordings move: closer to real dance, and never anything new.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT
from robodance.choreography.joins import chain
from robodance.errors import DataError
from robodance.skeleton import LOCAL_POSITIONS, POSE_DIM, ROOT_VELOCITY
from robodance.values import FloatArray, IntArray

__all__ = ["WINDOW_BEATS", "WINDOW_FRAMES", "MotionWindows", "project"]

WINDOW_BEATS = 2
WINDOW_FRAMES = WINDOW_BEATS * FRAMES_PER_BEAT
EVERY = 2  # frames of a window that are compared
TRAVEL = 4.0  # a step over the floor, per frame, counts as so much of a joint's place
GOES_ON = 0.8  # of its distance counts for the window that goes on where the last one ended


@dataclass(frozen=True)
class MotionWindows:
    """Recorded windows of two beats on the beat clock.

    Attributes:
        poses: Shape (W, 32, 74).
        following: Shape (W,), the window that goes on where this one ends; -1: none.
    """

    poses: FloatArray = field(repr=False)
    following: IntArray = field(repr=False)

    def __post_init__(self) -> None:
        shape = self.poses.shape
        if len(shape) != 3 or shape[1:] != (WINDOW_FRAMES, POSE_DIM) or not shape[0]:
            raise DataError(
                f"motion windows have shape {shape}, expected (W, {WINDOW_FRAMES}, {POSE_DIM})"
            )


def project(poses: FloatArray, windows: MotionWindows) -> FloatArray:
    """Replace every two beats of a dance by the nearest recorded window.

    Args:
        poses: Shape (T, 74), on the beat clock; the first frame is on a beat.
        windows: What may be danced.

    Returns:
        Shape (T, 74).
    """
    known = _described(windows.poses)  # (W, K)
    squares = (known**2).sum(axis=1)
    count = -(-len(poses) // WINDOW_FRAMES)
    padded = np.concatenate([poses, np.repeat(poses[-1:], count * WINDOW_FRAMES - len(poses), 0)])
    wanted = _described(padded.reshape(count, WINDOW_FRAMES, POSE_DIM))
    chosen: list[int] = []
    for one in wanted:
        distance = np.maximum(squares - 2.0 * (known @ one) + one @ one, 0.0)
        if chosen and windows.following[chosen[-1]] >= 0:
            distance[windows.following[chosen[-1]]] *= GOES_ON**2
        chosen.append(int(distance.argmin()))
    parts = [windows.poses[chosen[0]]]
    for before, index in itertools.pairwise(chosen):
        if windows.following[before] == index:  # goes on as it was recorded
            parts[-1] = np.concatenate([parts[-1], windows.poses[index]])
        else:
            parts.append(windows.poses[index])
    return chain(parts)[: len(poses)]


def _described(windows: FloatArray) -> FloatArray:
    """Return what windows are compared by, shape (W, K): joints, and the way over the floor."""
    joints = windows[:, ::EVERY, LOCAL_POSITIONS]
    travel = TRAVEL * 21**0.5 * windows[:, ::EVERY, ROOT_VELOCITY]
    return np.concatenate([joints, travel], axis=2).reshape(len(windows), -1)
