"""The second physics of the balance benchmark: the same robot, from the same file."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from hand_made_plans import arm_dance, standing_plan

from robodance.config import SimulationConfig
from robodance.performance.conductor import conduct
from robodance.performance.disturbances import Disturbance, DisturbedSimulation
from robodance.performance.trial import judge
from robodance.robots.model import load_robot

pytest.importorskip("mujoco", reason="MuJoCo, of the extra peers, is not installed")
sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from mujoco_robot import FIRM_S, SOFT_S, in_mujoco, on_firm_floor

NAO = load_robot("nao_v6")


def tried(plan, what=None, physics=in_mujoco):
    what = what or Disturbance()
    with DisturbedSimulation(NAO, SimulationConfig(), what, physics) as robot:
        log = conduct(plan, robot)
    return log, judge(plan, log, "", what.known_delay_s, 0.1)


def test_it_is_as_heavy_as_the_robot_and_becomes_heavier_when_asked():
    body = in_mujoco(NAO, SimulationConfig())[1]
    assert body.model.body_mass.sum() == pytest.approx(NAO.mass_kg, rel=1e-6)
    body.scale_masses(1.1)
    assert body.model.body_mass.sum() == pytest.approx(1.1 * NAO.mass_kg, rel=1e-6)


def test_it_stands_still_on_both_soles_and_follows_its_arms():
    log, trial = tried(arm_dance(NAO, 3.0))
    assert trial.fell_s is None
    assert np.degrees(trial.tilt_rad) < 1.0
    error = np.abs(log.measured_rad - log.commanded_rad).max()
    assert np.degrees(error) < 1.0  # its servos yield 0.36 degrees at full effort
    assert log.zmp_margin_m[1:].min() > 0.02
    height = log.torso_pose[0, 2] - standing_plan(NAO, "StandInit", 1.0).torso_pose[0, 2]
    assert abs(height) < 1e-3  # soft contacts and yielding knees


def test_on_a_firm_floor_soles_sink_in_by_as_much_less_as_its_time_constant_squared():
    sunk_m = []
    for physics in (in_mujoco, on_firm_floor):
        robot = physics(NAO, SimulationConfig())[0]
        tried(standing_plan(NAO, "StandInit", 2.0), physics=lambda *_, robot=robot: (robot, robot))
        sunk_m.append(-np.mean([contact.dist for contact in robot.data.contact]))
    assert 1e-4 < sunk_m[0] < 1e-3
    assert sunk_m[1] == pytest.approx(sunk_m[0] * (FIRM_S / SOFT_S) ** 2, rel=0.1)


@pytest.mark.parametrize(
    "what",
    [
        Disturbance(torque_share=0.05),
        Disturbance(push_ns=8.0),
        Disturbance(floor_tilt_rad=0.5),
        Disturbance(com_error_m=0.15),
    ],
)
def test_what_is_too_much_fells_it(what):
    _, trial = tried(standing_plan(NAO, "StandInit", 4.5), what)
    assert trial.fell_s is not None


def test_it_slides_on_ice_and_not_on_the_usual_floor():
    plan = standing_plan(NAO, "StandInit", 1.5)
    moved = []
    for friction in (0.01, 0.4):
        slope = Disturbance(friction=friction, floor_tilt_rad=0.05)
        log, _ = tried(plan, slope)
        moved.append(np.linalg.norm(log.torso_pose[-1, :2] - log.torso_pose[0, :2]))
    # after a second of standing, 1.5 s more at g times what friction leaves of the slope
    pull = 9.81 * (0.05 - 0.01)
    assert moved[0] == pytest.approx(pull * 1.0 * 1.5 + 0.5 * pull * 1.5**2, rel=0.15)
    assert moved[1] < 0.01


def test_the_same_plan_goes_the_same_way_twice():
    plan = dataclasses.replace(standing_plan(NAO, "StandInit", 0.5))
    first, second = tried(plan)[0], tried(plan)[0]
    np.testing.assert_array_equal(first.torso_pose, second.torso_pose)
