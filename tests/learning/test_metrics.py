"""Each measure says what it should of motion whose answer is known."""

import numpy as np
import pytest
from dancer import dancer

from robodance.choreography.body import DANCER
from robodance.learning.metrics import (
    bone_error,
    joint_speed,
    longest_slow_run,
    root_relative,
    support,
    support_slide,
    twin_share,
    window_speeds,
)
from robodance.skeleton import INDEX

RATE_HZ = 32.0
FRAMES_PER_BEAT = 16


def test_speed_of_a_body_that_is_carried():
    joints = np.tile(dancer(0.1, RATE_HZ)[:1], (100, 1, 1))
    joints += np.arange(100)[:, None, None] * [0.03, 0.04, 0.0]
    np.testing.assert_allclose(joint_speed(joints, RATE_HZ), 0.05 * RATE_HZ)
    np.testing.assert_allclose(window_speeds(joints, RATE_HZ), 0.05 * RATE_HZ)


def test_windows_last_a_second():
    joints = dancer(10.0, RATE_HZ)
    speeds = window_speeds(joints, RATE_HZ)
    assert len(speeds) == len(joints) - 1 - 32 + 1
    np.testing.assert_allclose(speeds[7], joint_speed(joints, RATE_HZ)[7:39].mean())


def test_the_longest_run_is_found():
    assert longest_slow_run(np.array([1, 1, 0, 1, 1, 1, 0, 1], dtype=bool)) == 3
    assert longest_slow_run(np.zeros(5, dtype=bool)) == 0


def test_bone_error_of_a_body_five_percent_too_large():
    joints = dancer(2.0, RATE_HZ)
    assert bone_error(joints, DANCER.bone_lengths()) < 1e-9
    np.testing.assert_allclose(bone_error(1.05 * joints, DANCER.bone_lengths()), 0.05)


def test_a_dancer_who_steps_stands_on_one_foot_at_a_time_and_does_not_slide():
    joints = dancer(20.0, RATE_HZ)
    standing = support(joints)
    assert 0.5 < standing.mean() < 0.9
    assert standing.any(axis=1).mean() > 0.95
    # The low ends of each swing are within 3 cm of rest and do move.
    still = support_slide(joints, RATE_HZ)
    carried = support_slide(joints + np.arange(640)[:, None, None] * [0.01, 0, 0], RATE_HZ)
    assert carried - still > 0.2  # it is carried at 0.32 m/s


def test_a_foot_in_the_air_is_no_support():
    joints = dancer(4.0, RATE_HZ)
    joints[:60, INDEX["left_ankle"], 2] += 0.05
    assert not support(joints)[:60, 1].any()


def test_what_comes_again_is_a_twin_and_what_does_not_is_none():
    rng = np.random.default_rng(0)
    walk = np.cumsum(rng.normal(0.0, 0.01, (20 * FRAMES_PER_BEAT, 21, 3)), axis=0)
    other = np.cumsum(rng.normal(0.0, 0.01, (20 * FRAMES_PER_BEAT, 21, 3)), axis=0)
    assert twin_share(np.concatenate([walk, other]), FRAMES_PER_BEAT) == 0.0
    again = np.concatenate([walk, other, walk + 0.01])
    # Windows wholly inside either of the two passages: 5 of 20 beats each, of 45 windows.
    assert twin_share(again, FRAMES_PER_BEAT) == pytest.approx(10 / 45)
    moved = np.concatenate([walk, other, walk + 0.03])
    assert twin_share(moved, FRAMES_PER_BEAT) == 0.0  # 5.2 cm away


def test_standing_still_is_its_own_twin():
    assert twin_share(np.zeros((40 * FRAMES_PER_BEAT, 21, 3)), FRAMES_PER_BEAT) == 1.0


def test_seen_from_the_body_the_place_and_the_heading_are_gone():
    joints = dancer(3.0, RATE_HZ)
    turned = np.stack([-joints[..., 1] + 2.0, joints[..., 0] - 1.0, joints[..., 2]], axis=-1)
    np.testing.assert_allclose(
        root_relative(joints, RATE_HZ), root_relative(turned, RATE_HZ), atol=1e-9
    )
