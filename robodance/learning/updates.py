"""One step of a generator's training: roll-outs with gradient, and what disturbs them.

The network sees its own poses with a rising share, and both the pose and its speed are
compared (an L1 error of poses alone is content with damped motion). ``variant: printed``
is trained as Ahn et al. print it: the L1 error of the pose alone, nothing disturbed, and
the true pose shown with a probability that falls by 0.999 every 40,000 steps. The paper
does not say whether gradients pass through poses of the network's own; here they do.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from robodance.choreography.generators.autoregressive import AutoregressiveNet, Condition
from robodance.choreography.sampling import MIRROR_ORDER, MIRROR_SIGN
from robodance.config import TrainConfig
from robodance.learning.corpus import Corpus
from robodance.learning.run_loop import RunFolder, World

__all__ = ["CorpusTensors", "do_update", "true_pose_share"]

ZERO_HISTORIES = 0.03  # share of roll-outs that begin as a dance does
CODE_NOISE = 0.1
MUSIC_NOISE = 0.3
CLIP = 1.0
DECAY_FROM = 0.6
PRINTED_FORCING, PRINTED_FORCING_STEPS = 0.999, 40_000  # section III-C.3


class CorpusTensors:
    """A corpus as tensors, with windows read by their first predicted frame."""

    def __init__(
        self, corpus: Corpus, history: int, rollout: int, device: torch.device | str = "cpu"
    ) -> None:
        self.poses = torch.from_numpy(corpus.poses).float().to(device)
        self.order = torch.from_numpy(MIRROR_ORDER).to(device)
        self.sign = torch.from_numpy(MIRROR_SIGN).float().to(device)
        self.turned = self.mirror(self.poses)
        self.mirrored = torch.from_numpy(np.ascontiguousarray(corpus.frames.mirrored)).to(device)
        arrays = {
            "music": corpus.music,
            "phase": corpus.phase,
            "unit": corpus.frames.unit,
            "upcoming": corpus.frames.upcoming,
            "seen": corpus.frames.seen,
            "position": corpus.frames.position,
            "genre": corpus.genre,
        }
        tensors = {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}
        self.condition = Condition(**{
            name: (tensor.float() if tensor.is_floating_point() else tensor).to(device)
            for name, tensor in tensors.items()
        })
        self.firsts = _firsts(corpus, history, rollout)
        self.history = history

    def mirror(self, poses: Tensor) -> Tensor:
        """Return poses with left and right exchanged."""
        return poses[..., self.order] * self.sign

    def window(self, first: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor, Condition]:
        """Return history, targets, flips and conditions of roll-outs.

        The history is seen as the first predicted frame sees it; targets each in their
        own view; flips (B, K) say where the view changes.
        """
        first = first.to(self.poses.device)
        past = first[:, None] + torch.arange(-self.history, 0, device=first.device)
        ahead = first[:, None] + torch.arange(length, device=first.device)
        turn = (self.mirrored[past] != self.mirrored[first, None])[..., None]
        history = torch.where(turn, self.turned[past], self.poses[past])
        flips = self.mirrored[ahead] != self.mirrored[ahead - 1]
        condition = Condition(**{
            name: array[ahead] for name, array in vars(self.condition).items()
        })
        return history, self.poses[ahead], flips, condition


def _firsts(corpus: Corpus, history: int, rollout: int) -> Tensor:
    """Return the frames at which a roll-out may begin: its windows cross no border."""
    count = len(corpus.poses)
    free = np.ones(count, dtype=bool)
    free[: history + 1] = free[max(count - rollout, 0) :] = False
    for border in corpus.borders:
        free[max(border - rollout + 1, 0) : border + history] = False
    return torch.from_numpy(np.flatnonzero(free))


def do_update(
    config: TrainConfig, run: RunFolder, tensors: CorpusTensors, world: World, update: int
) -> dict[str, float]:
    """Do one step of the optimiser; every draw comes from (seed, update, shard).

    Returns:
        ``loss``: the L1 error of the pose, in standard deviations.
    """
    net = run.net
    assert isinstance(net, AutoregressiveNet)
    run.optimiser.zero_grad()
    error = torch.zeros(1, device=world.device)
    for shard in world.shards(config.shards):
        seed = (config.seed * 1_000_003 + update) * config.shards + shard
        loss, part = _shard_loss(config, net, tensors, update, torch.Generator().manual_seed(seed))
        (loss / config.shards).backward()  # type: ignore[no-untyped-call]
        error += part.detach() / config.shards
    world.sum_gradients(net)
    world.sum([error])
    for group in run.optimiser.param_groups:
        group["lr"] = _learning_rate(config, update)
    torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP, foreach=True)
    run.optimiser.step()
    run.average(update, config.average)
    return {"loss": float(error)}


def _shard_loss(
    config: TrainConfig,
    net: AutoregressiveNet,
    tensors: CorpusTensors,
    update: int,
    rng: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Return the loss of a shard of roll-outs, and the error of the pose in it."""
    device, count = tensors.poses.device, config.batch // config.shards
    first = tensors.firsts[torch.randint(len(tensors.firsts), (count,), generator=rng)]
    history, targets, flips, condition = tensors.window(first, config.rollout)
    teach = torch.rand(count, config.rollout, 1, generator=rng) < true_pose_share(config, update)
    if net.printed:
        told = net.tell(condition)
    else:
        history = _disturbed_history(history, config, rng)
        told = net.tell(_disturbed(condition, config, rng), _code_noise(net, targets, rng))
    with torch.autocast(device.type, dtype=torch.bfloat16):
        predicted = _roll(net, tensors, history, targets, flips, told, teach.to(device))
    error = (predicted - targets).abs().mean()
    if net.printed:
        return error, error
    steady = ~flips[:, 1:, None]
    speed = ((predicted.diff(dim=1) - targets.diff(dim=1)).abs() * steady).mean()
    return error + config.speed_weight * speed, error


def true_pose_share(config: TrainConfig, update: int) -> float:
    """Return the probability with which the network is shown the true pose, not its own."""
    if config.variant == "printed":
        return float(PRINTED_FORCING ** (update // PRINTED_FORCING_STEPS))
    return max(0.0, 1.0 - update / (config.forced_until * config.updates))


def _roll(
    net: AutoregressiveNet,
    tensors: CorpusTensors,
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
    place = history.device
    loudness = 2.0 * torch.rand(count, 1, 1, generator=rng)
    noise = config.history_noise * loudness * torch.randn(history.shape, generator=rng)
    kick = torch.rand(count, 1, 1, generator=rng) ** 2
    kick = config.history_kick * kick * torch.randn(count, 1, history.shape[2], generator=rng)
    other = history[torch.randperm(count, generator=rng).to(place)]
    swap = torch.rand(count, 1, 1, generator=rng) < config.history_swap
    blank = torch.rand(count, 1, 1, generator=rng) < ZERO_HISTORIES
    disturbed = torch.where(swap.to(place), other, history) + (noise + kick).to(place)
    return disturbed * ~blank.to(place)


def _disturbed(condition: Condition, config: TrainConfig, rng: torch.Generator) -> Condition:
    """Return the condition with noise on the music, or without music."""
    music = condition.music
    noise = MUSIC_NOISE * torch.randn(music.shape, generator=rng)
    keep = torch.rand(len(music), 1, 1, generator=rng) >= config.music_dropout
    values = dict(vars(condition))
    values["music"] = (music + noise.to(music.device)) * keep.to(music.device)
    return Condition(**values)


def _code_noise(net: AutoregressiveNet, targets: Tensor, rng: torch.Generator) -> Tensor:
    """Return noise on the code of the unit, the same over one roll-out."""
    shape = (len(targets), 1, net.config.unit_code)
    return CODE_NOISE * torch.randn(shape, generator=rng).to(targets.device)


def _learning_rate(config: TrainConfig, update: int) -> float:
    if config.variant == "printed":
        return config.learning_rate
    share = update / config.updates
    warm = min(1.0, (update + 1) / 100.0)
    if share < DECAY_FROM:
        return config.learning_rate * warm
    fall = (share - DECAY_FROM) / (1.0 - DECAY_FROM)
    return config.learning_rate * warm * (0.02 + 0.49 * (1.0 + math.cos(math.pi * fall)))
