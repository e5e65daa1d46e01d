"""What may be wrong with a robot or its floor: a plan has to stand on them all the same.

Each disturbance is one number or two of the simulated world. They act on PyBullet's body
and on the commands; the plan knows nothing of them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import numpy as np

from robodance.config import SimulationConfig
from robodance.performance.backend import Observation
from robodance.performance.backends.simulation import PyBulletSimulation
from robodance.performance.bullet import pybullet
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, Plan

__all__ = ["DISTURBANCES", "FIXED", "Disturbance", "DisturbedSimulation"]

GRAVITY_M_S2 = 9.81
FIRST_PUSH_S, PUSH_EVERY_S, PUSH_S, PUSH_DIRECTIONS = 3.0, 4.0, 0.1, 8
TORSO = -1  # PyBullet's index of the base link


@dataclass(frozen=True)
class Disturbance:
    """What is different from the model.

    Attributes:
        mass_share: Every mass and inertia is this many times the model's.
        torque_share: The motors give this much of their torque.
        friction: Between soles and floor; None: as configured.
        delay_s: Commands come this much later.
        lag_s: Time constant of the motors, whose speed is then not fed forward; None: as
            configured.
        floor_tilt_rad: The floor leans forward and to the left by this angle in all.
        com_error_m: The weight pulls as if the centre of mass were this far ahead.
        backlash_rad: Play between a motor and its joint.
        push_ns: A push on the torso every four seconds, from eight directions in turn.
    """

    mass_share: float = 1.0
    torque_share: float = 1.0
    friction: float | None = None
    delay_s: float = 0.0
    lag_s: float | None = None
    floor_tilt_rad: float = 0.0
    com_error_m: float = 0.0
    backlash_rad: float = 0.0
    push_ns: float = 0.0

    @property
    def known_delay_s(self) -> float:
        """How much later than planned the robot is bound to be."""
        return self.delay_s + (self.lag_s or 0.0)


FIXED: dict[str, Disturbance] = {
    "pushes": Disturbance(push_ns=1.0),
    "lag": Disturbance(delay_s=0.04, lag_s=0.04),
    "torque": Disturbance(torque_share=0.8),
    "tilt": Disturbance(floor_tilt_rad=float(np.radians(2.0))),
    "heavier": Disturbance(mass_share=1.1),
    "friction": Disturbance(friction=0.4),
    "com": Disturbance(com_error_m=0.01),
    "backlash": Disturbance(backlash_rad=float(np.radians(1.5))),
}
"""The eight that a plan is verified with, the most telling first."""

DISTURBANCES: dict[str, Disturbance] = {
    "nominal": Disturbance(),
    **FIXED,
    "lighter": Disturbance(mass_share=0.9),
    "together": Disturbance(
        mass_share=1.1,
        torque_share=0.8,
        friction=0.4,
        delay_s=0.04,
        lag_s=0.04,
        floor_tilt_rad=float(np.radians(2.0)),
        com_error_m=0.01,
        backlash_rad=float(np.radians(1.5)),
        push_ns=0.5,
    ),
}
"""Name to disturbance."""


class DisturbedSimulation:
    """A simulated robot that is not quite the planned one; a ``Backend``.

    Args:
        robot: What the plan was made for.
        config: Settings of the simulation.
        disturbance: What is different.
    """

    name = "simulation"

    def __init__(
        self, robot: RobotModel, config: SimulationConfig, disturbance: Disturbance
    ) -> None:
        self.robot = robot
        self._what = disturbance
        weak = replace(robot, effort_limits_nm=disturbance.torque_share * robot.effort_limits_nm)
        if disturbance.friction is not None:
            config = replace(config, friction=disturbance.friction)
        if disturbance.lag_s is not None:
            config = replace(config, servo_lag_s=disturbance.lag_s)
        self._inner = PyBulletSimulation(weak, config)
        self.period_s, self.observe_every = self._inner.period_s, self._inner.observe_every
        self._client, self._body = self._inner.world.client, self._inner.world.body
        self._late: deque[tuple[FloatArray, FloatArray]] = deque()
        self._behind: FloatArray | None = None
        self._steps = 0
        self._change_world()

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
        self._inner.__exit__(kind, error, trace)

    def preflight(self, plan: Plan) -> None:
        """Check that the plan is for this robot."""
        self._inner.preflight(plan)

    def take_start(self, positions_rad: FloatArray, torso_pose: FloatArray) -> None:
        """Put the robot there and let it stand, disturbed as it is, but for pushes."""
        self._inner.take_start(positions_rad, torso_pose)
        waiting = round(self._what.delay_s / self.period_s)
        self._late.extend([(positions_rad, positions_rad)] * waiting)
        self._behind = positions_rad

    def move(self, before_rad: FloatArray, after_rad: FloatArray) -> None:
        """Simulate one physics step."""
        self._late.append((before_rad, after_rad))
        before, after = self._late.popleft()
        if self._what.backlash_rad:
            before, after = self._with_play(after)
        if self._what.lag_s is not None:
            before = after
        self._pull()
        self._inner.move(before, after)
        self._steps += 1

    def observe(self) -> Observation:
        """Read joints, torso and floor contacts."""
        return self._inner.observe()

    def rest(self) -> None:
        """Nothing to do."""

    def metadata(self) -> dict[str, Any]:
        """Return the settings of the simulation."""
        return self._inner.metadata()

    def _change_world(self) -> None:
        what, client = self._what, self._client
        lean = what.floor_tilt_rad / np.sqrt(2.0)
        down = np.array([np.tan(lean), np.tan(lean), -1.0])
        down *= GRAVITY_M_S2 / np.linalg.norm(down)
        pybullet.setGravity(*down.tolist(), physicsClientId=client)
        if what.mass_share == 1.0:
            return
        for link in range(TORSO, pybullet.getNumJoints(self._body, physicsClientId=client)):
            known = pybullet.getDynamicsInfo(self._body, link, physicsClientId=client)
            pybullet.changeDynamics(
                self._body,
                link,
                mass=what.mass_share * known[0],
                localInertiaDiagonal=[what.mass_share * part for part in known[2]],
                physicsClientId=client,
            )

    def _with_play(self, after_rad: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Follow a motor only where it takes the joint along."""
        before = after_rad if self._behind is None else self._behind
        half = self._what.backlash_rad / 2.0
        self._behind = np.clip(before, after_rad - half, after_rad + half)
        return before, self._behind

    def _pull(self) -> None:
        """Push, and turn the torso by what a displaced centre of mass would weigh."""
        what = self._what
        if what.com_error_m:
            moment = what.com_error_m * self.robot.mass_kg * GRAVITY_M_S2
            self._act(pybullet.applyExternalTorque, [0.0, moment, 0.0])
        number, since = divmod(self._steps * self.period_s - FIRST_PUSH_S, PUSH_EVERY_S)
        if what.push_ns and number >= 0 and since < PUSH_S:
            angle = 2.0 * np.pi * (number % PUSH_DIRECTIONS) / PUSH_DIRECTIONS
            force = what.push_ns / PUSH_S
            at = pybullet.getBasePositionAndOrientation(self._body, physicsClientId=self._client)[0]
            self._act(
                pybullet.applyExternalForce,
                [force * float(np.cos(angle)), force * float(np.sin(angle)), 0.0],
                at,
            )

    def _act(self, apply: Any, *vectors: Any) -> None:
        apply(self._body, TORSO, *vectors, pybullet.WORLD_FRAME, physicsClientId=self._client)
