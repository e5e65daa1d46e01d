"""A whole body's motion at the knots: where the floor pushes, and what the motors give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np

from robodance.motion.spline import Spline
from robodance.motion.support import Support
from robodance.motion.torso import TorsoCurve
from robodance.robots.dynamics import BaseMotion, inverse_dynamics
from robodance.robots.model import RobotModel
from robodance.robots.stability import gravity_in_torso, standing_torques, zmp_of_forces
from robodance.values import FloatArray, IntArray

__all__ = ["WholeMotion"]


@dataclass(frozen=True)
class WholeMotion:
    """Joints and torso at T moments.

    Attributes:
        joints_rad: Shape (T, J).
        speeds_rad_s: Shape (T, J).
        pushes_rad_s2: Shape (T, J).
        poses: Shape (T, 7), the torso's, world.
        base: How the torso moves.
        support: Shape (T,), 0 both feet, 1 left, 2 right.
    """

    joints_rad: FloatArray = field(repr=False)
    speeds_rad_s: FloatArray = field(repr=False)
    pushes_rad_s2: FloatArray = field(repr=False)
    poses: FloatArray = field(repr=False)
    base: BaseMotion = field(repr=False)
    support: IntArray = field(repr=False)

    @classmethod
    def at_knots(cls, torso: FloatArray, joints: FloatArray, support: Support) -> WholeMotion:
        """Return the motion of control points (K + 2, 6) of the torso and (K + 2, J)."""
        times = support.knot_times_s
        poses, base = TorsoCurve(Spline(torso, support.step_s)).motion(times)
        curve = Spline(joints, support.step_s)
        at, rate, push = (curve.at(times, order) for order in range(3))
        return cls(at, rate, push, poses, base, support.numbers_at(times))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the moments of all parts, one after the other."""
        base = BaseMotion(
            *(
                np.concatenate([getattr(part.base, f.name) for part in parts])
                for f in fields(BaseMotion)
            )
        )
        names = (f.name for f in fields(cls) if f.name != "base")
        rest = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return cls(base=base, **rest)

    def zmp_and_torques(self, robot: RobotModel) -> tuple[FloatArray, FloatArray]:
        """Return the zero moment point (T, 2) and the joints' torques (T, J)."""
        forces = inverse_dynamics(
            robot, self.joints_rad, self.speeds_rad_s, self.pushes_rad_s2, self.base
        )
        torques = standing_torques(robot, forces, self.poses, self.joints_rad, self.support)
        return zmp_of_forces(forces, self.poses), torques

    def part(self, rows: IntArray) -> WholeMotion:
        """Return some of the moments."""
        base = BaseMotion(*(getattr(self.base, part.name)[rows] for part in fields(self.base)))
        return WholeMotion(
            self.joints_rad[rows],
            self.speeds_rad_s[rows],
            self.pushes_rad_s2[rows],
            self.poses[rows],
            base,
            self.support[rows],
        )

    def with_part(self, first: int, part: WholeMotion) -> WholeMotion:
        """Return the motion with some of its moments as in another."""

        def joined(whole: Any, inner: Any) -> Any:
            result = np.array(whole)
            result[first : first + len(inner)] = inner
            return result

        base = BaseMotion(
            *(
                joined(getattr(self.base, f.name), getattr(part.base, f.name))
                for f in fields(part.base)
            )
        )
        names = (f.name for f in fields(self) if f.name != "base")
        rest = {name: joined(getattr(self, name), getattr(part, name)) for name in names}
        return WholeMotion(base=base, **rest)

    def pushed(
        self, joints_rad: FloatArray, place_m: FloatArray, turn_rad: FloatArray
    ) -> WholeMotion:
        """Return the same postures and speeds, with more acceleration.

        Args:
            joints_rad: Shape (T, J), rad/s^2.
            place_m: Shape (T, 3), the torso's, in its own frame, m/s^2.
            turn_rad: Shape (T, 3), likewise, rad/s^2.
        """
        base = replace(
            self.base,
            acceleration_m_s2=self.base.acceleration_m_s2 + place_m,
            angular_acceleration_rad_s2=self.base.angular_acceleration_rad_s2 + turn_rad,
        )
        return replace(self, pushes_rad_s2=self.pushes_rad_s2 + joints_rad, base=base)

    def beside(self, joints_rad: FloatArray, poses: FloatArray) -> WholeMotion:
        """Return the same way of moving in other postures."""
        base = replace(self.base, gravity_m_s2=gravity_in_torso(poses))
        return replace(self, joints_rad=joints_rad, poses=poses, base=base)
