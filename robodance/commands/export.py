"""The command ``robodance export``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add_export"]

FORMATS = ("bvh", "csv", "json", "choregraphe", "qianim", "rosbag")


def add_export(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the command line."""
    export = commands.add_parser(
        "export",
        parents=[common],
        help="a plan in the files of other tools",
        description="Write a plan.npz as a file that other tools read.",
    )
    export.add_argument("plan", metavar="PLAN", help="a plan.npz, as perform leaves it behind")
    export.add_argument("--to", required=True, choices=FORMATS, help="whose file to write")
    export.add_argument(
        "-o",
        "--out",
        metavar="FILE",
        help="where to (rosbag: a new folder; default: beside the plan, under its name)",
    )
    export.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> dict[str, Any] | None:
    from robodance.exporting import export_plan

    written = export_plan(
        Path(options.plan), options.to, Path(options.out) if options.out else None
    )
    if not options.json:
        print(f"wrote {written}")
    return {"written": str(written), "format": options.to}
