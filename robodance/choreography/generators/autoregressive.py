"""The generator of Ahn et al. 2020: the next pose from the last 32 and the music.

"Generative Autoregressive Networks for 3D Dancing Move Synthesis from Music" (RA-L 2020),
one network per genre.

As in the paper (section III-C): the last 32 poses go through five ConvBlocks (kernel 3,
max-pool by 2, leaky ReLU; 128, 128, 256, 512, 1024 channels), are joined with 128 numbers
of the music and pass three fully connected layers (1024, 512, 512) to the next pose, which
is appended to the history. The history begins as zeros, the mean pose.

Where it departs, and why: the frames are on the beat clock, not at 25 fps; beside the
music the network is told the phase of beat and bar, the choreographic unit it is in, its
place in it, and the unit to come (without it, an L1 network falls into a damped loop); the
facing direction is zero in its history, so that it cannot depend on the compass; and a
mirrored unit is danced by mirroring history and output, exactly.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, PHASE_DIM, BeatClock, beat_phases
from robodance.choreography.phrases import POSITION_DIM, draw_phrases, lay_out
from robodance.choreography.sampling import rollout
from robodance.errors import DataError
from robodance.skeleton import FACING, POSE_DIM
from robodance.values import FEATURE_DIM, FloatArray, SongFeatures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from robodance.choreography.checkpoint import Checkpoint

__all__ = ["Autoregressive", "AutoregressiveNet", "Condition", "NetConfig", "build"]

WARM_UP_BEATS = 2
WARM_UP = WARM_UP_BEATS * FRAMES_PER_BEAT
ENERGY = ("loudness", "onset")  # music features that ask for lively units


@dataclass(frozen=True)
class NetConfig:
    """Shape of the network; travels with its weights."""

    units: int = 40
    """Units of the genre's vocabulary."""
    history: int = 32
    """Poses it looks back on: the paper's w_p."""
    channels: tuple[int, ...] = (128, 128, 256, 512, 1024)
    """Output channels of the ConvBlocks; each halves the length."""
    hidden: tuple[int, ...] = (1024, 512, 512)
    """Fully connected layers."""
    unit_code: int = 24
    """Numbers that stand for the present unit."""
    upcoming_code: int = 16
    """Numbers that stand for the next unit."""
    slope: float = 0.1
    """Of the leaky ReLU below zero."""


@dataclass(frozen=True)
class Condition:
    """What the network is told for one frame of each of B dances.

    Attributes:
        music: Shape (B, 128).
        phase: Shape (B, 6).
        unit: Shape (B,), index.
        upcoming: Shape (B,), index in 0..2 units.
        seen: Shape (B,), 0..1.
        position: Shape (B, 16).
    """

    music: Tensor
    phase: Tensor
    unit: Tensor
    upcoming: Tensor
    seen: Tensor
    position: Tensor


class AutoregressiveNet(nn.Module):
    """Next pose from the last 32 and the condition, all standardised."""

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        widths = (POSE_DIM, *config.channels)
        # A convolution of kernel 3 written as unfold + linear: same numbers, twice as fast
        # on a processor with bfloat16.
        self.blocks = nn.ModuleList(
            nn.Linear(3 * before, after) for before, after in itertools.pairwise(widths)
        )
        told = FEATURE_DIM + PHASE_DIM + config.unit_code + config.upcoming_code + POSITION_DIM
        self.unit_code = nn.Embedding(config.units, config.unit_code)
        self.upcoming_code = nn.Embedding(2 * config.units, config.upcoming_code)
        layers = (config.channels[-1] + told, *config.hidden, POSE_DIM)
        self.layers = nn.ModuleList(
            nn.Linear(before, after) for before, after in itertools.pairwise(layers)
        )
        heading = torch.ones(POSE_DIM)
        heading[FACING] = 0.0
        self.register_buffer("without_heading", heading, persistent=False)
        self.without_heading: Tensor

    def forward(self, history: Tensor, told: Tensor) -> Tensor:
        """Predict the next pose.

        Args:
            history: Shape (B, 32, 74), standardised.
            told: Shape (B, K), from ``tell``.

        Returns:
            Shape (B, 74), standardised; the facing direction is zero.
        """
        hidden = history * self.without_heading
        for block in self.blocks:
            windows = functional.pad(hidden, (0, 0, 1, 1)).unfold(1, 3, 1).flatten(2)
            hidden = block(windows)
            hidden = functional.max_pool1d(hidden.transpose(1, 2), 2).transpose(1, 2)
            hidden = functional.leaky_relu(hidden, self.config.slope)
        out = torch.cat([hidden.flatten(1), told.to(hidden.dtype)], dim=1)
        for layer in self.layers[:-1]:
            out = functional.leaky_relu(layer(out), self.config.slope)
        pose: Tensor = self.layers[-1](out).float()
        return pose * self.without_heading

    def tell(self, condition: Condition, code_noise: Tensor | None = None) -> Tensor:
        """Join everything that is told about frames into one row each; shape (B, K)."""
        unit = self.unit_code(condition.unit)
        if code_noise is not None:
            unit = unit + code_noise
        upcoming = self.upcoming_code(condition.upcoming) * condition.seen[..., None]
        return torch.cat(
            [condition.music, condition.phase, unit, upcoming, condition.position], dim=-1
        )

    def parameter_count(self) -> int:
        """Return how many numbers are trained."""
        return sum(parameter.numel() for parameter in self.parameters())


def build(values: Mapping[str, object]) -> AutoregressiveNet:
    """Build the network from the configuration kept in a card."""
    known = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return AutoregressiveNet(NetConfig(**known))  # type: ignore[arg-type]


class Autoregressive:
    """The trained generator of one genre."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.vocabulary = checkpoint.vocabulary
        self.normaliser = checkpoint.normaliser
        self.card = checkpoint.card
        self.net = build(checkpoint.card["network"])
        state = {name: torch.from_numpy(array) for name, array in checkpoint.network.items()}
        try:
            self.net.load_state_dict(state)
        except RuntimeError as error:
            raise DataError(
                "the weights do not fit the network that their card describes; fetch both again"
            ) from error
        self.net.eval()

    def generate(
        self,
        clock: BeatClock,
        features: SongFeatures,
        first_beat: int,
        beats: int,
        *,
        seed: int,
        progress: Callable[[float], None] | None = None,
    ) -> FloatArray:
        """Imagine a dance; arguments and result as ``Generator.generate``."""
        position = (
            first_beat
            - WARM_UP_BEATS
            + (np.arange((beats + WARM_UP_BEATS) * FRAMES_PER_BEAT) / FRAMES_PER_BEAT)
        )
        rng = np.random.default_rng(seed)
        music = features.at(clock.times_at(position))
        phrases = draw_phrases(self.vocabulary, beats, rng, drive=_drive(features, music[WARM_UP:]))
        # The run-up from the mean pose dances towards the first unit and is dropped.
        laid = lay_out(self.vocabulary, phrases, FRAMES_PER_BEAT).first(beats * FRAMES_PER_BEAT)
        phase = beat_phases(position, clock.bar_position_at(position), clock.beats_per_bar)
        standard = rollout(
            self.net,
            [laid.after_run_up(WARM_UP)],
            phase[None],
            music[None],
            progress=progress,
        )
        return self.normaliser.restore(standard[0, WARM_UP:])


def _drive(features: SongFeatures, music: FloatArray) -> FloatArray | None:
    """Return how much energy each beat of the music has, standardised; None if unknown."""
    columns = [features.names.index(name) for name in ENERGY if name in features.names]
    if not columns:
        return None
    frames = music[:, columns].mean(axis=1)
    energy = frames.reshape(-1, FRAMES_PER_BEAT).mean(axis=1)
    return np.asarray((energy - energy.mean()) / max(float(energy.std()), 1e-6))
