"""The ear against songs whose every beat is known."""

import mir_eval
import numpy as np
import pytest
from songs import CONDITIONS, RATE_HZ, known_song

from robodance.audio.beat_timing import find_attacks, time_beats
from robodance.audio.beats import cover_song, hear_beats, track_beats
from robodance.config import AudioConfig
from robodance.errors import AudioError

STEADY = tuple(c for c in CONDITIONS if c != "drift")
SEEDS = range(4)
STEADY_WINDOW_S, DRIFT_WINDOW_S = 0.020, 0.070  # the promise of the project


def f_measure(song, times_s, window_s):
    """F over the part of the song that has beats (an intro has none to compare with)."""
    inside = (times_s > song.beats_s[0] - 0.1) & (times_s < song.beats_s[-1] + 0.1)
    return mir_eval.beat.f_measure(song.beats_s, times_s[inside], window_s)


def offsets_s(song, times_s):
    nearest = np.abs(times_s[:, None] - song.beats_s).argmin(axis=1)
    difference = times_s - song.beats_s[nearest]
    return difference[np.abs(difference) < 0.07]


@pytest.mark.parametrize("condition", STEADY)
def test_steady_songs_are_heard_to_20_ms_without_lateness(condition):
    scores, lateness = [], []
    for seed in SEEDS:
        song = known_song(condition, seed)
        beats = track_beats(song.samples, RATE_HZ, AudioConfig())
        scores.append(f_measure(song, beats.times_s, STEADY_WINDOW_S))
        lateness.append(np.median(offsets_s(song, beats.times_s)))
    assert np.mean(scores) >= 0.95
    assert np.abs(lateness).max() <= 0.005


def test_drifting_songs_are_followed_to_70_ms():
    scores = []
    for seed in SEEDS:
        song = known_song("drift", seed)
        beats = track_beats(song.samples, RATE_HZ, AudioConfig())
        scores.append(f_measure(song, beats.times_s, DRIFT_WINDOW_S))
    assert np.mean(scores) >= 0.9


def test_bars_of_three_and_four_are_told_apart():
    songs = [known_song(c, seed) for c in ("steady", "waltz") for seed in SEEDS]
    heard = [hear_beats(song.samples, RATE_HZ, AudioConfig()).beats_per_bar for song in songs]
    right = [h == song.recipe.beats_per_bar for h, song in zip(heard, songs, strict=True)]
    assert np.mean(right) >= 0.85


def test_each_beat_is_moved_to_its_attack():
    song = known_song("steady", 2)
    rng = np.random.default_rng(0)
    rough = song.beats_s + 0.015 + rng.normal(scale=0.008, size=len(song.beats_s))
    timed = time_beats(rough, find_attacks(song.samples, RATE_HZ))
    assert np.median(np.abs(rough - song.beats_s)) > 0.010  # without
    assert np.abs(timed.times_s - song.beats_s).max() < 0.005  # with
    assert timed.steady


def test_a_tempo_curve_bends_only_where_the_song_does():
    steady, drifting = known_song("steady", 4), known_song("drift", 4)
    straight = time_beats(steady.beats_s, find_attacks(steady.samples, RATE_HZ))
    bent = time_beats(drifting.beats_s, find_attacks(drifting.samples, RATE_HZ))
    assert straight.steady
    assert not bent.steady
    assert np.median(np.abs(bent.times_s - drifting.beats_s)) < 0.005


def test_the_grid_covers_the_whole_song():
    song = known_song("intro", 1)
    beats = track_beats(song.samples, RATE_HZ, AudioConfig())
    interval = 60.0 / beats.tempo_bpm
    assert 0.0 <= beats.times_s[0] < interval
    assert song.recipe.duration_s - interval * 1.01 < beats.times_s[-1] < song.recipe.duration_s
    assert np.diff(beats.times_s).max() < 1.2 * interval


def test_cover_song_goes_on_at_the_neighbouring_tempo():
    times = np.array([2.0, 2.5, 3.0, 3.6, 4.2])
    covered = cover_song(times, 6.0)
    assert set(times) <= set(covered)
    assert np.diff(covered)[0] == pytest.approx(np.median(np.diff(times)))
    assert covered[0] >= 0.0
    assert covered[-1] < 6.0


def noise(rng, seconds=20):
    return rng.normal(scale=0.1, size=seconds * RATE_HZ).astype(np.float32)


def drone(rng, seconds=20):
    t = np.arange(seconds * RATE_HZ) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * f * t) for f in (110.0, 165.0, 220.0))
    return (0.1 * wave + 1e-4 * rng.normal(size=t.size)).astype(np.float32)


@pytest.mark.parametrize("make", [noise, drone])
def test_where_there_is_no_beat_the_error_says_how_to_help(make, rng):
    samples = make(rng)
    with pytest.raises(AudioError, match=r"no beat can be heard.*--bpm X.*--beats FILE"):
        track_beats(samples, RATE_HZ, AudioConfig())
    given = track_beats(samples, RATE_HZ, AudioConfig(bpm=104.0))
    assert given.tempo_bpm == pytest.approx(104.0, rel=0.07)
    assert given.confidence < 0.5


def test_confidence_parts_songs_from_noise(rng):
    song = known_song("steady", 0)
    heard = hear_beats(song.samples, RATE_HZ, AudioConfig())
    chance = hear_beats(noise(rng), RATE_HZ, AudioConfig())
    assert heard.confidence > 0.6
    assert chance.is_beat < 0.1


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_a_given_tempo_is_obeyed(factor):
    song = known_song("waltz", 1)
    wanted = factor * song.recipe.tempo_bpm
    beats = track_beats(song.samples, RATE_HZ, AudioConfig(bpm=wanted))
    assert beats.tempo_bpm == pytest.approx(wanted, rel=0.02)


def test_the_level_of_a_recording_does_not_matter():
    song = known_song("swing", 1)
    loud = track_beats(song.samples, RATE_HZ, AudioConfig())
    quiet = track_beats(0.02 * song.samples, RATE_HZ, AudioConfig())
    np.testing.assert_allclose(quiet.times_s, loud.times_s, atol=1e-3)


def test_real_songs_with_human_beats(data_folder):
    """Two excerpts: the reference is a person tapping, so the usual 70 ms are allowed."""
    from robodance.audio.decode import load_song

    for name in ("gtzan_country_00000.wav", "hainsworth_001.flac"):
        path = data_folder / "annotated" / name
        annotated = np.loadtxt(path.with_suffix(".beats.txt"), usecols=0)
        song = load_song(path)
        beats = track_beats(song.samples, song.sample_rate_hz, AudioConfig())
        inside = (beats.times_s > annotated[0] - 0.2) & (beats.times_s < annotated[-1] + 0.2)
        assert mir_eval.beat.f_measure(annotated, beats.times_s[inside], 0.07) > 0.9


@pytest.mark.parametrize("seconds", [5.0, 6.0])
def test_the_shortest_songs_have_beats_and_any_given_tempo_a_grid(seconds):
    samples = known_song("steady", 1).samples[: int(seconds * RATE_HZ)]
    heard = track_beats(samples, RATE_HZ, AudioConfig())
    assert heard.tempo_bpm == pytest.approx(known_song("steady", 1).recipe.tempo_bpm, rel=0.03)
    for bpm in (20.0, 60.0, 400.0):
        given = track_beats(samples, RATE_HZ, AudioConfig(bpm=bpm))
        assert given.tempo_bpm == pytest.approx(bpm, rel=0.07)


def test_a_song_with_long_silences_keeps_its_beat():
    song = known_song("steady", 1)
    gap = np.zeros(round(16 * 60.0 / song.recipe.tempo_bpm * RATE_HZ), dtype=np.float32)
    beats = track_beats(np.concatenate([gap, song.samples, gap]), RATE_HZ, AudioConfig())
    assert beats.tempo_bpm == pytest.approx(song.recipe.tempo_bpm, rel=0.002)
    late = beats.times_s - gap.size / RATE_HZ
    assert f_measure(song, late, STEADY_WINDOW_S) > 0.95
