"""Loudness, energy and the time shift: by hand, with and without."""

import numpy as np
import pytest
from dancer import dancer

from robodance.evaluation.dances import Music, Sample, on_the_beat_clock, sized
from robodance.evaluation.music import energy_correlation, loudness_db, window_energies
from robodance.skeleton import pose_sequence

RATE_HZ, BEAT_S = 25.0, 0.5


def test_a_sine_of_half_scale_is_nine_decibels_down():
    samples = 0.5 * np.sin(2 * np.pi * 440.0 * np.arange(22050) / 22050).astype(np.float32)
    found = loudness_db(samples, 22050, np.array([0.5]))
    assert found[0] == pytest.approx(10 * np.log10(0.125), abs=0.05)
    assert loudness_db(np.zeros(22050, np.float32), 22050, np.array([0.5]))[0] == -80.0


def following(loudness_per_beat, rng, *, follows=True):
    """Hands that move as fast as the music is loud, or as they like."""
    frames = int(BEAT_S * RATE_HZ * 2) // 2
    speed = np.repeat(loudness_per_beat if follows else rng.permutation(loudness_per_beat), frames)
    joints = np.zeros((len(speed), 21, 3))
    joints[:, :, 0] = np.cumsum(speed)[:, None] / RATE_HZ
    return joints, np.repeat(loudness_per_beat, frames)


def test_energy_follows_loudness_where_it_does():
    rng = np.random.default_rng(3)
    loudness = np.repeat(rng.uniform(0.2, 2.0, 12), 4)
    beats = np.arange(len(loudness)) * 12 / RATE_HZ
    found = {}
    for follows in (True, False):
        joints, level = following(loudness, rng, follows=follows)
        speeds, levels = window_energies(joints, RATE_HZ, level, beats)
        assert len(speeds) == len(beats) - 4
        found[follows] = energy_correlation(speeds, levels)
    assert found[True] > 0.99
    assert abs(found[False]) < 0.6
    assert np.isnan(energy_correlation(np.ones(9), np.arange(9.0)))


def sample(seconds=12.0):
    joints = dancer(seconds, RATE_HZ)
    count = len(joints)
    music = Music("song", np.arange(count * 128.0).reshape(count, 128), np.arange(count * 1.0))
    return Sample("x", "rumba", joints, RATE_HZ, np.arange(0.0, seconds - 0.1, BEAT_S), music)


def test_a_time_shift_moves_the_music_and_leaves_the_dance():
    before = sample()
    after = before.shifted(0.37)
    np.testing.assert_array_equal(after.joints_m, before.joints_m)
    assert set(after.music.loudness_db) == set(before.music.loudness_db)
    assert not np.array_equal(after.music.loudness_db, before.music.loudness_db)
    off = np.mod(after.beats_s[0] / BEAT_S, 1.0)
    assert 0.01 < off < 0.99


def test_the_beat_clock_has_sixteen_frames_a_beat_whatever_the_tempo():
    clock = on_the_beat_clock(sample())
    assert len(clock) == 16 * (len(sample().beats_s) - 1)


def test_the_usual_beat_makes_fast_and_slow_dances_alike():
    slow = sample().at_usual_beat(0.6)
    assert np.median(np.diff(slow.beats_s)) == pytest.approx(0.6)
    assert slow.duration_s == pytest.approx(sample().duration_s * 1.2)
    half = sample().at_usual_beat(1.0)  # an octave is no other tempo
    assert half.rate_hz == RATE_HZ
    for beat_s in (0.25, 0.3, 0.5, 0.85, 1.0):  # but where the beats are known to be danced
        danced = sample().at_usual_beat(beat_s, danced=True)
        assert np.median(np.diff(danced.beats_s)) == pytest.approx(beat_s)


def test_a_giant_is_sized_without_bending_a_bone():
    small = pose_sequence(dancer(2.0, RATE_HZ), RATE_HZ)
    large = pose_sequence(3.0 * dancer(2.0, RATE_HZ), RATE_HZ)
    joints, factor = sized(large)
    assert factor == pytest.approx(sized(small)[1] / 3.0)
    np.testing.assert_allclose(joints, sized(small)[0], atol=1e-9)
