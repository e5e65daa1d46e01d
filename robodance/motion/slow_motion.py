"""How slow a dance must be for the arms to come close: ``--slow-motion auto``.

The smallest uniform factor is looked for by doubling, then by bisection. A long dance is
searched on excerpts; what they say is confirmed on the whole dance, and raised if need be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from robodance.values import PoseSequence

__all__ = ["LARGEST", "SlowMotion", "excerpts", "smallest_factor"]

LARGEST = 8.0
WITHIN_DEG = 0.5
BISECTIONS = 4  # of a doubling: the factor is known to within 4 %
STEP = 2.0 ** (1.0 / 8.0)  # by which the whole dance is slowed more when excerpts promised too much
EXCERPTS, EXCERPT_S = 4, 6.0

Error = Callable[[float], float]


@dataclass(frozen=True)
class SlowMotion:
    """What was found.

    Attributes:
        factor: The factor chosen.
        error_deg: Mean direction error of the arm bones there.
        floor_deg: The floor it was held against.
        within: Whether it is within half a degree of the floor.
    """

    factor: float
    error_deg: float
    floor_deg: float
    within: bool


def excerpts(dance: PoseSequence) -> tuple[PoseSequence, ...]:
    """Return the parts of a dance that are searched: all of it, or four of six seconds."""
    frames = round(EXCERPT_S * dance.frame_rate_hz)
    if len(dance.poses) < 2 * EXCERPTS * frames:
        return (dance,)
    starts = np.linspace(0, len(dance.poses) - frames - 1, EXCERPTS + 2)[1:-1]
    return tuple(_part(dance, round(start), frames + 1) for start in starts)


def smallest_factor(
    error_of_parts: Error, floor_of_parts: float, error: Error, floor: float
) -> SlowMotion:
    """Return the smallest factor, 1..8, whose error is within half a degree of the floor.

    Args:
        error_of_parts: Arm error of the excerpts at a factor; falls with it, more or less.
        floor_of_parts: Their floor.
        error: Arm error of the whole dance at a factor; asked for few times.
        floor: Its floor.

    Returns:
        The factor, or the one with the smallest error when none comes near enough.
    """
    factor = _search(error_of_parts, floor_of_parts + WITHIN_DEG)
    tried = {factor: error(factor)}
    while tried[factor] > floor + WITHIN_DEG and factor < LARGEST:
        factor = min(STEP * factor, LARGEST)
        tried[factor] = error(factor)
    within = tried[factor] <= floor + WITHIN_DEG
    best = factor if within else min(tried, key=lambda k: tried[k])
    return SlowMotion(best, tried[best], floor, within)


def _search(error: Error, allowed: float) -> float:
    """Return the smallest factor with an error that is allowed; the largest if none is."""
    low, high = 1.0, 1.0
    while error(high) > allowed:
        if high >= LARGEST:
            return LARGEST
        low, high = high, 2.0 * high
    for _ in range(BISECTIONS if high > 1.0 else 0):
        middle = float(np.sqrt(low * high))
        if error(middle) > allowed:
            low = middle
        else:
            high = middle
    return high


def mean_over(parts: Sequence[PoseSequence], error: Callable[[PoseSequence], float]) -> float:
    """Return the mean of an error over parts, weighted by their lengths."""
    return float(np.average([error(part) for part in parts], weights=[len(p.poses) for p in parts]))


def _part(dance: PoseSequence, first: int, frames: int) -> PoseSequence:
    start = dance.start_s + first / dance.frame_rate_hz
    end = start + (frames - 1) / dance.frame_rate_hz
    inside = (dance.beats_s >= start) & (dance.beats_s <= end)
    return replace(
        dance,
        **dance.frames(slice(first, first + frames)),
        start_s=start,
        beats_s=dance.beats_s[inside],
        beat_numbers=dance.beat_numbers[inside],
    )
