"""Minimising a cost over control points, without limits and with them.

Both methods are Gauss-Newton. Without speed limits a step is one banded factorisation;
with them it is a quadratic program. The limits are convex, so every point on the way from
a legal curve to the program's solution is legal: the method can stop at any time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import solveh_banded

from robodance.motion.limits import Rows
from robodance.motion.program import BandedQuadratic, solve_program
from robodance.motion.spline import TAPS
from robodance.motion.terms import Term
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = ["minimise", "minimise_in_box", "windows_of"]

DAMPING = 1e-4  # keeps a step finite where an arm is straight and its elbow yaw is free
STEP_SHARES = (1.0, 0.5, 0.2)
ENOUGH = 1e-3  # a round that gains less than this share of the cost is the last
CHUNK = 25  # control points whose trust region has one size
TRUST_RAD = 0.6
SHRINK, GROW = 0.3, 1.6
SMALLEST_TRUST_RAD = 0.002


def minimise(
    control: FloatArray,
    terms: Sequence[Term],
    rows: Rows,
    free: BoolArray,
    *,
    rounds: int,
    legal: bool = True,
    trust_rad: float = TRUST_RAD,
) -> FloatArray:
    """Lower a cost under limits by sequential quadratic programming with trust regions.

    Windows (runs of free points) are accepted or refused one by one; between two of them
    at least four points must be fixed. Within a window each second or so has a trust
    region of its own, which shrinks where the model promised too much.

    Args:
        control: Shape (N, n), where to start.
        terms: The cost.
        rows: The limits.
        free: Shape (N,), points that may move.
        rounds: Most programs to solve.
        legal: Whether ``control`` obeys the limits; if not, the first program's solution is
            taken whatever it costs.
        trust_rad: How far a control point may go in the first round.

    Returns:
        Shape (N, n); legal if the start was or one program was solved.
    """
    labels = windows_of(free)
    chunks: IntArray = np.arange(len(control)) // CHUNK
    trust = np.full(chunks.max() + 1, trust_rad if legal else np.inf)
    values = _values(control, terms)
    active = free.copy()
    for _ in range(rounds):
        model = _model(control, terms)
        aim = solve_program(model, control, rows, active, trust[chunks])
        if aim is None:
            break
        if not legal:
            control, legal = aim, True
            values = _values(control, terms)
            trust[:] = trust_rad
            continue
        before: FloatArray = _sums(labels, values)
        result, after, at_aim = _best_on_the_way(control, aim, terms, labels, before)
        worse = np.bincount(chunks, at_aim - values) > 0.0
        trust = np.clip(np.where(worse, SHRINK, GROW) * trust, SMALLEST_TRUST_RAD, 2 * trust_rad)
        gained = before - _sums(labels, after)
        control, values = result, after
        # A window that has settled is left alone; one that was refused has smaller regions now.
        refused = np.bincount(labels, np.abs(aim - control).max(axis=1)) > 0.0
        busy = (gained > ENOUGH * np.maximum(before, 1e-9)) | ((gained <= 0.0) & refused)
        active = free & busy[labels]
        if not active.any():
            break
    return control


def minimise_in_box(
    control: FloatArray, terms: Sequence[Term], rows: Rows, free: BoolArray, *, rounds: int
) -> FloatArray:
    """Lower a cost with position limits only, by projected, damped Gauss-Newton.

    Points at a stop that the cost pushes further against it are held; the others take a
    banded Newton step and are clipped. Each second or so of the song has a damping of its
    own, which rises where the model promised too much.

    Args:
        control: Shape (N, n).
        terms: The cost.
        rows: Only their box is used.
        free: Shape (N,).
        rounds: Most steps.
    """
    low = rows.box_lower.reshape(control.shape)
    high = rows.box_upper.reshape(control.shape)
    control = np.where(free[:, None], np.clip(control, low, high), control)
    chunks = np.arange(len(control)) // CHUNK
    damping = np.full(chunks[-1] + 1, DAMPING)
    values = _values(control, terms)
    for _ in range(rounds):
        model = _model(control, terms)
        model.blocks[:, 0] += damping[chunks, None, None] * np.eye(control.shape[1])
        stuck = ((control <= low) & (model.gradient > 0)) | (
            (control >= high) & (model.gradient < 0)
        )
        step = _banded_step(model, ~stuck & free[:, None])
        trial = np.where(free[:, None], np.clip(control + step, low, high), control)
        after = _values(trial, terms)
        worse = np.bincount(chunks, after - values) > 0.0
        damping = np.clip(np.where(worse, 10.0, 0.3) * damping, DAMPING, 100.0)
        gained = values.sum() - after.sum()
        if gained <= 0.0:
            continue
        control, enough = trial, ENOUGH * values.sum()
        values = after
        if gained < enough:
            break
    return control


def windows_of(free: BoolArray) -> IntArray:
    """Number the runs of free points; a fixed point has the number of the nearest run."""
    starts = np.flatnonzero(free & ~np.concatenate([[False], free[:-1]]))
    if len(starts) <= 1:
        return np.zeros(len(free), dtype=np.int64)
    ends = np.flatnonzero(free & ~np.concatenate([free[1:], [False]]))
    borders = (ends[:-1] + starts[1:]) / 2.0
    return np.searchsorted(borders, np.arange(len(free)))


def _model(control: FloatArray, terms: Sequence[Term]) -> BandedQuadratic:
    model = BandedQuadratic(*control.shape)
    for term in terms:
        term.expand(control, model)
    model.blocks[:, 0] += DAMPING * np.eye(control.shape[1])
    return model


def _values(control: FloatArray, terms: Sequence[Term]) -> FloatArray:
    return sum((term.values(control) for term in terms), np.zeros(len(control)))


def _sums(labels: IntArray, values: FloatArray) -> FloatArray:
    return np.asarray(np.bincount(labels, values), dtype=np.float64)


def _best_on_the_way(
    control: FloatArray,
    aim: FloatArray,
    terms: Sequence[Term],
    labels: IntArray,
    before: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Go as far towards ``aim`` as lowers the cost, window by window.

    Returns:
        The point reached, its values (N,), and the values at ``aim``.
    """
    at_aim = _values(aim, terms)
    share = np.zeros(len(before))
    settled = np.zeros(len(before), dtype=bool)
    for trial in STEP_SHARES:
        ahead = np.where(settled, share, trial)
        candidate = control + ahead[labels][:, None] * (aim - control)
        values = at_aim if trial == 1.0 else _values(candidate, terms)
        better = ~settled & (_sums(labels, values) < before)
        share[better] = trial
        settled |= better
        if settled.all():
            return candidate, values, at_aim
    result = control + share[labels][:, None] * (aim - control)
    return result, _values(result, terms), at_aim


def _banded_step(model: BandedQuadratic, moving: BoolArray) -> FloatArray:
    """Return the Newton step of the moving entries, zero for the others. Shape (N, n)."""
    points, joints = model.gradient.shape
    width = TAPS * joints
    bands = np.zeros((width, points * joints))
    mask = moving.ravel()
    for k in range(TAPS):
        for a in range(joints):
            for b in range(joints):
                lower = k * joints + b - a
                if lower < 0:
                    continue
                # Entry (row (i + k) n + b, column i n + a) of the symmetric matrix.
                column = np.arange(points - k) * joints + a
                both = mask[column] & mask[column + lower]
                bands[lower, column] = np.where(both, model.blocks[: points - k, k, a, b], 0.0)
    bands[0] = np.where(mask, bands[0], 1.0)
    right = np.where(mask, -model.gradient.ravel(), 0.0)
    return np.asarray(solveh_banded(bands, right, lower=True)).reshape(points, joints)
