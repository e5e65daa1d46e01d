"""Projection dances with recorded windows, near to what was imagined."""

import numpy as np
import pytest
from dancer import dancer

from robodance.choreography.joins import chain
from robodance.choreography.projection import WINDOW_FRAMES, MotionWindows, project
from robodance.errors import DataError
from robodance.learning.dataset import Unit
from robodance.learning.windows import load_windows, windows_of
from robodance.skeleton import LOCAL_POSITIONS, decode_pose, encode_pose, mirror_poses

RATE_HZ = 32.0  # 16 frames a beat at 120 beats a minute


@pytest.fixture(scope="module")
def units():
    return [
        Unit(f"X-{seed + 1}-1", 8, 0.5, encode_pose(dancer(4.0, RATE_HZ, seed=seed), RATE_HZ))
        for seed in range(6)
    ]


def distance_to(windows, dance):
    """Mean distance of a dance's frames to the nearest recorded frame, metres."""
    known = windows.poses[..., LOCAL_POSITIONS].reshape(-1, 21, 3)
    made = dance[:, LOCAL_POSITIONS].reshape(-1, 21, 3)
    return np.mean([np.linalg.norm(known - one, axis=2).mean(axis=1).min() for one in made])


def test_windows_begin_on_every_beat_and_have_mirror_images(units):
    windows = windows_of(units[:2])
    assert windows.poses.shape == (2 * 2 * 7, WINDOW_FRAMES, 74)
    np.testing.assert_array_equal(windows.poses[3], units[0].poses[48:80])
    np.testing.assert_array_equal(windows.poses[14 + 3], mirror_poses(units[0].poses[48:80]))
    assert windows.following[3] == 5  # two beats later
    assert windows.following[5] == -1  # the unit is over before another window is
    assert windows.following[6] == -1
    assert windows.following[17] == 19


def test_recorded_motion_is_danced_as_it_is(units):
    windows = windows_of(units)
    np.testing.assert_allclose(project(units[2].poses, windows), units[2].poses, atol=1e-9)
    turned = mirror_poses(units[2].poses)
    np.testing.assert_allclose(project(turned, windows), turned, atol=1e-9)


def test_a_noisy_dance_comes_nearer_to_real_motion_and_keeps_its_speed(units):
    """With and without."""
    windows = windows_of(units)
    dance = chain([units[0].poses[:64], units[3].poses[32:96], units[5].poses[:40]])
    slow = np.random.default_rng(0).normal(size=(len(dance) // 8 + 2, 63))
    noise = 0.03 * np.repeat(slow, 8, axis=0)[: len(dance)]
    noise = np.stack([np.convolve(n, np.ones(8) / 8, mode="same") for n in noise.T], axis=1)
    imagined = dance.copy()
    imagined[:, LOCAL_POSITIONS] += noise
    projected = project(imagined, windows)
    assert projected.shape == imagined.shape
    assert distance_to(windows, projected) < 0.5 * distance_to(windows, imagined)
    steps = np.linalg.norm(np.diff(decode_pose(projected), axis=0), axis=2)
    real = np.linalg.norm(np.diff(decode_pose(dance), axis=0), axis=2)
    assert steps.mean() == pytest.approx(real.mean(), rel=0.15)
    assert steps.max() < 2.0 * real.max()  # joins do not jump


def test_a_folder_that_is_not_the_data_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        load_windows(tmp_path / "nowhere", ["rumba"])
    with pytest.raises(DataError, match=r"holds no movement_interval\.csv"):
        load_windows(tmp_path, ["rumba"])


def test_units_that_are_too_short_are_said(units):
    short = Unit("X-9-1", 1, 0.5, units[0].poses[:16])
    with pytest.raises(DataError, match="no unit is as long as 2 beats"):
        windows_of([short])
    with pytest.raises(DataError, match="motion windows have shape"):
        MotionWindows(np.zeros((3, 5, 74)), np.zeros(3, np.int64))
