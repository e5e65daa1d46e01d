"""The command ``robodance doctor``."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add_doctor"]


def add_doctor(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the command line."""
    doctor = commands.add_parser(
        "doctor",
        parents=[common],
        help="what is installed, what is missing, and the line that mends it",
    )
    doctor.add_argument("--quick", action="store_true", help="look only, import nothing")
    doctor.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> dict[str, Any]:
    from robodance.doctor import examine

    findings = examine(quick=options.quick)
    if not options.json:
        for finding in findings:
            print(finding.line())
    missing = [finding.name for finding in findings if finding.needed and not finding.found]
    return {
        "findings": [finding.as_dict() for finding in findings],
        "missing": missing,
        "exit_code": 4 if missing else 0,
    }
