"""Every format becomes the same samples; everything unreadable becomes one clear line."""

import warnings

import numpy as np
import pytest
import soundfile
from songs import known_song
from sound_files import AAC_START_UP, write_aac

from robodance.audio.decode import SAMPLE_RATE_HZ, load_song
from robodance.errors import AudioError
from robodance.song_file import cut_off_mp3, file_sha256, load_soundtrack

RATE = 44_100
SOUNDFILE_FORMATS = {
    "wav 16 bit": ("song.wav", {"subtype": "PCM_16"}),
    "wav 8 bit": ("song.wav", {"subtype": "PCM_U8"}),
    "wav 24 bit": ("song.wav", {"subtype": "PCM_24"}),
    "wav 32 bit": ("song.wav", {"subtype": "PCM_32"}),
    "wav float": ("song.wav", {"subtype": "FLOAT"}),
    "flac": ("song.flac", {}),
    "aiff": ("song.aiff", {}),
    "ogg": ("song.ogg", {}),
    "mp3": ("song.mp3", {}),
    "wrong ending": ("song.txt", {"format": "WAV"}),
}


@pytest.fixture(scope="module")
def stereo():
    """Eight seconds of music at 44.1 kHz, two channels that differ in level."""
    mono = np.repeat(known_song("steady", 1, duration_s=8.0).samples, 2)
    return np.stack([mono, 0.5 * mono], axis=1)


def lag_s(samples, reference):
    """Seconds by which ``samples`` comes after ``reference``."""
    length = min(len(samples), len(reference))
    size = 2 * length
    spectrum = np.fft.rfft(samples[:length], size) * np.conj(np.fft.rfft(reference[:length], size))
    best = int(np.argmax(np.fft.irfft(spectrum, size)))
    return (best if best < length else best - size) / SAMPLE_RATE_HZ


@pytest.mark.parametrize("kind", SOUNDFILE_FORMATS)
def test_all_formats_begin_at_the_same_moment(kind, stereo, tmp_path):
    soundfile.write(tmp_path / "reference.wav", stereo, RATE, subtype="FLOAT")
    reference = load_song(tmp_path / "reference.wav").samples
    name, options = SOUNDFILE_FORMATS[kind]
    soundfile.write(tmp_path / name, stereo, RATE, **options)
    song = load_song(tmp_path / name)
    assert song.sample_rate_hz == SAMPLE_RATE_HZ
    assert abs(lag_s(song.samples, reference)) < 1e-3
    assert song.duration_s == pytest.approx(8.0, abs=0.05)


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 48_000, 96_000, 192_000])
def test_any_rate_keeps_the_time(rate_hz, tmp_path):
    clicks = np.zeros(6 * rate_hz, dtype=np.float32)
    clicks[np.arange(1, 6) * rate_hz] = 0.9
    soundfile.write(tmp_path / "clicks.wav", clicks, rate_hz)
    samples = load_song(tmp_path / "clicks.wav").samples
    for second in range(1, 6):
        around = samples[int((second - 0.5) * SAMPLE_RATE_HZ) :][:SAMPLE_RATE_HZ]
        peak = np.argmax(np.abs(around)) / SAMPLE_RATE_HZ - 0.5
        assert abs(peak) < 2 / 8000  # two samples of the coarsest rate


def test_m4a_is_read_through_ffmpeg(stereo, tmp_path):
    write_aac(tmp_path / "song.m4a", stereo, RATE)
    soundfile.write(tmp_path / "reference.wav", stereo, RATE, subtype="FLOAT")
    song = load_song(tmp_path / "song.m4a")
    reference = load_song(tmp_path / "reference.wav")
    assert abs(lag_s(song.samples, reference.samples)) < 1e-3
    assert song.duration_s == pytest.approx(8.0, abs=0.06)  # whole frames of AAC


def click_train():
    """A tone burst of 5 ms at each whole second, the first at 0; stereo."""
    samples = np.zeros((6 * RATE, 2), dtype=np.float32)
    burst = 0.8 * np.sin(2 * np.pi * 3000 * np.arange(RATE // 200) / RATE)
    for second in range(6):
        samples[second * RATE : second * RATE + len(burst)] = burst[:, None]
    return samples


def lag_of_clicks(path):
    """Samples by which the clicks in a file come after those that were written."""
    found = load_soundtrack(path)[0][:, 0]
    best = []
    for second in range(1, 6):  # a click that comes early may lose the first one's beginning
        first = second * RATE - RATE // 4
        piece = found[first : first + RATE // 2]
        burst = click_train()[RATE : RATE + RATE // 200, 0]
        best.append(int(np.argmax(np.correlate(piece, burst))) - RATE // 4)
    assert max(best) - min(best) <= 1
    return best[0]


@pytest.mark.parametrize("ending", ["m4a", "mp4", "mov", "mkv"])
def test_the_start_up_of_an_aac_encoder_is_cut_off(ending, tmp_path):
    """Song time 0 is the same in AAC as in the wav it was made from, to the sample."""
    write_aac(tmp_path / f"song.{ending}", click_train(), RATE)
    assert abs(lag_of_clicks(tmp_path / f"song.{ending}")) <= 1


def test_aac_without_a_container_is_late_by_what_it_cannot_say(tmp_path):
    """Nothing in a bare stream tells of the start-up; players hear it 23 ms late, too."""
    write_aac(tmp_path / "song.aac", click_train(), RATE)
    assert abs(lag_of_clicks(tmp_path / "song.aac") - AAC_START_UP) <= 1


@pytest.mark.parametrize("start_up", [0, 500, 2112])  # samples; 2112 is what Apple's encoder has
def test_the_edit_list_of_an_m4a_is_obeyed(start_up, tmp_path):
    write_aac(tmp_path / "song.m4a", click_train(), RATE)
    content = bytearray((tmp_path / "song.m4a").read_bytes())
    at = content.index(b"elst") + 16  # after type, version, count and length: the media time
    assert int.from_bytes(content[at : at + 4], "big") == AAC_START_UP
    content[at : at + 4] = start_up.to_bytes(4, "big")
    (tmp_path / "edited.m4a").write_bytes(content)
    assert abs(lag_of_clicks(tmp_path / "edited.m4a") - (AAC_START_UP - start_up)) <= 1


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_sound_that_begins_after_the_picture_keeps_its_place(ending, tmp_path):
    path = tmp_path / f"film.{ending}"
    write_aac(path, click_train(), RATE, begins_s=0.1, picture=True)
    assert abs(lag_of_clicks(path) / RATE - 0.1) < 1e-3  # these containers count milliseconds


def test_channels_that_cancel_are_still_heard(stereo, tmp_path):
    mono = stereo[:, 0]
    soundfile.write(tmp_path / "opposite.wav", np.stack([mono, -mono], 1), RATE, subtype="FLOAT")
    song = load_song(tmp_path / "opposite.wav")
    assert np.sqrt(np.mean(song.samples**2)) > 0.5 * np.sqrt(np.mean(mono**2))


def test_six_channels_become_one(stereo, tmp_path):
    soundfile.write(tmp_path / "six.wav", np.tile(stereo, (1, 3)), RATE)
    assert load_song(tmp_path / "six.wav").samples.ndim == 1


def test_the_soundtrack_is_the_song_at_its_own_rate(stereo, tmp_path):
    soundfile.write(tmp_path / "song.mp3", stereo, RATE)
    samples, rate_hz = load_soundtrack(tmp_path / "song.mp3")
    assert rate_hz == RATE
    assert samples.shape[1] == 2
    song = load_song(tmp_path / "song.mp3")
    assert samples.shape[0] / rate_hz == pytest.approx(song.duration_s, abs=1e-3)
    assert song.sha256 == file_sha256(tmp_path / "song.mp3")


def write(folder, name, samples, **options):
    soundfile.write(folder / name, samples, RATE, **options)
    return folder / name


def truncated(folder, name, stereo, share=0.6, **options):
    whole = write(folder, f"whole-{name}", stereo, **options).read_bytes()
    (folder / name).write_bytes(whole[: int(share * len(whole))])
    return folder / name


def with_value(stereo, value):
    samples = stereo.astype(np.float32).copy()
    samples[5000:5010] = value
    return samples


def raw(folder, name, content):
    (folder / name).write_bytes(content)
    return folder / name


BAD_INPUT = {
    "missing": (lambda d, s: d / "missing.wav", "no such file"),
    "directory": (lambda d, s: d, "is a folder"),
    "empty": (lambda d, s: raw(d, "empty.mp3", b""), "is empty"),
    "text": (lambda d, s: raw(d, "text.mp3", b"do re mi\n" * 500), "not a sound file"),
    "text file": (lambda d, s: raw(d, "text.txt", b"do re mi\n" * 500), "no sound"),
    "random bytes": (
        lambda d, s: raw(d, "random.wav", np.random.default_rng(1).bytes(100_000)),
        "not a sound file",
    ),
    "raw ending": (
        lambda d, s: raw(d, "random.raw", np.random.default_rng(1).bytes(100_000)),
        "sound",
    ),
    "header only": (lambda d, s: raw(d, "header.wav", b"RIFF\xff\0\0\0WAVEfmt "), "sound file"),
    "cut wav": (lambda d, s: truncated(d, "cut.wav", s), "cut off"),
    "cut aiff": (lambda d, s: truncated(d, "cut.aiff", s), "cut off"),
    "cut flac": (lambda d, s: truncated(d, "cut.flac", s), "cut off"),
    "cut ogg": (lambda d, s: truncated(d, "cut.ogg", s), "cut off"),
    "cut mp3": (lambda d, s: truncated(d, "cut.mp3", s), "cut off"),
    "no samples": (lambda d, s: write(d, "none.wav", s[:0]), "0 samples"),
    "silence": (lambda d, s: write(d, "silence.wav", np.zeros((8 * RATE, 2))), "silent"),
    "constant": (lambda d, s: write(d, "constant.wav", np.full(8 * RATE, 0.4)), "silent"),
    "short": (lambda d, s: write(d, "short.wav", s[: 4 * RATE]), "4.00 s; a dance needs"),
    "nan": (lambda d, s: write(d, "nan.wav", with_value(s, np.nan), subtype="FLOAT"), "NaN"),
    "infinite": (lambda d, s: write(d, "inf.wav", with_value(s, np.inf), subtype="FLOAT"), "NaN"),
}


@pytest.mark.parametrize("kind", BAD_INPUT)
def test_bad_input_gives_one_line_and_nothing_on_the_terminal(kind, stereo, tmp_path, capfd):
    make, expected = BAD_INPUT[kind]
    path = make(tmp_path, stereo)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(AudioError, match=expected) as caught:
            load_song(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_cut_mp3_with_a_minute_left_is_a_song_with_a_warning(stereo, tmp_path, capfd):
    whole = write(tmp_path, "whole.mp3", np.tile(stereo[:, :1], (16, 1)))
    assert cut_off_mp3(whole) is None
    content = whole.read_bytes()
    (tmp_path / "cut.mp3").write_bytes(content[: int(0.6 * len(content))])
    assert load_song(tmp_path / "cut.mp3").duration_s == pytest.approx(0.6 * 128.0, abs=3.0)
    assert "cut off" in cut_off_mp3(tmp_path / "cut.mp3")
    assert capfd.readouterr() == ("", "")


def test_a_wav_from_a_stream_that_never_said_its_length_is_whole(stereo, tmp_path):
    content = bytearray(write(tmp_path, "song.wav", stereo).read_bytes())
    at = content.find(b"data")
    content[at + 4 : at + 8] = b"\xff\xff\xff\xff"
    (tmp_path / "stream.wav").write_bytes(content)
    assert load_song(tmp_path / "stream.wav").duration_s == pytest.approx(8.0, abs=1e-3)
