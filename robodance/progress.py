"""Telling a person how far a long job has come: bars on a terminal, plain lines elsewhere.

Everything goes to stderr, so stdout stays free for results.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

__all__ = ["Progress", "ProgressBars", "ProgressLines", "Silence", "console_progress"]

Report = Callable[[float], None]

LINE_EVERY_S = 10.0


class Progress(Protocol):
    """Somebody who wants to know how far each stage has come."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Report]:
        """Enter a stage; call the result with a share of 0..1 from time to time."""
        ...

    def say(self, line: str) -> None:
        """Tell something worth knowing now."""
        ...


class Silence:
    """Says nothing."""

    @contextmanager
    def stage(self, title: str) -> Iterator[Report]:
        """Enter a stage."""
        yield lambda share: None

    def say(self, line: str) -> None:
        """Say nothing."""


class ProgressLines:
    """One line when a stage ends, and one every ten seconds while it runs."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    @contextmanager
    def stage(self, title: str) -> Iterator[Report]:
        """Enter a stage."""
        start = said = time.monotonic()

        def report(share: float) -> None:
            nonlocal said
            now = time.monotonic()
            if now - said >= LINE_EVERY_S:
                said = now
                print(f"{title}: {100 * share:.0f} %", file=self._stream, flush=True)

        yield report
        spent = time.monotonic() - start
        print(f"{title}: done in {spent:.1f} s", file=self._stream, flush=True)

    def say(self, line: str) -> None:
        """Print it."""
        print(line, file=self._stream, flush=True)


class ProgressBars:
    """A bar per stage, drawn by rich."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)

    @contextmanager
    def stage(self, title: str) -> Iterator[Report]:
        """Enter a stage."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description:<24}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as bars:
            task = bars.add_task(title, total=1.0)
            yield lambda share: bars.update(task, completed=min(share, 1.0))
            bars.update(task, completed=1.0)

    def say(self, line: str) -> None:
        """Print it above the bars."""
        self._console.print(line, highlight=False)


def console_progress() -> Progress:
    """Choose bars on a terminal that can show them, plain lines elsewhere."""
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    if sys.stderr.isatty() and not plain:
        return ProgressBars()
    return ProgressLines()
