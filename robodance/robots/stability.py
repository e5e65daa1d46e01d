"""Whether a robot stands: support polygon, centre of mass, zero moment point (ZMP).

The ZMP is where the floor's force would have to act so that it has no horizontal moment
(Vukobratovic and Borovac, "Zero-moment point: thirty-five years of its life", 2004); a
robot whose ZMP stays inside its support polygon does not tip. All links count, their
turning too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from robodance.errors import ConfigError
from robodance.robots.dynamics import GRAVITY_M_S2, BaseMotion, Forces, inverse_dynamics
from robodance.robots.kinematics import crossed, forward_kinematics, topological_joints
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, IntArray

__all__ = [
    "SIDES_BY_SUPPORT",
    "moved_along",
    "stability_margin",
    "standing_torques",
    "standing_torso_pose",
    "support_polygon",
    "to_world",
    "zero_moment_point",
    "zmp_of_forces",
]

SIDES_BY_SUPPORT: dict[int, tuple[str, ...]] = {0: ("left", "right"), 1: ("left",), 2: ("right",)}
"""The planted feet for each value of ``Plan.support``."""

FLAT_SOLE_RAD = 0.06  # soles tilted more against each other cannot both be planted (Crouch: 0.05)
LEVEL_SOLES_M = 0.004  # nor soles that differ this much in height (Crouch: 2 mm)


def to_world(torso_pose: FloatArray, points_m: FloatArray) -> FloatArray:
    """Take points (T, 3) from the torso frame to the world by poses (T, 7)."""
    rotation = Rotation.from_quat(torso_pose[:, 3:])
    return np.asarray(rotation.apply(points_m) + torso_pose[:, :3])


def standing_torso_pose(robot: RobotModel, posture_rad: FloatArray) -> FloatArray:
    """Return where the torso is when both soles stand flat on the floor.

    The world's origin is on the floor between the soles, x forward.

    Args:
        robot: The robot.
        posture_rad: Shape (J,).

    Returns:
        Shape (7,), x y z qx qy qz qw.

    Raises:
        ConfigError: The soles are not in one plane, so the posture is not a stand.
    """
    poses = forward_kinematics(robot, np.asarray(posture_rad)[None], robot.feet.values())
    feet = [poses.rotations[0, poses.index(robot.feet[side])] for side in ("left", "right")]
    sole = np.array([0.0, 0.0, -robot.sole_height_m])
    points = [poses.points(robot.feet[side], sole)[0] for side in ("left", "right")]
    mean = Rotation.from_matrix(np.array(feet)).mean()
    between = np.asarray(points[0]) + np.asarray(points[1])
    up = mean.inv()
    tilt = np.arccos(np.clip(feet[0][:, 2] @ feet[1][:, 2], -1.0, 1.0))
    step = float(up.apply(np.asarray(points[0]) - np.asarray(points[1]))[2])
    if tilt > FLAT_SOLE_RAD or abs(step) > LEVEL_SOLES_M:
        raise ConfigError(
            f"{robot.name}: the posture does not stand on flat feet (soles differ by "
            f"{1000 * abs(step):.0f} mm and {np.degrees(tilt):.1f} degrees); "
            f"use one of {', '.join(robot.standing_postures)}"
        )
    position = -up.apply(between / 2.0)
    quaternion = up.as_quat(canonical=True)
    return np.concatenate([position, quaternion])


def support_polygon(
    robot: RobotModel, positions_rad: FloatArray, torso_pose: FloatArray, support: int = 0
) -> FloatArray:
    """Return the convex hull of the planted soles, seen from above.

    Args:
        robot: The robot.
        positions_rad: Shape (J,), one moment.
        torso_pose: Shape (7,), world.
        support: 0 both feet, 1 left, 2 right.

    Returns:
        Shape (K, 2), world, counter-clockwise.
    """
    poses = forward_kinematics(robot, np.asarray(positions_rad)[None], robot.feet.values())
    corners = []
    for side in SIDES_BY_SUPPORT[int(support)]:
        outline = robot.soles_m[side]
        sole = np.column_stack([outline, np.full(len(outline), -robot.sole_height_m)])
        foot = poses.index(robot.feet[side])
        in_torso = sole @ poses.rotations[0, foot].T + poses.positions_m[0, foot]
        corners.append(to_world(np.tile(torso_pose, (len(sole), 1)), in_torso)[:, :2])
    points = np.concatenate(corners)
    return np.asarray(points[ConvexHull(points).vertices])


def stability_margin(points_m: FloatArray, polygon_m: FloatArray) -> FloatArray:
    """Return how far points are inside a convex polygon.

    Args:
        points_m: Shape (T, 2).
        polygon_m: Shape (K, 2), convex, counter-clockwise.

    Returns:
        Shape (T,), metres to the nearest edge; negative outside (there it is the largest
        distance beyond an edge's line, which never exceeds the distance to the polygon).
    """
    edges = np.roll(polygon_m, -1, axis=0) - polygon_m
    inward = np.column_stack([-edges[:, 1], edges[:, 0]])
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    offsets = np.einsum("ki,ki->k", inward, polygon_m)
    return np.asarray((np.asarray(points_m) @ inward.T - offsets).min(axis=1))


def zmp_of_forces(forces: Forces, torso_pose: FloatArray) -> FloatArray:
    """Return where the floor's force acts. Shape (T, 2), world, on the floor z = 0."""
    rotation = Rotation.from_quat(torso_pose[:, 3:])
    force = rotation.apply(forces.force_n)
    moment = rotation.apply(forces.moment_nm) + np.cross(torso_pose[:, :3], force)
    return np.stack([-moment[:, 1] / force[:, 2], moment[:, 0] / force[:, 2]], axis=1)


def zero_moment_point(
    robot: RobotModel,
    positions_rad: FloatArray,
    velocities_rad_s: FloatArray,
    accelerations_rad_s2: FloatArray,
    torso_pose: FloatArray,
    base: BaseMotion | None = None,
) -> FloatArray:
    """Return the zero moment point of a motion, from all links and their turning.

    Args:
        robot: J joint names.
        positions_rad: Shape (T, J).
        velocities_rad_s: Shape (T, J).
        accelerations_rad_s2: Shape (T, J).
        torso_pose: Shape (T, 7), world.
        base: How the torso moves; None: it rests.

    Returns:
        Shape (T, 2), world, metres, on the floor z = 0.
    """
    motion = base if base is not None else BaseMotion.at_rest(gravity_in_torso(torso_pose))
    forces = inverse_dynamics(robot, positions_rad, velocities_rad_s, accelerations_rad_s2, motion)
    return zmp_of_forces(forces, torso_pose)


def moved_along(poses: FloatArray, before: FloatArray, after: FloatArray) -> FloatArray:
    """Return poses (T, 7) after the rigid motion that takes one pose (7,) to another."""
    turn = Rotation.from_quat(after[3:]) * Rotation.from_quat(before[3:]).inv()
    places = after[:3] + turn.apply(poses[:, :3] - before[:3])
    return np.hstack([places, (turn * Rotation.from_quat(poses[:, 3:])).as_quat()])


def gravity_in_torso(torso_pose: FloatArray) -> FloatArray:
    """Return gravity as a torso at poses (T, 7) sees it. Shape (T, 3), m/s^2."""
    down = np.array([0.0, 0.0, -GRAVITY_M_S2])
    return np.asarray(Rotation.from_quat(torso_pose[:, 3:]).inv().apply(down))


def standing_torques(
    robot: RobotModel,
    forces: Forces,
    torso_pose: FloatArray,
    positions_rad: FloatArray,
    support: IntArray | None = None,
) -> FloatArray:
    """Return the joint torques of a robot that stands on both feet, or on one.

    Statics leaves open how two planted feet share the load. Here each foot's force is
    parallel to the whole, the feet share it by how near the ZMP is to either along the
    line between them, and what is left of the ZMP's offset is the same under both soles.

    Args:
        robot: J joint names.
        forces: Of the motion, by ``inverse_dynamics``.
        torso_pose: Shape (T, 7), world.
        positions_rad: Shape (T, J).
        support: Shape (T,), 0 both feet, 1 left, 2 right; None: always both.

    Returns:
        Shape (T, J), newton metres; zero for hands.
    """
    zmp = zmp_of_forces(forces, torso_pose)
    on_floor = np.column_stack([zmp, np.zeros(len(zmp))])
    rotation = Rotation.from_quat(torso_pose[:, 3:])
    soles = {
        side: np.append(robot.soles_m[side].mean(axis=0), -robot.sole_height_m)
        for side in ("left", "right")
    }
    centres = {
        side: to_world(torso_pose, forces.poses.points(robot.feet[side], soles[side]))
        for side in soles
    }
    line = centres["left"] - centres["right"]
    share = np.einsum("ti,ti->t", on_floor - centres["right"], line)
    share = np.clip(share / np.einsum("ti,ti->t", line, line), 0.0, 1.0)
    if support is not None:
        share = np.select([support == 1, support == 2], [1.0, 0.0], share)
    share = share[:, None]
    rest = on_floor - share * centres["left"] - (1.0 - share) * centres["right"]
    torques: Any = forces.torques_nm.copy()
    for side, weight in (("left", share), ("right", 1.0 - share)):
        at = rotation.inv().apply(centres[side] + rest - torso_pose[:, :3])
        torques -= _torques_of_push(robot, forces, robot.feet[side], at, weight * forces.force_n)
    return np.asarray(torques)


def _torques_of_push(
    robot: RobotModel, forces: Forces, foot: str, point_m: FloatArray, force_n: FloatArray
) -> FloatArray:
    """Joint torques that balance a force at a point (T, 3) of a foot, transposed Jacobian."""
    poses, torques = forces.poses, np.zeros_like(forces.torques_nm)
    point, force = point_m.T, force_n.T
    for joint in topological_joints(robot, [foot]):
        axis = poses.turned(joint.child, joint.axis)
        about = crossed(point - poses.origins_m[poses.index(joint.child)], force)
        torques[:, robot.index(joint.name)] = (axis * about).sum(axis=0)
    return torques
