"""Which beats a robot hit, by what was measured: a robot that does as planned hits the plan's."""

import numpy as np
import pytest
from robot_like_dancers import waving

from robodance.config import MotionConfig
from robodance.motion.performed import measure_performed
from robodance.motion.plan import adapt
from robodance.performance.conductor import executed_curve
from robodance.robots.model import load_robot
from robodance.values import PerformanceLog

ROBOT = load_robot("nao_v6")


@pytest.fixture(scope="module")
def plan():
    beats_s = np.arange(0.3, 7.9, 0.4)
    numbers = np.arange(len(beats_s)) % 4 + 1
    dance = waving(ROBOT, 8.0, slowness_s=0.5, beats_s=beats_s, beat_numbers=numbers)[1]
    return adapt(dance, ROBOT, MotionConfig()).plan


def log_of(plan, *, rate_hz=100.0, late_s=0.0, jitter_s=0.0, end_s=None, **metadata):
    """A robot that does as planned, ``late_s`` behind the music, seen at moments of its own."""
    rng = np.random.default_rng(1)
    last = plan.times_s[-1] if end_s is None else end_s
    times = np.arange(plan.times_s[0], last, 1.0 / rate_hz)
    times = times + jitter_s * rng.uniform(0.0, 1.0, len(times))
    measured = executed_curve(plan)(times.clip(*plan.times_s[[0, -1]]))
    count = len(times)
    if late_s:
        metadata |= {"ahead_s": [-late_s], "ahead_times_s": [0.0]}
    return PerformanceLog(
        "naoqi", plan.joint_names, times, measured, measured,
        np.tile(plan.torso_pose[0], (count, 1)), np.zeros(count), np.zeros(count), (), metadata,
    )  # fmt: skip


def test_a_robot_that_does_as_planned_hits_what_the_plan_hits(plan):
    found = measure_performed(plan, log_of(plan), ROBOT)
    np.testing.assert_array_equal(found.hit, found.hit_by_plan)
    assert found.stops_hit == found.stops_hit_by_plan > 5
    assert 3 < found.hit.sum() < len(found.hit)


def test_twenty_looks_a_second_at_uneven_moments_are_enough(plan):
    found = measure_performed(plan, log_of(plan, rate_hz=20.0, jitter_s=0.02), ROBOT)
    # One beat in ten may lie on the edge of a frame.
    assert (found.hit == found.hit_by_plan).mean() >= 0.9
    assert found.stops_hit >= 0.9 * found.stops_hit_by_plan


def test_a_robot_that_is_late_for_the_music_hits_less(plan):
    on_time = measure_performed(plan, log_of(plan, late_s=0.01), ROBOT)
    assert on_time.stops_hit >= 0.9 * on_time.stops_hit_by_plan
    late = measure_performed(plan, log_of(plan, late_s=0.12), ROBOT)
    assert late.stops_hit < 0.5 * late.stops_hit_by_plan
    assert (late.hit & late.hit_by_plan).sum() < 0.5 * late.hit_by_plan.sum()


def test_only_what_was_performed_counts(plan):
    whole = measure_performed(plan, log_of(plan), ROBOT)
    start_s = np.interp(0.0, plan.music_times_s, plan.times_s)
    half = measure_performed(plan, log_of(plan, end_s=start_s + 4.0), ROBOT)
    assert half.times_s[-1] <= 4.0 < whole.times_s[-1]
    assert half.stops < whole.stops
    assert measure_performed(plan, log_of(plan, end_s=start_s + 0.1), ROBOT) is None
