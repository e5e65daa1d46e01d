"""A robot's limits as linear rows on B-spline control points.

Because position, velocity and acceleration of the curve are convex combinations of control
points and of their differences (``spline.py``), these rows hold the limits everywhere on
the curve, not only at samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from robodance.config import MotionConfig
from robodance.errors import UnreachableLimits
from robodance.robots.model import CoupledLimit, RobotModel
from robodance.values import FloatArray, frozen_array

__all__ = [
    "JointLimits",
    "Rows",
    "convex_region",
    "joint_limits",
    "limit_rows",
    "require_reachable",
]

SOLVER_SLACK = 1e-4  # share of a limit left to the solver's tolerance
POSITION_SLACK_RAD = 1e-4


@dataclass(frozen=True)
class JointLimits:
    """Limits of n joints.

    Attributes:
        names: n joint names.
        position_rad: Shape (n, 2).
        velocity_rad_s: Shape (n,).
        acceleration_rad_s2: Shape (n,).
        coupled: Pairs of joints that limit each other, among ``names``.
    """

    names: tuple[str, ...]
    position_rad: FloatArray
    velocity_rad_s: FloatArray
    acceleration_rad_s2: FloatArray
    coupled: tuple[CoupledLimit, ...] = ()

    def __post_init__(self) -> None:
        for name in ("position_rad", "velocity_rad_s", "acceleration_rad_s2"):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))

    def of(self, names: tuple[str, ...]) -> JointLimits:
        """Return the limits of some of the joints."""
        columns = [self.names.index(name) for name in names]
        return JointLimits(
            names,
            self.position_rad[columns],
            self.velocity_rad_s[columns],
            self.acceleration_rad_s2[columns],
            tuple(c for c in self.coupled if c.joint in names and c.driver in names),
        )

    def scaled(self, share: float) -> JointLimits:
        """Return the same limits with ``share`` of velocity and acceleration."""
        return JointLimits(
            self.names,
            self.position_rad,
            share * self.velocity_rad_s,
            share * self.acceleration_rad_s2,
            self.coupled,
        )


@dataclass(frozen=True)
class Rows:
    """Linear constraints ``lower <= matrix @ c <= upper`` and a box on the control points.

    The unknown ``c`` is the control points row by row: point i, joint j is ``i * n + j``.
    """

    matrix: sp.csc_matrix = field(repr=False)
    lower: FloatArray = field(repr=False)
    upper: FloatArray = field(repr=False)
    box_lower: FloatArray = field(repr=False)
    box_upper: FloatArray = field(repr=False)


def joint_limits(robot: RobotModel, config: MotionConfig) -> JointLimits:
    """Return the limits of all joints of a robot, as a plan states them."""
    velocity = np.asarray(robot.velocity_limits_rad_s)
    return JointLimits(
        robot.joint_names,
        robot.position_limits_rad,
        velocity,
        config.acceleration_per_velocity_per_s * velocity,
        robot.coupled_limits,
    )


def require_reachable(limits: JointLimits, posture_rad: FloatArray, posture: str) -> None:
    """Check that a robot that rests in ``posture`` obeys its limits.

    Raises:
        UnreachableLimits: It does not, so no plan can start there, or a joint can never move.
    """
    for j, name in enumerate(limits.names):
        angle, (low, high) = posture_rad[j], limits.position_rad[j]
        if not low - 1e-9 <= angle <= high + 1e-9:
            raise UnreachableLimits(
                f"joint {name!r} stands at {angle:.4f} in {posture!r}, at the time 0 s, but its "
                f"limits are {low:.4f}..{high:.4f}; choose another `stand` or correct the "
                "robot's YAML"
            )
        if not (limits.velocity_rad_s[j] > 0.0 and limits.acceleration_rad_s2[j] > 0.0):
            raise UnreachableLimits(
                f"joint {name!r} has a velocity limit of {limits.velocity_rad_s[j]} rad/s, so it "
                "can never move; correct it in the robot's YAML"
            )
    for pair in limits.coupled:
        driver = posture_rad[limits.names.index(pair.driver)]
        angle = posture_rad[limits.names.index(pair.joint)]
        low = float(np.interp(driver, pair.driver_rad, pair.lower_rad))
        high = float(np.interp(driver, pair.driver_rad, pair.upper_rad))
        if not low - 1e-6 <= angle <= high + 1e-6:
            raise UnreachableLimits(
                f"joint {pair.joint!r} stands at {angle:.4f} in {posture!r}, but with "
                f"{pair.driver!r} at {driver:.4f} it may only be in {low:.4f}..{high:.4f}; "
                "choose another `stand`"
            )


def limit_rows(limits: JointLimits, points: int, step_s: float) -> Rows:
    """Return the rows for ``points`` control points of the joints in ``limits``."""
    joints = len(limits.names)
    share = 1.0 - SOLVER_SLACK
    first = sp.diags_array([-1.0, 1.0], offsets=[0, 1], shape=(points - 1, points))
    second = sp.diags_array([1.0, -2.0, 1.0], offsets=[0, 1, 2], shape=(points - 2, points))
    one = sp.eye_array(joints)
    speed = np.tile(share * step_s * limits.velocity_rad_s, points - 1)
    push = np.tile(share * step_s**2 * limits.acceleration_rad_s2, points - 2)
    matrices = [sp.kron(first, one), sp.kron(second, one)]
    lower, upper = [-speed, -push], [speed, push]
    for pair in limits.coupled:
        coefficients, bounds = convex_region(pair)
        row = np.zeros((len(bounds), joints))
        row[:, limits.names.index(pair.driver)] = coefficients[:, 0]
        row[:, limits.names.index(pair.joint)] = coefficients[:, 1]
        matrices.append(sp.kron(sp.eye_array(points), sp.csr_array(row)))
        upper.append(np.tile(bounds - POSITION_SLACK_RAD, points))
        lower.append(np.full(len(bounds) * points, -np.inf))
    low, high = limits.position_rad.T
    # A joint that rests at its stop must be allowed to stay there.
    slack = np.minimum(POSITION_SLACK_RAD, (high - low) / 4.0)
    return Rows(
        sp.csc_matrix(sp.vstack(matrices)),
        np.concatenate(lower),
        np.concatenate(upper),
        np.tile(low + slack, points),
        np.tile(high - slack, points),
    )


def convex_region(pair: CoupledLimit) -> tuple[FloatArray, FloatArray]:
    """Return a large convex part of the allowed region of two coupled joints.

    The table's region is not convex, but what is proved by control points must be. The
    part is bounded above by the concave function with the largest mean that stays under
    the table's upper edge, and below likewise; the middle of the driver's range, where a
    head mostly is, counts most.

    Returns:
        Coefficients (M, 2) of driver and joint, and bounds (M,):
        ``coefficients @ (driver, joint) <= bounds``.
    """
    upper = _concave_under(pair.driver_rad, pair.upper_rad)
    lower = -_concave_under(pair.driver_rad, -pair.lower_rad)
    rows, bounds = [], []
    for values, sign in ((upper, 1.0), (lower, -1.0)):
        slopes = np.diff(values) / np.diff(pair.driver_rad)
        for x, y, slope in zip(pair.driver_rad[:-1], values[:-1], slopes, strict=True):
            rows.append((-sign * slope, sign))
            bounds.append(sign * (y - slope * x))
    rows.extend([(1.0, 0.0), (-1.0, 0.0)])
    bounds.extend([float(pair.driver_rad[-1]), float(-pair.driver_rad[0])])
    return np.array(rows), np.array(bounds)


def _concave_under(x: FloatArray, ceiling: FloatArray) -> FloatArray:
    """Return the concave piecewise linear function under ``ceiling`` with the largest mean.

    Between rows both are linear, so staying under the ceiling at the rows is enough.
    """
    steps = np.diff(x)
    weight = np.exp(-2.0 * np.abs(x)) * np.gradient(x)
    slopes = np.zeros((len(x) - 2, len(x)))
    for k in range(len(x) - 2):
        slopes[k, k] += 1.0 / steps[k]
        slopes[k, k + 1] -= 1.0 / steps[k] + 1.0 / steps[k + 1]
        slopes[k, k + 2] += 1.0 / steps[k + 1]
    result = linprog(
        -weight, A_ub=slopes, b_ub=np.zeros(len(slopes)), bounds=[(None, c) for c in ceiling]
    )
    return np.asarray(result.x)
