"""The public files: what goes in comes out, and nothing half-written takes a name."""

from dataclasses import fields, replace

import numpy as np
import pytest

from robodance.errors import OutputError, PlanError, RobodanceError
from robodance.plan_file import (
    FORMAT_VERSION,
    read_dance,
    read_plan,
    write_dance,
    write_plan,
)
from robodance.skeleton import JOINT_NAMES, pose_sequence
from robodance.values import Plan


@pytest.fixture
def plan(rng):
    times = np.arange(50) / 100
    return Plan(
        joint_names=("HeadYaw", "LHand"),
        times_s=times,
        positions_rad=rng.normal(size=(50, 2)),
        music_times_s=times - 0.2,
        music_start_s=0.2,
        torso_pose=np.tile([0, 0, 0.33, 0, 0, 0, 1.0], (50, 1)),
        support=np.zeros(50, dtype=np.int8),
        beats_s=np.array([0.0, 0.5]),
        beat_numbers=np.array([1, 2]),
        sync_times_s=np.zeros(0),
        human_joints_m=rng.normal(size=(5, 21, 3)),
        human_times_s=np.arange(5) / 25,
        position_limits_rad=np.array([[-2.0, 2.0], [0, 1]]),
        velocity_limits_rad_s=np.array([7.0, 8.0]),
        acceleration_limits_rad_s2=np.array([56.0, 64.0]),
        metadata={"genre": "rumba", "seed": 3},
    )


@pytest.fixture
def dance(rng):
    positions = rng.normal(size=(40, 21, 3)).cumsum(axis=0) * 0.01 + rng.normal(size=(21, 3))
    return pose_sequence(
        positions,
        25.0,
        start_s=1.5,
        beats_s=np.array([1.6, 2.1]),
        beat_numbers=np.array([3, 1]),
        metadata={"genre": "waltz"},
    )


def assert_same(a, b):
    for field in fields(a):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right)
            assert left.dtype == right.dtype
        else:
            assert left == right


def test_a_plan_survives_the_file(plan, tmp_path):
    write_plan(plan, tmp_path / "plan.npz")
    assert_same(read_plan(tmp_path / "plan.npz"), plan)


def test_a_path_may_be_text(plan, dance, tmp_path):
    write_plan(plan, tmp_path / "plan.npz")
    write_dance(dance, tmp_path / "dance.npz")
    assert_same(read_plan(str(tmp_path / "plan.npz")), plan)
    assert_same(read_dance(str(tmp_path / "dance.npz")), dance)


def test_a_dance_survives_the_file(dance, tmp_path):
    write_dance(dance, tmp_path / "dance.npz")
    assert_same(read_dance(tmp_path / "dance.npz"), dance)


def test_the_files_hold_exactly_the_documented_arrays(plan, dance, tmp_path):
    write_plan(plan, tmp_path / "plan.npz")
    write_dance(dance, tmp_path / "dance.npz")
    with np.load(tmp_path / "plan.npz", allow_pickle=False) as file:
        assert set(file.files) == {"format_version", *(field.name for field in fields(Plan))}
        assert file["support"].dtype == np.int8
        assert file["positions_rad"].dtype == np.float64
    with np.load(tmp_path / "dance.npz", allow_pickle=False) as file:
        assert set(file.files) == {
            "format_version",
            "poses",
            "joint_positions_m",
            "joint_names",
            "times_s",
            "beats_s",
            "metadata",
        }
        assert tuple(file["joint_names"]) == JOINT_NAMES
        assert file["poses"].shape == (40, 74)


def test_a_newer_format_is_refused(plan, tmp_path):
    path = tmp_path / "plan.npz"
    write_plan(plan, path)
    with np.load(path) as file:
        content = dict(file)
    content["format_version"] = np.int64(FORMAT_VERSION + 1)
    np.savez(path, **content)
    with pytest.raises(PlanError, match="install a newer robodance"):
        read_plan(path)


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 broken"])
def test_a_damaged_file_is_a_clear_error(content, tmp_path):
    path = tmp_path / "plan.npz"
    path.write_bytes(content)
    with pytest.raises(PlanError, match=r"plan\.npz: cannot be read as a plan"):
        read_plan(path)


def test_another_npz_is_not_a_plan(tmp_path):
    np.savez(tmp_path / "other.npz", format_version=np.int64(1), a=np.zeros(3))
    with pytest.raises(PlanError, match="not a plan, the array"):
        read_plan(tmp_path / "other.npz")


def test_a_truncated_plan_is_a_clear_error(plan, tmp_path):
    path = tmp_path / "plan.npz"
    write_plan(plan, path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(PlanError, match="damaged"):
        read_plan(path)


def test_a_folder_that_is_a_file_is_a_clear_error(plan, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_plan(plan, tmp_path / "taken" / "plan.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions_rad": np.zeros((3, 2))}, "positions_rad has shape"),
        ({"music_times_s": np.zeros(50)}, "not strictly increasing"),
        ({"velocity_limits_rad_s": np.array([np.nan, 1])}, "not finite"),
    ],
)
def test_a_plan_is_checked_when_it_is_made(plan, change, message):
    with pytest.raises(RobodanceError, match=message):
        replace(plan, **change)


def test_a_plan_cannot_be_changed_in_place(plan):
    with pytest.raises(ValueError, match="read-only"):
        plan.positions_rad[0, 0] = 1.0
