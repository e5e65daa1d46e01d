"""Nearest clips, dynamic time warping, diversity: against brute force and by hand."""

import itertools

import numpy as np
import pytest

from robodance.evaluation.novelty import (
    diversity,
    dtw_distances,
    multimodality,
    nearest_distances,
    windows,
)

FLOAT32 = 1e-4  # products are taken in single precision to choose, not to measure


def test_windows_are_parts_of_the_frames():
    found = windows(np.arange(10.0)[:, None], 4, 3)
    np.testing.assert_array_equal(found[:, :, 0], [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]])
    assert windows(np.arange(3.0)[:, None], 4, 1).shape == (0, 4, 1)


def test_the_nearest_clip_is_that_of_brute_force(rng):
    queries, pool = rng.normal(size=(7, 5, 21, 3)), rng.normal(size=(23, 5, 21, 3))
    expected = [min(np.sqrt(((q - p) ** 2).sum(axis=2).mean()) for p in pool) for q in queries]
    np.testing.assert_allclose(nearest_distances(queries, pool), expected, rtol=FLOAT32)


def test_a_copy_is_at_no_distance_and_a_moved_joint_at_its_own(rng):
    pool = rng.normal(size=(9, 5, 21, 3)).astype(np.float32).astype(np.float64)
    assert nearest_distances(pool[4:5], pool)[0] == 0.0
    moved = pool[4:5].copy()
    moved[:, :, 8, 0] += 0.1
    assert nearest_distances(moved, pool)[0] == pytest.approx(0.1 / np.sqrt(21), rel=FLOAT32)


def brute_force_dtw(one, other, reach):
    """The cheapest of all monotone paths in the band, enumerated by recursion."""
    width = len(one)

    def cost(i, j):
        return ((one[i] - other[j]) ** 2).sum() / one.shape[1]

    def best(i, j):
        if i < 0 or j < 0 or abs(i - j) > reach:
            return np.inf
        if i == j == 0:
            return cost(0, 0)
        return cost(i, j) + min(best(i - 1, j), best(i, j - 1), best(i - 1, j - 1))

    return np.sqrt(best(width - 1, width - 1) / width)


@pytest.mark.parametrize("band", [0.2, 0.5])
def test_warping_is_that_of_brute_force(rng, band):
    queries, pool = rng.normal(size=(3, 5, 4, 3)), rng.normal(size=(4, 5, 4, 3))
    reach = max(1, round(band * 5))
    expected = [min(brute_force_dtw(q, p, reach) for p in pool) for q in queries]
    np.testing.assert_allclose(dtw_distances(queries, pool, band), expected, rtol=FLOAT32)


def test_warping_forgives_a_delay_that_the_plain_distance_does_not(rng):
    path = np.cumsum(rng.normal(size=(40, 21, 3)), axis=0)
    one, late = path[None, 5:35], path[None, 3:33]
    plain = nearest_distances(late, one)[0]
    assert dtw_distances(one, one)[0] == 0.0
    assert dtw_distances(late, one)[0] < 0.6 * plain


def test_warping_is_never_further_than_no_warping(rng):
    queries, pool = rng.normal(size=(5, 10, 21, 3)), rng.normal(size=(6, 10, 21, 3))
    assert (dtw_distances(queries, pool) <= nearest_distances(queries, pool) + 1e-9).all()


def test_diversity_is_the_mean_over_pairs(rng):
    features = rng.normal(size=(6, 3))
    pairs = [np.linalg.norm(a - b) for a, b in itertools.combinations(features, 2)]
    assert diversity(features) == pytest.approx(np.mean(pairs))
    assert diversity(np.zeros((4, 3))) == 0.0
    assert np.isnan(diversity(features[:1]))


def test_multimodality_only_compares_dances_to_the_same_song():
    one, other = np.array([[0.0], [2.0]]), np.array([[100.0], [104.0]])
    assert multimodality([one, other]) == 3.0
    assert np.isnan(multimodality([one[:1], other[:1]]))
