"""Named points over time: what every reader of a motion file hands on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from robodance.errors import DataError
from robodance.values import BoolArray, FloatArray, frozen_array

__all__ = ["NamedPoints", "bridged", "multiply", "thinned", "turned", "usable", "whole_steps"]

FASTEST_RATE_HZ = 120.0  # more frames a second say nothing about a dance
LONGEST_FRAMES = 200_000  # an hour at 55 a second; longer recordings are thinned further
SLOWEST_THINNED_HZ = 25.0
FURTHEST = 1e9  # in any unit; more is a number gone wrong
SPIKE_WINDOW_S = 0.14
SPIKE_M = 0.10  # a point this far from its own running median, or further ...
SPIKE_M_S = 12.0  # ... than a hand moves between two frames at this speed, was misread
SPIKES_FROM_HZ = 20.0  # below, a frame says too little about the next


@dataclass(frozen=True)
class NamedPoints:
    """Labelled points, or the joints of somebody's skeleton, over time.

    Attributes:
        labels: M names.
        points: Shape (T, M, 3), in the file's axes and unit; NaN where a point was lost.
        frame_rate_hz: Frames per second.
        metres_per_unit: Of ``points``, where the file says; None: to be found out.
        up: Axis that points up, ``z``, ``-y``, ..., where the format says; None: find out.
        turns: Shape (T, M, 4), orientation of each named body, quaternion w x y z; None
            for bare points.
        rest: Shape (M, 3), the skeleton at rest, with all bodies' axes along the file's, where
            the file holds it.
        remarks: What a person should know about the file.
    """

    labels: tuple[str, ...]
    points: FloatArray = field(repr=False)
    frame_rate_hz: float
    metres_per_unit: float | None = None
    up: str | None = None
    turns: FloatArray | None = field(default=None, repr=False)
    rest: FloatArray | None = field(default=None, repr=False)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", frozen_array(self.points))
        if self.points.shape[1:] != (len(self.labels), 3):
            raise DataError(
                f"{len(self.labels)} names do not fit points of shape {self.points.shape}"
            )
        if not (np.isfinite(self.frame_rate_hz) and 0.0 < self.frame_rate_hz <= 1e5):
            raise DataError(
                f"{self.frame_rate_hz:g} frames a second is no frame rate; give the right one "
                "with --fps"
            )

    def __getitem__(self, label: str) -> FloatArray:
        """Return the path of one point, shape (T, 3).

        Raises:
            DataError: There is no such point.
        """
        if label not in self.labels:
            raise DataError(
                f"marker {label!r} is missing; the recording has {', '.join(self.labels)}"
            )
        return self.points[:, self.labels.index(label)]


def usable(source: NamedPoints) -> NamedPoints:
    """Return the points that are seen at least twice; what is not a place becomes NaN."""
    with np.errstate(invalid="ignore"):
        place: BoolArray = np.asarray((np.abs(source.points) < FURTHEST).all(axis=2))
    kept = np.flatnonzero(place.sum(axis=0) >= min(2, len(place)))
    points = np.where(place[:, kept, None], source.points[:, kept], np.nan)
    return replace(
        source,
        labels=tuple(source.labels[k] for k in kept),
        points=points,
        turns=None if source.turns is None else _steady(source.turns[:, kept]),
        rest=None if source.rest is None else source.rest[kept],
    )


def bridged(source: NamedPoints, unit_m: float) -> tuple[NamedPoints, BoolArray]:
    """Bridge what is lost or was misread, and say where.

    A point that leaves its own running median, or steps from one frame to the next, farther
    than any hand moves was misread there. Gaps are bridged by a monotone cubic curve between
    what is known, and held at the ends.

    Args:
        source: Usable points, NaN where they are lost.
        unit_m: Metres in a unit of ``source.points``.

    Returns:
        Points without NaN, and (T, M) true where they were seen.
    """
    from scipy.interpolate import PchipInterpolator

    sure: BoolArray = np.asarray(np.isfinite(source.points).all(axis=2))
    points = np.array(source.points)
    frames = np.arange(len(points))
    for first_pass in (True, False):
        for k in np.flatnonzero(~sure.all(axis=0)):
            seen = frames[sure[:, k]]
            if len(seen) < 2:
                continue
            curve = PchipInterpolator(seen, points[seen, k])
            gap = frames[~sure[:, k]]
            points[gap, k] = curve(np.clip(gap, seen[0], seen[-1]))
        if first_pass:
            spikes = _misread(points, source.frame_rate_hz, unit_m)
            if not spikes.any():
                break
            sure &= ~spikes
    return replace(source, points=points), sure


def _misread(points: FloatArray, rate_hz: float, unit_m: float) -> BoolArray:
    """Mark points (T, M) that leave their running median, or step, too far for a body."""
    from scipy.ndimage import median_filter

    if rate_hz < SPIKES_FROM_HZ or len(points) < 5:
        return np.zeros(points.shape[:2], dtype=np.bool_)
    window = max(3, int(SPIKE_WINDOW_S * rate_hz) | 1)
    usual = median_filter(points, size=(window, 1, 1), mode="nearest")
    furthest = max(SPIKE_M, SPIKE_M_S / rate_hz) / unit_m
    wrong = np.linalg.norm(points - usual, axis=2) > furthest
    leaps = np.linalg.norm(np.diff(points, axis=0), axis=2) > furthest
    wrong[1:] |= leaps
    wrong[:-1] |= leaps
    widened = wrong.copy()  # the frames beside a misread one carry part of it
    widened[1:] |= wrong[:-1]
    widened[:-1] |= wrong[1:]
    return np.asarray(widened)


def _steady(turns: FloatArray) -> FloatArray:
    """Replace turns that are not numbers by the last one that is."""
    bad = ~np.isfinite(turns).all(axis=2) | (np.linalg.norm(turns, axis=2) < 1e-6)
    if not bad.any():
        return turns
    frames = np.where(bad, -1, np.arange(len(turns))[:, None])
    latest = np.maximum.accumulate(frames, axis=0)
    latest = np.where(latest >= 0, latest, (~bad).argmax(axis=0)[None])
    steady = np.take_along_axis(turns, latest[..., None], axis=0)
    gone = bad.all(axis=0)
    steady[:, gone] = [1.0, 0.0, 0.0, 0.0]
    return np.asarray(steady)


def whole_steps(frames: int, rate_hz: float) -> int:
    """Return which n-th frame of a recording to keep: 1 for all, more for fast or long ones."""
    steps = int(np.ceil(rate_hz / FASTEST_RATE_HZ - 1e-9))
    if frames / max(steps, 1) > LONGEST_FRAMES:
        steps = int(np.ceil(frames / LONGEST_FRAMES))
    return max(1, min(steps, int(max(rate_hz, 1.0) // SLOWEST_THINNED_HZ) or 1))


def thinned(source: NamedPoints) -> NamedPoints:
    """Return a fast or long recording with fewer frames a second: every n-th, the first too."""
    steps = whole_steps(len(source.points), source.frame_rate_hz)
    if steps == 1:
        return source
    return replace(
        source,
        points=source.points[::steps],
        turns=None if source.turns is None else source.turns[::steps],
        frame_rate_hz=source.frame_rate_hz / steps,
    )


def turned(turns: FloatArray, vectors: FloatArray) -> FloatArray:
    """Turn vectors (..., 3) by quaternions w x y z (..., 4)."""
    real, axis = turns[..., :1], turns[..., 1:]
    across = 2.0 * np.cross(axis, vectors)
    return np.asarray(vectors + real * across + np.cross(axis, across))


def multiply(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the quaternions (..., 4) that turn by ``second``, then by ``first``."""
    w, x, y, z = np.moveaxis(first, -1, 0)
    a, b, c, d = np.moveaxis(second, -1, 0)
    return np.stack(
        [
            w * a - x * b - y * c - z * d,
            w * b + x * a + y * d - z * c,
            w * c - x * d + y * a + z * b,
            w * d + x * c - y * b + z * a,
        ],
        axis=-1,
    )
