"""The network behind the music features of Ahn et al. 2020: a song's sound -> 128 numbers.

H. Ahn, J. Kim, K. Kim and S. Oh, "Generative Autoregressive Networks for 3D Dancing Move
Synthesis from Music", IEEE RA-L 2020, III.B: ten blocks of a 1-D convolutional network
look at two seconds of sound around a frame and leave ``Psi``, 10 steps of 128 numbers,
which a Gaussian window turns into the 128 of the frame.

What the paper leaves open, and what is done here:

* **Subsampling** of the ten blocks. (4, 4, 2 x 8) comes from 44,100 samples to 10 steps
  by rounding down three times. The default (7, 7, 5, 3, 3, 2, 1, 1, 1, 1) divides
  without a rest: a step is 4,410 samples, exactly five frames of 25 a second. So a whole
  song goes through the lower blocks once, at five shifts from the third block on, and
  gives the same numbers as window by window.
* **Edges.** The lower blocks (``context``) see the real sound beyond the window, 3,242
  samples (0.15 s) at either side, silence beyond the song; the upper ones, where a
  window is ten steps, see zeros beyond it. With ``context`` 0 all see zeros, as a network
  that is given 44,100 samples and nothing else.
* **Pooling.** As printed the Gaussian weighs the oldest step most, against the paper's
  own words ("more weighted on the temporally close to the pose frame"); ``centred``,
  the default, weighs the steps next to the frame most.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from robodance.errors import DataError

__all__ = [
    "FINE_BLOCK",
    "FRAME_RATE_HZ",
    "GRID",
    "HOP",
    "SAMPLE_RATE_HZ",
    "STEPS",
    "WINDOW",
    "EncoderConfig",
    "GatedBlock",
    "Heads",
    "MusicEncoder",
    "pooling_weights",
]

SAMPLE_RATE_HZ = 22_050
FRAME_RATE_HZ = 25.0
HOP = 882  # samples from frame to frame
WINDOW = 44_100  # samples around a frame, 2 s
STEPS = 10  # of Psi
FINE_BLOCK = 2  # the third
_PIECE = 15 * 4410  # samples of a song at a time in the first blocks: stays in the cache


@dataclass(frozen=True)
class EncoderConfig:
    """Shape of the network."""

    pools: tuple[int, ...] = (7, 7, 5, 3, 3, 2, 1, 1, 1, 1)
    """How much each block subsamples."""
    widths: tuple[int, ...] = (32, 32, 64, 64, 128, 128, 128, 128, 128, 128)
    """Kernels of each block."""
    context: int = 6
    """How many lower blocks see the sound beyond the window."""
    pooling: str = "centred"
    """printed: weight on the oldest steps; centred: on those next to the frame."""
    dropout: float = 0.1
    """After each block, in training."""

    def __post_init__(self) -> None:
        if len(self.pools) != len(self.widths) or not 0 <= self.context <= len(self.pools):
            raise DataError("an encoder needs as many pools as widths, and at most that context")
        if self.steps() != STEPS:
            raise DataError(f"pools {self.pools} leave {self.steps()} steps of a window, not 10")
        if self.context and WINDOW % math.prod(self.pools[: self.context]):
            raise DataError(f"pools {self.pools} do not divide the window of {WINDOW} samples")
        pooling_weights(self.pooling)

    def steps(self) -> int:
        """Return how many steps a window leaves."""
        length = WINDOW
        for pool in self.pools:
            length //= pool
        return length

    def strides(self) -> tuple[int, ...]:
        """Return how many samples apart two steps are before each block."""
        return tuple(itertools.accumulate((1, *self.pools[:-1]), lambda a, b: a * b))

    def margin(self) -> int:
        """Return how many samples beyond a window, at either side, the lower blocks see."""
        return sum(self.strides()[: self.context])

    def receptive_field(self) -> int:
        """Return how many samples one step of Psi depends on (windows end it earlier)."""
        pairs = zip(self.strides(), self.pools, strict=True)
        return 1 + sum(2 * stride + (pool - 1) * stride for stride, pool in pairs)


def pooling_weights(pooling: str) -> Tensor:
    """Return the ten weights of the Gaussian window (equation 2), shape (10,), summing to 1.

    ``printed``: w(j) = exp(-j^2 / 2) / sum, j = 1..10. ``centred``: j - 5.5 in place of j.
    """
    centre = {"printed": 0.0, "centred": 5.5}.get(pooling)
    if centre is None:
        raise DataError(f"pooling {pooling!r} is neither 'printed' nor 'centred'")
    j = torch.arange(1, STEPS + 1, dtype=torch.float64) - centre
    weights = torch.exp(-0.5 * j**2)
    return (weights / weights.sum()).float()


class GatedBlock(nn.Module):
    """Convolution of 3, batch norm, tanh times sigmoid, a way past, max-pooling, dropout."""

    def __init__(self, before: int, after: int, pool: int, dropout: float) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(before, 2 * after, 3, bias=False)
        self.norm = nn.BatchNorm1d(2 * after)
        self.past = nn.Conv1d(before, after, 1) if before != after else nn.Identity()
        self.pool, self.dropout = pool, nn.Dropout(dropout)

    def forward(self, x: Tensor, *, padded: bool) -> Tensor:
        """Return (B, after, T // pool), or two steps fewer before pooling if not padded."""
        return self.subsample(self.gate(functional.pad(x, (1, 1)) if padded else x))

    def gate(self, x: Tensor) -> Tensor:
        """Return all before pooling: (B, before, T) -> (B, after, T - 2)."""
        signal, gate = self.norm(self.convolution(x)).chunk(2, dim=1)
        passed: Tensor = self.past(x[..., 1:-1])
        return torch.tanh(signal) * torch.sigmoid(gate) + passed

    def subsample(self, x: Tensor) -> Tensor:
        """Return the largest of each ``pool`` steps; a rest is dropped."""
        pooled: Tensor = self.dropout(functional.max_pool1d(x, self.pool) if self.pool > 1 else x)
        return pooled


class MusicEncoder(nn.Module):
    """Sound -> Psi -> 128 numbers a frame."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        shapes = zip(itertools.pairwise((1, *config.widths)), config.pools, strict=True)
        self.blocks = nn.ModuleList(
            GatedBlock(before, after, pool, config.dropout) for (before, after), pool in shapes
        )
        self.register_buffer("weights", pooling_weights(config.pooling), persistent=False)
        self.weights: Tensor

    def forward(self, sound: Tensor) -> Tensor:
        """Return the numbers of the frames whose windows lie in the sound, a step apart.

        Args:
            sound: Shape (B, N), N = 44,100 + 2 margins + 4,410 (M - 1) (without context
                M = 1): M windows with the sound around them.

        Returns:
            Shape (B, M, 128).
        """
        return self.pooled(self.psi(sound))

    def psi(self, sound: Tensor) -> Tensor:
        """Return Psi of the same windows, shape (B, M, 10, 128)."""
        return self.traced(sound)[0]

    def traced(self, sound: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return Psi, and what the third block gives of the whole sound (B, 64, S).

        The latter only where that block sees beyond the window; its cells are a fine clock
        (245 samples each by default) on which onsets can be learned.
        """
        hidden, third = sound[:, None], None
        for index, block in enumerate(self.blocks[: self.config.context]):
            hidden = block(hidden, padded=False)
            third = hidden if index == FINE_BLOCK else third
        length = WINDOW // math.prod(self.config.pools[: self.config.context])
        windows = hidden.unfold(2, length, 1) if self.config.context else hidden[:, :, None]
        return self._upper(windows.transpose(1, 2)), third  # from (B, M, C, length)

    def pooled(self, psi: Tensor) -> Tensor:
        """Return the Gaussian mean of the steps, shape (B, M, 128)."""
        return torch.einsum("bmjc,j->bmc", psi.float(), self.weights)

    def _block(self, index: int) -> GatedBlock:
        return cast(GatedBlock, self.blocks[index])

    def _upper(self, windows: Tensor) -> Tensor:
        """Return Psi (B, M, 10, 128) from what the lower blocks leave of each window."""
        batch, count = windows.shape[:2]
        hidden = windows.reshape(batch * count, *windows.shape[2:])
        for block in self.blocks[self.config.context :]:
            hidden = block(hidden, padded=True)
        return hidden.transpose(1, 2).reshape(batch, count, STEPS, -1)

    def encode_song(self, sound: Tensor) -> Tensor:
        """Return the numbers of every frame of a song; nothing is computed twice on the way.

        Frame ``i`` is centred on sample ``882 i``; beyond the song is silence.

        Args:
            sound: Shape (N,).

        Returns:
            Shape (T, 128), T = ceil(N / 882).
        """
        config = self.config
        frames = math.ceil(len(sound) / HOP)
        if config.context == 0:
            return self._window_by_window(sound, frames)
        phases = math.prod(config.pools) // HOP
        shared = next(i for i, s in enumerate((*config.strides(), 0)) if s == 0 or HOP % s) - 1
        rounds = math.ceil(frames / phases)  # frames of each phase
        beyond = WINDOW // 2 + config.margin()
        samples = (rounds + STEPS) * math.prod(config.pools) + 2 * config.margin()
        padded = functional.pad(sound, (beyond, max(0, samples - beyond - len(sound))))
        ground = self._shared(padded[None, None, :samples], shared)
        hop = HOP // config.strides()[shared]
        length = ground.shape[2] - (phases - 1) * hop
        shifted = torch.cat([ground[..., q * hop : q * hop + length] for q in range(phases)])
        hidden = self._block(shared).subsample(shifted)
        for block in self.blocks[shared + 1 : config.context]:
            hidden = block(hidden, padded=False)
        windows = hidden[..., : rounds + STEPS - 1].unfold(2, STEPS, 1).transpose(1, 2)
        encoded = [self.pooled(self._upper(part)) for part in torch.split(windows, 256, dim=1)]
        return torch.cat(encoded, dim=1).transpose(0, 1).reshape(rounds * phases, -1)[:frames]

    def _shared(self, sound: Tensor, shared: int) -> Tensor:
        """Return what block ``shared`` gives before pooling, for all shifts, piece by piece."""
        strides = self.config.strides()
        step, halo = strides[shared], 2 * sum(strides[: shared + 1])
        count = (sound.shape[2] - halo) // step
        pieces = []
        for first in range(0, count, _PIECE // step):
            last = min(first + _PIECE // step, count)
            hidden = sound[..., first * step : last * step + halo]
            for block in self.blocks[:shared]:
                hidden = block(hidden, padded=False)
            pieces.append(self._block(shared).gate(hidden)[..., : last - first])
        return torch.cat(pieces, dim=2)

    def _window_by_window(self, sound: Tensor, frames: int) -> Tensor:
        beyond = WINDOW // 2
        padded = functional.pad(sound, (beyond, beyond + HOP))
        windows = padded.unfold(0, WINDOW, HOP)[:frames]
        return torch.cat([self(part)[:, 0] for part in torch.split(windows, 8)])

    def parameter_count(self) -> int:
        """Return how many numbers are trained."""
        return sum(parameter.numel() for parameter in self.parameters())


@dataclass(frozen=True)
class TempoGrid:
    """Tempi that a head tells apart: octaves from ``slowest_bpm``, evenly in the logarithm."""

    slowest_bpm: float = 40.0
    octaves: int = 3
    per_octave: int = 36

    @property
    def tempi_bpm(self) -> np.ndarray:
        """All tempi, rising."""
        exponent = np.arange(self.octaves * self.per_octave) / self.per_octave
        return np.asarray(self.slowest_bpm * 2.0**exponent)


GRID = TempoGrid()


class Heads(nn.Module):
    """What the encoder is pre-trained on: layers that say tempo, phase and onset.

    ``multitask`` reads the 128 numbers of a frame: tempo as a distribution over 108
    classes (three octaves of 36), cosine and sine of the beat phase, onset. ``bpm``, as
    printed, reads all of Psi and says one number, the standardised tempo.
    """

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode
        sizes = {"bpm": (STEPS * 128, 1), "multitask": (128, len(GRID.tempi_bpm) + 3)}
        if mode not in sizes:
            raise DataError(f"mode {mode!r} is neither 'bpm' nor 'multitask'")
        inputs, outputs = sizes[mode]
        self.hidden, self.out = nn.Linear(inputs, 128), nn.Linear(128, outputs)

    def forward(self, psi: Tensor, pooled: Tensor) -> Tensor:
        """Return (B, M, outputs) from Psi (B, M, 10, 128) or the pooled (B, M, 128)."""
        told = psi.flatten(2) if self.mode == "bpm" else pooled
        said: Tensor = self.out(functional.relu(self.hidden(told.float())))
        return said
