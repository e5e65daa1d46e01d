"""Linear rows on control points, made around a point of something that is not linear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from robodance.values import FloatArray, IntArray

__all__ = ["RowMaker"]

COMES_BACK = 0.35  # share of an excess that a row takes back in one round


class RowMaker:
    """Collects linear rows on units, made around a point."""

    def __init__(self, units: FloatArray, *, lenient: bool) -> None:
        self._units, self._lenient = units, lenient
        self._rows: list[IntArray] = []
        self._columns: list[IntArray] = []
        self._values: list[FloatArray] = []
        self._upper: list[FloatArray] = []
        self._count = 0

    def add(
        self,
        points: Sequence[IntArray],
        slopes: Sequence[FloatArray],
        values: FloatArray,
        bounds: FloatArray,
    ) -> None:
        """Add ``value + sum slope . (unit - unit now) <= bound`` for S rows.

        A value beyond its bound must come back by a third, or, where ``lenient``, not go on.
        """
        count, axes = len(values), self._units.shape[1]
        if not count:
            return
        beyond = np.maximum(values - bounds, 0.0)
        upper = np.where(
            beyond > 0.0, values - (0.0 if self._lenient else COMES_BACK) * beyond, bounds
        )
        right = upper - values
        rows = self._count + np.arange(count)
        for point, slope in zip(points, slopes, strict=True):
            right = right + np.einsum("sd,sd->s", slope, self._units[point])
            self._rows.append(np.repeat(rows, axes))
            self._columns.append((point[:, None] * axes + np.arange(axes)).ravel())
            self._values.append(slope.ravel())
        self._upper.append(right)
        self._count += count

    def done(self) -> tuple[sp.csc_matrix, FloatArray, FloatArray]:
        """Return the matrix, and the rows' bounds."""
        shape = (self._count, self._units.size)
        if not self._count:
            return sp.csc_matrix(shape), np.zeros(0), np.zeros(0)
        entries = (np.concatenate(self._rows), np.concatenate(self._columns))
        matrix = sp.csc_matrix((np.concatenate(self._values), entries), shape=shape)
        return matrix, np.full(self._count, -np.inf), np.concatenate(self._upper)
