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
    "collected",
    "conditions",
    "mirror_poses",
    "rollout",
    "torch_threads",
]


@dataclass(frozen=True)
class Normaliser:
    """Mean and spread of the 74 numbers; equal for left and right, so mirroring commutes.

    Attributes:
        mean: Shape (74,).
        spread: Shape (74,).
        heading: Whether the facing direction is one of the numbers, as printed in the paper.
    """

    mean: FloatArray = field(repr=False)
    spread: FloatArray = field(repr=False)
    heading: bool = False

    def standardise(self, poses: FloatArray) -> FloatArray:
        """Return poses (..., 74) with zero mean and unit spread; without heading, facing is 0."""
        standard = (np.asarray(poses) - self.mean) / self.spread
        if not self.heading:
            standard[..., FACING] = 0.0
        return np.asarray(standard)

    def restore(self, standard: FloatArray) -> FloatArray:
        """Return the poses of standardised numbers; without heading, facing is 1, 0, 0."""
        poses = np.asarray(standard, dtype=np.float64) * self.spread + self.mean
        if not self.heading:
            poses[..., FACING] = [1.0, 0.0, 0.0]
        return np.asarray(poses)


def rollout(
    net: AutoregressiveNet,
    frames: Sequence[PhraseFrames],
    phase: FloatArray,
    music: FloatArray,
    *,
    genre: FloatArray | None = None,
    progress: Callable[[float], None] | None = None,
) -> FloatArray:
    """Let a network dance by itself, B dances one after the other, from a history of zeros.

    Args:
        net: The network.
        frames: B chains of phrases of T frames.
        phase: Shape (B, T, 6).
        music: Shape (B, T, 128).
        genre: Shape (G,), shares of the genres, for a network of several.
        progress: Called with the share done.

    Returns:
        Shape (B, T, 74), standardised.
    """
    import torch

    from robodance.choreography.streaming import PoseStream

    tell = progress or (lambda share: None)
    count, length = phase.shape[:2]
    dances = np.empty((count, length, POSE_DIM))
    # One thread: a frame is too little work to share, and threads that wait for each other
    # make it dozens of times slower on a busy machine.
    with torch_threads(1):
        for row, chain in enumerate(frames):
            with torch.inference_mode():
                heard = phase[row : row + 1], music[row : row + 1]
                told = net.tell(conditions([chain], *heard, genre))[0].numpy()
            stream = PoseStream(net)
            for step in range(length):
                dances[row, step] = stream.step(told[step], bool(chain.mirrored[step]))
                if step % 64 == 0:
                    tell((row + step / length) / count)
    return dances


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


def collected(
    frames: Iterator[FloatArray], count: int, progress: Callable[[float], None] | None
) -> FloatArray:
    """Return ``count`` poses (count, 74) that a stream gives one by one."""
    poses = np.empty((count, POSE_DIM))
    with torch_threads(1):  # a frame is too little work to share
        for index, pose in enumerate(frames):
            poses[index] = pose
            if progress is not None and index % 64 == 0:
                progress(index / count)
    return poses


def conditions(
    frames: Sequence[PhraseFrames],
    phase: FloatArray,
    music: FloatArray,
    genre: FloatArray | None = None,
) -> Condition:
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
        genre=torch.tensor([] if genre is None else genre).float().expand(*phase.shape[:2], -1),
    )
