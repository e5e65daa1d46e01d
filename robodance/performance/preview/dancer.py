"""The dancer of the page: a person at the robot's size, beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from robodance.performance.preview.times import PageTimes
from robodance.performance.preview.tracks import track
from robodance.robots.kinematics import forward_kinematics, landmark_positions
from robodance.robots.model import RobotModel
from robodance.robots.stability import to_world
from robodance.skeleton import BONES, INDEX, LOCAL_POSITIONS, encode_pose, facing_direction
from robodance.values import FloatArray, Plan

__all__ = ["dancer_figure"]

STEP_M = 1e-3  # of a person
YAW_STEP_RAD = 2e-3
SHOULDERS = ("right_shoulder", "left_shoulder")
USUAL_SCALE = 0.33  # of a NAO, where a robot's shoulders are not known


def dancer_figure(
    plan: Plan, robot: RobotModel, times: PageTimes, rate_hz: float
) -> dict[str, Any] | None:
    """Return the dancer's joints seen from its own body, and how it turns.

    Args:
        plan: Holds the dancer.
        robot: Who follows.
        times: The page's time.
        rate_hz: Samples per second.

    Returns:
        Plain values; None when the plan holds no dancer that moves.
    """
    joints, own_s = plan.human_joints_m, plan.human_times_s
    if len(joints) < 2 or not np.ptp(joints, axis=1).any():
        return None
    even = times.even(rate_hz)
    seen = np.column_stack([
        np.interp(even, own_s, channel) for channel in joints.reshape(len(joints), -1).T
    ]).reshape(-1, *joints.shape[1:])
    facing = facing_direction(seen, rate_hz)
    yaw = np.unwrap(np.arctan2(facing[:, 1], facing[:, 0]))
    local = encode_pose(seen, rate_hz)[:, LOCAL_POSITIONS]
    return {
        "bones": [list(bone) for bone in BONES],
        "index": {name: INDEX[name] for name in ("waist", "head_right", "head_left", *SHOULDERS)},
        "scale": _scale(plan, robot, joints),
        "joints": track(local, STEP_M, times.start_s, rate_hz),
        "yaw": track(yaw[:, None], YAW_STEP_RAD, times.start_s, rate_hz),
    }


def _scale(plan: Plan, robot: RobotModel, joints_m: FloatArray) -> float:
    """Return the robot's height over the dancer's, both at the shoulders, standing."""
    if not set(SHOULDERS) <= set(robot.landmarks):
        return USUAL_SCALE
    found = landmark_positions(robot, forward_kinematics(robot, plan.positions_rad[:1]))
    high = [to_world(plan.torso_pose[:1], found[name])[0, 2] for name in SHOULDERS]
    shoulders = joints_m[:, [INDEX[name] for name in SHOULDERS], 2].mean(axis=1)
    return float(np.mean(high) / max(float(np.percentile(shoulders, 95)), 0.1))
