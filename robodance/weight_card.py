"""Cards of weight files: what JSON beside a file of numbers says of it, held against the file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robodance.errors import DataError
from robodance.output import write_atomically, write_json

__all__ = ["card_path", "read_with_card", "write_with_card"]


def card_path(weights: Path) -> Path:
    """Return where the card of a weight file lies."""
    return weights.with_suffix(".json")


def read_with_card(path: Path, version: int) -> tuple[bytes, dict[str, Any]]:
    """Read a weight file and its card, which belong together.

    Args:
        path: The weight file.
        version: Of the format that can be read.

    Raises:
        DataError: One of them is missing, damaged or of another format, or the card
            describes another file.
    """
    card = _read_card(card_path(path), version)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a weight file") from error
    if hashlib.sha256(content).hexdigest() != card.get("sha256"):
        raise DataError(
            f"{path}: is not the file its card describes (SHA-256 differs); fetch both again"
        )
    return content, card


def write_with_card(path: Path, content: bytes, version: int, card: Mapping[str, Any]) -> None:
    """Write a weight file and its card; each appears whole or not at all.

    Args:
        path: The weight file.
        content: Of it.
        version: Of its format.
        card: Everything else the card says; format and SHA-256 are added.

    Raises:
        OutputError: They cannot be written.
    """
    with write_atomically(path) as file:
        file.write(content)
    full = {"format_version": version, **card, "sha256": hashlib.sha256(content).hexdigest()}
    write_json(full, card_path(path))


def _read_card(path: Path, version: int) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"{path}: the card of the weights cannot be read ({error.strerror}); it must lie "
            "beside the weight file"
        ) from error
    except ValueError as error:
        raise DataError(f"{path}: not a card (no valid JSON); fetch it again") from error
    found = card.get("format_version") if isinstance(card, dict) else None
    if found != version:
        raise DataError(
            f"{path}: format {found!r}; this version reads {version}; train again, or "
            "install the version that wrote it"
        )
    return dict(card)
