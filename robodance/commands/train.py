"""The command ``robodance train``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from robodance.commands.options import pairs

__all__ = ["add_train"]


def add_train(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the command line."""
    train = commands.add_parser(
        "train",
        parents=[common],
        help="train a generator, the music encoder or the genre classifier",
        description="Train weights; a run that was stopped goes on where it was with --resume.",
    )
    train.add_argument(
        "family", choices=("autoregressive", "encoder", "genre"), help="what to train"
    )
    train.add_argument("--data", required=True, metavar="DIR", help="folder of the data sets")
    train.add_argument("--genre", help="genre of the dances, or all (autoregressive)")
    train.add_argument(
        "--variant",
        choices=("improved", "printed"),
        help="improved (default), or as Ahn et al. print it (autoregressive)",
    )
    train.add_argument("-o", "--out", metavar="DIR", help="folder of the run (default: runs/...)")
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")
    train.add_argument(
        "--from",
        dest="start_from",
        metavar="WEIGHTS",
        help="weight file, or folder of weight files, to begin with (autoregressive)",
    )
    train.add_argument("--seed", type=int, help="seed of the training (default: 0)")
    train.add_argument("--config", metavar="FILE", help="YAML settings of the training")
    train.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> dict[str, Any] | None:
    from robodance.learning.commands import train
    from robodance.progress import console_progress

    return train(
        options.family,
        data=Path(options.data),
        genre=options.genre,
        variant=options.variant,
        out=Path(options.out) if options.out else None,
        resume=options.resume,
        start_from=Path(options.start_from) if options.start_from else None,
        seed=options.seed,
        config=options.config,
        changes=pairs(options.set),
        progress=console_progress(),
    )
