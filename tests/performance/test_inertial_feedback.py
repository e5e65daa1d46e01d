"""Ankles and hips answer the trunk's lean: which way, how much, and what it is good for."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from still_dancer import STILL

from robodance.config import MotionConfig, SimulationConfig
from robodance.motion.plan import plan_motion
from robodance.performance import inertial_feedback, turning_back
from robodance.performance.backends.simulation import PyBulletSimulation
from robodance.performance.conductor import conduct, tilt_between
from robodance.performance.disturbances import DISTURBANCES, DisturbedSimulation
from robodance.performance.inertial_feedback import (
    FASTEST_RAD_S,
    LARGEST_RAD,
    LEAN_GAIN,
    SWING_FREE_RAD,
    InertialFeedback,
    Stabilised,
    stabilised,
)
from robodance.performance.trial import run_trial
from robodance.robots.model import load_robot
from robodance.skeleton import INDEX, pose_sequence

ROBOT = load_robot("nao_v6")
PERIOD_S = 1.0 / 240.0
BETWEEN_RAD = 1e-4  # quaternions and angles between samples: headings that are none
AT = {name: k for k, name in enumerate(ROBOT.joint_names)}


def marcher(seconds=8.0, every_s=0.7):
    """A dancer who lifts one foot after the other."""
    times = np.arange(0.0, seconds, 0.04)
    joints = np.zeros((len(times), len(INDEX), 3))
    for name, place in STILL.items():
        joints[:, INDEX[name]] = place
    number, since = np.divmod(times, every_s)
    up = 0.16 * np.sin(np.pi * np.clip(since / (0.6 * every_s), 0.0, 1.0)) ** 2
    for turn, side in enumerate(("left", "right")):
        for part in ("ankle", "heel", "toe"):
            joints[:, INDEX[f"{side}_{part}"], 2] += np.where(number % 2 == turn, up, 0.0)
    beats = every_s * (np.arange(round(seconds / every_s)) + 0.6)
    return pose_sequence(joints, 25.0, beats_s=beats)


@pytest.fixture(scope="module")
def stepping():
    return plan_motion(marcher(), ROBOT, MotionConfig(balance="full-body"))


def turned(plan, row, roll=0.0, pitch=0.0):
    """The planned orientation at a row, leaning more by roll and pitch."""
    yaw, p, r = Rotation.from_quat(plan.torso_pose[row, 3:]).as_euler("ZYX")
    return Rotation.from_euler("ZYX", [yaw, p + pitch, r + roll]).as_quat()


def settled(plan, moment_s, **lean):
    """What is added after a lean beside the plan has lasted from a moment on."""
    feedback = InertialFeedback(plan, ROBOT, PERIOD_S, 0.0, weighs=False)
    first = round(moment_s / PERIOD_S)
    for step in range(first + 30):
        row = min(round(step * PERIOD_S * 100), len(plan.times_s) - 1)
        feedback.answer(turned(plan, row, **(lean if step >= first else {})))
    return feedback.added_rad


def carried_by(plan, number):
    """A moment in the middle of a phase on one foot (1, 2) or both (0)."""
    rows = np.flatnonzero(plan.support == number)
    middle = rows[len(rows) // 2]
    start = middle - np.argmax(plan.support[middle::-1] != number) + 1
    return (start + 5) / 100.0


def test_nothing_is_added_while_the_trunk_is_where_it_should_be(stepping):
    row = round(100 * carried_by(stepping, 1))
    feedback = InertialFeedback(stepping, ROBOT, PERIOD_S, 0.0, weighs=False)
    times = np.arange(0.0, row / 100.0, PERIOD_S)
    columns = [np.interp(times, stepping.times_s, c) for c in stepping.torso_pose[:, 3:].T]
    for turn in np.stack(columns, axis=1):
        feedback.answer(turn / np.linalg.norm(turn))
    assert np.abs(feedback.added_rad).max() < BETWEEN_RAD


@pytest.mark.parametrize(("number", "stands", "swings"), [(1, "L", "R"), (2, "R", "L")])
def test_the_foot_that_carries_pushes_back_and_the_one_that_swings_stays_level(
    stepping, number, stands, swings
):
    moment = carried_by(stepping, number)
    forward = settled(stepping, moment, pitch=0.05)
    enough = 0.5 * LEAN_GAIN * 0.05  # bounded in speed, it may still be on its way
    assert forward[AT[f"{stands}AnklePitch"]] > enough  # toes down: the body goes back
    assert forward[AT[f"{swings}HipPitch"]] < -0.01  # the leg goes forward as the trunk does
    assert forward[AT[f"{swings}AnklePitch"]] == pytest.approx(0.0, abs=0.01)
    aside = settled(stepping, moment, roll=0.05)
    assert aside[AT[f"{stands}AnkleRoll"]] > enough
    assert aside[AT[f"{swings}HipRoll"]] < -0.01
    arms = [k for name, k in AT.items() if "Hip" not in name and "Ankle" not in name]
    assert np.abs(forward[arms]).max() < BETWEEN_RAD


def test_a_swinging_leg_leaves_a_small_lean_alone_and_lands_where_it_should(stepping):
    moment = carried_by(stepping, 1)
    small = settled(stepping, moment, pitch=0.9 * SWING_FREE_RAD, roll=0.9 * SWING_FREE_RAD)
    assert np.abs(small[[AT["RHipPitch"], AT["RHipRoll"]]]).max() < BETWEEN_RAD
    assert small[AT["LAnklePitch"]] > 0.0  # the foot that carries answers it all the same
    large = settled(stepping, moment, pitch=5.0 * SWING_FREE_RAD)
    assert large[AT["RHipPitch"]] < 0.0


@pytest.mark.parametrize("heading", [0.0, 2.0])
def test_leaning_with_a_floor_that_slopes_is_no_lean(stepping, heading, monkeypatch):
    monkeypatch.setattr(turning_back, "LARGEST_RAD", 0.0)  # which answers the heading itself
    slope = Rotation.from_rotvec([0.03, -0.02, 0.0])
    moment = carried_by(stepping, 1)
    rows = np.minimum(np.arange(0.0, moment, PERIOD_S) * 100, len(stepping.times_s) - 1)
    added = {}
    for begins in (True, False):  # leaning from the beginning, or later on
        feedback = InertialFeedback(stepping, ROBOT, PERIOD_S, 0.0, weighs=False)
        slipped = Rotation.identity()
        for row in np.round(rows).astype(int):
            if row > 60:  # what slips on a slope faces another way, and leans as the floor does
                slipped = Rotation.from_rotvec([0.0, 0.0, heading])
            planned = Rotation.from_quat(stepping.torso_pose[row, 3:])
            on = slope if begins or row > 60 else Rotation.identity()
            feedback.answer((on * slipped * planned).as_quat())
        added[begins] = np.abs(feedback.added_rad[[AT["RHipPitch"], AT["RHipRoll"]]]).max()
    assert added[True] < 1e-3  # roll and pitch of two turns add up but for a second order
    assert added[False] > 0.01


def test_what_is_added_is_bounded_and_comes_slowly(stepping):
    feedback = InertialFeedback(stepping, ROBOT, PERIOD_S, 0.0, weighs=False)
    before = feedback.added_rad
    for _ in range(200):
        after = feedback.answer(turned(stepping, 0, roll=0.8, pitch=-0.8))
        assert np.abs(after - before).max() <= FASTEST_RAD_S * PERIOD_S + 1e-12
        before = after
    assert np.abs(before).max() <= LARGEST_RAD
    low, high = stepping.position_limits_rad.T
    far = feedback.commanded(stepping.positions_rad[0] + 10.0)
    assert (far <= high).all()
    assert (feedback.commanded(-far - 10.0) >= low).all()


def test_planted_soles_get_no_feedback(stepping):
    planted = replace(stepping, support=np.zeros_like(stepping.support))
    assert not InertialFeedback(planted, ROBOT, PERIOD_S, 0.0, weighs=False).active
    assert InertialFeedback(stepping, ROBOT, PERIOD_S, 0.0, weighs=False).active


def test_the_settings_switch_it_off():
    off = SimulationConfig(inertial_feedback=False)
    with PyBulletSimulation(ROBOT, off) as backend:
        assert stabilised(backend, off) is backend
        assert isinstance(stabilised(backend, SimulationConfig()), Stabilised)


def lean_on_a_slope(plan, config):
    """The trunk's median lean beside its plan, against the vertical: a log is of the floor."""
    slope = DISTURBANCES["tilt"]
    with DisturbedSimulation(ROBOT, config, slope) as body:
        log = conduct(plan, stabilised(body, config))
    aside = np.array([-1.0, 1.0, 0.0]) / np.sqrt(2.0)  # forward and to the left, without a seed
    level = Rotation.from_rotvec(slope.floor_tilt_rad * aside)
    poses = np.array(log.torso_pose)
    poses[:, 3:] = (level * Rotation.from_quat(poses[:, 3:])).as_quat()
    rows = np.searchsorted(plan.times_s, log.times_s).clip(max=len(plan.times_s) - 1)
    return np.median(tilt_between(plan.torso_pose[rows], poses))


def test_on_a_leaning_floor_the_trunk_is_upright_with_it_and_leans_without(stepping):
    leans = {
        on: lean_on_a_slope(stepping, SimulationConfig(inertial_feedback=on))
        for on in (True, False)
    }
    assert leans[True] < np.radians(0.5)
    assert leans[False] == pytest.approx(np.radians(2.0), abs=np.radians(0.5))


def test_ankles_do_not_chatter_where_nothing_disturbs_and_hasty_answers_do(stepping, monkeypatch):
    def fastest_ankle_deg_s():
        """How fast the answers of the ankles go to and fro, on average."""
        added = []
        answer = InertialFeedback.answer

        def noted(self, *felt):
            added.append(answer(self, *felt))
            return added[-1]

        with monkeypatch.context() as context:
            context.setattr(InertialFeedback, "answer", noted)
            run_trial(stepping, "nao_v6", SimulationConfig(), "nominal", np.radians(6.0))
        ankles = [AT[f"{side}Ankle{axis}"] for side in "LR" for axis in ("Roll", "Pitch")]
        return np.degrees(np.abs(np.diff(added, axis=0)).mean(axis=0)[ankles] / PERIOD_S).max()

    assert fastest_ankle_deg_s() < 3.0  # the dance itself goes at tens of degrees a second
    monkeypatch.setattr(inertial_feedback, "SMOOTH_S", 0.005)
    monkeypatch.setattr(inertial_feedback, "RATE_GAIN_S", 0.05)
    assert fastest_ankle_deg_s() > 20.0
