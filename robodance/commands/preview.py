"""The command ``robodance preview``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

__all__ = ["add_preview"]


def add_preview(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the command line."""
    preview = commands.add_parser(
        "preview",
        parents=[common],
        help="a plan as one HTML page: robot, dancer, song",
        description="Make one HTML page of a plan, to be opened in any browser, offline: the "
        "robot in 3D beside the dancer it follows, with the song.",
    )
    preview.add_argument("plan", help="a plan.npz that robodance perform has written")
    preview.add_argument("--song", metavar="FILE", help="the song it was made for (no sound else)")
    preview.add_argument(
        "--dance",
        metavar="FILE",
        help="the dance.npz it was made from, to show what was lost (default: beside the plan)",
    )
    preview.add_argument("--robot-model", metavar="NAME", help="a robot of your own (a YAML file)")
    preview.add_argument(
        "-o", "--out", metavar="FILE", help="the page (default: preview.html beside the plan)"
    )
    preview.set_defaults(run=_preview)


def _preview(options: argparse.Namespace) -> dict[str, Any]:
    from robodance.pipeline import preview
    from robodance.progress import console_progress

    beside = Path(options.plan).with_name("dance.npz")
    result = preview(
        options.plan,
        song=options.song,
        dance=options.dance or (beside if beside.is_file() else None),
        robot=options.robot_model,
        out=options.out,
        progress=console_progress(),
    )
    if not options.json:
        for warning in result["warnings"]:
            print(f"Warning      {warning}", file=sys.stderr)
        print(f"Preview      {result['preview']} ({result['bytes'] / 1e6:.1f} MB)")
    return result
