"""The whole song's way of the torso over the feet, with everything the legs can do inside it.

One quadratic program after the other (``sway_program.py``) brings the torso as near to the
dancer's sway as legs, motors and floor allow, over the whole song at once (a long one in pieces
that overlap, side by side): as the song is known from beginning to end, that does what preview
control does on line. Where a limit is still broken after the last round, less sway is asked for
around that moment, and the program is solved again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil

import numpy as np

from robodance.config import MotionConfig
from robodance.motion.balance import Stand
from robodance.motion.limits import JointLimits
from robodance.motion.side_by_side import SecondProcess, side_by_side
from robodance.motion.spline import Spline
from robodance.motion.support import HELD_KNOTS, Support
from robodance.motion.sway_program import SwayProgram
from robodance.motion.sway_task import UNIT, SwayState, SwayTask, around, sway_task
from robodance.motion.terms import knot_values
from robodance.motion.torso import TorsoCurve
from robodance.robots.legs import TORSO_AXES
from robodance.values import BoolArray, FloatArray

__all__ = ["Sway", "plan_sway"]

PIECE_S, OVERLAP_S = 60.0, 3.0
"""A long song is solved in pieces, each longer by the overlap at both ends: where two of them
meet, nothing is left of what was held at their ends."""
SHORT_S = 40.0  # in one piece
TRUST = (3.0, 3.0, 1.0, 0.5)
"""Units a control point may go in each round."""
STEADY = 1.0  # up to so many units, the effects of the round before are true enough
DRAW_TRUST = (0.5, 0.3, 0.2)  # likewise, after less was asked for
DRAWS = 12
STOPS, STOP_WIDTH_S = 4, 1.0  # after those, nothing is asked for around what is still broken
SMALL_SHARE = 0.05  # of a unit: less sway is none
DRAW_SHARE = 0.75
DRAW_WIDTH_S = 0.3
REACH_S = 1.5  # around a change, which the torso there and back may take


@dataclass(frozen=True)
class Sway:
    """A way of the torso and the legs under it.

    Attributes:
        task: What was asked for in the end.
        state: What became of it.
        amplitude: Shape (K,), share of the dance that was asked for: 1 where nothing was drawn
            back .. 0 where it stands.
    """

    task: SwayTask = field(repr=False)
    state: SwayState = field(repr=False)
    amplitude: FloatArray = field(repr=False)

    @property
    def support(self) -> Support:
        """Where the feet are, and what carries the robot."""
        return self.task.support

    @property
    def torso(self) -> TorsoCurve:
        """Where the torso is."""
        return TorsoCurve(Spline(self.state.torso, self.support.step_s))

    @property
    def control(self) -> FloatArray:
        """Shape (K + 2, J), spline control points of all joints, the legs' included."""
        return self.state.legs

    def kept(self) -> FloatArray:
        """Return the share of the dancer's variance that is left, of each of ``TORSO_AXES``."""
        task = self.task
        done = knot_values(self.state.units) * UNIT - task.middle
        spread = (task.wish**2).mean(axis=0)
        lost = ((task.wish - done) ** 2).mean(axis=0)
        return np.asarray(1.0 - lost / np.maximum(spread, (SMALL_SHARE * UNIT) ** 2))


def plan_sway(
    wanted: FloatArray,
    upper_body: FloatArray,
    support_for: Callable[[FloatArray], Support],
    stand: Stand,
    limits: JointLimits,
    config: MotionConfig,
    calm: FloatArray,
    before: Sway | None = None,
    second: SecondProcess | None = None,
) -> Sway:
    """Return the torso's way nearest to the wanted one that legs, motors and floor allow.

    Args:
        wanted: Shape (K, 7), away from the stand, at the knots: the torso in the feet's heading
            (``legs.TORSO_AXES``), then how much more both knees bend, rad, left first.
        upper_body: Shape (K + 2, J), what the other joints do.
        support_for: Feet and floor, when shares (K,) of the steps are asked for.
        stand: Where it begins and ends.
        limits: Of all J joints; what may be used of them.
        config: Margins.
        calm: Shape (K,), share of sway and steps that is asked for.
        before: What came of the same with more of it asked for: solved again is only what
            lies around a change.
        second: Takes over half of the work.
    """

    def problem_of(calm: FloatArray) -> SwayProgram:
        support = support_for(calm)
        task = sway_task(wanted, upper_body, support, stand, limits, config, calm)
        return SwayProgram(task, second)

    if before is not None:
        calm = np.minimum(calm, before.amplitude)
        problem = problem_of(calm)
        state = problem.reached(before.state, before.task)
        changed = (calm < before.amplitude) | problem.broken(state)[1:-1]
        state = _settled(problem, state, changed, second)
    else:
        problem = problem_of(calm)
        state = problem.state(np.zeros((len(upper_body), len(TORSO_AXES))))
        state, met = _in_pieces(problem, state, second)
        state = _settled(problem, state, met | problem.broken(state)[1:-1], second)
    return _drawn_back(problem_of, problem, state, calm, second)


def _in_pieces(
    problem: SwayProgram, state: SwayState, second: SecondProcess | None
) -> tuple[SwayState, BoolArray]:
    """Return the solution of pieces of a song, and at which knots (K,) two of them meet."""
    points, step_s = len(state.units), problem.task.support.step_s
    edges = _edges(points, step_s)
    over = round(OVERLAP_S / step_s)
    ends = [(max(a - over, 0), min(b + over, points)) for a, b in pairwise(edges)]
    jobs = [(problem.part(a, b, state), state.part(a, b), TRUST) for a, b in ends]
    solved = side_by_side(second, _solved, jobs, [b - a for a, b in ends])
    for (first, _last), (a, b), piece in zip(ends, pairwise(edges), solved, strict=True):
        state = state.with_part(a, piece.part(a - first, b - first))
    met = np.zeros(points - 2, dtype=bool)
    met[edges[1:-1]] = True
    return (problem.state(state.units, state) if met.any() else state), met


def _edges(points: int, step_s: float) -> list[int]:
    """Return where the pieces of a song begin, and its end; an even number of them, or one."""
    seconds = points * step_s
    pieces = 1 if seconds < SHORT_S else 2 * ceil(seconds / (2.0 * PIECE_S))
    return [round(points * number / pieces) for number in range(pieces + 1)]


def _drawn_back(
    problem_of: Callable[[FloatArray], SwayProgram],
    problem: SwayProgram,
    state: SwayState,
    calm: FloatArray,
    second: SecondProcess | None,
) -> Sway:
    """Return a way that breaks no limit, less asked for where it must."""
    step_s = problem.task.support.step_s
    for attempt in range(DRAWS + STOPS):
        bad = problem.broken(state)[1:-1]
        if not bad.any():
            return Sway(problem.task, state, calm)
        before, asked = problem.task, calm
        if attempt < DRAWS:
            width, share = DRAW_WIDTH_S * (1.0 + attempt / 3.0), DRAW_SHARE
        else:
            width, share = STOP_WIDTH_S * (1.0 + attempt - DRAWS), 0.0
        calm = calm * (1.0 - (1.0 - share) * around(bad, width / step_s))
        problem = problem_of(calm)
        state = problem.reached(state, before)
        # Other steps may come to lie elsewhere when one is calmed.
        changed = (calm < asked) | problem.broken(state)[1:-1]
        state = _settled(problem, state, changed, second)
    if problem.broken(state).any():  # the stand is legal
        calm = np.zeros_like(calm)
        problem = problem_of(calm)
        state = problem.state(np.zeros_like(state.units))
    return Sway(problem.task, state, calm)


def _settled(
    problem: SwayProgram, state: SwayState, changed: BoolArray, second: SecondProcess | None
) -> SwayState:
    """Return the state with the surroundings of what is asked for anew (K,) solved again."""
    points = len(state.units)
    reach = round(REACH_S / problem.task.support.step_s) + HELD_KNOTS
    ends = [(max(a, 0), min(b + 2, points)) for a, b in _stretches(changed, reach)]
    # Their ends are held, so that what comes of one is nothing to the others.
    jobs = [(problem.part(a, b, state), state.part(a, b), DRAW_TRUST) for a, b in ends]
    solved = side_by_side(second, _solved, jobs, [b - a for a, b in ends])
    for (first, _last), inner in zip(ends, solved, strict=True):
        state = state.with_part(first, inner)
    return state


def _solved(problem: SwayProgram, state: SwayState, trusts: Sequence[float]) -> SwayState:
    """Solve round after round; where little changes, what units do changes little too."""
    effects = problem.effects(state)
    for number, trust in enumerate(trusts):
        if number and trust > STEADY:
            effects = problem.effects(state)
        state = problem.better(state, effects, trust)
    return state


def _stretches(marked: BoolArray, reach: int) -> list[tuple[int, int]]:
    """Return from where until where marks (K,) and ``reach`` knots around them go."""
    result: list[tuple[int, int]] = []
    for place in np.flatnonzero(marked):
        first, last = int(place) - reach, int(place) + reach + 1
        if result and first <= result[-1][1]:
            result[-1] = (result[-1][0], last)
        else:
            result.append((first, last))
    return result
