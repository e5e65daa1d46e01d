"""Dance one demo song after the other for hours and watch what the processes hold.

    python tests/benchmarks/dance_for_hours.py OUT.jsonl [--minutes 120]

One virtual NAO and this process perform back to back, each dance as ``robodance perform
--robot`` does it once its plan is made: simulated first, checked, danced with sound, brought
to rest, hung up. After each, memory (resident), threads and open descriptors of both
processes are noted; at the end the first dances are compared with the last. No dance begins
while other work leaves a busy loop less than half of a processor; dances in which the robot's
physics was more than 0.1 s behind real time count for what the processes hold, not for the music.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))

from naoqi_judge import judge
from naoqi_process import LATE_S, linked, version_of, virtual_nao, wait_for_a_processor

from robodance.config import PerformConfig
from robodance.errors import PerformanceAborted
from robodance.motion.certificate import certify
from robodance.performance.on_robot import dance_on_robot
from robodance.planning import plan_dance
from robodance.resources import launch_path
from robodance.settings import override

GENRES = ("rumba", "cha-cha", "tango", "waltz")
SETTLED = 3  # dances until every library is loaded and every cache is warm


def held(pid):
    """Resident memory in MiB, threads, open descriptors of a process."""
    fields = Path(f"/proc/{pid}/status").read_text().splitlines()
    values = dict(line.split(":", 1) for line in fields)
    memory = int(values["VmRSS"].split()[0]) / 1024
    return memory, int(values["Threads"]), len(os.listdir(f"/proc/{pid}/fd"))


def perform(number, plans, config, url, pid, start, version):
    """Dance once; returns what is to be noted."""
    wait_for_a_processor()
    genre = GENRES[number % len(GENRES)]
    song, plan = plans[genre]
    with linked(url) as link:
        link.call("RobodanceFaults", "mend")  # a robot would cool down and be charged
        since = link.call("RobodanceJournal", "time")
        link.call("RobodanceJournal", "latest")  # from now on
    aborted, judged = "", None
    try:
        dance_on_robot(plan, config, song, certify)
    except PerformanceAborted as error:  # a robot that is late may look as if it were lost
        aborted = str(error)
    with linked(url) as link:
        late_s = link.call("RobodanceJournal", "latest")
        awake = link.call("ALMotion", "robotIsWakeUp")
    if not aborted:
        judged = judge(url, plan, since_s=since)
    return {
        "number": number,
        "genre": genre,
        "minutes": round((time.monotonic() - start) / 60.0, 2),
        "client": held(os.getpid()),
        "robot": held(pid),
        "tracking_deg": judged and float(judged.tracking_deg.max()),
        "start_ms": judged and float(1e3 * judged.ahead_s[0]),
        "apart_ms": judged and float(1e3 * np.abs(judged.ahead_s).max()),
        "late_s": late_s,
        "aborted": aborted,
        "at_rest": not awake,
        "version": version,
    }


def flat(rows):
    """Print what both processes held after the first dances and after the last."""
    rows = rows[SETTLED:]
    if len(rows) < 2:
        print("too few dances to compare")
        return
    count = max(1, len(rows) // 4)
    print("| process | | first quarter | last quarter |\n|-|-|-|-|")
    for process in ("client", "robot"):
        for k, what in enumerate(("MiB", "threads", "descriptors")):
            values = [row[process][k] for row in rows]
            first, last = np.mean(values[:count]), np.mean(values[-count:])
            print(f"| {process} | {what} | {first:.1f} | {last:.1f} |")
    timely = [row for row in rows if row["late_s"] < LATE_S]
    minutes, rested = rows[-1]["minutes"], all(row["at_rest"] for row in rows)
    print(f"\n{len(rows)} dances in {minutes:.0f} minutes, at rest after each: {rested}.")
    print(f"In {len(timely)} the robot was in time, of which {_broken(timely)} were broken off:")
    others = _broken(rows) - _broken(timely)
    timely = [row for row in timely if not row["aborted"]]
    for key, what in (
        ("tracking_deg", "worst tracking, degrees"),
        ("start_ms", "dance before music at the start, ms"),
        ("apart_ms", "dance and music apart at most, ms"),
    ):
        values = [row[key] for row in timely]
        print(f"{what}: median {np.median(values):.2f}, {min(values):.2f} to {max(values):.2f}")
    print(f"Of the others {others} were broken off.")
    print(f"versions: {', '.join(sorted({row['version'] for row in rows}))}")


def _broken(rows):
    return sum(bool(row["aborted"]) for row in rows)


def main():
    """Dance until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=120.0)
    options = parser.parse_args()
    plans = {}
    for genre in GENRES:
        song = launch_path(f"songs/{genre}.ogg")
        plans[genre] = song, plan_dance(song, PerformConfig()).plan
    rows = []
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        os.environ["XDG_STATE_HOME"] = stack.enter_context(tempfile.TemporaryDirectory())
        robot = virtual_nao("--audio-ppm", "100", with_pid=True)
        url, pid = stack.enter_context(robot)
        changes = {"naoqi.address": url, "naoqi.unasked": True}
        config = override(PerformConfig(), changes)
        file = stack.enter_context(options.out.open("w"))
        start, version = time.monotonic(), version_of(Path(__file__).parent)
        with contextlib.suppress(KeyboardInterrupt):
            while time.monotonic() - start < 60.0 * options.minutes:
                rows.append(perform(len(rows), plans, config, url, pid, start, version))
                file.write(json.dumps(rows[-1]) + "\n")
                file.flush()
    flat(rows)


if __name__ == "__main__":
    main()
