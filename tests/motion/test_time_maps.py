"""Robot time and song time: one rising, smooth map, exact where it must be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robot_like_dancers import dancer_like, waving

from robodance.config import MotionConfig
from robodance.motion.limits import joint_limits
from robodance.motion.losses import measure_losses
from robodance.motion.plan import adapt
from robodance.motion.retarget import retarget
from robodance.motion.slow_motion import LARGEST, WITHIN_DEG, excerpts, smallest_factor
from robodance.motion.spline import Spline
from robodance.motion.tempo import arm_error
from robodance.motion.timing import MusicMap, even_map, timeline_of, timeline_of_plan
from robodance.motion.warp import (
    FASTEST,
    SLOWEST,
    beat_displacement,
    fastest_rates,
    needed_slowness,
    pins,
    warped_map,
)
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
ROUNDING_S = 1e-9  # of times of some minutes in float64, through a square root
TRIES = settings(max_examples=40, deadline=None, derandomize=True)


@st.composite
def maps(draw):
    count = draw(st.integers(2, 30))
    steps = draw(st.lists(st.floats(0.01, 2.0), min_size=count - 1, max_size=count - 1))
    slowness = draw(st.lists(st.floats(0.3, 8.0), min_size=count, max_size=count))
    start = draw(st.floats(-10.0, 200.0))
    moments = start + np.concatenate([[0.0], np.cumsum(steps)])
    return MusicMap.of_slowness(moments, np.array(slowness), draw(st.floats(0.0, 30.0)))


@given(music_map=maps(), seed=st.integers(0, 1000))
@TRIES
def test_a_map_rises_and_its_two_directions_are_inverse(music_map, seed):
    rng = np.random.default_rng(seed)
    first, last = music_map.moments_s[[0, -1]]
    moments = np.sort(rng.uniform(first - 3.0, last + 3.0, 200))
    times = music_map.robot_times(moments)
    assert (np.diff(times)[np.diff(moments) > 1e-6] > 0.0).all()
    np.testing.assert_allclose(music_map.song_times(times), moments, atol=1e-8)
    nodes = music_map.robot_times(music_map.moments_s)
    np.testing.assert_allclose(nodes, music_map.robot_times_s, atol=ROUNDING_S)


@given(music_map=maps())
@TRIES
def test_a_map_has_no_kink(music_map):
    nodes = music_map.robot_times_s
    small = 1e-5
    before = (music_map.song_times(nodes) - music_map.song_times(nodes - small)) / small
    after = (music_map.song_times(nodes + small) - music_map.song_times(nodes)) / small
    # Slowness changes by at most 8 over 0.01 s of song, so its inverse by this much in 10 us.
    np.testing.assert_allclose(before, after, rtol=0.1)
    np.testing.assert_allclose(before, 1.0 / music_map.slowness, rtol=0.1)


def test_an_even_map_is_a_straight_line():
    times = np.linspace(-5.0, 50.0, 12)
    np.testing.assert_allclose(even_map(10.0, 8.0, 2.5).song_times(times), 10.0 + times / 2.5)


def barred(seconds=8.0, bar_s=1.6, slowness_s=0.35, start_s=3.0):
    beats = start_s + np.arange(0.2, seconds, bar_s / 4.0)
    numbers = np.arange(len(beats)) % 4 + 1
    _, dance = waving(
        ROBOT, seconds, slowness_s=slowness_s, start_s=start_s, beats_s=beats, beat_numbers=numbers
    )
    return dance


@given(
    seed=st.integers(0, 10_000),
    bar_s=st.sampled_from([0.8, 1.6, 3.3, 20.0]),
    slow=st.sampled_from([1.0, 2.0]),
)
@TRIES
def test_a_warped_map_meets_the_music_at_every_pin_and_keeps_its_bounds(seed, bar_s, slow):
    dance = barred(bar_s=bar_s)
    rng = np.random.default_rng(seed)
    moments = np.linspace(*dance.times_s[[0, -1]], 300)
    needed = rng.uniform(1.0 / FASTEST, 1.0 / SLOWEST, 20).repeat(15)
    warped = warped_map(dance, slow, moments, needed, 1.0 + 5.0 * rng.random(300))
    pinned = pins(dance)
    bars = dance.beats_s[dance.beat_numbers == 1]
    inner = bars[(bars > dance.times_s[0] + 0.2) & (bars < dance.times_s[-1] - 0.2)]
    assert np.isin(inner, pinned).all()
    assert np.diff(pinned).max() <= 6.0
    np.testing.assert_allclose(
        warped.robot_times(pinned), slow * (pinned - pinned[0]), atol=ROUNDING_S
    )
    assert warped.slowness.min() >= slow / FASTEST - 1e-6  # the solver's tolerance
    assert warped.slowness.max() <= slow / SLOWEST + 1e-6
    assert warped.slowness[[0, -1]] == pytest.approx(slow, abs=1e-6)


def test_where_nothing_needs_time_none_is_taken():
    dance = barred()
    moments = np.linspace(*dance.times_s[[0, -1]], 50)
    even = warped_map(dance, 1.0, moments, np.full(50, 0.7), np.ones(50))
    assert beat_displacement(even, dance, 1.0).largest_s < 1e-6


def test_toppras_run_stays_inside_the_limits_and_uses_them():
    dance, config = barred(seconds=4.0), MotionConfig()
    limits, timeline = joint_limits(ROBOT, config), timeline_of(dance, config)
    (arm,) = (p for p in retarget(dance, ROBOT, timeline, limits, config).parts
              if p.name == "left_arm")  # fmt: skip
    own = limits.of(tuple(ROBOT.joint_names[c] for c in arm.columns))
    curve = Spline(arm.control, timeline.step_s)
    times, rates = fastest_rates(curve, own)
    speed = np.abs(curve.at(times, 1)) * rates[:, None] / own.velocity_rad_s
    change = np.gradient(rates**2 / 2.0, times)
    push = curve.at(times, 2) * rates[:, None] ** 2 + curve.at(times, 1) * change[:, None]
    push = np.abs(push[50:-50]) / own.acceleration_rad_s2  # the ends are at rest
    assert speed.max() <= 1.01
    # The derivative of the rate is taken by differences here, which see both sides of a switch.
    assert np.percentile(push.max(axis=1), 95) <= 1.1
    assert np.median(push.max(axis=1)) > 0.9  # a time-optimal run is always at some limit
    assert (rates <= FASTEST + 1e-6).all()


def uneven():
    """One hurried beat in each bar of otherwise slow waving: time is short here, to spare there."""
    beats = np.arange(0.0, 8.0, 0.5)
    times = np.arange(201) / 25.0
    haste = np.exp(-0.5 * (((times - 0.75) % 2.0 - 0.25) / 0.15) ** 2)
    turns = np.cumsum(0.3 + 2.6 * haste) / 25.0
    positions, _ = waving(ROBOT, 8.0)
    positions = np.array(positions)
    for column in np.flatnonzero(np.ptp(positions, axis=0) > 0.0):
        middle, reach = positions[:, column].mean(), np.ptp(positions[:, column]) / 2.0
        positions[:, column] = middle + reach * np.sin(2.0 * np.pi * turns + column)
    return dancer_like(ROBOT, positions, beats_s=beats, beat_numbers=np.arange(16) % 4 + 1)


@pytest.fixture(scope="module")
def warped():
    dance = uneven()
    even = adapt(dance, ROBOT, MotionConfig())
    return dance, even, adapt(dance, ROBOT, MotionConfig(tempo="warp"))


def test_a_warped_dance_comes_closer_and_does_not_drift(warped):
    dance, even, made = warped
    about = made.plan.metadata["warp"]
    assert about["used"]
    assert arm_error(even.plan, ROBOT) == pytest.approx(about["arm_error_at_even_tempo_deg"])
    assert about["arm_error_deg"] < 0.95 * about["arm_error_at_even_tempo_deg"]
    assert 1.0 < about["beats_moved_max_ms"] < 250.0
    plan = made.plan
    bars = dance.beats_s[dance.beat_numbers == 1][1:-1]
    at = np.interp(bars, plan.music_times_s, plan.times_s) - plan.music_start_s
    np.testing.assert_allclose(at, bars, atol=1e-4)  # read off samples 10 ms apart, linearly
    assert plan.duration_s == even.plan.duration_s


def test_the_time_axis_of_a_warped_plan_can_be_read_back(warped):
    dance, _, made = warped
    plan = made.plan
    again = timeline_of_plan(plan, 25.0)
    assert again.music_end_s == pytest.approx(again.music_start_s + 8.0, abs=1e-4)
    moments = again.music_times_s(again.knot_times_s)
    np.testing.assert_allclose(moments, plan.music_times_s[::4], atol=ROUNDING_S)
    first = measure_losses(plan, dance, ROBOT, made.unlimited)
    second = measure_losses(plan, dance, ROBOT)
    for known, found in zip(first.bones, second.bones, strict=True):
        assert found.mean_deg == pytest.approx(known.mean_deg, abs=1e-3)


def test_a_dance_within_the_limits_keeps_its_tempo_under_warp():
    dance = barred(seconds=4.0, slowness_s=2.5)
    made = adapt(dance, ROBOT, MotionConfig(tempo="warp"))
    assert not made.plan.metadata["warp"]["used"]
    assert "tempo is kept" in made.warnings[0]
    np.testing.assert_allclose(np.diff(made.plan.music_times_s), 0.01, atol=1e-9)


@given(
    needed=st.floats(0.5, 12.0),
    scale=st.floats(0.5, 1.6),
    floor=st.floats(0.5, 9.0),
)
@TRIES
def test_the_smallest_factor_is_found_or_the_best(needed, scale, floor):
    def error(factor, needed=needed):
        return floor + WITHIN_DEG * (needed / factor) ** 2

    asked = []

    def whole(factor):
        asked.append(factor)
        return error(factor, needed * scale)

    found = smallest_factor(error, floor, whole, floor)
    assert found.error_deg == error(found.factor, needed * scale)
    assert found.within == (found.error_deg <= floor + WITHIN_DEG)
    assert found.within or found.factor == LARGEST
    if scale <= 1.0 and found.within and needed > 1.0:
        assert found.factor <= 1.05 * needed  # bisection ends within 4 %
    if scale == 1.0 and found.within:
        assert found.factor >= needed * (1.0 - 1e-9)
    assert len(asked) < 16


def test_a_long_dance_is_searched_on_excerpts_and_a_short_one_as_it_is():
    short = barred(seconds=4.0)
    assert excerpts(short) == (short,)
    _, song = waving(ROBOT, 120.0, start_s=7.0, beats_s=7.0 + np.arange(0.0, 120.0, 0.5))
    parts = excerpts(song)
    assert [len(part.poses) for part in parts] == [151] * 4
    for part in parts:
        first = round((part.start_s - 7.0) * 25.0)
        np.testing.assert_array_equal(part.poses, song.poses[first : first + 151])
        assert part.times_s[0] <= part.beats_s[0]
        assert part.beats_s[-1] <= part.times_s[-1]


def test_slow_motion_by_itself_is_no_slower_than_it_must_be():
    dance = barred(seconds=3.0)
    config = MotionConfig(tempo="slow", slow_motion="auto")
    made = adapt(dance, ROBOT, config)
    about = made.plan.metadata["slow_motion_auto"]
    factor = about["factor"]
    assert made.plan.metadata["slow_motion"] == factor
    assert about["within_half_a_degree"]
    assert 1.0 < factor < LARGEST
    assert arm_error(made.plan, ROBOT) <= about["floor_deg"] + WITHIN_DEG
    faster = adapt(dance, ROBOT, MotionConfig(tempo="slow", slow_motion=factor / 1.1))
    assert arm_error(faster.plan, ROBOT) > about["floor_deg"] + WITHIN_DEG


def test_needed_slowness_is_more_for_a_faster_dance():
    config = MotionConfig()
    means = []
    for slowness_s in (0.35, 2.5):
        dance = barred(seconds=4.0, slowness_s=slowness_s)
        timeline, limits = timeline_of(dance, config), joint_limits(ROBOT, config)
        wanted = retarget(dance, ROBOT, timeline, limits, config)
        means.append(needed_slowness(wanted, timeline, limits)[1][100:-100].mean())
    assert means[0] > 1.05 > 0.8 > means[1]
