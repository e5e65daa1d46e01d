"""Less is asked for where a dance fails: around it first, and everywhere only at the very last."""

import numpy as np
import pytest

from robodance.performance.calming import CALMER, NO_STEPS, calmed

RATE_HZ, ROUNDS = 25.0, 8
WHOLE = np.ones(2501)  # 100 s


def at(share, moment_s):
    return share[round(moment_s * RATE_HZ)]


def ladder(moments_s, rounds=ROUNDS):
    """Return what is asked for after each round in which it fails at the next of some moments."""
    share, asked = WHOLE, []
    for number in range(1, len(moments_s) + 1):
        failures = [[moment] for moment in moments_s[:number]]
        share = calmed(share, failures, rounds, RATE_HZ)
        asked.append(share)
    return asked


@pytest.mark.parametrize("rounds", range(2, 10))
def test_less_is_asked_for_each_time_and_nothing_in_the_end(rng, rounds):
    share = WHOLE
    failures = []
    for _ in range(rounds - 1):
        failures.append(rng.uniform(40.0, 60.0, rng.integers(1, 4)).tolist())
        less = calmed(share, failures, rounds, RATE_HZ)
        assert (less <= share).all()
        assert (less < share).any()
        share = less
    assert not share.any()


def test_what_fails_in_one_place_gets_less_then_half_then_no_steps_then_nothing():
    asked = [at(share, 50.0) for share in ladder([50.0] * 4)]
    assert asked == pytest.approx([0.7, 0.5, NO_STEPS, 0.0])
    assert asked == pytest.approx(CALMER)


def test_what_fails_later_each_time_is_calmed_for_longer():
    moments = [50.0, 50.6, 51.2]
    ends = [np.flatnonzero(share < 1.0).max() / RATE_HZ for share in ladder(moments)]
    beyond = np.subtract(ends, moments)
    assert (np.diff(beyond) > 0.4).all()


def test_a_phrase_is_given_up_before_the_dance_loses_its_steps():
    # Each failure comes a little after what was calmed before, so no sway is ever all taken.
    moments = [50.0, 51.2, 52.6, 54.6, 57.4, 60.6, 64.0]
    *passages, phrase, stepless, nothing = ladder(moments)
    for share in passages:
        assert share[share < 1.0].min() >= NO_STEPS
    inside = slice(round(47.0 * RATE_HZ), round(55.0 * RATE_HZ))
    assert not phrase[inside].any()  # upper-body, until it passes
    assert at(phrase, 30.0) == at(phrase, 70.0) == 1.0
    assert stepless.max() == NO_STEPS
    assert not nothing.any()
