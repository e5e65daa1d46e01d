"""Which time a dance is given when that is to be found out: ``auto`` and ``warp``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from robodance.config import MotionConfig
from robodance.motion.attempt import Adaptation, Progress, attempt
from robodance.motion.losses import bone_errors
from robodance.motion.postures import held_limits
from robodance.motion.retarget import retarget
from robodance.motion.side_by_side import SecondProcess
from robodance.motion.slow_motion import LARGEST, WITHIN_DEG, excerpts, mean_over, smallest_factor
from robodance.motion.targets import HEAD_BONE
from robodance.motion.timing import timeline_of
from robodance.motion.warp import beat_displacement, needed_slowness, warped_map
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, JointTrajectory, Plan, PoseSequence

__all__ = ["arm_error", "in_warped_time", "slow_enough"]

LIFT = 10.0  # limits raised so far, at FLOOR_FACTOR, that they bind no more: 40 times the music's
FLOOR_FACTOR = 4.0  # twice as slow changes the floor by 0.03 degree at most (four dances)
EXCESS_WEIGHT = 1.0  # per degree by which the arms miss more than without speed limits
EXCESS_WINDOW = 9  # samples of the error, at 25 a second, that are seen as one moment
TOO_LITTLE_DEG = 0.005  # a smaller gain is none


def arm_error(plan: Plan, robot: RobotModel, motion: JointTrajectory | None = None) -> float:
    """Return the mean angle between the arm bones of robot and dancer, in degrees.

    Args:
        plan: The plan.
        robot: The robot.
        motion: Another motion at the plan's times to be judged instead.
    """
    return float(_arm_errors(plan, robot, motion).mean())


def slow_enough(
    dance: PoseSequence,
    robot: RobotModel,
    config: MotionConfig,
    progress: Progress,
    second: SecondProcess | None = None,
) -> Adaptation:
    """Return the plan with the smallest slow motion whose arm error is near the floor.

    The floor is the arm error of the same planner on the same dance with position limits,
    clearance and balance, but with no limit of speed and acceleration that binds: what no
    slow motion could improve on.

    Args:
        dance: The dancer.
        robot: The robot.
        config: Settings, ``slow_motion: auto``.
        progress: Called with how much is done, 0..1.
        second: Takes over half of the work.
    """
    made: dict[tuple[int, float], Adaptation] = {}
    parts = excerpts(dance)
    told = 0.0

    def at(part: PoseSequence, factor: float, lift: float = 1.0) -> Adaptation:
        nonlocal told
        key = (id(part), factor * (1.0 if lift == 1.0 else -1.0))
        if key not in made:
            slowed = replace(config, slow_motion=factor)
            made[key] = attempt(part, robot, slowed, lift=lift, second=second)
            told += 0.15 * (1.0 - told)  # nobody knows how many there will be
            progress(told)
        return made[key]

    def error(part: PoseSequence, factor: float, lift: float = 1.0) -> float:
        return arm_error(at(part, factor, lift).plan, robot)

    def floor(part: PoseSequence) -> float:
        # A repair can go wrong anywhere: what the music's tempo reaches is no floor either.
        return min(error(part, FLOOR_FACTOR, LIFT), error(part, 1.0))

    found = smallest_factor(
        lambda factor: mean_over(parts, lambda part: error(part, factor)),
        mean_over(parts, floor),
        lambda factor: error(dance, factor),
        floor(dance),
    )
    chosen = at(dance, found.factor)
    progress(1.0)
    notes = (
        ()
        if found.within
        else (
            f"no slow motion up to {LARGEST:g} brings the arms within {WITHIN_DEG} degree of the "
            f"{found.floor_deg:.2f} that joint ranges and clearance allow; the best, "
            f"{found.factor:.2f}, leaves {found.error_deg:.2f}",
        )
    )
    about = {
        "factor": found.factor,
        "arm_error_deg": found.error_deg,
        "floor_deg": found.floor_deg,
        "without_limits_deg": arm_error(chosen.plan, robot, chosen.unlimited),
        "within_half_a_degree": found.within,
    }
    return _noted(chosen, "slow_motion_auto", about, notes)


def in_warped_time(
    dance: PoseSequence,
    robot: RobotModel,
    config: MotionConfig,
    progress: Progress,
    second: SecondProcess | None = None,
) -> Adaptation:
    """Return the plan that takes time inside the bars where it needs it.

    First the dance is planned at an even tempo. Where the arms need more time than they
    have, and where that plan loses most, the time map then gives it.

    Args:
        dance: The dancer.
        robot: The robot.
        config: Settings, ``tempo: warp``.
        progress: Called with how much is done, 0..1.
        second: Takes over half of the work.

    Returns:
        The warped plan, or the even one, with a warning, where warping does not bring the
        arms closer.
    """
    even = attempt(
        dance, robot, config, progress=lambda share: progress(0.5 * share), second=second
    )
    limits = held_limits(robot, config)
    timeline = timeline_of(dance, config)
    wanted = retarget(dance, robot, timeline, limits, config)
    moments, needed = needed_slowness(wanted, timeline, limits.scaled(config.used_share))
    weights = 1.0 + EXCESS_WEIGHT * _excess(even, robot, moments)
    chosen = warped_map(dance, config.slow_factor, moments, needed, weights)
    warped = attempt(
        dance,
        robot,
        config,
        chosen,
        progress=lambda share: progress(0.5 + 0.5 * share),
        second=second,
    )
    before, after = (arm_error(made.plan, robot) for made in (even, warped))
    better = after < before - TOO_LITTLE_DEG
    moved = beat_displacement(chosen, dance, config.slow_factor)
    about = {
        "used": better,
        "arm_error_deg": after,
        "arm_error_at_even_tempo_deg": before,
        "beats": moved.beats,
        "beats_moved_max_ms": 1000.0 * moved.largest_s,
        "beats_moved_mean_ms": 1000.0 * moved.mean_s,
        "slowness_range": [float(chosen.slowness.min()), float(chosen.slowness.max())],
    }
    notes = (
        ()
        if better
        else (
            f"warping time would not bring the arms closer ({after:.2f} against {before:.2f} "
            "degrees), so the tempo is kept even",
        )
    )
    return _noted(warped if better else even, "warp", about, notes)


def _arm_errors(plan: Plan, robot: RobotModel, motion: JointTrajectory | None = None) -> FloatArray:
    """Return the mean error of the arm bones at 25 samples per second of song, (T,)."""
    errors = bone_errors(plan, robot, motion)
    return np.asarray(np.mean([e for bone, e in errors.items() if bone != HEAD_BONE], axis=0))


def _excess(made: Adaptation, robot: RobotModel, moments_s: FloatArray) -> FloatArray:
    """Return by how many degrees the plan misses more than the unlimited motion, smoothed."""
    plan = made.plan
    more = _arm_errors(plan, robot) - _arm_errors(plan, robot, made.unlimited)
    window = np.hanning(EXCESS_WINDOW + 2)[1:-1]
    padded = np.pad(np.maximum(more, 0.0), EXCESS_WINDOW // 2, mode="edge")
    smooth = np.convolve(padded, window / window.sum(), mode="valid")
    first, last = plan.human_times_s[[0, -1]]
    return np.asarray(np.interp(moments_s, np.linspace(first, last, len(smooth)), smooth))


def _noted(
    made: Adaptation, key: str, about: Mapping[str, object], notes: tuple[str, ...]
) -> Adaptation:
    plan = replace(made.plan, metadata={**made.plan.metadata, key: about})
    return replace(made, plan=plan, warnings=(*made.warnings, *notes))
