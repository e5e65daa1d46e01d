"""Which dance a song asks for: a small trained classifier, and a vote over the song.

A song is heard in stretches of 32 beats. Each is described by its tempo, by how its bars
count, and by where in the beat, and how hard, bass, middle and treble are struck: the
rhythm pattern, on the song's own beat clock. A multinomial logistic regression on these
numbers (``learning/genre_training.py``) gives each stretch a vote.
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

__all__ = ["GENRE_EVIDENCE", "STRETCH_BEATS", "classify_genre", "genre_evidence", "vote"]

STRETCH_BEATS = 32
_HOP_BEATS = 16
_POSITIONS = (0.0, 0.25, 1.0 / 3.0, 0.5, 2.0 / 3.0, 0.75)  # within the beat
_CURVES = ("bass", "middle", "treble")
_LEVELS = 8  # groups of mel bands

GENRE_EVIDENCE: tuple[str, ...] = (
    "tempo",
    "tempo_squared",
    "three_beats",
    *(f"{curve}_{position:.2f}" for curve in _CURVES for position in _POSITIONS),
    *(f"{curve}_bar_{half}" for curve in _CURVES for half in ("alternation", "upbeat")),
    *(f"punch_{group}" for group in range(_LEVELS)),
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
    scores = vote(genre_evidence(beats, onsets), weights)
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


def genre_evidence(beats: Beats, onsets: Onsets) -> FloatArray:
    """Describe each stretch of a song by the numbers named in ``GENRE_EVIDENCE``, (S, F)."""
    evidence = BeatEvidence(onsets)
    frames = beats.times_s * ONSET_RATE_HZ
    last = max(1, len(frames) - STRETCH_BEATS)
    rows = [
        _describe(frames[start : start + STRETCH_BEATS], beats, start, onsets, evidence)
        for start in range(0, last, _HOP_BEATS)
    ]
    return np.stack(rows)


def _describe(
    frames: FloatArray, beats: Beats, start: int, onsets: Onsets, evidence: BeatEvidence
) -> FloatArray:
    gaps = np.diff(frames)
    octaves = float(np.log2(60.0 * ONSET_RATE_HZ / np.median(gaps) / 110.0))
    row = [octaves, octaves**2, float(np.clip(three_beat_odds(frames, evidence), -3.0, 3.0))]
    struck = {
        curve: np.stack([evidence.at(curve, frames[:-1] + p * gaps) for p in _POSITIONS])
        for curve in _CURVES
    }
    for curve in _CURVES:
        row += [float(np.mean(s)) for s in struck[curve]]
    numbers = beats.numbers[start : start + len(gaps)]
    for curve in _CURVES:
        on_beat, half_way = struck[curve][0], struck[curve][3]
        # 2 and 4 against 1 and 3; the half beat before a bar against the other halves.
        row.append(_difference(on_beat, numbers % 2 == 0))
        row.append(_difference(half_way, numbers == beats.beats_per_bar))
    first, final = round(frames[0]), max(round(frames[-1]), round(frames[0]) + 2)
    return np.array(row + _punch(onsets.bands[first:final]))


def _difference(values: FloatArray, chosen: np.ndarray) -> float:
    if not chosen.any() or chosen.all():
        return 0.0
    return float(values[chosen].mean() - values[~chosen].mean())


def _punch(bands: np.ndarray) -> list[float]:
    """How much each part of the spectrum moves against how loud it is (drums or strings)."""
    groups = np.array_split(bands.astype(np.float64), _LEVELS, axis=1)
    return [
        float(np.abs(np.diff(group, axis=0)).mean() / (group.mean() + 1e-3)) for group in groups
    ]


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
