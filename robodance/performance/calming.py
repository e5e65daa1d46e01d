"""What is asked for less of a dance that fails in simulation: where, and by how much.

The shares of sway and steps that are asked for, at the knots of the plan, fall from round to
round: first around the failures, then over their phrase, at the very last over the whole dance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robodance.values import FloatArray

__all__ = ["BEFORE_S", "CALMER", "FADE_S", "calmed"]

BEFORE_S, AFTER_S = 1.6, 0.5  # of a failure: what is asked for less
PHRASE_BEFORE_S, PHRASE_AFTER_S = 5.0, 2.5  # likewise, of all its failures
FADE_S = 0.6
NO_STEPS = 0.45  # a little less than half of a step is none (motion.footsteps)
CALMER = (0.7, 0.5, NO_STEPS, 0.0)
PHRASE_LEFT, STEPS_LEFT, DANCE_LEFT = 3, 2, 1  # rounds that are left when so much is given up


def calmed(
    share: FloatArray,
    failures_s: Sequence[Sequence[float]],
    rounds: int,
    knot_rate_hz: float,
) -> FloatArray:
    """Return smaller shares after failures.

    A passage gets seven tenths of it first, then half, then no steps, then nothing, then the
    same around it, for longer each time. With three rounds left, the phrase of all these
    failures gets nothing, the next time the whole dance gets no steps, and the last time nothing.

    Args:
        share: Shape (K,), what was asked for.
        failures_s: Moments of failures in this part of the dance, round by round.
        rounds: Most of them.
        knot_rate_hz: Knots per second.
    """
    number = len(failures_s)
    result = np.min([_calmer(share, at, knot_rate_hz, number) for at in failures_s[-1]], axis=0)
    left = rounds - number
    if left <= PHRASE_LEFT:
        moments = [at for these in failures_s for at in these]
        first_s, last_s = min(moments) - PHRASE_BEFORE_S, max(moments) + PHRASE_AFTER_S
        result = np.minimum(result, 1.0 - _inside(len(share), first_s, last_s, knot_rate_hz))
    everywhere = {STEPS_LEFT: NO_STEPS, DANCE_LEFT: 0.0}.get(left, 1.0)
    return np.asarray(np.minimum(result, everywhere))


def _calmer(share: FloatArray, moment_s: float, knot_rate_hz: float, number: int) -> FloatArray:
    """Return the next smaller share around a failure; around that, where there is none.

    What fails again and again, later each time, is calmed for longer.
    """
    wider = 1.0
    while True:
        first_s, after_s = moment_s - wider * BEFORE_S, wider * AFTER_S
        there = share[_inside(len(share), first_s, moment_s + after_s, knot_rate_hz) >= 1.0]
        aim = next((level for level in CALMER if level < there.max(initial=0.0)), 0.0)
        fade = _inside(len(share), first_s, moment_s + number * after_s, knot_rate_hz)
        result = np.minimum(share, 1.0 - (1.0 - aim) * fade)
        if (result < share).any() or not share.any():
            return np.asarray(result)
        wider *= 2.0


def _inside(knots: int, first_s: float, last_s: float, knot_rate_hz: float) -> FloatArray:
    """Return 1 at knots (K,) inside a passage, 0 outside, and a smooth way between them."""
    times = np.arange(knots) / knot_rate_hz
    outside = np.maximum(first_s - times, times - last_s)
    fade = np.clip(1.0 - outside / FADE_S, 0.0, 1.0)
    return np.asarray(fade**2 * (3.0 - 2.0 * fade))
