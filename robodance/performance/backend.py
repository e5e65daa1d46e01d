"""Where a dance is performed: one protocol, one table of names.

A backend owns a robot, simulated or real, and its clock. The conductor tells it where to
be at which moment of robot time; the backend lets that time pass, as fast as it can or in
real time, and says what it sees.
"""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self, cast

from robodance.config import NaoqiConfig, SimulationConfig
from robodance.errors import UsageError
from robodance.robots.model import RobotModel, advice
from robodance.values import FloatArray, Plan

__all__ = ["BACKENDS", "Backend", "Observation", "open_backend"]

BACKENDS = {
    "simulation": "robodance.performance.backends.simulation:PyBulletSimulation",
    "naoqi": "robodance.performance.backends.naoqi:NaoqiRobot",
}
"""Name to ``module:class``; the module is imported when the backend is opened."""


@dataclass(frozen=True)
class Observation:
    """What a backend sees of its robot at one moment.

    Attributes:
        measured_rad: Shape (J,).
        torques_nm: Shape (J,), what the motors give; NaN where nobody knows.
        torso_pose: Shape (7,), world, x y z qx qy qz qw of the torso frame.
        zmp_margin_m: Distance of the measured ZMP to the edge of the support; 0 in the air.
        touching: Links other than the feet that touch the floor.
        late_s: How much later than the end of the period it was seen.
    """

    measured_rad: FloatArray = field(repr=False)
    torques_nm: FloatArray = field(repr=False)
    torso_pose: FloatArray = field(repr=False)
    zmp_margin_m: float
    touching: tuple[str, ...]
    late_s: float = 0.0


class Backend(AbstractContextManager["Backend"], Protocol):
    """A robot that can be told what to do.

    The order of calls is ``preflight``, ``take_start``, then ``move`` and ``observe`` in
    turns, then ``rest``, which is called on every way out. As a context manager it closes
    the connection.

    Attributes:
        name: Its name in ``BACKENDS``.
        robot: The robot it moves.
        period_s: Time between two commands.
        observe_every: Commands between two observations.
    """

    name: str
    robot: RobotModel
    period_s: float
    observe_every: int

    def __enter__(self) -> Self:
        """Return itself, connected."""
        ...

    def preflight(self, plan: Plan) -> None:
        """Check that this robot can perform the plan now.

        Raises:
            PreflightRefused: It cannot; nothing has been moved.
        """
        ...

    def take_start(self, positions_rad: FloatArray, torso_pose: FloatArray) -> None:
        """Go to the start posture (J,), slowly if it is far, and wait until it is still."""
        ...

    def move(self, before_rad: FloatArray, after_rad: FloatArray) -> None:
        """Move along the curve for one period.

        Args:
            before_rad: Shape (J,), where the curve is at the beginning of the period.
            after_rad: Shape (J,), where it is at the end.
        """
        ...

    def observe(self) -> Observation:
        """Return what can be seen now."""
        ...

    def rest(self) -> None:
        """Leave the robot safe, whatever happened before."""
        ...

    def metadata(self) -> dict[str, Any]:
        """Return settings and versions for the log: plain values."""
        ...


def open_backend(
    name: str,
    robot: RobotModel,
    config: SimulationConfig | NaoqiConfig,
    *,
    song: Path | None = None,
    film: bool = False,
) -> Backend:
    """Connect to a backend; use it in a ``with`` statement.

    Args:
        name: One of ``BACKENDS``.
        robot: The robot to perform with.
        config: Settings of the backend: ``simulation`` or ``naoqi`` of the configuration.
        song: What a robot with a speaker plays; a simulation is silent.
        film: Whether a robot's own camera films the dance.

    Raises:
        UsageError: There is no such backend.
        MissingDependency: A library that it needs is not installed.
    """
    if name not in BACKENDS:
        raise UsageError(f"unknown backend {name!r}; {advice(name, BACKENDS)}")
    module, _, kind = BACKENDS[name].partition(":")
    backend = getattr(importlib.import_module(module), kind)
    more = {} if name == "simulation" else {"song": song, "film": film}
    return cast("Backend", backend(robot, config, **more))
