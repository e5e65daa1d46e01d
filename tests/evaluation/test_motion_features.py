"""Kinetic and geometric features, feet: hand-made motion, and the published loops again."""

import numpy as np
import pytest
from dancer import dancer

from robodance.evaluation.features import SMPL_LENGTHS, geometric_features, kinetic_features
from robodance.evaluation.physics import foot_contact_score, foot_skate
from robodance.skeleton import INDEX, WAIST

FRAME_S = 1.0 / 30.0


def standing(frames):
    return np.repeat(dancer(1.0, 30.0)[:1], frames, axis=0)


def test_steady_motion_has_its_squared_speeds_and_no_expenditure():
    clip = standing(30) + np.arange(30)[:, None, None] * np.array([0.03, 0.04, 0.01])
    found = kinetic_features(clip[None], FRAME_S).reshape(21, 3)
    np.testing.assert_allclose(found[:, 0], 1.5**2, rtol=1e-9)  # 5 cm a frame: 1.5 m/s
    np.testing.assert_allclose(found[:, 1], 0.3**2, rtol=1e-9)
    np.testing.assert_allclose(found[:, 2], 0.0, atol=1e-9)


def test_kinetic_features_are_the_published_loop(rng):
    clip = np.cumsum(rng.normal(0.0, 0.01, size=(12, 21, 3)), axis=0)

    def average(i, joint, order):
        """Mean difference quotient over two frames to either side, as published."""
        total, count = np.zeros(3), 0
        for j in range(-2, 3):
            k = i + j
            if k - 1 < 0 or k + order - 1 >= len(clip):
                continue
            step = clip[k, joint] - clip[k - 1, joint]
            if order == 2:
                step = (clip[k + 1, joint] - clip[k, joint] - step) / FRAME_S
            total, count = total + step, count + 1
        return total / (count * FRAME_S)

    found = kinetic_features(clip[None], FRAME_S).reshape(21, 3)
    for joint in (0, 7, 20):
        speeds = np.array([average(i, joint, 1) for i in range(1, len(clip))])
        bends = np.array([average(i, joint, 2) for i in range(1, len(clip))])
        expected = [
            (speeds[:, :2] ** 2).sum(axis=1).mean(),
            (speeds[:, 2] ** 2).mean(),
            np.linalg.norm(bends, axis=1).mean(),
        ]
        np.testing.assert_allclose(found[joint], expected, rtol=1e-9)


def test_a_raised_wrist_and_a_bent_elbow_are_seen():
    clip = standing(10)
    raised = clip.copy()
    raised[:, INDEX["right_wrist"]] = raised[:, INDEX["right_shoulder"]] + [0.0, 0.0, 0.4]
    before = geometric_features(clip[None], FRAME_S)[0]
    after = geometric_features(raised[None], FRAME_S)[0]
    assert (before[2], after[2]) == (0.0, 1.0)  # right hand above the neck
    assert before[3] == after[3]  # the left one stays
    bent = clip.copy()
    bent[:, INDEX["left_wrist"]] = bent[:, INDEX["left_shoulder"]] + [0.1, 0.0, 0.0]
    assert geometric_features(bent[None], FRAME_S)[0][7] == 1.0


def test_wide_feet_and_a_fast_body_are_seen():
    clip = standing(10)
    wide = clip.copy()
    wide[:, INDEX["right_ankle"], 1] -= 1.0
    assert geometric_features(clip[None], FRAME_S)[0][18] == 0.0
    assert geometric_features(wide[None], FRAME_S)[0][18] == 1.0
    fast = clip + np.arange(10)[:, None, None] * np.array([0.05, 0.0, 0.0])  # 1.5 m/s
    found = geometric_features(fast[None], FRAME_S)[0]
    assert found[31] == 1.0
    assert geometric_features(clip[None], FRAME_S)[0][31] == 0.0


def test_the_coded_frame_makes_the_same_motion_four_times_faster():
    clip = standing(10) + np.arange(10)[:, None, None] * np.array([0.01, 0.0, 0.0])  # 0.3 m/s
    assert geometric_features(clip[None], FRAME_S, SMPL_LENGTHS)[0][31] == 0.0
    assert geometric_features(clip[None], 1 / 120, SMPL_LENGTHS)[0][31] == 1.0


def test_features_do_not_depend_on_where_the_dancer_is_but_for_the_height():
    clip = dancer(1.0, 30.0)[None]
    moved = clip + np.array([3.0, -2.0, 0.0])
    np.testing.assert_allclose(
        kinetic_features(moved, FRAME_S), kinetic_features(clip, FRAME_S), atol=1e-9
    )
    np.testing.assert_array_equal(
        geometric_features(moved, FRAME_S), geometric_features(clip, FRAME_S)
    )


def test_no_clips_give_no_features():
    none = np.zeros((0, 30, 21, 3))
    assert kinetic_features(none, FRAME_S).shape == (0, 63)
    assert geometric_features(none, FRAME_S).shape == (0, 32)


def sliding(step_m, *, both=True):
    """A body whose feet lie on the floor and slide along x; its waist jerks sideways."""
    clip = standing(20)
    for side in ("right", "left") if both else ("right",):
        for part in ("ankle", "toe", "heel"):
            clip[:, INDEX[f"{side}_{part}"], 0] += step_m * np.arange(20)
    clip[:, WAIST, 1] += 0.5 * (np.arange(20) / 30.0) ** 2  # 1 m/s^2
    return clip


def test_foot_contact_of_a_steady_slide_is_the_product_of_speeds():
    # Acceleration is constant, so its share is 1 everywhere: v_left v_right remains.
    assert foot_contact_score(sliding(0.02)) == pytest.approx(1e4 * 0.02**2, rel=1e-6)
    assert foot_contact_score(sliding(0.02), per_second=True) == pytest.approx(0.36, rel=1e-6)


def test_foot_contact_is_perfect_where_one_foot_stands_or_nothing_moves():
    assert foot_contact_score(sliding(0.02, both=False)) == pytest.approx(0.0, abs=1e-12)
    assert foot_contact_score(standing(20)) == 0.0


@pytest.mark.parametrize("coded", [False, True])
def test_skating_is_counted_foot_by_foot(coded):
    flat = sliding(0.03, both=False)
    flat[:, [INDEX[f"{s}_{p}"] for s in ("right", "left") for p in ("ankle", "toe")], 2] = 0.04
    assert foot_skate(flat, coded=coded) == (19.0, 38.0)


def test_a_diagonal_slide_cancels_as_coded_only():
    flat = standing(20)
    feet = [INDEX[f"{s}_{p}"] for s in ("right", "left") for p in ("ankle", "toe")]
    flat[:, feet, 2] = 0.04
    flat[:, feet, 0] += 0.03 * np.arange(20)[:, None]
    flat[:, feet, 1] -= 0.03 * np.arange(20)[:, None]
    assert foot_skate(flat, coded=True)[0] == 0.0
    assert foot_skate(flat, coded=False)[0] == 38.0
