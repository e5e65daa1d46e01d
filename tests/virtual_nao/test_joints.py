"""Joint commands keep limits, tasks wait for their joints, and kills stop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robodance.robots.model import load_robot
from robodance.virtual_nao.curves import read_timed
from robodance.virtual_nao.joints import JointControl

NAO = load_robot("nao_v6")
CYCLE_S = 0.024
HEAD = NAO.index("HeadYaw")


def stiff(posture="StandInit"):
    """Joint commands of a robot whose motors are on."""
    joints = JointControl(NAO, CYCLE_S, NAO.posture(posture))
    joints.stiffness[:] = 1.0
    return joints


def go(joints, cycles):
    """Commands (cycles + 1, J) of a robot whose joints are where they are told to be."""
    path = [joints.command.copy()]
    for _ in range(cycles):
        path.append(joints.advance(joints.command)[1].copy())
    return np.array(path)


def follow(joints, angles, times, name="HeadYaw"):
    """Queue a timed call."""
    return joints.follow(
        "angleInterpolation", [name], read_timed([name], angles, times), absolute=True
    )


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(NAO.joint_names), st.floats(-4, 4), st.floats(0.01, 1.0)),
        min_size=1,
        max_size=8,
    ),
    st.booleans(),
)
def test_whatever_is_asked_commands_keep_position_and_velocity_limits(orders, timed):
    joints = stiff()
    path = []
    for name, angle, fraction in orders:
        if timed:
            follow(joints, [angle], [fraction], name)
        else:
            joints.set_angles([name], [angle], [fraction])
        path.append(go(joints, 12))
    path = np.concatenate(path)
    low, high = NAO.position_limits_rad.T
    assert (path >= low - 1e-9).all()
    assert (path <= high + 1e-9).all()
    speeds = np.abs(np.diff(path, axis=0)) / CYCLE_S
    assert (speeds <= NAO.velocity_limits_rad_s * (1 + 1e-9)).all()


def test_a_second_call_on_a_busy_joint_follows_the_first_without_a_gap():
    joints = stiff()
    first, second = follow(joints, [0.5], [10 * CYCLE_S]), follow(joints, [0.0], [10 * CYCLE_S])
    path = go(joints, 10)[:, HEAD]
    assert not first.answer.done
    later = go(joints, 10)[:, HEAD]
    assert first.answer.done
    assert path[-1] == pytest.approx(0.5, abs=1e-12)
    np.testing.assert_allclose(np.diff(later), -0.05, atol=1e-12)  # moves from its first cycle
    go(joints, 1)
    assert second.answer.done


def test_calls_on_other_joints_do_not_wait():
    joints = stiff()
    follow(joints, [0.5], [10 * CYCLE_S])
    other = follow(joints, [0.2], [10 * CYCLE_S], "LShoulderPitch")
    go(joints, 11)
    assert other.answer.done


def test_both_names_of_the_hip_are_one_motor_and_the_left_one_wins():
    joints = stiff()
    names = ["RHipYawPitch", "LHipYawPitch"]
    joints.follow("x", names, read_timed(names, [[-0.3], [-0.1]], [[0.48], [0.48]]), absolute=True)
    end = go(joints, 21)[-1]
    assert end[NAO.index("LHipYawPitch")] == pytest.approx(-0.1)
    assert end[NAO.index("RHipYawPitch")] == pytest.approx(-0.1)


def test_set_angles_stops_at_its_target_and_never_beyond():
    joints = stiff()
    joints.set_angles(["HeadYaw"], [1.0], [0.5])
    path = go(joints, 120)[:, HEAD]
    assert path.max() <= 1.0 + 1e-9
    assert path[-1] == pytest.approx(1.0, abs=1e-6)
    top = np.diff(path).max() / CYCLE_S
    assert top == pytest.approx(0.5 * NAO.velocity_limits_rad_s[HEAD], rel=0.01)


def test_a_killed_task_leaves_its_joint_where_it_is():
    joints = stiff()
    task = follow(joints, [1.0], [1.0])
    there = go(joints, 20)[-1, HEAD]
    joints.stop()
    assert task.answer.killed
    assert go(joints, 20)[-1, HEAD] == pytest.approx(there, abs=1e-12)
    assert not joints.tasks.all()


def test_a_joint_that_is_asked_for_too_much_lags_and_catches_up():
    joints = stiff()
    follow(joints, [1.5, 1.5], [0.1, 1.0])
    path = go(joints, 45)[:, HEAD]
    assert path[5] < 1.1  # in 0.12 s
    assert path[-1] == pytest.approx(1.5, abs=1e-9)


def test_without_stiffness_the_command_is_where_the_joint_is():
    joints = stiff()
    joints.stiffness[:] = 0.0
    follow(joints, [1.0], [0.24])
    measured = np.array(NAO.posture("Crouch"))
    for _ in range(12):
        joints.advance(measured)
    np.testing.assert_allclose(joints.command, measured)
