"""Database projection: what the network imagines, danced by the nearest real motion.

For every two beats of the network's dance a recorded window is taken in their place: of all
chains of windows the one that is nearest to the dance and to itself at the joins, which are
then bridged (``joins.chain``). So the network chooses and the recordings move: closer to
real dance, and never anything new.
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
TRAVEL = 1.0  # a step over the floor, per frame, counts as so much of a joint's place
JOIN = 8.0  # compared frames that the gap at a join counts for
BLEND_FRAMES = 4  # of a join, and more where it is wide: windows are short


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
    count = -(-len(poses) // WINDOW_FRAMES)
    padded = np.concatenate([poses, np.repeat(poses[-1:], count * WINDOW_FRAMES - len(poses), 0)])
    wanted = _described(padded.reshape(count, WINDOW_FRAMES, POSE_DIM))
    chosen = _cheapest_chain(_squares(wanted, _described(windows.poses)), _join_costs(windows))
    parts = [windows.poses[chosen[0]]]
    for before, index in itertools.pairwise(chosen):
        if windows.following[before] == index:  # goes on as it was recorded
            parts[-1] = np.concatenate([parts[-1], windows.poses[index]])
        else:
            parts.append(windows.poses[index])
    return chain(parts, BLEND_FRAMES)[: len(poses)]


def _cheapest_chain(costs: FloatArray, joins: FloatArray) -> list[int]:
    """Return the choice (K,) that costs least in all (Viterbi's algorithm).

    Args:
        costs: Shape (K, W), of taking each window at each place.
        joins: Shape (W, W), of one window after another.
    """
    total, origins = costs[0], []
    for cost in costs[1:]:
        each = total[:, None] + joins
        origins.append(each.argmin(axis=0))
        total = each.min(axis=0) + cost
    chosen = [int(total.argmin())]
    for origin in reversed(origins):
        chosen.append(int(origin[chosen[-1]]))
    return chosen[::-1]


def _join_costs(windows: MotionWindows) -> FloatArray:
    """Return what it costs that one window follows another, shape (W, W)."""
    last, before = (windows.poses[:, row, LOCAL_POSITIONS] for row in (-1, -2))
    costs = JOIN * _squares(2.0 * last - before, windows.poses[:, 0, LOCAL_POSITIONS])
    (known,) = np.nonzero(windows.following >= 0)
    costs[known, windows.following[known]] = 0.0
    return costs


def _squares(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the squared distances of the rows of two arrays."""
    norms = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)
    return np.asarray(np.maximum(norms - 2.0 * (first @ second.T), 0.0))


def _described(windows: FloatArray) -> FloatArray:
    """Return what windows are compared by, shape (W, K): joints, and the way over the floor."""
    joints = windows[:, ::EVERY, LOCAL_POSITIONS]
    travel = TRAVEL * 21**0.5 * windows[:, ::EVERY, ROOT_VELOCITY]
    return np.concatenate([joints, travel], axis=2).reshape(len(windows), -1)
