"""Draw pictures on every core: worker processes that take turns."""

from __future__ import annotations

import pickle
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from robodance.errors import MissingDependency
from robodance.performance.camera import Camera
from robodance.performance.render_worker import READY, RenderJob, picture_bytes
from robodance.performance.scene import EGL_HELP, SceneSettings
from robodance.performance.workers import cores, last_words, start_worker
from robodance.resources import urdf_path
from robodance.values import FloatArray

__all__ = ["draw_pictures", "renderer_starts"]

MOST_WORKERS = 8
FEW_PICTURES = 25  # one process draws them before a second one has started


@contextmanager
def draw_pictures(
    settings: SceneSettings,
    positions_rad: FloatArray,
    torso_pose: FloatArray,
    *,
    processes: int = 0,
) -> Iterator[tuple[str, Iterator[NDArray[np.uint8]]]]:
    """Draw in processes that end with the ``with`` block, whatever happens in it.

    Args:
        settings: The scene; renderer ``auto`` takes EGL where it works, else Tiny.
        positions_rad: Shape (F, J).
        torso_pose: Shape (F, 7).
        processes: How many draw; 0: one for each processor, or one alone for few pictures.

    Yields:
        The renderer's name, and the pictures in order as YUV 4:2:0, (H * 3 / 2, W).

    Raises:
        MissingDependency: No renderer, or not the one that is asked for, starts here.
    """
    choices = ("egl", "tiny") if settings.renderer == "auto" else (settings.renderer,)
    workers = processes or (min(cores(), MOST_WORKERS) if len(positions_rad) > FEW_PICTURES else 1)
    for renderer in choices:
        chosen = replace(settings, renderer=renderer)
        with (
            tempfile.TemporaryFile() as log,
            _Pool(chosen, positions_rad, torso_pose, log, workers) as pool,
        ):
            if pool.started():
                yield renderer, pool.pictures()
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
    with (
        tempfile.TemporaryFile() as log,
        _Pool(settings, np.zeros((1, 0)), standing, log, 1) as pool,
    ):
        return pool.started()


class _Pool:
    """Workers that draw pictures w, w + n, w + 2 n, ..."""

    def __init__(
        self,
        settings: SceneSettings,
        positions_rad: FloatArray,
        torso_pose: FloatArray,
        log: IO[bytes],
        workers: int,
    ) -> None:
        self._settings = settings
        self._count = len(positions_rad)
        self._log = log
        self._workers: list[subprocess.Popen[bytes]] = []
        try:
            for first in range(workers):
                turn = slice(first, None, workers)
                job = RenderJob(settings, positions_rad[turn], torso_pose[turn])
                self._workers.append(_start(job, log))
        except BaseException:
            self.__exit__()
            raise

    def started(self) -> bool:
        """Wait until every worker has drawn its first picture; False when one cannot."""
        return all(self._read(worker, len(READY)) == READY for worker in self._workers)

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
