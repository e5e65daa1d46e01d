"""How full-body dances stand, and how much of the dancer's legs they show.

python tests/benchmarks/measure_balance.py OUT.jsonl [--sets generated choreonet ...]
    [--data DATA] [--seconds 60] [--disturbances nominal pushes ...] [--no-feedback]

One line of JSON a passage; passages that are in the file already are not done again. What the
figures mean is said in ``balance_figures.py``; plans are not verified here (``evaluate_balance.py``
does so, and tries them in two kinds of physics).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from balance_trials import shown_of
from dances import dances

from robodance.config import MotionConfig, SimulationConfig
from robodance.motion.certificate import certify
from robodance.motion.plan import adapt
from robodance.performance.disturbances import DISTURBANCES
from robodance.performance.trials import verify_plan
from robodance.robots.model import load_robot

ROBOT = "nao_v6"
NOMINAL_RAD, DISTURBED_RAD = np.radians(2.0), np.radians(6.0)


def measure(dance, robot, disturbances, config):
    """Return one passage's figures."""
    began = time.process_time()
    made = adapt(dance, robot, MotionConfig(balance="full-body"))
    spent = time.process_time() - began
    plan, certificate = made.plan, certify(made.plan, robot)
    allowed = {n: NOMINAL_RAD if n == "nominal" else DISTURBED_RAD for n in disturbances}
    trials = verify_plan(plan, ROBOT, config, allowed)
    return {
        "seconds": float(dance.times_s[-1] - dance.times_s[0]),
        "planning_cpu_s": round(spent, 1),
        "clean": certificate.clean,
        "zmp_margin_mm": round(1000 * certificate.zmp_margin_m, 1),
        "sway_kept": [round(k, 2) for k in made.sway_kept],
        "calmed_share": round(made.calmed_share, 3),
        **{
            name: np.round(value, 3).tolist()
            for name, value in shown_of(plan, dance, robot).items()
        },
        "falls": {t.disturbance: t.fell_s for t in trials if t.fell_s is not None},
        "tilt_deg": {t.disturbance: round(float(np.degrees(t.tilt_rad)), 2) for t in trials},
    }


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--sets", nargs="+", default=["generated"])
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--disturbances", nargs="+", default=list(DISTURBANCES))
    parser.add_argument("--no-feedback", action="store_true", help="nothing answers a lean")
    options = parser.parse_args()
    config = SimulationConfig(inertial_feedback=not options.no_feedback)
    robot = load_robot(ROBOT)
    known = set()
    if options.out.exists():
        lines = options.out.read_text(encoding="utf-8").splitlines()
        known = {(line["set"], line["name"]) for line in map(json.loads, lines)}
    for kind, name, dance in dances(options.sets, options.data, options.seconds):
        if (kind, name) in known:
            continue
        line = {"set": kind, "name": name, **measure(dance, robot, options.disturbances, config)}
        print(json.dumps(line), flush=True)
        with options.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
