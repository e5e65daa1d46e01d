"""How long a film takes to make, against how long it lasts.

    python tests/benchmarks/measure_film.py [SECONDS] [SETTING=VALUE ...]

A demo song's dance, without physics, is filmed as ``perform --record`` does it, by as many
processes as there are cores. Processor time counts everything: drawing, pipes, encoding.
Shared out evenly among the cores it is what an idle computer needs; the wall clock is what
this one needed now. Settings are those of ``recording``: ``width=1920 camera_path=beat``.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

import robodance
from robodance.config import RecordingConfig
from robodance.performance.recording import record
from robodance.resources import launch_path
from robodance.robots.model import load_robot
from robodance.settings import override
from robodance.song_file import load_soundtrack
from robodance.values import PerformanceLog
from robodance.workers import cores


def processor_s():
    """Return processor seconds of this process and of those it has ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in spent)


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    pairs = (text.partition("=") for text in sys.argv[2:])
    film = override(RecordingConfig(), {key: yaml.safe_load(value) for key, _, value in pairs})
    song = launch_path("songs/rumba.ogg")
    plan = robodance.plan_dance(song, to_s=seconds).plan
    count = len(plan.times_s)
    log = PerformanceLog(
        "simulation",
        plan.joint_names,
        plan.times_s,
        plan.positions_rad,
        plan.positions_rad,
        plan.torso_pose,
        np.zeros(count),
        np.zeros(count),
        (),
    )
    soundtrack = load_soundtrack(song)
    with tempfile.TemporaryDirectory(prefix="robodance-") as folder:
        spent, start = processor_s(), time.perf_counter()
        made = record(
            plan,
            log,
            Path(folder) / "film.mp4",
            load_robot("nao_v6"),
            film,
            soundtrack=soundtrack,
            announce=print,
        )
        spent, wall = processor_s() - spent, time.perf_counter() - start
    print(
        f"{made.frames} pictures of {film.width} x {film.height} with {made.renderer}: "
        f"{1e3 * spent / made.frames:.1f} ms of processor a picture, "
        f"{spent / cores() / made.duration_s:.2f} times the film's length on {cores()} free cores; "
        f"{wall / made.duration_s:.2f} times by the wall clock"
    )


if __name__ == "__main__":
    main()
