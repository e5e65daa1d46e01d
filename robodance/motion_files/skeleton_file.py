"""Whose skeleton is it: YAML files that say where each of the 21 joints comes from.

``configs/skeletons/`` holds those for the formats in use; a person adds one for a skeleton
of their own. ``<side>`` and ``<s>`` in keys and values stand for left and right, ``l`` and
``r``: such an entry counts for both sides. The keys of a file:

==============  =====================================================================
about           one line for people
unit            ``m``, ``cm``, ``mm`` or ``inch``; left out: from the file, or found out
up              ``z``, ``y``, ``-y``, ...; left out: from the file, or found out
points          names of the points, in order, for files that hold bare arrays
fewest_points   so many of them, from the first, will do; left out: all
names           name to other names that files use for the same point, best first
directions      name to a direction, see ``Direction``
joints          joint to a place, see ``Place``; a joint left out is the point of its name
palms           ``left`` and ``right``: the direction in which the palm faces
==============  =====================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from robodance.errors import ConfigError
from robodance.resources import config_path
from robodance.settings import from_dict, read_yaml
from robodance.skeleton import JOINT_NAMES

__all__ = [
    "METRES_PER_UNIT",
    "UP_AXES",
    "Direction",
    "Place",
    "Skeleton",
    "load_skeleton",
    "shipped_skeletons",
]

METRES_PER_UNIT = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}
UP_AXES = ("x", "y", "z", "-x", "-y", "-z")
SIDES = ("left", "right")


@dataclass(frozen=True)
class Place:
    """Where a joint is.

    Attributes:
        of: Points (or other joints) whose mean it is.
        along: Direction to metres: moved so far from there.
        offset_m: Moved so far in the axes of the body ``of`` names, for files that know how
            bodies are turned.
        confidence: 0..1, how much the place deserves.
    """

    of: tuple[str, ...]
    along: Mapping[str, float] = field(default_factory=dict)
    offset_m: tuple[float, ...] | None = None
    confidence: float = 1.0


@dataclass(frozen=True)
class Direction:
    """A direction; exactly one way to find it is given.

    Attributes:
        start: With ``end``: from the mean of these points ...
        end: ... to the mean of these.
        cross: Across two directions, by the right hand.
        opposite: Of another direction.
        hinge: The axis of a knee, pointing outward: where the shank moves least, seen from
            the thigh. Names of the points ``hip``, ``knee``, ``thigh`` (on the thigh's
            side), ``ankle`` and the direction ``outward``.
        body: A body that carries the direction along, with one of the next three.
        axis: Its direction in the body's own axes.
        usually: The direction it has on average.
        rest_palm: ``left`` or ``right``: where that palm faces when the skeleton is at rest:
            down with level arms, to the thigh with hanging arms; else unknown.
    """

    start: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    cross: tuple[str, ...] = ()
    opposite: str | None = None
    hinge: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    axis: tuple[float, ...] = ()
    usually: str | None = None
    rest_palm: str | None = None


@dataclass(frozen=True)
class Skeleton:
    """One way to name and place a dancer's points.

    ``joints`` and ``directions`` hold alternatives, best first: the first counts whose
    points are all in the file.
    """

    name: str
    about: str
    metres_per_unit: float | None
    up: str | None
    points: tuple[str, ...]
    fewest_points: int
    names: Mapping[str, tuple[str, ...]] = field(repr=False)
    directions: Mapping[str, tuple[Direction, ...]] = field(repr=False)
    joints: Mapping[str, tuple[Place, ...]] = field(repr=False)
    palms: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class _File:
    """The keys of a file; what is under them is checked piece by piece."""

    about: str = ""
    unit: str | None = None
    up: str | None = None
    fewest_points: int | None = None


def shipped_skeletons() -> tuple[str, ...]:
    """Return the names of the skeletons that ship with robodance."""
    return tuple(sorted(file.stem for file in config_path("skeletons").glob("*.yaml")))


def load_skeleton(skeleton: str | Path) -> Skeleton:
    """Read a skeleton: the name of a shipped one, or a YAML file.

    Raises:
        ConfigError: There is no such skeleton, or it holds an unknown key or a wrong value.
    """
    name = str(skeleton)
    path = Path(name)
    if name in shipped_skeletons():
        path = config_path("skeletons") / f"{name}.yaml"
    elif path.suffix.lower() not in {".yaml", ".yml"}:
        raise ConfigError(
            f"skeleton {name!r} is neither a YAML file nor one of {', '.join(shipped_skeletons())}"
        )
    content = _both_sides(read_yaml(path), str(path))
    _only(content, {*_PLAIN, "points", *_TABLES}, str(path))
    rich = {key: content.pop(key, None) for key in ("points", *_TABLES)}
    plain = from_dict(_File, content, where=str(path))
    if plain.unit is not None and plain.unit not in METRES_PER_UNIT:
        raise ConfigError(f"{path}: unit: expected {', '.join(METRES_PER_UNIT)}")
    if plain.up is not None and plain.up not in UP_AXES:
        raise ConfigError(f"{path}: up: expected {', '.join(UP_AXES)}, found {plain.up!r}")
    tables = {key: _table(rich[key], f"{path}: {key}") for key in _TABLES}
    points = _names(rich["points"] or [], f"{path}: points")
    found = Skeleton(
        name=path.stem,
        about=plain.about,
        metres_per_unit=None if plain.unit is None else METRES_PER_UNIT[plain.unit],
        up=plain.up,
        points=points,
        fewest_points=len(points) if plain.fewest_points is None else plain.fewest_points,
        names={k: _names(v, f"{path}: names: {k}") for k, v in tables["names"].items()},
        directions={
            k: tuple(
                _direction(one, f"{path}: directions: {k}")
                for one in _alternatives(v, f"{path}: directions: {k}")
            )
            for k, v in tables["directions"].items()
        },
        joints={
            _joint(k, f"{path}: joints"): tuple(
                _place(one, f"{path}: joints: {k}")
                for one in _alternatives(v, f"{path}: joints: {k}")
            )
            for k, v in tables["joints"].items()
        },
        palms={_side(k, f"{path}: palms"): str(v) for k, v in tables["palms"].items()},
    )
    return _check_references(found, str(path))


_PLAIN = ("about", "unit", "up", "fewest_points")
_TABLES = ("names", "directions", "joints", "palms")


def _both_sides(content: dict[str, Any], where: str) -> dict[str, Any]:
    """Write every entry with <side> or <s> out for left and right."""
    for key in _TABLES:
        table = content.get(key)
        if not isinstance(table, Mapping):
            continue
        wide: dict[str, Any] = {}
        for name, value in table.items():
            if re.search(r"<(side|s|other)>", str(name)):
                wide |= {_for_side(str(name), side): _for_side(value, side) for side in SIDES}
            elif re.search(r"<(side|s|other)>", str(value)):
                raise ConfigError(f"{where}: {key}: {name}: <side> only stands under <side>")
            else:
                wide[str(name)] = value
        content = {**content, key: wide}
    return content


def _for_side(value: Any, side: str) -> Any:
    if isinstance(value, str):
        other = SIDES[1 - SIDES.index(side)]
        value = value.replace("<side>", side).replace("<other>", other)
        return value.replace("<s>", side[0])
    if isinstance(value, list):
        return [_for_side(item, side) for item in value]
    if isinstance(value, Mapping):
        return {_for_side(k, side): _for_side(item, side) for k, item in value.items()}
    return value


def _table(value: Any, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: expected 'name: ...' lines, found {value!r}")
    return value


def _alternatives(value: Any, where: str) -> list[Any]:
    if not isinstance(value, Mapping) or "first" not in value:
        return [value]
    if not isinstance(value["first"], list) or len(value) != 1 or not value["first"]:
        raise ConfigError(f"{where}: first: expected a list of alternatives, best first")
    return list(value["first"])


def _check_references(skeleton: Skeleton, where: str) -> Skeleton:
    """Refuse directions that nobody defines, and such as are defined by themselves."""
    needs = {
        name: {
            other
            for way in ways
            for other in (*way.cross, way.opposite, way.usually, way.hinge.get("outward"))
            if other
        }
        for name, ways in skeleton.directions.items()
    }
    used = {name for places in skeleton.joints.values() for p in places for name in p.along}
    for name in (*used, *skeleton.palms.values(), *(n for other in needs.values() for n in other)):
        if name not in needs:
            raise ConfigError(f"{where}: there is no direction {name!r}")
    open_ones = dict(needs)
    while done := {name for name, others in open_ones.items() if not others & set(open_ones)}:
        open_ones = {name: others for name, others in open_ones.items() if name not in done}
    if open_ones:
        raise ConfigError(f"{where}: directions need each other: {', '.join(open_ones)}")
    return skeleton


def _names(value: Any, where: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(type(n) in {str, int} for n in names):
        raise ConfigError(f"{where}: expected a name or a list of names, found {value!r}")
    return tuple(str(name) for name in names)


def _numbers(value: Any, where: str) -> tuple[float, ...]:
    fits = isinstance(value, list) and len(value) == 3
    if not fits or not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in value):
        raise ConfigError(f"{where}: expected three numbers, found {value!r}")
    return tuple(float(number) for number in value)


def _place(value: Any, where: str) -> Place:
    if not isinstance(value, Mapping):
        return Place(of=_names(value, where))
    _only(value, {"of", "along", "offset_m", "confidence"}, where)
    if not value.get("of"):
        raise ConfigError(f"{where}: the key 'of' is missing: the point or points it is at")
    along = _table(value.get("along"), f"{where}: along")
    confidence = value.get("confidence", 1.0)
    if not isinstance(confidence, (int, float)) or not 0.0 <= confidence <= 1.0:
        raise ConfigError(f"{where}: confidence must lie in 0..1, found {confidence!r}")
    for name, metres in along.items():
        if not isinstance(metres, (int, float)):
            raise ConfigError(f"{where}: along: {name}: expected metres, found {metres!r}")
    offset = value.get("offset_m")
    return Place(
        of=_names(value["of"], f"{where}: of"),
        along={str(name): float(metres) for name, metres in along.items()},
        offset_m=None if offset is None else _numbers(offset, f"{where}: offset_m"),
        confidence=float(confidence),
    )


def _direction(value: Any, where: str) -> Direction:
    table = _table(value, where)
    _only(
        table,
        {"from", "to", "cross", "opposite", "hinge", "body", "axis", "usually", "rest_palm"},
        where,
    )
    found = Direction(
        start=_names(table.get("from", []), f"{where}: from"),
        end=_names(table.get("to", []), f"{where}: to"),
        cross=_names(table.get("cross", []), f"{where}: cross"),
        opposite=table.get("opposite"),
        hinge=_table(table.get("hinge"), f"{where}: hinge"),
        body=table.get("body"),
        axis=_numbers(table["axis"], f"{where}: axis") if "axis" in table else (),
        usually=table.get("usually"),
        rest_palm=table.get("rest_palm"),
    )
    ways = [
        bool(found.start and found.end),
        len(found.cross) == 2,
        bool(found.opposite),
        set(found.hinge) == {"hip", "knee", "thigh", "ankle", "outward"},
        bool(found.body) and bool(found.axis or found.usually or found.rest_palm in SIDES),
    ]
    if sum(ways) != 1:
        raise ConfigError(
            f"{where}: expected one of from and to, cross (two), opposite, hinge (hip, knee, "
            "thigh, ankle, outward), or body with axis, usually or rest_palm"
        )
    return found


def _only(table: Mapping[str, Any], allowed: set[str], where: str) -> None:
    for key in table:
        if key not in allowed:
            hint = get_close_matches(str(key), allowed, n=1)
            advice = (
                f"did you mean {hint[0]!r}?" if hint else f"allowed: {', '.join(sorted(allowed))}"
            )
            raise ConfigError(f"{where}: unknown key {key!r}; {advice}")


def _joint(name: str, where: str) -> str:
    if name not in JOINT_NAMES:
        raise ConfigError(f"{where}: unknown joint {name!r}; there are {', '.join(JOINT_NAMES)}")
    return name


def _side(name: str, where: str) -> str:
    if name not in SIDES:
        raise ConfigError(f"{where}: expected left and right, found {name!r}")
    return name
