"""Steps: which strikes become one, where the feet tread, and that the robot stands on them."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from robot_like_dancers import waving
from scipy.spatial.transform import Rotation

from robodance.config import MotionConfig, SimulationConfig
from robodance.motion import footsteps, replan, step_schedule, support
from robodance.motion.balance import upper_body_only
from robodance.motion.certificate import certify
from robodance.motion.footsteps import ASIDE_RAD, TURN_RAD, choose_steps
from robodance.motion.footwork import Footwork, Strike, footwork, snapped
from robodance.motion.plan import adapt
from robodance.motion.step_schedule import (
    AHEAD_M,
    APART_M,
    BETWEEN_S,
    OFF_BEAT_S,
    SHORTEST_SWING_S,
    schedule,
)
from robodance.motion.support import planted, stepping
from robodance.motion.sway_program import SwayProgram
from robodance.motion.timing import timeline_of
from robodance.performance.trial import run_trial
from robodance.robots.dynamics import BaseMotion, inverse_dynamics
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.legs import FeetPoses
from robodance.robots.model import load_robot
from robodance.robots.stability import gravity_in_torso, moved_along, standing_torques, to_world
from robodance.skeleton import INDEX, pose_sequence

ROBOT = load_robot("nao_v6")
STAND = upper_body_only(ROBOT, "StandInit")
FEET = FeetPoses.standing(ROBOT, STAND.posture_rad, STAND.torso_pose)
STANCE = {side: FEET.positions_m[side][0, :2] for side in ROBOT.feet}
FULL = MotionConfig(balance="full-body")
STEP_S = 0.04
CARRYING = {1: "left", 2: "right"}


def marching(*, seconds=7.0, every_s=0.8, high_m=0.16):
    """A dancer who lifts one foot after the other, on the beat, and leans over the other."""
    _, dance = waving(ROBOT, seconds)
    joints, times = np.array(dance.joint_positions_m), dance.times_s - dance.times_s[0]
    number, since = np.divmod(times, every_s)
    up = high_m * np.sin(np.pi * np.clip(since / (0.6 * every_s), 0.0, 1.0)) ** 2
    for turn, side in enumerate(("left", "right")):
        lifted = np.where(number % 2 == turn, up, 0.0)
        for part, share in (("ankle", 1.0), ("heel", 1.0), ("toe", 1.0), ("knee", 0.5)):
            joints[:, INDEX[f"{side}_{part}"], 2] += share * lifted
    beats = dance.times_s[0] + every_s * np.arange(round(seconds / every_s)) + 0.6 * every_s
    return pose_sequence(joints, 25.0, beats_s=beats)


@pytest.fixture(scope="module")
def march():
    return marching()


@pytest.fixture(scope="module")
def stepped(march):
    return adapt(march, ROBOT, FULL)


def touchdowns(plan):
    """Return (side, song time) of every foot that comes down."""
    down = np.flatnonzero((plan.support[1:] == 0) & (plan.support[:-1] > 0)) + 1
    other = {"left": "right", "right": "left"}
    return [(other[CARRYING[int(plan.support[k - 1])]], plan.music_times_s[k]) for k in down]


def feet_of(plan):
    """Return both feet's origins in the world, (T, 3) each."""
    poses = forward_kinematics(ROBOT, plan.positions_rad, ROBOT.feet.values())
    return {
        side: to_world(plan.torso_pose, poses.points(foot, np.zeros(3)))
        for side, foot in ROBOT.feet.items()
    }


def random_footwork(rng, seconds=20.0):
    """Feet that strike at any time and go anywhere."""
    times = np.arange(0.0, seconds, 0.04)
    apart = np.cumsum(rng.normal(size=(len(times), 2)), axis=0) * 0.02
    ends = np.sort(rng.uniform(0.5, seconds - 0.5, 40))
    strikes = tuple(
        Strike(str(rng.choice(["left", "right"])), float(end - rng.uniform(0.1, 0.9)), float(end))
        for end in ends
    )
    ankles = np.cumsum(rng.normal(size=(len(times), 2, 2)), axis=0) * 0.02
    sway, heading = np.cumsum(rng.normal(size=(2, len(times))), axis=1)
    return Footwork(times, apart, ankles, 0.01 * sway, 0.1 * heading, strikes)


def steps_of(feet, beats_s, timeline, calm):
    """Return the steps that a dancer's feet become."""
    swings = schedule(feet, beats_s, timeline, STANCE["left"] - STANCE["right"])
    return choose_steps(swings, feet, timeline, STANCE, calm)


@pytest.mark.parametrize("seed", range(5))
def test_steps_never_overlap_and_stay_in_what_the_walk_allows(march, seed):
    feet = random_footwork(np.random.default_rng(seed))
    timeline = timeline_of(replace_times(march, 20.0), FULL)
    beats = np.arange(0.0, 20.0, 0.5)
    steps = steps_of(feet, beats, timeline, np.ones(timeline.knots))
    assert len(steps) > 5
    for before, after in pairwise(steps):
        assert after.leave - before.land >= round(BETWEEN_S / STEP_S)
    places, yaws = dict(STANCE), dict.fromkeys(STANCE, 0.0)
    for step in steps:
        assert step.land - step.leave >= round(SHORTEST_SWING_S / STEP_S)
        places[step.side], yaws[step.side] = step.position_m, step.yaw_rad
        open_rad = yaws["left"] - yaws["right"]
        assert -1e-9 <= open_rad <= TURN_RAD + 1e-9
        heading = -sum(yaws.values()) / 2.0
        x, y = places["left"] - places["right"]
        ahead = np.cos(heading) * x - np.sin(heading) * y
        apart = np.sin(heading) * x + np.cos(heading) * y
        assert abs(ahead) <= AHEAD_M + 1e-9
        assert APART_M[0] - 1e-9 <= apart <= APART_M[1] + 1e-9
    assert yaws["left"] == pytest.approx(yaws["right"])  # as it stood
    np.testing.assert_allclose(
        np.linalg.norm(places["left"] - places["right"]),
        np.linalg.norm(STANCE["left"] - STANCE["right"]),
        atol=1e-9,
    )


def test_a_foot_is_where_it_goes_before_it_comes_down(monkeypatch):
    """What is left of a step of 60 mm, 0.44 s, 12 mm high, when the foot is half as high."""
    step = footsteps.Step("left", 10, 21, STANCE["left"] + np.array([0.06, 0.0]), 0.0, 0.012)

    def left_m():
        place = stepping(ROBOT, FEET, [step], 40, STEP_S).feet.positions_m["left"]
        high = place[:, 2] - FEET.positions_m["left"][0, 2]
        assert high.max() == pytest.approx(step.lift_m, rel=0.03)
        comes_down = (np.arange(40) > 15) & (high < 0.5 * step.lift_m)
        return np.linalg.norm(place[comes_down, :2] - step.position_m, axis=1).max()

    assert left_m() < 0.001
    monkeypatch.setattr(support, "OVER", (0.0, 1.0))
    monkeypatch.setattr(support, "LIFT_POWER", 3)
    assert left_m() > 0.005


def landings(march, moments_s):
    """Return when feet land whose strikes, left and right in turn, are beats of the music."""
    times = np.arange(0.0, 20.0, 0.04)
    strikes = tuple(
        Strike(("left", "right")[k % 2], at - 0.3, at) for k, at in enumerate(moments_s.tolist())
    )
    still = np.zeros((len(times), 2))
    feet = Footwork(times, still, np.zeros((len(times), 2, 2)), still[:, 0], still[:, 0], strikes)
    timeline = timeline_of(replace_times(march, 20.0), FULL)
    steps = steps_of(feet, moments_s, timeline, np.ones(timeline.knots))
    return timeline.music_times_s(np.array([step.land * STEP_S for step in steps]))


def test_a_foot_comes_down_beside_its_beat_where_that_makes_room_for_another(march, monkeypatch):
    """A swing and both feet on the floor take 0.68 s; the beats of a rumba are 0.6 s apart."""
    beats = np.array([8.0, 8.6])
    first, second = landings(march, beats)
    assert beats[0] - OFF_BEAT_S - 1e-9 <= first < beats[0]
    assert beats[1] < second <= beats[1] + OFF_BEAT_S + 1e-9
    monkeypatch.setattr(step_schedule, "OFF_BEAT_S", 0.0)
    (alone,) = landings(march, beats)
    assert np.abs(alone - beats).min() <= STEP_S / 2 + 1e-9


def test_a_foot_that_has_room_comes_down_on_its_beat(march):
    beats = 5.0 + 0.72 * np.arange(8)
    np.testing.assert_allclose(landings(march, beats), beats, atol=STEP_S / 2 + 1e-9)


def replace_times(dance, seconds):
    """Return a dance of another length, for its time axis alone."""
    times = np.arange(0.0, seconds, 0.04)
    joints = np.tile(dance.joint_positions_m[:1], (len(times), 1, 1))
    return pose_sequence(joints, 25.0)


def test_what_is_not_asked_for_is_not_stepped(march):
    timeline = timeline_of(march, FULL)
    feet = footwork(march, ROBOT)
    none = steps_of(feet, march.beats_s, timeline, np.zeros(timeline.knots))
    assert none == ()
    half = np.full(timeline.knots, 0.6)
    low = steps_of(feet, march.beats_s, timeline, half)
    high = steps_of(feet, march.beats_s, timeline, np.ones(timeline.knots))
    assert low[0].lift_m == pytest.approx(0.6 * high[0].lift_m)


def wandering(rng, seconds=30.0):
    """Feet that tread far ahead, by turns, and so leave the stage."""
    times = np.arange(0.0, seconds, 0.04)
    ends = np.arange(1.0, seconds - 1.0, 0.75)
    sides = [("left", "right")[k % 2] for k in range(len(ends))]
    ahead = 0.03 * np.sign(np.sin(np.pi * (times - ends[0] + 0.25) / 0.75))  # midway in a swing
    strikes = tuple(
        Strike(side, end - 0.5, end) for side, end in zip(sides, ends.tolist(), strict=True)
    )
    feet = np.column_stack([ahead, 0.01 * rng.normal(size=len(times))])
    still = np.zeros((len(times), 2, 2))
    return Footwork(times, feet, still, still[:, 0, 0], 0.1 * np.sin(times), strikes)


def own_places(steps, after):
    """Return where each step from a knot on treads, as seen from the other foot, (S, 4)."""
    places, yaws = dict(STANCE), dict.fromkeys(STANCE, 0.0)
    result = []
    for step in steps:
        places[step.side], yaws[step.side] = step.position_m, step.yaw_rad
        heading = sum(yaws.values()) / 2.0
        turn = np.array([[np.cos(heading), np.sin(heading)], [-np.sin(heading), np.cos(heading)]])
        if step.land >= after:
            apart = turn @ (places["left"] - places["right"])
            result.append([step.land, *apart, yaws["left"] - yaws["right"]])
    return np.array(result)


def test_after_a_calmer_passage_the_steps_are_those_of_the_whole_dance(march, rng, monkeypatch):
    feet, timeline = wandering(rng), timeline_of(replace_times(march, 30.0), FULL)
    calm = np.ones(timeline.knots)
    calm[75:150] = 0.0  # from 3 to 6 s it does not get ahead

    def treads(share):
        steps = steps_of(feet, np.arange(0.0, 30.0, 0.375), timeline, share)
        return steps, own_places(
            steps[:-1], after=300
        )  # the last one closes; turns are caught up with

    (whole, wanted), (calmer, found) = treads(np.ones(timeline.knots)), treads(calm)
    assert len(calmer) < len(whole)
    assert len(found) > 10
    np.testing.assert_allclose(found, wanted, atol=1e-9)
    monkeypatch.setattr(footsteps, "ASTRAY_M", 0.0)  # each finds its own way home
    assert np.abs(treads(calm)[1] - wanted).max() > 0.002


def facing(feet, march):
    """Return where a robot looks once each foot of it is down, (S,) rad."""
    timeline = timeline_of(replace_times(march, 30.0), FULL)
    yaws, result = dict.fromkeys(STANCE, 0.0), []
    for step in steps_of(feet, np.arange(0.0, 30.0, 0.375), timeline, np.ones(timeline.knots)):
        yaws[step.side] = step.yaw_rad
        result.append(sum(yaws.values()) / 2.0)
    return np.array(result)


@pytest.mark.parametrize("degrees", [20.0, -40.0, 90.0])
def test_a_robot_looks_as_far_aside_as_its_dancer(march, rng, degrees):
    feet = wandering(rng)
    turned = np.radians(degrees) * (feet.times_s > 8.0)
    found = facing(replace(feet, heading_rad=turned), march)
    assert found[-1] == pytest.approx(ASIDE_RAD * np.sin(np.radians(degrees)), abs=1e-9)


@pytest.mark.parametrize("turns", [3.0, -10.0])
def test_a_robot_faces_its_audience_while_its_dancer_spins(march, rng, turns, monkeypatch):
    feet = wandering(rng)
    spinning = replace(feet, heading_rad=2.0 * np.pi * turns * feet.times_s / feet.times_s[-1])
    assert np.abs(facing(spinning, march)).max() <= ASIDE_RAD + TURN_RAD / 2.0
    monkeypatch.setattr(footsteps, "_aside", lambda turned_rad: turned_rad)
    assert np.abs(facing(spinning, march)).max() > np.pi / 2.0


def test_moments_are_snapped_to_beats_and_half_beats(rng):
    beats = np.cumsum(rng.uniform(0.4, 0.7, 20))
    moments = rng.uniform(beats[0], beats[-1], 50)
    grid = np.sort(np.concatenate([beats, (beats[1:] + beats[:-1]) / 2.0]))
    nearest = grid[np.abs(grid[None] - moments[:, None]).argmin(axis=1)]
    np.testing.assert_allclose(snapped(moments, beats), nearest)
    np.testing.assert_array_equal(snapped(moments, beats[:1]), moments)


def test_every_foot_that_is_set_down_is_seen(march):
    seen = footwork(march, ROBOT).strikes
    expected = march.beats_s[march.beats_s < march.times_s[-1] - 0.1]
    assert len(seen) == len(expected)
    assert np.abs(np.array([s.moment_s for s in seen]) - expected).max() < 0.12  # it slows before
    assert [s.side for s in seen[:4]] == ["left", "right", "left", "right"]


def test_swinging_feet_clear_the_floor_and_end_where_they_tread(march):
    timeline = timeline_of(march, FULL)
    share = np.ones(timeline.knots)
    steps = steps_of(footwork(march, ROBOT), march.beats_s, timeline, share)
    support = stepping(ROBOT, FEET, steps, timeline.knots, STEP_S)
    for step in steps:
        place = support.feet.positions_m[step.side]
        np.testing.assert_allclose(place[step.land, :2], step.position_m, atol=1e-12)
        rise = place[step.leave : step.land + 1, 2] - FEET.positions_m[step.side][0, 2]
        assert rise.min() >= 0.0
        assert rise.max() == pytest.approx(step.lift_m, rel=0.05)  # between knots it is higher
        numbers = support.kinds[support.carrying[step.leave : step.land]]
        assert set(numbers.tolist()) == {2 if step.side == "left" else 1}
    assert (planted(ROBOT, FEET, 50, STEP_S).carrying == 0).all()


def test_the_dancers_steps_are_danced_on_the_beat_and_within_all_limits(march, stepped):
    plan = stepped.plan
    certificate = certify(plan, ROBOT)
    assert certificate.clean, certificate.violations
    strikes = footwork(march, ROBOT).strikes
    shown = [
        any(side == s.side and abs(at - beat) <= 0.08 for side, at in touchdowns(plan))
        for s, beat in zip(
            strikes, snapped(np.array([s.moment_s for s in strikes]), march.beats_s), strict=True
        )
    ]
    assert np.mean(shown) >= 0.6
    for side, place in feet_of(plan).items():
        number = 2 if side == "left" else 1
        assert place[plan.support == number, 2].max() - place[0, 2] > 0.008  # m
    end = feet_of(plan)
    apart = end["left"][-1] - end["right"][-1]
    np.testing.assert_allclose(
        np.linalg.norm(apart), np.linalg.norm(STANCE["left"] - STANCE["right"]), atol=1e-4
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"lead_in_s": 0.5, "lead_out_s": 0.5},
        {"start_posture": "Stand", "end_posture": "Crouch"},
        {"knot_rate_hz": 20.0},
        {"tempo": "slow", "slow_motion": 2.0},
    ],
    ids=str,
)
def test_steps_are_legal_whatever_comes_before_and_after_them(march, settings):
    plan = adapt(march, ROBOT, replace(FULL, **settings)).plan
    certificate = certify(plan, ROBOT)
    assert certificate.clean, certificate.violations
    assert touchdowns(plan)


def test_on_planted_soles_nothing_is_lifted(march):
    plan = adapt(march, ROBOT, replace(FULL, footwork="planted")).plan
    assert not plan.support.any()
    assert max(np.ptp(place, axis=0).max() for place in feet_of(plan).values()) < 1e-3  # m


def test_with_the_plan_of_the_centre_of_mass_it_stands_upright_and_without_it_sways(
    march, stepped, monkeypatch
):
    allowed = np.radians(2.0)
    stood = run_trial(stepped.plan, "nao_v6", SimulationConfig(), "nominal", allowed)
    assert stood.failures_s == ()
    # Without the floor's rows the torso goes where the dancer's goes, whatever carries it.
    monkeypatch.setattr(SwayProgram, "_zmp_rows", lambda self, *_: None)
    monkeypatch.setattr(
        SwayProgram, "broken", lambda self, state: np.zeros(len(state.units), dtype=bool)
    )
    careless = adapt_without_repair(march, monkeypatch)
    assert certify(careless, ROBOT).violations["balance"] > 0
    swayed = run_trial(careless, "nao_v6", SimulationConfig(), "nominal", allowed)
    assert swayed.tilt_rad > 3.0 * allowed


def adapt_without_repair(dance, monkeypatch):
    """Plan with arms that do not make up for what the legs leave out."""

    monkeypatch.setattr(replan, "repair", lambda start, *_: start)
    return adapt(dance, ROBOT, FULL).plan


def test_a_leg_in_the_air_carries_nothing(rng):
    angles = np.tile(STAND.posture_rad, (3, 1))
    angles += 0.05 * rng.normal(size=angles.shape)
    poses = np.tile(STAND.torso_pose, (3, 1))
    still = np.zeros_like(angles)
    base = BaseMotion.at_rest(gravity_in_torso(poses))
    forces = inverse_dynamics(ROBOT, angles, still, still, base)
    torques = standing_torques(ROBOT, forces, poses, angles, np.array([0, 1, 2]))
    right = [ROBOT.index(f"R{j}") for j in ("HipRoll", "HipPitch", "KneePitch", "AnklePitch")]
    left = [ROBOT.index(f"L{j}") for j in ("HipRoll", "HipPitch", "KneePitch", "AnklePitch")]
    np.testing.assert_allclose(torques[1, right], forces.torques_nm[1, right], atol=1e-9)
    np.testing.assert_allclose(torques[2, left], forces.torques_nm[2, left], atol=1e-9)
    assert np.abs(torques[1, left]).max() > np.abs(torques[0, left]).max()


def test_poses_move_along_with_one_of_them(rng):
    poses = np.hstack([rng.normal(size=(4, 3)), Rotation.random(4, rng=rng).as_quat()])
    after = np.hstack([rng.normal(size=3), Rotation.random(rng=rng).as_quat()])
    moved = moved_along(poses, poses[0], after)
    np.testing.assert_allclose(moved[0, :3], after[:3], atol=1e-12)
    apart = np.linalg.norm(poses[1:, :3] - poses[0, :3], axis=1)
    np.testing.assert_allclose(np.linalg.norm(moved[1:, :3] - moved[0, :3], axis=1), apart)
