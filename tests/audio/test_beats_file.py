"""Beats that a person wrote down override the ear."""

import numpy as np
import pytest

from robodance.audio.beats import track_beats
from robodance.config import AudioConfig
from robodance.errors import AudioError

RATE_HZ = 22_050
SILENT_SONG = np.zeros(20 * RATE_HZ, dtype=np.float32)  # nothing to hear: the file must do


def given(tmp_path, text):
    path = tmp_path / "song.beats.txt"
    path.write_text(text, encoding="utf-8")
    return track_beats(SILENT_SONG, RATE_HZ, AudioConfig(beats_file=str(path)))


def test_given_beats_are_kept_and_extended(tmp_path):
    times = 3.0 + 0.5 * np.arange(20)
    lines = [f"{t:.3f}\t{k % 3 + 1}" for k, t in enumerate(times)]
    beats = given(tmp_path, "# a waltz\n\n" + "\n".join(lines) + "\n")
    assert beats.confidence == 1.0
    assert beats.beats_per_bar == 3
    assert beats.tempo_bpm == pytest.approx(120.0)
    kept = np.isin(np.round(beats.times_s, 3), np.round(times, 3))
    assert kept.sum() == 20
    np.testing.assert_array_equal(beats.numbers[kept], np.arange(20) % 3 + 1)
    assert beats.times_s[0] < 0.5
    assert beats.times_s[-1] >= 19.5
    np.testing.assert_array_equal(np.diff(beats.numbers) % 3, 1)


def test_numbers_may_be_left_out(tmp_path):
    beats = given(tmp_path, "1.0\n1.5, \n2.0 # third\n2.5\n")
    assert beats.beats_per_bar == 4
    assert beats.numbers[np.isclose(beats.times_s, 1.0)] == 1


def test_beats_after_the_end_are_dropped(tmp_path):
    beats = given(tmp_path, "18.0\n19.0\n20.5\n21.5\n")
    assert beats.times_s[-1] < 20.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"holds 0 beats, at least 2"),
        ("1.0\n", r"holds 1 beats, at least 2"),
        ("1.0\ntwo\n", r"line 2: 'two' is no beat; write one beat per line"),
        ("1.0\n3.0\n2.0\n", r"line 3: 2 s is not after the beat before \(3 s\)"),
        ("-1.0\n3.0\n", r"line 1: -1.0 is no moment"),
        ("nan\n3.0\n", r"line 1: nan is no moment"),
        ("1.0 1\n2.0\n", r"1 of 2 beats have a number"),
        ("1.0 1\n2.0 77\n", r"line 2: beat number 77"),
        ("30\n31\n", r"begin at 30.00 s but the song lasts 20.00 s"),
    ],
)
def test_bad_beats_files_are_explained(text, message, tmp_path):
    with pytest.raises(AudioError, match=message):
        given(tmp_path, text)


def test_a_missing_or_binary_beats_file_is_explained(tmp_path):
    with pytest.raises(AudioError, match="cannot be read"):
        track_beats(SILENT_SONG, RATE_HZ, AudioConfig(beats_file=str(tmp_path / "none.txt")))
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00\x81" * 40)
    with pytest.raises(AudioError, match="not a text file"):
        track_beats(SILENT_SONG, RATE_HZ, AudioConfig(beats_file=str(tmp_path / "binary.txt")))
