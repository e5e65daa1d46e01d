"""Losses are measured beat by beat, and mean what they say."""

import numpy as np
import pytest
from robot_like_dancers import dancer_like, waving

from robodance.config import MotionConfig
from robodance.motion.beat_losses import hit_beats, marked_frames, measure_beats
from robodance.motion.losses import measure_losses
from robodance.motion.plan import adapt
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
RATE_HZ = 25.0
BEATS = np.arange(0.5, 7.6, 0.5)


def moved(seconds=8.0, period_s=1.0, lag_s=0.0):
    """A hand that stops twice a period, at its turning points."""
    times = np.arange(round(seconds * RATE_HZ) + 1) / RATE_HZ
    path = np.zeros((len(times), 3))
    path[:, 0] = 0.1 * np.cos(2.0 * np.pi * (times - lag_s) / period_s)
    return times, path


def test_a_hand_that_turns_on_the_beat_hits_it_and_one_that_turns_late_does_not():
    # Half a frame late is on the beat, three frames late is not.
    for lag_s, share in ((0.0, 1.0), (0.02, 1.0), (0.12, 0.0)):
        times, path = moved(lag_s=lag_s)
        assert hit_beats(BEATS, times, {"left": path}, RATE_HZ).mean() == share


def test_a_hand_at_rest_hits_no_beat():
    times, path = moved()
    tremor = 1e-4 * path  # 0.06 mm/s
    assert not hit_beats(BEATS, times, {"left": tremor}, RATE_HZ).any()
    assert hit_beats(BEATS, times, {"left": tremor, "right": path}, RATE_HZ).all()


def test_slowing_down_a_little_is_no_end_of_a_movement():
    times = np.arange(201) / RATE_HZ
    path = np.zeros((201, 3))
    speed = 0.3 * (1.0 - 0.3 * np.cos(4.0 * np.pi * times))  # falls to 54 % of its largest
    path[:, 0] = np.cumsum(speed) / RATE_HZ
    assert not marked_frames(path, RATE_HZ).any()


def test_stops_count_for_their_beat_and_the_worst_bone_is_named():
    times, path = moved()
    still = np.zeros_like(path)
    errors = {"left_upper_arm": np.where(times < 4.0, 9.0, 1.0), "left_forearm": 0 * times + 3.0}
    sides = [{"left": hand, "right": still} for hand in (path, path, still)]
    found = measure_beats(BEATS, times, errors, tuple(sides), RATE_HZ)
    np.testing.assert_array_equal(found.stops, np.ones(len(BEATS)))
    np.testing.assert_array_equal(found.stops_hit_before, found.stops)
    assert not found.stops_hit_after.any()
    assert found.hit_by_dancer.all()
    assert not found.hit_after.any()
    early = BEATS < 3.7
    assert found.error_deg[early] == pytest.approx(6.0)
    assert {found.worst_bone[i] for i in np.flatnonzero(early)} == {"left_upper_arm"}
    assert found.worst_bone[-1] == "left_forearm"


@pytest.fixture(scope="module")
def fast():
    """A dance a little too fast for the robot, with beats."""
    dance = waving(
        ROBOT,
        6.0,
        slowness_s=0.32,
        beats_s=np.arange(0.3, 5.9, 0.6),
        beat_numbers=np.arange(10) % 4 + 1,
    )[1]
    adapted = adapt(dance, ROBOT, MotionConfig())
    return adapted.plan, dance, adapted.unlimited


def test_per_beat_figures_add_up_to_those_of_the_whole_dance(fast):
    plan, dance, unlimited = fast
    losses = measure_losses(plan, dance, ROBOT, unlimited)
    beats = losses.beats
    np.testing.assert_allclose(beats.times_s, dance.beats_s)
    assert beats.stops.sum() == losses.arm_stops
    assert beats.stops_hit_after.sum() == pytest.approx(
        losses.arm_stops_hit_after * losses.arm_stops
    )
    assert beats.stops_hit_before.sum() == pytest.approx(
        losses.arm_stops_hit_before * losses.arm_stops
    )
    arms = [bone for bone in losses.bones if bone.name != "head"]
    per_beat = np.mean([bone.per_beat_deg for bone in arms], axis=0)
    np.testing.assert_allclose(per_beat, beats.error_deg)
    # Frames before the first and after the last beat count for those two.
    assert losses.arm_error_deg.mean() == pytest.approx(np.mean([b.mean_deg for b in arms]))
    assert losses.arm_error_deg.mean() > losses.arm_error_before_deg.mean() + 0.5
    assert set(losses.path_kept) == {"left", "right"}
    low, high = sorted(losses.path_kept.values())
    assert low <= losses.path_length_kept <= high


def test_hands_that_go_on_along_the_forearm_are_shown(fast):
    """The dancer's hands do, and so do the robot's: what differs is the forearm."""
    plan, dance, unlimited = fast
    losses = measure_losses(plan, dance, ROBOT, unlimited)
    bones = {bone.name: bone.mean_deg for bone in (*losses.bones, *losses.hands)}
    for side in ("left", "right"):
        # A NAO's hand is 12 mm below the forearm's line, 58 mm ahead: 12 degrees.
        assert abs(bones[f"{side}_hand"] - bones[f"{side}_forearm"]) < 13.0


def test_legs_are_judged_only_when_they_move(fast):
    from dataclasses import replace

    plan, dance, unlimited = fast
    assert measure_losses(plan, dance, ROBOT, unlimited).legs == ()
    positions = np.array(plan.positions_rad)
    bend = 0.5 - 0.5 * np.cos(2.0 * np.pi * plan.times_s / plan.times_s[-1])
    for side in "LR":
        positions[:, ROBOT.index(f"{side}KneePitch")] += 0.3 * bend
    losses = measure_losses(replace(plan, positions_rad=positions), dance, ROBOT, unlimited)
    shanks = {bone.name: bone.mean_deg for bone in losses.legs}
    assert set(shanks) == {"left_thigh", "right_thigh", "left_shank", "right_shank"}
    assert shanks["left_shank"] == pytest.approx(shanks["right_shank"], abs=0.5)


def test_a_dance_without_beats_has_no_losses_per_beat():
    positions, dance = waving(ROBOT, 2.0)
    assert len(dance.beats_s) == 0
    adapted = adapt(dancer_like(ROBOT, positions), ROBOT, MotionConfig())
    losses = measure_losses(adapted.plan, dance, ROBOT, adapted.unlimited)
    assert losses.beats is None
    assert all(bone.per_beat_deg == () for bone in losses.bones)
