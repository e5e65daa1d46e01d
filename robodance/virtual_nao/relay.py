"""The network between a caller and the virtual NAO: a relay that can be slow, silent or cut.

The library tells callers where each service listens. The relay rewrites that address in
the messages that pass, so that all traffic stays on it. A message of the protocol is a
header of 28 bytes (magic, id, payload size, version, type, flags, service, object,
action), then the payload; strings are their length in 4 bytes, then themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import threading
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from robodance.errors import RobotError
from robodance.virtual_nao.door import HEADER, MAGIC, Door

__all__ = ["Network", "Relay", "Rewriter"]

RETRANSMISSION_S = 0.2  # what a lost packet costs: TCP's shortest wait
SEGMENT_BYTES = 1448
START_S = 5.0

T = TypeVar("T")


@dataclass
class Network:
    """How the network is now.

    Attributes:
        delay_s: One way.
        jitter_s: Up to this much more, evenly distributed; order is kept.
        loss: Share of packets that must be sent again.
        silent: Whether nothing passes, without anyone being told.
        refusing: Whether new connections are broken at once.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    silent: bool = False
    refusing: bool = False


class Relay:
    """Listens for callers, and carries bytes to and from the robot's own port.

    Args:
        host: Address to listen on.
        port: Port; 0 takes a free one.
        inner_url: Where the robot listens, ``tcp://127.0.0.1:PORT``.
        door: Who is let in, and whether the wire is encrypted.
        seed: Of jitter and loss.

    Attributes:
        network: How the network is; another thread changes it with ``change``.
        port: Where it listens.

    Raises:
        RobotError: The port is taken.
    """

    def __init__(
        self, host: str, port: int, inner_url: str, door: Door | None = None, seed: int = 0
    ) -> None:
        self.network = Network()
        self.door = Door() if door is None else door
        self.port = port
        self.random = random.Random(seed)
        self.inner = inner_url.removeprefix("tcp://").rsplit(":", 1)
        self.inner_url = inner_url
        self.links: set[_Link] = set()
        self._host = host
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._thread.start()
        try:
            self._server = self._ask(self._listen())
        except OSError as error:
            self._end_loop()
            raise RobotError(
                f"cannot listen on {host}:{port} ({error.strerror}); choose another --port"
            ) from error

    @property
    def url(self) -> str:
        """Where callers find the robot."""
        return f"{self.door.scheme}://{self._host}:{self.port}"

    def change(self, **changes: float | bool) -> None:
        """Change the network."""

        def apply() -> None:
            for name, value in changes.items():
                setattr(self.network, name, value)
            for link in self.links:
                link.pump()

        self._loop.call_soon_threadsafe(apply)

    def cut(self) -> None:
        """Break all connections."""

        def apply() -> None:
            for link in list(self.links):
                link.cut()

        self._loop.call_soon_threadsafe(apply)

    def close(self) -> None:
        """Stop listening and break all connections."""

        async def end() -> None:
            self._server.close()
            for link in list(self.links):
                link.cut()

        with contextlib.suppress(TimeoutError):
            self._ask(end())
        self._end_loop()

    async def _listen(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: _Link(self), self._host, self.port, ssl=self.door.tls
        )
        self.port = int(server.sockets[0].getsockname()[1])
        return server

    def _ask(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_S)

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        if not self._thread.is_alive():
            self._loop.close()


class Rewriter:
    """Replaces a string in the messages of one direction.

    Args:
        old: String to look for, as a whole.
        new: What to put in its place.
    """

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = (struct.pack("<I", len(text)) + text.encode() for text in (old, new))
        self._kept = b""

    def feed(self, data: bytes) -> bytes:
        """Return what can be sent on; the rest waits for more."""
        self._kept += data
        done: list[bytes] = []
        at = 0
        while len(self._kept) - at >= HEADER.size:
            magic, number, size, *_ = HEADER.unpack_from(self._kept, at)
            if magic != MAGIC:  # not the protocol: let it pass
                done.append(self._kept[at:])
                at = len(self._kept)
                break
            end = at + HEADER.size + size
            if end > len(self._kept):
                break
            payload = self._kept[at + HEADER.size : end].replace(self._old, self._new)
            head = struct.pack("<III", MAGIC, number, len(payload))
            done += [head, self._kept[at + len(head) : at + HEADER.size], payload]
            at = end
        self._kept = self._kept[at:]
        return b"".join(done)


class _Pipe:
    """One direction of a connection."""

    def __init__(self, relay: Relay, transport: asyncio.Transport) -> None:
        self._relay = relay
        self._transport = transport
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._last_due = 0.0

    def send(self, data: bytes) -> None:
        network, rng = self._relay.network, self._relay.random
        now = asyncio.get_running_loop().time()
        segments = -(-len(data) // SEGMENT_BYTES)
        due = now + network.delay_s + network.jitter_s * rng.random()
        if network.loss > 0.0 and rng.random() > (1.0 - network.loss) ** segments:
            due += RETRANSMISSION_S
        self._last_due = max(self._last_due, due)
        self._waiting.append((self._last_due, data))
        self.pump()

    def pump(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        loop = asyncio.get_running_loop()
        while self._waiting and not self._relay.network.silent:
            due, data = self._waiting[0]
            if due > loop.time():
                self._alarm = loop.call_at(due, self.pump)
                return
            self._waiting.popleft()
            if not self._transport.is_closing():
                self._transport.write(data)


class _Link(asyncio.Protocol):
    """A caller's connection and the one to the robot that belongs to it."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._early: list[bytes] = []
        self._caller: asyncio.Transport | None = None
        self._robot: asyncio.Transport | None = None
        self._up: _Pipe | None = None
        self._down: _Pipe | None = None
        self._opening: asyncio.Task[None] | None = None
        self._guard = relay.door.guard()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._caller = transport
        if self._relay.network.refusing:
            transport.abort()
            return
        self._relay.links.add(self)
        self._down = _Pipe(self._relay, transport)
        self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        host, port = self._relay.inner
        loop = asyncio.get_running_loop()
        try:
            robot, _ = await loop.create_connection(lambda: _Inner(self), host, int(port))
        except OSError:
            self.cut()
            return
        self._robot = robot
        self._up = _Pipe(self._relay, robot)
        for data in self._early:
            self._up.send(data)
        self._early.clear()

    def data_received(self, data: bytes) -> None:
        data, refusal = self._guard.feed(data)
        if refusal and self._caller is not None:
            self._caller.write(refusal)
            self._caller.close()
            return
        if self._up is None:
            self._early.append(data)
        else:
            self._up.send(data)

    def answer(self, data: bytes) -> None:
        if self._down is not None and data:
            self._down.send(data)

    def rewriter(self) -> Rewriter:
        """Replace the robot's own address by the one that this caller called."""
        assert self._caller is not None
        host, port = self._caller.get_extra_info("sockname")[:2]
        return Rewriter(self._relay.inner_url, f"{self._relay.door.scheme}://{host}:{port}")

    def pump(self) -> None:
        for pipe in (self._up, self._down):
            if pipe is not None:
                pipe.pump()

    def connection_lost(self, error: Exception | None) -> None:
        self.cut()

    def cut(self) -> None:
        self._relay.links.discard(self)
        if self._opening is not None and self._robot is None:
            self._opening.cancel()
        for transport in (self._caller, self._robot):
            if transport is not None:
                transport.abort()


class _Inner(asyncio.Protocol):
    """The robot's end of a link."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._rewriter = link.rewriter()

    def data_received(self, data: bytes) -> None:
        self._link.answer(self._rewriter.feed(data))

    def connection_lost(self, error: Exception | None) -> None:
        self._link.cut()
