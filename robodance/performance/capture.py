"""Film a performance with a camera on this computer, each picture with its moment.

Pictures are stamped by the computer's clock, and so is what the robot does, so nothing has
to be found afterwards. A camera is anything that gives pictures with their moments: a
device, or a film that is played as if it were one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from robodance.errors import CameraError, MissingDependency, OutputError, RobodanceError
from robodance.performance.film_reader import look_at, shots
from robodance.performance.sync import Sync

try:
    import av
except ImportError as error:
    raise MissingDependency("cameras need PyAV: pip install av") from error

__all__ = ["Capture", "Device", "FilmAsCamera", "PictureSource", "open_camera"]

TICK = Fraction(1, 90_000)
KEYFRAME_EVERY_S = 1.0  # what a power cut can take away
FIRST_PICTURE_S = 10.0  # a camera may have to warm up
CRF = 18
NOMINAL_HZ = 30
FEWEST_NOTES = 2
PLAYABLE = "frag_keyframe+empty_moov+default_base_moof"  # whatever is written can be played


class PictureSource(Protocol):
    """Something that gives pictures, each with its moment.

    Attributes:
        name: For messages.
    """

    name: str

    def pictures(self) -> Iterator[tuple[float, Any]]:
        """Yield moments on the clock of ``time.monotonic`` and pictures, as they come.

        Raises:
            CameraError: There are none, or no more.
        """
        ...


class Device:
    """A camera of this computer, through Video4Linux.

    Args:
        name: Its device, ``/dev/video0``.
        width: Pixels asked for; the camera gives what it can.
        height: Pixels.
        rate_hz: Pictures per second asked for.

    Raises:
        CameraError: There is no such camera.
    """

    def __init__(self, name: str, width: int = 1280, height: int = 720, rate_hz: int = 30) -> None:
        self.name = name
        if not Path(name).exists():
            others = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*")))
            raise CameraError(
                f"{name}: no such camera; "
                + (f"there are {others}" if others else "this computer has none")
            )
        self._options = {"video_size": f"{width}x{height}", "framerate": str(rate_hz)}

    def pictures(self) -> Iterator[tuple[float, Any]]:
        """Yield pictures with the kernel's moments, which are of the monotonic clock."""
        av.logging.set_level(None)
        with self._opened() as container:
            try:
                for frame in container.decode(video=0):
                    yield self._moment(frame), frame
            except (av.FFmpegError, OSError) as error:
                raise CameraError(
                    f"{self.name}: the camera stopped ({_reason(error)}); check its cable"
                ) from error
        raise CameraError(f"{self.name}: the camera gives no more pictures; check its cable")

    def _opened(self) -> Any:
        for options in (self._options, {}):  # what it cannot do, it does in its own way
            try:
                return av.open(self.name, format="v4l2", options=options)
            except (av.FFmpegError, OSError, ValueError) as error:
                problem = error
        raise CameraError(
            f"{self.name}: cannot be opened as a camera ({_reason(problem)}); is another program "
            "using it?"
        ) from problem

    @staticmethod
    def _moment(frame: Any) -> float:
        """Return the kernel's moment, or, from drivers without one, that of its arrival."""
        now = time.monotonic()
        return frame.time if frame.time is not None and abs(now - frame.time) < 5.0 else now


class FilmAsCamera:
    """A film that plays as if a camera saw it now.

    Args:
        path: The film.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._info = look_at(path)

    def pictures(self) -> Iterator[tuple[float, Any]]:
        """Yield its pictures at its own pace, from now on."""
        start: float | None = None
        for shot in shots(self._info):
            if start is None:
                start = time.monotonic() - shot.time_s
            moment = start + shot.time_s
            time.sleep(max(0.0, moment - time.monotonic()))
            yield moment, shot.frame
        raise CameraError(f"{self.name}: the film that stands for a camera is over")


def open_camera(name: str, width: int = 1280, height: int = 720) -> PictureSource:
    """Return a camera by its device (``/dev/video0``, or ``0``), or a film that plays as one.

    Raises:
        CameraError: There is no such camera.
        FilmError: The film cannot be read.
    """
    if name.isdigit():
        name = f"/dev/video{name}"
    return FilmAsCamera(Path(name)) if Path(name).is_file() else Device(name, width, height)


class Capture:
    """A film in the making, in a thread of its own; use it in a ``with`` statement.

    The film grows under another name, takes its own when the block ends, however it ends, and
    can be played at any moment up to its last second. A camera that stops does not stop the
    robot: ``check`` tells afterwards.

    Args:
        source: The camera.
        path: The film.

    Raises:
        CameraError: On entering: the camera gives no picture.
    """

    def __init__(self, source: PictureSource, path: Path) -> None:
        self.path = path
        self._source = source
        self._part = path.with_name(f"{path.stem}.part.mp4")
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._first = threading.Event()
        self._ended = threading.Event()
        self._problem: Exception | None = None
        self._started_s = 0.0
        self._last_s = 0.0
        self._notes: list[tuple[float, float]] = []

    def __enter__(self) -> Self:
        """Start the camera and wait for its first picture."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        if not self._first.wait(FIRST_PICTURE_S):
            self._end()
            raise CameraError(
                f"{self._source.name}: no picture came within {FIRST_PICTURE_S:g} s; try another "
                "--camera"
            )
        if self._started_s == 0.0:
            self._end()
            self.check()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the film."""
        self._end()

    def note(self, robot_time_s: float) -> None:
        """Note that the robot is at this moment of its time now."""
        self._notes.append((robot_time_s, time.monotonic()))

    def check(self) -> None:
        """Tell whether the film is whole.

        Raises:
            CameraError: The camera stopped before the end.
            OutputError: The film could not be written.
        """
        problem = self._problem
        if isinstance(problem, CameraError) and self._started_s:
            seen = self._last_s - self._started_s
            raise CameraError(f"{problem}; {self.path} holds the {seen:.1f} s before") from problem
        if isinstance(problem, RobodanceError):
            raise problem
        if problem is not None:
            raise OutputError(
                f"{self.path}: cannot be written ({_reason(problem)}); free some space or choose "
                "another place with --record"
            ) from problem

    def sync(self) -> Sync:
        """Return how the film's clock and the robot's go together.

        Raises:
            CameraError: The robot did not move while it was filmed.
        """
        if len(self._notes) < FEWEST_NOTES:
            raise CameraError(f"{self._source.name}: nothing of the dance was filmed")
        robot, wall = np.array(self._notes).T
        rate, at = np.polyfit(robot, wall, 1)
        late = wall - at - rate * robot
        usual = late <= np.percentile(late, 90.0)  # a busy computer notes some moments late
        rate, at = np.polyfit(robot[usual], wall[usual], 1)
        return Sync(float(at) - self._started_s, float(rate), "clock", 1.0)

    def _end(self) -> None:
        self._ended.set()
        self._thread.join()
        if self._part.exists():
            self._part.replace(self.path)

    def _run(self) -> None:
        try:
            self._film()
        except (RobodanceError, OSError, av.FFmpegError) as error:
            self._problem = error
        finally:
            self._first.set()

    def _film(self) -> None:
        pictures = self._source.pictures()
        moment, frame = next(pictures)
        with av.open(
            str(self._part), "w", format="mp4", options={"movflags": PLAYABLE}
        ) as container:
            stream = container.add_stream("libx264", rate=NOMINAL_HZ)
            stream.width, stream.height = frame.width // 2 * 2, frame.height // 2 * 2
            stream.pix_fmt, stream.time_base = "yuv420p", TICK
            stream.codec_context.time_base = TICK
            stream.codec_context.gop_size = round(KEYFRAME_EVERY_S * NOMINAL_HZ)
            stream.codec_context.max_b_frames = 0
            stream.options = {"crf": str(CRF), "preset": "ultrafast", "tune": "zerolatency"}
            self._started_s = self._last_s = moment
            last = -1
            try:
                while not self._ended.is_set():
                    stamp = round((moment - self._started_s) / TICK)
                    if stamp > last:
                        plain = frame.reformat(stream.width, stream.height, "yuv420p")
                        plain.pts, plain.time_base, last = stamp, TICK, stamp
                        container.mux(stream.encode(plain))
                        self._last_s = moment
                        self._first.set()
                    moment, frame = next(pictures)
            finally:
                container.mux(stream.encode(None))


def _reason(error: BaseException) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())
