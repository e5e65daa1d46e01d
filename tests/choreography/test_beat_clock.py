"""The beat clock maps seconds to beats monotonically and without a kink."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robodance.choreography.beat_clock import BeatClock, beat_phases, resample
from robodance.values import Beats


def beats_of(steps, beats_per_bar=4, start=0.7):
    times = start + np.concatenate([[0.0], np.cumsum(steps)])
    numbers = np.arange(len(times)) % beats_per_bar + 1
    return Beats(times, numbers, beats_per_bar, 60.0 / float(np.median(steps)), 1.0)


steps = st.lists(st.floats(0.25, 1.5), min_size=3, max_size=30)


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_time_never_runs_backwards_and_beats_fall_on_whole_numbers(steps):
    beats = beats_of(steps)
    clock = BeatClock(beats)
    np.testing.assert_allclose(clock.beats_at(beats.times_s), np.arange(len(steps) + 1), atol=1e-9)
    times = np.linspace(-5.0, beats.times_s[-1] + 5.0, 4000)
    assert (np.diff(clock.beats_at(times)) > 0.0).all()


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_the_slope_is_continuous(steps):
    """One-sided slopes agree at every beat: nobody jerks when the tempo changes."""
    beats = beats_of(steps)
    clock, near = BeatClock(beats), 1e-5
    left = clock.beats_at(beats.times_s) - clock.beats_at(beats.times_s - near)
    right = clock.beats_at(beats.times_s + near) - clock.beats_at(beats.times_s)
    # Beats per second lie in 0.6..4; the second derivative times 1e-5 s is far below 0.01.
    np.testing.assert_allclose(left / near, right / near, atol=0.01)


def test_linear_interpolation_would_have_a_kink():
    """The other half of the pair: what the map is there to avoid."""
    times, near = np.array([0.0, 0.5, 1.5]), 1e-5
    left = 1.0 - np.interp(0.5 - near, times, [0.0, 1.0, 2.0])
    right = np.interp(0.5 + near, times, [0.0, 1.0, 2.0]) - 1.0
    assert abs(left - right) / near > 0.9


@settings(max_examples=40, deadline=None)
@given(steps=steps)
def test_the_inverse_leads_back(steps):
    beats = beats_of(steps)
    clock = BeatClock(beats)
    wanted = np.linspace(-4.0, len(steps) + 4.0, 200)
    np.testing.assert_allclose(clock.beats_at(clock.times_at(wanted)), wanted, atol=1e-6)


def test_outside_the_beats_the_tempo_goes_on():
    clock = BeatClock(beats_of([0.5] * 8, start=2.0))
    np.testing.assert_allclose(clock.beats_at(np.array([0.0, 8.0])), [-4.0, 12.0], atol=1e-9)


@pytest.mark.parametrize("per_bar", [3, 4])
def test_bar_position_follows_the_numbers(per_bar):
    clock = BeatClock(beats_of([0.5] * 12, beats_per_bar=per_bar))
    beats = np.array([0.0, 1.25, per_bar, -1.0, 14.5])
    expected = np.mod(beats, per_bar)
    np.testing.assert_allclose(clock.bar_position_at(beats), expected, atol=1e-12)


def test_phases_return_after_their_period():
    beats = np.arange(0.0, 24.0, 0.25)
    phases = beat_phases(beats, np.mod(beats, 4.0), 4)
    np.testing.assert_allclose(phases[:-16], phases[16:], atol=1e-9)  # a bar later: the same
    assert np.abs(phases[:-4] - phases[4:]).max() > 0.5  # a beat later: not the same


def test_reading_between_rows_is_exact_for_smooth_motion():
    rows = np.sin(np.arange(50.0) * 0.2)[:, None]
    where = np.linspace(2.0, 45.0, 173)
    # A cubic spline's error is about h^4 / 384 of the fourth derivative: 0.2^4 / 384 = 4e-6.
    np.testing.assert_allclose(resample(rows, where)[:, 0], np.sin(where * 0.2), atol=2e-5)
