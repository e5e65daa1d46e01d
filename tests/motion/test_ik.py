"""Solvers of arms: ikpy agrees with our kinematics, and its dances meet the same limits."""

import numpy as np
import pytest
from robot_like_dancers import waving, wild

from robodance.config import MotionConfig
from robodance.errors import ConfigError
from robodance.motion.arm import arm_of
from robodance.motion.certificate import certify
from robodance.motion.ik import SOLVERS, ArmTask, ikpy, ikpy_chain, load_solver, whole_song
from robodance.motion.limits import joint_limits
from robodance.motion.losses import bone_errors
from robodance.motion.plan import adapt
from robodance.robots.kinematics import forward_kinematics, landmark_positions
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
LIMITS = joint_limits(ROBOT, MotionConfig())
REACHED_M = 0.001  # ikpy stops when a step changes its cost by under 1e-8 of it


def silently(share):
    pass


def swinging(side):
    """What an arm should do that swings inside its limits, and the angles that do it."""
    arm = arm_of(ROBOT, side)
    positions, _ = waving(ROBOT)
    columns = [ROBOT.index(name) for name in arm.joints]
    angles = positions[:, columns]
    upper, fore = arm.directions(angles)
    ones = np.ones((len(angles), 2))
    posture = np.asarray(ROBOT.posture("StandInit"))[columns]
    limits = LIMITS.of(arm.joints)
    return ArmTask(arm, ROBOT, upper, fore, ones, ones, posture, limits, 0.04), angles


def test_the_table_holds_what_the_settings_accept():
    for name in SOLVERS:
        assert MotionConfig(solver=name).solver == name
        assert callable(load_solver(name))
    with pytest.raises(ConfigError, match="solver must be"):
        MotionConfig(solver="iky")
    with pytest.raises(ConfigError, match="unknown solver 'iky'"):
        load_solver("iky")


@pytest.mark.parametrize("side", ["left", "right"])
def test_ikpy_reads_the_same_arm_from_the_urdf(side, rng):
    arm = arm_of(ROBOT, side)
    chain = ikpy_chain(arm, ROBOT)
    low, high = np.array(ROBOT.position_limits_rad).T
    positions = rng.uniform(low, high, (50, len(low)))
    marks = landmark_positions(ROBOT, forward_kinematics(ROBOT, positions))
    columns = [ROBOT.index(name) for name in arm.joints]
    for row, wrist, elbow in zip(
        positions[:, columns], marks[f"{side}_wrist"], marks[f"{side}_elbow"], strict=True
    ):
        frames = chain.forward_kinematics([0.0, *row, 0.0], full_kinematics=True)
        np.testing.assert_allclose(frames[-1][:3, 3], wrist, atol=1e-6)  # metres
        np.testing.assert_allclose(frames[3][:3, 3], elbow, atol=1e-6)
    bounds = [link.bounds for link in chain.links[1:5]]
    np.testing.assert_allclose(bounds, LIMITS.of(arm.joints).position_rad, atol=1e-9)


@pytest.mark.parametrize("side", ["left", "right"])
def test_ikpy_reaches_the_wrist_and_finds_the_elbow(side):
    task, _ = swinging(side)
    told = []
    angles = ikpy(task, told.append).start_rad
    positions = np.tile(ROBOT.posture("StandInit"), (len(angles), 1))
    positions[:, [ROBOT.index(name) for name in task.arm.joints]] = angles
    marks = landmark_positions(ROBOT, forward_kinematics(ROBOT, positions))
    wrist, elbow, shoulder = (marks[f"{side}_{part}"] for part in ("wrist", "elbow", "shoulder"))
    lengths = [np.linalg.norm(a - b, axis=1).mean() for a, b in ((elbow, shoulder), (wrist, elbow))]
    wanted = shoulder + lengths[0] * task.upper + lengths[1] * task.fore
    assert np.linalg.norm(wrist - wanted, axis=1).max() < REACHED_M
    assert np.linalg.norm(elbow - wanted + lengths[1] * task.fore, axis=1).max() < REACHED_M
    assert (angles >= task.limits.position_rad[:, 0]).all()
    assert (angles <= task.limits.position_rad[:, 1]).all()
    assert told == sorted(told)
    assert told[0] >= 0.0
    assert told[-1] <= 1.0


@pytest.mark.parametrize("side", ["left", "right"])
def test_both_solvers_find_the_same_arm_where_only_one_fits(side):
    task, angles = swinging(side)
    for solve in (whole_song, ikpy):
        found = solve(task, silently).start_rad
        assert np.abs(found - angles).max() < 0.02  # rad


def test_a_dance_by_ikpy_is_another_one_and_breaks_no_limit(rng):
    dance = wild(rng, 100, 25.0, 0.03)
    plans = {}
    for name in SOLVERS:
        adapted = adapt(dance, ROBOT, MotionConfig(solver=name))
        found = certify(adapted.plan, ROBOT)
        assert dict(found.violations) == dict.fromkeys(found.violations, 0)
        assert found.clearance_m > 0.0
        assert adapted.plan.metadata["solver"] == name
        plans[name] = adapted.plan
    apart = plans["ikpy"].positions_rad - plans["whole-song"].positions_rad
    assert np.abs(apart).max() > 0.05  # rad: a solver that is not used changes nothing


def test_a_calm_dance_is_followed_by_either_solver():
    _, dance = waving(ROBOT)
    for name in SOLVERS:
        errors = bone_errors(adapt(dance, ROBOT, MotionConfig(solver=name)).plan, ROBOT)
        arms = [error for bone, error in errors.items() if bone != "head"]
        assert np.mean(arms) < 1.5, name  # degrees; smoothing and lead-in take the rest
