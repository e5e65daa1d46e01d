"""Which way an arm goes: candidates in closed form, then the best path through the song.

One bone direction is often reached in several ways, or, at a joint limit, in none: then
both stops are near. Frame by frame the best one jumps. Here every way is first improved by
itself, and the choice is then made over the whole song by dynamic programming, with jumps
that the motors cannot follow priced.
"""

from __future__ import annotations

import numpy as np

from robodance.motion.arm import Arm
from robodance.values import FloatArray

__all__ = ["arm_start", "candidates", "cheapest_path", "refined"]

ELBOW_YAWS_RAD = (-1.4, 0.0, 1.4)  # tried besides the solutions: where a straight arm's yaw is free
MOVE_COST = 0.03  # per squared radian of a step at 25 samples per second
LEAP_COST = 3.0  # per squared radian beyond what the motor can do

FRAMES_AT_ONCE = 2_000  # bounds memory for long songs
REFINEMENTS = 5
DAMPING, EASE, STIFFEN = 1e-2, 0.3, 5.0  # of Levenberg-Marquardt, each frame its own


def candidates(arm: Arm, upper: FloatArray, fore: FloatArray, limits_rad: FloatArray) -> FloatArray:
    """Return ways to point an arm, all within its limits.

    Args:
        arm: The arm.
        upper: Shape (T, 3), wanted direction of the upper arm.
        fore: Shape (T, 3), wanted direction of the forearm.
        limits_rad: Shape (4, 2).

    Returns:
        Shape (C, T, 4). The first is the closed-form solution, clipped.
    """
    # The right arm is the left one seen in a mirror: y and three of four angles change sign.
    flip = np.array([1.0, 1.0 if arm.side == "left" else -1.0, 1.0])
    signs = np.array([1.0, flip[1], flip[1], flip[1]])
    limits = np.sort(limits_rad * signs[:, None], axis=1)
    offset = float(np.arctan2(flip[1] * arm.upper_arm[1], arm.upper_arm[0]))
    u, f = upper * flip, fore * flip
    result = []
    for pitch in _shoulder_pitches(u, limits[0]):
        cos, sin = np.cos(pitch), np.sin(pitch)
        ahead = cos * u[:, 0] - sin * u[:, 2]
        roll = np.clip(np.arctan2(u[:, 1], ahead) - offset, *limits[1])
        local = _in_upper_arm(f, pitch, roll)
        for yaw in _elbow_yaws(local, limits[2]):
            across = np.cos(yaw) * local[:, 1] + np.sin(yaw) * local[:, 2]
            bend = np.clip(np.arctan2(across, local[:, 0]), *limits[3])
            result.append(np.stack([pitch, roll, yaw, bend], axis=1) * signs)
    return np.array(result)


def refined(
    arm: Arm,
    ways: FloatArray,
    upper: FloatArray,
    fore: FloatArray,
    weights: FloatArray,
    limits_rad: FloatArray,
) -> FloatArray:
    """Lower each candidate's miss by itself, inside the limits. Arguments as ``arm_start``.

    At a joint limit the closed form gives one bone up for the other; a few projected
    Levenberg-Marquardt steps share the loss, so that candidates are compared fairly.

    Returns:
        Shape (C, T, 4); no candidate is worse than before.
    """
    low, high = limits_rad.T
    angles = ways.reshape(-1, 4).copy()
    wanted = np.tile(np.stack([upper, fore], axis=1), (len(ways), 1, 1))
    share = np.tile(weights, (len(ways), 1))[:, :, None]
    damping = np.full(len(angles), DAMPING)
    bones, jacobian = arm.with_jacobians(angles)
    cost = (share * (bones - wanted) ** 2).sum(axis=(1, 2))
    for _ in range(REFINEMENTS):
        flat = jacobian.reshape(-1, 6, 4)
        weighted = (share[..., None] * jacobian).reshape(-1, 6, 4).swapaxes(1, 2)
        gradient = (weighted @ (bones - wanted).reshape(-1, 6, 1))[:, :, 0]
        held = ((angles <= low) & (gradient > 0.0)) | ((angles >= high) & (gradient < 0.0))
        hessian = np.where(held[:, :, None] | held[:, None, :], 0.0, weighted @ flat)
        hessian += np.eye(4) * (damping[:, None] + held)[:, :, None]
        step = np.linalg.solve(hessian, np.where(held, 0.0, -gradient)[:, :, None])[:, :, 0]
        trial = np.clip(angles + step, low, high)
        trial_bones, trial_jacobian = arm.with_jacobians(trial)
        after = (share * (trial_bones - wanted) ** 2).sum(axis=(1, 2))
        better = after < cost
        angles[better], cost[better] = trial[better], after[better]
        bones[better], jacobian[better] = trial_bones[better], trial_jacobian[better]
        damping *= np.where(better, EASE, STIFFEN)
    return angles.reshape(ways.shape)


def arm_start(
    arm: Arm,
    upper: FloatArray,
    fore: FloatArray,
    weights: FloatArray,
    limits_rad: FloatArray,
    steps_rad: FloatArray,
    rate_hz: float,
) -> FloatArray:
    """Return the cheapest path through the candidates. Shape (T, 4).

    Args:
        arm: The arm.
        upper: Shape (T, 3).
        fore: Shape (T, 3).
        weights: Shape (T, 2), of upper arm and forearm.
        limits_rad: Shape (4, 2).
        steps_rad: Shape (4,), how far each joint gets in a sample.
        rate_hz: Samples per second.
    """
    found, costs = [], []
    for start in range(0, len(upper), FRAMES_AT_ONCE):
        part = slice(start, start + FRAMES_AT_ONCE)
        u, f, w = upper[part], fore[part], weights[part]
        ways = refined(arm, candidates(arm, u, f, limits_rad), u, f, w, limits_rad)
        found.append(ways)
        costs.append(np.stack([_miss(arm, way, u, f, w) for way in ways], axis=1))
    ways, cost = np.concatenate(found, axis=1), np.concatenate(costs)  # (C, T, 4), (T, C)
    return cheapest_path(ways, cost, steps_rad, rate_hz)


def cheapest_path(
    ways: FloatArray, cost: FloatArray, steps_rad: FloatArray, rate_hz: float
) -> FloatArray:
    """Return the path through candidates with the least cost and the least motion.

    Args:
        ways: Shape (C, T, n), candidates.
        cost: Shape (T, C), of each.
        steps_rad: Shape (n,), how far each joint gets in a sample.
        rate_hz: Samples per second.

    Returns:
        Shape (T, n).
    """
    # Moving costs the same per second of motion, whatever the rate.
    move = MOVE_COST * rate_hz / 25.0
    total = cost[0]
    came_from = np.zeros(cost.shape, dtype=np.int64)
    for t in range(1, len(cost)):
        step = np.abs(ways[:, None, t - 1] - ways[None, :, t])  # (C, C, n), from, to
        leap = np.maximum(step - steps_rad, 0.0)
        price = move * (step**2).sum(-1) + LEAP_COST * (leap**2).sum(-1)
        through = total[:, None] + price
        came_from[t] = through.argmin(axis=0)
        total = through.min(axis=0) + cost[t]
    path = np.empty(len(cost), dtype=np.int64)
    path[-1] = total.argmin()
    for t in range(len(cost) - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return np.asarray(ways[path, np.arange(len(cost))])


def _shoulder_pitches(u: FloatArray, limits: FloatArray) -> list[FloatArray]:
    pitch = np.arctan2(-u[:, 2], u[:, 0])
    near = np.clip(pitch, *limits)
    far = np.where(pitch > 0.0, limits[0], limits[1])
    over = np.clip(pitch - np.pi * np.sign(pitch), *limits)
    return [near, far, over]


def _elbow_yaws(local: FloatArray, limits: FloatArray) -> list[FloatArray]:
    yaw = np.arctan2(-local[:, 2], -local[:, 1])
    near = np.clip(yaw, *limits)
    far = np.where(yaw > 0.0, limits[0], limits[1])
    return [near, far, *(np.full(len(yaw), fixed) for fixed in ELBOW_YAWS_RAD)]


def _in_upper_arm(f: FloatArray, pitch: FloatArray, roll: FloatArray) -> FloatArray:
    """Return directions as the upper arm sees them: Rz(-roll) Ry(-pitch) f."""
    x = np.cos(pitch) * f[:, 0] - np.sin(pitch) * f[:, 2]
    z = np.sin(pitch) * f[:, 0] + np.cos(pitch) * f[:, 2]
    return np.stack(
        [
            np.cos(roll) * x + np.sin(roll) * f[:, 1],
            -np.sin(roll) * x + np.cos(roll) * f[:, 1],
            z,
        ],
        axis=1,
    )


def _miss(
    arm: Arm, angles: FloatArray, upper: FloatArray, fore: FloatArray, weights: FloatArray
) -> FloatArray:
    bones = arm.directions(angles)
    miss = [((bone - want) ** 2).sum(1) for bone, want in zip(bones, (upper, fore), strict=True)]
    return np.asarray(weights[:, 0] * miss[0] + weights[:, 1] * miss[1])
