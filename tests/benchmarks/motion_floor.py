"""How near a robot's arms can come to a dancer's, one moment at a time.

The *floor* of a frame is the best pose of many starts and all analytic branches, on the
same targets, with position limits only (the limits that couple joints concern the head
and the legs), or with a clearance too. No motion can lie under it but by chance: starts
are many, not all.
"""

from __future__ import annotations

import numpy as np

from robodance.motion.branches import candidates, refined
from robodance.motion.collision import Bodies, closest_points
from robodance.motion.targets import SIDES
from robodance.robots.kinematics import crossed, joint_axes
from robodance.skeleton import INDEX

RANDOM_STARTS = 24  # besides the analytic branches
REFINE_CALLS = 6  # each of five Levenberg-Marquardt steps
KEPT = 5  # different poses of each arm that are tried in pairs where bodies come near
APART_RAD = 0.3
PRICES = (300.0, 3e3, 3e4, 3e5, 3e6)  # of a squared metre of missing clearance
PRICE_STEPS = 6
MARGIN_M = 0.0002
CHUNK = 4000

# Capsules of a dancer, lean on purpose: parts of the skeleton and radius in metres.
DANCER_ARM = {("shoulder", "elbow"): 0.04, ("elbow", "wrist"): 0.035, ("wrist", "hand"): 0.03}
DANCER_TRUNK_M, DANCER_HEAD_M = 0.10, 0.085


def free_floor(aims, seed=0):
    """Return the best poses without clearance, (T, 8), and KEPT good ones of each arm.

    The latter is a list of two arrays (KEPT, T, 4), best first, apart from each other.
    """
    rng = np.random.default_rng(seed)
    kept = []
    for i, side in enumerate(SIDES):
        limits = aims.own.position_rad[4 * i : 4 * i + 4]
        arm, upper, fore = aims.arms[side], aims.upper[side], aims.fore[side]
        ways = candidates(arm, upper, fore, limits)
        starts = rng.uniform(limits[:, 0], limits[:, 1], (RANDOM_STARTS, len(upper), 4))
        ways = np.concatenate([ways, starts])
        ones = np.ones((len(upper), 2))
        for first in range(0, len(upper), CHUNK // 4):
            part = slice(first, first + CHUNK // 4)
            for _ in range(REFINE_CALLS):
                ways[:, part] = refined(
                    arm, ways[:, part], upper[part], fore[part], ones[part], limits
                )
        cost = np.stack([_miss(arm, way, upper, fore) for way in ways])
        kept.append(_different(ways, cost))
    return np.concatenate([kept[0][0], kept[1][0]], axis=1), kept


def clear_floor(aims, free, kept, others_rad, clearance_m):
    """Return the best poses that keep clear, (T, 8), and how much clearance they miss, (T,).

    Args:
        aims: The targets.
        free: Shape (T, 8), the best poses without clearance.
        kept: Good poses of each arm.
        others_rad: Shape (T, J), where all other joints are.
        clearance_m: Asked distance (less between neighbours, as for the planner).
    """
    robot = aims.robot
    moving = tuple(range(len(robot.joint_names)))
    bodies = Bodies.of(robot, aims.stand, moving, clearance_m)
    positions = others_rad.copy()
    positions[:, aims.columns] = free
    near = np.flatnonzero(_missing(bodies, positions) > 0.0)
    result, missing = free.copy(), np.zeros(len(free))
    size = KEPT * KEPT + 1
    for group in np.array_split(near, max(1, len(near) * size // CHUNK)):
        if not len(group):
            continue
        starts = np.stack([
            np.concatenate([kept[0][a][group], kept[1][b][group]], axis=1)
            for a in range(KEPT)
            for b in range(KEPT)
        ])  # (S, G, 8)
        calm = np.tile(aims.stand[aims.columns], (1, len(group), 1))
        starts = np.concatenate([starts, calm])
        index = np.tile(group, len(starts))
        found = _cleared(aims, bodies, starts.reshape(-1, 8), index, others_rad[index])
        there = others_rad[index].copy()
        there[:, aims.columns] = found
        short = _missing(bodies, there).reshape(len(starts), -1)
        cost = _cost(aims, found, index)[0].reshape(len(starts), -1)
        choice = np.where(short <= 0.0, cost, 1e3 + 1e6 * short).argmin(axis=0)
        every = np.arange(len(group))
        result[group] = found.reshape(*starts.shape)[choice, every]
        missing[group] = short[choice, every]
    return result, missing


def dancer_overlaps(joints_m):
    """Tell in which frames the dancer's own arms are inside the trunk, head or each other. (T,)."""

    def line(first, second):
        return joints_m[:, INDEX[first]].T, joints_m[:, INDEX[second]].T

    parts = {
        side: [
            (line(f"{side}_{a}", f"{side}_{b}"), radius) for (a, b), radius in DANCER_ARM.items()
        ]
        for side in SIDES
    }
    chest = (joints_m[:, INDEX["left_shoulder"]] + joints_m[:, INDEX["right_shoulder"]]) / 2.0
    head = (joints_m[:, INDEX["head_left"]] + joints_m[:, INDEX["head_right"]]) / 2.0
    waist = joints_m[:, INDEX["waist"]]
    low_chest = waist + 0.75 * (chest - waist)
    trunk = ((waist.T, low_chest.T), DANCER_TRUNK_M)
    skull = ((head.T, head.T), DANCER_HEAD_M)
    pairs = [(a, b) for a in parts["left"] for b in parts["right"]]
    for side in SIDES:
        pairs.extend((part, body) for part in parts[side][1:] for body in (trunk, skull))
    result = np.zeros(len(joints_m), dtype=bool)
    for (first, r1), (second, r2) in pairs:
        a, b = closest_points(*first, *second)
        result |= np.linalg.norm(a - b, axis=0) < r1 + r2
    return result


def _different(ways, cost):
    """Return the KEPT cheapest ways of each frame that lie apart from those before them."""
    every = np.arange(cost.shape[1])
    price = cost.copy()
    chosen = []
    for _ in range(KEPT):
        choice = price.argmin(axis=0)
        pick = ways[choice, every]
        chosen.append(pick)
        price[(np.abs(ways - pick).max(axis=2) < APART_RAD)] += 1e3
    return np.stack(chosen)


def _miss(arm, angles, upper, fore):
    bones = arm.directions(angles)
    return sum(
        ((bone - want) ** 2).sum(axis=1) for bone, want in zip(bones, (upper, fore), strict=True)
    )


def _cost(aims, angles, index):
    """Return cost (M,), gradient (M, 8) and Gauss-Newton Hessian (M, 8, 8) of the bones."""
    cost = np.zeros(len(angles))
    gradient, hessian = np.zeros((len(angles), 8)), np.zeros((len(angles), 8, 8))
    for i, side in enumerate(SIDES):
        own = slice(4 * i, 4 * i + 4)
        bones, jacobian = aims.arms[side].with_jacobians(angles[:, own])
        miss = bones - np.stack([aims.upper[side][index], aims.fore[side][index]], axis=1)
        cost += (miss**2).sum(axis=(1, 2))
        flat = jacobian.reshape(-1, 6, 4)
        gradient[:, own] = np.einsum("mk,mkj->mj", miss.reshape(-1, 6), flat)
        hessian[:, own, own] = flat.swapaxes(1, 2) @ flat
    return cost, gradient, hessian


def _cleared(aims, bodies, angles, index, others_rad):
    """Lower cost plus a rising price on missing clearance, each row by itself, within limits."""
    low, high = aims.own.position_rad.T
    angles = angles.copy()
    for price in PRICES:
        damping = np.full(len(angles), 1e-2)
        for _ in range(PRICE_STEPS):
            cost, gradient, hessian = _cost(aims, angles, index)
            near, push, stiff = _push(aims, bodies, angles, others_rad)
            total, slope = cost + price * near, gradient + price * push
            held = ((angles <= low) & (slope > 0.0)) | ((angles >= high) & (slope < 0.0))
            model = hessian + price * stiff
            model = np.where(held[:, :, None] | held[:, None, :], 0.0, model)
            model += np.eye(8) * (damping[:, None] + held)[:, :, None]
            step = np.linalg.solve(model, np.where(held, 0.0, -slope)[:, :, None])[:, :, 0]
            trial = np.clip(angles + step, low, high)
            after = _cost(aims, trial, index)[0]
            after = after + price * _push(aims, bodies, trial, others_rad)[0]
            better = after < total
            angles[better] = trial[better]
            damping *= np.where(better, 0.3, 5.0)
    return angles


def _push(aims, bodies, angles, others_rad):
    """Return squared missing clearance (M,), half its gradient (M, 8) and Hessian (M, 8, 8)."""
    positions = others_rad.copy()
    positions[:, aims.columns] = angles
    ends, poses = bodies.end_points(positions)
    safe = bodies.required_m + MARGIN_M
    sample, pair = bodies.near(ends, safe)
    gap, first, second = bodies.gaps(ends, sample, pair)
    apart = first - second  # (3, M)
    length = np.linalg.norm(apart, axis=0)
    hit = (gap < safe[pair]) & (length > 1e-9)
    sample, pair, first, second = sample[hit], pair[hit], first[:, hit], second[:, hit]
    short, normal = safe[pair] - gap[hit], apart[:, hit] / length[hit]
    a, b = bodies.pairs[pair].T
    axes, origins, order = joint_axes(aims.robot, poses)
    slope = np.zeros((len(sample), 8))
    for j, column in enumerate(aims.columns):
        k = order.index(column)
        carried = bodies.carried_by(column)
        axis, origin = axes[k][:, sample], origins[k][:, sample]
        for point, capsule, sign in ((first, a, 1.0), (second, b, -1.0)):
            speed = (normal * crossed(axis, point - origin)).sum(axis=0)
            slope[:, j] += sign * np.where(carried[capsule], speed, 0.0)
    near, gradient = np.zeros(len(angles)), np.zeros((len(angles), 8))
    hessian = np.zeros((len(angles), 8, 8))
    np.add.at(near, sample, short**2)
    np.add.at(gradient, sample, -short[:, None] * slope)
    np.add.at(hessian, sample, slope[:, :, None] * slope[:, None, :])
    return near, gradient, hessian


def _missing(bodies, positions):
    """Return by how much the required clearance is missed at most. Shape (T,), 0: nowhere."""
    widest = float(bodies.required_m.max(initial=0.0)) + 1e-3
    short = bodies.required_m - bodies.clearances(positions, widest)
    return np.maximum(short.max(axis=1, initial=0.0), 0.0)
