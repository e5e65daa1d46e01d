"""What a robot is sent: chunks that follow the plan, end where it stands, keep the music."""

import itertools

import numpy as np
import pytest
from hand_made_plans import arm_dance, standing_plan
from hypothesis import given, settings
from hypothesis import strategies as st

from robodance.performance.backends.naoqi_chunks import (
    LONGEST_S,
    SHORTEST_S,
    borders,
    headroom,
    make_chunk,
    make_hold,
    moving_joints,
)
from robodance.performance.backends.naoqi_clock import DriftControl, MusicClock, RobotMotion
from robodance.performance.conductor import executed_curve

CYCLE_S = 0.02
CLOSE_RAD = np.radians(0.5)  # a sixth of the tracking error that is allowed on the robot


def chunk_of(plan, robot, start, end, kind, **more):
    names = moving_joints(plan)
    columns = [robot.index(name) for name in names]
    cycles = round((end - start) / CYCLE_S)
    return make_chunk(
        executed_curve(plan), names, columns, (start, end), cycles * CYCLE_S,
        cycle_s=CYCLE_S, kind=kind, **more,
    )  # fmt: skip


def played(chunk, joint, times_s, start_rad):
    """Second method: the curve as NAOqi documents it, by the de Casteljau scheme in time."""
    method, arguments = chunk.method, chunk.arguments()
    if method == "angleInterpolation":
        _, angles, times, absolute = arguments
        assert absolute is True
        return np.interp(times_s, [0.0, *times[joint]], [start_rad, *angles[joint]])
    _, times, points = arguments
    knots = [(0.0, start_rad, (0.0, 0.0), (0.0, 0.0))]
    for moment, (angle, before, after) in zip(times[joint], points[joint], strict=True):
        assert before[0] == after[0] == 3
        knots.append((moment, angle, before[1:], after[1:]))
    curve_t, curve_a = [0.0], [start_rad]
    for (t0, a0, _, leave), (t1, a1, arrive, _) in itertools.pairwise(knots):
        corners = np.array([
            [t0, a0],
            [t0 + leave[0], a0 + leave[1]],
            [t1 + arrive[0], a1 + arrive[1]],
            [t1, a1],
        ])
        for u in np.linspace(0.0, 1.0, 81)[1:]:
            points_now = corners
            while len(points_now) > 1:
                points_now = (1 - u) * points_now[:-1] + u * points_now[1:]
            curve_t.append(points_now[0, 0])
            curve_a.append(points_now[0, 1])
    return np.interp(times_s, curve_t, curve_a)


@pytest.mark.parametrize("kind", ["bezier", "linear"])
@pytest.mark.parametrize("span", [(0.0, 1.6), (3.0, 4.2), (5.52, 7.4)])
def test_what_is_sent_is_the_plans_curve(nao, kind, span):
    plan = arm_dance(nao, 8.0)
    chunk = chunk_of(plan, nao, *span, kind, first=span[0] == 0.0)
    at = np.linspace(0.0, chunk.duration_s, 300)
    wanted = executed_curve(plan)(span[0] + at)
    for j, name in enumerate(chunk.names):
        way = wanted[:, nao.index(name)]
        off = np.abs(played(chunk, j, at, way[0]) - way)
        assert off.max() < CLOSE_RAD
        assert off.max() < chunk.error_rad + 2e-4  # rounding of the second method's time steps
        assert chunk.times_s[j][-1] == pytest.approx(chunk.duration_s)
        assert np.all(np.diff(chunk.times_s[j]) >= CYCLE_S - 1e-9)
    assert all(times[0] >= (0.2 if span[0] == 0.0 else CYCLE_S) - 1e-9 for times in chunk.times_s)


def test_the_closer_of_both_forms_is_chosen(nao):
    plan = arm_dance(nao, 8.0)
    both = [chunk_of(plan, nao, 3.0, 4.2, kind) for kind in ("bezier", "linear")]
    chosen = chunk_of(plan, nao, 3.0, 4.2, "auto")
    assert chosen.error_rad == min(chunk.error_rad for chunk in both)


@settings(max_examples=8, deadline=None)
@given(duration_s=st.floats(0.5, 30.0))
def test_chunks_are_short_and_meet_end_to_end(nao, duration_s):
    plan = arm_dance(nao, round(duration_s, 2))
    moments = borders(plan, nao)
    assert moments[0] == plan.times_s[0]
    assert moments[-1] == pytest.approx(plan.times_s[-1])
    lengths = np.diff(moments)
    assert lengths.max() <= LONGEST_S + 1e-9
    if plan.duration_s > 2 * LONGEST_S:
        assert lengths.min() >= SHORTEST_S - 1e-9


def test_borders_lie_where_the_joints_are_slow(nao):
    plan = arm_dance(nao, 20.0)
    curve = executed_curve(plan)

    def share(moments):
        return (np.abs(curve(moments, 1)) / plan.velocity_limits_rad_s).max(axis=1)

    anywhere = share(np.linspace(2.0, 18.0, 400)).mean()
    assert share(borders(plan, nao)[1:-1]).mean() < 0.8 * anywhere


def test_a_still_plan_sends_nothing_that_moves_and_may_be_played_faster(nao):
    plan = standing_plan(nao, "StandInit", 3.0)
    assert moving_joints(plan) == ()
    assert headroom(plan, executed_curve(plan), 0.0, 3.0) > 10.0
    moving = arm_dance(nao, 6.0)
    assert headroom(moving, executed_curve(moving), 1.5, 4.5) < 3.0


def apart(seed, late_s, rate, jitter_s, faster=1.01):
    """Seconds between dance and music at 120 borders, with clocks of different speed."""
    rng = np.random.default_rng(seed)
    control, motion = DriftControl(CYCLE_S), RobotMotion(0.001)
    plan_s = began = 0.0
    motion.start(-0.001 - CYCLE_S / 2, CYCLE_S)
    off = []
    for _ in range(120):
        border = plan_s + rng.uniform(0.8, 1.9)
        ahead = plan_s - (rate * motion.began_s - late_s) if faster else 0.0
        end, duration = control.next_span(plan_s, border, ahead, faster or 1.0)
        assert duration / CYCLE_S == pytest.approx(round(duration / CYCLE_S))
        assert (end - plan_s) / duration < 1.01 + 1e-9  # never over the limits
        off.append(plan_s - (rate * began - late_s))
        began += duration
        plan_s = end
        motion.next(began + 0.001 + rng.uniform(0.0, jitter_s), duration, began - 0.5)
    return np.abs(off)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    late_s=st.floats(-0.15, 0.15),
    rate=st.floats(0.9995, 1.0005),
    jitter_s=st.floats(0.0, 0.02),
)
def test_dance_and_music_meet_again_and_stay_together(seed, late_s, rate, jitter_s):
    assert apart(seed, late_s, rate, jitter_s)[40:].max() < 0.02


def test_without_correction_the_same_clocks_drift_apart():
    assert apart(1, 0.0, 1.0005, 0.0, faster=0.0)[-1] > 0.05


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), delay_s=st.floats(0.0, 0.1), jitter_s=st.floats(0.0, 0.02))
def test_the_musics_clock_is_read_through_a_shaky_network(seed, delay_s, jitter_s):
    rng = np.random.default_rng(seed)
    clock = MusicClock()
    for asked in np.arange(0.0, 5.0, 0.1):
        there = delay_s + rng.uniform(0.0, jitter_s)
        back = delay_s + rng.uniform(0.0, jitter_s)
        clock.add(asked, asked + there + back, asked + there - 1.0)
    assert clock.at(6.0) == pytest.approx(5.0, abs=0.5 * jitter_s + 1e-9)


def test_a_chunk_that_came_too_late_is_seen_as_a_gap():
    motion = RobotMotion(0.001)
    motion.start(-CYCLE_S / 2, CYCLE_S)
    motion.next(1.002, 1.0, 0.5)
    assert motion.gap_s == 0.0
    motion.next(2.002, 1.0, 2.4)
    assert motion.gap_s == pytest.approx(0.4, abs=0.01)
    assert motion.began_s == pytest.approx(2.401)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    guess_s=st.floats(-0.1, 0.1),
    jitter_s=st.floats(0.0, 0.02),
    stall_s=st.floats(0.0, 0.1),
)
def test_a_robot_that_counts_in_is_known_whatever_was_thought_of_its_first_order(
    seed, guess_s, jitter_s, stall_s
):
    rng = np.random.default_rng(seed)
    motion = RobotMotion(jitter_s / 2.0)  # what half a round trip says
    motion.set(guess_s)
    stalled = rng.integers(1, 6)  # one answer is noticed late
    for k in range(1, 6):
        heard = 0.3 * k + rng.uniform(0.0, jitter_s) + (stall_s if k == stalled else 0.0)
        motion.next(heard, 0.3, 0.3 * (k - 1))
    assert motion.began_s == pytest.approx(1.5, abs=jitter_s / 2.0 + 1e-9)


def test_the_robot_waits_where_the_plan_begins(nao):
    plan = arm_dance(nao, 8.0)
    names = moving_joints(plan)
    columns = [nao.index(name) for name in names]
    hold = make_hold(executed_curve(plan), names, columns, -0.8, 0.4)
    method, (sent, angles, times, absolute) = hold.method, hold.arguments()
    assert (method, tuple(sent), absolute) == ("angleInterpolation", names, True)
    np.testing.assert_allclose(np.ravel(angles), plan.positions_rad[0, columns], atol=1e-12)
    assert times == [[0.4]] * len(names)
    early = chunk_of(plan, nao, -0.08, 1.6, "bezier", first=True)
    late = chunk_of(plan, nao, 0.0, 1.6, "bezier", first=True)
    for j, name in enumerate(names):
        at = np.linspace(0.4, 1.6, 100)  # beyond the first key, where both say the same
        start = plan.positions_rad[0, nao.index(name)]
        off = played(early, j, at + 0.08, start) - played(late, j, at, start)
        assert np.abs(off).max() < CLOSE_RAD
