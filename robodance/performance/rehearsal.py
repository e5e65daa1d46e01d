"""A plan rehearsed under a disturbance, piece by piece.

After every piece the whole state is kept: the physical world, and what is under way to the
motors. From there a rehearsal can go on again, in another process too, and comes out to the
bit as one that was never stopped. So a plan that was changed from some moment on need only be
rehearsed from shortly before it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np

from robodance.config import SimulationConfig
from robodance.performance.backends.simulation import PyBulletSimulation
from robodance.performance.conductor import FALLEN_HEIGHT_SHARE, executed_curve
from robodance.performance.disturbances import (
    Body,
    Disturbance,
    DisturbedSimulation,
    PyBulletBody,
    UnderWay,
)
from robodance.performance.inertial_feedback import Answered, InertialFeedback, Sensing, Stabilised
from robodance.performance.trial import FALLEN_RAD, Piece, judge_piece
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, Plan

__all__ = ["PIECE_S", "Kept", "Rehearsal", "Score"]

PIECE_S = 2.0


@dataclass(frozen=True)
class Kept:
    """Where a rehearsal was, and all that it takes to go on from there.

    Attributes:
        step: Physics steps since the beginning of the plan.
        leans: Whether the torso leaned too far.
        world: The physical state, compressed.
        under_way: Commands on their way to the motors.
        answered: What the inertial feedback was doing.
    """

    step: int
    leans: bool
    world: bytes = field(repr=False)
    under_way: UnderWay = field(repr=False)
    answered: Answered = field(repr=False)


class Score:
    """A plan as a simulation needs it; several rehearsals may share one.

    Args:
        plan: The plan.
        robot: Its robot.
        config: Settings of the simulation.

    Attributes:
        plan: The plan.
        steps: Physics steps from its beginning to its end.
        targets: Shape (steps + 1, J), the executed curve at each of them.
        lowest_m: Shape (steps + 1,), torso heights below which the robot has fallen.
        feedback: What ankles and hips answer; None where they do not.
    """

    def __init__(self, plan: Plan, robot: RobotModel, config: SimulationConfig) -> None:
        period = 1.0 / config.physics_rate_hz
        self.plan = plan
        self.steps = int(np.floor(plan.duration_s / period + 1e-6))
        times = plan.times_s[0] + np.minimum(period * np.arange(self.steps + 1), plan.duration_s)
        self.targets: FloatArray = executed_curve(plan)(times)
        heights = np.interp(times, plan.times_s, plan.torso_pose[:, 2])
        self.lowest_m: list[float] = (FALLEN_HEIGHT_SHARE * heights).tolist()
        weighs = config.weight_shift
        feedback = InertialFeedback(plan, robot, period, config.servo_lag_s, weighs=weighs)
        self.feedback = feedback if config.inertial_feedback and feedback.active else None


class Rehearsal:
    """A robot under a disturbance that can go back to where it was.

    Args:
        robot: What the plans are made for.
        config: Settings of the simulation.
        disturbance: What is different.
        allowed_rad: Tilt error that still counts as standing.
    """

    def __init__(
        self,
        robot: RobotModel,
        config: SimulationConfig,
        disturbance: Disturbance,
        allowed_rad: float,
    ) -> None:
        def opened(weak: RobotModel, changed: SimulationConfig) -> tuple[Sensing, Body]:
            self._simulation = PyBulletSimulation(weak, changed)
            return self._simulation, PyBulletBody(self._simulation)

        self._disturbed = DisturbedSimulation(robot, config, disturbance, opened)
        self._robot = Stabilised(self._disturbed, config.servo_lag_s, weighs=config.weight_shift)
        self._delay_s, self._allowed_rad = disturbance.known_delay_s, allowed_rad
        self._score: Score | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the world."""
        self._robot.__exit__(kind, error, trace)

    def on(self, score: Score, kept: Kept | None, until: int) -> Iterator[tuple[Piece, Kept]]:
        """Go on with a plan; gives each piece, and where it ended.

        Args:
            score: The plan.
            kept: From where; None: take the start, once in a rehearsal's life.
            until: Step at which to end, or earlier with a fall.
        """
        if score is not self._score:
            self._disturbed.preflight(score.plan)
            self._score = score
        self._robot.feedback = score.feedback
        plan = score.plan
        if kept is None:
            self._robot.take_start(plan.positions_rad[0], plan.torso_pose[0])
            step, leans, answered = 0, False, Answered()
        else:
            self._simulation.world.restore(zlib.decompress(kept.world))
            self._disturbed.under_way = kept.under_way
            step, leans, answered = kept.step, kept.leans, kept.answered
        each = round(PIECE_S / self._robot.period_s)
        while step < until:
            if score.feedback is not None:
                score.feedback.answered = answered
            last = min((step // each + 1) * each, until)
            piece = self._piece(score, step, last, leans)
            step, leans = last, piece.leans
            if score.feedback is not None:
                answered = score.feedback.answered
            world = zlib.compress(self._simulation.world.save(), 1)
            yield piece, Kept(step, leans, world, self._disturbed.under_way, answered)
            if piece.fell_s is not None:
                return

    def _piece(self, score: Score, first: int, last: int, leant: bool) -> Piece:
        """Simulate some steps, at least one, or fewer with a fall."""
        robot, world, targets = self._robot, self._simulation.world, score.targets
        times: list[float] = []
        poses: list[FloatArray] = []
        fell_s = None
        start_s = score.plan.times_s[0]
        for step in range(first, last + 1):
            if step > first:
                robot.move(targets[step - 1], targets[step])
            if step % robot.observe_every == 0 or step == score.steps:
                if step == first > 0:
                    continue  # the piece before has seen it
                pose = world.pose()
                times.append(min(start_s + step * robot.period_s, score.plan.times_s[-1]))
                poses.append(pose)
                if _fallen(pose, score.lowest_m[step]) or world.touching():
                    fell_s = times[-1]
                    break
        return judge_piece(
            score.plan,
            np.array(times),
            np.array(poses),
            self._delay_s,
            self._allowed_rad,
            fell_s=fell_s,
            leant=leant,
        )


def _fallen(pose: FloatArray, lowest_m: float) -> bool:
    """Whether a torso leans over too far, or is too low."""
    x, y = float(pose[3]), float(pose[4])
    return 1.0 - 2.0 * (x * x + y * y) < float(np.cos(FALLEN_RAD)) or pose[2] < lowest_m
