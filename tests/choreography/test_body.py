"""A cleaned body has bones, stands on the floor and does not slide; a raw one does."""

import time

import numpy as np
import pytest
from dancer import dancer

from robodance.choreography.body import DANCER, clean_body, fix_bones
from robodance.skeleton import INDEX, bone_lengths

LARGEST_SLIDE_M_S = 0.05  # the gate's bound
RATE_HZ = 25.0


def spoiled(seconds=20.0, rate_hz=RATE_HZ, seed=0):
    """A dancer as a network predicts one: bones breathe, standing feet drift."""
    joints = dancer(seconds, rate_hz, seed=seed)
    rng = np.random.default_rng(seed)
    times = np.arange(len(joints)) / rate_hz
    frequency = rng.uniform(0.2, 1.2, (21, 3))
    joints += 0.015 * np.sin(
        2 * np.pi * times[:, None, None] * frequency + rng.uniform(0, 6, (21, 3))
    )
    joints[..., :2] += 0.12 * np.sin(2 * np.pi * 0.4 * times)[:, None, None]
    return joints


def slide(joints, rate_hz):
    """Mean horizontal speed of feet whose ankle and toe are within 3 cm of their rest."""
    heights = joints[..., 2]
    low = heights < np.percentile(heights, 10, axis=0) + 0.03
    speeds = []
    for side in ("right", "left"):
        ankle, toe = INDEX[f"{side}_ankle"], INDEX[f"{side}_toe"]
        stands = low[:, ankle] & low[:, toe]
        velocity = np.gradient(joints[:, [ankle, toe], :2], axis=0) * rate_hz
        speeds.append(np.linalg.norm(velocity, axis=2).mean(axis=1)[stands])
    return float(np.concatenate(speeds).mean())


@pytest.mark.parametrize("rate_hz", [20.0, 25.0, 33.0, 60.0])
def test_feet_stand_still_after_cleaning_and_did_not_before(rate_hz):
    raw = spoiled(rate_hz=rate_hz)
    assert slide(raw, rate_hz) > 2 * LARGEST_SLIDE_M_S
    assert slide(clean_body(raw, rate_hz), rate_hz) < LARGEST_SLIDE_M_S


def test_bones_keep_their_length_after_cleaning_and_did_not_before():
    raw = spoiled()
    wanted = DANCER.bone_lengths()
    assert np.abs(bone_lengths(raw) / wanted - 1.0).max() > 0.05
    np.testing.assert_allclose(bone_lengths(clean_body(raw, RATE_HZ)) / wanted, 1.0, atol=1e-6)
    np.testing.assert_allclose(bone_lengths(fix_bones(raw)) / wanted, 1.0, atol=1e-6)


def test_nothing_is_under_the_floor():
    raw = spoiled()
    raw[..., 2] -= 0.10
    assert raw[..., 2].min() < -0.05
    assert clean_body(raw, RATE_HZ)[..., 2].min() > 0.0


def test_a_clean_dancer_is_left_alone():
    """Feet that stand and swing well are moved by no more than the locking needs."""
    joints = dancer(10.0)
    assert np.linalg.norm(clean_body(joints, RATE_HZ) - joints, axis=2).mean() < 0.01


def test_steps_survive():
    """Locking holds feet, it does not glue them: both feet still travel."""
    joints = clean_body(spoiled(), RATE_HZ)
    for side in ("right", "left"):
        path = joints[:, INDEX[f"{side}_toe"], :2]
        assert np.ptp(path[:, 0]) > 0.2


def test_knees_never_bend_backwards():
    joints = clean_body(spoiled(), RATE_HZ)
    for side in ("right", "left"):
        hip, knee, ankle, heel, toe = (
            joints[:, INDEX[f"{side}_{part}"]] for part in ("hip", "knee", "ankle", "heel", "toe")
        )
        middle = 0.5 * (hip + ankle)
        assert (((knee - middle) * (toe - heel)).sum(axis=1) > 0.0).all()


def test_limbs_do_not_jump():
    """No joint is faster than in the raw motion by more than a quick step asks for."""
    raw = spoiled()
    speed = np.linalg.norm(np.diff(clean_body(raw, RATE_HZ), axis=0), axis=2) * RATE_HZ
    assert speed.max() < 4.0  # m/s; a swing of 25 cm in 0.3 s peaks near 1.5


def test_the_arms_point_where_they_pointed():
    raw = spoiled()
    clean = clean_body(raw, RATE_HZ)
    for first, second in (("left_shoulder", "left_elbow"), ("right_elbow", "right_wrist")):
        before = raw[:, INDEX[second]] - raw[:, INDEX[first]]
        after = clean[:, INDEX[second]] - clean[:, INDEX[first]]
        cosine = (before * after).sum(axis=1)
        cosine /= np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
        assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 0.01


def test_three_minutes_take_less_than_three_seconds():
    joints = dancer(180.0)
    start = time.process_time()
    clean_body(joints, RATE_HZ)
    assert time.process_time() - start < 3.0
