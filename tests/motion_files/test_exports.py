"""What is exported says what the plan says: read back, by us and by others."""

import ast
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robot_plans import NAO, curve, plan_of, rough_plan, spline_plan
from scipy.spatial.transform import Rotation

from robodance.cli import main
from robodance.commands.export import FORMATS
from robodance.errors import DataError, OutputError, PlanError, UsageError
from robodance.exporting import EXPORTS, export_plan
from robodance.motion_files.bvh import read_bvh
from robodance.motion_files.choregraphe import write_choregraphe
from robodance.motion_files.joint_files import is_joint_file, read_joint_file
from robodance.motion_files.joint_keys import straight
from robodance.plan_file import write_plan
from robodance.robots.kinematics import forward_kinematics, landmark_positions

ANGLE_RAD = np.radians(0.1)  # what the exports promise
TIME_S = 1e-3
JOINT_FORMATS = ("csv", "json", "choregraphe", "qianim", "rosbag")
BETWEEN = 7  # moments looked at between two samples: none of them is a sample


def exported(folder, plan, to):
    write_plan(plan, folder / "plan.npz")
    return export_plan(folder / "plan.npz", to)


def read_back(path, moments):
    """Joint to its angles at moments."""
    assert is_joint_file(path)
    keys = read_joint_file(path)
    return keys, {name: curve.at(moments, 0.0) for name, curve in keys.joints.items()}


@pytest.mark.parametrize("to", JOINT_FORMATS)
@given(seed=st.integers(0, 2**32 - 1), knots=st.integers(12, 60))
@settings(max_examples=8, deadline=None)
def test_a_plan_comes_back_within_a_tenth_of_a_degree_and_a_millisecond(
    tmp_path_factory, to, seed, knots
):
    plan = spline_plan(seed, knots)
    path = exported(tmp_path_factory.mktemp("export"), plan, to)
    keys, found = read_back(path, plan.times_s)
    assert abs(keys.duration_s - plan.duration_s) < TIME_S
    assert set(found) == set(plan.joint_names)
    for k, name in enumerate(plan.joint_names):
        assert np.abs(found[name] - plan.positions_rad[:, k]).max() < ANGLE_RAD


@pytest.mark.parametrize("to", ["choregraphe", "qianim"])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=5, deadline=None)
def test_bezier_keys_are_the_plans_curve_between_its_samples_too(tmp_path_factory, to, seed):
    plan = spline_plan(seed, 40)
    moments = np.linspace(0.0, plan.duration_s, BETWEEN * len(plan.times_s) + 3)
    _, found = read_back(exported(tmp_path_factory.mktemp("export"), plan, to), moments)
    wanted = curve(plan)(moments)
    for k, name in enumerate(plan.joint_names):
        assert np.abs(found[name] - wanted[:, k]).max() < ANGLE_RAD


@pytest.mark.parametrize("to", ["choregraphe", "qianim"])
@given(seed=st.integers(0, 2**32 - 1), samples=st.integers(2, 60))
@settings(max_examples=10, deadline=None)
def test_any_samples_come_back_however_rough(tmp_path_factory, to, seed, samples):
    """Such a curve has no knots 0.04 s apart: the keys lie on finer frames by themselves."""
    plan = rough_plan(seed, samples)
    keys, found = read_back(exported(tmp_path_factory.mktemp("export"), plan, to), plan.times_s)
    assert abs(keys.duration_s - plan.duration_s) < TIME_S
    for k, name in enumerate(plan.joint_names):
        assert np.abs(found[name] - plan.positions_rad[:, k]).max() < ANGLE_RAD


def test_joints_at_rest_need_few_keys_and_all_lie_on_frames(tmp_path):
    plan = spline_plan(3, 50)
    positions = np.array(plan.positions_rad)
    positions[:, 8:20] = NAO.posture("StandInit")[8:20]
    still = plan_of(positions, metadata=dict(plan.metadata))
    keys = read_joint_file(exported(tmp_path, still, "choregraphe")).joints
    for name in NAO.joint_names[8:20]:
        assert len(keys[name].times_s) <= 7  # spans double: one for each binary digit of 49 steps
    for curves in keys.values():
        frames = curves.times_s * 25.0
        np.testing.assert_allclose(frames, np.round(frames), atol=1e-4)


def test_the_choregraphe_script_is_python_with_the_lists_naoqi_takes(tmp_path):
    plan = spline_plan(5, 30)
    text = exported(tmp_path, plan, "choregraphe").read_text(encoding="ascii")
    ast.parse(text)
    space = {"__name__": "exported"}
    exec(compile(text, "plan.py", "exec"), space)  # ours, of this moment; it calls no robot
    assert space["names"] == list(plan.joint_names)
    for times, keys in zip(space["times"], space["keys"], strict=True):
        assert len(times) == len(keys)
        for before, after in pairwise(keys):
            leave, arrive = before[2], after[1]
            assert leave[0] == arrive[0] == 3
            assert leave[1] > 0.0 > arrive[1]


def test_nothing_from_a_plan_becomes_part_of_the_program(tmp_path):
    plan = spline_plan(5, 20)
    evil = '"); raise SystemExit("'
    about = {**plan.metadata, "start_posture": evil}
    with pytest.raises(DataError, match="no name"):
        exported(tmp_path, plan_of(plan.positions_rad, metadata=about), "choregraphe")
    about = {**plan.metadata, "song_path": "a\nraise SystemExit\r\nraise SystemExit"}
    path = exported(tmp_path, plan_of(plan.positions_rad, metadata=about), "choregraphe")
    exec(compile(path.read_text(encoding="ascii"), "plan.py", "exec"), {"__name__": "exported"})
    keys = straight(np.array([1.0]), np.array([0.0]))
    with pytest.raises(DataError, match="no name"):
        write_choregraphe(tmp_path / "a.py", {'A"); evil("': keys})
    assert not (tmp_path / "a.py").exists()


def test_the_bvh_puts_every_body_where_the_robot_has_it(tmp_path):
    """Against the robot's own kinematics, by another reader than the writer."""
    plan = spline_plan(11, 40)
    read = read_bvh(exported(tmp_path, plan, "bvh"))
    assert read.frame_rate_hz == pytest.approx(100.0, abs=1e-3)
    assert len(read.points) == len(plan.times_s)
    poses = forward_kinematics(NAO, plan.positions_rad)
    world = Rotation.from_quat(plan.torso_pose[:, 3:])
    marks = landmark_positions(NAO, poses)
    points = 0.01 * read.points[..., [2, 0, 1]]  # y up and centimetres to z up and metres
    for side, word in (("left", "Left"), ("right", "Right")):
        for mark, bone in (
            *(("shoulder", "Shoulder"), ("elbow", "Elbow"), ("wrist", "Wrist")),
            *(("hand", "Wrist_end"), ("knee", "Knee"), ("ankle", "Ankle"), ("toe", "Ankle_end")),
        ):
            wanted = world.apply(marks[f"{side}_{mark}"]) + plan.torso_pose[:, :3]
            found = points[:, read.labels.index(f"{word}{bone}")]
            np.testing.assert_allclose(found, wanted, atol=1e-5)
    turn = Rotation.from_quat(np.roll(read.turns[:, read.labels.index("LeftAnkle")], -1, axis=1))
    to_y_up = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    wanted = to_y_up @ (world.as_matrix() @ poses.rotations[:, poses.index("LFoot")]) @ to_y_up.T
    apart = (turn * Rotation.from_matrix(wanted).inv()).magnitude()
    assert apart.max() < ANGLE_RAD


def test_mcap_reads_the_bag_that_rosbags_wrote(tmp_path):
    reader = pytest.importorskip("mcap.reader", reason="the library mcap is not installed")
    plan = spline_plan(2, 20)
    (file,) = exported(tmp_path, plan, "rosbag").glob("*.mcap")
    with file.open("rb") as raw:
        ((schema, channel, message),) = list(reader.make_reader(raw).iter_messages())
    assert schema.name == "trajectory_msgs/msg/JointTrajectory"
    assert channel.topic == "/joint_trajectory"
    assert channel.message_encoding == "cdr"
    assert plan.positions_rad[7].astype("<f8").tobytes() in message.data


def test_the_json_says_which_song_and_where_its_beats_are(tmp_path):
    plan = spline_plan(2, 20)
    content = json.loads(exported(tmp_path, plan, "json").read_bytes())
    assert content["format_version"] == 1
    assert content["beats_s"] == [0.05, 0.1]
    assert content["music_start_s"] == 0.1
    assert content["metadata"]["robot_model"] == "nao_v6"


def test_the_command_knows_every_format():
    assert tuple(EXPORTS) == FORMATS


def test_the_command_says_what_it_wrote(tmp_path, capsys):
    write_plan(spline_plan(1, 15), tmp_path / "plan.npz")
    assert main(["export", str(tmp_path / "plan.npz"), "--to", "csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == str(tmp_path / "plan.csv")
    target = tmp_path / "deep" / "a.qianim"
    assert main(["export", str(tmp_path / "plan.npz"), "--to", "qianim", "-o", str(target)]) == 0
    assert capsys.readouterr().out == f"wrote {target}\n"
    assert target.is_file()


@pytest.mark.parametrize("to", FORMATS)
def test_what_is_no_plan_is_one_clear_line_and_leaves_nothing(tmp_path, capfd, to):
    (tmp_path / "plan.npz").write_bytes(b"PK\x03\x04 not really")
    assert main(["export", str(tmp_path / "plan.npz"), "--to", to]) == 3
    said = capfd.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith("robodance: ")
    assert "plan.npz" in line
    assert [path.name for path in tmp_path.iterdir()] == ["plan.npz"]


def test_a_bag_is_not_written_over_and_a_plan_is_not_its_own_export(tmp_path):
    plan = spline_plan(1, 15)
    exported(tmp_path, plan, "rosbag")
    with pytest.raises(OutputError, match="exists already"):
        export_plan(tmp_path / "plan.npz", "rosbag")
    with pytest.raises(UsageError, match="the plan itself"):
        export_plan(tmp_path / "plan.npz", "json", tmp_path / "plan.npz")
    with pytest.raises(UsageError, match="unknown"):
        export_plan(tmp_path / "plan.npz", "fbx")
    (tmp_path / "a file").write_bytes(b"")
    for to in FORMATS:
        with pytest.raises(OutputError, match="cannot be written"):
            export_plan(tmp_path / "plan.npz", to, tmp_path / "a file" / "x")
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"plan.npz", "plan-rosbag", "a file"}


def test_a_plan_of_another_robot_has_no_bvh(tmp_path):
    plan = spline_plan(1, 15)
    part = {
        name: getattr(plan, name)[..., :2]
        for name in ("positions_rad", "velocity_limits_rad_s", "acceleration_limits_rad_s2")
    }
    small = replace(
        plan,
        joint_names=plan.joint_names[:2],
        position_limits_rad=plan.position_limits_rad[:2],
        **part,
    )
    with pytest.raises(PlanError, match="another robot"):
        exported(tmp_path, small, "bvh")
