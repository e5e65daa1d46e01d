"""What is drawn along the song: use of limits, margins, what was lost, beat by beat."""

from __future__ import annotations

from typing import Any

import numpy as np

from robodance.performance.preview.times import PageTimes
from robodance.performance.preview.tracks import packed_bytes
from robodance.values import Certificate, FloatArray, Losses, Plan

__all__ = ["make_strips"]

MOVES_SHARE = 1e-3  # of the velocity limit; less is rest
PER_SHARE = 200  # shares in 1/200, up to 127 %
MM = 1000.0


def make_strips(
    plan: Plan,
    certificate: Certificate,
    losses: Losses | None,
    times: PageTimes,
    cell_s: float,
) -> dict[str, Any]:
    """Return the strips as plain values; those that nothing is known of are left out.

    Args:
        plan: What is danced.
        certificate: Holds the use of limits and the margins.
        losses: What was lost; None: not known.
        times: The page's time.
        cell_s: Width of a cell on the page.
    """
    strips: dict[str, Any] = {}
    trace = certificate.trace
    if trace is not None and len(trace.times_s) > 1:
        moving = np.flatnonzero((trace.velocity_shares > MOVES_SHARE).any(axis=0))
        cells = _Cells(times, trace.times_s, cell_s)
        strips["cells"] = {"start": times.start_s, "width": cell_s, "count": cells.count}
        strips["joints"] = [plan.joint_names[j] for j in moving]
        for name, shares in (
            ("velocity", trace.velocity_shares),
            ("acceleration", trace.acceleration_shares),
        ):
            most = cells.most(shares[:, moving])
            strips[name] = packed_bytes(np.clip(np.ceil(PER_SHARE * most - 1e-6), 0, 255).T)
        for name, margin in (
            ("clearance", trace.clearance_m),
            ("zmp", trace.zmp_margin_m),
            ("com", trace.com_margin_m),
        ):
            strips[name] = (MM * cells.least(margin)).round(1)
    if losses is not None and len(losses.times_s) > 1:
        even = np.arange(losses.times_s[0], losses.times_s[-1], cell_s)
        strips["error"] = {
            "start": float(even[0]),
            "width": cell_s,
            "after": np.interp(even, losses.times_s, losses.arm_error_deg).round(1),
            "before": np.interp(even, losses.times_s, losses.arm_error_before_deg).round(1),
        }
    if losses is not None and losses.beats is not None:
        strips["hits"] = {
            "at": losses.beats.times_s.round(3),
            "dancer": losses.beats.hit_by_dancer.astype(int),
            "robot": losses.beats.hit_after.astype(int),
        }
    return strips


class _Cells:
    """Cells of the page's time over cells of the robot's, the worst in each."""

    def __init__(self, times: PageTimes, cells_s: FloatArray, cell_s: float) -> None:
        self.count = max(1, int(np.ceil((times.end_s - times.start_s) / cell_s - 1e-6)))
        half = (cells_s[1] - cells_s[0]) / 2.0
        song = times.song(np.append(cells_s - half, cells_s[-1] + half))
        edges = times.start_s + cell_s * np.arange(self.count + 1)
        # Of the trace's cells: the first that reaches into this one, and the one after the last.
        self._first = np.clip(np.searchsorted(song[1:], edges[:-1] + 1e-9), 0, len(cells_s) - 1)
        self._last = np.clip(
            np.searchsorted(song[:-1], edges[1:] - 1e-9), self._first + 1, len(cells_s)
        )

    def most(self, values: FloatArray) -> FloatArray:
        """Return the largest value of each cell; ``values`` has a row for each of the trace's."""
        return np.array([
            values[a:b].max(axis=0) for a, b in zip(self._first, self._last, strict=True)
        ])

    def least(self, values: FloatArray) -> FloatArray:
        """Return the smallest."""
        return -self.most(-values)
