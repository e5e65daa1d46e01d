"""Optical motion capture in the C3D format (https://www.c3d.org), read with ezc3d."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from robodance.errors import DataError, MissingDependency
from robodance.motion_files.points import NamedPoints

__all__ = ["read_c3d"]

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
    try:
        content = ezc3d.c3d(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path}: not a C3D file that can be read ({error})") from error
    points = np.asarray(content["data"]["points"][:3], dtype=np.float64)  # (3, M, T)
    parameters = content["parameters"]["POINT"]
    labels = tuple(str(label).split(":")[-1].strip() for label in parameters["LABELS"]["value"])
    if points.size == 0 or points.shape[1] == 0 or len(labels) < points.shape[1]:
        raise DataError(f"{path}: holds no labelled points")
    unit = str(parameters["UNITS"]["value"][0]).strip().lower()
    if unit not in METRES_PER_UNIT:
        raise DataError(f"{path}: unknown unit {unit!r}; expected mm, cm or m")
    positions = np.moveaxis(points, 0, 2).transpose(1, 0, 2) * METRES_PER_UNIT[unit]
    residuals = np.asarray(content["data"]["meta_points"]["residuals"])[0].T  # (T, M)
    lost = (positions == 0.0).all(axis=2) | (residuals < 0.0) | ~np.isfinite(positions).all(axis=2)
    return NamedPoints(
        labels=labels[: points.shape[1]],
        points=np.where(lost[..., None], np.nan, positions),
        frame_rate_hz=float(parameters["RATE"]["value"][0]),
        metres_per_unit=1.0,
    )
