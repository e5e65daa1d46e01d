"""What all services share: the robot they speak for, and how they read what callers give."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from robodance.virtual_nao.deferred import Deferred, NaoqiError
from robodance.virtual_nao.nao import VirtualNao

__all__ = ["Service", "flag", "number", "numbers", "text", "whole"]


class Service:
    """A NAOqi service; every public method can be called over the wire.

    A method answers with a value, or with a ``Deferred`` when it lasts.

    Attributes:
        NAME: Its name among NAOqi's services.
        SINCE: Methods that older versions do not have, and their first version.
    """

    NAME = ""
    SINCE: ClassVar[dict[str, str]] = {}

    def __init__(self, nao: VirtualNao) -> None:
        self._nao = nao

    def _after(self, duration_s: float, value: Any = None) -> Deferred:
        """Return an answer that comes when some robot time has passed."""
        answer = Deferred()
        answer.on_cancel = answer.kill
        self._nao.later(duration_s, lambda: answer.resolve(value))
        return answer


def number(value: Any, low: float = -np.inf, high: float = np.inf) -> float:
    """Read a number within bounds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise NaoqiError(f"{value!r} is not a number")
    if not low <= value <= high:
        raise NaoqiError(f"{value} is not between {low:g} and {high:g}")
    return float(value)


def whole(value: Any, low: float = -np.inf, high: float = np.inf) -> int:
    """Read a whole number within bounds."""
    if number(value, low, high) != int(value):
        raise NaoqiError(f"{value!r} is not a whole number")
    return int(value)


def numbers(value: Any, count: int, low: float = -np.inf, high: float = np.inf) -> list[float]:
    """Read a list of numbers, or one number for all of them."""
    listed = value if isinstance(value, list) else [value] * count
    if len(listed) != count:
        raise NaoqiError(f"expected {count} numbers, not {len(listed)}")
    return [number(item, low, high) for item in listed]


def text(value: Any) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise NaoqiError(f"{value!r} is not a string")
    return value


def flag(value: Any) -> bool:
    """Read a truth value; NAOqi takes numbers for it, too."""
    if not isinstance(value, (bool, int)):
        raise NaoqiError(f"{value!r} is neither true nor false")
    return bool(value)
