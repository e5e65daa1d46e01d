"""A plan's curve in pieces that a robot plays one after the other.

A robot that is sent whole curves ahead moves smoothly whatever the network does; a robot
that holds little of them stops soon when nobody talks to it any more. So the curve goes in
chunks of one to two seconds. They meet where the joints are slow and the posture stands by
itself, because that is where a robot with an empty queue stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import CubicSpline

from robodance.performance.conductor import executed_curve
from robodance.robots.kinematics import center_of_mass, forward_kinematics
from robodance.robots.model import RobotModel
from robodance.robots.stability import stability_margin, support_polygon, to_world
from robodance.values import FloatArray, Plan

__all__ = [
    "Chunk",
    "borders",
    "headroom",
    "make_chunk",
    "make_hold",
    "moving_joints",
    "moving_motors",
    "worst_error",
]

SHORTEST_S = 0.8
LONGEST_S = 1.9  # two of them stay under four seconds
GRID_S = 0.04  # borders and Bezier keys
FIRST_KEY_S = 0.2  # exported dances never start earlier; the first chunk begins at rest
STANDS_M = 0.005  # the centre of mass lies at least this far inside the support
UNSTABLE_COST = 100.0  # against at most 1 for the fastest joint
TOLERANCE_RAD = 1e-3  # keys are left out where the curve between the others stays this close
STILL_RAD = 1e-9
SECONDS_PER_KEY = {"linear": 19e-6, "bezier": 144e-6}
"""Time to send one key of one joint with qi 3.1.5 on loopback: 497 ms for 26 joints with
1,000 keys each by ``angleInterpolation``, 1.87 s for 500 by ``angleInterpolationBezier``."""
WIRE_SHARE = 0.1  # of a chunk's duration may go into sending it


@dataclass(frozen=True)
class Chunk:
    """A piece of the curve as NAOqi takes it.

    Attributes:
        start_s: Robot time on the plan where it begins.
        end_s: Where it ends.
        duration_s: How long the robot takes; whole motion cycles. Differs from
            ``end_s - start_s`` where the dance catches up with the music.
        names: The joints that move in the dance.
        times_s: For each joint the times of its keys, from the chunk's start.
        angles: For each joint its keys' angles.
        slopes: For each joint the angular velocity at its keys; empty for linear chunks.
        error_rad: Largest distance of what is sent from the plan's curve.
    """

    start_s: float
    end_s: float
    duration_s: float
    names: tuple[str, ...]
    times_s: tuple[tuple[float, ...], ...] = field(repr=False)
    angles: tuple[tuple[float, ...], ...] = field(repr=False)
    slopes: tuple[tuple[float, ...], ...] = field(repr=False)
    error_rad: float

    @property
    def method(self) -> str:
        """Name of the ALMotion call."""
        return "angleInterpolationBezier" if self.slopes else "angleInterpolation"

    @property
    def keys(self) -> int:
        """How many keys all joints have together."""
        return sum(map(len, self.times_s))

    def arguments(self) -> tuple[object, ...]:
        """Return the call's arguments: plain lists of numbers, in the order it wants."""
        names, times = list(self.names), [list(row) for row in self.times_s]
        if not self.slopes:
            return names, [list(row) for row in self.angles], times, True
        return names, times, [_control_points(*row) for row in self._rows()]

    def _rows(self) -> list[tuple[tuple[float, ...], ...]]:
        return list(zip(self.times_s, self.angles, self.slopes, strict=True))


def moving_joints(plan: Plan) -> tuple[str, ...]:
    """Return the joints that are not at one angle all the time."""
    travel = np.ptp(plan.positions_rad, axis=0)
    return tuple(
        name for name, way in zip(plan.joint_names, travel, strict=True) if way > STILL_RAD
    )


def moving_motors(plan: Plan, robot: RobotModel) -> tuple[str, ...]:
    """Return the moving joints that have a motor of their own: one of each pair that shares one.

    Hip yaw-pitch has two names on one motor; NAOqi is given it once.
    """
    return tuple(name for name in moving_joints(plan) if name not in robot.mirrored_joints)


def borders(plan: Plan, robot: RobotModel) -> FloatArray:
    """Choose where chunks meet: the slowest moments among those that stand by themselves.

    Chunks last ``SHORTEST_S`` to ``LONGEST_S``, but for a plan that is too short; the sum of
    the costs of all borders is as small as it can be (dynamic programming).

    Args:
        plan: The plan.
        robot: Its robot.

    Returns:
        Shape (K,), robot times, from the plan's first moment to its last.
    """
    count = max(1, round(plan.duration_s / GRID_S))
    moments = np.linspace(plan.times_s[0], plan.times_s[-1], count + 1)
    step = plan.duration_s / count
    shortest, longest = int(np.ceil(SHORTEST_S / step)), int(LONGEST_S / step)
    if count <= longest:
        return moments[[0, -1]]
    cost = _border_costs(plan, robot, moments)
    best = np.full(count + 1, np.inf)
    best[0], before = 0.0, np.zeros(count + 1, dtype=int)
    for i in range(shortest, count + 1):
        first = max(0, i - longest)
        reached = best[first : i - shortest + 1]
        k = int(reached.argmin())
        best[i], before[i] = reached[k] + cost[i], first + k
    chosen = [count]
    while chosen[-1] > 0:
        chosen.append(int(before[chosen[-1]]))
    return moments[chosen[::-1]]


def _border_costs(plan: Plan, robot: RobotModel, moments: FloatArray) -> FloatArray:
    """What a border costs at each moment (N,): speed, and not standing."""
    curve = executed_curve(plan)
    speeds = np.abs(curve(moments, 1)) / np.maximum(plan.velocity_limits_rad_s, 1e-9)
    nearest = np.clip(np.searchsorted(plan.times_s, moments), 0, len(plan.times_s) - 1)
    poses = forward_kinematics(robot, curve(moments))
    com = to_world(plan.torso_pose[nearest], center_of_mass(robot, poses))[:, :2]
    cost = speeds.max(axis=1)
    for support in np.unique(plan.support):
        here = plan.support[nearest] == support
        first = int(np.flatnonzero(plan.support == support)[0])
        hull = support_polygon(
            robot, plan.positions_rad[first], plan.torso_pose[first], int(support)
        )
        cost[here] += UNSTABLE_COST * (stability_margin(com[here], hull) < STANDS_M)
    return np.asarray(cost)


def headroom(plan: Plan, curve: CubicSpline, start_s: float, end_s: float) -> float:
    """Return how many times faster a piece of the plan's curve may be played inside its limits."""
    moments = np.arange(start_s, end_s + 0.005, 0.005).clip(curve.x[0], end_s)
    tiny = 1e-9
    speed = np.abs(curve(moments, 1)).max(axis=0)
    push = np.abs(curve(moments, 2)).max(axis=0)
    faster = plan.velocity_limits_rad_s / np.maximum(speed, tiny)
    harder = np.sqrt(plan.acceleration_limits_rad_s2 / np.maximum(push, tiny))
    return float(max(1.0, min(faster.min(), harder.min())))


def make_chunk(
    curve: CubicSpline,
    names: Sequence[str],
    columns: Sequence[int],
    span_s: tuple[float, float],
    duration_s: float,
    *,
    cycle_s: float,
    first: bool = False,
    kind: str = "auto",
) -> Chunk:
    """Return a piece of the curve, in the form that follows it closer and can be sent in time.

    Args:
        curve: The plan's curve, all J joints; before its first moment the robot waits there.
        names: The joints to send.
        columns: Their columns.
        span_s: Robot times on the plan of the piece's start and end.
        duration_s: How long the robot shall take.
        cycle_s: The robot's motion cycle; linear keys are never closer.
        first: Whether it is the plan's first, which begins at rest.
        kind: ``bezier``, ``linear``, or ``auto``.
    """
    kinds = ("bezier", "linear") if kind == "auto" else (kind,)
    found = [_fit(curve, names, columns, span_s, duration_s, cycle_s, first, k) for k in kinds]
    budget = WIRE_SHARE * duration_s
    in_time = [
        chunk
        for chunk, k in zip(found, kinds, strict=True)
        if chunk.keys * SECONDS_PER_KEY[k] <= budget
    ]
    return min(in_time or found[-1:], key=lambda chunk: chunk.error_rad)


def _fit(
    curve: CubicSpline,
    names: Sequence[str],
    columns: Sequence[int],
    span_s: tuple[float, float],
    duration_s: float,
    cycle_s: float,
    first: bool,
    kind: str,
) -> Chunk:
    """Keys for each joint, as few as stay close."""
    smooth = kind == "bezier"
    rate = (span_s[1] - span_s[0]) / duration_s
    step = GRID_S if smooth else max(cycle_s, GRID_S / 2.0)
    count = max(1, int(duration_s / step))
    grid = np.linspace(0.0, duration_s, count + 1)
    fine = np.linspace(0.0, duration_s, 8 * count + 1)
    on_plan = (span_s[0] + rate * fine).clip(curve.x[0], span_s[1])
    values, slopes = curve(on_plan)[:, columns], rate * curve(on_plan, 1)[:, columns]
    start = min(count, int(np.ceil(FIRST_KEY_S / step))) if first else 1
    rows: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    error = 0.0
    for j in range(len(columns)):
        kept = [0, *_keys(fine, values[:, j], slopes[:, j], start, count, smooth)]
        places = 8 * np.array(kept)
        off = _between(fine, values[:, j], slopes[:, j], places, smooth, bare_start=True)
        error = max(error, float(off.max()))
        rows.append((grid[kept[1:]], values[places[1:], j], slopes[places[1:], j]))
    plain = [tuple(tuple(map(float, part[k])) for part in rows) for k in range(3)]
    return Chunk(
        span_s[0], span_s[1], duration_s, tuple(names), plain[0], plain[1],
        plain[2] if smooth else (), error,
    )  # fmt: skip


def _keys(
    fine: FloatArray, value: FloatArray, slope: FloatArray, start: int, count: int, smooth: bool
) -> list[int]:
    """Grid indices of the keys: ``start``, ``count`` and, by halving, what lies between."""
    kept, open_ends = [start], [(start, count)] if start < count else []
    while open_ends:
        low, high = open_ends.pop()
        ends = 8 * np.array([low, high])
        off = _between(fine, value, slope, ends, smooth)
        if high - low > 1 and off[ends[0] : ends[1] + 1].max() > TOLERANCE_RAD:
            middle = (low + high) // 2
            open_ends += [(middle, high), (low, middle)]
        else:
            kept.append(high)
    return kept


def _between(
    fine: FloatArray,
    value: FloatArray,
    slope: FloatArray,
    places: FloatArray | np.ndarray[tuple[int], np.dtype[np.int64]],
    smooth: bool,
    *,
    bare_start: bool = False,
) -> FloatArray:
    """Distance (N,) of the curve through keys from the curve; 0 beyond the keys.

    With ``bare_start`` the start has no handle, which is how a call's first moment, which
    is no key, is read.
    """
    index = np.asarray(places, dtype=np.int64)
    inside = slice(index[0], index[-1] + 1)
    off = np.zeros(len(fine))
    if not smooth:
        line = np.interp(fine[inside], fine[index], value[index])
        off[inside] = np.abs(line - value[inside])
        return off
    low = np.clip(np.searchsorted(index, np.arange(index[0], index[-1] + 1), "right") - 1, 0, None)
    low = np.minimum(low, len(index) - 2)
    a, b = index[low], index[low + 1]
    length = fine[b] - fine[a]
    s = (fine[inside] - fine[a]) / length
    hermite = (
        (1 + 2 * s) * (1 - s) ** 2 * value[a]
        + s * (1 - s) ** 2 * length * slope[a]
        + s**2 * (3 - 2 * s) * value[b]
        - s**2 * (1 - s) * length * slope[b]
    )
    if bare_start:
        head = low == 0
        hermite[head] = _bare(s[head], value[index[0]], value[index[1]], length[head], slope, index)
    off[inside] = np.abs(hermite - value[inside])
    return off


def _bare(
    s: FloatArray,
    start: float,
    end: float,
    length: FloatArray,
    slope: FloatArray,
    index: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> FloatArray:
    """Bezier from a start without a handle: time runs as 2 u^2 - u^3."""
    u = np.linspace(0.0, 1.0, 65)
    time = 2.0 * u**2 * (1.0 - u) + u**3
    bent = end - slope[index[1]] * float(length[0]) / 3.0
    angle = start * ((1 - u) ** 3 + 3 * u * (1 - u) ** 2) + bent * 3 * u**2 * (1 - u) + end * u**3
    return np.asarray(np.interp(s, time, angle))


def _control_points(
    times_s: tuple[float, ...], angles: tuple[float, ...], slopes: tuple[float, ...]
) -> list[object]:
    """NAOqi's control points: angle, handle before, handle after; each [3, dTime, dAngle]."""
    lengths = np.diff([0.0, *times_s])
    points: list[object] = []
    for k, (angle, slope) in enumerate(zip(angles, slopes, strict=True)):
        before = float(lengths[k]) / 3.0
        after = float(lengths[k + 1]) / 3.0 if k + 1 < len(angles) else 0.0
        points.append([angle, [3, -before, -before * slope], [3, after, after * slope]])
    return points


def make_hold(
    curve: CubicSpline, names: Sequence[str], columns: Sequence[int], start_s: float, seconds: float
) -> Chunk:
    """Return a chunk in which the robot waits where the plan begins, ``start_s`` on the plan."""
    angles = curve(curve.x[0])[list(columns)]
    return Chunk(
        start_s, start_s + seconds, seconds, tuple(names), ((seconds,),) * len(names),
        tuple((float(angle),) for angle in angles), (), 0.0,
    )  # fmt: skip


def worst_error(chunks: Sequence[Chunk]) -> float:
    """Return the largest distance of any chunk from the plan's curve, in rad."""
    return max((chunk.error_rad for chunk in chunks), default=0.0)
