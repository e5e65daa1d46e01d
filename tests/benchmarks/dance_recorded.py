"""What a generator's dances would be if its units were danced exactly as they were recorded.

    python tests/benchmarks/dance_recorded.py --data DIR --out FOLDER [--weights DIR]
        [--seeds N] [--seconds S]
    robodance evaluate FOLDER --data DIR --shipped --songs launch/songs ...

The same chains of units as the generator draws for the demo songs, seed by seed, but instead
of the network the recorded units are danced, joined, cleaned and timed alike. What its row of
the table has is due to the choreography; by what the generator's own row differs, to the
network. The dances are recorded motion: they stay out of whatever is given away.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import robodance.choreography.dance as stage
from robodance.choreography.generator import load_generator
from robodance.choreography.generators.autoregressive import Autoregressive
from robodance.choreography.phrases import Phrase
from robodance.choreography.sampling import mirror_poses
from robodance.config import GENRES, ChoreographyConfig
from robodance.evaluation.generated import weights_of
from robodance.evaluation.songs import Ear, demo_songs
from robodance.learning.dataset import UnitLibrary, chain, load_library
from robodance.plan_file import write_dance
from robodance.values import FloatArray


def recorded_generator(weights: Path, library: UnitLibrary) -> Autoregressive:
    """Return a generator that draws as ``weights`` do and dances the units themselves."""
    generator = load_generator("autoregressive", weights)
    assert isinstance(generator, Autoregressive)
    tags = generator.vocabulary.tags

    def dance(phrases: list[Phrase], *_: object, **__: object) -> Iterator[FloatArray]:
        units = [library.training[tags[phrase.unit]].poses for phrase in phrases]
        yield from chain([
            mirror_poses(poses) if phrase.mirrored else poses
            for poses, phrase in zip(units, phrases, strict=True)
        ])

    generator.dance = dance  # type: ignore[method-assign, assignment]
    return generator


def main() -> None:
    """Write the dances."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="folder of other weights")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=40.0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    ear, songs = Ear(), demo_songs()
    for genre in GENRES:
        heard = ear.hear(songs[genre], genre)
        weights = weights_of(options.weights, genre)
        generator = recorded_generator(weights, load_library(options.data, genre))
        stage.choose_generator = lambda *_, made=generator: made
        for seed in range(options.seeds):
            end = min(heard.song.duration_s, options.seconds)
            dance = stage.create_dance(heard, ChoreographyConfig(), seed=seed, to_s=end)
            write_dance(dance, options.out / f"{genre}_{seed}.npz")
        print(f"{genre}: {options.seeds} dances", flush=True)


if __name__ == "__main__":
    main()
