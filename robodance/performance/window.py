"""A window in which a robot is seen while it dances, in a process of its own.

PyBullet's window talks on stdout, answers every call at the pace of its drawing, and ends
the program when it is closed. In a process of its own it can do none of this to a
performance: it shows the latest posture it was sent, and when it is closed the show goes
on.
"""

from __future__ import annotations

import os
import pickle
import select
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from robodance.errors import MissingDependency, UsageError
from robodance.robots.model import RobotModel
from robodance.values import FloatArray
from robodance.workers import last_words, start_worker

__all__ = ["READY", "Window", "WindowJob"]

READY = b"ready\n"
OPENS_WITHIN_S = 30.0
PICTURES_PER_S = 30.0


@dataclass(frozen=True)
class WindowJob:
    """What the window's process needs to know.

    Attributes:
        urdf: The robot's file; its shell is shown where it has one.
        joint_names: Names in the order of the postures that will be sent.
    """

    urdf: str
    joint_names: tuple[str, ...]


class Window:
    """Shows a robot.

    Raises:
        UsageError: There is no display.
        MissingDependency: The window does not open.
    """

    def __init__(self, robot: RobotModel) -> None:
        if not os.environ.get("DISPLAY"):
            raise UsageError("--gui needs a display, and DISPLAY is not set; leave --gui out")
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the window
        self._process = start_worker("robodance.performance.window_process", self._log, bufsize=0)
        self._shown_s = -np.inf
        try:
            self._open(WindowJob(str(robot.urdf), robot.joint_names))
        except BaseException:
            self.close()
            raise

    @property
    def due(self) -> bool:
        """Whether it is time for the next picture, and the window is there and not busy."""
        pipe = self._process.stdin
        if pipe is None or pipe.closed or time.monotonic() < self._shown_s + 1.0 / PICTURES_PER_S:
            return False
        return bool(select.select([], [pipe], [], 0.0)[1])

    def show(self, positions_rad: FloatArray, torso_pose: FloatArray) -> None:
        """Show a posture (J,) at a world pose (7,); when it was closed, nothing happens."""
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            return
        self._shown_s = time.monotonic()
        try:
            pipe.write(np.concatenate([positions_rad, torso_pose]).tobytes())
        except BrokenPipeError:  # somebody closed the window
            with suppress(BrokenPipeError):
                pipe.close()

    @property
    def open(self) -> bool:
        """Whether the window is still there."""
        return self._process.poll() is None

    def close(self) -> None:
        """Close the window."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        self._log.close()

    def _open(self, job: WindowJob) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it has ended already; there will be no answer
            self._process.stdin.write(pickle.dumps(job))
        answers, _, _ = select.select([self._process.stdout], [], [], OPENS_WITHIN_S)
        if not answers or self._process.stdout.read(len(READY)) != READY:
            self._log.seek(0)
            raise MissingDependency(
                f"the window does not open ({last_words(self._log.read())}); leave --gui out"
            )
