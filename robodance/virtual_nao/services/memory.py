"""ALMemory: keys, values, events."""

from __future__ import annotations

from typing import Any

from robodance.virtual_nao.services.base import Service, text

__all__ = ["ALMemory", "Subscription"]


class Subscription:
    """What ``subscriber`` answers: the wire makes an object with a ``signal`` of it.

    Attributes:
        key: The event.
    """

    def __init__(self, key: str) -> None:
        self.key = key


class ALMemory(Service):
    """The robot's memory. Hardware keys refresh at 2 Hz on 2.8, else on each motion cycle."""

    NAME = "ALMemory"

    def getData(self, key: Any) -> Any:
        """Return a value."""
        return self._nao.memory.get(text(key))

    def getListData(self, keys: Any) -> list[Any]:
        """Return values; None for keys that there are not."""
        return [self._nao.memory.peek(text(key)) for key in keys]

    def insertData(self, key: Any, value: Any) -> None:
        """Set a value without telling anyone."""
        self._nao.memory.insert(text(key), value)

    def insertListData(self, pairs: Any) -> None:
        """Set values without telling anyone."""
        for key, value in pairs:
            self._nao.memory.insert(text(key), value)

    def removeData(self, key: Any) -> None:
        """Forget a value."""
        self._nao.memory.remove(text(key))

    def raiseEvent(self, key: Any, value: Any) -> None:
        """Set a value and tell everyone who subscribed."""
        self._nao.memory.raise_event(text(key), value)

    def raiseMicroEvent(self, key: Any, value: Any) -> None:
        """Tell everyone who subscribed, and keep nothing."""
        self._nao.memory.tell(text(key), value)

    def declareEvent(self, key: Any) -> None:
        """Make an event known."""
        self._nao.memory.declare(text(key))

    def getDataListName(self) -> list[str]:
        """Return all keys."""
        return self._nao.memory.names()

    def getDataList(self, part: Any) -> list[str]:
        """Return the keys that contain a string."""
        return [key for key in self._nao.memory.names() if text(part) in key]

    def getEventList(self) -> list[str]:
        """Return the names of all events."""
        return self._nao.memory.events()

    def subscriber(self, key: Any) -> Subscription:
        """Return an object whose ``signal`` is emitted with each new value of an event."""
        return Subscription(text(key))
