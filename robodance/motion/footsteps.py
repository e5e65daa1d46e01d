"""The robot's steps: where its feet tread.

Which foot steps when is chosen by ``step_schedule.py``. Where it comes down follows the dancer's
feet as seen from the pelvis until the next step, inside what NAO's own walk allows; feet turn
with the dancer, one at a time and never pigeon-toed. The robot has an audience: it looks as far
to the side as the dancer does, never away, and stays on its stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from robodance.motion.footwork import Footwork
from robodance.motion.step_schedule import (
    BETWEEN_S,
    CLOSING_SWING_S,
    SETTLING_S,
    Swing,
    room_for_feet,
)
from robodance.motion.timing import Timeline
from robodance.values import FloatArray

__all__ = ["Step", "choose_steps"]

LIFT_M = 0.02
LIFT_PER_S2 = 0.06  # of the swing's time squared: what knees can speed up
TURN_RAD = float(np.radians(20.0))  # the walk of NAOqi: MaxStepTheta is 0.349
ASIDE_RAD = 1.0  # from its audience at most, for a dancer's quarter turn; spins lead no further
BEFORE_S, AFTER_S = 0.2, 0.12
"""A place on the floor is seen for longer than the foot stands on it: so much before it is down,
and after the next foot has left."""
STAGE_M = 0.25  # from where it began; beyond, steps lead back
HOMEWARDS, HOMEWARDS_M = 0.5, 0.04  # by this share of what is beyond, at most so far each
ASTRAY_M, ASTRAY_RAD = 0.25, TURN_RAD
"""From where the whole dance would be; beyond, a calmed one finds its own way."""
LEAST_SHARE = 0.5  # a step that is asked for less than this is left out
SAME_M, SAME_RAD = 0.002, 0.01


@dataclass(frozen=True)
class Step:
    """One foot goes from where it is to another place.

    Attributes:
        side: ``left`` or ``right``.
        leave: Knot at which it leaves the floor.
        land: Knot at which it is down.
        position_m: Shape (2,), where it comes down, origin of the foot's frame, world.
        yaw_rad: Where it points to then.
        lift_m: How high it goes in between.
    """

    side: str
    leave: int
    land: int
    position_m: FloatArray = field(repr=False)
    yaw_rad: float
    lift_m: float


@dataclass(frozen=True)
class _Chosen:
    """A step that is danced: the foot, its knots, and the share of it that is asked for.

    Where the whole dance is known, ``led`` is how it leads there.
    """

    side: str
    leave: int
    land: int
    share: float = 1.0
    led: _Lead | None = None


@dataclass(frozen=True)
class _Lead:
    """How a step turns, and leads back to the stage.

    Attributes:
        from_m: Shape (2,), how far from the middle of the stage the feet are before.
        from_rad: How far from its audience the robot has turned before.
        apart_m: Shape (2,), how much further apart it brings them.
        turn_rad: How far the robot should turn.
    """

    from_m: FloatArray = field(repr=False)
    from_rad: float
    apart_m: FloatArray = field(repr=False)
    turn_rad: float


def choose_steps(
    swings: Sequence[Swing],
    feet: Footwork,
    timeline: Timeline,
    stance_m: dict[str, FloatArray],
    calm: FloatArray,
) -> tuple[Step, ...]:
    """Return a dance's steps.

    Where less is asked for, the steps that remain turn and lead home as they do in the whole
    dance; so what comes after a calmer passage stays the same dance, on another place of the
    floor.

    Args:
        swings: Which foot steps when, in the whole dance (``step_schedule.schedule``).
        feet: The dancer's feet.
        timeline: Robot time.
        stance_m: Side to (2,), where the feet stand at first, both pointing along x.
        calm: Shape (K,), share of the motion that is asked for at the knots.
    """
    chosen = [_Chosen(swing.side, swing.leave, swing.land) for swing in swings]
    steps, leads = _placed(chosen, feet, timeline, stance_m)
    if (calm >= 1.0).all():
        return steps
    led = zip(chosen, leads, strict=True)
    asked = [_asked(replace(step, led=lead), calm) for step, lead in led]
    asked = [step for step in asked if step.share >= LEAST_SHARE]
    return _placed(asked, feet, timeline, stance_m)[0]


def _asked(step: _Chosen, calm: FloatArray) -> _Chosen:
    share = float(calm[step.leave : step.land + 1].min())
    return replace(step, share=share)


def _placed(
    chosen: list[_Chosen], feet: Footwork, timeline: Timeline, stance_m: dict[str, FloatArray]
) -> tuple[tuple[Step, ...], list[_Lead]]:
    """Return steps with places: relative to the foot that stands, as the dancer's feet are.

    Beside them, how each (but the closing one) leads.
    """
    places = {side: np.array(place) for side, place in stance_m.items()}
    yaws = dict.fromkeys(places, 0.0)
    home, stage = stance_m["left"] - stance_m["right"], _middle(stance_m)
    steps: list[Step] = []
    leads: list[_Lead] = []
    for number, step in enumerate(chosen):
        until = chosen[number + 1].leave if number + 1 < len(chosen) else step.land + 10
        away, before = _middle(places) - stage, sum(yaws.values()) / 2.0
        turn = _turn(step, before, feet, timeline)
        yaw = _turned(step.side, yaws, step.share * turn)
        heading = (yaw + yaws[_other(step.side)]) / 2.0
        leads.append(_Lead(away, before, _homewards(step, away, heading), turn))
        aim = room_for_feet(_apart(feet, timeline, step.land, until) + home + leads[-1].apart_m)
        present = _rotated(places["left"] - places["right"], -heading)
        place = _tread(step.side, places, heading, present + step.share * (aim - present))
        seconds = (step.land - step.leave) * timeline.step_s
        lift = step.share * min(LIFT_M, LIFT_PER_S2 * seconds**2)
        steps.append(Step(step.side, step.leave, step.land, place, yaw, lift))
        places[step.side], yaws[step.side] = place, yaw
    return (*steps, *_closing(steps, places, yaws, home, timeline)), leads


def _turn(step: _Chosen, before_rad: float, feet: Footwork, timeline: Timeline) -> float:
    """Return how far a step should turn the robot, which looks ``before_rad`` to the left."""
    if step.led is not None and abs(before_rad - step.led.from_rad) <= ASTRAY_RAD:
        return step.led.turn_rad
    front, now = (_heading_at(feet, timeline, knot) for knot in (0, step.land))
    return float(np.clip(_aside(now - front) - before_rad, -TURN_RAD, TURN_RAD))


def _aside(turned_rad: float) -> float:
    """Return how far aside a robot looks when its dancer has turned so far."""
    return float(ASIDE_RAD * np.sin(turned_rad))


def _homewards(step: _Chosen, away_m: FloatArray, heading_rad: float) -> FloatArray:
    """Return how much further apart (2,) a step brings the feet to stay on the stage."""
    if step.led is not None and np.linalg.norm(away_m - step.led.from_m) <= ASTRAY_M:
        return step.led.apart_m
    distance = float(np.linalg.norm(away_m))
    if distance <= STAGE_M:
        return np.zeros(2)
    back = min(HOMEWARDS * (distance - STAGE_M), HOMEWARDS_M)
    out = 1.0 if step.side == "left" else -1.0
    return -out * back * _rotated(away_m / distance, -heading_rad)


def _closing(
    steps: list[Step],
    places: dict[str, FloatArray],
    yaws: dict[str, float],
    home: FloatArray,
    timeline: Timeline,
) -> tuple[Step, ...]:
    """Return the step that brings the feet back to how they stood, if one is needed."""
    if not steps:
        return ()
    step_s = timeline.step_s
    side = _other(steps[-1].side)
    yaw = yaws[_other(side)]
    place = _tread(side, places, yaw, home)
    if np.linalg.norm(place - places[side]) < SAME_M and abs(yaw - yaws[side]) < SAME_RAD:
        return ()
    swing = round(CLOSING_SWING_S / step_s)
    latest = timeline.knots - 1 - round(SETTLING_S / step_s)
    leave = max(
        min(timeline.danced_knots[1], latest - swing), steps[-1].land + round(BETWEEN_S / step_s)
    )
    return (Step(side, leave, leave + swing, place, yaw, LIFT_M),)


def _turned(side: str, yaws: dict[str, float], wanted_rad: float) -> float:
    """Return where a foot may point: with its toes out against the other's, never in."""
    out = 1.0 if side == "left" else -1.0
    open_rad = np.clip(out * wanted_rad, 0.0, TURN_RAD)
    return float(yaws[_other(side)] + out * open_rad)


def _tread(
    side: str, places: dict[str, FloatArray], heading_rad: float, apart_m: FloatArray
) -> FloatArray:
    """Return where a foot comes down so that the feet are ``apart_m`` (2,) in the heading."""
    out = 1.0 if side == "left" else -1.0
    return np.asarray(places[_other(side)] + out * _rotated(apart_m, heading_rad))


def _apart(feet: Footwork, timeline: Timeline, land: int, until: int) -> FloatArray:
    """Return how the dancer's feet are apart, on average, while a step's place is seen. (2,)."""
    first, last = land - BEFORE_S / timeline.step_s, until + AFTER_S / timeline.step_s
    knots = np.arange(first, max(last, first + 1.0))
    moments = timeline.music_times_s(knots * timeline.step_s)
    return np.array([np.interp(moments, feet.times_s, c).mean() for c in feet.apart_m.T])


def _heading_at(feet: Footwork, timeline: Timeline, knot: int) -> float:
    moment = timeline.music_times_s(np.array([knot * timeline.step_s]))
    return float(np.interp(moment, feet.times_s, feet.heading_rad)[0])


def _middle(places_m: dict[str, FloatArray]) -> FloatArray:
    return np.asarray(np.mean(list(places_m.values()), axis=0))


def _rotated(vector: FloatArray, angle_rad: float) -> FloatArray:
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]])


def _other(side: str) -> str:
    return "right" if side == "left" else "left"
