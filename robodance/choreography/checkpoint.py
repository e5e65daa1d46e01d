"""Weight files: safetensors in half precision, with a card beside them.

``NAME.safetensors`` holds what inference needs: the network, the standardisation, the
names and joins of the units. ``NAME.json``, the card, says what it was trained on and
how, what was measured, and the SHA-256 of the weight file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.choreography.phrases import Vocabulary
from robodance.choreography.sampling import Normaliser
from robodance.errors import DataError
from robodance.weight_card import read_with_card, write_with_card

__all__ = ["FORMAT_VERSION", "Checkpoint", "load_checkpoint", "save_checkpoint"]

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """A weight file that was read and checked.

    Attributes:
        network: Parameters by name.
        vocabulary: The genre's units.
        normaliser: Standardisation of the poses.
        card: What the card says.
    """

    network: Mapping[str, NDArray[np.float32]] = field(repr=False)
    vocabulary: Vocabulary
    normaliser: Normaliser
    card: Mapping[str, Any] = field(repr=False)


def save_checkpoint(
    path: Path,
    network: Mapping[str, NDArray[Any]],
    vocabulary: Vocabulary,
    normaliser: Normaliser,
    card: Mapping[str, Any],
) -> None:
    """Write a weight file and its card; both appear whole or not at all.

    Args:
        path: The weight file, ``.safetensors``.
        network: Parameters by name; stored in half precision.
        vocabulary: The genre's units.
        normaliser: Standardisation of the poses.
        card: Everything the card says; format and SHA-256 are added.

    Raises:
        OutputError: They cannot be written.
    """
    from safetensors.numpy import save

    arrays: dict[str, NDArray[Any]] = {
        f"network.{name}": np.ascontiguousarray(array, dtype=np.float16)
        for name, array in network.items()
    }
    arrays["vocabulary.beats"] = np.asarray(vocabulary.beats, dtype=np.int64)
    for name in ("follows", "distance_m", "liveliness"):
        arrays[f"vocabulary.{name}"] = np.ascontiguousarray(
            getattr(vocabulary, name), dtype=np.float32
        )
    if vocabulary.course is not None:
        arrays["vocabulary.course"] = np.ascontiguousarray(vocabulary.course, dtype=np.float32)
    if vocabulary.group is not None:
        arrays["vocabulary.group"] = np.asarray(vocabulary.group, dtype=np.int64)
    for name in ("mean", "spread"):
        arrays[f"normaliser.{name}"] = np.asarray(getattr(normaliser, name), dtype=np.float32)
    content = save(arrays, metadata={"tags": json.dumps(list(vocabulary.tags))})
    write_with_card(path, content, FORMAT_VERSION, card)


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a weight file and hold it against its card.

    Raises:
        DataError: File or card is missing, damaged, of another format, or they do not
            belong together.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    _, card = read_with_card(path, FORMAT_VERSION)
    try:
        with safe_open(str(path), framework="numpy") as stream:
            tags = json.loads((stream.metadata() or {})["tags"])
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        vocabulary = Vocabulary(
            tags=tuple(tags),
            beats=arrays["vocabulary.beats"],
            follows=arrays["vocabulary.follows"].astype(np.float64),
            distance_m=arrays["vocabulary.distance_m"].astype(np.float64),
            liveliness=arrays["vocabulary.liveliness"].astype(np.float64),
            group=arrays.get("vocabulary.group"),
            course=arrays.get("vocabulary.course"),
        )
        normaliser = Normaliser(
            mean=arrays["normaliser.mean"].astype(np.float64),
            spread=arrays["normaliser.spread"].astype(np.float64),
            heading=card.get("network", {}).get("variant") == "printed",
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise DataError(f"{path}: not a weight file of robodance ({error})") from error
    network = {
        name.removeprefix("network."): array.astype(np.float32)
        for name, array in arrays.items()
        if name.startswith("network.")
    }
    return Checkpoint(network, vocabulary, normaliser, card)
