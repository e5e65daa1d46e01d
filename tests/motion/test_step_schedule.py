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
    SWAYED_M,
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


def feet(apart_m, strikes=(), ankles_m=STILL, sway_m=STILL[:, 0, 0]):
    return Footwork(TIMES_S, apart_m, ankles_m, sway_m, STILL[:, 0, 0], tuple(strikes))


def shown(dancer, timeline, knots, sides):
    """Return, knot by knot, what strikes, places that feet keep, and sways are worth."""
    moments = timeline.music_times_s(timeline.knot_times_s)
    wanted = np.stack([np.interp(moments, TIMES_S, axis) for axis in dancer.apart_m.T], axis=1)
    sway = np.interp(moments, TIMES_S, dancer.sway_m)
    cuts = [knot - round(HALFWAY_S / STEP_S) for knot in knots]
    total = float(len(knots))
    for first, last in pairwise([*cuts, max(timeline.danced_knots[1], *cuts)]):
        here = wanted[first:last]
        if len(here):
            place = room_for_feet(here.mean(axis=0) + HOME_M) - HOME_M
            spared = (here**2 - (here - place) ** 2).sum() * STEP_S
            total += float(spared) / LIKE_A_STRIKE
    for knot, side in zip(knots, sides, strict=True):
        over_the_other = SWAYED_M if side == "right" else -SWAYED_M
        here = sway[knot - round(SHORTEST_SWING_S / STEP_S) : knot]
        spared = (here**2 - (here - over_the_other) ** 2).sum() * STEP_S
        total += 4.0 * float(spared) / LIKE_A_STRIKE
    return total


@pytest.mark.parametrize("seed", range(8))
def test_no_other_strikes_would_show_more(timeline, seed, monkeypatch):
    """All sets of ten strikes that leave room for swings are tried one by one."""
    monkeypatch.setattr(step_schedule, "OFF_BEAT_S", 0.0)
    rng = np.random.default_rng(seed)
    apart = np.cumsum(rng.normal(size=(len(TIMES_S), 2)), axis=0) * 0.01
    sway = 0.02 * np.sin(2.0 * np.pi * (TIMES_S / 1.4 + rng.uniform()))
    moments = np.sort(rng.choice(np.arange(50, 270), 10, replace=False)) * STEP_S
    sides = rng.choice(["left", "right"], 10).tolist()
    strikes = [Strike(side, at - 0.3, at) for side, at in zip(sides, moments.tolist(), strict=True)]
    dancer = feet(apart, strikes, sway_m=sway)
    found = schedule(dancer, NO_BEATS, timeline, HOME_M)
    knots = np.round(timeline.map.robot_times(moments) / STEP_S).astype(int).tolist()
    room = round((SHORTEST_SWING_S + BETWEEN_S) / STEP_S)
    worths = [
        shown(dancer, timeline, *zip(*some, strict=True))
        for count in range(1, len(knots) + 1)
        for some in combinations(list(zip(knots, sides, strict=True)), count)
        if all(after[0] - before[0] >= room for before, after in pairwise(some))
    ]
    assert {(swing.land, swing.side) for swing in found} <= set(zip(knots, sides, strict=True))
    reached = shown(dancer, timeline, [s.land for s in found], [s.side for s in found])
    assert reached == pytest.approx(max(worths))
    assert max(worths) > np.median(worths) + 1.0  # there was a choice


def gliding():
    """A left foot goes 5 cm ahead without haste, three seconds later back; feet and sway."""
    ahead = 0.05 * np.clip(np.minimum(TIMES_S - 4.0, 7.0 - TIMES_S) / 0.5, 0.0, 1.0)
    ankles = STILL.copy()
    ankles[:, 0, 0] = ahead
    sway = np.where((ahead > 0.0) & (ahead < 0.05), -0.03, 0.0)  # over the right foot
    return np.column_stack([ahead, np.zeros(len(TIMES_S))]), (), ankles, sway


def test_a_foot_that_is_moved_without_a_strike_is_taken_along_on_the_beat(timeline, monkeypatch):
    beats = np.arange(0.0, SECONDS, 0.5)
    there, back = schedule(feet(*gliding()), beats, timeline, HOME_M)
    assert there.side == back.side == "left"
    landed = timeline.music_times_s(np.array([there.land, back.land]) * STEP_S)
    assert np.abs(landed - [4.5, 7.0]).max() <= 0.25 + STEP_S
    off_beat = np.abs(landed[:, None] - np.arange(0.0, SECONDS, 0.25)).min(axis=1)
    assert off_beat.max() <= STEP_S / 2.0 + 1e-9
    monkeypatch.setattr(step_schedule, "MOVED_M", np.inf)
    assert schedule(feet(*gliding()), beats, timeline, HOME_M) == []


def test_who_sways_on_feet_that_stay_is_not_made_to_step(timeline):
    apart, _, ankles, sway = gliding()
    assert schedule(feet(apart, sway_m=sway), NO_BEATS, timeline, HOME_M) == []
    ankles[:, 1] = ankles[:, 0]  # both go ahead at once
    still = STILL[:, 0]
    assert schedule(feet(still, ankles_m=ankles), NO_BEATS, timeline, HOME_M) == []


@pytest.mark.parametrize("side", ["left", "right"])
def test_of_two_strikes_the_one_is_danced_to_which_the_dancer_sways(timeline, side):
    """There is room for one of them; the pelvis is over the other foot while a foot swings."""
    other = {"left": "right", "right": "left"}[side]
    strikes = [Strike(side, 4.6, 5.0), Strike(other, 4.8, 5.2)]
    sway = np.full(len(TIMES_S), -0.03 if side == "left" else 0.03)
    (swing,) = schedule(feet(STILL[:, 0], strikes, sway_m=sway), NO_BEATS, timeline, HOME_M)
    assert swing.side == side


def test_feet_are_brought_as_near_as_the_walk_allows(rng):
    apart = rng.normal(size=(200, 2)) * 0.2
    room = room_for_feet(apart)
    assert np.abs(room[:, 0]).max() <= AHEAD_M
    assert room[:, 1].min() >= APART_M[0]
    assert room[:, 1].max() <= APART_M[1]
    np.testing.assert_array_equal(room_for_feet(room), room)
