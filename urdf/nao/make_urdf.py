#!/usr/bin/env python3
"""Write nao_v5.urdf and nao_v6.urdf: bodies, looks, capsules and soles.

Run it without arguments after a change to ``table.yaml``, ``primitives.yaml`` or
``configs/robots/nao_*.yaml``; a test compares the files with its output.

Everything is a box, a cylinder or a sphere, which every URDF reader knows; a capsule is a
cylinder and two spheres. For contact a foot is boxes inside the convex hull of its sole:
few contact points, so the physics is fast. Each hand is a link of its own on a fixed joint
(its opening is a fraction, not an angle); what it weighs is taken off the wrist's body, so
that both together weigh what the documents say.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

HERE = Path(__file__).resolve().parent
CONFIGS = HERE.parents[1] / "configs" / "robots"
VERSIONS = ("v5", "v6")

Vector = list[float]
Primitive = tuple[str, dict[str, str], Vector, Vector]  # tag, sizes, position, direction of z


def main() -> None:
    """Write both files."""
    for version in VERSIONS:
        (HERE / f"nao_{version}.urdf").write_text(urdf_text(version), encoding="utf-8")


def urdf_text(version: str) -> str:
    """Return the URDF of NAO ``v5`` or ``v6``."""
    table = yaml.safe_load((HERE / "table.yaml").read_text(encoding="utf-8"))
    roles = yaml.safe_load((CONFIGS / "nao_v6.yaml").read_text(encoding="utf-8"))
    links = {**table["links"], **table[f"links_{version}"]}
    robot = ElementTree.Element("robot", name=f"nao_{version}")
    robot.append(ElementTree.Comment(" Written by make_urdf.py; change its tables instead. "))
    looks = yaml.safe_load((HERE / "primitives.yaml").read_text(encoding="utf-8"))
    for name, rgba in looks["colours"].items():
        material = ElementTree.SubElement(robot, "material", name=name)
        ElementTree.SubElement(material, "color", rgba=_text(rgba))
    for name, body in with_hands(links, table["hands"]).items():
        link = ElementTree.SubElement(robot, "link", name=name)
        _inertial(link, body)
        for colour, primitive in looks_of(name, looks["links"]):
            visual = _add_primitive(link, "visual", primitive)
            ElementTree.SubElement(visual, "material", name=colour)
        if name in roles["feet"].values():
            _sole(link, table["sole_boxes"], 1 if name == roles["feet"]["left"] else -1)
            continue
        for capsule in roles["capsules"].values():
            if capsule["link"] == name:
                ends = [capsule["from"], capsule.get("to", capsule["from"])]
                for primitive in _tube(capsule["radius"], ends):
                    _add_primitive(link, "collision", primitive)
    for name, joint in table["joints"].items():
        speed = min(joint["velocity"]["ros"], joint["velocity"][version])
        _joint(robot, name, joint, speed)
    for name, hand in table["hands"].items():
        _fixed(robot, name, hand)
    ElementTree.indent(robot)
    return ElementTree.tostring(robot, encoding="unicode", xml_declaration=False) + "\n"


def with_hands(links: dict[str, Any], hands: dict[str, Any]) -> dict[str, Any]:
    """Split each hand off the body that carries it; mass, centre and inertia stay in sum."""
    bodies = dict(links)
    for hand in hands.values():
        whole = links[hand["parent"]]
        at = [o + c for o, c in zip(hand["origin"], hand["com"], strict=True)]
        mass = whole["mass"] - hand["mass"]
        com = [
            (whole["mass"] * w - hand["mass"] * h) / mass
            for w, h in zip(whole["com"], at, strict=True)
        ]
        inertia = _add(whole["inertia"], _shift(whole["mass"], whole["com"]), 1)
        inertia = _add(inertia, _add(hand["inertia"], _shift(hand["mass"], at), 1), -1)
        inertia = _add(inertia, _shift(mass, com), -1)
        bodies[hand["parent"]] = {"mass": mass, "com": com, "inertia": inertia}
        bodies[hand["child"]] = {key: hand[key] for key in ("mass", "com", "inertia")}
    return bodies


def _add(a: Vector, b: Vector, sign: int) -> Vector:
    return [x + sign * y for x, y in zip(a, b, strict=True)]


def _shift(mass: float, r: Vector) -> Vector:
    """Parallel-axis term of a mass at ``r``: xx xy xz yy yz zz."""
    x, y, z = r
    return [
        mass * (y * y + z * z),
        -mass * x * y,
        -mass * x * z,
        mass * (x * x + z * z),
        -mass * y * z,
        mass * (x * x + y * y),
    ]


def looks_of(link: str, looks: dict[str, Any]) -> Iterator[tuple[str, Primitive]]:
    """Return a link's colours and primitives; the right side mirrors the left one."""
    mirror = link not in looks
    for entry in looks["L" + link[1:] if mirror else link]:
        for side in (True, False) if entry.get("both") else (mirror,):
            for primitive in _primitives(_mirrored(entry) if side else entry):
                yield entry["colour"], primitive


def _mirrored(entry: dict[str, Any]) -> dict[str, Any]:
    """Exchange left and right."""
    flipped = dict(entry)
    for key in ("at", "towards"):
        if key in entry:
            flipped[key] = _flip(entry[key])
    if "through" in entry:
        flipped["through"] = [_flip(point) for point in entry["through"]]
    return flipped


def _flip(point: Vector) -> Vector:
    return [point[0], -point[1], point[2]]


def _primitives(entry: dict[str, Any]) -> list[Primitive]:
    """Return the primitives of one entry of primitives.yaml."""
    if "tube" in entry:
        return _tube(entry["tube"], entry["through"])
    if "sphere" in entry:
        return [("sphere", {"radius": _text([entry["sphere"]])}, entry["at"], [0, 0, 1])]
    if "box" in entry:
        return [("box", {"size": _text(entry["box"])}, entry["at"], [0, 0, 1])]
    radius, length = entry["cylinder"]
    size = {"radius": _text([radius]), "length": _text([length])}
    return [("cylinder", size, entry["at"], entry.get("towards", [0, 0, 1]))]


def _tube(radius: float, through: list[Vector]) -> list[Primitive]:
    """Return a sphere at each different point and cylinders from each to the next."""
    size = {"radius": _text([radius])}
    points = [p for k, p in enumerate(through) if k == 0 or p != through[k - 1]]
    parts: list[Primitive] = [("sphere", size, point, [0, 0, 1]) for point in points]
    for start, end in itertools.pairwise(points):
        along = [e - s for s, e in zip(start, end, strict=True)]
        middle = [(s + e) / 2 for s, e in zip(start, end, strict=True)]
        parts.append(("cylinder", {**size, "length": _text([math.hypot(*along)])}, middle, along))
    return parts


def _text(numbers: Vector) -> str:
    return " ".join(f"{number + 0.0:.9g}" for number in numbers)


def _origin(parent: ElementTree.Element, at: Vector, rpy: Vector) -> None:
    ElementTree.SubElement(parent, "origin", xyz=_text(at), rpy=_text(rpy))


def _inertial(link: ElementTree.Element, body: dict[str, Any]) -> None:
    inertial = ElementTree.SubElement(link, "inertial")
    _origin(inertial, body["com"], [0, 0, 0])
    ElementTree.SubElement(inertial, "mass", value=_text([body["mass"]]))
    names = ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
    values = {n: _text([v]) for n, v in zip(names, body["inertia"], strict=True)}
    ElementTree.SubElement(inertial, "inertia", values)


def _add_primitive(
    link: ElementTree.Element, use: str, primitive: Primitive
) -> ElementTree.Element:
    """Add a ``visual`` or a ``collision`` with one primitive, its z axis turned."""
    tag, sizes, at, towards = primitive
    pitch = math.acos(towards[2] / math.hypot(*towards))  # z onto it: Rz(yaw) Ry(pitch)
    yaw = math.atan2(towards[1], towards[0])
    element = ElementTree.SubElement(link, use)
    _origin(element, at, [0, pitch, yaw])
    ElementTree.SubElement(ElementTree.SubElement(element, "geometry"), tag, sizes)
    return element


def _sole(link: ElementTree.Element, boxes: dict[str, Any], mirror: int) -> None:
    for x_min, x_max, y_min, y_max in boxes["extents"]:
        bottom, top = boxes["z"]
        at = [(x_min + x_max) / 2, mirror * (y_min + y_max) / 2, (bottom + top) / 2]
        size = [x_max - x_min, y_max - y_min, top - bottom]
        _add_primitive(link, "collision", ("box", {"size": _text(size)}, at, [0, 0, 1]))


def _joint(robot: ElementTree.Element, name: str, joint: dict[str, Any], speed: float) -> None:
    element = ElementTree.SubElement(robot, "joint", name=name, type="revolute")
    ElementTree.SubElement(element, "parent", link=joint["parent"])
    ElementTree.SubElement(element, "child", link=joint["child"])
    _origin(element, joint["origin"], [0, 0, 0])
    ElementTree.SubElement(element, "axis", xyz=_text(joint["axis"]))
    limit = {
        "lower": _text([joint["lower"]]),
        "upper": _text([joint["upper"]]),
        "velocity": _text([speed]),
        "effort": _text([joint["effort"]]),
    }
    ElementTree.SubElement(element, "limit", limit)


def _fixed(robot: ElementTree.Element, name: str, hand: dict[str, Any]) -> None:
    element = ElementTree.SubElement(robot, "joint", name=name, type="fixed")
    ElementTree.SubElement(element, "parent", link=hand["parent"])
    ElementTree.SubElement(element, "child", link=hand["child"])
    _origin(element, hand["origin"], [0, 0, 0])


if __name__ == "__main__":
    main()
