"""Bars: how many beats they have and on which beat they begin."""

from __future__ import annotations

import numpy as np

from robodance.audio.beat_choice import BeatEvidence, contrast, repeats
from robodance.audio.onsets import ONSET_RATE_HZ, Onsets
from robodance.values import FloatArray, IntArray

__all__ = ["find_bars", "three_beat_odds"]

# Evidence for three beats to the bar against four: a logistic regression fitted as that of
# beat_choice.py. For each curve, how much better every third beat stands out than every
# fourth; and how much better the sound repeats after 3 (6) beats than after 4 (8).
_THREE = {"harmony": 2.29, "bass": 0.97, "middle": 1.56, "all": 1.62, "treble": 1.28}
_REPEATS_ONCE, _REPEATS_TWICE = 0.92, 4.03
_THREE_BIAS = -0.69

# What marks the first beat of a bar, in standard deviations over the song's beats.
_FIRST = {"new_chord": 1.0, "new_bar": 1.0, "bass": 1.0, "all": 0.5}


def find_bars(times_s: FloatArray, onsets: Onsets, evidence: BeatEvidence) -> tuple[IntArray, int]:
    """Number the beats of a song.

    Args:
        times_s: Shape (B,), beats of the whole song.
        onsets: Of the song.
        evidence: The same, ready to read.

    Returns:
        Shape (B,), 1 on downbeats; and the beats per bar, 3 or 4.
    """
    frames = times_s * ONSET_RATE_HZ
    beats_per_bar = 3 if three_beat_odds(frames, evidence) > 0.0 else 4
    at_beats = {name: evidence.at(name, frames) for name in ("bass", "all")}
    at_beats["new_chord"] = _new_harmony(frames, onsets, 1)
    at_beats["new_bar"] = _new_harmony(frames, onsets, beats_per_bar)
    accent = sum(weight * _standard(at_beats[name]) for name, weight in _FIRST.items())
    assert isinstance(accent, np.ndarray)
    means = [float(accent[first::beats_per_bar].mean()) for first in range(beats_per_bar)]
    first = int(np.argmax(means))
    numbers = (np.arange(len(times_s)) - first) % beats_per_bar + 1
    return numbers.astype(np.int64), beats_per_bar


def three_beat_odds(frames: FloatArray, evidence: BeatEvidence) -> float:
    """Return the log odds of three beats to the bar against four, for beats at ``frames``."""
    spectra = evidence.beat_spectra(np.rint(frames).astype(np.int64))
    if len(spectra) < 12:
        return _THREE_BIAS
    lag = repeats(spectra, 8)
    odds = _THREE_BIAS + _REPEATS_ONCE * (lag[2] - lag[3]) + _REPEATS_TWICE * (lag[5] - lag[7])
    for name, weight in _THREE.items():
        strength = evidence.at(name, frames)
        odds += weight * (contrast(strength, 3) - contrast(strength, 4))
    return odds


def _new_harmony(frames: FloatArray, onsets: Onsets, beats: int) -> FloatArray:
    """Cosine distance between the chroma of so many beats after and before each beat, (B,).

    Over a whole bar, a bass that goes between root and fifth is no new harmony.
    """
    edges = np.clip(np.rint(frames).astype(int), 0, len(onsets.chroma) - 1)
    total = np.cumsum(np.pad(onsets.chroma.astype(np.float64), ((1, 0), (0, 0))), axis=0)
    each = np.diff(total[edges], axis=0)  # (B - 1, 12), summed over each beat
    running = np.cumsum(np.pad(each, ((1, 0), (0, 0))), axis=0)  # (B, 12)
    here = np.arange(1, len(running) - 1)
    before = running[here] - running[np.maximum(here - beats, 0)]
    after = running[np.minimum(here + beats, len(running) - 1)] - running[here]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    change = 1.0 - np.sum(before * after, axis=1) / np.maximum(lengths, 1e-9)
    return np.concatenate([[change.mean()], change, [change.mean()]])


def _standard(values: FloatArray) -> FloatArray:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-9))
