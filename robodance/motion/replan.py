"""The dance made possible: speed limits, then clearance and balance, at the music's tempo.

First every group of joints follows its own targets under its limits (sequential quadratic
programming over the whole song), arms with a price on coming too near to the body. Then
``repair`` looks at the finished curve between the knots too and mends what is left. The
limits hold throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from robodance.config import MotionConfig
from robodance.errors import InfeasibleDance
from robodance.motion.balance import Stand
from robodance.motion.collision import Bodies, ClearanceTerm
from robodance.motion.descent import minimise, minimise_in_box
from robodance.motion.limits import JointLimits, limit_rows
from robodance.motion.repair import MARGIN_M, Replanned, repair
from robodance.motion.retarget import Part, Wanted, free_points
from robodance.motion.side_by_side import SecondProcess, side_by_side
from robodance.motion.spline import REST_POINTS
from robodance.motion.targets import SIDES
from robodance.motion.terms import Term
from robodance.robots.legs import leg_columns
from robodance.values import FloatArray

__all__ = ["Replanned", "replan"]

ARMS = tuple(f"{side}_arm" for side in SIDES)
PIECE_POINTS = 8_000  # a little over five minutes at 25 knots a second
OVERLAP_POINTS = 100  # what a rest at the end of a piece can be felt in, and plenty more
FOLLOW_ROUNDS = 10
BOX_ROUNDS = 8
FOLLOW_PRICES = (300.0, 3000.0)  # of a squared metre of missing clearance
FOLLOW_CHECKS = 2
FOLLOW_SHARE = 0.7  # of the time, for the progress report


def replan(
    wanted: Wanted,
    stand: Stand,
    limits: JointLimits,
    step_s: float,
    config: MotionConfig,
    progress: Callable[[float], None] | None = None,
    sway: Callable[[FloatArray], tuple[Stand, FloatArray]] | None = None,
    before: Replanned | None = None,
    second: SecondProcess | None = None,
) -> Replanned:
    """Return the motion nearest to the wanted one that the robot can do.

    Args:
        wanted: What to do, by groups of joints.
        stand: What the legs hold, or how torso and legs move.
        limits: The robot's limits; ``config.limit_share`` of speed and acceleration is used.
        step_s: Robot time between knots.
        config: Shares and margins.
        progress: Called with how much is done, 0..1.
        sway: Told the control points (N, J) that arms and head follow their targets with,
            returns how torso and legs move under them, and the points with the legs in.
        before: What came of the same with another sway; what it does not change stays.
        second: Takes over half of the work.

    Raises:
        InfeasibleDance: No legal motion was found; cannot happen unless the solver fails.
    """
    report = progress or (lambda share: None)
    used = limits.scaled(config.limit_share)
    moving = tuple(column for part in wanted.parts for column in part.columns)
    bodies = Bodies.of(stand.robot, wanted.stand_rad, moving, config.minimum_clearance_m)
    if before is None:
        followed = _followed(wanted, used, bodies, step_s, report, second)
    else:
        followed = before.followed
    start = Replanned.unmended(followed, followed, step_s)

    def rest(share: float) -> None:
        report(FOLLOW_SHARE + (1.0 - FOLLOW_SHARE) * share)

    if sway is not None:
        stand, control = sway(followed)
        legs = leg_columns(stand.robot)
        if before is None:
            start = Replanned.unmended(control, followed, step_s)
        else:
            start = before.over(control, legs)
        carried = (*moving, *legs)
        bodies = Bodies.of(stand.robot, wanted.stand_rad, carried, config.minimum_clearance_m)
        bodies = bodies.between(moving)
    return repair(start, wanted, bodies, stand, used, config, rest, second)


def _followed(
    wanted: Wanted,
    limits: JointLimits,
    bodies: Bodies,
    step_s: float,
    report: Callable[[float], None],
    second: SecondProcess | None,
) -> FloatArray:
    """Return control points (N, J) of every group following its own targets."""
    control = wanted.control.copy()
    # Arms last, so that they give way to where the head and the hands really are, and each
    # on a core of its own: where they come near each other is left to the repair.
    arms = [part for part in wanted.parts if part.name in ARMS]
    others = [part for part in wanted.parts if part.name not in ARMS]
    for parts in (others, arms):
        jobs = [(part, limits, control, bodies, step_s) for part in parts]
        points = side_by_side(second, _follow, jobs, [len(part.columns) for part in parts])
        for part, found in zip(parts, points, strict=True):
            control[:, part.columns] = found
        report(0.1 if parts is others else FOLLOW_SHARE)
    return control


def _follow(
    part: Part, limits: JointLimits, control: FloatArray, bodies: Bodies, step_s: float
) -> FloatArray:
    """Return control points of one group under its limits; ``control`` holds all joints.

    A long dance is followed piece by piece, so that an hour takes no more memory than some
    minutes. Each piece ends at rest, and the next one takes its last seconds back.
    """
    points, posture = len(part.control), part.control[0]
    result = part.control.copy()
    done = 0
    while done < points:
        first = max(done - OVERLAP_POINTS, 0)
        last = points if points - done < 1.5 * PIECE_POINTS else done + PIECE_POINTS
        piece = part.cut(first, last)
        start = piece.control.copy()
        if first > 0:
            start[:REST_POINTS] = result[first : first + REST_POINTS]
        if last < points:
            start[-REST_POINTS:] = posture
        # What was found so far, then rest: legal, should nothing better be found.
        legal = np.concatenate([result[first:done], np.tile(posture, (last - done, 1))])
        result[first:last] = _follow_piece(
            replace(piece, control=start), legal, limits, control[first:last], bodies, step_s
        )
        done = last
    return result


def _follow_piece(
    part: Part,
    at_rest: FloatArray,
    limits: JointLimits,
    control: FloatArray,
    bodies: Bodies,
    step_s: float,
) -> FloatArray:
    names = tuple(limits.names[column] for column in part.columns)
    rows = limit_rows(limits.of(names), len(part.control), step_s)
    free = free_points(len(part.control))
    start: FloatArray = part.control
    terms: list[Term] = list(part.terms)
    if len(part.columns) > 2:
        everywhere = np.arange(len(control) - 3)
        for price in FOLLOW_PRICES:
            clear = ClearanceTerm(
                bodies,
                part.columns,
                control,
                everywhere,
                per_step=FOLLOW_CHECKS,
                margin_m=MARGIN_M,
                weight=price,
            )
            terms = [*part.terms, clear]
            start = minimise_in_box(start, terms, rows, free, rounds=BOX_ROUNDS)
    result = minimise(start, terms, rows, free, rounds=FOLLOW_ROUNDS, legal=False)
    if result is start:  # the very first program failed: begin at rest
        result = minimise(at_rest, terms, rows, free, rounds=FOLLOW_ROUNDS)
        if result is at_rest:
            raise InfeasibleDance(
                f"no motion of {', '.join(names)} within the limits was found from 0 s on; "
                "please report the dance"
            )
    return result
