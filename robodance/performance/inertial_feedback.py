"""Ankles and hips that answer the trunk's lean, as an inertial unit measures it.

Where one foot carries the robot, small errors grow: play in the gears tilts the trunk, the
swinging foot comes down askew, and the next step begins from there. The ankles of the feet
that carry push back, and the hip of the leg that swings has its foot come down level and
further to where the robot leans. Both are bounded and fade as the trunk comes back to its plan.
A floor that slopes was felt before the dance (``felt``), and leaning with it is no lean. What
is off for the whole dance, such a slope or a load, the legs answer by ``weight_shift``; a robot
that faces elsewhere is turned back by its steps (``turning_back``); one that still leans on the
foot that it is to lift waits (``waiting``).

On planted soles nothing is added: there it gains nothing and costs torque.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import remainder, tau
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from robodance.config import SimulationConfig
from robodance.performance.backend import Backend, Observation
from robodance.performance.felt import (
    Felt,
    bounded,
    heading_of,
    lean_of,
    standing_steps,
    turned,
)
from robodance.performance.turning_back import TurnBack, Turned
from robodance.performance.waiting import Waited, Waiting
from robodance.performance.weight_shift import Shift, WeightShift
from robodance.robots.kinematics import topological_joints
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, Plan

__all__ = ["Answered", "InertialFeedback", "Sensing", "Stabilised", "stabilised"]

LEAN_GAIN = 0.05  # of an ankle's answer, per radian of lean
RATE_GAIN_S = 0.04  # per radian a second; what play in the gears sets rocking needs much of it
SWING_GAIN = 1.1  # of the hip: 1 keeps the leg's direction, more treads to where the robot leans
SWING_FREE_RAD = 0.01  # lean that it leaves alone: feet beside their plan are pushed over the floor
LARGEST_RAD = 0.15
FASTEST_RAD_S = 3.0
SMOOTH_S = 0.009  # of the measured rate; with more late motors rock, with less the ankles chatter


@dataclass(frozen=True)
class Answered:
    """How far a feedback has come; with this it goes on as if it had never stopped.

    Attributes:
        steps: Commands so far.
        lean_rad: Roll and pitch beside the plan, at the last one, the floor's slope included;
            None: there was none.
        rate_rad_s: How fast they change.
        added_rad: What is added to ankles and hips.
        felt: Before the dance.
        shift: How the trunk is kept beside its plan.
        turned: How far feet are turned, to face where they should.
        waited: How far the dance is behind.
    """

    steps: int = 0
    lean_rad: tuple[float, float] | None = None
    rate_rad_s: tuple[float, float] = (0.0, 0.0)
    added_rad: tuple[float, ...] = (0.0,) * 8
    felt: Felt = field(default_factory=Felt)
    shift: Shift = field(default_factory=Shift)
    turned: Turned = field(default_factory=Turned)
    waited: Waited = field(default_factory=Waited)

    @property
    def now(self) -> int:
        """Where in the plan it is: a command of the plan's."""
        return _place(self.steps, self.waited)


class InertialFeedback:
    """What is added to a plan's commands.

    Args:
        plan: The plan.
        robot: Its robot.
        period_s: Time between commands.
        lag_s: How much later than commanded the motors are known to be.
        weighs: Whether the trunk answers the soles' pressure.
    """

    def __init__(
        self,
        plan: Plan,
        robot: RobotModel,
        period_s: float,
        lag_s: float,
        *,
        weighs: bool,
    ) -> None:
        self._period_s = period_s
        self._late = round(lag_s / period_s)
        times = np.arange(0.0, plan.duration_s + period_s, period_s) + plan.times_s[0]
        turns = plan.torso_pose[:, 3:].tolist()
        planned = np.array([lean_of(*turn) for turn in turns])
        headings = np.unwrap([heading_of(*turn) for turn in turns])
        self._planned = [np.interp(times, plan.times_s, c).tolist() for c in planned.T]
        self._headings: list[float] = np.interp(times, plan.times_s, headings).tolist()
        self._standing = standing_steps(plan, period_s)
        row = np.searchsorted(plan.times_s, times, side="right").clip(1, len(plan.times_s)) - 1
        self._support: list[int] = np.asarray(plan.support)[row].tolist()
        self.active = any(self._support)
        legs = [_ankles_and_hips(robot, side) for side in ("left", "right")]
        self._columns = np.concatenate(legs)
        self._low, self._high = (np.asarray(b) for b in plan.position_limits_rad.T)
        self._joints = len(robot.joint_names)
        self._weight = WeightShift(plan, robot, period_s) if weighs and self.active else None
        self._turn = TurnBack(plan, robot, period_s) if self.active else None
        self._waiting = Waiting(plan, period_s)
        self.answered = Answered()
        self._added: FloatArray = np.zeros(self._joints)
        self._added_at: Answered | None = None

    @property
    def feels(self) -> bool:
        """Whether it wants to know where the soles press now."""
        return self._weight is not None and self.answered.steps in self._standing

    def answer(self, torso_turn: FloatArray, pressure_m: FloatArray | None = None) -> FloatArray:
        """Return what to add to the next command, (J,) rad.

        Args:
            torso_turn: Quaternion (4,) of the trunk now, against the vertical.
            pressure_m: Middle (2,) of the soles' pressure, world, where it ``feels``.
        """
        before = self.answered
        now = min(before.now, len(self._support) - 1)
        turn = torso_turn.tolist()
        heading = heading_of(*turn)
        known = max(now - self._late, 0)
        lean = [
            angle - planned[known]
            for angle, planned in zip(lean_of(*turn), self._planned, strict=True)
        ]
        rate = list(before.rate_rad_s)
        if before.lean_rad is not None:
            share = min(self._period_s / SMOOTH_S, 1.0)
            for k in (0, 1):
                fast = (lean[k] - before.lean_rad[k]) / self._period_s
                rate[k] += share * (fast - rate[k])
        felt = self._felt(lean, heading, pressure_m)
        astray = remainder(heading - self._headings[known], tau)
        meant = self._meant(felt, known, heading)
        beside = [lean[k] - meant[k] for k in (0, 1)]
        added = self._pushed(now, beside, rate)
        waited = self._waiting.after(before.waited, now, beside[0])
        passed = range(before.now + 1, _place(before.steps + 1, waited) + 1)
        self.answered = Answered(
            before.steps + 1,
            (lean[0], lean[1]),
            (rate[0], rate[1]),
            added,
            felt,
            self._shift(felt, known, astray),
            before.turned
            if self._turn is None
            else self._turn.after(before.turned, passed, astray),
            waited,
        )
        return self.added_rad

    def commanded(self, unbroken_rad: FloatArray) -> FloatArray:
        """Return the command, (J,) rad, given the plan's of a clock that never waited."""
        answered = self.answered
        planned = self._waiting.command(answered.steps, answered.waited, unbroken_rad)
        return np.asarray(np.minimum(np.maximum(planned + self.added_rad, self._low), self._high))

    def _meant(self, felt: Felt, known: int, heading: float) -> tuple[float, float]:
        """Return the lean beside the plan that is none: the floor's, less what is taken back."""
        x, y = turned(felt.floor_rad, -heading)
        if self._weight is None:
            return x, y
        back = self._weight.turned_at(known, self.answered.shift)
        by_x, by_y = turned(back, -self._headings[known])
        return x + by_x, y + by_y

    def _pushed(self, now: int, lean: list[float], rate: list[float]) -> tuple[float, ...]:
        """Return what is added to ankles and hips next, as far as they come until then."""
        push = [bounded(LEAN_GAIN * lean[k] + RATE_GAIN_S * rate[k], LARGEST_RAD) for k in (0, 1)]
        swing = [lean[k] - bounded(lean[k], SWING_FREE_RAD) for k in (0, 1)]
        level = [bounded(-SWING_GAIN * swing[k], LARGEST_RAD) for k in (0, 1)]
        wanted: list[float] = []
        for side in (1, 2):  # ankle and hip of the left leg, then of the right one
            stands = self._support[now] in {0, side}
            wanted += [*push, 0.0, 0.0] if stands else [0.0, 0.0, *level]
        most = FASTEST_RAD_S * self._period_s
        added = [
            old + bounded(new - old, most)
            for old, new in zip(self.answered.added_rad, wanted, strict=True)
        ]
        return tuple(added)

    def _felt(self, lean: list[float], heading: float, pressure_m: FloatArray | None) -> Felt:
        """Return what was felt before the dance, this moment included if it is one of those."""
        felt = self.answered.felt
        if self.answered.steps in self._standing:
            felt = felt.leaning(lean[0], lean[1], heading)
        if pressure_m is not None and self.feels:
            felt = felt.pressing(*pressure_m.tolist())
        return felt

    def _shift(self, felt: Felt, known: int, astray_rad: float) -> Shift:
        """Return how to keep the trunk beside its plan."""
        if self._weight is None:
            return Shift()
        return self._weight.against(felt, self._headings[known] - self._headings[0], astray_rad)

    @property
    def added_rad(self) -> FloatArray:
        """What is added now, (J,)."""
        if self._added_at is not self.answered:  # it is asked for twice a command
            self._added, self._added_at = self._all_added(), self.answered
        return self._added

    def _all_added(self) -> FloatArray:
        result = np.zeros(self._joints)
        result[self._columns] = self.answered.added_rad
        if self._weight is not None and self.answered.shift != Shift():
            added = self._weight.legs(self.answered.now, self.answered.shift)
            result[self._weight.columns] += added
        if self._turn is not None:
            result[self._turn.columns] += self._turn.legs(self.answered.now, self.answered.turned)
        return result


def _place(steps: int, waited: Waited) -> int:
    """Return the plan's command after so many commands."""
    return round(steps - waited.late)


def _ankles_and_hips(robot: RobotModel, side: str) -> list[int]:
    """Return the columns of roll and pitch of one side's ankle, and of its hip."""
    chain = topological_joints(robot, [robot.feet[side]])
    by_axis = [
        [robot.index(joint.name) for joint in chain if abs(joint.axis[k]) > 0.99] for k in (0, 1)
    ]
    return [columns[end] for end in (-1, 0) for columns in by_axis]


@runtime_checkable
class Sensing(Backend, Protocol):
    """A backend that feels how its trunk is turned and where its soles press."""

    def torso_turn(self) -> FloatArray:
        """Return the trunk's orientation as an inertial unit has it, where down is down.

        A quaternion (4,), world.
        """
        ...

    def pressure_m(self) -> FloatArray | None:
        """Return the middle (2,) of the floor's pressure, world; None: there is none."""
        ...


class Stabilised:
    """A backend whose ankles and hips answer its trunk's lean; a ``Backend``.

    Args:
        inner: Who dances.
        lag_s: How much later than commanded its motors are known to be.
        weighs: Whether the trunk answers the soles' pressure.

    Attributes:
        feedback: What is added; None: nothing.
    """

    def __init__(self, inner: Sensing, lag_s: float, *, weighs: bool) -> None:
        self.name, self.robot = inner.name, inner.robot
        self.period_s, self.observe_every = inner.period_s, inner.observe_every
        self._inner, self._lag_s, self._weighs = inner, lag_s, weighs
        self.feedback: InertialFeedback | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        self._inner.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave it to the inner one."""
        self._inner.__exit__(kind, error, trace)

    def preflight(self, plan: Plan) -> None:
        """Check the plan, and note what its trunk is to do."""
        self._inner.preflight(plan)
        made = InertialFeedback(plan, self.robot, self.period_s, self._lag_s, weighs=self._weighs)
        self.feedback = made if made.active else None

    def take_start(self, positions_rad: FloatArray, torso_pose: FloatArray) -> None:
        """Leave it to the inner one."""
        self._inner.take_start(positions_rad, torso_pose)

    def move(self, before_rad: FloatArray, after_rad: FloatArray) -> None:
        """Move along the curve for one period, with what the lean asks for."""
        answer = self.feedback
        if answer is None:
            self._inner.move(before_rad, after_rad)
            return
        before = answer.commanded(before_rad)
        pressure = self._inner.pressure_m() if answer.feels else None
        answer.answer(self._inner.torso_turn(), pressure)
        self._inner.move(before, answer.commanded(after_rad))

    def observe(self) -> Observation:
        """Return what can be seen now."""
        return self._inner.observe()

    def rest(self) -> None:
        """Leave the robot safe."""
        self._inner.rest()

    def metadata(self) -> dict[str, Any]:
        """Return settings and versions for the log."""
        known = {**self._inner.metadata(), "inertial_feedback": self.feedback is not None}
        if self.feedback is not None:
            known["waited_s"] = round(self.feedback.answered.waited.most * self.period_s, 3)
        return known


def stabilised(backend: Backend, config: SimulationConfig) -> Backend:
    """Return a backend with this feedback, where it feels its trunk and the settings want it."""
    if config.inertial_feedback and isinstance(backend, Sensing):
        return Stabilised(backend, config.servo_lag_s, weighs=config.weight_shift)
    return backend
