"""What adapting recorded dances costs and takes: one row per dance, one per set.

    ROBODANCE_DATA=... python tests/benchmarks/measure_motion.py [--seconds 60] [--acceleration 8]

Columns: seconds of dance; mean and 95th percentile of the arm bones' direction error, in
degrees, without speed limits and clearance, then in the plan; share of the dancer's arm
stops that are hit, before and after; samples at 1 kHz that break a limit; smallest
clearance and ZMP margin in millimetres; share of the plan that was planned again for them;
seconds of retargeting, replanning and certificate.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

from robodance.config import MotionConfig
from robodance.learning.datasets.choreonet import read_take
from robodance.learning.datasets.dance_with_melody import read_collage
from robodance.motion.certificate import certify
from robodance.motion.losses import bone_errors, measure_losses
from robodance.motion.plan import adapt
from robodance.motion_files.mapping import map_points
from robodance.motion_files.read import read_points
from robodance.robots.model import load_robot
from robodance.skeleton import pose_sequence

SETS = {
    "cha-cha": ("c3d", ("15", "ll_qq_02_2")),
    "rumba": ("c3d", ("16", "ll_lb_06_2")),
    "tango": ("c3d", ("14", "17")),
    "waltz": ("mdms", ("DANCE_W_1", "DANCE_W_20")),
    "g1": ("g1", ("J_Dance2_Salsa", "J_Dance1_Modern", "J_Dance4_Broadway")),
}


def read_dance(data: Path, kind: str, name: str, seconds: float):
    """Return one dance of a set, at most ``seconds`` long."""
    if kind == "c3d":
        joints, rate = read_take(data / "choreonet", name)
    elif kind == "mdms":
        joints, rate = read_collage(data / "mdms" / name).joint_positions_m, 25.0
    else:
        source, skeleton = read_points(data / "g1_moves" / f"{name}.npz")
        joints, rate = map_points(source, skeleton).joint_positions_m, source.frame_rate_hz
    return pose_sequence(joints[: round(seconds * rate)], rate)


def arms(errors) -> str:
    """Return mean and 95th percentile of the four arm bones' errors."""
    values = np.concatenate([e for name, e in errors.items() if name != "head"])
    return f"{values.mean():5.2f}/{np.percentile(values, 95):4.1f}"


def row(name: str, dance, robot, config: MotionConfig) -> str:
    """Adapt one dance and return its row."""
    adapted = adapt(dance, robot, config)
    began = time.perf_counter()
    found = certify(adapted.plan, robot)
    seconds = time.perf_counter() - began
    lost = measure_losses(adapted.plan, dance, robot, adapted.unlimited)
    before = arms(bone_errors(adapted.plan, robot, adapted.unlimited))
    after = arms(bone_errors(adapted.plan, robot))
    return (
        f"{name:26s} {len(dance.poses) / dance.frame_rate_hz:6.1f} {before:>11s} {after:>11s} "
        f"{100 * lost.arm_stops_hit_before:4.0f} {100 * lost.arm_stops_hit_after:4.0f} "
        f"of {lost.arm_stops:3d} {sum(found.violations.values()):3d} "
        f"{1000 * found.clearance_m:5.1f} {1000 * found.zmp_margin_m:5.1f} "
        f"{100 * adapted.repaired_share:4.0f} {100 * adapted.retreated_share:3.0f} "
        f"{adapted.seconds['retarget']:5.1f} {adapted.seconds['replan']:5.1f} {seconds:5.1f}"
    )


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1e9, help="of each dance at most")
    parser.add_argument("--acceleration", type=float, default=8.0, help="limit over velocity")
    parser.add_argument("--robot", default="nao_v6")
    options = parser.parse_args()
    data = os.environ.get("ROBODANCE_DATA")
    if not data:
        print("ROBODANCE_DATA does not name the folder of the data sets", file=sys.stderr)
        return 2
    robot = load_robot(options.robot)
    config = MotionConfig(acceleration_per_velocity_per_s=options.acceleration)
    print(
        f"{'dance':26s} {'s':>6s} {'unlimited':>11s} {'plan':>11s} {'stops hit %':>16s} "
        "bad clear   zmp again ret  retg  repl  cert"
    )
    for genre, (kind, names) in SETS.items():
        for name in names:
            dance = read_dance(Path(data), kind, name, options.seconds)
            print(row(f"{genre} {name}", dance, robot, config), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
