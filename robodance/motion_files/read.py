"""Any motion file in, a ``PoseSequence`` out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from robodance.errors import DataError
from robodance.motion_files.arrays import (
    POSITIONS,
    RATES,
    is_dance,
    load_arrays,
    points_from_arrays,
    read_mdms,
)
from robodance.motion_files.bvh import read_bvh
from robodance.motion_files.c3d import read_c3d
from robodance.motion_files.mapping import NEEDED_JOINTS, MappedDance, map_points
from robodance.motion_files.placing import (
    complete,
    mirrored_sides,
    on_the_floor,
    unit_of,
    upright,
    without_stumps,
)
from robodance.motion_files.points import NamedPoints, bridged, thinned, usable
from robodance.motion_files.skeleton_file import Skeleton, load_skeleton
from robodance.motion_files.smpl import is_smpl, read_smpl, smpl_points
from robodance.plan_file import read_dance
from robodance.skeleton import JOINT_NAMES, POSE_DIM, decode_pose, pose_sequence
from robodance.values import PoseSequence

__all__ = ["map_motion", "read_motion", "read_points"]

USUAL_SKELETONS = {".bvh": "bvh", ".c3d": "vicon-markers", ".json": "mdms"}
BY_POINTS = {21: "ours", 23: "mdms", 22: "smpl", 24: "smpl"}
SHORTEST = 2  # frames
LEAST_SEEN = 0.2  # share of the frames in which every needed joint has to be seen
SPARSE_HZ = 8.0  # with fewer frames a second, most of a dance is guessed
MOST_NAMED = 6  # joints in a remark
LEAP_M_S = 12.0  # faster than any dancer crosses the floor


def read_motion(
    path: Path | str,
    *,
    skeleton: str | Path | None = None,
    frame_rate_hz: float | None = None,
) -> PoseSequence:
    """Read a dance: ``.bvh``, ``.c3d``, ``.npz``, ``.npy``, SMPL ``.pkl`` or ``skeletons.json``.

    Lost and misread points are bridged, joints that the file lacks are put where they
    plausibly are, and both have confidence 0. The dancer comes out in metres, upright and
    on the floor; ``metadata`` holds ``remarks``, what a person should know.

    Args:
        path: The file.
        skeleton: Name of a shipped skeleton or a YAML file (``skeleton_file.py``); None: by
            the file's format and number of points.
        frame_rate_hz: Frames per second, for files that do not say or are wrong.

    Raises:
        DataError: The file cannot be read, or shows too little of a dancer.
        PlanError: A ``dance.npz`` that cannot be read.
        ConfigError: The skeleton cannot be read.
    """
    path = Path(path)
    _check_file(path)
    _check_rate(path, frame_rate_hz)
    if path.suffix.lower() == ".npz" and skeleton in {None, "ours"}:
        arrays = load_arrays(path)
        if is_dance(arrays):
            return _own_dance(path, frame_rate_hz)
    source, chosen = read_points(path, skeleton=skeleton, frame_rate_hz=frame_rate_hz)
    return map_motion(source, chosen, name=path.name)


def read_points(
    path: Path, *, skeleton: str | Path | None = None, frame_rate_hz: float | None = None
) -> tuple[NamedPoints, Skeleton]:
    """Read a file's named points as they are, and choose the skeleton that reads them.

    Arguments and errors as ``read_motion``.
    """
    kind = path.suffix.lower()
    if kind in USUAL_SKELETONS:
        chosen = load_skeleton(skeleton or USUAL_SKELETONS[kind])
        if kind == ".json":
            source = read_mdms(path, load_skeleton("mdms").points, frame_rate_hz)
        else:
            source = read_bvh(path, frame_rate_hz) if kind == ".bvh" else read_c3d(path)
            if kind == ".c3d" and frame_rate_hz is not None:
                source = replace(source, frame_rate_hz=frame_rate_hz)
    elif kind in {".pkl", ".pickle"}:
        chosen = load_skeleton(skeleton or "smpl")
        source = read_smpl(path, chosen.points, frame_rate_hz)
    elif kind in {".npz", ".npy"}:
        arrays = load_arrays(path)
        if is_smpl(arrays):
            chosen = load_skeleton(skeleton or "smpl")
            return smpl_points(path, arrays, chosen.points, frame_rate_hz), chosen
        arrays = _with_positions(path, arrays, frame_rate_hz)
        chosen = load_skeleton(skeleton or _usual_skeleton(path, arrays))
        source = points_from_arrays(
            path, arrays, chosen.points, frame_rate_hz, fewest=chosen.fewest_points
        )
    else:
        raise DataError(
            f"{path}: unknown kind of motion file {kind!r}; give .bvh, .c3d, .npz, .npy, .pkl or a "
            "skeletons.json, or joint angles as .py, .xar, .qianim, .csv or .json"
        )
    return source, chosen


def map_motion(source: NamedPoints, skeleton: Skeleton, *, name: str) -> PoseSequence:
    """Make a dance of named points.

    Args:
        source: The points, as in the file.
        skeleton: Where each joint comes from.
        name: Of the file, for metadata and errors.

    Raises:
        DataError: The points show too little of a dancer.
    """
    if len(source.points) < SHORTEST:
        raise DataError(f"{name}: holds {len(source.points)} frame; a dance needs at least two")
    try:
        source = usable(thinned(source))
        unit_m, unit_remark = unit_of(source, skeleton)
        source, sure = bridged(source, unit_m)
        source, up_remark = upright(source, skeleton, unit_m)
        mapped = map_points(source, skeleton, sure)
        remarks = [*source.remarks, unit_remark, up_remark]
        if mirrored_sides(mapped):
            source = _reflected(source)
            mapped = map_points(source, skeleton, sure)
            remarks.append("the toes pointed backward: left-handed axes were turned over")
    except DataError as error:
        raise DataError(f"{name}: {error}") from None
    mapped = complete(without_stumps(mapped))
    joints, floor_remark = on_the_floor(mapped.joint_positions_m, source.frame_rate_hz)
    remarks.append(floor_remark)
    remarks += [*_seen_remarks(mapped, name), *_motion_remarks(joints, source.frame_rate_hz)]
    metadata: dict[str, Any] = {
        "generator": "file",
        "file": name,
        "skeleton": skeleton.name,
        "remarks": [remark for remark in remarks if remark],
    }
    dance = pose_sequence(joints, source.frame_rate_hz, metadata=metadata)
    return replace(
        dance,
        confidence=mapped.confidence,
        palms=mapped.palms if mapped.palm_confidence.any() else None,
        palm_confidence=mapped.palm_confidence if mapped.palm_confidence.any() else None,
    )


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"{path}: is a folder; give a motion file")
    if not path.is_file():
        raise DataError(f"{path}: no such file; give a motion file (.bvh, .c3d, .npz, .npy)")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty (0 bytes); copy the file again")


def _check_rate(path: Path, rate_hz: float | None) -> None:
    if rate_hz is not None and not 0.0 < rate_hz < float("inf"):
        raise DataError(f"{path}: {rate_hz:g} frames a second is no frame rate; give another --fps")


def _own_dance(path: Path, rate_hz: float | None) -> PoseSequence:
    dance = read_dance(path)
    if rate_hz is not None:
        none = np.zeros(0)
        dance = replace(
            dance, frame_rate_hz=rate_hz, beats_s=none, beat_numbers=none.astype(np.int64)
        )
    made_by = dance.metadata.get("generator", "unknown")
    own = {"generator": "file", "file": path.name, "file_generator": made_by}
    return replace(dance, metadata={**dance.metadata, **own})


def _with_positions(path: Path, arrays: dict[str, Any], rate_hz: float | None) -> dict[str, Any]:
    """Turn an array of whole poses, (T, 74) or (T, 63), into positions (T, 21, 3)."""
    key = next((key for key in (*POSITIONS, "poses") if key in arrays), None)
    if key is None or np.ndim(arrays[key]) != 2 or arrays[key].dtype.kind not in "fiu":
        return arrays
    table = np.asarray(arrays[key], dtype=np.float64)
    rest = {name: array for name, array in arrays.items() if name in RATES}
    if table.shape[1] == POSE_DIM:
        return {**rest, "positions": decode_pose(table)}
    if table.shape[1] % 3 == 0 and table.shape[1] // 3 in BY_POINTS:
        return {**rest, "positions": table.reshape(len(table), -1, 3)}
    return arrays


def _usual_skeleton(path: Path, arrays: Mapping[str, Any]) -> str:
    if "body_pos_w" in arrays:
        return "g1"
    key = next((key for key in POSITIONS if key in arrays), None)
    if key is None or np.ndim(arrays[key]) != 3:
        return "ours"  # points_from_arrays says what is wrong
    count = int(arrays[key].shape[1])
    if count not in BY_POINTS:
        raise DataError(
            f"{path}: {count} points a frame fit no known skeleton "
            f"({', '.join(str(n) for n in sorted(BY_POINTS))} do); give --skeleton FILE with the "
            "names of the points in their order"
        )
    return BY_POINTS[count]


def _reflected(source: NamedPoints) -> NamedPoints:
    """Turn left-handed axes over: reflect at the plane y = 0; names stay, turns are given up."""
    return replace(source, points=source.points * [1.0, -1.0, 1.0], turns=None, rest=None)


def _seen_remarks(mapped: MappedDance, name: str) -> list[str]:
    """Say what was not seen.

    Raises:
        DataError: A needed joint is hardly ever seen.
    """
    remarks = []
    if mapped.missing:
        remarks.append(f"not in the file and guessed: {', '.join(mapped.missing)}")
    seen = (mapped.confidence > 0.0).mean(axis=0)
    lost: dict[str, list[str]] = {}
    for k, joint in enumerate(JOINT_NAMES):
        if joint in mapped.missing or seen[k] == 1.0:
            continue
        if joint in NEEDED_JOINTS and seen[k] < LEAST_SEEN:
            raise DataError(
                f"{name}: the dancer's {joint} is lost in {100 * (1 - seen[k]):.0f} % of the "
                "frames; nobody could dance after that"
            )
        lost.setdefault(f"{100 * (1 - seen[k]):.2g} %", []).append(joint)
    if lost:
        shares = "; ".join(
            f"{share} of {', '.join(names) if len(names) <= MOST_NAMED else f'{len(names)} joints'}"
            for share, names in lost.items()
        )
        remarks.append(f"lost for a while and bridged: {shares}")
    return remarks


def _motion_remarks(joints: np.ndarray, rate_hz: float) -> list[str]:
    remarks = []
    if rate_hz < SPARSE_HZ:
        remarks.append(f"only {rate_hz:.3g} frames a second: the motion between them is guessed")
    waist = joints[:, JOINT_NAMES.index("waist")]
    leaps = np.linalg.norm(np.diff(waist, axis=0), axis=1) * rate_hz > LEAP_M_S
    if leaps.any():
        first = (int(leaps.argmax()) + 1) / rate_hz
        times = int((np.diff(leaps.astype(np.int8), prepend=0) == 1).sum())
        remarks.append(
            f"the dancer leaps faster than people move, {times} times, first at {first:.2f} s"
        )
    return remarks
