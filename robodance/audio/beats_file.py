"""Beats that a person wrote down: one per line, seconds and perhaps the number in the bar."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from robodance.errors import AudioError
from robodance.values import FloatArray, IntArray

__all__ = ["read_beats_file"]

_HOW = "write one beat per line: seconds, then optionally its number in the bar"


def read_beats_file(path: Path | str) -> tuple[FloatArray, IntArray | None]:
    """Read a beats file; ``#`` starts a comment, columns are parted by spaces, tabs or commas.

    Returns:
        Times of shape (B,), and numbers of shape (B,), or None when there are none.

    Raises:
        AudioError: The file cannot be read, or a line of it makes no sense.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise AudioError(f"{path}: beats file cannot be read ({reason}); {_HOW}") from error
    rows: list[tuple[float, int | None]] = []
    for count, line in enumerate(lines, start=1):
        words = line.partition("#")[0].replace(",", " ").replace(";", " ").split()
        if words:
            rows.append(_row(words, f"{path}, line {count}"))
            if len(rows) > 1 and rows[-1][0] <= rows[-2][0]:
                raise AudioError(
                    f"{path}, line {count}: {rows[-1][0]:g} s is not after the beat before "
                    f"({rows[-2][0]:g} s); put the beats in order"
                )
    if len(rows) < 2:
        raise AudioError(f"{path}: holds {len(rows)} beats, at least 2 are needed; {_HOW}")
    numbers = [number for _, number in rows if number is not None]
    if numbers and len(numbers) < len(rows):
        raise AudioError(
            f"{path}: {len(numbers)} of {len(rows)} beats have a number; give it for all or none"
        )
    times = np.array([seconds for seconds, _ in rows])
    return times, np.array(numbers, dtype=np.int64) if numbers else None


def _row(words: list[str], where: str) -> tuple[float, int | None]:
    try:
        seconds = float(words[0])
        number = int(float(words[1])) if len(words) > 1 else None
    except (ValueError, OverflowError) as error:
        raise AudioError(f"{where}: {' '.join(words)[:60]!r} is no beat; {_HOW}") from error
    if not np.isfinite(seconds) or seconds < 0.0:
        raise AudioError(f"{where}: {words[0]} is no moment of a song; {_HOW}")
    if number is not None and not 1 <= number <= 32:
        raise AudioError(f"{where}: beat number {number} is not in 1..32; {_HOW}")
    return seconds, number
