"""What all generator families share when they roll a dance out frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from robodance.choreography.phrases import PhraseFrames
from robodance.skeleton import FACING, MIRROR_ORDER, MIRROR_SIGN, POSE_DIM, mirror_poses
from robodance.values import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

    from robodance.choreography.generators.autoregressive import AutoregressiveNet, Condition

__all__ = [
    "MIRROR_ORDER",
    "MIRROR_SIGN",
    "Normaliser",
    "conditions",
    "mirror_poses",
    "rollout",
    "torch_threads",
]

LARGEST = 12.0  # standard deviations; no network error may feed itself beyond this


@dataclass(frozen=True)
class Normaliser:
    """Mean and spread of the 74 numbers; equal for left and right, so mirroring commutes."""

    mean: FloatArray = field(repr=False)
    spread: FloatArray = field(repr=False)

    def standardise(self, poses: FloatArray) -> FloatArray:
        """Return poses (..., 74) with zero mean and unit spread; facing is zero."""
        standard = (np.asarray(poses) - self.mean) / self.spread
        standard[..., FACING] = 0.0
        return np.asarray(standard)

    def restore(self, standard: FloatArray) -> FloatArray:
        """Return the poses of standardised numbers; facing is 1, 0, 0."""
        poses = np.asarray(standard, dtype=np.float64) * self.spread + self.mean
        poses[..., FACING] = [1.0, 0.0, 0.0]
        return np.asarray(poses)


def rollout(
    net: AutoregressiveNet,
    frames: Sequence[PhraseFrames],
    phase: FloatArray,
    music: FloatArray,
    *,
    progress: Callable[[float], None] | None = None,
) -> FloatArray:
    """Let a network dance by itself, B dances side by side, from a history of zeros.

    A mirrored unit is danced by showing the network the mirrored history and mirroring
    what it answers.

    Args:
        net: The network.
        frames: B chains of phrases of T frames.
        phase: Shape (B, T, 6).
        music: Shape (B, T, 128).
        progress: Called with the share done.

    Returns:
        Shape (B, T, 74), standardised.
    """
    import torch

    length, past = phase.shape[1], net.config.history
    mirrored = torch.from_numpy(np.stack([one.mirrored for one in frames]))
    plain = torch.zeros(len(frames), past + length, POSE_DIM)
    turned = torch.zeros_like(plain)
    order = torch.from_numpy(MIRROR_ORDER)
    sign = torch.from_numpy(MIRROR_SIGN).float()
    # One thread: a frame is too little work to share, and threads that wait for each other
    # make it dozens of times slower on a busy machine.
    with torch_threads(1), torch.inference_mode():
        told = net.tell(conditions(frames, phase, music))
        for step in range(length):
            flip = mirrored[:, step, None]
            history = torch.where(
                flip[..., None], turned[:, step : step + past], plain[:, step : step + past]
            )
            pose = net(history, told[:, step]).clamp(-LARGEST, LARGEST)
            other = pose[:, order] * sign
            plain[:, past + step] = torch.where(flip, other, pose)
            turned[:, past + step] = torch.where(flip, pose, other)
            if progress is not None and step % 64 == 0:
                progress(step / length)
    return np.asarray(plain[:, past:].numpy(), dtype=np.float64)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use ``count`` threads in a ``with`` block, and as many as before after it."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def conditions(frames: Sequence[PhraseFrames], phase: FloatArray, music: FloatArray) -> Condition:
    """Return what the network is told, as tensors of shape (B, T, ...)."""
    import torch

    from robodance.choreography.generators.autoregressive import Condition

    def floats(arrays: Sequence[FloatArray]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).float()

    return Condition(
        music=floats(list(music)),
        phase=floats(list(phase)),
        unit=torch.from_numpy(np.stack([one.unit for one in frames])),
        upcoming=torch.from_numpy(np.stack([one.upcoming for one in frames])),
        seen=floats([one.seen for one in frames]),
        position=floats([one.position for one in frames]),
    )
