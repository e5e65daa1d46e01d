"""ALVideoDevice and ALVideoRecorder: what the head sees."""

from __future__ import annotations

from typing import Any

from robodance.virtual_nao.camera import Camera
from robodance.virtual_nao.deferred import Deferred, NaoqiError
from robodance.virtual_nao.nao import VirtualNao
from robodance.virtual_nao.services.base import Service, flag, number, text, whole
from robodance.virtual_nao.sound import Loudspeaker

__all__ = ["ALVideoDevice", "ALVideoRecorder"]

SIZES = {0: (160, 120), 1: (320, 240), 2: (640, 480)}  # QQVGA, QVGA, VGA
RGB, BGR = 11, 13  # colour spaces
FASTEST_AT_VGA = 15


class ALVideoDevice(Service):
    """Pictures on request, in RGB or BGR.

    The library's Python side can host no binary values inside a list: the pixels arrive
    as a string with one character for each byte, ``bytes(image[6], "latin-1")``.
    """

    NAME = "ALVideoDevice"

    def __init__(self, nao: VirtualNao, camera: Camera) -> None:
        super().__init__(nao)
        self._camera = camera
        self._subscribed: dict[str, tuple[int, int, int]] = {}
        self._next = 0

    def subscribeCamera(
        self, name: Any, camera: Any, resolution: Any, colorspace: Any, fps: Any
    ) -> str:
        """Ask for pictures; returns a handle."""
        whole(fps, 1, 30)
        if whole(colorspace) not in {RGB, BGR}:
            raise NaoqiError(f"colour space {colorspace}: only {RGB} (RGB) and {BGR} (BGR) here")
        if whole(resolution) not in SIZES:
            raise NaoqiError(f"resolution {resolution}: only 0, 1 and 2 here")
        handle, self._next = f"{text(name)}_{self._next}", self._next + 1
        self._subscribed[handle] = whole(camera, 0, 1), whole(resolution), whole(colorspace)
        return handle

    def unsubscribe(self, handle: Any) -> bool:
        """Give a handle back."""
        return self._subscribed.pop(text(handle), None) is not None

    def getSubscribers(self) -> list[str]:
        """Return all handles."""
        return list(self._subscribed)

    def getImageRemote(self, handle: Any) -> Deferred:
        """Return [width, height, layers, colour space, s, us, pixels, camera, angles...]."""
        if handle not in self._subscribed:
            raise NaoqiError(f"{handle!r} is not subscribed")
        camera, resolution, space = self._subscribed[handle]
        width, height = SIZES[resolution]
        taken_s = self._nao.time_s
        image = Deferred()

        def ended(answer: Deferred) -> None:
            if answer.error is not None:
                image.fail(answer.error)
                return
            pixels: bytes = answer.value
            if space == BGR:
                turned = bytearray(pixels)
                turned[0::3], turned[2::3] = pixels[2::3], pixels[0::3]
                pixels = bytes(turned)
            seconds, micros = divmod(round(1e6 * taken_s), 1_000_000)
            image.resolve([
                width,
                height,
                3,
                space,
                seconds,
                micros,
                pixels.decode("latin-1"),
                camera,
                0.532,
                0.4157,
                -0.532,
                -0.4157,
            ])

        self._camera.take(width, height, camera).then(ended)
        return image

    def releaseImage(self, handle: Any) -> bool:
        """Give a picture back: nothing to do here."""
        return text(handle) in self._subscribed


class ALVideoRecorder(Service):
    """Films of what the head sees: MJPG in AVI; pictures that come too late are left out."""

    NAME = "ALVideoRecorder"

    def __init__(self, nao: VirtualNao, camera: Camera, speaker: Loudspeaker) -> None:
        super().__init__(nao)
        self._camera = camera
        self._speaker = speaker
        self._camera_id = 0
        self._resolution = 1
        self._rate_hz = 15
        self._format = "MJPG"
        self._path: str | None = None

    def setCameraID(self, camera: Any) -> None:
        """Choose the upper (0) or lower (1) camera."""
        self._camera_id = whole(camera, 0, 1)

    def setResolution(self, resolution: Any) -> None:
        """Choose the size: 0, 1 or 2 (VGA)."""
        self._resolution = whole(resolution, 0, 2)

    def setFrameRate(self, rate: Any) -> None:
        """Choose pictures per second, 1..30, at VGA up to 15."""
        self._rate_hz = round(number(rate, 1, 30))

    def setVideoFormat(self, kind: Any) -> None:
        """Choose MJPG; IYUV is not written here."""
        if kind != "MJPG":
            raise NaoqiError(f"{kind!r}: only MJPG here")
        self._format = "MJPG"

    def getCameraID(self) -> int:
        """Return the camera."""
        return self._camera_id

    def getResolution(self) -> int:
        """Return the size."""
        return self._resolution

    def getFrameRate(self) -> int:
        """Return pictures per second."""
        return self._rate_hz

    def getVideoFormat(self) -> str:
        """Return the format."""
        return self._format

    def isRecording(self) -> bool:
        """Return whether a film is being made."""
        return self._path is not None

    def startRecording(self, folder: Any, name: Any, overwrite: Any = False) -> None:
        """Begin a film; one at a time."""
        if self._path is not None:
            raise NaoqiError("a film is already being made")
        path = f"{text(folder).rstrip('/')}/{text(name)}.avi"
        file = self._speaker.local(path)
        if file.exists() and not flag(overwrite):
            raise NaoqiError(f"{path} exists")
        self._path = path
        if self._resolution == 2:
            self._rate_hz = min(self._rate_hz, FASTEST_AT_VGA)
        self._camera.begin_film(file, *SIZES[self._resolution], self._rate_hz)
        self._frame()

    def stopRecording(self) -> Deferred:
        """End the film; answers with [pictures, path]."""
        if self._path is None:
            raise NaoqiError("no film is being made")
        path, self._path = self._path, None
        done = Deferred()

        def ended(answer: Deferred) -> None:
            if answer.error is not None:
                done.fail(answer.error)
            else:
                done.resolve([answer.value, path])

        self._camera.end_film().then(ended)
        return done

    def _frame(self) -> None:
        if self._path is not None:
            self._camera.add_to_film(*SIZES[self._resolution], self._camera_id)
            self._nao.later(1.0 / self._rate_hz, self._frame)
