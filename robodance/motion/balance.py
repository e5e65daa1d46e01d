"""Upper-body balance: the legs hold a stand, and the arms may not tip the robot.

With planted feet and legs at rest only the arms' and the head's motion moves the ZMP away
from under the centre of mass. Where it leaves the soles (it hardly ever does), the motion
there is made calmer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robodance.errors import ConfigError
from robodance.motion.spline import Spline
from robodance.robots.kinematics import center_of_mass, forward_kinematics
from robodance.robots.model import RobotModel
from robodance.robots.stability import (
    stability_margin,
    standing_torso_pose,
    support_polygon,
    to_world,
    zero_moment_point,
)
from robodance.values import FloatArray

__all__ = ["Stand", "upper_body_only"]


@dataclass(frozen=True)
class Stand:
    """A stand that the legs hold.

    Attributes:
        robot: The robot.
        posture_rad: Shape (J,).
        torso_pose: Shape (7,), world.
        polygon_m: Shape (K, 2), the soles' convex hull, world.
    """

    robot: RobotModel
    posture_rad: FloatArray = field(repr=False)
    torso_pose: FloatArray = field(repr=False)
    polygon_m: FloatArray = field(repr=False)

    def zmp_margins(self, spline: Spline, per_step: int) -> FloatArray:
        """Return the ZMP's distance to the soles' edge, ``per_step`` samples a knot interval."""
        motion = [spline.sampled(per_step, order) for order in range(3)]
        poses = np.tile(self.torso_pose, (len(motion[0]), 1))
        zmp = zero_moment_point(self.robot, motion[0], motion[1], motion[2], poses)
        return stability_margin(zmp, self.polygon_m)

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
