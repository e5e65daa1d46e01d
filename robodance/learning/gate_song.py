"""Songs nobody was trained on, for the free-running gate: rendered here, from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT
from robodance.values import FloatArray, Song

__all__ = ["SAMPLE_RATE_HZ", "gate_music", "render_song"]

SAMPLE_RATE_HZ = 22_050
SONG_BEATS = 96


def gate_music(
    beat_s: float,
    beats_per_bar: int,
    *,
    count: int,
    seed: int = 0,
    features: str = "spine",
    encoder_weights: Path | str | None = None,
) -> FloatArray:
    """Return the features of rendered songs on the beat clock; shape (count, T, 128).

    Args:
        beat_s: Duration of a beat.
        beats_per_bar: Beats in a bar.
        count: How many songs, each with its own chords, sounds and loudness.
        seed: Decides everything.
        features: ``spine`` or ``encoder``.
        encoder_weights: Weight file of the encoder; None: the shipped one.
    """
    from robodance.audio.description import describe_song

    times = np.arange(SONG_BEATS * FRAMES_PER_BEAT) / FRAMES_PER_BEAT * beat_s
    songs = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        samples = render_song(beat_s, beats_per_bar, rng)
        song = Song(f"rendered, {number}", "0" * 64, samples, SAMPLE_RATE_HZ)
        songs.append(describe_song(song, features, encoder_weights).at(times))
    return np.stack(songs)


def render_song(beat_s: float, beats_per_bar: int, rng: np.random.Generator) -> np.ndarray:
    """Render drums on the beats, a bass and chords that change with the bar."""
    time = np.arange(int(SONG_BEATS * beat_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    beat = time / beat_s
    since = np.mod(beat, 1.0) * beat_s
    bar = (beat // beats_per_bar).astype(int)
    loud = np.repeat(rng.uniform(0.3, 1.0, SONG_BEATS), 8)  # by eighth bars of the song
    loud = loud[np.minimum((beat / SONG_BEATS * len(loud)).astype(int), len(loud) - 1)]
    accent = np.where(np.mod(beat, beats_per_bar) < 1.0, 1.0, rng.uniform(0.3, 0.8))
    kick = np.sin(2 * np.pi * 60.0 * since) * np.exp(-since / 0.08) * accent
    hiss = rng.normal(0.0, 1.0, len(time)) * np.exp(-np.mod(since + beat_s / 2, beat_s) / 0.03)
    roots = 110.0 * 2.0 ** (rng.integers(0, 12, bar.max() + 1) / 12.0)
    chord = sum(np.sin(2 * np.pi * roots[bar] * ratio * time) for ratio in (1.0, 2.0, 2.5, 3.0))
    mix = kick + 0.3 * hiss + rng.uniform(0.1, 0.3) * np.asarray(chord)
    return np.asarray(0.2 * loud * mix, dtype=np.float32)
