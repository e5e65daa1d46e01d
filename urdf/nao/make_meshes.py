#!/usr/bin/env python3
"""Write meshes/*.obj, the shapes that people see, from shapes.yaml.

Every shape is computed from a few figures: a loft through superellipses, an ellipsoid, a
disc, a ring or an extruded outline. One file per link and colour; the right side mirrors
the left. Run it without arguments after a change; a test compares the files with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
Array = NDArray[np.float64]
Mesh = tuple[Array, Array, NDArray[np.int64]]  # (V, 3) points, (V, 3) normals, (F, 3) corners

AXES = {"x": [1, 2, 0], "y": [2, 0, 1], "z": [0, 1, 2]}  # columns of (a, b, along)


def main() -> None:
    """Write all files."""
    folder = HERE / "meshes"
    folder.mkdir(exist_ok=True)
    for name, mesh in meshes():
        (folder / f"{name}.obj").write_text(obj_text(mesh), encoding="utf-8")


def meshes() -> Iterator[tuple[str, Mesh]]:
    """Return every file's name (``LINK_COLOUR``) and mesh."""
    links = yaml.safe_load((HERE / "shapes.yaml").read_text(encoding="utf-8"))["links"]
    for link, shapes in links.items():
        for colour in dict.fromkeys(shape["colour"] for shape in shapes):
            mesh = joined([mesh_of(s) for s in shapes if s["colour"] == colour])
            yield f"{link}_{colour}", mesh
            if link.startswith("L"):
                yield f"R{link[1:]}_{colour}", mirrored(mesh)


def mesh_of(shape: dict[str, Any]) -> Mesh:
    """Return the mesh of one entry of shapes.yaml."""
    if "loft" in shape:
        sections = np.array([row + [0.0] * (5 - len(row)) for row in shape["loft"]])
        mesh = loft(sections, shape.get("exponent", 2.4), shape)
    elif "outline" in shape:
        mesh = stacked(np.array(shape["outline"]), np.array(shape["layers"]), shape)
    elif "ellipsoid" in shape:
        mesh = ellipsoid(np.array(shape["ellipsoid"]), shape.get("exponent", 2.0))
    elif "disc" in shape:
        mesh = loft(disc_sections(*shape["disc"]), 2.0, {**shape, "along": 0})
    else:
        mesh = ring(*shape["ring"], shape)
    points, normals, faces = outward(mesh)
    turn = rotation(shape.get("rpy", [0, 0, 0]))
    moved = points @ turn.T + np.array(shape.get("at", [0, 0, 0]))
    both = [(moved, normals @ turn.T, faces)]
    if shape.get("both"):
        both.append(mirrored(both[0]))
    return joined(both)


def loft(sections: Array, exponent: float, shape: dict[str, Any]) -> Mesh:
    """Return the skin over superellipses |a/ra|^n + |b/rb|^n = 1 along an axis.

    Args:
        sections: Rows of along, ra, rb, and the centre's a, b.
        exponent: n; 2 is an ellipse, more is squarer.
        shape: ``axis``, ``around`` and ``along`` (numbers of points).
    """
    rows = smooth_rows(sections, int(shape.get("along", 20)))
    angles = np.linspace(0.0, 2.0 * np.pi, int(shape.get("around", 20)), endpoint=False)
    cos, sin = np.cos(angles), np.sin(angles)
    a = np.sign(cos) * np.abs(cos) ** (2.0 / exponent)
    b = np.sign(sin) * np.abs(sin) ** (2.0 / exponent)
    grid = np.stack(
        [
            rows[:, 1:2] * a + rows[:, 3:4],
            rows[:, 2:3] * b + rows[:, 4:5],
            np.repeat(rows[:, :1], len(angles), axis=1),
        ],
        axis=2,
    )
    return skin(grid, shape.get("axis", "z"))


def stacked(outline: Array, layers: Array, shape: dict[str, Any]) -> Mesh:
    """Return the skin over copies of an outline.

    Args:
        outline: (P, 2), counter-clockwise.
        layers: Rows of height, scale, shift of a, shift of b.
        shape: ``along`` (number of points).
    """
    closed = resampled(outline, 32)
    rows = smooth_rows(layers, int(shape.get("along", 10)))
    middle = closed.mean(axis=0)
    flat = (closed - middle) * rows[:, 1][:, None, None] + middle + rows[:, None, 2:4]
    height = np.repeat(rows[:, :1], len(closed), axis=1)[..., None]
    return skin(np.concatenate([flat, height], axis=2), "z")


def ellipsoid(radii: Array, exponent: float) -> Mesh:
    """Return a (super)ellipsoid."""
    polar = np.linspace(-np.pi / 2, np.pi / 2, 9)
    power = 2.0 / exponent
    along = np.sign(np.sin(polar)) * np.abs(np.sin(polar)) ** power
    across = np.abs(np.cos(polar)) ** power
    none = np.zeros(len(polar))
    rows = [radii[2] * along, radii[0] * across, radii[1] * across, none, none]
    return loft(np.column_stack(rows), exponent, {"along": 0, "around": 14})


def disc_sections(radius: float, height: float) -> Array:
    """Return a short cylinder with rounded edges."""
    edge = min(0.35 * height, 0.2 * radius)
    half = height / 2
    rows = [(-half, 0), (-half, radius - edge), (-half + edge, radius)]
    both = rows + [(-z, r) for z, r in rows[::-1]]
    return np.array([(z, r, r, 0.0, 0.0) for z, r in both])


def ring(radius: float, tube: float, shape: dict[str, Any]) -> Mesh:
    """Return a torus about an axis."""
    around, across = 24, 6
    u = np.linspace(0, 2 * np.pi, around, endpoint=False)[:, None]
    v = np.linspace(0, 2 * np.pi, across, endpoint=False)[None]
    a, b = (radius + tube * np.cos(v)) * np.cos(u), (radius + tube * np.cos(v)) * np.sin(u)
    grid = np.stack([a, b, tube * np.sin(v) + 0 * u], axis=2)
    points = on_axis(grid.reshape(-1, 3), shape.get("axis", "z"))
    i, j = np.meshgrid(np.arange(around), np.arange(across), indexing="ij")
    corners = [
        (i % around) * across + j % across,
        ((i + 1) % around) * across + j % across,
        ((i + 1) % around) * across + (j + 1) % across,
        (i % around) * across + (j + 1) % across,
    ]
    p, q, r, s = (corner.ravel() for corner in corners)
    faces = np.concatenate([np.column_stack([p, q, r]), np.column_stack([p, r, s])])
    return points, vertex_normals(points, faces), faces


def skin(grid: Array, axis: str) -> Mesh:
    """Close a grid of rings (R, A, 3) with a cap at each end."""
    rings, around = grid.shape[:2]
    points = on_axis(grid.reshape(-1, 3), axis)
    ends = np.array([grid[0].mean(axis=0), grid[-1].mean(axis=0)])
    points = np.vstack([points, on_axis(ends, axis)])
    faces = []
    for k in range(around):
        following = (k + 1) % around
        for row in range(rings - 1):
            p, q = row * around + k, row * around + following
            faces += [(p, q, q + around), (p, q + around, p + around)]
        faces.append((rings * around, following, k))
        last = (rings - 1) * around
        faces.append((rings * around + 1, last + k, last + following))
    corners = np.array(faces, dtype=np.int64)
    return points, vertex_normals(points, corners), corners


def on_axis(points: Array, axis: str) -> Array:
    """Turn columns (a, b, along) into x, y, z."""
    turned = np.empty_like(points)
    turned[:, AXES[axis]] = points
    return turned


def smooth_rows(rows: Array, count: int) -> Array:
    """Interpolate rows along their chord length without overshoot; 0 keeps them."""
    if not count:
        return rows
    steps = np.linalg.norm(np.diff(rows[:, :3], axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(np.maximum(steps, 1e-6))])
    dense = np.linspace(0.0, at[-1], count)
    return np.column_stack([monotone_cubic(at, column, dense) for column in rows.T])


def monotone_cubic(x: Array, y: Array, at: Array) -> Array:
    """Fritsch-Carlson interpolation (harmonic mean of slopes)."""
    width, slope = np.diff(x), np.diff(y) / np.diff(x)
    tangent = np.concatenate([slope[:1], np.zeros(len(x) - 2), slope[-1:]])
    left, right = slope[:-1], slope[1:]
    same = left * right > 0
    safe = np.where(same, left + right, 1.0)
    tangent[1:-1] = np.where(same, 2 * left * right / safe, 0.0)
    k = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(width) - 1)
    t, h = (at - x[k]) / width[k], width[k]
    return np.asarray(
        (1 + 2 * t) * (1 - t) ** 2 * y[k]
        + t * (1 - t) ** 2 * h * tangent[k]
        + t**2 * (3 - 2 * t) * y[k + 1]
        + t**2 * (t - 1) * h * tangent[k + 1]
    )


def resampled(outline: Array, count: int) -> Array:
    """Return points at equal distances along a closed outline, corners rounded."""
    closed = np.vstack([outline, outline[:1]])
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    even = np.linspace(0.0, at[-1], count, endpoint=False)
    return np.column_stack([np.interp(even, at, column) for column in closed.T])


def vertex_normals(points: Array, faces: NDArray[np.int64]) -> Array:
    """Return the mean normal of the faces at each point, by area."""
    p, q, r = (points[faces[:, i]] for i in range(3))
    areas = np.cross(q - p, r - p)
    normals = np.zeros_like(points)
    for i in range(3):
        np.add.at(normals, faces[:, i], areas)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals / np.maximum(lengths, 1e-12))


def outward(mesh: Mesh) -> Mesh:
    """Return a closed mesh with its faces seen from outside."""
    points, normals, faces = mesh
    p, q, r = (points[faces[:, i]] for i in range(3))
    if np.einsum("fi,fi->", p, np.cross(q, r)) < 0.0:  # six times the volume
        return points, -normals, faces[:, ::-1]
    return mesh


def mirrored(mesh: Mesh) -> Mesh:
    """Return the mesh with left and right exchanged."""
    points, normals, faces = mesh
    flip = np.array([1.0, -1.0, 1.0])
    return points * flip, normals * flip, faces[:, ::-1]


def joined(parts: list[Mesh]) -> Mesh:
    """Return several meshes as one."""
    offsets = np.cumsum([0] + [len(part[0]) for part in parts])
    return (
        np.vstack([part[0] for part in parts]),
        np.vstack([part[1] for part in parts]),
        np.vstack([part[2] + o for part, o in zip(parts, offsets, strict=False)]),
    )


def rotation(rpy: list[float]) -> Array:
    """Return the matrix of roll, pitch and yaw (URDF's convention)."""
    (cr, cp, cy), (sr, sp, sy) = np.cos(rpy), np.sin(rpy)
    return np.array([
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ])


def obj_text(mesh: Mesh) -> str:
    """Return Wavefront OBJ: a tenth of a millimetre, normals of two digits."""
    points, normals, faces = mesh
    lines = ["# Written by make_meshes.py from shapes.yaml."]
    lines += ["v " + " ".join(f"{v + 0.0:.4f}" for v in p) for p in np.round(points, 4)]
    lines += ["vn " + " ".join(f"{v + 0.0:.2f}" for v in n) for n in np.round(normals, 2)]
    lines += ["f " + " ".join(f"{k}//{k}" for k in face) for face in (faces + 1).tolist()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
