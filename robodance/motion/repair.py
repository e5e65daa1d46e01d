"""What is left to mend in a motion: contact with itself, and tipping.

Around each moment where parts of the body come too near, or the ZMP leaves the soles, both
arms are planned again together, with a price on that, which rises until it is gone. All
other moments stay as they are. What no price can mend is drawn back to the stand posture,
which is known to be clear and upright.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from robodance.config import MotionConfig
from robodance.errors import InfeasibleDance
from robodance.motion.balance import BalanceTerm, Stand
from robodance.motion.checks import CHECKS_PER_STEP, Asked, Check, look_again, look_at
from robodance.motion.collision import Bodies, ClearanceTerm
from robodance.motion.descent import minimise
from robodance.motion.limits import JointLimits, limit_rows
from robodance.motion.program import BandedQuadratic
from robodance.motion.retarget import Part, Wanted, free_points
from robodance.motion.side_by_side import SecondProcess, side_by_side
from robodance.motion.spline import TAPS, Spline
from robodance.motion.terms import AngleTerm, SmoothTerm, Term, knot_values
from robodance.motion.windows import Run, grown, halves_of
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = ["MARGIN_M", "Replanned", "repair"]

REPAIR_ROUNDS = 8
REPAIR_TRUST_RAD = 0.15  # what is left to mend is small, and curved
RETREAT_TRUST_RAD = 0.6
REPAIR_TRIES = 9
FIRST_PRICE = 2000.0  # of a squared metre of missing clearance
PRICE_STEP = 4.0
MARGIN_M = 0.001  # kept beyond the required clearance, so that a price can reach it
ZMP_MARGIN_M = 0.002  # likewise, beyond the margin to the edge of the soles
PRICES_PER_STEP = 8
BEFORE_AND_AFTER_S = 0.4
WIDER_S = 0.1  # each further try looks this much further to either side
GAP_POINTS = 2 * TAPS
RETREATS = 6
RETREAT_WIDER_S = 0.15
RETREAT_RAMP_POINTS = 10
RETREAT_ROUNDS = 8
SAME_RAD = 1e-6  # joints that differ by less do the same: less than a micrometre


@dataclass(frozen=True)
class Replanned:
    """A motion that is being mended, or a possible one.

    Attributes:
        spline: All J joints.
        followed: Shape (K + 2, J), control points of arms and head as they follow their
            targets, nothing mended.
        repaired: Shape (K,), which knots were planned again for clearance or balance.
        retreated: Shape (K,), which were drawn back to the stand posture, as a last resort.
        unseen: Shape (K + 2,), control points of which it is not known yet whether the curve
            is clear and upright there.
    """

    spline: Spline = field(repr=False)
    followed: FloatArray = field(repr=False)
    repaired: BoolArray = field(repr=False)
    retreated: BoolArray = field(repr=False)
    unseen: BoolArray = field(repr=False)

    @classmethod
    def unmended(cls, control: FloatArray, followed: FloatArray, step_s: float) -> Replanned:
        """Return a motion with control points (N, J) of which nothing has been mended."""
        nothing = np.zeros(len(control) - 2, dtype=bool)
        everything = np.ones(len(control), dtype=bool)
        return cls(Spline(control, step_s), followed, nothing, nothing, everything)

    def over(self, control: FloatArray, legs: Sequence[int]) -> Replanned:
        """Return the motion over other legs: what was mended stays, where they do the same.

        A passage that was mended is given up as a whole where the legs change in it, so
        nothing breaks off in its middle.

        Args:
            control: Shape (N, J), as this motion was before it was mended, over other legs.
            legs: Columns of the legs.
        """
        before, columns = self.spline.control, list(legs)
        new = (np.abs(before[:, columns] - control[:, columns]) > SAME_RAD).any(axis=1)
        mended = np.pad(self.repaired | self.retreated, 1)
        touched = grown(new | mended, GAP_POINTS // 2)
        runs = np.cumsum(np.diff(touched, prepend=False) & touched)  # from 1, in their order
        kept = mended & ~np.isin(runs, runs[new])
        moved = np.where(kept[:, None], before, control)
        moved[:, columns] = control[:, columns]
        return Replanned(
            Spline(moved, self.spline.step_s),
            self.followed,
            self.repaired & kept[1:-1],
            self.retreated & kept[1:-1],
            self.unseen | (np.abs(before - moved) > SAME_RAD).any(axis=1),
        )


@dataclass(frozen=True)
class On:
    """A term of some of the joints, in a model of more of them."""

    term: Term
    columns: tuple[int, ...]

    def values(self, control: FloatArray) -> FloatArray:
        """Return the cost per control point."""
        return self.term.values(control[:, self.columns])

    def expand(self, control: FloatArray, model: BandedQuadratic) -> None:
        """Add the term's model in its columns."""
        part = BandedQuadratic(len(control), len(self.columns))
        self.term.expand(control[:, self.columns], part)
        model.gradient[:, self.columns] += part.gradient
        inner = np.array(self.columns)
        model.blocks[:, :, inner[:, None], inner] += part.blocks


def repair(
    start: Replanned,
    wanted: Wanted,
    bodies: Bodies,
    stand: Stand,
    limits: JointLimits,
    config: MotionConfig,
    report: Callable[[float], None],
    second: SecondProcess | None = None,
) -> Replanned:
    """Return a motion that is clear and upright everywhere.

    Args:
        start: A motion within all limits; what was mended of it already may stay.
        wanted: What to do, by groups of joints.
        bodies: What to keep apart.
        stand: What the legs hold.
        limits: To be obeyed.
        config: Margins.
        report: Called with how much is done, 0..1.
        second: Takes over half of the work.

    Raises:
        InfeasibleDance: Even standing still is not clear and upright.
    """
    control, step_s = start.spline.control, start.spline.step_s
    zmp_m = min(config.zmp_margin_m, stand.resting_margin() - 1e-4)
    asked = Asked(bodies, stand, step_s, zmp_m)

    def look(control: FloatArray, pieces: Sequence[Run]) -> list[Check]:
        jobs = [(asked, control[a:b], a) for a, b in pieces]
        return side_by_side(second, look_at, jobs, [b - a for a, b in pieces])

    arms = _Group.of([part for part in wanted.parts if part.name.endswith("_arm")], wanted)
    everything = _Group.of(wanted.parts, wanted)
    repaired, retreated = start.repaired.copy(), start.retreated.copy()
    nothing = np.zeros(len(control) - 3)
    check = look_again(Check(nothing, nothing), start.unseen, look, control)
    for attempt in range(REPAIR_TRIES + RETREATS):
        report(1.0 - 0.6**attempt)
        if check.clean:
            break
        retreat = attempt - REPAIR_TRIES + 1
        if retreat <= 0:
            reach = BEFORE_AND_AFTER_S + WIDER_S * attempt
            window = _window(check.bad, len(control), reach / step_s)
            halves = halves_of(window)
            goals = [_goal(asked, check, control, arms, half, attempt) for half in halves]
            control = _mended(control, arms, goals, limits, halves, step_s, second)
        else:
            window = _window(
                check.bad | _segments(retreated), len(control), RETREAT_WIDER_S * retreat / step_s
            )
            goal = _retreat(control, everything, window, retreat / (RETREATS - 1))
            control = _planned_again(
                control, everything, goal, limits, window, step_s, RETREAT_ROUNDS, RETREAT_TRUST_RAD
            )
            retreated |= window[1:-1]
        repaired |= window[1:-1]
        check = look_again(check, window, look, control)
    if not check.clean:  # the very last resort is to stand still
        control = control.copy()
        control[:, everything.columns] = everything.posture
        retreated[:] = True
        check = look(control, [(0, len(control))])[0]
        if not check.clean:
            raise InfeasibleDance(_what_is_left(check, step_s))
    report(1.0)
    return replace(
        start,
        spline=Spline(control, step_s),
        repaired=repaired,
        retreated=retreated,
        unseen=np.zeros_like(start.unseen),
    )


@dataclass(frozen=True)
class _Group:
    """Parts that are planned together."""

    columns: tuple[int, ...]
    terms: tuple[Term, ...]
    posture: FloatArray

    @classmethod
    def of(cls, parts: Sequence[Part], wanted: Wanted) -> _Group:
        terms: list[Term] = []
        first = 0
        for part in parts:
            places = tuple(range(first, first + len(part.columns)))
            terms.extend(On(term, places) for term in part.terms)
            first += len(part.columns)
        columns = tuple(column for part in parts for column in part.columns)
        return cls(columns, tuple(terms), wanted.stand_rad[list(columns)])


def _mended(
    control: FloatArray,
    arms: _Group,
    goals: Sequence[Sequence[Term]],
    limits: JointLimits,
    halves: Sequence[BoolArray],
    step_s: float,
    second: SecondProcess | None,
) -> FloatArray:
    """Return control points of arms that are planned again in windows, each with its goal."""
    jobs = [
        (control, arms, goal, limits, half, step_s, REPAIR_ROUNDS, REPAIR_TRUST_RAD)
        for goal, half in zip(goals, halves, strict=True)
    ]
    found = side_by_side(second, _planned_again, jobs, [float(half.sum()) for half in halves])
    return np.where(halves[0][:, None], found[0], found[-1])


def _planned_again(
    control: FloatArray,
    group: _Group,
    goal: Sequence[Term],
    limits: JointLimits,
    window: BoolArray,
    step_s: float,
    rounds: int,
    trust_rad: float,
) -> FloatArray:
    names = tuple(limits.names[column] for column in group.columns)
    rows = limit_rows(limits.of(names), len(control), step_s)
    result = control.copy()
    result[:, group.columns] = minimise(
        control[:, group.columns], goal, rows, window, rounds=rounds, trust_rad=trust_rad
    )
    return result


def _window(bad: BoolArray, points: int, reach_points: float) -> BoolArray:
    """Return the control points around bad knot intervals; runs that are near are joined."""
    reach = int(np.ceil(reach_points))
    free = np.zeros(points, dtype=bool)
    free[:-3] |= bad
    free[3:] |= bad
    free = grown(free, reach)
    gaps = grown(free, GAP_POINTS // 2)
    free |= ~grown(~gaps, GAP_POINTS // 2)
    return free & free_points(points)


def _segments(knots: BoolArray) -> BoolArray:
    return np.asarray(knots[:-1] & knots[1:])


def _goal(
    asked: Asked,
    check: Check,
    control: FloatArray,
    arms: _Group,
    window: BoolArray,
    attempt: int,
) -> list[Term]:
    """Return what arms follow in a window, and the prices of what is amiss there."""
    segments: IntArray = np.flatnonzero(window[:-3] | window[3:])
    price = FIRST_PRICE * PRICE_STEP**attempt
    clear = ClearanceTerm(
        asked.bodies,
        arms.columns,
        control,
        segments,
        per_step=PRICES_PER_STEP,
        margin_m=MARGIN_M * (1 + attempt),
        weight=price,
    )
    if not check.tipping.any():
        return [*arms.terms, clear]
    upright = BalanceTerm(
        asked.stand,
        arms.columns,
        control,
        segments,
        asked.step_s,
        per_step=CHECKS_PER_STEP,
        margin_m=asked.zmp_m + ZMP_MARGIN_M,
        weight=price,
    )
    return [*arms.terms, clear, upright]


def _retreat(control: FloatArray, group: _Group, window: BoolArray, strength: float) -> list[Term]:
    """Return terms that draw windows back to the stand posture, most in their middle."""
    inside, outside = np.flatnonzero(window), np.flatnonzero(~window)
    right = np.minimum(np.searchsorted(outside, inside), len(outside) - 1)
    from_edge = np.zeros(len(window))
    from_edge[inside] = np.minimum(
        inside - outside[np.maximum(right - 1, 0)], np.abs(outside[right] - inside)
    )
    # The plan's ends are the stand posture already: there is nothing to ramp towards.
    at_ends = np.minimum(np.arange(len(window)), np.arange(len(window))[::-1])
    from_edge = np.where(at_ends < RETREAT_RAMP_POINTS, RETREAT_RAMP_POINTS, from_edge)
    pull = np.clip(strength * np.minimum(from_edge / RETREAT_RAMP_POINTS, 1.0), 0.0, 1.0)
    values = knot_values(control[:, group.columns])
    goal = values + pull[1:-1, None] * (group.posture - values)
    smooth = SmoothTerm.uniform(len(window), 0.04, 1e-3, 1e-3)
    return [AngleTerm(goal, np.ones_like(goal)), smooth]


def _what_is_left(check: Check, step_s: float) -> str:
    where = float(np.argmax(check.bad) * step_s)
    what = "two parts of the body touch" if check.near.any() else "the robot would tip"
    return (
        f"around robot time {where:.2f} s {what} even at rest; choose another `stand`, "
        "or lower `minimum_clearance_m` or `zmp_margin_m`"
    )
