"""The simulation: a plan performed by a free-standing robot in PyBullet."""

from __future__ import annotations

import time
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from robodance.config import SimulationConfig
from robodance.errors import PreflightRefused
from robodance.performance.backend import Observation
from robodance.performance.bullet import pybullet
from robodance.performance.window import Window
from robodance.performance.world import World
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, Plan

__all__ = ["PyBulletSimulation"]

SETTLE_S = 1.0  # standing still before robot time begins, until the contacts carry the load


class PyBulletSimulation:
    """A simulated robot, free to fall.

    Args:
        robot: Its description; the URDF is loaded as it is.
        config: Rates, solver, motors, friction, window.

    Raises:
        UsageError: A window is asked for, but there is no display.
    """

    name = "simulation"

    def __init__(self, robot: RobotModel, config: SimulationConfig) -> None:
        self.robot = robot
        self.period_s = 1.0 / config.physics_rate_hz
        self.observe_every = round(config.physics_rate_hz / config.log_rate_hz)
        self._config = config
        self._window = Window(robot) if config.gui else None
        self.world = World(robot, config)
        self._next_wall_s: float | None = None

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
        self.world.close()
        if self._window is not None:
            self._window.close()

    def preflight(self, plan: Plan) -> None:
        """Check that the plan is for this robot.

        Raises:
            PreflightRefused: It moves other joints.
        """
        if plan.joint_names != self.robot.joint_names:
            raise PreflightRefused(
                f"the plan is for other joints than {self.robot.name} has; plan again with "
                f"--robot-model {self.robot.name}"
            )

    def take_start(self, positions_rad: FloatArray, torso_pose: FloatArray) -> None:
        """Put the robot there and let it stand for a second."""
        self.world.put(positions_rad, torso_pose)
        for _ in range(round(SETTLE_S / self.period_s)):
            self.move(positions_rad, positions_rad)

    def move(self, before_rad: FloatArray, after_rad: FloatArray) -> None:
        """Simulate one physics step."""
        self.world.step(before_rad, after_rad)
        if self._window is not None:
            self._wait()
            if self._window.due:
                seen = self.world.observe()
                self._window.show(seen.measured_rad, seen.torso_pose)

    def torso_turn(self) -> FloatArray:
        """Return the trunk's orientation, a quaternion (4,), world."""
        return self.world.turn()

    def pressure_m(self) -> FloatArray | None:
        """Return the middle (2,) of the floor's pressure, world; None: there is none."""
        return self.world.pressure_m()

    def observe(self) -> Observation:
        """Read joints, torso and floor contacts."""
        return self.world.observe()

    def rest(self) -> None:
        """Nothing to do: a simulated robot is always safe."""

    def metadata(self) -> dict[str, Any]:
        """Return the settings, and the version of the physics."""
        return {
            **asdict(self._config),
            "observations_per_s": 1.0 / (self.period_s * self.observe_every),
            "pybullet": pybullet.getAPIVersion(),
        }

    def _wait(self) -> None:
        """Let wall time catch up with the simulation's."""
        now = time.monotonic()
        if self._next_wall_s is None or now > self._next_wall_s + 1.0:
            self._next_wall_s = now
        self._next_wall_s += self.period_s
        time.sleep(max(0.0, self._next_wall_s - now))
