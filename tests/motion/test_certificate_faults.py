"""One fault at a time, planted where the plan's samples do not show it: all are found.

Each fault comes with its legal neighbour, which is not refused.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from robodance.errors import PlanError
from robodance.motion.certificate import certify
from robodance.motion.curve import Curve, Moments
from robodance.motion.distance import pair_distances
from robodance.motion.upright import force_bends, ground_force, motion_bounds
from robodance.robots.dynamics import BaseMotion
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import load_robot
from robodance.robots.stability import (
    gravity_in_torso,
    standing_torso_pose,
    to_world,
    zero_moment_point,
)
from robodance.values import Plan

ROBOT = load_robot("nao_v6")
TIMES = np.arange(301) / 100.0
PEAK_S = 1.5035  # the planted moment: between samples, at 100 Hz and at 1 kHz


def plan_of(positions, torso_pose=None, **more):
    """A plan at 100 Hz, by default on both feet in StandInit."""
    pose = standing_torso_pose(ROBOT, ROBOT.posture("StandInit"))
    return Plan(**{
        "joint_names": ROBOT.joint_names,
        "times_s": TIMES,
        "positions_rad": positions,
        "music_times_s": TIMES,
        "music_start_s": 0.0,
        "torso_pose": np.tile(pose, (len(TIMES), 1)) if torso_pose is None else torso_pose,
        "support": np.zeros(len(TIMES)),
        "beats_s": np.zeros(0),
        "beat_numbers": np.zeros(0),
        "sync_times_s": np.zeros(0),
        "human_joints_m": np.zeros((2, 21, 3)),
        "human_times_s": np.array([0.0, 1.0]),
        "position_limits_rad": ROBOT.position_limits_rad,
        "velocity_limits_rad_s": ROBOT.velocity_limits_rad_s,
        "acceleration_limits_rad_s2": 8.0 * ROBOT.velocity_limits_rad_s,
        **more,
    })


def standing(**joints):
    """Angles of StandInit, with something added to some joints."""
    positions = np.tile(ROBOT.posture("StandInit"), (len(TIMES), 1))
    for name, added in joints.items():
        positions[:, ROBOT.index(name)] += added
    return positions


def bump(times=TIMES, peak_s=PEAK_S, width_s=1.0):
    """Rise from 0 to 1 at ``peak_s`` and fall back, smoothly."""
    since = np.clip((times - peak_s) / width_s, -1.0, 1.0)
    return np.cos(0.5 * np.pi * since) ** 4


def truth(positions, rate_hz=50_000.0, order=0):
    """The curve at very many moments around the planted one, and these moments."""
    moments = np.arange(PEAK_S - 0.02, PEAK_S + 0.02, 1.0 / rate_hz)
    return CubicSpline(TIMES, positions, bc_type="clamped")(moments, order), moments


def kinds(plan):
    return {kind for kind, count in certify(plan, ROBOT).violations.items() if count}


def test_closed_forms_are_the_largest_values_of_the_curve(rng):
    times = np.arange(60) / 100.0
    values = rng.normal(size=(60, 3))
    piece = Curve.through(times, values).piece(0, 59)
    spline = CubicSpline(times, values, bc_type="clamped")
    looks = np.linspace(times[0], times[-1], 59 * 200 + 1)
    for order, peak in enumerate(piece.peaks()[:2], 1):
        seen = np.abs(spline(looks, order)[:-1].reshape(59, 200, 3)).max(axis=1).T
        assert (seen <= peak * (1 + 1e-9)).all()
        # 200 looks a segment miss at most a 200th of a line, less of a parabola.
        np.testing.assert_allclose(seen, peak, atol=0.01 * peak.max())
    low, high = piece.ranges()
    seen = spline(looks)[:-1].reshape(59, 200, 3)
    assert (low - 1e-12 <= seen.min(axis=1).T).all()
    assert (high + 1e-12 >= seen.max(axis=1).T).all()
    np.testing.assert_allclose(seen.max(axis=1).T, high, atol=2e-2)  # of slopes up to 500


def test_a_speed_between_samples_is_found_and_one_just_under_the_limit_is_legal():
    column = ROBOT.index("LElbowYaw")
    shape = -0.4 * np.cumsum(bump(width_s=0.5)) / 100.0
    positions = standing(LElbowYaw=shape)
    speeds, _ = truth(positions[:, column], order=1)
    top = np.abs(speeds).max()
    at_samples = np.abs(
        CubicSpline(TIMES, positions[:, column], bc_type="clamped")(np.arange(3001) / 1000.0, 1)
    ).max()
    assert at_samples < top * (1.0 - 3e-6)  # three times the certificate's tolerance
    limits = np.array(ROBOT.velocity_limits_rad_s)
    limits[column] = (at_samples + 2.0 * top) / 3.0 / (1.0 + 1e-6)
    limits[column] = max(limits[column], at_samples)
    found = certify(plan_of(positions, velocity_limits_rad_s=limits), ROBOT)
    assert found.violations["velocity"] == 1  # no sample at 1 kHz shows it
    limits[column] = top * (1.0 + 1e-9)
    assert certify(plan_of(positions, velocity_limits_rad_s=limits), ROBOT).clean


def test_an_angle_between_samples_is_found_and_one_at_the_limit_is_legal():
    column = ROBOT.index("LElbowYaw")
    positions = standing(LElbowYaw=0.3 * bump(width_s=0.3))
    angles, _ = truth(positions[:, column])
    limits = np.array(ROBOT.position_limits_rad)
    limits[column, 1] = angles.max() + 1e-9
    assert certify(plan_of(positions, position_limits_rad=limits), ROBOT).clean
    at_samples = positions[:, column].max()
    assert at_samples < angles.max() - 1e-5
    limits[column, 1] = angles.max() - 1e-5
    found = certify(plan_of(positions, position_limits_rad=limits), ROBOT)
    assert 1 <= found.violations["position"] <= 10


def test_limits_looser_than_the_robots_own_do_not_help():
    wave = 0.8 * np.sin(2.0 * np.pi * 2.0 * TIMES) * bump(peak_s=1.5, width_s=1.4)
    lax = plan_of(
        standing(HeadYaw=wave),
        velocity_limits_rad_s=10.0 * ROBOT.velocity_limits_rad_s,
        acceleration_limits_rad_s2=1000.0 * ROBOT.velocity_limits_rad_s,
    )
    assert kinds(lax) == {"velocity"}


def test_a_coupled_range_left_between_samples_is_found():
    """The head turns to where it may nod less, for less than the time between two samples."""
    pair = next(pair for pair in ROBOT.coupled_limits if pair.joint == "HeadPitch")
    yaw = 0.7 * bump(width_s=0.35)
    turned, _ = truth(yaw)
    edge = np.interp(turned, pair.driver_rad, pair.upper_rad).min()
    at_samples = np.interp(yaw, pair.driver_rad, pair.upper_rad).min()
    assert edge < at_samples - 2e-5
    nod = np.clip(4.0 * bump(peak_s=1.5, width_s=1.4), 0.0, 1.0)
    nod = nod * nod * (3.0 - 2.0 * nod)
    over, under = (
        plan_of(standing(HeadYaw=yaw, HeadPitch=nod * (edge + share * (at_samples - edge))))
        for share in (0.5, -0.5)
    )
    assert certify(under, ROBOT).clean
    assert kinds(over) == {"coupled"}
    assert certify(over, ROBOT).violations["coupled"] < 10


def swung_inwards(amount, width_s=0.45):
    """The left arm moves towards the trunk and back."""
    inside = {"LShoulderPitch": -0.2, "LShoulderRoll": -0.6, "LElbowYaw": 1.2, "LElbowRoll": -0.3}
    shape = amount * bump(width_s=width_s)
    return standing(**{name: share * shape for name, share in inside.items()})


def clearance_of(positions):
    curve, moments = truth(positions, rate_hz=10_000.0)
    distances = pair_distances(ROBOT, curve, 500).min(axis=1)
    return distances.min(), distances, moments


def test_a_contact_of_a_few_milliseconds_between_samples_is_found():
    none, contact = 0.0, 1.0
    assert clearance_of(swung_inwards(contact))[0] < 0.0 < clearance_of(swung_inwards(none))[0]
    for _ in range(30):  # the amount at which the parts just touch
        middle = 0.5 * (none + contact)
        if clearance_of(swung_inwards(middle))[0] > 0.0:
            none = middle
        else:
            contact = middle
    touching = swung_inwards(contact + 1e-4)
    least, distances, moments = clearance_of(touching)
    assert -1e-3 < least < 0.0
    lasting = np.ptp(moments[distances < 0.0])
    assert lasting < 0.01
    assert pair_distances(ROBOT, touching, 500).min() > 0.0  # no sample of the plan shows it
    lax = 1000.0 * np.ones(len(ROBOT.joint_names))
    found = certify(plan_of(touching, acceleration_limits_rad_s2=lax), ROBOT)
    assert found.violations["self_collision"] == pytest.approx(1000.0 * lasting, abs=1.5)
    assert found.clearance_time_s == pytest.approx(PEAK_S, abs=0.005)
    apart = swung_inwards(none - 1e-3)
    found = certify(plan_of(apart, acceleration_limits_rad_s2=lax), ROBOT)
    assert found.violations["self_collision"] == 0
    # The clearance is that of the curve, to the certificate's 0.1 mm.
    assert found.clearance_m == pytest.approx(clearance_of(apart)[0], abs=1e-4)


def test_one_motor_with_two_angles_is_found():
    apart = standing(LHipYawPitch=-1e-4 * bump())
    assert "mirrored" in kinds(plan_of(apart))


def test_time_that_does_not_run_as_promised_is_found():
    uneven = TIMES.copy()
    uneven[150] += 0.004
    assert "timing" in kinds(plan_of(standing(), times_s=uneven))
    sparse = plan_of(standing(), times_s=TIMES * 1.5, music_times_s=TIMES)
    assert kinds(sparse) == {"timing"}
    plan = plan_of(standing())
    music = TIMES.copy()
    music[100] = music[101]  # a plan cannot be made so; one can be altered
    object.__setattr__(plan, "music_times_s", music)
    assert kinds(plan) == {"timing"}


def test_joints_in_another_order_are_refused():
    plan = plan_of(standing())
    other = replace(plan, joint_names=ROBOT.joint_names[::-1])
    with pytest.raises(PlanError, match="in another order"):
        certify(other, ROBOT)


# Legs and torso in motion.


def on_planted_feet(positions):
    """Where the torso is when the left sole stays flat on the floor at its place."""
    poses = forward_kinematics(ROBOT, positions, [ROBOT.feet["left"]])
    foot = poses.index(ROBOT.feet["left"])
    turn = Rotation.from_matrix(poses.rotations[:, foot]).inv()
    sole = poses.points(ROBOT.feet["left"], [0.0, 0.0, -ROBOT.sole_height_m])
    place = np.array([0.0, 0.05, 0.0])
    return np.column_stack([place - turn.apply(sole), turn.as_quat(canonical=True)])


def squatting(depth=0.35, width_s=1.0):
    """Hips, knees and ankles bend together, so that the soles stay flat."""
    bend = 0.4 + depth * bump(peak_s=1.5, width_s=width_s)
    positions = standing()
    for side in "LR":
        for joint, angle in (("HipPitch", -bend), ("KneePitch", 2 * bend), ("AnklePitch", -bend)):
            positions[:, ROBOT.index(f"{side}{joint}")] = angle
    return positions


def leaning(angle=0.37):
    """Hips and ankles roll together: the trunk goes over the left foot and stays there."""
    share = np.clip((TIMES - 0.2) / 1.2, 0.0, 1.0)
    roll = angle * share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
    positions = standing()
    for side in "LR":
        for joint in ("HipPitch", "KneePitch", "AnklePitch"):
            positions[:, ROBOT.index(f"{side}{joint}")] = 0.0
        positions[:, ROBOT.index(f"{side}HipRoll")] = -roll
        positions[:, ROBOT.index(f"{side}AnkleRoll")] = roll
    return positions


def moving(positions, **more):
    pose = on_planted_feet(positions)
    return plan_of(positions, pose, **more)


def second_method(plan, base_moves=True):
    """ZMP by the recursion of robots/, the torso's motion by differences of very near poses."""
    joints = CubicSpline(TIMES, plan.positions_rad, bc_type="clamped")
    pose = CubicSpline(TIMES, plan.torso_pose, bc_type="clamped")
    moments = np.linspace(0.3, 2.7, 997)

    def turn(times):
        return Rotation.from_quat(pose(times)[:, 3:])

    step = 1e-4
    here, ahead, behind = turn(moments), turn(moments + step), turn(moments - step)
    forth, back = (here.inv() * ahead).as_rotvec(), (here.inv() * behind).as_rotvec()
    base = BaseMotion(
        gravity_in_torso(np.column_stack([pose(moments)[:, :3], here.as_quat()])),
        (forth - back) / (2.0 * step),
        (forth + back) / step**2,
        here.inv().apply(pose(moments, 2)[:, :3]),
    )
    world = np.column_stack([pose(moments)[:, :3], here.as_quat()])
    motion = [joints(moments, order) for order in range(3)]
    return moments, zero_moment_point(ROBOT, *motion, world, base if base_moves else None)


def test_the_torsos_acceleration_counts_in_the_zmp():
    plan = moving(leaning())
    joints = Curve.through(TIMES, plan.positions_rad).piece(0, 300)
    torso = Curve.through(TIMES, plan.torso_pose).piece(0, 300)
    times, theirs = second_method(plan)
    segment = np.minimum((times * 100.0).astype(int), 299)
    ours = ground_force(ROBOT, joints, torso, Moments(segment, times - TIMES[segment])).zmp().T
    np.testing.assert_allclose(ours, theirs, atol=2e-5)  # m, of differences over 0.1 ms
    _, without = second_method(plan, base_moves=False)
    assert np.abs(without - theirs).max() > 5e-3


def test_bounds_hold_for_wild_motion_of_torso_and_joints(rng):
    times = np.arange(101) / 100.0
    wander = np.cumsum(np.cumsum(rng.normal(size=(101, 32)), axis=0), axis=0)
    turns = Rotation.from_rotvec(1e-4 * wander[:, 3:6]).as_quat(canonical=False)
    torso = Curve.through(times, np.column_stack([1e-5 * wander[:, :3], turns])).piece(0, 100)
    joints = Curve.through(times, 1e-4 * wander[:, 6:]).piece(0, 100)
    count = 21
    step = 0.01 / (count - 1)
    moments = Moments(np.repeat(np.arange(100), count), np.tile(step * np.arange(count), 100))
    ground = ground_force(ROBOT, joints, torso, moments)
    lift, moment = force_bends(ROBOT, motion_bounds(ROBOT, joints, torso))
    seen = np.abs(np.diff(ground.lift_n.reshape(100, count), 2, axis=1)).max(axis=1) / step**2
    assert (seen <= lift).all()
    bends = np.diff(ground.moment_nm.reshape(3, 100, count), 2, axis=2) / step**2
    assert (np.linalg.norm(bends, axis=0).max(axis=1) <= moment).all()


def test_legal_motion_of_legs_and_torso_is_clean():
    assert certify(moving(squatting()), ROBOT).clean
    assert certify(moving(leaning()), ROBOT).clean


def test_quaternions_that_change_their_sign_mean_the_same():
    plan = moving(leaning())
    flipped = np.array(plan.torso_pose)
    flipped[100:200, 3:] *= -1.0
    first, second = certify(plan, ROBOT), certify(replace(plan, torso_pose=flipped), ROBOT)
    assert second.clean
    assert second.zmp_margin_m == pytest.approx(first.zmp_margin_m, abs=1e-12)


def test_the_support_of_each_phase_counts():
    """On one foot with the trunk over it: legal. A moment too early: the robot would tip."""
    positions = leaning()
    late, early = (np.where(moment <= TIMES, 1, 0) for moment in (1.6, 0.3))
    assert certify(moving(positions, support=late), ROBOT).clean
    assert kinds(moving(positions, support=early)) == {"balance"}
    assert "balance" in kinds(moving(positions, support=2 * late))  # the wrong foot
    back = np.where((TIMES >= 1.6) & (TIMES < 2.3), 1, 0)
    again = certify(moving(positions, support=back), ROBOT)
    assert again.clean


def test_a_jump_from_foot_to_foot_is_found():
    support = np.where(TIMES < 2.2, 1, 2)
    assert "balance" in kinds(moving(leaning(), support=support))


def test_planted_soles_that_slip_or_rise_are_found():
    plan = moving(squatting())
    for axis, by in ((0, 0.008), (2, 0.009)):
        pose = np.array(plan.torso_pose)
        pose[:, axis] += by * bump(peak_s=1.505, width_s=0.2)
        found = certify(replace(plan, torso_pose=pose), ROBOT)
        assert found.violations["footing"] > 0
    pose = np.array(plan.torso_pose)
    pose[:, 0] -= 0.002 * bump(peak_s=1.505, width_s=0.4)
    slipping = certify(replace(plan, torso_pose=pose), ROBOT)
    assert slipping.violations["footing"] == 0
    # The margin pays for a slip that is tolerated.
    firm = certify(plan, ROBOT).trace.zmp_margin_m[15]
    assert slipping.trace.zmp_margin_m[15] < firm - 0.003


def test_a_short_excursion_of_the_zmp_is_found():
    """Soles are cut so that the ZMP leaves them for a few milliseconds, and so that it does not."""
    swing = 0.25 * np.sin(2.0 * np.pi * 2.0 * (TIMES - PEAK_S)) * bump(width_s=1.2)
    lax = 1000.0 * np.ones(len(ROBOT.joint_names))
    plan = plan_of(
        standing(LShoulderPitch=swing - 0.5 * bump(), RShoulderPitch=swing - 0.5 * bump()),
        acceleration_limits_rad_s2=lax,
    )
    curve = CubicSpline(TIMES, plan.positions_rad, bc_type="clamped")
    looks = np.linspace(0.0, 3.0, 30_001)
    zmp = zero_moment_point(
        ROBOT,
        *(curve(looks, order) for order in range(3)),
        np.tile(plan.torso_pose[0], (30_001, 1)),
    )
    front = zmp[:, 0].max()
    poses = forward_kinematics(ROBOT, plan.positions_rad[:1])
    foot = to_world(plan.torso_pose[:1], poses.points("LFoot", np.zeros(3)))[0, 0]

    def cut(at_m):
        """The robot with soles that end in front at a place in the world."""
        soles = {
            side: np.column_stack([np.minimum(corners[:, 0], at_m - foot), corners[:, 1]])
            for side, corners in ROBOT.soles_m.items()
        }
        return replace(ROBOT, soles_m=soles)

    inside = certify(plan, cut(front + 1e-3))
    assert inside.clean
    # Soles tilt by up to 0.05 with the stand's, so places along them are good to 0.2 %.
    assert inside.zmp_margin_m == pytest.approx(1e-3, abs=5e-4)
    level = np.sort(zmp[:, 0])[-50]  # 5 ms of 0.1 ms looks
    outside = certify(plan, cut(level))
    assert 1 <= outside.violations["balance"] <= 40
    assert outside.zmp_margin_time_s == pytest.approx(looks[zmp[:, 0].argmax()], abs=0.011)
