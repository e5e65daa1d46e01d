"""One trial of a plan: a simulation under a disturbance, and whether the robot stood.

``verify_plan`` runs several at once, each in a process of its own (this module: a job on
stdin, the outcome on stdout), so that all cores work.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np

from robodance.config import SimulationConfig
from robodance.errors import MissingDependency
from robodance.performance.workers import cores, last_words, start_worker
from robodance.values import FloatArray, PerformanceLog, Plan

__all__ = ["Trial", "judge", "plain_plan", "run_trial", "verify_plan"]

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


def run_trial(
    plan: Plan,
    robot: str,
    config: SimulationConfig,
    name: str,
    allowed_rad: float,
    *,
    seed: int = 0,
) -> Trial:
    """Simulate a plan under a disturbance.

    Args:
        plan: The plan.
        robot: Its robot's name or file.
        config: Settings of the simulation.
        name: Of the disturbance.
        allowed_rad: Tilt error that still counts as standing.
        seed: Varies what the disturbance leaves open.
    """
    from robodance.performance.conductor import conduct
    from robodance.performance.disturbances import DISTURBANCES, DisturbedSimulation
    from robodance.performance.inertial_feedback import stabilised
    from robodance.robots.model import load_robot

    what = replace(DISTURBANCES[name], seed=seed)
    with DisturbedSimulation(load_robot(robot), config, what) as backend:
        log = conduct(plan, stabilised(backend, config))
    return judge(plan, log, name, what.known_delay_s, allowed_rad)


def judge(plan: Plan, log: PerformanceLog, name: str, delay_s: float, allowed_rad: float) -> Trial:
    """Return how a simulated performance of a plan went.

    Args:
        plan: The plan.
        log: What happened.
        name: Of the disturbance.
        delay_s: How much later than planned the robot is bound to be.
        allowed_rad: Tilt error that still counts as standing.
    """
    from robodance.performance.conductor import tilt_between

    moments = np.asarray(log.times_s)
    planned = _poses_at(plan, moments - delay_s)
    tilt = tilt_between(planned, np.asarray(log.torso_pose))
    upright = np.zeros((len(moments), 7))
    upright[:, 6] = 1.0
    lying = tilt_between(upright, np.asarray(log.torso_pose)) > FALLEN_RAD
    fell = [float(moments[lying][0])] if lying.any() else []
    fell = sorted([*fell, *(float(moment) for moment in log.falls)])
    far = tilt > allowed_rad
    failures = moments[far & ~np.concatenate([[False], far[:-1]])].tolist()
    return Trial(
        name,
        min(fell) if fell else None,
        float(tilt.max()),
        float(moments[tilt.argmax()]),
        tuple(sorted({*failures, *fell[:1]})),
    )


def verify_plan(
    plan: Plan,
    robot: str,
    config: SimulationConfig,
    allowed_rad: Mapping[str, float],
    *,
    processes: int = 0,
    progress: Callable[[float], None] | None = None,
) -> tuple[Trial, ...]:
    """Simulate a plan under several disturbances, as many at once as there are cores.

    Args:
        plan: The plan.
        robot: Its robot's name or file.
        config: Settings of the simulation; no window is opened.
        allowed_rad: Disturbance to the tilt error that still counts as standing.
        processes: At once; 0: one for each core.
        progress: Called with how much is done, 0..1.

    Raises:
        MissingDependency: The simulation cannot be run.
    """
    tell = progress or (lambda share: None)
    workers = processes or cores()
    jobs = [
        (plain_plan(plan), robot, {**asdict(config), "gui": False}, name, allowed)
        for name, allowed in allowed_rad.items()
    ]
    trials: list[Trial] = []
    running: list[subprocess.Popen[bytes]] = []
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(jobs)))) as pool:
        try:
            for trial in pool.map(partial(_in_a_process, running=running), jobs):
                trials.append(trial)
                tell(len(trials) / len(jobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in running:
                worker.kill()
            raise
    return tuple(trials)


def _in_a_process(job: Sequence[Any], running: list[subprocess.Popen[bytes]]) -> Trial:
    with start_worker("robodance.performance.trial", subprocess.PIPE) as worker:
        running.append(worker)
        answer, said = worker.communicate(pickle.dumps(job))
    if worker.returncode != 0:
        raise MissingDependency(
            f"a simulation for the plan's verification did not run ({last_words(said)}); "
            "see robodance doctor, or set verification.disturbances: none"
        )
    found = json.loads(answer.decode().splitlines()[-1])
    return Trial(**{**found, "failures_s": tuple(found["failures_s"])})


def main() -> None:
    """Run the trial that comes in on stdin."""
    plan, robot, settings, name, allowed = pickle.load(sys.stdin.buffer)
    trial = run_trial(Plan(**plan), robot, SimulationConfig(**settings), name, allowed)
    print(json.dumps(asdict(trial)))


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


if __name__ == "__main__":
    main()
