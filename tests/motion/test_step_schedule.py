"""Which foot steps when: of all that is possible, what shows most of the dancer's feet."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from robodance.config import MotionConfig
from robodance.motion import step_schedule
from robodance.motion.footwork import Footwork, Strike
from robodance.motion.step_schedule import (
    AHEAD_M,
    APART_M,
    BETWEEN_S,
    HALFWAY_S,
    LIKE_A_STRIKE,
    SHORTEST_SWING_S,
    room_for_feet,
    schedule,
)
from robodance.motion.timing import timeline_of
from robodance.skeleton import JOINT_NAMES, pose_sequence

STEP_S, SECONDS = 0.04, 12.0
HOME_M = np.array([0.0, 0.1])
TIMES_S = np.arange(0.0, SECONDS, STEP_S)
NO_BEATS = np.zeros(0)
STILL = np.zeros((len(TIMES_S), 2, 2))


@pytest.fixture(scope="module")
def timeline():
    place = np.arange(3.0 * len(JOINT_NAMES)).reshape(len(JOINT_NAMES), 3)
    dance = pose_sequence(np.tile(place, (len(TIMES_S), 1, 1)), 1.0 / STEP_S)
    return timeline_of(dance, MotionConfig(balance="full-body"))


def feet(apart_m, strikes=(), ankles_m=STILL):
    return Footwork(TIMES_S, apart_m, ankles_m, np.zeros(len(TIMES_S)), tuple(strikes))


def shown(apart_m, timeline, knots):
    """Return, knot by knot, what strikes and places that feet keep are worth."""
    moments = timeline.music_times_s(timeline.knot_times_s)
    wanted = np.stack([np.interp(moments, TIMES_S, axis) for axis in apart_m.T], axis=1)
    cuts = [knot - round(HALFWAY_S / STEP_S) for knot in knots]
    total = float(len(knots))
    for first, last in pairwise([*cuts, max(timeline.danced_knots[1], *cuts)]):
        here = wanted[first:last]
        if len(here):
            place = room_for_feet(here.mean(axis=0) + HOME_M) - HOME_M
            spared = (here**2 - (here - place) ** 2).sum() * STEP_S
            total += float(spared) / LIKE_A_STRIKE
    return total


@pytest.mark.parametrize("seed", range(8))
def test_no_other_strikes_would_show_more(timeline, seed, monkeypatch):
    """All sets of ten strikes that leave room for swings are tried one by one."""
    monkeypatch.setattr(step_schedule, "OFF_BEAT_S", 0.0)
    rng = np.random.default_rng(seed)
    apart = np.cumsum(rng.normal(size=(len(TIMES_S), 2)), axis=0) * 0.01
    moments = np.sort(rng.choice(np.arange(50, 270), 10, replace=False)) * STEP_S
    strikes = [Strike(str(rng.choice(["left", "right"])), at - 0.3, at) for at in moments.tolist()]
    found = [swing.land for swing in schedule(feet(apart, strikes), NO_BEATS, timeline, HOME_M)]
    knots = np.round(timeline.map.robot_times(moments) / STEP_S).astype(int).tolist()
    room = round((SHORTEST_SWING_S + BETWEEN_S) / STEP_S)
    best = max(
        shown(apart, timeline, some)
        for count in range(1, len(knots) + 1)
        for some in combinations(knots, count)
        if all(after - before >= room for before, after in pairwise(some))
    )
    assert set(found) <= set(knots)
    assert shown(apart, timeline, found) == pytest.approx(best)
    assert best > shown(apart, timeline, knots[:1]) + 1.0  # there was a choice


def gliding():
    """A left foot that goes 5 cm ahead without haste, two seconds later back."""
    ahead = 0.05 * np.clip(np.minimum(TIMES_S - 4.0, 7.0 - TIMES_S) / 0.5, 0.0, 1.0)
    ankles = STILL.copy()
    ankles[:, 0, 0] = ahead
    return np.column_stack([ahead, np.zeros(len(TIMES_S))]), ankles


def test_a_foot_that_is_moved_without_a_strike_is_taken_along_on_the_beat(timeline, monkeypatch):
    apart, ankles = gliding()
    beats = np.arange(0.0, SECONDS, 0.5)
    there, back = schedule(feet(apart, (), ankles), beats, timeline, HOME_M)
    assert there.side == back.side == "left"
    landed = timeline.music_times_s(np.array([there.land, back.land]) * STEP_S)
    assert np.abs(landed - [4.5, 7.0]).max() <= 0.25 + STEP_S
    off_beat = np.abs(landed[:, None] - np.arange(0.0, SECONDS, 0.25)).min(axis=1)
    assert off_beat.max() <= STEP_S / 2.0 + 1e-9
    monkeypatch.setattr(step_schedule, "MOVED_M", np.inf)
    assert schedule(feet(apart, (), ankles), beats, timeline, HOME_M) == []


def test_who_stands_and_leans_is_not_made_to_step(timeline):
    apart, _ = gliding()
    assert schedule(feet(apart), NO_BEATS, timeline, HOME_M) == []
    _, ankles = gliding()  # over the floor, with the other foot
    ankles[:, 1] = ankles[:, 0]
    still = np.zeros((len(TIMES_S), 2))
    assert schedule(feet(still, (), ankles), NO_BEATS, timeline, HOME_M) == []


def test_a_step_that_shows_the_same_leaves_out_no_strike(timeline):
    """Strikes come first: a foot that moves beside them does not take their place."""
    apart, ankles = gliding()
    moments = 4.2 + 0.72 * np.arange(6)
    strikes = [Strike("right", at - 0.4, at) for at in moments.tolist()]
    steps = schedule(feet(apart, strikes, ankles), NO_BEATS, timeline, HOME_M)
    landed = timeline.music_times_s(np.array([s.land for s in steps if s.side == "right"]) * STEP_S)
    assert np.abs(landed[:, None] - moments).min(axis=0).max() <= 0.08


def test_feet_are_brought_as_near_as_the_walk_allows(rng):
    apart = rng.normal(size=(200, 2)) * 0.2
    room = room_for_feet(apart)
    assert np.abs(room[:, 0]).max() <= AHEAD_M
    assert room[:, 1].min() >= APART_M[0]
    assert room[:, 1].max() <= APART_M[1]
    np.testing.assert_array_equal(room_for_feet(room), room)
