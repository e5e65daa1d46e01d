"""What the arms and the head do while nobody dances: on the way in and on the way out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robodance.motion.limits import JointLimits
from robodance.motion.spline import REST_POINTS, Spline
from robodance.motion.timing import Timeline
from robodance.motion.transition import State, at_rest, transition
from robodance.values import FloatArray

__all__ = ["Leads", "leads_of"]

REST_KNOTS = REST_POINTS - 2  # knots at either end that the spline's rest holds in place


@dataclass(frozen=True)
class Leads:
    """Jerk-limited ways into a dance and out of it.

    Attributes:
        reference: Shape (K, n): the ways in the lead-in and the lead-out, the motion itself
            in between.
        shortest_s: How long the two would take at the limits.
    """

    reference: FloatArray = field(repr=False)
    shortest_s: tuple[float, float]


def leads_of(
    control: FloatArray, posture: FloatArray, timeline: Timeline, limits: JointLimits
) -> Leads:
    """Return the ways from rest into a motion and from it to rest.

    Args:
        control: Shape (K + 2, n), the motion.
        posture: Shape (n,), where it rests.
        timeline: Where the dance begins and ends.
        limits: Of these joints; what may be used.
    """
    curve = Spline(control, timeline.step_s)
    knots = np.arange(timeline.knots, dtype=np.float64)
    first, last = timeline.danced_knots
    moments = timeline.knot_times_s[[first, last]]
    still = np.zeros(len(posture))  # accelerations at the joint are left to the planner
    states = [
        State(curve.at(moments[[i]])[0], curve.at(moments[[i]], 1)[0], still).within(limits)
        for i in range(2)
    ]
    rest = at_rest(posture)
    room = np.array([first, timeline.knots - 1 - last]) - REST_KNOTS
    seconds = room * timeline.step_s
    entry = transition(rest, states[0], limits, seconds[0])
    leave = transition(states[1], rest, limits, seconds[1])
    reference = curve.at(timeline.knot_times_s)
    # A way that is too long for its lead begins in its middle; the caller makes room.
    since_start = entry.duration_s + timeline.step_s * (knots[:first] - first)
    reference[:first] = entry.at(since_start)
    reference[last + 1 :] = leave.at((knots[last + 1 :] - last) * timeline.step_s)
    return Leads(
        np.clip(reference, *limits.position_rad.T),
        (
            entry.shortest_s + REST_KNOTS * timeline.step_s,
            leave.shortest_s + REST_KNOTS * timeline.step_s,
        ),
    )
