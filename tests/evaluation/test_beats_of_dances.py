"""Kinematic beats: dances that halt on known moments, hits by hand, chance."""

import numpy as np
import pytest
from dancer import dancer

from robodance.evaluation.beats import (
    DETECTORS,
    acceleration_lock,
    aligned,
    at_rate,
    beat_alignment,
    lock_sum,
    phase_of,
    smooth_speed_minima,
    without_phase,
)

BEAT_S, RATE_HZ = 0.617, 60.0  # no halt lies exactly between two frames
NEAR_S = {"directogram": 0.1, "deviation": 0.07, "drops": 0.1, "minima": 0.02}
# A frame and a half of each detector's own rate: 15, 15, 10 and 60 a second.


def halting(beats=20, *, offset_s=0.0):
    """A body whose hands go to and fro and stand still on every beat."""
    times = np.arange(int(beats * BEAT_S * RATE_HZ)) / RATE_HZ
    joints = np.repeat(dancer(1.0, 30.0)[:1], len(times), axis=0)
    swing = 0.3 * np.cos(np.pi * (times - offset_s) / BEAT_S)  # speed is zero on the beats
    joints += swing[:, None, None] * np.array([0.3, 1.0, 0.4])
    return joints, np.arange(beats) * BEAT_S


@pytest.mark.parametrize("name", DETECTORS)
def test_halts_are_found_where_they_are(name):
    joints, beats = halting()
    found = DETECTORS[name](joints, RATE_HZ)
    assert len(found) >= 0.8 * len(beats)
    assert aligned(found, beats, NEAR_S[name]) >= 0.8 * len(found)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_body_that_stands_has_no_beats(name):
    joints = np.repeat(dancer(1.0, 30.0)[:1], 200, axis=0)
    assert len(DETECTORS[name](joints, 30.0)) == 0
    assert len(DETECTORS[name](joints[:2], 30.0)) == 0


def test_smooth_minima_are_halts_too():
    joints, beats = halting()
    found = smooth_speed_minima(joints, RATE_HZ)
    assert aligned(found, beats, 0.03) >= len(beats) - 2


def test_hits_are_counted_by_hand():
    beats = np.array([0.0, 1.0, 2.0])
    kinematic = np.array([0.03, 0.96, 1.2, 2.07])
    assert aligned(kinematic, beats, 0.035) == 1
    assert aligned(kinematic, beats, 0.070) == 3
    assert aligned(kinematic, beats, 0.200) == 4
    assert aligned(np.zeros(0), beats, 0.1) == 0
    assert aligned(kinematic, np.zeros(0), 0.1) == 0


def test_alignment_scores_are_counted_by_hand():
    beats, kinematic = np.array([0.0, 1.0]), np.array([0.05])
    one = np.exp(-0.5)  # one sigma
    assert beat_alignment(kinematic, beats, over="kinematic") == pytest.approx((one, 1.0))
    far = np.exp(-0.5 * (0.95 / 0.05) ** 2)
    assert beat_alignment(kinematic, beats, over="music") == pytest.approx((one + far, 2.0))
    assert beat_alignment(np.zeros(0), beats, over="music") == (0.0, 1.0)


def test_only_the_later_score_rewards_many_beats():
    beats = np.arange(20.0)
    few, many = np.array([0.0, 1.0]), np.arange(0.0, 20.0, 0.05)

    def score(kinematic, over):
        total, count = beat_alignment(kinematic, beats, over=over)
        return total / count

    assert score(many, "music") > 0.9 > score(few, "music")
    assert score(few, "kinematic") > 0.9 > score(many, "kinematic")


@pytest.mark.parametrize("lateness", [-0.2, 0.1, 0.45])
def test_a_constant_phase_is_found_and_taken_out(lateness):
    beats = np.arange(30) * BEAT_S
    late = beats[2:-2] + lateness * BEAT_S
    phase = phase_of([(late, beats)])
    assert phase == pytest.approx(lateness, abs=1e-9)
    moved = without_phase(late, beats, phase)
    assert aligned(late, beats, 0.01) == 0
    assert aligned(moved, beats, 0.01) == len(late)


def test_random_beats_hit_as_often_as_the_window_says():
    rng = np.random.default_rng(5)
    beats, kinematic = np.arange(0.0, 2000.0, BEAT_S), np.sort(rng.uniform(0, 1999, 4000))
    share = aligned(kinematic, beats, 0.07) / len(kinematic)
    assert share == pytest.approx(2 * 0.07 / BEAT_S, abs=0.02)  # 2.5 deviations


def steps(beats_each):
    """A body that jumps ahead every so many beats of 0.48 s: 12 frames of 25 a second."""
    joints = np.zeros((500, 21, 3))
    joints[:, :, 0] = np.floor(np.arange(500) / (12 * beats_each))[:, None]
    return joints, 25.0, np.arange(42) * 0.48


def test_the_lock_is_one_for_jerks_on_the_beat_and_nothing_for_noise():
    joints, rate_hz, beats = steps(1)
    locked = acceleration_lock([lock_sum(joints, rate_hz, beats)])
    noise = np.random.default_rng(2).normal(size=(1200, 21, 3))
    assert locked > 0.95  # a step's two jerks are one frame apart
    assert acceleration_lock([lock_sum(noise, RATE_HZ, beats)]) < 0.05


def test_the_lock_of_two_beats_sees_every_second_one():
    assert acceleration_lock([lock_sum(*steps(2), 2)]) > 0.95
    assert acceleration_lock([lock_sum(*steps(1), 2)]) < 0.1


@pytest.mark.parametrize("rate_hz", [33.0, 60.0, 120.0])
def test_the_lock_does_not_depend_on_the_frame_rate(rate_hz):
    """Steps on the beat beneath a tremor of 9 a second, which a finer rate sees better."""

    def lock(rate_hz):
        times = np.arange(int(30 * rate_hz)) / rate_hz
        beats = np.arange(48)[:, None] * BEAT_S
        path = 0.05 * np.tanh((times - beats) / 0.06).sum(axis=0)
        path += 0.002 * np.sin(2 * np.pi * 9.3 * times)
        joints = np.repeat(path[:, None, None], 21, axis=1) * np.ones(3)
        return acceleration_lock([lock_sum(joints, rate_hz, np.arange(48) * BEAT_S)])

    assert lock(25.0) > 0.1
    # A spline through few frames takes some of the tremor; seen at its own rate, each of
    # these motions would have a lock of its own, up to a third off.
    assert lock(rate_hz) == pytest.approx(lock(25.0), rel=0.1)


def test_another_frame_rate_is_the_same_motion():
    joints, _ = halting()
    there = at_rate(joints, RATE_HZ, 25.0)
    back = at_rate(there, 25.0, RATE_HZ)
    np.testing.assert_allclose(back[60:600], joints[60:600], atol=1e-3)  # metres; a spline's
