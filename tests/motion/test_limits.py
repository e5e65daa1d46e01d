"""The rows that the planner obeys are the robot's limits, never looser."""

from dataclasses import replace

import numpy as np
import pytest
from robot_like_dancers import waving

from robodance.config import MotionConfig
from robodance.errors import UnreachableLimits
from robodance.motion.limits import convex_region, joint_limits, limit_rows, require_reachable
from robodance.motion.plan import plan_motion
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
TABLES = {pair.joint: pair for pair in ROBOT.coupled_limits}


@pytest.mark.parametrize("joint", sorted(TABLES))
def test_the_convex_region_lies_inside_the_table(joint):
    pair = TABLES[joint]
    coefficients, bounds = convex_region(pair)
    driver, angle = np.meshgrid(np.linspace(-2.2, 2.2, 441), np.linspace(-0.9, 0.9, 361))
    points = np.column_stack([driver.ravel(), angle.ravel()])
    inside = (points @ coefficients.T <= bounds + 1e-12).all(axis=1)
    assert inside.any()
    low = np.interp(points[inside, 0], pair.driver_rad, pair.lower_rad)
    high = np.interp(points[inside, 0], pair.driver_rad, pair.upper_rad)
    assert (points[inside, 1] >= low - 1e-9).all()
    assert (points[inside, 1] <= high + 1e-9).all()


def test_the_convex_region_keeps_most_of_the_head_table():
    pair = TABLES["HeadPitch"]
    coefficients, bounds = convex_region(pair)
    driver, angle = np.meshgrid(np.linspace(-1.0, 1.0, 201), np.linspace(-0.7, 0.55, 201))
    points = np.column_stack([driver.ravel(), angle.ravel()])
    allowed = points[:, 1] >= np.interp(points[:, 0], pair.driver_rad, pair.lower_rad)
    allowed &= points[:, 1] <= np.interp(points[:, 0], pair.driver_rad, pair.upper_rad)
    kept = (points @ coefficients.T <= bounds).all(axis=1)
    # Corners are lost: looking far up while looking sideways. Measured 0.92.
    assert kept.sum() > 0.88 * allowed.sum()


@pytest.mark.parametrize("posture", ROBOT.standing_postures)
def test_a_robot_that_stands_still_obeys_every_row(posture):
    names = ("HeadYaw", "HeadPitch", "LShoulderPitch", "RElbowRoll")
    rows = limit_rows(joint_limits(ROBOT, MotionConfig()).of(names), 8, 0.04)
    still = np.tile(ROBOT.posture(posture)[[ROBOT.index(name) for name in names]], 8)
    values = rows.matrix @ still
    assert (values <= rows.upper + 1e-12).all()
    assert (values >= rows.lower - 1e-12).all()


def test_limits_are_those_of_the_robot_and_the_acceleration_follows_the_velocity():
    limits = joint_limits(ROBOT, MotionConfig(acceleration_per_velocity_per_s=4.0))
    np.testing.assert_array_equal(limits.position_rad, ROBOT.position_limits_rad)
    np.testing.assert_array_equal(limits.velocity_rad_s, ROBOT.velocity_limits_rad_s)
    np.testing.assert_allclose(limits.acceleration_rad_s2, 4.0 * ROBOT.velocity_limits_rad_s)


def test_limits_that_cannot_hold_the_start_posture_are_named():
    narrow = np.array(ROBOT.position_limits_rad)
    narrow[ROBOT.index("LElbowRoll")] = [-0.5, -0.1]
    robot = replace(ROBOT, position_limits_rad=narrow)
    with pytest.raises(UnreachableLimits, match=r"'LElbowRoll' stands at -1\.0100 .* 0 s"):
        plan_motion(waving(ROBOT)[1], robot, MotionConfig())


def test_a_joint_that_can_never_move_is_named():
    speeds = np.array(ROBOT.velocity_limits_rad_s)
    speeds[ROBOT.index("RElbowYaw")] = 0.0
    limits = joint_limits(replace(ROBOT, velocity_limits_rad_s=speeds), MotionConfig())
    with pytest.raises(UnreachableLimits, match="'RElbowYaw' has a velocity limit of 0"):
        require_reachable(limits, ROBOT.posture("StandInit"), "StandInit")
