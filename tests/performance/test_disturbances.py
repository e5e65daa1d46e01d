"""What disturbs a robot: pushes come as the seed says, and are gentler on one foot."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hand_made_plans import standing_plan
from scipy.spatial.transform import Rotation

from robodance.config import SimulationConfig
from robodance.performance import disturbances
from robodance.performance.disturbances import (
    DISTURBANCES,
    PUSH_S,
    TOGETHER,
    Disturbance,
    DisturbedSimulation,
    in_pybullet,
    pushes_of,
)
from robodance.performance.trial import run_trial
from robodance.robots.model import load_robot

NAO = load_robot("nao_v6")
SIMULATION = SimulationConfig()


class Felt:
    """A body of PyBullet that notes what acts on it before it lets it act."""

    def __init__(self, body):
        self.body, self.pulls, self.gravity, self.masses = body, [], None, None

    def set_gravity(self, acceleration_m_s2):
        self.gravity = acceleration_m_s2
        self.body.set_gravity(acceleration_m_s2)

    def scale_masses(self, share):
        self.masses = share
        self.body.scale_masses(share)

    def pull(self, force_n, moment_nm):
        self.pulls.append((np.array(force_n), np.array(moment_nm)))
        self.body.pull(force_n, moment_nm)


def felt_under(what, plan, seconds):
    """Return what a standing robot feels, and the time of a physics step."""
    bodies = []

    def opened(robot, config):
        backend, body = in_pybullet(robot, config)
        bodies.append(Felt(body))
        return backend, bodies[0]

    with DisturbedSimulation(NAO, SIMULATION, what, opened) as robot:
        robot.preflight(plan)
        start = plan.positions_rad[0]
        robot.take_start(start, plan.torso_pose[0])
        for _ in range(round(seconds / robot.period_s)):
            robot.move(start, start)
    return bodies[0], robot.period_s


def test_without_a_seed_pushes_come_every_four_seconds_from_eight_directions_in_turn():
    pushes = pushes_of(0, 60.0)
    np.testing.assert_allclose(pushes.times_s[:3], [3.0, 7.0, 11.0])
    np.testing.assert_allclose(
        np.degrees(pushes.directions_rad[:9]) % 360.0, [*range(0, 360, 45), 0]
    )


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_with_a_seed_moments_order_and_directions_differ_but_all_sides_get_their_turn(seed):
    pushes, again = pushes_of(seed, 60.0), pushes_of(seed, 60.0)
    np.testing.assert_array_equal(pushes.times_s, again.times_s)
    assert not np.array_equal(pushes.times_s[:8], pushes_of(seed + 1, 60.0).times_s[:8])
    gaps = np.diff(pushes.times_s)
    assert gaps.min() >= 3.0
    assert gaps.max() <= 5.0
    assert 2.0 <= pushes.times_s[0] <= 4.0
    assert pushes.times_s[-1] > 60.0 - 5.0
    turned = np.sort(np.degrees(pushes.directions_rad[:8]) % 360.0)
    np.testing.assert_allclose(np.diff(turned), 45.0)


def test_a_longer_dance_is_pushed_as_a_shorter_one_and_then_goes_on():
    short = pushes_of(3, 30.0)
    assert len(short.times_s) < len(pushes_of(3, 60.0).times_s)
    assert (short.times_s < 30.0).all()


def test_a_push_lasts_a_tenth_of_a_second():
    pushes = pushes_of(0, 60.0)
    assert pushes.at(2.999) is None
    assert pushes.at(3.0) == pushes.at(3.0 + PUSH_S - 1e-6) == 0.0
    assert pushes.at(3.0 + PUSH_S) is None


def test_a_push_is_half_as_strong_while_one_foot_carries_the_robot():
    plan = standing_plan(NAO, "StandInit", 3.5)
    lifted = dataclasses.replace(plan, support=np.where(plan.times_s < 2.5, 0, 1))
    impulses = []
    for support in (plan, lifted):
        felt, period = felt_under(Disturbance(push_ns=1.0), support, 3.3)
        impulses.append(period * sum(np.linalg.norm(force) for force, _ in felt.pulls))
    np.testing.assert_allclose(impulses, [1.0, 0.5], rtol=1e-9)


def test_one_foot_is_looked_for_when_a_late_robot_stands_on_it():
    plan = standing_plan(NAO, "StandInit", 3.5)
    lifted = dataclasses.replace(plan, support=np.where(plan.times_s < 2.98, 0, 1))
    late = Disturbance(push_ns=1.0, delay_s=0.04, lag_s=0.04)  # on one foot from 3.06 s
    felt, period = felt_under(late, lifted, 3.3)
    impulse = period * sum(np.linalg.norm(force) for force, _ in felt.pulls)
    assert impulse == pytest.approx(0.6 + 0.2, abs=10.0 * period)  # a step's worth of force


def test_a_seed_turns_floor_and_weight_to_another_side_by_the_same_amount():
    plan = standing_plan(NAO, "StandInit", 1.0)
    tilt, com = DISTURBANCES["tilt"].floor_tilt_rad, DISTURBANCES["com"].com_error_m
    both = Disturbance(floor_tilt_rad=tilt, com_error_m=com)
    downs, moments = [], []
    for seed in (0, 1, 2):
        felt, _ = felt_under(dataclasses.replace(both, seed=seed), plan, 0.02)
        downs.append(felt.gravity)
        moments.append(felt.pulls[0][1])
        leaning = np.arccos(-felt.gravity[2] / np.linalg.norm(felt.gravity))
        assert leaning == pytest.approx(tilt, abs=1e-9)
        assert np.linalg.norm(moments[-1]) == pytest.approx(com * NAO.mass_kg * 9.81)
    assert downs[0][0] == pytest.approx(downs[0][1])  # forward and left
    assert moments[0][1] > 0.0  # ahead: it bows
    assert not np.allclose(downs[1], downs[2])
    assert not np.allclose(moments[1], moments[2])


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("together_left", (0.0, 1.0)),
        ("together_back", (-1.0, 0.0)),
        ("together_right", (0.0, -1.0)),
    ],
)
def test_everything_at_once_is_tried_with_floor_and_weight_off_to_each_side(name, side):
    felt, _ = felt_under(DISTURBANCES[name], standing_plan(NAO, "StandInit", 1.0), 0.02)
    down, moment = np.array(felt.gravity[:2]), np.array(felt.pulls[0][1][:2])
    assert down / np.linalg.norm(down) == pytest.approx(side, abs=1e-6)
    # What pulls down there turns about the axis a quarter further to the left.
    assert moment / np.linalg.norm(moment) == pytest.approx((-side[1], side[0]), abs=0.02)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_on_a_slope_the_inertial_unit_reads_a_lean_down_the_slope(seed):
    plan, what = standing_plan(NAO, "StandInit", 1.0), DISTURBANCES["tilt"]
    with DisturbedSimulation(NAO, SIMULATION, dataclasses.replace(what, seed=seed)) as body:
        body.preflight(plan)
        body.take_start(plan.positions_rad[0], plan.torso_pose[0])
        seen, floor = body.torso_turn(), body.observe().torso_pose[3:]
    up = np.array([0.0, 0.0, 1.0])
    leans = (Rotation.from_quat(seen) * Rotation.from_quat(floor).inv()).apply(up)
    assert np.arccos(leans[2]) == pytest.approx(what.floor_tilt_rad, abs=1e-6)
    felt, _ = felt_under(dataclasses.replace(what, seed=seed), plan, 0.02)
    down = felt.gravity[:2] / np.linalg.norm(felt.gravity[:2])
    assert leans[:2] @ down > 0.999 * np.linalg.norm(leans[:2])


def test_turns_of_the_floor_and_of_the_trunk_multiply_as_scipys_do(rng):
    for first, then in rng.normal(size=(20, 2, 4)):
        both = Rotation.from_quat(first) * Rotation.from_quat(then)
        found = disturbances._turned_by(first.tolist(), then.tolist())
        assert (Rotation.from_quat(found) * both.inv()).magnitude() == pytest.approx(0.0, abs=1e-7)


def test_a_displaced_weight_turns_with_the_robot():
    plan = standing_plan(NAO, "StandInit", 1.0)
    quarter = Rotation.from_rotvec([0.0, 0.0, np.pi / 2.0])
    poses = np.array(plan.torso_pose)
    poses[:, 3:] = (quarter * Rotation.from_quat(poses[:, 3:])).as_quat()
    poses[:, :3] = quarter.apply(poses[:, :3])
    moments = [
        felt_under(DISTURBANCES["com"], there, 0.02)[0].pulls[0][1]
        for there in (plan, dataclasses.replace(plan, torso_pose=poses))
    ]
    np.testing.assert_allclose(quarter.apply(moments[0]), moments[1], atol=1e-3 * moments[0][1])


def test_a_seed_changes_a_trial_only_where_something_is_left_open():
    plan = standing_plan(NAO, "StandInit", 3.6)
    calm = [run_trial(plan, "nao_v6", SIMULATION, "friction", 0.1, seed=s) for s in (0, 1)]
    assert calm[0] == calm[1]
    leant = [run_trial(plan, "nao_v6", SIMULATION, "tilt", 0.1, seed=s) for s in (0, 1)]
    assert leant[0].tilt_rad != leant[1].tilt_rad


def test_everything_together_holds_all_that_is_tried_alone():
    together = DISTURBANCES["together"]
    for name, what in DISTURBANCES.items():
        if name in {"nominal", "lighter", *TOGETHER}:  # it cannot be heavier and lighter
            continue
        for part in dataclasses.fields(Disturbance):
            value = getattr(what, part.name)
            if value != part.default:
                assert getattr(together, part.name) == value, f"{name}: {part.name}"
