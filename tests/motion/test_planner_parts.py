"""Each part of the planner with and without: what it is there for."""

import numpy as np
import pytest
from robot_like_dancers import dancer_like

from robodance.config import MotionConfig
from robodance.motion import branches, descent, retarget
from robodance.motion.arm import arm_of
from robodance.motion.balance import upper_body_only
from robodance.motion.branches import arm_start
from robodance.motion.limits import joint_limits, limit_rows
from robodance.motion.losses import measure_losses
from robodance.motion.plan import adapt
from robodance.motion.replan import replan
from robodance.motion.targets import dance_targets
from robodance.motion.terms import BoneTerm, StillTerm
from robodance.motion.timing import timeline_of
from robodance.robots.kinematics import forward_kinematics, jacobian
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
STAND = np.array(ROBOT.posture("StandInit"))
LEFT = [ROBOT.index(f"L{j}") for j in ("ShoulderPitch", "ShoulderRoll", "ElbowYaw", "ElbowRoll")]


def poses_held(rng, seconds=12.0, every_s=0.5, move_s=0.5):
    """A dancer whose arms go from pose to pose, too fast for the robot, and stop in each."""
    times = np.arange(round(seconds * 25.0)) / 25.0
    motion = np.tile(STAND, (len(times), 1))
    for side, sign in (("L", 1.0), ("R", -1.0)):
        goals = rng.uniform([-0.6, 0.1, -1.2, -1.3], [1.2, 1.1, 1.2, -0.1], (60, 4))
        step = np.floor(times / every_s).astype(int)
        share = np.clip((times / every_s - step) * every_s / move_s, 0.0, 1.0)
        share = (share**2 * (3.0 - 2.0 * share))[:, None]
        angles = goals[step] + share * (goals[step + 1] - goals[step])
        for j, joint in enumerate(("ShoulderPitch", "ShoulderRoll", "ElbowYaw", "ElbowRoll")):
            motion[:, ROBOT.index(side + joint)] = angles[:, j] * (1.0 if j == 0 else sign)
    return dancer_like(ROBOT, motion)


def stops_hit(dance):
    adapted = adapt(dance, ROBOT, MotionConfig())
    return measure_losses(adapted.plan, dance, ROBOT, adapted.unlimited).arm_stops_hit_after


def test_the_price_on_motion_at_stops_keeps_the_stops(rng, monkeypatch):
    dance = poses_held(rng, seconds=17.0, every_s=0.3, move_s=0.3)
    lost_with = 1.0 - stops_hit(dance)
    monkeypatch.setattr(retarget, "STILL_WEIGHT", 0.0)
    monkeypatch.setattr(retarget, "STOP_WEIGHT", 0.0)
    assert 1.0 - stops_hit(dance) > max(2.0 * lost_with, 0.01)


def test_the_search_over_the_whole_song_avoids_leaps_that_frame_by_frame_makes(rng, monkeypatch):
    arm = arm_of(ROBOT, "left")
    limits = ROBOT.position_limits_rad[LEFT]
    steps = np.asarray(ROBOT.velocity_limits_rad_s)[LEFT] / 25.0
    targets = dance_targets(poses_held(rng).joint_positions_m, 25.0)
    upper, fore = targets.upper_arm["left"], targets.forearm["left"]
    # Directions behind the back, where the closed form changes its mind from frame to frame.
    turned = np.array([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]])
    upper, fore = upper @ turned, fore @ turned

    def leaps():
        path = arm_start(arm, upper, fore, np.ones((len(upper), 2)), limits, steps, 25.0)
        return (np.abs(np.diff(path, axis=0)) > 2.0 * steps).any(axis=1).sum()

    searched = leaps()
    monkeypatch.setattr(branches, "MOVE_COST", 0.0)
    monkeypatch.setattr(branches, "LEAP_COST", 0.0)
    assert searched < 0.8 * leaps()


@pytest.mark.parametrize("rounds", [1, 2, 3, 5])
def test_the_search_may_stop_at_any_round_and_what_it_has_is_legal(rng, monkeypatch, rounds):
    config = MotionConfig()
    dance = poses_held(rng, seconds=4.0, every_s=0.3, move_s=0.3)
    limits = joint_limits(ROBOT, config)
    wanted = retarget.retarget(dance, ROBOT, timeline_of(dance, config), limits, config)
    part = next(part for part in wanted.parts if part.name == "left_arm")
    own = limits.of(tuple(ROBOT.joint_names[column] for column in part.columns))
    rows = limit_rows(own, len(part.control), 0.04)
    free = retarget.free_points(len(part.control))
    found = descent.minimise(part.control, part.terms, rows, free, rounds=rounds, legal=False)
    values = rows.matrix @ found.ravel()
    exact = 1e-6  # of rad per knot interval: the solver's own tolerance
    assert (values >= rows.lower - exact).all()
    assert (values <= rows.upper + exact).all()
    assert (np.abs(np.diff(part.control, axis=0)) > 1.2 * rows.upper[:4]).any()  # it was not


def test_a_loss_stays_where_it_is_due():
    """Where one bone cannot reach its target the price hardly moves the bone that can."""
    arm = arm_of(ROBOT, "left")
    knots = 3
    angles = np.tile([0.3, 0.4, -0.5, -0.6], (knots, 1))
    bones = np.stack(arm.directions(angles), axis=1)
    for chord in (0.01, 1.0):
        wanted = bones.copy()
        wanted[:, 1] += chord * np.array([0.0, 0.0, 1.0])
        term = BoneTerm(arm, wanted, np.ones((knots, 2)))
        control = np.tile(angles[0], (knots + 2, 1))
        cost = term.values(control).sum() / knots
        square = 0.5 * chord**2
        # Small misses cost half their square; ten times EVENLY costs a fifth of that.
        assert cost == pytest.approx(square, rel=0.01) if chord < 0.1 else cost < 0.2 * square


def test_the_still_price_is_half_the_squared_way_at_the_knots(rng):
    control = rng.normal(size=(7, 4))
    weights = rng.uniform(size=5)
    way = (control[2:] - control[:-2]) / 2.0
    expected = 0.5 * (weights[:, None] * way**2).sum()
    assert StillTerm(weights).values(control).sum() == pytest.approx(expected)


def test_a_wrist_waits_at_one_stop_while_the_palm_faces_where_it_cannot_get(rng):
    wrist = joint_limits(ROBOT, MotionConfig()).of(("LWristYaw",))
    # Just behind the back of the hand, now seen from one side, now from the other.
    facing = np.pi + 0.3 * rng.normal(size=200)
    facing = (facing + np.pi) % (2.0 * np.pi) - np.pi
    nearest = np.clip(facing, *wrist.position_rad[0])
    settled = retarget._settled(facing, np.full(200, 0.3), wrist, 0.04)
    assert np.abs(np.diff(nearest)).sum() > 100.0  # rad: it would spin without end
    assert np.abs(np.diff(settled)).sum() < 1e-9
    reachable = np.linspace(-1.5, 1.5, 200)
    np.testing.assert_array_equal(
        retarget._settled(reachable, np.full(200, 0.3), wrist, 0.04), reachable
    )


def test_arms_planned_side_by_side_are_the_same_every_time(rng):
    config = MotionConfig()
    dance = poses_held(rng, seconds=6.0)
    limits = joint_limits(ROBOT, config)
    timeline = timeline_of(dance, config)
    stand = upper_body_only(ROBOT, config.stand)
    results = []
    for _ in range(2):
        wanted = retarget.retarget(dance, ROBOT, timeline, limits, config)
        found = replan(wanted, stand, limits, timeline.step_s, config)
        results.append(found.spline.control)
    np.testing.assert_array_equal(*results)


def test_kinematics_of_a_long_song_are_quick():
    """Poses and the derivatives of all landmarks for 3 minutes: well under a second."""
    import time

    positions = np.tile(STAND, (4500, 1))
    start = time.process_time()
    poses = forward_kinematics(ROBOT, positions)
    for link, offset in ROBOT.landmarks.values():
        jacobian(ROBOT, poses, link, offset)
    assert time.process_time() - start < 0.5  # 0.015 s when measured; a slow machine may take more
