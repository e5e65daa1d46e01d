"""The only place that knows ``qi``: services of the virtual NAO, hosted for real.

Calls arrive on threads of the library. Each one is put into the robot's inbox and
answered by a promise, so that all of the robot happens on one thread and a call that
lasts occupies none.
"""

from __future__ import annotations

import inspect
import logging
import queue
import traceback
from collections.abc import Callable
from typing import Any

from robodance.errors import MissingDependency, RobotError
from robodance.virtual_nao.deferred import Deferred, NaoqiError
from robodance.virtual_nao.memory import Memory
from robodance.virtual_nao.services.base import Service
from robodance.virtual_nao.services.memory import Subscription

try:
    import qi
except ImportError as error:
    raise MissingDependency(
        "the virtual NAO needs qi, which has wheels for CPython up to 3.12 on Linux x86-64: "
        "pip install qi"
    ) from error

__all__ = ["Inbox", "Wire"]

Inbox = queue.Queue[Callable[[], object]]
"""Not a ``SimpleQueue``: its wait lasts until a call comes where it goes on after its deadline, and
the robot stands still (CPython 3.11)."""
log = logging.getLogger(__name__)


class Wire:
    """A qi session that listens and hosts services.

    Attributes:
        inbox: Where calls wait for the robot.
        refusals: How often ``Service.method`` will still be refused.
        calls: How often each ``Service.method`` has been called.
    """

    def __init__(self, url: str, memory: Memory) -> None:
        qi.logging.setLevel(qi.logging.FATAL)
        self.inbox = Inbox()
        self.refusals: dict[str, int] = {}
        self.calls: dict[str, int] = {}
        self._memory = memory
        self._subscribers: dict[str, Any] = {}
        self._session = qi.Session()
        try:
            self._session.listenStandalone(url)
        except RuntimeError as error:
            raise RobotError(f"cannot listen on {url} ({error}); choose another --port") from error

    @property
    def url(self) -> str:
        """Where it listens."""
        return str(self._session.endpoints()[0])

    def host(self, service: Service, version: str) -> None:
        """Make a service known under its name, with what this version of NAOqi offers."""
        methods = {
            name: self._method(service, name)
            for name, _ in inspect.getmembers(type(service), inspect.isfunction)
            if not name.startswith("_") and service.SINCE.get(name, "") <= version
        }
        facade = type(service.NAME, (), methods)  # one thread each: calls stay in their order
        self._session.registerService(service.NAME, facade())

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def _method(self, service: Service, name: str) -> Callable[..., Any]:
        def method(this: object, *arguments: Any) -> Any:
            call = _Call(self, service, name, arguments)
            self.inbox.put(call.run)
            return call.promise.future()

        method.__name__ = name
        return method

    def _to_wire(self, value: Any) -> Any:
        if not isinstance(value, Subscription):
            return value
        if value.key not in self._subscribers:
            subscriber = _Subscriber()
            self._subscribers[value.key] = subscriber
            self._memory.listen(value.key, subscriber.signal)
        return self._subscribers[value.key]


class _Subscriber:
    """What a caller of ALMemory.subscriber holds at the other end of the wire."""

    def __init__(self) -> None:
        self.signal = qi.Signal("m")


class _Call:
    """One call on its way through the robot."""

    def __init__(self, wire: Wire, service: Service, name: str, arguments: tuple[Any, ...]) -> None:
        self._wire = wire
        self._service = service
        self._name = name
        self._arguments = arguments
        self._answer: Deferred | None = None
        self.promise = qi.Promise(self._given_up)

    def run(self) -> None:
        """Perform the call, on the robot's thread."""
        label = f"{self._service.NAME}.{self._name}"
        self._wire.calls[label] = self._wire.calls.get(label, 0) + 1
        if self._wire.refusals.get(label, 0) > 0:
            self._wire.refusals[label] -= 1
            self._fail("the call is refused")
            return
        method = getattr(self._service, self._name)
        try:
            inspect.signature(method).bind(*self._arguments)
        except TypeError:
            wanted = ",".join(inspect.signature(method).parameters)
            self.promise.setError(
                f"Arguments types did not match for {self._name}: "
                f"{len(self._arguments)} given. Candidate: {self._name}({wanted})"
            )
            return
        try:
            result = method(*self._arguments)
        except NaoqiError as error:
            self._fail(str(error))
            return
        except Exception as error:  # a caller's nonsense must not stop the robot
            log.warning("%s%r: %s", label, self._arguments, traceback.format_exc())
            self._fail(f"{type(error).__name__}: {error}")
            return
        if isinstance(result, Deferred):
            self._answer = result
            result.then(self._ended)
        else:
            self.promise.setValue(self._wire._to_wire(result))

    def _ended(self, answer: Deferred) -> None:
        if answer.killed:
            self.promise.setCanceled()
        elif answer.error is not None:
            self._fail(answer.error)
        else:
            self.promise.setValue(self._wire._to_wire(answer.value))

    def _fail(self, reason: str) -> None:
        self.promise.setError(f"{self._service.NAME}::{self._name}\n\t{reason}")

    def _given_up(self, promise: object) -> None:
        def cancel() -> None:
            if self._answer is not None:
                self._answer.cancel()

        self._wire.inbox.put(cancel)
