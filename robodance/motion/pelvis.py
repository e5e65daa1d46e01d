"""What the dancer's pelvis and trunk do over the feet, at the robot's size.

Two planted feet show the *common* part of both ankles' motion against the pelvis: sway,
depth of the knees, and how the trunk leans. All is seen in the dancer's heading frame (x
forward along the floor, y to the left, from the hips) and counts from its own median.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfiltfilt

from robodance.motion.targets import SIDES, chest_frame, resample
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.legs import TORSO_AXES
from robodance.robots.model import RobotModel
from robodance.skeleton import INDEX
from robodance.values import FloatArray, PoseSequence

__all__ = ["ankles_seen", "heading_frame", "knee_bends", "leg_scale", "torso_sway"]

LEAN_SHARE = 0.5
"""Of the dancer's lean; with all of it three of eleven recorded dances fell in simulation."""
KNEES_HZ = 2.5  # of what knees are asked for
MOST_BENT_RAD = 0.8  # more or less than usual; who kneels is followed no further
CUTOFF_HZ = 1.5  # of pelvis and trunk; faster sway is more than the floor can push
HEADING_HZ = 1.0
LARGEST = np.array([0.06, 0.08, 0.05, 0.35, 0.5])  # m and rad: beyond it is a fault in the data
SHORTEST_LEG_M = 0.2
HIGHEST_M = 0.002  # above the stand: knees must be bent to lift a foot


def torso_sway(
    dance: PoseSequence,
    robot: RobotModel,
    times_s: FloatArray,
    rate_hz: float,
    *,
    steps: bool = False,
) -> FloatArray:
    """Return how the torso should move away from its stand, (T, 5) of ``legs.TORSO_AXES``.

    Args:
        dance: The dancer.
        robot: The robot.
        times_s: Shape (T,), on the dance's clock, at ``rate_hz``.
        rate_hz: Samples per second.
        steps: Whether feet will lift: then the height is that over the lower foot.
    """
    joints = resample(dance.joint_positions_m, dance.times_s, times_s)
    frames = heading_frame(joints, rate_hz)
    ankles = ankles_seen(joints, frames)
    common = ankles.mean(axis=1)  # (T, 3)
    if steps:
        common[:, 2] = ankles[:, :, 2].min(axis=1)
    sway = -leg_scale(dance, robot) * common
    up = np.einsum("tji,tj->ti", frames, chest_frame(joints)[:, :, 2])
    roll, pitch = np.arctan2(-up[:, 1], up[:, 2]), np.arctan2(up[:, 0], up[:, 2])
    moved = np.column_stack([sway, LEAN_SHARE * roll, LEAN_SHARE * pitch])
    moved = np.clip(moved - np.median(moved, axis=0), -LARGEST, LARGEST)
    moved = low_passed(moved, CUTOFF_HZ, rate_hz)
    if steps:
        moved[:, 2] = np.minimum(moved[:, 2], HIGHEST_M)
    return moved


def knee_bends(dance: PoseSequence, times_s: FloatArray, rate_hz: float) -> FloatArray:
    """Return how much more than usual the dancer's knees bend. Shape (T, 2), rad, left first."""
    joints = resample(dance.joint_positions_m, dance.times_s, times_s)
    bends = []
    for side in SIDES:
        hip, knee, ankle = (joints[:, INDEX[f"{side}_{part}"]] for part in ("hip", "knee", "ankle"))
        thigh, shank = knee - hip, ankle - knee
        lengths = np.linalg.norm(thigh, axis=1) * np.linalg.norm(shank, axis=1)
        cosine = (thigh * shank).sum(axis=1) / np.maximum(lengths, SHORTEST_LEG_M**2)
        bends.append(np.arccos(np.clip(cosine, -1.0, 1.0)))
    both = np.stack(bends, axis=1)
    more = np.clip(both - np.median(both, axis=0), -MOST_BENT_RAD, MOST_BENT_RAD)
    return low_passed(more, KNEES_HZ, rate_hz)


def heading_frame(joint_positions_m: FloatArray, rate_hz: float) -> FloatArray:
    """Return the dancer's heading frames, columns x, y, z in the world. Shape (T, 3, 3)."""
    across = joint_positions_m[:, INDEX["left_hip"]] - joint_positions_m[:, INDEX["right_hip"]]
    yaw = np.unwrap(np.arctan2(-across[:, 0], across[:, 1]))
    yaw = low_passed(yaw[:, None], HEADING_HZ, rate_hz)[:, 0]
    cos, sin, zero, one = np.cos(yaw), np.sin(yaw), np.zeros(len(yaw)), np.ones(len(yaw))
    return np.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], axis=1).reshape(-1, 3, 3)


def ankles_seen(joint_positions_m: FloatArray, frames: FloatArray) -> FloatArray:
    """Return both ankles relative to the pelvis in the heading frame, (T, 2, 3), left first."""
    hips = [joint_positions_m[:, INDEX[f"{side}_hip"]] for side in SIDES]
    middle = (hips[0] + hips[1]) / 2.0
    ankles = [joint_positions_m[:, INDEX[f"{side}_ankle"]] - middle for side in SIDES]
    return np.stack([np.einsum("tji,tj->ti", frames, ankle) for ankle in ankles], axis=1)


def leg_scale(dance: PoseSequence, robot: RobotModel) -> float:
    """Return the robot's leg length over the dancer's, hip to ankle along the bones."""
    joints = dance.joint_positions_m
    dancer = 0.0
    for side in SIDES:
        for upper, lower in (("hip", "knee"), ("knee", "ankle")):
            bone = joints[:, INDEX[f"{side}_{upper}"]] - joints[:, INDEX[f"{side}_{lower}"]]
            dancer += float(np.median(np.linalg.norm(bone, axis=1))) / 2.0
    zero = forward_kinematics(robot, np.zeros((1, len(robot.joint_names))), robot.feet.values())
    places = {}
    for name in ("hip", "ankle"):
        link, at = robot.landmarks[f"left_{name}"]
        places[name] = zero.points(link, at)[0]
    return float(np.linalg.norm(places["hip"] - places["ankle"])) / max(dancer, SHORTEST_LEG_M)


def low_passed(values: FloatArray, cutoff_hz: float, rate_hz: float) -> FloatArray:
    """Return columns (T, n) without what is faster than a frequency, without delay."""
    padding = min(round(rate_hz / cutoff_hz), len(values) - 1)
    if cutoff_hz >= rate_hz / 2.0 or padding < 1:
        return np.asarray(values)
    filters = butter(2, cutoff_hz, fs=rate_hz, output="sos")
    return np.asarray(sosfiltfilt(filters, values, axis=0, padlen=padding))


assert len(LARGEST) == len(TORSO_AXES)
