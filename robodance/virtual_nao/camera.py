"""The cameras of the virtual NAO: a process draws, a thread waits for it, the robot goes on."""

from __future__ import annotations

import pickle
import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from robodance.virtual_nao.camera_worker import Shot
from robodance.virtual_nao.deferred import Deferred
from robodance.virtual_nao.nao import VirtualNao
from robodance.workers import start_worker

__all__ = ["Camera"]

MOST_WAITING = 4  # pictures; a film leaves out what cannot be drawn in time
END_S = 2.0


class Camera:
    """Takes pictures and films of what the head sees.

    The process starts with the first picture.

    Args:
        nao: Whose head.
        post: Takes a call to the robot's thread.
    """

    def __init__(self, nao: VirtualNao, post: Callable[[Callable[[], object]], None]) -> None:
        self._nao = nao
        self._post = post
        self._orders: queue.Queue[tuple[str, Any, Deferred | None] | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._worker: subprocess.Popen[bytes] | None = None

    def take(self, width: int, height: int, camera: int) -> Deferred:
        """Take a picture; answers with its pixels, RGB."""
        answer = Deferred()
        self._order("shot", self._shot(width, height, camera), answer)
        return answer

    def begin_film(self, path: Path, width: int, height: int, rate_hz: int) -> None:
        """Begin a film."""
        self._order("film", (str(path), width, height, rate_hz), None)

    def add_to_film(self, width: int, height: int, camera: int) -> bool:
        """Add a picture; returns whether there was time for it."""
        if self._orders.qsize() >= MOST_WAITING:
            return False
        self._order("frame", self._shot(width, height, camera), None)
        return True

    def end_film(self) -> Deferred:
        """Finish the film; answers with the number of its pictures."""
        answer = Deferred()
        self._order("end", None, answer)
        return answer

    def close(self) -> None:
        """End the process, once what it was told is done."""
        if self._thread is None:
            return
        self._orders.put(None)
        self._thread.join(END_S)
        if self._worker is not None:
            try:
                self._worker.wait(END_S)
            except subprocess.TimeoutExpired:
                self._worker.kill()
                self._worker.wait()

    def _shot(self, width: int, height: int, camera: int) -> Shot:
        felt = self._nao.felt
        names = self._nao.robot.joint_names
        angles = dict(zip(names, felt.joints_rad.tolist(), strict=True))
        return Shot(width, height, camera, angles, felt.torso_pose)

    def _order(self, kind: str, content: Any, answer: Deferred | None) -> None:
        if self._thread is None:
            self._orders.put(("urdf", str(self._nao.robot.urdf), None))
            self._thread = threading.Thread(target=self._wait, name="camera", daemon=True)
            self._thread.start()
        self._orders.put((kind, content, answer))

    def _wait(self) -> None:
        """Send orders one by one; tell the robot's thread what comes back."""
        worker = start_worker("robodance.virtual_nao.camera_worker", subprocess.DEVNULL)
        self._worker = worker
        assert worker.stdin is not None
        assert worker.stdout is not None
        while (order := self._orders.get()) is not None:
            kind, content, answer = order
            try:
                pickle.dump((kind, content), worker.stdin)
                worker.stdin.flush()
                result = pickle.load(worker.stdout)
            except (OSError, EOFError):
                self._tell(answer, None, failed=True)
                continue
            self._tell(answer, result, failed=False)
        worker.stdin.close()
        worker.stdout.close()

    def _tell(self, answer: Deferred | None, result: Any, *, failed: bool) -> None:
        if answer is None:
            return

        def end() -> None:
            if failed:
                answer.fail("the camera does not answer")
            else:
                answer.resolve(result)

        self._post(end)
