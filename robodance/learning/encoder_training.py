"""Pre-training of the music encoder on tempo, in the mode of the paper or a richer one.

``bpm``: the mean squared error of the standardised tempo, as printed (Ahn et al. III.B).
``multitask``: tempo as a distribution over classes a fiftieth apart, right by itself and
right up to octaves; the beat's phase as a point on the circle; onsets. All of it is read
off the 128 numbers of a frame, since that is what the choreographer gets.

Every update draws its excerpts, its shards and its dropout from (seed, update, shard).
Batch norm is taken over each shard; what a shard saw goes into the running statistics as
the mean over all shards. So a run ends the same whether it was killed or not, and with
one process or several.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from robodance.audio.encoder_net import FINE_BLOCK, GRID, EncoderConfig, Heads, MusicEncoder
from robodance.choreography.sampling import torch_threads
from robodance.config import EncoderTrainConfig
from robodance.learning.encoder_songs import Excerpt, HeldSong, draw_excerpts, find_known_songs
from robodance.learning.run_loop import (
    RunFolder,
    World,
    draw_curves,
    learn,
    open_world,
)

__all__ = ["TEMPO_MEAN_BPM", "TEMPO_SPREAD_BPM", "losses", "shape", "train_encoder"]

TEMPO_MEAN_BPM, TEMPO_SPREAD_BPM = 113.0, 38.0  # of the excerpts: standardises the bpm mode
FIXED = ("mode", "seed", "plan", "pooling", "width", "excerpts", "windows", "shards", "held_out")
CLIP = 1.0
DECAY_FROM, WARM_UPDATES = 0.3, 100.0
NORM_MOMENTUM = 0.02
BIN_SPREAD = 1.0  # of a tempo's Gaussian over neighbouring classes
WEIGHTS = {"tempo": 1.0, "octave": 0.5, "phase": 4.0, "onset": 1.0, "steps": 4.0, "fine": 4.0}


def shape(config: EncoderTrainConfig) -> EncoderConfig:
    """Return the network that these settings ask for."""
    base = EncoderConfig(pooling=config.pooling, dropout=config.dropout)
    widths = tuple(
        width if index >= 6 else max(1, round(config.width * width))
        for index, width in enumerate(base.widths)
    )
    if config.plan == "exact":
        return EncoderConfig(base.pools, widths, base.context, config.pooling, config.dropout)
    return EncoderConfig((4, 4) + 8 * (2,), widths, 0, config.pooling, config.dropout)


@dataclass(frozen=True)
class Said:
    """What a network in training says about B excerpts.

    Attributes:
        frames: Shape (B, M, outputs), from the heads.
        steps: Shape (B, M, 10, 2), cosine and sine of the phase at each step of Psi.
        fine: Shape (B, S), log odds of an onset in the cells of the third block, or None.
    """

    frames: Tensor
    steps: Tensor
    fine: Tensor | None


class PretrainingNet(nn.Module):
    """Encoder and heads, and two more readings that make the lower blocks learn sooner.

    Phase at the steps of Psi and onsets on the fine clock of the third block are asked for
    in training only (``multitask``); they do not ship.
    """

    def __init__(self, config: EncoderTrainConfig) -> None:
        super().__init__()
        self.encoder = MusicEncoder(shape(config))
        self.heads = Heads(config.mode)
        self.step = nn.Linear(self.encoder.config.widths[-1], 2)
        self.fine = nn.Conv1d(self.encoder.config.widths[FINE_BLOCK], 1, 1)

    def forward(self, sound: Tensor) -> Said:
        psi, third = self.encoder.traced(sound)
        fine = None if third is None else self.fine(third)[:, 0].float()
        return Said(self.heads(psi, self.encoder.pooled(psi)), self.step(psi).float(), fine)


class _Statistics:
    """Running statistics of all batch norms: the mean over an update's shards goes in."""

    def __init__(self, net: nn.Module) -> None:
        norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm1d)]
        for norm in norms:
            norm.momentum = 1.0  # a forward pass leaves its own statistics in the buffers
        self.buffers = [b for n in norms for b in (n.running_mean, n.running_var) if b is not None]

    def begin(self) -> None:
        self.before = [buffer.clone() for buffer in self.buffers]
        self.sums = [torch.zeros_like(buffer) for buffer in self.buffers]

    def gather(self) -> None:
        for total, buffer in zip(self.sums, self.buffers, strict=True):
            total += buffer

    def settle(self, world: World, shards: int) -> None:
        world.sum(self.sums)
        for buffer, before, total in zip(self.buffers, self.before, self.sums, strict=True):
            buffer.copy_(before + NORM_MOMENTUM * (total / shards - before))


def train_encoder(
    config: EncoderTrainConfig,
    data: Path | None,
    out: Path,
    *,
    resume: bool = False,
    progress: Callable[[float, str], None] | None = None,
    songs: Sequence[HeldSong] | None = None,
) -> Path:
    """Pre-train the encoder; ``music_encoder.safetensors`` and its card appear in ``out``.

    Args:
        config: Settings.
        data: Folder of the data sets, as published; None: synthesised songs only.
        out: Folder of the run: state, curves, weights.
        resume: Go on with the run in ``out``.
        progress: Called with the share done and a line about it.
        songs: The real songs, where the caller has read them already.

    Returns:
        The weight file.

    Raises:
        DataError: The data cannot be read, or ``out`` holds another run.
        UsageError: The processes or the device cannot be had.
    """
    from robodance.learning.encoder_judgement import finish

    out.mkdir(parents=True, exist_ok=True)
    with torch_threads(config.threads), open_world(config.device) as world:
        run, net = _new_run(config, out, world)
        first = run.restore(resume)
        if songs is None:
            held_out = tuple(name.strip() for name in config.held_out.split(","))
            say = None if progress is None else functools.partial(progress, 0.0)
            songs = []
            if data is not None and config.real > 0.0:
                songs = find_known_songs(data, held_out=held_out, say=say)
        statistics = _Statistics(net)
        learn(
            run,
            lambda update: _update(config, run, net, statistics, songs, world, update),
            updates=config.updates,
            first=first,
            save_every=config.save_every,
            note_every=config.note_every,
            progress=progress if world.leads else None,
        )
        weights = out / "music_encoder.safetensors"
        if world.leads:
            finish(config, run, net.encoder.config, songs, data, weights)
            draw_curves(run.rows, out / "curves.png", title=f"music encoder, {config.mode}")
        world.wait()
    return weights


def _new_run(
    config: EncoderTrainConfig, out: Path, world: World
) -> tuple[RunFolder, PretrainingNet]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        net = PretrainingNet(config).to(world.device)
    optimiser = torch.optim.Adam(net.parameters(), lr=config.learning_rate, foreach=True)
    run = RunFolder(out, net, optimiser, asdict(config), fixed=FIXED, leads=world.leads)
    return run, net


def _update(
    config: EncoderTrainConfig,
    run: RunFolder,
    net: PretrainingNet,
    statistics: _Statistics,
    songs: Sequence[HeldSong],
    world: World,
    update: int,
) -> dict[str, float]:
    """Do one step of the optimiser; returns the losses."""
    net.train()
    statistics.begin()
    run.optimiser.zero_grad(set_to_none=True)
    told: list[Tensor] = []
    names: list[str] = []
    for shard in world.shards(config.shards):
        excerpts = draw_excerpts(
            songs,
            (config.seed, update, shard),
            config.excerpts // config.shards,
            windows=config.windows,
            config=net.encoder.config,
            real=config.real,
        )
        sound = torch.from_numpy(np.stack([e.sound for e in excerpts])).to(world.device)
        gpus = [world.device] if world.device.type == "cuda" else []
        with torch.random.fork_rng(devices=gpus):
            torch.manual_seed((config.seed * 1_000_003 + update) * config.shards + shard)
            with torch.autocast(world.device.type, dtype=torch.bfloat16):
                said = net(sound)
        parts = losses(config.mode, said, excerpts)
        (parts["loss"] / config.shards).backward()  # type: ignore[no-untyped-call]
        statistics.gather()
        names = list(parts)
        told.append(torch.stack([part.detach() / config.shards for part in parts.values()]))
    world.sum_gradients(net)
    statistics.settle(world, config.shards)
    total = torch.stack(told).sum(dim=0)
    world.sum([total])
    for group in run.optimiser.param_groups:
        group["lr"] = _learning_rate(config, update)
    torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP, foreach=True)
    run.optimiser.step()
    run.average(update, config.average)
    return dict(zip(names, total.tolist(), strict=True))


def losses(mode: str, said: Said, excerpts: Sequence[Excerpt]) -> dict[str, Tensor]:
    """Return ``loss`` and its parts.

    Args:
        mode: ``bpm`` or ``multitask``.
        said: What the network says about B excerpts of M windows.
        excerpts: The excerpts.
    """
    frames = said.frames
    tempo = _stacked([e.tempo_bpm for e in excerpts], frames)
    if mode == "bpm":
        wanted = (tempo - TEMPO_MEAN_BPM) / TEMPO_SPREAD_BPM
        return {"loss": functional.mse_loss(frames[..., 0], wanted)}
    count = len(GRID.tempi_bpm)
    onset = _stacked([e.onset for e in excerpts], frames)
    parts = {
        **_tempo_losses(frames[..., :count], tempo),
        "phase": functional.mse_loss(
            frames[..., count : count + 2], _circle([e.phase for e in excerpts], frames)
        ),
        "onset": functional.binary_cross_entropy_with_logits(frames[..., count + 2], onset),
        "steps": functional.mse_loss(said.steps, _circle([e.step_phase for e in excerpts], frames)),
    }
    if said.fine is not None:
        fine = _stacked([e.fine_onset for e in excerpts], frames)
        parts["fine"] = functional.binary_cross_entropy_with_logits(said.fine, fine)
    total = torch.stack([WEIGHTS[name] * part for name, part in parts.items()]).sum()
    return {"loss": total, **parts}


def _tempo_losses(scores: Tensor, tempo_bpm: Tensor) -> dict[str, Tensor]:
    """Return the cross entropies up to octaves and of the class itself.

    Args:
        scores: Shape (B, M, 108).
        tempo_bpm: Shape (B, M).
    """
    logits = scores.log_softmax(dim=-1)
    place = torch.log2(tempo_bpm / GRID.slowest_bpm) * GRID.per_octave
    gap = torch.arange(scores.shape[-1], device=scores.device) - place[..., None]
    by_octave = logits.reshape(*logits.shape[:-1], GRID.octaves, GRID.per_octave)
    half = GRID.per_octave / 2
    around = torch.remainder(gap[..., : GRID.per_octave] + half, GRID.per_octave) - half
    return {
        "tempo": -(_spread(around) * by_octave.logsumexp(dim=-2)).sum(dim=-1).mean(),
        "octave": -(_spread(gap) * logits).sum(dim=-1).mean(),
    }


def _circle(phases: Sequence[np.ndarray], like: Tensor) -> Tensor:
    """Return cosine and sine of beat phases, shape (..., 2)."""
    angle = 2.0 * torch.pi * _stacked(phases, like)
    return torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1)


def _spread(gap: Tensor) -> Tensor:
    """Return a Gaussian over classes, summing to 1."""
    weight = torch.exp(-0.5 * (gap / BIN_SPREAD) ** 2)
    return weight / weight.sum(dim=-1, keepdim=True)


def _stacked(arrays: Sequence[np.ndarray], like: Tensor) -> Tensor:
    return torch.from_numpy(np.stack(arrays)).to(like.device, torch.float32)


def _learning_rate(config: EncoderTrainConfig, update: int) -> float:
    share = update / config.updates
    warm = min(1.0, (update + 1) / WARM_UPDATES)
    if share < DECAY_FROM:
        return config.learning_rate * warm
    fall = (share - DECAY_FROM) / (1.0 - DECAY_FROM)
    return config.learning_rate * warm * (0.01 + 0.495 * (1.0 + math.cos(math.pi * fall)))
