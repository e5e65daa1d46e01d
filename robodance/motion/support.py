"""What the robot stands on, from moment to moment: feet, and where the ZMP may be."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from robodance.motion.legs import FeetPoses
from robodance.robots.model import RobotModel
from robodance.robots.stability import SIDES_BY_SUPPORT
from robodance.values import FloatArray, IntArray

__all__ = ["Area", "Support", "margins_in", "padded", "planted"]


@dataclass(frozen=True)
class Area:
    """A convex area of the floor: ``inward @ point >= offsets`` inside.

    Attributes:
        inward: Shape (E, 2), unit normals of the edges.
        offsets_m: Shape (E,).
    """

    inward: FloatArray = field(repr=False)
    offsets_m: FloatArray = field(repr=False)

    @classmethod
    def around(cls, points_m: FloatArray) -> Area:
        """Return the convex hull of points (P, 2)."""
        equations = ConvexHull(points_m).equations  # outward normal . x + offset <= 0
        return cls(-equations[:, :2], np.asarray(equations[:, 2]))


@dataclass(frozen=True)
class Support:
    """The feet over a whole plan.

    Attributes:
        step_s: Time between knots.
        feet: At the knots, (K, ...) or, while they stay, (1, ...).
        numbers: Shape (K,), what carries the robot from a knot to the next: 0 both feet, 1
            left, 2 right.
        areas: Shape (K,), index into ``grounds`` of where the planner keeps the ZMP: on one
            foot already shortly before the other leaves the floor and still shortly after it
            is back.
        grounds: Areas of both soles, the left and the right one.
    """

    step_s: float
    feet: FeetPoses = field(repr=False)
    numbers: IntArray = field(repr=False)
    areas: IntArray = field(repr=False)
    grounds: tuple[Area, ...] = field(repr=False)

    @property
    def knot_times_s(self) -> FloatArray:
        """Shape (K,)."""
        return np.arange(len(self.numbers), dtype=np.float64) * self.step_s

    def margins(self, points_m: FloatArray, times_s: FloatArray) -> FloatArray:
        """Return how far points (T, 2) are inside what carries the robot then. Shape (T,)."""
        return margins_in(self.grounds, self.numbers_at(times_s), points_m)

    def numbers_at(self, times_s: FloatArray) -> IntArray:
        """Return what carries the robot at any moments, (T,)."""
        knot = np.floor(np.asarray(times_s) / self.step_s + 1e-6).astype(int)
        return np.asarray(self.numbers[np.clip(knot, 0, len(self.numbers) - 1)])


def margins_in(grounds: tuple[Area, ...], which: IntArray, points_m: FloatArray) -> FloatArray:
    """Return how far points (T, 2) are inside the areas (T,) they belong to. Shape (T,)."""
    result = np.empty(len(points_m))
    for number, area in enumerate(grounds):
        rows = which == number
        result[rows] = (points_m[rows] @ area.inward.T - area.offsets_m).min(axis=1, initial=np.inf)
    return result


def padded(grounds: tuple[Area, ...]) -> tuple[FloatArray, FloatArray]:
    """Return normals (G, E, 2) and offsets (G, E); what has fewer edges has an endless one more."""
    edges = max(len(area.offsets_m) for area in grounds)
    inward = np.zeros((len(grounds), edges, 2))
    offsets = np.full((len(grounds), edges), -1e3)
    for number, area in enumerate(grounds):
        inward[number, : len(area.offsets_m)] = area.inward
        offsets[number, : len(area.offsets_m)] = area.offsets_m
    return inward, offsets


def planted(robot: RobotModel, feet: FeetPoses, knots: int, step_s: float) -> Support:
    """Return the support of a robot whose feet both stay."""
    still = np.zeros(knots, dtype=np.int64)
    return Support(step_s, feet, still, still, _grounds(robot, feet))


def _grounds(robot: RobotModel, feet: FeetPoses) -> tuple[Area, ...]:
    corners = {}
    for side in robot.feet:
        outline = robot.soles_m[side]
        sole = np.column_stack([outline, np.full(len(outline), -robot.sole_height_m)])
        turn = Rotation.from_matrix(feet.turns[side][0])
        corners[side] = (turn.apply(sole) + feet.positions_m[side][0])[:, :2]
    return tuple(
        Area.around(np.concatenate([corners[side] for side in SIDES_BY_SUPPORT[number]]))
        for number in range(3)
    )
