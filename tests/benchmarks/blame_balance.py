"""Which of the disturbances, all at once, a full-body dance falls by: each is left out in turn.

python tests/benchmarks/blame_balance.py [--sets generated ... | --passages N] [--data DATA]
    [--seconds 13] [--seeds 2] [--without all torque+mass ...] [--engine mujoco] [--unweighed]
    [--unturned]

A row for each disturbance, or for those that ``--without`` names: how many trials fell when all
but these were there, and how far from their plan's heading the others turned, at most (median and
nine tenths of the trials) and at the end. Plans are not verified here. ``all`` leaves none out.
``--passages`` takes the first ones of ``balance_passages.py``. ``--unweighed``: the pelvis does not
answer where the soles press at the start. ``--unturned``: steps do not turn the robot back.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from balance_passages import chosen, data_folder, load
from balance_trials import physics
from dances import dances

from robodance.config import MotionConfig, SimulationConfig
from robodance.motion.plan import adapt
from robodance.performance import turning_back
from robodance.performance.conductor import conduct
from robodance.performance.disturbances import DISTURBANCES, DisturbedSimulation
from robodance.performance.felt import heading_of
from robodance.performance.inertial_feedback import stabilised
from robodance.performance.trial import judge
from robodance.robots.model import load_robot

ROBOT = "nao_v6"
LEFT_OUT = {
    "all": (),
    "pushes": ("push_ns",),
    "lag": ("delay_s", "lag_s"),
    "tilt": ("floor_tilt_rad",),
    "com": ("com_error_m",),
    "backlash": ("backlash_rad",),
    "torque": ("torque_share",),
    "mass": ("mass_share",),
    "friction": ("friction",),
}
"""Name to the fields of a disturbance that are as in an undisturbed world."""


def tried(plan, robot, config, what, engine) -> tuple[float, float] | None:
    """Return how far a robot that dances under a disturbance turns away, degrees; None: it falls.

    At most, and at the end.
    """
    with DisturbedSimulation(robot, config, what, engine) as body:
        log = conduct(plan, stabilised(body, config))
    if judge(plan, log, "together", what.known_delay_s, np.pi).fell_s is not None:
        return None
    planned, faced = (
        np.unwrap([heading_of(*turn) for turn in poses[:, 3:]])
        for poses in (plan.torso_pose, np.asarray(log.torso_pose))
    )
    away = faced - np.interp(log.times_s - what.known_delay_s, plan.times_s, planned)
    return float(np.degrees(np.abs(away).max())), float(np.degrees(abs(away[-1])))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=["generated"])
    parser.add_argument("--passages", type=int, default=0)
    parser.add_argument("--without", nargs="+", default=list(LEFT_OUT), metavar="NAME[+NAME]")
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--seconds", type=float, default=13.0)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--engine", choices=("pybullet", "mujoco"), default="pybullet")
    parser.add_argument("--unweighed", action="store_true")
    parser.add_argument("--unturned", action="store_true")
    options = parser.parse_args()
    engine = physics(options.engine)
    if options.unturned:
        turning_back.LARGEST_RAD = 0.0
    config = SimulationConfig(weight_shift=not options.unweighed)
    robot, settings = load_robot(ROBOT), MotionConfig(balance="full-body")
    if options.passages:
        data = data_folder(options.data)
        found = [load(p, data, options.seconds).dance for p in chosen(options.passages)]
    else:
        found = [dance for _, _, dance in dances(options.sets, options.data, options.seconds)]
    plans = [adapt(dance, robot, settings).plan for dance in found]
    calm = DISTURBANCES["nominal"]
    print("| left out | fell | turned away, deg: median | nine tenths | at the end |\n|-|-|-|-|-|")
    for name in options.without:
        fields = [field for one in name.split("+") for field in LEFT_OUT[one]]
        less = {field: getattr(calm, field) for field in fields}
        ended = [
            tried(plan, robot, config, replace(DISTURBANCES["together"], seed=seed, **less), engine)
            for plan in plans
            for seed in range(1, options.seeds + 1)  # 0 is what plans are verified with
        ]
        stood = np.array([away for away in ended if away is not None]).reshape(-1, 2)
        most, last = stood.T if len(stood) else np.full((2, 1), np.nan)
        print(
            f"| {name} | {len(ended) - len(stood)} of {len(ended)} | {np.median(most):.1f} | "
            f"{np.quantile(most, 0.9):.1f} | {np.median(last):.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
