"""The music encoder as it ships: a weight file with its card, and a song's 128 numbers from it.

``music_encoder.safetensors`` holds the network, its heads and the standardisation of the
128 numbers, in half precision. ``music_encoder.json``, the card, says what it was trained
on and how, what was measured, and the SHA-256 of the weight file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

from robodance.audio.encoder_net import (
    FRAME_RATE_HZ,
    SAMPLE_RATE_HZ,
    EncoderConfig,
    Heads,
    MusicEncoder,
)
from robodance.audio.mu_law import mu_law_decode, mu_law_encode
from robodance.errors import DataError
from robodance.resources import weights_path
from robodance.values import FEATURE_DIM, FloatArray, SongFeatures
from robodance.weight_card import read_with_card, write_with_card

__all__ = [
    "FORMAT_VERSION",
    "KIND",
    "LEVEL",
    "EncoderWeights",
    "as_heard",
    "encode_song",
    "levelled",
    "load_encoder",
    "save_encoder",
    "shipped_encoder",
]

KIND = "encoder-128"  # a weight file's own kind has the beginning of its SHA-256 behind it
FORMAT_VERSION = 1
LEVEL = 0.1  # root mean square to which every song is brought
_CLIP = 4.0  # standard deviations


@dataclass(frozen=True)
class EncoderWeights:
    """A music encoder that was read and checked.

    Attributes:
        net: The network, ready to encode.
        heads: What it was pre-trained on.
        mean: Shape (128,), of the training excerpts.
        spread: Shape (128,).
        card: What the card says.
    """

    net: MusicEncoder = field(repr=False)
    heads: Heads = field(repr=False)
    mean: FloatArray = field(repr=False)
    spread: FloatArray = field(repr=False)
    card: Mapping[str, Any] = field(repr=False)

    @property
    def kind(self) -> str:
        """Name of the features: numbers of other weights mean something else."""
        return f"{KIND}/{self.card['sha256'][:12]}"


def levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a song at the common level, so that no recording's loudness matters."""
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return np.asarray(samples * (LEVEL / max(level, 1e-6)), dtype=np.float32)


def as_heard(samples: NDArray[np.float32], sample_rate_hz: int) -> Tensor:
    """Return a song as the network hears it: 22,050 Hz, levelled, through mu-law; shape (N,)."""
    if sample_rate_hz != SAMPLE_RATE_HZ:
        samples = soxr.resample(samples, sample_rate_hz, SAMPLE_RATE_HZ)
    return torch.from_numpy(mu_law_decode(mu_law_encode(levelled(samples))))


def encode_song(
    samples: NDArray[np.float32], sample_rate_hz: int, weights: EncoderWeights
) -> SongFeatures:
    """Describe a song by the encoder's 128 numbers, 25 times a second.

    Args:
        samples: Shape (N,), mono.
        sample_rate_hz: Samples per second; anything but 22,050 is resampled first.
        weights: The encoder.

    Returns:
        Features of shape (T, 128), T = ceil(25 N / sample_rate_hz), in standard
        deviations of the training excerpts.
    """
    with torch.inference_mode():
        numbers = weights.net.encode_song(as_heard(samples, sample_rate_hz))
    standard = (numbers.double().numpy() - weights.mean) / weights.spread
    names = tuple(f"encoder_{index:03d}" for index in range(FEATURE_DIM))
    return SongFeatures(np.clip(standard, -_CLIP, _CLIP), FRAME_RATE_HZ, weights.kind, names)


def shipped_encoder() -> EncoderWeights:
    """Read the encoder that ships.

    Raises:
        DataError: It is not there, or damaged.
    """
    path = weights_path("music_encoder.safetensors")
    if not path.is_file():
        raise DataError(
            f"{path}: the music encoder is not there; install robodance again, or train one with "
            "'robodance train encoder' and give it as choreography.encoder_weights"
        )
    return load_encoder(path)


def save_encoder(
    path: Path,
    net: MusicEncoder,
    heads: Heads,
    standard: tuple[FloatArray, FloatArray],
    card: Mapping[str, Any],
) -> None:
    """Write a weight file and its card; both appear whole or not at all.

    Args:
        path: The weight file, ``.safetensors``.
        net: The network.
        heads: Its heads.
        standard: Mean and spread of the 128 numbers.
        card: Everything the card says; format, network and SHA-256 are added.

    Raises:
        OutputError: They cannot be written.
    """
    from safetensors.numpy import save

    arrays = {
        f"{part}.{name}": tensor.detach().cpu().half().numpy()
        for part, module in (("encoder", net), ("heads", heads))
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    arrays["standard.mean"], arrays["standard.spread"] = (
        np.asarray(array, dtype=np.float32) for array in standard
    )
    content = save(arrays)
    told = {"network": asdict(net.config), "mode": heads.mode, **card}
    write_with_card(path, content, FORMAT_VERSION, told)


def load_encoder(path: Path | str) -> EncoderWeights:
    """Read a weight file of the music encoder and hold it against its card.

    Raises:
        DataError: File or card is missing, damaged, of another format or shape, or they
            do not belong together.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = Path(path)
    content, card = read_with_card(path, FORMAT_VERSION)
    try:
        tensors = {name: tensor.float() for name, tensor in load(content).items()}
        net, heads = MusicEncoder(_shape(card["network"])), Heads(card["mode"])
        for part, module in (("encoder.", net), ("heads.", heads)):
            own = {n.removeprefix(part): t for n, t in tensors.items() if n.startswith(part)}
            missing, unknown = module.load_state_dict(own, strict=False)
            wrong = [n for n in missing if not n.endswith("num_batches_tracked")] + unknown
            if wrong:
                raise DataError(f"{path}: lacks or has too many of {', '.join(wrong[:3])}")
        mean, spread = (tensors[f"standard.{n}"].double().numpy() for n in ("mean", "spread"))
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        line = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: does not hold the music encoder that its card describes ({line}); "
            "fetch both again"
        ) from error
    return EncoderWeights(net.eval(), heads.eval(), mean, spread, card)


def _shape(told: Mapping[str, Any]) -> EncoderConfig:
    return EncoderConfig(
        pools=tuple(told["pools"]),
        widths=tuple(told["widths"]),
        context=told["context"],
        pooling=told["pooling"],
        dropout=told["dropout"],
    )
