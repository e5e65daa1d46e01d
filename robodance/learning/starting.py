"""Training that begins with weights that dance already, instead of with drawn numbers.

Everything the network knows is kept but what it cannot know: where it is told other music
features than before, their columns begin at zero, so that it first dances as it did
without music; units that it has never seen begin with a code drawn by the seed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import torch

from robodance.choreography.checkpoint import Checkpoint, load_checkpoint
from robodance.choreography.generators.autoregressive import AutoregressiveNet, build
from robodance.choreography.phrases import Vocabulary
from robodance.config import TrainConfig
from robodance.errors import DataError
from robodance.values import FEATURE_DIM

__all__ = ["begin_with", "read_start", "weights_name"]


def weights_name(config: TrainConfig) -> str:
    """Return the name of a run's weight file, without its ending."""
    variant = "" if config.variant == "improved" else f"_{config.variant}"
    return f"autoregressive{variant}_{config.genre}"


def read_start(config: TrainConfig, held_out: Iterable[str]) -> Checkpoint | None:
    """Read the weights that a run begins with; None where it begins anew.

    Args:
        config: Settings of the run.
        held_out: Units that the run does not see.

    Raises:
        DataError: They cannot be read, are of another variant, genre or split of the
            units, or no generator's.
    """
    if config.start_from is None:
        return None
    path = Path(config.start_from)
    if path.is_dir():
        path = path / f"{weights_name(config)}.safetensors"
    start = load_checkpoint(path)
    card = start.card
    if card.get("generator") != "autoregressive":
        raise DataError(f"{path}: not weights of the autoregressive generator; give such weights")
    for name, known, wanted in (
        ("variant", build(card["network"]).config.variant, config.variant),
        ("genre", card.get("genre"), config.genre),
    ):
        if known != wanted:
            raise DataError(
                f"{path}: holds the {name} {known!r}, but {wanted!r} is to be trained; give "
                f"weights of that {name}"
            )
    seen = sorted(set(held_out) - set(card.get("held_out_units", ())))
    if seen:
        raise DataError(
            f"{path}: was trained on {', '.join(seen[:3])}, which this run holds out; give "
            "weights of the same data"
        )
    return start


def begin_with(
    net: AutoregressiveNet, start: Checkpoint, vocabulary: Vocabulary, music: str
) -> None:
    """Put weights into a new network, in place.

    Args:
        net: The network.
        start: The weights, of the same variant.
        vocabulary: Units that ``net`` is to dance.
        music: Kind of the music features that it is to be told.

    Raises:
        DataError: They are of another shape.
    """
    shape = build(start.card["network"]).config
    was, now = asdict(replace(shape, units=net.config.units)), asdict(net.config)
    other = [name for name in now if now[name] != was[name]]
    if other:
        name = other[0]
        raise DataError(
            f"the weights to begin with have {name} {was[name]}, but {now[name]} is to be "
            "trained; set width as it was, or give other weights"
        )
    state = {name: torch.from_numpy(array).clone() for name, array in start.network.items()}
    own = net.state_dict()
    if not net.printed:
        rows = {tag: row for row, tag in enumerate(start.vocabulary.tags)}
        known = [(new, rows[tag]) for new, tag in enumerate(vocabulary.tags) if tag in rows]
        for name, images in (("unit_code.weight", 1), ("upcoming_code.weight", 2)):
            codes = own[name].clone()
            for image in range(images):
                for new, old in known:
                    codes[image * len(vocabulary.tags) + new] = state[name][image * len(rows) + old]
            state[name] = codes
    if start.card.get("music") != music:
        first = net.config.channels[-1]
        state["layers.0.weight"][:, first : first + FEATURE_DIM] = 0.0
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        line = " ".join(str(error).split())[:160]
        raise DataError(f"the weights to begin with do not fit their card ({line})") from error
