"""A dance waits before it lifts a foot that is leaned on: when, how long, and what for."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_inertial_feedback import marcher

from robodance.config import MotionConfig, SimulationConfig
from robodance.motion.plan import plan_motion
from robodance.performance import disturbances, waiting
from robodance.performance.conductor import conduct, executed_curve
from robodance.performance.disturbances import DISTURBANCES, DisturbedSimulation, Pushes
from robodance.performance.inertial_feedback import stabilised
from robodance.performance.waiting import (
    BEFORE_S,
    FASTEST,
    LONGEST_S,
    OFF_RAD,
    RAMP_S,
    Waited,
    Waiting,
)
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
PERIOD_S = 1.0 / 240.0
TO_THE = {1: -1.0, 2: 1.0}  # roll with which a robot leans on its left foot, on its right one


@pytest.fixture(scope="module")
def stepping():
    return plan_motion(marcher(14.0), ROBOT, MotionConfig(balance="full-body"))


def commands(plan):
    return round(plan.duration_s / PERIOD_S)


def gone(plan, rolls):
    """How far a dance is behind at each command, with rolls (N,) beside the plan."""
    clock, waited, found = Waiting(plan, PERIOD_S), Waited(), [Waited()]
    for step, roll in enumerate(rolls):
        waited = clock.after(waited, round(step - waited.late), roll)
        found.append(waited)
    return found


def lifts(plan):
    """Which foot leaves the floor, 1 or 2, and when."""
    rows = np.flatnonzero(np.diff(plan.support, prepend=0) * (plan.support > 0))
    return [
        (3 - int(plan.support[row]), float(plan.times_s[row] - plan.times_s[0])) for row in rows
    ]


def leaning(plan, foot, since_s, until_s, size_rad):
    """Rolls of a robot that leans on a foot for a while."""
    moments = PERIOD_S * np.arange(commands(plan))
    return np.where((moments >= since_s) & (moments < until_s), TO_THE[foot] * size_rad, 0.0)


def test_a_robot_that_leans_little_never_waits(stepping):
    for size in (-0.99 * OFF_RAD, 0.0, 0.99 * OFF_RAD):
        assert set(gone(stepping, np.full(commands(stepping), size))) == {Waited()}


@pytest.mark.parametrize("number", [2, 3])
def test_a_foot_that_is_leaned_on_is_not_lifted_until_it_is_not(stepping, number):
    foot, moment = lifts(stepping)[number]
    back = moment + 0.25
    rolls = leaning(stepping, foot, moment - BEFORE_S, back, 2.0 * OFF_RAD)
    places = PERIOD_S * np.array([
        k - waited.late for k, waited in enumerate(gone(stepping, rolls))
    ])
    then = PERIOD_S * np.arange(len(places))
    assert places[then <= back].max() < moment  # it is still on the floor
    assert np.interp(moment, places, then) > back
    other = leaning(stepping, 3 - foot, moment - BEFORE_S, back, 2.0 * OFF_RAD)
    assert set(gone(stepping, other)) == {Waited()}  # that is where the weight should be


def test_in_the_middle_of_a_swing_nothing_waits(stepping):
    foot, moment = lifts(stepping)[2]
    rolls = leaning(stepping, foot, moment + 0.05, moment + 0.25, 0.2)
    assert set(gone(stepping, rolls)) == {Waited()}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0.0, 0.5), hold_s=st.floats(0.05, 2.0))
def test_however_it_rocks_it_never_runs_ahead_waits_within_bounds_and_ends_in_time(
    stepping, seed, size, hold_s
):
    rng, steps = np.random.default_rng(seed), commands(stepping)
    held = rng.uniform(-size, size, size=int(steps * PERIOD_S / hold_s) + 1)
    rolls = np.repeat(held, int(hold_s / PERIOD_S) + 1)[:steps]
    waited = gone(stepping, rolls)
    late = np.array([w.late for w in waited])
    # Half of the ramp passes until the clock stands, and from when it goes again.
    assert late.min() >= 0.0
    assert late.max() * PERIOD_S <= LONGEST_S + RAMP_S
    assert max(w.most for w in waited) == late.max()
    going = 1.0 - np.diff(late)  # commands of the plan, in one of the clock
    assert going.min() >= -1e-9
    assert going.max() <= FASTEST + 1e-9
    assert late[-1] * PERIOD_S <= RAMP_S


def test_while_it_makes_up_for_it_no_joint_breaks_its_limits(stepping):
    foot, moment = lifts(stepping)[2]
    rolls = leaning(stepping, foot, moment - BEFORE_S, moment + 0.3, 2.0 * OFF_RAD)
    waited = gone(stepping, rolls)
    late = np.array([w.late for w in waited])
    assert late.max() * PERIOD_S > 0.2
    assert late[-1] == 0.0  # it has made up for it
    curve, step = executed_curve(stepping), np.arange(len(late))
    moments = np.minimum((step - late) * PERIOD_S, stepping.duration_s) + stepping.times_s[0]
    unbroken = curve(np.minimum(step * PERIOD_S, stepping.duration_s) + stepping.times_s[0])
    clock = Waiting(stepping, PERIOD_S)
    given_rad = np.array([
        clock.command(*each) for each in zip(step, waited, unbroken, strict=True)
    ])
    assert given_rad == pytest.approx(curve(moments), abs=1e-12)
    assert given_rad[-1] == pytest.approx(unbroken[-1], abs=1e-12)
    pace = np.abs(np.diff(given_rad, axis=0)) / PERIOD_S
    assert (pace <= 1.001 * stepping.velocity_limits_rad_s).all()
    push = np.abs(np.diff(given_rad, 2, axis=0)) / PERIOD_S**2
    assert (push <= stepping.acceleration_limits_rad_s2).all()


def falls(plan, monkeypatch, longest_s):
    """How often a robot falls, pushed hard once, to one of its sides at one of eight moments."""
    monkeypatch.setattr(waiting, "LONGEST_S", longest_s)
    config, fallen, waited = SimulationConfig(), 0, 0.0
    what = replace(DISTURBANCES["together"], push_ns=2.8)
    for side, moment in product((-1.0, 1.0), np.arange(4.5, 6.0, 0.2)):
        push = Pushes(np.array([moment]), np.array([side * np.pi / 2.0]))
        monkeypatch.setattr(disturbances, "pushes_of", lambda *_, push=push: push)
        with DisturbedSimulation(ROBOT, config, what) as body:
            log = conduct(plan, stabilised(body, config))
        fallen += len(log.falls)
        waited = max(waited, log.metadata["waited_s"])
    return fallen, waited


def test_pushed_out_of_step_robots_that_wait_fall_less_than_half_as_often(monkeypatch):
    """Pushed nearly three times as hard as a verified plan must bear: 2 of 16 instead of 7."""
    plan = plan_motion(marcher(8.0), ROBOT, MotionConfig(balance="full-body"))
    fallen, waited = falls(plan, monkeypatch, LONGEST_S)
    assert 0.1 < waited < LONGEST_S + RAMP_S
    without, never = falls(plan, monkeypatch, 0.0)
    assert never == 0.0
    assert 2 * fallen < without
