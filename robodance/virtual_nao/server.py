"""The process of a virtual NAO: physics in real time on the main thread, calls in between."""

from __future__ import annotations

import gc
import queue
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

from robodance.virtual_nao.camera import Camera
from robodance.virtual_nao.door import make_door
from robodance.virtual_nao.faults import Faults
from robodance.virtual_nao.nao import VirtualNao
from robodance.virtual_nao.relay import Relay
from robodance.virtual_nao.services.base import Service
from robodance.virtual_nao.services.faults import RobodanceFaults, RobodanceJournal
from robodance.virtual_nao.services.locomotion import WholeMotion
from robodance.virtual_nao.services.memory import ALMemory
from robodance.virtual_nao.services.posture import ALRobotPosture
from robodance.virtual_nao.services.sound import ALAudioDevice, ALAudioPlayer, ALTextToSpeech
from robodance.virtual_nao.services.state import (
    ALAutonomousLife,
    ALBattery,
    ALBodyTemperature,
    ALLeds,
    ALSystem,
)
from robodance.virtual_nao.services.video import ALVideoDevice, ALVideoRecorder
from robodance.virtual_nao.settings import VirtualNaoSettings
from robodance.virtual_nao.sound import Loudspeaker
from robodance.virtual_nao.wire import Inbox, Wire

__all__ = ["serve"]

SWITCH_S = 0.0005  # with Python's 5 ms the library's threads make the physics late
MOST_CALLS_LATE = 20  # between two steps of a robot that is late: it must catch up
CATCH_UP_S = 0.25  # a robot that is later than this lets the time go


def serve(settings: VirtualNaoSettings, ready: Callable[[str], None]) -> None:
    """Be a NAO until SIGTERM or SIGINT.

    Args:
        settings: Which one.
        ready: Told the URL once every service can be called.

    Raises:
        RobotError: The port is taken.
    """
    stopping: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    sys.setswitchinterval(SWITCH_S)
    nao = VirtualNao(settings)
    try:
        wire = Wire("tcp://127.0.0.1:0", nao.memory)
        door = make_door(settings)
        relay = Relay(settings.host, settings.port, wire.url, door)
        camera = Camera(nao, wire.inbox.put)
        try:
            journal = RobodanceJournal(nao, wire)
            faults = Faults(nao, wire, relay)
            for service in (*_services(nao, faults, camera), journal):
                wire.host(service, settings.version)
            gc.freeze()  # what is there now stays: looking through it again makes the robot late
            ready(relay.url)
            _live(nao, wire.inbox, faults, journal, lambda: bool(stopping))
        finally:
            camera.close()
            relay.close()
            wire.close()
    finally:
        nao.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def _services(nao: VirtualNao, faults: Faults, camera: Camera) -> list[Service]:
    motion, speaker = WholeMotion(nao), Loudspeaker(nao)
    return [
        motion,
        ALRobotPosture(nao),
        ALMemory(nao),
        ALAutonomousLife(nao, motion),
        ALAudioPlayer(nao, speaker),
        ALAudioDevice(nao),
        ALTextToSpeech(nao),
        ALBodyTemperature(nao),
        ALBattery(nao),
        ALLeds(nao),
        ALSystem(nao),
        ALVideoDevice(nao, camera),
        ALVideoRecorder(nao, camera, speaker),
        RobodanceFaults(nao, faults),
    ]


def _live(
    nao: VirtualNao,
    inbox: Inbox,
    faults: Faults,
    journal: RobodanceJournal,
    stopping: Callable[[], bool],
) -> None:
    """Step the physics in real time; between two steps answer calls."""
    period_s = nao.world.period_s
    due = time.monotonic()
    while not stopping():
        if faults.frozen_until is not None:
            time.sleep(0.02)
            faults.thaw()
            due = time.monotonic()
            continue
        nao.step()
        due += period_s
        late = time.monotonic() - due
        journal.latest_s = max(journal.latest_s, late)
        if late > CATCH_UP_S:
            journal.slipped_s += late
            due += late
        _answer(inbox, due)


def _answer(inbox: Inbox, until: float) -> None:
    """Perform the calls that come in until a moment; when it is late, some that wait."""
    late = 0
    while late < MOST_CALLS_LATE:
        left = until - time.monotonic()
        late += left <= 0.0
        try:
            call = inbox.get(timeout=left) if left > 0.0 else inbox.get_nowait()
        except queue.Empty:
            return
        call()
