"""A jump at a join fades out; what does not jump stays as it is."""

import numpy as np
import pytest

from robodance.choreography.joins import Bridge, chain

STEP_M = 0.01  # of the even motion below, per frame


def even(frames, start=0.0):
    poses = np.zeros((frames, 74))
    poses[:, :63] = (start + STEP_M * np.arange(frames))[:, None]
    poses[:, 66] = 0.02
    return poses


def bridged(poses, begins):
    bridge = Bridge()
    return np.stack([bridge.step(pose, begins.get(i, 0)) for i, pose in enumerate(poses)])


def test_a_jump_fades_out_and_without_the_bridge_it_stays():
    jump = 0.4
    poses = np.concatenate([even(40), even(60, start=40 * STEP_M + jump)])
    out = bridged(poses, {0: 40, 40: 60})
    steps = np.abs(np.diff(out[:, :63], axis=0)).max(axis=1)
    raw = np.abs(np.diff(poses[:, :63], axis=0)).max(axis=1)
    assert raw.max() > 0.4
    # A fade without a jerk is at most 1.875 times as fast as an even one, over 40 frames.
    assert steps.max() < STEP_M + 1.875 * np.sqrt(3.0) * jump / 28
    np.testing.assert_array_equal(out[:40], poses[:40])
    np.testing.assert_allclose(out[-20:], poses[-20:], atol=1e-12)


@pytest.mark.parametrize("begins", [{}, {0: 40, 40: 60}])
def test_what_does_not_jump_stays_as_it_is(begins):
    poses = np.concatenate([even(40), even(60, start=40 * STEP_M + 0.02)])
    np.testing.assert_array_equal(bridged(poses, begins), poses)


def test_within_a_stretch_a_kick_stays_a_kick():
    poses = even(60)
    poses[30:33, 40] += 0.5
    np.testing.assert_array_equal(bridged(poses, {0: 60}), poses)


def test_a_stretch_shorter_than_the_fade_ends_where_it_should():
    poses = np.concatenate([even(20), even(8, start=1.0), even(44, start=3.0)])
    out = bridged(poses, {0: 20, 20: 8, 28: 40})
    assert np.abs(np.diff(out[:, :63], axis=0)).max() < 1.875 * 2.0 * 1.2 / 8
    np.testing.assert_allclose(out[-1], poses[-1], atol=1e-12)


def test_a_chain_is_continuous_too():
    joined = chain([even(30), even(80, start=1.0)])
    assert np.abs(np.diff(joined[:, :63], axis=0)).max() < 0.1
    np.testing.assert_allclose(joined[-1], even(80, start=1.0)[-1], atol=1e-12)
