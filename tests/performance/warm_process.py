"""Processes that begin with their libraries imported: a second of work less for each.

They are forked from a process that has imported and done nothing else; from there on they
are processes like any other, with arguments, streams, signals and an exit code of their own.
"""

import contextlib
import gc
import multiprocessing
import os
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

__all__ = ["WarmProcess", "preload", "put_first"]

FIRST = 8  # by so much nicer is all else
NURSERY = multiprocessing.get_context("forkserver")


def preload(*modules):
    """Say what every process begins with; before the first of them."""
    NURSERY.set_forkserver_preload(["__main__", *modules])


class WarmProcess:
    """A process that calls a function, with as much of ``subprocess.Popen`` as is needed here.

    Args:
        body: What it does; a function of a module.
        arguments: What it finds in its ``sys.argv``.
        talks: Whether its input and its complaints are piped, too; else it has no input, and
            complains where this process does.

    Attributes:
        stdin: What it reads, or None.
        stdout: What it prints.
        stderr: Its complaints, or None.
        pid: Its number.
    """

    def __init__(self, body, arguments=(), *, talks=False):
        self.stdin, its_input = _pipe(to_it=True) if talks else (None, None)
        self.stdout, its_output = _pipe()
        self.stderr, its_complaints = _pipe() if talks else (None, None)
        streams = (its_input, its_output, its_complaints)
        self._process = NURSERY.Process(target=_live, args=(streams, body, list(arguments)))
        self._process.start()
        self.pid = self._process.pid
        for stream in filter(None, streams):
            stream.close()

    @property
    def returncode(self):
        """Its exit code, negative for the signal that ended it; None while it runs."""
        return self._process.exitcode

    def poll(self):
        """The exit code; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout=None):
        """Wait for its end; returns the exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        return self._process.exitcode

    def send_signal(self, number):
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        """Ask it to end."""
        self._process.terminate()

    def kill(self):
        """End it."""
        self._process.kill()

    def communicate(self):
        """Wait for its end; returns what it printed and its complaints that are left."""
        self.stdin.close()
        with self.stdout, self.stderr:
            said = self.stdout.read(), self.stderr.read()
        self.wait()
        return said


def put_first(pid):
    """Let a robot's process go before other work: a NAO has a processor of its own.

    All its threads, since one that holds the interpreter's lock and waits makes all wait.
    """
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(PermissionError, ProcessLookupError):
            nice = os.getpriority(os.PRIO_PROCESS, int(thread.name))
            os.setpriority(os.PRIO_PROCESS, int(thread.name), nice - FIRST)


def _pipe(*, to_it=False):
    """A file of ours, and the other end in a shape that can be handed over."""
    read, write = os.pipe()
    if to_it:
        return os.fdopen(write, "w"), Connection(read, writable=False)
    return os.fdopen(read), Connection(write, readable=False)


def _live(streams, body, arguments):
    gc.freeze()  # to look through what all share would copy it
    for number, stream in enumerate(streams):
        if stream is not None:
            os.dup2(stream.fileno(), number)
            stream.close()
    sys.stdin = os.fdopen(0, closefd=False)
    sys.argv = [sys.argv[0], *arguments]
    body()
