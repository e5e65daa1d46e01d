"""Smooth closed surfaces from a few figures: lofts, outlines, ellipsoids, discs, rings.

The film's robots are made of them. All functions are pure; lengths are in metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from robodance.values import FloatArray

__all__ = ["Mesh", "disc", "ellipsoid", "joined", "loft", "mirrored", "moved", "ring", "stacked"]

COLUMNS = {"x": [1, 2, 0], "y": [2, 0, 1], "z": [0, 1, 2]}  # where (a, b, along) go
OUTLINE_POINTS = 32
ELLIPSOID_RINGS, ELLIPSOID_AROUND = 9, 14
RING_AROUND, RING_ACROSS = 24, 6

Faces = NDArray[np.int64]


@dataclass(frozen=True)
class Mesh:
    """A closed surface of triangles, seen from outside.

    Attributes:
        points: Shape (V, 3), m.
        normals: Shape (V, 3), unit vectors outwards.
        faces: Shape (F, 3), corners, counter-clockwise from outside.
    """

    points: FloatArray = field(repr=False)
    normals: FloatArray = field(repr=False)
    faces: Faces = field(repr=False)


def loft(
    sections: FloatArray, axis: str, *, exponent: float = 2.4, along: int = 20, around: int = 20
) -> Mesh:
    """Return the skin over superellipses |a/ra|^n + |b/rb|^n = 1 along an axis.

    Args:
        sections: Shape (S, 5): along, ra, rb, and the centre's a, b.
        axis: ``x``, ``y`` or ``z``; (a, b) are the two that follow it.
        exponent: n; 2 is an ellipse, more is squarer.
        along: Number of rings; 0 keeps the sections as they are.
        around: Number of points on a ring.
    """
    rows = _smooth_rows(sections, along)
    angles = np.linspace(0.0, 2.0 * np.pi, around, endpoint=False)
    cos, sin = np.cos(angles), np.sin(angles)
    a = np.sign(cos) * np.abs(cos) ** (2.0 / exponent)
    b = np.sign(sin) * np.abs(sin) ** (2.0 / exponent)
    grid = np.stack(
        [
            rows[:, 1:2] * a + rows[:, 3:4],
            rows[:, 2:3] * b + rows[:, 4:5],
            np.repeat(rows[:, :1], around, axis=1),
        ],
        axis=2,
    )
    return _skin(grid, axis)


def stacked(outline: FloatArray, layers: FloatArray, *, along: int = 10) -> Mesh:
    """Return the skin over copies of an outline.

    Args:
        outline: Shape (P, 2), x and y, counter-clockwise.
        layers: Shape (L, 4): z, scale, shift of x, shift of y.
        along: Number of rings.
    """
    closed = _resampled(outline, OUTLINE_POINTS)
    rows = _smooth_rows(layers, along)
    middle = closed.mean(axis=0)
    flat = (closed - middle) * rows[:, 1][:, None, None] + middle + rows[:, None, 2:4]
    height = np.repeat(rows[:, :1], len(closed), axis=1)[..., None]
    return _skin(np.concatenate([flat, height], axis=2), "z")


def ellipsoid(radii: FloatArray, *, exponent: float = 2.0) -> Mesh:
    """Return an ellipsoid with three radii; an exponent above 2 makes it squarer."""
    polar = np.linspace(-np.pi / 2, np.pi / 2, ELLIPSOID_RINGS)
    power = 2.0 / exponent
    along = np.sign(np.sin(polar)) * np.abs(np.sin(polar)) ** power
    across = np.abs(np.cos(polar)) ** power
    none = np.zeros(len(polar))
    rows = np.column_stack([radii[2] * along, radii[0] * across, radii[1] * across, none, none])
    return loft(rows, "z", exponent=exponent, along=0, around=ELLIPSOID_AROUND)


def disc(radius: float, height: float, axis: str) -> Mesh:
    """Return a short cylinder with bevelled edges."""
    edge = min(0.35 * height, 0.2 * radius)
    half = height / 2
    lower = [(-half, 0.0), (-half, radius - edge), (-half + edge, radius)]
    both = lower + [(-z, r) for z, r in lower[::-1]]
    rows = np.array([(z, r, r, 0.0, 0.0) for z, r in both])
    return loft(rows, axis, exponent=2.0, along=0)


def ring(radius: float, tube: float, axis: str) -> Mesh:
    """Return a torus about an axis."""
    u = np.linspace(0.0, 2 * np.pi, RING_AROUND, endpoint=False)[:, None]
    v = np.linspace(0.0, 2 * np.pi, RING_ACROSS, endpoint=False)[None]
    from_axis = radius + tube * np.cos(v)
    grid = np.stack(
        [from_axis * np.cos(u), from_axis * np.sin(u), tube * np.sin(v) + 0.0 * u], axis=2
    )
    faces = _between_rings(RING_AROUND, RING_ACROSS, closed=True)
    return _outward(_on_axis(grid.reshape(-1, 3), axis), faces)


def moved(mesh: Mesh, at: FloatArray, rpy: Sequence[float]) -> Mesh:
    """Return the mesh turned by roll, pitch, yaw (URDF's convention), then shifted."""
    turn = _rotation(rpy)
    return Mesh(mesh.points @ turn.T + at, mesh.normals @ turn.T, mesh.faces)


def mirrored(mesh: Mesh) -> Mesh:
    """Return the mesh with left and right exchanged."""
    flip = np.array([1.0, -1.0, 1.0])
    return Mesh(mesh.points * flip, mesh.normals * flip, mesh.faces[:, ::-1])


def joined(parts: Sequence[Mesh]) -> Mesh:
    """Return several meshes as one."""
    offsets = np.cumsum([0] + [len(part.points) for part in parts[:-1]])
    return Mesh(
        np.vstack([part.points for part in parts]),
        np.vstack([part.normals for part in parts]),
        np.vstack([part.faces + first for part, first in zip(parts, offsets, strict=True)]),
    )


def _skin(grid: FloatArray, axis: str) -> Mesh:
    """Close a grid of rings (R, A, 3) with a cap at each end."""
    rings, around = grid.shape[:2]
    ends = np.array([grid[0].mean(axis=0), grid[-1].mean(axis=0)])
    points = _on_axis(np.vstack([grid.reshape(-1, 3), ends]), axis)
    this = np.arange(around)
    following = (this + 1) % around
    first, last = rings * around, (rings - 1) * around
    caps = [
        np.column_stack([np.full(around, first), following, this]),
        np.column_stack([np.full(around, first + 1), last + this, last + following]),
    ]
    faces = np.vstack([_between_rings(rings, around, closed=False), *caps])
    return _outward(points, faces)


def _between_rings(rings: int, around: int, *, closed: bool) -> Faces:
    """Return the triangles between neighbouring rings; ``closed`` joins the last to the first."""
    count = rings if closed else rings - 1
    row, k = np.meshgrid(np.arange(count), np.arange(around), indexing="ij")
    following, above = (k + 1) % around, (row + 1) % rings * around
    p, q = (row * around + k).ravel(), (row * around + following).ravel()
    r, s = (above + following).ravel(), (above + k).ravel()
    return np.concatenate([np.column_stack([p, q, r]), np.column_stack([p, r, s])])


def _outward(points: FloatArray, faces: Faces) -> Mesh:
    """Turn a closed surface's faces so that they are seen from outside; add normals."""
    p, q, r = (points[faces[:, i]] for i in range(3))
    areas = np.cross(q - p, r - p)
    if np.einsum("fi,fi->", p, areas) < 0.0:  # six times the volume
        faces, areas = faces[:, ::-1], -areas
    normals = np.zeros_like(points)
    for i in range(3):
        np.add.at(normals, faces[:, i], areas)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return Mesh(points, normals / np.maximum(lengths, 1e-12), faces)


def _on_axis(points: FloatArray, axis: str) -> FloatArray:
    """Turn columns (a, b, along) into x, y, z."""
    turned = np.empty_like(points)
    turned[:, COLUMNS[axis]] = points
    return turned


def _smooth_rows(rows: FloatArray, count: int) -> FloatArray:
    """Interpolate rows along their chord length without overshoot; 0 keeps them."""
    if not count:
        return rows
    steps = np.linalg.norm(np.diff(rows[:, :3], axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(np.maximum(steps, 1e-6))])
    dense = np.linspace(0.0, at[-1], count)
    return np.column_stack([_monotone_cubic(at, column, dense) for column in rows.T])


def _monotone_cubic(x: FloatArray, y: FloatArray, at: FloatArray) -> FloatArray:
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


def _resampled(outline: FloatArray, count: int) -> FloatArray:
    """Return points at equal distances along a closed outline."""
    closed = np.vstack([outline, outline[:1]])
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    even = np.linspace(0.0, at[-1], count, endpoint=False)
    return np.column_stack([np.interp(even, at, column) for column in closed.T])


def _rotation(rpy: Sequence[float]) -> FloatArray:
    (cr, cp, cy), (sr, sp, sy) = np.cos(rpy), np.sin(rpy)
    return np.array([
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ])
