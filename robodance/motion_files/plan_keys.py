"""A plan's curve as few Bezier keys on a grid of frames."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from robodance.errors import PlanError
from robodance.motion_files.joint_keys import Keys
from robodance.values import FloatArray, IntArray, Plan

__all__ = ["bezier_keys", "plan_curve"]

TOLERANCE_RAD = np.radians(0.01)  # hands: as much of a fraction
LONGEST_SPAN = 512  # samples; a key at least so often


def plan_curve(plan: Plan) -> CubicSpline:
    """Return the curve a plan stands for, a function of robot time since its first sample."""
    times = plan.times_s - plan.times_s[0]
    return CubicSpline(times, plan.positions_rad, bc_type="clamped")


def bezier_keys(plan: Plan) -> tuple[dict[str, Keys], int]:
    """Return each joint's keys and the frames per second on which they lie.

    Handles reach a third of the way to the next key, which makes a Bezier curve a plain
    cubic in time, as the plan's curve is between its knots. Keys that no joint needs are
    left out: at the plan's samples the error stays under 0.01 degree.

    Raises:
        PlanError: The plan's samples do not lie on whole frames.
    """
    rate = (len(plan.times_s) - 1) / max(float(plan.times_s[-1] - plan.times_s[0]), 1e-9)
    if abs(rate - round(rate)) > 1e-3:
        raise PlanError(f"the plan has {rate:g} samples a second; whole frames need a whole number")
    curve = plan_curve(plan)
    times = plan.times_s - plan.times_s[0]
    angles, slopes = plan.positions_rad, curve(times, 1)
    step = _largest_step(times, angles, slopes, round(rate), plan)
    joints = {}
    for k, name in enumerate(plan.joint_names):
        at = _few(times, angles[:, k], slopes[:, k], step)
        joints[name] = _as_keys(times[at], angles[at, k], slopes[at, k])
    return joints, round(rate) // step


def _largest_step(
    times: FloatArray, angles: FloatArray, slopes: FloatArray, rate: int, plan: Plan
) -> int:
    """Return how many samples apart the keys may lie: a knot's length, or less where needed."""
    knots = float(plan.metadata.get("knot_rate_hz", 25.0))
    for step in range(max(1, round(rate / knots)), 1, -1):
        if rate % step or (len(times) - 1) % step:
            continue
        at = np.arange(0, len(times), step)
        missed = np.abs(_hermite(times, times[at], angles[at], slopes[at]) - angles)
        if missed.max() <= TOLERANCE_RAD:
            return step
    return 1


def _few(times: FloatArray, angles: FloatArray, slopes: FloatArray, step: int) -> IntArray:
    """Return the samples, on the grid, whose keys are enough: each as far as it goes."""
    grid = np.arange(0, len(times), step)
    kept, i = [0], 0
    while i < len(grid) - 1:
        good, reach = i + 1, 2
        while i + reach < len(grid) and _fits(times, angles, slopes, grid[i], grid[i + reach]):
            good, reach = i + reach, 2 * reach
        low, high = good, min(i + reach, len(grid) - 1)
        while low < high:  # the last that fits, if fitting ends once
            middle = (low + high + 1) // 2
            if _fits(times, angles, slopes, grid[i], grid[middle]):
                low = middle
            else:
                high = middle - 1
        i = low
        kept.append(i)
    return np.asarray(grid[kept])


def _fits(times: FloatArray, angles: FloatArray, slopes: FloatArray, a: int, b: int) -> bool:
    if b - a > LONGEST_SPAN:
        return False
    ends, part = np.array([a, b]), slice(a, b + 1)
    curve = _hermite(times[part], times[ends], angles[ends, None], slopes[ends, None])
    return bool(np.abs(curve[:, 0] - angles[part]).max() <= TOLERANCE_RAD)


def _hermite(
    at: FloatArray, times: FloatArray, angles: FloatArray, slopes: FloatArray
) -> FloatArray:
    """Return the cubics through keys (K, n) with their slopes, at moments (T,). Shape (T, n)."""
    k = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    length = (times[k + 1] - times[k])[:, None]
    s = (at - times[k])[:, None] / length
    rise, left, right = angles[k + 1] - angles[k], slopes[k] * length, slopes[k + 1] * length
    return np.asarray(
        angles[k]
        + s * left
        + s**2 * (3 * rise - 2 * left - right)
        + s**3 * (left + right - 2 * rise)
    )


def _as_keys(times: FloatArray, angles: FloatArray, slopes: FloatArray) -> Keys:
    thirds = np.diff(times) / 3.0
    before, after = np.zeros((len(times), 2)), np.zeros((len(times), 2))
    before[1:] = -np.column_stack([thirds, slopes[1:] * thirds])
    after[:-1] = np.column_stack([thirds, slopes[:-1] * thirds])
    return Keys(times, angles, before, after)
