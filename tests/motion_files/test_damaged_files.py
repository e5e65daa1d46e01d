"""Files with bytes changed, cut out or cut off: read, or refused in one line; never a crash."""

import shutil

import numpy as np
import pytest
from bvh_writer import bvh_dance, write_bvh
from dancer import dancer
from marker_suit import markers_of, write_c3d
from robot_plans import spline_plan

from robodance.errors import DataError, RobodanceError
from robodance.exporting import export_plan
from robodance.motion_files.joint_files import is_joint_file, read_joint_file
from robodance.motion_files.read import read_motion, read_points
from robodance.plan_file import write_plan

TRIES = 40
HEAD_BYTES = 3000  # where most of a file's structure is


def damaged(raw, rng):
    """The bytes of a file after an accident."""
    kind = rng.integers(3)
    if kind == 0:
        return raw[: rng.integers(len(raw))]
    result = bytearray(raw)
    for _ in range(rng.integers(1, 8)):
        at = rng.integers(min(len(result), HEAD_BYTES) if rng.random() < 0.7 else len(result))
        if kind == 1:
            result[at] = rng.integers(256)
        else:
            del result[at : at + rng.integers(1, 60)]
    return bytes(result)


def bvh(folder):
    write_bvh(folder / "a.bvh", bvh_dance(1.0))
    return folder / "a.bvh"


def c3d(folder):
    write_c3d(folder / "a.c3d", markers_of(dancer(0.5)))
    return folder / "a.c3d"


def npz(folder):
    np.savez_compressed(folder / "a.npz", positions=dancer(1.0), fps=25.0)
    return folder / "a.npz"


def npy(folder):
    np.save(folder / "a.npy", dancer(1.0))
    return folder / "a.npy"


def plan(folder):
    write_plan(spline_plan(1, 12), folder / "plan.npz")
    return folder / "plan.npz"


def read(path):
    if is_joint_file(path):
        return read_joint_file(path)
    if path.suffix == ".c3d":
        return read_points(path)
    return read_motion(path, frame_rate_hz=25.0)


@pytest.mark.filterwarnings("ignore")  # numpy's about odd headers
@pytest.mark.parametrize("make", [bvh, c3d, npz, npy, plan], ids=lambda make: make.__name__)
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path, rng, make):
    path = make(tmp_path)
    assert read(path)
    whole, refused = path.read_bytes(), 0
    for _ in range(TRIES):
        path.write_bytes(damaged(whole, rng))
        try:
            read(path)
        except RobodanceError as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017
    assert refused > TRIES // 4


def test_a_damaged_bag_is_read_or_refused_in_one_line(tmp_path, rng):
    bag = export_plan(plan(tmp_path), "rosbag")
    refused = 0
    for _ in range(TRIES):
        copy = tmp_path / "copy"
        shutil.copytree(bag, copy)
        files = sorted(copy.iterdir())
        chosen = files[rng.integers(len(files))]
        chosen.write_bytes(damaged(chosen.read_bytes(), rng))
        try:
            read_joint_file(copy)
        except RobodanceError as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017
        shutil.rmtree(copy)
    assert refused > TRIES // 4


def test_bytes_missing_from_a_c3ds_parameters_do_not_keep_the_reader_for_ever(tmp_path):
    """Without the look at the parameters, ezc3d does not come back from some of these."""
    path = c3d(tmp_path)
    whole = path.read_bytes()
    refused = 0
    for at in range(516, 1500, 40):
        path.write_bytes(whole[:at] + whole[at + 17 :])
        try:
            read_points(path)
        except DataError:
            refused += 1
    assert refused > 15
