"""Dance songs on a virtual NAO and judge each by its journal.

    python tests/benchmarks/dance_on_robot.py OUT SONG [SONG ...] [--latency 0 0.12 0.3]
        [--network 10/20/0] [--ppm 100] [--to SECONDS] [--set KEY=VALUE ...] [--plans FOLDER]

Every song goes through the command line, as a user would call it, once for each latency of
the robot's audio player. The network is DELAY/JITTER/LOSS (ms, ms, %), one way; the robot's
sound card runs PPM millionths too fast. *Tracking* is the worst joint's RMS distance from the
plan, the plan's moment taken from the sound. *Start* is by how much the dance is ahead of the
sound in the first two seconds that can be told, *drift* how far it goes from there. *To sim*
is how far the same plan's joints in the simulation are from those measured here, RMS of the
worst joint, at the moments at which both dance the same. With --plans the plan of an earlier
run is danced as it is: FOLDER is that run's OUT.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))

from naoqi_judge import judge
from naoqi_process import virtual_nao

from robodance.config import SimulationConfig
from robodance.performance.backend import open_backend
from robodance.performance.conductor import conduct
from robodance.plan_file import read_plan
from robodance.robots.model import load_robot

COLUMNS = (
    "song", "length s", "latency s", "network ms", "exit", "calls", "tracking deg", "start ms",
    "worst ms", "drift ms", "to sim deg", "lean deg", "waited s", "slipped s",
)  # fmt: skip


def perform(song, url, folder, options):
    """Dance one song; returns its report."""
    command = [sys.executable, "-m", "robodance", "perform", str(song), "--robot", url, "--yes"]
    if options.plans is not None:
        command += ["--plan", str(options.plans / folder.name / "plan.npz")]
    command += ["--json", "--out", str(folder), "--set", "naoqi.first_vigour=1"]
    command += ["--set", "naoqi.cool_down=0"]
    for pair in options.set:
        command += ["--set", pair]
    if options.to is not None:
        command += ["--to", str(options.to)]
    with tempfile.TemporaryDirectory() as state:
        env = dict(os.environ, XDG_STATE_HOME=state)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=env)
    return {**json.loads(done.stdout), "exit": done.returncode}


def to_simulation(plan, judged):
    """RMS of the worst joint's difference from the simulation, degrees."""
    nao = load_robot("nao_v6")
    with open_backend("simulation", nao, SimulationConfig()) as simulation:
        log = conduct(plan, simulation)
    ahead = np.interp(judged.moments_s, judged.lead_s, judged.ahead_s)
    danced = np.clip(judged.moments_s + ahead, log.times_s[0], log.times_s[-1])
    there = np.column_stack([np.interp(danced, log.times_s, m) for m in log.measured_rad.T])
    inner = (judged.moments_s > judged.lead_s[0]) & (judged.moments_s < judged.lead_s[-1])
    off = np.degrees(judged.measured_rad - there)[inner]
    return np.sqrt(np.square(off).mean(axis=0)).max()


def row(song, latency, options, report, url, folder):
    """One line of the table."""
    name = f"{song.parent.name}/{song.stem}"
    if report["exit"] != 0:
        return f"| {name} | {latency} | {report['exit']}: {report.get('error')} |"
    plan = read_plan(folder / "plan.npz")
    judged = judge(url, plan)
    start, ahead = judged.ahead_s[0], judged.ahead_s
    done = report["performance"]
    cells = (
        name, f"{plan.duration_s:.0f}", f"{latency:g}", options.network, str(report["exit"]),
        ", ".join(done["calls"]), f"{judged.tracking_deg.max():.2f}", f"{1e3 * start:.1f}",
        f"{1e3 * np.abs(ahead).max():.1f}", f"{1e3 * np.abs(ahead - start).max():.1f}",
        f"{to_simulation(plan, judged):.2f}", f"{done['tilt_max_deg']:.1f}",
        f"{done['longest_wait_for_a_chunk_s']:.3f}",
        f"{judged.slipped_s:.2f}",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("songs", nargs="+", type=Path)
    parser.add_argument("--latency", nargs="+", type=float, default=[0.0, 0.12, 0.3])
    parser.add_argument("--network", default="10/20/0")
    parser.add_argument("--ppm", type=float, default=100.0)
    parser.add_argument("--to", type=float)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--plans", type=Path)
    options = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |\n|" + "-|" * len(COLUMNS), flush=True)
    for song in options.songs:
        for latency in options.latency:
            folder = options.out / f"{song.stem}-{latency:g}"
            faults = ["--fault", f"slow@0.5:{options.network}"]
            audio = ["--audio-latency", str(latency), "--audio-ppm", str(options.ppm)]
            with virtual_nao(*audio, *faults) as url:
                report = perform(song, url, folder, options)
                print(row(song, latency, options, report, url, folder), flush=True)


if __name__ == "__main__":
    main()
