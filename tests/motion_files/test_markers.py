"""Optical markers become the dancer who wore them, also when some are missing or lost."""

import numpy as np
import pytest
from dancer import dancer
from marker_suit import RATE_HZ, markers_of, write_c3d

from robodance.errors import DataError
from robodance.learning.datasets.choreonet import read_take
from robodance.motion_files.read import read_motion
from robodance.skeleton import INDEX

MAPPING_M = 0.012  # the upright trunk of the synthetic dancer leaves only rounding


def shape_of(joints):
    return joints - joints[:, [2]]


def test_a_recording_becomes_the_dancer(tmp_path):
    joints = dancer(4.0, RATE_HZ)
    write_c3d(tmp_path / "a.c3d", markers_of(joints))
    dance = read_motion(tmp_path / "a.c3d")
    assert dance.frame_rate_hz == RATE_HZ
    found = dance.joint_positions_m
    assert np.linalg.norm(shape_of(found) - shape_of(joints), axis=2).max() < 2 * MAPPING_M
    assert (dance.confidence == 1.0).all()
    assert (dance.palm_confidence == 1.0).all()
    assert not dance.metadata["remarks"]


def test_plug_in_gait_labels_are_understood(tmp_path):
    """ASI and PSI at the waist, no fifth toe marker, no fingers' second name: the same dancer."""
    joints = dancer(3.0, RATE_HZ)
    worn = markers_of(joints)
    names = {"FWT": "ASI", "BWT": "PSI"}
    other = {label[0] + names.get(label[1:], label[1:]): path for label, path in worn.items()}
    for label in ("LMT5", "RMT5"):
        del other[label]
    write_c3d(tmp_path / "a.c3d", other, prefix="")
    write_c3d(tmp_path / "b.c3d", worn)
    found, usual = (read_motion(tmp_path / f"{n}.c3d").joint_positions_m for n in "ab")
    off = np.linalg.norm(found - usual, axis=2)
    assert off.max() < 0.035  # the toe moves from between its two markers to one of them
    assert np.delete(off, [INDEX["left_toe"], INDEX["right_toe"]], axis=1).max() < 0.02


def test_a_missing_finger_costs_the_hand_and_its_palm_only(tmp_path):
    worn = markers_of(dancer(3.0, RATE_HZ))
    del worn["RFIN"]
    write_c3d(tmp_path / "a.c3d", worn)
    dance = read_motion(tmp_path / "a.c3d")
    assert (dance.confidence.min(axis=0) == 0.0).nonzero()[0].tolist() == [INDEX["right_hand"]]
    assert (dance.palm_confidence[:, 0] == 0.0).all()
    assert (dance.palm_confidence[:, 1] == 1.0).all()


def test_a_missing_thigh_marker_leaves_the_pelvis_to_say_where_knees_bend(tmp_path):
    joints = dancer(3.0, RATE_HZ)
    worn = markers_of(joints)
    del worn["LTHI"]
    write_c3d(tmp_path / "a.c3d", worn)
    dance = read_motion(tmp_path / "a.c3d")
    assert (dance.confidence == 1.0).all()
    knee = INDEX["left_knee"]
    off = np.linalg.norm((shape_of(dance.joint_positions_m) - shape_of(joints))[:, knee], axis=1)
    assert off.max() < 2 * MAPPING_M


def test_a_lost_marker_costs_the_joints_that_rest_on_it(tmp_path):
    worn = markers_of(dancer(3.0, RATE_HZ))
    worn["LWRA"] = worn["LWRA"].copy()
    worn["LWRA"][50:60] = np.nan
    write_c3d(tmp_path / "a.c3d", worn)
    dance = read_motion(tmp_path / "a.c3d")
    lost = (dance.confidence == 0.0).any(axis=0).nonzero()[0].tolist()
    assert lost == [INDEX["left_wrist"]]
    assert (dance.confidence[50:60, lost[0]] == 0.0).all()
    assert (dance.palm_confidence[50:60, 1] == 0.0).all()


def test_a_recording_without_an_elbow_is_refused_by_name(tmp_path):
    worn = markers_of(dancer(1.0, RATE_HZ))
    del worn["LELB"]
    write_c3d(tmp_path / "a.c3d", worn)
    with pytest.raises(DataError, match=r"a\.c3d: .*left_elbow .*--skeleton FILE"):
        read_motion(tmp_path / "a.c3d")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_off_recording_is_danced_as_far_as_it_goes(tmp_path, share):
    write_c3d(tmp_path / "a.c3d", markers_of(dancer(2.0, RATE_HZ)))
    whole = (tmp_path / "a.c3d").read_bytes()
    (tmp_path / "a.c3d").write_bytes(whole[: int(share * len(whole))])
    dance = read_motion(tmp_path / "a.c3d")
    assert len(dance.poses) < 160
    assert any("promises 160 frames" in remark for remark in dance.metadata["remarks"])


def test_a_recording_cut_off_in_its_head_is_refused(tmp_path):
    write_c3d(tmp_path / "a.c3d", markers_of(dancer(2.0, RATE_HZ)))
    whole = (tmp_path / "a.c3d").read_bytes()
    (tmp_path / "a.c3d").write_bytes(whole[:700])
    with pytest.raises(DataError, match=r"a\.c3d"):
        read_motion(tmp_path / "a.c3d")


def test_a_published_take_is_the_dancer_that_training_sees(data_folder):
    """Without training's low-pass filter and floor fit: within a centimetre or two."""
    found = read_motion(data_folder / "choreonet" / "raw_c3d" / "15.c3d").joint_positions_m
    trained, rate = read_take(data_folder / "choreonet", "15")
    assert rate == RATE_HZ
    off = np.linalg.norm(shape_of(found) - shape_of(trained), axis=2)
    assert np.percentile(off, 99) < 0.02
