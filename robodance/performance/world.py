"""A robot under gravity on a floor, in PyBullet: one physical world, stepped by its owner.

Measured choices: masses and inertias come from the file (PyBullet recomputes them from
shapes otherwise); 100 solver iterations, with fewer the robot leans; the motor law is of
first order, and with the mean velocity of each period fed forward it follows a curve
without lag; commands change at every physics step, because commands held for longer
saturate the legs.
"""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np

from robodance.config import SimulationConfig
from robodance.performance.backend import Observation
from robodance.performance.bullet import pybullet
from robodance.robots.description import convex_hull
from robodance.robots.model import RobotModel
from robodance.robots.stability import stability_margin
from robodance.values import FloatArray

__all__ = ["BASE", "World", "joint_indices", "link_names", "load_body", "place", "torso_pose"]

GRAVITY_M_S2 = 9.81
TOUCH_N = 0.5  # a foot that carries less counts as lifted
AWAY_M = 5.0  # above the floor, where nothing is touched
SAME_POSE = 2e-5  # m and quaternion parts; a foot that moved less has not moved
BASE = -1  # PyBullet's index of the base link


class World:
    """A robot on a floor, free to fall.

    Args:
        robot: Its description; the URDF is loaded as it is.
        config: Rates, solver, motors, friction.

    Attributes:
        robot: The robot.
        period_s: Time of one physics step.
        client: PyBullet's number of this world.
        body: PyBullet's number of the robot in it.
        floor: PyBullet's number of the floor.
        indices: Column in ``robot.joint_names`` to PyBullet joint.
        links: PyBullet link to its name.
        feet: Side to PyBullet link of the foot.
    """

    def __init__(self, robot: RobotModel, config: SimulationConfig) -> None:
        self.robot = robot
        self.period_s = 1.0 / config.physics_rate_hz
        self._config = config
        self.client = int(pybullet.connect(pybullet.DIRECT))
        self.floor, self.body = self._build()
        self.indices = joint_indices(self.client, self.body, robot)
        self.links = link_names(self.client, self.body, robot)
        self.feet = {
            side: next(i for i, name in self.links.items() if name == foot)
            for side, foot in robot.feet.items()
        }
        self._masses = {
            index: pybullet.getDynamicsInfo(self.body, index, physicsClientId=self.client)[0]
            for index in self.links
        }
        inertial = pybullet.getDynamicsInfo(self.body, BASE, physicsClientId=self.client)
        self._to_frame = pybullet.invertTransform(inertial[3], inertial[4])
        self._feet = frozenset(self.feet.values())
        self._set_contacts()
        self._couple_mirrored()
        self._set_motors()
        self._commanded = np.zeros(len(robot.joint_names))
        self._support: tuple[FloatArray, FloatArray] | None = None

    def close(self) -> None:
        """End the world."""
        pybullet.disconnect(self.client)

    def put(self, positions_rad: FloatArray, torso_pose: FloatArray) -> None:
        """Put the robot into a posture (J,) at a world pose (7,), at rest."""
        place(self.client, self.body, torso_pose)
        for column, index in self.indices.items():
            pybullet.resetJointState(
                self.body, index, positions_rad[column], 0.0, physicsClientId=self.client
            )

    def efforts(self, strength: FloatArray, friction_nm: float) -> list[float]:
        """Return what each motor may give, for ``step``.

        Args:
            strength: Shape (J,), share of each motor's effort.
            friction_nm: What a gear holds against without its motor.
        """
        most = np.maximum(strength * self.robot.effort_limits_nm, friction_nm)
        return [float(effort) for effort in most[self._columns]]

    def step(
        self, before_rad: FloatArray, after_rad: FloatArray, *, efforts: list[float] | None = None
    ) -> None:
        """Simulate one physics step.

        Args:
            before_rad: Shape (J,), where the curve is at the beginning of the step.
            after_rad: Shape (J,), where it is at the end.
            efforts: What each motor may give, from ``efforts``; all if left out.
        """
        pybullet.setJointMotorControlArray(
            self.body,
            self._joints,
            pybullet.POSITION_CONTROL,
            targetPositions=before_rad[self._columns].tolist(),
            targetVelocities=((after_rad - before_rad) / self.period_s)[self._columns].tolist(),
            forces=self._efforts if efforts is None else efforts,
            positionGains=self._gains,
            velocityGains=self._ones,
            physicsClientId=self.client,
        )
        pybullet.stepSimulation(physicsClientId=self.client)
        self._commanded = after_rad

    def joints(self) -> tuple[FloatArray, FloatArray]:
        """Return joint angles and motor torques, each (J,); hands are where they were told."""
        measured = np.array(self._commanded)  # hands have no body to move
        torques = np.zeros(len(measured))
        states = pybullet.getJointStates(
            self.body, list(self.indices.values()), physicsClientId=self.client
        )
        for column, state in zip(self.indices, states, strict=True):
            measured[column], torques[column] = state[0], state[3]
        return measured, torques

    def pose(self) -> FloatArray:
        """Return the world pose (7,) of the torso frame."""
        at, turn = self._frame()
        return np.array([*at, *turn])

    def turn(self) -> FloatArray:
        """Return the orientation of the torso frame, a quaternion (4,), world."""
        return np.array(self._frame()[1])

    def save(self) -> bytes:
        """Return the physical state, and begin anew from it.

        What goes on from here comes out to the bit as what goes on after ``restore``.
        """
        with tempfile.TemporaryFile() as file:
            name = f"/dev/fd/{file.fileno()}"  # a file without a name leaves nothing behind
            pybullet.saveBullet(name, physicsClientId=self.client)
            state = file.read()
        self.restore(state)
        return state

    def restore(self, state: bytes) -> None:
        """Go back to a state that a world like this one was in.

        PyBullet leaves contacts in the order in which they were made before, and its solver
        stops before order does not matter; up in the air there are none.
        """
        robot = self.robot
        away = np.array([0.0, 0.0, AWAY_M, 0.0, 0.0, 0.0, 1.0])
        self.put(robot.posture(robot.standing_postures[0]), away)
        pybullet.stepSimulation(physicsClientId=self.client)
        with tempfile.TemporaryFile() as file:
            file.write(state)
            file.flush()
            pybullet.restoreState(fileName=f"/dev/fd/{file.fileno()}", physicsClientId=self.client)

    def center_of_mass(self) -> FloatArray:
        """Return the centre of mass of the whole robot, (3,), world."""
        base = pybullet.getBasePositionAndOrientation(self.body, physicsClientId=self.client)[0]
        states = pybullet.getLinkStates(
            self.body, list(self._masses)[1:], physicsClientId=self.client
        )
        centres = np.array([base, *(state[0] for state in states)])
        masses = np.array(list(self._masses.values()))
        return np.asarray(masses @ centres / masses.sum())

    def contacts(self) -> Any:
        """Return PyBullet's contact points between robot and floor."""
        return pybullet.getContactPoints(self.body, self.floor, physicsClientId=self.client)

    def observe(self) -> Observation:
        """Read joints, torso and floor contacts."""
        measured, torques = self.joints()
        contacts = self.contacts()
        return Observation(
            measured_rad=measured,
            torques_nm=torques,
            torso_pose=self.pose(),
            zmp_margin_m=self._zmp_margin(contacts),
            touching=self._named(contacts),
        )

    def touching(self) -> tuple[str, ...]:
        """Return the links other than the feet that touch the floor."""
        return self._named(self.contacts())

    def _named(self, contacts: Any) -> tuple[str, ...]:
        there = {contact[3] for contact in contacts} - self._feet
        return tuple(sorted(self.links[link] for link in there))

    def _frame(self) -> tuple[Any, Any]:
        """Return place and orientation of the torso frame."""
        position, turn = pybullet.getBasePositionAndOrientation(
            self.body, physicsClientId=self.client
        )
        place, turned = pybullet.multiplyTransforms(position, turn, *self._to_frame)
        return place, turned

    def _build(self) -> tuple[int, int]:
        client = self.client
        pybullet.setGravity(0.0, 0.0, -GRAVITY_M_S2, physicsClientId=client)
        pybullet.setPhysicsEngineParameter(
            fixedTimeStep=self.period_s,
            numSolverIterations=self._config.solver_iterations,
            deterministicOverlappingPairs=1,
            physicsClientId=client,
        )
        plane = pybullet.createCollisionShape(pybullet.GEOM_PLANE, physicsClientId=client)
        floor = pybullet.createMultiBody(0.0, plane, physicsClientId=client)
        body = load_body(client, self.robot)
        # A state is read under a name that another one had before.
        pybullet.setPhysicsEngineParameter(enableFileCaching=0, physicsClientId=client)
        return floor, body

    def _set_contacts(self) -> None:
        """Friction, no damping of the air, and contact only between bodies that can meet."""
        client, robot = self.client, self.robot
        pybullet.changeDynamics(
            self.floor, BASE, lateralFriction=1.0, restitution=0.0, physicsClientId=client
        )
        for index in self.links:
            pybullet.changeDynamics(
                self.body,
                index,
                lateralFriction=self._config.friction,
                restitution=0.0,
                jointDamping=0.0,
                physicsClientId=client,
            )
        pybullet.changeDynamics(  # these go to the base and would take friction there with them
            self.body,
            BASE,
            linearDamping=0.0,
            angularDamping=0.0,
            collisionMargin=0.0,
            physicsClientId=client,
        )
        capsules = robot.capsules
        meeting = {
            frozenset((capsules[i].link, capsules[k].link)) for i, k in robot.collision_pairs
        }
        for first, first_name in self.links.items():
            for second, second_name in self.links.items():
                if first < second:
                    pybullet.setCollisionFilterPair(
                        self.body,
                        self.body,
                        first,
                        second,
                        int(frozenset((first_name, second_name)) in meeting),
                        physicsClientId=client,
                    )

    def _set_motors(self) -> None:
        """Say how fast motors may turn, which stays; the rest is said at each step."""
        robot = self.robot
        self._joints = list(self.indices.values())
        self._columns = np.array(list(self.indices), dtype=np.intp)
        self._efforts = robot.effort_limits_nm[self._columns].tolist()
        self._gains = [self.period_s / self._config.servo_lag_s] * len(self._joints)
        self._ones = [1.0] * len(self._joints)
        for column, index in self.indices.items():
            pybullet.setJointMotorControl2(
                self.body,
                index,
                pybullet.POSITION_CONTROL,
                force=robot.effort_limits_nm[column],
                maxVelocity=robot.velocity_limits_rad_s[column],
                physicsClientId=self.client,
            )

    def _couple_mirrored(self) -> None:
        """Hold joints that one motor moves at the same angle."""
        robot = self.robot
        for follower, leader in robot.mirrored_joints.items():
            first = self.indices[robot.index(leader)]
            second = self.indices[robot.index(follower)]
            gear = pybullet.createConstraint(
                self.body,
                first,
                self.body,
                second,
                pybullet.JOINT_GEAR,
                [1, 0, 0],
                [0, 0, 0],
                [0, 0, 0],
                physicsClientId=self.client,
            )
            force = robot.effort_limits_nm[robot.index(leader)]
            pybullet.changeConstraint(
                gear, gearRatio=-1.0, maxForce=force, erp=0.2, physicsClientId=self.client
            )

    def pressure_m(self) -> FloatArray | None:
        """Return the middle (2,) of the floor's pressure, world; None: there is none."""
        return _pressure(self.contacts())

    def _zmp_margin(self, contacts: Any) -> float:
        """Where the floor's force acts, against the hull of the soles that carry it."""
        zmp = _pressure(contacts)
        if zmp is None:
            return 0.0
        forces = np.array([contact[9] for contact in contacts])
        links = np.array([contact[3] for contact in contacts])
        carrying = [i for i in self.feet.values() if forces[links == i].sum() > TOUCH_N]
        if not carrying:
            return 0.0
        return float(stability_margin(zmp[None], self.support_polygon(carrying))[0])

    def support_polygon(self, carrying: list[int]) -> FloatArray:
        """Hull of the feet's soles from above, (P, 2), world; kept while the feet stay."""
        states = pybullet.getLinkStates(
            self.body, carrying, computeForwardKinematics=1, physicsClientId=self.client
        )
        poses = np.array([[*state[4], *state[5]] for state in states])
        kept = self._support
        same_feet = kept is not None and kept[0].shape == poses.shape
        if kept is not None and same_feet and np.abs(kept[0] - poses).max() < SAME_POSE:
            return kept[1]
        sides = {index: side for side, index in self.feet.items()}
        corners = []
        for index, pose in zip(carrying, poses, strict=True):
            outline = self.robot.soles_m[sides[index]]
            sole = np.column_stack([outline, np.full(len(outline), -self.robot.sole_height_m)])
            rotation = np.array(pybullet.getMatrixFromQuaternion(pose[3:])).reshape(3, 3)
            corners.append((sole @ rotation.T + pose[:3])[:, :2])
        polygon = convex_hull(np.concatenate(corners))
        self._support = poses, polygon
        return polygon


def load_body(client: int, robot: RobotModel, *, flags: int = 0) -> int:
    """Load the robot into a PyBullet world and return its body index."""
    return int(
        pybullet.loadURDF(
            str(robot.urdf),
            flags=flags | pybullet.URDF_USE_INERTIA_FROM_FILE | pybullet.URDF_USE_SELF_COLLISION,
            physicsClientId=client,
        )
    )


def joint_indices(client: int, body: int, robot: RobotModel) -> dict[int, int]:
    """Return column in ``robot.joint_names`` to PyBullet joint, of the revolute joints."""
    names = {joint.name for joint in robot.joints}
    found = {}
    for index in range(pybullet.getNumJoints(body, physicsClientId=client)):
        name = pybullet.getJointInfo(body, index, physicsClientId=client)[1].decode()
        if name in names:
            found[robot.index(name)] = index
    return found


def link_names(client: int, body: int, robot: RobotModel) -> dict[int, str]:
    """Return PyBullet link to its name, the base link (-1) included."""
    names = {BASE: robot.base_link}
    for index in range(pybullet.getNumJoints(body, physicsClientId=client)):
        names[index] = pybullet.getJointInfo(body, index, physicsClientId=client)[12].decode()
    return names


def place(client: int, body: int, pose: FloatArray) -> None:
    """Put the torso frame at a world pose (7,), at rest.

    PyBullet's base pose is that of the base's principal axes of inertia, not of its frame.
    """
    inertial = pybullet.getDynamicsInfo(body, BASE, physicsClientId=client)
    position, orientation = pybullet.multiplyTransforms(
        pose[:3].tolist(), pose[3:].tolist(), inertial[3], inertial[4]
    )
    pybullet.resetBasePositionAndOrientation(body, position, orientation, physicsClientId=client)
    pybullet.resetBaseVelocity(body, [0, 0, 0], [0, 0, 0], physicsClientId=client)


def torso_pose(client: int, body: int) -> FloatArray:
    """Return the world pose (7,) of the torso frame."""
    inertial = pybullet.getDynamicsInfo(body, BASE, physicsClientId=client)
    position, orientation = pybullet.getBasePositionAndOrientation(body, physicsClientId=client)
    back = pybullet.invertTransform(inertial[3], inertial[4])
    at, turn = pybullet.multiplyTransforms(position, orientation, *back)
    return np.array([*at, *turn])


def _pressure(contacts: Any) -> FloatArray | None:
    """Return where contacts push on the mean, (2,), world; None: hardly any does."""
    forces = np.array([contact[9] for contact in contacts])
    if not contacts or forces.sum() < TOUCH_N:
        return None
    points = np.array([contact[6][:2] for contact in contacts])
    return np.asarray(forces @ points / forces.sum())
