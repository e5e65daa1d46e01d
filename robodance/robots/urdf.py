"""Read the bodies and revolute joints of a URDF.

Only what a description needs: masses, joint origins, axes and limits. Bodies on fixed
joints are merged into the body that carries them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robodance.errors import ConfigError
from robodance.robots.model import Joint, Link
from robodance.values import FloatArray

__all__ = ["JointLimit", "UrdfBodies", "read_urdf"]


@dataclass(frozen=True)
class JointLimit:
    """The ``<limit>`` of a joint: rad, rad/s and Nm."""

    lower: float
    upper: float
    velocity: float
    effort: float


@dataclass(frozen=True)
class UrdfBodies:
    """What was read: the base link first, parents before children.

    Attributes:
        links: One per revolute joint, and the base link.
        joints: The revolute joints.
        limits: Joint name to its limit.
    """

    links: tuple[Link, ...]
    joints: tuple[Joint, ...]
    limits: dict[str, JointLimit]


@dataclass(frozen=True)
class _Edge:
    """A joint as it stands in the file; a fixed one has no limit."""

    joint: Joint
    limit: JointLimit | None


def read_urdf(path: Path, base_link: str) -> UrdfBodies:
    """Read a URDF whose joint frames are all parallel at the zero pose.

    Args:
        path: The file.
        base_link: Name of the root link.

    Raises:
        ConfigError: The file cannot be read, or a joint is neither revolute nor fixed,
            is turned against its parent, or has no limit.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give a URDF file") from error
    except ElementTree.ParseError as error:
        raise ConfigError(f"{path}: not valid XML ({error})") from error
    bodies = {link.name: link for link in (_link(path, e) for e in root.findall("link"))}
    if base_link not in bodies:
        raise ConfigError(f"{path}: there is no link {base_link!r}")
    edges = [_edge(path, element) for element in root.findall("joint")]
    links: list[Link] = []
    joints: list[Joint] = []
    limits: dict[str, JointLimit] = {}

    def visit(name: str) -> None:
        fixed = [e.joint for e in edges if e.joint.parent == name and e.limit is None]
        for joint in fixed:
            if any(e.joint.parent == joint.child for e in edges):
                raise ConfigError(f"{path}: something hangs on {joint.child!r}, which is fixed")
        links.append(_merged(bodies[name], [(bodies[joint.child], joint) for joint in fixed]))
        for edge in edges:
            if edge.joint.parent == name and edge.limit is not None:
                joints.append(edge.joint)
                limits[edge.joint.name] = edge.limit
                visit(edge.joint.child)

    visit(base_link)
    return UrdfBodies(tuple(links), tuple(joints), limits)


def _numbers(text: str | None, default: str) -> FloatArray:
    return np.array([float(number) for number in (text or default).split()])


def _link(path: Path, element: ElementTree.Element) -> Link:
    name = element.get("name", "")
    inertial = element.find("inertial")
    mass = None if inertial is None else inertial.find("mass")
    inertia = None if inertial is None else inertial.find("inertia")
    if inertial is None or mass is None or inertia is None:
        raise ConfigError(f"{path}: link {name!r} has no mass or no inertia")
    origin = inertial.find("origin")
    centre = np.zeros(3) if origin is None else _numbers(origin.get("xyz"), "0 0 0")
    if origin is not None and _numbers(origin.get("rpy"), "0 0 0").any():
        raise ConfigError(f"{path}: link {name!r}: state the inertia along the link's axes (rpy 0)")
    xx, xy, xz, yy, yz, zz = (
        float(inertia.get(key, "0")) for key in ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
    )
    tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    return Link(name, float(mass.get("value", "0")), centre, tensor)


def _edge(path: Path, element: ElementTree.Element) -> _Edge:
    name, kind = element.get("name", ""), element.get("type", "")
    if kind not in {"revolute", "fixed"}:
        raise ConfigError(f"{path}: joint {name!r} is {kind}; only revolute and fixed are known")
    parent, child = element.find("parent"), element.find("child")
    if parent is None or child is None:
        raise ConfigError(f"{path}: joint {name!r} has no parent or no child")
    origin, axis, limit = (element.find(tag) for tag in ("origin", "axis", "limit"))
    if origin is not None and _numbers(origin.get("rpy"), "0 0 0").any():
        raise ConfigError(f"{path}: joint {name!r} is turned against its parent; rpy must be 0 0 0")
    at = np.zeros(3) if origin is None else _numbers(origin.get("xyz"), "0 0 0")
    direction = _numbers(None if axis is None else axis.get("xyz"), "1 0 0")
    joint = Joint(
        name,
        parent.get("link", ""),
        child.get("link", ""),
        at,
        direction / np.linalg.norm(direction),
    )
    if kind == "fixed":
        return _Edge(joint, None)
    if limit is None:
        raise ConfigError(f"{path}: joint {name!r} has no <limit>")
    lower, upper, velocity, effort = (
        float(limit.get(key, "0")) for key in ("lower", "upper", "velocity", "effort")
    )
    return _Edge(joint, JointLimit(lower, upper, velocity, effort))


def _merged(body: Link, fixed: list[tuple[Link, Joint]]) -> Link:
    """Add the bodies that are fixed to ``body`` (parallel-axis theorem)."""
    if not fixed:
        return body
    parts = [(body.mass_kg, body.com_m, body.inertia_kg_m2)]
    parts += [
        (link.mass_kg, joint.origin_m + link.com_m, link.inertia_kg_m2) for link, joint in fixed
    ]
    mass = sum(part[0] for part in parts)
    centre = sum((m * c for m, c, _ in parts), np.zeros(3)) / mass
    tensor = np.zeros((3, 3))
    for part_mass, part_centre, part_tensor in parts:
        arm = part_centre - centre
        tensor += part_tensor + part_mass * (arm @ arm * np.eye(3) - np.outer(arm, arm))
    return Link(body.name, mass, centre, tensor)
