"""A second process that takes over half of the work on a long dance.

What the planner does at many places of a song, or for each arm, is independent of each other;
the solver and Python hold one core. So on two cores a second process does half of it. It is
started while the dance is still being read into joints, and knows nothing but what it is told.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, TypeVar

from robodance.workers import cores, start_worker

__all__ = ["SecondProcess", "second_process", "side_by_side"]

LONG_S = 45.0  # of a dance; a shorter one is planned before a second process has started

Done = TypeVar("Done")


class SecondProcess:
    """A process that does what it is told, as long as the block of ``second_process`` lasts."""

    def __init__(self) -> None:
        self._process = start_worker("robodance.motion.side_by_side", subprocess.DEVNULL)
        self.there = True

    def ask(self, function: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> None:
        """Have a module's function called with each of the arguments."""
        assert self._process.stdin is not None
        try:
            pickle.dump((function, jobs), self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError:
            self.there = False

    def answer(self) -> list[Any] | None:
        """Return what came of it; None: nothing, for whatever reason."""
        assert self._process.stdout is not None
        if not self.there:
            return None
        try:
            answer: list[Any] | None = pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            self.there, answer = False, None
        return answer

    def end(self) -> None:
        """End it, whatever it is doing."""
        self.there = False
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


@contextmanager
def second_process(seconds: float) -> Iterator[SecondProcess | None]:
    """Give a second process for a dance of so many seconds, if that pays and there is a core.

    It ends with the block, on every way out of it.
    """
    second = None
    if seconds >= LONG_S and cores() > 1:
        with suppress(OSError):  # no process can be started: all is done here
            second = SecondProcess()
    try:
        yield second
    finally:
        if second is not None:
            second.end()


def side_by_side(
    second: SecondProcess | None,
    function: Callable[..., Done],
    jobs: Sequence[tuple[Any, ...]],
    sizes: Sequence[float],
) -> list[Done]:
    """Return what a function gives for each job, half of them done by the second process.

    Who does which depends on the sizes alone. What it cannot do is done here, and
    fails here if it must.

    Args:
        second: None, or one that has ended: all is done here.
        function: Of a module.
        jobs: Its arguments.
        sizes: How long each takes, in any unit.
    """
    theirs = _half(sizes) if second is not None and second.there else []
    ours = [number for number in range(len(jobs)) if number not in theirs]
    done: dict[int, Done] = {}
    if second is not None and theirs:
        second.ask(function, [jobs[number] for number in theirs])
    for number in ours:
        done[number] = function(*jobs[number])
    if second is not None and theirs:
        answers = second.answer()
        if answers is None:
            answers = [function(*jobs[number]) for number in theirs]
        done.update(zip(theirs, answers, strict=True))
    return [done[number] for number in range(len(jobs))]


def _half(sizes: Sequence[float]) -> list[int]:
    """Return the numbers of the jobs that make about half of all, the largest not among them."""
    loads, theirs = [0.0, 0.0], []
    for number in sorted(range(len(sizes)), key=lambda number: -sizes[number]):
        who = int(loads[1] < loads[0])
        loads[who] += sizes[number]
        if who:
            theirs.append(number)
    return sorted(theirs)


def main() -> None:
    """Do what is asked on stdin, until it closes."""
    for room in ("replan", "sway"):  # that takes its time; nothing is asked yet
        import_module(f"robodance.motion.{room}")
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # a solver may talk on stdout
    while True:
        try:
            function, jobs = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = [function(*job) for job in jobs]
        except Exception:  # it fails again where it is asked for, and is told there
            answer = None
        pickle.dump(answer, out)
        out.flush()


if __name__ == "__main__":
    main()
