"""Read a robot's YAML and put it together with its URDF into a ``RobotModel``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robodance.errors import ConfigError
from robodance.robots.model import Capsule, CoupledLimit, RobotModel, advice
from robodance.robots.urdf import JointLimit, UrdfBodies, read_urdf
from robodance.settings import read_yaml
from robodance.values import FloatArray

__all__ = ["read_robot"]

POSTURE_ROUNDING_RAD = 1e-4  # documented postures are rounded to four decimals
ALLOWED = (
    "based_on",
    "base_link",
    "capsules",
    "collision_pairs",
    "coupled_limits",
    "feet",
    "hands",
    "joint_names",
    "landmarks",
    "mirrored_joints",
    "name",
    "nominal_torques_nm",
    "postures",
    "sole_height_m",
    "soles_m",
    "standing_postures",
    "urdf",
)


def read_robot(path: Path) -> RobotModel:
    """Read a robot's description.

    Args:
        path: A YAML file like ``configs/robots/nao_v6.yaml``.

    Raises:
        ConfigError: A file cannot be read, a key is unknown or missing, or a name in it
            is not the robot's.
    """
    tree = _read_tree(path)
    urdf = (path.parent / str(_need(tree, "urdf", path))).resolve()
    bodies = read_urdf(urdf, str(_need(tree, "base_link", path)))
    joint_names = tuple(_need(tree, "joint_names", path))
    hands: Mapping[str, Mapping[str, float]] = _need(tree, "hands", path)
    limits = {
        **bodies.limits,
        **{h: JointLimit(0.0, 1.0, v["velocity"], v["effort"]) for h, v in hands.items()},
    }
    _check_names(path, "joint_names", joint_names, tuple(limits))
    _check_names(path, "joint_names", tuple(limits), joint_names)
    position_limits = np.array([(limits[n].lower, limits[n].upper) for n in joint_names])
    capsules = _capsules(path, _need(tree, "capsules", path), bodies)
    try:
        return RobotModel(
            name=str(_need(tree, "name", path)),
            urdf=urdf,
            base_link=tree["base_link"],
            joint_names=joint_names,
            joints=bodies.joints,
            links=bodies.links,
            mirrored_joints=tree.get("mirrored_joints", {}),
            position_limits_rad=position_limits,
            velocity_limits_rad_s=np.array([limits[n].velocity for n in joint_names]),
            effort_limits_nm=np.array([limits[n].effort for n in joint_names]),
            nominal_torques_nm=_per_joint(path, tree, "nominal_torques_nm", joint_names),
            coupled_limits=_coupled(path, tree.get("coupled_limits", []), joint_names),
            postures=_postures(path, _need(tree, "postures", path), position_limits),
            standing_postures=tuple(_need(tree, "standing_postures", path)),
            capsules=capsules,
            collision_pairs=_pairs(path, tree.get("collision_pairs", {}), capsules),
            soles_m={s: convex_hull(np.array(p)) for s, p in _need(tree, "soles_m", path).items()},
            sole_height_m=float(_need(tree, "sole_height_m", path)),
            feet=_need(tree, "feet", path),
            landmarks={n: (e[0], np.array(e[1:])) for n, e in tree.get("landmarks", {}).items()},
            hands=tuple(hands),
        )
    except (TypeError, AttributeError, KeyError) as error:
        raise ConfigError(f"{path}: a value has the wrong form ({error!r})") from error


def _read_tree(path: Path) -> dict[str, Any]:
    """Read the YAML, laid over the one it is based on."""
    tree = read_yaml(path)
    for key in tree:
        if key not in ALLOWED:
            raise ConfigError(f"{path}: unknown key {key!r}; {advice(str(key), ALLOWED)}")
    if "based_on" not in tree:
        return tree
    base = _read_tree(path.parent / str(tree.pop("based_on")))
    for key, value in tree.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        base[key] = {**base[key], **value} if both else value
    return base


def _need(tree: Mapping[str, Any], key: str, path: Path) -> Any:
    if key not in tree:
        raise ConfigError(f"{path}: the key {key!r} is missing")
    return tree[key]


def _check_names(path: Path, key: str, found: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    for name in found:
        if name not in allowed:
            raise ConfigError(f"{path}: {key}: unknown name {name!r}; {advice(name, allowed)}")


def _per_joint(
    path: Path, tree: Mapping[str, Any], key: str, joint_names: tuple[str, ...]
) -> FloatArray:
    values: Mapping[str, float] = _need(tree, key, path)
    _check_names(path, key, joint_names, tuple(values))
    return np.array([values[name] for name in joint_names])


def _coupled(
    path: Path, entries: list[Mapping[str, Any]], joint_names: tuple[str, ...]
) -> tuple[CoupledLimit, ...]:
    limits = []
    for entry in entries:
        _check_names(path, "coupled_limits", (entry["joint"], entry["driver"]), joint_names)
        rows = np.array(entry["rows"], dtype=np.float64)  # (K, 3): driver, lower, upper
        if rows.ndim != 2 or rows.shape[1] != 3 or not (np.diff(rows[:, 0]) > 0).all():
            raise ConfigError(
                f"{path}: coupled_limits of {entry['joint']}: rows must be "
                "[driver, lower, upper] with rising driver"
            )
        limits.append(CoupledLimit(entry["joint"], entry["driver"], *rows.T))
    return tuple(limits)


def _postures(
    path: Path, entries: Mapping[str, list[float]], position_limits: FloatArray
) -> dict[str, FloatArray]:
    postures = {}
    for name, angles in entries.items():
        posture = np.array(angles, dtype=np.float64)
        if posture.shape != position_limits[:, 0].shape:
            raise ConfigError(
                f"{path}: posture {name!r} has {posture.size} angles, "
                f"expected {len(position_limits)}"
            )
        inside = np.clip(posture, *position_limits.T)
        if np.abs(inside - posture).max() > POSTURE_ROUNDING_RAD:
            raise ConfigError(f"{path}: posture {name!r} is outside the position limits")
        postures[name] = inside
    return postures


def _capsules(
    path: Path, entries: Mapping[str, Mapping[str, Any]], bodies: UrdfBodies
) -> tuple[Capsule, ...]:
    links = tuple(link.name for link in bodies.links)
    capsules = []
    for name, entry in entries.items():
        _check_names(path, f"capsules: {name}", (entry["link"],), links)
        start = np.array(entry["from"], dtype=np.float64)
        end = np.array(entry.get("to", entry["from"]), dtype=np.float64)
        capsules.append(Capsule(name, entry["link"], start, end, float(entry["radius"])))
    return tuple(capsules)


def _pairs(
    path: Path, entries: Mapping[str, list[str]], capsules: tuple[Capsule, ...]
) -> tuple[tuple[int, int], ...]:
    names = tuple(capsule.name for capsule in capsules)
    pairs = []
    for first, others in entries.items():
        _check_names(path, "collision_pairs", (first, *others), names)
        pairs += [(names.index(first), names.index(other)) for other in others]
    return tuple(pairs)


def convex_hull(points: FloatArray) -> FloatArray:
    """Return the corners of the convex hull, counter-clockwise (Andrew's monotone chain).

    Args:
        points: Shape (P, 2).

    Returns:
        Shape (Q, 2), Q <= P.
    """
    ordered = sorted(map(tuple, points.tolist()))
    lower = _half_hull(ordered)
    upper = _half_hull(ordered[::-1])
    return np.array(lower[:-1] + upper[:-1])


def _half_hull(ordered: list[tuple[float, ...]]) -> list[tuple[float, ...]]:
    hull: list[tuple[float, ...]] = []
    for point in ordered:
        while len(hull) >= 2 and _turn(hull[-2], hull[-1], point) <= 0.0:
            hull.pop()
        hull.append(point)
    return hull


def _turn(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
