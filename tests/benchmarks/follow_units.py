"""How far a generator's dance is from the units that it is told, wherever the bars lie.

    python tests/benchmarks/follow_units.py --data DIR [--weights DIR] [--beats N] [--seeds N]
        [--bar N]

A chain of units is drawn, danced by the network to a rendered song, and held against the
recorded units themselves, chained and mirrored alike: mean distance of the joints in the
dancer's own frame (cm), of the ankles, and the ratio of the joints' mean speeds. One column
for each beat of the bar on which the chain may begin. Songs begin their chains on a downbeat
(column 0), but change them anywhere where bars change, and where genres dance in turns.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, beat_phases
from robodance.choreography.generator import load_generator
from robodance.choreography.generators.autoregressive import Autoregressive
from robodance.choreography.phrases import draw_phrases, lay_out
from robodance.choreography.sampling import mirror_poses, rollout
from robodance.config import GENRES
from robodance.evaluation.generated import weights_of
from robodance.learning.all_genres import genre_part
from robodance.learning.corpus import BEATS_PER_BAR
from robodance.learning.dataset import chain, load_library
from robodance.learning.gate_song import gate_music
from robodance.skeleton import INDEX, LOCAL_POSITIONS
from robodance.values import FloatArray

RUN_UP_BEATS = 4  # from a history of zeros, not counted
ANKLES = [INDEX["right_ankle"], INDEX["left_ankle"]]


def joints(poses: FloatArray) -> FloatArray:
    """Return the joints (T, 21, 3) as the dancer's own frame sees them."""
    return poses[:, LOCAL_POSITIONS].reshape(len(poses), -1, 3)


def tell(
    genre: str, data: Path, weights: Path | None, beats: int, seeds: int, bar: int | None
) -> None:
    """Print a genre's line."""
    generator = load_generator("autoregressive", weights_of(weights, genre))
    assert isinstance(generator, Autoregressive)
    net, words, library = generator.net, generator.vocabulary, load_library(data, genre)
    if net.config.genres:
        net, words = genre_part(net, words, {genre: 1.0})
    own = BEATS_PER_BAR.get(genre, 4)
    per_bar = bar or own
    song = gate_music(library.beat_s, own, count=1, seed=77)[0]
    found: dict[int, list[list[float]]] = {first: [] for first in range(per_bar)}
    for seed in range(seeds):
        phrases = draw_phrases(words, beats, np.random.default_rng(seed))
        units = [library.training[words.tags[phrase.unit]].poses for phrase in phrases]
        recorded = chain([
            mirror_poses(poses) if phrase.mirrored else poses
            for poses, phrase in zip(units, phrases, strict=True)
        ])
        count = len(recorded)
        place = np.arange(count) / FRAMES_PER_BEAT
        heard = np.tile(song, (-(-count // len(song)), 1))[:count]
        for first in range(per_bar):
            phase = beat_phases(place, np.mod(place + first, per_bar), per_bar)
            laid = lay_out(words, phrases, FRAMES_PER_BEAT)
            standard = rollout(net, [laid], phase[None], heard[None])[0]
            counted = slice(RUN_UP_BEATS * FRAMES_PER_BEAT, None)
            danced = joints(generator.normaliser.restore(standard))[counted]
            real = joints(recorded)[counted]
            apart = 100.0 * np.linalg.norm(danced - real, axis=2)
            speeds = [np.linalg.norm(np.diff(one, axis=0), axis=2).mean() for one in (danced, real)]
            found[first].append([
                float(apart.mean()),
                float(apart[:, ANKLES].mean()),
                speeds[0] / speeds[1],
            ])
    means = [np.mean(rows, axis=0) for rows in found.values()]
    cells = "   ".join(f"{a:5.1f} {b:5.1f} {c:4.2f}" for a, b, c in means)
    print(f"{genre:8s} (cm, ankles cm, speed) by beat of the bar: {cells}", flush=True)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--weights", type=Path, help="folder of other weights, of each genre or of all"
    )
    parser.add_argument("--genre", choices=GENRES)
    parser.add_argument("--beats", type=int, default=80)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--bar", type=int, help="beats in a bar, as told (default: the genre's)")
    options = parser.parse_args()
    for genre in [options.genre] if options.genre else GENRES:
        tell(genre, options.data, options.weights, options.beats, options.seeds, options.bar)


if __name__ == "__main__":
    main()
