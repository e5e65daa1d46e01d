"""What every generator family promises, and the table of families."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

from robodance.choreography.beat_clock import BeatClock
from robodance.choreography.checkpoint import load_checkpoint
from robodance.errors import DataError, UsageError
from robodance.values import FloatArray, SongFeatures

__all__ = ["GENERATORS", "Generator", "load_generator"]


class Generator(Protocol):
    """Imagines a dance on the beat clock."""

    @property
    def card(self) -> Mapping[str, Any]:
        """What the weights' card says."""
        ...

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
        """Imagine ``beats`` beats of dance.

        Args:
            clock: Which moment of the song each beat is.
            features: How the song sounds.
            first_beat: Beat of the clock at which the dance begins.
            beats: How many.
            seed: Same seed, same dance.
            shares: Share of each genre, for weights that know several.
            progress: Called with the share done.

        Returns:
            Poses (16 * beats, 74) on the beat clock.
        """
        ...


GENERATORS: dict[str, str] = {
    "autoregressive": "robodance.choreography.generators.autoregressive:Autoregressive",
}


def load_generator(name: str, weights: Path) -> Generator:
    """Build a generator of a family from a weight file.

    Raises:
        UsageError: There is no such family.
        DataError: The weights cannot be read or belong to another family.
    """
    if name not in GENERATORS:
        near = get_close_matches(name, GENERATORS, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(GENERATORS)}"
        raise UsageError(f"unknown generator {name!r}; {advice}")
    checkpoint = load_checkpoint(weights)
    if checkpoint.card.get("generator") != name:
        raise DataError(
            f"{weights}: weights of the generator {checkpoint.card.get('generator')!r}, "
            f"not of {name!r}"
        )
    module, kind = GENERATORS[name].split(":")
    generator: Generator = getattr(importlib.import_module(module), kind)(checkpoint)
    return generator
