"""Faults on demand: what goes wrong with the virtual NAO, and how."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

from robodance.virtual_nao.deferred import NaoqiError
from robodance.virtual_nao.nao import VirtualNao
from robodance.virtual_nao.relay import Relay
from robodance.virtual_nao.settings import FAULT_KINDS, Fault
from robodance.virtual_nao.wire import Wire

__all__ = ["Faults"]

log = logging.getLogger(__name__)

CRASHED = 70  # the exit code of a crash on demand
ANSWER_S = 0.03  # until what loses the connection happens: the answer to who asked goes out first
TOUCH_S = 0.3
TOUCH_EVENTS = {
    "chest": "ChestButtonPressed",
    "head_front": "FrontTactilTouched",
    "head_middle": "MiddleTactilTouched",
    "head_rear": "RearTactilTouched",
    "left_bumper": "LeftBumperPressed",
    "right_bumper": "RightBumperPressed",
}


class Faults:
    """Makes things go wrong.

    Attributes:
        frozen_until: Wall time (monotonic) until which nothing moves; None: it moves.
        happened: Robot time and fault, in order.
    """

    def __init__(self, nao: VirtualNao, wire: Wire, relay: Relay) -> None:
        self._nao = nao
        self._wire = wire
        self._relay = relay
        self.frozen_until: float | None = None
        self.happened: list[tuple[float, str, str]] = []
        for event in TOUCH_EVENTS.values():
            nao.memory.insert(event, 0.0)
        for fault in nao.settings.faults:
            self.later(fault)

    def later(self, fault: Fault) -> None:
        """Let a fault happen ``at_s`` from now; one that makes no sense is only spoken of."""

        def happen() -> None:
            try:
                self.happen(fault)
            except NaoqiError as error:
                log.warning("fault %s: %s", fault.kind, error)

        self._nao.later(fault.at_s, happen)

    def happen(self, fault: Fault) -> None:
        """Let a fault happen now.

        Raises:
            NaoqiError: There is no such fault, or its argument makes no sense.
        """
        kinds: dict[str, Callable[[str], None]] = {
            kind: getattr(self, f"_{kind}") for kind in FAULT_KINDS
        }
        if fault.kind not in kinds:
            raise NaoqiError(f"unknown fault {fault.kind!r}; one of {', '.join(kinds)}")
        try:
            kinds[fault.kind](fault.argument)
        except (ValueError, KeyError, IndexError) as error:
            raise NaoqiError(f"{fault.argument!r}: expected {FAULT_KINDS[fault.kind]}") from error
        self.happened.append((self._nao.time_s, fault.kind, fault.argument))

    def mend(self) -> None:
        """Make everything right again that can be: network, battery, charger, heat, refusals."""
        self._relay.change(delay_s=0.0, jitter_s=0.0, loss=0.0, silent=False, refusing=False)
        self._wire.refusals.clear()
        self._nao.battery = 0.9
        self._nao.charging = False
        self._nao.heat.temperatures_c[:] = self._nao.heat.ROOM_C + 8.0

    def thaw(self) -> None:
        """End a freeze whose time is over."""
        if self.frozen_until is not None and time.monotonic() >= self.frozen_until:
            self.frozen_until = None
            self._relay.change(silent=False)

    def _freeze(self, argument: str) -> None:
        duration = float(argument or "inf")

        def freeze() -> None:
            self.frozen_until = time.monotonic() + duration
            self._relay.change(silent=True)

        self._nao.later(ANSWER_S, freeze)

    def _crash(self, argument: str) -> None:
        self._nao.later(ANSWER_S, lambda: os._exit(CRASHED))

    def _drop(self, argument: str) -> None:
        duration = float(argument or 1.0)

        def drop() -> None:
            self._relay.change(refusing=True)
            self._relay.cut()

        self._nao.later(ANSWER_S, drop)
        self._nao.later(ANSWER_S + duration, lambda: self._relay.change(refusing=False))

    def _silence(self, argument: str) -> None:
        duration = float(argument or "inf")
        self._nao.later(ANSWER_S, lambda: self._relay.change(silent=True))
        if duration < float("inf"):
            self._nao.later(ANSWER_S + duration, lambda: self._relay.change(silent=False))

    def _slow(self, argument: str) -> None:
        parts = [float(part) for part in (argument or "100/20/0").split("/")]
        delay, jitter, loss = (*parts, 0.0, 0.0)[:3]
        self._relay.change(delay_s=delay / 1000, jitter_s=jitter / 1000, loss=loss / 100)

    def _hot(self, argument: str) -> None:
        joint, _, celsius = (argument or "LShoulderPitch/86").partition("/")
        if joint not in self._nao.robot.joint_names:
            raise ValueError(joint)
        heat = self._nao.heat
        heat.temperatures_c = heat.temperatures_c.copy()
        heat.temperatures_c[self._nao.joints.motor(joint)] = float(celsius or 86.0)

    def _battery(self, argument: str) -> None:
        self._nao.battery = min(1.0, max(0.0, float(argument or 5.0) / 100.0))

    def _charger(self, argument: str) -> None:
        self._nao.charging = bool(int(argument or 1))

    def _push(self, argument: str) -> None:
        self._nao.push(float(argument or 60.0))

    def _lift(self, argument: str) -> None:
        self._nao.lift(float(argument or 5.0))

    def _touch(self, argument: str) -> None:
        name = argument or "chest"
        event = TOUCH_EVENTS[name]
        nao = self._nao

        def let_go() -> None:
            nao.touched.discard(name)
            nao.memory.raise_event(event, 0.0)
            if name == "chest":
                nao.memory.raise_event("ALChestButton/SimpleClickOccurred", 1)

        nao.touched.add(name)
        nao.memory.raise_event(event, 1.0)
        nao.memory.raise_event("TouchChanged", [[name, True, []]])
        nao.later(TOUCH_S, let_go)

    def _refuse(self, argument: str) -> None:
        call, _, times = (argument or "ALMotion.wakeUp/1").partition("/")
        if "." not in call:
            raise ValueError(call)
        self._wire.refusals[call] = int(times or 1)
