"""Which generator dances: one genre's, one that knows several, or several in turns.

Genres are mixed by weights that know them all, where there are any: the network is told
each genre's share. Otherwise the networks of the genres dance in turns, a few phrases
each, in proportion to their shares; every change of hands is bridged.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, BeatClock
from robodance.choreography.checkpoint import load_checkpoint
from robodance.choreography.generator import Generator, load_generator
from robodance.choreography.joins import Bridge
from robodance.choreography.phrases import Phrase, PhraseDraw, beginnings
from robodance.choreography.sampling import collected
from robodance.choreography.turns import Turns
from robodance.config import ChoreographyConfig
from robodance.errors import DataError
from robodance.resources import weights_path
from robodance.values import FloatArray, Genre, SongFeatures

if TYPE_CHECKING:
    from robodance.choreography.generators.autoregressive import Autoregressive

__all__ = ["Mixture", "choose_generator", "music_kind"]


def choose_generator(config: ChoreographyConfig, genre: Genre) -> Generator:
    """Return the generator that dances a genre, or the mixture that a person asked for.

    Raises:
        DataError: There are no weights for it.
        UsageError: There is no such family.
    """
    if config.weights:
        generator = load_generator(config.generator, Path(config.weights))
        if genre.shares and not _genres(generator):
            raise DataError(
                f"{config.weights}: holds {generator.card.get('genre')} alone, but --genre asks "
                "for a mixture; give weights trained with --genre all, or none"
            )
        return generator
    if not genre.shares:
        return load_generator(config.generator, _shipped(genre.name, config))
    together = weights_path(f"{config.generator}_all.safetensors")
    if together.is_file():
        return load_generator(config.generator, together)
    parts = {
        name: load_generator(config.generator, _shipped(name, config)) for name in genre.shares
    }
    for name, part in parts.items():
        if not hasattr(part, "dance"):
            raise DataError(f"{config.generator!r} cannot mix {name} with other genres")
    return Mixture(parts, genre.shares)  # type: ignore[arg-type]


def music_kind(config: ChoreographyConfig, genre: Genre) -> str:
    """Return which features of a song the generator that ``choose_generator`` returns asks for.

    Raises:
        DataError: The weights or their card cannot be read.
    """
    together = weights_path(f"{config.generator}_all.safetensors")
    if config.weights:
        weights = Path(config.weights)
    elif genre.shares and together.is_file():
        weights = together
    else:
        weights = _shipped(next(iter(genre.shares), genre.name), config)
    return str(load_checkpoint(weights).card.get("music"))


class Mixture:
    """Networks of single genres that dance in turns.

    Attributes:
        card: What their cards say together; the beat is their shares' geometric mean.
    """

    def __init__(self, parts: Mapping[str, Autoregressive], shares: Mapping[str, float]) -> None:
        kinds = {str(part.card.get("music")) for part in parts.values()}
        if len(kinds) > 1:
            raise DataError(
                f"the weights of {', '.join(parts)} know different music features "
                f"({', '.join(sorted(kinds))}) and cannot dance in turns"
            )
        self._parts = list(parts.values())
        self._shares = np.array([shares[name] for name in parts])
        beats = np.array([float(part.card["beat_s"]) for part in self._parts])
        self.card: dict[str, Any] = {
            "genre": list(parts),
            "music": kinds.pop(),
            "beat_s": float(np.exp(self._shares @ np.log(beats) / self._shares.sum())),
            "sha256": "+".join(str(part.card["sha256"]) for part in self._parts),
        }

    def generate(
        self,
        clock: BeatClock,
        features: SongFeatures,
        first_beat: int,
        beats: int,
        *,
        seed: int,
        shares: Mapping[str, float] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> FloatArray:
        """Imagine a dance; arguments and result as ``Generator.generate``."""
        frames = self.stream(clock, features, first_beat, beats, seed=seed)
        return collected(frames, beats * FRAMES_PER_BEAT, progress)

    def stream(
        self, clock: BeatClock, features: SongFeatures, first_beat: int, beats: int, *, seed: int
    ) -> Iterator[FloatArray]:
        """Yield the poses (74,) of ``generate``, each when its frame is due."""
        position = first_beat + np.arange(beats * FRAMES_PER_BEAT) / FRAMES_PER_BEAT
        stretches = self._draw(beats, features, clock.times_at(position), seed)
        bridge, left = Bridge(), beats * FRAMES_PER_BEAT
        for index, start, phrases in stretches:
            begins = beginnings(phrases, FRAMES_PER_BEAT)
            poses = self._parts[index].dance(phrases, clock, features, first_beat + start)
            for frame, pose in enumerate(itertools.islice(poses, left)):
                yield bridge.step(pose, begins.get(frame, 0), always=frame == 0)
            left -= sum(begins.values())

    def _draw(
        self, beats: int, features: SongFeatures, times_s: FloatArray, seed: int
    ) -> list[tuple[int, int, list[Phrase]]]:
        """Draw who dances, from which beat on, and which phrases."""
        from robodance.choreography.generators.autoregressive import music_drive

        rng, drive = np.random.default_rng(seed), music_drive(features, times_s)
        draws = [PhraseDraw(part.vocabulary, rng, drive) for part in self._parts]
        turns = Turns(self._shares)
        stretches: list[tuple[int, int, list[Phrase]]] = []
        while turns.position < beats:
            if not stretches or stretches[-1][0] != turns.whose:
                stretches.append((turns.whose, turns.position, []))
            phrase = draws[turns.whose].next(turns.position)
            stretches[-1][2].append(phrase)
            turns.take(phrase.beats)
        return stretches


def _genres(generator: Generator) -> list[str]:
    return list(generator.card.get("network", {}).get("genres", ()))


def _shipped(genre: str, config: ChoreographyConfig) -> Path:
    path = weights_path(f"{config.generator}_{genre}.safetensors")
    if not path.is_file():
        raise DataError(
            f"{path}: no weights of {config.generator!r} for {genre!r} are shipped; train them "
            "with 'robodance train' and give them as choreography.weights"
        )
    return path
