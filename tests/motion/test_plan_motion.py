"""What a plan promises, for any dance."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from robot_like_dancers import waving, wild

from robodance.config import MotionConfig
from robodance.errors import ConfigError, DataError
from robodance.motion.certificate import certify, measure_losses
from robodance.motion.distance import pair_distances
from robodance.motion.losses import bone_errors
from robodance.motion.plan import adapt, plan_motion
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import load_robot
from robodance.robots.stability import to_world
from robodance.skeleton import INDEX, pose_sequence
from robodance.values import PoseSequence

ROBOT = load_robot("nao_v6")
LEGS = [i for i, n in enumerate(ROBOT.joint_names) if n[1:4] in {"Hip", "Kne", "Ank"}]
ROBOTS = {name: load_robot(name) for name in ("nao_v6", "nao_v5")}


@given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.sampled_from([2, 3, 40, 120]),
    rate_hz=st.sampled_from([5.0, 25.0, 100.0, 1000.0]),
    leap_m=st.sampled_from([0.0, 0.03, 0.3]),
    robot=st.sampled_from(sorted(ROBOTS)),
    stand=st.sampled_from(ROBOT.standing_postures),
    limit_share=st.sampled_from([0.3, 0.98, 1.0]),
    knot_rate_hz=st.sampled_from([25.0, 50.0]),
)
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_no_dance_breaks_a_limit(
    seed, frames, rate_hz, leap_m, robot, stand, limit_share, knot_rate_hz
):
    dance = wild(np.random.default_rng(seed), frames, rate_hz, leap_m)
    config = MotionConfig(stand=stand, limit_share=limit_share, knot_rate_hz=knot_rate_hz)
    plan = plan_motion(dance, ROBOTS[robot], config)
    found = certify(plan, ROBOTS[robot])
    assert dict(found.violations) == dict.fromkeys(found.violations, 0)
    at_rest = pair_distances(ROBOTS[robot], np.array(ROBOTS[robot].posture(stand))[None], 1).min()
    # The planner looks 400 times a second where it is close, the certificate closer still.
    assert found.clearance_m > min(config.minimum_clearance_m, at_rest) - 2e-5
    assert found.zmp_margin_m > 0.0
    assert found.com_margin_m > 0.0
    for joint in found.joints:
        assert max(joint.velocity_share, joint.acceleration_share) <= limit_share + 1e-6


@pytest.fixture(scope="module")
def waved():
    beats = np.arange(0.5, 4.0, 0.5)
    _, dance = waving(ROBOT, start_s=10.0, beats_s=10.0 + beats)
    return dance, adapt(dance, ROBOT, MotionConfig())


def test_it_starts_and_ends_at_rest_in_the_stand_posture(waved):
    plan = waved[1].plan
    stand = ROBOT.posture("StandInit")
    for ends in (plan.positions_rad[:2], plan.positions_rad[-2:]):
        np.testing.assert_allclose(ends, [stand, stand], atol=1e-3)
    np.testing.assert_allclose(plan.positions_rad[[0, -1]], [stand, stand], atol=1e-12)


def test_the_legs_hold_the_stand_and_the_torso_rests(waved):
    plan = waved[1].plan
    still = np.tile(ROBOT.posture("StandInit")[LEGS], (len(plan.times_s), 1))
    np.testing.assert_allclose(plan.positions_rad[:, LEGS], still, atol=1e-12)
    assert (plan.torso_pose == plan.torso_pose[0]).all()
    assert (plan.support == 0).all()
    poses = forward_kinematics(ROBOT, plan.positions_rad[:1])
    for foot in ROBOT.feet.values():
        sole = poses.points(foot, (0.0, 0.0, -ROBOT.sole_height_m))
        assert to_world(plan.torso_pose[:1], sole)[0, 2] == pytest.approx(0.0, abs=1e-6)


def test_music_time_runs_evenly_and_beats_keep_their_place(waved):
    dance, adapted = waved
    plan = adapted.plan
    np.testing.assert_allclose(np.diff(plan.music_times_s) / np.diff(plan.times_s), 1.0)
    at_start = np.interp(plan.music_start_s, plan.times_s, plan.music_times_s)
    assert at_start == pytest.approx(10.0, abs=1e-9)
    assert (plan.music_times_s[plan.times_s < plan.music_start_s - 1e-6] < 10.0).all()
    np.testing.assert_array_equal(plan.beats_s, dance.beats_s)


def test_a_dance_within_the_limits_is_danced_as_it_is(waved):
    dance, adapted = waved
    for name, errors in bone_errors(adapted.plan, ROBOT).items():
        inner = errors[25:-25]  # a second after the lead-in and before the lead-out
        assert inner.max() < 2.0, name  # degrees: smoothing
    losses = measure_losses(adapted.plan, dance, ROBOT, adapted.unlimited)
    assert losses.path_length_kept == pytest.approx(1.0, abs=0.02)


def test_losses_are_the_same_when_the_unlimited_motion_is_made_again(waved):
    dance, adapted = waved
    first = measure_losses(adapted.plan, dance, ROBOT, adapted.unlimited)
    second = measure_losses(adapted.plan, dance, ROBOT)
    assert second.bones == first.bones
    assert second.arm_stops_hit_before == first.arm_stops_hit_before
    assert second.path_length_kept == pytest.approx(first.path_length_kept, abs=1e-12)


def test_a_dance_that_is_too_fast_gives_up_amplitude_and_so_breaks_no_limit():
    _, dance = waving(ROBOT, slowness_s=0.35)
    adapted = adapt(dance, ROBOT, MotionConfig())
    push = np.abs(np.diff(adapted.unlimited.positions_rad, 2, axis=0)) * 100.0**2
    assert (push.max(axis=0) > 1.5 * adapted.plan.acceleration_limits_rad_s2).any()
    assert certify(adapted.plan, ROBOT).clean
    losses = measure_losses(adapted.plan, dance, ROBOT, adapted.unlimited)
    assert 0.3 < losses.path_length_kept < 0.98


def test_slow_motion_gives_the_amplitude_back():
    _, dance = waving(ROBOT, slowness_s=0.35)
    fast = measure_losses(plan_motion(dance, ROBOT, MotionConfig()), dance, ROBOT)
    config = MotionConfig(tempo="slow", slow_motion=4.0)
    plan = plan_motion(dance, ROBOT, config)
    slow = measure_losses(plan, dance, ROBOT)
    assert certify(plan, ROBOT).clean
    np.testing.assert_allclose(np.diff(plan.music_times_s) / np.diff(plan.times_s), 0.25)
    assert plan.duration_s == pytest.approx(2.0 + 4.0 * 4.0 + 2.0)
    assert slow.path_length_kept > fast.path_length_kept + 0.02
    assert sum(b.mean_deg for b in slow.bones) < sum(b.mean_deg for b in fast.bones) / 2


def test_the_limits_written_down_are_the_robots_own(waved):
    plan = waved[1].plan
    np.testing.assert_array_equal(plan.position_limits_rad, ROBOT.position_limits_rad)
    np.testing.assert_array_equal(plan.velocity_limits_rad_s, ROBOT.velocity_limits_rad_s)
    np.testing.assert_allclose(plan.acceleration_limits_rad_s2, 8.0 * ROBOT.velocity_limits_rad_s)
    assert plan.joint_names == ROBOT.joint_names
    np.testing.assert_allclose(np.diff(plan.times_s), 0.01)


def test_the_same_dance_gives_the_same_plan(waved):
    dance, adapted = waved
    again = plan_motion(dance, ROBOT, MotionConfig())
    np.testing.assert_array_equal(again.positions_rad, adapted.plan.positions_rad)


def test_progress_rises_to_one():
    told = []
    plan_motion(waving(ROBOT, seconds=1.0)[1], ROBOT, MotionConfig(), progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_dancer_who_jumps_through_space_is_followed_as_far_as_possible():
    _, dance = waving(ROBOT)
    joints = np.array(dance.joint_positions_m)
    joints[50:, :, :] = joints[50:, :, :][:, :, [1, 0, 2]] * [1.0, -1.0, 1.0] + 5.0
    joints[70:80] = joints[10]
    plan = plan_motion(pose_sequence(joints, 25.0), ROBOT, MotionConfig())
    assert certify(plan, ROBOT).clean


def test_a_bone_that_is_not_seen_is_spoken_of(waved):
    dance, adapted = waved
    assert adapted.warnings == ()
    joints = np.array(dance.joint_positions_m)
    joints[:50, INDEX["left_wrist"]] = joints[:50, INDEX["left_elbow"]]
    found = adapt(pose_sequence(joints, dance.frame_rate_hz), ROBOT, MotionConfig())
    (warning,) = found.warnings
    assert "left forearm" in warning
    assert certify(found.plan, ROBOT).clean


def test_a_single_frame_is_no_dance():
    _, dance = waving(ROBOT)
    one = PoseSequence(
        poses=dance.poses[:1],
        joint_positions_m=dance.joint_positions_m[:1],
        frame_rate_hz=25.0,
        start_s=0.0,
        beats_s=np.zeros(0),
        beat_numbers=np.zeros(0, dtype=int),
    )
    with pytest.raises(DataError, match="at least two frames"):
        plan_motion(one, ROBOT, MotionConfig())


def test_a_posture_that_does_not_stand_is_refused():
    with pytest.raises(ConfigError, match="would fall"):
        plan_motion(waving(ROBOT)[1], ROBOT, MotionConfig(stand="Sit"))
