"""Worker processes: modules of this package, run on the other side of a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import robodance

__all__ = ["cores", "last_words", "start_worker"]


def start_worker(
    module: str, log: IO[bytes] | int, *, bufsize: int = -1
) -> subprocess.Popen[bytes]:
    """Start ``python -m module`` with pipes to its stdin and stdout.

    The process has a session of its own, so that Ctrl-C reaches it through its owner only,
    and one thread, since there is a worker for each core.

    Args:
        module: Full name of the module.
        log: Where its stderr goes.
        bufsize: As for Popen; 0 for pipes that are watched with select.
    """
    home = str(Path(robodance.__file__).resolve().parents[1])
    path = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
    # One thread of numpy and of the renderer; this package, whatever lies in the present folder.
    wanted = {"OMP_NUM_THREADS": "1", "LP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        bufsize=bufsize,
        env={**os.environ, "PYTHONPATH": path, **wanted},
        start_new_session=True,
    )


def last_words(said: bytes) -> str:
    """Return the last line that a worker wrote to stderr (PyBullet's greeting does not count)."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
    return next(
        (line for line in reversed(lines) if line and "build time" not in line), "no message"
    )


def cores() -> int:
    """Return the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
