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

JERK_PER_ACCELERATION_PER_S = 20.0  # full acceleration is reached in 50 ms, two servo cycles
HALVINGS = 12
TINY = 1e-6
NO_MOTION = 1e-6  # rad/s and rad/s^2
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
        """Return the state without motion that is only rounding, which ruckig trips over."""
        speed, push = self.velocity_rad_s, self.acceleration_rad_s2
        return State(
            self.position_rad,
            np.where(np.abs(speed) < NO_MOTION, 0.0, speed),
            np.where(np.abs(push) < NO_MOTION, 0.0, push),
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
        duration_s: How long it should take; it takes longer where the limits need that.
            None: as short as possible.

    Raises:
        InfeasibleDance: There is none; cannot happen for states within the limits.
    """
    shortest = _solved(start, goal, limits, 1.0).duration
    if duration_s is None or shortest >= duration_s:
        return Transition(shortest, shortest, _solved(start, goal, limits, 1.0))
    # The calmest way that still arrives in time: motors and eyes prefer it to a dash and a wait.
    calm, hasty = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (calm + hasty) / 2.0
        in_time = _solved(start, goal, limits, middle).duration <= duration_s
        calm, hasty = (calm, middle) if in_time else (middle, hasty)
    return Transition(duration_s, shortest, _solved(start, goal, limits, hasty, duration_s))


def _solved(
    start: State,
    goal: State,
    limits: JointLimits,
    share: float,
    duration_s: float | None = None,
) -> ruckig.Trajectory:
    """Return the shortest way with limits scaled as if time ran slower, by ``1 / share``.

    What the two states need is always allowed.
    """
    joints = len(limits.names)
    jerk = JERK_PER_ACCELERATION_PER_S * limits.acceleration_rad_s2
    speeds = np.maximum(np.abs(start.velocity_rad_s), np.abs(goal.velocity_rad_s))
    pushes = np.maximum(np.abs(start.acceleration_rad_s2), np.abs(goal.acceleration_rad_s2))
    push = np.maximum(share**2 * limits.acceleration_rad_s2, pushes / STATE_SHARE)
    jolt = np.maximum(share**3, TINY) * jerk
    jolt = np.where(pushes > 0.0, np.maximum(jolt, push**2 / limits.velocity_rad_s), jolt)
    jolt = np.minimum(jolt, jerk)
    speeds += pushes**2 / (2.0 * jolt)  # while an acceleration fades the speed still changes
    speed = np.maximum(share * limits.velocity_rad_s, speeds / STATE_SHARE)
    question = ruckig.InputParameter(joints)
    question.current_position = start.position_rad.tolist()
    question.current_velocity = start.velocity_rad_s.tolist()
    question.current_acceleration = start.acceleration_rad_s2.tolist()
    question.target_position = goal.position_rad.tolist()
    question.target_velocity = goal.velocity_rad_s.tolist()
    question.target_acceleration = goal.acceleration_rad_s2.tolist()
    question.max_velocity = np.maximum(speed, TINY).tolist()
    question.max_acceleration = np.maximum(push, TINY).tolist()
    question.max_jerk = jolt.tolist()
    question.synchronization = ruckig.Synchronization.Time
    if duration_s is not None:
        question.minimum_duration = duration_s
    answer = ruckig.Trajectory(joints)
    try:
        ruckig.Ruckig(joints).calculate(question, answer)
    except ruckig.RuckigError as error:
        raise InfeasibleDance(
            f"no way between two states of {', '.join(limits.names)} was found; please report "
            "the dance"
        ) from error
    return answer
