"""How a robot leans beside its plan, told by a sensor that may be read late."""

from dataclasses import replace

import numpy as np
import pytest
from hand_made_plans import standing_plan
from scipy.spatial.transform import Rotation

from robodance.performance.backends.naoqi_feet import lean_beside, leaning_torso
from robodance.performance.conductor import tilt_between


@pytest.fixture
def bowing(nao):
    """A plan whose torso bows, sways and turns."""
    plan = standing_plan(nao, "StandInit", 4.0)
    t = plan.times_s
    turns = np.stack([0.1 * np.sin(t), 0.2 * np.sin(2.0 * t), 0.5 * np.sin(0.7 * t)], axis=1)
    pose = np.array(plan.torso_pose)
    pose[:, 3:] = Rotation.from_euler("xyz", turns).as_quat()
    return replace(plan, torso_pose=pose), turns


def test_a_robot_that_does_what_is_planned_leans_nowhere(bowing):
    plan, turns = bowing
    for row in (0, 130, 400):
        lean = lean_beside(plan, plan.times_s[row], tuple(turns[row, :2]))
        assert np.abs(Rotation.from_quat(lean).as_rotvec()).max() < 1e-9
        seen = leaning_torso(plan, plan.times_s[row], lean)
        assert tilt_between(plan.torso_pose[[row]], seen[None])[0] < 1e-9


def test_a_lean_is_told_whichever_way_the_robot_faces(bowing):
    plan, turns = bowing
    row = 300
    lean = lean_beside(plan, plan.times_s[row], (turns[row, 0] + 0.05, turns[row, 1]))
    seen = leaning_torso(plan, plan.times_s[row], lean)
    assert np.degrees(tilt_between(plan.torso_pose[[row]], seen[None])[0]) == pytest.approx(
        np.degrees(0.05), rel=0.03
    )  # roll under a pitch of up to 0.2 turns the trunk a little less
    roll, pitch, yaw = Rotation.from_quat(seen[3:]).as_euler("xyz")
    assert (roll, pitch) == pytest.approx((turns[row, 0] + 0.05, turns[row, 1]))
    assert yaw == pytest.approx(turns[row, 2])


def test_a_reading_that_is_half_a_second_old_is_compared_with_its_own_moment(bowing):
    plan, turns = bowing
    read, now = 100, 150
    lean = lean_beside(plan, plan.times_s[read], tuple(turns[read, :2]))
    fair = leaning_torso(plan, plan.times_s[now], lean)
    assert tilt_between(plan.torso_pose[[now]], fair[None])[0] < 1e-9
    # taken for one of now, the same reading would tell of a lean that is not there
    unfair = leaning_torso(
        plan, plan.times_s[now], lean_beside(plan, plan.times_s[now], tuple(turns[read, :2]))
    )
    assert np.degrees(tilt_between(plan.torso_pose[[now]], unfair[None])[0]) > 5.0
