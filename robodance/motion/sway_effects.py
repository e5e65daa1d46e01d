"""What a torso's control points do to the zero moment point and to the motors' torques.

Both follow the posture and, more strongly at the speed of a dance, the accelerations: of the
centre of mass, of the legs, and of what turns. So both are differenced, by the whole body's
inverse dynamics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.motion.sway_task import UNIT, SwayState
from robodance.motion.terms import knot_values
from robodance.motion.whole_motion import WholeMotion
from robodance.robots.legs import TORSO_AXES, heading_pose, leg_columns
from robodance.robots.model import RobotModel
from robodance.values import FloatArray

__all__ = ["Effects", "effects_of"]

SMALL = 1e-5  # of a unit, or of one per second squared


@dataclass(frozen=True)
class Effects:
    """How K knots' ZMP and torques change with units, and with their second derivatives.

    Attributes:
        zmp: Shape (K, 2, 5), metres per unit.
        zmp_pushed: Likewise, per unit/s^2.
        torques: Shape (K, legs, 5), newton metres per unit.
        torques_pushed: Likewise, per unit/s^2.
    """

    zmp: FloatArray = field(repr=False)
    zmp_pushed: FloatArray = field(repr=False)
    torques: FloatArray = field(repr=False)
    torques_pushed: FloatArray = field(repr=False)


def effects_of(robot: RobotModel, state: SwayState) -> Effects:
    """Return what a small change of each of ``TORSO_AXES`` does at every knot."""
    zmp, torques = _effects(robot, state, _displaced)
    zmp_pushed, torques_pushed = _effects(robot, state, _pushed)
    return Effects(zmp, zmp_pushed, torques, torques_pushed)


def _effects(
    robot: RobotModel, state: SwayState, change: Callable[[SwayState, int], WholeMotion]
) -> tuple[FloatArray, FloatArray]:
    """Return what a change of each axis does to ZMP (K, 2, 5) and the legs' torques (K, legs, 5).

    All axes are looked at in one go: most stretches are short.
    """
    axes = range(len(TORSO_AXES))
    changed = WholeMotion.joined([change(state, axis) for axis in axes])
    zmp, torques = changed.zmp_and_torques(robot)
    legs = list(leg_columns(robot))
    by_axis = (len(axes), len(state.zmp), -1)
    zmp, torques = zmp.reshape(by_axis), torques[:, legs].reshape(by_axis)
    found = (zmp - state.zmp) / SMALL, (torques - state.torques[:, legs]) / SMALL
    return np.moveaxis(found[0], 0, 2), np.moveaxis(found[1], 0, 2)


def _displaced(state: SwayState, axis: int) -> WholeMotion:
    """Return the same way of moving, a little beside."""
    torso, motion = knot_values(state.torso), state.motion
    torso[:, axis] += SMALL * UNIT[axis]
    joints = motion.joints_rad + SMALL * state.slopes[:, :, axis]
    return motion.beside(joints, heading_pose(torso[:, :5], torso[:, 5]))


def _pushed(state: SwayState, axis: int) -> WholeMotion:
    """Return the same postures and speeds with a little more acceleration.

    Roll turns about the torso's own x, pitch about the y that roll has turned since.
    """
    motion, much = state.motion, SMALL * UNIT[axis]
    place, turn = np.zeros((2, len(state.zmp), 3))
    if axis < 3:
        upright = Rotation.from_quat(motion.poses[:, 3:]).inv()
        place = much * np.asarray(upright.apply(np.eye(3)[axis]))
    elif axis == 3:
        turn[:, 0] = much
    else:
        roll = knot_values(state.torso)[:, 3]
        turn[:, 1], turn[:, 2] = much * np.cos(roll), -much * np.sin(roll)
    return motion.pushed(SMALL * state.slopes[:, :, axis], place, turn)
