"""Steps turn a robot back: by how much, when, and what it is good for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from test_inertial_feedback import carried_by, marcher

from robodance.config import MotionConfig, SimulationConfig
from robodance.motion.plan import plan_motion
from robodance.performance import turning_back
from robodance.performance.conductor import conduct
from robodance.performance.disturbances import DISTURBANCES, DisturbedSimulation
from robodance.performance.felt import heading_of
from robodance.performance.inertial_feedback import stabilised
from robodance.performance.turning_back import LARGEST_RAD, TurnBack, Turned
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
PERIOD_S = 1.0 / 240.0


@pytest.fixture(scope="module")
def stepping():
    return plan_motion(marcher(14.0), ROBOT, MotionConfig(balance="full-body"))


@pytest.fixture(scope="module")
def turn(stepping):
    return TurnBack(stepping, ROBOT, PERIOD_S)


@pytest.mark.parametrize("out", [-LARGEST_RAD, LARGEST_RAD])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_both_feet_turn_out_alike_where_they_are_below_the_pelvis(stepping, turn, number, out):
    moment = carried_by(stepping, number)
    row = round(100 * moment)
    changed = stepping.positions_rad[row].copy()
    changed[turn.columns] += turn.legs(round(moment / PERIOD_S), Turned(0.0, out, out))
    poses = forward_kinematics(
        ROBOT, np.stack([stepping.positions_rad[row], changed]), ROBOT.feet.values()
    )
    trunk = Rotation.from_quat(stepping.torso_pose[row, 3:])
    for side, sign in (("left", 1.0), ("right", -1.0)):
        foot = ROBOT.feet[side]
        place = trunk.apply(poses.points(foot, np.zeros(3)))
        before, after = (
            trunk * Rotation.from_matrix(r) for r in poses.rotations[:, poses.index(foot)]
        )
        # Made linear: of second order are 0.06^2 of the leg's length, and 0.06^2 / 2.
        assert place[1] == pytest.approx(place[0], abs=0.001)
        beside = (after * before.inv()).as_rotvec()
        assert beside[2] == pytest.approx(sign * out, abs=0.1 * LARGEST_RAD)
        assert np.abs(beside[:2]).max() < np.radians(0.2)


def heading_after(turn, plan, astray, *, steps):
    """Where a robot faces that does as told, and how its feet are turned: each command's."""
    turned, faces, out = Turned(astray), [astray], [0.0]
    rows = (100 * PERIOD_S * np.arange(steps)).astype(int)
    support = plan.support[np.minimum(rows, len(plan.support) - 1)]
    for step, carries in enumerate(support, start=1):
        turned = turn.after(turned, range(step, step + 1), faces[-1])
        out.append(turn.out_rad(step, turned))
        side = {0: 0.0, 1: 1.0, 2: -1.0}[int(carries)]
        faces.append(faces[-1] - side * (out[-1] - out[-2]))
    return np.array(faces), np.array(out)


@given(astray=st.floats(-0.15, 0.15))
def test_from_anywhere_near_steps_turn_it_home_and_feet_end_beside_each_other(
    stepping, turn, astray
):
    commands = round(stepping.duration_s / PERIOD_S)
    faces, out = heading_after(turn, stepping, astray, steps=commands)
    assert abs(faces[-1]) <= 0.15 * abs(astray) + 1e-9
    assert abs(out[-1]) <= 0.15 * abs(astray) + 1e-9
    assert np.abs(out).max() <= LARGEST_RAD
    assert np.abs(faces).max() <= abs(astray) + 1e-9  # never further away than it was


def test_feet_turn_only_while_one_of_them_is_in_the_air_and_not_as_it_lands(stepping, turn):
    commands = round(stepping.duration_s / PERIOD_S)
    _faces, out = heading_after(turn, stepping, 0.15, steps=commands)
    turns = np.flatnonzero(np.abs(np.diff(out)) > 1e-12)
    rows = np.minimum(100 * PERIOD_S * (turns + 1), len(stepping.support) - 1).astype(int)
    assert len(turns) > 20
    assert stepping.support[rows].all()
    landed = np.flatnonzero((stepping.support[:-1] > 0) & (stepping.support[1:] == 0)) / 100.0
    until_landing = [(landed[landed >= t] - t).min() for t in turns * PERIOD_S]
    assert min(until_landing) > 0.03  # s: as late as motors are


def test_a_robot_that_faces_where_it_should_steps_as_planned(stepping, turn):
    faces, out = heading_after(turn, stepping, 0.0, steps=1000)
    assert not faces.any()
    assert not out.any()


def test_planted_soles_never_turn(stepping):
    planted = replace(stepping, support=np.zeros_like(stepping.support))
    turn = TurnBack(planted, ROBOT, PERIOD_S)
    _faces, out = heading_after(turn, planted, 0.3, steps=2000)
    assert not out.any()


class SetDownAstray(DisturbedSimulation):
    """A robot that was set down facing too far to the left."""

    def take_start(self, positions_rad, torso_pose):
        pose = np.array(torso_pose)
        left = Rotation.from_rotvec([0.0, 0.0, 0.3])
        pose[3:] = (left * Rotation.from_quat(pose[3:])).as_quat()
        super().take_start(positions_rad, pose)


@pytest.mark.parametrize("kind", ["nominal", "backlash", "friction"])
def test_a_robot_set_down_astray_comes_to_face_where_it_should(stepping, monkeypatch, kind):
    def faces():
        config = SimulationConfig()
        with SetDownAstray(ROBOT, config, DISTURBANCES[kind]) as body:
            log = conduct(stepping, stabilised(body, config))
        assert not log.falls
        return abs(heading_of(*log.torso_pose[-1][3:]) - heading_of(*stepping.torso_pose[-1, 3:]))

    assert faces() < 0.06
    monkeypatch.setattr(turning_back, "LARGEST_RAD", 0.0)
    assert faces() > 0.2
