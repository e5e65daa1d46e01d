"""How well the ear hears: tables for synthesised songs, annotated and real songs, demo songs.

    python tests/benchmarks/hearing.py [SONGS_PER_CONDITION] [--data DIR] [--first-seed N]

F is mir_eval's F-measure over the part of a song that has beats; the window is 20 ms for
steady and 70 ms for drifting songs. "all" counts the beats laid over a beatless intro and
end as well, which the truth does not have.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import mir_eval
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "audio"))
import songs

from robodance.audio.analysis import analyse_song
from robodance.audio.beats import hear_beats
from robodance.config import GENRES, AudioConfig
from robodance.resources import launch_path


def compare(reference, heard, window_s):
    """Return F inside the reference, F of all, and the median offset in ms (NaN if off)."""
    inside = heard[(heard > reference[0] - 0.1) & (heard < reference[-1] + 0.1)]
    score = mir_eval.beat.f_measure(reference, inside, window_s)
    score_all = mir_eval.beat.f_measure(reference, heard, window_s)
    nearest = np.abs(inside[:, None] - reference).argmin(axis=1)
    offset = 1000.0 * float(np.median(inside - reference[nearest]))
    return score, score_all, offset if score > 0.9 else np.nan


def synthesised(count: int, first: int) -> None:
    print(f"{count} synthesised songs of 40 s each, seeds from {first}")
    print(
        "condition        window   F      F>0.9  all    |offset| median, max ms  bar   1st   conf"
    )
    spent = 0.0
    for condition in songs.CONDITIONS:
        window_s = 0.07 if condition == "drift" else 0.02
        rows = []
        for seed in range(first, first + count):
            song = songs.known_song(condition, seed)
            begin = time.perf_counter()
            heard = hear_beats(song.samples, songs.RATE_HZ, AudioConfig())
            spent += time.perf_counter() - begin
            score, score_all, offset = compare(song.beats_s, heard.times_s, window_s)
            bar = heard.beats_per_bar == song.recipe.beats_per_bar
            nearest = int(np.abs(heard.times_s - song.beats_s[0]).argmin())
            first_right = score > 0.9 and bar and heard.numbers[nearest] == 1
            rows.append((score, score > 0.9, score_all, offset, bar, first_right, heard.confidence))
        table = np.array(rows, dtype=float)
        offsets = np.abs(table[:, 3])
        print(
            f"{condition:15s} {1000 * window_s:4.0f} ms  {table[:, 0].mean():.3f}  "
            f"{table[:, 1].mean():.2f}   {table[:, 2].mean():.3f}  "
            f"{np.nanmedian(offsets):6.2f} {np.nanmax(offsets):6.2f}             "
            f"{table[:, 4].mean():.2f}  {table[:, 5].mean():.2f}  {table[:, 6].mean():.2f}"
        )
    print(f"{spent / count / len(songs.CONDITIONS):.2f} s of work per song\n")


def demos() -> None:
    print("demo songs       F 20 ms  offset ms  tempo   bar  genre (confidence)   seconds")
    for name in GENRES:
        path = launch_path(f"songs/{name}.ogg")
        reference = np.loadtxt(path.with_name(f"{name}.beats.txt"))[:, 0]
        begin = time.perf_counter()
        analysis = analyse_song(path, AudioConfig())
        seconds = time.perf_counter() - begin
        score, _, offset = compare(reference, analysis.beats.times_s, 0.02)
        print(
            f"{name:15s}  {score:.3f}   {offset:6.2f}    {analysis.beats.tempo_bpm:6.2f}   "
            f"{analysis.beats.beats_per_bar}   {analysis.genre.name} "
            f"({analysis.genre.confidence:.2f})  {seconds:.2f}"
        )
    print()


def annotated(data: Path) -> None:
    print("annotated songs        F 70 ms  F 35 ms  CMLt   AMLt   offset ms  confidence")
    for path in sorted((data / "annotated").glob("*.beats.txt")):
        stem = path.name.removesuffix(".beats.txt")
        sound = next(p for p in sorted(path.parent.glob(f"{stem}.*")) if p.suffix != ".txt")
        reference = np.loadtxt(path, usecols=0)
        beats = analyse_song(sound, AudioConfig()).beats
        heard = beats.times_s
        inside = heard[(heard > reference[0] - 0.2) & (heard < reference[-1] + 0.2)]
        _, correct, _, any_level = mir_eval.beat.continuity(reference, inside)
        scores = [mir_eval.beat.f_measure(reference, inside, w) for w in (0.07, 0.035)]
        nearest = np.abs(inside[:, None] - reference).argmin(axis=1)
        offset = 1000.0 * float(np.median(inside - reference[nearest]))
        print(
            f"{stem:22s} {scores[0]:.3f}    {scores[1]:.3f}   {correct:.3f}  "
            f"{any_level:.3f}  {offset:6.1f}    {beats.confidence:.2f}"
        )
    print()


def real(data: Path) -> None:
    print("real songs              tempo   bar  confidence  genre (confidence)       seconds of")
    files = sorted((data / "music").glob("*.mp3"))
    files += sorted((data / "choreonet" / "music").glob("*/*.mp3"))
    for path in files:
        begin = time.perf_counter()
        analysis = analyse_song(path, AudioConfig())
        seconds = time.perf_counter() - begin
        beats, genre = analysis.beats, analysis.genre
        print(
            f"{path.parent.name + '/' + path.stem:22s} {beats.tempo_bpm:6.1f}    "
            f"{beats.beats_per_bar}   {beats.confidence:.2f}        {genre.name:8s} "
            f"({genre.confidence:.2f})   {seconds:5.2f} {analysis.song.duration_s:6.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=20_000)
    parser.add_argument("--data", type=Path, default=os.environ.get("ROBODANCE_DATA"))
    options = parser.parse_args()
    synthesised(options.count, options.first_seed)
    demos()
    if options.data:
        annotated(Path(options.data))
        real(Path(options.data))


if __name__ == "__main__":
    main()
