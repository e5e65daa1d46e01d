"""ADAPT: a human dance becomes a plan that this robot can really do, on the beat."""

from __future__ import annotations

import time
from dataclasses import replace

from robodance.config import MotionConfig
from robodance.errors import DataError
from robodance.motion.attempt import Adaptation, Progress, attempt
from robodance.motion.joint_dance import mirrored
from robodance.motion.side_by_side import second_process
from robodance.motion.tempo import in_warped_time, slow_enough
from robodance.robots.model import RobotModel
from robodance.values import Plan, PoseSequence

__all__ = ["Adaptation", "adapt", "plan_motion"]

SHORTEST_DANCE = 2


def plan_motion(
    dance: PoseSequence,
    robot: RobotModel,
    config: MotionConfig,
    *,
    progress: Progress | None = None,
) -> Plan:
    """Return a plan for a dance; ``adapt`` also tells how it came about.

    The plan starts and ends at rest, in the stand posture or those that are named. Beats
    stay where the music has them (``slow_motion`` times slower with ``tempo: slow``), but
    for ``tempo: warp``, which moves them inside their bars; where a limit binds, amplitude
    gives way. The limits written in the plan are the robot's own.

    Args:
        dance: The dancer, at least two frames.
        robot: The robot.
        config: Settings.
        progress: Called with how much is done, 0..1.

    Raises:
        DataError: The dance is too short.
        ConfigError: A posture or a joint does not exist or cannot be used.
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
    danced = mirrored(dance, robot) if config.mirror else dance
    tell = progress or (lambda share: None)
    with second_process(float(dance.times_s[-1] - dance.times_s[0])) as second:
        if config.slow_motion == "auto":
            made = slow_enough(danced, robot, config, tell, second)
        elif config.tempo == "warp":
            made = in_warped_time(danced, robot, config, tell, second)
        else:
            return attempt(danced, robot, config, progress=tell, second=second)
    spent = time.perf_counter() - began - sum(made.seconds.values())
    return replace(made, seconds={**made.seconds, "choose time": max(spent, 0.0)})
