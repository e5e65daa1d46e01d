"""From rest into the dance's first state and from its last state to rest.

Ruckig (Berscheid and Kroeger, "Jerk-limited real-time trajectory generation with arbitrary
target states", RSS 2021) joins two states, all joints arriving together, with bounded
jerk. Its path is what the planner follows where nobody dances: in the lead-in and the
lead-out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import ruckig

from robodance.errors import InfeasibleDance
from robodance.motion.limits import JointLimits
from robodance.values import FloatArray, frozen_array

__all__ = ["State", "Transition", "at_rest", "transition"]

JERK_PER_ACCELERATION_PER_S = 20.0  # full acceleration is reached in 50 ms
HASTE = 3.0  # times the share of the limits that would just do if they scaled like time
CALMEST = 0.1
EFFORT_SAMPLES = 60
TINY = 1e-6
DIGITS = 6  # of a state that count
STATE_SHARE = 0.9  # of the limits that a state may use, so that it can be reached at all


@dataclass(frozen=True)
class State:
    """Where n joints are and how they move at one moment.

    Attributes:
        position_rad: Shape (n,).
        velocity_rad_s: Shape (n,).
        acceleration_rad_s2: Shape (n,).
    """

    position_rad: FloatArray = field(repr=False)
    velocity_rad_s: FloatArray = field(repr=False)
    acceleration_rad_s2: FloatArray = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("position_rad", "velocity_rad_s", "acceleration_rad_s2"):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))

    def within(self, limits: JointLimits) -> State:
        """Return the nearest state that the limits can hold."""
        speed = STATE_SHARE * limits.velocity_rad_s
        push = STATE_SHARE * limits.acceleration_rad_s2
        velocity = np.clip(self.velocity_rad_s, -speed, speed)
        jerk = JERK_PER_ACCELERATION_PER_S * limits.acceleration_rad_s2
        # While an acceleration fades at full jerk the speed still changes by a^2 / (2 j).
        room = np.sqrt(2.0 * jerk * (limits.velocity_rad_s - np.abs(velocity)))
        push = np.minimum(push, STATE_SHARE * room)
        return State(
            np.clip(self.position_rad, *limits.position_rad.T),
            velocity,
            np.clip(self.acceleration_rad_s2, -push, push),
        ).settled()

    def settled(self) -> State:
        """Return the state without its rounding, which ruckig trips over and would enlarge."""
        return State(
            np.round(self.position_rad, DIGITS),
            np.round(self.velocity_rad_s, DIGITS),
            np.round(self.acceleration_rad_s2, DIGITS),
        )


@dataclass(frozen=True)
class Transition:
    """A jerk-limited way from one state to another.

    Attributes:
        duration_s: How long it takes.
        shortest_s: How long it would take at the limits.
    """

    duration_s: float
    shortest_s: float
    path: ruckig.Trajectory = field(repr=False)

    @property
    def effort(self) -> float:
        """Mean squared acceleration of all joints."""
        push = self.at(np.linspace(0.0, self.duration_s, EFFORT_SAMPLES), 2)
        return float((push**2).mean())

    def at(self, times_s: FloatArray, derivative: int = 0) -> FloatArray:
        """Return positions, or their derivative of order 1 or 2, since its beginning. (T, n)."""
        inside = np.clip(times_s, 0.0, self.duration_s)
        return np.array([self.path.at_time(float(t))[derivative] for t in inside])


def at_rest(position_rad: FloatArray) -> State:
    """Return the state of joints that do not move."""
    still = np.zeros(len(position_rad))
    return State(position_rad, still, still)


def transition(
    start: State, goal: State, limits: JointLimits, duration_s: float | None = None
) -> Transition:
    """Return the way from one state to another.

    Args:
        start: Within the limits.
        goal: Within the limits.
        limits: Of speed and acceleration; jerk is limited to reach full acceleration in
            50 ms.
        duration_s: How long it should take; it takes longer where the limits need that, and
            is as short as possible in the rare case that no way takes just so long. None: as
            short as possible.

    Raises:
        InfeasibleDance: There is none; cannot happen for states within the limits.
    """
    start, goal, path = _quickest(start, goal, limits)
    quickest = Transition(path.duration, path.duration, path)
    if duration_s is None or path.duration >= duration_s:
        return quickest
    # Hasty limits mean a dash and a wait, calm ones a long swing back to gather speed. The
    # share follows from the durations smoothly: equal dances are to have equal ways in.
    share = float(np.clip(HASTE * path.duration / duration_s, CALMEST, 1.0))
    way = _solved(start, goal, limits, share, duration_s)
    if way is None or way.duration > duration_s * (1.0 + TINY):
        return quickest  # some durations cannot be had exactly: there is time to wait
    return Transition(duration_s, path.duration, way)


def _quickest(
    start: State, goal: State, limits: JointLimits
) -> tuple[State, State, ruckig.Trajectory]:
    """Return the shortest way and the states it joins.

    Ruckig rarely finds none where motion is next to nothing; then the states give up their
    acceleration, and at last their speed.
    """
    for kept in ((1.0, 1.0), (1.0, 0.0), (0.0, 0.0)):
        ends = [
            State(
                state.position_rad,
                kept[0] * state.velocity_rad_s,
                kept[1] * state.acceleration_rad_s2,
            )
            for state in (start, goal)
        ]
        path = _solved(ends[0], ends[1], limits, 1.0)
        if path is not None:
            return ends[0], ends[1], path
    raise InfeasibleDance(
        f"no way between two states of {', '.join(limits.names)} was found; please report the dance"
    )


def _solved(
    start: State,
    goal: State,
    limits: JointLimits,
    share: float,
    duration_s: float | None = None,
) -> ruckig.Trajectory | None:
    """Return the shortest way with limits scaled as if time ran slower, by ``1 / share``.

    What the two states need is always allowed. None: ruckig found none.
    """
    joints = len(limits.names)
    top = limits.velocity_rad_s
    both = [
        (np.abs(state.velocity_rad_s), np.abs(state.acceleration_rad_s2)) for state in (start, goal)
    ]
    # While an acceleration fades the speed still changes; that must not carry it too far.
    needed = [push**2 / (2.0 * STATE_SHARE * (top - speed)) for speed, push in both]
    jerk = JERK_PER_ACCELERATION_PER_S * limits.acceleration_rad_s2
    jolt = np.maximum(share**3 * jerk, np.maximum(*needed))
    peaks = [speed + push**2 / (2.0 * jolt) for speed, push in both]
    pushes = np.maximum(both[0][1], both[1][1])
    push = np.maximum(share**2 * limits.acceleration_rad_s2, pushes)
    speed = np.maximum(share * top, np.maximum(*peaks) * (1.0 + TINY))
    question = ruckig.InputParameter(joints)
    question.current_position = start.position_rad.tolist()
    question.current_velocity = start.velocity_rad_s.tolist()
    question.current_acceleration = start.acceleration_rad_s2.tolist()
    question.target_position = goal.position_rad.tolist()
    question.target_velocity = goal.velocity_rad_s.tolist()
    question.target_acceleration = goal.acceleration_rad_s2.tolist()
    question.max_velocity = speed.tolist()
    question.max_acceleration = push.tolist()
    question.max_jerk = jolt.tolist()
    question.synchronization = ruckig.Synchronization.Time
    if duration_s is not None:
        question.minimum_duration = duration_s
    answer = ruckig.Trajectory(joints)
    try:
        ruckig.Ruckig(joints).calculate(question, answer)
    except ruckig.RuckigError:
        return None
    return answer
