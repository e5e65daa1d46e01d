"""Directions of a dancer's arms and head become the angles that show them."""

import numpy as np
import pytest
from robot_like_dancers import dancer_like, waving

from robodance.config import MotionConfig
from robodance.errors import DataError
from robodance.motion.arm import arm_of
from robodance.motion.branches import candidates, refined
from robodance.motion.limits import joint_limits
from robodance.motion.retarget import retarget
from robodance.motion.spline import Spline
from robodance.motion.targets import (
    arm_stops,
    chest_frame,
    dance_targets,
    resample,
    unseen_shares,
)
from robodance.motion.timing import timeline_of
from robodance.robots.kinematics import forward_kinematics, landmark_positions
from robodance.robots.model import load_robot
from robodance.skeleton import INDEX, mirror_positions, pose_sequence

ROBOT = load_robot("nao_v6")
CONFIG = MotionConfig()
SMOOTHING_RAD = 0.02  # the cost of acceleration rounds a swing of 2 s off by less than this


def wanted_angles(dance, config=CONFIG):
    timeline = timeline_of(dance, config)
    wanted = retarget(dance, ROBOT, timeline, joint_limits(ROBOT, config), config)
    spline = Spline(wanted.control, timeline.step_s)
    moments = dance.times_s - dance.start_s
    return spline.at(timeline.music_start_s + config.slow_motion * moments)


def columns(*names):
    return [ROBOT.index(name) for name in names]


ARMS = columns(
    *(f"{s}{j}" for s in "LR" for j in ("ShoulderPitch", "ShoulderRoll", "ElbowYaw", "ElbowRoll"))
)


def test_a_dancer_who_moves_like_the_robot_gives_back_the_angles():
    angles, dance = waving(ROBOT)
    found = wanted_angles(dance)
    inner = slice(10, -10)  # lead-in and lead-out pull at the first and last frames
    assert np.abs(found[inner][:, ARMS] - angles[inner][:, ARMS]).max() < SMOOTHING_RAD
    yaw = columns("HeadYaw")
    assert np.abs(found[inner][:, yaw] - angles[inner][:, yaw]).max() < SMOOTHING_RAD


def test_a_pose_that_is_held_gives_its_angles_exactly(rng):
    low, high = np.array(ROBOT.position_limits_rad).T
    for _ in range(5):
        pose = np.array(ROBOT.posture("StandInit"))
        share = rng.uniform(0.15, 0.85, len(pose))
        pose[ARMS] = (low + share * (high - low))[ARMS]
        pose[columns("LElbowRoll")] = -rng.uniform(0.4, 1.4)
        pose[columns("RElbowRoll")] = rng.uniform(0.4, 1.4)
        found = wanted_angles(dancer_like(ROBOT, np.tile(pose, (101, 1))))
        assert np.abs(found[50, ARMS] - pose[ARMS]).max() < 0.01  # the stand posture pulls a little


def test_left_is_left():
    angles = np.tile(ROBOT.posture("StandInit"), (50, 1))
    angles[:, columns("LShoulderPitch")] = -1.0  # only the left arm is raised
    found = wanted_angles(dancer_like(ROBOT, angles))
    assert found[25, columns("LShoulderPitch")] < -0.8
    assert found[25, columns("RShoulderPitch")] > 1.2


def test_a_mirrored_dancer_gives_mirrored_angles():
    _, dance = waving(ROBOT)
    mirrored = pose_sequence(mirror_positions(dance.joint_positions_m), 25.0)
    found, other = wanted_angles(dance), wanted_angles(mirrored)
    left = columns("LShoulderPitch", "LShoulderRoll", "LElbowYaw", "LElbowRoll")
    right = columns("RShoulderPitch", "RShoulderRoll", "RElbowYaw", "RElbowRoll")
    np.testing.assert_allclose(other[:, right], found[:, left] * [1, -1, -1, -1], atol=1e-3)


def test_turning_and_bending_the_whole_dancer_changes_nothing():
    _, dance = waving(ROBOT)
    cos, sin = np.cos(0.7), np.sin(0.7)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    lean = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    moved = pose_sequence(dance.joint_positions_m @ (turn @ lean).T + 3.0, 25.0)
    np.testing.assert_allclose(wanted_angles(moved), wanted_angles(dance), atol=1e-6)


@pytest.mark.parametrize("side", ["left", "right"])
def test_bones_agree_with_the_robots_landmarks(side, rng):
    arm = arm_of(ROBOT, side)
    low, high = np.array(ROBOT.position_limits_rad).T
    positions = rng.uniform(low, high, (50, len(low)))
    marks = landmark_positions(ROBOT, forward_kinematics(ROBOT, positions))
    bones = arm.directions(positions[:, columns(*arm.joints)])
    for bone, first, second in zip(bones, ("shoulder", "elbow"), ("elbow", "wrist"), strict=True):
        line = marks[f"{side}_{second}"] - marks[f"{side}_{first}"]
        line /= np.linalg.norm(line, axis=1, keepdims=True)
        np.testing.assert_allclose(bone, line, atol=1e-12)


@pytest.mark.parametrize("side", ["left", "right"])
def test_derivatives_of_bones_agree_with_differences(side, rng):
    arm = arm_of(ROBOT, side)
    angles = rng.uniform(-1.0, 1.0, (20, 4))
    _, jacobian = arm.with_jacobians(angles)
    for j in range(4):
        step = np.zeros(4)
        step[j] = 1e-6
        ahead, behind = (arm.with_jacobians(angles + s * step)[0] for s in (1.0, -1.0))
        np.testing.assert_allclose(jacobian[..., j], (ahead - behind) / 2e-6, atol=1e-8)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_closed_form_is_exact_inside_the_limits(side, rng):
    arm = arm_of(ROBOT, side)
    limits = np.array(ROBOT.position_limits_rad)[columns(*arm.joints)]
    angles = rng.uniform(limits[:, 0], limits[:, 1], (200, 4))
    wanted = arm.directions(angles)
    found = candidates(arm, *wanted, limits)
    assert (found >= limits[:, 0] - 1e-12).all()
    assert (found <= limits[:, 1] + 1e-12).all()
    miss = sum(
        np.linalg.norm(a - b, axis=1) for a, b in zip(arm.directions(found[0]), wanted, strict=True)
    )
    assert miss.max() < 1e-9


@pytest.mark.parametrize("side", ["left", "right"])
def test_refining_makes_no_candidate_worse_and_most_better_where_a_limit_binds(side, rng):
    arm = arm_of(ROBOT, side)
    limits = np.array(ROBOT.position_limits_rad)[columns(*arm.joints)]
    upper, fore = rng.normal(size=(2, 300, 3))  # human elbows bend further than the robot's
    upper /= np.linalg.norm(upper, axis=1, keepdims=True)
    fore /= np.linalg.norm(fore, axis=1, keepdims=True)
    ways = candidates(arm, upper, fore, limits)
    better = refined(arm, ways, upper, fore, np.ones((300, 2)), limits)

    def miss(angles):
        bones = arm.directions(angles.reshape(-1, 4))
        wanted = (np.tile(upper, (len(ways), 1)), np.tile(fore, (len(ways), 1)))
        return sum(((b - w) ** 2).sum(axis=1) for b, w in zip(bones, wanted, strict=True))

    assert (miss(better) <= miss(ways) + 1e-12).all()
    assert miss(better).mean() < 0.8 * miss(ways).mean()
    assert (better >= limits[:, 0]).all()
    assert (better <= limits[:, 1]).all()


def test_the_chest_frame_is_a_rotation_that_looks_forward():
    _, dance = waving(ROBOT)
    frames = chest_frame(dance.joint_positions_m)
    np.testing.assert_allclose(
        frames @ frames.swapaxes(1, 2), np.tile(np.eye(3), (len(frames), 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(frames), 1.0)
    assert (frames[:, 0, 0] > 0.99).all()  # this dancer faces +x


def test_resampling_keeps_frames_and_does_not_overshoot_a_leap():
    joints = np.zeros((6, 21, 3))
    joints[3:] = 1.0
    times = np.arange(6) / 10.0
    np.testing.assert_allclose(resample(joints, times, times), joints, atol=1e-12)
    between = resample(joints, times, np.linspace(-1.0, 2.0, 301))
    assert between.min() >= -1e-9
    assert between.max() <= 1.0 + 1e-9


def test_a_hand_that_stops_every_second_is_seen_to_stop():
    times = np.arange(250) / 25.0
    hand = np.column_stack([np.cos(np.pi * times), 0.0 * times, 0.0 * times])
    moments = times[np.flatnonzero(arm_stops(hand, 25.0))]
    np.testing.assert_allclose(moments, np.arange(1, 10), atol=0.04)  # one frame


def test_a_marker_that_vanishes_into_its_neighbour_has_no_say():
    _, dance = waving(ROBOT)
    joints = np.array(dance.joint_positions_m)
    joints[40:60, INDEX["left_wrist"]] = joints[40:60, INDEX["left_elbow"]]
    targets = dance_targets(joints, 25.0)
    assert (targets.confidence["left"][40:60, 1] == 0.0).all()
    assert (targets.confidence["left"][:40] == 1.0).all()
    assert np.isfinite(targets.forearm["left"]).all()


def test_a_dancer_without_a_chest_is_refused_and_one_who_loses_it_keeps_it(rng):
    _, dance = waving(ROBOT)
    joints = np.array(dance.joint_positions_m)
    with pytest.raises(DataError, match="metres"):
        dance_targets(joints / 100.0, 25.0)
    lost = slice(30, 40)
    joints[lost, INDEX["left_shoulder"]] = joints[lost, INDEX["right_shoulder"]]
    whole, some = (
        dance_targets(np.array(dance.joint_positions_m), 25.0),
        dance_targets(joints, 25.0),
    )
    assert (some.confidence["right"][lost] == 0.0).all()
    seen = np.r_[0:30, 40 : len(joints)]
    np.testing.assert_array_equal(some.upper_arm["right"][seen], whole.upper_arm["right"][seen])
    assert np.isfinite(some.upper_arm["right"]).all()


def test_what_is_never_seen_is_counted():
    _, dance = waving(ROBOT)
    joints = np.array(dance.joint_positions_m)
    joints[: len(joints) // 2, INDEX["left_wrist"]] = joints[
        : len(joints) // 2, INDEX["left_elbow"]
    ]
    shares = unseen_shares(dance_targets(joints, 25.0))
    assert shares["left forearm"] == pytest.approx(0.5, abs=0.02)
    assert shares["right forearm"] == shares["left upper arm"] == 0.0
