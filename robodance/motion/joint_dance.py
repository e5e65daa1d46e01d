"""Dances made for the robot itself: joint angles from a file, checked and made possible.

What a file of joint angles asks for is not retargeted, since there is nobody's body to
translate; it is followed joint by joint, through the same limits, clearance and balance
as any dance. The robot as it would look doing what the file says, at a person's size,
stands for the dancer wherever one is needed: in losses, reports and pictures.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from robodance.config import MotionConfig
from robodance.errors import DataError
from robodance.motion.limits import joint_limits
from robodance.motion.postures import stand_posture
from robodance.motion_files.joint_keys import JointKeys
from robodance.robots.kinematics import (
    LinkPoses,
    forward_kinematics,
    landmark_positions,
    topological_joints,
)
from robodance.robots.model import RobotModel
from robodance.skeleton import JOINT_NAMES, mirror_dance, pose_sequence
from robodance.values import FloatArray, JointTrajectory, PoseSequence

__all__ = ["angles_at", "dance_of_joints", "mirrored"]

RATE_HZ = 50.0
PERSON_PER_ROBOT = 3.0  # a NAO is a third of a person
BLEND_M = 0.02  # heights of two soles closer than this share the floor
HEAD_M = 0.126  # from between the shoulders to the middle of the head
OUTSIDE_RAD = np.radians(0.5)
MOVED_RAD = np.radians(3.0)
MOST_NAMED = 4


def dance_of_joints(keys: JointKeys, robot: RobotModel, config: MotionConfig) -> PoseSequence:
    """Return a file's joint motion as a dance, with remarks on what a robot cannot do of it.

    Joints that the file leaves out hold the stand; the first keys are reached from it.

    Args:
        keys: What the file holds.
        robot: The robot.
        config: The stand, and what the legs do.

    Raises:
        DataError: The file names no joint of this robot, or lasts no time.
    """
    known = {name: curve for name, curve in keys.joints.items() if name in robot.joint_names}
    if not known:
        raise DataError(
            f"{keys.name}: names no joint of {robot.name}; it has {', '.join(keys.joints)[:200]}"
        )
    remarks = list(keys.remarks)
    others = [name for name in keys.joints if name not in known]
    if others:
        remarks.append(f"left out, since {robot.name} has no {_listed(others)}")
    stand = stand_posture(robot, config)
    start = dict(zip(robot.joint_names, stand.tolist(), strict=True))
    motion = replace(keys, joints=known).sampled(RATE_HZ, start)
    if len(motion.times_s) < 2:
        raise DataError(f"{keys.name}: lasts {keys.duration_s:g} s; that is no motion")
    whole = _whole(motion, robot, stand)
    remarks += _said(motion, robot, config)
    if not config.full_body and _legs_move(robot, whole, stand):
        remarks.append(
            "its legs are left out, since the robot stands; --balance full-body lets it sway"
        )
    dance = pose_sequence(
        _figure(whole, robot),
        RATE_HZ,
        metadata={
            "generator": "file",
            "file": keys.name,
            "skeleton": robot.name,
            "remarks": remarks,
        },
    )
    return replace(dance, robot_joints=robot.joint_names, robot_angles_rad=whole)


def angles_at(dance: PoseSequence, robot: RobotModel, times_s: FloatArray) -> FloatArray | None:
    """Return the angles (K, J) that a dance asks of a robot; None: it is a person's dance.

    Raises:
        DataError: The dance was made for joints that the robot does not have.
    """
    if dance.robot_angles_rad is None:
        return None
    missing = [name for name in robot.joint_names if name not in dance.robot_joints]
    if missing:
        raise DataError(f"the dance was made for another robot; it has no {_listed(missing)}")
    columns = [dance.robot_joints.index(name) for name in robot.joint_names]
    angles = dance.robot_angles_rad[:, columns]
    return np.column_stack([np.interp(times_s, dance.times_s, angle) for angle in angles.T])


def mirrored(dance: PoseSequence, robot: RobotModel) -> PoseSequence:
    """Return a dance with left and right exchanged, a robot's joints too."""
    turned = mirror_dance(dance)
    if dance.robot_angles_rad is None:
        return turned
    axes = {joint.name: joint.axis for joint in robot.joints}
    angles = np.empty_like(dance.robot_angles_rad)
    for k, name in enumerate(dance.robot_joints):
        other = _other_side(name)
        source = dance.robot_joints.index(other) if other in dance.robot_joints else k
        sign = 1.0
        if name in axes and other in axes:  # a turn is reflected at the plane y = 0
            sign = np.sign(axes[other] @ (axes[name] * np.array([-1.0, 1.0, -1.0])))
        angles[:, k] = sign * dance.robot_angles_rad[:, source]
    return replace(turned, robot_angles_rad=angles)


def _other_side(name: str) -> str:
    return {"L": "R", "R": "L"}.get(name[:1], name[:1]) + name[1:]


def _whole(motion: JointTrajectory, robot: RobotModel, stand: FloatArray) -> FloatArray:
    """Return all joints' angles (T, J) inside their ranges; one motor's two names agree."""
    result = np.tile(stand, (len(motion.times_s), 1))
    for k, name in enumerate(motion.joint_names):
        result[:, robot.index(name)] = motion.positions_rad[:, k]
    for name, leader in robot.mirrored_joints.items():
        one, other = robot.index(leader), robot.index(name)
        if leader not in motion.joint_names and name in motion.joint_names:
            result[:, one] = result[:, other]
        result[:, other] = result[:, one]
    return np.clip(result, *robot.position_limits_rad.T)


def _said(motion: JointTrajectory, robot: RobotModel, config: MotionConfig) -> list[str]:
    """Return remarks on angles and speeds that the robot does not have."""
    limits = joint_limits(robot, config)
    columns = [robot.index(name) for name in motion.joint_names]
    low, high = limits.position_rad[columns].T
    outside = np.maximum(low - motion.positions_rad, motion.positions_rad - high)
    speeds = np.abs(np.diff(motion.positions_rad, axis=0)) * RATE_HZ
    shares = speeds / limits.velocity_rad_s[columns]
    remarks = []
    if (outside > OUTSIDE_RAD).any():
        at, k = np.unravel_index(int(outside.argmax()), outside.shape)
        names = [motion.joint_names[j] for j in np.flatnonzero((outside > OUTSIDE_RAD).any(0))]
        remarks.append(
            f"asks for angles outside the range of {_listed(names)}, most of "
            f"{motion.joint_names[k]} at {motion.times_s[at]:.2f} s, by "
            f"{np.degrees(outside[at, k]):.0f} degrees; the range's end is taken"
        )
    if (shares > 1.0).any():
        at, k = np.unravel_index(int(shares.argmax()), shares.shape)
        names = [motion.joint_names[j] for j in np.flatnonzero((shares > 1.0).any(0))]
        remarks.append(
            f"asks for more speed than {_listed(names)} can give, most of "
            f"{motion.joint_names[k]} at {motion.times_s[at]:.2f} s, {shares[at, k]:.1f} times its "
            f"limit of {limits.velocity_rad_s[columns[k]]:.1f} per second; planned again within "
            "the limits"
        )
    return remarks


def _legs_move(robot: RobotModel, angles: FloatArray, stand: FloatArray) -> bool:
    legs = [robot.index(joint.name) for joint in topological_joints(robot, robot.feet.values())]
    return bool(np.abs(angles[:, legs] - stand[legs]).max() > MOVED_RAD)


def _figure(angles: FloatArray, robot: RobotModel) -> FloatArray:
    """Return the robot as a dancer, (T, 21, 3): at a person's size, its lower foot on the floor."""
    poses = forward_kinematics(robot, angles)
    marks = dict(landmark_positions(robot, poses))
    shoulders = (marks["left_shoulder"] + marks["right_shoulder"]) / 2.0
    turn = poses.rotations[:, poses.index(robot.landmarks["head"][0])]
    # The head's tilt is read from where its middle is over the shoulders, and NAO's neck is
    # not there.
    middle = shoulders + HEAD_M * turn[:, :, 2]
    width = marks["head_left"] - marks["head_right"]
    marks["head_left"], marks["head_right"] = middle + width / 2.0, middle - width / 2.0
    joints = np.stack([marks[name] for name in JOINT_NAMES], axis=1)
    upright = _upright(_ground(robot, poses))
    placed = np.einsum("tij,tnj->tni", upright, joints)
    placed[:, :, 2] -= placed[:, :, 2].min(axis=1, keepdims=True)
    return np.asarray(PERSON_PER_ROBOT * placed)


def _ground(robot: RobotModel, poses: LinkPoses) -> FloatArray:
    """Return where the lower sole says is up, in the torso's frame, (T, 3)."""
    ups, heights = [], []
    for foot in robot.feet.values():
        at = poses.index(foot)
        ups.append(poses.rotations[:, at, :, 2])
        heights.append(poses.positions_m[:, at, 2])
    share = 1.0 / (1.0 + np.exp(np.clip((heights[0] - heights[1]) / BLEND_M, -50.0, 50.0)))
    up = share[:, None] * ups[0] + (1.0 - share[:, None]) * ups[1]
    length = np.linalg.norm(up, axis=1, keepdims=True)
    return np.where(length > 1e-6, up / np.maximum(length, 1e-6), [0.0, 0.0, 1.0])


def _upright(up: FloatArray) -> FloatArray:
    """Return the turns (T, 3, 3) that bring directions (T, 3) to z and keep the heading."""
    forward = np.array([1.0, 0.0, 0.0]) - up[:, :1] * up
    forward /= np.maximum(np.linalg.norm(forward, axis=1, keepdims=True), 1e-6)
    return np.stack([forward, np.cross(up, forward), up], axis=1)


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
