"""Joint motions as tables: CSV, our JSON, and a ``plan.npz``.

A CSV has one line of names, then one line per moment. A column ``time_s`` (``time``, ``t``,
``time_ms``) says when; the others are named after joints, in radians, or in degrees where
they are called ``HeadYaw_deg`` or ``HeadYaw [deg]``. An empty cell is no key.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robodance.errors import DataError, RobodanceError
from robodance.motion_files.joint_keys import JointKeys, checked, from_trajectory, straight
from robodance.output import plain, write_atomically
from robodance.plan_file import read_plan
from robodance.values import JointTrajectory, Plan

__all__ = [
    "is_joint_json",
    "read_csv",
    "read_joint_json",
    "read_plan_joints",
    "write_csv",
    "write_json_joints",
]

TIMES = {"time", "times", "t", "timestamp", "stamp"}
COLUMN = re.compile(r"\s*([A-Za-z]\w*?)(?:[\s_]*[\[(]?\b(rad|deg|s|ms)[\])]?)?\s*", re.ASCII)
COLUMN_UNDERSCORED = re.compile(r"\s*([A-Za-z]\w*?)_(rad|deg|s|ms)\s*", re.ASCII)
UNITS = {"rad": 1.0, "deg": np.pi / 180.0, "s": 1.0, "ms": 1e-3}
LONGEST_JSON_BYTES = 512 * 2**20
JSON_FORMAT = "robodance joint trajectory"
JSON_VERSION = 1
DIGITS = 9


def read_csv(path: Path, frame_rate_hz: float | None = None) -> JointKeys:
    """Read a table of joint angles.

    Args:
        path: The file; separated by commas, semicolons or tabs.
        frame_rate_hz: Lines per second, where no column says the time.

    Raises:
        DataError: It is no such table, or its numbers make no sense.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a table of text ({error})") from error
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    rows = csv.reader(text.splitlines(), delimiter=separator)
    try:
        names = [_column(path, cell) for cell in next(rows, [])]
        table = [
            _row(path, number, row, len(names))
            for number, row in enumerate(rows, start=2)
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise DataError(f"{path}: not a table ({error})") from error
    joints = [name for name, _ in names if name.lower() not in TIMES]
    if not joints or not table:
        raise DataError(f"{path}: holds no joints; the first line names them, one per column")
    if len(set(joints)) != len(joints):
        raise DataError(f"{path}: names a joint twice")
    values = np.array(table)
    stated = [k for k, (name, _) in enumerate(names) if name.lower() in TIMES]
    if frame_rate_hz is not None:
        times = np.arange(len(values)) / frame_rate_hz
    elif stated:
        times = values[:, stated[0]] * names[stated[0]][1]
        times = times - times[0]
    else:
        raise DataError(
            f"{path}: has no column time_s, and nobody says how many lines a second; give --fps"
        )
    keys = {}
    for k, (name, scale) in enumerate(names):
        if k not in stated:
            there = np.isfinite(values[:, k])
            keys[name] = straight(times[there], values[there, k] * scale)
    return checked(path, JointKeys(path.name, keys))


def _column(path: Path, cell: str) -> tuple[str, float]:
    """Return the name of a column and how many of our units are in its own."""
    match = COLUMN_UNDERSCORED.fullmatch(cell) or COLUMN.fullmatch(cell)
    if match is None:
        raise DataError(
            f"{path}: line 1: {cell.strip()[:30]!r} is no name of a joint; a column is called "
            "time_s, HeadYaw, or HeadYaw_deg"
        )
    return match[1], UNITS[match[2] or "rad"]


def _row(path: Path, number: int, cells: list[str], columns: int) -> list[float]:
    if len(cells) != columns:
        raise DataError(f"{path}: line {number} has {len(cells)} columns and line 1 {columns}")
    values = []
    for cell in cells:
        try:
            value = float(cell) if cell.strip() else np.nan
        except ValueError:
            value = np.inf
        if cell.strip() and not np.isfinite(value):
            raise DataError(f"{path}: line {number}: {cell.strip()[:30]!r} is no number")
        values.append(value)
    return values


def write_csv(path: Path, motion: JointTrajectory) -> None:
    """Write a table: ``time_s``, then one column per joint, in radians (hands: fraction).

    Raises:
        OutputError: The file cannot be written.
    """
    table = np.column_stack([motion.times_s, motion.positions_rad])
    with write_atomically(path) as file:
        np.savetxt(
            file,
            table,
            fmt=f"%.{DIGITS}g",
            delimiter=",",
            header=",".join(["time_s", *motion.joint_names]),
            comments="",
        )


def is_joint_json(path: Path) -> bool:
    """Return whether a JSON file seems to hold joint angles (and not a dancer's points)."""
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        return False
    return b'"joint_names"' in start


def read_joint_json(path: Path) -> JointKeys:
    """Read joint angles as ``robodance export --to json`` writes them.

    Raises:
        DataError: It is no such file, or its numbers make no sense.
    """
    try:
        if path.stat().st_size > LONGEST_JSON_BYTES:
            raise DataError(f"{path}: is larger than {LONGEST_JSON_BYTES // 2**20} MiB")
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON, or a damaged file ({error})") from error
    wanted = ("joint_names", "times_s", "positions_rad")
    if not isinstance(content, Mapping) or not all(key in content for key in wanted):
        raise DataError(f"{path}: not joint angles; expected an object with {', '.join(wanted)}")
    if content.get("format_version", JSON_VERSION) != JSON_VERSION:
        raise DataError(
            f"{path}: format version {content['format_version']!r} is not the one this robodance "
            f"knows ({JSON_VERSION})"
        )
    try:
        motion = JointTrajectory(
            tuple(str(name) for name in content["joint_names"]),
            np.asarray(content["times_s"], dtype=np.float64),
            np.asarray(content["positions_rad"], dtype=np.float64),
        )
    except (RobodanceError, ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{path}: its arrays do not fit together ({error})") from error
    if not len(motion.times_s):
        raise DataError(f"{path}: holds no moment")
    return checked(path, from_trajectory(path.name, motion))


def write_json_joints(path: Path, plan: Plan) -> None:
    """Write a plan's joint angles with its beats and where they come from.

    Raises:
        OutputError: The file cannot be written.
    """
    content: dict[str, Any] = {
        "format": JSON_FORMAT,
        "format_version": JSON_VERSION,
        "joint_names": plan.joint_names,
        "music_start_s": plan.music_start_s,
        "beats_s": plan.beats_s,
        "beat_numbers": plan.beat_numbers,
        "metadata": plan.metadata,
        "times_s": plan.times_s,
        "music_times_s": plan.music_times_s,
        "positions_rad": np.round(plan.positions_rad, DIGITS),
    }
    text = json.dumps(plain(content), allow_nan=False, separators=(",", ":"))
    with write_atomically(path) as file:
        file.write(text.encode() + b"\n")


def read_plan_joints(path: Path) -> JointKeys:
    """Read the motion of a ``plan.npz``, to be danced again, perhaps to another song.

    Raises:
        PlanError: It is no plan, or cannot be read.
        DataError: Its numbers make no sense.
    """
    plan = read_plan(path)
    motion = JointTrajectory(plan.joint_names, plan.times_s, plan.positions_rad)
    return checked(path, from_trajectory(path.name, motion))
