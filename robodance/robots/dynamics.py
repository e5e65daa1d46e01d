"""Forces behind a motion: recursive Newton-Euler, batched over a whole song.

The recursion follows Featherstone, "Rigid Body Dynamics Algorithms" (2008), chapter 5,
with the torso as a floating base whose motion is given. Everything is in the torso frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robodance.robots.kinematics import (
    LinkPoses,
    crossed,
    forward_kinematics,
    topological_joints,
)
from robodance.robots.model import RobotModel
from robodance.values import FloatArray

__all__ = ["GRAVITY_M_S2", "BaseMotion", "Forces", "inverse_dynamics"]

GRAVITY_M_S2 = 9.81


@dataclass(frozen=True)
class BaseMotion:
    """How the torso moves, in the torso frame; each of shape (T, 3).

    Attributes:
        gravity_m_s2: Gravitational acceleration as the torso sees it.
        angular_velocity_rad_s: Angular velocity.
        angular_acceleration_rad_s2: Angular acceleration.
        acceleration_m_s2: Linear acceleration of the torso's origin.
    """

    gravity_m_s2: FloatArray = field(repr=False)
    angular_velocity_rad_s: FloatArray = field(repr=False)
    angular_acceleration_rad_s2: FloatArray = field(repr=False)
    acceleration_m_s2: FloatArray = field(repr=False)

    @classmethod
    def at_rest(cls, gravity_m_s2: FloatArray) -> BaseMotion:
        """A torso that does not move. ``gravity_m_s2`` has shape (T, 3)."""
        gravity = np.asarray(gravity_m_s2, dtype=np.float64)
        zero = np.zeros_like(gravity)
        return cls(gravity, zero, zero, zero)


@dataclass(frozen=True)
class Forces:
    """What a motion needs.

    Attributes:
        poses: Where the links are.
        force_n: Shape (T, 3), total force from outside (the floor) in the torso frame.
        moment_nm: Shape (T, 3), its moment about the torso's origin.
        torques_nm: Shape (T, J), joint torques if that force acted on the torso; exact for
            joints above the torso, whatever the legs stand on.
    """

    poses: LinkPoses
    force_n: FloatArray = field(repr=False)
    moment_nm: FloatArray = field(repr=False)
    torques_nm: FloatArray = field(repr=False)


def inverse_dynamics(
    robot: RobotModel,
    positions_rad: FloatArray,
    velocities_rad_s: FloatArray,
    accelerations_rad_s2: FloatArray,
    base: BaseMotion,
) -> Forces:
    """Return the forces that a motion needs.

    Args:
        robot: J joint names.
        positions_rad: Shape (T, J).
        velocities_rad_s: Shape (T, J).
        accelerations_rad_s2: Shape (T, J).
        base: How the torso moves.
    """
    poses = forward_kinematics(robot, positions_rad)
    joints = topological_joints(robot)
    # Components come first, (3, T), from here on.
    spin = {robot.base_link: base.angular_velocity_rad_s.T}
    turn = {robot.base_link: base.angular_acceleration_rad_s2.T}
    # Gravity enters as an acceleration of the base against it.
    rise = {robot.base_link: (base.acceleration_m_s2 - base.gravity_m_s2).T}
    axes = {}
    for joint in joints:
        column, link, parent = robot.index(joint.name), joint.child, joint.parent
        axis = poses.turned(link, joint.axis)
        rate = axis * velocities_rad_s[:, column]
        arm = _origin(poses, link) - _origin(poses, parent)
        spin[link] = spin[parent] + rate
        turn[link] = (
            turn[parent] + axis * accelerations_rad_s2[:, column] + crossed(spin[parent], rate)
        )
        rise[link] = rise[parent] + _carried(spin[parent], turn[parent], arm)
        axes[link] = axis
    force, moment = _link_forces(robot, poses, spin, turn, rise)
    torques = np.zeros_like(positions_rad)
    for joint in reversed(joints):
        link, parent = joint.child, joint.parent
        arm = _origin(poses, link) - _origin(poses, parent)
        torques[:, robot.index(joint.name)] = (axes[link] * moment[link]).sum(axis=0)
        force[parent] += force[link]
        moment[parent] += moment[link] + crossed(arm, force[link])
    return Forces(poses, force[robot.base_link].T, moment[robot.base_link].T, torques)


def _origin(poses: LinkPoses, link: str) -> FloatArray:
    return np.asarray(poses.origins_m[poses.index(link)])


def _carried(spin: FloatArray, turn: FloatArray, arm: FloatArray) -> FloatArray:
    """Acceleration that a point at ``arm`` has from the turning of its body."""
    return np.asarray(crossed(turn, arm) + crossed(spin, crossed(spin, arm)))


def _link_forces(
    robot: RobotModel,
    poses: LinkPoses,
    spin: dict[str, FloatArray],
    turn: dict[str, FloatArray],
    rise: dict[str, FloatArray],
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Return each link's own force, and moment about its origin, both (3, T)."""
    force, moment = {}, {}
    for link in robot.links:
        frame = poses.turns[poses.index(link.name)]
        arm = poses.turned(link.name, link.com_m)
        omega, alpha = spin[link.name], turn[link.name]
        push = link.mass_kg * (rise[link.name] + _carried(omega, alpha, arm))
        inertia = np.asarray(link.inertia_kg_m2)
        momentum = _turned_by(frame, inertia, omega)
        twist = _turned_by(frame, inertia, alpha) + crossed(omega, momentum)
        force[link.name] = push
        moment[link.name] = twist + crossed(arm, push)
    return force, moment


def _turned_by(frame: FloatArray, tensor: FloatArray, vector: FloatArray) -> FloatArray:
    """Apply a tensor that is fixed in a link to vectors (3, T) in the torso frame."""
    local = (frame * vector[:, None]).sum(axis=0)
    return np.asarray((frame * (tensor @ local)).sum(axis=1))
