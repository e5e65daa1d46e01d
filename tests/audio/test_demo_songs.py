"""The demo songs: what the script composes is what ships, and the ear hears it right."""

import importlib.util
import sys

import mir_eval
import numpy as np
import pytest
import soundfile

from robodance.audio.analysis import analyse_song
from robodance.config import GENRES, AudioConfig
from robodance.resources import launch_path

LARGEST_BYTES = 500_000


@pytest.fixture(scope="module")
def compose():
    spec = importlib.util.spec_from_file_location("compose", launch_path("songs/compose.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["compose"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=GENRES)
def demo(request):
    path = launch_path(f"songs/{request.param}.ogg")
    return request.param, path, analyse_song(path, AudioConfig())


def test_the_script_composes_what_ships(compose):
    assert set(compose.SONGS) == set(GENRES)
    for name, song in compose.SONGS.items():
        path = launch_path(f"songs/{name}.ogg")
        assert path.stat().st_size < LARGEST_BYTES
        shipped, rate_hz = soundfile.read(path)
        assert rate_hz == compose.RATE_HZ
        rendered = compose.render(song)
        assert shipped.shape == rendered.shape
        # Vorbis keeps the wave to within a few percent of its power at this quality.
        error = np.mean((shipped - rendered) ** 2) / np.mean(rendered**2)
        assert error < 0.05
        text = launch_path(f"songs/{name}.beats.txt").read_text(encoding="utf-8")
        assert text == compose.beats_text(song)


def test_every_beat_of_a_demo_song_is_heard(demo):
    name, path, analysis = demo
    table = np.loadtxt(path.with_name(f"{name}.beats.txt"))
    times = analysis.beats.times_s
    inside = (times > table[0, 0] - 0.1) & (times < table[-1, 0] + 0.1)
    assert mir_eval.beat.f_measure(table[:, 0], times[inside], 0.02) >= 0.95
    assert analysis.beats.beats_per_bar == int(table[:, 1].max())
    first = np.abs(times - table[0, 0]).argmin()
    assert analysis.beats.numbers[first] == 1


def test_a_demo_song_is_taken_for_its_dance(demo):
    name, _, analysis = demo
    assert analysis.genre.name == name


def test_a_demo_song_raises_no_warning_about_its_beat(demo):
    assert not [w for w in demo[2].warnings if "beat is uncertain" in w]
