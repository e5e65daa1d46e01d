"""An answer that comes later, and errors shaped like NAOqi's; all on the robot's one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Deferred", "NaoqiError"]


class NaoqiError(Exception):
    r"""What a NAOqi call answers when it refuses: ``Service::method\n\treason`` on the wire.

    The services raise it with the reason; the wire puts the names in front.
    """


class Deferred:
    """The answer of a call that lasts: it ends once, with a value, an error or a kill.

    Attributes:
        done: Whether it has ended.
        value: What it ended with.
        error: Why it failed; None if it did not.
        killed: Whether it was killed.
        on_cancel: Called when the caller gives the call up; set by who performs it.
    """

    def __init__(self) -> None:
        self.done = False
        self.value: Any = None
        self.error: str | None = None
        self.killed = False
        self.on_cancel: Callable[[], None] | None = None
        self._listeners: list[Callable[[Deferred], None]] = []

    def resolve(self, value: Any = None) -> None:
        """End with a value."""
        if not self.done:
            self.value = value
            self._end()

    def fail(self, reason: str) -> None:
        """End with an error."""
        if not self.done:
            self.error = reason
            self._end()

    def kill(self) -> None:
        """End without having been finished."""
        if not self.done:
            self.killed = True
            self._end()

    def cancel(self) -> None:
        """Give the call up, as its caller."""
        if not self.done and self.on_cancel is not None:
            self.on_cancel()

    def then(self, listener: Callable[[Deferred], None]) -> None:
        """Call a listener at the end, or now if that has passed."""
        if self.done:
            listener(self)
        else:
            self._listeners.append(listener)

    def _end(self) -> None:
        self.done = True
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener(self)
