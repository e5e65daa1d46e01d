"""The command ``robodance virtual-nao``."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from robodance.errors import UsageError
from robodance.virtual_nao.settings import FAULT_KINDS, VERSIONS, VirtualNaoSettings, read_fault

__all__ = ["add_virtual_nao"]

PASSWORD = "ROBODANCE_ROBOT_PASSWORD"  # the one that a client reads, too


def add_virtual_nao(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the command line."""
    faults = "\n".join(f"  {kind:<8} {meaning}" for kind, meaning in FAULT_KINDS.items())
    default = VirtualNaoSettings()
    nao = commands.add_parser(
        "virtual-nao",
        parents=[common],
        help="a NAO that speaks NAOqi, simulated: for scripts and tests without a robot",
        description="Host NAOqi services with a simulated NAO for a body, until Ctrl-C.",
        epilog=f"faults (KIND@SECONDS[:ARG]):\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    nao.add_argument("--host", default=default.host, help=f"address (default: {default.host})")
    nao.add_argument(
        "--port", type=int, default=default.port, help=f"0: a free one (default: {default.port})"
    )
    nao.add_argument("--gui", action="store_true", help="show it in a window")
    nao.add_argument(
        "--version", choices=tuple(VERSIONS), default=default.version, help="NAOqi to imitate"
    )
    nao.add_argument("--robot-model", metavar="NAME", help="its body (default: by version)")
    nao.add_argument(
        "--audio-latency",
        type=float,
        default=default.audio_latency_s,
        metavar="S",
        help=f"from play to the first sample (default: {default.audio_latency_s})",
    )
    nao.add_argument(
        "--audio-ppm",
        type=float,
        default=default.audio_ppm,
        metavar="PPM",
        help="by how much its sound card is too fast (default: 0)",
    )
    nao.add_argument(
        "--user", default=default.user, metavar="NAME", help=f"its user (default: {default.user})"
    )
    nao.add_argument("--home", metavar="DIR", help="folder that stands for /home/USER")
    nao.add_argument(
        "--login",
        action="store_true",
        help=f"let only its user in, with the password in {PASSWORD}",
    )
    nao.add_argument(
        "--tls", action="store_true", help="listen on tcps, with a certificate made for the day"
    )
    nao.add_argument(
        "--posture",
        default=default.posture,
        choices=("Crouch", "Stand", "StandInit", "StandZero"),
        help=f"how it is found, motors off (default: {default.posture})",
    )
    nao.add_argument(
        "--life",
        default=default.life,
        choices=("solitary", "interactive", "safeguard", "disabled"),
        help=f"state of Autonomous Life (default: {default.life})",
    )
    nao.add_argument(
        "--fault", action="append", default=[], metavar="KIND@S[:ARG]", help="see below"
    )
    nao.set_defaults(run=_virtual_nao)


def _virtual_nao(options: argparse.Namespace) -> None:
    settings = VirtualNaoSettings(
        host=options.host,
        port=options.port,
        version=options.version,
        robot=options.robot_model,
        gui=options.gui,
        audio_latency_s=options.audio_latency,
        audio_ppm=options.audio_ppm,
        user=options.user,
        password=_password() if options.login else None,
        tls=options.tls,
        home=Path(options.home).resolve() if options.home else None,
        posture=options.posture,
        life=options.life,
        faults=tuple(read_fault(text) for text in options.fault),
    )
    from robodance.virtual_nao.server import serve

    def ready(url: str) -> None:
        if options.json:
            print(json.dumps({"url": url, "pid": os.getpid()}), flush=True)
        else:
            print(f"virtual NAO, NAOqi {settings.version}, listening on {url}", flush=True)

    serve(settings, ready)


def _password() -> str:
    password = os.environ.get(PASSWORD)
    if not password:
        raise UsageError(f"--login: put the password into the environment as {PASSWORD}")
    return password
