"""Rows of robodance's own generators, on songs that nobody was trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from robodance.audio.description import described_as, features_for
from robodance.choreography.checkpoint import load_checkpoint
from robodance.choreography.dance import create_dance, dance_beats
from robodance.config import ChoreographyConfig
from robodance.errors import DataError
from robodance.evaluation.dances import Row, Sample, music_of
from robodance.evaluation.songs import Ear, rendered_song
from robodance.resources import weights_path
from robodance.values import PoseSequence, SongAnalysis

__all__ = ["Danced", "generator_row", "tempo_dances", "weights_of"]

Progress = Callable[[float], None]

ENCODER_NAME = "music_encoder.safetensors"


@dataclass(frozen=True)
class Danced:
    """A dance at one tempo, on the beats that it dances."""

    genre: str
    bpm: float
    sample: Sample = field(repr=False)


def weights_of(folder: Path | None, genre: str) -> Path:
    """Return the weight file of a genre: shipped, or of a folder: its own, printed, or of all.

    Raises:
        DataError: There is none.
    """
    name = f"autoregressive_{genre}.safetensors"
    path = weights_path(name) if folder is None else folder / name
    if folder is not None and not path.is_file():
        names = (f"printed_{genre}", "all")
        others = [folder / f"autoregressive_{name}.safetensors" for name in names]
        path = next((other for other in others if other.is_file()), path)
    if not path.is_file():
        raise DataError(
            f"{path}: no such weights; train them with 'robodance train', or give "
            "fewer genres with --genre"
        )
    return path


def generator_row(
    name: str,
    songs: Sequence[tuple[Path, str]],
    ear: Ear,
    *,
    weights: Path | None,
    seeds: Sequence[int],
    dance_s: float,
    code: bool,
    progress: Progress | None = None,
) -> Row:
    """Return dances of a generator to songs.

    Args:
        name: Of the row.
        songs: Sound files, each with the genre it is danced as.
        ear: Hears them.
        weights: Folder of the weights; None: the shipped ones.
        seeds: One dance to each song for each; the printed variant draws nothing, so that its
            dances would all be one: it dances once.
        dance_s: Longest part of a song that is danced.
        code: Also hear beats as published code does.
        progress: Told the share done.
    """
    samples: list[Sample] = []
    for number, (path, genre) in enumerate(songs):
        heard = ear.hear(path, genre)
        end = min(heard.song.duration_s, dance_s)
        file = weights_of(weights, genre)
        config, told, music = ChoreographyConfig(weights=str(file)), _as_told(heard, file), None
        drawn = _drawn(load_checkpoint(file).card, seeds)
        for seed in drawn:
            dance = create_dance(told, config, seed=seed, to_s=end)
            if music is None:  # the same for every seed
                times = dance.times_s
                music = music_of(heard.song, heard.features, times, dance.frame_rate_hz, code=code)
            samples.append(
                Sample(
                    f"{path.stem}, seed {seed}",
                    genre,
                    dance.joint_positions_m,
                    dance.frame_rate_hz,
                    dance.beats_s - dance.start_s,
                    music,
                    heard.beats.beats_per_bar,
                )
            )
            if progress is not None:
                progress((number + (seed - drawn[0] + 1) / len(drawn)) / len(songs))
    return Row(name, "judged", tuple(samples))


def tempo_dances(
    genres: Sequence[str],
    tempi_bpm: Sequence[float],
    seeds: Sequence[int],
    *,
    weights: Path | None,
    dance_s: float,
    progress: Progress | None = None,
) -> list[Danced]:
    """Return dances to rendered songs that are alike but for their tempo and their chords.

    Each is danced for as many beats as the slowest has within ``dance_s``: longer dances
    would be more of the genre, whatever their tempo. The beats are those that are danced:
    music nearly twice as fast as a genre is danced at half its beat.
    """
    found = []
    total = len(genres) * len(tempi_bpm)
    for number, (genre, bpm) in enumerate((g, b) for g in genres for b in tempi_bpm):
        path = weights_of(weights, genre)
        card = load_checkpoint(path).card
        heard = rendered_song(bpm, int(_own(card["beats_per_bar"], genre)), genre, seed=11)
        end = min(heard.song.duration_s, dance_s * min(tempi_bpm) / bpm)
        told, config = _as_told(heard, path), ChoreographyConfig(weights=str(path))
        for seed in _drawn(card, seeds):
            dance = create_dance(told, config, seed=seed, to_s=end)
            sample = _on_danced_beats(heard, dance, _own(card["beat_s"], genre))
            found.append(Danced(genre, bpm, sample))
        if progress is not None:
            progress((number + 1) / total)
    return found


def _own(value: float | Mapping[str, float], genre: str) -> float:
    """Return what a card says of a genre; one of several genres says it for each."""
    return float(value[genre] if isinstance(value, Mapping) else value)


def _drawn(card: Mapping[str, Any], seeds: Sequence[int]) -> Sequence[int]:
    """Return the seeds whose dances differ: of the printed variant the first alone."""
    printed = card.get("network", {}).get("variant") == "printed"
    return seeds[:1] if printed else seeds


def _as_told(heard: SongAnalysis, weights: Path) -> SongAnalysis:
    """Return a song with the features that weights ask for.

    An encoder that lies beside the weights counts before the shipped one.
    """
    wanted = features_for(str(load_checkpoint(weights).card.get("music")))
    own = weights.parent / ENCODER_NAME
    return described_as(heard, wanted, own if own.is_file() else None)


def _on_danced_beats(heard: SongAnalysis, dance: PoseSequence, beat_s: float) -> Sample:
    beats, _ = dance_beats(heard.beats, beat_s)
    times = np.asarray(beats.times_s) - dance.start_s
    last = (len(dance.poses) - 1) / dance.frame_rate_hz
    return Sample(
        heard.song.path,
        heard.genre.name,
        dance.joint_positions_m,
        dance.frame_rate_hz,
        times[(times >= 0.0) & (times <= last)],
    )
