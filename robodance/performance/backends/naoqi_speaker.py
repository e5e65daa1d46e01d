"""Music on this computer's loudspeaker, and the clock that a robot's dance follows then."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.errors import AudioError, MissingDependency
from robodance.song_file import quiet_stderr

__all__ = ["ComputerSpeaker", "DeviceClock"]

PERIOD_MS = 20
WINDOW_S = 4.0
LEARN_S = 1.0  # from the start; then the device's own queue is known
CALLS = 500
BYTES_PER_FRAME = 4


class DeviceClock:
    """Where a sound device is, told from the moments at which it asks for more.

    It asks for a period when it has played one, and each question comes in time or late,
    never early. So the earliest questions of the last seconds lie on a line: its clock. At
    the start it fills its queue at once, which is not played yet; the same line, drawn back
    to the start, says how much that is.

    Args:
        rate_hz: Frames per second.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._calls: deque[tuple[float, float]] = deque(maxlen=CALLS)
        self._frames = 0
        self._began_s = 0.0
        self._queued_s = -np.inf

    def asked(self, now_s: float, frames: int) -> None:
        """Note that the device asked for frames."""
        if self._frames == 0:
            self._began_s = now_s
        given_s = self._frames / self._rate_hz
        self._calls.append((now_s, given_s - now_s))
        if now_s - self._began_s < LEARN_S:
            self._queued_s = max(self._queued_s, given_s - (now_s - self._began_s))
        self._frames += frames

    @property
    def known(self) -> bool:
        """Whether the device plays long enough for its queue to be known."""
        calls = self._calls
        return bool(calls) and calls[-1][0] - self._began_s >= LEARN_S

    def at(self, now_s: float) -> float:
        """Return what has been played by a moment of this computer's clock, seconds."""
        calls = list(self._calls)
        newest = calls[-1][0]
        ahead = max(offset for asked_s, offset in calls if asked_s >= newest - WINDOW_S)
        return now_s + ahead - self._queued_s


class ComputerSpeaker:
    """This computer's sound device.

    Args:
        samples: Shape (N, 2), 16 bits; the dance begins ``lead_s`` after the first.
        rate_hz: Samples per second.
        first_s: The plan's first moment.
        lead_s: Silence at the beginning of ``samples``.
        backend: Name of miniaudio's way to the device; None: the first that works.

    Raises:
        AudioError: There is no sound device.
        MissingDependency: miniaudio is not installed.
    """

    def __init__(
        self,
        samples: NDArray[np.int16],
        rate_hz: int,
        first_s: float,
        lead_s: float,
        backend: str | None = None,
    ) -> None:
        self._samples, self._first_s, self._lead_s = samples, first_s, lead_s
        self._clock, self._silent = DeviceClock(rate_hz), False
        self._device = _open_device(rate_hz, backend)

    def start(self) -> None:
        """Play, and wait until the device's clock is known; the samples' lead is longer."""
        feed = self._feed()
        next(feed)
        self._device.start(feed)
        while not self._clock.known:
            time.sleep(0.005)

    def tend(self) -> None:
        """Nothing to read: the device tells by itself."""

    def moment(self, now_s: float) -> float:
        """Return the plan's moment that sounds."""
        return self._first_s + self._clock.at(now_s) - self._lead_s

    def stop(self) -> None:
        """Be silent."""
        self._silent = True

    def close(self) -> None:
        """Close the device."""
        self._device.close()

    def _feed(self) -> Generator[Any, int, None]:
        """Give the device what it asks for, on its own thread; silence after the end."""
        at, wanted = 0, (yield b"")
        while True:
            self._clock.asked(time.monotonic(), wanted)
            part = b"" if self._silent else self._samples[at : at + wanted].tobytes()
            at += wanted
            wanted = yield part.ljust(wanted * BYTES_PER_FRAME, b"\0")


def _open_device(rate_hz: int, backend: str | None) -> Any:
    try:
        import miniaudio
    except ImportError as error:
        raise MissingDependency(
            "sound on this computer needs miniaudio: pip install miniaudio"
        ) from error
    chosen = None if backend is None else miniaudio.Backend[backend]
    silent = miniaudio.Backend.NULL  # a clock without a device
    wanted = [way for way in miniaudio.Backend if way != silent] if chosen is None else [chosen]
    try:
        with quiet_stderr():
            return miniaudio.PlaybackDevice(
                output_format=miniaudio.SampleFormat.SIGNED16,
                nchannels=2,
                sample_rate=rate_hz,
                buffersize_msec=PERIOD_MS,
                backends=wanted,
            )
    except miniaudio.MiniaudioError as error:
        raise AudioError(
            "there is no sound device on this computer; let the robot play (--set "
            "naoqi.sound=robot), or dance in silence (--set naoqi.sound=none)"
        ) from error
