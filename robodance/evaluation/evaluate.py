"""The stage: dances in, a table with real dance and chance beside them out."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import robodance
from robodance.config import EvaluateConfig
from robodance.errors import DataError, UsageError
from robodance.evaluation.bench import EMPTY, Bench, build_bench
from robodance.evaluation.dances import Row
from robodance.evaluation.folders import MOST_NAMED, motion_files, read_row
from robodance.evaluation.generated import generator_row, tempo_dances
from robodance.evaluation.held_against import (
    Real,
    from_real,
    from_recorded,
    read_recorded,
    real_of,
)
from robodance.evaluation.records import records_of
from robodance.evaluation.references import (
    chance_rows,
    check_data,
    passages,
    real_rows,
    splits,
)
from robodance.evaluation.songs import Ear, SongPairs, demo_songs
from robodance.evaluation.table import JudgedRow, Table, drift_curve, make_table
from robodance.evaluation.tempo import TempoEquality, tempo_equality
from robodance.learning.dataset import UnitLibrary
from robodance.progress import Progress, Silence

__all__ = ["Evaluation", "Wanted", "evaluate", "mean_of_splits"]

SHIPPED = "generated, shipped"


@dataclass(frozen=True)
class Wanted:
    """What is to be judged.

    Attributes:
        motions: Folders or files of motions, a row each.
        data: Folder of the data sets as published; None: no rows of real dance from there.
        real: Folder of real dances of any kind, which stand for training units.
        pairs: Songs of the motions.
        shipped: Judge the shipped generators.
        weights: Folders of other weights, a row each.
        songs: More songs for the generators, each danced as the genre that is heard.
        skeleton: As in ``motion_files.read.read_motion``.
        frame_rate_hz: As there.
        robot: Of plans, what the robot does instead of the dancer it follows.
    """

    motions: tuple[Path, ...] = ()
    data: Path | None = None
    real: Path | None = None
    pairs: SongPairs = field(default_factory=SongPairs)
    shipped: bool = True
    weights: tuple[Path, ...] = ()
    songs: tuple[Path, ...] = ()
    skeleton: str | None = None
    frame_rate_hz: float | None = None
    robot: bool = False


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    Attributes:
        rows: Rows with what each of their dances says.
        tables: All genres together, then each.
        splits: Cells of real dance for each unit split, all genres together.
        bench: What was measured against.
        drift: Frechet distance of the 4-s pieces, by row.
        tempo: How equal generators are at several tempi, by row.
        remarks: What a reader should know.
        about: Settings, data, versions, seconds.
    """

    rows: tuple[JudgedRow, ...] = field(repr=False)
    tables: tuple[Table, ...]
    splits: tuple[Table, ...]
    bench: Bench = field(repr=False)
    drift: Mapping[str, Any]
    tempo: Mapping[str, TempoEquality]
    remarks: tuple[str, ...]
    about: Mapping[str, Any]


def evaluate(
    wanted: Wanted, config: EvaluateConfig | None = None, progress: Progress | None = None
) -> Evaluation:
    """Judge dances.

    Args:
        wanted: What is judged, and what it is held against.
        config: Settings; None gives the defaults.
        progress: Told how far the work has come.

    Raises:
        UsageError: There is nothing to judge.
        DataError: A motion, song or data set cannot be read.
    """
    config, tell, ear = config or EvaluateConfig(), progress or Silence(), Ear()
    started = time.monotonic()
    if not (wanted.motions or wanted.shipped or wanted.weights or wanted.data or wanted.real):
        raise UsageError("there is nothing to judge; give a folder of motions or --data DIR")
    # What may be missing or damaged is read before anything is danced, which takes long.
    if wanted.data is not None:
        check_data(wanted.data)
    remarks: list[str] = []
    judged, base = _given_rows(wanted, config, ear, tell, remarks)
    recorded = None if wanted.data is None else read_recorded(wanted.data, config, tell)
    real = _read_real(wanted, config, ear, tell)
    judged += _generator_rows(wanted, config, ear, tell)
    if recorded is not None:
        bench, references, more = from_recorded(recorded, judged, config, tell)
    elif real is not None:
        bench, references, more = from_real(real, config, tell)
    else:
        bench, references = EMPTY, []
        more = ["without --data or --real DIR measures that need real dance are left out"]
    remarks += more
    base = next((row for row in references if row.kind == "rebuilt"), None) or base
    rows = [*references, *(chance_rows(base, config.seed) if base is not None else []), *judged]
    found = []
    for row in rows:
        with tell.stage(f"measuring {row.name}") as report:
            records = records_of(
                row, bench, novelty_segments=config.novelty_segments, progress=report
            )
        found.append(JudgedRow(row, tuple(records)))
    with tell.stage("drawing intervals") as report:
        tables = _tables(found, bench, config, report)
    return Evaluation(
        rows=tuple(found),
        tables=tables,
        splits=() if recorded is None else tuple(_other_splits(recorded.libraries, config, tell)),
        bench=bench,
        drift={j.row.name: drift_curve(j.records, bench) for j in found if not j.row.only},
        tempo=_tempi(wanted, bench, config, tell),
        remarks=tuple(remarks),
        about={
            "settings": config,
            "data": wanted.data and wanted.data.name,
            "versions": {"robodance": robodance.__version__, "python": platform.python_version()},
            "seconds": round(time.monotonic() - started, 1),
        },
    )


def _read(
    folder: Path,
    wanted: Wanted,
    config: EvaluateConfig,
    ear: Ear,
    report: Callable[[float], None],
    *,
    robot: bool = False,
) -> tuple[Row, list[str]]:
    """Read a folder of motions as the settings want it."""
    return read_row(
        folder,
        wanted.pairs,
        ear,
        dance_s=config.dance_s,
        skeleton=wanted.skeleton,
        frame_rate_hz=wanted.frame_rate_hz,
        robot=robot,
        code=config.coded_beats,
        progress=report,
    )


def _given_rows(
    wanted: Wanted, config: EvaluateConfig, ear: Ear, tell: Progress, remarks: list[str]
) -> tuple[list[Row], Row | None]:
    rows: list[Row] = []
    remarks += _without_motion(wanted)
    for folder in wanted.motions:
        with tell.stage(f"reading {folder.name}") as report:
            row, said = _read(folder, wanted, config, ear, report, robot=wanted.robot)
        rows.append(row)
        remarks += said
    names = [row.name for row in rows]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise UsageError(f"two folders are called {doubled[0]!r}; rename one")
    return rows, rows[0] if rows else None


def _without_motion(wanted: Wanted) -> list[str]:
    """Tell of songs that nothing dances to; a table's line must have its motion.

    Raises:
        DataError: It has none.
    """
    files = [
        (f, where) for where in wanted.motions for f in motion_files(where, robot=wanted.robot)
    ]
    if wanted.real is not None:
        files += [(f, wanted.real) for f in motion_files(wanted.real)]
    lines, songs = wanted.pairs.left_over(files)
    if not files or not (lines or songs):
        return []
    if lines:
        folders = ", ".join(sorted({str(where) for _, where in files}))
        raise DataError(
            f"the table of pairs names {', '.join(lines[:MOST_NAMED])}, but there is no such "
            f"motion in {folders}; correct the name or take the line out"
        )
    more = f" and {len(songs) - MOST_NAMED} more" if len(songs) > MOST_NAMED else ""
    return [f"songs without a motion: {', '.join(songs[:MOST_NAMED])}{more}"]


def _generator_rows(wanted: Wanted, config: EvaluateConfig, ear: Ear, tell: Progress) -> list[Row]:
    folders = ([None] if wanted.shipped else []) + list(wanted.weights)
    songs = [(path, g) for g, path in demo_songs().items() if g in config.genre_list]
    if folders:
        heard = [(path, ear.hear(path).genre.name) for path in wanted.songs]
        songs += [(path, genre) for path, genre in heard if genre in config.genre_list]
    rows = []
    for folder in folders:
        name = SHIPPED if folder is None else f"generated, {folder.resolve().name}"
        with tell.stage(f"dancing: {name}") as report:
            rows.append(
                generator_row(
                    name,
                    songs,
                    ear,
                    weights=folder,
                    seeds=range(config.seed, config.seed + config.seeds),
                    dance_s=config.dance_s,
                    code=config.coded_beats,
                    progress=report,
                )
            )
    return rows


def _read_real(wanted: Wanted, config: EvaluateConfig, ear: Ear, tell: Progress) -> Real | None:
    if wanted.real is None:
        return None
    with tell.stage("reading real dances") as report:
        row, said = _read(wanted.real, wanted, config, ear, report)
    return real_of(row, said, wanted.real)


def _tables(
    rows: Sequence[JudgedRow], bench: Bench, config: EvaluateConfig, report: Any
) -> tuple[Table, ...]:
    there = {r.genre for j in rows for r in j.records if r.genre}
    names = ["", *[g for g in config.genre_list if g in there and len(there) > 1]]
    tables = []
    for number, genre in enumerate(names):
        tables.append(make_table(rows, bench, genre, resamples=config.resamples, seed=config.seed))
        report((number + 1) / len(names))
    return tuple(tables)


def _other_splits(
    libraries: Sequence[UnitLibrary], config: EvaluateConfig, tell: Progress
) -> list[Table]:
    """Measure real dance again for other unit splits; the first is in the main table."""
    tables = []
    for number, chosen in enumerate(splits(libraries, config.splits)[1:], start=1):
        with tell.stage(f"unit split {number + 1} of {config.splits}") as report:
            rows = real_rows(chosen)
            bench = build_bench(
                rows[0].samples,
                (),
                {library.genre: passages(library) for library in chosen},
                beats={library.genre: library.beat_s for library in chosen},
                seed=config.seed + number,
                progress=report,
            )
            judged = [
                JudgedRow(
                    row, tuple(records_of(row, bench, novelty_segments=config.novelty_segments))
                )
                for row in rows
            ]
            tables.append(
                make_table(judged, bench, "", resamples=config.resamples, seed=config.seed + number)
            )
    return tables


def _tempi(
    wanted: Wanted, bench: Bench, config: EvaluateConfig, tell: Progress
) -> dict[str, TempoEquality]:
    folders = ([None] if wanted.shipped else []) + list(wanted.weights)
    if len(config.tempo_list) < 2 or not bench.windows:
        return {}
    found = {}
    for folder in folders:
        name = SHIPPED if folder is None else f"generated, {folder.resolve().name}"
        with tell.stage(f"tempi: {name}") as report:
            danced = tempo_dances(
                [g for g in config.genre_list if g in bench.genres],
                config.tempo_list,
                range(config.seed, config.seed + config.tempo_seeds),
                weights=folder,
                dance_s=config.dance_s,
                progress=report,
            )
            found[name] = tempo_equality(danced, bench)
    return found


def mean_of_splits(first: Table, others: Sequence[Table], row: str, key: str) -> Any:
    """Return mean, least and largest of a cell over unit splits; None where it is missing."""
    cells = [table.cells.get(row, {}).get(key) for table in (first, *others)]
    values = [cell.value for cell in cells if cell is not None]
    if not values:
        return None
    return {
        "mean": float(np.mean(values)),
        "least": min(values),
        "largest": max(values),
        "splits": len(values),
    }
