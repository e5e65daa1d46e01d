"""Proof that a plan can be danced: the finished curve, looked at a thousand times a second.

Nothing here shares code with the planner's constraints. The curve is rebuilt from the
plan's samples alone (the clamped cubic through them), limits are read from the plan and
the robot, distances are computed by another method, and where fewer than a thousand
samples a second are taken, a bound on how fast things can change proves the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from robodance.motion.distance import pair_distances, pair_speeds
from robodance.motion.losses import measure_losses
from robodance.robots.dynamics import BaseMotion, inverse_dynamics
from robodance.robots.kinematics import center_of_mass
from robodance.robots.model import RobotModel
from robodance.robots.stability import (
    gravity_in_torso,
    stability_margin,
    standing_torques,
    support_polygon,
    to_world,
    zmp_of_forces,
)
from robodance.values import Certificate, FloatArray, IntArray, JointCertificate, Plan

__all__ = ["certify", "measure_losses"]

RATE_HZ = 1000.0
TOLERANCE = 1e-6  # of a limit: the rounding of a curve rebuilt from float64 samples
COUPLED_TOLERANCE_RAD = 1e-6
CHUNK = 20_000
COARSE = 10  # clearance and balance are first looked at every so many samples
DISTANCE_IN_CHUNKS = 4_000


@dataclass(frozen=True)
class _Curve:
    """The executed curve and its moments."""

    spline: CubicSpline
    times_s: FloatArray

    def __call__(self, times_s: FloatArray, order: int = 0) -> FloatArray:
        return np.asarray(self.spline(times_s, order))


def certify(plan: Plan, robot: RobotModel) -> Certificate:
    """Check a plan against all limits, itself and the floor.

    Args:
        plan: The plan; its own limits are used.
        robot: The robot; its coupled limits, shapes and masses are used.

    Returns:
        What was found. ``violations`` counts samples at 1 kHz.
    """
    duration = plan.times_s[-1] - plan.times_s[0]
    times = plan.times_s[0] + np.linspace(0.0, duration, round(duration * RATE_HZ) + 1)
    curve = _Curve(CubicSpline(plan.times_s, plan.positions_rad, bc_type="clamped"), times)
    violations, joints = _limits(curve, plan)
    violations["coupled"] = _coupled(curve, robot)
    clearance, when, links, touching = _clearance(curve, robot)
    violations["self_collision"] = touching
    balance = _balance(curve, plan, robot)
    violations["balance"] = balance.outside
    return Certificate(
        rate_hz=RATE_HZ,
        violations=violations,
        joints=joints,
        clearance_m=clearance,
        clearance_time_s=when,
        clearance_links=links,
        zmp_margin_m=balance.zmp_margin_m,
        zmp_margin_time_s=balance.zmp_time_s,
        com_margin_m=balance.com_margin_m,
        torque_shares=balance.torque_shares,
    )


def _limits(curve: _Curve, plan: Plan) -> tuple[dict[str, int], tuple[JointCertificate, ...]]:
    low, high = plan.position_limits_rad.T
    middle, half = (low + high) / 2.0, np.maximum((high - low) / 2.0, 1e-12)
    allowed = (half, plan.velocity_limits_rad_s, plan.acceleration_limits_rad_s2)
    counts = {"position": 0, "velocity": 0, "acceleration": 0}
    peaks = np.zeros((3, len(plan.joint_names)))
    for start in range(0, len(curve.times_s), CHUNK):
        times = curve.times_s[start : start + CHUNK]
        for order, name in enumerate(counts):
            values = curve(times, order) - (middle if order == 0 else 0.0)
            share = np.abs(values) / allowed[order]
            counts[name] += int((share > 1.0 + TOLERANCE).any(axis=1).sum())
            peaks[order] = np.maximum(peaks[order], share.max(axis=0))
    return counts, tuple(
        JointCertificate(name, *(float(peak) for peak in peaks[:, j]))
        for j, name in enumerate(plan.joint_names)
    )


def _coupled(curve: _Curve, robot: RobotModel) -> int:
    broken = np.zeros(len(curve.times_s), dtype=bool)
    for start in range(0, len(curve.times_s), CHUNK):
        part = slice(start, start + CHUNK)
        positions = curve(curve.times_s[part])
        for pair in robot.coupled_limits:
            driver = positions[:, robot.index(pair.driver)]
            angle = positions[:, robot.index(pair.joint)]
            low = np.interp(driver, pair.driver_rad, pair.lower_rad)
            high = np.interp(driver, pair.driver_rad, pair.upper_rad)
            broken[part] |= angle < low - COUPLED_TOLERANCE_RAD
            broken[part] |= angle > high + COUPLED_TOLERANCE_RAD
    return int(broken.sum())


def _clearance(curve: _Curve, robot: RobotModel) -> tuple[float, float, tuple[str, str], int]:
    """Return the smallest clearance, when and between which links, and samples in contact.

    Every tenth sample is taken first. Between two of them a pair's distance cannot have
    fallen under their mean less half of what its fastest possible approach covers; the
    speeds come from the largest joint speeds in the interval times the longest levers. The
    intervals in which that could hide contact, or a clearance smaller than the smallest
    seen, are looked at sample by sample, and proved in the same way.
    """
    times = curve.times_s[::COARSE]
    if times[-1] != curve.times_s[-1]:
        times = np.append(times, curve.times_s[-1])
    distances = pair_distances(robot, curve(times), DISTANCE_IN_CHUNKS)  # (S, P)
    best = np.unravel_index(distances.argmin(), distances.shape)
    least, when, pair = float(distances[best]), float(times[best[0]]), int(best[1])
    fastest = pair_speeds(robot, _peak_speeds(curve, times))  # (S - 1, P)
    steps = np.diff(times)[:, None]
    hidden = (distances[1:] + distances[:-1] - fastest * steps) / 2.0
    suspicious = np.flatnonzero((hidden < max(least, 0.0)).any(axis=1))
    touching = 0
    for group in np.array_split(suspicious, max(1, len(suspicious) // 400)):
        if not len(group):
            continue
        moments = _fine(curve.times_s, group)
        near = pair_distances(robot, curve(moments.ravel()), DISTANCE_IN_CHUNKS)
        touching += int((near.reshape(*moments.shape, -1)[:, :-1] < 0.0).any(axis=2).sum())
        inside = np.unravel_index(near.argmin(), near.shape)
        if near[inside] < least:
            least, when = float(near[inside]), float(moments.ravel()[inside[0]])
            pair = int(inside[1])
        # What the samples cannot exclude even at 1 kHz counts as contact too.
        between = near.reshape(*moments.shape, -1)
        slack = fastest[group][:, None] * np.diff(moments, axis=1)[:, :, None]
        floor = (between[:, 1:] + between[:, :-1] - slack) / 2.0
        unproved = (floor < 0.0) & (between[:, 1:] >= 0.0) & (between[:, :-1] >= 0.0)
        touching += int(unproved.any(axis=2).sum())
    first, second = (robot.capsules[i].link for i in robot.collision_pairs[pair])
    return least, when, (first, second), touching


def _fine(times_s: FloatArray, intervals: IntArray) -> FloatArray:
    """Return all samples of coarse intervals, both ends included. Shape (G, COARSE + 1)."""
    index = intervals[:, None] * COARSE + np.arange(COARSE + 1)
    return np.asarray(times_s[np.minimum(index, len(times_s) - 1)])


def _peak_speeds(curve: _Curve, times_s: FloatArray) -> FloatArray:
    """Return a bound on each joint's speed between neighbouring moments. Shape (S - 1, J).

    Speed at the nearer end, plus the largest acceleration (linear between the spline's
    breaks, so largest at them or at the ends) over half the interval.
    """
    speed = np.abs(curve(times_s, 1))
    push = np.abs(curve(times_s, 2))
    inside = np.abs(curve(curve.spline.x, 2))
    index = np.clip(np.searchsorted(times_s, curve.spline.x, side="right") - 1, 0, len(times_s) - 2)
    largest = np.maximum(push[1:], push[:-1])
    np.maximum.at(largest, index, inside)
    return np.asarray(np.maximum(speed[1:], speed[:-1]) + largest * np.diff(times_s)[:, None] / 2.0)


@dataclass(frozen=True)
class _Balance:
    zmp_margin_m: float
    zmp_time_s: float
    com_margin_m: float
    outside: int
    torque_shares: dict[str, float]


def _balance(curve: _Curve, plan: Plan, robot: RobotModel) -> _Balance:
    """Look at ZMP and centre of mass, at 100 Hz and, where they are near the edge, at 1 kHz.

    The acceleration, and so the ZMP, changes almost linearly between the spline's breaks,
    which are among the samples at 100 Hz.
    """
    times = curve.times_s[::COARSE]
    zmp, com, torques = _standing(curve, times, plan, robot)
    worst = int(zmp.argmin())
    least, when = float(zmp[worst]), float(times[worst])
    outside, doubtful = (
        0,
        np.flatnonzero(zmp < 2.0 * max(float(np.abs(np.diff(zmp)).max(initial=0.0)), 1e-3)),
    )
    for group in np.array_split(doubtful, max(1, len(doubtful) // 400)):
        if not len(group):
            continue
        index = np.unique(group[:, None] * COARSE + np.arange(-COARSE, COARSE + 1))
        moments = curve.times_s[np.clip(index, 0, len(curve.times_s) - 1)]
        near, _, _ = _standing(curve, np.unique(moments), plan, robot)
        outside += int((near < 0.0).sum())
        if near.min() < least:
            least, when = float(near.min()), float(np.unique(moments)[near.argmin()])
    nominal = robot.nominal_torques_nm
    rms = np.sqrt((torques**2).mean(axis=0))
    shares = {
        name: float(rms[j] / nominal[j])
        for j, name in enumerate(plan.joint_names)
        if nominal[j] > 0.0 and name not in robot.hands
    }
    return _Balance(least, when, float(com.min()), outside, shares)


def _standing(
    curve: _Curve, times_s: FloatArray, plan: Plan, robot: RobotModel
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return margins of ZMP and centre of mass (S,), and joint torques (S, J)."""
    torso = np.stack(
        [np.interp(times_s, plan.times_s, column) for column in plan.torso_pose.T], axis=1
    )
    torso[:, 3:] /= np.linalg.norm(torso[:, 3:], axis=1, keepdims=True)
    positions = curve(times_s)
    base = BaseMotion.at_rest(gravity_in_torso(torso))
    forces = inverse_dynamics(robot, positions, curve(times_s, 1), curve(times_s, 2), base)
    zmp = zmp_of_forces(forces, torso)
    com = to_world(torso, center_of_mass(robot, forces.poses))[:, :2]
    polygon = support_polygon(robot, positions[0], torso[0], int(plan.support[0]))
    torques = standing_torques(robot, forces, torso, positions)
    return stability_margin(zmp, polygon), stability_margin(com, polygon), torques
