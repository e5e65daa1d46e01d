"""What a certificate found along a plan, in cells of a tenth of a second, for people to look at."""

from __future__ import annotations

import numpy as np

from robodance.motion.curve import Piece
from robodance.values import CertificateTrace, FloatArray, IntArray, Plan

__all__ = ["CELL_S", "TraceMaker"]

CELL_S = 0.1


class TraceMaker:
    """Collects the worst of each cell, piece by piece."""

    def __init__(self, plan: Plan) -> None:
        self._start, duration = float(plan.times_s[0]), plan.duration_s
        cells, joints = max(1, int(np.ceil(duration / CELL_S - 1e-6))), len(plan.joint_names)
        self._times = np.asarray(plan.times_s)
        self._cells = cells
        self._shares = {name: np.zeros((cells, joints)) for name in ("velocity", "acceleration")}
        self._clearance = np.full(cells, np.inf)
        self._zmp, self._com = np.full(cells, np.inf), np.full(cells, np.inf)

    def shares(self, piece: Piece, name: str, share: FloatArray) -> None:
        """Take the use (J, n) of ``velocity`` or ``acceleration`` limits on each segment."""
        cells, starts = self._groups(piece.times_s[:-1])
        largest = np.maximum.reduceat(share, starts, axis=1).T
        self._shares[name][cells] = np.maximum(self._shares[name][cells], largest)

    def clearance(self, piece: Piece, samples: IntArray, values: FloatArray) -> None:
        """Take the smallest distances (M,) at some samples of a piece."""
        self._lower(self._clearance, piece.times_s[samples], values)

    def balance(self, first: int, zmp_m: FloatArray, com_m: FloatArray) -> None:
        """Take margins at samples from ``first`` on."""
        times = self._times[first : first + len(zmp_m)]
        self._lower(self._zmp, times, zmp_m)
        self._lower(self._com, times, com_m)

    def done(self) -> CertificateTrace:
        """Return what was collected."""
        return CertificateTrace(
            times_s=np.asarray(self._start + CELL_S * (np.arange(self._cells) + 0.5), np.float64),
            velocity_shares=self._shares["velocity"],
            acceleration_shares=self._shares["acceleration"],
            clearance_m=_finite(self._clearance),
            zmp_margin_m=_finite(self._zmp),
            com_margin_m=_finite(self._com),
        )

    def _lower(self, row: FloatArray, times_s: FloatArray, values: FloatArray) -> None:
        if len(times_s):
            cells, starts = self._groups(times_s)
            row[cells] = np.minimum(row[cells], np.minimum.reduceat(values, starts))

    def _groups(self, times_s: FloatArray) -> tuple[IntArray, IntArray]:
        """Return the cells that rising times lie in, and where in the times each begins."""
        cell = np.floor((times_s - self._start) / CELL_S + 1e-6).astype(np.int64)
        cell = np.clip(cell, 0, self._cells - 1)
        starts = np.append(0, np.flatnonzero(np.diff(cell)) + 1)
        return cell[starts], starts


def _finite(row: FloatArray) -> FloatArray:
    """Return margins that can be drawn: endless ones at 1 m."""
    return np.clip(row, -1.0, 1.0)
