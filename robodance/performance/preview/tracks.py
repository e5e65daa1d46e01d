"""Numbers along a dance as text: small enough for a page, quick to read in any browser.

A track is rounded to whole steps. Of each channel the first sample, the first difference and
the second differences follow as variable-length integers (zigzag, seven bits a byte, low ones
first), in base64. Motion is smooth, so that nearly all of them are one byte, and since they are
whole numbers nothing adds up. ``page/tracks.js`` reads it.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.values import FloatArray

__all__ = ["packed_bytes", "packed_integers", "track"]

WIDEST = 10  # bytes of the longest integer


def track(values: FloatArray, step: float, start_s: float, rate_hz: float) -> dict[str, Any]:
    """Return even samples as plain values; channels that rest are said once.

    Args:
        values: Shape (T, C), T at least 1.
        step: What they are rounded to.
        start_s: Time of the first.
        rate_hz: Samples per second.
    """
    steps = np.round(np.asarray(values, dtype=np.float64) / step).astype(np.int64)
    moving = np.flatnonzero((steps != steps[0]).any(axis=0))
    return {
        "start": start_s,
        "rate": rate_hz,
        "count": len(steps),
        "step": step,
        "rest": (steps[0] * step).round(9).tolist(),
        "moving": moving.tolist(),
        "data": packed_integers(_second_differences(steps[:, moving]).T.ravel()),
    }


def packed_integers(numbers: NDArray[np.integer[Any]]) -> str:
    """Return whole numbers as variable-length integers, in base64."""
    signed = np.asarray(numbers, dtype=np.int64)
    rest = ((signed << 1) ^ (signed >> 63)).astype(np.uint64)
    parts = np.zeros((len(rest), WIDEST), dtype=np.uint8)
    used = np.zeros((len(rest), WIDEST), dtype=bool)
    wanted = np.ones(len(rest), dtype=bool)
    for place in range(WIDEST):
        low, rest = (rest & np.uint64(0x7F)).astype(np.uint8), rest >> np.uint64(7)
        used[:, place] = wanted
        wanted = wanted & (rest > 0)
        parts[:, place] = low | (wanted.astype(np.uint8) << 7)
        if not wanted.any():
            break
    return packed_bytes(parts[used])


def packed_bytes(numbers: NDArray[Any]) -> str:
    """Return numbers 0..255 in base64."""
    return base64.b64encode(np.asarray(numbers, dtype=np.uint8).tobytes()).decode("ascii")


def _second_differences(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (T, C): the first row, the first difference, second differences."""
    first = np.diff(steps, axis=0, prepend=np.zeros_like(steps[:1]))
    second = np.diff(first, axis=0, prepend=np.zeros_like(first[:1]))
    second[:1] = first[:1]
    if len(second) > 1:
        second[1] = first[1]
    return second
