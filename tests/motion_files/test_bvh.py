"""A BVH file is read as the skeleton it describes, whatever its joints are called."""

import numpy as np
import pytest
from bvh_writer import RIGS, BvhDance, bvh_dance, positions_by_scipy, write_bvh

from robodance.errors import DataError
from robodance.motion_files.bvh import read_bvh
from robodance.motion_files.read import read_motion
from robodance.skeleton import INDEX

WRITTEN_CM = 1e-4  # six decimals of a degree over a metre
SAME_M = 1e-5


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "YXZ"])
@pytest.mark.parametrize("form", [{}, {"every_joint_moves": True}, {"per_line": False}])
def test_joints_are_where_scipys_rotations_put_them(tmp_path, order, form):
    dance = bvh_dance(1.0)
    names = RIGS["100style"]
    write_bvh(tmp_path / "a.bvh", dance, names, order=order, **form)
    found = read_bvh(tmp_path / "a.bvh")
    assert found.frame_rate_hz == pytest.approx(30.0, rel=1e-6)
    for joint, path in positions_by_scipy(dance, order).items():
        label = f"{names[joint[:-4]]}_end" if joint.endswith("_end") else names[joint]
        np.testing.assert_allclose(found[label], path, atol=WRITTEN_CM, err_msg=label)


@pytest.mark.parametrize("rig", RIGS)
def test_every_rigs_names_are_understood(tmp_path, rig):
    """The same dancer under any names, and left stays left."""
    dance = bvh_dance(2.0)
    write_bvh(tmp_path / "a.bvh", dance, RIGS[rig])
    write_bvh(tmp_path / "b.bvh", dance, RIGS["100style"])
    found, usual = read_motion(tmp_path / "a.bvh"), read_motion(tmp_path / "b.bvh")
    np.testing.assert_allclose(found.joint_positions_m, usual.joint_positions_m, atol=SAME_M)
    truth = positions_by_scipy(dance)
    for side in ("left", "right"):
        for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
            name = f"{side}_{joint}"
            bone = found.joint_positions_m[:, INDEX[name]] - found.joint_positions_m[:, 2]
            x, y, z = 0.01 * (truth[name] - truth["hips"]).T
            np.testing.assert_allclose(bone, np.stack([x, -z, y], axis=1), atol=SAME_M)
            assert (found.confidence[:, INDEX[name]] == 1.0).all()


def test_a_mixamo_shoulder_is_not_the_collar_bone(tmp_path):
    """LeftShoulder is the collar where there is a LeftArm, and the arm where there is none."""
    dance = bvh_dance(1.0)
    write_bvh(tmp_path / "a.bvh", dance, RIGS["mixamo"])
    found = read_motion(tmp_path / "a.bvh").joint_positions_m
    arm = found[:, INDEX["left_elbow"]] - found[:, INDEX["left_shoulder"]]
    np.testing.assert_allclose(np.linalg.norm(arm, axis=1), 0.28, atol=SAME_M)


def test_a_head_that_turns_is_seen_to_turn(tmp_path):
    dance = bvh_dance(2.0)
    turned = BvhDance(dance.angles_deg.copy(), dance.hips, dance.rate_hz)
    yaw = 40.0 * np.sin(np.linspace(0.0, 2 * np.pi, len(dance.hips)))
    turned.angles_deg[:, 4] = 0.0
    turned.angles_deg[:, 4, 1] = yaw  # about y: the head's own axis here
    write_bvh(tmp_path / "a.bvh", turned)
    joints = read_motion(tmp_path / "a.bvh").joint_positions_m
    across = joints[:, INDEX["head_left"]] - joints[:, INDEX["head_right"]]
    middle = joints[:, INDEX["left_shoulder"]] - joints[:, INDEX["right_shoulder"]]
    angle = np.arctan2(across[:, 1], across[:, 0]) - np.arctan2(middle[:, 1], middle[:, 0])
    angle = np.degrees(np.arctan2(np.sin(angle), np.cos(angle)))
    assert np.corrcoef(angle, yaw)[0, 1] > 0.95  # the trunk sways a little, too


def test_palms_of_a_t_pose_face_down_and_are_only_half_sure(tmp_path):
    still = bvh_dance(1.0)
    still.angles_deg[:] = 0.0
    write_bvh(tmp_path / "a.bvh", still)
    found = read_motion(tmp_path / "a.bvh")
    np.testing.assert_allclose(found.palms[..., 2], -1.0, atol=1e-6)
    np.testing.assert_allclose(found.palm_confidence, 0.5)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: "", "empty"),
        (lambda text: "hello\n", "begins with HIERARCHY"),
        (lambda text: text[:200], r"line \d+ is not BVH|begins with HIERARCHY"),
        (lambda text: text.split("Frames:")[0], "Frame Time"),
        (lambda text: text.replace("Frame Time: 0.03", "Frame Time: -0.03"), "frame time"),
        (lambda text: text.replace("Frame Time: 0.033", "Frame Time: 0.0\n0."), "frame time"),
        (lambda text: text.replace("OFFSET 28", "OFFSET far"), "line"),
        (lambda text: text.replace("CHANNELS 3 Z", "CHANNELS 3 Q"), "channels"),
        (lambda text: text.rpartition("\n")[0].replace("0.000000", "zero", 1), "no number"),
        (lambda text: text[: text.index("Frame Time") + 25] + "1 2 3", "before its first frame"),
        (lambda text: text.replace("Elbow", "Thing"), "left_elbow"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(tmp_path, spoil, message):
    still = bvh_dance(0.3)
    still.angles_deg[:] = 0.0
    write_bvh(tmp_path / "a.bvh", still)
    whole = (tmp_path / "a.bvh").read_text(encoding="utf-8")
    (tmp_path / "a.bvh").write_text(spoil(whole), encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read_motion(tmp_path / "a.bvh")
    assert "a.bvh" in str(caught.value)


def test_a_file_that_ends_early_is_danced_as_far_as_it_goes(tmp_path):
    write_bvh(tmp_path / "a.bvh", bvh_dance(2.0))
    text = (tmp_path / "a.bvh").read_text(encoding="utf-8")
    (tmp_path / "a.bvh").write_text(text[: int(0.7 * len(text))], encoding="utf-8")
    dance = read_motion(tmp_path / "a.bvh")
    assert 20 < len(dance.poses) < 60
    assert any("promises 60 frames" in remark for remark in dance.metadata["remarks"])


@pytest.mark.parametrize("rate_hz", [24.0, 240.0])
def test_a_frame_rate_from_a_person_counts(tmp_path, rate_hz):
    """Thinned or not, 120 frames last 120 / rate seconds."""
    write_bvh(tmp_path / "a.bvh", bvh_dance(4.0))
    dance = read_motion(tmp_path / "a.bvh", frame_rate_hz=rate_hz)
    assert len(dance.poses) / dance.frame_rate_hz == pytest.approx(120 / rate_hz)


@pytest.mark.parametrize("name", ["perfume_a", "bandai_dance_short"])
def test_published_files_become_upright_dancers(data_folder, name):
    dance = read_motion(data_folder / "bvh" / f"{name}.bvh")
    joints = dance.joint_positions_m
    assert 1.2 < np.median(joints[:, INDEX["head_left"], 2]) < 1.8
    forearm = joints[:, INDEX["left_wrist"]] - joints[:, INDEX["left_elbow"]]
    lengths = np.linalg.norm(forearm, axis=1)
    assert np.ptp(lengths[5:]) < 0.001  # bones of a rig keep their length
    toes = joints[:, INDEX["left_toe"]] - joints[:, INDEX["left_ankle"]]
    across = joints[:, INDEX["left_hip"]] - joints[:, INDEX["right_hip"]]
    forward = np.cross(across, [0.0, 0.0, 1.0])
    # In kicks and turns a toe points back for a while (3 and 14 % of the frames here); a
    # dancer turned inside out would give the rest to 100 %.
    assert (np.einsum("ti,ti->t", toes, forward) > 0.0).mean() > 0.8
