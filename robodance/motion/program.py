"""Quadratic programs over B-spline control points: assembly, and solution by PIQP.

The cost is banded: control points further than three apart never meet. PIQP (Schwan et
al., "PIQP: A Proximal Interior-Point Quadratic Programming Solver", CDC 2023) solves a
whole song of one arm in a fraction of a second.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import piqp
import scipy.sparse as sp

from robodance.motion.limits import Rows
from robodance.motion.spline import TAPS
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = ["BandedQuadratic", "solve_program"]


SCALINGS = 3  # of the program beforehand; more (ten are usual) save no round of the solver
SLACK_PRICE = 100.0  # exact: more than what any row is worth


class BandedQuadratic:
    """``1/2 d' H d + g' d`` over steps d of N control points of n joints.

    Attributes:
        blocks: Shape (N, 4, n, n); ``blocks[i, k]`` is H between points i and i + k.
        gradient: Shape (N, n).
    """

    def __init__(self, points: int, joints: int) -> None:
        self.blocks = np.zeros((points, TAPS, joints, joints))
        self.gradient = np.zeros((points, joints))

    def add(
        self, segments: IntArray, weights: FloatArray, hessian: FloatArray, gradient: FloatArray
    ) -> None:
        """Add terms in the curve's value at moments that all have the same phase.

        Args:
            segments: Shape (S,), distinct; a value depends on ``segments + 0..3``.
            weights: Shape (4,), of those control points.
            hessian: Shape (S, n, n), in the value.
            gradient: Shape (S, n), in the value.
        """
        for a in range(TAPS):
            if weights[a] == 0.0:
                continue
            self.gradient[segments + a] += weights[a] * gradient
            for b in range(a, TAPS):
                if weights[b] != 0.0:
                    self.blocks[segments + a, b - a] += weights[a] * weights[b] * hessian

    def add_differences(self, control: FloatArray, order: int, weights: FloatArray) -> None:
        """Add ``1/2 sum_i w_i |D^order c|_i^2``, exact.

        Args:
            control: Shape (N, n), where the step starts.
            order: 0, 1, 2 or 3.
            weights: Shape (N - order,), or (N - order, n) where columns differ.
        """
        stencil = difference_stencil(order)
        values = np.diff(control, order, axis=0)
        count, columns = values.shape
        weights = np.broadcast_to(weights.reshape(count, -1), values.shape)
        diagonal = np.arange(columns)
        for a, left in enumerate(stencil):
            self.gradient[a : a + count] += left * weights * values
            for b in range(a, order + 1):
                self.blocks[a : a + count, b - a, diagonal, diagonal] += left * stencil[b] * weights

    def times(self, step: FloatArray) -> FloatArray:
        """Return ``H @ step``. Shape (N, n)."""
        result = np.einsum("iab,ib->ia", self.blocks[:, 0], step)
        for k in range(1, TAPS):
            result[:-k] += np.einsum("iab,ib->ia", self.blocks[:-k, k], step[k:])
            result[k:] += np.einsum("iba,ib->ia", self.blocks[:-k, k], step[:-k])
        return np.asarray(result)

    def matrix(self, free: IntArray) -> sp.csc_matrix:
        """Return H's upper triangle for the free control points (rising indices)."""
        joints = self.gradient.shape[1]
        place = np.full(len(self.gradient), -1)
        place[free] = np.arange(len(free))
        size = len(free) * joints
        rows, columns, values = [], [], []
        inner = np.arange(joints)
        for k in range(TAPS):
            first = free[free + k < len(self.gradient)]
            first = first[place[first + k] >= 0]
            r = (place[first] * joints)[:, None, None] + inner[:, None]
            c = (place[first + k] * joints)[:, None, None] + inner[None, :]
            r, c = np.broadcast_arrays(r, c)
            keep = (r <= c).ravel()
            rows.append(r.ravel()[keep])
            columns.append(c.ravel()[keep])
            values.append(self.blocks[first, k].ravel()[keep])
        entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        return sp.csc_matrix(entries, shape=(size, size))


def difference_stencil(order: int) -> FloatArray:
    """Return the weights of a finite difference, such as (1, -2, 1)."""
    stencil = np.ones(1)
    for _ in range(order):
        stencil = np.convolve(stencil, [-1.0, 1.0])
    return stencil


def solve_program(
    quadratic: BandedQuadratic,
    control: FloatArray,
    rows: Rows,
    free: BoolArray,
    trust_rad: FloatArray,
    slack: FloatArray | None = None,
) -> FloatArray | None:
    """Minimise a quadratic model under the limits.

    Args:
        quadratic: The model around ``control``.
        control: Shape (N, n); points that are not free stay.
        rows: The limits.
        free: Shape (N,), which points may move.
        trust_rad: Shape (N,), how far each may move; infinite: no bound.
        slack: Shape (rows,), how much of an excess over ``upper`` costs ``SLACK_PRICE``; 0: the
            row must hold. None: all must.

    Returns:
        The new control points (N, n), or None when the solver found no solution.
    """
    _points, joints = control.shape
    mask = np.repeat(free, joints)
    index = np.flatnonzero(free)
    hessian: Any = quadratic.matrix(index)
    linear = (quadratic.gradient - quadratic.times(np.where(free[:, None], control, 0.0)))[free]
    fixed = np.where(mask, 0.0, control.ravel())
    by_row = rows.matrix.tocsr()
    touched = np.diff(rows.matrix[:, mask].tocsr().indptr) > 0
    part = by_row[touched]
    shift = part @ fixed
    low = np.maximum(rows.box_lower[mask], (control - trust_rad[:, None])[free].ravel())
    high = np.minimum(rows.box_upper[mask], (control + trust_rad[:, None])[free].ravel())
    left: Any = sp.csc_matrix(part[:, mask])
    cost, size = linear.ravel(), int(mask.sum())
    soft = np.zeros(0, dtype=np.int64) if slack is None else np.flatnonzero(slack[touched])
    if len(soft) and slack is not None:
        many, column = len(soft), np.arange(len(soft))
        give = sp.csc_matrix((-slack[touched][soft], (soft, column)), shape=(left.shape[0], many))
        left = sp.hstack([left, give], format="csc")
        hessian = sp.block_diag([hessian, 1e-6 * sp.eye(many)], format="csc")
        cost = np.append(cost, np.full(many, SLACK_PRICE))
        low, high = np.append(low, np.zeros(many)), np.append(high, np.full(many, np.inf))
    solver = piqp.SparseSolver()
    solver.settings.eps_abs = 1e-7
    solver.settings.eps_rel = 1e-7
    solver.settings.preconditioner_iter = SCALINGS
    bounds = (rows.lower[touched] - shift, rows.upper[touched] - shift)
    solver.setup(hessian, cost, None, None, left, *bounds, low, high)
    if solver.solve() != piqp.Status.PIQP_SOLVED:
        return None
    result = control.copy()
    result[free] = np.asarray(solver.result.x)[:size].reshape(-1, joints)
    return result
