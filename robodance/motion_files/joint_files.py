"""Any file of a robot's joint motion in: whose it is, by its ending and content."""

from __future__ import annotations

import zipfile
from pathlib import Path

from robodance.errors import DataError
from robodance.motion_files.choregraphe import read_choregraphe
from robodance.motion_files.joint_keys import JointKeys
from robodance.motion_files.joint_tables import (
    is_joint_json,
    read_csv,
    read_joint_json,
    read_plan_joints,
)
from robodance.motion_files.rosbag import is_bag, read_rosbag
from robodance.motion_files.timelines import read_timelines
from robodance.plan_file import DAMAGED_NPZ

__all__ = ["is_joint_file", "read_joint_file"]

ENDINGS = {".py", ".xar", ".qianim", ".csv"}


def is_joint_file(path: Path) -> bool:
    """Return whether a file holds motions of a robot's joints, and not of a dancer's body.

    Files that do not exist are judged by their names.
    """
    kind = path.suffix.lower()
    if kind in ENDINGS or is_bag(path):
        return True
    if not path.is_file():
        return False
    if kind == ".json":
        return is_joint_json(path)
    return kind == ".npz" and _is_plan(path)


def _is_plan(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as content:
            return "positions_rad.npy" in content.namelist()
    except DAMAGED_NPZ:
        return False  # whoever reads it will say what is wrong


def read_joint_file(
    path: Path | str, *, clip: str | None = None, frame_rate_hz: float | None = None
) -> JointKeys:
    """Read joint motions: Choregraphe's Python, ``.xar``, ``.qianim``, CSV, JSON, a plan, a bag.

    Nothing in the file is executed.

    Args:
        path: The file.
        clip: Which motion, where a file holds several: its name, or a number from 1.
        frame_rate_hz: Lines per second of a CSV that does not say.

    Raises:
        DataError: The file cannot be read.
        PlanError: A ``plan.npz`` that cannot be read.
        MissingDependency: rosbags is not installed, for a bag.
    """
    path = Path(path)
    if is_bag(path):
        return read_rosbag(path, clip)
    if path.is_dir():
        raise DataError(f"{path}: is a folder and no ROS 2 bag; give a motion file")
    if not path.is_file():
        raise DataError(f"{path}: no such file; give a motion file")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty (0 bytes); copy the file again")
    kind = path.suffix.lower()
    if kind in {".xar", ".qianim"}:
        return read_timelines(path, clip)
    if kind == ".py":
        return read_choregraphe(path, clip)
    if clip is not None:
        raise DataError(f"{path}: holds one motion; leave out --clip")
    if kind == ".csv":
        return read_csv(path, frame_rate_hz)
    return read_joint_json(path) if kind == ".json" else read_plan_joints(path)
