"""The smooth shell that a film's robot wears, computed from a table of shapes.

A URDF describes what a robot looks like with boxes, cylinders and spheres. A file
``shapes.yaml`` beside it may say it better (``urdf/nao/shapes.yaml`` explains the format):
then the film shows those shapes. They are computed for each film and kept nowhere.
"""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from robodance.errors import ConfigError
from robodance.performance.surfaces import (
    Mesh,
    disc,
    ellipsoid,
    joined,
    loft,
    mirrored,
    moved,
    ring,
    stacked,
)

__all__ = ["SHAPES_FILE", "dressed", "shell"]

SHAPES_FILE = "shapes.yaml"
KINDS = ("loft", "outline", "ellipsoid", "disc", "ring")


@contextmanager
def dressed(urdf: Path) -> Iterator[Path]:
    """Give the URDF to draw: with its shell where it has one, else the file itself.

    The dressed URDF and its meshes lie in a temporary folder that goes with the ``with``
    block. It has no collision shapes. Links that the shell leaves out keep theirs.

    Args:
        urdf: The robot's file.

    Raises:
        ConfigError: The table names an unknown link, colour (``<material>``) or shape.
    """
    table = urdf.with_name(SHAPES_FILE)
    if not table.is_file():
        yield urdf
        return
    with tempfile.TemporaryDirectory(prefix="robodance-") as name:
        folder = Path(name)
        tree = ElementTree.parse(urdf)
        _dress(tree.getroot(), table, folder)
        file = folder / urdf.name
        tree.write(file, encoding="utf-8")
        yield file


def shell(table: Path) -> dict[tuple[str, str], Mesh]:
    """Return the mesh of each link and colour; links named ``R...`` mirror ``L...``.

    Args:
        table: A file of shapes.

    Raises:
        ConfigError: A shape is of no known kind.
    """
    with table.open(encoding="utf-8") as stream:
        links = yaml.safe_load(stream)["links"]
    meshes: dict[tuple[str, str], Mesh] = {}
    for link, shapes in links.items():
        for colour in dict.fromkeys(shape["colour"] for shape in shapes):
            parts = [_mesh(table, link, s) for s in shapes if s["colour"] == colour]
            meshes[link, colour] = joined(parts)
            if link.startswith("L"):
                meshes["R" + link[1:], colour] = mirrored(meshes[link, colour])
    return meshes


def _mesh(table: Path, link: str, shape: dict[str, Any]) -> Mesh:
    """Return the mesh of one entry of the table."""
    axis = shape.get("axis", "z")
    numbers = {key: shape[key] for key in ("exponent", "along", "around") if key in shape}
    if "loft" in shape:
        sections = np.array([row + [0.0] * (5 - len(row)) for row in shape["loft"]])
        mesh = loft(sections, axis, **numbers)
    elif "outline" in shape:
        mesh = stacked(np.array(shape["outline"]), np.array(shape["layers"]), **numbers)
    elif "ellipsoid" in shape:
        mesh = ellipsoid(np.array(shape["ellipsoid"]), **numbers)
    elif "disc" in shape:
        radius, height = shape["disc"]
        mesh = disc(radius, height, axis)
    elif "ring" in shape:
        radius, tube = shape["ring"]
        mesh = ring(radius, tube, axis)
    else:
        raise ConfigError(f"{table}: a shape of {link!r} is none of {', '.join(KINDS)}")
    mesh = moved(mesh, np.array(shape.get("at", [0.0, 0.0, 0.0])), shape.get("rpy", [0, 0, 0]))
    return joined([mesh, mirrored(mesh)]) if shape.get("both") else mesh


def _dress(robot: ElementTree.Element, table: Path, folder: Path) -> None:
    """Replace the looks of the links that the table knows; drop all collision shapes."""
    links = {str(link.get("name")): link for link in robot.findall("link")}
    colours = {material.get("name") for material in robot.findall("material")}
    meshes = shell(table)
    for link in links.values():
        for collision in link.findall("collision"):
            link.remove(collision)
    for name in {name for name, _ in meshes}:
        if name not in links:
            raise ConfigError(f"{table}: the robot has no link {name!r}; it has {', '.join(links)}")
        for visual in links[name].findall("visual"):
            links[name].remove(visual)
    for (name, colour), mesh in meshes.items():
        if colour not in colours:
            raise ConfigError(f"{table}: {name}: the robot's URDF has no <material> {colour!r}")
        file = f"{name}_{colour}.obj"
        (folder / file).write_text(_obj(mesh), encoding="utf-8")
        visual = ElementTree.SubElement(links[name], "visual")
        geometry = ElementTree.SubElement(visual, "geometry")
        ElementTree.SubElement(geometry, "mesh", filename=file)
        ElementTree.SubElement(visual, "material", name=colour)


def _obj(mesh: Mesh) -> str:
    """Return Wavefront OBJ, to a hundredth of a millimetre."""
    points, normals, corners = mesh.points, mesh.normals, np.repeat(mesh.faces + 1, 2, axis=1)
    return "".join([
        "v %.5f %.5f %.5f\n" * len(points) % tuple(points.ravel().tolist()),
        "vn %.3f %.3f %.3f\n" * len(normals) % tuple(normals.ravel().tolist()),
        "f %d//%d %d//%d %d//%d\n" * len(corners) % tuple(corners.ravel().tolist()),
    ])
