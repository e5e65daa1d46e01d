"""The simulated robot a second time: MuJoCo, from the same URDF.

The same in words as ``robodance.performance.world``: bodies and inertias of the file, free to
fall; motors of first order with the configured time constant, a feed-forward of the mean
velocity of each period, the documented speed and effort as their limits; contact between the
floor and everything, and between those parts of the body that can meet. MuJoCo has no motor
that is a constraint, so a motor is a stiff servo of velocity with a rotor just heavy enough
for one step of it not to overshoot. Nothing here was tuned beyond standing for a minute.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import combinations
from types import TracebackType
from typing import Any, Self

import mujoco
import numpy as np

from robodance.config import SimulationConfig
from robodance.errors import PreflightRefused
from robodance.performance.backend import Observation
from robodance.robots.description import convex_hull
from robodance.robots.model import RobotModel
from robodance.robots.stability import stability_margin
from robodance.values import FloatArray, Plan

__all__ = ["MuJoCoRobot", "in_mujoco", "on_firm_floor"]

GRAVITY_M_S2 = 9.81
STEPS_PER_PERIOD = 8  # of 1/240 s: contacts and stiff motors want half a millisecond
FULL_EFFORT_RAD_S = 0.25  # error of speed at which a motor gives its all: 0.36 degrees of angle
SETTLE_S = 1.0  # as in PyBullet
TOUCH_N = 0.5
SOFT_S, FIRM_S = 0.02, 0.005
"""Time constant of contacts: MuJoCo's own, with which soles sink in by a fifth of a millimetre and
creep under a body that sways, and a firm floor's."""
FLOOR = "floor"


class MuJoCoRobot:
    """A simulated robot, free to fall; a ``Backend``, and the ``Body`` that is disturbed.

    Args:
        robot: Its description; the URDF is loaded as it is.
        config: Rates, motors and friction; PyBullet's solver iterations do not count here.
        contact_s: Time constant of contacts.
    """

    name = "mujoco"

    def __init__(
        self, robot: RobotModel, config: SimulationConfig, contact_s: float = SOFT_S
    ) -> None:
        self.robot = robot
        self.period_s = 1.0 / config.physics_rate_hz
        self.observe_every = round(config.physics_rate_hz / config.log_rate_hz)
        self._config = config
        self.model = _model(robot, config, self.period_s / STEPS_PER_PERIOD, contact_s)
        self.data = mujoco.MjData(self.model)
        names = [joint.name for joint in robot.joints]
        self._columns = np.array([robot.index(name) for name in names])
        self._places = np.array([self.model.joint(name).qposadr[0] for name in names])
        self._speeds = np.array([self.model.joint(name).dofadr[0] for name in names])
        self._torso = self.model.body(robot.base_link).id
        self._feet = {side: self.model.body(foot).id for side, foot in robot.feet.items()}
        self._commanded = np.zeros(len(robot.joint_names))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    def preflight(self, plan: Plan) -> None:
        """Check that the plan is for this robot.

        Raises:
            PreflightRefused: It moves other joints.
        """
        if plan.joint_names != self.robot.joint_names:
            raise PreflightRefused(f"the plan is for other joints than {self.robot.name} has")

    def take_start(self, positions_rad: FloatArray, torso_pose: FloatArray) -> None:
        """Put the robot there and let it stand for a second."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:3] = torso_pose[:3]
        self.data.qpos[3:7] = np.roll(torso_pose[3:], 1)  # MuJoCo: w first
        self.data.qpos[self._places] = positions_rad[self._columns]
        for _ in range(round(SETTLE_S / self.period_s)):
            self.move(positions_rad, positions_rad)

    def move(self, before_rad: FloatArray, after_rad: FloatArray) -> None:
        """Simulate one period, the way along the curve in even parts."""
        limits = self.robot.velocity_limits_rad_s[self._columns]
        begin, end = before_rad[self._columns], after_rad[self._columns]
        forward = (end - begin) / self.period_s
        for part in range(STEPS_PER_PERIOD):
            target = begin + (end - begin) * part / STEPS_PER_PERIOD
            behind = target - self.data.qpos[self._places]
            speed = forward + behind / self._config.servo_lag_s
            self.data.ctrl[:] = np.clip(speed, -limits, limits)
            mujoco.mj_step(self.model, self.data)
        self.data.xfrc_applied[self._torso] = 0.0
        self._commanded = after_rad

    def torso_turn(self):
        """Return the trunk's orientation, a quaternion (4,), world."""
        return np.roll(self.data.qpos[3:7], -1)

    def pressure_m(self):
        """Return the middle (2,) of the floor's pressure, world; None: there is none."""
        points, forces, _bodies = self._on_floor()
        return forces @ points / forces.sum() if forces.sum() >= TOUCH_N else None

    def observe(self) -> Observation:
        """Read joints, torso and floor contacts."""
        measured = np.array(self._commanded)  # hands have no body to move
        measured[self._columns] = self.data.qpos[self._places]
        torques = np.zeros(len(measured))
        torques[self._columns] = self.data.actuator_force
        points, forces, bodies = self._on_floor()
        feet = set(self._feet.values())
        touching = sorted({self.model.body(body).name for body in bodies if body not in feet})
        return Observation(
            measured_rad=measured,
            torques_nm=torques,
            torso_pose=np.concatenate([self.data.qpos[:3], np.roll(self.data.qpos[3:7], -1)]),
            zmp_margin_m=self._zmp_margin(points, forces, bodies),
            touching=tuple(touching),
        )

    def rest(self) -> None:
        """Nothing to do."""

    def metadata(self) -> dict[str, Any]:
        """Return the settings, and the version of the physics."""
        return {
            **asdict(self._config),
            "mujoco": mujoco.__version__,
            "full_effort_rad_s": FULL_EFFORT_RAD_S,
        }

    def set_gravity(self, acceleration_m_s2: FloatArray) -> None:
        """Let everything fall that way."""
        self.model.opt.gravity[:] = acceleration_m_s2

    def scale_masses(self, share: float) -> None:
        """Make every mass and inertia so many times what it is."""
        self.model.body_mass[:] *= share
        self.model.body_inertia[:] *= share
        mujoco.mj_setConst(self.model, self.data)

    def pull(self, force_n: FloatArray, moment_nm: FloatArray) -> None:
        """Act on the torso's centre of mass during the next period."""
        self.data.xfrc_applied[self._torso] = np.concatenate([force_n, moment_nm])

    def _on_floor(self) -> tuple[FloatArray, FloatArray, list[int]]:
        """Return where the floor pushes (N, 2), how strongly (N,), and the bodies."""
        floor, points, forces, bodies = self.model.geom(FLOOR).id, [], [], []
        wrench = np.zeros(6)
        for number in range(self.data.ncon):
            contact = self.data.contact[number]
            if floor not in contact.geom:
                continue
            other = contact.geom[0] if contact.geom[1] == floor else contact.geom[1]
            mujoco.mj_contactForce(self.model, self.data, number, wrench)
            points.append(contact.pos[:2].copy())
            forces.append(wrench[0])
            bodies.append(int(self.model.geom_bodyid[other]))
        return np.reshape(points, (-1, 2)), np.array(forces), bodies

    def _zmp_margin(self, points: FloatArray, forces: FloatArray, bodies: list[int]) -> float:
        """Where the floor's force acts, against the hull of the soles that carry it."""
        if forces.sum() < TOUCH_N:
            return 0.0
        carried = {
            side: forces[[body == foot for body in bodies]].sum()
            for side, foot in self._feet.items()
        }
        corners = [self._sole(side) for side, force in carried.items() if force > TOUCH_N]
        if not corners:
            return 0.0
        zmp = forces @ points / forces.sum()
        return float(stability_margin(zmp[None], convex_hull(np.concatenate(corners)))[0])

    def _sole(self, side: str) -> FloatArray:
        outline, foot = self.robot.soles_m[side], self._feet[side]
        sole = np.column_stack([outline, np.full(len(outline), -self.robot.sole_height_m)])
        turn = self.data.xmat[foot].reshape(3, 3)
        return (sole @ turn.T + self.data.xpos[foot])[:, :2]


def in_mujoco(robot: RobotModel, config: SimulationConfig) -> tuple[MuJoCoRobot, MuJoCoRobot]:
    """Open a robot in MuJoCo: its backend, and its body; a ``Physics``."""
    opened = MuJoCoRobot(robot, config)
    return opened, opened


def on_firm_floor(robot: RobotModel, config: SimulationConfig) -> tuple[MuJoCoRobot, MuJoCoRobot]:
    """Likewise, with contacts that yield less."""
    opened = MuJoCoRobot(robot, config, FIRM_S)
    return opened, opened


def _model(
    robot: RobotModel, config: SimulationConfig, step_s: float, contact_s: float
) -> mujoco.MjModel:
    spec = mujoco.MjSpec.from_file(str(robot.urdf))
    spec.option.timestep = step_s
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0  # MuJoCo's own advice against creeping contacts
    spec.option.gravity = [0.0, 0.0, -GRAVITY_M_S2]
    spec.body(robot.base_link).add_freejoint()
    for geom in spec.geoms:
        geom.friction[0] = config.friction
    floor = spec.worldbody.add_geom(
        name=FLOOR, type=mujoco.mjtGeom.mjGEOM_PLANE, size=[5.0, 5.0, 0.1]
    )
    floor.friction[0] = config.friction  # MuJoCo takes the larger of two
    for geom in spec.geoms:
        geom.solref[0] = contact_s
    _leave_out(spec, robot)
    for follower, leader in robot.mirrored_joints.items():
        together = spec.add_equality(type=mujoco.mjtEq.mjEQ_JOINT, name1=follower, name2=leader)
        together.data[:5] = [0.0, 1.0, 0.0, 0.0, 0.0]
    for joint in robot.joints:
        effort = float(robot.effort_limits_nm[robot.index(joint.name)])
        spec.joint(joint.name).armature = effort / FULL_EFFORT_RAD_S * step_s
        motor = spec.add_actuator(
            name=joint.name, target=joint.name, trntype=mujoco.mjtTrn.mjTRN_JOINT
        )
        motor.gaintype, motor.biastype = mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtBias.mjBIAS_AFFINE
        stiffness = effort / FULL_EFFORT_RAD_S
        motor.gainprm[0], motor.biasprm[2] = stiffness, -stiffness
        motor.forcelimited, motor.forcerange = 1, [-effort, effort]
    return spec.compile()


def _leave_out(spec: Any, robot: RobotModel) -> None:
    """Let parts of the body meet only where they can, as in PyBullet's world."""
    capsules = robot.capsules
    meeting = {frozenset((capsules[i].link, capsules[k].link)) for i, k in robot.collision_pairs}
    for first, second in combinations([link.name for link in robot.links], 2):
        if frozenset((first, second)) not in meeting:
            spec.add_exclude(bodyname1=first, bodyname2=second)
