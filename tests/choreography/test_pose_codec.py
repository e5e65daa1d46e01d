"""The 74 numbers and the joints they stand for say the same."""

import numpy as np
from dancer import dancer

from robodance.choreography.sampling import mirror_poses
from robodance.skeleton import (
    POSE_DIM,
    ROOT_VELOCITY,
    YAW_RATE,
    decode_pose,
    encode_pose,
    facing_direction,
    mirror_positions,
)

RATE_HZ = 25.0
ROUND_TRIP_M = 1e-3
ROUND_TRIP_DEG = 0.1


def turning_dancer(seconds):
    """Walks along a curve: translation and heading both change all the time."""
    joints = dancer(seconds, RATE_HZ)
    times = np.arange(len(joints)) / RATE_HZ
    yaw = 0.7 * times + 0.5 * np.sin(times)
    cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x, y = joints[..., 0].copy(), joints[..., 1].copy()
    joints[..., 0] = cos * x - sin * y + np.sin(0.3 * times)[:, None]
    joints[..., 1] = sin * x + cos * y + 0.2 * times[:, None]
    return joints


def test_a_minute_of_dance_comes_back_within_a_millimetre_and_a_tenth_of_a_degree():
    joints = turning_dancer(60.0)
    poses = encode_pose(joints, RATE_HZ)
    assert poses.shape == (len(joints), POSE_DIM)
    back = decode_pose(poses, origin_m=(joints[0, 2, 0], joints[0, 2, 1]))
    assert np.linalg.norm(back - joints, axis=2).max() < ROUND_TRIP_M
    before, after = facing_direction(joints, RATE_HZ), facing_direction(back, RATE_HZ)
    angle = np.degrees(np.arccos(np.clip((before * after).sum(axis=1), -1.0, 1.0)))
    assert angle.max() < ROUND_TRIP_DEG


def test_where_a_dancer_stands_and_looks_does_not_change_the_local_numbers():
    joints = turning_dancer(4.0)
    turned = np.stack([-joints[..., 1] + 3.0, joints[..., 0] - 5.0, joints[..., 2]], axis=-1)
    first, second = encode_pose(joints, RATE_HZ), encode_pose(turned, RATE_HZ)
    np.testing.assert_allclose(first[:, :63], second[:, :63], atol=1e-9)
    np.testing.assert_allclose(first[:, 66:], second[:, 66:], atol=1e-9)


def test_mirroring_poses_is_mirroring_the_dancer():
    """Second method: reflect the joints in the world and encode again."""
    joints = turning_dancer(4.0)
    reflected = encode_pose(mirror_positions(joints), RATE_HZ)
    np.testing.assert_allclose(mirror_poses(encode_pose(joints, RATE_HZ)), reflected, atol=1e-9)
    np.testing.assert_array_equal(mirror_poses(mirror_poses(reflected)), reflected)


def test_rates_are_seen_from_the_body():
    """Somebody who walks forward has a forward velocity, whatever the compass says."""
    joints = dancer(2.0, RATE_HZ) + np.arange(50)[:, None, None] * [0.02, 0.0, 0.0]
    quarter = np.stack([-joints[..., 1], joints[..., 0], joints[..., 2]], axis=-1)
    poses = encode_pose(quarter, RATE_HZ)
    np.testing.assert_allclose(poses[:, ROOT_VELOCITY][:, 0].mean(), 0.02, atol=1e-4)
    np.testing.assert_allclose(poses[:, YAW_RATE], 0.0, atol=0.02)
