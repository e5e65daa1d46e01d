"""Two genres mixed by different shares: by networks in turns, and by one network of all.

    python tests/benchmarks/measure_mixtures.py --data DIR [--weights FILE] [--pair A B]
        [--seeds N] [--strips FOLDER]

The same rendered song, whose tempo is the geometric mean of both genres', danced with each
share by the shipped networks in turns and, with ``--weights``, by weights of all genres. What
is printed: the share of the beats whose units are the first genre's; how much of both genres'
probability the evaluation's style classifier gives to the first, mean over clips of a second,
and the share of clips that it would call so; mean speed; distance to the nearest training clip
of either genre; and the fastest joint. ``--strips`` leaves pictures of skeletons there.
"""

from __future__ import annotations

import argparse
import base64
from dataclasses import replace
from pathlib import Path

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, BeatClock
from robodance.choreography.dance import create_dance
from robodance.choreography.generators.autoregressive import Autoregressive, music_drive
from robodance.choreography.mixture import choose_generator
from robodance.config import GENRES, ChoreographyConfig
from robodance.evaluation.bench import Bench, build_bench, segments_of
from robodance.evaluation.dances import Sample
from robodance.evaluation.novelty import nearest_distances
from robodance.evaluation.plots import skeleton_strips
from robodance.evaluation.references import passages, real_rows
from robodance.evaluation.songs import rendered_song
from robodance.evaluation.style import clips_of
from robodance.learning.dataset import load_library
from robodance.learning.metrics import joint_speed
from robodance.values import Genre, SongAnalysis

SHARES = (1.0, 0.7, 0.5, 0.3, 0.0)
BEATS = 80
CLIP_HOP = 6  # frames of 30 a second


def share_of_beats(song: SongAnalysis, config: ChoreographyConfig, seed: int, name: str) -> float:
    """Return the share of a dance's beats whose units are of a genre."""
    generator, shares = choose_generator(config, song.genre), song.genre.shares
    times = BeatClock(song.beats).times_at(np.arange(BEATS * FRAMES_PER_BEAT) / FRAMES_PER_BEAT)
    if isinstance(generator, Autoregressive):
        drive = music_drive(song.features, times)
        phrases = generator._draw(BEATS, np.random.default_rng(seed), drive, shares)
        names, group = generator.net.config.genres, generator.vocabulary.group
        told = [(names[group[phrase.unit]], phrase.beats) for phrase in phrases]
    else:
        stretches = generator._draw(BEATS, song.features, times, seed)
        names = generator.card["genre"]
        told = [(names[who], p.beats) for who, _, phrases in stretches for p in phrases]
    return sum(beats for one, beats in told if one == name) / sum(beats for _, beats in told)


def tell(
    title: str, songs: dict[float, SongAnalysis], weights: str | None, bench: Bench, options
) -> None:
    """Print a line for each share."""
    first, second = options.pair
    columns = [bench.style.genres.index(name) for name in options.pair]
    pool = np.concatenate([bench.windows[name] for name in options.pair])
    for share, song in songs.items():
        config, rows = ChoreographyConfig(weights=weights), []
        for seed in range(options.seeds):
            dance = create_dance(song, config, seed=seed, to_s=float(song.beats.times_s[BEATS]))
            joints, rate = dance.joint_positions_m, dance.frame_rate_hz
            beats = dance.beats_s - dance.start_s
            sample = Sample(title, None, joints, rate, beats)
            _, scores = bench.style.judge(clips_of(sample.clip_joints_m, CLIP_HOP))
            both = np.exp(scores[:, columns])
            of_first = both[:, 0] / both.sum(axis=1)
            nearest = nearest_distances(segments_of(joints, rate, 0.5, 1.0), pool)
            rows.append([
                share_of_beats(song, config, seed, first),
                of_first.mean(),
                (of_first > 0.5).mean(),
                joint_speed(joints, rate).mean(),
                100.0 * nearest.mean(),
                np.linalg.norm(np.diff(joints, axis=0), axis=2).max() * rate,
            ])
            if options.strips is not None and seed == 0:
                picture = skeleton_strips(sample).partition(",")[2]
                options.strips.mkdir(parents=True, exist_ok=True)
                file = options.strips / f"{title}-{first}-{round(100 * share)}.png".replace(
                    " ", "-"
                )
                file.write_bytes(base64.b64decode(picture))
        beats_of, style, clips, speed, nearest, fastest = np.mean(rows, axis=0)
        print(
            f"{title:9s} {first} {share:.1f}, {second} {1.0 - share:.1f}: beats {beats_of:.2f}, "
            f"style {style:.2f}, clips {clips:.2f}, {speed:.2f} m/s, nearest {nearest:.2f} cm, "
            f"fastest {fastest:.1f} m/s",
            flush=True,
        )


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", help="weight file of all genres")
    parser.add_argument("--pair", nargs=2, choices=GENRES, default=("tango", "rumba"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--strips", type=Path, help="folder for pictures of skeletons")
    options = parser.parse_args()
    libraries = [load_library(options.data, genre) for genre in GENRES]
    bench = build_bench(
        real_rows(libraries)[0].samples, (), {one.genre: passages(one) for one in libraries}
    )
    gaps = [one.beat_s for one in libraries if one.genre in options.pair]
    heard = rendered_song(60.0 / float(np.sqrt(np.prod(gaps))), 4, options.pair[0], seed=11)
    songs = {}
    for share in SHARES:
        shares = dict(zip(options.pair, (share, 1.0 - share), strict=True))
        known = {name: part for name, part in shares.items() if part > 0.0}
        songs[share] = replace(heard, genre=Genre(next(iter(known)), 1.0, {}, known))
    tell("in turns", songs, None, bench, options)
    if options.weights:
        tell("together", songs, options.weights, bench, options)


if __name__ == "__main__":
    main()
