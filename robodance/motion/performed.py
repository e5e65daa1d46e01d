"""Which beats a robot hit when it danced, by the joint angles that were measured."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from robodance.motion.beat_losses import hit_beats, near
from robodance.motion.losses import RATE_HZ, Shown, danced_part
from robodance.motion.targets import SIDES, arm_stops, dance_targets
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, PerformanceLog, PerformedBeats, Plan

__all__ = ["measure_performed"]

LEAST_FRAMES = 5  # fewer have no stop


def measure_performed(plan: Plan, log: PerformanceLog, robot: RobotModel) -> PerformedBeats | None:
    """Return which beats and stops were hit, on the music's clock where the robot has one.

    Args:
        plan: What was to be done.
        log: What was measured. Its metadata say how far the dance was ahead of the music
            (``ahead_s`` at ``ahead_times_s``), if there was any.
        robot: Who did it.

    Returns:
        None when too little was danced to tell.
    """
    times, moments, dancer = danced_part(plan)
    heard = _heard(log)
    inside = (times >= heard[0]) & (times <= heard[-1])
    if len(heard) < LEAST_FRAMES or inside.sum() < LEAST_FRAMES:
        return None
    measured = Shown(robot, CubicSpline(heard, log.measured_rad)(times[inside])).hands
    curve = CubicSpline(plan.times_s, plan.positions_rad, bc_type="clamped")
    planned = Shown(robot, curve(times[inside])).hands
    stops = dance_targets(dancer, RATE_HZ).stops
    wanted = {side: stops[side][inside] > 0.0 for side in SIDES}
    moments = moments[inside]
    beats_s = plan.beats_s[(plan.beats_s >= moments[0]) & (plan.beats_s <= moments[-1])]
    hits = [hit_beats(beats_s, moments, hands, RATE_HZ) for hands in (measured, planned)]
    made = [
        sum(
            int((near(arm_stops(hands[side], RATE_HZ) > 0.0) & wanted[side]).sum())
            for side in SIDES
        )
        for hands in (measured, planned)
    ]
    return PerformedBeats(
        times_s=beats_s,
        hit=hits[0],
        hit_by_plan=hits[1],
        stops=sum(int(wanted[side].sum()) for side in SIDES),
        stops_hit=made[0],
        stops_hit_by_plan=made[1],
    )


def _heard(log: PerformanceLog) -> FloatArray:
    """Return the plan's moment (T,) that sounded at each sample of a log."""
    at, ahead = (log.metadata.get(key) or [0.0] for key in ("ahead_times_s", "ahead_s"))
    heard = log.times_s - np.interp(log.times_s, at, ahead)
    return np.asarray(np.maximum.accumulate(heard) + 1e-9 * np.arange(len(heard)))
