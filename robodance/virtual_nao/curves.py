"""What a timed call asks a joint to do, on the grid of motion cycles.

A curve begins wherever the joint is when its task starts, which is only known then. Each
curve is therefore kept as two columns over the cycles: the share of the start angle, and
the rest. The documents do not say how ``angleInterpolation`` interpolates: here it is
linear between the keys. The start point of a Bezier call has no handle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robodance.motion_files.bezier import bezier_curve
from robodance.values import FloatArray
from robodance.virtual_nao.deferred import NaoqiError

__all__ = ["JointCurve", "blend", "linear_curve", "read_bezier", "read_timed"]

FIRST_KEYS_AT_LEAST_S = 0.0  # times must be positive; how much is the client's rule


@dataclass(frozen=True)
class JointCurve:
    """One joint's keys: when, where, and handles for a Bezier curve.

    Attributes:
        times_s: Shape (K,), rising, from the start of the task.
        angles: Shape (K,), rad or fraction.
        before: Shape (K, 2), handle towards the key before: time and angle offsets; None
            for a linear curve.
        after: Shape (K, 2), handle towards the next key.
    """

    times_s: FloatArray
    angles: FloatArray
    before: FloatArray | None = None
    after: FloatArray | None = None

    def columns(self, cycles: int, cycle_s: float) -> tuple[FloatArray, FloatArray]:
        """Return share of the start angle and the rest, each (cycles + 1,)."""
        grid: FloatArray = np.arange(cycles + 1) * np.float64(cycle_s)
        if self.before is None or self.after is None:
            return linear_curve(self.times_s, self.angles, grid)
        return bezier_curve(self.times_s, self.angles, self.before, self.after, grid)


def linear_curve(
    times_s: FloatArray, angles: FloatArray, grid_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return share of the start and rest (N,) of straight lines through the keys (K,)."""
    times = np.concatenate([[0.0], times_s])
    share = np.interp(grid_s, times, np.concatenate([[1.0], np.zeros_like(angles)]))
    return share, np.interp(grid_s, times, np.concatenate([[0.0], angles]))


def blend(
    start: FloatArray, target: FloatArray, durations_s: FloatArray, cycle_s: float
) -> FloatArray:
    """Return smooth ways (N + 1, n) from start to target (n,), each joint in its own time."""
    cycles = max(1, int(np.ceil(float(durations_s.max()) / cycle_s - 1e-9)))
    grid = np.arange(cycles + 1)[:, None] * cycle_s
    s = np.clip(grid / np.maximum(durations_s, cycle_s), 0.0, 1.0)
    return np.asarray(start + (target - start) * s * s * (3.0 - 2.0 * s))


def read_timed(names: Sequence[str], angles: Any, times: Any) -> list[JointCurve]:
    """Read the lists of ``angleInterpolation``: one curve for each name.

    Raises:
        NaoqiError: They do not fit together.
    """
    curves = []
    for name, joint_angles, joint_times in zip(
        names, _per_name(names, angles, "angles"), _per_name(names, times, "times"), strict=True
    ):
        times_s = np.array([_number(t, "time") for t in _as_list(joint_times)])
        values = np.array([_number(a, "angle") for a in _as_list(joint_angles)])
        if len(times_s) == 1 and len(values) > 1:
            raise NaoqiError(f"{name}: {len(values)} angles, but one time")
        _check(name, times_s, len(values))
        curves.append(JointCurve(times_s, values))
    return curves


def read_bezier(names: Sequence[str], times: Any, points: Any) -> list[JointCurve]:
    """Read the lists of ``angleInterpolationBezier``: one curve for each name.

    A control point is a number, or ``[angle, [type, dTime, dAngle], [type, dTime, dAngle]]``.

    Raises:
        NaoqiError: They do not fit together.
    """
    if len(names) == 1 and _as_list(times) and not isinstance(_as_list(times)[0], list):
        times, points = [times], [points]
    all_times, all_points = _as_list(times), _as_list(points)
    if len(all_times) != len(names) or len(all_points) != len(names):
        raise NaoqiError(
            f"{len(names)} names, {len(all_times)} lists of times, {len(all_points)} of points"
        )
    curves = []
    for name, joint_times, joint_points in zip(names, all_times, all_points, strict=True):
        times_s = np.array([_number(t, "time") for t in _as_list(joint_times)])
        rows = [_point(name, point) for point in _as_list(joint_points)]
        _check(name, times_s, len(rows))
        table = np.array(rows)  # (K, 5)
        curves.append(JointCurve(times_s, table[:, 0], table[:, 1:3], table[:, 3:5]))
    return curves


def _point(name: str, point: Any) -> list[float]:
    if not isinstance(point, list):
        return [_number(point, "angle"), 0.0, 0.0, 0.0, 0.0]
    row = [_number(point[0], "angle"), 0.0, 0.0, 0.0, 0.0] if point else []
    if len(point) > 3 or not row:
        raise NaoqiError(f"{name}: a control point has an angle and at most two handles")
    for k, handle in enumerate(point[1:]):
        if not isinstance(handle, list) or len(handle) != 3:
            raise NaoqiError(f"{name}: a handle is [type, dTime, dAngle]")
        row[1 + 2 * k : 3 + 2 * k] = [_number(x, "handle") for x in handle[1:]]
    return row


def _check(name: str, times_s: FloatArray, values: int) -> None:
    if len(times_s) != values or not values:
        raise NaoqiError(f"{name}: {values} angles and {len(times_s)} times; they must be as many")
    if times_s[0] <= FIRST_KEYS_AT_LEAST_S or not (np.diff(times_s) > 0.0).all():
        raise NaoqiError(f"{name}: times must be positive and strictly increasing")


def _per_name(names: Sequence[str], value: Any, what: str) -> list[Any]:
    """Spread a number, a list or a list of lists over the names."""
    count = len(names)
    if not isinstance(value, list):
        return [value] * count
    nested = any(isinstance(item, list) for item in value)
    if count == 1 and not nested:
        return [value]
    if len(value) != count:
        raise NaoqiError(f"{count} names, but {len(value)} lists of {what}")
    return value


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise NaoqiError(f"{value!r} is not a {what}")
    return float(value)
