"""What a robot is, whoever moves it: bodies, joints, limits, shapes and named points.

A robot is a YAML file (``configs/robots/NAME.yaml``: roles, limits, postures, capsules)
and a URDF (bodies and joints). Everything is by name; a new robot needs no new code.

Frames: x forward, y left, z up. At the zero pose every joint frame is parallel to the
base link's, so a joint is an origin and an axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from robodance.errors import ConfigError
from robodance.resources import data_path
from robodance.values import FloatArray, frozen_array

__all__ = [
    "Capsule",
    "CoupledLimit",
    "Joint",
    "Link",
    "RobotModel",
    "load_robot",
]


@dataclass(frozen=True)
class Link:
    """A rigid body that one joint moves (the base link: none).

    Attributes:
        name: Its name in the URDF; bodies fixed to it are counted in.
        mass_kg: Its mass.
        com_m: Shape (3,), centre of mass in the link's frame.
        inertia_kg_m2: Shape (3, 3), about the centre of mass, link axes.
    """

    name: str
    mass_kg: float
    com_m: FloatArray
    inertia_kg_m2: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "com_m", frozen_array(self.com_m))
        object.__setattr__(self, "inertia_kg_m2", frozen_array(self.inertia_kg_m2))


@dataclass(frozen=True)
class Joint:
    """A revolute joint; its frame is the child's and is parallel to the parent's at zero.

    Attributes:
        name: NAOqi name.
        parent: Link it hangs on.
        child: Link it moves.
        origin_m: Shape (3,), where it is in the parent's frame.
        axis: Shape (3,), unit vector; angles follow the right-hand rule.
    """

    name: str
    parent: str
    child: str
    origin_m: FloatArray
    axis: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin_m", frozen_array(self.origin_m))
        object.__setattr__(self, "axis", frozen_array(self.axis))


@dataclass(frozen=True)
class Capsule:
    """All points within ``radius_m`` of a segment: one piece of the collision model.

    Attributes:
        name: Its name in the robot's YAML.
        link: Link it is fixed to.
        start_m: Shape (3,), one end of the segment, in the link's frame.
        end_m: Shape (3,), the other end; equal to the first for a sphere.
        radius_m: Its radius.
    """

    name: str
    link: str
    start_m: FloatArray
    end_m: FloatArray
    radius_m: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "start_m", frozen_array(self.start_m))
        object.__setattr__(self, "end_m", frozen_array(self.end_m))


@dataclass(frozen=True)
class CoupledLimit:
    """A joint whose range depends on another joint, piecewise linear between the rows.

    Attributes:
        joint: The limited joint.
        driver: The joint that decides.
        driver_rad: Shape (K,), rising.
        lower_rad: Shape (K,), lowest angle of ``joint`` at each row.
        upper_rad: Shape (K,), highest.
    """

    joint: str
    driver: str
    driver_rad: FloatArray
    lower_rad: FloatArray
    upper_rad: FloatArray

    def __post_init__(self) -> None:
        for name in ("driver_rad", "lower_rad", "upper_rad"):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))


@dataclass(frozen=True)
class RobotModel:
    """Everything the planner, the simulation and the report know about a robot.

    J counts ``joint_names``, in the order of NAOqi's ``getBodyNames("Body")``: 25 axes,
    the hip-yaw-pitch motor under both its names, and the two hands, whose unit is a
    fraction from 0 (closed) to 1 (open).

    Attributes:
        name: Name of the description.
        urdf: Its URDF file.
        base_link: The trunk.
        joint_names: J names.
        joints: The revolute ones, parents before children.
        links: The base link, then the child of each joint in ``joints``.
        mirrored_joints: Joint to the joint it always equals (one motor, two names).
        position_limits_rad: Shape (J, 2).
        velocity_limits_rad_s: Shape (J,), the minimum over the documented sources.
        effort_limits_nm: Shape (J,), what the simulated motors can give.
        nominal_torques_nm: Shape (J,), what a motor can give for ever, without gear losses.
        coupled_limits: Limits that depend on another joint.
        postures: Name to (J,); documented, rounded to 1e-4 rad, then put inside the limits.
        standing_postures: Those in which both soles are flat on the floor.
        capsules: The collision model.
        collision_pairs: Indices into ``capsules``: all pairs that can touch, and are not
            joined by the robot's structure.
        soles_m: Side to (P, 2), convex, counter-clockwise, in the foot link's frame.
        sole_height_m: The sole lies this far under the foot link's origin.
        feet: Side to foot link.
        landmarks: Points that correspond to the dancer's joints, by the dancer's names:
            link and position in it, shape (3,).
        hands: Names of the joints that are fractions.
    """

    name: str
    urdf: Path
    base_link: str
    joint_names: tuple[str, ...]
    joints: tuple[Joint, ...] = field(repr=False)
    links: tuple[Link, ...] = field(repr=False)
    mirrored_joints: Mapping[str, str] = field(repr=False)
    position_limits_rad: FloatArray = field(repr=False)
    velocity_limits_rad_s: FloatArray = field(repr=False)
    effort_limits_nm: FloatArray = field(repr=False)
    nominal_torques_nm: FloatArray = field(repr=False)
    coupled_limits: tuple[CoupledLimit, ...] = field(repr=False)
    postures: Mapping[str, FloatArray] = field(repr=False)
    standing_postures: tuple[str, ...]
    capsules: tuple[Capsule, ...] = field(repr=False)
    collision_pairs: tuple[tuple[int, int], ...] = field(repr=False)
    soles_m: Mapping[str, FloatArray] = field(repr=False)
    sole_height_m: float
    feet: Mapping[str, str]
    landmarks: Mapping[str, tuple[str, FloatArray]] = field(repr=False)
    hands: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in (
            "position_limits_rad",
            "velocity_limits_rad_s",
            "effort_limits_nm",
            "nominal_torques_nm",
        ):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))
        for name in ("mirrored_joints", "feet"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for name in ("postures", "soles_m"):
            arrays = {key: frozen_array(value) for key, value in getattr(self, name).items()}
            object.__setattr__(self, name, MappingProxyType(arrays))
        points = {key: (link, frozen_array(at)) for key, (link, at) in self.landmarks.items()}
        object.__setattr__(self, "landmarks", MappingProxyType(points))

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make it again in another process: read-only views do not travel."""
        values = [getattr(self, part.name) for part in fields(self)]
        plain = [dict(v) if isinstance(v, MappingProxyType) else v for v in values]
        return type(self), tuple(plain)

    @property
    def mass_kg(self) -> float:
        """Mass of the whole robot."""
        return sum(link.mass_kg for link in self.links)

    def index(self, name: str) -> int:
        """Return the column of a joint in every (J,) array.

        Raises:
            ConfigError: The robot has no such joint.
        """
        if name not in self.joint_names:
            raise ConfigError(f"{self.name}: no joint {name!r}; {advice(name, self.joint_names)}")
        return self.joint_names.index(name)

    def posture(self, name: str) -> FloatArray:
        """Return a named posture, shape (J,).

        Raises:
            ConfigError: The robot has no such posture.
        """
        if name not in self.postures:
            raise ConfigError(f"{self.name}: no posture {name!r}; {advice(name, self.postures)}")
        return self.postures[name]


def load_robot(name_or_path: str | Path) -> RobotModel:
    """Read a robot's description.

    Args:
        name_or_path: Name of a shipped one (``nao_v6``), or the path of a YAML file.

    Raises:
        ConfigError: There is no such robot, or its files hold something wrong.
    """
    from robodance.robots.description import read_robot

    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith((".yaml", ".yml")) or "/" in text:
        return read_robot(Path(name_or_path))
    folder = data_path("configs") / "robots"
    names = sorted(file.stem for file in folder.glob("*.yaml"))
    if text not in names:
        raise ConfigError(f"unknown robot {text!r}; {advice(text, names)}, or give a YAML file")
    return read_robot(folder / f"{text}.yaml")


def advice(name: str, allowed: Mapping[str, object] | tuple[str, ...] | list[str]) -> str:
    """Return the part of an error message that helps with a misspelt name."""
    hint = get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return f"did you mean {hint[0]!r}?" if hint else f"known: {', '.join(allowed)}"
