"""How much of what a motor can give for ever a plan asks of it on average."""

from __future__ import annotations

import numpy as np

from robodance.motion.curve import Curve, Moments, Piece
from robodance.motion.upright import torso_at
from robodance.robots.dynamics import BaseMotion, inverse_dynamics
from robodance.robots.model import RobotModel
from robodance.robots.stability import gravity_in_torso, standing_torques
from robodance.values import FloatArray, IntArray, Plan

__all__ = ["torque_shares"]

LOOKS_PER_S = 20.0  # an average needs no more
PIECE = 8_000  # samples of the plan looked at together


def torque_shares(plan: Plan, robot: RobotModel, joints: Curve, torso: Curve) -> dict[str, float]:
    """Return each joint's RMS torque over its nominal torque; hands are left out."""
    every = max(1, round((len(plan.times_s) - 1) / max(plan.duration_s, 1e-9) / LOOKS_PER_S))
    squared, count = np.zeros(len(plan.joint_names)), 0
    for first in range(0, joints.segments, PIECE):
        last = min(first + PIECE, joints.segments)
        support = np.asarray(plan.support[first:last], dtype=np.int64)
        pieces = joints.piece(first, last), torso.piece(first, last)
        torques = _torques(robot, *pieces, support, every)
        squared += (torques**2).sum(axis=0)
        count += len(torques)
    rms, nominal = np.sqrt(squared / count), robot.nominal_torques_nm
    return {
        name: float(rms[j] / nominal[j])
        for j, name in enumerate(plan.joint_names)
        if nominal[j] > 0.0 and name not in robot.hands
    }


def _torques(
    robot: RobotModel, joints: Piece, torso: Piece, support: IntArray, every: int
) -> FloatArray:
    """Return joint torques at every so many samples. Shape (S, J)."""
    segment = np.arange(0, len(joints.lengths_s), every)
    moments = Moments(segment, np.zeros(len(segment)))
    positions, speeds, pushes = (joints.rows(moments, order) for order in range(3))
    pose = torso.rows(moments)
    pose[:, 3:] /= np.linalg.norm(pose[:, 3:], axis=1, keepdims=True)
    motion = torso_at(torso, moments)

    def seen(vector: FloatArray) -> FloatArray:
        back = np.einsum("ijt,it->tj", motion.rotation, np.broadcast_to(vector, vector.shape))
        return np.asarray(np.broadcast_to(back, (len(moments), 3)))

    base = BaseMotion(
        gravity_in_torso(pose), seen(motion.spin), seen(motion.turn), seen(motion.rise)
    )
    forces = inverse_dynamics(robot, positions, speeds, pushes, base)
    return standing_torques(robot, forces, pose, positions, support[segment])
