"""ADAPT: a human dance becomes a plan that this robot can really do, on the beat."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from robodance.config import MotionConfig
from robodance.errors import DataError
from robodance.motion.balance import Stand, upper_body_only
from robodance.motion.limits import JointLimits, joint_limits, require_reachable
from robodance.motion.replan import Replanned, replan
from robodance.motion.retarget import retarget
from robodance.motion.spline import Spline
from robodance.motion.timing import Timeline, timeline_of
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, JointTrajectory, Plan, PoseSequence

__all__ = ["Adaptation", "adapt", "plan_motion"]

Progress = Callable[[float], None]
SHORTEST_DANCE = 2
RETARGET_SHARE = 0.1  # of the time, for the progress report


@dataclass(frozen=True)
class Adaptation:
    """A plan and how it came about.

    Attributes:
        plan: What the robot will do.
        unlimited: The same dance as if motors had no speed limit and bodies could pass
            through each other, at the plan's times.
        seconds: Stage to wall-clock seconds.
        repaired_share: Share of the plan in which the arms were planned again to keep clear
            or upright.
        retreated_share: Share that was drawn back to the stand posture, as a last resort.
    """

    plan: Plan
    unlimited: JointTrajectory = field(repr=False)
    seconds: dict[str, float]
    repaired_share: float
    retreated_share: float


def plan_motion(
    dance: PoseSequence,
    robot: RobotModel,
    config: MotionConfig,
    *,
    progress: Progress | None = None,
) -> Plan:
    """Return a plan for a dance; ``adapt`` also tells how it came about.

    The plan starts and ends at rest in the stand posture. Music time runs evenly, so beats
    stay where they are (``slow_motion`` times slower with ``tempo: slow``); where a limit
    binds, amplitude gives way. The limits written in the plan are the robot's own.

    Args:
        dance: The dancer, at least two frames.
        robot: The robot.
        config: Settings.
        progress: Called with how much is done, 0..1.

    Raises:
        DataError: The dance is too short.
        UnreachableLimits: The robot's limits leave no room at the start posture.
        InfeasibleDance: No legal motion was found.
    """
    return adapt(dance, robot, config, progress=progress).plan


def adapt(
    dance: PoseSequence,
    robot: RobotModel,
    config: MotionConfig,
    *,
    progress: Progress | None = None,
) -> Adaptation:
    """Return a plan, the motion it was made from, and the seconds of each stage.

    Arguments and errors as ``plan_motion``.
    """
    if len(dance.poses) < SHORTEST_DANCE:
        raise DataError(
            f"a dance needs at least two frames to be planned, found {len(dance.poses)}"
        )
    began = time.perf_counter()
    limits = joint_limits(robot, config)
    stand = upper_body_only(robot, config.stand)
    require_reachable(limits, stand.posture_rad, config.stand)
    timeline = timeline_of(dance, config)
    tell = progress or (lambda share: None)
    wanted = retarget(
        dance, robot, timeline, limits, config, lambda share: tell(RETARGET_SHARE * share)
    )
    tell(RETARGET_SHARE)
    retargeted = time.perf_counter()
    possible = replan(wanted, stand, limits, timeline.step_s, config, _rest_of(tell))
    replanned = time.perf_counter()
    plan = _plan(dance, robot, config, timeline, limits, stand, possible)
    before = Spline(wanted.control, timeline.step_s).sampled(_samples_per_knot(config))
    return Adaptation(
        plan=plan,
        unlimited=JointTrajectory(robot.joint_names, plan.times_s, before),
        seconds={"retarget": retargeted - began, "replan": replanned - retargeted},
        repaired_share=float(possible.repaired.mean()),
        retreated_share=float(possible.retreated.mean()),
    )


def _rest_of(tell: Progress) -> Progress:
    return lambda share: tell(RETARGET_SHARE + (1.0 - RETARGET_SHARE) * share)


def _samples_per_knot(config: MotionConfig) -> int:
    return round(config.plan_rate_hz / config.knot_rate_hz)


def _plan(
    dance: PoseSequence,
    robot: RobotModel,
    config: MotionConfig,
    timeline: Timeline,
    limits: JointLimits,
    stand: Stand,
    possible: Replanned,
) -> Plan:
    positions = possible.spline.sampled(_samples_per_knot(config))
    times = np.arange(len(positions)) / config.plan_rate_hz
    return Plan(
        joint_names=robot.joint_names,
        times_s=times,
        positions_rad=positions,
        music_times_s=timeline.music_times_s(times),
        music_start_s=timeline.music_start_s,
        torso_pose=_tiled(stand.torso_pose, len(times)),
        support=np.zeros(len(times), dtype=np.int8),
        beats_s=dance.beats_s,
        beat_numbers=dance.beat_numbers,
        sync_times_s=np.zeros(0),
        human_joints_m=dance.joint_positions_m,
        human_times_s=dance.times_s,
        position_limits_rad=limits.position_rad,
        velocity_limits_rad_s=limits.velocity_rad_s,
        acceleration_limits_rad_s2=limits.acceleration_rad_s2,
        metadata={
            **dict(dance.metadata),
            "robot_model": robot.name,
            "tempo_mode": config.tempo,
            "slow_motion": config.slow_motion,
            "balance_mode": config.balance,
            "stand": config.stand,
            "solver": config.solver,
            "knot_rate_hz": config.knot_rate_hz,
        },
    )


def _tiled(row: FloatArray, count: int) -> FloatArray:
    return np.tile(row, (count, 1))
