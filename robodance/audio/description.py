"""How a song is described to those who dance to it: by named numbers, or by the encoder's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from robodance.audio.features import KIND, extract_features
from robodance.errors import UsageError
from robodance.values import Song, SongAnalysis, SongFeatures

__all__ = ["describe_song", "described_as", "features_for", "kind_of_features"]


def describe_song(
    song: Song, features: str, encoder_weights: Path | str | None = None
) -> SongFeatures:
    """Describe a song.

    Args:
        song: The song.
        features: ``spine``, the named numbers of ``audio/features.py``, or ``encoder``.
        encoder_weights: Weight file of the encoder; None: the shipped one.

    Raises:
        UsageError: There are no such features.
        DataError: The encoder's weights cannot be read.
    """
    if features == "spine":
        return extract_features(song.samples, song.sample_rate_hz)
    if features != "encoder":
        raise UsageError(f"unknown features {features!r}; known: spine, encoder")
    from robodance.audio.encoder import encode_song, load_encoder, shipped_encoder

    weights = load_encoder(encoder_weights) if encoder_weights else shipped_encoder()
    return encode_song(song.samples, song.sample_rate_hz, weights)


def described_as(
    analysis: SongAnalysis, features: str, encoder_weights: Path | str | None = None
) -> SongAnalysis:
    """Return a song with other features, where it does not have them yet; its energy stays.

    Args:
        analysis: What was heard.
        features: ``spine`` or ``encoder``.
        encoder_weights: As for ``describe_song``.
    """
    if features == features_for(analysis.features.kind):
        return analysis
    described = describe_song(analysis.song, features, encoder_weights)
    times = np.arange(len(described.values)) / described.frame_rate_hz
    energy = analysis.features.energy_at(times)
    return replace(analysis, features=replace(described, energy=energy))


def kind_of_features(features: str, encoder_weights: Path | str | None = None) -> str:
    """Return the kind that ``describe_song`` gives to such features.

    Raises:
        DataError: The encoder's weights cannot be read.
    """
    if features == "spine":
        return KIND
    from robodance.audio.encoder import load_encoder, shipped_encoder

    return (load_encoder(encoder_weights) if encoder_weights else shipped_encoder()).kind


def features_for(kind: str) -> str:
    """Return which features a kind, as a generator's card names it, belongs to."""
    return "encoder" if kind.startswith("encoder-") else "spine"
