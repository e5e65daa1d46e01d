"""Songs made for training are what they say they are."""

import numpy as np
import pytest

from robodance.audio.beats import hear_beats
from robodance.audio.encoder_net import HOP, EncoderConfig
from robodance.audio.mu_law import mu_law_encode
from robodance.config import AudioConfig
from robodance.errors import DataError
from robodance.learning.encoder_songs import HeldSong, draw_excerpts, find_known_songs
from robodance.learning.synthetic_songs import PARTS, compose

EXACT = EncoderConfig()


def test_the_same_seed_gives_the_same_song_and_another_seed_another():
    first, again, other = compose((1, 2)), compose((1, 2)), compose((1, 3))
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.tempo_bpm != other.tempo_bpm


def test_songs_cover_tempi_and_metres_and_are_sound():
    songs = [compose((5, number), duration_s=3.0) for number in range(60)]
    tempi = np.array([song.tempo_bpm for song in songs])
    assert tempi.min() < 70.0
    assert tempi.max() > 170.0
    assert {song.beats_per_bar for song in songs} == set(PARTS)
    for song in songs:
        assert np.isfinite(song.samples).all()
        assert 0.9 <= np.abs(song.samples).max() <= 1.0 + 1e-6
        assert song.beats_s[0] < 0.0
        assert song.beats_s[-1] > 3.0
        assert np.median(60.0 / np.diff(song.beats_s)) == pytest.approx(song.tempo_bpm, rel=0.06)


def test_our_own_ear_finds_the_beats_that_were_composed():
    """A second method: the tracker, which knows nothing of the recipe, up to octaves."""
    found = 0
    for number in range(8):
        song = compose((6, number), duration_s=20.0)
        heard = hear_beats(song.samples, 22_050, AudioConfig()).times_s
        ratio = 60.0 / np.median(np.diff(heard)) / song.tempo_bpm
        found += min(abs(ratio / factor - 1.0) for factor in (0.5, 1.0, 1.5, 2.0, 3.0)) < 0.06
    assert found >= 6


def clicks(tempo_bpm, seconds=30.0):
    beats = np.arange(0.3, seconds, 60.0 / tempo_bpm)
    samples = np.zeros(int(seconds * 22_050), np.float32)
    samples[(beats * 22_050).astype(int)] = 0.9
    return HeldSong("clicks", mu_law_encode(samples), beats, beats, tempo_bpm, "composed")


def test_a_song_played_faster_has_its_beats_where_they_are_heard():
    """Clicks: phase, tempo and onsets must agree with the sound itself after resampling."""
    agree = []
    for excerpt in draw_excerpts([clicks(100.0)], (3,), 12, windows=6, config=EXACT, real=1.0):
        assert 100.0 * 0.72 <= excerpt.tempo_bpm[0] <= 100.0 * 1.38
        loud = np.flatnonzero(np.abs(excerpt.sound) > 0.4 * np.abs(excerpt.sound).max())
        centres = EXACT.margin() + 22_050 + 5 * HOP * np.arange(6)
        for centre, phase, tempo in zip(centres, excerpt.phase, excerpt.tempo_bpm, strict=True):
            beat = 22_050 * 60.0 / tempo
            expected = centre - phase * beat
            agree.append(np.abs(loud - expected).min() < 0.03 * 22_050)
    assert np.mean(agree) > 0.95  # a vocoder smears a click; resampling does not


def test_cells_and_steps_know_their_moments():
    (excerpt,) = draw_excerpts([clicks(100.0)], (3,), 1, windows=2, config=EXACT, real=1.0)
    cell = (np.arange(len(excerpt.fine_onset)) + 0.5) * 245 + 57
    loud = np.flatnonzero(np.abs(excerpt.sound) > 0.5 * np.abs(excerpt.sound).max())
    for place in cell[excerpt.fine_onset > 0.8]:
        assert np.abs(loud - place).min() < 0.03 * 22_050
    assert excerpt.step_phase.shape == (2, 10)
    # The frame lies between steps 5 and 6, half a step (0.1 s) from the middle of each.
    gap = np.mod(excerpt.phase - excerpt.step_phase[:, 4], 1.0)
    np.testing.assert_allclose(gap, 0.1 * excerpt.tempo_bpm / 60.0, atol=0.02)


def test_draws_depend_on_their_seed_alone():
    first, again = (
        draw_excerpts([], (1, 2), 2, windows=1, config=EXACT, real=0.0) for _ in range(2)
    )
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.sound, two.sound)


def test_a_folder_without_songs_or_with_foreign_choreographies_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no songs in music/C, R, T or W"):
        find_known_songs(tmp_path)
    song = tmp_path / "music" / "C" / "1.mp3"
    song.parent.mkdir(parents=True)
    song.write_bytes(b"ID3")
    foreign = tmp_path / "choreography" / "C.json"
    foreign.parent.mkdir()
    foreign.write_text('[{"name": "other people\'s"}]')
    with pytest.raises(DataError, match=r"C\.json: not ChoreoNet's choreographies"):
        find_known_songs(tmp_path)
    foreign.unlink()
    told = []
    assert find_known_songs(tmp_path, say=told.append) == []
    assert len(told) == 1
    assert told[0].startswith(f"left out: {song}: ")
