"""What the robot stands on, from moment to moment: feet, and where the ZMP may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from robodance.motion.footsteps import Step
from robodance.robots.legs import FeetPoses
from robodance.robots.model import RobotModel
from robodance.robots.stability import SIDES_BY_SUPPORT
from robodance.values import FloatArray, IntArray

__all__ = ["HELD_KNOTS", "Area", "Support", "padded", "planted", "stepping"]

HELD_KNOTS = 8  # at each end the stand: the legs' spline forgets there where it must be at rest
EARLY = 1  # knots by which the ZMP is on one foot before the other leaves, and after it is back
ANKLE_M = (-0.05, 0.07)  # of the ankle: an ankle can hold no more on one leg, margins left
BENT_M = 0.008  # lower than the stand: so knees lift a foot without haste
OVER = (0.05, 0.72)
"""Of a swing, when its foot moves over the floor: it is there before it comes down. Where hips and
knees give, the foot is low; one that moves then stubs on a floor that grips."""
LIFT_POWER = 1.5  # of a parabola: more keeps feet low, with less knees need more speed and torque
PATH_S = 0.6  # the feet's middle is smoothed over as much for the torso's way


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
        middle: Shape (K, 4), halfway between the feet: x, y, 0 and the heading.
        kinds: Shape (G,), what each of the grounds is: 0 both soles, 1 the left, 2 the right.
        carrying: Shape (K,), the ground that carries the robot from a knot to the next.
        areas: Shape (K,), the ground on which the planner keeps the ZMP: of one foot already
            shortly before the other leaves the floor and still shortly after it is back.
        inward: Shape (G, E, 2), normals of the grounds' edges.
        offsets_m: Shape (G, E), and their offsets.
    """

    step_s: float
    feet: FeetPoses = field(repr=False)
    middle: FloatArray = field(repr=False)
    kinds: IntArray = field(repr=False)
    carrying: IntArray = field(repr=False)
    areas: IntArray = field(repr=False)
    inward: FloatArray = field(repr=False)
    offsets_m: FloatArray = field(repr=False)

    @property
    def knot_times_s(self) -> FloatArray:
        """Shape (K,)."""
        return np.arange(len(self.carrying), dtype=np.float64) * self.step_s

    def part(self, first: int, last: int) -> Support:
        """Return the support at the knots from ``first`` until ``last``."""
        knots = slice(first, last)
        return replace(
            self,
            feet=self.feet.part(first, last),
            middle=self.middle[knots],
            carrying=self.carrying[knots],
            areas=self.areas[knots],
        )

    def margins(self, points_m: FloatArray, grounds: IntArray) -> FloatArray:
        """Return how far points (T, 2) are inside the grounds (T,) they belong to. Shape (T,)."""
        inside = np.einsum("tei,ti->te", self.inward[grounds], points_m)
        return np.asarray((inside - self.offsets_m[grounds]).min(axis=1))

    def carrying_at(self, times_s: FloatArray) -> IntArray:
        """Return the ground that carries the robot at any moments, (T,)."""
        knot = np.floor(np.asarray(times_s) / self.step_s + 1e-6).astype(int)
        return np.asarray(self.carrying[np.clip(knot, 0, len(self.carrying) - 1)])

    def numbers_at(self, times_s: FloatArray) -> IntArray:
        """Return what that is: 0 both feet, 1 left, 2 right. Shape (T,)."""
        return np.asarray(self.kinds[self.carrying_at(times_s)])

    def path(self) -> FloatArray:
        """Return a torso's way over the feet, without haste, at rest at both ends. Shape (K, 4).

        Columns: the middle, x and y; how much lower the knees are bent, where steps are taken;
        the heading.
        """
        wanted = self.middle.copy()
        stepping = np.flatnonzero(self.kinds[self.areas] != 0)
        if len(stepping):
            before = round(PATH_S / self.step_s)
            rest = HELD_KNOTS + self._half  # nothing of it reaches the ends
            first, last = stepping[0] - before, stepping[-1] + before // 2
            wanted[max(first, rest) : min(last, len(wanted) - rest), 2] = -BENT_M
        return self._smooth(wanted)

    def one_legged(self) -> FloatArray:
        """Return 1 where one leg carries the robot, 0 far from there. Shape (K,)."""
        single = (self.kinds[self.areas] != 0).astype(np.float64)
        return np.clip(1.5 * self._smooth(single[:, None])[:, 0], 0.0, 1.0)

    @property
    def _half(self) -> int:
        return round(PATH_S / 2.0 / self.step_s)

    def _smooth(self, columns: FloatArray) -> FloatArray:
        half = self._half
        window = np.hanning(2 * half + 3)[1:-1]
        ends = np.pad(columns, ((half, half), (0, 0)), mode="edge")
        smooth = [np.convolve(column, window / window.sum(), mode="valid") for column in ends.T]
        return np.stack(smooth, axis=1)


def padded(grounds: Sequence[Area]) -> tuple[FloatArray, FloatArray]:
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
    return stepping(robot, feet, (), knots, step_s)


def stepping(
    robot: RobotModel, feet: FeetPoses, steps: Sequence[Step], knots: int, step_s: float
) -> Support:
    """Return the support of a robot that takes steps.

    Args:
        robot: The robot.
        feet: Where they stand at first, (1, ...).
        steps: In order, one foot at a time.
        knots: Number of knots.
        step_s: Time between them.
    """
    if not steps:
        grounds, kinds = [_ground(robot, feet, 0, 0)], [0]
        still = np.zeros(knots, dtype=np.int64)
        middle = np.tile(_middle(feet), (knots, 1))
        return Support(step_s, feet, middle, np.array(kinds), still, still, *padded(grounds))
    moving, yaws = _swung(robot, feet, steps, knots)
    grounds, kinds = [_ground(robot, moving, 0, 0)], [0]
    carrying, areas = np.zeros(knots, dtype=np.int64), np.zeros(knots, dtype=np.int64)
    for step in steps:
        number = 2 if step.side == "left" else 1
        grounds += [
            _ground(robot, moving, number, step.land),
            _ground(robot, moving, number, step.land, ANKLE_M),
            _ground(robot, moving, 0, step.land),
        ]
        kinds += [number, number, 0]
        whole, single, both = range(len(grounds) - 3, len(grounds))
        carrying[step.leave : step.land], carrying[step.land :] = whole, both
        areas[step.leave - EARLY : step.land + EARLY + 1] = single
        areas[step.land + EARLY + 1 :] = both
    places = np.mean([moving.positions_m[side][:, :2] for side in robot.feet], axis=0)
    middle = np.column_stack([places, np.zeros(knots), yaws])
    return Support(step_s, moving, middle, np.array(kinds), carrying, areas, *padded(grounds))


def _swung(
    robot: RobotModel, feet: FeetPoses, steps: Sequence[Step], knots: int
) -> tuple[FeetPoses, FloatArray]:
    """Return the feet at all knots, and the heading between them (K,)."""
    places, yaws = {}, {}
    for side in robot.feet:
        place = np.tile(feet.positions_m[side][0], (knots, 1))
        yaw = np.zeros(knots)
        for step in steps:
            if step.side != side:
                continue
            way = np.linspace(0.0, 1.0, step.land - step.leave + 1)
            over = np.clip((way - OVER[0]) / (OVER[1] - OVER[0]), 0.0, 1.0)
            ease = (over**3 * (10.0 - 15.0 * over + 6.0 * over**2))[:, None]
            during = slice(step.leave, step.land + 1)
            place[during, :2] += ease * (step.position_m - place[step.leave, :2])
            place[step.land :, :2] = step.position_m
            place[during, 2] += step.lift_m * (4.0 * way * (1.0 - way)) ** LIFT_POWER
            yaw[during] += ease[:, 0] * (step.yaw_rad - yaw[step.leave])
            yaw[step.land :] = step.yaw_rad
        places[side], yaws[side] = place, yaw
    turns = {
        side: Rotation.from_euler("Z", yaws[side][:, None]).as_matrix() @ feet.turns[side][0]
        for side in robot.feet
    }
    return FeetPoses(places, turns), np.mean([yaws[side] for side in robot.feet], axis=0)


def _middle(feet: FeetPoses) -> FloatArray:
    places = np.mean([feet.positions_m[side][0, :2] for side in feet.positions_m], axis=0)
    return np.array([*places, 0.0, 0.0])


def _ground(
    robot: RobotModel,
    feet: FeetPoses,
    number: int,
    knot: int,
    ahead_m: tuple[float, float] = (-np.inf, np.inf),
) -> Area:
    """Return what carries the robot at a knot: both soles, the left (1) or the right one (2).

    Of the soles only what lies between ``ahead_m`` of the ankle counts.
    """
    corners = []
    for side in SIDES_BY_SUPPORT[number]:
        outline = np.array(robot.soles_m[side])
        outline[:, 0] = np.clip(outline[:, 0], *ahead_m)
        sole = np.column_stack([outline, np.full(len(outline), -robot.sole_height_m)])
        turn = Rotation.from_matrix(feet.turns[side][knot])
        corners.append((turn.apply(sole) + feet.positions_m[side][knot])[:, :2])
    return Area.around(np.concatenate(corners))
