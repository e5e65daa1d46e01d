"""Proof that a plan can be danced: the finished curve, judged everywhere.

Nothing here shares code with the planner. The curve is rebuilt from the plan's samples
alone; its largest angles, speeds and accelerations have closed forms. Kinematics, distances
and forces are computed by methods of their own (``bodies.py``, ``distance.py``,
``upright.py``), at every sample of the plan, and at a thousand samples a second and more
wherever bounds on how fast things can change leave any doubt in between (``proving.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from robodance.errors import PlanError
from robodance.motion.curve import Curve, Moments, Piece
from robodance.motion.distance import distances_at, pair_levers
from robodance.motion.footing import Footing, stand_on_floor
from robodance.motion.heat import torque_shares
from robodance.motion.losses import measure_losses
from robodance.motion.proving import SAMPLE_RATE_HZ, Least, look_closely, parts_of
from robodance.motion.trace import TraceMaker
from robodance.robots.model import RobotModel
from robodance.values import BoolArray, Certificate, FloatArray, IntArray, JointCertificate, Plan

__all__ = ["certify", "measure_losses"]

TOLERANCE = 1e-6  # of a limit: the rounding of a curve rebuilt from float64 samples
COUPLED_TOLERANCE_RAD = 1e-6  # at 1 kHz
COUPLED_SLACK_RAD = 1e-4  # between those samples; an encoder of a NAO tells 1.5e-3 apart
CLEARANCE_PRECISION_M = 1e-4
MIRRORED_TOLERANCE_RAD = 1e-6
PIECE = 4_000  # segments looked at together, to bound memory
COARSE = 4  # distances are first looked at every so many samples of the plan
SLOWEST_RATE_HZ = 100.0
EVEN_STEPS = 1e-3  # of a step: plan.npz promises uniform times
UNIT_QUATERNION = 1e-6


@dataclass
class _Found:
    """What was found so far."""

    counts: dict[str, int] = field(default_factory=dict)
    shares: list[FloatArray] = field(default_factory=list)
    clearance: Least = field(default_factory=lambda: Least(CLEARANCE_PRECISION_M))
    coupled: Least = field(default_factory=lambda: Least(np.inf, COUPLED_SLACK_RAD))
    footing: Footing = field(default_factory=Footing)


def certify(plan: Plan, robot: RobotModel) -> Certificate:
    """Check a plan against all limits, itself and the floor.

    Args:
        plan: The plan; of its own limits and the robot's, the tighter ones are used.
        robot: The robot; its coupled limits, shapes and masses are used.

    Returns:
        What was found. ``violations`` counts samples at 1 kHz; an excess that lies between
        two of them counts as one. ``mirrored``, ``footing`` and ``timing`` count samples of
        the plan.

    Raises:
        PlanError: The plan is for other joints than the robot's, or has no duration.
    """
    _require_fitting(plan, robot)
    joints = Curve.through(plan.times_s, plan.positions_rad)
    torso = Curve.through(plan.times_s, _continuous(plan.torso_pose))
    found, trace = _Found(), TraceMaker(plan)
    found.counts = {"position": 0, "coupled": 0, "velocity": 0, "acceleration": 0}
    found.shares = [np.zeros(len(plan.joint_names)) for _ in range(3)]
    allowed = _tighter_limits(plan, robot)
    levers = pair_levers(robot)
    for first in range(0, joints.segments, PIECE):
        piece = joints.piece(first, min(first + PIECE, joints.segments))
        last = first + len(piece.lengths_s)
        speeds = _limits(piece, allowed, found, trace)
        _coupled(piece, robot, speeds, found)
        _clearance(piece, robot, levers, speeds, found, trace)
        support = np.asarray(plan.support[first:last], dtype=np.int64)
        standing = stand_on_floor(robot, piece, torso.piece(first, last), support, found.footing)
        trace.balance(first, standing.zmp_m, standing.com_m)
    return _certificate(plan, robot, found, trace, torque_shares(plan, robot, joints, torso))


def _certificate(
    plan: Plan, robot: RobotModel, found: _Found, trace: TraceMaker, heat: dict[str, float]
) -> Certificate:
    clearance, footing = found.clearance, found.footing
    first, second = (
        (robot.capsules[i].link for i in robot.collision_pairs[clearance.column])
        if robot.collision_pairs
        else ("", "")
    )
    return Certificate(
        rate_hz=SAMPLE_RATE_HZ,
        violations={
            **found.counts,
            "coupled": found.coupled.under,
            "mirrored": _mirrored(plan, robot),
            "self_collision": clearance.under,
            "footing": footing.lost,
            "balance": footing.zmp.under,
            "timing": _timing(plan),
        },
        joints=tuple(
            JointCertificate(name, *(float(share[j]) for share in found.shares))
            for j, name in enumerate(plan.joint_names)
        ),
        clearance_m=clearance.value,
        clearance_time_s=clearance.when_s,
        clearance_links=(first, second),
        zmp_margin_m=footing.zmp.value,
        zmp_margin_time_s=footing.zmp.when_s,
        com_margin_m=footing.com_m,
        torque_shares=heat,
        com_margin_time_s=footing.com_time_s,
        trace=trace.done(),
    )


def _require_fitting(plan: Plan, robot: RobotModel) -> None:
    if tuple(plan.joint_names) != tuple(robot.joint_names):
        other = sorted(set(plan.joint_names) ^ set(robot.joint_names))
        what = f"differing: {', '.join(other)}" if other else "in another order"
        raise PlanError(
            f"the plan's joints are not those of {robot.name} ({what}); choose the robot it was "
            "made for"
        )
    if len(plan.times_s) < 2:
        raise PlanError(
            f"the plan has {len(plan.times_s)} samples, at least two are needed; plan it again"
        )


def _continuous(torso_pose: FloatArray) -> FloatArray:
    """Return poses whose quaternions keep their sign from sample to sample."""
    turned = np.einsum("ti,ti->t", torso_pose[1:, 3:], torso_pose[:-1, 3:]) < 0.0
    if not turned.any():
        return torso_pose
    result = torso_pose.copy()
    result[1:, 3:] *= np.where(np.cumsum(turned) % 2, -1.0, 1.0)[:, None]
    return result


Allowed = tuple[FloatArray, FloatArray, FloatArray, FloatArray]


def _tighter_limits(plan: Plan, robot: RobotModel) -> Allowed:
    """Return lowest and highest position, velocity and acceleration, shape (J,) each."""
    ours, theirs = plan.position_limits_rad, robot.position_limits_rad
    return (
        np.maximum(ours[:, 0], theirs[:, 0]),
        np.minimum(ours[:, 1], theirs[:, 1]),
        np.minimum(plan.velocity_limits_rad_s, robot.velocity_limits_rad_s),
        np.asarray(plan.acceleration_limits_rad_s2),
    )


def _limits(piece: Piece, allowed: Allowed, found: _Found, trace: TraceMaker) -> FloatArray:
    """Judge position, velocity and acceleration; return the largest speeds (J, n)."""
    low, high, velocity, acceleration = allowed
    middle, half = (low + high) / 2.0, np.maximum((high - low) / 2.0, 1e-12)
    lowest, highest = piece.ranges()
    speed, push, _ = piece.peaks()
    off = np.maximum(highest - middle[:, None], middle[:, None] - lowest)
    for order, (name, peak, limit) in enumerate((
        ("position", off, half),
        ("velocity", speed, velocity),
        ("acceleration", push, acceleration),
    )):
        share = peak / np.maximum(limit, 1e-12)[:, None]
        found.shares[order] = np.maximum(found.shares[order], share.max(axis=1))
        if order:
            trace.shares(piece, name, share)
        column, segment = np.nonzero(share > 1.0 + TOLERANCE)
        if len(column):
            centre = middle if order == 0 else np.zeros_like(middle)
            found.counts[name] += _count(piece, column, segment, order, centre, limit)
    return speed


def _count(
    piece: Piece,
    columns: IntArray,
    segments: IntArray,
    order: int,
    centre: FloatArray,
    limit: FloatArray,
) -> int:
    """Return at how many samples at 1 kHz a limit is broken; between samples counts as one."""
    parts, unique = parts_of(piece), np.unique(segments)
    steps = np.tile(np.arange(parts + 1) / parts, len(unique))
    moments = Moments(
        np.repeat(unique, parts + 1), steps * np.repeat(piece.lengths_s[unique], parts + 1)
    )
    broken = np.zeros((len(unique), parts + 1), dtype=bool)
    for column in np.unique(columns):
        value = np.broadcast_to(piece.at(int(column), moments, order), len(moments))
        over = np.abs(value - centre[column]) > limit[column] * (1.0 + TOLERANCE)
        broken |= over.reshape(broken.shape)
    ended = piece.final and int(unique[-1]) == len(piece.lengths_s) - 1 and bool(broken[-1, -1])
    return int(broken[:, :-1].sum()) + int((~broken.any(axis=1)).sum()) + int(ended)


def _coupled(piece: Piece, robot: RobotModel, speeds: FloatArray, found: _Found) -> None:
    """Judge ranges that depend on another joint: two values a pair, under its limits."""
    pairs = [
        pair
        for pair in robot.coupled_limits
        if piece.moving[[robot.index(pair.driver), robot.index(pair.joint)]].any()
        or piece.first == 0
    ]
    if not pairs:
        return

    def look(moments: Moments, wanted: BoolArray | None = None) -> FloatArray:
        values = np.empty((len(moments), 2 * len(pairs)))
        for k, pair in enumerate(pairs):
            driver = piece.at(robot.index(pair.driver), moments)
            angle = piece.at(robot.index(pair.joint), moments)
            values[:, 2 * k] = np.interp(driver, pair.driver_rad, pair.upper_rad) - angle
            values[:, 2 * k + 1] = angle - np.interp(driver, pair.driver_rad, pair.lower_rad)
        return values + COUPLED_TOLERANCE_RAD

    rates = np.empty((len(piece.lengths_s), 2 * len(pairs)))
    for k, pair in enumerate(pairs):
        driver, angle = speeds[robot.index(pair.driver)], speeds[robot.index(pair.joint)]
        for i, row in enumerate((pair.upper_rad, pair.lower_rad)):
            steepest = float(np.abs(np.diff(row) / np.diff(pair.driver_rad)).max())
            rates[:, 2 * k + i] = angle + steepest * driver
    _prove(piece, look(piece.samples()), rates, look, found.coupled)


def _clearance(
    piece: Piece,
    robot: RobotModel,
    levers: FloatArray,
    speeds: FloatArray,
    found: _Found,
    trace: TraceMaker,
) -> None:
    """Judge the distances of the body's parts.

    Every fourth sample of the plan is looked at first; where that leaves doubt about a
    pair, so are the others, and then the moments between.
    """
    least = found.clearance
    count = len(piece.lengths_s)

    def look(moments: Moments, wanted: BoolArray | None = None) -> FloatArray:
        return distances_at(robot, lambda j: piece.at(j, moments), len(moments), wanted)

    samples = piece.samples()
    coarse = np.append(np.arange(0, count, COARSE), count)
    seen = look(Moments(samples.segment[coarse], samples.since_s[coarse]))
    least.note(seen, piece.times_s[coarse])
    trace.clearance(piece, coarse, seen.min(axis=1, initial=np.inf))
    rates = speeds.T @ levers  # (n, P)
    travel = np.add.reduceat(rates * piece.lengths_s[:, None], coarse[:-1], axis=0)
    doubt = (seen[1:] + seen[:-1] - travel) / 2.0 < least.goal
    # All samples of the doubtful stretches, so that a segment has both its ends.
    chosen = np.repeat(doubt, np.diff(coarse), axis=0)  # (n, P)
    none = np.zeros((1, chosen.shape[1]), dtype=bool)
    wanted = np.vstack([chosen, none]) | np.vstack([none, chosen])
    values = np.full(wanted.shape, np.inf)
    values[coarse] = seen
    new = wanted.any(axis=1)
    new[coarse] = False
    index = np.flatnonzero(new)
    values[index] = look(Moments(samples.segment[index], samples.since_s[index]), wanted[index])
    least.note(values, piece.times_s)
    trace.clearance(piece, index, values[index].min(axis=1, initial=np.inf))
    _prove(piece, np.where(wanted, values, np.inf), rates, look, least)


def _prove(
    piece: Piece,
    values: FloatArray,
    rates: FloatArray,
    look: Callable[[Moments, BoolArray], FloatArray],
    least: Least,
) -> None:
    """Note values (n + 1, K) at a piece's samples and prove what lies between."""
    least.note(values, piece.times_s)
    look_closely(piece, np.arange(len(rates)), (values[:-1], values[1:]), rates, look, least)


def _mirrored(plan: Plan, robot: RobotModel) -> int:
    """Return at how many samples one motor's two names differ."""
    apart = np.zeros(len(plan.times_s), dtype=bool)
    for name, other in robot.mirrored_joints.items():
        columns = [robot.index(name), robot.index(other)]
        difference = plan.positions_rad[:, columns[0]] - plan.positions_rad[:, columns[1]]
        apart |= np.abs(difference) > MIRRORED_TOLERANCE_RAD
    return int(apart.sum())


def _timing(plan: Plan) -> int:
    """Return at how many samples time is not what ``plan.npz`` promises."""
    steps = np.diff(plan.times_s)
    step = plan.duration_s / len(steps)
    wrong = np.abs(steps - step) > EVEN_STEPS * step
    wrong |= steps > (1.0 + EVEN_STEPS) / SLOWEST_RATE_HZ
    wrong |= ~(np.diff(plan.music_times_s) > 0.0)
    unit = np.abs(np.linalg.norm(plan.torso_pose[:, 3:], axis=1) - 1.0) > UNIT_QUATERNION
    return int(wrong.sum()) + int(unit.sum())
