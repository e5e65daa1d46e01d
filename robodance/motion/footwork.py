"""What the dancer's feet do: where they are, how the body turns over them, when they strike."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robodance.motion.pelvis import ankles_seen, heading_frame, leg_scale
from robodance.motion.targets import SIDES, resample
from robodance.robots.model import RobotModel
from robodance.skeleton import INDEX
from robodance.values import FloatArray, PoseSequence

__all__ = ["Footwork", "Strike", "footwork", "snapped", "strikes"]

RATE_HZ = 25.0
FAST_M_S, SLOW_M_S = 0.5, 0.25
NEAR_FLOOR_M = 0.08


@dataclass(frozen=True)
class Strike:
    """A foot that is set down.

    Attributes:
        side: ``left`` or ``right``.
        left_floor_s: When the ankle began to be fast, on the dance's clock.
        moment_s: When it has come to rest near the floor.
    """

    side: str
    left_floor_s: float
    moment_s: float


@dataclass(frozen=True)
class Footwork:
    """A dancer's feet, at the robot's size.

    Attributes:
        times_s: Shape (T,), on the dance's clock.
        apart_m: Shape (T, 2), from the right ankle to the left one in the dancer's heading
            frame (forward, to the left), away from its own median.
        ankles_m: Shape (T, 2, 2), over the floor, left first; from the world's origin.
        sway_m: Shape (T,), how far to the left of the ankles' middle the pelvis is, away from
            its own median.
        heading_rad: Shape (T,), how far the dancer has turned, continuous.
        strikes: In the order of their moments.
    """

    times_s: FloatArray = field(repr=False)
    apart_m: FloatArray = field(repr=False)
    ankles_m: FloatArray = field(repr=False)
    sway_m: FloatArray = field(repr=False)
    heading_rad: FloatArray = field(repr=False)
    strikes: tuple[Strike, ...] = field(repr=False)


def footwork(dance: PoseSequence, robot: RobotModel) -> Footwork:
    """Return what a dancer's feet do."""
    moments = np.arange(dance.times_s[0], dance.times_s[-1], 1.0 / RATE_HZ)
    joints = resample(dance.joint_positions_m, dance.times_s, moments)
    frames = heading_frame(joints, RATE_HZ)
    scale = leg_scale(dance, robot)
    seen = scale * ankles_seen(joints, frames)
    apart = (seen[:, 0] - seen[:, 1])[:, :2]
    sway = -seen[:, :, 1].mean(axis=1)
    ankles = scale * joints[:, [INDEX[f"{side}_ankle"] for side in SIDES], :2]
    heading = np.unwrap(np.arctan2(frames[:, 1, 0], frames[:, 0, 0]))
    return Footwork(
        moments,
        apart - np.median(apart, axis=0),
        ankles,
        sway - np.median(sway),
        heading,
        strikes(joints, moments),
    )


def strikes(joint_positions_m: FloatArray, times_s: FloatArray) -> tuple[Strike, ...]:
    """Return when a foot is set down.

    A strike is a moment at which an ankle's speed falls below 0.25 m/s, with heel or toe near
    the floor, after it was above 0.5 m/s.

    Args:
        joint_positions_m: Shape (T, 23, 3), world, z up.
        times_s: Shape (T,), evenly spaced.
    """
    toes = joint_positions_m[:, [INDEX[f"{side}_toe"] for side in SIDES], 2]
    floor = np.percentile(toes, 5)
    found = []
    for side in SIDES:
        ankle = joint_positions_m[:, INDEX[f"{side}_ankle"]]
        speed = np.linalg.norm(np.gradient(ankle, times_s, axis=0), axis=1)
        ends = joint_positions_m[:, [INDEX[f"{side}_toe"], INDEX[f"{side}_heel"]], 2]
        low = ends.min(axis=1) - floor < NEAR_FLOOR_M
        began, fast = 0, False
        for k in range(len(times_s)):
            if speed[k] < SLOW_M_S:
                if fast and low[k]:
                    found.append(Strike(side, float(times_s[began]), float(times_s[k])))
                    fast = False
                if not fast:
                    began = k
            fast = fast or speed[k] > FAST_M_S
    return tuple(sorted(found, key=lambda strike: strike.moment_s))


def snapped(moments_s: FloatArray, beats_s: FloatArray) -> FloatArray:
    """Return moments moved to the nearest beat or half beat; as they are without beats."""
    beats = np.asarray(beats_s, dtype=np.float64)
    if len(beats) < 2:
        return np.asarray(moments_s, dtype=np.float64)
    gap_before, gap_after = beats[1] - beats[0], beats[-1] - beats[-2]
    more = np.arange(1, 9)
    beats = np.concatenate([
        beats[0] - gap_before * more[::-1],
        beats,
        beats[-1] + gap_after * more,
    ])
    grid = np.sort(np.concatenate([beats, (beats[1:] + beats[:-1]) / 2.0]))
    place = np.searchsorted(grid, moments_s).clip(1, len(grid) - 1)
    before, after = grid[place - 1], grid[place]
    return np.asarray(np.where(moments_s - before < after - moments_s, before, after))
