"""The torso's way through the world, as a curve that can be asked for poses and forces."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.motion.spline import Spline
from robodance.robots.dynamics import BaseMotion
from robodance.robots.legs import heading_pose
from robodance.robots.stability import gravity_in_torso
from robodance.values import FloatArray

__all__ = ["TorsoCurve"]


@dataclass(frozen=True)
class TorsoCurve:
    """Where the torso is at every moment.

    Attributes:
        spline: Of x, y, z, roll, pitch and yaw (``legs.TORSO_AXES``, then the heading), world.
    """

    spline: Spline = field(repr=False)

    def poses(self, times_s: FloatArray) -> FloatArray:
        """Return the torso's poses, (T, 7), quaternion signs continuous."""
        values = self.spline.at(times_s)
        return heading_pose(values[:, :5], values[:, 5])

    def motion(self, times_s: FloatArray) -> tuple[FloatArray, BaseMotion]:
        """Return poses (T, 7), and how the torso moves in its own frame.

        With R = Rz(yaw) Ry(pitch) Rx(roll), the angular velocity in the torso's frame is
        linear in the angles' rates; its derivative follows by the product rule.
        """
        values, rates, pushes = (self.spline.at(times_s, order) for order in range(3))
        poses = heading_pose(values[:, :5], values[:, 5])
        roll, pitch = values[:, 3], values[:, 4]
        dr, dp, dy = rates[:, 3], rates[:, 4], rates[:, 5]
        ddr, ddp, ddy = pushes[:, 3], pushes[:, 4], pushes[:, 5]
        sr, cr, sp, cp = np.sin(roll), np.cos(roll), np.sin(pitch), np.cos(pitch)
        spin = np.stack([dr - sp * dy, cr * dp + sr * cp * dy, cr * cp * dy - sr * dp], axis=1)
        turn = np.stack(
            [
                ddr - sp * ddy - cp * dp * dy,
                cr * ddp - sr * dr * dp + sr * cp * ddy + (cr * cp * dr - sr * sp * dp) * dy,
                cr * cp * ddy - (sr * cp * dr + cr * sp * dp) * dy - sr * ddp - cr * dr * dp,
            ],
            axis=1,
        )
        rise = Rotation.from_quat(poses[:, 3:]).inv().apply(pushes[:, :3])
        return poses, BaseMotion(gravity_in_torso(poses), spin, turn, np.asarray(rise))
