"""What ``robodance train`` runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from robodance.config import EncoderTrainConfig, GenreTrainConfig, TrainConfig, as_printed
from robodance.errors import DataError, UsageError
from robodance.progress import Progress, Silence
from robodance.settings import from_dict, override, read_yaml

__all__ = ["train"]

FAMILIES = ("autoregressive", "encoder", "genre")

Settings = TypeVar("Settings", TrainConfig, EncoderTrainConfig, GenreTrainConfig)


def train(
    family: str,
    *,
    data: Path,
    genre: str | None = None,
    variant: str | None = None,
    out: Path | None = None,
    resume: bool = False,
    start_from: Path | None = None,
    seed: int | None = None,
    config: str | None = None,
    changes: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a generator of dances, the music encoder, or the genre classifier.

    Args:
        family: ``autoregressive``, ``encoder`` or ``genre``.
        data: Folder of the data sets, as published.
        genre: What to learn (autoregressive).
        variant: ``improved`` or ``printed`` (autoregressive).
        out: Folder of the run; None: ``runs/<family>_<genre>``.
        resume: Go on with the run in ``out``.
        start_from: Weight file, or folder of weight files, to begin with (autoregressive).
        seed: Of the training.
        config: YAML file of settings.
        changes: Single settings.
        progress: Told how far the work has come.

    Returns:
        What was made and how it did, ready for JSON.

    Raises:
        UsageError: No such family, or it cannot begin with other weights.
        DataError: The data cannot be read, or ``out`` holds another run.
    """
    tell = progress or Silence()
    if not data.is_dir():
        raise DataError(f"{data}: no such folder; give the folder of the data sets as published")
    if start_from is not None and family != "autoregressive":
        raise UsageError(f"--from is for generators; {family} begins anew")
    if family == "genre":
        return _train_genre(
            _settings(GenreTrainConfig, config, changes, seed), data, out, resume, tell
        )
    if family == "encoder":
        encoder = _settings(EncoderTrainConfig, config, changes, seed)
        return _train_encoder(encoder, data, out, resume, tell)
    if family != "autoregressive":
        raise UsageError(f"unknown family {family!r}; known: {', '.join(FAMILIES)}")
    shape = as_printed if variant == "printed" else None
    settings = _settings(TrainConfig, config, changes, seed, shape)
    if genre is not None:
        settings = override(settings, {"genre": genre}, where="--genre")
    if start_from is not None:
        settings = override(settings, {"start_from": str(start_from)}, where="--from")
    return _train_autoregressive(settings, data, out, resume, tell)


def _settings(
    kind: type[Settings],
    config: str | None,
    changes: Mapping[str, Any] | None,
    seed: int | None,
    shape: Callable[[Settings], Settings] | None = None,
) -> Settings:
    """Return the defaults, changed by a file, by ``shape``, by single settings, by the seed."""
    settings = kind()
    if config is not None:
        settings = from_dict(kind, read_yaml(Path(config)), where=config)
    if shape is not None:
        settings = shape(settings)
    settings = override(settings, changes or {}, where="--set")
    return settings if seed is None else replace(settings, seed=seed)


@contextmanager
def _reporting(tell: Progress, title: str) -> Iterator[Callable[[float, str], None]]:
    """Give a stage's body something to call with the share done and a line about it."""
    with tell.stage(title) as report:

        def progress(share: float, line: str) -> None:
            report(share)
            tell.say(line)

        yield progress


def _train_genre(
    settings: GenreTrainConfig, data: Path, out: Path | None, resume: bool, tell: Progress
) -> dict[str, Any]:
    from robodance.learning.genre_training import train_genre

    folder = out or Path("runs") / "genre"
    with _reporting(tell, "training the genre classifier") as progress:
        return train_genre(data, folder, settings, resume=resume, progress=progress)


def _train_encoder(
    settings: EncoderTrainConfig, data: Path, out: Path | None, resume: bool, tell: Progress
) -> dict[str, Any]:
    from robodance.learning.encoder_training import train_encoder
    from robodance.learning.run_loop import keep_memory

    keep_memory()
    folder = out or Path("runs") / f"encoder_{settings.mode}"
    with _reporting(tell, f"training the music encoder, {settings.mode}") as progress:
        weights = train_encoder(settings, data, folder, resume=resume, progress=progress)
    return {
        "family": "encoder",
        "mode": settings.mode,
        "weights": str(weights),
        "card": str(weights.with_suffix(".json")),
        "curves": str(folder / "curves.jsonl"),
    }


def _train_autoregressive(
    settings: TrainConfig, data: Path, out: Path | None, resume: bool, tell: Progress
) -> dict[str, Any]:
    from robodance.learning.starting import weights_name
    from robodance.learning.training import train as train_generator

    folder = out or Path("runs") / weights_name(settings)
    with _reporting(tell, f"training {settings.genre}") as progress:
        weights = train_generator(settings, data, folder, resume=resume, progress=progress)
    return {
        "family": "autoregressive",
        "genre": settings.genre,
        "weights": str(weights),
        "card": str(weights.with_suffix(".json")),
        "curves": str(folder / "curves.jsonl"),
    }
