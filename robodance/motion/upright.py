"""What the floor must do for a motion, for the certificate: its own dynamics, on purpose.

Newton's and Euler's laws for each body in the world, torso motion included; no recursion
over joint torques. Beside the forces there are bounds on how much they can bend between two
looks, from which the zero moment point there follows.

The bounds are *majorants*: for a point carried by joints with angles q_j, the derivatives
of its position are at most those of ``length * exp(sum_j sum_m |q_j^(m)| x^m / m!)`` at
x = 0. A rotation about a fixed axis is bounded so by itself (a complete Bell polynomial,
Comtet, "Advanced Combinatorics", 1974, section 3.3), and products only add exponents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb

import numpy as np

from robodance.motion.bodies import Frames, axis_of, body_frames, carried, cross, dot
from robodance.motion.curve import Moments, Piece
from robodance.robots.model import RobotModel
from robodance.values import FloatArray

__all__ = ["Bounds", "Ground", "force_bends", "ground_force", "motion_bounds", "torso_at"]

GRAVITY_M_S2 = 9.81
ORDERS = 5  # derivatives 0 to 4
STILL = np.array([1.0, 0.0, 0.0, 0.0, 0.0])  # the majorant of what does not move


@dataclass(frozen=True)
class Ground:
    """What the floor does, about the world's origin.

    Attributes:
        lift_n: Shape (N,), its push upwards.
        moment_nm: Shape (3, N), the moment of its force about the world's origin.
        com_m: Shape (3, N), the robot's centre of mass.
        frames: Where the links are in the world.
    """

    lift_n: FloatArray = field(repr=False)
    moment_nm: FloatArray = field(repr=False)
    com_m: FloatArray = field(repr=False)
    frames: Frames = field(repr=False)

    def zmp(self) -> FloatArray:
        """Return the zero moment point on the floor. Shape (2, N)."""
        return np.stack([-self.moment_nm[1], self.moment_nm[0]]) / self.lift_n


@dataclass(frozen=True)
class _Motion:
    """Rotation, origin, and their motion in the world; (3, N) each but the first."""

    rotation: FloatArray
    origin: FloatArray
    spin: FloatArray
    turn: FloatArray
    rise: FloatArray


def ground_force(robot: RobotModel, joints: Piece, torso: Piece, moments: Moments) -> Ground:
    """Return what the floor must do.

    Args:
        robot: The robot.
        joints: Its joints' curve.
        torso: The curve of the torso's pose, x y z and a quaternion's four, in the world.
        moments: N moments.
    """
    base = torso_at(torso, moments)
    frames = body_frames(robot, lambda j: joints.at(j, moments), (base.rotation, base.origin))
    motions = {robot.base_link: base}
    for joint in robot.joints:
        column, parent = robot.index(joint.name), motions[joint.parent]
        rotation, origin = frames[joint.child]
        arm = origin - parent.origin
        rise = parent.rise + _swing(parent, arm)
        spin, turn = parent.spin, parent.turn
        if joints.moving[column]:
            axis = axis_of(rotation, joint.axis)
            rate = axis * joints.at(column, moments, 1)
            turn = turn + axis * joints.at(column, moments, 2) + cross(spin, rate)
            spin = spin + rate
        motions[joint.child] = _Motion(rotation, origin, spin, turn, rise)
    return _sum(robot, motions, frames, len(moments))


def torso_at(torso: Piece, moments: Moments) -> _Motion:
    """Return how the torso moves in the world.

    The quaternion's spline is brought to length one: with p its value, the angular velocity
    is twice the vector part of p' p* over p p*.
    """
    pose = [torso.at(c, moments) for c in range(7)]
    p, dp, ddp = (
        np.stack(np.broadcast_arrays(*(torso.at(c, moments, order) for c in range(3, 7))))
        for order in range(3)
    )
    squared = (p * p).sum(axis=0)
    spin = 2.0 * _vector_part(dp, p) / squared
    turn = 2.0 * (_vector_part(ddp, p) - spin * (p * dp).sum(axis=0)) / squared
    rise = np.stack(np.broadcast_arrays(*(torso.at(c, moments, 2) for c in range(3))))
    origin = np.stack(np.broadcast_arrays(*pose[:3]))
    return _Motion(_rotation(p / np.sqrt(squared)), origin, spin, turn, rise)


@dataclass(frozen=True)
class Bounds:
    """Majorants of every link's motion on n segments: bounds of its derivatives 0 to 4.

    Attributes:
        origins: Link to (5, n) or (5, 1), of its origin; the first is the distance from the
            floor under the torso's first place in the piece.
        turned: Link to (5, n) or (5, 1), of its rotation.
    """

    origins: dict[str, FloatArray] = field(repr=False)
    turned: dict[str, FloatArray] = field(repr=False)

    def place(self, link: str, reach_m: float) -> FloatArray:
        """Return bounds for any point of a link not farther than ``reach_m`` from its origin."""
        return np.asarray(self.origins[link] + reach_m * self.turned[link])


def motion_bounds(robot: RobotModel, joints: Piece, torso: Piece) -> Bounds:
    """Return how fast, and how fast changing, all links can move on each segment."""
    peaks = joints.peaks()
    origin, spread = _torso_majorants(torso)
    sums = {robot.base_link: np.zeros((3, 1))}
    origins, turned = {robot.base_link: origin}, {robot.base_link: spread}
    for joint in robot.joints:
        column, parent, child = robot.index(joint.name), joint.parent, joint.child
        reach = float(np.linalg.norm(joint.origin_m))
        origins[child] = origins[parent] + reach * turned[parent]
        sums[child], turned[child] = sums[parent], turned[parent]
        if joints.moving[column]:
            sums[child] = sums[parent] + np.stack([peak[column] for peak in peaks])
            turned[child] = _product(spread, _bell(sums[child]))
    return Bounds(origins, turned)


def force_bends(robot: RobotModel, bounds: Bounds) -> tuple[FloatArray, FloatArray]:
    """Return bounds on the second derivatives of the floor's push and moment on each segment.

    The moment is the one about the floor under the torso's first place in the piece.

    Returns:
        N/s^2 and Nm/s^2, shape (n,) or (1,) each.
    """
    lift, moment = np.zeros(1), np.zeros(1)
    for link in robot.links:
        turning = bounds.turned[link.name]
        c = bounds.place(link.name, float(np.linalg.norm(link.com_m)))
        lift = lift + link.mass_kg * c[4]
        # (c x (c'' + g))'' and, for each element r of the body's mass, (r x r'')''.
        moment = moment + link.mass_kg * (
            c[2] * (c[2] + GRAVITY_M_S2) + 2.0 * c[1] * c[3] + c[0] * c[4]
        )
        spread_kg_m2 = float(np.trace(link.inertia_kg_m2)) / 2.0
        moment = moment + spread_kg_m2 * (2.0 * turning[1] * turning[3] + turning[4])
    return lift, moment


def _torso_majorants(torso: Piece) -> tuple[FloatArray, FloatArray]:
    """Return majorants (5, n) or (5, 1) of the torso's origin and of its rotation.

    The origin's first row is its largest distance from the floor under its first place. The
    rotation is p p* over |p|^2 of a quaternion p that is a cubic.
    """
    low, high = torso.ranges()
    speed, push, jerk = torso.peaks()
    first = torso.powers[0, :, 0].copy()
    first[2] = 0.0
    away = np.maximum(np.abs(low - first[:, None]), np.abs(high - first[:, None]))
    rows = (away, speed, push, jerk, np.zeros_like(jerk))
    origin = np.stack([np.linalg.norm(row[:3], axis=0) for row in rows])
    if not torso.moving.any():
        return origin[:, :1], STILL[:, None]
    if not torso.moving[3:].any():
        return origin, STILL[:, None]
    bounds = [np.linalg.norm(row[3:], axis=0) for row in rows[1:]]
    ends, drift = np.linalg.norm(torso.powers[0, 3:], axis=0), bounds[0] * torso.lengths_s
    squared = _product(*2 * [np.stack([ends + drift, *bounds])])
    turned = _product(squared, _inverse(ends - drift, squared))
    turned[0] = 1.0  # a rotation
    return origin, turned


def _inverse(least: FloatArray, squared: FloatArray) -> FloatArray:
    """Return the majorant of 1 / |p|^2; |p| is at least ``least``, ``squared`` bounds |p|^2."""
    rows = [1.0 / np.maximum(least, 1e-3) ** 2]
    for k in range(1, ORDERS):
        rows.append(rows[0] * sum(comb(k, i) * squared[i] * rows[k - i] for i in range(1, k + 1)))
    return np.stack(rows)


def _bell(sums: FloatArray) -> FloatArray:
    """Return the complete Bell polynomials 0 to 4 of (one, two, three, 0). Shape (5, n)."""
    one, two, three = sums
    return np.stack([
        np.ones_like(one),
        one,
        one**2 + two,
        one**3 + 3.0 * one * two + three,
        one**4 + 6.0 * one**2 * two + 3.0 * two**2 + 4.0 * one * three,
    ])


def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the majorant of a product, by Leibniz's rule. Shape (5, n)."""
    return np.stack([
        np.asarray(sum(comb(k, i) * a[i] * b[k - i] for i in range(k + 1))) for k in range(ORDERS)
    ])


def _sum(robot: RobotModel, motions: dict[str, _Motion], frames: Frames, count: int) -> Ground:
    """Add up what all bodies ask of the floor."""
    lift, moment, com = np.zeros(count), np.zeros((3, count)), np.zeros((3, count))
    up = np.array([0.0, 0.0, GRAVITY_M_S2])[:, None]
    for link in robot.links:
        motion = motions[link.name]
        arm = carried(motion.rotation, link.com_m)
        centre = motion.origin + arm
        push = link.mass_kg * (motion.rise + _swing(motion, arm) + up)
        lift += push[2]
        com += link.mass_kg * centre
        moment += cross(centre, push)
        if motion.spin.any() or motion.turn.any():
            moment += _momentum_rate(motion, np.asarray(link.inertia_kg_m2))
    return Ground(lift, moment, com / robot.mass_kg, frames)


def _momentum_rate(motion: _Motion, inertia: FloatArray) -> FloatArray:
    """Return how fast a body's angular momentum about its centre changes. Shape (3, N)."""

    def heavy(vector: FloatArray) -> FloatArray:
        local = np.stack([dot(motion.rotation[:, k], vector) for k in range(3)])
        turned = np.stack([
            inertia[k, 0] * local[0] + inertia[k, 1] * local[1] + inertia[k, 2] * local[2]
            for k in range(3)
        ])
        return np.stack([dot(motion.rotation[k], turned) for k in range(3)])

    return np.asarray(heavy(motion.turn) + cross(motion.spin, heavy(motion.spin)))


def _swing(motion: _Motion, arm: FloatArray) -> FloatArray:
    """Return the acceleration that a point at ``arm`` has from its body's turning."""
    return cross(motion.turn, arm) + cross(motion.spin, cross(motion.spin, arm))


def _vector_part(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the vector part of the quaternion a b*, both x y z w. Shape (3, N)."""
    return np.asarray(b[3] * a[:3] - a[3] * b[:3] - cross(a[:3], b[:3]))


def _rotation(unit: FloatArray) -> FloatArray:
    """Return the rotation of a unit quaternion x y z w, (4, N). Shape (3, 3, N)."""
    x, y, z, w = unit
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])
