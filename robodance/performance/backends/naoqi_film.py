"""What a robot sees while it dances: its own recorder makes a film, which is then fetched."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from typing import Any

from robodance.config import NaoqiConfig
from robodance.errors import RobotError
from robodance.performance.backends.naoqi_files import download
from robodance.performance.backends.naoqi_link import Link
from robodance.resources import cache_folder

__all__ = ["CameraFilm"]

NAME = "robodance"
UPPER_CAMERA, VGA, RATE_HZ = 0, 2, 15
FINISH_S = 30.0


class CameraFilm:
    """A film by ALVideoRecorder, which makes one at a time: MJPG in AVI, without sound.

    Args:
        link: The robot.
        config: Who owns the files on the robot, and how they come here.

    Attributes:
        began_s: When it began, on this computer's clock.
        ended_s: When it ended.
    """

    def __init__(self, link: Link, config: NaoqiConfig) -> None:
        self._link, self._config = link, config
        self._path: str | None = None
        self.began_s = self.ended_s = 0.0

    def check(self) -> None:
        """Raise a RobotError when the robot makes no films."""
        if not self._link.has("ALVideoRecorder"):
            raise RobotError("this robot makes no films (no ALVideoRecorder); leave --record out")

    def begin(self) -> None:
        """Begin; a film that somebody else left running is ended."""
        self.check()
        folder = f"/home/{self._config.user}/recordings/cameras"
        if self._link.address.here:
            folder = str(cache_folder())
        for method, value in (
            ("setCameraID", UPPER_CAMERA),
            ("setResolution", VGA),
            ("setFrameRate", RATE_HZ),
            ("setVideoFormat", "MJPG"),
        ):
            self._call(method, value)
        with contextlib.suppress(RobotError):
            if self._call("isRecording"):
                self._call("stopRecording", timeout_s=FINISH_S)
        self._call("startRecording", folder, NAME, True)
        self.began_s = self.ended_s = time.monotonic()

    def end(self) -> None:
        """End the film, if there is one; never raises."""
        if self.began_s and self._path is None:
            self.ended_s = time.monotonic()
            with contextlib.suppress(RobotError):
                _, path = self._call("stopRecording", timeout_s=FINISH_S)
                self._path = str(path)

    def fetch(self, to: Path) -> None:
        """Bring the film here.

        Raises:
            RobotError: There is none, or it cannot be copied.
        """
        if self._path is None:
            raise RobotError("the robot's recorder gave no film")
        if self._link.address.here:
            try:
                shutil.move(self._path, to)
            except OSError as error:
                raise RobotError(f"{self._path}: the film is not there ({error})") from error
        else:
            download(self._path, to, self._link.address, self._config)

    def _call(self, method: str, *arguments: Any, timeout_s: float | None = None) -> Any:
        return self._link.call("ALVideoRecorder", method, *arguments, timeout_s=timeout_s)
