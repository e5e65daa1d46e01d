"""How a song is described to those who dance to it: by named numbers, or by the encoder's."""

from __future__ import annotations

from pathlib import Path

from robodance.audio.features import KIND, extract_features
from robodance.errors import UsageError
from robodance.values import Song, SongFeatures

__all__ = ["describe_song", "features_for", "kind_of_features"]


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
