"""Whether the floor can do what a plan asks, for the certificate: planted soles, ZMP, CoM."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.spatial import ConvexHull

from robodance.motion.bodies import Frames, carried
from robodance.motion.curve import Moments, Piece
from robodance.motion.proving import Least, bent, look_closely
from robodance.motion.upright import Bounds, force_bends, ground_force, motion_bounds
from robodance.robots.model import RobotModel
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = ["Footing", "Standing", "stand_on_floor"]

FLOOR_M = 0.006
"""A planted sole's corners are this near the floor; documented stands are 4 mm uneven."""
SLIP_M = 0.005
"""A planted sole's corners stay this near to where they were set down."""
LEAST_LIFT_SHARE = 0.05
"""A floor that pushes with less than this share of the weight is being left."""
PLANTED = {0: ("left", "right"), 1: ("left",), 2: ("right",)}


@dataclass
class Footing:
    """What a plan's feet do, brought up to date piece by piece.

    Attributes:
        phase: Value of ``support`` in the phase that the last piece ended in.
        soles_m: Where the planted soles were set down: side to (corners, 3), world.
        lost: Samples of the plan at which a planted sole is not where it should be.
        zmp: The smallest margin of the ZMP.
        com_m: The smallest margin of the centre of mass.
        com_time_s: When.
    """

    phase: int = -1
    soles_m: dict[str, FloatArray] = field(default_factory=dict)
    lost: int = 0
    zmp: Least = field(default_factory=lambda: Least(precision=1e-3))
    com_m: float = np.inf
    com_time_s: float = 0.0


@dataclass(frozen=True)
class Standing:
    """Margins at a piece's samples, shape (n + 1,), each with the feet of its segment."""

    zmp_m: FloatArray
    com_m: FloatArray


@dataclass(frozen=True)
class _Phase:
    """Segments ``first`` to ``last`` (left out) of a piece on one support."""

    first: int
    last: int
    inward: FloatArray  # (E, 2), unit normals of the polygon's edges
    offsets_m: FloatArray  # (E,), of the edges


def stand_on_floor(
    robot: RobotModel, joints: Piece, torso: Piece, support: IntArray, footing: Footing
) -> Standing:
    """Judge a piece of a plan.

    A segment stands on what its first sample says; where that changes, the moment between
    counts for both. The ZMP's margin is reduced by how far the planted soles have slipped.

    Args:
        robot: The robot.
        joints: Its joints' curve.
        torso: Its torso's.
        support: Shape (n,), for each segment.
        footing: What was found before; is brought up to date.
    """
    samples = joints.samples()
    ground = ground_force(robot, joints, torso, samples)
    bounds = motion_bounds(robot, joints, torso)
    corners = _sole_corners(robot, ground.frames, len(samples))
    unseen = _unseen(robot, bounds, joints.lengths_s)
    phases, slip = _phases(robot, corners, support, unseen, footing)
    owner = np.repeat(np.arange(len(phases)), [phase.last - phase.first for phase in phases])
    weight = LEAST_LIFT_SHARE * robot.mass_kg * 9.81

    def margins(points: FloatArray, moments: Moments) -> FloatArray:
        result = np.empty(points.shape[1])
        which = owner[moments.segment]
        for number in np.unique(which):
            rows = which == number
            phase = phases[number]
            result[rows] = (phase.inward @ points[:, rows] - phase.offsets_m[:, None]).min(axis=0)
        return np.asarray(result - slip[moments.segment])

    def look(moments: Moments, wanted: BoolArray) -> FloatArray:
        force = ground_force(robot, joints, torso, moments)
        inside = margins(force.zmp(), moments)
        return np.where(force.lift_n > weight, inside, -np.inf)[:, None]

    starts = Moments(np.arange(len(support)), np.zeros(len(support)))
    ends = Moments(starts.segment, joints.lengths_s)
    held = ground.lift_n > weight
    zmp, com = np.where(held, ground.zmp(), 0.0), ground.com_m[:2]
    first, last = (
        np.where(held[part], margins(zmp[:, part], moments), -np.inf)
        for part, moments in ((slice(None, -1), starts), (slice(1, None), ends))
    )
    footing.zmp.note(first[:, None], joints.times_s[:-1])
    footing.zmp.note(last[:, None], joints.times_s[1:])
    rates = _margin_bends(robot, bounds, phases, torso, ground.lift_n, joints.lengths_s)
    both = (first[:, None], last[:, None])
    look_closely(joints, starts.segment, both, rates[:, None], look, footing.zmp, bent)
    over = np.append(margins(com[:, :-1], starts), margins(com[:, -1:], Moments(*_tail(joints))))
    if over.min() < footing.com_m:
        footing.com_m, footing.com_time_s = float(over.min()), float(joints.times_s[over.argmin()])
    return Standing(np.append(first, last[-1]), over)


def _tail(joints: Piece) -> tuple[IntArray, FloatArray]:
    return np.array([len(joints.lengths_s) - 1]), joints.lengths_s[-1:]


def _margin_bends(
    robot: RobotModel,
    bounds: Bounds,
    phases: list[_Phase],
    torso: Piece,
    lift_n: FloatArray,
    lengths_s: FloatArray,
) -> FloatArray:
    """Return a bound that proves margins between samples. Shape (n,), m/s^2.

    That the ZMP is inside an edge (n, o) with a margin c says that ``n . m - (o + c) f`` is
    not negative, with the moment m about a point of the floor and the push f; the bound is
    the one on this expression's second derivative, over the smallest f.
    """
    lift, moment = force_bends(robot, bounds)
    under = torso.powers[0, :2, 0]
    reach = max(float(np.abs(p.offsets_m - p.inward @ under).max()) for p in phases) + 0.1
    smallest = np.minimum(lift_n[1:], lift_n[:-1]) - lift * lengths_s**2 / 8.0
    weight = LEAST_LIFT_SHARE * robot.mass_kg * 9.81
    bend = (moment + reach * lift) / np.maximum(smallest, weight)
    return np.asarray(np.where(smallest > weight, bend, np.inf))


def _unseen(robot: RobotModel, bounds: Bounds, lengths_s: FloatArray) -> dict[str, FloatArray]:
    """Return how far any point of a sole can be from where its samples say. Side to (n,)."""
    result = {}
    for side, foot in robot.feet.items():
        reach = float(
            np.hypot(np.linalg.norm(robot.soles_m[side], axis=1), robot.sole_height_m).max()
        )
        result[side] = bounds.place(foot, reach)[2] * lengths_s**2 / 8.0
    return result


def _sole_corners(robot: RobotModel, frames: Frames, count: int) -> dict[str, FloatArray]:
    """Return the soles' corners in the world: side to (corners, 3, N) or (corners, 3, 1)."""
    result = {}
    for side, foot in robot.feet.items():
        rotation, origin = frames[foot]
        points = [np.array([x, y, -robot.sole_height_m]) for x, y in robot.soles_m[side]]
        result[side] = np.stack([origin + carried(rotation, point) for point in points])
    return result


def _phases(
    robot: RobotModel,
    corners: dict[str, FloatArray],
    support: IntArray,
    unseen: dict[str, FloatArray],
    footing: Footing,
) -> tuple[list[_Phase], FloatArray]:
    """Return the phases of a piece and how far planted soles slip on each segment (n,)."""
    cuts = [0, *(np.flatnonzero(np.diff(support)) + 1).tolist(), len(support)]
    slip, phases = np.zeros(len(support)), []
    astray = np.zeros(len(support) + 1, dtype=bool)
    for first, last in pairwise(cuts):
        number = int(support[first])
        sides = PLANTED.get(number, PLANTED[0])
        if number != footing.phase:
            kept = footing.soles_m if footing.phase >= 0 else {}
            # A foot that stays planted through a change of support stays where it was set down.
            footing.soles_m = {s: kept.get(s, _column(corners[s], first)) for s in sides}
            footing.phase = number
        for side in robot.feet:
            here = (
                corners[side][:, :, first : last + 1]
                if corners[side].shape[2] > 1
                else corners[side]
            )
            height = here[:, 2]
            if side not in sides:
                astray[first : last + 1] |= (height < -FLOOR_M).any(axis=0)
                continue
            off = np.linalg.norm(here[:, :2] - footing.soles_m[side][:, :2, None], axis=1).max(
                axis=0
            )
            off = np.broadcast_to(off, last - first + 1)
            hidden = np.broadcast_to(unseen[side], len(support))[first:last]
            moved = np.maximum(off[1:], off[:-1]) + hidden
            slip[first:last] = np.maximum(slip[first:last], moved)
            lifted = np.broadcast_to(np.abs(height).max(axis=0), last - first + 1)
            astray[first : last + 1] |= (lifted > FLOOR_M) | (off > SLIP_M)
            astray[first:last] |= (moved > SLIP_M) | (lifted[1:] + hidden > FLOOR_M + 1e-9)
        astray[first] |= number not in PLANTED
        phases.append(_Phase(first, last, *_edges(footing.soles_m)))
    footing.lost += int(astray[:-1].sum())
    return phases, slip


def _column(corners: FloatArray, sample: int) -> FloatArray:
    return np.array(corners[:, :, min(sample, corners.shape[2] - 1)])


def _edges(soles_m: dict[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return inward normals and offsets of the edges of the soles' convex hull."""
    points = np.concatenate([corners[:, :2] for corners in soles_m.values()])
    equations = ConvexHull(points).equations  # outward normal . x + offset <= 0
    return -equations[:, :2], np.asarray(equations[:, 2])
