"""Let everything go wrong in mid-dance, again and again, and see how each dance ends.

    python tests/benchmarks/robot_faults.py OUT.jsonl [--times 100] [--at-once 2] [--kinds ...]

Each trial has a virtual NAO and a dancing process of its own; the fault comes at a random
moment of the dance. One line of JSON a trial; trials that are in the file already are not
done again, so it can be stopped and go on. At the end the table of all trials is printed.

A robot whose physics was more than 0.1 s behind real time while it danced, or lost time for good
since it woke up, is no robot: such a trial does not count, however it ended, and is done again.
The table says how many there were. No trial begins while a busy loop gets less than a share of a
processor (half).

*Stopped* is the time from the fault to joints that are told to stand still, and to silence
(the later of both), by the robot's journal; *at rest* from the fault to motors off and nothing
playing, for a lost link from the moment the robot can be reached again; *gone* from there to
the end of the dancing process. A dance whose robot cannot come back (crash, a killed client)
has no rest: there the robot must stand on its feet, or nobody is there to look.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "performance"))

from hand_made_plans import arm_dance
from naoqi_process import (
    LATE_S,
    SHARE,
    dance,
    journal,
    linked,
    version_of,
    virtual_nao,
    wait_for_a_processor,
)
from warm_process import WarmProcess, preload, put_first

from robodance.errors import RobotError
from robodance.plan_file import read_plan
from robodance.robots.model import load_robot

DANCE_S = 8.0
REPEATS = 5
TOUCHES = ("chest", "head_front", "head_middle", "head_rear", "left_bumper", "right_bumper")
RECONNECT_S = 6.0
KINDS = {
    "push": ("", 8), "lift": ("2", 8), "hot": ("", 8), "battery": ("5", 8), "charger": ("1", 8),
    "touch": ("?", 8), "refuse": ("ALMotion.angleInterpolationBezier/99", 8),
    "drop": ("1", 8), "freeze": ("3", 8), "silence": ("3", 8), "crash": ("", 8),
    "slow": ("100/20/0", 0), "ctrl-c": ("SIGINT", 130), "terminate": ("SIGTERM", 130),
    "kill": ("SIGKILL", -9),
}  # fmt: skip
"""What goes wrong, its argument, and the exit code that belongs to it."""
LINK_LOST = {"drop": 1.0, "freeze": 3.0, "silence": 3.0}
LATEST_S = {"refuse": DANCE_S - 4.0}
"""A robot holds less than four seconds of a dance: later there may be no call left to refuse."""
NO_REST = {"crash", "kill"}
FELLED = {"push", "lift", "crash"}  # by the fault itself, or nobody can tell
STILL = 0.25  # of the dance's median speed; the way to a crouch begins at rest
LEGS = {"Hip", "Kne", "Ank"}
CREEP_RAD = 0.01  # of all joints together in a motion cycle: as good as still
STOPPED_S, REST_S, GONE_S = 0.3, 8.0, 3.0
NOTHING = "it did not happen"
HELD_S = 5.0  # of robot time: in less it has played what it holds
LIMIT_S = 60.0
AHEAD_S = 0.05
LEANS_RAD = 0.15  # StandInit itself leans by 0.1
LIBRARIES = (
    "soundfile", "robodance.cli", "robodance.performance.backends.naoqi",
    "robodance.performance.conductor", "robodance.virtual_nao.server", "scipy.signal",
)  # fmt: skip


def dancer():
    """The dancing process: what ``robodance perform --robot`` does once the plan is made.

    It is told the robot's address when there is one; the robot begins while this does. A
    second word is the plan's file.
    """
    from robodance import cli

    def perform():
        nao = load_robot("nao_v6")
        url, *file = sys.stdin.readline().split(maxsplit=1)
        if file:
            plan = read_plan(Path(file[0].strip()))
        else:
            plan = replace(arm_dance(nao, DANCE_S), human_times_s=np.array([0.0, DANCE_S]))
        with tempfile.TemporaryDirectory() as folder:
            import soundfile

            song = Path(folder) / "song.wav"
            samples = round(8000 * plan.duration_s)
            noise = np.random.default_rng(3).standard_normal((samples, 2))
            soundfile.write(song, 0.1 * noise, 8000)
            said = []

            def stop():
                if not said:
                    said.append(print("dancing", flush=True))

            dance(
                url, plan, nao, song=song, stop=stop, sound="robot", interpolation="bezier",
                reconnect_s=RECONNECT_S,
            )  # fmt: skip
        return 0

    def main():
        from robodance.errors import RobodanceError

        try:
            return perform()
        except KeyboardInterrupt:
            return cli.EXIT_INTERRUPTED
        except RobodanceError as error:
            print(f"robodance: {error}", file=sys.stderr, flush=True)
            return error.exit_code

    cli.main = main
    cli.run()


def happen(url, process, kind, argument, after_s):
    """Let it happen after some time; returns wall time, or None, and robot time of the fault."""
    with linked(url) as link:
        if kind in {"ctrl-c", "terminate", "kill"}:
            time.sleep(after_s)
            robot_s = link.call("RobodanceJournal", "time")
            process.send_signal(getattr(signal, argument))
            return time.monotonic(), robot_s
        link.call("RobodanceFaults", "happenAfter", kind, after_s, argument)
        due = time.monotonic() + after_s  # a robot that is late lets it happen later
        time.sleep(max(0.0, after_s - AHEAD_S))  # there is nothing to be asked before
        while time.monotonic() < due + LIMIT_S:
            with contextlib.suppress(RobotError):
                if link.call("RobodanceFaults", "happened", timeout_s=0.5):
                    found = link.call("RobodanceFaults", "happened", timeout_s=0.5)
                    return time.monotonic(), found[-1][0]
            if kind in {"crash", *LINK_LOST} and time.monotonic() > due:
                return time.monotonic(), float("nan")
            time.sleep(0.01)
    return None, float("nan")


def wait_for_rest(url, process, within_s):
    """Wall time at which the motors are off and nothing plays; None: never."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        with contextlib.suppress(RobotError), linked(url) as link:
            while time.monotonic() < end:
                awake = link.call("ALMotion", "robotIsWakeUp", timeout_s=1.0)
                limp = awake and max(link.call("ALMotion", "getStiffnesses", "Body")) <= 0.0
                if (not awake or limp) and not link.call("ALMotion", "getTaskList"):
                    return time.monotonic()
                time.sleep(0.05)
        time.sleep(0.05)
    return None


def stopped_after(url, robot_s, legs_dance=False):
    """Seconds from the fault to joints told to stand still, and to silence.

    Where legs do not dance, the dance has ended, too, when they move: then the robot crouches,
    or falls.
    """
    times_s, audio_s, commands, _ = journal(url, robot_s - 1.5)
    steps = np.abs(np.diff(commands, axis=0))
    legs = [k for k, name in enumerate(load_robot("nao_v6").joint_names) if name[1:4] in LEGS]
    speeds, crouching = steps.sum(axis=1), steps[:, legs].sum(axis=1) > CREEP_RAD / 10.0
    crouching &= not legs_dance
    before = times_s[1:] < robot_s
    dancing = np.median(speeds[before & (times_s[1:] > robot_s - 1.0)])
    still = (speeds < max(STILL * dancing, CREEP_RAD)) | crouching
    stands = times_s[1:][(times_s[1:] > robot_s) & still]
    silent = times_s[(times_s > robot_s) & (audio_s < 0.0)]
    if not len(stands) or not len(silent):
        return None
    return float(max(stands[0], silent[0]) - robot_s)


def begin_cold():
    """Start the dancing process as a user starts one."""
    pipe = subprocess.PIPE
    command = [sys.executable, __file__, "--dancer"]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def begin_warm():
    """Start the dancing process with its libraries imported."""
    return WarmProcess(dancer, talks=True)


def begin_warm_nao(*arguments):
    """Start a virtual NAO with its libraries imported."""
    return WarmProcess(_robodance, arguments)


def on_its_feet(link):
    """Let a robot stand with its motors on; until these are, it sags, and late it has fallen.

    Then somebody puts it on its feet, as before any dance.
    """
    link.call("ALMotion", "wakeUp", timeout_s=LIMIT_S)
    for _ in range(REPEATS):
        x, y = link.call("RobodanceJournal", "torsoPose")[3:5]
        if np.hypot(x, y) < np.sin(LEANS_RAD / 2.0):
            return
        link.call("RobodanceFaults", "standUp", "StandInit")
        link.call("ALMotion", "wakeUp", timeout_s=LIMIT_S)


def _robodance():
    from robodance import cli

    cli.run()


def trial(kind, number, after_s=None, *, warm=False, plan=None):
    """One dance that goes wrong; at a random moment, if no other is given.

    Both its processes are new; ``warm`` ones begin with their libraries imported.
    """
    dice = random.Random(f"{kind} {number}")
    argument, code = KINDS[kind]
    argument = dice.choice(TOUCHES) if argument == "?" else argument
    found = {"kind": kind, "number": number, "argument": argument, "wanted": code}
    if after_s is None:
        latest_s = LATEST_S.get(kind, 0.6 * DANCE_S)
        after_s = dice.uniform(
            0.3, latest_s + (read_plan(plan).duration_s - DANCE_S if plan else 0.0)
        )
    process = begin_warm() if warm else begin_cold()
    begin = {"begin": begin_warm_nao} if warm else {}
    quiet = ("--life", "disabled", "--posture", "StandInit")
    with virtual_nao(*quiet, with_pid=True, **begin) as (url, robot):
        put_first(robot)
        try:
            with linked(url) as link:
                on_its_feet(link)
                slipped_s = link.call("RobodanceJournal", "slipped")
            process.stdin.write(f"{url} {plan or ''}\n")
            process.stdin.flush()
            found |= _watch(kind, argument, url, process, after_s, plan is not None)
        finally:
            if process.poll() is None:
                process.kill()
            _, said = process.communicate()
        found["exit"] = process.returncode
        found["said"] = said.strip().splitlines()[-1:]
        with contextlib.suppress(RobotError), linked(url) as link:
            found["late_s"] = link.call("RobodanceJournal", "latest")
            found["slipped_s"] = link.call("RobodanceJournal", "slipped") - slipped_s
            found["fallen"] = bool(link.call("ALMemory", "getData", "robotHasFallen"))
    return found


def valid_trial(kind, number, version, share, plan=None):
    """Do a trial until its robot was one; returns all of them, the last one counts."""
    rows = []
    for _ in range(REPEATS):
        wait_for_a_processor(share)
        began = time.monotonic()
        rows.append(trial(kind, number, warm=True, plan=plan))
        took = round(time.monotonic() - began, 1)
        rows[-1] |= {
            "version": version,
            "took_s": took,
            "valid": in_time(rows[-1]),
        }
        if rows[-1]["valid"]:
            break
    return rows


def _watch(kind, argument, url, process, after_s, legs_dance):
    if process.stdout.readline() != "dancing\n":
        return {"error": "it did not begin"}
    with linked(url) as link:
        link.call("RobodanceJournal", "latest")  # from now on
    happened, robot_s = happen(url, process, kind, argument, after_s)
    if happened is None:
        return {"error": NOTHING}
    found = {"after_s": round(after_s, 2)}
    if kind not in NO_REST | {"slow"}:
        rested = wait_for_rest(url, process, LIMIT_S / 2.0)
        found["rest_s"] = None if rested is None else rested - happened
        found["rest_s"] = found["rest_s"] and found["rest_s"] - LINK_LOST.get(kind, 0.0)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(LIMIT_S)
        found["gone_s"] = time.monotonic() - ((found.get("rest_s") and rested) or happened)
    if kind == "kill":
        with linked(url) as link:
            while link.call("RobodanceJournal", "time") < robot_s + HELD_S:
                time.sleep(0.1)
            found["stands"] = bool(
                not link.call("ALMotion", "getTaskList")
                and not link.call("ALMemory", "getData", "robotHasFallen")
            )
    elif kind not in {"slow", "crash", *LINK_LOST}:
        found["stopped_s"] = stopped_after(url, robot_s, legs_dance)
    return found


def in_time(found):
    """Whether the robot of a trial was one: in real time while it danced, and no time lost."""
    if found.get("error") == NOTHING:
        return False
    return found.get("late_s", 0.0) < LATE_S and found.get("slipped_s", 0.0) <= 0.0


def good(found):
    """Whether a dance ended as it should."""
    kind = found["kind"]
    checks = [found["exit"] == found["wanted"], "gone_s" in found]
    if kind not in FELLED:
        checks.append(not found.get("fallen"))
    if kind == "kill":
        checks.append(found.get("stands"))
    elif kind not in {"slow", "crash"}:
        checks += [(found.get("rest_s") or np.inf) <= REST_S, found.get("gone_s", 99) <= GONE_S]
        if kind not in {"refuse", *LINK_LOST}:  # a refusal is noticed at the next chunk
            checks.append((found.get("stopped_s") or np.inf) <= _stop_limit(kind))
    return all(bool(check) for check in checks)


def _stop_limit(kind):
    """What the robot's memory tells twice a second (NAOqi 2.8) is known later; a push lasts."""
    return STOPPED_S + {"hot": 0.5, "battery": 0.5, "push": 0.25}.get(kind, 0.0)


def table(rows):
    """Print a line for each kind."""
    late = [row for row in rows if not row["valid"]]
    rows = [row for row in rows if row["valid"]]
    print("| fault | times | as written | exit | stopped s | at rest s | gone s |\n|-|-|-|-|-|-|-|")
    for kind in KINDS:
        mine = [row for row in rows if row["kind"] == kind]
        if not mine:
            continue
        codes = ", ".join(sorted({str(row["exit"]) for row in mine}))

        def cell(key, mine=mine):
            values = [row[key] for row in mine if row.get(key) is not None]
            return f"{np.median(values):.2f}, {max(values):.2f}" if values else "-"

        as_written = sum(good(row) for row in mine)
        cells = (cell("stopped_s"), cell("rest_s"), cell("gone_s"))
        print(f"| {kind} | {len(mine)} | {as_written} | {codes} | {' | '.join(cells)} |")
    print(f"\n(seconds: median, largest; {len(late)} more were done again: the robot was late)")
    print(f"versions: {', '.join(sorted({row['version'] for row in rows}))}")
    for row in rows:
        if not good(row):
            print(f"not as written: {json.dumps(row)}")


def main():
    """Do what is not done yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument(
        "--plan",
        type=Path,
        help="a plan.npz to dance instead of arms; a verified one may move legs",
    )
    parser.add_argument(
        "--share", type=float, default=SHARE, help="of a processor to begin with; 0: do not ask"
    )
    parser.add_argument("--dancer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.dancer:
        dancer()
    if options.out is None:
        parser.error("say where the results go: OUT.jsonl")
    rows = []
    if options.out.is_file():
        rows = [json.loads(line) for line in options.out.read_text().splitlines()]
    done = {(row["kind"], row["number"]) for row in rows if row["valid"]}
    version = version_of(Path(__file__).parent)
    due = [(k, n) for n in range(options.times) for k in options.kinds if (k, n) not in done]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    preload(*LIBRARIES)
    with ThreadPoolExecutor(options.at_once) as pool, options.out.open("a") as file:
        try:
            for found in pool.map(
                lambda pair: valid_trial(*pair, version, options.share, options.plan), due
            ):
                rows += found
                file.writelines(json.dumps(row) + "\n" for row in found)
                file.flush()
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
    table(rows)


if __name__ == "__main__":
    main()
