"""What is heard while a robot dances slowly: its song, drawn out as the dance is."""

import numpy as np
import pytest
import soundfile
from slow_plans import LEAD_S, slow_plan

from robodance.config import RecordingConfig
from robodance.performance.chirps import CHIRP_S, chirp, find_chirp
from robodance.performance.film_time import robot_times
from robodance.performance.heard import heard_mono, heard_soundtrack, with_sound, write_heard
from robodance.performance.stretch import stretched
from robodance.resources import launch_path
from robodance.song_file import load_soundtrack

RATE_HZ = 44100
SONG = launch_path("songs/rumba.ogg")
ON_TIME_S = 0.023  # half a window, over which a struck sound is smeared


def tone(pitch_hz, seconds):
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.3 * np.sin(2 * np.pi * pitch_hz * t))[:, None].astype(np.float32)


def drawn_out(samples, factor):
    count = round(len(samples) * factor)
    return np.concatenate(list(stretched(samples, lambda n: n / factor, count, 30_000)))


def pitch(samples):
    spectrum = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples))))
    return np.argmax(spectrum) * RATE_HZ / len(samples)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.5, 3.0, 8.0])
def test_stretching_keeps_the_pitch_and_the_loudness(factor):
    before = tone(440.0, 2.0)
    after = drawn_out(before, factor)
    assert len(after) == round(len(before) * factor)
    middle = after[len(after) // 4 : -len(after) // 4]
    assert pitch(middle) == pytest.approx(440.0, abs=1.0)
    assert np.std(middle) == pytest.approx(np.std(before), rel=0.05)


def test_stretching_by_nothing_changes_nothing():
    rng = np.random.default_rng(3)
    before = rng.normal(scale=0.1, size=(RATE_HZ, 2)).astype(np.float32)
    np.testing.assert_allclose(drawn_out(before, 1.0)[4096:-4096], before[4096:-4096], atol=1e-3)


def test_a_block_is_a_block_wherever_it_is_cut():
    song, _ = load_soundtrack(SONG)
    parts = [
        np.concatenate(list(stretched(song[:80_000], lambda n: n / 2.0, 160_000, step)))
        for step in (1000, 70_000, 200_000)
    ]
    np.testing.assert_array_equal(parts[0], parts[1])
    np.testing.assert_array_equal(parts[0], parts[2])


@pytest.mark.parametrize("swing", [0.0, 0.4])
def test_what_is_struck_is_heard_where_the_plan_has_it(nao, swing):
    plan = slow_plan(nao, 4.0, 3.0, swing=swing, chirps=False)
    rng = np.random.default_rng(5)
    song = np.zeros((5 * RATE_HZ, 1), dtype=np.float32)
    struck = np.array([0.7, 1.9, 3.2])
    for moment in struck:
        first = round(moment * RATE_HZ)
        ring = np.exp(-np.arange(RATE_HZ // 10) / 400.0)
        song[first : first + RATE_HZ // 10, 0] = 0.5 * rng.normal(size=len(ring)) * ring
    heard, rate_hz = heard_soundtrack(plan, (song, RATE_HZ), "stretched")
    loud = np.abs(heard).max(axis=1)
    for moment in robot_times(plan, struck):
        around = round((moment - 0.2) * rate_hz)
        window = loud[around : around + round(0.4 * rate_hz)]
        start = around + np.flatnonzero(window > 0.3 * window.max())[0]
        assert start / rate_hz == pytest.approx(moment, abs=ON_TIME_S)


def test_clicks_are_on_the_beats(nao):
    plan = slow_plan(nao, 4.0, 2.0, swing=0.3, chirps=False, mode="clicks")
    heard, rate_hz = heard_soundtrack(plan, None, "clicks")
    loud = np.abs(heard).max(axis=1)
    for beat in robot_times(plan, plan.beats_s):
        first = round(beat * rate_hz)
        assert loud[first + 20 : first + 200].max() > 0.2
        assert loud[first - 400 : first - 2].max() < 0.01


def test_silent_is_silent_and_nothing_sounds_before_the_song(nao):
    plan = slow_plan(nao, 4.0, 2.0, chirps=False)
    song = load_soundtrack(SONG)
    assert not heard_soundtrack(plan, song, "silent")[0].any()
    heard, rate_hz = heard_soundtrack(plan, song, "stretched")
    assert not heard[: round(LEAD_S * rate_hz) - 1].any()
    assert np.std(heard[round(LEAD_S * rate_hz) :]) > 0.01


def test_at_the_musics_speed_the_song_sounds_as_it_is(nao):
    plan = slow_plan(nao, 4.0, 1.0, chirps=False)
    samples, rate_hz = load_soundtrack(SONG)
    heard, _ = heard_soundtrack(plan, (samples, rate_hz), "stretched")
    first = round(LEAD_S * rate_hz)
    later = first + rate_hz
    np.testing.assert_array_equal(
        heard[later : 5 * rate_hz, 0], samples[rate_hz : 5 * rate_hz - first, 0]
    )


@pytest.mark.parametrize("falling", [False, True])
def test_a_chirp_is_found_to_a_tenth_of_a_millisecond(falling):
    rng = np.random.default_rng(7)
    noise = 0.5 * rng.normal(size=16_000 * 20)
    noise[100_000:][: round(CHIRP_S * 16_000)] += chirp(16_000, falling=falling)
    found = find_chirp(noise.astype(np.float32), 16_000, falling=falling)
    assert found.time_s == pytest.approx(6.25, abs=1e-4)
    assert found.ratio > 2.0
    other = find_chirp(noise.astype(np.float32), 16_000, falling=not falling)
    assert other.ratio < 1.5


@pytest.mark.parametrize(
    ("factor", "audio", "chirps", "heard", "count"),
    [
        (3.0, "stretched", "auto", "stretched", 2),
        (3.0, "clicks", "auto", "clicks", 2),
        (3.0, "silent", "auto", "silent", 0),
        (3.0, "silent", "always", "silent", 2),
        (3.0, "stretched", "never", "stretched", 0),
        (1.0, "clicks", "auto", "song", 0),
        (1.0, "clicks", "always", "song", 2),
    ],
)
def test_a_plan_says_what_is_heard_and_when_the_chirps_are(
    nao, factor, audio, chirps, heard, count
):
    plan = slow_plan(nao, 4.0, factor, chirps=False)
    sounding = with_sound(plan, RecordingConfig(slow_audio=audio, chirps=chirps))
    assert sounding.metadata["heard"] == heard
    assert len(sounding.sync_times_s) == count
    if count:
        first, last = sounding.sync_times_s
        assert plan.times_s[0] <= first <= first + CHIRP_S <= plan.music_start_s
        assert robot_times(plan, plan.human_times_s[-1]) <= last
        assert last + CHIRP_S <= plan.times_s[-1] + 1e-9
        mono = heard_mono(sounding, None, "silent", 16_000)
        for k, time_s in enumerate((first, last)):
            found = find_chirp(mono, 16_000, falling=k > 0)
            assert found.time_s == pytest.approx(time_s, abs=1e-4)


def test_the_sound_file_is_as_long_as_the_plan(nao, tmp_path):
    plan = slow_plan(nao, 4.0, 2.0)
    write_heard(plan, load_soundtrack(SONG), "stretched", tmp_path / "sound.wav")
    info = soundfile.info(tmp_path / "sound.wav")
    assert info.frames / info.samplerate == pytest.approx(plan.duration_s, abs=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["sound.wav"]
