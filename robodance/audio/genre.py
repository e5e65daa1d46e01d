"""Which dance a song asks for: a small trained classifier, and a vote over the song.

A song is heard in stretches of 32 beats. Each is described by its tempo and by how its
bars count, which is how ballroom rules tell these dances apart, too. A multinomial
logistic regression on these numbers (``learning/genre_training.py``) gives each stretch
a vote. Rhythm patterns, timbre and harmony were tried as well: with the few songs there
are to learn from, they made the votes on songs left out of the training no better, most
of them worse. A song heard at twice its tempo is therefore taken for another dance.
"""

from __future__ import annotations

import functools
import json

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from robodance.audio.bars import three_beat_odds
from robodance.audio.beat_choice import BeatEvidence
from robodance.audio.onsets import ONSET_RATE_HZ, Onsets
from robodance.errors import DataError
from robodance.resources import weights_path
from robodance.values import Beats, FloatArray, Genre

__all__ = [
    "GENRE_EVIDENCE",
    "STRETCH_BEATS",
    "classify_genre",
    "genre_evidence",
    "likeness",
    "vote",
]

STRETCH_BEATS = 32
_HOP_BEATS = 16
_USUAL_TEMPO_BPM = 110.0
_STRANGE_OCTAVES = 0.125

GENRE_EVIDENCE: tuple[str, ...] = (
    "tempo",  # octaves over 110 beats a minute
    "tempo_squared",
    "three_beats",  # log odds of three beats to the bar against four, -3..3
)


def classify_genre(beats: Beats, onsets: Onsets) -> Genre:
    """Let every stretch of a song vote on its dance.

    Args:
        beats: Of the whole song.
        onsets: Of the same song.

    Raises:
        DataError: The shipped weights are damaged.
    """
    weights, genres = _shipped_weights()
    evidence = genre_evidence(beats, onsets)
    scores = likeness(evidence, vote(evidence, weights), weights)
    best = int(scores.argmax())
    shares = {genre: float(share) for genre, share in zip(genres, scores, strict=True)}
    return Genre(genres[best], float(scores[best]), shares)


def vote(evidence: FloatArray, weights: dict[str, FloatArray]) -> FloatArray:
    """Return each genre's share of the vote, shape (G,), summing to 1.

    Args:
        evidence: Shape (S, F), one row per stretch.
        weights: ``mean`` and ``scale`` (F,), ``weight`` (G, F), ``bias`` (G,).
    """
    standard = np.clip((evidence - weights["mean"]) / weights["scale"], -4.0, 4.0)
    logits = standard @ weights["weight"].T + weights["bias"]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return np.asarray(shares.mean(axis=0))


def likeness(
    evidence: FloatArray, shares: FloatArray, weights: dict[str, FloatArray]
) -> FloatArray:
    """Return the calibrated shares of the genres, shape (G,), summing to 1.

    The temperature is the one that made songs left out of the training most likely. A
    song whose tempo is far from every training song of the genre it was taken for is no
    such dance: each eighth of an octave beyond an eighth halves what the shares say
    beyond chance. Weights without these numbers leave the shares as they are.

    Args:
        evidence: Shape (S, F).
        shares: Shape (G,), the vote.
        weights: With ``temperature`` (1,), ``song_octaves`` (N,), ``song_genre`` (N,).
    """
    if "temperature" not in weights:
        return shares
    cooled = np.log(shares + 1e-9) / weights["temperature"][0]
    cooled = np.exp(cooled - cooled.max())
    cooled /= cooled.sum()
    fellows = weights["song_octaves"][weights["song_genre"] == cooled.argmax()]
    gap = float(np.abs(fellows - evidence[:, 0].mean()).min())
    trust = 0.5 ** max(0.0, gap / _STRANGE_OCTAVES - 1.0)
    return np.asarray(trust * cooled + (1.0 - trust) / len(cooled))


def genre_evidence(beats: Beats, onsets: Onsets) -> FloatArray:
    """Describe each stretch of a song by the numbers named in ``GENRE_EVIDENCE``, (S, F)."""
    evidence = BeatEvidence(onsets)
    frames = beats.times_s * ONSET_RATE_HZ
    rows = []
    for start in range(0, max(1, len(frames) - STRETCH_BEATS), _HOP_BEATS):
        stretch = frames[start : start + STRETCH_BEATS]
        tempo_bpm = 60.0 * ONSET_RATE_HZ / float(np.median(np.diff(stretch)))
        octaves = float(np.log2(tempo_bpm / _USUAL_TEMPO_BPM))
        three = float(np.clip(three_beat_odds(stretch, evidence), -3.0, 3.0))
        rows.append([octaves, octaves**2, three])
    return np.array(rows)


@functools.cache
def _shipped_weights() -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    path = weights_path("genre.safetensors")
    try:
        card = json.loads(weights_path("genre.json").read_text(encoding="utf-8"))
        weights = {name: w.astype(np.float64) for name, w in load_file(path).items()}
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(f"{path}: cannot be read ({error}); install robodance again") from error
    if tuple(card["evidence"]) != GENRE_EVIDENCE:
        raise DataError(f"{path}: made for other evidence than this version's; install it again")
    return weights, tuple(card["genres"])
