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
mirrored unit is danced by mirroring history and output, exactly. A network may know several
genres (the paper's future work): it is told each one's share, so that they can be mixed.

``variant: printed`` departs in none of this (``printed.py`` says how it dances).
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
from robodance.choreography.generators.printed import dance_as_printed
from robodance.choreography.joins import Bridge
from robodance.choreography.phrases import (
    POSITION_DIM,
    Phrase,
    PhraseDraw,
    beginnings,
    draw_phrases,
    lay_out,
)
from robodance.choreography.sampling import collected, conditions
from robodance.choreography.streaming import PoseStream
from robodance.choreography.turns import Turns
from robodance.errors import DataError
from robodance.skeleton import FACING, POSE_DIM
from robodance.values import FEATURE_DIM, FloatArray, SongFeatures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from robodance.choreography.checkpoint import Checkpoint

__all__ = ["Autoregressive", "AutoregressiveNet", "Condition", "NetConfig", "build", "music_drive"]

WARM_UP_BEATS = 2
WARM_UP = WARM_UP_BEATS * FRAMES_PER_BEAT


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
    variant: str = "improved"
    """improved, or printed: told the music alone, and the facing direction with the poses."""
    genres: tuple[str, ...] = ()
    """Genres of a network of several, in the order of their shares; empty: one genre."""
    genre_code: int = 8
    """Numbers that stand for a genre; a mixture's are the mean of theirs."""


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
        genre: Shape (B, G), shares of the genres; G is 0 for a network of one genre.
    """

    music: Tensor
    phase: Tensor
    unit: Tensor
    upcoming: Tensor
    seen: Tensor
    position: Tensor
    genre: Tensor


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
        self.printed = config.variant == "printed"
        told = FEATURE_DIM
        if not self.printed:
            told += PHASE_DIM + config.unit_code + config.upcoming_code + POSITION_DIM
            self.unit_code = nn.Embedding(config.units, config.unit_code)
            self.upcoming_code = nn.Embedding(2 * config.units, config.upcoming_code)
        if config.genres:
            told += config.genre_code
            self.genre_code = nn.Embedding(len(config.genres), config.genre_code)
        layers = (config.channels[-1] + told, *config.hidden, POSE_DIM)
        self.layers = nn.ModuleList(
            nn.Linear(before, after) for before, after in itertools.pairwise(layers)
        )
        heading = torch.ones(POSE_DIM)
        if not self.printed:
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
        if self.printed:
            return condition.music
        unit = self.unit_code(condition.unit)
        if code_noise is not None:
            unit = unit + code_noise
        upcoming = self.upcoming_code(condition.upcoming) * condition.seen[..., None]
        told = [condition.music, condition.phase, unit, upcoming, condition.position]
        if self.config.genres:
            told.append(condition.genre @ self.genre_code.weight)
        return torch.cat(told, dim=-1)

    def parameter_count(self) -> int:
        """Return how many numbers are trained."""
        return sum(parameter.numel() for parameter in self.parameters())


def build(values: Mapping[str, object]) -> AutoregressiveNet:
    """Build the network from the configuration kept in a card."""
    known = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return AutoregressiveNet(NetConfig(**known))  # type: ignore[arg-type]


class Autoregressive:
    """The trained generator of one genre, or of several."""

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
        shares: Mapping[str, float] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> FloatArray:
        """Imagine a dance; arguments and result as ``Generator.generate``."""
        frames = self.stream(clock, features, first_beat, beats, seed=seed, shares=shares)
        return collected(frames, beats * FRAMES_PER_BEAT, progress)

    def stream(
        self,
        clock: BeatClock,
        features: SongFeatures,
        first_beat: int,
        beats: int,
        *,
        seed: int,
        shares: Mapping[str, float] | None = None,
    ) -> Iterator[FloatArray]:
        """Yield the poses (74,) of ``generate``, each when its frame is due.

        The printed variant's frames are those of a clock of its own; it is read from the
        finished dance.
        """
        if self.net.printed:
            yield from dance_as_printed(
                self.net, self.normaliser, clock, features, first_beat, beats
            )
            return
        rng = np.random.default_rng(seed)
        drive = music_drive(features, clock.times_at(first_beat + _frames(beats)))
        phrases = self._draw(beats, rng, drive, shares)
        poses = self.dance(phrases, clock, features, first_beat, shares=shares)
        bridge, begins = Bridge(), beginnings(phrases, FRAMES_PER_BEAT)
        for index, pose in enumerate(itertools.islice(poses, beats * FRAMES_PER_BEAT)):
            yield bridge.step(pose, begins.get(index, 0))

    def dance(
        self,
        phrases: list[Phrase],
        clock: BeatClock,
        features: SongFeatures,
        first_beat: int,
        *,
        shares: Mapping[str, float] | None = None,
    ) -> Iterator[FloatArray]:
        """Yield the poses of a chain of phrases as the network answers, from a zero history.

        A run-up of two beats from the mean pose towards the first unit is dropped.
        """
        beats = sum(phrase.beats for phrase in phrases)
        position = first_beat - WARM_UP_BEATS + _frames(beats + WARM_UP_BEATS)
        laid = lay_out(self.vocabulary, phrases, FRAMES_PER_BEAT).after_run_up(WARM_UP)
        phase = beat_phases(position, clock.bar_position_at(position), clock.beats_per_bar)
        music = features.at(clock.times_at(position))
        genre = self._genre_shares(shares) if self.net.config.genres else None
        with torch.inference_mode():
            told = self.net.tell(conditions([laid], phase[None], music[None], genre))[0].numpy()
        stream = PoseStream(self.net)
        for step in range(len(position)):
            pose = stream.step(told[step], bool(laid.mirrored[step]))
            if step >= WARM_UP:
                yield self.normaliser.restore(pose.astype(np.float64))

    def _draw(
        self,
        beats: int,
        rng: np.random.Generator,
        drive: FloatArray | None,
        shares: Mapping[str, float] | None,
    ) -> list[Phrase]:
        """Draw the chain of phrases; of several genres, each one's units by its share."""
        if not self.net.config.genres:
            return draw_phrases(self.vocabulary, beats, rng, drive=drive)
        draw, turns = PhraseDraw(self.vocabulary, rng, drive), Turns(self._genre_shares(shares))
        while turns.position < beats:
            turns.take(draw.next(turns.position, turns.whose).beats)
        return draw.phrases

    def _genre_shares(self, shares: Mapping[str, float] | None) -> FloatArray:
        """Return the share of each genre of the network, shape (G,)."""
        given = dict(shares or {})
        unknown = sorted(set(given) - set(self.net.config.genres))
        if unknown or not given:
            raise DataError(
                f"the weights know {', '.join(self.net.config.genres)}, not "
                f"{', '.join(unknown) or 'which of them to dance'}; choose with --genre"
            )
        return np.array([given.get(name, 0.0) for name in self.net.config.genres])


def music_drive(features: SongFeatures, times_s: FloatArray) -> FloatArray | None:
    """Return how much energy each beat of the music has, shape (beats,); None if unknown.

    Args:
        features: Of the song.
        times_s: Shape (16 * beats,), moments of the frames of the beat clock.
    """
    frames = features.energy_at(times_s)
    return None if frames is None else frames.reshape(-1, FRAMES_PER_BEAT).mean(axis=1)


def _frames(beats: int) -> FloatArray:
    """Return the frames of some beats, in beats."""
    return np.arange(beats * FRAMES_PER_BEAT) / FRAMES_PER_BEAT
