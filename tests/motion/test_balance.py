"""The ZMP's price: its slopes, and what it does to a motion that would tip the robot."""

import numpy as np
import pytest
from robot_like_dancers import dancer_like

from robodance.config import MotionConfig
from robodance.motion.balance import BalanceTerm, upper_body_only
from robodance.motion.certificate import certify
from robodance.motion.plan import adapt
from robodance.motion.program import BandedQuadratic
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
STAND = upper_body_only(ROBOT, "StandInit")
ARMS = tuple(
    ROBOT.index(f"{s}{j}")
    for s in "LR"
    for j in ("ShoulderPitch", "ShoulderRoll", "ElbowYaw", "ElbowRoll")
)
STEP_S = 0.04
QUICK = MotionConfig(acceleration_per_velocity_per_s=16.0, zmp_margin_m=0.03)


def price(control, *, margin_m):
    base = np.tile(STAND.posture_rad, (len(control), 1))
    segments = np.arange(len(control) - 3)
    return BalanceTerm(
        STAND, ARMS, base, segments, STEP_S, per_step=2, margin_m=margin_m, weight=100.0
    )


def test_the_gradient_agrees_with_differences_for_fast_arms_too(rng):
    # A margin of 8 cm is missed everywhere.
    control = STAND.posture_rad[list(ARMS)] + 0.05 * rng.normal(size=(9, len(ARMS)))
    term = price(control, margin_m=0.08)
    model = BandedQuadratic(*control.shape)
    term.expand(control, model)
    assert np.abs(model.gradient).max() > 0.01
    for i in range(len(control)):
        for j in range(len(ARMS)):
            step = np.zeros_like(control)
            step[i, j] = 1e-6
            slope = (term.values(control + step) - term.values(control - step)).sum() / 2e-6
            assert model.gradient[i, j] == pytest.approx(slope, rel=1e-4, abs=1e-4)


def test_no_price_where_the_margin_is_kept():
    control = np.tile(STAND.posture_rad[list(ARMS)], (8, 1))
    assert price(control, margin_m=STAND.resting_margin() - 1e-3).values(control).sum() == 0.0
    assert price(control, margin_m=STAND.resting_margin() + 1e-3).values(control).sum() > 0.0


def swinging():
    """Both arms thrown forward and back, 1.2 rad twice a second."""
    times = np.arange(126) / 25.0
    motion = np.tile(STAND.posture_rad, (len(times), 1))
    for side in "LR":
        swing = 1.2 * np.sin(2.0 * np.pi * 2.0 * times)
        motion[:, ROBOT.index(f"{side}ShoulderPitch")] = 0.2 + swing
        motion[:, ROBOT.index(f"{side}ElbowRoll")] = -0.05 if side == "L" else 0.05
    return dancer_like(ROBOT, motion)


def test_with_the_price_the_margin_is_kept_and_without_it_is_not():
    kept = certify(adapt(swinging(), ROBOT, QUICK).plan, ROBOT)
    assert kept.clean
    assert kept.zmp_margin_m > QUICK.zmp_margin_m - 1e-4  # looked at 400 times a second
    lax = MotionConfig(
        acceleration_per_velocity_per_s=QUICK.acceleration_per_velocity_per_s, zmp_margin_m=-1.0
    )
    assert certify(adapt(swinging(), ROBOT, lax).plan, ROBOT).zmp_margin_m < 0.02


def test_the_price_leaves_the_dance_lively():
    adapted = adapt(swinging(), ROBOT, QUICK)
    assert adapted.retreated_share == 0.0
    pitch = adapted.plan.positions_rad[:, ROBOT.index("LShoulderPitch")]
    assert np.ptp(pitch[200:500]) > 0.8  # of 2.4 rad asked for, at full speed of the motors
