"""Training of the autoregressive generator: one resumable loop.

Roll-outs with gradient from the start: the network sees its own poses with a rising
share, and both the pose and its speed are compared (an L1 error of poses alone is
content with damped motion). Every update draws its randomness from (seed, update), so a
run that was killed goes on exactly as it would have.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from robodance.choreography.checkpoint import save_checkpoint
from robodance.choreography.generators.autoregressive import (
    AutoregressiveNet,
    Condition,
    NetConfig,
)
from robodance.choreography.phrases import Vocabulary
from robodance.choreography.sampling import (
    MIRROR_ORDER,
    MIRROR_SIGN,
    Normaliser,
    torch_threads,
)
from robodance.config import TrainConfig
from robodance.learning.corpus import (
    BEATS_PER_BAR,
    Corpus,
    MusicShelf,
    build_corpus,
    build_vocabulary,
    fit_normaliser,
    load_music,
)
from robodance.learning.dataset import UnitLibrary, load_library
from robodance.learning.gate import (
    Figures,
    Verdict,
    as_dict,
    judge,
    reference_figures,
)
from robodance.learning.gate_song import gate_music
from robodance.learning.training_run import TrainingRun, draw_curves
from robodance.values import FEATURE_DIM

__all__ = ["TrainingData", "finish", "prepare", "train"]

ZERO_HISTORIES = 0.03  # share of roll-outs that begin as a dance does
CODE_NOISE = 0.1
MUSIC_NOISE = 0.3
CLIP = 1.0
DECAY_FROM = 0.6
DATA_NOTICE = (
    "ChoreoNet (GitHub abcyzj/ChoreoNet, data/) and, for waltz, Dance with Melody (GitHub "
    "mhy12345/Music-to-Dance-Motion-Synthesis, Tang et al. 2018); no licence is stated with "
    "either. No recorded motion is in this file."
)
LICENCE_NOTICE = "for research use only, since the motion data state no licence"


@dataclass(frozen=True)
class TrainingData:
    """Everything a run needs of the data."""

    library: UnitLibrary
    vocabulary: Vocabulary
    normaliser: Normaliser
    corpus: Corpus
    shelf: MusicShelf


def prepare(config: TrainConfig, data: Path) -> TrainingData:
    """Read the data of a genre and chain it."""
    library = load_library(data, config.genre, seed=0)
    vocabulary = build_vocabulary(library)
    normaliser = fit_normaliser(library)
    shelf = load_music(library, data)
    corpus = build_corpus(
        library, vocabulary, normaliser, shelf, beats=config.chain_beats, seed=config.seed
    )
    return TrainingData(library, vocabulary, normaliser, corpus, shelf)


class _Tensors:
    """A corpus as tensors, with windows read by their first predicted frame."""

    def __init__(self, corpus: Corpus, history: int) -> None:
        self.poses = torch.from_numpy(corpus.poses).float()
        self.order = torch.from_numpy(MIRROR_ORDER)
        self.sign = torch.from_numpy(MIRROR_SIGN).float()
        self.turned = self.mirror(self.poses)
        self.mirrored = torch.from_numpy(np.ascontiguousarray(corpus.frames.mirrored))
        self.condition = Condition(
            music=torch.from_numpy(corpus.music).float(),
            phase=torch.from_numpy(corpus.phase).float(),
            unit=torch.from_numpy(corpus.frames.unit),
            upcoming=torch.from_numpy(corpus.frames.upcoming),
            seen=torch.from_numpy(corpus.frames.seen).float(),
            position=torch.from_numpy(corpus.frames.position).float(),
        )
        self.history = history

    def mirror(self, poses: Tensor) -> Tensor:
        """Return poses with left and right exchanged."""
        return poses[..., self.order] * self.sign

    def window(self, first: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor, Condition]:
        """Return history, targets, flips and conditions of roll-outs.

        The history is seen as the first predicted frame sees it; targets each in their
        own view; flips (B, K) say where the view changes.
        """
        past = first[:, None] + torch.arange(-self.history, 0)
        ahead = first[:, None] + torch.arange(length)
        turn = (self.mirrored[past] != self.mirrored[first, None])[..., None]
        history = torch.where(turn, self.turned[past], self.poses[past])
        flips = self.mirrored[ahead] != self.mirrored[ahead - 1]
        condition = Condition(**{
            name: array[ahead] for name, array in vars(self.condition).items()
        })
        return history, self.poses[ahead], flips, condition


def train(
    config: TrainConfig,
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    progress: Callable[[float, str], None] | None = None,
    prepared: TrainingData | None = None,
) -> Path:
    """Train a generator; the best free run becomes ``weights.safetensors`` with its card.

    Args:
        config: Settings.
        data: Folder of the data sets, as published.
        out: Folder of the run: state, curves, weights.
        resume: Go on with the run in ``out``.
        progress: Called with the share done and a line about it.
        prepared: The data, where the caller has read them already.

    Returns:
        The weight file.

    Raises:
        DataError: The data cannot be read, or ``out`` holds another run.
    """
    out.mkdir(parents=True, exist_ok=True)
    with torch_threads(config.threads):
        prepared = prepared or prepare(config, data)
        run = TrainingRun(config, _new_net(config, prepared.vocabulary), out)
        first = run.restore(resume)
        reference = reference_figures(prepared.library)
        _learn(run, prepared, reference, first, progress)
        weights = finish(config, run.net.config, prepared, out, reference, run.legs)
    draw_curves(out)
    return weights


def _learn(
    run: TrainingRun,
    prepared: TrainingData,
    reference: Mapping[str, Figures],
    first: int,
    progress: Callable[[float, str], None] | None,
) -> None:
    """Do the updates from ``first`` on; notes, free runs and states on the way."""
    config = run.config
    tensors = _Tensors(prepared.corpus, run.net.config.history)
    clock = time.monotonic()
    for update in range(first, config.updates):
        loss = _update(run, tensors, update)
        done = update + 1
        if done % 50 == 0 or done == config.updates:
            pace = (done - first) / max(time.monotonic() - clock, 1e-9)
            run.note({"update": done, "loss": round(loss, 5), "updates_per_s": round(pace, 2)})
            if progress is not None:
                progress(done / config.updates, f"update {done}, loss {loss:.4f}, {pace:.1f}/s")
        late = done > config.updates // 2
        if (late and done % config.gate_every == 0) or done == config.updates:
            verdict = _trial(config, run.averaged(), prepared, reference)
            run.consider(done, verdict)
            if progress is not None:
                progress(done / config.updates, f"free run at {done}: {verdict.as_dict()}")
        if done % config.save_every == 0 or done == config.updates:
            run.save(done)


def finish(
    config: TrainConfig,
    shape: NetConfig,
    prepared: TrainingData,
    out: Path,
    reference: Mapping[str, Figures],
    legs: list[dict[str, Any]],
) -> Path:
    """Write the best weights of a run with their card, after the whole gate.

    The gate's dances are danced to songs rendered for it.
    """
    net = AutoregressiveNet(shape)
    best = {n: t.half().float() for n, t in load_file(str(out / "best.safetensors")).items()}
    net.load_state_dict(best)
    net.eval()
    beat_s = prepared.library.beat_s
    per_bar = BEATS_PER_BAR.get(config.genre, 4)
    verdict = judge(
        net,
        prepared.vocabulary,
        prepared.normaliser,
        gate_music(beat_s, per_bar, count=config.gate_dances),
        reference,
        beat_s=beat_s,
        beats_per_bar=per_bar,
        seeds=range(config.gate_dances),
        frames=config.gate_frames,
    )
    weights = out / f"autoregressive_{config.genre}.safetensors"
    card = {
        "generator": "autoregressive",
        "genre": config.genre,
        "paper": "Ahn et al., Generative Autoregressive Networks for 3D Dancing Move Synthesis "
        "from Music, IEEE RA-L 2020",
        "data": DATA_NOTICE,
        "licence": LICENCE_NOTICE,
        "beat_s": round(beat_s, 5),
        "beats_per_bar": per_bar,
        "network": asdict(shape),
        "parameters": net.parameter_count(),
        "music": _music_kind(prepared.shelf),
        "training": {**asdict(config), "legs": legs},
        "chosen_at_update": json.loads((out / "best.json").read_text(encoding="utf-8"))["update"],
        "held_out_units": sorted(prepared.library.held_out),
        "reference": {name: as_dict(figures) for name, figures in reference.items()},
        "gate": {
            "dances": config.gate_dances,
            "frames": config.gate_frames,
            **verdict.as_dict(),
        },
    }
    arrays = {name: tensor.numpy() for name, tensor in best.items()}
    save_checkpoint(weights, arrays, prepared.vocabulary, prepared.normaliser, card)
    return weights


def _trial(
    config: TrainConfig,
    net: AutoregressiveNet,
    prepared: TrainingData,
    reference: Mapping[str, Figures],
) -> Verdict:
    """Judge a checkpoint by shorter and fewer dances than the gate's, without music."""
    return judge(
        net,
        prepared.vocabulary,
        prepared.normaliser,
        np.zeros((config.trial_dances, 1, FEATURE_DIM)),
        reference,
        beat_s=prepared.library.beat_s,
        beats_per_bar=BEATS_PER_BAR.get(prepared.library.genre, 4),
        seeds=range(1000, 1000 + config.trial_dances),
        frames=config.trial_frames,
    )


def _new_net(config: TrainConfig, vocabulary: Vocabulary) -> AutoregressiveNet:
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        shape = NetConfig(units=len(vocabulary.tags))
        return AutoregressiveNet(
            replace(
                shape,
                channels=tuple(round(config.width * n) for n in shape.channels),
                hidden=tuple(round(config.width * n) for n in shape.hidden),
            )
        )


def _update(run: TrainingRun, tensors: _Tensors, update: int) -> float:
    """Do one step of the optimiser; returns the loss."""
    config, net = run.config, run.net
    rng = torch.Generator().manual_seed(config.seed * 1_000_003 + update)
    count = len(tensors.poses)
    first = torch.randint(
        net.config.history + 1, count - config.rollout, (config.batch,), generator=rng
    )
    history, targets, flips, condition = tensors.window(first, config.rollout)
    history = _disturbed_history(history, config, rng)
    forced = max(0.0, 1.0 - update / (config.forced_until * config.updates))
    teach = torch.rand(config.batch, config.rollout, 1, generator=rng) < forced
    told = net.tell(_disturbed(condition, config, rng), _code_noise(net, targets, rng))

    for group in run.optimiser.param_groups:
        group["lr"] = _learning_rate(config, update)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        predicted = _roll(net, tensors, history, targets, flips, told, teach)
    error = (predicted - targets).abs().mean()
    steady = ~flips[:, 1:, None]
    speed = ((predicted.diff(dim=1) - targets.diff(dim=1)).abs() * steady).mean()
    loss = error + config.speed_weight * speed
    run.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP, foreach=True)
    run.optimiser.step()
    average = min(config.average, (1.0 + update) / (10.0 + update))
    with torch.no_grad():
        mean, now = list(run.mean.values()), [p.detach() for p in net.parameters()]
        torch._foreach_lerp_(mean, now, 1.0 - average)
    return float(error.detach())


def _roll(
    net: AutoregressiveNet,
    tensors: _Tensors,
    history: Tensor,
    targets: Tensor,
    flips: Tensor,
    told: Tensor,
    teach: Tensor,
) -> Tensor:
    """Predict K poses in a row, each after the ones before; shape (B, K, 74)."""
    predictions = []
    for step in range(targets.shape[1]):
        if step and bool(flips[:, step].any()):
            flip = flips[:, step, None, None]
            history = torch.where(flip, tensors.mirror(history), history)
        pose = net(history, told[:, step])
        predictions.append(pose)
        fed = torch.where(teach[:, step], targets[:, step], pose)
        history = torch.cat([history[:, 1:], fed[:, None]], dim=1)
    return torch.stack(predictions, dim=1)


def _disturbed_history(history: Tensor, config: TrainConfig, rng: torch.Generator) -> Tensor:
    """Return histories as a network leaves them that dances by itself, and some beginnings.

    Noise on every frame, a constant offset of the whole history, now and then the history
    of another moment, or none at all.
    """
    count = len(history)
    loudness = 2.0 * torch.rand(count, 1, 1, generator=rng)
    noise = config.history_noise * loudness * torch.randn(history.shape, generator=rng)
    kick = torch.rand(count, 1, 1, generator=rng) ** 2
    kick = config.history_kick * kick * torch.randn(count, 1, history.shape[2], generator=rng)
    other = history[torch.randperm(count, generator=rng)]
    swap = torch.rand(count, 1, 1, generator=rng) < config.history_swap
    blank = torch.rand(count, 1, 1, generator=rng) < ZERO_HISTORIES
    return torch.where(blank, torch.zeros(()), torch.where(swap, other, history) + noise + kick)


def _disturbed(condition: Condition, config: TrainConfig, rng: torch.Generator) -> Condition:
    """Return the condition with noise on the music, or without music."""
    music = condition.music
    music = music + MUSIC_NOISE * torch.randn(music.shape, generator=rng)
    keep = torch.rand(len(music), 1, 1, generator=rng) >= config.music_dropout
    values = dict(vars(condition))
    values["music"] = torch.where(keep, music, torch.zeros(()))
    return Condition(**values)


def _code_noise(net: AutoregressiveNet, targets: Tensor, rng: torch.Generator) -> Tensor:
    """Return noise on the code of the unit, the same over one roll-out."""
    shape = (len(targets), 1, net.config.unit_code)
    return CODE_NOISE * torch.randn(shape, generator=rng)


def _learning_rate(config: TrainConfig, update: int) -> float:
    share = update / config.updates
    warm = min(1.0, (update + 1) / 100.0)
    if share < DECAY_FROM:
        return config.learning_rate * warm
    fall = (share - DECAY_FROM) / (1.0 - DECAY_FROM)
    return config.learning_rate * warm * (0.02 + 0.49 * (1.0 + math.cos(math.pi * fall)))


def _music_kind(shelf: MusicShelf) -> str:
    from robodance.audio.features import KIND

    return shelf.songs[0].kind if shelf.songs else KIND
