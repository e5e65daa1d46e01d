"""The stage HEAR as a whole."""

import numpy as np
import pytest
import soundfile
from songs import RATE_HZ, known_song

from robodance.audio.analysis import _warnings, analyse_song
from robodance.audio.features import KIND
from robodance.config import AudioConfig
from robodance.errors import AudioError
from robodance.values import Beats, Genre


@pytest.fixture(scope="module")
def song_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("song") / "song.wav"
    soundfile.write(path, known_song("steady", 5, duration_s=20.0).samples, RATE_HZ)
    return path


def test_everything_is_heard_and_progress_rises(song_path):
    told = []
    analysis = analyse_song(song_path, AudioConfig(), progress=told.append)
    assert analysis.song.duration_s == pytest.approx(20.0, abs=0.01)
    assert analysis.features.kind == KIND
    assert len(analysis.features.values) == 1000
    assert sum(analysis.genre.scores.values()) == pytest.approx(1.0)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_same_song_is_heard_the_same(song_path):
    first, second = (analyse_song(song_path, AudioConfig()) for _ in range(2))
    np.testing.assert_array_equal(first.beats.times_s, second.beats.times_s)
    assert first.genre == second.genre


def test_a_given_genre_is_taken(song_path):
    analysis = analyse_song(song_path, AudioConfig(genre="tango"))
    assert analysis.genre.name == "tango"
    assert analysis.genre.confidence == 1.0


def test_an_unsure_ear_says_how_to_help(tmp_path, rng):
    path = tmp_path / "noise.wav"
    soundfile.write(path, rng.normal(scale=0.1, size=10 * RATE_HZ), RATE_HZ)
    with pytest.raises(AudioError, match="no beat can be heard"):
        analyse_song(path, AudioConfig())
    analysis = analyse_song(path, AudioConfig(bpm=100.0))
    assert any("--beats FILE" in warning for warning in analysis.warnings)


def test_a_song_of_no_genre_for_certain_is_danced_as_the_nearest_and_says_so(
    song_path,
):
    genre = Genre("rumba", 0.41, {"cha-cha": 0.3, "rumba": 0.41, "tango": 0.2, "waltz": 0.09})
    beats = Beats(np.arange(9.0), np.arange(9) % 4 + 1, 4, 60.0, 1.0)
    (line,) = _warnings(song_path, AudioConfig(), beats, genre)
    assert line.startswith("the song is none of cha-cha, rumba, tango, waltz for certain")
    assert "danced as the nearest, rumba (confidence 0.41); choose one with --genre" in line
    sure = Genre("rumba", 0.9, genre.scores)
    assert _warnings(song_path, AudioConfig(), beats, sure) == []
