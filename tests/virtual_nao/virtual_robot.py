"""A virtual NAO in a process of its own, and a session with it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("QI_LOG_LEVEL", "0")

import qi

CALL_MS = 15_000
REPOSITORY = Path(__file__).parents[2]


class Robot:
    """The process, seen from outside."""

    def __init__(self, *arguments):
        path = os.pathsep.join(filter(None, [str(REPOSITORY), os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "robodance", "virtual-nao", "--port", "0", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.url = json.loads(line)["url"]
        self.cpu_at_start_s = cpu_s(self.process.pid)
        self._sessions = []

    def session(self):
        """A new session."""
        session = qi.Session()
        session.connect(self.url, _async=True).value(5000)
        self._sessions.append(session)
        return session

    def service(self, name):
        """A service, by the first session."""
        return (self._sessions[0] if self._sessions else self.session()).service(name)

    def end(self, number=signal.SIGTERM):
        """Ask it to end; returns the exit code."""
        for session in self._sessions:
            with contextlib.suppress(RuntimeError):
                session.close()
        self._sessions.clear()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(30)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
            self.process.stderr.close()


@contextlib.contextmanager
def robot(*arguments):
    """A robot that is gone afterwards."""
    there = Robot(*arguments)
    try:
        yield there
    finally:
        there.end()


def wait(future):
    """The answer of a call, but not for ever."""
    return future.value(CALL_MS)


def until(condition, within_s=5.0):
    """Wait for a condition; returns whether it came about."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def cpu_s(pid):
    """Processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid):
    """Processes that a process has started and that run."""
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def runs(pid):
    """Whether a process runs (and is no zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def listening(pid):
    """Addresses (as in /proc/net/tcp) at which a process listens."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(link)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        file = Path(f"/proc/{pid}/net/{table}")
        for row in file.read_text().splitlines()[1:] if file.exists() else ():
            fields = row.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.append(fields[1].split(":")[0])
    return found
