"""Distances and intervals against closed forms, second methods and hand-made cases."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from robodance.evaluation.statistics import (
    binomial_interval,
    centred_interval,
    channel_frechet,
    frechet_distance,
    ratio_cell,
)

ROUNDING = 1e-8  # of sums of a few hundred products


def test_frechet_of_one_dimension_is_the_closed_form():
    # (m1 - m2)^2 + (s1 - s2)^2; spreads with N - 1: {0, 2} has mean 1, spread sqrt 2.
    first, second = np.array([[0.0], [2.0]]), np.array([[3.0], [7.0]])
    expected = (1.0 - 5.0) ** 2 + (np.sqrt(2.0) - np.sqrt(8.0)) ** 2
    assert frechet_distance(first, second) == pytest.approx(expected, abs=ROUNDING)


@pytest.mark.parametrize(("n", "m", "d"), [(200, 150, 6), (5, 300, 12), (300, 4, 12), (9, 8, 30)])
def test_frechet_agrees_with_the_matrix_square_root(rng, n, m, d):
    mix = rng.normal(size=(d, d))
    first, second = rng.normal(size=(n, d)) @ mix, 0.5 + rng.normal(size=(m, d))
    c1, c2 = np.cov(first.T), np.cov(second.T)
    tiny = 1e-10 * np.eye(d)  # sqrtm needs full rank
    root = sqrtm((c1 + tiny) @ (c2 + tiny)).real
    gap = first.mean(axis=0) - second.mean(axis=0)
    expected = gap @ gap + np.trace(c1 + c2 - 2.0 * root)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-4)


def test_frechet_of_a_set_with_itself_is_zero_and_with_a_moved_one_the_square_of_the_way(rng):
    features = rng.normal(size=(40, 7))
    assert frechet_distance(features, features) == pytest.approx(0.0, abs=1e-6)
    moved = features + np.full(7, 2.0)
    assert frechet_distance(features, moved) == pytest.approx(28.0, rel=1e-9)


def test_the_coded_distance_is_the_mean_over_pairs(rng):
    first, second = rng.normal(size=(5, 9)), 1.0 + rng.normal(size=(4, 9))
    pairs = [(a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2 for a in first for b in second]
    assert channel_frechet(first, second) == pytest.approx(np.mean(pairs), rel=1e-12)


def test_the_coded_distance_does_not_see_which_channel_is_which(rng):
    features = rng.normal(size=(30, 8)) * np.arange(1, 9)
    turned = features[:, ::-1]
    assert channel_frechet(features, turned) == pytest.approx(
        channel_frechet(features, features), rel=1e-9
    )
    assert frechet_distance(features, turned) > 10.0


def test_a_ratio_is_of_sums_and_its_interval_holds_it(rng):
    cell = ratio_cell([1.0, 3.0, 0.0], [2.0, 2.0, 0.0], rng, 500)
    assert cell.value == pytest.approx(1.0)
    assert cell.n == 2  # a dance without a denominator does not count
    assert (cell.low, cell.high) == (0.5, 1.5)  # the two dances alone
    assert ratio_cell([1.0], [0.0], rng, 50) is None


def test_bootstrap_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        values = rng.normal(3.0, 1.0, size=30)
        cell = ratio_cell(values, np.ones(30), rng, 200)
        covered += cell.low <= 3.0 <= cell.high
    assert 0.88 <= covered / 200 <= 0.99  # of 95 %; 30 values, 200 trials


def test_a_centred_interval_lies_around_the_value_where_draws_are_shifted(rng):
    groups = [rng.normal(size=(6, 4)) for _ in range(8)]
    other = rng.normal(size=(400, 4))

    def measure(chosen):
        return frechet_distance(np.concatenate(chosen), other)

    cell = centred_interval(groups, measure, rng, 60)
    assert 0.0 <= cell.low <= cell.value <= cell.high


@pytest.mark.parametrize(
    ("wins", "n", "low", "high"),
    [(0, 10, 0.0, 0.3085), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1.0)],
)
def test_binomial_intervals_are_those_of_the_tables(wins, n, low, high):
    # Clopper and Pearson's intervals as printed in textbooks.
    cell = binomial_interval(wins, n)
    assert (cell.low, cell.high) == pytest.approx((low, high), abs=1e-4)
