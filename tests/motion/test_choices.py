"""What a person can choose about a dance is what the plan then does."""

from dataclasses import replace

import numpy as np
import pytest
from robot_like_dancers import waving, wild

from robodance.config import MotionConfig, SimulationConfig
from robodance.errors import ConfigError
from robodance.motion import retarget
from robodance.motion.certificate import certify
from robodance.motion.leads import Leads
from robodance.motion.limits import JointLimits, joint_limits
from robodance.motion.losses import measure_losses
from robodance.motion.plan import adapt, plan_motion
from robodance.motion.postures import SLIDE_M, posture_change, standing
from robodance.motion.spline import Spline
from robodance.motion.transition import State, at_rest, transition
from robodance.performance.backend import open_backend
from robodance.performance.conductor import conduct
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import load_robot
from robodance.robots.stability import to_world
from robodance.skeleton import INDEX, mirror_dance

ROBOT = load_robot("nao_v6")
PAIRS = [
    (robot, first, second)
    for robot in ("nao_v6", "nao_v5")
    for first in ROBOT.standing_postures
    for second in ROBOT.standing_postures
    if first != second
]


def fast(seconds=3.0):
    return waving(ROBOT, seconds, slowness_s=0.35)[1]


@pytest.mark.parametrize("vigour", [0.3, 0.6])
def test_vigour_is_the_share_of_the_limits_that_is_used(vigour):
    calm = certify(plan_motion(fast(), ROBOT, MotionConfig(vigour=vigour)), ROBOT)
    assert calm.clean
    shares = [max(j.velocity_share, j.acceleration_share) for j in calm.joints]
    assert 0.9 * 0.98 * vigour < max(shares) <= 0.98 * vigour + 1e-6


def test_a_dance_mirrored_twice_is_the_dance():
    rng = np.random.default_rng(5)
    dance = replace(
        wild(rng, 30, 25.0, 0.05),
        confidence=rng.random((30, 21)),
        palms=rng.normal(size=(30, 2, 3)),
        palm_confidence=rng.random((30, 2)),
    )
    there = mirror_dance(dance)
    again = mirror_dance(there)
    np.testing.assert_array_equal(again.poses, dance.poses)
    np.testing.assert_array_equal(again.joint_positions_m, dance.joint_positions_m)
    np.testing.assert_array_equal(again.confidence, dance.confidence)
    np.testing.assert_array_equal(again.palms, dance.palms)
    np.testing.assert_array_equal(again.palm_confidence, dance.palm_confidence)
    assert np.abs(there.joint_positions_m - dance.joint_positions_m).max() > 0.1
    left, right = INDEX["left_wrist"], INDEX["right_wrist"]
    np.testing.assert_array_equal(there.confidence[:, left], dance.confidence[:, right])


def mirrored_angles(positions):
    """Exchange left and right joints; rolls and yaws change their sign."""
    result = np.empty_like(positions)
    for column, name in enumerate(ROBOT.joint_names):
        other = {"L": "R", "R": "L"}.get(name[0], name[0]) + name[1:]
        sign = -1.0 if name.endswith(("Roll", "Yaw")) else 1.0
        result[:, column] = sign * positions[:, ROBOT.index(other)]
    return result


def test_the_plan_of_a_mirrored_dance_is_the_plan_seen_in_a_mirror():
    dance = waving(ROBOT)[1]
    plain, mirror = (adapt(dance, ROBOT, MotionConfig(mirror=flag)) for flag in (False, True))
    assert certify(mirror.plan, ROBOT).clean
    difference = np.abs(mirrored_angles(plain.plan.positions_rad) - mirror.plan.positions_rad)
    assert np.abs(plain.plan.positions_rad - mirror.plan.positions_rad).max() > 0.3
    # The arms are planned one after the other and a V6's sides differ by 1e-4 rad of range.
    assert difference.max() < 0.01
    np.testing.assert_array_equal(mirror.plan.human_joints_m, mirror_dance(dance).joint_positions_m)
    first, second = (
        measure_losses(mirror.plan, dance, ROBOT, unlimited)
        for unlimited in (mirror.unlimited, None)
    )
    assert second.path_length_kept == pytest.approx(first.path_length_kept, abs=1e-3)


def test_joints_left_alone_do_not_move_and_the_others_make_up_for_it():
    names = ("LElbowYaw", "HeadYaw", "RHand")
    dance = fast()
    plan = plan_motion(dance, ROBOT, MotionConfig(leave_alone=", ".join(names)))
    assert certify(plan, ROBOT).clean
    still = [ROBOT.index(name) for name in names]
    posture = ROBOT.posture("StandInit")
    np.testing.assert_allclose(plan.positions_rad[:, still] - posture[still], 0.0, atol=1e-12)
    moving = ROBOT.index("LShoulderPitch")
    assert np.ptp(plan.positions_rad[:, moving]) > 0.2
    np.testing.assert_array_equal(plan.position_limits_rad, ROBOT.position_limits_rad)


def test_a_joint_that_does_not_exist_cannot_be_left_alone():
    with pytest.raises(ConfigError, match="did you mean 'LElbowYaw'"):
        plan_motion(fast(), ROBOT, MotionConfig(leave_alone="LElbowYawn"))


def test_a_leg_cannot_be_left_alone_on_the_way_from_another_posture():
    config = MotionConfig(leave_alone="LKneePitch", start_posture="Crouch")
    with pytest.raises(ConfigError, match="the legs must move"):
        plan_motion(fast(), ROBOT, config)


@pytest.mark.parametrize(("name", "first", "second"), PAIRS)
def test_between_two_standing_postures_both_soles_stay(name, first, second):
    robot = load_robot(name)
    config = MotionConfig(stand=second)
    stand = standing(robot, config)
    limits = joint_limits(robot, config)
    change = posture_change(robot, config, stand, first, limits=limits)
    assert change.slide_m < SLIDE_M
    path = Spline(change.control, 0.04)
    np.testing.assert_allclose(path.sampled(4)[-1], stand.posture_rad, atol=1e-12)
    arms = [i for i, joint in enumerate(robot.joint_names) if joint[1:6] in {"Shoul", "Elbow"}]
    named = np.asarray(robot.posture(first))
    np.testing.assert_allclose(path.sampled(4)[0][arms], named[arms], atol=1e-12)


def test_a_plan_starts_and_ends_in_the_postures_that_are_asked_for_and_stands_in_the_physics():
    config = MotionConfig(
        start_posture="Crouch", end_posture="StandZero", lead_in_s=1.0, lead_out_s=1.0
    )
    adapted = adapt(fast(1.0), ROBOT, config)
    plan = adapted.plan
    assert certify(plan, ROBOT).clean
    assert "Crouch is taken with the feet where StandInit has them" in adapted.warnings[0]
    knees = plan.positions_rad[:, ROBOT.index("LKneePitch")]
    assert knees[0] == pytest.approx(ROBOT.posture("Crouch")[ROBOT.index("LKneePitch")], abs=0.2)
    np.testing.assert_allclose(plan.positions_rad[-1], ROBOT.posture("StandZero"), atol=1e-6)
    assert plan.torso_pose[0, 2] < plan.torso_pose[len(knees) // 2, 2] - 0.08
    poses = forward_kinematics(ROBOT, plan.positions_rad)
    for foot in ROBOT.feet.values():
        sole = to_world(plan.torso_pose, poses.points(foot, (0.05, 0.0, -ROBOT.sole_height_m)))
        assert np.linalg.norm(sole - sole[0], axis=1).max() < SLIDE_M
    with open_backend("simulation", ROBOT, SimulationConfig()) as backend:
        log = conduct(plan, backend)
    assert not log.falls
    assert np.degrees(log.tilt_rad.max()) < 3.0  # measured: under 1


@pytest.mark.parametrize("posture", ROBOT.standing_postures)
def test_every_standing_posture_is_a_legal_start_and_end(posture):
    plan = plan_motion(fast(1.0), ROBOT, MotionConfig(start_posture=posture, end_posture=posture))
    certificate = certify(plan, ROBOT)
    assert certificate.clean, certificate.violations


def test_a_posture_that_does_not_stand_is_no_start():
    with pytest.raises(ConfigError, match="no posture to start or end in"):
        plan_motion(fast(), ROBOT, MotionConfig(start_posture="Sit"))


def limits_of(count, speed=6.0, push=48.0):
    names = tuple(f"joint{i}" for i in range(count))
    ranges = np.tile([-2.0, 2.0], (count, 1))
    return JointLimits(names, ranges, np.full(count, speed), np.full(count, push))


@pytest.mark.parametrize("seed", range(20))
def test_a_transition_joins_two_states_inside_the_limits(seed):
    rng = np.random.default_rng(seed)
    limits = limits_of(4, *rng.uniform([0.5, 4.0], [8.0, 70.0]))
    start, goal = (
        State(rng.uniform(-2, 2, 4), rng.normal(size=4) * 5, rng.normal(size=4) * 40).within(limits)
        for _ in range(2)
    )
    way = transition(start, goal, limits, float(rng.uniform(0.1, 4.0)))
    assert way.duration_s >= way.shortest_s > 0.0
    for order, (field, limit) in enumerate((
        ("position_rad", None),
        ("velocity_rad_s", limits.velocity_rad_s),
        ("acceleration_rad_s2", limits.acceleration_rad_s2),
    )):
        values = way.at(np.linspace(0.0, way.duration_s, 400), order)
        np.testing.assert_allclose(values[0], getattr(start, field), atol=1e-6)
        np.testing.assert_allclose(values[-1], getattr(goal, field), atol=1e-6)
        if limit is not None:
            assert (np.abs(values) <= limit * (1.0 + 1e-6)).all()


def test_a_transition_takes_the_time_it_is_given_and_is_calmer_for_it():
    goal = State(np.array([1.0, -0.5]), np.array([2.0, 0.0]), np.zeros(2))
    rest, limits = at_rest(np.zeros(2)), limits_of(2)
    quick, calm = transition(rest, goal, limits), transition(rest, goal, limits, 2.0)
    assert calm.duration_s == 2.0 > quick.duration_s
    assert calm.effort < 0.1 * quick.effort


def test_leads_too_short_for_the_joints_grow_and_say_so():
    config = MotionConfig(vigour=0.3, lead_in_s=0.5, lead_out_s=0.5)
    short = adapt(fast(), ROBOT, config)
    assert any("lead-in grew from 0.5" in warning for warning in short.warnings)
    assert short.plan.music_start_s > 0.5
    assert certify(short.plan, ROBOT).clean
    assert not adapt(fast(), ROBOT, MotionConfig(lead_in_s=2.0)).warnings


def waiting(control, posture, timeline, limits):
    """Without transitions: stand until the dance begins, and again as soon as it ends."""
    reference = Spline(control, timeline.step_s).at(timeline.knot_times_s)
    first, last = timeline.danced_knots
    reference[:first] = reference[last + 1 :] = posture
    return Leads(reference, (0.0, 0.0))


def test_with_transitions_the_way_in_is_calmer_than_without(monkeypatch):
    dance = waving(ROBOT, 3.0, slowness_s=1.0)[1]

    def way_in():
        plan = plan_motion(dance, ROBOT, MotionConfig())
        lead = plan.positions_rad[plan.times_s <= plan.music_start_s + 0.1]
        pushes, jerks = np.diff(lead, 2, axis=0) * 1e4, np.diff(lead, 3, axis=0) * 1e6
        return np.square(pushes).mean(), np.abs(jerks).max()

    effort, jerk = way_in()
    monkeypatch.setattr(retarget, "leads_of", waiting)
    effort_without, jerk_without = way_in()
    assert effort < 0.5 * effort_without
    assert jerk < 0.8 * jerk_without


@pytest.mark.parametrize(
    "settings",
    [
        {"tempo": "warp"},
        {"vigour": 0.5, "mirror": True, "leave_alone": "LHand", "start_posture": "Crouch"},
    ],
)
def test_the_same_choices_give_the_same_plan(settings):
    dance = fast(1.5)
    first, second = (plan_motion(dance, ROBOT, MotionConfig(**settings)) for _ in range(2))
    np.testing.assert_array_equal(first.positions_rad, second.positions_rad)
    np.testing.assert_array_equal(first.music_times_s, second.music_times_s)
