"""The stage HEAR: a song file in, everything that was heard in it out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from robodance.audio.beats import track_beats
from robodance.audio.decode import load_song
from robodance.audio.features import extract_features
from robodance.audio.genre import classify_genre
from robodance.audio.onsets import Onsets, find_onsets
from robodance.config import GENRES, AudioConfig, genre_shares
from robodance.song_file import cut_off_mp3
from robodance.values import Beats, Genre, SongAnalysis

__all__ = ["analyse_song"]

_UNSURE_GENRE = 0.5


def analyse_song(
    path: Path | str,
    config: AudioConfig,
    *,
    progress: Callable[[float], None] | None = None,
) -> SongAnalysis:
    """Hear a song: its beats, its features, the dance it asks for.

    Args:
        path: The sound file.
        config: Tempo, beats and genre that a person gave override the ear.
        progress: Told the share done, 0..1.

    Returns:
        The song with all that was heard; warnings say what the ear is not sure of.

    Raises:
        AudioError: The file cannot be read or is no song, no beat can be heard, or the
            beats file makes no sense.
    """
    tell = progress or (lambda share: None)
    song = load_song(path)
    tell(0.3)
    onsets = find_onsets(song.samples, song.sample_rate_hz)
    tell(0.5)
    beats = track_beats(
        song.samples, song.sample_rate_hz, config, onsets=onsets, name=str(song.path)
    )
    tell(0.7)
    features = extract_features(song.samples, song.sample_rate_hz)
    tell(0.9)
    genre = _genre(config, beats, onsets)
    tell(1.0)
    warnings = _warnings(path, config, beats, genre)
    return SongAnalysis(song, beats, features, genre, tuple(warnings))


def _genre(config: AudioConfig, beats: Beats, onsets: Onsets) -> Genre:
    if config.genre is not None:
        shares = genre_shares(config.genre)
        scores = {name: shares.get(name, 0.0) for name in GENRES}
        return Genre(next(iter(shares)), 1.0, scores, shares if len(shares) > 1 else {})
    return classify_genre(beats, onsets)


def _warnings(path: Path | str, config: AudioConfig, beats: Beats, genre: Genre) -> list[str]:
    warnings = []
    stump = cut_off_mp3(path)
    if stump is not None:
        warnings.append(f"{stump}; what is there is danced")
    if beats.confidence < config.warn_below_confidence:
        warnings.append(
            f"the beat is uncertain ({beats.tempo_bpm:.1f} beats per minute, confidence "
            f"{beats.confidence:.2f}); if it is wrong, give the tempo with --bpm X or the beats "
            "with --beats FILE"
        )
    if genre.confidence < _UNSURE_GENRE:
        warnings.append(
            f"the song is none of {', '.join(GENRES)} for certain; it is danced as the nearest, "
            f"{genre.name} (confidence {genre.confidence:.2f}); choose one with --genre"
        )
    return warnings
