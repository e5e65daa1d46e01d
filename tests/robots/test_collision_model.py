"""The capsules leave the postures free, and the list of pairs forgets nothing."""

import itertools

import numpy as np
import pytest

from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import load_robot

SAMPLES = 20_000
REACH_M = 0.010  # pairs that come nearer than this are in the list
STRUCTURE_M = 0.008  # neighbours at one joint centre are in it only when they stand clearer


@pytest.fixture(scope="module")
def robot():
    return load_robot("nao_v6")


def clearances(robot, positions, pairs):
    """Distance between the surfaces of capsules, (T, P), negative inside."""
    poses = forward_kinematics(robot, positions)
    ends = [
        (poses.points(c.link, c.start_m), poses.points(c.link, c.end_m)) for c in robot.capsules
    ]
    radii = [c.radius_m for c in robot.capsules]
    return np.stack(
        [segment_distance(*ends[i], *ends[k]) - radii[i] - radii[k] for i, k in pairs], axis=1
    )


def segment_distance(p1, q1, p2, q2):
    """Distance of two segments (Ericson, Real-Time Collision Detection, 5.1.9)."""
    d1, d2, r = q1 - p1, q2 - p2, p1 - p2
    a, e = np.maximum((d1 * d1).sum(-1), 1e-12), np.maximum((d2 * d2).sum(-1), 1e-12)
    b, c, f = (d1 * d2).sum(-1), (d1 * r).sum(-1), (d2 * r).sum(-1)
    denominator = a * e - b * b
    safe = np.where(denominator > 1e-12, denominator, 1.0)
    s = np.where(denominator > 1e-12, np.clip((b * f - c * e) / safe, 0, 1), 0.0)
    t = (b * s + f) / e
    s = np.where(t < 0, np.clip(-c / a, 0, 1), np.where(t > 1, np.clip((b - c) / a, 0, 1), s))
    t = np.clip(t, 0, 1)
    return np.linalg.norm(r + s[:, None] * d1 - t[:, None] * d2, axis=1)


def postures_inside_limits(robot, rng, count):
    """Angles drawn towards the ends of their ranges, where parts meet."""
    low, high = robot.position_limits_rad.T
    positions = low + (high - low) * rng.beta(0.5, 0.5, size=(count, len(low)))
    for follower, leader in robot.mirrored_joints.items():
        positions[:, robot.index(follower)] = positions[:, robot.index(leader)]
    for limit in robot.coupled_limits:
        driver = positions[:, robot.index(limit.driver)]
        column = robot.index(limit.joint)
        lower = np.interp(driver, limit.driver_rad, limit.lower_rad)
        upper = np.interp(driver, limit.driver_rad, limit.upper_rad)
        positions[:, column] = np.clip(positions[:, column], lower, upper)
    return positions


def meet_in_one_centre(robot, first, second):
    """Whether only joints with a common centre lie between two links."""

    def upwards(link):
        joints = {joint.child: joint for joint in robot.joints}
        found = []
        while link in joints:
            found.append(joints[link].parent)
            if joints[link].origin_m.any():
                break
            link = joints[link].parent
        return found

    return second in upwards(first) or first in upwards(second)


def test_standing_postures_are_free(robot):
    standing = np.array([robot.posture(name) for name in robot.standing_postures])
    assert clearances(robot, standing, robot.collision_pairs).min() > 0.005


def test_sitting_postures_do_not_collide(robot):
    sitting = np.array([robot.posture(name) for name in ("Sit", "SitRelax")])
    assert clearances(robot, sitting, robot.collision_pairs).min() > 0.0


def test_every_pair_that_can_touch_is_listed(robot, rng):
    capsules = robot.capsules
    every = [
        (i, k)
        for i, k in itertools.combinations(range(len(capsules)), 2)
        if capsules[i].link != capsules[k].link
    ]
    listed = {frozenset(pair) for pair in robot.collision_pairs}
    nearest = clearances(robot, postures_inside_limits(robot, rng, SAMPLES), every).min(axis=0)
    standing = np.array([robot.posture(name) for name in robot.standing_postures])
    at_rest = clearances(robot, standing, every).min(axis=0)
    for pair, near, rest in zip(every, nearest, at_rest, strict=True):
        i, k = pair
        held = meet_in_one_centre(robot, capsules[i].link, capsules[k].link) and rest < STRUCTURE_M
        if near < 0.0 and not held:
            assert frozenset(pair) in listed, (capsules[i].name, capsules[k].name)
        if frozenset(pair) in listed:
            assert not held, (capsules[i].name, capsules[k].name)


def test_left_and_right_have_the_same_capsules_and_pairs(robot):
    def other(name):
        swap = {"left": "right", "right": "left"}
        return "_".join(swap.get(word, word) for word in name.split("_"))

    by_name = {capsule.name: capsule for capsule in robot.capsules}
    names = [capsule.name for capsule in robot.capsules]
    for name, capsule in by_name.items():
        twin = by_name[other(name)]
        assert twin.radius_m == capsule.radius_m
        ends = {tuple(end) for end in (capsule.start_m, capsule.end_m)}
        mirrored = {(x, -y + 0.0, z) for x, y, z in (twin.start_m, twin.end_m)}
        assert ends == mirrored, name
    pairs = {frozenset((names[i], names[k])) for i, k in robot.collision_pairs}
    assert {frozenset(map(other, pair)) for pair in pairs} == pairs


def test_an_arm_pressed_into_the_side_is_seen_and_a_hanging_one_is_not(robot):
    hanging = np.array(robot.posture("StandInit"))
    hanging[robot.index("LShoulderPitch")] = 1.5
    hanging[robot.index("LShoulderRoll")] = 0.1
    pressed = hanging.copy()
    pressed[robot.index("LShoulderRoll")] = -0.3
    assert clearances(robot, hanging[None], robot.collision_pairs).min() > 0.0
    assert clearances(robot, pressed[None], robot.collision_pairs).min() < 0.0


def test_an_arm_held_away_from_the_body_is_free_of_trunk_and_head_everywhere(robot):
    pitch, roll = np.meshgrid(np.linspace(-2.08, 2.08, 41), np.linspace(0.0, 1.3265, 41))
    positions = np.tile(robot.posture("StandInit"), (pitch.size, 1))
    positions[:, robot.index("LShoulderPitch")] = pitch.ravel()
    positions[:, robot.index("LShoulderRoll")] = roll.ravel()
    names = [capsule.name for capsule in robot.capsules]
    arm = names.index("left_upper_arm")
    body = [names.index(name) for name in ("torso_left", "torso_right", "chest", "head")]
    nearest = clearances(robot, positions, [(part, arm) for part in body]).min()
    assert nearest > 0.008  # m; so no planner's margin holds the arm back there


def test_hands_in_front_of_the_chest_touch_each_other_only_when_they_meet(robot):
    names = [capsule.name for capsule in robot.capsules]
    hands = [(names.index("left_hand"), names.index("right_hand"))]
    assert hands[0] in robot.collision_pairs
    apart = np.array(robot.posture("StandZero"))
    together = apart.copy()
    for side, sign in (("L", 1), ("R", -1)):
        together[robot.index(f"{side}ShoulderRoll")] = -0.3 * sign
        together[robot.index(f"{side}ElbowRoll")] = -0.6 * sign
    assert clearances(robot, apart[None], hands)[0, 0] > 0.1
    assert clearances(robot, together[None], hands)[0, 0] < 0.0
