"""Distances between parts of the body, and what the planner does with them."""

import numpy as np
import pytest
from robot_like_dancers import dancer_like

from robodance.config import MotionConfig
from robodance.motion.certificate import certify
from robodance.motion.collision import Bodies, ClearanceTerm, closest_points
from robodance.motion.distance import pair_distances, pair_speeds, segment_distances
from robodance.motion.plan import adapt
from robodance.motion.program import BandedQuadratic
from robodance.robots.model import load_robot

ROBOT = load_robot("nao_v6")
ARMS = tuple(
    ROBOT.index(f"{s}{j}")
    for s in "LR"
    for j in ("ShoulderPitch", "ShoulderRoll", "ElbowYaw", "ElbowRoll")
)
STAND = np.array(ROBOT.posture("StandInit"))


def hands_through_the_body():
    """A dancer whose hands rest where the robot's belly is, and come away again."""
    times = np.arange(101) / 25.0
    share = (0.5 - 0.5 * np.cos(2.0 * np.pi * times / 2.0))[:, None]
    inside = STAND.copy()
    for side, sign in (("L", 1.0), ("R", -1.0)):
        for joint, angle in (
            ("ShoulderPitch", 1.1),
            ("ShoulderRoll", -0.25 * sign),
            ("ElbowYaw", -0.9 * sign),
            ("ElbowRoll", -1.4 * sign),
        ):
            inside[ROBOT.index(side + joint)] = angle
    return dancer_like(ROBOT, STAND + share * (inside - STAND))


def random_segments(rng, count):
    segments = rng.normal(size=(count, 4, 3))
    segments[: count // 8, 1] = segments[: count // 8, 0]  # a sphere
    third = slice(count // 8, count // 4)  # parallel
    segments[third, 3] = segments[third, 2] + segments[third, 1] - segments[third, 0]
    return segments


def test_two_methods_and_brute_force_agree_on_distances(rng):
    segments = random_segments(rng, 200)
    near, far = closest_points(*segments.transpose(1, 2, 0))
    clamped = np.linalg.norm(near - far, axis=0)
    other = segment_distances(*segments.swapaxes(0, 1))
    np.testing.assert_allclose(clamped, other, atol=1e-9)
    share = np.linspace(0.0, 1.0, 101)
    first = segments[:, 0, None] + share[:, None] * (segments[:, 1] - segments[:, 0])[:, None]
    second = segments[:, 2, None] + share[:, None] * (segments[:, 3] - segments[:, 2])[:, None]
    brute = np.linalg.norm(first[:, :, None] - second[:, None], axis=3).min(axis=(1, 2))
    assert (other <= brute + 1e-9).all()
    assert (other >= brute - 0.05).all()  # a grid of 101 points on lines about 2 long


def test_planner_and_certificate_see_the_same_distances(rng):
    moving = tuple(range(len(ROBOT.joint_names)))
    bodies = Bodies.of(ROBOT, STAND, ARMS, 0.005)
    positions = np.tile(STAND, (200, 1))
    low, high = np.array(ROBOT.position_limits_rad).T
    positions[:, ARMS] = rng.uniform(low, high, (200, len(moving)))[:, ARMS]
    mine = bodies.clearances(positions)
    theirs = pair_distances(ROBOT, positions, 64)
    order = [ROBOT.collision_pairs.index((int(a), int(b))) for a, b in bodies.pairs]
    np.testing.assert_allclose(mine, theirs[:, order], atol=1e-9)


def test_no_distance_changes_faster_than_the_bound(rng):
    low, high = np.array(ROBOT.position_limits_rad).T
    positions = rng.uniform(low, high, (100, len(low)))
    speeds = rng.normal(size=positions.shape)
    ahead = pair_distances(ROBOT, positions + 1e-6 * speeds, 100)
    behind = pair_distances(ROBOT, positions - 1e-6 * speeds, 100)
    bound = pair_speeds(ROBOT, np.abs(speeds))
    assert (np.abs(ahead - behind) / 2e-6 <= bound + 1e-6).all()


def test_the_gradient_of_the_clearance_cost_agrees_with_differences(rng):
    points = 8
    bodies = Bodies.of(ROBOT, STAND, ARMS, 0.005)
    base = np.tile(STAND, (points, 1))
    control = base[:, ARMS] + 0.1 * rng.normal(size=(points, len(ARMS)))
    control[:, 1] -= 0.4  # the left arm pressed against the trunk
    term = ClearanceTerm(
        bodies, ARMS, base, np.arange(points - 3), per_step=3, margin_m=0.02, weight=100.0
    )
    assert term.values(control).sum() > 0.0
    model = BandedQuadratic(points, len(ARMS))
    term.expand(control, model)
    for i in range(points):
        for j in range(len(ARMS)):
            step = np.zeros_like(control)
            step[i, j] = 1e-6
            slope = (term.values(control + step) - term.values(control - step)).sum() / 2e-6
            assert model.gradient[i, j] == pytest.approx(slope, abs=1e-5)


def test_with_the_clearance_the_hands_stay_out_of_the_body_and_without_they_do_not():
    adapted = adapt(hands_through_the_body(), ROBOT, MotionConfig())
    asked = pair_distances(ROBOT, adapted.unlimited.positions_rad, 1000).min()
    assert asked < -0.01  # m: the dance as asked goes through the body
    certificate = certify(adapted.plan, ROBOT)
    assert certificate.clean
    # The planner looks 400 times a second where it is close, the certificate 1,000 times.
    assert certificate.clearance_m > MotionConfig().minimum_clearance_m - 1e-5


def test_more_clearance_keeps_the_body_further_apart():
    # The stand posture itself has 13 mm; where it is nearer than asked, that is kept instead.
    at_stand = pair_distances(ROBOT, STAND[None], 1)[0]
    for asked in (0.005, 0.02):
        plan = adapt(hands_through_the_body(), ROBOT, MotionConfig(minimum_clearance_m=asked)).plan
        kept = pair_distances(ROBOT, plan.positions_rad, 1000).min(axis=0)
        spare = kept - np.minimum(asked, at_stand)
        assert -1e-5 <= spare.min() < 0.01
