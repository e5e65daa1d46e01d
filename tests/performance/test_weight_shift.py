"""The trunk answers where the soles press: what it feels, how far it goes, what it is good for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from test_inertial_feedback import carried_by, marcher

from robodance.config import MotionConfig, SimulationConfig
from robodance.motion.plan import plan_motion
from robodance.performance import weight_shift
from robodance.performance.conductor import conduct
from robodance.performance.disturbances import DISTURBANCES, DisturbedSimulation
from robodance.performance.felt import Felt, turned
from robodance.performance.inertial_feedback import InertialFeedback, Stabilised
from robodance.performance.trial import judge
from robodance.performance.weight_shift import (
    FELT_M,
    FELT_RAD,
    LARGEST_LEAN_RAD,
    LARGEST_M,
    LEAN_RAD_PER_M,
    LEANT_SHARE,
    Shift,
    WeightShift,
)
from robodance.robots.kinematics import (
    center_of_mass,
    forward_kinematics,
    topological_joints,
)
from robodance.robots.legs import FeetPoses, legs_under
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
    """The shift that a disturbed dance begins with, and how it went."""
    config = SimulationConfig()
    with DisturbedSimulation(ROBOT, config, disturbance) as body:
        robot = Stabilised(body, config.servo_lag_s, weighs=weighs)
        log = conduct(plan, robot)
    trial = judge(plan, log, "", disturbance.known_delay_s, np.pi)
    return robot.feedback.answered, trial


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_trunk_moves_and_leans_as_far_as_asked_over_soles_that_stay(stepping, shift, number):
    moment = carried_by(stepping, number)
    asked = Shift((0.012, -0.015), (-0.06, 0.05))
    row = round(100 * moment)
    changed = stepping.positions_rad[row].copy()
    changed[shift.columns] += shift.legs(round(moment / PERIOD_S), asked)
    both = np.stack([stepping.positions_rad[row], changed])
    poses = forward_kinematics(ROBOT, both, ROBOT.feet.values())
    heading = Rotation.from_quat(stepping.torso_pose[row, 3:])
    risen = []
    leaning = Rotation.from_rotvec([*asked.turned_rad, 0.0])
    for foot in ROBOT.feet.values():
        place = poses.points(foot, np.zeros(3))
        turn = Rotation.from_matrix(poses.rotations[:, poses.index(foot)])
        before = heading.apply(place[0])
        after = (leaning * heading).apply(place[1]) + np.array([*asked.moved_m, 0.0])
        # Made linear: of second order are (0.02 / 0.25 m)^2 and 0.08^2 of the legs' length.
        assert after[:2] == pytest.approx(before[:2], abs=0.003)
        risen.append(before[2] - after[2])
        # The torso cannot choose its heading: turned feet are that of all the body.
        beside = (heading * turn[0]).inv() * leaning * heading * turn[1]
        assert np.abs(beside.as_rotvec()[:2]).max() < np.radians(1.5)
    assert risen[0] == pytest.approx(risen[1], abs=0.003)  # it may rise or sink, on both feet
    assert np.abs(risen).max() < 0.01


def test_a_leg_that_is_nearly_straight_and_leans_makes_the_trunk_sink_not_turn(
    stepping, monkeypatch
):
    """A stand whose knees are bent by some degrees, 50 mm beside the middle of its feet."""
    torso = np.array([[*stepping.torso_pose[0, :3], 0.0, 0.0]])
    feet = FeetPoses.standing(ROBOT, stepping.positions_rad[0], stepping.torso_pose[0])
    start, heading = stepping.positions_rad[:1], np.zeros(1)
    torso[0, 1] += 0.05
    found = legs_under(ROBOT, torso, feet, start, heading)
    knee = ROBOT.index("RKneePitch")
    while found.positions_rad[0, knee] > 0.15:
        torso[0, 2] += 0.0005
        found = legs_under(ROBOT, torso, feet, found.positions_rad, heading)
    plan = replace(
        stepping,
        positions_rad=np.tile(found.positions_rad, (len(stepping.times_s), 1)),
        torso_pose=np.tile(
            [*torso[0, :3], 0.0, 0.0, np.sin(found.yaw_rad[0] / 2), np.cos(found.yaw_rad[0] / 2)],
            (len(stepping.times_s), 1),
        ),
    )

    def askew_rad():
        """How much further the feet are turned than asked, at the most."""
        shift = WeightShift(plan, ROBOT, PERIOD_S)
        step = round(4.0 / PERIOD_S)
        changed = plan.positions_rad[0].copy()
        changed[shift.columns] += shift.legs(step, Shift((0.0, 0.01), (0.0, 0.0)))
        both = np.stack([plan.positions_rad[0], changed])
        poses = forward_kinematics(ROBOT, both, ROBOT.feet.values())
        turns = [poses.rotations[:, poses.index(foot)] for foot in ROBOT.feet.values()]
        beside = [Rotation.from_matrix(before.T @ after).magnitude() for before, after in turns]
        return max(beside)

    assert askew_rad() < np.radians(0.5)
    monkeypatch.setattr(weight_shift, "_knees_as_bent", lambda robot, slopes: slopes)
    assert askew_rad() > np.radians(2.0)


def hips_used(plan, disturbance, *, weighs):
    """What the hips' rolls hold, of what they can: the tenth of the time when it is most."""
    config, torques = SimulationConfig(), []
    hips = [ROBOT.index(f"{side}HipRoll") for side in "LR"]
    with DisturbedSimulation(ROBOT, config, disturbance) as body:
        robot = Stabilised(body, config.servo_lag_s, weighs=weighs)
        conduct(plan, robot, watch=lambda _: torques.append(body.observe().torques_nm[hips]))
    most = np.abs(torques).max(axis=1) / ROBOT.effort_limits_nm[hips[0]]
    return np.quantile(most, 0.9)


def test_leaning_against_a_load_takes_its_moment_off_the_hips(stepping, monkeypatch):
    as_planned = hips_used(stepping, DISTURBANCES["nominal"], weighs=True)

    def loaded(weighs):
        """The mean of four sides: two soles that stick load hips against each other, too."""
        sides = [replace(DISTURBANCES["com"], seed=seed) for seed in (1, 2, 3, 4)]
        return np.mean([hips_used(stepping, side, weighs=weighs) for side in sides])

    without = loaded(weighs=False) - as_planned
    assert without > 0.06
    some = loaded(weighs=True) - as_planned
    monkeypatch.setattr(weight_shift, "LEANT_SHARE", 1.0)
    assert loaded(weighs=True) - as_planned < 0.03
    assert some < without - 0.5 * LEANT_SHARE * (without - 0.03)  # at least half of its share


def test_a_trunk_that_leans_against_all_of_a_load_has_less_room_to_rock(stepping, monkeypatch):
    def tilt():
        sides = [replace(DISTURBANCES["com"], seed=seed) for seed in (1, 2, 3, 4)]
        return np.degrees(max(dance(stepping, side)[1].tilt_rad for side in sides))

    assert tilt() < 3.5  # 2.75 of it are leant on purpose
    monkeypatch.setattr(weight_shift, "LEANT_SHARE", 1.0)
    assert tilt() > 4.6


def test_it_begins_and_ends_where_the_plan_does(stepping, shift):
    steps = round(stepping.duration_s / PERIOD_S)
    asked = Shift(
        (0.6 * LARGEST_M, 0.8 * LARGEST_M), (-0.8 * LARGEST_LEAN_RAD, 0.6 * LARGEST_LEAN_RAD)
    )
    way = np.stack([shift.legs(step, asked) for step in range(steps + 1)])
    assert not way[0].any()
    assert np.abs(way[-1]).max() < 1e-4  # rad: the last command comes up to one period earlier
    assert np.abs(np.diff(way, axis=0)).max() / PERIOD_S < 0.2 * 4.16  # rad/s, of the slowest motor


def hips_m():
    """How far the hips are below the trunk's origin."""
    return -topological_joints(ROBOT, [ROBOT.feet["left"]])[0].origin_m[2]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_leans_about_its_hips_against_a_load(stepping, seed):
    answered, _trial = dance(stepping, replace(DISTURBANCES["com"], seed=seed))
    aside = np.random.default_rng([seed, 1]).uniform(0.0, 2.0 * np.pi, size=2)[1]
    load = -0.01 * np.array([np.cos(aside), np.sin(aside)])
    lean = LEANT_SHARE * LEAN_RAD_PER_M * load
    x, y = answered.shift.turned_rad
    assert [y, -x] == pytest.approx(lean, abs=0.03)  # 3.5 mm: it hardly stands still yet
    left = (1.0 - LEANT_SHARE) / (LEANT_SHARE * LEAN_RAD_PER_M)  # of the load, per lean
    moved = (hips_m() + left) * np.array([y, -x])
    assert answered.shift.moved_m == pytest.approx(moved, abs=1e-9)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_stands_upright_on_a_slope_its_weight_where_it_would_be(stepping, seed):
    answered, trial = dance(stepping, replace(DISTURBANCES["tilt"], seed=seed))
    aside = np.random.default_rng([seed, 1]).uniform(0.0, 2.0 * np.pi, size=2)[0]
    down = np.array([np.cos(aside), np.sin(aside)])
    x, y = answered.shift.turned_rad
    assert [y, -x] == pytest.approx(-np.radians(2.0) * down, abs=0.006)
    assert answered.shift.moved_m == pytest.approx(-HEIGHT_M * np.radians(2.0) * down, abs=0.003)
    assert trial.fell_s is None


def test_a_robot_as_planned_dances_as_planned(stepping):
    for kind in ("nominal", "lag"):
        answered, _trial = dance(stepping, DISTURBANCES[kind])
        assert answered.shift == Shift()


def test_what_is_far_off_is_answered_up_to_a_bound(shift):
    for off in ([1.0, 0.0], [-0.3, 2.0]):
        moved = shift.against(Felt().pressing(*off), 0.0, 0.0)
        x, y = moved.turned_rad
        assert np.hypot(x, y) == pytest.approx(LARGEST_LEAN_RAD)
        most = LARGEST_M + hips_m() * LARGEST_LEAN_RAD
        assert np.linalg.norm(moved.moved_m) == pytest.approx(most, abs=1e-4)
        assert np.dot(moved.moved_m, off) < 0.0
        assert np.dot([y, -x], off) < 0.0


def test_what_is_no_further_off_than_a_robot_that_settles_is_left_alone(shift, standing):
    x, y, _height = standing
    near = Felt().pressing(x + 0.6 * FELT_M, y - 0.6 * FELT_M)
    assert shift.against(near.leaning(0.6 * FELT_RAD, 0.0, 0.0), 0.0, 0.0) == Shift()
    far = Felt().pressing(x + 1.5 * FELT_M, y)
    assert shift.against(far, 0.0, 0.0).turned_rad[1] < 0.0


@given(by_plan=st.floats(-3.0, 3.0), astray=st.floats(-3.0, 3.0), heading=st.floats(-3.0, 3.0))
def test_a_slope_stays_where_it_is_and_a_load_turns_with_the_robot(
    shift, standing, by_plan, astray, heading
):
    x, y, height = standing
    roll, pitch = 0.02, 0.05
    forward, left = turned((height * pitch, -height * roll), heading)  # as the floor leans
    load = Felt().pressing(x + forward, y + left)
    slope = load.leaning(roll, pitch, heading)

    def parts(felt, by_plan, astray):
        shifted = shift.against(felt, by_plan, astray)
        return np.array([shifted.moved_m, shifted.turned_rad])

    def all_turned(before, angle):
        return pytest.approx(np.array([turned(part, angle) for part in before]), abs=1e-9)

    begins = parts(slope, 0.0, 0.0)
    assert parts(slope, by_plan, 0.0) == all_turned(begins, 0.0)
    assert parts(slope, by_plan, astray) == all_turned(begins, -astray)
    assert parts(load, by_plan, astray) == all_turned(parts(load, 0.0, 0.0), by_plan)


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
    assert feeling.answered.shift != Shift()
    assert numb.answered.shift == Shift()


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
        assert (robot.answered.shift != Shift()) == feels


def test_loaded_on_a_slope_among_all_else_it_stands_where_it_would_fall(stepping):
    """Load and slope half again as much as they are in the benchmark, on a floor that grips."""
    more = {"com_error_m": 0.015, "floor_tilt_rad": float(np.radians(3.0)), "friction": 0.8}
    # Of eight seeds, the one with which it falls without; with it, it falls with none.
    else_all = replace(DISTURBANCES["together"], **more, seed=2)
    _answered, with_it = dance(stepping, else_all)
    _answered, without = dance(stepping, else_all, weighs=False)
    assert with_it.fell_s is None
    assert without.fell_s is not None
