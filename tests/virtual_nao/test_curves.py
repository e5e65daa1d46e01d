"""Timed calls become the curves that their keys describe."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robodance.virtual_nao.curves import JointCurve, read_bezier, read_timed
from robodance.virtual_nao.deferred import NaoqiError

CYCLE_S = 0.024
FINE = 1e-9  # rad: rounding only

keys = st.lists(st.tuples(st.floats(0.05, 1.0), st.floats(-2.0, 2.0)), min_size=1, max_size=6).map(
    lambda rows: (np.cumsum([gap for gap, _ in rows]), np.array([angle for _, angle in rows]))
)


def sampled(curve, start=0.3):
    """Times and angles of a curve from a start angle."""
    cycles = int(np.ceil(curve.times_s[-1] / CYCLE_S))
    share, rest = curve.columns(cycles, CYCLE_S)
    return np.arange(cycles + 1) * CYCLE_S, share * start + rest


@given(keys)
def test_straight_lines_go_from_the_start_through_every_key(rows):
    times, angles = rows
    (curve,) = read_timed(["HeadYaw"], angles.tolist(), times.tolist())
    at, found = sampled(curve)
    wanted = np.interp(at, [0.0, *times], [0.3, *angles])
    np.testing.assert_allclose(found, wanted, atol=FINE)


@given(keys)
def test_handles_along_straight_lines_give_straight_lines(rows):
    times, angles = rows
    gaps, rises = np.diff(times, prepend=0.0), np.diff(angles, prepend=0.3)
    points = [
        [
            angle,
            [3, -gap / 3, -rise / 3],
            [3, after / 3, up / 3],
        ]
        for angle, gap, rise, after, up in zip(
            angles, gaps, rises, [*gaps[1:], 0.0], [*rises[1:], 0.0], strict=True
        )
    ]
    (curve,) = read_bezier(["HeadYaw"], times.tolist(), points)
    at, found = sampled(curve)
    np.testing.assert_allclose(found, np.interp(at, [0.0, *times], [0.3, *angles]), atol=1e-6)


@settings(max_examples=30)
@given(keys, st.integers(0, 2**31))
def test_a_bezier_curve_is_the_one_drawn_point_by_point(rows, seed):
    times, angles = rows
    rng = np.random.default_rng(seed)
    gaps = np.diff(times, prepend=0.0)
    reach = np.append(gaps[1:], 1.0)
    before = np.column_stack([-gaps * rng.uniform(0.1, 0.9, len(gaps)), rng.normal(size=len(gaps))])
    after = np.column_stack([reach * rng.uniform(0.1, 0.9, len(gaps)), rng.normal(size=len(gaps))])
    at, found = sampled(JointCurve(times, angles, before, after))
    s = np.linspace(0.0, 1.0, 4001)[:, None]
    drawn = []
    p0, handle = np.array([0.0, 0.3]), np.zeros(2)
    for k in range(len(times)):
        p3 = np.array([times[k], angles[k]])
        p1, p2 = p0 + handle, p3 + before[k]
        drawn.append(
            (1 - s) ** 3 * p0 + 3 * s * (1 - s) ** 2 * p1 + 3 * s**2 * (1 - s) * p2 + s**3 * p3
        )
        p0, handle = p3, after[k]
    path = np.concatenate(drawn)
    wanted = np.interp(at, path[:, 0], path[:, 1])
    # Near a handle of no length the curve is steep; the drawn one has 4000 pieces a segment.
    np.testing.assert_allclose(found, wanted, atol=0.02)
    assert np.median(np.abs(found - wanted)) < 1e-4


@pytest.mark.parametrize(
    ("angles", "times", "word"),
    [
        ([0.1, 0.2], [1.0], "one time"),
        ([0.1], [0.0], "positive"),
        ([0.1, 0.2], [1.0, 1.0], "increasing"),
        (["a"], [1.0], "not a angle"),
        ([], [], "as many"),
    ],
)
def test_keys_that_do_not_fit_are_refused(angles, times, word):
    with pytest.raises(NaoqiError, match=word):
        read_timed(["HeadYaw"], angles, times)


def test_a_handle_without_three_parts_is_refused():
    with pytest.raises(NaoqiError, match="dTime"):
        read_bezier(["HeadYaw"], [1.0], [[0.1, [3, 0.1]]])
