"""A camera on this computer: every picture has its moment, and whatever was filmed is kept."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import av
import numpy as np
import pytest
from hand_made_plans import standing_plan
from marked_films import Camera, bounds, picture_errors, shoot, shown
from slow_plans import slow_plan

from robodance.config import SimulationConfig, SpeedUpConfig
from robodance.errors import CameraError, OutputError
from robodance.performance.backend import open_backend
from robodance.performance.capture import Capture, Device, FilmAsCamera, open_camera
from robodance.performance.conductor import conduct
from robodance.performance.film_reader import look_at, stamps
from robodance.performance.speed_up import speed_up

LATE_S = 0.010  # how late a busy computer may note where the robot is
FINE = SpeedUpConfig(crf=8)
CAMERA = Camera(began_s=0.0, sound=False, jitter=0.5)


@pytest.fixture(scope="module")
def plan(nao):
    return slow_plan(nao, 1.0, 2.0, swing=0.3, chirps=False)  # 6 s of robot time


@pytest.fixture(scope="module")
def scene(plan, tmp_path_factory):
    """A film that plays as a camera, and when its pictures were taken."""
    path = tmp_path_factory.mktemp("scene") / "scene.mp4"
    return path, shoot(path, plan, None, CAMERA, np.random.default_rng(4))


class Watched:
    """A camera of which the test knows when the scene began."""

    name = "the scene"

    def __init__(self, path):
        self._source = FilmAsCamera(path)
        self.began_s = None

    def pictures(self):
        for moment, frame in self._source.pictures():
            if self.began_s is None:
                self.began_s = moment
            yield moment, frame


def danced(capture, source, until_s):
    """Note where the robot is, as the conductor does, until a moment of its time."""
    robot_s = 0.0
    while robot_s < until_s:
        robot_s = time.monotonic() - source.began_s
        capture.note(robot_s)
        time.sleep(1.0 / 60.0)


def test_what_a_camera_saw_is_in_step_without_any_sound(plan, scene, tmp_path):
    path, taken = scene
    source = Watched(path)
    with Capture(source, tmp_path / "capture.mp4") as capture:
        danced(capture, source, plan.times_s[-1])
    capture.check()
    sync = capture.sync()
    assert (sync.at_s, sync.rate) == pytest.approx((0.0, 1.0), abs=LATE_S)
    np.testing.assert_allclose(
        stamps(look_at(tmp_path / "capture.mp4"))[:100], taken[:100], atol=0.001
    )
    out = tmp_path / "out.mp4"
    made = speed_up(tmp_path / "capture.mp4", plan, sync, out, config=FINE)
    errors = picture_errors(out, plan, made.song_start_s)
    wanted = made.song_start_s + np.arange(made.frames) / made.frame_rate_hz
    assert (np.abs(errors) < bounds(plan, taken, wanted) + LATE_S).all()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["capture.mp4", "out.mp4"]


def test_the_conductor_tells_whoever_watches_where_the_robot_is(nao):
    plan = standing_plan(nao, "StandInit", 0.5)
    seen = []
    with open_backend("simulation", nao, SimulationConfig()) as stage:
        log = conduct(plan, stage, watch=seen.append)
    assert seen == log.times_s.tolist()


def test_an_interrupted_film_is_kept(scene, tmp_path):
    source = Watched(scene[0])

    def interrupted():
        with Capture(source, tmp_path / "capture.mp4"):
            time.sleep(1.5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [file.name for file in tmp_path.iterdir()] == ["capture.mp4"]
    film_s, robot_s = shown(tmp_path / "capture.mp4")
    assert film_s[-1] > 1.0
    np.testing.assert_allclose(film_s, robot_s, atol=0.002)


PROGRAM = """
    import time
    from pathlib import Path
    from robodance.performance.capture import Capture, FilmAsCamera
    with Capture(FilmAsCamera(Path({scene!r})), Path({film!r})):
        print("filming", flush=True)
        time.sleep(60.0)
"""


def test_a_film_that_was_killed_can_be_played_up_to_its_last_second(scene, tmp_path):
    text = textwrap.dedent(PROGRAM.format(scene=str(scene[0]), film=str(tmp_path / "capture.mp4")))
    program = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    assert program.stdout.readline() == "filming\n"
    part = tmp_path / "capture.part.mp4"
    until = time.monotonic() + 60.0
    while part.stat().st_size < 30_000 and time.monotonic() < until:
        time.sleep(0.1)
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    assert os.listdir(tmp_path) == ["capture.part.mp4"]
    film_s, robot_s = shown(part)
    assert film_s[-1] > 0.9
    np.testing.assert_allclose(film_s, robot_s, atol=0.002)


def test_a_camera_that_is_pulled_out_is_one_clear_line_and_its_film_is_kept(plan, tmp_path, rng):
    path = tmp_path / "scene.mp4"
    shoot(path, plan, None, CAMERA, rng, until_s=1.0)
    source = Watched(path)
    with Capture(source, tmp_path / "capture.mp4") as capture:
        danced(capture, source, 2.0)  # the dance goes on
    with pytest.raises(CameraError, match=r"is over; .*capture\.mp4 holds the 1\.0 s before"):
        capture.check()
    assert shown(tmp_path / "capture.mp4")[0][-1] == pytest.approx(0.97, abs=0.05)


class Broken:
    """A camera that gives no picture."""

    name = "/dev/video7"

    def pictures(self):
        raise CameraError(f"{self.name}: the camera stopped (Input/output error)")
        yield


def test_a_camera_that_gives_nothing_stops_before_the_robot_moves(tmp_path):
    moved = []
    with (
        pytest.raises(CameraError, match="video7: the camera stopped"),
        Capture(Broken(), tmp_path / "capture.mp4"),
    ):
        moved.append(True)
    assert not moved
    assert not list(tmp_path.iterdir())
    assert threading.active_count() == 1 or "camera" not in {
        thread.name for thread in threading.enumerate()
    }


def test_a_camera_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CameraError, match=r"/dev/video97: no such camera; (there are|this comp)"):
        open_camera("97")
    (tmp_path / "camera").mkdir()
    device = Device(str(tmp_path / "camera"))
    with pytest.raises(CameraError, match="cannot be opened as a camera"):
        next(device.pictures())


def test_no_space_for_a_capture_is_one_clear_line(scene, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    source = Watched(scene[0])
    with pytest.raises((OutputError, OSError)), Capture(source, tmp_path / "file" / "c.mp4"):
        pass


def test_a_capture_is_ordinary_mp4(scene, tmp_path):
    source = Watched(scene[0])
    with Capture(source, tmp_path / "capture.mp4"):
        time.sleep(0.5)
    with av.open(str(tmp_path / "capture.mp4")) as film:
        assert film.streams.video[0].codec_context.name == "h264"
        assert film.streams.video[0].codec_context.pix_fmt == "yuv420p"
