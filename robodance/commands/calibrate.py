"""The command ``robodance calibrate``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from robodance.commands.options import pairs
from robodance.errors import UsageError

if TYPE_CHECKING:
    from robodance.performance.backends.naoqi_latency import Latency

__all__ = ["add_calibrate"]


def add_calibrate(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the command line."""
    calibrate = commands.add_parser(
        "calibrate",
        parents=[common],
        help="measure a robot: latency",
        description="Measure how late a robot's answers, its speaker and its joints are. Nothing "
        "moves and nothing is heard.",
    )
    calibrate.add_argument("what", choices=("latency",), help="what to measure")
    calibrate.add_argument("--robot", metavar="HOST[:PORT]", help="the robot")
    calibrate.add_argument(
        "--seconds", type=float, default=20.0, help="how long its sound's clock is watched (20)"
    )
    calibrate.add_argument("--tries", type=int, default=5, help="how often it is started (5)")
    calibrate.add_argument("--config", metavar="FILE", help="YAML settings (see configs/)")
    calibrate.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any setting"
    )
    calibrate.set_defaults(run=_calibrate)


def _calibrate(options: argparse.Namespace) -> dict[str, Any]:
    from dataclasses import asdict

    from robodance.config import load_config
    from robodance.settings import override

    if not 2.0 <= options.seconds <= 300.0 or not 1 <= options.tries <= 50:
        raise UsageError("--seconds must lie in 2..300 and --tries in 1..50")
    said = {"naoqi.address": options.robot} if options.robot else {}
    config = override(load_config(options.config), {**said, **pairs(options.set)}).naoqi
    if config.address is None:
        raise UsageError("say which robot: --robot HOST")
    from robodance.performance.backends.naoqi_latency import measure_latency
    from robodance.performance.backends.naoqi_link import Link, address_of

    link = Link(address_of(config.address), config.call_timeout_s, config.user)
    try:
        link.connect()
        found = measure_latency(link, config, listen_s=options.seconds, tries=options.tries)
    finally:
        link.close()
    if not options.json:
        print("\n".join(_lines(found)))
    return asdict(found)


def _lines(found: Latency) -> list[str]:
    def ms(seconds: float) -> str:
        return f"{1000.0 * seconds:.1f} ms"

    lines = [
        f"Answers      {ms(found.round_trip_s)}, nineteen of twenty within "
        f"{ms(found.round_trip_p95_s)}",
        f"Joints       begin {ms(found.motion_s)} after the order, give or take "
        f"{ms(found.motion_spread_s / 2.0)} (motion cycle {ms(found.cycle_s)})",
    ]
    speaker = found.speaker
    if speaker is None:
        return [*lines, "Speaker      none: this robot has no audio player"]
    return [
        *lines,
        f"Speaker      its clock begins {ms(speaker.start_s)} after the order, give or take "
        f"{ms(speaker.start_spread_s / 2.0)}; it runs {speaker.fast_ppm:+.0f} millionths fast "
        f"(+-{speaker.fast_ppm_error:.0f})",
        "A dance takes all this into account by itself. What cannot be measured from here is how",
        "late a sound is heard after the clock says so: if the dance seems early, add that delay",
        "with --set naoqi.sound_delay_s=SECONDS.",
    ]
