"""The ChoreoNet data (GitHub abcyzj/ChoreoNet, folder ``data/``) in its published form.

``raw_c3d/*.c3d`` holds takes of ballroom dance (41 markers), ``movement_interval.csv``
cuts them into choreographic units with a known number of beats, and
``choreography/{C,R,T,W}.json`` says in which order dances used the units.
The mapping from markers to the 21 joints (``configs/skeletons/vicon-markers.yaml``) was
measured on these takes.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from robodance.errors import DataError
from robodance.learning.cleaning import fill_gaps, fit_floor, low_pass, repair_spikes
from robodance.motion_files.c3d import read_c3d
from robodance.motion_files.mapping import map_points
from robodance.motion_files.points import NamedPoints
from robodance.motion_files.skeleton_file import load_skeleton
from robodance.values import FloatArray

__all__ = [
    "GENRE_LETTERS",
    "Choreography",
    "UnitInterval",
    "joints_from_markers",
    "read_choreographies",
    "read_intervals",
    "read_take",
]

GENRE_LETTERS = {"cha-cha": "C", "rumba": "R", "tango": "T", "waltz": "W"}
PLACEHOLDERS = frozenset({"NIL"})


@dataclass(frozen=True)
class UnitInterval:
    """One choreographic unit and where it was recorded."""

    tag: str
    take: str
    start_frame: float
    end_frame: float
    beats: int


@dataclass(frozen=True)
class Choreography:
    """The units that one dance chains, and how many beats each lasts there.

    ``start_frame`` and ``end_frame`` are the dance's part of the song, at 25 frames a
    second; the authors call them approximate.
    """

    name: str
    tags: tuple[str, ...]
    beats: tuple[int, ...]
    start_frame: float
    end_frame: float


def read_intervals(folder: Path) -> list[UnitInterval]:
    """Read ``movement_interval.csv``; rows without beats are left out.

    Raises:
        DataError: The table is missing or malformed.
    """
    path = folder / "movement_interval.csv"
    if not path.is_file():
        raise DataError(f"{path}: no such file; give the folder data/ of ChoreoNet as published")
    units = []
    with path.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            try:
                beats = row["beats"].strip()
                if not beats or row["movement_tag"] in PLACEHOLDERS:
                    continue
                unit = UnitInterval(
                    tag=row["movement_tag"],
                    take=row["c3d_file"],
                    start_frame=float(row["start_frame"]),
                    end_frame=float(row["end_frame"]),
                    beats=int(beats),
                )
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise DataError(
                    f"{path}: line {number} is not a unit ({error}); expected c3d_file, "
                    "movement_tag, start_frame, end_frame, beats"
                ) from error
            if unit.end_frame <= unit.start_frame or unit.beats < 1:
                raise DataError(f"{path}: line {number}: unit {unit.tag} has no length")
            units.append(unit)
    return units


def read_choreographies(folder: Path, genre: str) -> list[Choreography]:
    """Read the dances of one genre from ``choreography/<letter>.json``.

    Raises:
        DataError: The file is missing or malformed, or the genre unknown.
    """
    if genre not in GENRE_LETTERS:
        raise DataError(f"unknown genre {genre!r}; expected one of {', '.join(GENRE_LETTERS)}")
    path = folder / "choreography" / f"{GENRE_LETTERS[genre]}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        dances = [
            Choreography(
                name=str(entry["name"]),
                tags=tuple(str(tag) for tag in entry["movements"]),
                beats=tuple(int(beats) for beats in entry["durations"]),
                start_frame=float(entry["start_pos"]),
                end_frame=float(entry["end_pos"]),
            )
            for entry in content
        ]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not a list of choreographies ({error!r})") from error
    for dance in dances:
        if len(dance.tags) != len(dance.beats):
            raise DataError(
                f"{path}: {dance.name} has {len(dance.tags)} units but {len(dance.beats)} durations"
            )
    return dances


def read_take(folder: Path, take: str) -> tuple[FloatArray, float]:
    """Read a take as joint positions, repaired, filtered and on a level floor.

    Args:
        folder: The published ``data/`` folder.
        take: Name of the file without ``.c3d``.

    Returns:
        Joint positions (T, 21, 3) in metres, z up, and the frame rate.

    Raises:
        DataError: The take is missing or lacks a marker.
    """
    markers = read_c3d(folder / "raw_c3d" / f"{take}.c3d")
    paths = repair_spikes(fill_gaps(markers.points), markers.frame_rate_hz)
    markers = replace(markers, points=low_pass(paths, markers.frame_rate_hz))
    joints = joints_from_markers(markers)
    feet = np.stack(
        [markers[side + name] for side in "LR" for name in ("TOE", "MT5", "HEE", "ANK")], axis=1
    )
    slope = fit_floor(feet, markers.frame_rate_hz)
    joints[..., 2] -= joints[..., 0] * slope[0] + joints[..., 1] * slope[1]
    return joints, markers.frame_rate_hz


def joints_from_markers(markers: NamedPoints) -> FloatArray:
    """Map the 41 markers to the 21 joints; shape (T, 21, 3).

    Raises:
        DataError: A joint cannot be found.
    """
    mapped = map_points(markers, load_skeleton("vicon-markers"))
    if mapped.missing:
        raise DataError(f"markers are missing for {', '.join(mapped.missing)}")
    return mapped.joint_positions_m
