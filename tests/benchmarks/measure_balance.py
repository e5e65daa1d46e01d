"""How full-body dances stand, and how much of the dancer's legs they show.

python tests/benchmarks/measure_balance.py OUT.jsonl [--sets generated choreonet ...]
    [--data DATA] [--seconds 60] [--disturbances nominal pushes ...]

One line of JSON a passage; passages that are in the file already are not done again. The
definitions: a *fall* is any body but a foot on the floor, or the torso leaning over 45
degrees; the *tilt error* is the angle between planned and simulated torso vertical, the known
delay removed; the *variance survived* is 1 - var(scaled human - robot) / var(scaled human) of
both ankles relative to the pelvis in the heading frame, the scale being the ratio of leg
lengths. A *strike* is a moment at which an ankle's speed falls below 0.25 m/s after exceeding
0.5 m/s near the floor. With planted soles no strike becomes a step.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from dances import dances

from robodance.config import MotionConfig, SimulationConfig
from robodance.motion.certificate import certify
from robodance.motion.pelvis import ankles_seen, heading_frame, leg_scale
from robodance.motion.plan import adapt
from robodance.motion.targets import SIDES, resample
from robodance.performance.disturbances import DISTURBANCES
from robodance.performance.trial import verify_plan
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import load_robot
from robodance.robots.stability import to_world
from robodance.skeleton import INDEX

ROBOT = "nao_v6"
RATE_HZ = 25.0
NEAR_FLOOR_M, FAST_M_S, SLOW_M_S = 0.08, 0.5, 0.25
NOMINAL_RAD, DISTURBED_RAD = np.radians(2.0), np.radians(6.0)


def robot_ankles(robot, plan, times_s):
    """Return both ankles relative to the middle of the hips in the torso's heading, (T, 2, 3)."""
    columns = [np.interp(times_s, plan.times_s, c) for c in plan.positions_rad.T]
    poses = forward_kinematics(robot, np.stack(columns, axis=1))
    torso = np.stack([np.interp(times_s, plan.times_s, c) for c in plan.torso_pose.T], axis=1)
    torso[:, 3:] /= np.linalg.norm(torso[:, 3:], axis=1, keepdims=True)
    place = {
        name: to_world(torso, poses.points(*robot.landmarks[name]))
        for name in (f"{side}_{part}" for side in SIDES for part in ("hip", "ankle"))
    }
    middle = (place["left_hip"] + place["right_hip"]) / 2.0
    across = place["left_hip"] - place["right_hip"]
    yaw = np.arctan2(-across[:, 0], across[:, 1])
    cos, sin = np.cos(yaw), np.sin(yaw)
    seen = []
    for side in SIDES:
        x, y, z = (place[f"{side}_ankle"] - middle).T
        seen.append(np.stack([cos * x + sin * y, cos * y - sin * x, z], axis=1))
    return np.stack(seen, axis=1)


def survived(wanted, done):
    """Return 1 - var(wanted - done) / var(wanted) over all columns."""
    left, whole = (wanted - done).var(axis=0).sum(), wanted.var(axis=0).sum()
    return float(1.0 - left / whole)


def strikes(dancer):
    """Return how often an ankle is set down."""
    floor = np.percentile(dancer[:, [INDEX["left_toe"], INDEX["right_toe"]], 2], 5)
    count = 0
    for side in SIDES:
        ankle = dancer[:, INDEX[f"{side}_ankle"]]
        speed = np.linalg.norm(np.gradient(ankle, axis=0), axis=1) * RATE_HZ
        low = dancer[:, [INDEX[f"{side}_toe"], INDEX[f"{side}_heel"]], 2].min(axis=1) - floor
        fast = False
        for s, h in zip(speed, low, strict=True):
            fast = fast or s > FAST_M_S
            if fast and s < SLOW_M_S and h < NEAR_FLOOR_M:
                count, fast = count + 1, False
    return count


def knee_bends(dancer):
    """Return the dancer's knee angles, (T, 2)."""
    bends = []
    for side in SIDES:
        hip, knee, ankle = (dancer[:, INDEX[f"{side}_{p}"]] for p in ("hip", "knee", "ankle"))
        thigh, shank = knee - hip, ankle - knee
        along = np.einsum("ti,ti->t", thigh, shank)
        bends.append(np.arctan2(np.linalg.norm(np.cross(thigh, shank), axis=1), along))
    return np.stack(bends, axis=1)


def measure(dance, robot, disturbances):
    """Return one passage's figures."""
    began = time.process_time()
    made = adapt(dance, robot, MotionConfig(balance="full-body"))
    spent = time.process_time() - began
    plan, certificate = made.plan, certify(made.plan, robot)
    allowed = {n: NOMINAL_RAD if n == "nominal" else DISTURBED_RAD for n in disturbances}
    trials = verify_plan(plan, ROBOT, SimulationConfig(), allowed)
    moments = np.arange(dance.times_s[0], dance.times_s[-1], 1.0 / RATE_HZ)
    dancer = resample(dance.joint_positions_m, dance.times_s, moments)
    times = np.interp(moments, plan.music_times_s, plan.times_s)
    wanted = leg_scale(dance, robot) * ankles_seen(dancer, heading_frame(dancer, RATE_HZ))
    done = robot_ankles(robot, plan, times)
    common = [np.repeat(a.mean(axis=1, keepdims=True), 2, axis=1) for a in (wanted, done)]
    knees = [
        np.interp(times, plan.times_s, plan.positions_rad[:, robot.index(f"{s}KneePitch")])
        for s in "LR"
    ]
    bends = knee_bends(dancer)
    return {
        "seconds": float(dance.times_s[-1] - dance.times_s[0]),
        "planning_cpu_s": round(spent, 1),
        "clean": certificate.clean,
        "zmp_margin_mm": round(1000 * certificate.zmp_margin_m, 1),
        "sway_kept": [round(k, 2) for k in made.sway_kept],
        "calmed_share": round(made.calmed_share, 3),
        "variance_survived": round(survived(wanted, done), 3),
        "common_share": round(float(common[0].var(axis=0).sum() / wanted.var(axis=0).sum()), 3),
        "common_survived": round(survived(*common), 3),
        "knee_correlation": [
            round(float(np.corrcoef(knee, bends[:, k])[0, 1]), 2) for k, knee in enumerate(knees)
        ],
        "strikes": strikes(dancer),
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
    options = parser.parse_args()
    robot = load_robot(ROBOT)
    known = set()
    if options.out.exists():
        lines = options.out.read_text(encoding="utf-8").splitlines()
        known = {(line["set"], line["name"]) for line in map(json.loads, lines)}
    for kind, name, dance in dances(options.sets, options.data, options.seconds):
        if (kind, name) in known:
            continue
        line = {"set": kind, "name": name, **measure(dance, robot, options.disturbances)}
        print(json.dumps(line), flush=True)
        with options.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
