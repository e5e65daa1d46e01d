"""Dances as SMPL's turns: AIST++ and EDGE pickles, AMASS arrays, made into points.

SMPL (Loper et al. 2015) turns 24 joints, each by an axis-angle against its parent. How long
a body's bones are is in model files with a licence of their own; only directions are danced
after, so one plain body will do: offsets in a resting T pose, rounded to a centimetre, of
the mean figure that EDGE (Tseng et al. 2023) publishes with its code. Up is y at rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robodance.errors import DataError
from robodance.motion_files.plain_pickle import read_plain_pickle
from robodance.motion_files.points import NamedPoints, multiply, turned
from robodance.values import FloatArray

__all__ = ["is_smpl", "read_smpl", "smpl_points"]

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
OFFSETS_M = np.array([
    *[[0.0, 0.0, 0.0], [0.07, -0.09, -0.01], [-0.07, -0.09, -0.01], [0.0, 0.11, -0.03]],
    *[[0.03, -0.38, 0.0], [-0.03, -0.38, 0.0], [0.0, 0.14, 0.0]],
    *[[-0.01, -0.40, -0.04], [0.01, -0.40, -0.04], [0.0, 0.05, 0.03]],
    *[[0.03, -0.06, 0.12], [-0.03, -0.06, 0.12], [0.0, 0.21, -0.04]],
    *[[0.08, 0.12, -0.03], [-0.08, 0.12, -0.03], [0.0, 0.07, 0.05]],
    *[[0.09, 0.03, -0.01], [-0.09, 0.03, -0.01], [0.26, -0.01, -0.03], [-0.26, -0.01, -0.03]],
    *[[0.25, 0.01, 0.0], [-0.25, 0.01, 0.0], [0.08, -0.01, -0.01], [-0.08, -0.01, -0.01]],
])
JOINTS = len(PARENTS)
BODY_JOINTS = 22  # without hands; SMPL-H and SMPL-X agree so far
TURNS = ("smpl_poses", "poses", "pose", "q")
PLACES = ("smpl_trans", "trans", "transl", "pos")
RATES = ("fps", "mocap_framerate", "mocap_frame_rate", "frame_rate_hz", "frame_rate")
AIST_HZ = 60.0  # the rate of all motions of AIST++ (Li et al. 2021)
EDGE_HZ = 30.0  # of all that EDGE makes
LARGEST_TURN = 100.0  # radians; more is no turn


def is_smpl(arrays: Mapping[str, Any]) -> bool:
    """Return whether named arrays are turns of SMPL's joints, as AMASS and AIST++ store them."""
    if "smpl_poses" in arrays:
        return True
    shape = np.shape(arrays.get("poses", 0.0))
    return "trans" in arrays and len(shape) == 2 and shape[1] >= 3 * BODY_JOINTS


def read_smpl(path: Path, names: tuple[str, ...], frame_rate_hz: float | None) -> NamedPoints:
    """Read a pickle of AIST++, EDGE or others that store SMPL's turns, without executing it.

    Args:
        path: The file.
        names: What SMPL's 24 joints are called.
        frame_rate_hz: Frames per second, where the file does not say or is wrong.

    Raises:
        DataError: The file holds anything but data, or no motion of SMPL.
    """
    content = read_plain_pickle(path)
    if not isinstance(content, Mapping):
        raise DataError(f"{path}: holds a {type(content).__name__}; expected named arrays")
    return smpl_points(path, content, names, frame_rate_hz)


def smpl_points(
    path: Path, content: Mapping[Any, Any], names: tuple[str, ...], frame_rate_hz: float | None
) -> NamedPoints:
    """Return the joints of a body that turns as named arrays say.

    Args:
        path: Named in errors.
        content: ``smpl_poses`` or ``poses`` (T, 66 or more), axis-angles; optionally places
            (T, 3) and a rate; or ``full_pose`` (T, 24, 3), the joints themselves.
        names: What SMPL's 24 joints are called.
        frame_rate_hz: Frames per second, where a person says.

    Raises:
        DataError: The arrays are missing, of other shapes, or hold what are no turns.
    """
    rate, remarks = _rate(path, content, frame_rate_hz)
    ready = _array(path, content, ("full_pose",))
    if ready is not None and ready.ndim == 3 and ready.shape[1:] == (JOINTS, 3):
        return NamedPoints(names[:JOINTS], ready, rate, metres_per_unit=1.0, remarks=remarks)
    turns = _array(path, content, TURNS)
    if turns is None:
        found = ", ".join(str(key) for key in list(content)[:12]) or "nothing"
        raise DataError(f"{path}: holds no SMPL motion (smpl_poses or poses); found {found}")
    if turns.ndim == 3 and turns.shape[2] == 3:
        turns = turns.reshape(len(turns), -1)
    if turns.ndim != 2 or turns.shape[1] < 3 * BODY_JOINTS or turns.shape[1] % 3:
        raise DataError(f"{path}: its turns have shape {turns.shape}; expected (T, 72)")
    count = JOINTS if turns.shape[1] == 3 * JOINTS else BODY_JOINTS
    turns = turns[:, : 3 * count].reshape(len(turns), count, 3)
    if not np.isfinite(turns).all() or np.abs(turns).max(initial=0.0) > LARGEST_TURN:
        raise DataError(f"{path}: its turns hold NaN, or numbers that are no angles in radians")
    places = _array(path, content, PLACES)
    root = np.zeros((len(turns), 3)) if places is None else places
    if root.shape != (len(turns), 3):
        raise DataError(f"{path}: its places have shape {root.shape}; expected {(len(turns), 3)}")
    scale = _array(path, content, ("smpl_scaling",))
    if scale is not None and scale.size == 1 and np.isfinite(scale).all() and scale.item() > 0.0:
        root = root / scale.item()
    points = _body(turns) + root[:, None]
    return NamedPoints(names[:count], points, rate, metres_per_unit=1.0, remarks=remarks)


def _body(turns: FloatArray) -> FloatArray:
    """Return the joints (T, n, 3) of a body whose joints turn by axis-angles (T, n, 3)."""
    own = _quaternions(turns)
    points, world = np.zeros(turns.shape), np.empty((*turns.shape[:2], 4))
    world[:, 0] = own[:, 0]
    for k in range(1, turns.shape[1]):
        parent = PARENTS[k]
        offset = np.broadcast_to(OFFSETS_M[k], (len(turns), 3))
        points[:, k] = points[:, parent] + turned(world[:, parent], offset)
        world[:, k] = multiply(world[:, parent], own[:, k])
    return points


def _quaternions(turns: FloatArray) -> FloatArray:
    """Return quaternions w x y z (..., 4) of axis-angles (..., 3)."""
    angle = np.linalg.norm(turns, axis=-1, keepdims=True)
    half = 0.5 * np.sinc(angle / (2.0 * np.pi))  # sin(angle / 2) / angle, 1/2 at 0
    return np.concatenate([np.cos(angle / 2.0), half * turns], axis=-1)


def _rate(
    path: Path, content: Mapping[Any, Any], stated_hz: float | None
) -> tuple[float, tuple[str, ...]]:
    if stated_hz is not None:
        return stated_hz, ()
    rate = _array(path, content, RATES)
    if rate is not None and rate.size == 1:
        return float(rate.item()), ()
    if "smpl_scaling" in content:
        return AIST_HZ, (f"taken as AIST++, {AIST_HZ:g} frames a second; --fps says otherwise",)
    if "full_pose" in content:
        return EDGE_HZ, (f"taken as EDGE's, {EDGE_HZ:g} frames a second; --fps says otherwise",)
    raise DataError(f"{path}: does not say how many frames a second; give --fps")


def _array(path: Path, content: Mapping[Any, Any], keys: tuple[str, ...]) -> FloatArray | None:
    """Return the first of some named arrays as numbers; None: none of them is there."""
    for name in keys:
        found = content.get(name, content.get(name.encode()))
        if found is None:
            continue
        if isinstance(found, (int, float)):
            return np.array(float(found))
        if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiu":
            raise DataError(f"{path}: {name} is no array of numbers")
        return found.astype(np.float64)
    return None
