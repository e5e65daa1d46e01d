"""How the weights of a run are judged: by the gate, whatever the network is.

A network of all genres is judged genre by genre, each cut out as a network of its own; a
printed network dances on its own clock and is read on the beat clock.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT
from robodance.choreography.body import clean_body
from robodance.choreography.generators.autoregressive import AutoregressiveNet
from robodance.choreography.phrases import Vocabulary
from robodance.choreography.sampling import Normaliser
from robodance.learning.all_genres import genre_part
from robodance.learning.corpus import BEATS_PER_BAR
from robodance.learning.dataset import UnitLibrary
from robodance.learning.gate import (
    Figures,
    Verdict,
    failures,
    judge,
    measure,
    reference_figures,
)
from robodance.learning.gate_song import gate_music
from robodance.learning.printed import printed_dances
from robodance.skeleton import decode_pose
from robodance.values import FEATURE_DIM, FloatArray

__all__ = ["Judge"]


class Judge:
    """Lets a network dance by itself, and holds it against rebuilt dances.

    Attributes:
        references: Genre to the figures of its rebuilt dances and held-out units.
    """

    def __init__(
        self,
        libraries: Sequence[UnitLibrary],
        vocabulary: Vocabulary,
        normaliser: Normaliser,
        *,
        features: str = "spine",
        encoder_weights: Path | str | None = None,
    ) -> None:
        self._libraries, self._vocabulary = tuple(libraries), vocabulary
        self._normaliser = normaliser
        self._describe = functools.partial(
            gate_music, features=features, encoder_weights=encoder_weights
        )
        self.references = {one.genre: reference_figures(one) for one in self._libraries}

    def try_out(
        self, net: AutoregressiveNet, *, dances: int, frames: int, first_seed: int, music: bool
    ) -> Verdict:
        """Judge a network.

        Args:
            net: The network.
            dances: How many, of each genre.
            frames: Frames of each.
            first_seed: Seeds count up from here.
            music: Whether to dance to rendered songs, or to none.
        """
        verdicts = {}
        for library in self._libraries:
            songs = np.zeros((dances, 1, FEATURE_DIM))
            if music:
                per_bar = BEATS_PER_BAR.get(library.genre, 4)
                songs = self._describe(library.beat_s, per_bar, count=dances)
            seeds = range(first_seed, first_seed + dances)
            verdicts[library.genre] = self._judge(net, library, songs, seeds, frames)
        return next(iter(verdicts.values())) if len(verdicts) == 1 else _together(verdicts)

    def _judge(
        self,
        net: AutoregressiveNet,
        library: UnitLibrary,
        songs: FloatArray,
        seeds: Sequence[int],
        frames: int,
    ) -> Verdict:
        reference = self.references[library.genre]
        if net.printed:
            dances = printed_dances(
                net, self._normaliser, songs, beat_s=library.beat_s, frames=frames
            )
            return _verdict(dances, reference, library.beat_s)
        vocabulary = self._vocabulary
        if net.config.genres:
            net, vocabulary = genre_part(net, vocabulary, {library.genre: 1.0})
        return judge(
            net,
            vocabulary,
            self._normaliser,
            songs,
            reference,
            beat_s=library.beat_s,
            beats_per_bar=BEATS_PER_BAR.get(library.genre, 4),
            seeds=seeds,
            frames=frames,
        )


def _verdict(
    dances: Sequence[FloatArray], reference: Mapping[str, Figures], beat_s: float
) -> Verdict:
    """Judge poses on the beat clock."""
    raw = [decode_pose(poses) for poses in dances]
    clean = [clean_body(dance, FRAMES_PER_BEAT / beat_s) for dance in raw]
    before = measure(raw, beat_s, reference["rebuilt_before"].speed_m_s)
    after = measure(clean, beat_s, reference["rebuilt"].speed_m_s)
    missed = failures(before, reference["rebuilt_before"], cleaned=False)
    late = failures(after, reference["rebuilt"], cleaned=True)
    return Verdict(before, after, (*(f"before cleaning, {m}" for m in missed), *late))


def _together(verdicts: Mapping[str, Verdict]) -> Verdict:
    """Return the mean of the figures, every genre's misses, and each genre's own verdict."""
    misses = [f"{genre}: {miss}" for genre, one in verdicts.items() for miss in one.misses]
    before = _mean([one.before for one in verdicts.values()])
    after = _mean([one.after for one in verdicts.values()])
    return Verdict(before, after, tuple(misses), verdicts)


def _mean(figures: Sequence[Figures]) -> Figures:
    rows = [asdict(one) for one in figures]
    return Figures(**{name: float(np.mean([row[name] for row in rows])) for name in rows[0]})
