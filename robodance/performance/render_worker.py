"""A process that draws pictures: a job on stdin, raw pictures on stdout.

It runs on its own so that every core draws, and so that what graphics libraries print, or
their way of ending a process, cannot reach the program. It ends when its stdin or stdout
closes.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import BinaryIO

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation
from numpy.typing import NDArray

from robodance.performance.camera import Window
from robodance.performance.scene import Scene, SceneSettings
from robodance.values import FloatArray

__all__ = ["READY", "RenderJob", "picture_bytes"]

READY = b"ready"  # followed by the seconds a picture takes, or 0
MEASURED_FROM = 25  # pictures of one worker, for which its speed is worth measuring


@dataclass(frozen=True)
class RenderJob:
    """Pictures to draw.

    Attributes:
        settings: The scene.
        positions_rad: Shape (F, J).
        torso_pose: Shape (F, 7).
        views: Shape (F, 2), elevation and distance of the camera; None: they stay.
        figure_m: Shape (F, 21, 3), the figure beside the robot; None: there is none.
    """

    settings: SceneSettings
    positions_rad: FloatArray = field(repr=False)
    torso_pose: FloatArray = field(repr=False)
    views: FloatArray | None = field(default=None, repr=False)
    figure_m: FloatArray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.positions_rad)

    def turn(self, first: int, every: int) -> RenderJob:
        """Return each ``every``-th picture, from the one numbered ``first``."""
        mine = slice(first, None, every)
        return RenderJob(
            self.settings,
            self.positions_rad[mine],
            self.torso_pose[mine],
            None if self.views is None else self.views[mine],
            None if self.figure_m is None else self.figure_m[mine],
        )


def picture_bytes(width: int, height: int) -> int:
    """Return the size of one picture on the pipe (YUV 4:2:0)."""
    return width * height * 3 // 2


def main() -> None:
    """Draw the job that comes in on stdin."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # EGL talks on stdout
    job = pickle.load(sys.stdin.buffer)
    try:
        _draw(job, out)
    except BrokenPipeError:
        os._exit(0)


def _draw(job: RenderJob, out: BinaryIO) -> None:
    settings, window = job.settings, job.settings.window
    scene = Scene(settings)
    whole = yuv(scene.draw_empty(), settings.camera.width, settings.camera.height)

    def draw(k: int) -> None:
        picture = scene.draw(
            job.positions_rad[k],
            job.torso_pose[k],
            view=None if job.views is None else job.views[k],
            figure_m=None if job.figure_m is None else job.figure_m[k],
        )
        paste(whole, yuv(picture, *window[2:]), window)

    seconds = 0.0
    if len(job) > MEASURED_FROM:  # the first picture takes longer than those after it
        draw(0)
        start = time.perf_counter()
        draw(1)
        seconds = time.perf_counter() - start
    out.write(READY + struct.pack("<d", seconds))
    for k in range(len(job)):
        draw(k)
        data = memoryview(whole.tobytes())
        while data:
            data = data[out.write(data) :]
    scene.close()


def yuv(rgba: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Scale a picture down and turn it into YUV 4:2:0, BT.709. Shape (H * 3 / 2, W)."""
    frame = av.VideoFrame.from_ndarray(rgba, format="rgba").reformat(
        width,
        height,
        "yuv420p",
        dst_colorspace=Colorspace.ITU709,
        interpolation=Interpolation.AREA,
    )
    return np.array(frame.to_ndarray(), dtype=np.uint8)


def paste(whole: NDArray[np.uint8], part: NDArray[np.uint8], window: Window) -> None:
    """Put a window's YUV 4:2:0 into that of the whole picture; sides are multiples of 4."""
    left, top, width, height = window
    rows, columns = whole.shape[0] * 2 // 3, whole.shape[1]
    whole[top : top + height, left : left + width] = part[:height]
    colours = whole[rows:].reshape(2, rows // 2, columns // 2)  # a view: U, V
    half = part[height:].reshape(2, height // 2, width // 2)
    down, along = top // 2, left // 2
    colours[:, down : down + height // 2, along : along + width // 2] = half


if __name__ == "__main__":
    main()
