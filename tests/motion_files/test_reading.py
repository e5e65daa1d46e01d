"""Whatever file comes in: a dance, with what was lost said, or one clear error."""

import json

import numpy as np
import pytest
from dancer import dancer

from robodance.errors import DataError, PlanError
from robodance.motion_files.points import whole_steps
from robodance.motion_files.read import read_motion
from robodance.motion_files.set_to_music import cut, set_to_music
from robodance.plan_file import read_dance, write_dance
from robodance.skeleton import INDEX, pose_sequence
from robodance.values import Beats

RATE_HZ = 25.0
ROUNDING_M = 1e-9


def npy(folder, joints, name="a.npy"):
    np.save(folder / name, joints)
    return folder / name


def shape_of(dance):
    return dance.joint_positions_m - dance.joint_positions_m[:, [2]]


def test_the_same_dance_from_every_kind_of_array(tmp_path):
    """(T, 21, 3), (T, 63), (T, 74), an npz with names in another order, mdms, SMPL's 24."""
    joints = dancer(2.0)
    usual = read_motion(npy(tmp_path, joints), frame_rate_hz=RATE_HZ)
    flat = npy(tmp_path, joints.reshape(len(joints), 63), "flat.npy")
    poses = npy(tmp_path, usual.poses, "poses.npy")
    order = np.random.default_rng(0).permutation(21)
    names = np.array(list(INDEX))[order]
    np.savez(tmp_path / "b.npz", positions=joints[:, order], joint_names=names, fps=[RATE_HZ])
    shown = 100.0 * np.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], axis=-1)
    shown = np.concatenate([shown, shown[:, :2]], axis=1)
    centre = shown[:, 2]
    mdms = {"center": centre.tolist(), "skeletons": (shown - centre[:, None]).tolist()}
    (tmp_path / "skeletons.json").write_text(json.dumps(mdms), encoding="utf-8")
    for file, rate in (
        (flat, RATE_HZ),
        (poses, RATE_HZ),
        (tmp_path / "b.npz", None),
        (tmp_path / "skeletons.json", None),
    ):
        found = read_motion(file, frame_rate_hz=rate)
        assert found.frame_rate_hz == RATE_HZ
        np.testing.assert_allclose(shape_of(found), shape_of(usual), atol=ROUNDING_M)
        assert found.metadata["generator"] == "file"
        assert found.metadata["file"] == file.name


@pytest.mark.parametrize("count", [22, 24])
def test_the_joints_of_smpl_are_understood(tmp_path, count):
    joints = dancer(2.0)
    at = {name: joints[:, k] for name, k in INDEX.items()}
    middle = 0.5 * (at["left_shoulder"] + at["right_shoulder"])
    head = 0.5 * (at["head_left"] + at["head_right"])
    spine = [at["waist"] + k * (middle - at["waist"]) for k in (0.3, 0.5, 0.7)]
    smpl = [at["waist"], at["left_hip"], at["right_hip"], spine[0], at["left_knee"]]
    smpl += [at["right_knee"], spine[1], at["left_ankle"], at["right_ankle"], spine[2]]
    smpl += [at["left_toe"], at["right_toe"], middle, middle, middle, head]
    smpl += [at[f"{s}_{p}"] for p in ("shoulder", "elbow", "wrist") for s in ("left", "right")]
    smpl += [at["left_hand"], at["right_hand"]]
    path = npy(tmp_path, np.stack(smpl[:count], axis=1))
    found = read_motion(path, frame_rate_hz=RATE_HZ)
    assert found.metadata["skeleton"] == "smpl"
    for name in ("left_elbow", "right_wrist", "left_knee", "right_toe"):
        bone = shape_of(found)[:, INDEX[name]]
        np.testing.assert_allclose(bone, at[name] - at["waist"], atol=ROUNDING_M)
    assert (found.confidence[:, INDEX["left_heel"]] == 0.0).all()
    assert (found.confidence[:, INDEX["left_hand"]] == (1.0 if count == 24 else 0.0)).all()


def test_a_dance_of_ours_comes_back_with_what_it_says_about_itself(tmp_path):
    joints = dancer(2.0)
    joints[10:14, INDEX["left_wrist"]] = np.nan
    dance = read_motion(npy(tmp_path, joints), frame_rate_hz=RATE_HZ)
    write_dance(dance, tmp_path / "dance.npz")
    again = read_motion(tmp_path / "dance.npz")
    np.testing.assert_array_equal(again.joint_positions_m, dance.joint_positions_m)
    np.testing.assert_array_equal(again.confidence, dance.confidence)
    assert again.confidence.min() == 0.0
    assert again.palms is None
    plain = pose_sequence(dancer(2.0), RATE_HZ)
    write_dance(plain, tmp_path / "plain.npz")
    assert read_dance(tmp_path / "plain.npz").confidence is None


@pytest.mark.parametrize("rate_hz", [1.0, 10.0, 25.0, 240.0, 1000.0])
def test_any_frame_rate_gives_the_same_dance(tmp_path, rate_hz):
    joints = dancer(6.0, rate_hz)
    found = read_motion(npy(tmp_path, joints), frame_rate_hz=rate_hz)
    assert found.frame_rate_hz <= 120.0
    assert len(found.poses) / found.frame_rate_hz == pytest.approx(6.0, abs=0.02)
    sparse = any("guessed" in remark for remark in found.metadata["remarks"])
    assert sparse == (rate_hz < 8.0)


@pytest.mark.parametrize(
    ("frames", "rate_hz", "kept_hz"),
    [(100, 30.0, 30.0), (100, 1000.0, 111.1), (360_000, 100.0, 50.0), (432_000, 120.0, 40.0)],
)
def test_fast_and_long_recordings_are_thinned(frames, rate_hz, kept_hz):
    """An hour of dance stays under 200,000 frames, which keeps it in memory."""
    steps = whole_steps(frames, rate_hz)
    assert rate_hz / steps == pytest.approx(kept_hz, abs=0.1)


def nothing(folder):
    return folder / "none.bvh"


def folder_itself(folder):
    return folder


def empty(folder):
    (folder / "a.npy").write_bytes(b"")
    return folder / "a.npy"


def one_frame(folder):
    return npy(folder, dancer(1.0)[:1])


def no_frame(folder):
    return npy(folder, dancer(1.0)[:0])


def two_numbers(folder):
    return npy(folder, np.zeros(2))


def too_few_points(folder):
    return npy(folder, np.zeros((9, 5, 3)))


def words(folder):
    return npy(folder, np.full((9, 21, 3), "a"))


def pickled(folder):
    np.save(folder / "a.npy", np.array([{"a": 1}]), allow_pickle=True)
    return folder / "a.npy"


def noise(folder):
    (folder / "a.npz").write_bytes(np.random.default_rng(0).bytes(5000))
    return folder / "a.npz"


def noise_bvh(folder):
    (folder / "a.bvh").write_bytes(np.random.default_rng(0).bytes(5000))
    return folder / "a.bvh"


def noise_c3d(folder):
    (folder / "a.c3d").write_bytes(np.random.default_rng(0).bytes(5000))
    return folder / "a.c3d"


def pickle_file(folder):
    (folder / "a.pkl").write_bytes(b"\x80\x04.")
    return folder / "a.pkl"


def nan_only(folder):
    return npy(folder, np.full((30, 21, 3), np.nan))


def infinite(folder):
    return npy(folder, np.full((30, 21, 3), np.inf))


def one_place(folder):
    return npy(folder, np.zeros((30, 21, 3)))


def wrong_json(folder):
    (folder / "skeletons.json").write_text('{"center": [1]}', encoding="utf-8")
    return folder / "skeletons.json"


def newer_dance(folder):
    np.savez(folder / "a.npz", format_version=99, poses=np.zeros((3, 74)))
    return folder / "a.npz"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (nothing, "no such file"),
        (folder_itself, "folder"),
        (empty, "empty"),
        (one_frame, "at least two"),
        (no_frame, "expected"),
        (two_numbers, "expected"),
        (too_few_points, "5 points a frame fit no known skeleton"),
        (words, "numbers"),
        (pickled, "pickled"),
        (noise, "array file"),
        (noise_bvh, "not a BVH file"),
        (noise_c3d, "C3D"),
        (pickle_file, "not a pickle"),
        (nan_only, "no point of the file"),
        (infinite, "no point of the file"),
        (one_place, "no size"),
        (wrong_json, "not a dance"),
        (newer_dance, "newer"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path, make, message):
    path = make(tmp_path)
    with pytest.raises((DataError, PlanError), match=message) as caught:
        read_motion(path, frame_rate_hz=RATE_HZ)
    assert path.name in str(caught.value)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rate_hz", [0.0, -5.0, float("nan"), float("inf")])
def test_an_impossible_frame_rate_is_refused(tmp_path, rate_hz):
    with pytest.raises(DataError, match="no frame rate"):
        read_motion(npy(tmp_path, dancer(1.0)), frame_rate_hz=rate_hz)


def test_a_file_without_a_frame_rate_asks_for_one(tmp_path):
    with pytest.raises(DataError, match="--fps"):
        read_motion(npy(tmp_path, dancer(1.0)))


def test_a_dance_is_cut_and_set_to_music(tmp_path):
    dance = read_motion(npy(tmp_path, dancer(8.0)), frame_rate_hz=RATE_HZ)
    times = np.arange(40) * 0.5
    beats = Beats(times, np.arange(40) % 4 + 1, 4, 120.0, 1.0)
    placed, remarks = set_to_music(dance, beats, 3.0, 20.0)
    assert remarks == ()
    assert placed.start_s == 3.0
    np.testing.assert_array_equal(placed.joint_positions_m, dance.joint_positions_m)
    np.testing.assert_array_equal(placed.confidence, dance.confidence)
    assert placed.beats_s[0] == 3.0
    assert placed.beats_s[-1] <= placed.times_s[-1]
    short, remarks = set_to_music(dance, beats, 3.0, 5.0)
    assert short.times_s[-1] == pytest.approx(5.0)
    assert "cut after 2.0 s" in remarks[0]
    part = cut(dance, 1.0, 3.0)
    np.testing.assert_array_equal(part.joint_positions_m, dance.joint_positions_m[25:76])
    assert part.start_s == 0.0
