"""The robot of the page: its links, how joints turn them, and what they look like."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np

from robodance.performance.preview.tracks import packed_integers
from robodance.performance.shell import SHAPES_FILE, shell
from robodance.performance.surfaces import Mesh, disc, ellipsoid, joined, moved
from robodance.robots.kinematics import topological_joints
from robodance.robots.model import RobotModel
from robodance.values import FloatArray

__all__ = ["robot_figure"]

STEP_M = 2e-5
DEFAULT_COLOUR = (0.8, 0.8, 0.8)
FLIP = np.array([1.0, -1.0, 1.0])

Look = dict[tuple[str, str], Mesh]


def robot_figure(robot: RobotModel) -> dict[str, Any]:
    """Return links, meshes and soles as plain values.

    A mesh that mirrors another one (``R...`` and ``L...``) says so instead of coming twice.
    """
    root = ElementTree.parse(robot.urdf).getroot()
    links: list[dict[str, Any]] = [
        {"name": robot.base_link, "parent": None, "origin": [0.0, 0.0, 0.0]}
    ]
    links += [
        {
            "name": joint.child,
            "parent": joint.parent,
            "origin": joint.origin_m.tolist(),
            "axis": joint.axis.tolist(),
            "column": robot.index(joint.name),
        }
        for joint in topological_joints(robot)
    ]
    links += _fixed_links(root)
    table = robot.urdf.with_name(SHAPES_FILE)
    dressed: Look = shell(table) if table.is_file() else {}
    look = _primitives(root, but={link for link, _ in dressed}) | dressed
    return {
        "links": links,
        "meshes": _meshes(look),
        "colours": _colours(root),
        "soles": [
            {
                "link": robot.feet[side],
                "outline": np.round(robot.soles_m[side], 5).tolist(),
                "height": robot.sole_height_m,
                "support": number,
            }
            for number, side in ((1, "left"), (2, "right"))
        ],
    }


def _fixed_links(root: ElementTree.Element) -> list[dict[str, Any]]:
    found = []
    for joint in root.findall("joint"):
        parent, child = joint.find("parent"), joint.find("child")
        if joint.get("type") == "fixed" and parent is not None and child is not None:
            origin = _numbers(joint.find("origin"), "xyz").tolist()
            found.append({
                "name": child.get("link"),
                "parent": parent.get("link"),
                "origin": origin,
            })
    return found


def _colours(root: ElementTree.Element) -> dict[str, list[float]]:
    """Return the named materials, red, green, blue 0..1."""
    colours = {"": list(DEFAULT_COLOUR)}
    for material in root.iter("material"):
        colour = material.find("color")
        if colour is not None:
            rgba = [float(number) for number in str(colour.get("rgba")).split()]
            colours[str(material.get("name"))] = rgba[:3]
    return colours


def _meshes(look: Look) -> list[dict[str, Any]]:
    meshes: list[dict[str, Any]] = []
    for (link, colour), mesh in look.items():
        entry: dict[str, Any] = {"link": link, "colour": colour}
        twin = look.get(("L" + link[1:], colour)) if link.startswith("R") else None
        if twin is not None and np.allclose(mesh.points, FLIP * twin.points):
            entry["mirrors"] = "L" + link[1:]
        else:
            steps = np.round(mesh.points / STEP_M).astype(np.int64)
            entry["step"] = STEP_M
            entry["points"] = packed_integers(np.diff(steps, axis=0, prepend=0).ravel())
            entry["faces"] = packed_integers(np.diff(mesh.faces.ravel(), prepend=0))
        meshes.append(entry)
    return meshes


def _primitives(root: ElementTree.Element, but: set[str]) -> Look:
    """Return what the URDF's boxes, cylinders and spheres look like; ``but`` names links."""
    look: Look = {}
    for link in root.findall("link"):
        if link.get("name") in but:
            continue
        parts: dict[str, list[Mesh]] = {}
        for visual in link.findall("visual"):
            mesh = _primitive(visual.find("geometry"))
            material = visual.find("material")
            name = "" if material is None else str(material.get("name"))
            if mesh is not None:
                origin = visual.find("origin")
                placed = moved(mesh, _numbers(origin, "xyz"), _numbers(origin, "rpy").tolist())
                parts.setdefault(name, []).append(placed)
        for colour, meshes in parts.items():
            look[str(link.get("name")), colour] = joined(meshes)
    return look


def _primitive(geometry: ElementTree.Element | None) -> Mesh | None:
    """Return a primitive's surface; None for meshes from files, which the page leaves out."""
    if geometry is None:
        return None
    box, cylinder, sphere = (geometry.find(kind) for kind in ("box", "cylinder", "sphere"))
    if box is not None:
        return _box(_numbers(box, "size"))
    if cylinder is not None:
        radius, length = (float(str(cylinder.get(key))) for key in ("radius", "length"))
        return disc(radius, length, "z")
    if sphere is not None:
        return ellipsoid(np.full(3, float(str(sphere.get("radius")))))
    return None


def _box(size_m: FloatArray) -> Mesh:
    """Return a box whose sides have corners of their own, so that its edges stay sharp."""
    points: list[FloatArray] = []
    normals: list[FloatArray] = []
    faces: list[list[int]] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            normal = np.zeros(3)
            normal[axis] = sign
            u, v = _across(axis, sign)
            corners = [normal + a * u + b * v for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            first = len(points)
            points += corners
            normals += [normal] * 4
            faces += [[first, first + 1, first + 2], [first, first + 2, first + 3]]
    return Mesh(np.array(points) * size_m / 2.0, np.array(normals), np.array(faces))


def _across(axis: int, sign: float) -> tuple[FloatArray, FloatArray]:
    """Return two axes whose cross product is the signed axis."""
    u, v = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
    return (u, v) if sign > 0 else (v, u)


def _numbers(element: ElementTree.Element | None, key: str) -> FloatArray:
    text = None if element is None else element.get(key)
    return np.array([float(number) for number in (text or "0 0 0").split()])
