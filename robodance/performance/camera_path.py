"""Where the camera is at each picture: still, around the robot, or moving on the beat.

Going around is turning the stage the other way: camera, light and studio stay as they are,
so the robot is lit from the front all the way round, and the background needs no drawing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robodance.performance.camera import Camera
from robodance.values import FloatArray, IntArray

__all__ = ["CameraPath", "camera_path", "turned", "turned_poses"]

BARS_A_TURN = 8.0  # of an orbit
STATIONS = (  # azimuth and elevation in degrees, distance as a share: one after another
    (-24.0, 9.0, 1.00),
    (30.0, 14.0, 0.90),
    (-50.0, 4.0, 0.94),
    (8.0, 22.0, 1.06),
    (52.0, 7.0, 0.96),
    (-8.0, 3.0, 0.84),
)
BARS_A_STATION = 2
PUSH = 0.035  # how much nearer the camera jumps on a beat, as a share
PUSH_BEATS = 0.35  # and how long that lasts


@dataclass(frozen=True)
class CameraPath:
    """How the camera moves.

    Attributes:
        turns_rad: Shape (F,), how far the stage is turned, seen from above.
        views: Shape (F, 2), elevation and distance of the camera; None: they stay.
    """

    turns_rad: FloatArray = field(repr=False)
    views: FloatArray | None = field(repr=False)


def camera_path(
    kind: str,
    camera: Camera,
    moments_s: FloatArray,
    beats_s: FloatArray,
    beat_numbers: IntArray,
) -> CameraPath:
    """Return how the camera moves.

    Args:
        kind: ``front``, ``orbit`` or ``beat``.
        camera: Where it stands by itself.
        moments_s: Shape (F,), moment of the song of each picture.
        beats_s: Shape (B,), song time.
        beat_numbers: Shape (B,), position in the bar.
    """
    if kind == "front":
        return CameraPath(np.zeros(len(moments_s)), None)
    beats = _beats_of(moments_s, beats_s)
    per_bar = float(beat_numbers.max()) if len(beat_numbers) else 4.0
    first = float(np.flatnonzero(beat_numbers == 1)[0]) if (beat_numbers == 1).any() else 0.0
    bars = (beats - first) / per_bar
    if kind == "orbit":
        return CameraPath(-2.0 * np.pi * (bars - bars[0]) / BARS_A_TURN, None)
    stations = np.array(STATIONS) * [np.pi / 180.0, np.pi / 180.0, camera.distance_m]
    at = bars / BARS_A_STATION
    here = np.floor(at).astype(int)
    # It moves during the last beat of a station and arrives on the bar's first.
    moving = np.clip((at - here - 1.0) * BARS_A_STATION * per_bar + 1.0, 0.0, 1.0)
    share = (moving**2 * (3.0 - 2.0 * moving))[:, None]
    now, following = stations[here % len(stations)], stations[(here + 1) % len(stations)]
    views = (1.0 - share) * now + share * following
    since = beats - np.floor(beats)
    views[:, 2] *= 1.0 - PUSH * np.exp(-since / PUSH_BEATS)
    return CameraPath(camera.azimuth_rad - views[:, 0], views[:, 1:])


def turned(
    points_m: FloatArray, turns_rad: FloatArray, centre_m: tuple[float, float]
) -> FloatArray:
    """Return points (F, ..., 3) turned with the stage, about the vertical through its centre."""
    shape = (-1,) + (1,) * (points_m.ndim - 2)
    cos, sin = np.cos(turns_rad).reshape(shape), np.sin(turns_rad).reshape(shape)
    x, y = points_m[..., 0] - centre_m[0], points_m[..., 1] - centre_m[1]
    result = np.array(points_m)
    result[..., 0] = centre_m[0] + cos * x - sin * y
    result[..., 1] = centre_m[1] + sin * x + cos * y
    return result


def turned_poses(
    poses: FloatArray, turns_rad: FloatArray, centre_m: tuple[float, float]
) -> FloatArray:
    """Return world poses (F, 7), x y z qx qy qz qw, turned with the stage."""
    result = np.array(poses)
    result[:, :3] = turned(poses[:, :3], turns_rad, centre_m)
    cos, sin = np.cos(0.5 * turns_rad), np.sin(0.5 * turns_rad)
    x, y, z, w = poses[:, 3:].T
    result[:, 3:] = np.column_stack([
        cos * x - sin * y,
        cos * y + sin * x,
        cos * z + sin * w,
        cos * w - sin * z,
    ])
    return result


def _beats_of(moments_s: FloatArray, beats_s: FloatArray) -> FloatArray:
    """Return how many beats have passed, with fractions; even before the first and after the last.

    Without beats there are two a second.
    """
    if len(beats_s) < 2:
        return np.asarray(2.0 * moments_s)
    inside = np.interp(moments_s, beats_s, np.arange(len(beats_s), dtype=np.float64))
    before = np.minimum(moments_s - beats_s[0], 0.0) / (beats_s[1] - beats_s[0])
    after = np.maximum(moments_s - beats_s[-1], 0.0) / (beats_s[-1] - beats_s[-2])
    return np.asarray(inside + before + after)
