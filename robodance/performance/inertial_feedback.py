"""Ankles and hips that answer the trunk's lean, as an inertial unit measures it.

Where one foot carries the robot, small errors grow: play in the gears tilts the trunk, the
swinging foot comes down askew, and the next step begins from there. The ankles of the feet
that carry push back, and the hip of the leg that swings keeps its foot level. Both are bounded
and fade as the trunk comes back to its plan.

On planted soles nothing is added: there it gains nothing and costs torque.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.config import SimulationConfig
from robodance.performance.backend import Backend, Observation
from robodance.robots.kinematics import topological_joints
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, Plan

__all__ = ["InertialFeedback", "Sensing", "Stabilised", "stabilised"]

LEAN_GAIN = 0.2  # of an ankle's answer, per radian of lean
RATE_GAIN_S = 0.02  # per radian a second
SWING_GAIN = 0.8  # of the hip: the foot stays level
LARGEST_RAD = 0.15
FASTEST_RAD_S = 3.0
SMOOTH_S = 0.02  # of the measured rate


class InertialFeedback:
    """What is added to a plan's commands.

    Args:
        plan: The plan.
        robot: Its robot.
        period_s: Time between commands.
        lag_s: How much later than commanded the motors are known to be.
    """

    def __init__(self, plan: Plan, robot: RobotModel, period_s: float, lag_s: float) -> None:
        self._period_s = period_s
        self._late = round(lag_s / period_s)
        times = np.arange(0.0, plan.duration_s + period_s, period_s) + plan.times_s[0]
        planned = _leans(plan.torso_pose)
        self._planned = np.stack([np.interp(times, plan.times_s, c) for c in planned.T], axis=1)
        row = np.searchsorted(plan.times_s, times, side="right").clip(1, len(plan.times_s)) - 1
        self._support = np.asarray(plan.support)[row]
        self.active = bool(self._support.any())
        self._ankles, self._hips = _columns(robot)
        self._low, self._high = (np.asarray(b) for b in plan.position_limits_rad.T)
        self._step = 0
        self._lean: FloatArray | None = None
        self._rate = np.zeros(2)
        self.added_rad = np.zeros(len(robot.joint_names))

    def answer(self, torso_turn: FloatArray) -> FloatArray:
        """Return what to add to the next command, (J,) rad.

        Args:
            torso_turn: Quaternion (4,) of the trunk now, world.
        """
        now = min(self._step, len(self._planned) - 1)
        lean = _leans(torso_turn[None])[0] - self._planned[max(now - self._late, 0)]
        if self._lean is not None:
            share = min(self._period_s / SMOOTH_S, 1.0)
            self._rate += share * ((lean - self._lean) / self._period_s - self._rate)
        self._lean, self._step = lean, self._step + 1
        wanted = np.zeros_like(self.added_rad)
        push = np.clip(LEAN_GAIN * lean + RATE_GAIN_S * self._rate, -LARGEST_RAD, LARGEST_RAD)
        level = np.clip(SWING_GAIN * lean, -LARGEST_RAD, LARGEST_RAD)
        for number, side in ((1, "left"), (2, "right")):
            if self._support[now] in {0, number}:
                wanted[self._ankles[side]] = push
            else:
                wanted[self._hips[side]] = -level
        most = FASTEST_RAD_S * self._period_s
        self.added_rad = self.added_rad + np.clip(wanted - self.added_rad, -most, most)
        return self.added_rad

    def within(self, command_rad: FloatArray) -> FloatArray:
        """Return a command inside the joints' ranges."""
        return np.asarray(np.clip(command_rad, self._low, self._high))


def _leans(poses: FloatArray) -> FloatArray:
    """Return roll and pitch of poses (T, 7) or quaternions (T, 4), in their heading. (T, 2)."""
    angles = Rotation.from_quat(poses[:, -4:]).as_euler("ZYX")
    return np.asarray(angles[:, [2, 1]])


def _columns(robot: RobotModel) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Return the columns of roll and pitch of each side's ankle, and of its hip."""
    ankles, hips = {}, {}
    for side, foot in robot.feet.items():
        chain = topological_joints(robot, [foot])
        by_axis = [
            [robot.index(joint.name) for joint in chain if abs(joint.axis[k]) > 0.99]
            for k in (0, 1)
        ]
        ankles[side] = [columns[-1] for columns in by_axis]
        hips[side] = [columns[0] for columns in by_axis]
    return ankles, hips


@runtime_checkable
class Sensing(Backend, Protocol):
    """A backend that feels how its trunk is turned, at every command."""

    def torso_turn(self) -> FloatArray:
        """Return the trunk's orientation, a quaternion (4,), world."""
        ...


class Stabilised:
    """A backend whose ankles and hips answer its trunk's lean; a ``Backend``.

    Args:
        inner: Who dances.
        lag_s: How much later than commanded its motors are known to be.
    """

    def __init__(self, inner: Sensing, lag_s: float) -> None:
        self.name, self.robot = inner.name, inner.robot
        self.period_s, self.observe_every = inner.period_s, inner.observe_every
        self._inner, self._lag_s = inner, lag_s
        self._feedback: InertialFeedback | None = None

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
        made = InertialFeedback(plan, self.robot, self.period_s, self._lag_s)
        self._feedback = made if made.active else None

    def take_start(self, positions_rad: FloatArray, torso_pose: FloatArray) -> None:
        """Leave it to the inner one."""
        self._inner.take_start(positions_rad, torso_pose)

    def move(self, before_rad: FloatArray, after_rad: FloatArray) -> None:
        """Move along the curve for one period, with what the lean asks for."""
        answer = self._feedback
        if answer is None:
            self._inner.move(before_rad, after_rad)
            return
        before = answer.within(before_rad + answer.added_rad)
        after = answer.within(after_rad + answer.answer(self._inner.torso_turn()))
        self._inner.move(before, after)

    def observe(self) -> Observation:
        """Return what can be seen now."""
        return self._inner.observe()

    def rest(self) -> None:
        """Leave the robot safe."""
        self._inner.rest()

    def metadata(self) -> dict[str, Any]:
        """Return settings and versions for the log."""
        return {**self._inner.metadata(), "inertial_feedback": self._feedback is not None}


def stabilised(backend: Backend, config: SimulationConfig) -> Backend:
    """Return a backend with this feedback, where it feels its trunk and the settings want it."""
    if config.inertial_feedback and isinstance(backend, Sensing):
        return Stabilised(backend, config.servo_lag_s)
    return backend
