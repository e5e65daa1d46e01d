"""What is measured of a full-body dance, as functions from arrays to numbers.

A *fall* is any body but a foot on the floor, or the torso leaning over 45 degrees. The
*variance survived* is 1 - var(scaled human - robot) / var(scaled human) of both ankles
relative to the pelvis in the heading frame, the scale being the ratio of leg lengths. A
*strike* is a moment at which an ankle's speed falls below 0.25 m/s after exceeding 0.5 m/s
near the floor. A *touchdown* is where one foot carried the robot and the other is back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from robodance.motion.pelvis import ankles_seen, heading_frame, leg_scale
from robodance.motion.targets import SIDES, resample
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.stability import to_world
from robodance.skeleton import INDEX

__all__ = [
    "Strike",
    "ankles_of_dancer",
    "ankles_of_robot",
    "beat_grid",
    "common_share",
    "common_survived",
    "fall_bound",
    "knee_bends",
    "knee_correlations",
    "matched",
    "most_shown",
    "share_of_time",
    "slips",
    "strikes",
    "survived",
    "touchdowns",
]

RATE_HZ = 25.0  # at which dancers are looked at
NEAR_FLOOR_M, FAST_M_S, SLOW_M_S = 0.08, 0.5, 0.25
NEAR_BEAT_S = 0.08
ON_FLOOR_M = 1e-3  # a sole whose lowest corner is lower stands
CARRIED_BY = {"left": 1, "right": 2}  # Plan.support while one foot carries


@dataclass(frozen=True)
class Strike:
    """A foot that is set down: the dancer's, or the robot's."""

    side: str
    time_s: float


def fall_bound(falls: int, trials: int, confidence: float = 0.95) -> float:
    """Return the upper end of the fall rate's two-sided interval (Clopper and Pearson, 1934)."""
    if falls >= trials:
        return 1.0
    return float(beta.ppf((1.0 + confidence) / 2.0, falls + 1, trials - falls))


def survived(wanted, done) -> float:
    """Return 1 - var(wanted - done) / var(wanted), over all numbers of (T, ...) arrays."""
    left, whole = (wanted - done).var(axis=0).sum(), wanted.var(axis=0).sum()
    return float(1.0 - left / whole)


def common_share(ankles) -> float:
    """Return the share of the ankles' variance (T, 2, 3) that both have in common."""
    return float(_common(ankles).var(axis=0).sum() / ankles.var(axis=0).sum())


def common_survived(wanted, done) -> float:
    """Return what survives of that share."""
    return survived(_common(wanted), _common(done))


def _common(ankles):
    return np.repeat(ankles.mean(axis=1, keepdims=True), 2, axis=1)


def ankles_of_dancer(dance, robot, moments):
    """Return both ankles as the robot should show them, (T, 2, 3), at moments of RATE_HZ."""
    joints = resample(dance.joint_positions_m, dance.times_s, moments)
    return leg_scale(dance, robot) * ankles_seen(joints, heading_frame(joints, RATE_HZ))


def ankles_of_robot(robot, plan, times_s):
    """Return both ankles relative to the middle of the hips in the torso's heading, (T, 2, 3)."""
    columns = [np.interp(times_s, plan.times_s, c) for c in plan.positions_rad.T]
    poses = forward_kinematics(robot, np.stack(columns, axis=1))
    torso = np.stack([np.interp(times_s, plan.times_s, c) for c in plan.torso_pose.T], axis=1)
    torso[:, 3:] /= np.linalg.norm(torso[:, 3:], axis=1, keepdims=True)
    place = {
        name: to_world(torso, poses.points(*robot.landmarks[name]))
        for name in (f"{side}_{part}" for side in SIDES for part in ("hip", "ankle"))
    }
    middle = (place["left_hip"] + place["right_hip"]) / 2.0
    across = place["left_hip"] - place["right_hip"]
    yaw = np.arctan2(-across[:, 0], across[:, 1])
    cos, sin = np.cos(yaw), np.sin(yaw)
    seen = []
    for side in SIDES:
        x, y, z = (place[f"{side}_ankle"] - middle).T
        seen.append(np.stack([cos * x + sin * y, cos * y - sin * x, z], axis=1))
    return np.stack(seen, axis=1)


def knee_bends(joints):
    """Return a dancer's knee angles (T, 2), left first, of joints (T, 21, 3)."""
    bends = []
    for side in SIDES:
        hip, knee, ankle = (joints[:, INDEX[f"{side}_{p}"]] for p in ("hip", "knee", "ankle"))
        thigh, shank = knee - hip, ankle - knee
        along = np.einsum("ti,ti->t", thigh, shank)
        bends.append(np.arctan2(np.linalg.norm(np.cross(thigh, shank), axis=1), along))
    return np.stack(bends, axis=1)


def knee_correlations(robot, plan, joints, times_s) -> list[float]:
    """Return how each knee goes with the dancer's, left first."""
    bends, found = knee_bends(joints), []
    for k, side in enumerate(SIDES):
        column = plan.positions_rad[:, robot.index(f"{side[0].upper()}KneePitch")]
        knee = np.interp(times_s, plan.times_s, column)
        still = knee.std() < 1e-9 or bends[:, k].std() < 1e-9
        found.append(0.0 if still else float(np.corrcoef(knee, bends[:, k])[0, 1]))
    return found


def strikes(joints, start_s: float = 0.0) -> list[Strike]:
    """Return where a dancer (T, 21, 3), at RATE_HZ, sets a foot down, in order of time."""
    floor = np.percentile(joints[:, [INDEX["left_toe"], INDEX["right_toe"]], 2], 5)
    found = []
    for side in SIDES:
        ankle = joints[:, INDEX[f"{side}_ankle"]]
        speed = np.linalg.norm(np.gradient(ankle, axis=0), axis=1) * RATE_HZ
        low = joints[:, [INDEX[f"{side}_toe"], INDEX[f"{side}_heel"]], 2].min(axis=1) - floor
        fast = False
        for number, (s, h) in enumerate(zip(speed, low, strict=True)):
            fast = fast or s > FAST_M_S
            if fast and s < SLOW_M_S and h < NEAR_FLOOR_M:
                found.append(Strike(side, start_s + number / RATE_HZ))
                fast = False
    return sorted(found, key=lambda strike: strike.time_s)


def beat_grid(beats_s, start_s: float, end_s: float):
    """Return beats and half beats over a passage; outside the known ones they go on evenly."""
    beats = np.asarray(beats_s, dtype=float)
    if len(beats) < 2:
        return beats
    first, last = beats[1] - beats[0], beats[-1] - beats[-2]
    before = beats[0] - first * np.arange(int(max(beats[0] - start_s, 0.0) / first) + 1, 0, -1)
    after = beats[-1] + last * np.arange(1, int(max(end_s - beats[-1], 0.0) / last) + 2)
    beats = np.concatenate([before, beats, after])
    return np.sort(np.concatenate([beats, (beats[1:] + beats[:-1]) / 2.0]))


def touchdowns(support, times_s) -> list[Strike]:
    """Return where a foot comes back to the floor: support (T,) as in a plan, times (T,)."""
    support = np.asarray(support)
    found = []
    for k in np.flatnonzero(np.diff(support)):
        before, after = support[k], support[k + 1]
        for side, number in CARRIED_BY.items():
            other = 3 - number
            if before == other and after in {0, number}:
                found.append(Strike(side, float(times_s[k + 1])))
    return found


def matched(dancer: list[Strike], robot: list[Strike], grid) -> int:
    """Return how many strikes of a dancer the robot shows.

    A strike is snapped to the nearest of the grid; it is shown by a touchdown of the same foot
    within 80 ms of that. A touchdown shows one strike only.
    """
    left = {side: sorted(t.time_s for t in robot if t.side == side) for side in SIDES}
    count = 0
    for strike in dancer:
        aim = strike.time_s if len(grid) == 0 else grid[np.abs(grid - strike.time_s).argmin()]
        near = [t for t in left[strike.side] if abs(t - aim) <= NEAR_BEAT_S + 1e-9]
        if near:
            left[strike.side].remove(min(near, key=lambda t: abs(t - aim)))
            count += 1
    return count


def most_shown(dancer: list[Strike], grid, apart_s: float) -> int:
    """Return how many strikes of a dancer any touchdowns so far apart could show.

    As in ``matched``, of whichever foot. Windows of equal length, each taken as soon as it can be,
    in their order: nothing shows more.
    """
    grid = np.asarray(grid)
    aims = [s.time_s if len(grid) == 0 else grid[np.abs(grid - s.time_s).argmin()] for s in dancer]
    count, last = 0, -np.inf
    for aim in sorted(aims):
        earliest = max(last + apart_s, aim - NEAR_BEAT_S)
        if earliest <= aim + NEAR_BEAT_S + 1e-9:
            count, last = count + 1, earliest
    return count


def slips(robot, plan, log, delay_s: float = 0.0) -> list[float]:
    """Return how far each planted sole moved on the floor, from touchdown to lift-off.

    A contact is a stretch of the plan in which a foot is on the floor, as much later as the
    robot is bound to be, from the first to the last moment of it at which the sole's lowest
    corner really is within a millimetre of the floor. What counts is how far the sole's middle
    gets from where it was at the first of these moments.

    Args:
        robot: The robot.
        plan: The plan.
        log: Of its simulation.
        delay_s: How much later than planned the robot is bound to be.
    """
    times = np.asarray(log.times_s)
    planned = np.clip(times - delay_s, plan.times_s[0], None)
    support = plan.support[np.searchsorted(plan.times_s, planned + 1e-9, side="right") - 1]
    poses = forward_kinematics(robot, np.asarray(log.measured_rad), robot.feet.values())
    found = []
    for side, foot in robot.feet.items():
        outline = np.vstack([robot.soles_m[side], robot.soles_m[side].mean(axis=0)])
        sole = np.column_stack([outline, np.full(len(outline), -robot.sole_height_m)])
        places = np.stack(
            [to_world(np.asarray(log.torso_pose), poses.points(foot, corner)) for corner in sole],
            axis=1,
        )
        on_floor = places[:, :-1, 2].min(axis=1) < ON_FLOOR_M
        down = (support == 0) | (support == CARRIED_BY[side])
        edges = np.flatnonzero(np.diff(np.concatenate([[0], down.astype(int), [0]])))
        for first, last in edges.reshape(-1, 2):
            standing = first + np.flatnonzero(on_floor[first:last])
            if len(standing):
                middle = places[standing[0] : standing[-1] + 1, -1, :2]
                found.append(float(np.linalg.norm(middle - middle[0], axis=1).max()))
    return found


def share_of_time(spans, duration_s: float) -> float:
    """Return the share of a duration that (start, end) spans cover, where they overlap once."""
    covered, reached = 0.0, 0.0
    for start, end in sorted(spans):
        begin = min(max(start, reached), duration_s)
        end = min(end, duration_s)
        covered += max(end - begin, 0.0)
        reached = max(reached, end)
    return covered / duration_s
