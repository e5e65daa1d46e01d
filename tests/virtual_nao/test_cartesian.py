"""Where the virtual NAO's parts are and how they are moved there, over a real session."""

import numpy as np
import pytest
from virtual_robot import until, wait

from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import load_robot
from robodance.virtual_nao.frames import pose_of, six_of
from robodance.virtual_nao.reach import follow_keys

NAO = load_robot("nao_v6")
TORSO, WORLD, ROBOT = 0, 1, 2
PLACE, TURN, ALL = 7, 56, 63
CREEP = 0.02  # metres and radians: soles slide a little whenever a robot gets up or sways
SERVO_M = 0.003  # joints follow within 0.3 degrees, an arm is 0.2 m long, a leg 0.3 m


@pytest.fixture
def motion(shared):
    """Its ALMotion, with the robot in its stand before and after."""
    stand = shared.service("ALRobotPosture").goToPosture
    assert wait(stand("StandInit", 0.8, _async=True)) is True
    yield shared.service("ALMotion")
    shared.service("ALMotion").killAll()
    assert wait(stand("StandInit", 0.8, _async=True)) is True


def position(motion, name, frame, sensors=False):
    return np.array(motion.getPosition(name, frame, sensors))


def test_six_numbers_and_a_pose_tell_the_same():
    rng = np.random.default_rng(4)
    for _ in range(20):
        six = rng.uniform(-1.4, 1.4, 6)
        np.testing.assert_allclose(six_of(pose_of(six)), six, atol=1e-12)
    ahead = pose_of([0.0, 0.0, 0.0, 0.1, 0.2, np.pi / 2.0])[:3, :3] @ [1.0, 0.0, 0.0]
    assert ahead[1] == pytest.approx(np.cos(0.2))  # the turn about z is the last of them


def test_a_way_goes_through_its_keys_and_rests_at_both_ends():
    start, keys, times = np.zeros(1), np.array([[1.0], [0.5]]), np.array([1.0, 3.0])
    grid = np.linspace(0.0, 3.0, 3001)
    way = follow_keys(start, keys, times, grid)[:, 0]
    assert way[[0, 1000, 3000]] == pytest.approx([0.0, 1.0, 0.5])
    speed = np.diff(way) / np.diff(grid)
    assert abs(speed[0]) < 1e-2
    assert abs(speed[-1]) < 1e-2
    assert np.abs(np.diff(speed)).max() < 0.01  # no jump of speed at the key between


def test_poses_are_those_of_the_same_joints_by_our_kinematics(motion):
    angles = dict(zip(motion.getBodyNames("Body"), motion.getAngles("Body", True), strict=True))
    row = np.array([[angles[name] for name in NAO.joint_names]])
    poses = forward_kinematics(NAO, row)
    for effector, landmark in (("LArm", "left_hand"), ("RArm", "right_hand")):
        there = poses.points(*NAO.landmarks[landmark])[0]
        found = position(motion, effector, TORSO, sensors=True)
        np.testing.assert_allclose(found[:3], there, atol=5e-4)  # two looks, an encoder's step
    head = position(motion, "Head", TORSO, sensors=True)
    assert head[:3] == pytest.approx([0.0, 0.0, 0.1265], abs=1e-9)  # at the neck, documented
    matrix = np.array(motion.getTransform("LArm", TORSO, True)).reshape(4, 4)
    np.testing.assert_allclose(
        six_of(matrix), position(motion, "LArm", TORSO, sensors=True), atol=2e-3
    )


def test_the_robot_stands_between_its_soles_and_in_the_world(shared, motion):
    for sensors in (True, False):
        soles = [position(motion, leg, ROBOT, sensors) for leg in ("LLeg", "RLeg")]
        middle = (soles[0] + soles[1]) / 2.0
        assert np.abs(middle[:3]).max() < 1e-6
        assert soles[0][1] == pytest.approx(0.05, abs=CREEP)  # hips are 0.1 m apart
    torso = position(motion, "Torso", WORLD, sensors=True)
    truth = np.array(wait(shared.service("RobodanceJournal").torsoPose(_async=True)))
    np.testing.assert_allclose(torso[:3], truth[:3], atol=1e-3)
    assert motion.getRobotPosition(True) == pytest.approx(motion.getNextRobotPosition(), abs=CREEP)
    assert motion.getRobotVelocity() == [0.0, 0.0, 0.0]


def test_the_body_weighs_what_its_parts_weigh_and_balances_over_its_feet(motion):
    parts = sum(motion.getMass(part) for part in ("Torso", "Head", "Arms", "Legs"))
    assert parts == pytest.approx(motion.getMass("Body"))
    assert motion.getMass("Body") == pytest.approx(NAO.mass_kg)
    com = np.array(motion.getCOM("Body", ROBOT, True))
    assert np.abs(com[:2]).max() < 0.04  # a sole is 0.1 m long to the front
    assert 0.2 < com[2] < 0.33  # under the shoulders, over the knees
    arms = [np.array(motion.getCOM(arm, TORSO, True)) for arm in ("LArm", "RArm")]
    np.testing.assert_allclose(arms[0] * [1, -1, 1], arms[1], atol=2e-3)  # it stands evenly


@pytest.mark.parametrize("frame", [TORSO, WORLD, ROBOT])
def test_a_hand_goes_where_it_is_sent_in_each_frame(motion, frame):
    before = position(motion, "LArm", frame)
    target = before + np.array([0.03, 0.02, 0.05, 0.0, 0.0, 0.0])
    wait(motion.positionInterpolations("LArm", frame, [target.tolist()], PLACE, [1.0], _async=True))
    np.testing.assert_allclose(position(motion, "LArm", frame)[:3], target[:3], atol=1e-3)
    measured = position(motion, "LArm", frame, sensors=True)
    np.testing.assert_allclose(measured[:3], target[:3], atol=SERVO_M)


def test_both_hands_go_there_and_back_by_poses(shared, motion):
    names, before, there = ["LArm", "RArm"], [], []
    for name in names:
        before.append(motion.getTransform(name, TORSO, False))
        there.append(list(before[-1]))
        there[-1][11] += 0.06  # the height, in the third row
    paths = [[there[k], before[k]] for k in range(2)]
    clock = shared.service("RobodanceJournal")
    begins = clock.time()
    wait(
        motion.transformInterpolations(
            names, TORSO, paths, [PLACE, PLACE], [[0.8, 1.6], [0.8, 1.6]], _async=True
        )
    )
    commands = np.array([row[2] for row in wait(clock.since(begins, _async=True))])
    poses = forward_kinematics(NAO, commands)
    for landmark in ("left_hand", "right_hand"):
        height = poses.points(*NAO.landmarks[landmark])[:, 2]
        assert np.ptp(height) == pytest.approx(0.06, abs=1e-3)
        assert height[-1] == pytest.approx(height[0], abs=1e-3)


def test_the_torso_goes_down_and_the_feet_stay(motion):
    feet = [position(motion, leg, WORLD, sensors=True) for leg in ("LLeg", "RLeg")]
    before = position(motion, "Torso", ROBOT)
    down = [0.0, 0.0, -0.03, 0.0, 0.0, 0.0]
    wait(motion.positionInterpolation("Torso", ROBOT, down, ALL, 1.5, False, _async=True))
    assert (position(motion, "Torso", ROBOT) - before)[:3] == pytest.approx(down[:3], abs=2e-3)
    for leg, foot in zip(("LLeg", "RLeg"), feet, strict=True):
        moved = position(motion, leg, WORLD, sensors=True) - foot
        assert np.abs(moved[:3]).max() < SERVO_M
    up = [-value for value in down]
    wait(motion.positionInterpolation("Torso", ROBOT, up, ALL, 1.5, False, _async=True))


def test_a_head_turns_as_its_angles_do(motion):
    turn = [0.0, 0.0, 0.0, 0.0, 0.2, 0.5]
    motion.setPositions("Head", TORSO, turn, 0.5, TURN)
    assert until(
        lambda: np.allclose(motion.getAngles("Head", False), [0.5, 0.2], atol=2e-3), within_s=5.0
    )
    motion.changePosition("Head", TORSO, [0.0, 0.0, 0.0, 0.0, 0.0, -0.5], 0.5, TURN)
    assert until(lambda: abs(motion.getAngles("HeadYaw", False)[0]) < 2e-3, within_s=5.0)


def test_what_is_out_of_reach_is_come_near_to_within_the_limits(motion):
    target = [2.0, 0.5, 0.1, 0.0, 0.0, 0.0]
    wait(motion.positionInterpolations("LArm", TORSO, [target], PLACE, [1.5], _async=True))
    found = position(motion, "LArm", TORSO)
    assert found[0] > 0.18  # of the 0.22 m that an arm is long
    for angle, (low, high, *_) in zip(
        motion.getAngles("LArm", False), motion.getLimits("LArm"), strict=True
    ):
        assert low - 1e-9 <= angle <= high + 1e-9


def test_effectors_queue_behind_joints_and_begin_where_these_end(motion):
    names = motion.getBodyNames("Body")
    said = dict(zip(names, motion.getAngles("Body", False), strict=True)) | {"LShoulderPitch": 1.0}
    row = np.array([[said[name] for name in NAO.joint_names]])
    there = forward_kinematics(NAO, row).points(*NAO.landmarks["left_hand"])[0]
    first = motion.angleInterpolation("LShoulderPitch", [1.0], [1.5], True, _async=True)
    second = motion.positionInterpolations(
        "LArm", TORSO, [[0.0, 0.0, 0.03, 0.0, 0.0, 0.0]], PLACE, [0.5], False, _async=True
    )
    assert until(lambda: len(motion.getTaskList()) == 2)
    assert [task[0] for task in motion.getTaskList()] == [
        "angleInterpolation",
        "positionInterpolations",
    ]
    wait(first)
    wait(second)
    moved = position(motion, "LArm", TORSO)[:3] - there
    np.testing.assert_allclose(moved, [0.0, 0.0, 0.03], atol=1e-3)


@pytest.mark.parametrize(
    ("call", "arguments", "why"),
    [
        ("getPosition", ("Nose", TORSO, True), "'Nose' is neither"),
        ("getPosition", ("LArm", 7, True), "frame 7"),
        ("getCOM", ("Nose", TORSO, True), "'Nose' is neither"),
        ("getMass", (3,), "3 is not a string"),
        ("setPositions", ("LHand", TORSO, [0.0] * 6, 0.5, PLACE), "'LHand' is not an effector"),
        ("setPositions", ("LArm", TORSO, [0.0] * 5, 0.5, PLACE), "expected 6 numbers"),
        ("setPositions", ("LArm", TORSO, [0.0] * 6, 1.5, PLACE), "1.5 is not between"),
        ("positionInterpolations", ("LArm", TORSO, [[0.0] * 6], 99, [1.0]), "99 is not between"),
        ("positionInterpolations", ("LArm", TORSO, [[0.0] * 6], PLACE, [-1.0]), "-1"),
        ("moveTo", (0.3, 0.0, 0.0), "does not walk"),
        ("moveToward", (1.0, 0.0, 0.0), "does not walk"),
        ("setFootSteps", (["LLeg"], [[0.05, 0.1, 0.0]], [0.6], False), "does not walk"),
    ],
)
def test_what_cannot_be_is_refused_in_naoqis_shape(motion, call, arguments, why):
    with pytest.raises(RuntimeError, match=rf"^ALMotion::{call}\n\t.*{why}"):
        wait(getattr(motion, call)(*arguments, _async=True))


def test_it_takes_the_posture_in_which_walks_begin_and_stays_where_it_is(motion):
    wait(
        motion.angleInterpolation(
            ["LKneePitch", "RKneePitch"], [[0.8]] * 2, [[0.8]] * 2, True, _async=True
        )
    )
    before = np.array(motion.getRobotPosition(True))
    wait(motion.moveInit(_async=True))
    knee = NAO.posture("StandInit")[NAO.index("LKneePitch")]
    assert motion.getAngles("LKneePitch", False)[0] == pytest.approx(knee, abs=1e-6)
    assert motion.moveIsActive() is False
    wait(motion.stopMove(_async=True))
    assert np.abs(np.array(motion.getRobotPosition(True)) - before).max() < CREEP


def test_it_says_what_it_is_made_of(motion):
    names, values = motion.getRobotConfig()
    config = dict(zip(names, values, strict=True))
    assert config["Model Type"] == "naoH25"
    assert config["Number of Arms"] == 2
    known = motion.getSensorNames()
    for sensor in ("CameraTop", "LFsrFL", "Accelerometer"):
        assert sensor in known
        assert len(motion.getPosition(sensor, TORSO, True)) == 6


def test_settings_of_protection_are_kept(motion):
    for name, other in (("PushRecoveryEnabled", False), ("OrthogonalSecurityDistance", 0.25)):
        before = getattr(motion, f"get{name}")()
        getattr(motion, f"set{name}")(other)
        assert getattr(motion, f"get{name}")() == other
        getattr(motion, f"set{name}")(before)
    motion.setExternalCollisionProtectionEnabled("Move", False)
    assert motion.getExternalCollisionProtectionEnabled("Arms") is True
    assert motion.getExternalCollisionProtectionEnabled("All") is False
    motion.setExternalCollisionProtectionEnabled("All", True)
