"""What is asked of a torso over the feet, and what a way of it means: values that have parts.

A part is some control points of a song's with everything that belongs to them. At its ends,
and for as long as a spline of the legs remembers, it is held as it was found.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.config import MotionConfig
from robodance.motion.balance import Stand
from robodance.motion.limits import JointLimits, convex_region
from robodance.motion.spline import REST_POINTS
from robodance.motion.support import HELD_KNOTS, Support
from robodance.motion.whole_motion import WholeMotion
from robodance.robots.legs import knee_columns, leg_columns
from robodance.robots.model import RobotModel
from robodance.values import BoolArray, FloatArray

__all__ = ["UNIT", "SwayState", "SwayTask", "around", "rotated", "sway_task"]

UNIT = np.array([0.02, 0.02, 0.02, 0.1, 0.1])  # m, rad
STEPPING_KNEE_RAD = 0.35  # a straight leg lifts its foot only with haste
KNEE_RAD = 0.12  # a knee keeps this much bend: straight legs cannot steer
ONE_LEG_SHARE = 0.5  # of knee bends and lean, where one leg carries the robot
END_RAMP_S = 0.6

Coupled = tuple[int, int, FloatArray, FloatArray]


@dataclass(frozen=True)
class SwayState:
    """What a torso's N = K + 2 control points mean.

    Attributes:
        units: Shape (N, 5), away from home, in ``UNIT``.
        torso: Shape (N, 6), control points, heading included.
        legs: Shape (N, J), control points of all joints.
        slopes: Shape (K, J, 5), rad per unit.
        miss: Shape (K,), the feet's largest error, metres and radians.
        motion: At the knots.
        zmp: Shape (K, 2).
        torques: Shape (K, J).
    """

    units: FloatArray
    torso: FloatArray
    legs: FloatArray
    slopes: FloatArray
    miss: FloatArray
    motion: WholeMotion
    zmp: FloatArray
    torques: FloatArray

    def part(self, first: int, last: int) -> SwayState:
        """Return what belongs to the control points from ``first`` until ``last``."""
        points, knots = slice(first, last), slice(first, last - 2)
        return SwayState(
            self.units[points],
            self.torso[points],
            self.legs[points],
            self.slopes[knots],
            self.miss[knots],
            self.motion.part(np.arange(first, last - 2)),
            self.zmp[knots],
            self.torques[knots],
        )

    def with_part(self, first: int, part: SwayState) -> SwayState:
        """Return the state with a part put back where it was taken from."""
        return SwayState(
            _with(self.units, first, part.units),
            _with(self.torso, first, part.torso),
            _with(self.legs, first, part.legs),
            _with(self.slopes, first, part.slopes),
            _with(self.miss, first, part.miss),
            self.motion.with_part(first, part.motion),
            _with(self.zmp, first, part.zmp),
            _with(self.torques, first, part.torques),
        )


@dataclass(frozen=True)
class SwayTask:
    """What is asked of a torso at K knots, or N = K + 2 control points.

    Attributes:
        robot: The robot.
        limits: Of all joints.
        posture_rad: Shape (J,), the stand's.
        support: Feet and floor.
        upper_body: Shape (N, J), what the other joints do.
        wish: Shape (K, 5), the dancer's sway beside home, world.
        middle: Shape (K, 5), the feet's middle beside home.
        wanted: Shape (K, 5), where the torso is wanted beside home.
        knees_rad: Shape (K, 2), where both knees are wanted, left first.
        home: Shape (N, 5), the stand's way along with the feet.
        heading_rad: Shape (K,), of that way.
        asked_m: Shape (K,), margin that is asked of the ZMP.
        least_m: The margin it must have.
        low_rad: Shape (J,), what the program uses of the joints' ranges.
        high_rad: Shape (J,).
        coupled: Driver, joint, and the convex region of both, of coupled legs' joints.
        free: Shape (N,), which control points may move.
        ends: The first and the last control points (3, J + 1) of all joints and the heading.
    """

    robot: RobotModel
    limits: JointLimits
    posture_rad: FloatArray
    support: Support
    upper_body: FloatArray
    wish: FloatArray
    middle: FloatArray
    wanted: FloatArray
    knees_rad: FloatArray
    home: FloatArray
    heading_rad: FloatArray
    asked_m: FloatArray
    least_m: float
    low_rad: FloatArray
    high_rad: FloatArray
    coupled: tuple[Coupled, ...]
    free: BoolArray = field(repr=False)
    ends: tuple[FloatArray, FloatArray] = field(repr=False)

    def part(self, first: int, last: int, state: SwayState) -> SwayTask:
        """Return the task of the control points from ``first`` until ``last``, ends held."""
        points, knots = slice(first, last), slice(first, last - 2)
        free = self.free[points].copy()
        free[:HELD_KNOTS] = free[-HELD_KNOTS:] = False
        whole = np.hstack([state.legs[points], state.torso[points, 5:]])
        return replace(
            self,
            support=self.support.part(first, last - 2),
            upper_body=self.upper_body[points],
            wish=self.wish[knots],
            middle=self.middle[knots],
            wanted=self.wanted[knots],
            knees_rad=self.knees_rad[knots],
            home=self.home[points],
            heading_rad=self.heading_rad[knots],
            asked_m=self.asked_m[knots],
            free=free,
            ends=(whole[:REST_POINTS], whole[-REST_POINTS:]),
        )


def sway_task(
    wanted: FloatArray,
    upper_body: FloatArray,
    support: Support,
    stand: Stand,
    limits: JointLimits,
    config: MotionConfig,
    calm: FloatArray,
) -> SwayTask:
    """Return the task of a whole song; arguments as ``sway.plan_sway``."""
    wish, middle = _in_the_world(wanted[:, : len(UNIT)], support)
    knees = stand.posture_rad[list(knee_columns(stand.robot))]
    share = np.repeat(calm[:, None], len(UNIT), axis=1)
    share[:, 2:] *= 1.0 - (1.0 - ONE_LEG_SHARE) * support.one_legged()[:, None]
    home, heading = _path(stand, support)
    free = np.ones(len(upper_body), dtype=bool)
    free[:HELD_KNOTS] = free[-HELD_KNOTS:] = False
    low, high = _ranges(stand, support, limits)
    least = min(config.zmp_margin_m, stand.resting_margin() - 1e-3)
    rest = np.tile(stand.posture_rad, (REST_POINTS, 1))
    first, last = (np.full((REST_POINTS, 1), heading[end]) for end in (0, -1))
    return SwayTask(
        stand.robot,
        limits,
        stand.posture_rad,
        support,
        upper_body,
        wish,
        middle,
        middle + wish * share,
        knees + calm[:, None] * wanted[:, len(UNIT) :],
        home,
        heading,
        _asked(support, config, least),
        least,
        low,
        high,
        _coupled(stand.robot, limits),
        free,
        (np.hstack([rest, first]), np.hstack([rest, last])),
    )


def _with(whole: FloatArray, first: int, part: FloatArray) -> FloatArray:
    result = np.array(whole)
    result[first : first + len(part)] = part
    return result


def _ranges(stand: Stand, support: Support, limits: JointLimits) -> tuple[FloatArray, FloatArray]:
    low, high = (np.array(part) for part in limits.position_rad.T)
    least = KNEE_RAD if (support.kinds == 0).all() else STEPPING_KNEE_RAD
    for name in stand.robot.joint_names:
        if name.endswith("KneePitch"):
            column = stand.robot.index(name)
            low[column] = max(low[column], min(least, stand.posture_rad[column]))
    return low, high


def _coupled(robot: RobotModel, limits: JointLimits) -> tuple[Coupled, ...]:
    legs, result = leg_columns(robot), []
    for pair in limits.coupled:
        driver, joint = (robot.index(name) for name in (pair.driver, pair.joint))
        if driver in legs:
            result.append((driver, joint, *convex_region(pair)))
    return tuple(result)


def _asked(support: Support, config: MotionConfig, least_m: float) -> FloatArray:
    """Return the margin (K,) that is asked of the ZMP, less near the plan's ends."""
    grounds = support.kinds[support.areas]
    inside = np.where(grounds == 0, config.full_body_margin_m, config.single_support_margin_m)
    index = np.arange(len(grounds))
    ramp = (np.minimum(index, index[::-1]) - HELD_KNOTS) * support.step_s / END_RAMP_S
    return np.asarray(least_m + np.clip(ramp, 0.0, 1.0) * np.maximum(inside - least_m, 0.0))


def _path(stand: Stand, support: Support) -> tuple[FloatArray, FloatArray]:
    """Return the way of a stand that goes along with the feet, and its heading.

    Returns:
        Control points (K + 2, 5) of ``TORSO_AXES`` and headings (K,) at the knots.
    """
    first, pitch, roll = Rotation.from_quat(stand.torso_pose[3:]).as_euler("ZYX")
    way = support.path()
    ahead = np.pad(way, ((1, 1), (0, 0)), mode="edge")
    start = support.middle[0, :2]
    offset = rotated(np.tile(stand.torso_pose[:2] - start, (len(ahead), 1)), ahead[:, 3])
    still = np.tile([stand.torso_pose[2], roll, pitch], (len(ahead), 1))
    still[:, 0] += ahead[:, 2]
    return np.hstack([ahead[:, :2] + offset, still]), first + way[:, 3]


def _in_the_world(sway: FloatArray, support: Support) -> tuple[FloatArray, FloatArray]:
    """Return the sway (K, 5) in the world, and the feet's middle (K, 5) beside their path."""
    turned = np.array(sway)
    path = support.path()
    turned[:, :2] = rotated(sway[:, :2], path[:, 3])
    beside = np.zeros_like(turned)
    beside[:, :2] = support.middle[:, :2] - path[:, :2]
    return turned, beside


def rotated(vectors: FloatArray, angles_rad: FloatArray) -> FloatArray:
    """Return vectors (T, 2) turned by angles (T,)."""
    cos, sin = np.cos(angles_rad), np.sin(angles_rad)
    x, y = vectors.T
    return np.column_stack([cos * x - sin * y, sin * x + cos * y])


def around(bad: BoolArray, width: float) -> FloatArray:
    """Return 1 near bad knots, 0 far from them, and a smooth way between. Shape (K,)."""
    index, places = np.arange(len(bad)), np.flatnonzero(bad)
    after = np.searchsorted(places, index).clip(0, len(places) - 1)
    before = np.maximum(after - 1, 0)
    gap = np.minimum(np.abs(places[after] - index), np.abs(index - places[before]))
    share = np.clip(2.0 - gap / width, 0.0, 1.0)
    return np.asarray(share**2 * (3.0 - 2.0 * share))
