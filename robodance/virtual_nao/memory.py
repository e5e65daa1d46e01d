"""What ALMemory holds: data, events, and hardware keys that refresh at their own rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from robodance.virtual_nao.deferred import NaoqiError

__all__ = ["Memory"]


class Memory:
    """Keys and values, and who wants to know of changes.

    Attributes:
        hardware: Looks up a hardware key; None when there is no such key.
        hardware_keys: Lists them.
    """

    def __init__(self) -> None:
        self._data: dict[str, Any] = {}
        self._events: set[str] = set()
        self._listeners: dict[str, list[Callable[[Any], object]]] = {}
        self.hardware: Callable[[str], Any] = lambda key: None
        self.hardware_keys: Callable[[], Iterable[str]] = tuple

    def declare(self, *events: str) -> None:
        """Make events known before they were first raised."""
        self._events.update(events)

    def insert(self, key: str, value: Any) -> None:
        """Set a value without telling anyone."""
        self._data[key] = value

    def raise_event(self, key: str, value: Any) -> None:
        """Set a value and tell everyone who listens."""
        self._data[key] = value
        self.tell(key, value)

    def tell(self, key: str, value: Any) -> None:
        """Tell everyone who listens, and keep nothing."""
        self._events.add(key)
        for listener in list(self._listeners.get(key, ())):
            listener(value)

    def update(self, key: str, value: Any) -> None:
        """Raise an event if the value is another one than before."""
        if key not in self._data or self._data[key] != value:
            self.raise_event(key, value)

    def get(self, key: str) -> Any:
        """Return a value.

        Raises:
            NaoqiError: There is none under this key.
        """
        value = self._data.get(key)
        if value is None and key not in self._data:
            value = self.hardware(key)
            if value is None:
                raise NaoqiError(f"data not found with key: {key}")
        return value

    def peek(self, key: str) -> Any:
        """Return a value, or None."""
        try:
            return self.get(key)
        except NaoqiError:
            return None

    def remove(self, key: str) -> None:
        """Forget a value.

        Raises:
            NaoqiError: There is none under this key.
        """
        if key not in self._data:
            raise NaoqiError(f"data not found with key: {key}")
        del self._data[key]

    def listen(self, key: str, listener: Callable[[Any], object]) -> None:
        """Call a listener with each new value of an event."""
        self._listeners.setdefault(key, []).append(listener)

    def names(self) -> list[str]:
        """Return all keys, hardware's too."""
        return sorted({*self._data, *self._events, *self.hardware_keys()})

    def events(self) -> list[str]:
        """Return the names of all events."""
        return sorted(self._events)
