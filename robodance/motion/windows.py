"""Windows of a song: control points that are looked at or planned again, and the rest."""

from __future__ import annotations

import numpy as np

from robodance.values import BoolArray

__all__ = ["MANY_POINTS", "Run", "grown", "halves_of", "runs_of"]

MANY_POINTS = 250  # that are worth two processes

Run = tuple[int, int]  # from one control point until another


def runs_of(window: BoolArray) -> list[Run]:
    """Return from where until where a window goes, run by run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], window, [False]]))).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def halves_of(window: BoolArray) -> list[BoolArray]:
    """Return a window in two, cut where it has a gap; a small one, or one run, as it is."""
    if window.sum() <= MANY_POINTS:
        return [window]
    ends = np.array([last for _first, last in runs_of(window)[:-1]], dtype=np.int64)
    if not len(ends):
        return [window]
    before = np.cumsum(window)[ends - 1]
    cut = int(ends[np.abs(2 * before - window.sum()).argmin()])
    index = np.arange(len(window))
    return [window & (index < cut), window & (index >= cut)]


def grown(mask: BoolArray, reach: int) -> BoolArray:
    """Return a window with so many points more at each end of each run."""
    counts = np.concatenate([[0], np.cumsum(mask)])
    index = np.arange(len(mask))
    low, high = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(mask))
    return np.asarray(counts[high] > counts[low])
