"""What may be wrong with a robot or its floor: a plan has to stand on them all the same.

Each disturbance is one number or two of the simulated world. They act on the body and on
the commands, in whichever physics; the plan knows nothing of them. A seed varies what is
left open: when pushes come and from where, and to which side floor and weight are off.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.config import SimulationConfig
from robodance.performance.backend import Observation
from robodance.performance.backends.simulation import PyBulletSimulation
from robodance.performance.bullet import pybullet
from robodance.performance.felt import heading_of
from robodance.performance.inertial_feedback import Sensing
from robodance.performance.world import BASE
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, Plan

__all__ = [
    "DISTURBANCES",
    "FIXED",
    "TOGETHER",
    "Body",
    "Disturbance",
    "DisturbedSimulation",
    "Physics",
    "Pushes",
    "UnderWay",
    "in_pybullet",
    "pushes_of",
]

GRAVITY_M_S2 = 9.81
FIRST_PUSH_S, PUSH_EVERY_S, PUSH_S, PUSH_DIRECTIONS = 3.0, 4.0, 0.1, 8
EARLIEST_PUSH_S, PUSH_GAPS_S = 2.0, (3.0, 5.0)  # with a seed
ON_ONE_FOOT = 0.5  # share of a push that a robot gets while one foot carries it
FORWARD_LEFT_RAD = np.pi / 4.0


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
        floor_tilt_rad: The floor leans forward and to the left by this angle in all; with a
            seed, to any side.
        com_error_m: The weight pulls as if the robot's centre of mass were this far ahead in
            its body; with a seed, to any side of it.
        backlash_rad: Play between a motor and its joint.
        push_ns: Pushes on the torso in double support, of ``PUSH_S``; half of it while one
            foot carries the robot. ``pushes_of`` says when and from where.
        side_rad: To which side of forward floor and weight are both off; None: as the seed has it.
        seed: Varies what is left open; 0: always the same.
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
    side_rad: float | None = None
    seed: int = 0

    @property
    def known_delay_s(self) -> float:
        """How much later than planned the robot is bound to be."""
        return self.delay_s + (self.lag_s or 0.0)


_ALONE: dict[str, Disturbance] = {
    "pushes": Disturbance(push_ns=1.0),
    "lag": Disturbance(delay_s=0.04, lag_s=0.04),
    "torque": Disturbance(torque_share=0.8),
    "tilt": Disturbance(floor_tilt_rad=float(np.radians(2.0))),
    "heavier": Disturbance(mass_share=1.1),
    "friction": Disturbance(friction=0.4),
    "com": Disturbance(com_error_m=0.01),
    "backlash": Disturbance(backlash_rad=float(np.radians(1.5))),
}

_AT_ONCE = Disturbance(
    mass_share=1.1,
    torque_share=0.8,
    friction=0.4,
    delay_s=0.04,
    lag_s=0.04,
    floor_tilt_rad=float(np.radians(2.0)),
    com_error_m=0.01,
    backlash_rad=float(np.radians(1.5)),
    push_ns=1.0,
)

TOGETHER: dict[str, Disturbance] = {
    "together": _AT_ONCE,
    "together_left": replace(_AT_ONCE, side_rad=np.pi / 2.0, seed=101),
    "together_back": replace(_AT_ONCE, side_rad=np.pi, seed=102),
    "together_right": replace(_AT_ONCE, side_rad=-np.pi / 2.0, seed=103),
}
"""All of them at once, floor and weight off to four sides."""

FIXED: dict[str, Disturbance] = {
    **{name: _ALONE[name] for name in ("pushes", "lag", "com", "backlash")},
    **TOGETHER,
}
"""The eight that a plan is verified with. Under one of the others alone a robot leans hardly more
than undisturbed; they are in ``TOGETHER``."""

DISTURBANCES: dict[str, Disturbance] = {
    "nominal": Disturbance(),
    **_ALONE,
    "lighter": Disturbance(mass_share=0.9),
    **TOGETHER,
}
"""Name to disturbance."""


@dataclass(frozen=True)
class Pushes:
    """When a robot is pushed, and from where.

    Attributes:
        times_s: Shape (P,), robot time at which each begins.
        directions_rad: Shape (P,), to which side of the world it pushes; 0 is forward.
    """

    times_s: FloatArray = field(repr=False)
    directions_rad: FloatArray = field(repr=False)

    def at(self, time_s: float) -> float | None:
        """Return the direction of the push at a moment; None: there is none."""
        number = int(np.searchsorted(self.times_s, time_s, side="right")) - 1
        if number < 0 or time_s - self.times_s[number] >= PUSH_S:
            return None
        return float(self.directions_rad[number])


def pushes_of(seed: int, duration_s: float) -> Pushes:
    """Return the pushes of a performance.

    Args:
        seed: 0: one every four seconds, from eight directions in turn; else moments, and the
            order of the directions, are drawn.
        duration_s: Of the performance.
    """
    if seed == 0:
        times = np.arange(FIRST_PUSH_S, duration_s, PUSH_EVERY_S)
        return Pushes(times, _eighths(np.arange(len(times))))
    rng = np.random.default_rng(seed)
    most = int(duration_s / PUSH_GAPS_S[0]) + 1
    times = EARLIEST_PUSH_S + np.cumsum(rng.uniform(*PUSH_GAPS_S, size=most)) - PUSH_GAPS_S[0]
    rounds = [rng.permutation(PUSH_DIRECTIONS) for _ in range(most // PUSH_DIRECTIONS + 1)]
    directions = _eighths(np.concatenate(rounds)[:most]) + rng.uniform(0.0, np.pi / 4.0)
    return Pushes(times[times < duration_s], directions[times < duration_s])


def _eighths(numbers: Any) -> FloatArray:
    return np.asarray(2.0 * np.pi * (numbers % PUSH_DIRECTIONS) / PUSH_DIRECTIONS)


class Body(Protocol):
    """What a disturbance needs of a simulated robot, beside moving and seeing it."""

    def set_gravity(self, acceleration_m_s2: FloatArray) -> None:
        """Let everything fall that way, (3,), world."""
        ...

    def scale_masses(self, share: float) -> None:
        """Make every mass and inertia so many times what it is."""
        ...

    def pull(self, force_n: FloatArray, moment_nm: FloatArray) -> None:
        """Act on the torso's centre of mass during the next physics step, (3,) each, world."""
        ...


Physics = Callable[[RobotModel, SimulationConfig], tuple[Sensing, Body]]
"""Opens a simulated robot in some physics."""


class PyBulletBody:
    """The body of a ``PyBulletSimulation``; a ``Body``."""

    def __init__(self, simulation: PyBulletSimulation) -> None:
        self._client, self._body = simulation.world.client, simulation.world.body

    def set_gravity(self, acceleration_m_s2: FloatArray) -> None:
        """Let everything fall that way."""
        pybullet.setGravity(*acceleration_m_s2.tolist(), physicsClientId=self._client)

    def scale_masses(self, share: float) -> None:
        """Make every mass and inertia so many times what it is."""
        for link in range(BASE, pybullet.getNumJoints(self._body, physicsClientId=self._client)):
            known = pybullet.getDynamicsInfo(self._body, link, physicsClientId=self._client)
            pybullet.changeDynamics(
                self._body,
                link,
                mass=share * known[0],
                localInertiaDiagonal=[share * part for part in known[2]],
                physicsClientId=self._client,
            )

    def pull(self, force_n: FloatArray, moment_nm: FloatArray) -> None:
        """Act on the torso during the next physics step."""
        world = {"flags": pybullet.WORLD_FRAME, "physicsClientId": self._client}
        if force_n.any():
            at = pybullet.getBasePositionAndOrientation(self._body, physicsClientId=self._client)[0]
            pybullet.applyExternalForce(self._body, BASE, force_n.tolist(), at, **world)
        if moment_nm.any():
            pybullet.applyExternalTorque(self._body, BASE, moment_nm.tolist(), **world)


def in_pybullet(robot: RobotModel, config: SimulationConfig) -> tuple[Sensing, Body]:
    """Open a robot in PyBullet."""
    simulation = PyBulletSimulation(robot, config)
    return simulation, PyBulletBody(simulation)


@dataclass(frozen=True)
class UnderWay:
    """What is on its way to the motors.

    Attributes:
        late: Commands that have not come yet, before and after each step.
        behind: Where the joints are, with their play; None: as commanded.
        steps: Physics steps so far.
    """

    late: tuple[tuple[FloatArray, FloatArray], ...] = ()
    behind: FloatArray | None = None
    steps: int = 0


class DisturbedSimulation:
    """A simulated robot that is not quite the planned one; a ``Backend``.

    Args:
        robot: What the plan was made for.
        config: Settings of the simulation.
        disturbance: What is different.
        physics: In which it is simulated.
    """

    name = "simulation"

    def __init__(
        self,
        robot: RobotModel,
        config: SimulationConfig,
        disturbance: Disturbance,
        physics: Physics = in_pybullet,
    ) -> None:
        self.robot = robot
        self._what = disturbance
        weak = replace(robot, effort_limits_nm=disturbance.torque_share * robot.effort_limits_nm)
        if disturbance.friction is not None:
            config = replace(config, friction=disturbance.friction)
        if disturbance.lag_s is not None:
            config = replace(config, servo_lag_s=disturbance.lag_s)
        self._inner, self._body = physics(weak, config)
        self.period_s, self.observe_every = self._inner.period_s, self._inner.observe_every
        self._late: deque[tuple[FloatArray, FloatArray]] = deque()
        self._behind: FloatArray | None = None
        self._steps = 0
        self._plan: Plan | None = None
        self._pushes = pushes_of(disturbance.seed, 0.0)
        self._off_rad = _off_to(disturbance)
        self._upright: tuple[float, ...] | None = None  # a quaternion
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
        """Check that the plan is for this robot; note when which foot carries it."""
        self._inner.preflight(plan)
        self._plan = plan
        self._pushes = pushes_of(self._what.seed, plan.duration_s)

    def take_start(self, positions_rad: FloatArray, torso_pose: FloatArray) -> None:
        """Put the robot there and let it stand, disturbed as it is, but for pushes."""
        self._inner.take_start(positions_rad, torso_pose)
        waiting = round(self._what.delay_s / self.period_s)
        self.under_way = UnderWay(((positions_rad, positions_rad),) * waiting, positions_rad)

    @property
    def under_way(self) -> UnderWay:
        """What is on its way to the motors; setting it lets them go on with that."""
        return UnderWay(tuple(self._late), self._behind, self._steps)

    @under_way.setter
    def under_way(self, what: UnderWay) -> None:
        self._late, self._behind, self._steps = deque(what.late), what.behind, what.steps

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

    def torso_turn(self) -> FloatArray:
        """Return the trunk's orientation, a quaternion (4,), as if the floor were level.

        An inertial unit does not know how the floor lies; here gravity is what leans.
        """
        turn = self._inner.torso_turn()
        if self._upright is None:
            return turn
        return np.array(_turned_by(self._upright, turn.tolist()))

    def pressure_m(self) -> FloatArray | None:
        """Return the middle (2,) of the floor's pressure, world; None: there is none."""
        return self._inner.pressure_m()

    def observe(self) -> Observation:
        """Read joints, torso and floor contacts."""
        return self._inner.observe()

    def rest(self) -> None:
        """Nothing to do."""

    def metadata(self) -> dict[str, Any]:
        """Return the settings of the simulation."""
        return self._inner.metadata()

    def _change_world(self) -> None:
        what = self._what
        if what.floor_tilt_rad:
            aside = self._off_rad[0]
            slope = np.tan(what.floor_tilt_rad)
            down = np.array([slope * np.cos(aside), slope * np.sin(aside), -1.0])
            self._body.set_gravity(GRAVITY_M_S2 * down / np.linalg.norm(down))
            level = np.array([-np.sin(aside), np.cos(aside), 0.0])  # of the slope's lines
            upright = Rotation.from_rotvec(what.floor_tilt_rad * level)
            self._upright = tuple(upright.as_quat().tolist())
        if what.mass_share != 1.0:
            self._body.scale_masses(what.mass_share)

    def _with_play(self, after_rad: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Follow a motor only where it takes the joint along."""
        before = after_rad if self._behind is None else self._behind
        half = self._what.backlash_rad / 2.0
        self._behind = np.clip(before, after_rad - half, after_rad + half)
        return before, self._behind

    def _pull(self) -> None:
        """Push, and turn the torso by what a displaced centre of mass would weigh."""
        what, now = self._what, self._steps * self.period_s
        if not what.com_error_m and not what.push_ns:
            return
        force, moment = np.zeros(3), np.zeros(3)
        if what.com_error_m:
            aside = self._off_rad[1] + heading_of(*self._inner.torso_turn().tolist())
            size = what.com_error_m * self.robot.mass_kg * GRAVITY_M_S2
            moment[:2] = -size * np.sin(aside), size * np.cos(aside)
        angle = self._pushes.at(now) if what.push_ns else None
        if angle is not None:
            size = what.push_ns / PUSH_S * (ON_ONE_FOOT if self._on_one_foot(now) else 1.0)
            force[:2] = size * np.cos(angle), size * np.sin(angle)
        if force.any() or moment.any():
            self._body.pull(force, moment)

    def _on_one_foot(self, now_s: float) -> bool:
        """Whether one foot carries the robot now, as late as it is bound to be."""
        if self._plan is None:
            return False
        plan = self._plan
        since = now_s - self._what.known_delay_s
        sample = int(np.searchsorted(plan.times_s, plan.times_s[0] + since, side="right")) - 1
        return bool(plan.support[max(sample, 0)])


def _turned_by(first: Sequence[float], then: Sequence[float]) -> tuple[float, ...]:
    """Return the product of two quaternions: ``then``, and ``first`` after it.

    It is asked for at every step: SciPy's takes many times as long, PyBullet's is rounded.
    """
    (a, b, c, d), (x, y, z, w) = first, then
    return (
        d * x + a * w + b * z - c * y,
        d * y - a * z + b * w + c * x,
        d * z + a * y - b * x + c * w,
        d * w - a * x - b * y - c * z,
    )


def _off_to(what: Disturbance) -> tuple[float, float]:
    """Return to which side the floor leans, and to which the weight is off."""
    if what.side_rad is not None:
        return what.side_rad, what.side_rad
    if what.seed == 0:
        return FORWARD_LEFT_RAD, 0.0
    sides = np.random.default_rng([what.seed, 1]).uniform(0.0, 2.0 * np.pi, size=2)
    return float(sides[0]), float(sides[1])
