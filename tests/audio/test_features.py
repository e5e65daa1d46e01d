"""The 128 features: named, centred on their moment, the same for the same song at any level."""

import numpy as np
import pytest
import soxr
from songs import RATE_HZ, known_song

from robodance.audio.features import FEATURE_NAMES, FRAME_RATE_HZ, KIND, extract_features


@pytest.fixture(scope="module")
def song():
    return known_song("steady", 3, duration_s=12.0).samples


@pytest.fixture(scope="module")
def features(song):
    return extract_features(song, RATE_HZ)


def column(features, name):
    return features.values[:, features.names.index(name)]


def test_there_are_128_named_normalised_numbers_per_frame(song, features):
    assert features.kind == KIND == "logmel-onset-chroma-128/1"
    assert features.values.shape == (600, 128)
    assert len(set(FEATURE_NAMES)) == 128
    assert np.abs(features.values).max() <= 4.0
    assert np.abs(features.values.mean(axis=0)).max() < 0.15  # clipping moves the mean a little
    moving = features.values.std(axis=0) > 0
    assert moving.mean() > 0.95
    assert features.values.std(axis=0)[moving].min() > 0.4


def test_the_same_samples_give_the_same_numbers(song, features):
    np.testing.assert_array_equal(extract_features(song, RATE_HZ).values, features.values)


def test_the_level_of_a_recording_does_not_matter(song, features):
    quiet = extract_features(0.01 * song, RATE_HZ)
    np.testing.assert_allclose(quiet.values, features.values, atol=0.02)  # float32 rounding


def test_the_sampling_rate_of_a_recording_hardly_matters(song, features):
    other = extract_features(soxr.resample(song, RATE_HZ, 48_000), 48_000)
    for name in ("mel_20", "chroma_A", "onset", "loudness"):
        assert np.corrcoef(column(other, name), column(features, name))[0, 1] > 0.99


@pytest.mark.parametrize("second", [2.0, 5.01, 9.99])
def test_a_frame_is_centred_on_its_moment(second):
    samples = 1e-4 * np.random.default_rng(0).normal(size=12 * RATE_HZ).astype(np.float32)
    samples[int(second * RATE_HZ)] = 1.0
    loudness = column(extract_features(samples, RATE_HZ), "loudness")
    loud = np.flatnonzero(loudness > 0.5 * loudness.max()) / FRAME_RATE_HZ
    assert loud.mean() == pytest.approx(second, abs=0.5 / FRAME_RATE_HZ)


def test_chroma_and_bass_name_the_pitch_that_sounds():
    t = np.arange(8 * RATE_HZ) / RATE_HZ
    first, second = t < 4.0, t >= 4.0
    samples = 0.3 * (np.sin(2 * np.pi * 440.0 * t) * first)  # A4, then C5 over E2
    samples += 0.3 * second * (np.sin(2 * np.pi * 523.25 * t) + np.sin(2 * np.pi * 82.41 * t))
    features = extract_features(samples.astype(np.float32), RATE_HZ)
    early, late = slice(50, 150), slice(250, 350)
    for name, sounds, silent in (
        ("chroma_A", early, late),
        ("chroma_C", late, early),
        ("bass_E", late, early),
    ):
        assert column(features, name)[sounds].mean() > 0.5 > column(features, name)[silent].mean()


def test_silence_is_all_zeros_and_short_sounds_have_a_frame():
    assert not extract_features(np.zeros(6 * RATE_HZ, np.float32), RATE_HZ).values.any()
    assert extract_features(np.ones(3, np.float32), RATE_HZ).values.shape == (1, 128)


def test_onsets_are_where_the_beats_are(features):
    song = known_song("steady", 3, duration_s=12.0)
    onset = column(features, "onset")
    beats = np.rint(song.beats_s * FRAME_RATE_HZ).astype(int)
    near = np.max([onset[np.clip(beats + k, 0, len(onset) - 1)] for k in (-1, 0, 1)], axis=0)
    assert near.mean() > onset.mean() + 1.0
