"""The example scripts, written against NAOqi's documented API, run against the virtual NAO."""

import subprocess
import sys
from itertools import pairwise

import pytest
from virtual_robot import REPOSITORY

EXAMPLES = REPOSITORY / "launch" / "naoqi_examples"


def run(name, *arguments):
    """Run a script; returns what it printed."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_a_test_for_every_script():
    assert {file.name for file in EXAMPLES.glob("*.py")} == {
        "wave.py",
        "stand_and_say.py",
        "read_sensors.py",
        "reach.py",
    }


def test_it_waves(shared):
    clock = shared.service("RobodanceJournal")
    begins = clock.time()
    assert run("wave.py", shared.url) == "waved\n"
    elbow = shared.service("ALMotion").getBodyNames("Body").index("RElbowRoll")
    bends = [row[3][elbow] for row in clock.since(begins)]
    lows = sum(1 for a, b in pairwise(bends) if a > 0.6 >= b)
    assert lows == 4


def test_it_reads_sensors(shared):
    printed = run("read_sensors.py", shared.url)
    assert "NAOqi 2.8.7.4, Standing, battery 90 %" in printed
    kg = [float(line.split()[2]) for line in printed.splitlines() if "carries" in line]
    assert sum(kg) == pytest.approx(5.36, rel=0.15)  # contact forces of one moment


def test_it_reaches_where_it_is_told_and_does_not_walk(shared):
    printed = run("reach.py", shared.url)
    assert printed.startswith("5.36 kg")
    away = [int(line.split()[2]) for line in printed.splitlines() if "mm from" in line]
    assert len(away) == 2
    assert max(away) <= 3  # 0.3 degrees of an arm of 0.2 m, and of the body that carries it
    assert "no walk: this virtual robot does not walk" in printed


def test_it_greets_who_touches_its_head(shared):
    shared.service("RobodanceFaults").happenAfter("touch", 4.0, "head_front")
    assert "greeted" in run("stand_and_say.py", shared.url, "12")
    shared.service("ALMotion").wakeUp(_async=True).value(10_000)
