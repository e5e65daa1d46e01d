"""The dance made possible: speed limits, then clearance and balance, at the music's tempo.

First every group of joints follows its own targets under its limits (sequential quadratic
programming over the whole song). Then the finished curve is looked at between the knots
too: around each moment where parts of the body come too near, or the ZMP leaves the soles,
both arms are planned again together, with a price on that, which rises until it is gone.
All other moments stay as they are, and the limits hold throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from robodance.config import MotionConfig
from robodance.errors import InfeasibleDance
from robodance.motion.balance import Stand
from robodance.motion.collision import Bodies, ClearanceTerm
from robodance.motion.descent import minimise, minimise_in_box
from robodance.motion.limits import JointLimits, limit_rows
from robodance.motion.program import BandedQuadratic
from robodance.motion.retarget import Part, Wanted, free_points
from robodance.motion.spline import TAPS, Spline
from robodance.motion.terms import AngleTerm, SmoothTerm, Term, knot_values
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = ["Replanned", "replan"]

FOLLOW_ROUNDS = 10
BOX_ROUNDS = 8
FOLLOW_PRICES = (300.0, 3000.0)
FOLLOW_CHECKS = 2
REPAIR_ROUNDS = 4
REPAIR_TRIES = 12
FIRST_PRICE = 2000.0  # of a squared metre of missing clearance
PRICE_STEP = 4.0
MARGIN_M = 0.001  # kept beyond the required clearance, so that a price can reach it
FIRST_CALM = 1.0  # of squared second differences where the ZMP leaves the soles
CALM_STEP = 10.0
CHECKS_PER_STEP = 4
ZMP_CHECKS_PER_STEP = 2  # accelerations are linear between knots
BEFORE_AND_AFTER_S = 0.4
WIDER_S = 0.1  # each further try looks this much further to either side
GAP_POINTS = 2 * TAPS
RETREATS = 6
FOLLOW_SHARE = 0.7  # of the time, for the progress report


@dataclass(frozen=True)
class Replanned:
    """A possible motion.

    Attributes:
        spline: All J joints.
        repaired: Shape (K,), which knots were planned again for clearance or balance.
        retreated: Shape (K,), which were drawn back to the stand posture, as a last resort.
    """

    spline: Spline = field(repr=False)
    repaired: BoolArray = field(repr=False)
    retreated: BoolArray = field(repr=False)


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


def replan(
    wanted: Wanted,
    stand: Stand,
    limits: JointLimits,
    step_s: float,
    config: MotionConfig,
    progress: Callable[[float], None] | None = None,
) -> Replanned:
    """Return the motion nearest to the wanted one that the robot can do.

    Args:
        wanted: What to do, by groups of joints.
        stand: What the legs hold.
        limits: The robot's limits; ``config.limit_share`` of speed and acceleration is used.
        step_s: Robot time between knots.
        config: Shares and margins.
        progress: Called with how much is done, 0..1.

    Raises:
        InfeasibleDance: No legal motion was found; cannot happen unless the solver fails.
    """
    report = progress or (lambda share: None)
    used = limits.scaled(config.limit_share)
    moving = tuple(column for part in wanted.parts for column in part.columns)
    bodies = Bodies.of(stand.robot, wanted.stand_rad, moving, config.minimum_clearance_m)
    control = wanted.control.copy()
    # Arms last, so that they give way to where the head and the hands really are.
    for i, part in enumerate(sorted(wanted.parts, key=lambda part: len(part.columns))):
        report(FOLLOW_SHARE * i / len(wanted.parts))
        control[:, part.columns] = _follow(part, used, control, bodies, step_s)
    return _repair(control, wanted, bodies, stand, used, step_s, config, report)


def _follow(
    part: Part, limits: JointLimits, control: FloatArray, bodies: Bodies, step_s: float
) -> FloatArray:
    """Return control points of one group under its limits; ``control`` holds all joints."""
    names = tuple(limits.names[column] for column in part.columns)
    rows = limit_rows(limits.of(names), len(part.control), step_s)
    free = free_points(len(part.control))
    start, terms = part.control, list(part.terms)
    if len(part.columns) > 2:
        everywhere = np.arange(len(control) - 3)
        for price in FOLLOW_PRICES:
            clear = _clearance(bodies, part.columns, control, everywhere, FOLLOW_CHECKS, price)
            terms = [*part.terms, clear]
            start = minimise_in_box(start, terms, rows, free, rounds=BOX_ROUNDS)
    result = minimise(start, terms, rows, free, rounds=FOLLOW_ROUNDS, legal=False)
    if result is start:  # the very first program failed: begin at rest
        rest = np.tile(start[0], (len(start), 1))
        result = minimise(rest, terms, rows, free, rounds=FOLLOW_ROUNDS)
        if result is rest:
            raise InfeasibleDance(
                f"no motion of {', '.join(names)} within the limits was found from 0 s on; "
                "please report the dance"
            )
    return result


@dataclass(frozen=True)
class _Check:
    """Where a motion is too near to itself or too near to tipping, per knot interval."""

    near: FloatArray
    tipping: FloatArray

    @property
    def clean(self) -> bool:
        return not (self.near.any() or self.tipping.any())

    @property
    def bad(self) -> BoolArray:
        return np.asarray((self.near > 0.0) | (self.tipping > 0.0))


def _check(
    control: FloatArray, bodies: Bodies, stand: Stand, step_s: float, zmp_m: float
) -> _Check:
    """Look at a piece of the motion, between its knots too."""
    spline = Spline(control, step_s)
    positions = spline.sampled(CHECKS_PER_STEP)
    widest = float(bodies.required_m.max(initial=0.0)) + 1e-3
    short = np.maximum(bodies.required_m - bodies.clearances(positions, widest), 0.0)
    lean = np.maximum(zmp_m - stand.zmp_margins(spline, ZMP_CHECKS_PER_STEP), 0.0)
    return _Check(
        _by_segment(short.max(axis=1, initial=0.0), CHECKS_PER_STEP),
        _by_segment(lean, ZMP_CHECKS_PER_STEP),
    )


def _check_again(
    check: _Check, window: BoolArray, look: Callable[[FloatArray], _Check], control: FloatArray
) -> _Check:
    """Look at the changed windows only; everything else was clean or is in a window."""
    near, tipping = check.near.copy(), check.tipping.copy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], window, [False]])))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        low, high = max(first - TAPS + 1, 0), min(last + TAPS - 1, len(control))
        part = look(control[low:high])
        near[low : high - TAPS + 1] = part.near
        tipping[low : high - TAPS + 1] = part.tipping
    return _Check(near, tipping)


def _by_segment(values: FloatArray, per_step: int) -> FloatArray:
    """Return the largest of the samples of each knot interval, both its ends counted."""
    inner = values[:-1].reshape(-1, per_step).max(axis=1)
    return np.asarray(np.maximum(inner, values[per_step::per_step]))


def _repair(
    control: FloatArray,
    wanted: Wanted,
    bodies: Bodies,
    stand: Stand,
    limits: JointLimits,
    step_s: float,
    config: MotionConfig,
    report: Callable[[float], None],
) -> Replanned:
    arms = [part for part in wanted.parts if part.name.endswith("_arm")]
    columns = tuple(column for part in arms for column in part.columns)
    zmp_m = min(config.zmp_margin_m, stand.resting_margin() - 1e-4)
    names = tuple(limits.names[column] for column in columns)
    rows = limit_rows(limits.of(names), len(control), step_s)
    terms = _joined_terms(arms)
    repaired = np.zeros(len(control) - 2, dtype=bool)
    retreated = np.zeros(len(control) - 2, dtype=bool)

    def look(part: FloatArray) -> _Check:
        return _check(part, bodies, stand, step_s, zmp_m)

    check = look(control)
    for attempt in range(REPAIR_TRIES + RETREATS):
        report(1.0 - (1.0 - FOLLOW_SHARE) * 0.6**attempt)
        if check.clean:
            report(1.0)
            return Replanned(Spline(control, step_s), repaired, retreated)
        window = _window(check.bad, len(control), step_s, attempt)
        if attempt < REPAIR_TRIES:
            price = _prices(check, control, bodies, columns, window, step_s, attempt)
            goal = [*terms, *price]
        else:
            strength = (attempt - REPAIR_TRIES + 1) / RETREATS
            goal = _retreat(control[:, columns], wanted.stand_rad[list(columns)], window, strength)
            retreated |= window[1:-1]
        control = control.copy()
        control[:, columns] = minimise(
            control[:, columns], goal, rows, window, rounds=REPAIR_ROUNDS
        )
        repaired |= window[1:-1]
        check = _check_again(check, window, look, control)
    raise InfeasibleDance(_what_is_left(check, step_s))


def _joined_terms(arms: Sequence[Part]) -> list[Term]:
    terms: list[Term] = []
    first = 0
    for part in arms:
        places = tuple(range(first, first + len(part.columns)))
        terms.extend(On(term, places) for term in part.terms)
        first += len(part.columns)
    return terms


def _window(bad: BoolArray, points: int, step_s: float, attempt: int) -> BoolArray:
    """Return the control points around bad knot intervals; runs that are near are joined."""
    reach = int(np.ceil((BEFORE_AND_AFTER_S + WIDER_S * attempt) / step_s))
    free = np.zeros(points, dtype=bool)
    free[:-3] |= bad
    free[3:] |= bad
    free = _grown(free, reach)
    gaps = _grown(free, GAP_POINTS // 2)
    free |= ~_grown(~gaps, GAP_POINTS // 2)
    return free & free_points(points)


def _grown(mask: BoolArray, reach: int) -> BoolArray:
    counts = np.concatenate([[0], np.cumsum(mask)])
    index = np.arange(len(mask))
    low, high = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(mask))
    return np.asarray(counts[high] > counts[low])


def _prices(
    check: _Check,
    control: FloatArray,
    bodies: Bodies,
    columns: tuple[int, ...],
    window: BoolArray,
    step_s: float,
    attempt: int,
) -> list[Term]:
    segments: IntArray = np.flatnonzero(window[:-3] | window[3:])
    price = FIRST_PRICE * PRICE_STEP**attempt
    result: list[Term] = [_clearance(bodies, columns, control, segments, CHECKS_PER_STEP, price)]
    if check.tipping.any():
        reach = int(np.ceil(BEFORE_AND_AFTER_S / step_s / 2))
        calm = np.zeros(len(control))
        calm[1:-2] = np.where(check.tipping > 0.0, FIRST_CALM * CALM_STEP**attempt, 0.0)
        kernel = np.hanning(2 * reach + 3)[1:-1]
        calm = np.convolve(calm, kernel, mode="same")
        result.append(SmoothTerm(calm[1:-1] * (0.04 / step_s) ** 4, np.zeros(len(control) - 3)))
    return result


def _clearance(
    bodies: Bodies,
    columns: tuple[int, ...],
    control: FloatArray,
    segments: IntArray,
    per_step: int,
    price: float,
) -> ClearanceTerm:
    return ClearanceTerm(
        bodies, columns, control, segments, per_step=per_step, margin_m=MARGIN_M, weight=price
    )


def _retreat(
    control: FloatArray, posture: FloatArray, window: BoolArray, strength: float
) -> list[Term]:
    """Return terms that draw a window back to the stand posture, which is known to be clear."""
    from_edge = np.zeros(len(window))
    inside = np.flatnonzero(window)
    outside = np.flatnonzero(~window)
    left = np.searchsorted(outside, inside)
    from_edge[inside] = np.minimum(
        inside - outside[left - 1], outside[np.minimum(left, len(outside) - 1)] - inside
    )
    pull = np.clip(strength * np.minimum(from_edge / 10.0, 1.0), 0.0, 1.0)[1:-1, None]
    values = knot_values(control)
    goal = values + pull * (posture - values)
    smooth = SmoothTerm.uniform(len(window), 0.04, 1e-3, 1e-3)
    return [AngleTerm(goal, np.ones_like(goal)), smooth]


def _what_is_left(check: _Check, step_s: float) -> str:
    where = float(np.argmax(check.bad) * step_s)
    what = "two parts of the body touch" if check.near.any() else "the robot would tip"
    return (
        f"around robot time {where:.2f} s {what} whatever the arms do; choose another `stand`, "
        "or lower `minimum_clearance_m` or `zmp_margin_m`"
    )
