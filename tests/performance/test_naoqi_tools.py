"""Beside the dance itself: measuring a robot's delays, and its camera's film."""

import json
import subprocess
import sys
from dataclasses import replace

import av
import numpy as np
import pytest
from hand_made_plans import arm_dance
from naoqi_process import FAST, excused, real_time, virtual_nao

from robodance.config import RecordingConfig
from robodance.errors import RobotError, UsageError
from robodance.performance.backends.naoqi import NaoqiRobot
from robodance.performance.conductor import conduct
from robodance.performance.robot_film import set_to_song

LATENCY_S = 0.25
CLOSE_S = 0.05  # a busy machine answers late
PICTURES_PER_S = 15


@pytest.fixture(scope="module")
def url():
    with virtual_nao("--audio-latency", str(LATENCY_S), "--life", "disabled") as address:
        yield address


def test_the_latency_of_the_robots_player_is_found(url, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with real_time(url):
        done = subprocess.run(
            [sys.executable, "-m", "robodance", "calibrate", "latency", "--robot", url, "--json",
             "--seconds", "2", "--tries", "2"],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["speaker"]["start_s"] == pytest.approx(LATENCY_S, abs=CLOSE_S)
    assert found["cycle_s"] == 0.024
    assert 0.0 < found["motion_s"] < 0.024 + CLOSE_S
    assert 0.0 < found["round_trip_s"] < CLOSE_S


def test_the_robots_camera_films_the_dance(url, nao, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plan = arm_dance(nao, 3.0)
    with NaoqiRobot(nao, replace(FAST, address=url), film=True) as robot:
        with excused(url):
            conduct(plan, robot)
        begin, end = robot.fetch_film(tmp_path / "seen.avi")
    assert begin < plan.times_s[0]
    assert end > plan.times_s[-1]
    with av.open(str(tmp_path / "seen.avi")) as film:
        pictures = sum(1 for _ in film.decode(video=0))
    # Late pictures are left out, on a busy machine most of them.
    assert 1 <= pictures <= PICTURES_PER_S * (end - begin) + 2


def test_a_film_is_set_to_the_song(nao, tmp_path):
    """A camera that saw a flash with a click: both come at the same moment of the film."""
    plan = replace(arm_dance(nao, 6.0, music_start_s=2.0), human_times_s=np.array([0.0, 4.0]))
    rate_hz, click_s, begin_s, end_s = 48000, 1.5, -1.0, 6.0
    flash_s = plan.music_start_s + click_s - begin_s
    with av.open(str(tmp_path / "seen.avi"), "w") as film:
        stream = film.add_stream("mjpeg", rate=PICTURES_PER_S)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuvj420p"
        for k in range(round((end_s - begin_s) * PICTURES_PER_S)):
            bright = 255 * (k == round(flash_s * PICTURES_PER_S))
            picture = np.full((120, 160, 3), bright, np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode(None))
    song = np.zeros((rate_hz * 4, 2), np.float32)
    song[round(click_s * rate_hz)] = 0.9
    made = set_to_song(
        tmp_path / "seen.avi", tmp_path / "film.mp4", plan, (begin_s, end_s), RecordingConfig(),
        soundtrack=(song, rate_hz),
    )  # fmt: skip
    assert made.duration_s == pytest.approx(end_s - begin_s)
    with av.open(made.path) as film:
        light = [frame.to_ndarray()[:120].mean() for frame in film.decode(video=0)]
    with av.open(made.path) as film:
        heard = np.concatenate([f.to_ndarray()[0] for f in film.decode(audio=0)])
    seen_s = int(np.argmax(light)) / made.frame_rate_hz
    heard_s = int(np.abs(heard).argmax()) / rate_hz
    assert seen_s == pytest.approx(flash_s, abs=1.5 / PICTURES_PER_S)
    assert heard_s == pytest.approx(flash_s, abs=0.05)  # a coder's delay is 21 ms


def test_a_film_that_is_none_is_refused(nao, tmp_path):
    (tmp_path / "seen.avi").write_bytes(b"nothing")
    with pytest.raises(RobotError, match="cannot be read"):
        set_to_song(
            tmp_path / "seen.avi", tmp_path / "film.mp4", arm_dance(nao, 3.0), (0.0, 3.0),
            RecordingConfig(), soundtrack=None,
        )  # fmt: skip
    assert not (tmp_path / "film.mp4").exists()


def test_measuring_needs_a_robot():
    from robodance.cli import main

    assert main(["calibrate", "latency"]) == UsageError.exit_code
