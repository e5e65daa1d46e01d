"""Reading what options say."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from robodance.errors import UsageError

__all__ = ["factor", "film_size", "first", "moment", "pairs"]


def pairs(texts: Sequence[str]) -> dict[str, Any]:
    """Read KEY=VALUE settings; values are YAML."""
    import yaml

    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {text!r}: expected KEY=VALUE, such as motion.lead_in_s=3")
        try:
            pairs[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {text!r}: the value is not valid YAML") from error
    return pairs


def moment(text: str) -> float:
    """Read a moment of a song: seconds, or minutes:seconds."""
    minutes, colon, seconds = text.rpartition(":")
    try:
        moment = (60.0 * int(minutes) if colon else 0.0) + float(seconds)
    except ValueError:
        moment = -1.0
    if not 0.0 <= moment < 1e6:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a moment; give seconds or minutes:seconds"
        )
    return moment


def factor(text: str) -> float | str:
    """Read a slow-motion factor: a number, or auto."""
    try:
        return text if text == "auto" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor auto") from None


def film_size(text: str) -> tuple[int, int, int | None]:
    """Read 720p or 1080p60: width, height, and pictures a second, if they are given."""
    height, p, rate = text.partition("p")
    try:
        rows, hz = int(height), int(rate) if rate else None
    except ValueError:
        rows, hz = 0, None
    if not p or rows % 2 or not 90 <= rows <= 4320:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; give 720p, 1080p60, ...")
    return round(rows * 16 / 9 / 2) * 2, rows, hz


def first(*values: Any) -> Any:
    """Return the first value that is not None, if any."""
    return next((value for value in values if value is not None), None)
