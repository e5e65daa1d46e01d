"""Whether a dance looks like the dance of similar music (Ren et al. 2020, section 6.3.2).

Printed: find the training music nearest to the dance's music, and compare the dance to
*its* dance: ``|S - S'|^2`` between two vectors of a network that was trained with triplets,
positives from the same of 5 K-means clusters of music. Their music network (a CRNN trained
on FMA) and their dances (K-pop, Let's Dance) are not at hand. Substitutes: mean and
spread of the 128 features of this project's ear over the music, the training units with
the parts of songs that the choreographies pair them with, and the network of ``style.py``
with an ordinary triplet margin loss. As coded the network returns the *length* of its
vector, one number, and compares those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor
from torch.nn import functional

from robodance.choreography.sampling import torch_threads
from robodance.evaluation.style import ClipNet, moments, standard
from robodance.values import FloatArray, IntArray

__all__ = ["CrossModal", "PairedClips", "music_vector", "train_cross_modal"]

CLUSTERS = 5  # as printed, by the silhouette
VECTOR = 128
MARGIN = 0.5
STEPS, BATCH = 500, 96


@dataclass(frozen=True)
class PairedClips:
    """Training motion with its music.

    Attributes:
        clips: Shape (N, 30, 129).
        music: Shape (N, 256), ``music_vector`` of what sounds with each.
    """

    clips: FloatArray = field(repr=False)
    music: FloatArray = field(repr=False)


@dataclass(frozen=True)
class CrossModal:
    """A trained comparison of dance and music."""

    network: ClipNet = field(repr=False)
    mean: FloatArray = field(repr=False)
    spread: FloatArray = field(repr=False)
    music_mean: FloatArray = field(repr=False)
    music_spread: FloatArray = field(repr=False)
    music: FloatArray = field(repr=False)
    """Shape (N, 256), standardised, of the training clips."""
    vectors: FloatArray = field(repr=False)
    """Shape (N, 128), of the training clips."""

    def distances(self, clips: FloatArray, music: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the distances of clips to the dances of the nearest training music.

        Args:
            clips: Shape (N, 30, 129).
            music: Shape (N, 256).

        Returns:
            As printed and as coded, each (N,).
        """
        wanted = (music - self.music_mean) / self.music_spread
        nearest = [int(((self.music - row) ** 2).sum(axis=1).argmin()) for row in wanted]
        ours = self.embed(clips)
        theirs = self.vectors[nearest]
        printed = ((_unit(ours) - _unit(theirs)) ** 2).sum(axis=1)
        lengths = np.linalg.norm(ours, axis=1) - np.linalg.norm(theirs, axis=1)
        return printed, lengths**2

    def embed(self, clips: FloatArray) -> FloatArray:
        """Return the vectors (N, 128) of clips."""
        return _embed(self.network, clips, self.mean, self.spread)


def music_vector(features: FloatArray) -> FloatArray:
    """Return mean and spread of features (T, 128) over some frames; shape (256,)."""
    return np.concatenate([features.mean(axis=0), features.std(axis=0)])


def train_cross_modal(
    pairs: PairedClips, *, seed: int = 0, progress: Callable[[float], None] | None = None
) -> CrossModal:
    """Train the comparison; same pairs, same seed: same network."""
    music_mean = pairs.music.mean(axis=0)
    music_spread = np.maximum(pairs.music.std(axis=0), 1e-6)
    music = (pairs.music - music_mean) / music_spread
    _, clusters = kmeans2(
        music, min(CLUSTERS, len(music)), minit="++", rng=np.random.default_rng(seed)
    )
    mean, spread = moments(pairs.clips)
    network = _fit(standard(pairs.clips, mean, spread), clusters.astype(np.int64), seed, progress)
    vectors = _embed(network, pairs.clips, mean, spread)
    return CrossModal(network, mean, spread, music_mean, music_spread, music, vectors)


def _fit(
    inputs: np.ndarray,
    clusters: IntArray,
    seed: int,
    progress: Callable[[float], None] | None,
) -> ClipNet:
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(clusters == k) for k in np.unique(clusters)]
    data = torch.from_numpy(inputs)
    with torch_threads(1), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ClipNet(1, VECTOR)
        optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2)
        for step in range(STEPS if len(members) > 1 else 0):
            rows = [_triplet(members, rng) for _ in range(BATCH)]
            anchor, near, far = (
                _unit_tensor(network.embed(data[list(k)])) for k in zip(*rows, strict=True)
            )
            loss = functional.triplet_margin_loss(anchor, near, far, margin=MARGIN)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if progress is not None and step % 20 == 0:
                progress(step / STEPS)
    return network.eval()


def _triplet(members: Sequence[IntArray], rng: np.random.Generator) -> tuple[int, int, int]:
    """Draw two clips of one cluster and one of another."""
    one, other = rng.choice(len(members), size=2, replace=False)
    first, second = rng.choice(members[one], size=2)
    return int(first), int(second), int(rng.choice(members[other]))


def _embed(network: ClipNet, clips: FloatArray, mean: FloatArray, spread: FloatArray) -> FloatArray:
    if not len(clips):
        return np.zeros((0, VECTOR))
    with torch_threads(1), torch.inference_mode():
        return np.asarray(
            network.embed(torch.from_numpy(standard(clips, mean, spread))).double().numpy()
        )


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


def _unit_tensor(vectors: Tensor) -> Tensor:
    return functional.normalize(vectors, dim=1)
