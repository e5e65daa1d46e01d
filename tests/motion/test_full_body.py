"""Torso and legs that dance on planted soles: legs, limits, floor, and what is left of it."""

from dataclasses import replace

import numpy as np
import pytest
from robot_like_dancers import dancer_like, waving
from scipy.spatial.transform import Rotation

from robodance.config import MotionConfig
from robodance.errors import ConfigError
from robodance.motion import repair, sway, sway_program, windows
from robodance.motion.balance import BalanceTerm, upper_body_only
from robodance.motion.certificate import certify
from robodance.motion.pelvis import knee_bends, leg_scale
from robodance.motion.plan import adapt
from robodance.motion.program import BandedQuadratic
from robodance.motion.repair import Replanned
from robodance.motion.spline import Spline
from robodance.motion.support import planted
from robodance.motion.sway_program import SwayProgram
from robodance.motion.torso import TorsoCurve
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.legs import FeetPoses, heading_pose, leg_columns, legs_under
from robodance.robots.model import load_robot
from robodance.robots.stability import to_world
from robodance.skeleton import INDEX, pose_sequence

ROBOT = load_robot("nao_v6")
STAND = upper_body_only(ROBOT, "StandInit")
FEET = FeetPoses.standing(ROBOT, STAND.posture_rad, STAND.torso_pose)
HOME = np.array([*STAND.torso_pose[:3], 0.0, 0.1])  # StandInit leans by 0.1 rad
FULL = MotionConfig(balance="full-body")
STEP_S = 0.04
PLANTED = ("ankle", "heel", "toe")


def torsos(rng, count):
    """Torso places well inside what the planted legs reach."""
    spread = np.array([0.015, 0.04, 0.008, 0.08, 0.1])
    return HOME - [0.0, 0.0, 0.012, 0.0, 0.0] + spread * rng.uniform(-1.0, 1.0, (count, 5))


def found(torso):
    start = np.tile(STAND.posture_rad, (len(torso), 1))
    return legs_under(ROBOT, torso, FEET, start, np.zeros(len(torso)))


def swaying(*, amplitude_m, seconds_each, seconds=6.0):
    """A dancer whose arms wave and whose body sways to the left and right over planted feet."""
    return swayed(waving(ROBOT, seconds)[1], amplitude_m=amplitude_m, each_s=seconds_each)


def swayed(dance, *, amplitude_m, each_s):
    """The same dancer, whose body sways to the left and right over planted feet."""
    joints = np.array(dance.joint_positions_m)
    body = [i for name, i in INDEX.items() if not name.endswith(PLANTED)]
    joints[:, body, 1] += (
        amplitude_m * np.sin(2.0 * np.pi * (dance.times_s - dance.times_s[0]) / each_s)
    )[:, None]
    for side in ("left", "right"):  # bones keep their length, roughly
        ends = [joints[:, INDEX[f"{side}_{part}"]] for part in ("hip", "ankle")]
        joints[:, INDEX[f"{side}_knee"]] = (ends[0] + ends[1]) / 2.0
    return pose_sequence(joints, 25.0)


def test_legs_reach_both_feet_and_share_their_motor(rng):
    torso = torsos(rng, 60)
    legs = found(torso)
    assert legs.miss.max() < 1e-9  # metres and radians
    poses = forward_kinematics(ROBOT, legs.positions_rad)
    world = heading_pose(torso, legs.yaw_rad)
    for side, foot in ROBOT.feet.items():
        at = to_world(world, poses.points(foot, np.zeros(3)))
        np.testing.assert_allclose(at, np.tile(FEET.positions_m[side], (60, 1)), atol=1e-9)
        turn = Rotation.from_quat(world[:, 3:]).as_matrix() @ poses.rotations[:, poses.index(foot)]
        np.testing.assert_allclose(turn, np.tile(FEET.turns[side], (60, 1, 1)), atol=1e-9)
    left, right = (ROBOT.index(f"{side}HipYawPitch") for side in "LR")
    np.testing.assert_array_equal(legs.positions_rad[:, left], legs.positions_rad[:, right])


def test_without_the_heading_the_feet_cannot_both_be_reached(rng):
    # Rolling and leaning at once: with the torso's heading held, feet that are flat would turn.
    torso = torsos(rng, 60)
    assert np.degrees(np.abs(found(torso).yaw_rad).max()) > 0.5


def test_the_slopes_of_the_legs_agree_with_differences(rng):
    torso, step = torsos(rng, 20), 1e-6
    legs = found(torso)
    for axis in range(5):
        moved = torso.copy()
        moved[:, axis] += step
        there = legs_under(ROBOT, moved, FEET, legs.positions_rad, legs.yaw_rad)
        slope = (there.positions_rad - legs.positions_rad) / step
        # A knee near its straight end bends by 10 rad per metre of height.
        np.testing.assert_allclose(slope, legs.slopes[:, :, axis], atol=1e-2)


def curve(rng, knots=30):
    control = np.tile([*HOME, 0.0], (knots + 2, 1))
    control[3:-3] += rng.normal(size=(knots - 4, 6)) * [0.01, 0.02, 0.005, 0.05, 0.05, 0.03]
    return TorsoCurve(Spline(control, STEP_S))


def test_how_the_torso_turns_agrees_with_its_poses(rng):
    torso, step = curve(rng), 1e-5
    times = (np.arange(8, 23) + 0.4) * STEP_S  # away from knots, where the jerk jumps
    poses, base = torso.motion(times)
    before, after = (Rotation.from_quat(torso.poses(times + d)[:, 3:]) for d in (-step, step))
    spin = (before.inv() * after).as_rotvec() / (2.0 * step)
    np.testing.assert_allclose(spin, base.angular_velocity_rad_s, atol=1e-6)
    spins = [torso.motion(times + d)[1].angular_velocity_rad_s for d in (-step, step)]
    turn = (spins[1] - spins[0]) / (2.0 * step)
    np.testing.assert_allclose(turn, base.angular_acceleration_rad_s2, atol=1e-4)
    rise = torso.spline.at(times, 2)[:, :3]
    back = Rotation.from_quat(poses[:, 3:]).apply(base.acceleration_m_s2)
    np.testing.assert_allclose(back, rise, atol=1e-12)


def test_the_price_of_tipping_knows_that_the_torso_moves(rng):
    arms = tuple(ROBOT.index(f"{s}{j}") for s in "LR" for j in ("ShoulderPitch", "ShoulderRoll"))
    support = planted(ROBOT, FEET, 30, STEP_S)
    moving = replace(STAND, torso=curve(rng), support=support)
    base = np.tile(STAND.posture_rad, (32, 1))
    control = STAND.posture_rad[list(arms)] + 0.05 * rng.normal(size=(32, len(arms)))
    segments = np.arange(10, 14)
    make = {"per_step": 2, "margin_m": 0.08, "weight": 100.0}
    term = BalanceTerm(moving, arms, base, segments, STEP_S, **make)
    model = BandedQuadratic(*control.shape)
    term.expand(control, model)
    for i in (11, 14):
        for j in range(len(arms)):
            step = np.zeros_like(control)
            step[i, j] = 1e-6
            slope = (term.values(control + step) - term.values(control - step)).sum() / 2e-6
            assert model.gradient[i, j] == pytest.approx(slope, rel=1e-3, abs=1e-3)
    still = BalanceTerm(STAND, arms, base, segments, STEP_S, **make)
    assert abs(still.values(control).sum() - term.values(control).sum()) > 0.01


@pytest.fixture(scope="module")
def calm_dance():
    return swaying(amplitude_m=0.08, seconds_each=2.0)


@pytest.fixture(scope="module")
def adapted(calm_dance):
    return adapt(calm_dance, ROBOT, FULL)


def test_the_torso_sways_with_the_dancer_at_the_robots_size(calm_dance, adapted):
    certificate = certify(adapted.plan, ROBOT)
    assert certificate.clean, certificate.violations
    danced = (adapted.plan.times_s > 3.0) & (adapted.plan.times_s < 7.0)
    sway_m = adapted.plan.torso_pose[danced, 1]
    wanted = leg_scale(calm_dance, ROBOT) * 0.08
    assert np.abs(sway_m).max() == pytest.approx(wanted, rel=0.15)
    assert adapted.sway_kept[1] > 0.9
    moved = np.ptp(adapted.plan.positions_rad[:, leg_columns(ROBOT)], axis=0)
    assert (moved > 0.02).sum() >= 4  # rad; both hips and ankles roll


def test_upper_body_only_keeps_torso_and_legs_still(calm_dance):
    plan = adapt(calm_dance, ROBOT, MotionConfig()).plan
    assert np.ptp(plan.torso_pose, axis=0).max() == 0.0
    assert np.ptp(plan.positions_rad[:, leg_columns(ROBOT)], axis=0).max() < 1e-9


def test_planning_again_with_a_calmer_phrase_calms_that_phrase_only(adapted):
    knots = round(adapted.plan.duration_s / STEP_S) + 1
    share = np.ones(knots)
    share[: knots // 2] = 0.0
    again = adapted.again(share).plan
    half = len(again.times_s) // 2
    before, after = again.torso_pose[: half - 60, 1], again.torso_pose[half + 60 :, 1]
    assert np.abs(before).max() < 0.3 * np.abs(after).max()
    assert certify(again, ROBOT).clean


def test_wild_sway_is_made_legal_and_without_the_rows_it_is_not(monkeypatch):
    monkeypatch.setattr(sway_program, "KNEE_RAD", 1e3)  # knees that may not bend hold it back
    wild = swaying(amplitude_m=0.6, seconds_each=0.7, seconds=4.0)
    kept = adapt(wild, ROBOT, FULL)
    certificate = certify(kept.plan, ROBOT)
    assert certificate.clean, certificate.violations
    monkeypatch.setattr(sway, "DRAWS", 0)
    monkeypatch.setattr(
        SwayProgram, "broken", lambda self, state: np.zeros(len(state.units), dtype=bool)
    )
    monkeypatch.setattr(SwayProgram, "_joint_rows", lambda self, *_: None)
    monkeypatch.setattr(SwayProgram, "_zmp_rows", lambda self, *_: None)
    lax = certify(adapt(wild, ROBOT, FULL).plan, ROBOT)
    assert lax.violations["balance"] + lax.violations["acceleration"] > 0


def test_legs_that_must_not_move_cannot_dance(calm_dance):
    held = replace(FULL, leave_alone="LKneePitch")
    with pytest.raises(ConfigError, match="with balance: full-body the legs dance"):
        adapt(calm_dance, ROBOT, held)


def test_what_lies_far_from_a_calmed_phrase_stays_as_it_was(adapted):
    plan = adapted.plan
    share = np.ones(round(plan.duration_s / STEP_S) + 1)
    share[75:100] = 0.3
    again = adapted.again(share).plan
    changed = np.abs(again.positions_rad - plan.positions_rad).max(axis=1) > 1e-6  # rad
    assert changed.any()
    # From 3 to 4 s it is calmed; the torso takes up to 1.5 s to get there, and as long back.
    times = plan.times_s[changed]
    assert times.min() > 3.0 - 1.9
    assert times.max() < 4.0 + 1.9


def pressing_its_arm(*, at_s, seconds):
    """A dancer that sways and, at some moments, presses the left arm against the trunk."""
    positions, _ = waving(ROBOT, seconds)
    times = np.arange(len(positions)) / 25.0
    press = sum(np.exp(-(((times - moment) / 0.5) ** 2)) for moment in at_s)[:, None]
    pressed = positions.copy()
    for joint, angle in (("LShoulderRoll", -0.3), ("LShoulderPitch", 1.4), ("LElbowRoll", 0.0)):
        pressed[:, ROBOT.index(joint)] = angle
    return swayed(
        dancer_like(ROBOT, positions + press * (pressed - positions)), amplitude_m=0.05, each_s=1.6
    )


def test_what_was_mended_far_from_a_calmed_phrase_is_neither_mended_nor_looked_at_again(
    monkeypatch,
):
    made = adapt(pressing_its_arm(at_s=(4.0, 12.0), seconds=16.0), ROBOT, FULL)
    mended, seen = [], []
    plan_again, check = repair._planned_again, repair.look_at

    def looked(*piece):
        seen.append(piece[-1] * STEP_S)  # where it begins
        return check(*piece)

    def noted(control, group, goal, limits, window, *rest):
        mended.append(np.flatnonzero(window) * STEP_S)
        return plan_again(control, group, goal, limits, window, *rest)

    monkeypatch.setattr(repair, "_planned_again", noted)
    monkeypatch.setattr(repair, "look_at", looked)
    share = np.ones(round(made.plan.duration_s / STEP_S) + 1)
    share[325:360] = 0.3  # from 13 s on
    kept = made.again(share)
    early = np.flatnonzero(made.plan.times_s < 10.0)
    unmended = made.unlimited.positions_rad[early]  # presses
    assert np.abs(made.plan.positions_rad[early] - unmended).max() > 0.01  # rad
    np.testing.assert_allclose(  # a spline's sums of other lengths round differently
        kept.plan.positions_rad[early], made.plan.positions_rad[early], atol=1e-12
    )
    assert kept.repaired_share > 0.0
    assert certify(kept.plan, ROBOT).clean
    assert all(times.min() > 10.0 for times in mended)
    assert min(seen) > 10.0
    monkeypatch.setattr(
        Replanned, "over", lambda self, control, _: self.unmended(control, self.followed, STEP_S)
    )
    made.again(share)
    assert any(times.min() < 10.0 for times in mended)
    assert min(seen) == 0.0


def test_places_that_are_mended_apart_come_out_as_together(monkeypatch):
    dance = pressing_its_arm(at_s=(4.0, 12.0), seconds=16.0)
    plan_again, mended = repair._planned_again, []

    def noted(control, group, goal, limits, window, *rest):
        mended.append((np.flatnonzero(window) * STEP_S).tolist())
        return plan_again(control, group, goal, limits, window, *rest)

    monkeypatch.setattr(repair, "_planned_again", noted)
    together = adapt(dance, ROBOT, FULL)
    assert mended[0][0] < 8.0 < mended[0][-1]  # both places
    mended.clear()
    monkeypatch.setattr(windows, "MANY_POINTS", 0)
    apart = adapt(dance, ROBOT, FULL)
    assert mended[0][-1] < 8.0 < mended[1][0]
    assert apart.repaired_share > 0.0
    assert certify(apart.plan, ROBOT).clean
    # Each place is solved to its own end: a tenth of a degree is seen by nobody.
    difference = np.abs(apart.plan.positions_rad - together.plan.positions_rad).max()
    assert difference < np.radians(0.1)


def test_a_knees_bend_is_the_angle_between_thigh_and_shank():
    _, dance = waving(ROBOT, 4.0)
    joints = np.array(dance.joint_positions_m)
    turned = np.linspace(0.0, np.pi / 2.0, len(joints))
    for part, place in (("hip", (0.0, 1.0)), ("knee", (0.0, 0.5))):
        joints[:, INDEX[f"left_{part}"]] = [0.0, 0.1, place[1]]
    shank = np.stack([-np.sin(turned), 0.0 * turned, -np.cos(turned)], axis=1)
    joints[:, INDEX["left_ankle"]] = joints[:, INDEX["left_knee"]] + 0.4 * shank
    bent = pose_sequence(joints, 25.0)
    bends = knee_bends(bent, bent.times_s, 25.0)[:, 0]
    middle = slice(25, -25)  # the low pass turns round at the ends
    np.testing.assert_allclose(bends[middle], (turned - np.pi / 4.0)[middle], atol=0.005)
