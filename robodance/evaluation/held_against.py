"""What dances are held against: recorded data, or a folder of real dances of any kind.

Both are read first, so that damage is told before anything takes long; then a bench and the
rows of real dance are made of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robodance.config import EvaluateConfig
from robodance.errors import DataError
from robodance.evaluation.bench import EVERY, Bench, build_bench
from robodance.evaluation.dances import Row, Sample
from robodance.evaluation.references import (
    Heard,
    hear_choreographies,
    nearest_copies,
    paired_clips,
    passages,
    real_rows,
    rebuilt_row,
)
from robodance.learning.dataset import UnitLibrary, load_library
from robodance.progress import Progress

__all__ = ["Real", "Recorded", "from_real", "from_recorded", "read_recorded", "real_of"]


@dataclass(frozen=True)
class Recorded:
    """The data sets, as far as they are needed."""

    libraries: tuple[UnitLibrary, ...] = field(repr=False)
    heard: dict[str, Heard] = field(repr=False)


def read_recorded(data: Path, config: EvaluateConfig, tell: Progress) -> Recorded:
    """Read the units of all genres, and hear the songs of their choreographies.

    Raises:
        DataError: A data set is missing or malformed.
    """
    with tell.stage("reading the data") as report:
        libraries: list[UnitLibrary] = []
        heard: dict[str, Heard] = {}
        for number, genre in enumerate(config.genre_list):
            libraries.append(load_library(data, genre, seed=config.seed))
            heard |= hear_choreographies(data, libraries[-1], config.seeds)
            report((number + 1) / len(config.genre_list))
    return Recorded(tuple(libraries), heard)


def from_recorded(
    recorded: Recorded, judged: Sequence[Row], config: EvaluateConfig, tell: Progress
) -> tuple[Bench, list[Row], list[str]]:
    """Return the bench, the rows of real dance, and remarks.

    Args:
        recorded: The data.
        judged: What is judged: the nearest copies are of its songs.
        config: Settings.
        tell: Told how far the work has come.
    """
    libraries, heard = recorded.libraries, recorded.heard
    rebuilt = rebuilt_row(
        libraries, heard, dances=config.seeds, dance_s=config.dance_s, code=config.coded_beats
    )
    rows = real_rows(libraries)
    pairs = paired_clips(libraries, heard)
    with tell.stage("learning what is real") as report:
        bench = build_bench(
            rows[0].samples,
            rebuilt.samples,
            {library.genre: passages(library) for library in libraries},
            beats={library.genre: library.beat_s for library in libraries},
            pairs=pairs,
            seed=config.seed,
            progress=report,
        )
    rows.append(rebuilt)
    copies = nearest_copies(_one_of_each_song(judged) or rebuilt.samples, rebuilt)
    if copies.samples:
        rows.append(copies)
    missing = len(rebuilt.samples) - sum(s.music is not None for s in rebuilt.samples)
    said = [f"{missing} of {len(rebuilt.samples)} rebuilt dances have no song here"]
    return bench, rows, said if missing else []


@dataclass(frozen=True)
class Real:
    """A folder of real dances: what is learnt from, and what is kept out of that."""

    training: tuple[Sample, ...] = field(repr=False)
    held_out: tuple[Sample, ...] = field(repr=False)
    said: tuple[str, ...]


def real_of(row: Row, said: Sequence[str], folder: Path) -> Real:
    """Split a folder's dances into those that are learnt from and every sixth.

    Args:
        row: The dances.
        said: What a reader should know of them.
        folder: Where they are.

    Raises:
        DataError: They are too few.
    """
    held_out = tuple(s for k, s in enumerate(row.samples) if k % 6 == 5)
    training = tuple(s for k, s in enumerate(row.samples) if k % 6 != 5)
    if len(training) < 2:
        raise DataError(f"{folder}: {len(row.samples)} dances are too few to learn from")
    return Real(training, held_out, tuple(said))


def from_real(
    real: Real, config: EvaluateConfig, tell: Progress
) -> tuple[Bench, list[Row], list[str]]:
    """Return the bench, the rows of real dance, and remarks."""
    known: dict[str, list[Any]] = {}
    for sample in real.training:
        known.setdefault(sample.genre or EVERY, []).append((sample.joints_m, sample.rate_hz))
    with tell.stage("learning what is real") as report:
        bench = build_bench(real.training, (), known, seed=config.seed, progress=report)
    rows = [Row("real, training units", "real", real.training, note="files of the folder")]
    if real.held_out:
        rows.append(Row("real, held-out units", "real", real.held_out, note="every sixth file"))
    return bench, rows, list(real.said)


def _one_of_each_song(rows: Sequence[Row]) -> tuple[Sample, ...]:
    found: dict[tuple[str, str | None], Sample] = {}
    for row in rows:
        for sample in row.samples:
            if sample.music is not None and len(sample.beats_s) > 4:
                found.setdefault((sample.music.song, sample.genre), sample)
    return tuple(found.values())
