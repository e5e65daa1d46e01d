"""Where parts of the virtual NAO are, in the three frames of NAOqi's Cartesian control.

A pose is a matrix (4, 4). Six numbers tell the same: x y z, then the turns about x, y and z,
of which the one about z comes last (``Rz Ry Rx``, as in NAOqi's own library).

Measured poses take the torso from the physics. Commanded ones take the sole that carries more
from the physics, and all else from the commanded joints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robodance.performance.bullet import pybullet
from robodance.robots.foot_sensors import FSR_POSITIONS_M
from robodance.robots.kinematics import LinkPoses, forward_kinematics
from robodance.robots.model import RobotModel
from robodance.values import FloatArray
from robodance.virtual_nao.camera_worker import CAMERAS
from robodance.virtual_nao.deferred import NaoqiError
from robodance.virtual_nao.joints import CHAINS
from robodance.virtual_nao.nao import VirtualNao

__all__ = [
    "FRAME_ROBOT",
    "FRAME_TORSO",
    "FRAME_WORLD",
    "Figure",
    "Place",
    "chain_links",
    "figure",
    "places",
    "pose_of",
    "six_of",
]

FRAME_TORSO, FRAME_WORLD, FRAME_ROBOT = 0, 1, 2
SIDES = {"LLeg": "left", "RLeg": "right"}
HANDS = {"LArm": "left_hand", "RArm": "right_hand"}
INERTIAL_M = {  # documentation, inertial unit
    "Accelerometer": (-0.008, 0.00606, 0.027),
    "Gyrometer": (-0.008, 0.006, 0.029),
}
CORNERS = {"FL": "FrontLeft", "FR": "FrontRight", "RL": "RearLeft", "RR": "RearRight"}


@dataclass(frozen=True)
class Place:
    """Something that has a pose.

    Attributes:
        link: The link that carries it.
        pose: Shape (4, 4), in the link's frame.
    """

    link: str
    pose: FloatArray


@dataclass(frozen=True)
class Figure:
    """All of the robot at one moment.

    Attributes:
        robot: The robot.
        links: Poses of its links in the torso frame.
        torso: Shape (4, 4), the torso in the world.
    """

    robot: RobotModel
    links: LinkPoses
    torso: FloatArray

    def of(self, place: Place, frame: int) -> FloatArray:
        """Return the pose (4, 4) of something in a frame."""
        return np.asarray(self.frame(frame) @ self.link(place.link) @ place.pose)

    def frame(self, frame: int) -> FloatArray:
        """Return what takes the torso's frame to another one, (4, 4).

        Raises:
            NaoqiError: There is no such frame.
        """
        if frame == FRAME_TORSO:
            return np.eye(4)
        if frame == FRAME_WORLD:
            return self.torso
        if frame == FRAME_ROBOT:
            return np.asarray(np.linalg.inv(self.robot_frame()) @ self.torso)
        raise NaoqiError(f"frame {frame}: 0 (torso), 1 (world) or 2 (robot)")

    def robot_frame(self) -> FloatArray:
        """Return the robot's frame in the world, (4, 4): between the soles, upright."""
        known = places(self.robot)
        soles = np.array([self.torso @ self.link(known[c].link) @ known[c].pose for c in SIDES])
        ahead = soles[:, :2, 0] / np.linalg.norm(soles[:, :2, 0], axis=1, keepdims=True)
        turn = np.arctan2(*ahead.sum(axis=0)[::-1])
        return pose_of(np.array([*soles[:, :3, 3].mean(axis=0), 0.0, 0.0, turn]))

    def link(self, link: str) -> FloatArray:
        """Return the pose of a link in the torso frame, (4, 4)."""
        pose = np.eye(4)
        k = self.links.index(link)
        pose[:3, :3], pose[:3, 3] = self.links.turns[k, :, :, 0], self.links.origins_m[k, :, 0]
        return pose


def figure(nao: VirtualNao, *, sensors: bool) -> Figure:
    """Return where everything is, as measured or as commanded."""
    robot, felt = nao.robot, nao.felt
    measured = forward_kinematics(robot, felt.joints_rad[None])
    torso = np.eye(4)
    turn = pybullet.getMatrixFromQuaternion(felt.torso_pose[3:].tolist())
    torso[:3, :3], torso[:3, 3] = np.array(turn).reshape(3, 3), felt.torso_pose[:3]
    seen = Figure(robot, measured, torso)
    if sensors:
        return seen
    said = Figure(robot, forward_kinematics(robot, nao.joints.command[None]), torso)
    carries = robot.feet[max(robot.feet, key=felt.load_kg)]
    under = torso @ seen.link(carries) @ np.linalg.inv(said.link(carries))
    return Figure(robot, said.links, under)


def places(robot: RobotModel) -> dict[str, Place]:
    """Return everything whose pose can be asked for, by NAOqi's names."""
    found = {joint.name: Place(joint.child, np.eye(4)) for joint in robot.joints}
    torso = robot.base_link
    found |= {"Torso": Place(torso, np.eye(4)), "Head": found["HeadPitch"]}
    for chain, side in SIDES.items():
        foot, down = robot.feet[side], -robot.sole_height_m
        found[chain] = Place(foot, pose_of([0.0, 0.0, down, 0.0, 0.0, 0.0]))
        for short, corner in CORNERS.items():
            x, y = FSR_POSITIONS_M[side][corner]
            found[f"{chain[0]}Fsr{short}"] = Place(foot, pose_of([x, y, down, 0.0, 0.0, 0.0]))
    for chain, point in HANDS.items():
        link, at = robot.landmarks[point]
        found[chain] = Place(link, pose_of([*at, 0.0, 0.0, 0.0]))
    for name, camera in (("CameraTop", 0), ("CameraBottom", 1)):
        eye, down = CAMERAS[camera]
        found[name] = Place(found["Head"].link, pose_of([*eye, 0.0, down, 0.0]))
    for name, spot in INERTIAL_M.items():
        found[name] = Place(torso, pose_of([*spot, 0.0, 0.0, 0.0]))
    return found


def chain_links(robot: RobotModel, name: str) -> list[str]:
    """Return the links of a chain, a joint, the torso or the body.

    Raises:
        NaoqiError: There is no such part.
    """
    by_joint = {joint.name: joint.child for joint in robot.joints}
    if name == "Body":
        return [link.name for link in robot.links]
    if name == "Torso":
        return [robot.base_link]
    parts = {"Arms": ("LArm", "RArm"), "Legs": ("LLeg", "RLeg")}.get(name, (name,))
    if all(part in CHAINS for part in parts):
        return [by_joint[joint] for part in parts for joint in CHAINS[part] if joint in by_joint]
    if name in by_joint:
        return [by_joint[name]]
    raise NaoqiError(f"{name!r} is neither Body, Torso, a chain nor a joint")


def pose_of(six: list[float] | FloatArray) -> FloatArray:
    """Return the pose (4, 4) of six numbers."""
    (a, b, c), (sa, sb, sc) = np.cos(six[3:]), np.sin(six[3:])
    pose = np.eye(4)
    pose[:3, :3] = [
        [c * b, c * sb * sa - sc * a, c * sb * a + sc * sa],
        [sc * b, sc * sb * sa + c * a, sc * sb * a - c * sa],
        [-sb, b * sa, b * a],
    ]
    pose[:3, 3] = six[:3]
    return pose


def six_of(pose: FloatArray) -> list[float]:
    """Return the six numbers of a pose (4, 4)."""
    turn = pose[:3, :3]
    about_y = np.arctan2(-turn[2, 0], np.hypot(turn[0, 0], turn[1, 0]))
    about_x, about_z = np.arctan2(turn[2, 1], turn[2, 2]), np.arctan2(turn[1, 0], turn[0, 0])
    return [*map(float, pose[:3, 3]), float(about_x), float(about_y), float(about_z)]
