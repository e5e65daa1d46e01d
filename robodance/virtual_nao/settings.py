"""What a virtual NAO can be told before it starts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from robodance.errors import UsageError

__all__ = ["FAULT_KINDS", "VERSIONS", "Fault", "Version", "VirtualNaoSettings", "read_fault"]


@dataclass(frozen=True)
class Version:
    """What differs between the NAOqi versions that are imitated.

    Attributes:
        full: What ALSystem says.
        robot: The body that ran it.
        cycle_ms: Motion cycle. 2.8: every second 12 ms exchange with the motors.
        memory_rate_hz: How often hardware keys refresh; None: on every motion cycle.
        rests_when_disabled: Whether disabling Autonomous Life makes the robot rest.
    """

    full: str
    robot: str
    cycle_ms: int
    memory_rate_hz: float | None
    rests_when_disabled: bool


VERSIONS = {
    "2.8": Version("2.8.7.4", "nao_v6", 24, 2.0, True),
    "2.5": Version("2.5.10.7", "nao_v5", 20, None, True),
    "2.1": Version("2.1.4.13", "nao_v5", 20, None, True),
}

FAULT_KINDS = {
    "freeze": "nothing answers and nothing moves, for ARG seconds (default: for ever)",
    "crash": "the process dies at once",
    "drop": "connections break, new ones are refused for ARG seconds (default: 1)",
    "silence": "the network carries nothing, for ARG seconds (default: for ever)",
    "slow": "network: ARG = delay_ms/jitter_ms/loss_percent (default: 100/20/0)",
    "hot": "a joint is hot: ARG = JOINT/CELSIUS (default: LShoulderPitch/86)",
    "battery": "the charge is ARG percent (default: 5)",
    "charger": "the charger is plugged in (ARG 1, default) or out (0)",
    "push": "a push at the chest, ARG newtons for 0.25 s, forward (default: 60: a fall)",
    "lift": "the feet leave the ground for ARG seconds (default: 5)",
    "touch": "ARG is touched: chest, head_front, head_middle, head_rear, left_bumper, right_bumper",
    "refuse": "calls of ARG = SERVICE.METHOD/TIMES are refused (default: ALMotion.wakeUp/1)",
}


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        kind: One of ``FAULT_KINDS``.
        at_s: When, in robot time.
        argument: Its argument; empty for the default.
    """

    kind: str
    at_s: float
    argument: str = ""


@dataclass(frozen=True)
class VirtualNaoSettings:
    """How a virtual NAO is.

    Attributes:
        host: Address to listen on.
        port: Port; 0 takes a free one.
        version: One of ``VERSIONS``.
        robot: Name of its body; None: that of its version.
        gui: Whether PyBullet shows it in a window.
        audio_latency_s: From the order to play to the first sample that sounds.
        audio_ppm: By how much its sound card runs too fast, parts per million.
        user: Whose home it has, and who logs in.
        password: What has to be said with the name; None: everyone is let in.
        tls: Whether the wire is encrypted (``tcps``), by a certificate of its own.
        home: Folder that stands for the user's on the robot (/home/nao); None: paths are taken
            as they are.
        posture: Posture it wakes up in; it sits there without stiffness.
        life: State of Autonomous Life at the start.
        faults: What goes wrong, and when.
    """

    host: str = "127.0.0.1"
    port: int = 9559
    version: str = "2.8"
    robot: str | None = None
    gui: bool = False
    audio_latency_s: float = 0.12
    audio_ppm: float = 0.0
    user: str = "nao"
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    home: Path | None = None
    posture: str = "Crouch"
    life: str = "solitary"
    faults: tuple[Fault, ...] = ()


def read_fault(text: str) -> Fault:
    """Read ``KIND@SECONDS[:ARG]``.

    Raises:
        UsageError: It is not one.
    """
    match = re.fullmatch(r"([a-z]+)@([0-9.]+)(?::(.*))?", text)
    if match is None or match[1] not in FAULT_KINDS or match[2].count(".") > 1:
        raise UsageError(
            f"--fault {text!r}: expected KIND@SECONDS[:ARG], KIND one of {', '.join(FAULT_KINDS)}"
        )
    return Fault(match[1], float(match[2]), match[3] or "")
