"""Dances as bare arrays: ``.npy``, ``.npz`` and the JSON of the "Dance with Melody" data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robodance.errors import DataError
from robodance.motion_files.points import NamedPoints
from robodance.plan_file import DAMAGED_NPZ
from robodance.values import FloatArray

__all__ = ["POSITIONS", "RATES", "is_dance", "load_arrays", "points_from_arrays", "read_mdms"]

MDMS_RATE_HZ = 25.0
MDMS_POINTS = 23
POSITIONS = ("joint_positions_m", "positions", "joints", "points", "markers", "skeletons")
RATES = ("frame_rate_hz", "fps", "rate_hz", "frame_rate")
NAMES = ("joint_names", "names", "labels")


def load_arrays(path: Path) -> dict[str, Any]:
    """Read the arrays of a ``.npz`` file, or the one of a ``.npy`` file as ``positions``.

    Raises:
        DataError: The file is neither, is damaged, or holds pickled objects.
    """
    try:
        with path.open("rb") as raw:
            content = np.load(raw, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return {"positions": content}
            return {name: content[name] for name in content.files}
    except DAMAGED_NPZ as error:
        raise DataError(
            f"{path}: not an array file, or a damaged one, or one with pickled objects "
            "(save plain numbers with numpy.save or numpy.savez)"
        ) from error


def is_dance(arrays: Mapping[str, Any]) -> bool:
    """Return whether arrays are those of a ``dance.npz``."""
    return "format_version" in arrays and "poses" in arrays


def points_from_arrays(
    path: Path,
    arrays: Mapping[str, Any],
    names: tuple[str, ...],
    rate_hz: float | None,
    *,
    fewest: int = 0,
) -> NamedPoints:
    """Make named points of the arrays in a file.

    Args:
        path: Named in errors.
        arrays: Positions (T, M, 3) under one of ``POSITIONS``, or ``body_pos_w`` with
            ``body_quat_w`` (T, M, 4; w first); optionally a rate, names, and ``center``
            (T, 3), which is added.
        names: What the M points are, where the file does not say.
        rate_hz: Frames per second, where a person says.
        fewest: So many of ``names``, from the first, will do; 0: all are needed.

    Raises:
        DataError: No positions, wrong shapes, or no frame rate.
    """
    key = next((key for key in ("body_pos_w", *POSITIONS) if key in arrays), None)
    if key is None:
        raise DataError(
            f"{path}: holds no positions; expected an array (T, joints, 3) named one of "
            f"{', '.join(POSITIONS)}, found {', '.join(arrays) or 'nothing'}"
        )
    points = _numbers(path, key, arrays[key])
    if points.ndim != 3 or points.shape[2] != 3 or not points.size:
        raise DataError(f"{path}: {key} has shape {points.shape}; expected (T, joints, 3)")
    if "center" in arrays:
        centre = _numbers(path, "center", arrays["center"])
        if centre.shape != (len(points), 3):
            raise DataError(f"{path}: center has shape {centre.shape}; expected (T, 3)")
        points = points + centre[:, None]
    if rate_hz is None:
        stated = next((arrays[name] for name in RATES if name in arrays), None)
        if stated is None:
            raise DataError(f"{path}: does not say how many frames a second; give --fps")
        rate_hz = float(_numbers(path, "frame rate", stated).ravel()[0])
    own = next((arrays[name] for name in NAMES if name in arrays), None)
    labels = names if own is None else tuple(str(name) for name in np.ravel(own))
    if len(labels) > points.shape[1] >= fewest > 0:
        labels = labels[: points.shape[1]]
    if len(labels) != points.shape[1]:
        raise DataError(
            f"{path}: {points.shape[1]} points a frame but {len(labels)} names; give --skeleton "
            "with the names of the points in their order"
        )
    turns = None
    if key == "body_pos_w" and "body_quat_w" in arrays:
        turns = _numbers(path, "body_quat_w", arrays["body_quat_w"])
        if turns.shape != (*points.shape[:2], 4):
            raise DataError(f"{path}: body_quat_w has shape {turns.shape}")
        turns = turns / np.maximum(np.linalg.norm(turns, axis=2, keepdims=True), 1e-12)
    return NamedPoints(labels, points, rate_hz, turns=turns)


def read_mdms(path: Path, names: tuple[str, ...], rate_hz: float | None = None) -> NamedPoints:
    """Read a ``skeletons.json``: 23 points at 25 frames a second, centimetres, y up.

    Raises:
        DataError: The file is missing or malformed.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        centre = np.asarray(content["center"], dtype=np.float64)
        points = np.asarray(content["skeletons"], dtype=np.float64)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not a dance of the set ({error!r})") from error
    if points.ndim != 3 or points.shape[1:] != (MDMS_POINTS, 3) or centre.shape != (len(points), 3):
        raise DataError(
            f"{path}: expected skeletons (T, 23, 3) and center (T, 3), found {points.shape} and "
            f"{centre.shape}"
        )
    world = points + centre[:, None]
    return NamedPoints(names, world, rate_hz or MDMS_RATE_HZ, metres_per_unit=0.01, up="y")


def _numbers(path: Path, name: str, array: Any) -> FloatArray:
    try:
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: {name} does not hold numbers") from error
