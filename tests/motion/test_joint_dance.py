"""Dances given as the robot's own joint angles: followed where possible, and what was not, said."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import robodance
from robodance.config import MotionConfig
from robodance.errors import DataError
from robodance.motion.joint_dance import RATE_HZ, dance_of_joints, mirrored
from robodance.motion.targets import dance_targets
from robodance.motion_files.joint_keys import JointKeys, Keys, straight
from robodance.plan_file import read_dance, write_dance
from robodance.robots.kinematics import forward_kinematics, landmark_positions
from robodance.robots.model import load_robot

NAO = load_robot("nao_v6")
STAND = NAO.posture("StandInit")
FOLLOWED_RAD = np.radians(1.0)  # of a slow motion in open space, spline and smoothing included
TIMES = np.arange(0.0, 6.0, 0.1)


def keys_of(**angles):
    return JointKeys("a.csv", {name: straight(TIMES, values) for name, values in angles.items()})


def slow_wave(scale=1.0):
    """Both arms, away from the body, at a calm speed."""
    wave = np.sin(2.0 * np.pi * 0.25 * TIMES)
    return keys_of(
        LShoulderPitch=0.4 + 0.4 * scale * wave,
        LShoulderRoll=0.5 + 0.2 * scale * wave,
        LElbowRoll=-0.7 + 0.3 * scale * wave,
        RShoulderPitch=0.4 - 0.4 * scale * wave,
        RShoulderRoll=-0.5 + 0.2 * scale * wave,
        HeadYaw=0.5 * scale * wave,
        LHand=0.5 + 0.3 * wave,
    )


def column(plan, name):
    return plan.positions_rad[:, plan.joint_names.index(name)]


def test_what_can_be_done_is_done_joint_by_joint():
    keys = slow_wave()
    planned = robodance.plan_dance(None, dance=keys)
    assert planned.certificate.clean
    assert planned.warnings == ()
    plan = planned.plan
    inside = (plan.music_times_s >= 0.5) & (plan.music_times_s <= 5.0)
    for name, curve in keys.joints.items():
        wanted = np.interp(plan.music_times_s[inside], curve.times_s, curve.angles)
        tolerance = 0.03 if name == "LHand" else FOLLOWED_RAD
        assert np.abs(column(plan, name)[inside] - wanted).max() < tolerance, name
    for name in ("RElbowRoll", "LWristYaw", "RHand"):  # not in the file: the stand
        assert np.abs(column(plan, name) - STAND[NAO.index(name)]).max() < 0.01


def test_what_is_too_fast_is_planned_again_and_said():
    fast = np.sin(2.0 * np.pi * 2.5 * TIMES)
    keys = keys_of(LShoulderPitch=1.5 * fast, RShoulderPitch=1.5 * fast, HeadPitch=0.9 * fast)
    planned = robodance.plan_dance(None, dance=keys)
    assert planned.certificate.clean
    said = " ".join(planned.warnings)
    assert "more speed than" in said
    assert "outside the range of HeadPitch" in said
    peak = max(joint.velocity_share for joint in planned.certificate.joints)
    assert 0.9 < peak <= 1.0


def test_what_would_touch_the_body_is_kept_clear():
    """The hand is told to go through the thigh: with and without the planner."""
    into = np.clip(TIMES, 0.0, 1.0)
    keys = keys_of(
        LShoulderPitch=1.4 + 0.2 * into,
        LShoulderRoll=0.3 - 0.6 * into,
        LElbowYaw=-1.4 + 2.4 * into,
        LElbowRoll=-1.0 + 0.5 * into,
    )
    planned = robodance.plan_dance(None, dance=keys)
    assert planned.certificate.clean
    assert planned.certificate.clearance_m > 0.0
    asked = planned.dance.robot_angles_rad
    columns = [planned.plan.joint_names.index(name) for name in keys.joints]
    end = np.searchsorted(planned.plan.music_times_s, 3.0)
    lost = np.abs(planned.plan.positions_rad[end] - asked[round(3.0 * RATE_HZ)])[columns]
    assert lost.max() > np.radians(3.0)


def test_the_figure_shows_what_the_robot_would_do():
    """Its arm and head targets are the robot's own: directions by landmarks, head by angles."""
    dance = dance_of_joints(slow_wave(), NAO, MotionConfig())
    targets = dance_targets(dance.joint_positions_m, RATE_HZ)
    poses = forward_kinematics(NAO, dance.robot_angles_rad)
    marks = landmark_positions(NAO, poses)
    for side in ("left", "right"):
        bone = marks[f"{side}_elbow"] - marks[f"{side}_shoulder"]
        bone /= np.linalg.norm(bone, axis=1, keepdims=True)
        np.testing.assert_allclose(targets.upper_arm[side], bone, atol=1e-6)
    yaw = dance.robot_angles_rad[:, NAO.index("HeadYaw")]
    np.testing.assert_allclose(targets.head_rad[:, 0], yaw, atol=1e-6)
    assert dance.joint_positions_m[..., 2].min() == pytest.approx(0.0, abs=1e-9)
    feet = dance.joint_positions_m[:, [9, 10, 11, 18, 19, 20]]
    assert np.ptp(feet[..., 2], axis=0).max() < 1e-6  # it stands


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_a_mirrored_motion_is_the_mirrored_figure(seed):
    """By angles and by points: two ways to the same dancer."""
    rng = np.random.default_rng(seed)
    low, high = NAO.position_limits_rad.T
    keys = {
        name: straight(np.array([0.0, 0.1]), rng.uniform(low[k], high[k], 2))
        for k, name in enumerate(NAO.joint_names)
    }
    dance = dance_of_joints(JointKeys("a", keys), NAO, MotionConfig(balance="full-body"))
    other = mirrored(dance, NAO)
    again = mirrored(other, NAO)
    np.testing.assert_allclose(again.robot_angles_rad, dance.robot_angles_rad, atol=1e-12)
    directly = {
        name: straight(dance.times_s - dance.start_s, other.robot_angles_rad[:, k])
        for k, name in enumerate(NAO.joint_names)
    }
    figure = dance_of_joints(JointKeys("a", directly), NAO, MotionConfig(balance="full-body"))
    np.testing.assert_allclose(figure.joint_positions_m, other.joint_positions_m, atol=0.03)


def test_a_key_that_comes_late_is_reached_from_the_stand():
    late = JointKeys(
        "a.py", {"LShoulderPitch": straight(np.array([2.0, 3.0]), np.array([0.5, 0.5]))}
    )
    dance = dance_of_joints(late, NAO, MotionConfig())
    angle = dance.robot_angles_rad[:, NAO.index("LShoulderPitch")]
    assert angle[0] == pytest.approx(STAND[NAO.index("LShoulderPitch")])
    assert angle[round(RATE_HZ)] == pytest.approx((STAND[NAO.index("LShoulderPitch")] + 0.5) / 2)


def test_one_motor_with_two_names_does_what_the_left_one_says():
    there = {"RHipYawPitch": straight(np.array([0.0, 1.0]), np.array([0.0, -0.3]))}
    dance = dance_of_joints(JointKeys("a", there), NAO, MotionConfig())
    assert dance.robot_angles_rad[-1, NAO.index("LHipYawPitch")] == -0.3
    both = {**there, "LHipYawPitch": straight(np.array([0.0, 1.0]), np.array([0.0, -0.1]))}
    dance = dance_of_joints(JointKeys("a", both), NAO, MotionConfig())
    assert dance.robot_angles_rad[-1, NAO.index("RHipYawPitch")] == -0.1


def test_joints_of_another_robot_are_left_out_or_refused():
    wave = straight(np.array([0.0, 1.0]), np.array([0.0, 0.5]))
    dance = dance_of_joints(
        JointKeys("a", {"HipPitch": wave, "HeadYaw": wave}), NAO, MotionConfig()
    )
    assert any("HipPitch" in remark for remark in dance.metadata["remarks"])
    with pytest.raises(DataError, match="names no joint of nao_v6"):
        dance_of_joints(JointKeys("a", {"HipPitch": wave}), NAO, MotionConfig())
    none = Keys(np.zeros(1), np.zeros(1), np.zeros((1, 2)), np.zeros((1, 2)))
    with pytest.raises(DataError, match="no motion"):
        dance_of_joints(JointKeys("a", {"HeadYaw": none}), NAO, MotionConfig())


def test_a_joint_dance_comes_back_from_its_file_and_is_danced_alike(tmp_path):
    planned = robodance.plan_dance(None, dance=slow_wave(), to_s=3.0)
    write_dance(planned.dance, tmp_path / "dance.npz")
    again = read_dance(tmp_path / "dance.npz")
    assert again.robot_joints == NAO.joint_names
    np.testing.assert_array_equal(again.robot_angles_rad, planned.dance.robot_angles_rad)
    replanned = robodance.plan_dance(None, dance=again)
    np.testing.assert_allclose(replanned.plan.positions_rad, planned.plan.positions_rad, atol=1e-9)


def test_full_body_balance_lets_the_legs_of_the_file_sway():
    sway = 0.08 * np.sin(2.0 * np.pi * 0.3 * TIMES)
    keys = keys_of(LHipRoll=sway, LAnkleRoll=-sway, RHipRoll=sway, RAnkleRoll=-sway)
    config = robodance.PerformConfig(motion=MotionConfig(balance="full-body"))
    config = replace(config, verification=replace(config.verification, disturbances="none"))
    planned = robodance.plan_dance(None, config, dance=keys)
    assert planned.certificate.clean
    sideways = np.ptp(planned.plan.torso_pose[:, 1])
    held = robodance.plan_dance(None, dance=keys)
    assert np.ptp(held.plan.torso_pose[:, 1]) == 0.0
    assert any("legs are left out" in warning for warning in held.warnings)
    assert sideways > 0.02
    shown = np.interp(planned.plan.music_times_s, TIMES, sway)
    assert np.corrcoef(shown, planned.plan.torso_pose[:, 1])[0, 1] ** 2 > 0.8
