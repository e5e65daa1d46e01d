"""Draw pictures on every core: worker processes that take turns."""

from __future__ import annotations

import pickle
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from robodance.errors import MissingDependency
from robodance.performance.camera import Camera
from robodance.performance.render_worker import READY, RenderJob, picture_bytes
from robodance.performance.scene import EGL_HELP, SceneSettings
from robodance.resources import urdf_path
from robodance.workers import cores, last_words, start_worker

__all__ = ["Drawing", "draw_pictures", "renderer_starts"]

MOST_WORKERS = 8
FEW_PICTURES = 25  # one process draws them before a second one has started


@dataclass(frozen=True)
class Drawing:
    """Pictures that are being drawn.

    Attributes:
        renderer: What draws them.
        seconds: About how long that will take, from now on; None for a few pictures.
        pictures: In order, as YUV 4:2:0, (H * 3 / 2, W).
    """

    renderer: str
    seconds: float | None
    pictures: Iterator[NDArray[np.uint8]] = field(repr=False)


@contextmanager
def draw_pictures(job: RenderJob, *, processes: int = 0) -> Iterator[Drawing]:
    """Draw in processes that end with the ``with`` block, whatever happens in it.

    Args:
        job: What to draw; renderer ``auto`` takes EGL where it works, else Tiny.
        processes: How many draw; 0: one for each processor, or one alone for few pictures.

    Yields:
        What is being drawn.

    Raises:
        MissingDependency: No renderer, or not the one that is asked for, starts here.
    """
    asked = job.settings.renderer
    choices = ("egl", "tiny") if asked == "auto" else (asked,)
    workers = processes or (min(cores(), MOST_WORKERS) if len(job) > FEW_PICTURES else 1)
    for renderer in choices:
        chosen = replace(job, settings=replace(job.settings, renderer=renderer))
        with tempfile.TemporaryFile() as log, _Pool(chosen, log, workers) as pool:
            if pool.started():
                yield Drawing(renderer, pool.seconds(), pool.pictures())
                return
            complaint = pool.complaint()
    raise MissingDependency(
        f"the renderer {choices[-1]!r} does not start ({complaint}); "
        + (f"{EGL_HELP}, or use recording.renderer: tiny" if "egl" in choices else "see -v")
    )


def renderer_starts(renderer: str) -> bool:
    """Return whether a renderer (``egl`` or ``tiny``) draws on this machine."""
    urdf = str(urdf_path("nao/nao_v6.urdf"))
    settings = SceneSettings(urdf, {}, Camera((0.0, 0.0), 64, 36), (0, 0, 64, 36), renderer)
    standing = np.array([[0.0, 0.0, 0.3, 0.0, 0.0, 0.0, 1.0]])
    job = RenderJob(settings, np.zeros((1, 0)), standing)
    with tempfile.TemporaryFile() as log, _Pool(job, log, 1) as pool:
        return pool.started()


class _Pool:
    """Workers that draw pictures w, w + n, w + 2 n, ..."""

    def __init__(self, job: RenderJob, log: IO[bytes], workers: int) -> None:
        self._settings = job.settings
        self._count = len(job)
        self._log = log
        self._paces: list[float] = []
        self._workers: list[subprocess.Popen[bytes]] = []
        try:
            for first in range(workers):
                self._workers.append(_start(job.turn(first, workers), log))
        except BaseException:
            self.__exit__()
            raise

    def started(self) -> bool:
        """Wait until every worker has drawn its first picture; False when one cannot."""
        size = len(READY) + struct.calcsize("<d")
        for worker in self._workers:
            said = self._read(worker, size)
            if len(said) < size or not said.startswith(READY):
                return False
            self._paces += struct.unpack("<d", said[len(READY) :])
        return True

    def seconds(self) -> float | None:
        """Return about how long drawing will take; None for a few pictures."""
        if not self._paces or min(self._paces) <= 0.0:
            return None
        return self._count / sum(1.0 / pace for pace in self._paces)

    def pictures(self) -> Iterator[NDArray[np.uint8]]:
        """Return the pictures in order."""
        width, height = self._settings.camera.width, self._settings.camera.height
        size = picture_bytes(width, height)
        for k in range(self._count):
            data = self._read(self._workers[k % len(self._workers)], size)
            if len(data) < size:
                raise MissingDependency(
                    f"the renderer {self._settings.renderer!r} broke off at picture {k} of "
                    f"{self._count} ({self.complaint()}); try recording.renderer: tiny"
                )
            yield np.frombuffer(data, dtype=np.uint8).reshape(height * 3 // 2, width)

    def complaint(self) -> str:
        """Return the last line that a worker wrote to stderr."""
        self._log.seek(0)
        return last_words(self._log.read())

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *reason: object) -> None:
        """End the processes, wherever they are."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None:
                    pipe.close()

    @staticmethod
    def _read(worker: subprocess.Popen[bytes], size: int) -> bytes:
        assert worker.stdout is not None
        return worker.stdout.read(size)


def _start(job: RenderJob, log: IO[bytes]) -> subprocess.Popen[bytes]:
    worker = start_worker("robodance.performance.render_worker", log)
    assert worker.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already; started() will notice
        pickle.dump(job, worker.stdin)
        worker.stdin.close()
    return worker
