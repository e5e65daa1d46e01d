"""A virtual NAO in a process of its own, and what its journal says about a dance."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from robodance.config import NaoqiConfig
from robodance.errors import PerformanceAborted
from robodance.performance.backends.naoqi import NaoqiRobot
from robodance.performance.backends.naoqi_link import Link, parse_address
from robodance.performance.conductor import conduct, executed_curve

ROWS = 100  # of the journal at once: more make a robot late
LATE_S = 0.1  # a virtual robot that is later than this is no judge of real time
SHARE, SPIN_S, PAUSE_S = 0.5, 0.2, 2.0
FAST = NaoqiConfig(unasked=True, sound="none", reconnect_s=2.0)


def begin_cold(*arguments):
    """Start ``robodance`` as a user does."""
    return subprocess.Popen(
        [sys.executable, "-m", "robodance", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ, QI_LOG_LEVEL="1"),
    )


@contextlib.contextmanager
def virtual_nao(*arguments, with_pid=False, begin=begin_cold):
    """Start one on a free port, yield its address (and its id), and end it by its process id."""
    process = begin("virtual-nao", "--port", "0", "--json", *arguments)
    try:
        url = json.loads(process.stdout.readline())["url"]
        yield (url, process.pid) if with_pid else url
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5.0)
        process.stdout.close()


@contextlib.contextmanager
def linked(url, user="nao"):
    """A connection of the judge's own."""
    link = Link(parse_address(url), 5.0, user)
    link.connect()
    try:
        yield link
    finally:
        link.close()


def dance(url, plan, robot, *, song=None, stop=None, keep=None, **settings):
    """Perform a plan and return log and backend."""
    config = replace(FAST, address=url, **settings)
    with NaoqiRobot(robot, config, song) as backend:
        return conduct(plan, backend, stop=stop, keep=keep), backend


@contextlib.contextmanager
def lateness(url, user="nao"):
    """Yield a function that tells how late the virtual robot, or this process, was at most."""

    def latest():
        with linked(url, user) as link:
            return link.call("RobodanceJournal", "latest", timeout_s=30.0)

    over, overslept = threading.Event(), [0.0]

    def sleep():
        while not over.is_set():
            before = time.monotonic()
            time.sleep(0.01)
            overslept.append(time.monotonic() - before - 0.01)

    latest()
    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    try:
        yield lambda: max(latest(), *overslept)
    finally:
        over.set()
        sleeper.join()


def _skip_if_late(late_s):
    if late_s > LATE_S:
        pytest.skip(f"this machine is too busy for real time: {late_s:.2f} s late")


@contextlib.contextmanager
def real_time(url):
    """Skip where a busy machine makes the virtual robot, or this process, late."""
    with lateness(url) as late:
        try:
            yield
        finally:
            _skip_if_late(late())


@contextlib.contextmanager
def excused(url, user="nao"):
    """Skip what fails where a busy machine makes them late; what does not fail counts."""
    with lateness(url, user) as late:
        try:
            yield
        except (PerformanceAborted, AssertionError):
            _skip_if_late(late())
            raise


def wait_for_a_processor(share=SHARE):
    """Wait until other work leaves enough for a robot and its dancer; 0: do not wait."""
    while share > 0.0:
        wall_s, cpu_s = time.monotonic(), time.thread_time()
        while time.monotonic() - wall_s < SPIN_S:
            pass
        if time.thread_time() - cpu_s > share * (time.monotonic() - wall_s):
            return
        time.sleep(PAUSE_S)


def version_of(folder):
    """The commit that is tried, and whether the files are other ones than its."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def journal(url, since_s=0.0):
    """Return robot times (N,), audio positions (N,), commands (N, J), measured (N, J)."""
    rows = []
    with linked(url) as link:
        while True:
            after = rows[-1][0] if rows else since_s
            part = link.call("RobodanceJournal", "since", after, ROWS, timeout_s=30.0)
            rows += part
            if len(part) < ROWS:
                break
    return tuple(np.array([row[k] for row in rows]) for k in range(4))


def start_of_dance(plan, times_s, commands):
    """Return robot time of the plan's first moment: where commands fit the plan best."""
    curve, grid = executed_curve(plan), np.arange(0.0, plan.duration_s, 0.1)
    moving = np.ptp(plan.positions_rad, axis=0) > 1e-9

    def off(start):
        at = start + grid
        said = np.column_stack([np.interp(at, times_s, c) for c in commands[:, moving].T])
        return np.square(said - curve(plan.times_s[0] + grid)[:, moving]).mean()

    best = times_s[0]
    for width, step in ((None, 0.1), (0.15, 0.01), (0.015, 0.001)):
        low = times_s[0] if width is None else best - width
        high = times_s[-1] - plan.duration_s if width is None else best + width
        best = min(np.arange(low, high + step, step), key=off)
    return best
