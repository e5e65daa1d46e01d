"""A look at a C3D file's parameters before ezc3d reads them, which loops for ever on damaged ones.

A file begins with a block of 512 bytes, whose first byte says at which block the parameters
are. There, after four bytes, come records: length of the name (negative: locked), number
of the group (negative: the record is the group itself), name, offset to the next record;
of a parameter then its type, its dimensions and its values; of both a description.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

from robodance.errors import DataError

__all__ = ["require_whole_parameters"]

BLOCK = 512
MARK = 0x50
BIG_ENDIAN = 86  # number of the processor
SIZES = {-1: 1, 1: 1, 2: 2, 4: 4}  # bytes of a value, by type
MOST_DIMENSIONS = 7
MOST_RECORDS = 65_536


def require_whole_parameters(path: Path) -> None:
    """Check that every parameter of a C3D file lies inside the file.

    Raises:
        DataError: One does not: the file is damaged, or none of C3D.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        if raw[1] != MARK:
            raise ValueError("it does not begin like one")
        _walk(raw, BLOCK * (raw[0] - 1))
    except (IndexError, ValueError) as error:
        raise DataError(f"{path}: not a C3D file, or a damaged one ({error})") from error


def _walk(raw: bytes, start: int) -> None:
    order: Literal["big", "little"] = "big" if raw[start + 3] == BIG_ENDIAN else "little"
    at = start + 4
    for _ in range(MOST_RECORDS):
        name, group = abs(_signed(raw, at)), _signed(raw, at + 1)
        if name == 0:
            return
        end = at + 2 + name  # of the name, where the offset to the next record lies
        offset = int.from_bytes(_part(raw, end, 2), order)
        inside = end + 2
        if group > 0:
            kind, count = _signed(raw, inside), raw[inside + 1]
            if kind not in SIZES or count > MOST_DIMENSIONS:
                raise ValueError(f"a parameter of type {kind} with {count} dimensions")
            values = math.prod(_part(raw, inside + 2, count))
            inside += 2 + count + values * SIZES[kind]
        _part(raw, inside, 1 + raw[inside])  # the description
        if offset == 0:
            return
        at = end + offset
    raise ValueError("its parameters have no end")


def _signed(raw: bytes, at: int) -> int:
    return int.from_bytes(_part(raw, at, 1), "little", signed=True)


def _part(raw: bytes, at: int, length: int) -> bytes:
    if at + length > len(raw):
        raise ValueError("a parameter reaches beyond the file's end")
    return raw[at : at + length]
