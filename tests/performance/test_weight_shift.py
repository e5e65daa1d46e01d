"""The pelvis answers where the soles press: what it feels, how far it goes, what it is good for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from test_inertial_feedback import carried_by, marcher

from robodance.config import MotionConfig, SimulationConfig
from robodance.motion.plan import plan_motion
from robodance.performance.conductor import conduct
from robodance.performance.disturbances import DISTURBANCES, DisturbedSimulation
from robodance.performance.felt import Felt, turned
from robodance.performance.inertial_feedback import InertialFeedback, Stabilised
from robodance.performance.trial import judge
from robodance.performance.weight_shift import BORNE_M, LARGEST_M, WeightShift
from robodance.robots.kinematics import center_of_mass, forward_kinematics
from robodance.robots.model import load_robot
from robodance.robots.stability import to_world

ROBOT = load_robot("nao_v6")
PERIOD_S = 1.0 / 240.0
HEIGHT_M = 0.26  # of a standing NAO's centre of mass, about


@pytest.fixture(scope="module")
def stepping():
    return plan_motion(marcher(), ROBOT, MotionConfig(balance="full-body"))


@pytest.fixture(scope="module")
def shift(stepping):
    return WeightShift(stepping, ROBOT, PERIOD_S)


@pytest.fixture(scope="module")
def standing(stepping):
    """Where its centre of mass is while the robot stands, (3,)."""
    rows = slice(10, 41)
    poses = forward_kinematics(ROBOT, stepping.positions_rad[rows])
    com = center_of_mass(ROBOT, poses)
    return to_world(stepping.torso_pose[rows], com).mean(axis=0).tolist()


def dance(plan, disturbance, *, weighs=True):
    """The shift that a disturbed dance comes to, and how it went."""
    config = SimulationConfig()
    with DisturbedSimulation(ROBOT, config, disturbance) as body:
        robot = Stabilised(body, config.servo_lag_s, weighs=weighs)
        log = conduct(plan, robot)
    trial = judge(plan, log, "", disturbance.known_delay_s, np.pi)
    return np.array(robot.feedback.answered.shift_m), trial


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_pelvis_moves_as_far_as_asked_over_soles_that_stay(stepping, shift, number):
    moment, asked = carried_by(stepping, number), np.array([0.012, -0.015])
    row = round(100 * moment)
    changed = stepping.positions_rad[row].copy()
    changed[shift.columns] += shift.legs(round(moment / PERIOD_S), asked)
    both = np.stack([stepping.positions_rad[row], changed])
    poses = forward_kinematics(ROBOT, both, ROBOT.feet.values())
    heading = Rotation.from_quat(stepping.torso_pose[row, 3:]).as_matrix()
    for foot in ROBOT.feet.values():
        place = poses.points(foot, np.zeros(3))
        turn = poses.rotations[:, poses.index(foot)]
        assert heading @ (place[0] - place[1]) == pytest.approx([*asked, 0.0], abs=0.002)
        # Made linear: a second order of (0.02 / 0.25 m)^2 is left.
        assert Rotation.from_matrix(turn[0].T @ turn[1]).magnitude() < np.radians(1.0)


def test_it_begins_and_ends_where_the_plan_does(stepping, shift):
    asked, steps = LARGEST_M * np.array([0.6, 0.8]), round(stepping.duration_s / PERIOD_S)
    way = np.stack([shift.legs(step, asked) for step in range(steps + 1)])
    assert not way[0].any()
    assert np.abs(way[-1]).max() < 1e-4  # rad: the last command comes up to one period earlier
    assert np.abs(np.diff(way, axis=0)).max() / PERIOD_S < 0.2 * 4.16  # rad/s, of the slowest motor


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("kind", "far_m"), [("com", 0.01), ("tilt", HEIGHT_M * np.tan(0.035))])
def test_it_feels_how_far_a_load_or_a_slope_puts_its_weight_off(stepping, kind, far_m, seed):
    moved, _trial = dance(stepping, replace(DISTURBANCES[kind], seed=seed))
    sides = np.random.default_rng([seed, 1]).uniform(0.0, 2.0 * np.pi, size=2)
    aside = sides[0 if kind == "tilt" else 1]
    against = -(far_m - BORNE_M) * np.array([np.cos(aside), np.sin(aside)])
    assert moved == pytest.approx(against, abs=0.003)


def test_a_robot_as_planned_dances_as_planned(stepping):
    moved, _trial = dance(stepping, DISTURBANCES["nominal"])
    assert not moved.any()


def test_what_is_far_off_is_answered_up_to_a_bound(shift):
    for off in ([1.0, 0.0], [-0.3, 2.0]):
        moved = shift.against(Felt().pressing(*off), 0.0, 0.0)
        assert np.linalg.norm(moved) == pytest.approx(LARGEST_M)
        assert np.dot(moved, off) < 0.0


@given(by_plan=st.floats(-3.0, 3.0), astray=st.floats(-3.0, 3.0), heading=st.floats(-3.0, 3.0))
def test_a_slope_stays_where_it_is_and_a_load_turns_with_the_robot(
    shift, standing, by_plan, astray, heading
):
    x, y, height = standing
    roll, pitch = 0.02, 0.05
    forward, left = turned((height * pitch, -height * roll), heading)  # as the floor leans
    load = Felt().pressing(x + forward, y + left)
    slope = load.leaning(roll, pitch, heading)
    begins = shift.against(load, 0.0, 0.0)
    assert shift.against(slope, by_plan, 0.0) == pytest.approx(begins, abs=1e-9)
    as_it_lies = pytest.approx(turned(begins, -astray), abs=1e-9)
    assert shift.against(slope, by_plan, astray) == as_it_lies
    assert shift.against(load, by_plan, astray) == pytest.approx(turned(begins, by_plan), abs=1e-9)


def test_planted_soles_and_the_settings_switch_it_off(stepping):
    planted = replace(stepping, support=np.zeros_like(stepping.support))
    assert not InertialFeedback(planted, ROBOT, PERIOD_S, 0.0, weighs=True).feels
    feeling, numb = (
        InertialFeedback(stepping, ROBOT, PERIOD_S, 0.0, weighs=weighs) for weighs in (True, False)
    )
    upright, aside = np.array([0.0, 0.0, 0.0, 1.0]), np.array([0.1, 0.1])
    felt = []
    for _ in range(120):
        felt.append(feeling.feels)
        feeling.answer(upright, aside if feeling.feels else None)
        assert not numb.feels
        numb.answer(upright, None)
    assert not felt[0]
    assert any(felt)
    assert not felt[-1]
    assert any(feeling.answered.shift_m)
    assert not any(numb.answered.shift_m)


def test_a_plan_that_begins_on_one_foot_is_not_weighed(stepping):
    lifted = stepping.support.copy()
    lifted[:30] = 1
    steps = range(round(0.5 / PERIOD_S))
    at_once = replace(stepping, support=lifted)
    for plan, feels in ((at_once, False), (stepping, True)):
        robot = InertialFeedback(plan, ROBOT, PERIOD_S, 0.0, weighs=True)
        felt = []
        for _ in steps:
            felt.append(robot.feels)
            robot.answer(plan.torso_pose[0, 3:], np.array([0.1, 0.1]))
        assert any(felt) == feels
        assert any(robot.answered.shift_m) == feels


@pytest.mark.parametrize("seed", [2, 6])  # of seven, those that fall without; none does with it
def test_loaded_on_a_slope_among_all_else_it_stands_where_it_would_fall(stepping, seed):
    else_all = replace(DISTURBANCES["together"], mass_share=1.0, torque_share=1.0, seed=seed)
    _moved, with_it = dance(stepping, else_all)
    _moved, without = dance(stepping, else_all, weighs=False)
    assert with_it.fell_s is None
    assert without.fell_s is not None
