"""Kinetic and geometric features of motion clips, mapped to the 21 joints.

Both come from fairmotion (Gopinath et al. 2020, after Onuma et al., "FMDistance", 2008,
and Mueller et al., SIGGRAPH 2005) through the evaluation of AI Choreographer (Li et al.,
ICCV 2021), where a clip is a whole dance of 24 SMPL joints with y up. Here a clip is a
window of joints (21, 3), z up. SMPL's neck is the middle of the shoulders, its root the
waist, its chest and belly lie at three quarters and one quarter of the way between.

``as_printed`` measures in true seconds and in the dancer's own bone lengths; ``as_coded``
repeats the published code: a frame of 1/30 s (kinetic) or 1/120 s (geometric) at 60 frames
a second, and lengths of SMPL's template.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robodance.skeleton import INDEX, WAIST
from robodance.values import BoolArray, FloatArray

__all__ = ["AIST_RATE_HZ", "SMPL_LENGTHS", "Lengths", "geometric_features", "kinetic_features"]

AIST_RATE_HZ = 60.0
CODED_KINETIC_FRAME_S = 1.0 / 30.0
CODED_GEOMETRIC_FRAME_S = 1.0 / 120.0
SLIDING = 2  # frames to either side over which velocities are averaged


@dataclass(frozen=True)
class Lengths:
    """What the geometric features count in, metres."""

    humerus: float
    shoulders: float
    hips: float


SMPL_LENGTHS = Lengths(humerus=0.2568, shoulders=0.3908, hips=0.1192)


def kinetic_features(clips_m: FloatArray, frame_s: float) -> FloatArray:
    """Return three numbers per joint: energies of horizontal and vertical motion, expenditure.

    The mean over frames of the squared horizontal velocity, of the squared vertical
    velocity, and of the magnitude of the acceleration; velocities and accelerations are
    averaged over two frames to either side, and over less at the ends.

    Args:
        clips_m: Shape (N, T, 21, 3), T at least 3.
        frame_s: Duration of a frame (as coded: 1/30 whatever the rate).

    Returns:
        Shape (N, 63), joint by joint.
    """
    clips = np.asarray(clips_m, dtype=np.float64)
    steps = np.diff(clips, axis=1) / frame_s  # (N, T-1, 21, 3), of frames 1..T-1
    velocity = _sliding_mean(steps)
    bends = np.diff(steps, axis=1) / frame_s  # of frames 1..T-2
    padded = np.concatenate([bends, np.zeros_like(bends[:, :1])], axis=1)
    acceleration = _sliding_mean(padded, known=bends.shape[1])
    horizontal = (velocity[..., :2] ** 2).sum(axis=-1).mean(axis=1)
    vertical = (velocity[..., 2] ** 2).mean(axis=1)
    expenditure = np.linalg.norm(acceleration, axis=-1).mean(axis=1)
    return np.stack([horizontal, vertical, expenditure], axis=-1).reshape(
        len(clips), 3 * clips.shape[2]
    )


def _sliding_mean(values: FloatArray, known: int | None = None) -> FloatArray:
    """Average (N, T, ...) over two frames to either side, over those that are known."""
    count = values.shape[1]
    known = count if known is None else known
    total = np.concatenate([np.zeros_like(values[:, :1]), np.cumsum(values, axis=1)], axis=1)
    frames = np.arange(count)
    first = np.maximum(frames - SLIDING, 0)
    last = np.minimum(frames + SLIDING + 1, known)
    width = np.maximum(last - first, 1).reshape(1, -1, *[1] * (values.ndim - 2))
    return np.asarray((total[:, last] - total[:, np.minimum(first, last)]) / width)


def geometric_features(
    clips_m: FloatArray, frame_s: float, lengths: Lengths | None = None
) -> FloatArray:
    """Return how often each of 32 relations between body parts holds.

    Args:
        clips_m: Shape (N, T, 21, 3), T at least 2.
        frame_s: Duration of a frame (as coded: 1/120 whatever the rate).
        lengths: What they count in; None: each clip's own.

    Returns:
        Shape (N, 32), shares of the frames after the first.
    """
    clips = np.asarray(clips_m, dtype=np.float64)
    body = _Relations(clips, frame_s, lengths)
    return np.asarray(np.stack(body.all(), axis=-1).mean(axis=1))


class _Relations:
    """Boolean relations of body parts over clips, each (N, T-1)."""

    def __init__(self, clips: FloatArray, frame_s: float, lengths: Lengths | None) -> None:
        neck = 0.5 * (clips[:, :, INDEX["right_shoulder"]] + clips[:, :, INDEX["left_shoulder"]])
        root = clips[:, :, WAIST]
        zero = np.zeros_like(root)
        up = zero + np.array([0.0, 0.0, 1.0])
        floor = up * clips[..., 2].min(axis=2)[..., None]
        self._points = {
            "neck": neck,
            "root": root,
            "chest": root + 0.75 * (neck - root),
            "belly": root + 0.25 * (neck - root),
            "zero": zero,
            "up": up,
            "down": -up,
            "floor": floor,
        }
        for side, letter in (("right", "r"), ("left", "l")):
            for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe"):
                self._points[letter + part] = clips[:, :, INDEX[f"{side}_{part}"]]
        self._frame_s = frame_s
        if lengths is None:
            self._humerus = 0.5 * (
                self._length("lshoulder", "lelbow") + self._length("rshoulder", "relbow")
            )
            self._shoulders = self._length("lshoulder", "rshoulder")
            self._hips = self._length("lhip", "rhip")
        else:
            ones = np.ones((len(clips), 1))
            self._humerus = lengths.humerus * ones
            self._shoulders = lengths.shoulders * ones
            self._hips = lengths.hips * ones

    def all(self) -> list[BoolArray]:
        """Return the 32 relations in the published order."""
        arm, width, hips = self._humerus, self._shoulders, self._hips
        return [
            self._moves_along_normal("neck", "rhip", "lhip", "rwrist", 1.8 * arm),
            self._moves_along_normal("neck", "lhip", "rhip", "lwrist", 1.8 * arm),
            self._beyond("chest", "neck", "neck", "rwrist", 0.2 * arm),
            self._beyond("chest", "neck", "neck", "lwrist", 0.2 * arm),
            self._moves_along("belly", "chest", "chest", 1.8 * arm),
            self._moves_along("belly", "chest", "chest", 1.8 * arm),
            self._angle("relbow", "rshoulder", "relbow", "rwrist", 0, 110),
            self._angle("lelbow", "lshoulder", "lelbow", "lwrist", 0, 110),
            self._beyond("lshoulder", "rshoulder", "lwrist", "rwrist", 2.5 * width),
            self._moves_along("lwrist", "rwrist", "rwrist", 1.4 * arm),
            self._moves_along("rwrist", "root", "lwrist", 1.4 * arm),
            self._moves_along("lwrist", "root", "rwrist", 1.4 * arm),
            self._fast("rwrist", 2.5 * arm),
            self._fast("lwrist", 2.5 * arm),
            self._off_plane("root", "lhip", "ltoe", "rankle", 0.38 * arm),
            self._off_plane("root", "rhip", "rtoe", "lankle", 0.38 * arm),
            self._beyond("zero", "up", "floor", "rankle", 1.2 * arm),
            self._beyond("zero", "up", "floor", "lankle", 1.2 * arm),
            self._beyond("lhip", "rhip", "lankle", "rankle", 2.1 * hips),
            self._angle("rknee", "rhip", "rknee", "rankle", 0, 110),
            self._angle("lknee", "lhip", "lknee", "lankle", 0, 110),
            self._fast("rankle", 2.5 * arm),
            self._fast("lankle", 2.5 * arm),
            self._angle("neck", "root", "rshoulder", "relbow", 25, 180),
            self._angle("neck", "root", "lshoulder", "lelbow", 25, 180),
            self._angle("neck", "root", "rhip", "rknee", 50, 180),
            self._angle("neck", "root", "lhip", "lknee", 50, 180),
            self._off_plane("rankle", "neck", "lankle", "root", 0.5 * arm),
            self._angle("neck", "root", "zero", "up", 70, 110),
            self._beyond("zero", "down", "floor", "rwrist", -1.2 * arm),
            self._beyond("zero", "down", "floor", "lwrist", -1.2 * arm),
            self._fast("root", 2.3 * arm),
        ]

    def _length(self, a: str, b: str) -> FloatArray:
        distance = np.linalg.norm(self._points[a] - self._points[b], axis=-1)
        return np.asarray(np.median(distance, axis=1)[:, None])

    def _now(self, *names: str) -> list[FloatArray]:
        return [self._points[name][:, 1:] for name in names]

    def _velocity(self, name: str, seen_from: str | None = None) -> FloatArray:
        path = self._points[name]
        if seen_from is not None:
            path = path - self._points[seen_from]
        return np.asarray(np.diff(path, axis=1) / self._frame_s)

    def _moves_along_normal(self, a: str, b: str, c: str, p: str, bound: FloatArray) -> BoolArray:
        first, second, third = self._now(a, b, c)
        normal = np.cross(third - first, second - first)
        return _along(self._velocity(p, a), normal) > bound

    def _moves_along(self, a: str, b: str, p: str, bound: FloatArray) -> BoolArray:
        first, second = self._now(a, b)
        return _along(self._velocity(p, a), second - first) > bound

    def _off_plane(self, a: str, b: str, c: str, p: str, bound: FloatArray) -> BoolArray:
        first, second, third, point = self._now(a, b, c, p)
        normal = np.cross(third - first, second - first)
        return _along(point - first, normal) > bound

    def _beyond(self, a: str, b: str, c: str, p: str, bound: FloatArray) -> BoolArray:
        first, second, third, point = self._now(a, b, c, p)
        return _along(point - third, second - first) > bound

    def _angle(self, a: str, b: str, c: str, d: str, low: float, high: float) -> BoolArray:
        first, second, third, fourth = self._now(a, b, c, d)
        one, two = second - first, fourth - third
        sizes = np.linalg.norm(one, axis=-1) * np.linalg.norm(two, axis=-1)
        cosine = (one * two).sum(axis=-1) / np.maximum(sizes, 1e-12)
        degrees = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
        return np.asarray((degrees > low) & (degrees < high))

    def _fast(self, name: str, bound: FloatArray) -> BoolArray:
        return np.asarray(np.linalg.norm(self._velocity(name), axis=-1) > bound)


def _along(vectors: FloatArray, direction: FloatArray) -> FloatArray:
    """Return the share of vectors (..., 3) along directions of any length."""
    size = np.maximum(np.linalg.norm(direction, axis=-1), 1e-12)
    return np.asarray((vectors * direction).sum(axis=-1) / size)
