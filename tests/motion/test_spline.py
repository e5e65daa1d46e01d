"""Limits on control points hold on the whole curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.interpolate import CubicSpline

from robodance.motion.spline import Spline, fit_spline, resting_ends

STEP_S = 0.04
ROUNDING = 1e-9

controls = arrays(float, (14, 2), elements=st.floats(-2.0, 2.0))


@given(controls)
@settings(deadline=None)
def test_nothing_between_the_samples_exceeds_the_control_points(control):
    spline = Spline(control, STEP_S)
    times = np.linspace(spline.start_s, spline.end_s, 1000)
    pairs = (
        (spline.at(times), control),
        (spline.at(times, 1), spline.velocity_control()),
        (spline.at(times, 2), spline.acceleration_control()),
    )
    for values, bounds in pairs:
        room = ROUNDING * (1.0 + np.abs(bounds).max())
        assert (values <= bounds.max(axis=0) + room).all()
        assert (values >= bounds.min(axis=0) - room).all()


@given(controls)
@settings(deadline=None)
def test_the_clamped_cubic_through_the_samples_is_the_spline(control):
    spline = Spline(resting_ends(control, control[0]), STEP_S)
    samples = spline.sampled(4)
    curve = CubicSpline(np.arange(len(samples)) * STEP_S / 4, samples, bc_type="clamped")
    times = np.linspace(0.0, spline.end_s, 777)
    for order in range(3):
        exact = spline.at(times, order)
        np.testing.assert_allclose(curve(times, order), exact, atol=1e-9 * 100**order)


def test_samples_are_the_curve_at_even_times():
    spline = Spline(np.random.default_rng(3).normal(size=(9, 3)), STEP_S, start_s=1.0)
    times = 1.0 + np.arange(19) * STEP_S / 3
    for order in range(3):
        np.testing.assert_allclose(spline.sampled(3, order), spline.at(times, order), atol=1e-9)


def test_derivatives_agree_with_differences():
    spline = Spline(np.random.default_rng(4).normal(size=(12, 2)), STEP_S)
    times = np.linspace(0.05, 0.35, 50)
    for order in range(2):
        slope = (spline.at(times + 1e-6, order) - spline.at(times - 1e-6, order)) / 2e-6
        np.testing.assert_allclose(slope, spline.at(times, order + 1), rtol=1e-4, atol=1e-3)


def test_a_fitted_spline_meets_its_values_and_starts_and_ends_at_rest():
    values = np.random.default_rng(5).normal(size=(20, 3))
    spline = fit_spline(values, STEP_S)
    times = np.arange(20) * STEP_S
    np.testing.assert_allclose(spline.at(times), values, atol=1e-12)
    np.testing.assert_allclose(spline.at(times[[0, -1]], 1), 0.0, atol=1e-10)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_resting_ends_hold_the_posture_without_speed_or_acceleration(order):
    posture = np.array([0.3, -0.2])
    control = np.random.default_rng(6).normal(size=(12, 2))
    spline = Spline(resting_ends(control, posture), STEP_S)
    ends = spline.at(np.array([0.0, spline.end_s]), order)
    np.testing.assert_allclose(ends, [posture, posture] if order == 0 else 0.0, atol=1e-12)
