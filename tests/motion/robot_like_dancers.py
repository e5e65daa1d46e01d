"""Dancers whose arms point where a robot's arms point, so that the right answer is known."""

import numpy as np

from robodance.robots.kinematics import forward_kinematics, landmark_positions
from robodance.skeleton import INDEX, pose_sequence

UPPER_ARM_M, FOREARM_M, HAND_M = 0.30, 0.26, 0.16
STILL = {
    "waist": (0.0, 0.0, 1.0),
    "left_shoulder": (0.0, 0.18, 1.45),
    "right_shoulder": (0.0, -0.18, 1.45),
    "head_left": (0.05, 0.07, 1.68),
    "head_right": (0.05, -0.07, 1.68),
    "left_hip": (0.0, 0.1, 0.93),
    "right_hip": (0.0, -0.1, 0.93),
    "left_knee": (0.03, 0.1, 0.5),
    "right_knee": (0.03, -0.1, 0.5),
    "left_ankle": (0.0, 0.1, 0.09),
    "right_ankle": (0.0, -0.1, 0.09),
    "left_heel": (-0.05, 0.1, 0.04),
    "right_heel": (-0.05, -0.1, 0.04),
    "left_toe": (0.18, 0.1, 0.03),
    "right_toe": (0.18, -0.1, 0.03),
}


def dancer_like(robot, positions_rad, rate_hz=25.0, **about):
    """The dance of somebody whose arm bones point like the robot's, and whose head turns like it.

    Args:
        robot: The robot.
        positions_rad: Shape (T, J).
        rate_hz: Frames per second.
        about: Further fields of the dance (``start_s``, ``beats_s``...).
    """
    marks = landmark_positions(robot, forward_kinematics(robot, positions_rad))
    joints = np.zeros((len(positions_rad), 21, 3))
    for name, place in STILL.items():
        joints[:, INDEX[name]] = place
    for side in ("left", "right"):
        at = joints[:, INDEX[f"{side}_shoulder"]]
        for first, second, length in (
            ("shoulder", "elbow", UPPER_ARM_M),
            ("elbow", "wrist", FOREARM_M),
        ):
            bone = marks[f"{side}_{second}"] - marks[f"{side}_{first}"]
            at = at + length * bone / np.linalg.norm(bone, axis=1, keepdims=True)
            joints[:, INDEX[f"{side}_{second}"]] = at
        joints[:, INDEX[f"{side}_hand"]] = at + HAND_M / length * (
            at - joints[:, INDEX[f"{side}_elbow"]]
        )
    yaw = positions_rad[:, robot.index("HeadYaw")]
    across = 0.07 * np.column_stack([-np.sin(yaw), np.cos(yaw), 0.0 * yaw])
    for side, sign in (("left", 1.0), ("right", -1.0)):
        joints[:, INDEX[f"head_{side}"]] = np.array([0.05, 0.0, 1.68]) + sign * across
    return pose_sequence(joints, rate_hz, **about)


def waving(robot, seconds=4.0, rate_hz=25.0, slowness_s=2.0, **about):
    """A dance well inside all limits: both arms swing, each in its own way, as does the head."""
    times = np.arange(round(seconds * rate_hz) + 1) / rate_hz
    swing = np.sin(2.0 * np.pi * times / slowness_s)
    sway = np.cos(2.0 * np.pi * times / slowness_s)
    positions = np.tile(robot.posture("StandInit"), (len(times), 1))
    for joint, middle, amplitude, phase in (
        ("HeadYaw", 0.0, 0.3, sway),
        ("LShoulderPitch", 0.6, 0.4, swing),
        ("LShoulderRoll", 0.6, 0.2, sway),
        ("LElbowYaw", -0.9, 0.3, sway),
        ("LElbowRoll", -0.9, 0.3, swing),
        ("RShoulderPitch", 0.2, -0.3, sway),
        ("RShoulderRoll", -0.7, 0.3, swing),
        ("RElbowYaw", 0.8, 0.3, swing),
        ("RElbowRoll", 1.0, 0.2, sway),
    ):
        positions[:, robot.index(joint)] = middle + amplitude * phase
    return positions, dancer_like(robot, positions, rate_hz, **about)


def wild(rng, frames, rate_hz, leap_m):
    """Somebody whose elbows, wrists and hands wander about at random, from frame to frame."""
    joints = np.zeros((frames, 21, 3))
    for name, place in STILL.items():
        joints[:, INDEX[name]] = place
    for side, sign in (("left", 1.0), ("right", -1.0)):
        at = joints[:, INDEX[f"{side}_shoulder"]]
        for part in ("elbow", "wrist", "hand"):
            at = at + np.array([0.1, 0.1 * sign, -0.1])
            drift = np.cumsum(rng.normal(size=(frames, 3)) * leap_m, axis=0)
            joints[:, INDEX[f"{side}_{part}"]] = at + drift
    joints[:, :2] += leap_m * rng.normal(size=(frames, 2, 3)) * 0.3
    return pose_sequence(joints, rate_hz)
