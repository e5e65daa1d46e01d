"""Training that begins with weights that dance already, instead of with drawn numbers.

Everything the network knows is kept but what it cannot know: where it is told other music
features than before, their columns begin at zero, so that it first dances as it did
without music; units that it has never seen begin with a code drawn by the seed. One of
all genres may begin with one genre's weights: it dances that one as before, whatever
shares it is told, in the units that all of them are measured in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from robodance.choreography.checkpoint import Checkpoint, load_checkpoint
from robodance.choreography.generators.autoregressive import AutoregressiveNet, build
from robodance.choreography.phrases import Vocabulary
from robodance.choreography.sampling import Normaliser
from robodance.config import GENRES, TrainConfig
from robodance.errors import DataError
from robodance.values import FEATURE_DIM

__all__ = ["begin_with", "read_start", "weights_name"]


def weights_name(config: TrainConfig) -> str:
    """Return the name of a run's weight file, without its ending."""
    variant = "" if config.variant == "improved" else f"_{config.variant}"
    return f"autoregressive{variant}_{config.genre}"


def read_start(config: TrainConfig, held_out: Mapping[str, Iterable[str]]) -> Checkpoint | None:
    """Read the weights that a run begins with; None where it begins anew.

    Args:
        config: Settings of the run.
        held_out: Units of each genre that the run does not see.

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
    genre = card.get("genre")
    for name, known, wanted, fits in (
        ("variant", build(card["network"]).config.variant, config.variant, ()),
        ("genre", genre, config.genre, GENRES if config.genre == "all" else ()),
    ):
        if known != wanted and known not in fits:
            raise DataError(
                f"{path}: holds the {name} {known!r}, but {wanted!r} is to be trained; give "
                f"weights of that {name}"
            )
    unseen = [tag for one, tags in held_out.items() if genre in {one, "all"} for tag in tags]
    seen = sorted(set(unseen) - set(card.get("held_out_units", ())))
    if seen:
        raise DataError(
            f"{path}: was trained on {', '.join(seen[:3])}, which this run holds out; give "
            "weights of the same data"
        )
    return start


def begin_with(
    net: AutoregressiveNet,
    start: Checkpoint,
    vocabulary: Vocabulary,
    normaliser: Normaliser,
    music: str,
) -> None:
    """Put weights into a new network, in place.

    Args:
        net: The network.
        start: The weights, of the same variant.
        vocabulary: Units that ``net`` is to dance.
        normaliser: Standardisation of the poses that ``net`` is to see.
        music: Kind of the music features that it is to be told.

    Raises:
        DataError: They are of another shape.
    """
    shape = build(start.card["network"]).config
    alike = replace(shape, units=net.config.units, genres=net.config.genres)
    was, now = asdict(alike), asdict(net.config)
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
    if net.config.genres and not shape.genres:
        layer = state["layers.0.weight"]
        columns = torch.zeros(len(layer), net.config.genre_code)
        state["layers.0.weight"] = torch.cat([layer, columns], dim=1)
        state["genre_code.weight"] = own["genre_code.weight"]
        _restandardise(state, start.normaliser, normaliser)
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        line = " ".join(str(error).split())[:160]
        raise DataError(f"the weights to begin with do not fit their card ({line})") from error


def _restandardise(state: dict[str, Tensor], was: Normaliser, now: Normaliser) -> None:
    """Let weights see and answer poses of another standardisation, in place.

    The same answers, but for the zeros around the history, which are another mean pose.
    """
    scale = torch.from_numpy(now.spread / was.spread).float()
    shift = torch.from_numpy((now.mean - was.mean) / was.spread).float()
    first = state["blocks.0.weight"]
    state["blocks.0.bias"] = state["blocks.0.bias"] + first @ shift.repeat_interleave(3)
    state["blocks.0.weight"] = first * scale.repeat_interleave(3)
    last = max(int(name.split(".")[1]) for name in state if name.startswith("layers."))
    state[f"layers.{last}.weight"] = state[f"layers.{last}.weight"] / scale[:, None]
    state[f"layers.{last}.bias"] = (state[f"layers.{last}.bias"] - shift) / scale
