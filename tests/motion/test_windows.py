"""Windows of a song, and their halves: nothing is lost, nothing comes twice, no run is cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from robodance.motion.windows import MANY_POINTS, grown, halves_of, runs_of

WINDOWS = st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), min_size=1, max_size=8).map(
    lambda runs: np.concatenate([np.repeat([False, True], run) for run in runs])
)


@given(window=WINDOWS)
def test_runs_are_the_window(window):
    again = np.zeros_like(window)
    for first, last in runs_of(window):
        assert window[first:last].all()
        assert not window[first - 1 : first].any()
        assert not window[last : last + 1].any()
        again[first:last] = True
    np.testing.assert_array_equal(again, window)


@given(window=WINDOWS)
def test_halves_are_the_window_cut_in_a_gap_as_near_its_middle_as_that_goes(window):
    halves = halves_of(window)
    np.testing.assert_array_equal(sum(half.astype(int) for half in halves), window)
    runs = runs_of(window)
    if window.sum() <= MANY_POINTS or len(runs) == 1:
        assert len(halves) == 1
        return
    assert sorted(run for half in halves for run in runs_of(half)) == runs
    longest = max(last - first for first, last in runs)
    assert abs(int(halves[0].sum()) - int(halves[1].sum())) <= longest


@given(window=WINDOWS, reach=st.integers(0, 20))
def test_a_grown_window_has_every_point_that_is_near(window, reach):
    near = np.zeros_like(window)
    for first, last in runs_of(window):
        near[max(first - reach, 0) : last + reach] = True
    np.testing.assert_array_equal(grown(window, reach), near)
