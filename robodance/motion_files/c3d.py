"""Optical motion capture in the C3D format (https://www.c3d.org), read with ezc3d."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robodance.errors import DataError, MissingDependency
from robodance.motion_files.c3d_parameters import require_whole_parameters
from robodance.motion_files.points import NamedPoints

__all__ = ["read_c3d"]

_MIPS = b"\x56"  # processor type 86: the file's numbers are big-endian
_UNCOUNTED = 65535  # the header counts no further
METRES_PER_UNIT = {"mm": 1e-3, "cm": 1e-2, "m": 1.0}


def read_c3d(path: Path | str) -> NamedPoints:
    """Read the markers of a C3D file, in metres and without the subject's prefix.

    A point stored as exactly 0, 0, 0, or with a negative residual, counts as lost.

    Args:
        path: The file.

    Raises:
        DataError: The file is missing, not C3D, or holds no points.
        MissingDependency: ezc3d is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file; give a C3D recording")
    try:
        import ezc3d
    except ImportError as error:
        raise MissingDependency("reading C3D needs ezc3d: pip install ezc3d") from error
    require_whole_parameters(path)
    try:
        content = ezc3d.c3d(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path}: not a C3D file that can be read ({error})") from error
    points = np.asarray(content["data"]["points"][:3], dtype=np.float64)  # (3, M, T)
    parameters = content["parameters"]["POINT"]
    more = [key for key in parameters if key.startswith("LABELS")]  # LABELS2: from 256 on
    labels = tuple(
        str(label).split(":")[-1].strip()
        for key in sorted(more, key=lambda key: (len(key), key))
        for label in parameters[key]["value"]
    )
    if points.size == 0 or points.shape[1] == 0 or len(labels) < points.shape[1]:
        raise DataError(f"{path}: holds no labelled points")
    unit = _first(parameters, "UNITS", "mm").strip().lower()
    if unit not in METRES_PER_UNIT:
        raise DataError(f"{path}: unknown unit {unit!r}; expected mm, cm or m")
    rate = _first(parameters, "RATE", "0")
    positions = np.moveaxis(points, 0, 2).transpose(1, 0, 2) * METRES_PER_UNIT[unit]
    residuals = np.asarray(content["data"]["meta_points"]["residuals"])[0].T  # (T, M)
    lost = (positions == 0.0).all(axis=2) | (residuals < 0.0) | ~np.isfinite(positions).all(axis=2)
    return NamedPoints(
        labels=labels[: points.shape[1]],
        points=np.where(lost[..., None], np.nan, positions),
        frame_rate_hz=float(rate),
        metres_per_unit=1.0,
        remarks=_cut_off(path, points.shape[2]),
    )


def _cut_off(path: Path, found: int) -> tuple[str, ...]:
    """Say when a file ends before the frames that its own header counts (ezc3d does not)."""
    with path.open("rb") as file:
        start = file.read(512)
        file.seek(512 * (start[0] - 1))
        processor = file.read(4)[3:]
    order = ">" if processor == _MIPS else "<"
    first, last = struct.unpack_from(f"{order}HH", start, 6)
    promised = last - first + 1
    if last == _UNCOUNTED or found >= promised:
        return ()
    return (f"the file promises {promised} frames and ends after {found}",)


def _first(parameters: Mapping[str, Any], name: str, usual: str) -> str:
    """Return the first value of a parameter, or what is usual where the file leaves it out."""
    values = parameters[name]["value"] if name in parameters else []
    return str(values[0]) if len(values) else usual
