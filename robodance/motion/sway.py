"""The whole song's way of the torso over the feet, with everything the legs can do inside it.

One quadratic program after the other (``sway_program.py``) brings the torso as near to the
dancer's sway as legs, motors and floor allow, over the whole song at once: as the song is
known from beginning to end, that does what preview control does on line. Where a limit is
still broken after the last round, less sway is asked for around that moment, and the program
is solved again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from robodance.config import MotionConfig
from robodance.motion.balance import Stand
from robodance.motion.legs import TORSO_AXES
from robodance.motion.limits import JointLimits
from robodance.motion.spline import Spline
from robodance.motion.support import Support
from robodance.motion.sway_program import UNIT, SwayProgram, SwayState
from robodance.motion.terms import knot_values
from robodance.motion.torso import TorsoCurve
from robodance.values import BoolArray, FloatArray

__all__ = ["Sway", "plan_sway"]

TRUST = (1.5, 1.5, 1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.1)
"""Units a control point may go in each round."""
DRAW_TRUST = (0.5, 0.3, 0.3, 0.2)  # likewise, after less was asked for
DRAWS = 10
SMALL_SHARE = 0.05  # of a unit: less sway is none
DRAW_SHARE = 0.75
DRAW_WIDTH_S = 0.3


@dataclass(frozen=True)
class Sway:
    """A way of the torso and the legs under it.

    Attributes:
        torso: Where the torso is.
        support: Where the feet are, and what carries the robot.
        legs: Shape (K + 2, J), spline control points; only the legs' columns count.
        amplitude: Shape (K,), 1 where nothing was drawn back .. 0 where it stands.
        kept: Share of the wanted sway's variance that is left, of each of ``TORSO_AXES``.
    """

    torso: TorsoCurve
    support: Support
    legs: FloatArray = field(repr=False)
    amplitude: FloatArray = field(repr=False)
    kept: FloatArray = field(repr=False)


def plan_sway(
    wanted: FloatArray,
    upper_body: FloatArray,
    support_for: Callable[[FloatArray], Support],
    stand: Stand,
    limits: JointLimits,
    config: MotionConfig,
    calm: FloatArray,
    progress: Callable[[float], None] | None = None,
) -> Sway:
    """Return the torso's way nearest to the wanted one that legs, motors and floor allow.

    Args:
        wanted: Shape (K, 5), away from the stand, at the knots, in the feet's heading.
        upper_body: Shape (K + 2, J), what the other joints do.
        support_for: Feet and floor, when shares (K,) of the steps are asked for.
        stand: Where it begins and ends.
        limits: Of all J joints; what may be used of them.
        config: Margins.
        calm: Shape (K,), share of sway and steps that is asked for.
        progress: Called with how much is done, 0..1.
    """
    tell = progress or (lambda share: None)

    def problem_of(calm: FloatArray) -> SwayProgram:
        support = support_for(calm)
        return SwayProgram(wanted, upper_body, support, stand, limits, config, calm)

    problem = problem_of(calm)
    state = problem.state(np.zeros((len(upper_body), len(TORSO_AXES))))
    for number, trust in enumerate(TRUST):
        tell(number / (len(TRUST) + 2))
        state = problem.better(state, trust)
    problem, state, amplitude = _drawn_back(problem_of, problem, state, calm)
    tell(1.0)
    support = problem.support
    done = knot_values(state.units) * UNIT - problem.middle
    spread = (problem.wish**2).mean(axis=0)
    lost = ((problem.wish - done) ** 2).mean(axis=0)
    kept = 1.0 - lost / np.maximum(spread, (SMALL_SHARE * UNIT) ** 2)
    torso = TorsoCurve(Spline(state.torso, support.step_s))
    return Sway(torso, support, state.legs, amplitude, kept)


def _drawn_back(
    problem_of: Callable[[FloatArray], SwayProgram],
    problem: SwayProgram,
    state: SwayState,
    calm: FloatArray,
) -> tuple[SwayProgram, SwayState, FloatArray]:
    """Return a way that breaks no limit, and the shares (K,) of the dance it was asked for."""
    width = DRAW_WIDTH_S / problem.support.step_s
    for attempt in range(DRAWS):
        bad = problem.broken(state)[1:-1]
        if not bad.any():
            return problem, state, calm
        calm = calm * (1.0 - (1.0 - DRAW_SHARE) * _around(bad, width * (1.0 + attempt / 3.0)))
        problem = problem_of(calm)
        state = problem.reached(state)
        for trust in DRAW_TRUST:
            state = problem.better(state, trust)
    if problem.broken(state).any():  # the stand is legal
        calm = np.zeros_like(calm)
        problem = problem_of(calm)
        state = problem.state(np.zeros_like(state.units))
    return problem, state, calm


def _around(bad: BoolArray, width: float) -> FloatArray:
    """Return 1 near bad knots, 0 far from them, and a smooth way between. Shape (K,)."""
    index, places = np.arange(len(bad)), np.flatnonzero(bad)
    after = np.searchsorted(places, index).clip(0, len(places) - 1)
    before = np.maximum(after - 1, 0)
    gap = np.minimum(np.abs(places[after] - index), np.abs(index - places[before]))
    share = np.clip(2.0 - gap / width, 0.0, 1.0)
    return np.asarray(share**2 * (3.0 - 2.0 * share))
