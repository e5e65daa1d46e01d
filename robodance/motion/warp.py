"""Time warped inside the bars: slower where a limit binds, made up for elsewhere.

How fast the robot could run through the dance as it was wanted is asked of toppra (Pham
and Pham, "A new approach to time-optimal path parameterization based on reachability
analysis", T-RO 2018). A time-optimal run drifts away from the music, so it only says where
time is needed. A quadratic program then gives each bar a smooth slowness that grants time
there, takes it back elsewhere, and adds up to exactly the bar.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import piqp
import scipy.sparse as sp

from robodance.errors import InfeasibleDance
from robodance.motion.limits import JointLimits
from robodance.motion.retarget import Wanted
from robodance.motion.spline import Spline
from robodance.motion.timing import MusicMap, Timeline
from robodance.values import FloatArray, IntArray, PoseSequence

__all__ = [
    "FASTEST",
    "SLOWEST",
    "Displacement",
    "beat_displacement",
    "fastest_rates",
    "needed_slowness",
    "pins",
    "warped_map",
]

SLOWEST, FASTEST = 0.6, 1.8
"""Speeds of the dance over the music's, beyond which a gesture is read as another note value:
half speed or double speed is the neighbouring one, and both bounds keep clear of it."""
NODES_PER_S = 12.5  # of song: speed may change within a beat, not within a stroke
GRID_PER_KNOT = 4  # of toppra's grid; with fewer points than that it leaves the limits
PIECE_S = 30.0  # toppra runs on pieces, so that memory stays small and a failure local
OVERLAP_S = 1.0  # it starts each piece at rest and is up to speed well within this
PIN_S = 2.0  # where no bars are known the dance meets the music this often
LONGEST_BAR_S = 6.0  # a longer stretch without a bar line is pinned in between
UNHURRIED = 1e4  # limit of the path's own acceleration, which is none
TINY = 1e-9
MISSING_WEIGHT = 1.0  # of the squared slowness that a moment needs and is not given
SMOOTH_WEIGHT = 0.01  # of the squared change of slowness per second of song
EVEN_WEIGHT = 0.01  # of the squared distance from an even tempo
BEAT_WEIGHT = 12.0  # of a beat's squared displacement in seconds
# Measured on 20 s of two cha-chas and a rumba: a beat weight of 4 moves beats half as far
# again for 0.01 degree of arm error; none at all moves them by up to 0.4 s for nothing.


@dataclass(frozen=True)
class Displacement:
    """How far a warped dance puts beats from where the music has them.

    Attributes:
        beats: How many.
        largest_s: Largest distance, robot time.
        mean_s: Mean distance.
    """

    beats: int
    largest_s: float
    mean_s: float


def pins(dance: PoseSequence) -> FloatArray:
    """Return the song times at which a warped dance meets the music: bar lines and both ends.

    Where no bar line is known for longer than six seconds, about every two are pinned.
    """
    first, last = dance.times_s[[0, -1]]
    bars = dance.beats_s[dance.beat_numbers == 1]
    room = 2.0 / NODES_PER_S
    borders = [first, *bars[(bars > first + room) & (bars < last - room)], last]
    pieces = [np.array([first])]
    for begin, end in itertools.pairwise(borders):
        parts = int(np.ceil((end - begin) / PIN_S)) if end - begin > LONGEST_BAR_S else 1
        pieces.append(np.linspace(begin, end, parts + 1)[1:])
    return np.concatenate(pieces)


def beat_displacement(music_map: MusicMap, dance: PoseSequence, slow_motion: float) -> Displacement:
    """Return how far the beats inside a dance lie from an even tempo."""
    first, last = dance.times_s[[0, -1]]
    beats = dance.beats_s[(dance.beats_s >= first) & (dance.beats_s <= last)]
    if not len(beats):
        return Displacement(0, 0.0, 0.0)
    since = music_map.robot_times(beats) - music_map.robot_times_s[0]
    away = np.abs(since - slow_motion * (beats - first))
    return Displacement(len(beats), float(away.max()), float(away.mean()))


def needed_slowness(
    wanted: Wanted, timeline: Timeline, limits: JointLimits
) -> tuple[FloatArray, FloatArray]:
    """Return how slow the arms need each moment of a dance to be.

    Args:
        wanted: The motion without speed limits.
        timeline: Its time axis, at an even tempo.
        limits: What may be used, all J joints.

    Returns:
        Song times (G,), and slowness (G,) over the even tempo's: 1 where the tempo is just
        possible, within ``1 / FASTEST`` .. ``1 / SLOWEST``.
    """
    columns = [c for part in wanted.parts if part.name.endswith("_arm") for c in part.columns]
    names = tuple(limits.names[column] for column in columns)
    curve = Spline(wanted.control[:, columns], timeline.step_s)
    times, rates = fastest_rates(curve, limits.of(names))
    return timeline.music_times_s(times), 1.0 / np.clip(rates, SLOWEST, FASTEST)


def fastest_rates(curve: Spline, limits: JointLimits) -> tuple[FloatArray, FloatArray]:
    """Return how fast a curve can be run through, by toppra.

    Args:
        curve: n joints.
        limits: Of these joints.

    Returns:
        The curve's own times (G,), and the rate (G,) of the time-optimal run there, at most
        ``FASTEST``: 1 is the curve's own speed.
    """
    grid = np.linspace(0.0, curve.end_s, GRID_PER_KNOT * (curve.knots - 1) + 1)
    rates = np.empty(len(grid))
    step = grid[1]
    length, overlap = round(PIECE_S / step), round(OVERLAP_S / step)
    for begin in range(0, len(grid), length):
        low, high = max(begin - overlap, 0), min(begin + length + overlap, len(grid))
        low = min(low, len(grid) - 2)
        found = _fastest_piece(curve, limits, grid[low:high])
        rates[begin : begin + length] = found[begin - low : begin - low + length]
    # At the curve's ends toppra starts from nothing; the robot rests there anyway.
    edge = min(overlap, len(grid) // 4)
    rates[:edge], rates[len(grid) - edge :] = rates[edge], rates[len(grid) - edge - 1]
    return grid, rates


def _fastest_piece(curve: Spline, limits: JointLimits, grid: FloatArray) -> FloatArray:
    """Run toppra on a piece of a curve; where it fails, return the rates' pointwise ceiling."""
    import toppra
    from toppra.algorithm import TOPPRA
    from toppra.constraint import JointAccelerationConstraint, JointVelocityConstraint

    toppra.setup_logging("CRITICAL")
    # The path's own parameter is a joint too: its speed is the rate.
    points = np.column_stack([curve.at(grid), grid])
    ends = [(1, np.append(curve.at(grid[[i]], 1)[0], 1.0)) for i in (0, -1)]
    path = toppra.SplineInterpolator(grid, points, bc_type=tuple(ends))
    speeds = np.append(limits.velocity_rad_s, FASTEST)
    pushes = np.append(limits.acceleration_rad_s2, UNHURRIED)
    rows = [
        JointVelocityConstraint(np.column_stack([-speeds, speeds])),
        JointAccelerationConstraint(np.column_stack([-pushes, pushes])),
    ]
    run = TOPPRA(rows, path, gridpoints=grid, parametrizer="ParametrizeConstAccel")
    _, rates, _ = run.compute_parameterization(0.0, 0.0)
    if rates is not None and np.isfinite(rates).all():
        return np.asarray(rates)
    by_speed = limits.velocity_rad_s / np.maximum(np.abs(curve.at(grid, 1)), TINY)
    by_push = np.sqrt(limits.acceleration_rad_s2 / np.maximum(np.abs(curve.at(grid, 2)), TINY))
    return np.asarray(np.minimum(np.minimum(by_speed, by_push).min(axis=1), FASTEST))


def warped_map(
    dance: PoseSequence,
    slow_motion: float,
    moments_s: FloatArray,
    needed: FloatArray,
    weights: FloatArray,
) -> MusicMap:
    """Return a map that gives time where it is needed and meets the music at every pin.

    Args:
        dance: Its ends, beats and bar lines.
        slow_motion: Robot seconds per song second from pin to pin.
        moments_s: Shape (G,), song times.
        needed: Shape (G,), slowness that is needed there.
        weights: Shape (G,), how much that counts.

    Returns:
        The map; robot time begins at 0.
    """
    pinned = pins(dance)
    nodes, bars = _nodes(pinned)
    near = _nearest_node(nodes, moments_s)
    need = np.full(len(nodes), 1.0 / FASTEST)
    np.maximum.at(need, near, needed)
    weight = np.interp(nodes, moments_s, weights)
    slowness = _fit(nodes, bars, need, weight, dance.beats_s)
    times = np.zeros(len(nodes))
    for begin, end in itertools.pairwise(bars):
        inside = slice(begin, end + 1)
        slowness[inside] = _adding_up(nodes[inside], slowness[inside])
        steps = np.diff(nodes[inside]) * (slowness[inside][1:] + slowness[inside][:-1]) / 2.0
        times[begin + 1 : end + 1] = times[begin] + np.cumsum(steps)
        times[end] = nodes[end] - nodes[0]  # what rounding has left
    return MusicMap(nodes, slow_motion * times, slow_motion * slowness)


def _nodes(pinned: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return nodes (N,) with all pins among them, and the pins' indices."""
    pieces, bars = [pinned[:1]], [0]
    for begin, end in itertools.pairwise(pinned):
        parts = max(4, int(np.ceil((end - begin) * NODES_PER_S)))
        piece = np.linspace(begin, end, parts + 1)[1:]
        piece[-1] = end
        pieces.append(piece)
        bars.append(bars[-1] + parts)
    return np.concatenate(pieces), np.array(bars)


def _nearest_node(nodes: FloatArray, moments_s: FloatArray) -> IntArray:
    middles = (nodes[1:] + nodes[:-1]) / 2.0
    return np.asarray(np.searchsorted(middles, moments_s), dtype=np.int64)


def _adding_up(nodes: FloatArray, slowness: FloatArray) -> FloatArray:
    """Return a bar's slowness with the solver's rounding taken out; its ends stay."""
    shape = np.minimum(np.arange(len(nodes)), np.arange(len(nodes))[::-1]).astype(np.float64)
    missing = (nodes[-1] - nodes[0]) - np.trapezoid(slowness, nodes)
    return np.asarray(slowness + missing / np.trapezoid(shape, nodes) * shape)


def _fit(
    nodes: FloatArray, bars: IntArray, need: FloatArray, weight: FloatArray, beats_s: FloatArray
) -> FloatArray:
    """Return the slowness at the nodes (N,): a quadratic program over it and what is missing."""
    count = len(nodes)
    size = np.gradient(nodes)
    change = sp.diags_array([-1.0, 1.0], offsets=[0, 1], shape=(count - 1, count))
    smooth = change.T @ sp.diags_array(1.0 / np.diff(nodes)) @ change
    hessian = EVEN_WEIGHT * sp.diags_array(size) + SMOOTH_WEIGHT * smooth
    inside = beats_s[(beats_s > nodes[0]) & (beats_s < nodes[-1])]
    since = bars[np.searchsorted(nodes[bars], inside, side="right") - 1]
    beats = _integrals(nodes, since, inside)
    hessian = hessian + BEAT_WEIGHT * beats.T @ beats
    linear = -EVEN_WEIGHT * size - BEAT_WEIGHT * (beats.T @ (inside - nodes[since]))
    whole = sp.hstack([
        _integrals(nodes, bars[:-1], nodes[bars[1:]]),
        sp.csr_array((len(bars) - 1, count)),
    ])
    ends = sp.csr_array(([1.0, 1.0], ([0, 1], [0, count - 1])), shape=(2, 2 * count))
    one = sp.eye_array(count)
    missing = sp.diags_array(MISSING_WEIGHT * weight * size)
    solver = piqp.SparseSolver()
    solver.settings.eps_abs = solver.settings.eps_rel = 1e-8
    solver.setup(
        sp.csc_matrix(sp.triu(sp.block_diag([hessian, missing]))),
        np.concatenate([linear, np.zeros(count)]),
        sp.csc_matrix(sp.vstack([whole, ends])),
        np.concatenate([np.diff(nodes[bars]), [1.0, 1.0]]),
        sp.csc_matrix(sp.hstack([one, one])),  # slowness + missing >= need
        need,
        np.full(count, np.inf),
        np.concatenate([np.full(count, 1.0 / FASTEST), np.zeros(count)]),
        np.concatenate([np.full(count, 1.0 / SLOWEST), np.full(count, np.inf)]),
    )
    if solver.solve() != piqp.Status.PIQP_SOLVED:  # an even tempo is always a solution
        raise InfeasibleDance("no time map was found for --tempo warp; please report the dance")
    return np.array(solver.result.x)[:count]


def _integrals(nodes: FloatArray, since: IntArray, until_s: FloatArray) -> sp.csr_array:
    """Return rows that integrate values at the nodes, linear in between.

    Args:
        nodes: Shape (N,).
        since: Shape (M,), node at which each integral begins.
        until_s: Shape (M,), where it ends.
    """
    rows, columns, values = [], [], []
    for m, (begin, end) in enumerate(zip(since, until_s, strict=True)):
        last = int(np.clip(np.searchsorted(nodes, end, side="right") - 1, begin, len(nodes) - 2))
        steps = np.diff(nodes[begin : last + 2])
        share = (end - nodes[last]) / steps[-1]
        row = np.zeros(len(steps) + 1)
        row[:-2] += steps[:-1] / 2.0
        row[1:-1] += steps[:-1] / 2.0
        row[-2] += steps[-1] * share * (1.0 - share / 2.0)
        row[-1] += steps[-1] * share**2 / 2.0
        rows.append(np.full(len(row), m))
        columns.append(np.arange(begin, last + 2))
        values.append(row)
    if not rows:
        return sp.csr_array((0, len(nodes)))
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return sp.csr_array(entries, shape=(len(since), len(nodes)))
