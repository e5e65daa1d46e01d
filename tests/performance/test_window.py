"""A window on a real (virtual) screen: it opens, shows what it is sent, and may be closed."""

import os
import shutil
import subprocess
import time

import numpy as np
import pytest

from robodance.errors import MissingDependency, UsageError
from robodance.performance.window import Window
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
STAND = np.array(ROBOT.posture("StandInit"))
TORSO = np.array([0.0, 0.0, 0.3, 0.0, 0.0, 0.0, 1.0])
HEADER_NUMBERS = 25  # of an X window dump, big-endian: size, ..., width, height, ..., row length


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    """A display that nobody looks at; yields its name and a function that takes its picture."""
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("no virtual X server here (on Debian or Ubuntu: apt-get install xvfb)")
    folder = tmp_path_factory.mktemp("screen")
    read, write = os.pipe()
    command = [server, "-displayfd", str(write), "-screen", "0", "1280x720x24", "-fbdir", folder]
    process = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    number = os.read(read, 16).decode().strip()

    def picture():
        data = (folder / "Xvfb_screen0").read_bytes()
        header = np.frombuffer(data, dtype=">u4", count=HEADER_NUMBERS).astype(int)
        width, height, row = header[4], header[5], header[12]
        first = header[0] + 12 * header[19]
        pixels = np.frombuffer(data, np.uint8, count=row * height, offset=first)
        return pixels.reshape(height, row)[:, : 4 * width].reshape(height, width, 4)[:, :, :3]

    yield f":{number}", picture
    process.terminate()
    process.wait()


def settled(picture, before):
    """Wait until the picture is another one than before and no longer changes."""
    seen = before
    for _ in range(100):
        time.sleep(0.2)
        now = picture()
        if np.array_equal(now, seen) and not np.array_equal(now, before):
            return now
        seen = now
    pytest.fail("the picture did not change within 20 s")


def show(window, positions):
    while not window.due:
        time.sleep(0.01)
    window.show(positions, TORSO)


def test_it_shows_what_it_is_sent_and_closing_it_hurts_nobody(screen, monkeypatch):
    name, picture = screen
    monkeypatch.setenv("DISPLAY", name)
    empty = picture()
    window = Window(ROBOT)
    try:
        show(window, STAND)
        standing = settled(picture, empty)
        raised = STAND.copy()
        raised[ROBOT.index("LShoulderPitch")] = -1.5
        show(window, raised)
        waving = settled(picture, standing)
        changed = np.abs(waving.astype(int) - standing).max(axis=2) > 10
        columns = np.nonzero(changed)[1]
        # One arm has moved: some of the picture, in the middle of it.
        assert 200 < changed.sum() < 0.1 * changed.size
        assert 300 < columns.mean() < 980
        window._process.kill()  # as somebody would who closes it
        window._process.wait()
        for _ in range(3):
            window.show(STAND, TORSO)
            time.sleep(0.05)
        assert not window.open
        assert not window.due
    finally:
        window.close()


def test_without_a_display_it_says_so(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(UsageError, match="DISPLAY"):
        Window(ROBOT)


def test_a_display_that_is_not_there_is_named_as_the_fault(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":9999")
    with pytest.raises(MissingDependency, match="leave --gui out"):
        Window(ROBOT)
