"""Where calls wait for the robot's thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Inbox"]


class Inbox:
    """Calls in their order, from any thread to one.

    ``queue.SimpleQueue`` would do, but for a wait that begins, or goes on after a signal, when its
    deadline has passed: it lasts until something comes (CPython 3.11), and the robot stands still.
    A lock's wait ends when it should. So a lock is the bell: whoever brings a call releases it,
    and the thread that waits takes it.
    """

    def __init__(self) -> None:
        self._calls: deque[Callable[[], object]] = deque()
        self._bell = threading.Lock()
        self._bell.acquire()

    def put(self, call: Callable[[], object]) -> None:
        """Bring a call."""
        self._calls.append(call)
        try:
            self._bell.release()
        except RuntimeError:  # it has been rung, and nobody has come yet
            return

    def get(self, until: float) -> Callable[[], object] | None:
        """Take a call.

        Args:
            until: How long to wait for one, on the clock of ``time.monotonic``.

        Returns:
            The call that has waited longest; None if none came.
        """
        while not self._calls:
            left = until - time.monotonic()
            if left <= 0.0 or not self._bell.acquire(timeout=left):
                break
        return self._calls.popleft() if self._calls else None
