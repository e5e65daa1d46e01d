"""Rows of records become a table: a number, an interval and a count in every cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from robodance.evaluation.beats import acceleration_lock
from robodance.evaluation.bench import EVERY, Bench
from robodance.evaluation.dances import Row
from robodance.evaluation.measures import MEASURES, Measure
from robodance.evaluation.novelty import diversity, multimodality
from robodance.evaluation.records import Record, of_genre
from robodance.evaluation.statistics import (
    Cell,
    binomial_interval,
    centred_interval,
    channel_frechet,
    frechet_distance,
    ratio_cell,
)
from robodance.values import FloatArray

__all__ = ["JudgedRow", "Table", "drift_curve", "make_table"]

FEWEST_CLIPS = 8
FAIR_DRAWS = 20
PIECE_S = 4.0
SLOWER = 20  # a Frechet distance is drawn so many times less often
SELF_SPLITS = 10


@dataclass(frozen=True)
class JudgedRow:
    """A row and what its dances say."""

    row: Row
    records: tuple[Record, ...] = field(repr=False)


@dataclass(frozen=True)
class Table:
    """Cells of all rows for one genre, or for all together.

    Attributes:
        genre: Empty: all together.
        cells: By row and measure; a missing cell means nothing or cannot be had.
        clips: Clips of each row.
    """

    genre: str
    cells: Mapping[str, Mapping[str, Cell]]
    clips: Mapping[str, int]


def make_table(
    rows: Sequence[JudgedRow], bench: Bench, genre: str, *, resamples: int, seed: int
) -> Table:
    """Work out every cell.

    Args:
        rows: The rows.
        bench: What they are measured against.
        genre: Only dances of this genre; empty: all.
        resamples: Bootstrap draws.
        seed: Of the draws.
    """
    chosen = {judged.row.name: of_genre(judged.records, genre) for judged in rows}
    clips = {name: _clips(records) for name, records in chosen.items()}
    fewest = {
        key: min(
            (
                count
                for j in rows
                if not j.row.only
                and (count := _clips(of_key(chosen[j.row.name], bench, key))) >= FEWEST_CLIPS
            ),
            default=0,
        )
        for key in (*bench.genres, EVERY)
    }
    cells: dict[str, dict[str, Cell]] = {}
    for judged in rows:
        name = judged.row.name
        found = cells.setdefault(name, {})
        for measure in MEASURES:
            if judged.row.only and measure.group not in judged.row.only:
                continue
            rng = np.random.default_rng([seed, *measure.key.encode()])
            cell = _cell(measure, chosen[name], judged.row, bench, fewest, resamples, rng)
            if cell is not None and math.isfinite(cell.value):
                found[measure.key] = cell
    return Table(genre, cells, clips)


def _cell(
    measure: Measure,
    records: Sequence[Record],
    row: Row,
    bench: Bench,
    fewest: Mapping[str, int],
    resamples: int,
    rng: np.random.Generator,
) -> Cell | None:
    kind, _, what = measure.kind.partition(":")
    few = max(40, resamples // SLOWER)
    if kind == "share":
        return _share(measure.key, records, rng, resamples)
    if kind == "sum":
        pairs = [r.sums[measure.key] for r in records if measure.key in r.sums]
        return ratio_cell([a for a, _ in pairs], [b for _, b in pairs], rng, resamples)
    if kind == "lock":
        locked = [r for r in records if int(what) in r.locks and r.locks[int(what)][1] > 0.0]
        if not locked:
            return None
        return _plain(locked, lambda rs: _lock(rs, int(what)), rng, resamples // 4)
    if kind == "drift":
        return _plain(records, lambda rs: _drift(rs, bench), rng, few)
    if kind in {"diversity", "multimodality"}:
        there = [r for r in records if len(r.features.get(what, ()))]
        if what not in bench.scales or len(there) < 2:
            return None
        if kind == "multimodality":
            return _plain(there, lambda rs: _multimodality(rs, what, bench), rng, few)
        return _plain(there, lambda rs: _diversity(rs, what, bench), rng, few)
    return _distance(kind, what, records, row, bench, fewest, few, rng)


def _share(
    key: str, records: Sequence[Record], rng: np.random.Generator, resamples: int
) -> Cell | None:
    """Return a share in percent; with one answer a dance its interval is the exact one."""
    pairs = [r.sums[key] for r in records if key in r.sums]
    if not pairs:
        return None
    if all(trials == 1.0 for _, trials in pairs):
        cell = binomial_interval(int(sum(right for right, _ in pairs)), len(pairs))
    else:
        found = ratio_cell([a for a, _ in pairs], [b for _, b in pairs], rng, resamples)
        if found is None:
            return None
        cell = found
    return Cell(100.0 * cell.value, 100.0 * cell.low, 100.0 * cell.high, cell.n)


def _plain(
    records: Sequence[Record],
    measure: Callable[[Sequence[Record]], float],
    rng: np.random.Generator,
    resamples: int,
) -> Cell | None:
    if not records:
        return None
    cell = centred_interval(records, measure, rng, resamples)
    return cell if math.isfinite(cell.value) else None


def _lock(records: Sequence[Record], period: int) -> float:
    """Return the mean over genres: each has an accent of its own."""
    genres = sorted({r.genre or "" for r in records})
    found = [
        acceleration_lock([r.locks[period] for r in records if (r.genre or "") == g])
        for g in genres
    ]
    return float(np.mean(found))


def _distance(
    kind: str,
    space: str,
    records: Sequence[Record],
    row: Row,
    bench: Bench,
    fewest: Mapping[str, int],
    resamples: int,
    rng: np.random.Generator,
) -> Cell | None:
    """Return the distance to training clips, genre by genre, and its mean over the genres.

    Otherwise a row with other shares of the genres would be far away for that alone.
    """
    there = [r for r in records if len(r.features.get(space, ()))]
    keys = {bench.key(r.genre) for r in there}
    real = {
        key: _on_scale(bench.features[space][key], space, bench)
        for key in keys
        if key in bench.features.get(space, {}) and (kind != "fair" or fewest[key])
    }

    def apart(chosen: Sequence[Record], against: Mapping[str, FloatArray]) -> float:
        found = []
        for key, other in against.items():
            mine = [r.features[space] for r in of_key(chosen, bench, key)]
            if sum(map(len, mine)) < FEWEST_CLIPS:
                continue
            clips = np.concatenate(mine)
            counts = [len(clips)] if kind != "fair" else [fewest[key]] * FAIR_DRAWS
            found.append(
                np.mean([_drawn(clips, n, other, kind, space, bench, rng) for n in counts])
            )
        return float(np.mean(found)) if found else math.nan

    if not real:
        return None
    if row.name == TRAINING:
        return _halves(there, apart, space, bench, set(real), rng)
    return centred_interval(there, lambda chosen: apart(chosen, real), rng, resamples)


TRAINING = "real, training units"


def _halves(
    records: Sequence[Record],
    apart: Callable[[Sequence[Record], Mapping[str, FloatArray]], float],
    space: str,
    bench: Bench,
    keys: set[str],
    rng: np.random.Generator,
) -> Cell | None:
    """Return the distance between random halves of the dances: how far real is from real."""
    found = []
    for _ in range(SELF_SPLITS):
        order = rng.permutation(len(records))
        one = [records[k] for k in order[: len(order) // 2]]
        rest = [records[k] for k in order[len(order) // 2 :]]
        against = {}
        for key in keys:
            clips = [r.features[space] for r in of_key(rest, bench, key)]
            if sum(map(len, clips)) >= FEWEST_CLIPS:
                flat = np.concatenate(clips)
                against[key] = _on_scale(flat.reshape(-1, flat.shape[2]), space, bench)
        found.append(apart(one, against))
    found = [value for value in found if math.isfinite(value)]
    if not found:
        return None
    low, high = np.quantile(found, [0.025, 0.975])
    return Cell(float(np.mean(found)), float(low), float(high), len(records))


def _drawn(
    clips: FloatArray,
    count: int,
    against: FloatArray,
    kind: str,
    space: str,
    bench: Bench,
    rng: np.random.Generator,
) -> float:
    """Return the distance of so many clips and their mirror images, drawn without return."""
    rows = rng.permutation(len(clips))[:count]
    both = _on_scale(clips[rows].reshape(-1, clips.shape[2]), space, bench)
    return channel_frechet(both, against) if kind == "channels" else frechet_distance(both, against)


def of_key(records: Sequence[Record], bench: Bench, key: str) -> list[Record]:
    """Return the records that are held against one genre's training motion."""
    return [r for r in records if bench.key(r.genre) == key]


def _clips(records: Sequence[Record]) -> int:
    return sum(len(next(iter(r.features.values()), ())) for r in records)


def _on_scale(features: FloatArray, space: str, bench: Bench) -> FloatArray:
    """Return features on the scale of real clips, as published."""
    return bench.standard(space, features)


def _mean_features(record: Record, space: str, bench: Bench) -> FloatArray:
    return np.asarray(_on_scale(record.features[space][:, 0], space, bench).mean(axis=0))


def _diversity(records: Sequence[Record], space: str, bench: Bench) -> float:
    return diversity(np.stack([_mean_features(r, space, bench) for r in records]))


def _multimodality(records: Sequence[Record], space: str, bench: Bench) -> float:
    songs = sorted({(r.song, r.genre or "") for r in records if r.song})
    groups = [
        np.stack([
            _mean_features(r, space, bench) for r in records if (r.song, r.genre or "") == song
        ])
        for song in songs
    ]
    return multimodality(groups)


def drift_curve(records: Sequence[Record], bench: Bench) -> FloatArray:
    """Return the Frechet distance (style) of each 4-s piece of long dances; maybe empty.

    Huang et al. 2020 split dances of a minute into 15 pieces of 4 s and take the distance
    of each over all dances. Here genre by genre, then the mean.
    """
    curves = [
        curve
        for key in (*bench.genres, EVERY)
        if len(curve := _curve_of_key(of_key(records, bench, key), bench, key))
    ]
    shortest = min(map(len, curves), default=0)
    return np.mean([curve[:shortest] for curve in curves], axis=0) if shortest else np.zeros(0)


def _curve_of_key(records: Sequence[Record], bench: Bench, key: str) -> FloatArray:
    long = [
        r
        for r in records
        if "style" in r.features and len(r.clip_starts_s) and r.clip_starts_s[-1] >= 4 * PIECE_S
    ]
    if key not in bench.features.get("style", {}) or not long:
        return np.zeros(0)
    reference = _on_scale(bench.features["style"][key], "style", bench)
    curve = []
    for piece in range(int(min(r.clip_starts_s[-1] + 1.0 for r in long) / PIECE_S)):
        first, last = piece * PIECE_S, (piece + 1) * PIECE_S + 1e-9
        clips = np.concatenate([
            r.features["style"][(r.clip_starts_s >= first) & (r.clip_starts_s + 1.0 <= last)]
            for r in long
        ])
        if len(clips) < FEWEST_CLIPS:
            break
        both = _on_scale(clips.reshape(-1, clips.shape[2]), "style", bench)
        curve.append(frechet_distance(both, reference))
    return np.array(curve)


def _drift(records: Sequence[Record], bench: Bench) -> float:
    curve = drift_curve(records, bench)
    if len(curve) < 6:
        return math.nan
    third = len(curve) // 3
    return float(curve[-third:].mean() / max(curve[:third].mean(), 1e-9))
