"""Recordings come out of the published files as the dancer that went in."""

import numpy as np
import pytest
from dancer import dancer
from marker_suit import RATE_HZ, markers_of, write_c3d
from published_form import write_choreonet, write_collage

from robodance.errors import DataError
from robodance.learning.dataset import load_library
from robodance.learning.datasets.choreonet import (
    Choreography,
    joints_from_markers,
    read_choreographies,
    read_intervals,
    read_take,
)
from robodance.learning.datasets.dance_with_melody import find_joins, read_collage, unit_bounds
from robodance.motion_files.c3d import read_c3d
from robodance.skeleton import INDEX

MAPPING_M = 0.012  # the upright trunk of the synthetic dancer leaves only rounding and filtering


def test_c3d_comes_back_in_metres_with_lost_points_as_nan(tmp_path):
    worn = markers_of(dancer(1.0, RATE_HZ))
    worn["RTHI"] = worn["RTHI"].copy()
    worn["RTHI"][5:9] = np.nan
    write_c3d(tmp_path / "take.c3d", worn)
    markers = read_c3d(tmp_path / "take.c3d")
    assert markers.frame_rate_hz == RATE_HZ
    assert set(markers.labels) == set(worn)  # without the subject's prefix
    assert np.isnan(markers["RTHI"][5:9]).all()
    np.testing.assert_allclose(markers["LTOE"], worn["LTOE"], atol=1e-4)  # float32 millimetres


def test_markers_become_the_joints_of_the_dancer_who_wore_them(tmp_path):
    joints = dancer(6.0, RATE_HZ)
    write_c3d(tmp_path / "take.c3d", markers_of(joints))
    found = joints_from_markers(read_c3d(tmp_path / "take.c3d"))
    assert np.linalg.norm(found - joints, axis=2).max() < MAPPING_M


def test_left_is_left(tmp_path):
    """The toes point forward and the left side lies to the left of them."""
    write_c3d(tmp_path / "take.c3d", markers_of(dancer(2.0, RATE_HZ)))
    joints = joints_from_markers(read_c3d(tmp_path / "take.c3d"))
    forward = joints[:, INDEX["left_toe"]] - joints[:, INDEX["left_heel"]]
    across = joints[:, INDEX["left_hip"]] - joints[:, INDEX["right_hip"]]
    assert (np.cross(forward, across)[:, 2] > 0.0).all()


def test_a_take_is_repaired_and_put_on_a_level_floor(tmp_path):
    joints = dancer(10.0, RATE_HZ)
    times = np.arange(len(joints)) / RATE_HZ
    hops = np.floor(times / 2.0) + np.clip(np.mod(times, 2.0) / 0.2 - 9.0, 0.0, 1.0)
    joints += hops[:, None, None] * [0.6, 0.3, 0.0]  # hops on every other second
    worn = markers_of(joints)
    slope = np.array([0.012, -0.006])
    worn = {
        label: path + (path[:, :2] @ slope)[:, None] * [0, 0, 1] for label, path in worn.items()
    }
    worn["LWRA"] = worn["LWRA"].copy()
    worn["LWRA"][200:203] += 0.5  # a spike
    worn["STRN"] = worn["STRN"].copy()
    worn["STRN"][100:110] = np.nan
    (tmp_path / "raw_c3d").mkdir()
    write_c3d(tmp_path / "raw_c3d" / "9.c3d", worn)
    found, rate = read_take(tmp_path, "9")
    assert rate == RATE_HZ
    assert np.isfinite(found).all()
    wrist = found[:, INDEX["left_wrist"]] - joints[:, INDEX["left_wrist"]]
    assert np.abs(wrist[195:208, :2]).max() < 0.03  # metres; the spike was 0.25 of them
    toes = found[:, [INDEX["left_toe"], INDEX["right_toe"]], 2].min(axis=1)
    drift = np.polyfit(np.arange(len(toes)) / rate, toes, 1)[0] * 10.0
    assert abs(drift) < 0.012  # metres over the take; 0.027 before levelling


def test_units_and_choreographies_are_read_as_published(tmp_path):
    tags = write_choreonet(tmp_path)
    units = read_intervals(tmp_path)
    assert [unit.tag for unit in units] == tags  # without the row that has no beats, and NIL
    assert units[0].beats == 4
    (dance,) = read_choreographies(tmp_path, "rumba")
    assert dance.tags[0] == "START"
    assert sum(dance.beats) == 2 + 6 * 4 + 2 + 8


def test_joins_of_a_collage_are_found_where_they_were_made(tmp_path):
    write_collage(tmp_path, "DANCE_W_1", units=4, beats=3, frames_per_beat=17)
    collage = read_collage(tmp_path / "DANCE_W_1")
    np.testing.assert_allclose(collage.joins, [51, 102, 153], atol=1)
    dance = Choreography("DANCE_W_1", ("a", "b", "c", "d"), (3, 3, 3, 3), 0, 204)
    np.testing.assert_allclose(unit_bounds(collage, dance), [0, 51, 102, 153, 204])
    wrong = Choreography("DANCE_W_1", ("a", "b", "c"), (5, 3, 4), 0, 204)
    with pytest.raises(DataError, match="another release"):
        unit_bounds(collage, wrong)


def test_motion_without_joins_has_none():
    assert len(find_joins(dancer(4.0))) == 0


def test_a_collage_is_turned_never_reflected(tmp_path):
    joints = write_collage(tmp_path, "DANCE_W_2")
    found = read_collage(tmp_path / "DANCE_W_2").joint_positions_m
    across = found[:, INDEX["left_hip"]] - found[:, INDEX["right_hip"]]
    forward = found[:, INDEX["left_toe"]] - found[:, INDEX["left_heel"]]
    assert (np.cross(forward, across)[:, 2] > 0.0).mean() > 0.95
    assert np.abs(found[..., :2] - joints[..., :2]).max() < 0.08  # the low-pass, at the joins


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: (p / "movement_interval.csv").unlink(), "movement_interval.csv"),
        (lambda p: (p / "movement_interval.csv").write_text("a,b\n1,2\n"), "line 2"),
        (lambda p: (p / "choreography" / "R.json").write_text("{"), "not a list of"),
        (lambda p: (p / "raw_c3d" / "7.c3d").write_bytes(b"no"), "not a C3D file"),
    ],
)
def test_damaged_data_say_what_is_wrong(tmp_path, spoil, message):
    write_choreonet(tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError, match=message):
        load_library(tmp_path, "rumba")


def test_an_unknown_genre_is_refused(tmp_path):
    with pytest.raises(DataError, match="unknown genre"):
        load_library(tmp_path, "polka")
