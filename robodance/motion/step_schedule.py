"""When the robot steps, and with which foot.

A foot comes down on the beat or half beat of a strike of the dancer's, or a little beside it
where that makes room for another step. Where there is room between strikes, a foot that the
dancer moved without striking is taken along, too, on a beat or half beat. Steps may not overlap
and need both feet on the floor between them. Of all sets of steps that allow this, the one is
danced that shows most: strikes, how far the dancer's feet are apart at every moment, and to
which side the pelvis sways, which a robot on one foot cannot choose.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from robodance.motion.footwork import Footwork, snapped
from robodance.motion.timing import Timeline
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = ["BETWEEN_S", "CLOSING_SWING_S", "SETTLING_S", "Swing", "room_for_feet", "schedule"]

SHORTEST_SWING_S, LONGEST_SWING_S = 0.44, 0.56
BETWEEN_S = 0.24  # both feet on the floor; with 0.16 a robot that rocks lifts a foot too soon
OFF_BEAT_S = 0.06  # by which a foot may come down beside its beat; 0.08 is still on it
OFF_BEAT_COST = 0.3  # a knot, of a strike: only where it makes room for another
CLOSING_SWING_S = 0.6
SETTLING_S = 0.9  # from the start of a plan to its first step, and from its last to the end
AHEAD_M = 0.08  # the walk of NAOqi: MaxStepX
APART_M = (0.095, 0.15)  # its MaxStepY is 0.16; nearer, the thighs touch
LIKE_A_STRIKE = 0.08**2 * 0.5
"""Worth a strike, in m^2 s: feet that are not 8 cm astray for half a second."""
UNSTRUCK_COST = 0.5  # of a strike: a step without one must bring the feet nearer by as much
MOVED_M = 0.02  # at the robot's size; a foot that moves less is not set anywhere
SWAYED_M = 0.03  # beside the feet's middle is the pelvis while one foot carries
HALFWAY_S = 0.3  # before it comes down a foot is halfway
LONGEST_STAND_S = 30.0  # that are looked back over, where there are steps


@dataclass(frozen=True)
class Swing:
    """A foot that leaves the floor at one knot and is down at another."""

    side: str
    leave: int
    land: int


@dataclass(frozen=True)
class _Landing:
    """A knot at which a foot could come down.

    Attributes:
        knot: Its number.
        side: ``left`` or ``right``.
        swing: Knots for which it would swing if there is room.
        worth: What it is worth by itself; of a strike: about one.
    """

    knot: int
    side: str
    swing: int
    worth: float


def room_for_feet(apart_m: FloatArray) -> FloatArray:
    """Return how far apart (..., 2) feet are brought that should be ``apart_m``."""
    nearest, farthest = zip((-AHEAD_M, AHEAD_M), APART_M, strict=True)
    return np.asarray(np.clip(apart_m, nearest, farthest))


def schedule(
    feet: Footwork, beats_s: FloatArray, timeline: Timeline, home_m: FloatArray
) -> list[Swing]:
    """Return which foot steps when.

    Args:
        feet: The dancer's feet.
        beats_s: The music's beats, on the dance's clock.
        timeline: Robot time.
        home_m: Shape (2,), how far apart the feet stand at first.
    """
    step_s = timeline.step_s
    shortest, both = round(SHORTEST_SWING_S / step_s), round(BETWEEN_S / step_s)
    first = max(timeline.danced_knots[0], round(SETTLING_S / step_s))
    settled = round((SETTLING_S + CLOSING_SWING_S + BETWEEN_S) / step_s)
    last = min(timeline.danced_knots[1], timeline.knots - 1 - settled)
    fit = _Fit(feet, timeline, home_m)
    landings = [
        replace(landing, worth=landing.worth + fit.sway_worth(landing))
        for found in (_struck(feet, beats_s, timeline), _unstruck(feet, beats_s, timeline))
        for landing in found
        if first + shortest <= landing.knot <= last
    ]
    landings.sort(key=lambda landing: landing.knot)
    result: list[Swing] = []
    for landing in _worthiest(landings, shortest + both, fit):
        earliest = result[-1].land + both if result else first
        leave = max(landing.knot - landing.swing, earliest)
        result.append(Swing(landing.side, leave, landing.knot))
    return result


def _struck(feet: Footwork, beats_s: FloatArray, timeline: Timeline) -> Iterator[_Landing]:
    """Yield where strikes could be shown."""
    step_s = timeline.step_s
    shortest, longest = round(SHORTEST_SWING_S / step_s), round(LONGEST_SWING_S / step_s)
    off_beat = max(OFF_BEAT_S / step_s, 0.5)
    moments = snapped(np.array([strike.moment_s for strike in feet.strikes]), beats_s)
    aims = timeline.map.robot_times(moments) / step_s
    began = timeline.map.robot_times(np.array([s.left_floor_s for s in feet.strikes])) / step_s
    for strike, aim, start in zip(feet.strikes, aims, began, strict=True):
        for knot in range(math.ceil(aim - off_beat), math.floor(aim + off_beat) + 1):
            swing = int(np.clip(knot - start, shortest, longest))
            yield _Landing(knot, strike.side, swing, 1.0 - _off_beat_cost(float(knot - aim)))


def _off_beat_cost(knots: float) -> float:
    """Return what it costs to land so far from a beat; the nearest knot is on it."""
    return OFF_BEAT_COST * max(abs(knots) - 0.5, 0.0)


def _unstruck(feet: Footwork, beats_s: FloatArray, timeline: Timeline) -> Iterator[_Landing]:
    """Yield where a foot could come down that the dancer has moved, strike or no strike."""
    swing = round(SHORTEST_SWING_S / timeline.step_s)
    knots = np.arange(swing, timeline.danced_knots[1] + 1)
    knots = knots[_on_grid(knots, beats_s, timeline)]
    after, before = (
        np.stack([
            [np.interp(moments, feet.times_s, axis) for axis in foot.T]
            for foot in feet.ankles_m.transpose(1, 0, 2)
        ])
        for moments in (_moments(knots, timeline), _moments(knots - swing, timeline))
    )
    moved = np.linalg.norm(after - before, axis=1)  # (2, knots)
    for knot, (left, right) in zip(knots.tolist(), moved.T, strict=True):
        if max(left, right) > MOVED_M:
            yield _Landing(knot, "left" if left > right else "right", swing, -UNSTRUCK_COST)


def _on_grid(knots: IntArray, beats_s: FloatArray, timeline: Timeline) -> BoolArray:
    """Return which knots are those nearest to beats and half beats; all without beats."""
    moments = _moments(knots, timeline)
    grid = timeline.map.robot_times(snapped(moments, beats_s)) / timeline.step_s
    return np.asarray(np.abs(grid - knots) <= 0.5)


def _moments(knots: IntArray, timeline: Timeline) -> FloatArray:
    return timeline.music_times_s(np.asarray(knots * timeline.step_s, dtype=np.float64))


class _Fit:
    """How well a robot's feet and its sway over them show a dancer's.

    Worth is what less the ankles are astray of the dancer's, relative to the pelvis, than those
    of a robot that stands where it began. Squares of what feet are further apart count once;
    of a sway, which moves both ankles by twice as much each, four times.
    """

    def __init__(self, feet: Footwork, timeline: Timeline, home_m: FloatArray) -> None:
        moments = timeline.music_times_s(timeline.knot_times_s)
        apart, sway = (
            np.stack([np.interp(moments, feet.times_s, column) for column in columns])
            for columns in (feet.apart_m.T, [feet.sway_m])
        )
        self._apart_m, self._sway_m = (_summed(columns) for columns in (apart, sway))
        self._home_m, self._unit = home_m, LIKE_A_STRIKE / timeline.step_s
        self.step_s = timeline.step_s
        self.halfway = round(HALFWAY_S / timeline.step_s)
        self.end = timeline.danced_knots[1]

    def apart_worth(self, first: IntArray, last: int) -> FloatArray:
        """Return what feet are worth that stay between knots, first (N,) to last."""
        count = np.maximum(last - first, 0)[:, None]
        total = self._apart_m[last] - self._apart_m[np.minimum(first, last)]
        apart = room_for_feet(total / np.maximum(count, 1) + self._home_m) - self._home_m
        return np.asarray((apart * (2.0 * total - count * apart)).sum(axis=1) / self._unit)

    def sway_worth(self, landing: _Landing) -> float:
        """Return what it is worth to sway over the other foot until a foot is down."""
        swayed = SWAYED_M if landing.side == "right" else -SWAYED_M
        first, last = max(landing.knot - landing.swing, 0), landing.knot
        total = float(self._sway_m[last, 0] - self._sway_m[first, 0])
        return 4.0 * swayed * (2.0 * total - (last - first) * swayed) / self._unit


def _summed(columns: FloatArray) -> FloatArray:
    """Return sums over all knots before each, (K + 1, n), of columns (n, K)."""
    return np.vstack([np.zeros(len(columns)), np.cumsum(columns.T, axis=0)])


def _worthiest(landings: list[_Landing], apart: int, fit: _Fit) -> list[_Landing]:
    """Return the landings that are worth most together, at least ``apart`` knots apart.

    From landing to landing, each with the best that can come before it (weighted interval
    scheduling, with a worth of what is between two).
    """
    if not landings:
        return []
    knots = [landing.knot for landing in landings]
    halfway = np.array(knots) - fit.halfway
    look_back = round(LONGEST_STAND_S / fit.step_s)
    best, before = np.zeros(len(knots)), np.full(len(knots), -1)
    for number, landing in enumerate(landings):
        until = bisect_right(knots, landing.knot - apart)
        best[number] = landing.worth
        if until:
            since = bisect_left(knots, knots[until - 1] - look_back)
            came = best[since:until] + fit.apart_worth(halfway[since:until], int(halfway[number]))
            chosen = int(came.argmax())
            if came[chosen] > 0.0:
                best[number] += came[chosen]
                before[number] = since + chosen
    whole = best + fit.apart_worth(halfway, fit.end)
    number = int(whole.argmax()) if whole.max() > 0.0 else -1
    result = []
    while number >= 0:
        result.append(landings[number])
        number = int(before[number])
    return result[::-1]
