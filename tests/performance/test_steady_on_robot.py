"""Which plans a physical robot is never given."""

from dataclasses import replace

import numpy as np
import pytest

from robodance.config import MotionConfig, PerformConfig
from robodance.errors import PreflightRefused
from robodance.performance.on_robot import look_at_robot, require_steady
from robodance.values import Plan


@pytest.fixture
def swaying():
    """A plan in which the torso moves over planted feet."""
    pose = np.tile([0.0, 0.0, 0.32, 0.0, 0.0, 0.0, 1.0], (3, 1))
    pose[1, 1] = 0.02
    return Plan(
        joint_names=("A",),
        times_s=np.array([0.0, 0.01, 0.02]),
        positions_rad=np.zeros((3, 1)),
        music_times_s=np.array([0.0, 0.01, 0.02]),
        music_start_s=0.0,
        torso_pose=pose,
        support=np.zeros(3, dtype=np.int8),
        beats_s=np.zeros(0),
        beat_numbers=np.zeros(0, dtype=np.int64),
        sync_times_s=np.zeros(0),
        human_joints_m=np.zeros((2, 21, 3)),
        human_times_s=np.array([0.0, 0.02]),
        position_limits_rad=np.array([[-1.0, 1.0]]),
        velocity_limits_rad_s=np.array([1.0]),
        acceleration_limits_rad_s2=np.array([8.0]),
        metadata={"verification": {"passed": True}},
    )


def test_a_verified_sway_and_a_still_torso_may_dance(swaying):
    require_steady(swaying)
    still = np.tile(swaying.torso_pose[:1], (3, 1))
    require_steady(replace(swaying, torso_pose=still, metadata={}))


@pytest.mark.parametrize("verification", [{}, {"verification": {"passed": False}}])
def test_a_sway_that_did_not_pass_its_verification_is_refused(swaying, verification):
    with pytest.raises(PreflightRefused, match="did not pass its verification"):
        require_steady(replace(swaying, metadata=verification))


def test_feet_that_leave_the_floor_are_refused_even_when_verified(swaying):
    with pytest.raises(PreflightRefused, match="feet leave the floor"):
        require_steady(replace(swaying, support=np.array([0, 1, 0], dtype=np.int8)))


def test_steps_are_refused_before_anything_is_planned():
    config = PerformConfig(motion=MotionConfig(balance="full-body"))
    with pytest.raises(PreflightRefused, match="in simulation only"):
        look_at_robot(config)
