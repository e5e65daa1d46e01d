"""The ChoreoNet data (GitHub abcyzj/ChoreoNet, folder ``data/``) in its published form.

``raw_c3d/*.c3d`` holds takes of ballroom dance (41 markers), ``movement_interval.csv``
cuts them into choreographic units with a known number of beats, and
``choreography/{C,R,T,W}.json`` says in which order dances used the units.
The mapping from markers to the 21 joints was measured on these takes.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robodance.errors import DataError
from robodance.learning.cleaning import fill_gaps, fit_floor, low_pass, repair_spikes
from robodance.motion_files.c3d import Markers, read_c3d
from robodance.skeleton import JOINT_NAMES
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

# Depths of joint centres under their markers, metres (measured, see the module's docstring).
SHOULDER_DOWN_M, SHOULDER_BACK_M = 0.042, 0.010
HIP_DOWN_M, HIP_INWARD_M = 0.070, 0.020
KNEE_INWARD_M, ANKLE_INWARD_M = 0.055, 0.040
HINGE_PRIOR = 0.01  # against the mean square of the shank's direction; a dancing knee has 0.1


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
    paths = repair_spikes(fill_gaps(markers.points_m), markers.frame_rate_hz)
    paths = low_pass(paths, markers.frame_rate_hz)
    markers = Markers(markers.labels, paths, markers.frame_rate_hz)
    joints = joints_from_markers(markers)
    feet = np.stack(
        [markers[side + name] for side in "LR" for name in ("TOE", "MT5", "HEE", "ANK")], axis=1
    )
    slope = fit_floor(feet, markers.frame_rate_hz)
    joints[..., 2] -= joints[..., 0] * slope[0] + joints[..., 1] * slope[1]
    return joints, markers.frame_rate_hz


def joints_from_markers(markers: Markers) -> FloatArray:
    """Map the 41 markers to the 21 joints; shape (T, 21, 3)."""
    joints: dict[str, FloatArray] = {}
    thorax_up = _unit(markers["C7"] + markers["CLAV"] - markers["T10"] - markers["STRN"])
    thorax_forward = _unit(markers["CLAV"] - markers["C7"])
    waist = [markers[name] for name in ("LFWT", "RFWT", "LBWT", "RBWT")]
    to_left = _unit(waist[0] + waist[2] - waist[1] - waist[3])
    pelvis_up = _unit(np.cross(waist[0] + waist[1] - waist[2] - waist[3], to_left))
    joints["waist"] = np.mean(waist, axis=0)
    for side, letter, outward in (("right", "R", -to_left), ("left", "L", to_left)):
        joints[f"head_{side}"] = 0.5 * (markers[f"{letter}FHD"] + markers[f"{letter}BHD"])
        joints[f"{side}_shoulder"] = (
            markers[f"{letter}SHO"] - SHOULDER_DOWN_M * thorax_up - SHOULDER_BACK_M * thorax_forward
        )
        joints[f"{side}_elbow"] = markers[f"{letter}ELB"]
        joints[f"{side}_wrist"] = 0.5 * (markers[f"{letter}WRA"] + markers[f"{letter}WRB"])
        joints[f"{side}_hand"] = markers[f"{letter}FIN"]
        hip = (
            0.5 * (markers[f"{letter}FWT"] + markers[f"{letter}BWT"])
            - HIP_DOWN_M * pelvis_up
            - HIP_INWARD_M * outward
        )
        hinge = _knee_hinge(markers, letter, hip, outward)
        joints[f"{side}_hip"] = hip
        joints[f"{side}_knee"] = markers[f"{letter}KNE"] - KNEE_INWARD_M * hinge
        joints[f"{side}_ankle"] = markers[f"{letter}ANK"] - ANKLE_INWARD_M * hinge
        joints[f"{side}_heel"] = markers[f"{letter}HEE"]
        joints[f"{side}_toe"] = 0.5 * (markers[f"{letter}TOE"] + markers[f"{letter}MT5"])
    return np.stack([joints[name] for name in JOINT_NAMES], axis=1)


def _knee_hinge(markers: Markers, letter: str, hip: FloatArray, outward: FloatArray) -> FloatArray:
    """Return the knee's axis, pointing outward: where the shank moves least, seen from the thigh.

    The axis is constant in the frame of hip, knee marker and thigh marker; where the knee
    hardly bends it is the pelvis's axis.
    """
    knee, thigh = markers[f"{letter}KNE"], markers[f"{letter}THI"]
    along = _unit(hip - knee)
    side = thigh - knee
    side = _unit(side - along * (side * along).sum(axis=1, keepdims=True))
    frame = np.stack([along, side, np.cross(along, side)], axis=2)  # (T, 3, 3), columns
    shank = np.einsum("tij,ti->tj", frame, _unit(markers[f"{letter}ANK"] - knee))
    usual = np.einsum("tij,ti->j", frame, outward)
    usual /= np.linalg.norm(usual)
    spread = shank.T @ shank / len(shank) + HINGE_PRIOR * (np.eye(3) - np.outer(usual, usual))
    axis = np.linalg.eigh(spread)[1][:, 0]
    hinge = np.einsum("tij,j->ti", frame, axis)
    return np.asarray(hinge * np.sign((hinge * outward).sum(axis=1).mean()))


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
