"""A classifier of motion style, trained on real training units: the eye of two measures.

Lee et al. 2019 and Huang et al. 2020 train an action classifier on their own poses, take
its last hidden layer for the Frechet distance and its answer for the style accuracy;
neither released one that fits 3-D motion. Ours is a small 1-D convolutional network over
clips of one second: positions seen from the body, their changes, and the body's own
motion over the floor. It is trained here, from the data, the same for the same seed, and
kept in the user's cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from robodance.choreography.sampling import torch_threads
from robodance.evaluation.dances import CLIP_HZ
from robodance.evaluation.novelty import windows
from robodance.output import complete_file
from robodance.resources import cache_folder
from robodance.skeleton import encode_pose
from robodance.values import FloatArray, IntArray

__all__ = ["CLIP_FRAMES", "ClipNet", "StyleNet", "channels", "clips_of", "train_style"]

CLIP_FRAMES = int(CLIP_HZ)  # one second: as long as nearly every unit
CHANNELS = 63 + 63 + 3
EMBEDDING = 32
VERSION = 1  # of everything below; part of the cache's key
EPOCHS, BATCH = 10, 128
LEARNING_RATE, DECAY, NOISE, DROPOUT, SMOOTHING = 1e-3, 1e-2, 0.15, 0.3, 0.1


class ClipNet(nn.Module):
    """A clip of 30 frames to a vector, and to scores."""

    def __init__(self, out: int, embedding: int = EMBEDDING) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList([
            nn.Conv1d(CHANNELS, 64, 5, padding=2),
            nn.Conv1d(64, 64, 5, stride=2, padding=2),
            nn.Conv1d(64, 64, 3, stride=2, padding=1),
        ])
        self.embedding = nn.Linear(64, embedding)
        self.scores = nn.Linear(embedding, out)

    def embed(self, clips: Tensor) -> Tensor:
        """Return the vectors (N, E) of clips (N, T, 129)."""
        hidden = clips.transpose(1, 2)
        for convolution in self.convolutions:
            hidden = functional.leaky_relu(convolution(hidden), 0.1)
        vectors: Tensor = self.embedding(hidden.mean(dim=2))
        return vectors

    def forward(self, clips: Tensor) -> Tensor:
        """Return the scores (N, out) of clips (N, T, 129)."""
        hidden = functional.leaky_relu(self.embed(clips), 0.1)
        scores: Tensor = self.scores(functional.dropout(hidden, DROPOUT, self.training))
        return scores


@dataclass(frozen=True)
class StyleNet:
    """A trained classifier.

    Attributes:
        genres: What it tells apart, in the order of its scores.
        network: The network.
        mean: Shape (129,), of the training clips.
        spread: Shape (129,).
    """

    genres: tuple[str, ...]
    network: ClipNet = field(repr=False)
    mean: FloatArray = field(repr=False)
    spread: FloatArray = field(repr=False)

    def judge(self, clips: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return vectors (N, 32) and log-probabilities (N, G) of clips (N, 30, 129)."""
        if not len(clips):
            return np.zeros((0, EMBEDDING)), np.zeros((0, len(self.genres)))
        with torch_threads(1), torch.inference_mode():
            inputs = torch.from_numpy(standard(clips, self.mean, self.spread))
            vectors = self.network.embed(inputs)
            scores = functional.log_softmax(self.network(inputs), dim=1)
        return vectors.double().numpy(), scores.double().numpy()


def channels(joints_m: FloatArray) -> FloatArray:
    """Return what the networks see of a dance at 30 frames a second; shape (T, 129)."""
    poses = encode_pose(joints_m, CLIP_HZ)
    local = poses[:, :63]
    change = np.diff(local, axis=0, prepend=local[:1])
    change[0] = change[1]
    return np.concatenate([local, CLIP_HZ * change, CLIP_HZ * poses[:, [66, 67, 69]]], axis=1)


def clips_of(joints_m: FloatArray, hop: int) -> FloatArray:
    """Return the clips of a dance at 30 frames a second; shape (N, 30, 129), maybe N = 0."""
    if len(joints_m) < CLIP_FRAMES:
        return np.zeros((0, CLIP_FRAMES, CHANNELS))
    return windows(channels(joints_m), CLIP_FRAMES, hop)


def train_style(
    clips: FloatArray,
    labels: IntArray,
    genres: Sequence[str],
    *,
    seed: int = 0,
    cache: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> StyleNet:
    """Train the classifier on clips of real training units, or take it from the cache.

    Args:
        clips: Shape (N, 30, 129).
        labels: Shape (N,), the number of each clip's genre.
        genres: Their names.
        seed: Same clips, same seed, same machine: same network.
        cache: Folder for trained networks; None: the user's own.
        progress: Told the share done.
    """
    key = hashlib.sha256(np.ascontiguousarray(clips, dtype=np.float32).tobytes())
    key.update(np.ascontiguousarray(labels).tobytes())
    key.update(repr((VERSION, tuple(genres), seed, EPOCHS, torch.__version__)).encode())
    file = (cache or cache_folder()) / "evaluation" / f"style-{key.hexdigest()[:24]}.safetensors"
    mean, spread = moments(clips)
    network = _cached(file, len(genres))
    if network is None:
        network = _fit(standard(clips, mean, spread), labels, len(genres), seed, progress)
        tensors = {name: value.numpy() for name, value in network.state_dict().items()}
        with complete_file(file, option="XDG_CACHE_HOME") as part:
            save_file(tensors, part)
    return StyleNet(tuple(genres), network, mean, spread)


def moments(clips: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and spread of each channel of clips (N, T, 129)."""
    flat = clips.reshape(-1, clips.shape[2])
    return flat.mean(axis=0), np.maximum(flat.std(axis=0), 1e-3)


def standard(clips: FloatArray, mean: FloatArray, spread: FloatArray) -> NDArray[np.float32]:
    return np.clip((clips - mean) / spread, -8.0, 8.0).astype(np.float32)


def _cached(file: Path, genres: int) -> ClipNet | None:
    """Return the network of a file; None where there is none, or a damaged one."""
    if not file.is_file():
        return None
    network = ClipNet(genres)
    try:
        tensors = {name: torch.from_numpy(value) for name, value in load_file(file).items()}
        network.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, OSError):  # damaged: it can be made again
        return None
    return network.eval()


def _fit(
    inputs: NDArray[np.float32],
    labels: IntArray,
    genres: int,
    seed: int,
    progress: Callable[[float], None] | None,
) -> ClipNet:
    """Train with equal shares of the genres, noise on the input and weight decay."""
    data, wanted = torch.from_numpy(inputs), torch.from_numpy(np.asarray(labels))
    share = 1.0 / np.maximum(np.bincount(labels, minlength=genres), 1)[labels]
    weights = torch.from_numpy(share)
    with torch_threads(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ClipNet(genres)
        optimiser = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=DECAY)
        steps = EPOCHS * max(1, len(data) // BATCH)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        network.train()
        for step in range(steps):
            rows = torch.multinomial(weights, min(BATCH, len(data)), replacement=True)
            noisy = data[rows] + NOISE * torch.randn(len(rows), *data.shape[1:])
            loss = functional.cross_entropy(network(noisy), wanted[rows], label_smoothing=SMOOTHING)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            if progress is not None and step % 20 == 0:
                progress(step / steps)
    return network.eval()
