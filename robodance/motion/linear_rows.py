"""Linear rows on control points, made around a point of something that is not linear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from robodance.values import FloatArray, IntArray

__all__ = ["RowMaker"]

COMES_BACK = 1.0  # share of an excess that a row takes back in one round


class RowMaker:
    """Collects linear rows on units, made around a point.

    Args:
        units: Shape (N, axes), where the rows are made.
        trust: How far each unit may go; what is out of reach then needs no row.
    """

    def __init__(self, units: FloatArray, trust: float = np.inf) -> None:
        self._units, self._trust = units, trust
        self._rows: list[IntArray] = []
        self._columns: list[IntArray] = []
        self._values: list[FloatArray] = []
        self._upper: list[FloatArray] = []
        self._slack: list[FloatArray] = []
        self._count = 0

    def add(
        self,
        points: Sequence[IntArray],
        slopes: Sequence[FloatArray],
        values: FloatArray,
        bounds: FloatArray,
        much: FloatArray | float,
    ) -> None:
        """Add ``value + sum slope . (unit - unit now) <= bound`` for S rows.

        What holds now must hold. What does not comes back by a share of its excess, since the
        rows are true only nearby, or stays broken at a price: there is always a solution.

        Args:
            points: Control points of the slopes, (S,) each.
            slopes: Shape (S, axes) each.
            values: Shape (S,), now.
            bounds: Shape (S,).
            much: What is much for such an excess.
        """
        furthest = sum(np.abs(slope).sum(axis=1) for slope in slopes)
        near = values + self._trust * furthest > bounds
        count, axes = int(near.sum()), self._units.shape[1]
        if not count:
            return
        points, slopes = [point[near] for point in points], [slope[near] for slope in slopes]
        values, bounds = values[near], bounds[near]
        much = np.broadcast_to(much, near.shape)[near]
        beyond = np.maximum(values - bounds, 0.0)
        right = -COMES_BACK * beyond + np.where(beyond > 0.0, 0.0, bounds - values)
        rows = self._count + np.arange(count)
        for point, slope in zip(points, slopes, strict=True):
            right = right + np.einsum("sd,sd->s", slope, self._units[point])
            self._rows.append(np.repeat(rows, axes))
            self._columns.append((point[:, None] * axes + np.arange(axes)).ravel())
            self._values.append(slope.ravel())
        self._upper.append(right)
        self._slack.append(np.where(beyond > 0.0, much, 0.0))
        self._count += count

    def done(self) -> tuple[sp.csc_matrix, FloatArray, FloatArray, FloatArray]:
        """Return the matrix, the rows' bounds, and what is much for those that are broken."""
        shape = (self._count, self._units.size)
        if not self._count:
            return sp.csc_matrix(shape), np.zeros(0), np.zeros(0), np.zeros(0)
        entries = (np.concatenate(self._rows), np.concatenate(self._columns))
        matrix = sp.csc_matrix((np.concatenate(self._values), entries), shape=shape)
        low = np.full(self._count, -np.inf)
        return matrix, low, np.concatenate(self._upper), np.concatenate(self._slack)
