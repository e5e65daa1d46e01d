"""One plan, or a stand of a minute, in both kinds of physics, beside each other.

    python tests/benchmarks/compare_engines.py [PLAN.npz] [--disturbances nominal pushes ...]

Columns: fall; largest tilt error; largest and mean error of the joints; smallest margin of the
measured ZMP (first percentile); how far the torso is from PyBullet's at most, and the height of
the torso on average; slip; CPU seconds a minute.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from balance_figures import slips
from mujoco_robot import in_mujoco

from robodance.config import SimulationConfig
from robodance.performance.conductor import conduct
from robodance.performance.disturbances import DISTURBANCES, DisturbedSimulation, in_pybullet
from robodance.performance.inertial_feedback import stabilised
from robodance.performance.trial import judge
from robodance.plan_file import read_plan
from robodance.robots.model import load_robot
from robodance.robots.stability import standing_torso_pose
from robodance.values import Plan

PHYSICS = {"pybullet": in_pybullet, "mujoco": in_mujoco}
STAND_S, RATE_HZ = 60.0, 100


def stand(robot, posture: str = "StandInit") -> Plan:
    """Return a plan that stands still."""
    count = round(STAND_S * RATE_HZ) + 1
    times = np.arange(count) / RATE_HZ
    return Plan(
        joint_names=robot.joint_names,
        times_s=times,
        positions_rad=np.tile(robot.posture(posture), (count, 1)),
        music_times_s=times,
        music_start_s=0.0,
        torso_pose=np.tile(standing_torso_pose(robot, robot.posture(posture)), (count, 1)),
        support=np.zeros(count, dtype=np.int8),
        beats_s=np.zeros(0),
        beat_numbers=np.zeros(0, dtype=np.int64),
        sync_times_s=np.zeros(0),
        human_joints_m=np.zeros((2, 21, 3)),
        human_times_s=np.array([0.0, 1.0]),
        position_limits_rad=robot.position_limits_rad,
        velocity_limits_rad_s=robot.velocity_limits_rad_s,
        acceleration_limits_rad_s2=8.0 * robot.velocity_limits_rad_s,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plan", type=Path, nargs="?")
    parser.add_argument("--robot", default="nao_v6")
    parser.add_argument("--disturbances", nargs="+", default=["nominal", "pushes"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    robot = load_robot(options.robot)
    plan = read_plan(options.plan) if options.plan else stand(robot)
    print(
        "| disturbed by | physics | fall s | tilt deg | joints max/mean deg | ZMP p1 mm "
        "| torso apart mm | torso height mm | slip mm | CPU s/min |\n|" + "-|" * 10
    )
    for name in options.disturbances:
        first = None
        for engine, physics in PHYSICS.items():
            what, began = replace(DISTURBANCES[name], seed=options.seed), time.process_time()
            with DisturbedSimulation(robot, SimulationConfig(), what, physics) as backend:
                log = conduct(plan, stabilised(backend, SimulationConfig()))
            spent = time.process_time() - began
            trial = judge(plan, log, name, what.known_delay_s, np.pi)
            error = np.degrees(np.abs(log.measured_rad - log.commanded_rad))
            torso = np.asarray(log.torso_pose)[:, :3]
            first = torso if first is None else first
            both = min(len(first), len(torso))
            apart = np.linalg.norm(torso[:both] - first[:both], axis=1).max()
            slip = max(slips(robot, plan, log, what.known_delay_s), default=0.0)
            cells = (
                name,
                engine,
                "-" if trial.fell_s is None else f"{trial.fell_s:.1f}",
                f"{np.degrees(trial.tilt_rad):.2f}",
                f"{error.max():.2f}/{error.mean():.3f}",
                f"{1000.0 * np.percentile(log.zmp_margin_m, 1):.1f}",
                f"{1000.0 * apart:.1f}",
                f"{1000.0 * torso[:, 2].mean():.1f}",
                f"{1000.0 * slip:.1f}",
                f"{spent * 60.0 / log.times_s[-1]:.1f}",
            )
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
