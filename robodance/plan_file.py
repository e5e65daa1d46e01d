"""Read and write ``plan.npz``, ``dance.npz`` and ``log.npz``, the public, versioned formats.

Every array is stored without pickling; text is stored as unicode arrays and ``metadata``
as one JSON string. A file appears under its name only when it is complete.
"""

from __future__ import annotations

import json
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from robodance.errors import PlanError, RobodanceError
from robodance.output import plain, write_atomically
from robodance.skeleton import JOINT_NAMES
from robodance.values import PerformanceLog, Plan, PoseSequence

__all__ = [
    "DAMAGED_NPZ",
    "FORMAT_VERSION",
    "read_dance",
    "read_plan",
    "write_dance",
    "write_log",
    "write_plan",
]

FORMAT_VERSION = 1
DAMAGED_NPZ = (  # how numpy and zipfile fail on damaged files
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)

Value = TypeVar("Value")

PLAN_ARRAYS = (
    "times_s",
    "positions_rad",
    "music_times_s",
    "torso_pose",
    "support",
    "beats_s",
    "beat_numbers",
    "sync_times_s",
    "human_joints_m",
    "human_times_s",
    "position_limits_rad",
    "velocity_limits_rad_s",
    "acceleration_limits_rad_s2",
)
DANCE_EXTRAS = ("confidence", "palms", "palm_confidence", "robot_angles_rad")
LOG_ARRAYS = (
    "times_s",
    "commanded_rad",
    "measured_rad",
    "torso_pose",
    "tilt_rad",
    "zmp_margin_m",
)


def write_plan(plan: Plan, path: Path) -> None:
    """Write ``plan.npz``.

    Raises:
        OutputError: The file cannot be written.
    """
    arrays = {name: getattr(plan, name) for name in PLAN_ARRAYS}
    _write_npz(
        path,
        joint_names=np.array(plan.joint_names),
        music_start_s=np.float64(plan.music_start_s),
        metadata=_as_json(plan.metadata),
        **arrays,
    )


def read_plan(path: Path | str) -> Plan:
    """Read ``plan.npz``.

    Raises:
        PlanError: The file is missing, damaged, not a plan, or of a newer format.
    """

    def build(content: Mapping[str, Any]) -> Plan:
        return Plan(
            joint_names=tuple(str(name) for name in content["joint_names"]),
            music_start_s=float(content["music_start_s"]),
            metadata=json.loads(str(content["metadata"])),
            **{name: content[name] for name in PLAN_ARRAYS},
        )

    return _read_npz(path, "plan", build)


def write_dance(dance: PoseSequence, path: Path) -> None:
    """Write ``dance.npz``; frame rate and beat numbers go into its metadata.

    Raises:
        OutputError: The file cannot be written.
    """
    metadata = {
        **dance.metadata,
        "frame_rate_hz": dance.frame_rate_hz,
        "beat_numbers": dance.beat_numbers.tolist(),
    }
    extras = {n: getattr(dance, n) for n in DANCE_EXTRAS if getattr(dance, n) is not None}
    if dance.robot_joints:
        extras["robot_joints"] = np.array(dance.robot_joints)
    _write_npz(
        path,
        poses=dance.poses,
        joint_positions_m=dance.joint_positions_m,
        joint_names=np.array(JOINT_NAMES),
        times_s=dance.times_s,
        beats_s=dance.beats_s,
        metadata=_as_json(metadata),
        **extras,
    )


def read_dance(path: Path | str) -> PoseSequence:
    """Read ``dance.npz``.

    Raises:
        PlanError: The file is missing, damaged, not a dance, or of a newer format.
    """

    def build(content: Mapping[str, Any]) -> PoseSequence:
        metadata = json.loads(str(content["metadata"]))
        times_s = content["times_s"]
        beats_s = content["beats_s"]
        rate_hz = metadata.pop("frame_rate_hz", None) or 1.0 / float(np.median(np.diff(times_s)))
        numbers = metadata.pop("beat_numbers", None) or [1] * len(beats_s)
        return PoseSequence(
            poses=content["poses"],
            joint_positions_m=content["joint_positions_m"],
            frame_rate_hz=float(rate_hz),
            start_s=float(times_s[0]),
            beats_s=beats_s,
            beat_numbers=np.asarray(numbers),
            metadata=metadata,
            robot_joints=tuple(str(name) for name in content.get("robot_joints", ())),
            **{name: content[name] for name in DANCE_EXTRAS if name in content},
        )

    return _read_npz(path, "dance", build)


def write_log(log: PerformanceLog, path: Path) -> None:
    """Write ``log.npz``: what was measured while a plan was performed.

    Raises:
        OutputError: The file cannot be written.
    """
    arrays = {name: getattr(log, name) for name in LOG_ARRAYS}
    _write_npz(
        path,
        joint_names=np.array(log.joint_names),
        falls=np.array(log.falls, dtype=np.float64),
        metadata=_as_json({**log.metadata, "backend": log.backend}),
        **arrays,
    )


def _write_npz(path: Path, **arrays: Any) -> None:
    with write_atomically(path) as file:
        np.savez_compressed(file, format_version=np.int64(FORMAT_VERSION), **arrays)


def _read_npz(path: Path | str, kind: str, build: Callable[[Mapping[str, Any]], Value]) -> Value:
    try:
        with Path(path).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            content = {name: file[name] for name in file.files}
    except DAMAGED_NPZ as error:
        reason = getattr(error, "strerror", None) or "not an .npz file, or a damaged one"
        raise PlanError(f"{path}: cannot be read as a {kind} ({reason})") from error
    version = int(content.get("format_version", -1))
    if version > FORMAT_VERSION:
        raise PlanError(
            f"{path}: format version {version} is newer than this robodance knows "
            f"({FORMAT_VERSION}); install a newer robodance"
        )
    try:
        return build(content)
    except KeyError as error:
        raise PlanError(f"{path}: not a {kind}, the array {error} is missing") from error
    except (RobodanceError, ValueError, TypeError) as error:
        raise PlanError(f"{path}: not a valid {kind}: {error}") from error


def _as_json(metadata: Mapping[str, Any]) -> Any:
    return np.array(json.dumps(plain(metadata), sort_keys=True))
