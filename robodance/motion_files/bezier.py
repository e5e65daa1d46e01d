"""Bezier curves through timed keys, as NAOqi and Choregraphe draw them."""

from __future__ import annotations

import numpy as np

from robodance.values import FloatArray

__all__ = ["bezier_curve"]

BISECTIONS = 44  # halvings of a segment: 1e-13 of it


def bezier_curve(
    times_s: FloatArray,
    angles: FloatArray,
    before: FloatArray,
    after: FloatArray,
    grid_s: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return share of the start and rest (N,) of the Bezier curve through the keys (K,).

    The curve begins at 0 s wherever the joint is then, ``share * start + rest``, without a
    handle, and stays at the last key. Each segment is a cubic in time and angle. Handles that
    reach beyond their segment in time are cut at its ends, so that time never runs backwards;
    two handles of length 0 make a straight line.

    Args:
        times_s: Shape (K,), rising.
        angles: Shape (K,).
        before: Shape (K, 2), handle towards the key before: time and angle offsets.
        after: Shape (K, 2), handle towards the next key.
        grid_s: Shape (N,), moments.
    """
    knots = np.concatenate([[0.0], times_s])
    segment = np.clip(np.searchsorted(knots, grid_s, side="right") - 1, 0, len(times_s) - 1)
    length = np.diff(knots)
    leave = np.concatenate([[0.0], after[:-1, 0]]).clip(0.0, length)
    arrive = before[:, 0].clip(-length, 0.0)
    corners = np.stack([np.zeros_like(length), leave, length + arrive, length])  # (4, K)
    along = _solve(corners[:, segment], np.minimum(grid_s - knots[segment], length[segment]))
    b0, b1, b2, b3 = _bernstein(along)
    starts = np.concatenate([[0.0], angles[:-1]])[segment]
    rises = np.concatenate([[0.0], after[:-1, 1]])[segment]
    first = segment == 0
    share = np.where(first, b0 + b1, 0.0)
    rest = (b0 + b1) * np.where(first, 0.0, starts) + b1 * rises
    return share, rest + b2 * (angles + before[:, 1])[segment] + b3 * angles[segment]


def _bernstein(s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    left: FloatArray = 1.0 - s
    return left**3, 3 * s * left**2, 3 * s**2 * left, s**3


def _solve(corners: FloatArray, wanted: FloatArray) -> FloatArray:
    """Return where rising cubics with Bezier corners (4, N) take the values (N,), 0..1."""
    low, high = np.zeros_like(wanted), np.ones_like(wanted)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        below = sum(b * c for b, c in zip(_bernstein(middle), corners, strict=True)) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2
