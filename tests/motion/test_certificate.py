"""The certificate finds what is wrong with a plan, and nothing in a good one."""

from dataclasses import replace

import numpy as np
import pytest
from robot_like_dancers import waving

from robodance.config import MotionConfig
from robodance.motion.balance import upper_body_only
from robodance.motion.certificate import certify
from robodance.motion.plan import plan_motion
from robodance.motion.spline import fit_spline
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")


@pytest.fixture(scope="module")
def plan():
    return plan_motion(waving(ROBOT)[1], ROBOT, MotionConfig())


def spoiled(plan, joint, bump):
    """Add a smooth bump in the middle of one joint's motion."""
    positions = np.array(plan.positions_rad)
    middle, width = len(positions) // 2, 50
    shape = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(width) / (width - 1))
    start = middle - width // 2
    positions[start : start + width, ROBOT.index(joint)] += bump * shape**2
    return replace(plan, positions_rad=positions)


def broken(plan):
    return {kind for kind, count in certify(plan, ROBOT).violations.items() if count}


def test_a_good_plan_is_clean(plan):
    assert certify(plan, ROBOT).clean


def test_leaving_a_range_is_found(plan):
    assert "position" in broken(spoiled(plan, "LWristYaw", 2.5))


def test_leaving_a_coupled_range_is_found(plan):
    turned = spoiled(plan, "HeadYaw", 1.2)
    found = broken(spoiled(turned, "HeadPitch", 0.45))
    assert "coupled" in found
    assert "position" not in found  # each of the two alone is in its range


def test_being_too_fast_is_found(plan):
    assert {"velocity", "acceleration"} <= broken(spoiled(plan, "RShoulderPitch", 1.2))


def test_an_excess_between_the_samples_is_found(plan):
    """Samples zigzag within the limits of differences; the curve through them does not."""
    positions = np.array(plan.positions_rad)
    column = ROBOT.index("RWristYaw")
    step = 0.9 * plan.acceleration_limits_rad_s2[column] * 0.01**2 / 4.0
    positions[300:340, column] += step * (-1.0) ** np.arange(40)
    second = np.abs(np.diff(positions[:, column], 2)).max() / 0.01**2
    assert second < plan.acceleration_limits_rad_s2[column]
    assert "acceleration" in broken(replace(plan, positions_rad=positions))


def test_touching_oneself_is_found(plan):
    positions = np.tile(ROBOT.posture("StandInit"), (len(plan.times_s), 1))
    columns = [
        ROBOT.index(f"L{j}") for j in ("ShoulderPitch", "ShoulderRoll", "ElbowYaw", "ElbowRoll")
    ]
    share = 0.5 - 0.5 * np.cos(2.0 * np.pi * plan.times_s / plan.times_s[-1])
    inside = np.array([1.2, -0.3, -0.2, -1.5])
    positions[:, columns] += share[:, None] * (inside - positions[0, columns])
    found = certify(replace(plan, positions_rad=positions), ROBOT)
    assert found.violations["self_collision"] > 0
    assert found.clearance_m < -0.005
    assert "LHand" in found.clearance_links or "LForeArm" in found.clearance_links
    assert found.clearance_time_s == pytest.approx(plan.times_s[-1] / 2.0, abs=0.5)
    # The count is that of the samples at 1 kHz, though most were skipped.
    assert found.violations["velocity"] == 0
    assert 0 < found.violations["self_collision"] < 1000 * plan.duration_s


def test_tipping_is_found(plan):
    leaning = np.array(plan.torso_pose)
    tilt = np.radians(25.0)
    leaning[:, 3:] = [0.0, np.sin(tilt / 2), 0.0, np.cos(tilt / 2)]
    found = certify(replace(plan, torso_pose=leaning), ROBOT)
    assert found.violations["balance"] > 0
    assert found.zmp_margin_m < 0.0


def test_it_agrees_with_the_planners_own_numbers(plan):
    spline = fit_spline(plan.positions_rad[::4], 0.04)
    found = certify(plan, ROBOT)
    speed = np.abs(spline.velocity_control()).max(axis=0) / plan.velocity_limits_rad_s
    push = np.abs(spline.acceleration_control()).max(axis=0) / plan.acceleration_limits_rad_s2
    for j, joint in enumerate(found.joints):
        assert joint.velocity_share <= speed[j] + 1e-6  # control points bound the curve
        # Acceleration is linear between knots, and 1 kHz has the knots.
        assert joint.acceleration_share == pytest.approx(push[j], abs=1e-6)
    stand = upper_body_only(ROBOT, "StandInit")
    margins = stand.zmp_margins(spline, np.arange(0.0, spline.end_s, 0.01))
    assert found.zmp_margin_m == pytest.approx(margins.min(), abs=2e-3)  # m, between samples


def test_heat_is_the_torque_that_holds_the_arms(plan):
    shares = certify(plan, ROBOT).torque_shares
    assert set(shares) == set(ROBOT.joint_names) - set(ROBOT.hands)
    assert all(0.0 <= share < 2.0 for share in shares.values())
    # A V6's shoulder pitch is its weakest motor for its load.
    arms = {name: s for name, s in shares.items() if "Shoulder" in name or "Elbow" in name}
    assert max(arms, key=arms.get).endswith("ShoulderPitch")
