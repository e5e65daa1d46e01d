"""The wire to a NAOqi robot: connect, call, never wait without end.

libqi has no time limits of its own: a peer that is frozen keeps a call pending for ever.
So every call is asynchronous here, and waited for in short slices, in which Ctrl-C gets
through. Nothing runs in callbacks or threads of ours, which is what makes libqi abort when
a process ends.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from robodance.errors import MissingDependency, RobotError, RobotTimeout, UsageError

try:
    import qi
except ImportError as error:  # pragma: no cover
    raise MissingDependency(
        "a robot needs the package qi (Linux x86-64, Python 3.11 or 3.12): pip install qi"
    ) from error

__all__ = ["Address", "Link", "LinkLost", "address_of", "parse_address"]

PLAIN_PORT, SECURE_PORT = 9559, 9503
SLICE_MS = 5
PASSWORD = "ROBODANCE_ROBOT_PASSWORD"


class LinkLost(RobotError):
    """The robot answered before, and does not any more."""


@dataclass(frozen=True)
class Address:
    """Where a robot listens.

    Attributes:
        scheme: ``tcp`` or ``tcps``.
        host: Name or number.
        port: Port.
    """

    scheme: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """As libqi wants it."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def here(self) -> bool:
        """Whether it is this computer, so that files need not be copied."""
        return self.host in {"127.0.0.1", "localhost"}


def parse_address(text: str, *, password: bool = False) -> Address:
    """Read HOST, HOST:PORT, tcp://HOST:PORT or tcps://HOST:PORT.

    Args:
        text: What a person gave.
        password: Whether there is a password: then tcps, unless the text says otherwise.

    Raises:
        UsageError: It is none of these.
    """
    scheme, mark, rest = text.strip().rpartition("://")
    if not mark:
        scheme = "tcps" if password else "tcp"
    host, colon, number = rest.rpartition(":")
    if not colon:
        host, number = rest, str(SECURE_PORT if scheme == "tcps" else PLAIN_PORT)
    port = int(number) if number.isdecimal() else 0
    wrong = not host or ":" in host or "/" in rest or any(c.isspace() for c in host)
    if scheme not in {"tcp", "tcps"} or wrong or not 0 < port < 65536:
        raise UsageError(
            f"--robot {text!r} is no address; give HOST, HOST:PORT, or tcps://HOST:PORT"
        )
    return Address(scheme, host, port)


def address_of(text: str | None) -> Address:
    """Read an address; tcps where the environment holds a password.

    Raises:
        UsageError: It is none.
    """
    return parse_address(text or "", password=bool(os.environ.get(PASSWORD)))


class _Login:
    """Makes authenticators that answer with a name and a password."""

    def __init__(self, user: str, password: str) -> None:
        self._data = {"user": user, "token": password}

    def newAuthenticator(self) -> _Login:
        return self

    def initialAuthData(self) -> dict[str, str]:
        return self._data


class Link:
    """A connection to a robot's services.

    Args:
        address: Where it listens.
        timeout_s: How long an answer may take.
        user: Who logs in, when there is a password.
        tend: Called in every slice of waiting; may raise to end it.
    """

    def __init__(
        self,
        address: Address,
        timeout_s: float,
        user: str = "nao",
        tend: Callable[[], None] | None = None,
    ) -> None:
        self.address = address
        self.timeout_s = timeout_s
        self.tend = tend
        self._user = user
        self._password: str | None = None
        self._session: Any = None
        self._services: dict[str, Any] = {}
        qi.logging.setLevel(qi.logging.ERROR)

    def connect(self) -> None:
        """Connect, or connect again.

        Raises:
            RobotError: Nobody answers, or not as NAOqi does.
        """
        self.close()
        session = qi.Session()
        if self._password is None:
            self._password = _password(self.address, self._user)
        if self._password:
            session.setClientAuthenticatorFactory(_Login(self._user, self._password))
        url = self.address.url
        try:
            self.wait(session.connect(url, _async=True), f"{url}: connecting")
        except RobotTimeout:
            raise RobotTimeout(
                f"{url} did not answer within {self.timeout_s:g} s; is the robot on, in this "
                "network, and is its address right (press its chest button: it says it)?"
            ) from None
        except RobotError as error:
            raise RobotError(self._why_unconnected(str(error))) from None
        self._session = session

    def close(self) -> None:
        """Close the connection; safe at any time."""
        self._services = {}
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(RuntimeError):
                future = session.close(_async=True)
                future.wait(500)

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return self._session is not None and bool(self._session.isConnected())

    def has(self, service: str) -> bool:
        """Return whether the robot has a service; some are missing on some versions."""
        try:
            self._service(service)
        except (LinkLost, RobotTimeout):
            raise
        except RobotError:
            return False
        return True

    def send(self, service: str, method: str, *arguments: Any) -> Any:
        """Begin a call and return its future.

        Raises:
            RobotError: There is no such service or method.
            LinkLost: The connection is gone.
        """
        proxy = self._service(service)
        try:
            return getattr(proxy, method)(*arguments, _async=True)
        except (RuntimeError, AttributeError) as error:
            raise self._error(f"{service}.{method}", error) from None

    def call(
        self, service: str, method: str, *arguments: Any, timeout_s: float | None = None
    ) -> Any:
        """Call and wait.

        Raises:
            RobotTimeout: No answer in time.
            LinkLost: The connection is gone.
            RobotError: The robot refused.
        """
        future = self.send(service, method, *arguments)
        return self.wait(future, f"{service}.{method}", timeout_s=timeout_s)

    def wait(self, future: Any, what: str, *, timeout_s: float | None = None) -> Any:
        """Wait for a future in slices and return its value; raises as ``call``."""
        limit = self.timeout_s if timeout_s is None else timeout_s
        end = time.monotonic() + limit
        while future.wait(SLICE_MS) == qi.FutureState.Running:
            if self.tend is not None:
                self.tend()
            if time.monotonic() > end:
                future.cancel()
                raise RobotTimeout(f"the robot did not answer {what} within {limit:g} s")
        return self.result(future, what)

    def result(self, future: Any, what: str) -> Any:
        """Return the value of a finished future; raises as ``call``."""
        if future.isCanceled():
            raise RobotError(f"the robot cancelled {what}")
        try:
            return future.value(0)
        except RuntimeError as error:
            raise self._error(what, error) from None

    def running(self, future: Any) -> bool:
        """Return whether a future is still pending."""
        return bool(future.wait(0) == qi.FutureState.Running)

    def _service(self, name: str) -> Any:
        if name not in self._services:
            if not self.alive:
                raise LinkLost(f"the connection to {self.address.url} is gone")
            future = self._session.service(name, _async=True)
            self._services[name] = self.wait(future, f"service {name}")
        return self._services[name]

    def _why_unconnected(self, reason: str) -> str:
        """Turn libqi's words, all measured, into what to do."""
        reason = reason.partition("gone (")[2].removesuffix(")") or reason
        if "refused" in reason and "111" in reason:
            advice = "nothing listens there; is NAOqi running, and is the port right?"
        elif "Host not found" in reason or "resolve" in reason:
            advice = "there is no such host in this network; try the robot's number"
        elif "disconnected" in reason:
            advice = self._why_hung_up()
        elif "stream truncated" in reason or "wrong version" in reason:
            advice = "it does not speak tcps; leave the password out"
        else:
            advice = "is the robot on and in this network?"
        return f"{self.address.url} cannot be reached ({reason}): {advice}"

    def _why_hung_up(self) -> str:
        """Say what a robot may have against a login; libqi does not tell."""
        if not self._password:
            return f"it hung up; a robot with a password needs {PASSWORD} and tcps://"
        if self.address.scheme == "tcp":
            return f"it hung up; does it speak tcps://, or is the password of {self._user} wrong?"
        return f"it hung up; is the password of {self._user} right ({PASSWORD}, naoqi.user)?"

    def _error(self, what: str, error: Exception) -> RobotError:
        reason = " ".join(str(error).split("\n\nAt:")[0].split())[:300]
        # Measured: what libqi says when the peer is gone.
        lost = ("Session closed", "not connected", "Socket", "disconnected", "Endpoint")
        if not self.alive or any(mark in reason for mark in lost):
            self._services = {}
            return LinkLost(f"the connection to {self.address.url} is gone ({reason})")
        return RobotError(f"the robot refused {what}: {reason}")


def _password(address: Address, user: str) -> str:
    """Return the password for a robot that wants one, asked for if somebody is there; or ""."""
    given = os.environ.get(PASSWORD, "")
    if given or address.scheme != "tcps" or not sys.stdin or not sys.stdin.isatty():
        return given
    return _typed(address.host, user)


@functools.cache
def _typed(host: str, user: str) -> str:
    """Ask for a password, once for all connections of a performance."""
    return getpass.getpass(f"Password of {user}@{host}: ")
