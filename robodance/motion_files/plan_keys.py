"""A plan's curve as few Bezier keys on a grid of frames."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from robodance.errors import PlanError
from robodance.motion_files.joint_keys import Keys
from robodance.values import BoolArray, FloatArray, IntArray, Plan

__all__ = ["bezier_keys", "plan_curve"]

TOLERANCE_RAD = np.radians(0.01)  # hands: as much of a fraction
LONGEST_SPAN = 256  # frames; a key at least so often


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
        at = _few(angles[:, k], slopes[:, k], step, 1.0 / round(rate))
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


def _few(angles: FloatArray, slopes: FloatArray, step: int, step_s: float) -> IntArray:
    """Return the samples whose keys are enough for one joint.

    Neighbouring spans become one, from pairs of single steps up, wherever one cubic does for
    both.

    Args:
        angles: Shape (T,).
        slopes: Shape (T,).
        step: Samples between frames; T - 1 is a multiple of it.
        step_s: Time between samples.
    """
    steps = (len(angles) - 1) // step
    needed = np.ones(steps + 1, dtype=np.bool_)
    single = np.ones(steps, dtype=np.bool_)  # which aligned spans are one cubic
    width = 2
    while width <= min(steps, LONGEST_SPAN):
        count = steps // width
        pairs = single[: 2 * count].reshape(count, 2).all(axis=1)
        starts = np.flatnonzero(pairs) * width
        fit = _one_cubic(angles, slopes, starts * step, width * step, step_s)
        single = np.zeros(count, dtype=np.bool_)
        single[starts[fit] // width] = True
        inner = needed[: count * width].reshape(count, width)
        inner[single, 1:] = False
        width *= 2
    return np.flatnonzero(needed) * step


def _one_cubic(
    angles: FloatArray, slopes: FloatArray, starts: IntArray, length: int, step_s: float
) -> BoolArray:
    """Return which spans of ``length`` samples from ``starts`` are cubics between their ends."""
    s = np.arange(length + 1) / length
    ends = starts + length
    rise = (angles[ends] - angles[starts])[:, None]
    left, right = (length * step_s * slopes[at][:, None] for at in (starts, ends))
    curve = s * left + s**2 * (3 * rise - 2 * left - right) + s**3 * (left + right - 2 * rise)
    missed = angles[starts[:, None] + np.arange(length + 1)] - angles[starts][:, None] - curve
    return np.asarray(np.abs(missed).max(axis=1, initial=0.0) <= TOLERANCE_RAD)


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
