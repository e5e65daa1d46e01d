"""How a NAO stands: its lean, and where its weight acts, told from its sensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.robots.foot_sensors import FSR_POSITIONS_M
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import RobotModel
from robodance.robots.stability import stability_margin, support_polygon, to_world
from robodance.values import FloatArray, Plan

__all__ = ["SENSOR_KEYS", "lean_beside", "leaning_torso", "zmp_margin"]

LEAST_KG = 0.5


def _key(side: str, place: str) -> str:
    return f"Device/SubDeviceList/{side[0].upper()}Foot/FSR/{place}/Sensor/Value"


SENSOR_KEYS = tuple(
    _key(side, place) for side, places in FSR_POSITIONS_M.items() for place in places
)


def lean_beside(plan: Plan, moment_s: float, tilt_rad: tuple[float, float]) -> FloatArray:
    """Return how the trunk leans beside its plan: a turn, quaternion (4,), in the heading frame.

    Args:
        plan: The plan.
        moment_s: Robot time on it at which the sensor was read.
        tilt_rad: What the inertial unit says: the trunk's angles about x and y.
    """
    planned, _ = _tilt_and_heading(plan, moment_s)
    return np.asarray((Rotation.from_euler("xy", tilt_rad) * planned.inv()).as_quat())


def leaning_torso(plan: Plan, moment_s: float, lean: FloatArray | None) -> FloatArray:
    """Return the planned torso pose (7,), turned as it was found to lean; None: not told."""
    pose = np.array(plan.torso_pose[_nearest(plan, moment_s)])
    if lean is not None:
        tilt, heading = _tilt_and_heading(plan, moment_s)
        pose[3:] = (heading * Rotation.from_quat(lean) * tilt).as_quat()
    return pose


def _nearest(plan: Plan, moment_s: float) -> int:
    return int(np.clip(np.searchsorted(plan.times_s, moment_s), 0, len(plan.times_s) - 1))


def _tilt_and_heading(plan: Plan, moment_s: float) -> tuple[Rotation, Rotation]:
    """Return the planned trunk's turn in two parts: its tilt, then the way it faces."""
    turn = Rotation.from_quat(plan.torso_pose[_nearest(plan, moment_s), 3:])
    roll, pitch, yaw = turn.as_euler("xyz")
    return Rotation.from_euler("xy", [roll, pitch]), Rotation.from_euler("z", yaw)


def zmp_margin(robot: RobotModel, plan: Plan, seen: Mapping[str, Any]) -> float:
    """Return how far the weight's point lies inside the soles, planted as the plan has them.

    Args:
        robot: The robot.
        plan: Its first posture says where the feet are.
        seen: Keys of ALMemory and their values.

    Returns:
        Metres; 0 with no weight on the feet, NaN where the robot does not say.
    """
    if any(seen.get(key) is None for key in SENSOR_KEYS):
        return float("nan")
    poses = forward_kinematics(robot, plan.positions_rad[:1], robot.feet.values())
    total, moment = 0.0, np.zeros(2)
    for side, places in FSR_POSITIONS_M.items():
        for place, (x, y) in places.items():
            at = poses.points(robot.feet[side], np.array([x, y, -robot.sole_height_m]))
            weight = float(seen[_key(side, place)])
            moment += weight * to_world(plan.torso_pose[:1], at)[0, :2]
            total += weight
    if total < LEAST_KG:
        return 0.0
    hull = support_polygon(robot, plan.positions_rad[0], plan.torso_pose[0], 0)
    return float(stability_margin((moment / total)[None], hull)[0])
