"""Units of dance on the beat clock, their split, their chains and their mirror images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, resample
from robodance.choreography.body import DANCER, Body, clean_body
from robodance.choreography.joins import chain
from robodance.choreography.sampling import mirror_poses
from robodance.errors import DataError
from robodance.learning.datasets.choreonet import (
    GENRE_LETTERS,
    Choreography,
    UnitInterval,
    read_choreographies,
    read_intervals,
    read_take,
)
from robodance.learning.datasets.dance_with_melody import FRAME_RATE_HZ, read_collage, unit_bounds
from robodance.skeleton import (
    BONES,
    INDEX,
    ROOT_VELOCITY,
    YAW_RATE,
    bone_lengths,
    decode_pose,
    encode_pose,
    pose_sequence,
)
from robodance.values import FloatArray, PoseSequence

__all__ = [
    "Unit",
    "UnitLibrary",
    "chain",
    "find_published",
    "held",
    "load_library",
    "rebuild",
    "resplit",
    "scale_to_body",
    "unit_poses",
]

HELD_OUT_SHARE = 0.12
JOIN_FRAMES = 3  # on each side of a collage's join


@dataclass(frozen=True)
class Unit:
    """One choreographic unit on the beat clock.

    Attributes:
        tag: Its name in the data.
        beats: Whole beats.
        beat_s: Duration of a beat where it was recorded.
        poses: Shape (16 * beats, 74), rates per beat-clock frame.
    """

    tag: str
    beats: int
    beat_s: float
    poses: FloatArray = field(repr=False)

    @property
    def idle(self) -> bool:
        """True for opening and closing poses (tags ``X-0-*``)."""
        return self.tag.split("-")[1] == "0"


@dataclass(frozen=True)
class UnitLibrary:
    """All units of a genre, the dances that chain them, and the split by unit."""

    genre: str
    units: dict[str, Unit]
    held_out: frozenset[str]
    choreographies: tuple[Choreography, ...]

    @property
    def training(self) -> dict[str, Unit]:
        """The units a network may see."""
        return {tag: unit for tag, unit in self.units.items() if tag not in self.held_out}

    @property
    def beat_s(self) -> float:
        """The genre's mean beat in seconds."""
        total = sum(unit.beats * unit.beat_s for unit in self.units.values())
        return total / sum(unit.beats for unit in self.units.values())


def load_library(data: Path, genre: str, *, seed: int = 0) -> UnitLibrary:
    """Read every unit of a genre from the published data sets.

    Args:
        data: A folder that holds ChoreoNet's ``data/`` and, for waltz, the ``DANCE_*``
            folders of Dance with Melody, at any depth down to three.
        genre: ``cha-cha``, ``rumba``, ``tango`` or ``waltz``.
        seed: Decides which units are held out.

    Raises:
        DataError: A data set is missing or malformed.
    """
    if genre not in GENRE_LETTERS:
        raise DataError(f"unknown genre {genre!r}; expected one of {', '.join(GENRE_LETTERS)}")
    choreonet = find_published(data, "movement_interval.csv").parent
    dances = tuple(read_choreographies(choreonet, genre))
    letter = GENRE_LETTERS[genre]
    rows = [row for row in read_intervals(choreonet) if row.tag.startswith(f"{letter}-")]
    units: dict[str, Unit] = {}
    for take in dict.fromkeys(row.take for row in rows):
        if (choreonet / "raw_c3d" / f"{take}.c3d").is_file():
            units.update(_units_of_take(choreonet, take, [r for r in rows if r.take == take]))
    missing = {row.tag for row in rows} - set(units)
    if missing:
        units.update(_units_of_collages(data, dances, missing, letter))
    if len(units) < 2:
        raise DataError(f"{data}: holds fewer than two units of {genre}")
    return UnitLibrary(genre, units, _held_out(units, seed), dances)


def resplit(library: UnitLibrary, seed: int) -> UnitLibrary:
    """Return the same units with others held out."""
    return replace(library, held_out=_held_out(library.units, seed))


def scale_to_body(joint_positions_m: FloatArray, body: Body = DANCER) -> FloatArray:
    """Scale a performer evenly so that the legs are as long as the body's; floor at rest height.

    The feet's resting attitude (shoes, marker heights) is turned to the flat foot.
    """
    lengths = np.median(bone_lengths(joint_positions_m), axis=0)
    names = [(a, b) for a, b in BONES]
    leg = [
        lengths[names.index((INDEX[f"{side}_hip"], INDEX[f"{side}_knee"]))]
        + lengths[names.index((INDEX[f"{side}_knee"], INDEX[f"{side}_ankle"]))]
        for side in ("right", "left")
    ]
    scaled = np.array(joint_positions_m) * (body.leg / float(np.mean(leg)))
    flat_heights = {
        "ankle": body.sole_height + body.ankle_above,
        "heel": body.sole_height,
        "toe": body.sole_height,
    }
    for side in ("right", "left"):
        for part, rest in flat_heights.items():
            joint = INDEX[f"{side}_{part}"]
            scaled[:, joint, 2] += rest - np.percentile(scaled[:, joint, 2], 15)
    return scaled


def unit_poses(
    joint_positions_m: FloatArray, frame_rate_hz: float, start: float, end: float, beats: int
) -> FloatArray:
    """Read the frames ``start`` to ``end`` of a cleaned take as poses on the beat clock.

    Args:
        joint_positions_m: Shape (T, 21, 3), the whole take.
        frame_rate_hz: Its frame rate.
        start: First frame, may be a fraction.
        end: The frame at which the next unit would begin.
        beats: Beats in between.

    Returns:
        Shape (16 * beats, 74).
    """
    margin = 4
    count = FRAMES_PER_BEAT * beats
    step = (end - start) / count
    positions = start + step * np.arange(-margin, count + margin)
    clock = resample(joint_positions_m, positions)
    return encode_pose(clock, frame_rate_hz / step)[margin : margin + count]


def rebuild_poses(library: UnitLibrary, dance: Choreography) -> FloatArray | None:
    """Rebuild a dance from the training units, as its choreography chains them.

    ``HOLD`` keeps the pose before, ``START`` the first pose after; held-out and missing
    units are left out.

    Returns:
        Poses (T, 74) on the beat clock, not cleaned; None where no unit of it is known.
    """
    units = library.training
    parts: list[FloatArray] = []
    waiting = 0
    for tag, beats in zip(dance.tags, dance.beats, strict=True):
        if tag in {"HOLD", "START"}:
            if parts:
                parts.append(held(parts[-1][-1], beats))
            else:
                waiting += beats
        elif tag in units:
            if waiting:
                parts.append(held(units[tag].poses[0], waiting))
                waiting = 0
            parts.append(units[tag].poses)
    return chain(parts) if parts else None


def rebuild(library: UnitLibrary, dance: Choreography) -> PoseSequence | None:
    """Rebuild a dance as ``rebuild_poses`` does, at the genre's mean tempo, cleaned."""
    poses = rebuild_poses(library, dance)
    if poses is None:
        return None
    return to_sequence(poses, library.beat_s, {"source": dance.name, "kind": "rebuilt"})


def held(pose: FloatArray, beats: int) -> FloatArray:
    """Return a pose kept still for some beats."""
    poses = np.tile(pose, (beats * FRAMES_PER_BEAT, 1))
    poses[:, ROOT_VELOCITY] = 0.0
    poses[:, YAW_RATE] = 0.0
    return poses


def to_sequence(
    poses: FloatArray, beat_s: float, metadata: dict[str, object], *, clean: bool = True
) -> PoseSequence:
    """Make a (cleaned) dance of beat-clock poses at one tempo."""
    rate = FRAMES_PER_BEAT / beat_s
    joints = decode_pose(poses)
    joints = clean_body(joints, rate) if clean else joints
    beats = np.arange(len(poses) // FRAMES_PER_BEAT).astype(np.float64) * beat_s
    return pose_sequence(joints, rate, beats_s=beats, metadata=metadata)


def mirrored(unit: Unit) -> Unit:
    """Return the unit with left and right exchanged."""
    return Unit(f"{unit.tag}*", unit.beats, unit.beat_s, mirror_poses(unit.poses))


def _units_of_take(choreonet: Path, take: str, rows: list[UnitInterval]) -> dict[str, Unit]:
    joints, rate = read_take(choreonet, take)
    joints = clean_body(scale_to_body(joints), rate)
    units = {}
    for row in rows:
        end = min(row.end_frame, len(joints) - 1.0)
        poses = unit_poses(joints, rate, row.start_frame, end, row.beats)
        units[row.tag] = Unit(row.tag, row.beats, (end - row.start_frame) / rate / row.beats, poses)
    return units


def _units_of_collages(
    data: Path, dances: Sequence[Choreography], wanted: set[str], letter: str
) -> dict[str, Unit]:
    """Cut wanted units out of the collages; the longest occurrence of each is taken."""
    folders = {
        path.parent.name: path.parent for path in data.glob(f"**/DANCE_{letter}_*/skeletons.json")
    }
    units: dict[str, Unit] = {}
    for dance in dances:
        if dance.name not in folders or not wanted & set(dance.tags):
            continue
        collage = read_collage(folders[dance.name])
        bounds = unit_bounds(collage, dance)
        joints = scale_to_body(collage.joint_positions_m)
        for index, (tag, beats) in enumerate(zip(dance.tags, dance.beats, strict=True)):
            beat_s = (bounds[index + 1] - bounds[index]) / FRAME_RATE_HZ / beats
            if tag not in wanted or (tag in units and units[tag].beat_s >= beat_s):
                continue
            part = _without_joins(joints, bounds[index], bounds[index + 1])
            part = clean_body(part, FRAME_RATE_HZ)
            poses = unit_poses(part, FRAME_RATE_HZ, 0.0, len(part) - 1.0, beats)
            units[tag] = Unit(tag, beats, beat_s, poses)
    return units


def _without_joins(joints: FloatArray, start: float, end: float) -> FloatArray:
    """Return the frames of a unit, its straight ends replaced by its own motion, stretched.

    A join takes three frames from either unit; what is left is spread over the unit's
    full length, so that its beats stay where they are at the two ends.
    """
    first, last = start + JOIN_FRAMES, end - JOIN_FRAMES
    count = round(end - start) + 1
    rows = np.linspace(max(first, 0.0), min(last, len(joints) - 1.0), count)
    return resample(joints, rows)


def _held_out(units: dict[str, Unit], seed: int) -> frozenset[str]:
    """Draw units until about 12 % of the beats are held out; opening poses never are."""
    tags = sorted(tag for tag, unit in units.items() if not unit.idle and unit.beats <= 12)
    order = np.random.default_rng(seed).permutation(len(tags))
    budget = HELD_OUT_SHARE * sum(unit.beats for unit in units.values())
    chosen: set[str] = set()
    taken = 0
    for index in order:
        if taken + units[tags[index]].beats > budget + 1:
            continue
        chosen.add(tags[index])
        taken += units[tags[index]].beats
    return frozenset(chosen)


def find_published(data: Path, name: str) -> Path:
    """Return a file or folder of the published data, at any depth down to three.

    Raises:
        DataError: There is none.
    """
    for pattern in (name, f"*/{name}", f"*/*/{name}", f"*/*/*/{name}"):
        found = sorted(data.glob(pattern)) if data.is_dir() else []
        if found:
            return found[0]
    raise DataError(f"{data}: holds no {name}; give the folder with the data as published")
