"""Distances between sets of features, and intervals for what was measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robodance.values import FloatArray

__all__ = [
    "Cell",
    "binomial_interval",
    "centred_interval",
    "channel_frechet",
    "frechet_distance",
    "ratio_cell",
]

LEVEL = 0.95


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        value: What was measured.
        low: Lower end of the 95 % interval.
        high: Upper end.
        n: Dances (units, raters) that were resampled for the interval.
    """

    value: float
    low: float
    high: float
    n: int

    def as_dict(self) -> dict[str, float | int]:
        """Return plain numbers."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


def frechet_distance(first: FloatArray, second: FloatArray) -> float:
    """Return the Frechet distance of the Gaussians through two sets of features.

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`` (Dowson and Landau, J. Multivariate
    Analysis 1982; the "FID" of Heusel et al., NIPS 2017, as Lee et al. 2019 and Huang et
    al. 2020 use it on dances). The root's trace is the sum of the roots of the eigenvalues
    of ``C1^(1/2) C2 C1^(1/2)``, which stays real where a covariance has no full rank, so
    nothing is added to the diagonals (published code adds 1e-6 or 1e-5).

    Args:
        first: Shape (N, D), N at least 2.
        second: Shape (M, D), M at least 2.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    mean = one.mean(axis=0) - two.mean(axis=0)
    # With fewer samples than dimensions the root is that of a small matrix:
    # tr (C1 C2)^(1/2) is the sum of the singular values of X1 X2^T / sqrt((N-1)(M-1)).
    x = (one - one.mean(axis=0)) / math.sqrt(len(one) - 1)
    y = (two - two.mean(axis=0)) / math.sqrt(len(two) - 1)
    if min(len(x), len(y)) < x.shape[1]:
        overlap = np.linalg.svd(x @ y.T, compute_uv=False).sum()
    else:
        c1, c2 = x.T @ x, y.T @ y
        values, vectors = np.linalg.eigh(c1)
        root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
        inner = np.linalg.eigvalsh(root @ c2 @ root)
        overlap = np.sqrt(np.maximum(inner, 0.0)).sum()
    distance = float(mean @ mean + (x * x).sum() + (y * y).sum() - 2.0 * overlap)
    return max(distance, 0.0)


def channel_frechet(first: FloatArray, second: FloatArray) -> float:
    """Return what the code of Ban 2021 calls Frechet distance.

    For every pair of a feature vector of one set and one of the other, the distance of the
    scalar Gaussians through their *channels*, ``(m - m')^2 + (s - s')^2``, averaged over
    the pairs. It says how alike the channels' means and spreads are, not the dances.

    Args:
        first: Shape (N, D).
        second: Shape (M, D).
    """
    total = 0.0
    for moments in (np.mean, np.std):
        a, b = moments(first, axis=1), moments(second, axis=1)
        total += float((a**2).mean() + (b**2).mean() - 2.0 * a.mean() * b.mean())
    return max(total, 0.0)


def ratio_cell(
    numerators: Sequence[float] | FloatArray,
    denominators: Sequence[float] | FloatArray,
    rng: np.random.Generator,
    resamples: int,
) -> Cell | None:
    """Return the ratio of two sums over dances and its percentile bootstrap interval.

    Dances are drawn with replacement (Efron 1979), since moments of one dance are not
    independent. A mean over dances weighted by length is such a ratio.

    Args:
        numerators: Shape (N,).
        denominators: Shape (N,); dances with 0 do not count.
        rng: Draws.
        resamples: How many draws.

    Returns:
        None where no dance counts.
    """
    top, bottom = np.asarray(numerators, float), np.asarray(denominators, float)
    counts = bottom > 0.0
    top, bottom = top[counts], bottom[counts]
    if not len(top):
        return None
    drawn = rng.integers(len(top), size=(resamples, len(top)))
    ratios = top[drawn].sum(axis=1) / bottom[drawn].sum(axis=1)
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Cell(float(top.sum() / bottom.sum()), float(low), float(high), len(top))


def centred_interval(
    groups: Sequence[Any],
    measure: Callable[[Sequence[Any]], float],
    rng: np.random.Generator,
    resamples: int,
) -> Cell:
    """Return a measure of a set of dances and its bootstrap interval, centred on the value.

    For distances between distributions: sets drawn with replacement hold fewer different
    dances, which shifts such a distance upward. The spread of the draws is kept, their
    shift is taken out, and no end falls below zero.

    Args:
        groups: Whatever ``measure`` knows of each dance.
        measure: Of a sequence of them; may return NaN for a draw that has too little.
        rng: Draws.
        resamples: How many draws.
    """
    value = measure(groups)
    draws = np.array([
        measure([groups[k] for k in rng.integers(len(groups), size=len(groups))])
        for _ in range(resamples)
    ])
    draws = draws[np.isfinite(draws)]
    if len(draws) < 2:
        return Cell(value, math.nan, math.nan, len(groups))
    low, middle, high = np.quantile(draws, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    return Cell(
        value, max(value + float(low - middle), 0.0), value + float(high - middle), len(groups)
    )


def binomial_interval(successes: int, trials: int) -> Cell:
    """Return a share and its exact interval (Clopper and Pearson, Biometrika 1934)."""
    from scipy.stats import beta

    tail = (1 - LEVEL) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = (
        1.0 if successes == trials else float(beta.ppf(1 - tail, successes + 1, trials - successes))
    )
    return Cell(successes / trials if trials else math.nan, low, high, trials)
