"""The arms may not tip the robot, whether its legs hold a stand or move under it.

With planted feet and legs at rest only the arms' and the head's motion moves the ZMP away
from under the centre of mass; where torso and legs move, their way is given. Where the ZMP
comes too near the edge of what carries the robot, ``BalanceTerm`` prices that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robodance.errors import ConfigError
from robodance.motion.program import BandedQuadratic
from robodance.motion.spline import TAPS, Spline, basis
from robodance.motion.support import Area, Support, padded
from robodance.motion.torso import TorsoCurve
from robodance.robots.dynamics import BaseMotion
from robodance.robots.kinematics import center_of_mass, forward_kinematics
from robodance.robots.model import RobotModel
from robodance.robots.stability import (
    gravity_in_torso,
    stability_margin,
    standing_torso_pose,
    support_polygon,
    to_world,
    zero_moment_point,
)
from robodance.values import FloatArray, IntArray

__all__ = ["BalanceTerm", "Stand", "upper_body_only"]

SAMPLES_AT_ONCE = 10_000  # bounds memory for long songs
DIFFERENCE = 1e-6  # rad, rad/s, rad/s^2: half the digits of what it is added to


@dataclass(frozen=True)
class Stand:
    """What the arms are planned on: a stand, and a way of torso and legs if they move.

    Attributes:
        robot: The robot.
        posture_rad: Shape (J,).
        torso_pose: Shape (7,), world.
        polygon_m: Shape (K, 2), the soles' convex hull, world.
        torso: Where the torso is; None: it rests.
        support: What carries the robot; None: both soles, all the time.
    """

    robot: RobotModel
    posture_rad: FloatArray = field(repr=False)
    torso_pose: FloatArray = field(repr=False)
    polygon_m: FloatArray = field(repr=False)
    torso: TorsoCurve | None = field(default=None, repr=False)
    support: Support | None = field(default=None, repr=False)

    def base(self, times_s: FloatArray) -> tuple[FloatArray, BaseMotion]:
        """Return the torso's poses (T, 7) and how it moves in its own frame."""
        if self.torso is not None:
            return self.torso.motion(times_s)
        poses = np.tile(self.torso_pose, (len(times_s), 1))
        return poses, BaseMotion.at_rest(gravity_in_torso(poses))

    def edges(self, times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return inward normals (T, E, 2) and offsets (T, E) of what carries the robot."""
        if self.support is not None:
            which = self.support.carrying_at(times_s)
            return self.support.inward[which], self.support.offsets_m[which]
        inward, offsets = padded((Area.around(self.polygon_m),))
        still = np.zeros(len(times_s), dtype=np.int64)
        return inward[still], offsets[still]

    def zmp_margins(self, spline: Spline, times_s: FloatArray, from_s: float = 0.0) -> FloatArray:
        """Return the ZMP's distance to the edge of the support at some moments. Shape (T,).

        Args:
            spline: All joints; may be a piece of the whole.
            times_s: Moments on the piece's own clock.
            from_s: Where the piece begins.
        """
        result = np.empty(len(times_s))
        for start in range(0, len(times_s), SAMPLES_AT_ONCE):
            part = slice(start, start + SAMPLES_AT_ONCE)
            motion = [spline.at(times_s[part], order) for order in range(3)]
            moments = times_s[part] + from_s
            poses, base = self.base(moments)
            zmp = zero_moment_point(self.robot, motion[0], motion[1], motion[2], poses, base)
            if self.support is None:
                result[part] = stability_margin(zmp, self.polygon_m)
            else:
                result[part] = self.support.margins(zmp, self.support.carrying_at(moments))
        return result

    def resting_margin(self) -> float:
        """Return the margin of the posture itself, where ZMP and centre of mass are one."""
        poses = forward_kinematics(self.robot, self.posture_rad[None])
        com = to_world(self.torso_pose[None], center_of_mass(self.robot, poses))
        return float(stability_margin(com[:, :2], self.polygon_m)[0])


def upper_body_only(robot: RobotModel, posture: str) -> Stand:
    """Return the stand that the legs hold: feet flat on the floor, torso where they put it.

    Raises:
        ConfigError: The posture does not stand: soles not flat, or centre of mass not over them.
    """
    angles = np.asarray(robot.posture(posture))
    pose = standing_torso_pose(robot, angles)
    stand = Stand(robot, angles, pose, support_polygon(robot, angles, pose))
    if stand.resting_margin() <= 0.0:
        raise ConfigError(
            f"{robot.name}: in {posture!r} the centre of mass is not over the soles, so the robot "
            f"would fall; use one of {', '.join(robot.standing_postures)}"
        )
    return stand


class BalanceTerm:
    """Half the squared amount by which the ZMP is too near the edge of the soles.

    Everything the ZMP depends on is in the model: angles, velocities and accelerations.
    """

    def __init__(
        self,
        stand: Stand,
        columns: tuple[int, ...],
        base: FloatArray,
        segments: IntArray,
        step_s: float,
        *,
        per_step: int,
        margin_m: float,
        weight: float,
    ) -> None:
        """Prepare a term.

        Args:
            stand: What the robot stands on.
            columns: The joints among ``joint_names`` that may move for it.
            base: Shape (N, J), control points of all joints; those not in ``columns`` stay.
            segments: Shape (S,), distinct segments of the curve that are looked at.
            step_s: Time between knots.
            per_step: Samples in each segment.
            margin_m: Distance to keep from every edge.
            weight: Per squared metre.
        """
        self._stand, self._columns, self._segments = stand, list(columns), segments
        self._margin_m, self._weight = margin_m, weight
        phases = np.arange(per_step) / per_step
        self._basis = [basis(phases, order) / step_s**order for order in range(3)]
        self._base = [self._at_samples(base, order) for order in range(3)]
        times = ((segments[:, None] + phases) * step_s).ravel()
        self._poses, self._torso = stand.base(times)
        self._inward, self._offsets = stand.edges(times)  # (S, E, 2) and (S, E)

    def values(self, control: FloatArray) -> FloatArray:
        """Return the cost per control point."""
        short = self._short(self._zmp(self._moved(control)))
        cost = 0.5 * self._weight * (short**2).sum(axis=1)
        point = np.repeat(self._segments + 1, len(self._basis[0]))
        return np.asarray(np.bincount(point, cost, minlength=len(control)), dtype=np.float64)

    def expand(self, control: FloatArray, model: BandedQuadratic) -> None:
        """Add the Gauss-Newton model."""
        motion = self._moved(control)
        zmp = self._zmp(motion)
        short = self._short(zmp)
        where = np.flatnonzero((short > 0.0).any(axis=1))
        if not len(where):
            return
        slopes = self._slopes([part[where] for part in motion], zmp[where], where)
        segments, phase = np.divmod(where, len(self._basis[0]))
        first = self._segments[segments]
        for k in np.flatnonzero((short > 0.0).any(axis=0)):
            miss = self._weight * short[where, k, None]
            hit = np.where(miss > 0.0, self._weight, 0.0)[:, :, None]
            inward = [np.einsum("mi,min->mn", self._inward[where, k], slope) for slope in slopes]
            by_tap = [
                sum(self._basis[order][phase, tap, None] * inward[order] for order in range(3))
                for tap in range(TAPS)
            ]
            for a in range(TAPS):
                np.add.at(model.gradient, first + a, -miss * by_tap[a])
                for b in range(a, TAPS):
                    outer = by_tap[a][:, :, None] * by_tap[b][:, None, :]
                    np.add.at(model.blocks[:, b - a], first + a, hit * outer)

    def _at_samples(self, control: FloatArray, order: int) -> FloatArray:
        taps = np.stack([control[self._segments + tap] for tap in range(TAPS)], axis=1)
        return np.asarray((self._basis[order] @ taps).reshape(-1, control.shape[1]))

    def _moved(self, control: FloatArray) -> list[FloatArray]:
        """Return angles, velocities and accelerations of all joints at the samples."""
        motion = [whole.copy() for whole in self._base]
        for order, whole in enumerate(motion):
            whole[:, self._columns] = self._at_samples(control, order)
        return motion

    def _zmp(self, motion: list[FloatArray], where: IntArray | None = None) -> FloatArray:
        """Return the ZMP of motions at the samples, or at some of them (with repetitions)."""
        poses, base = self._poses, self._torso
        if where is not None:
            parts = (getattr(base, name)[where] for name in base.__dataclass_fields__)
            poses, base = poses[where], BaseMotion(*parts)
        return zero_moment_point(self._stand.robot, motion[0], motion[1], motion[2], poses, base)

    def _short(self, zmp: FloatArray) -> FloatArray:
        """Return by how much the ZMP is too near to each edge. Shape (S, K)."""
        inside = np.einsum("sei,si->se", self._inward, zmp) - self._offsets
        return np.asarray(np.maximum(self._margin_m - inside, 0.0))

    def _slopes(
        self, motion: list[FloatArray], zmp: FloatArray, where: IntArray
    ) -> list[FloatArray]:
        """Return how the ZMP moves with angles, velocities and accelerations, (M, 2, n) each.

        By differences, all of them in one batch.
        """
        samples, joints = len(zmp), len(self._columns)
        changed = [np.tile(part, (3 * joints, 1)) for part in motion]
        for order in range(3):
            for j, column in enumerate(self._columns):
                rows = slice((order * joints + j) * samples, (order * joints + j + 1) * samples)
                changed[order][rows, column] += DIFFERENCE
        moved = self._zmp(changed, np.tile(where, 3 * joints))
        slopes = (moved.reshape(3, joints, samples, 2) - zmp) / DIFFERENCE
        return list(slopes.transpose(0, 2, 3, 1))
