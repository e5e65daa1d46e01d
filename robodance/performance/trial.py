"""One trial of a plan: a simulation under a disturbance, and whether the robot stood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from robodance.config import SimulationConfig
from robodance.performance.conductor import tilt_between
from robodance.values import FloatArray, PerformanceLog, Plan

__all__ = ["FALLEN_RAD", "Piece", "Trial", "judge", "judge_piece", "plain_plan", "run_trial"]

FALLEN_RAD = np.radians(45.0)


@dataclass(frozen=True)
class Trial:
    """How a plan went under a disturbance.

    Attributes:
        disturbance: Its name in ``DISTURBANCES``.
        fell_s: Robot time of a fall (a body but a foot touched the floor, or the torso
            leaned over 45 degrees); None: it stood to the end.
        tilt_rad: Largest angle between planned and simulated torso vertical, the known
            delay removed.
        tilt_time_s: When.
        failures_s: When that angle came to exceed what was allowed, and when it fell.
    """

    disturbance: str
    fell_s: float | None
    tilt_rad: float
    tilt_time_s: float
    failures_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class Piece:
    """How some seconds of a plan went under a disturbance.

    Attributes:
        fell_s: As of a trial.
        tilt_rad: As of a trial.
        tilt_time_s: As of a trial.
        failures_s: As of a trial.
        leans: Whether the torso leaned too far at the end.
    """

    fell_s: float | None
    tilt_rad: float
    tilt_time_s: float
    failures_s: tuple[float, ...]
    leans: bool

    @classmethod
    def joined(cls, name: str, pieces: Sequence[Piece]) -> Trial:
        """Return the trial that pieces in a row make."""
        worst = max(pieces, key=lambda piece: piece.tilt_rad)
        failures = {moment for piece in pieces for moment in piece.failures_s}
        return Trial(
            name,
            pieces[-1].fell_s,
            worst.tilt_rad,
            worst.tilt_time_s,
            tuple(sorted(failures)),
        )


def run_trial(
    plan: Plan,
    robot: str,
    config: SimulationConfig,
    name: str,
    allowed_rad: float,
    *,
    seed: int = 0,
) -> Trial:
    """Simulate a plan under a disturbance, from beginning to end.

    Args:
        plan: The plan.
        robot: Its robot's name or file.
        config: Settings of the simulation.
        name: Of the disturbance.
        allowed_rad: Tilt error that still counts as standing.
        seed: Varies what the disturbance leaves open.
    """
    from robodance.performance.disturbances import DISTURBANCES
    from robodance.performance.rehearsal import Rehearsal, Score
    from robodance.robots.model import load_robot

    model, what = load_robot(robot), replace(DISTURBANCES[name], seed=seed)
    with Rehearsal(model, config, what, allowed_rad) as rehearsal:
        score = Score(plan, model, config)
        gone = list(rehearsal.on(score, None, score.steps))
    return Piece.joined(name, [piece for piece, _ in gone])


def judge(plan: Plan, log: PerformanceLog, name: str, delay_s: float, allowed_rad: float) -> Trial:
    """Return how a simulated performance of a plan went.

    Args:
        plan: The plan.
        log: What happened.
        name: Of the disturbance.
        delay_s: How much later than planned the robot is bound to be.
        allowed_rad: Tilt error that still counts as standing.
    """
    fell = log.falls[0] if log.falls else None
    times, poses = np.asarray(log.times_s), np.asarray(log.torso_pose)
    return Piece.joined(name, [judge_piece(plan, times, poses, delay_s, allowed_rad, fell_s=fell)])


def judge_piece(
    plan: Plan,
    times_s: FloatArray,
    torso_poses: FloatArray,
    delay_s: float,
    allowed_rad: float,
    *,
    fell_s: float | None = None,
    leant: bool = False,
) -> Piece:
    """Return how some seconds of a plan went.

    Args:
        plan: The plan.
        times_s: Shape (T,), robot times at which the robot was seen.
        torso_poses: Shape (T, 7), world.
        delay_s: How much later than planned the robot is bound to be.
        allowed_rad: Tilt error that still counts as standing.
        fell_s: When it was seen to fall, if it did.
        leant: Whether it leaned too far before that.
    """
    tilt = tilt_between(_poses_at(plan, times_s - delay_s), torso_poses)
    upright = np.zeros((len(times_s), 7))
    upright[:, 6] = 1.0
    lying = times_s[tilt_between(upright, torso_poses) > FALLEN_RAD]
    fell = [*lying[:1].tolist(), *([] if fell_s is None else [float(fell_s)])]
    far = tilt > allowed_rad
    failures = times_s[far & ~np.concatenate([[leant], far[:-1]])].tolist()
    return Piece(
        min(fell, default=None),
        float(tilt.max()),
        float(times_s[tilt.argmax()]),
        tuple(sorted({*failures, *([min(fell)] if fell else [])})),
        bool(far[-1]),
    )


def plain_plan(plan: Plan) -> dict[str, Any]:
    """Return a plan's fields in a form that travels between processes."""
    return {f.name: getattr(plan, f.name) for f in fields(plan) if f.name != "metadata"} | {
        "metadata": {}
    }


def _poses_at(plan: Plan, times_s: FloatArray) -> FloatArray:
    """Return the planned torso poses at any moments, (T, 7)."""
    columns = [np.interp(times_s, plan.times_s, column) for column in plan.torso_pose.T]
    poses = np.stack(columns, axis=1)
    poses[:, 3:] /= np.linalg.norm(poses[:, 3:], axis=1, keepdims=True)
    return poses
