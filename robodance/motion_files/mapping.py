"""From named points to the 21 joints: evaluates what a skeleton file says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from robodance.errors import DataError
from robodance.motion_files.points import NamedPoints, turned
from robodance.motion_files.skeleton_file import Direction, Place, Skeleton
from robodance.skeleton import JOINT_NAMES
from robodance.values import BoolArray, FloatArray

__all__ = ["NEEDED_JOINTS", "PALM_SIDES", "MappedDance", "base_points", "map_points"]

PALM_SIDES = ("right", "left")
NEEDED_JOINTS = tuple(
    f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip") for side in ("left", "right")
)
HINGE_PRIOR = 0.01  # against the mean square of the shank's direction; a dancing knee has 0.1
RIG_PREFIX = re.compile(r"^(mixamorig\d*|bip\d+|character\d*)[:_ ]+", re.IGNORECASE)
REST_PALM_CONFIDENCE = 0.5  # that artists' skeletons rest with palms as people's are
LEVEL = 0.8  # cosine within which a resting arm counts as level or hanging

Seen = tuple[FloatArray, FloatArray]  # vectors (T, 3), and (T,) how sure they are, 0..1


@dataclass(frozen=True)
class MappedDance:
    """The 21 joints, as far as the points show them.

    Attributes:
        joint_positions_m: Shape (T, 21, 3); NaN for joints that no point shows.
        confidence: Shape (T, 21), 0..1.
        palms: Shape (T, 2, 3), unit vectors, where right and left palm face; zero where
            nothing tells.
        palm_confidence: Shape (T, 2), 0..1.
        missing: Joints that no point shows.
    """

    joint_positions_m: FloatArray = field(repr=False)
    confidence: FloatArray = field(repr=False)
    palms: FloatArray = field(repr=False)
    palm_confidence: FloatArray = field(repr=False)
    missing: tuple[str, ...]


def map_points(
    source: NamedPoints, skeleton: Skeleton, sure: BoolArray | None = None
) -> MappedDance:
    """Return the dancer whose points these are.

    Args:
        source: Points in metres, z up, without NaN.
        skeleton: Where each joint comes from.
        sure: Shape (T, M), false where a point was bridged; None: all were seen.

    Raises:
        DataError: A joint is missing without which nobody can dance: shoulder, elbow,
            wrist, hip.
    """
    reader = _Reader(source, skeleton, sure)
    frames = len(source.points)
    positions = np.full((frames, len(JOINT_NAMES), 3), np.nan)
    confidence = np.zeros((frames, len(JOINT_NAMES)))
    absent: dict[str, str] = {}
    for k, name in enumerate(JOINT_NAMES):
        try:
            (positions[:, k], seen), trust = reader.joint(name)
            confidence[:, k] = trust * seen
        except _AbsentError as missing:
            absent[name] = str(missing)
    needed = [name for name in NEEDED_JOINTS if name in absent]
    if needed:
        wanted = ", ".join(dict.fromkeys(absent[name] for name in needed))
        raise DataError(
            f"no point of the file is the dancer's {', '.join(needed)} (skeleton "
            f"{skeleton.name!r} looks for {wanted}; the file has {_some(source.labels)}); say with "
            "--skeleton FILE where the joints are"
        )
    palms, palm_confidence = np.zeros((frames, 2, 3)), np.zeros((frames, 2))
    for k, side in enumerate(PALM_SIDES):
        if side in skeleton.palms:
            try:
                palms[:, k], seen = reader.direction(skeleton.palms[side])
                palm_confidence[:, k] = seen
            except _AbsentError:
                continue
    return MappedDance(positions, confidence, palms, palm_confidence, tuple(absent))


def base_points(source: NamedPoints, skeleton: Skeleton, joint: str) -> FloatArray:
    """Return about where a joint is, in the file's own unit and axes: its points' mean.

    Raises:
        DataError: No point of the file shows it.
    """
    reader = _Reader(source, skeleton, None)
    for place in reader.places(joint):
        try:
            return np.asarray(np.mean([reader.point(name)[0] for name in place.of], axis=0))
        except _AbsentError:
            continue
    looked = ", ".join(name for place in reader.places(joint) for name in place.of)
    raise DataError(
        f"no point of the file is the dancer's {joint} (skeleton {skeleton.name!r} looks for "
        f"{looked}; the file has {_some(source.labels)}); say with --skeleton FILE where it is"
    )


class _AbsentError(Exception):
    """A point that the file does not have."""


class _Reader:
    """Evaluates places and directions on one file; each name once."""

    def __init__(self, source: NamedPoints, skeleton: Skeleton, sure: BoolArray | None) -> None:
        self.source, self.skeleton = source, skeleton
        shape = source.points.shape[:2]
        self.sure = np.ones(shape) if sure is None else sure.astype(np.float64)
        self.names = {_plain(name): others for name, others in skeleton.names.items()}
        self.columns: dict[str, int] = {}
        for k, label in enumerate(source.labels):
            self.columns.setdefault(_plain(label), k)
        self.pending: set[str] = set()

    def column(self, name: str) -> int:
        for other in self.names.get(_plain(name), (name,)):
            if _plain(other) in self.columns:
                return self.columns[_plain(other)]
        raise _AbsentError(name)

    def point(self, name: str) -> Seen:
        """Return a point of the file or, where there is none of that name, a joint."""
        try:
            k = self.column(name)
        except _AbsentError:
            if name not in self.skeleton.joints or name in self.pending:
                raise
            return self.joint(name)[0]
        return self.source.points[:, k], self.sure[:, k]

    def places(self, joint: str) -> tuple[Place, ...]:
        return self.skeleton.joints.get(joint, (Place(of=(joint,)),))

    def joint(self, name: str) -> tuple[Seen, float]:
        """Return a joint by the first of its places that the file has."""
        self.pending.add(name)
        looked: list[str] = []
        try:
            for place in self.places(name):
                try:
                    return self.place(place), place.confidence
                except _AbsentError as absent:
                    looked.append(str(absent))
        finally:
            self.pending.discard(name)
        raise _AbsentError(" or ".join(dict.fromkeys(looked)))

    def place(self, place: Place) -> Seen:
        path, seen = self.mean(place.of)
        for name, metres in place.along.items():
            vector, known = self.direction(name)
            path, seen = path + metres * vector, np.minimum(seen, known)
        if place.offset_m is not None:
            path = path + turned(self.turns(place.of[0]), np.asarray(place.offset_m))
        return path, seen

    def mean(self, names: tuple[str, ...]) -> Seen:
        paths, seen = zip(*(self.point(name) for name in names), strict=True)
        return np.mean(paths, axis=0), np.min(seen, axis=0)

    def turns(self, name: str) -> FloatArray:
        if self.source.turns is None:
            raise _AbsentError(f"{name} with its orientation")
        return self.source.turns[:, self.column(name)]

    def direction(self, name: str) -> Seen:
        """Return unit vectors by the first way that the file allows."""
        if name not in self.skeleton.directions:
            raise DataError(f"skeleton {self.skeleton.name!r}: there is no direction {name!r}")
        latest = _AbsentError(name)
        for way in self.skeleton.directions[name]:
            try:
                return self.way(way)
            except _AbsentError as absent:
                latest = absent
        raise latest

    def way(self, way: Direction) -> Seen:
        if way.start:
            (start, seen), (end, known) = self.mean(way.start), self.mean(way.end)
            return _unit(end - start), np.minimum(seen, known)
        if way.cross:
            (first, seen), (second, known) = (self.direction(name) for name in way.cross)
            return _unit(np.cross(first, second)), np.minimum(seen, known)
        if way.opposite:
            vector, seen = self.direction(way.opposite)
            return -vector, seen
        if way.hinge:
            return self.hinge(way)
        return self.carried(way)

    def carried(self, way: Direction) -> Seen:
        """Return a direction that a body carries along."""
        assert way.body is not None
        turns = self.turns(way.body)
        _, seen = self.point(way.body)
        if way.axis:
            return turned(turns, _unit(np.asarray([way.axis]))), seen
        if way.usually:
            vector, _ = self.direction(way.usually)
            back = turns * np.array([1.0, -1.0, -1.0, -1.0])
            return turned(turns, _unit(turned(back, vector).mean(axis=0, keepdims=True))), seen
        palm = self.resting_palm(str(way.rest_palm))
        return turned(turns, palm[None]), REST_PALM_CONFIDENCE * seen

    def resting_palm(self, side: str) -> FloatArray:
        """Return where a palm faces in the skeleton at rest, by the posture of its arm."""
        rest = self.source.rest
        if rest is None:
            raise _AbsentError("a skeleton at rest")
        still = _Reader(NamedPoints(self.source.labels, rest[None], 1.0), self.skeleton, None)
        at = {name: still.joint(name)[0][0][0] for name in NEEDED_JOINTS}
        across = _unit(at[f"{side}_hip"] - at[f"{_OTHER[side]}_hip"])
        up = sum(at[f"{s}_shoulder"] - at[f"{s}_hip"] for s in PALM_SIDES)
        up = _unit(up - across * (up @ across))
        arm = _unit(at[f"{side}_wrist"] - at[f"{side}_shoulder"])
        outward = _unit(at[f"{side}_shoulder"] - at[f"{_OTHER[side]}_shoulder"])
        if outward @ across > LEVEL:
            if arm @ across > LEVEL:
                return -up
            if arm @ up < -LEVEL:
                return -across
        raise _AbsentError("a skeleton at rest with level or hanging arms")

    def hinge(self, way: Direction) -> Seen:
        """Return the knee's axis, pointing outward; constant in the frame of hip, knee, thigh.

        It is where the shank moves least, seen from the thigh; where the knee hardly bends
        it is the outward direction.
        """
        at = {part: self.point(way.hinge[part]) for part in ("hip", "knee", "thigh", "ankle")}
        outward, known = self.direction(way.hinge["outward"])
        knee = at["knee"][0]
        along = _unit(at["hip"][0] - knee)
        side = at["thigh"][0] - knee
        side = _unit(side - along * (side * along).sum(axis=1, keepdims=True))
        frame = np.stack([along, side, np.cross(along, side)], axis=2)  # (T, 3, 3), columns
        shank = np.einsum("tij,ti->tj", frame, _unit(at["ankle"][0] - knee))
        usual = np.einsum("tij,ti->j", frame, outward)
        usual /= max(float(np.linalg.norm(usual)), 1e-12)
        spread = shank.T @ shank / len(shank) + HINGE_PRIOR * (np.eye(3) - np.outer(usual, usual))
        axis = np.linalg.eigh(spread)[1][:, 0]
        found = np.einsum("tij,j->ti", frame, axis)
        found = found * np.sign((found * outward).sum(axis=1).mean())
        return np.asarray(found), np.min([known, *(seen for _, seen in at.values())], axis=0)


_OTHER = {"left": "right", "right": "left"}


def _plain(name: str) -> str:
    """Return a name as names are compared: no prefix, case, blank or punctuation."""
    name = RIG_PREFIX.sub("", name.strip())
    return re.sub(r"[^a-z0-9]", "", name.rpartition(":")[2].lower())


def _some(labels: tuple[str, ...]) -> str:
    shown = ", ".join(labels[:12])
    return shown if len(labels) <= 12 else f"{shown} and {len(labels) - 12} more"


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))
