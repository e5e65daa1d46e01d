"""Joins of two stretches of motion: what is left of the old one fades out in the new one.

This is inertialisation (Bollo, GDC 2018): the new motion is taken from its first frame on,
and the difference of position (and, where the new motion is known beforehand, of speed)
dies away over the first frames. ``chain`` joins whole stretches, ``Bridge`` frame by frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robodance.skeleton import LOCAL_POSITIONS
from robodance.values import FloatArray

__all__ = ["BLEND_FRAMES", "Bridge", "chain"]

BLEND_FRAMES = 12  # three quarters of a beat; more where the poses are far apart
GLIDE = 2.0  # frames for which the old speed is kept
BLEND_PER_M = 40.0  # frames per metre of mean joint distance
RATES = [66, 67, 68, 69]
MOVING = [*range(63), *RATES]  # columns that a chain has to keep continuous
JUMP_M = 0.08  # of one joint off its path in one frame


def chain(parts: Sequence[FloatArray], blend: int = BLEND_FRAMES) -> FloatArray:
    """Chain poses so that every join is continuous in position and speed.

    What is left of the old motion (its last pose and speed, against the new part's
    first) fades out over the first ``blend`` frames of the new part (inertialisation,
    Bollo, GDC 2018).
    """
    joined = [np.array(parts[0])]
    for part in parts[1:]:
        before, after = joined[-1], np.array(part)
        speed = before[-1] - before[-2] if len(before) > 1 else np.zeros(74)
        offset = before[-1] + speed - after[0]
        drift = speed - (after[1] - after[0]) if len(after) > 1 else np.zeros(74)
        offset[RATES] = before[-1, RATES] - after[0, RATES]
        drift[RATES] = 0.0
        length = min(blend + round(BLEND_PER_M * _gaps(offset).mean()), len(after))
        fade = _fade(length)[:, None]
        slowing = GLIDE * (1.0 - np.exp(-np.arange(length)[:, None] / GLIDE))
        ghost = (offset + drift * slowing) * fade
        after[:length, MOVING] += ghost[:, MOVING]
        joined.append(after)
    return np.concatenate(joined)


class Bridge:
    """Takes the jumps out of a dance whose frames come one by one.

    A network that is told that the next unit begins sometimes snaps to it. Where a joint
    leaves its path by more than ``JUMP_M`` at the first frame of a stretch, the difference
    fades out over the stretch instead; elsewhere nothing changes.
    """

    def __init__(self) -> None:
        self._last: FloatArray | None = None
        self._speed = np.zeros(0)
        self._offset = np.zeros(0)
        self._fade: list[float] = []

    def step(self, pose: FloatArray, begins: int = 0, *, always: bool = False) -> FloatArray:
        """Return a pose (74,) as it is to be danced.

        Args:
            pose: The next one.
            begins: Frames of the stretch that begins with it; 0 within a stretch.
            always: Bridge the beginning of the stretch however small the jump is.
        """
        out = np.array(pose, dtype=np.float64)
        if self._last is None:
            self._last = out
        if begins:
            self._begin(out, begins, always)
        if self._fade:
            out[MOVING] += self._fade.pop(0) * self._offset[MOVING]
        self._speed, self._last = out - self._last, out
        return out

    def _begin(self, pose: FloatArray, frames: int, always: bool) -> None:
        """Find by how much the dance would leave its path: positions glide on, rates stay."""
        assert self._last is not None
        expected = self._last.copy()
        if self._speed.size:
            expected[LOCAL_POSITIONS] += self._speed[LOCAL_POSITIONS]
        left = self._fade[0] * self._offset if self._fade else 0.0
        gaps = _gaps(expected - pose)
        if always or _gaps(expected - pose - left).max() > JUMP_M:
            self._offset = expected - pose
            wanted = BLEND_FRAMES + round(BLEND_PER_M * gaps.max())
            self._fade = list(_fade(max(min(wanted, frames), 1)))


def _gaps(offset: FloatArray) -> FloatArray:
    """Return how far each joint is off, metres."""
    return np.asarray(np.linalg.norm(offset[LOCAL_POSITIONS].reshape(21, 3), axis=1))


def _fade(length: int) -> FloatArray:
    """Return shares from 1 to 0, without a jerk at either end."""
    share = np.arange(length) / length
    return np.asarray(1.0 - share**3 * (10.0 - 15.0 * share + 6.0 * share**2))
