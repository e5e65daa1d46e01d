"""How far dances are from training motion and from each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from robodance.values import FloatArray

__all__ = [
    "diversity",
    "dtw_distances",
    "multimodality",
    "nearest_distances",
    "windows",
]

BLOCK = 512  # windows compared at a time


def windows(frames: FloatArray, width: int, hop: int) -> FloatArray:
    """Return every ``hop``-th window of ``width`` frames; shape (N, width, ...), maybe N = 0."""
    starts = np.arange(0, len(frames) - width + 1, hop)
    return np.asarray(frames[starts[:, None] + np.arange(width)])


def nearest_distances(queries: FloatArray, pool: FloatArray) -> FloatArray:
    """Return how far each window is from the nearest of a pool; shape (N,), metres a joint.

    Root mean square over frames and joints of the distance between joints, seen from the
    body (the study's "nearest training window"; it prints no formula).

    Args:
        queries: Shape (N, W, 21, 3), ``root_relative`` joints.
        pool: Shape (M, W, 21, 3), M at least 1.
    """
    other = pool.reshape(len(pool), -1).astype(np.float32)
    squares = (other.astype(np.float64) ** 2).sum(axis=1)
    nearest = []
    for start in range(0, len(queries), BLOCK):
        block = queries[start : start + BLOCK].reshape(-1, other.shape[1])
        product = (block.astype(np.float32) @ other.T).astype(np.float64)
        closest = (squares - 2.0 * product).argmin(axis=1)
        theirs = pool[closest].reshape(len(block), -1)
        exact = ((block - theirs) ** 2).sum(axis=1)  # without cancellation
        nearest.append(np.sqrt(exact / (queries.shape[1] * queries.shape[2])))
    return np.concatenate(nearest) if nearest else np.zeros(0)


def dtw_distances(queries: FloatArray, pool: FloatArray, band: float = 0.1) -> FloatArray:
    """Return how far each segment is from the nearest of a pool by dynamic time warping.

    Ahn et al. 2020 look for the part of the training set that is most like a part of the
    generated dance by DTW (Berndt and Clifford 1994) and print no segment, distance or
    band. Here: steps (1,0), (0,1), (1,1) of weight 1, mean square distance of joints as
    local cost, a band of 10 % of the length (Sakoe and Chiba 1978), and the root of the
    cheapest path's cost over the segment's length; for equal segments 0, and never more
    than the root mean square distance without warping.

    Args:
        queries: Shape (N, W, 21, 3), ``root_relative`` joints.
        pool: Shape (M, W, 21, 3), M at least 1.
        band: Half width of the band, as a share of W.

    Returns:
        Shape (N,), metres a joint.
    """
    width = queries.shape[1]
    reach = max(1, round(band * width))
    other = pool.reshape(len(pool) * width, -1).astype(np.float32)
    squares = (other.astype(np.float64) ** 2).sum(axis=1)
    found = []
    for query in queries:
        frames = query.reshape(width, -1).astype(np.float32)
        own = (frames.astype(np.float64) ** 2).sum(axis=1)
        cost = own[:, None] + squares[None] - 2.0 * (frames @ other.T)
        cost = np.maximum(cost, 0.0).reshape(width, len(pool), width) / queries.shape[2]
        best = int(_cheapest(cost.transpose(0, 2, 1), reach).argmin())
        exact = ((query[:, None] - pool[best][None]) ** 2).sum(axis=(2, 3)) / queries.shape[2]
        found.append(_cheapest(exact[:, :, None], reach)[0] / width)
    return np.asarray(np.sqrt(np.array(found, dtype=np.float64)))


def _cheapest(cost: FloatArray, reach: int) -> FloatArray:
    """Return the cost of the cheapest path through (W, W, M) costs, for each of M."""
    width = len(cost)
    before = np.full((width + 1, cost.shape[2]), np.inf)
    before[0] = 0.0
    for row in range(width):
        now = np.full_like(before, np.inf)
        for column in range(max(0, row - reach), min(width, row + reach + 1)):
            least = np.minimum(np.minimum(before[column], before[column + 1]), now[column])
            now[column + 1] = cost[row, column] + least
        before = now
    return np.asarray(before[width])


def diversity(features: FloatArray) -> float:
    """Return the mean distance of all pairs of dances in a feature space.

    Lee et al. 2019 average 200 random pairs of 50 dances of different songs over 10 trials,
    Huang et al. 2020 500 pairs of 60; all pairs are what both estimate. NaN for one dance.

    Args:
        features: Shape (N, D), one row for each dance.
    """
    if len(features) < 2:
        return float("nan")
    gaps = np.linalg.norm(features[:, None] - features[None], axis=2)
    return float(gaps.sum() / (len(features) * (len(features) - 1)))


def multimodality(features: Sequence[FloatArray]) -> float:
    """Return the mean distance of pairs of dances to the same song.

    Lee et al. 2019: over all pairs of 5 dances of one song, 500 trials; Huang et al. 2020:
    5 dances of each of 60 songs. NaN where no song has two dances.

    Args:
        features: For each song shape (N, D), one row for each dance to it.
    """
    gaps = [
        float(np.linalg.norm(a - b))
        for group in features
        for a, b in itertools.combinations(group, 2)
    ]
    return float(np.mean(gaps)) if gaps else float("nan")
