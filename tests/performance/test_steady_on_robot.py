"""Which plans a physical robot is never given, and how a full-body dance comes to be one for it."""

from dataclasses import replace

import numpy as np
import pytest
from hand_made_plans import arm_dance, make_plan
from naoqi_process import FAST, virtual_nao
from still_dancer import STILL

import robodance
from robodance.config import MotionConfig, PerformConfig, VerificationConfig
from robodance.errors import PreflightRefused, UsageError
from robodance.performance.backends.naoqi_chunks import moving_joints, moving_motors
from robodance.performance.disturbances import FIXED
from robodance.performance.on_robot import look_at_robot, require_steady
from robodance.performance.steadiness import fingerprint, legs_moved, record_of
from robodance.plan_file import read_plan, write_plan
from robodance.robots.stability import standing_torso_pose
from robodance.skeleton import JOINT_NAMES

EVERYTHING = ("nominal", *FIXED)


def leaning(**more):
    """Tilts that a verification writes down, degrees by disturbance."""
    return {**dict.fromkeys(EVERYTHING, 1.0), **more}


def swaying(nao, duration_s=4.0):
    """A plan in which knees bend and the torso with them, over planted feet."""
    plan = arm_dance(nao, duration_s)
    moved = np.array(plan.positions_rad)
    bend = 0.05 * np.sin(np.linspace(0.0, np.pi, len(moved))) ** 2
    for side in "LR":
        moved[:, nao.index(f"{side}KneePitch")] += 2.0 * bend
        moved[:, nao.index(f"{side}HipPitch")] -= bend
        moved[:, nao.index(f"{side}AnklePitch")] -= bend
    pose = np.array([standing_torso_pose(nao, row) for row in moved])
    dancer = np.tile([STILL[name] for name in JOINT_NAMES], (2, 1, 1))
    ends = plan.times_s[[0, -1]]
    plan = replace(make_plan(nao, moved), human_joints_m=dancer, human_times_s=ends)
    return verified(replace(plan, torso_pose=pose))


def verified(plan, **more):
    found = {
        **{"passed": True, "rounds": 1, "falls": 0, "fell_s": {}, "reduced": []},
        "tilt_deg": leaning(),
        **record_of(plan),
        **more,
    }
    return replace(plan, metadata={**plan.metadata, "verification": found})


def test_a_verified_sway_and_still_legs_may_dance(nao):
    require_steady(swaying(nao), nao)
    arms = arm_dance(nao, 4.0)
    assert legs_moved(arms) == []
    require_steady(arms, nao)


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"passed": False}, "did not pass"),
        ({"tilt_deg": dict.fromkeys(EVERYTHING[:-1], 1.0)}, "not verified under together"),
        ({"tilt_deg": {"nominal": 1.0, "together": 1.0}}, "not verified under pushes"),
        ({"tilt_deg": {}}, "not verified under nominal"),
        ({"robot": "nao_v5"}, "verified for nao_v5"),
        ({"tilt_deg": leaning(nominal=2.5)}, "leaned by 2.5 degrees under nominal, more than 2"),
        ({"tilt_deg": leaning(together=7.0)}, "leaned by 7.0 degrees under together, more than 6"),
        ({"tilt_deg": leaning(lag=30.0)}, "leaned by 30.0 degrees under lag, more than 6"),
        ({"plan_sha256": "0" * 64}, "changed after its verification"),
    ],
)
def test_what_is_missing_of_a_verification_is_said(nao, what, says):
    with pytest.raises(PreflightRefused, match=says):
        require_steady(verified(swaying(nao), **what), nao)


def test_a_motor_with_two_names_is_sent_once(nao):
    plan = swaying(nao)
    moved = np.array(plan.positions_rad)
    for side in "LR":
        moved[:, nao.index(f"{side}HipYawPitch")] -= 0.01 * np.sin(np.linspace(0, 3, len(moved)))
    plan = make_plan(nao, moved)
    assert {"LHipYawPitch", "RHipYawPitch"} <= set(moving_joints(plan))
    assert set(moving_joints(plan)) - set(moving_motors(plan, nao)) == {"RHipYawPitch"}


def test_without_a_verification_no_leg_moves(nao):
    plan = swaying(nao)
    with pytest.raises(PreflightRefused, match="not verified"):
        require_steady(replace(plan, metadata={"robot_model": nao.name}), nao)


def test_feet_that_leave_the_floor_are_refused_even_when_verified(nao):
    plan = swaying(nao)
    support = np.zeros(len(plan.times_s), dtype=np.int8)
    support[100:150] = 1
    with pytest.raises(PreflightRefused, match="feet leave the floor"):
        require_steady(verified(replace(plan, support=support)), nao)


@pytest.mark.parametrize(
    "array", ["positions_rad", "torso_pose", "times_s", "velocity_limits_rad_s"]
)
def test_any_change_of_the_motion_after_its_verification_is_found(nao, array):
    plan = swaying(nao)
    changed = np.array(getattr(plan, array))
    changed[-1] += 1e-9
    with pytest.raises(PreflightRefused, match="changed after"):
        require_steady(replace(plan, **{array: changed}), nao)


def test_a_file_keeps_the_verification(nao, tmp_path):
    write_plan(swaying(nao), tmp_path / "plan.npz")
    again = read_plan(tmp_path / "plan.npz")
    assert fingerprint(again) == fingerprint(swaying(nao))
    require_steady(again, nao)


def test_a_plan_for_another_robot_is_refused(nao, tmp_path):
    plan = swaying(nao)
    plan = replace(plan, metadata={**plan.metadata, "robot_model": "nao_v5"})
    with pytest.raises(PreflightRefused, match="made for nao_v5"):
        require_steady(plan, nao)
    write_plan(plan, tmp_path / "plan.npz")
    with pytest.raises(UsageError, match="made for nao_v5, not for nao_v6"):
        robodance.perform_plan(tmp_path / "plan.npz", robot="nao_v6", backend="naoqi")


@pytest.fixture(autouse=True)
def no_history(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_full_body_dance_for_a_robot_keeps_its_soles_down_and_is_tried_with_everything():
    with virtual_nao() as url:
        asked = PerformConfig(motion=MotionConfig(balance="full-body"), naoqi=at(url))
        config, said = look_at_robot(asked)
        assert config.motion.footwork == "planted"
        tried = config.verification
        assert tried.disturbance_names == ("all",)
        assert tried.together_tilt_deg == tried.disturbed_tilt_deg
        assert any("no more than under one" in line for line in said)
        assert any("soles stay" in line for line in said)
        settled = replace(
            asked,
            motion=replace(config.motion, vigour=0.5),
            verification=VerificationConfig(disturbances="lighter,all", together_tilt_deg=5.0),
        )
        config, said = look_at_robot(settled)
        assert config == settled
        assert len(said) == 1  # which robot answers


def test_a_verified_plan_of_the_whole_body_is_danced_as_it_is(nao, tmp_path):
    plan = swaying(nao, 3.0)
    write_plan(plan, tmp_path / "plan.npz")
    with virtual_nao() as url:
        config = PerformConfig(naoqi=at(url, first_vigour=1.0))
        with pytest.raises(PreflightRefused, match="has not danced before"):
            robodance.perform_plan(
                tmp_path / "plan.npz", config=PerformConfig(naoqi=at(url)), backend="naoqi"
            )
        done = robodance.perform_plan(tmp_path / "plan.npz", config=config, backend="naoqi")
    log = done.log
    knee = log.joint_names.index("LKneePitch")
    assert not log.falls
    assert np.ptp(log.measured_rad[:, knee]) > 0.08  # it bends by 0.1
    assert np.degrees(log.tilt_rad.max()) < 4.0
    assert log.metadata["at_rest"]


def at(url, **more):
    return replace(FAST, address=url, **more)
