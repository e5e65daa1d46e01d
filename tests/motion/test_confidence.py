"""What a dance says about its own joints and palms reaches the plan."""

from dataclasses import replace

import numpy as np
import pytest
from dancer import dancer

from robodance.config import MotionConfig
from robodance.errors import RobodanceError
from robodance.motion.plan import adapt
from robodance.motion.targets import dance_targets, targets_at
from robodance.robots.model import load_robot
from robodance.skeleton import INDEX, pose_sequence

RATE_HZ = 25.0
ROUNDING = 1e-12


def dance_of(joints, **extras):
    return replace(pose_sequence(joints, RATE_HZ), **extras)


@pytest.fixture(scope="module")
def nao():
    return load_robot("nao_v6")


def test_a_dance_that_is_all_sure_is_as_one_that_says_nothing():
    joints = dancer(3.0)
    times = np.arange(60) / RATE_HZ
    plain = targets_at(dance_of(joints), times, RATE_HZ)
    sure = targets_at(dance_of(joints, confidence=np.ones((len(joints), 21))), times, RATE_HZ)
    for side in ("left", "right"):
        np.testing.assert_array_equal(sure.confidence[side], plain.confidence[side])
        np.testing.assert_array_equal(sure.palm_confidence[side], plain.palm_confidence[side])
        np.testing.assert_array_equal(sure.stops[side], plain.stops[side])
    np.testing.assert_array_equal(sure.head_rad, plain.head_rad)


@pytest.mark.parametrize(
    ("joint", "upper_arm", "forearm"),
    [
        ("left_shoulder", 0.25, 1.0),
        ("left_elbow", 0.25, 0.25),
        ("left_wrist", 1.0, 0.25),
        ("left_hand", 1.0, 1.0),
        ("right_elbow", 1.0, 1.0),
    ],
)
def test_a_bone_is_as_sure_as_the_less_sure_of_its_ends(joint, upper_arm, forearm):
    joints = dancer(2.0)
    confidence = np.ones((len(joints), 21))
    confidence[:, INDEX[joint]] = 0.25
    targets = dance_targets(joints, RATE_HZ, confidence=confidence)
    np.testing.assert_allclose(targets.confidence["left"][:, 0], upper_arm, atol=ROUNDING)
    np.testing.assert_allclose(targets.confidence["left"][:, 1], forearm, atol=ROUNDING)


def test_a_head_that_is_not_seen_keeps_its_way_and_a_missing_one_looks_ahead():
    joints = dancer(2.0)
    times = np.arange(len(joints)) / RATE_HZ
    ear = INDEX["head_left"]
    joints[:, ear, 0] += 0.05 * np.sin(times)
    torn = joints.copy()
    torn[20:25, ear] += 0.3
    confidence = np.ones((len(joints), 21))
    confidence[20:25, ear] = 0.0
    before = dance_targets(joints, RATE_HZ).head_rad[:, 0]
    believed = dance_targets(torn, RATE_HZ).head_rad[:, 0]
    doubted = dance_targets(torn, RATE_HZ, confidence=confidence).head_rad[:, 0]
    assert np.abs(believed - before).max() > 0.3  # rad: the false point turns the head
    assert np.abs(doubted - before).max() < 0.05
    never = dance_targets(torn, RATE_HZ, confidence=np.zeros_like(confidence))
    assert (never.head_rad == 0.0).all()


def test_a_false_wrist_moves_the_robot_only_when_it_is_believed(nao):
    """With and without confidence: the plan leaves a doubted stretch to smoothness."""
    joints = dancer(4.0)
    torn = joints.copy()
    wrist, hand = INDEX["left_wrist"], INDEX["left_hand"]
    torn[40:52, [wrist, hand]] += [0.0, 0.35, 0.35]
    confidence = np.ones((len(joints), 21))
    confidence[39:53, [wrist, hand]] = 0.0
    config = MotionConfig()
    true = adapt(dance_of(joints), nao, config).plan
    believed = adapt(dance_of(torn), nao, config).plan
    doubted = adapt(dance_of(torn, confidence=confidence), nao, config).plan
    columns = [nao.index(n) for n in ("LShoulderPitch", "LShoulderRoll", "LElbowYaw", "LElbowRoll")]
    false, kept = (
        np.abs(plan.positions_rad - true.positions_rad)[:, columns].max()
        for plan in (believed, doubted)
    )
    assert false > 0.4  # rad; measured 0.56
    assert kept < 0.5 * false  # measured 0.12 rad


def test_palms_turn_the_wrists(nao):
    """With palms forward and palms back the wrists differ; without palms they guess."""
    joints = dancer(4.0)
    moved = {}
    for way in (1.0, -1.0):
        palms = np.tile([way, 0.0, 0.0], (len(joints), 2, 1))
        dance = dance_of(joints, palms=palms, palm_confidence=np.ones((len(joints), 2)))
        targets = targets_at(dance, dance.times_s, RATE_HZ)
        across = np.einsum("ti,ti->t", targets.palm["left"], targets.forearm["left"])
        clear = targets.palm_confidence["left"] > 0.5  # unless it faces along the forearm
        assert clear.mean() > 0.5
        np.testing.assert_allclose(across[clear], 0.0, atol=1e-9)
        moved[way] = adapt(dance, nao, MotionConfig()).plan.positions_rad
    wrists = [nao.index("LWristYaw"), nao.index("RWristYaw")]
    middle = slice(250, 450)  # samples at 100 Hz, lead-in and lead-out left out
    apart = np.abs(moved[1.0] - moved[-1.0])[middle]
    assert np.median(apart[:, wrists]) > 0.5  # rad
    arms = [nao.index("LShoulderPitch"), nao.index("RElbowRoll")]
    assert np.median(apart[:, arms]) < 0.05  # the arms have other things to do


@pytest.mark.parametrize(
    "extras",
    [
        {"confidence": np.ones((3, 21))},
        {"confidence": np.full((50, 21), 1.5)},
        {"confidence": np.full((50, 21), np.nan)},
        {"palms": np.zeros((50, 2, 3))},
        {"palms": np.zeros((50, 2, 3)), "palm_confidence": np.full((50, 2), -0.1)},
    ],
)
def test_a_dance_that_says_nonsense_about_itself_is_refused(extras):
    with pytest.raises(RobodanceError, match="PoseSequence"):
        dance_of(dancer(2.0), **extras)
