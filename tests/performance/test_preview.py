"""What a preview page holds: the plan's own numbers, small, on the song's clock."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from dancer import dancer
from hand_made_plans import arm_dance, standing_plan
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from robodance.errors import MissingDependency, OutputError
from robodance.motion.certificate import certify
from robodance.performance.plots import reduced_passages
from robodance.performance.preview import library, make_preview, write_preview
from robodance.performance.preview.balance import balance_points
from robodance.performance.preview.marks import find_marks
from robodance.performance.preview.strips import PER_SHARE, make_strips
from robodance.performance.preview.times import page_times
from robodance.performance.preview.tracks import packed_integers, track
from robodance.performance.report import make_report
from robodance.robots.stability import stability_margin, support_polygon
from robodance.values import CertificateTrace, Losses, PerformanceLog

PAGE_BYTES = 3e6  # asked for, without the song
SILENT = Losses((), 0, 1.0, 1.0, 1.0)


def unpacked(text):
    """Read the integers again, by the definition of the format."""
    numbers, value, shift = [], 0, 0
    for byte in base64.b64decode(text):
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(-((value + 1) // 2) if value % 2 else value // 2)
            value, shift = 0, 0
    return np.array(numbers, dtype=np.int64)


def read_track(packed):
    values = np.tile(np.array(packed["rest"]), (packed["count"], 1))
    changes = unpacked(packed["data"]).reshape(len(packed["moving"]), packed["count"])
    for channel, row in zip(packed["moving"], changes, strict=True):
        slopes = np.cumsum(row[1:])
        steps = np.concatenate([row[:1], row[0] + np.cumsum(slopes)])
        values[:, channel] = steps * packed["step"]
    return values


@pytest.fixture(scope="module")
def plan(nao):
    person = dancer(8.0)
    return replace(
        arm_dance(nao, 10.0, music_start_s=2.0),
        human_joints_m=person,
        human_times_s=np.arange(len(person)) / 25.0,
    )


@pytest.fixture(scope="module")
def certificate(plan, nao):
    return certify(plan, nao)


def page_of(plan, nao, certificate, losses=None, **more):
    content = make_report(plan, certificate, losses or SILENT)
    return make_preview(plan, nao, certificate, losses, content, **more)


def content_of(page):
    return json.loads(re.search(r'id="content">(.*?)</script>', page, re.DOTALL)[1])


@given(numbers=arrays(np.int64, st.integers(0, 40), elements=st.integers(-(2**40), 2**40)))
def test_packed_integers_come_back(numbers):
    np.testing.assert_array_equal(unpacked(packed_integers(numbers)), numbers)


@settings(max_examples=40)
@given(
    values=arrays(
        float,
        st.tuples(st.integers(1, 30), st.integers(1, 4)),
        elements=st.floats(-50.0, 50.0),
    )
)
def test_a_track_is_never_off_by_more_than_half_a_step(values):
    found = read_track(track(values, 1e-3, 0.0, 50.0))
    assert found.shape == values.shape
    assert np.abs(found - values).max() <= 0.5e-3 + 1e-9  # and half a nanometre of rounding


def test_smooth_motion_takes_a_byte_a_sample(plan):
    packed = track(plan.positions_rad[::2], 2e-4, 0.0, 50.0)
    raw = len(base64.b64decode(packed["data"]))
    assert raw < 1.2 * packed["count"] * len(packed["moving"])


def test_four_and_twelve_minutes_of_dancing_with_everything_stay_under_the_limit(
    nao, rng, certificate
):
    """All joints, the torso and the dancer move without rest, as in a full-body dance."""
    for minutes in (4, 12):
        calm = arm_dance(nao, 60.0 * minutes)
        count, person = len(calm.times_s), dancer(60.0 * minutes)
        jolts = gaussian_filter1d(rng.normal(size=(count, 33)), 12.0, axis=0)
        busy = replace(
            calm,
            positions_rad=calm.positions_rad + 1.5 * jolts[:, :26],
            torso_pose=calm.torso_pose + 0.02 * jolts[:, 26:],
            human_joints_m=person + 0.1 * jolts[: 4 * len(person) : 4, :1, None],
            human_times_s=np.arange(len(person)) / 25.0,
        )
        cells = 600 * minutes
        shares = rng.uniform(0.01, 1.0, (cells, 26))
        margins = rng.uniform(0.0, 0.06, (3, cells))
        trace = CertificateTrace(0.05 + np.arange(cells) / 10, shares, shares, *margins)
        page = page_of(busy, nao, replace(certificate, trace=trace))
        assert len(page.encode()) < PAGE_BYTES


def test_the_page_asks_nothing_of_the_outside(plan, nao, certificate):
    page = page_of(plan, nao, certificate)
    ours = page.replace(library.three_js(), "")
    for word in ("http:", "https:", "@import", "fetch(", "XMLHttpRequest", '<link rel="style'):
        assert word not in ours
    assert "default-src 'none'" in ours


def test_the_library_is_whole_and_its_licence_with_it(plan, nao, certificate):
    page = page_of(plan, nao, certificate)
    assert library.three_js() in page
    assert "SPDX-License-Identifier: MIT" in page
    assert "Permission is hereby granted, free of charge" in page


def test_another_trimesh_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(library, "MEMBER", "another.html")
    with pytest.raises(MissingDependency, match=r"does not hold three\.js.*pip install"):
        library.three_js()


def test_the_same_plan_gives_the_same_page(plan, nao, certificate):
    assert page_of(plan, nao, certificate) == page_of(plan, nao, certificate)


def test_it_is_written_whole_or_not_at_all(plan, nao, certificate, tmp_path):
    (tmp_path / "file").write_text("")
    values = (plan, nao, certificate, None, make_report(plan, certificate, SILENT))
    with pytest.raises(OutputError, match="cannot be written"):
        write_preview(tmp_path / "file" / "preview.html", *values)
    write_preview(tmp_path / "preview.html", *values)
    assert {file.name for file in tmp_path.iterdir()} == {"file", "preview.html"}


def test_the_motion_is_the_plan_s(plan, nao, certificate):
    content = content_of(page_of(plan, nao, certificate))
    joints = content["motion"]["joints"]
    assert joints["start"] == pytest.approx(-2.0)
    found = read_track(joints)[:500]
    np.testing.assert_allclose(found, plan.positions_rad[:1000:2], atol=1.01e-4)  # half a step


def test_a_plan_without_a_dancer_has_none(nao):
    still = standing_plan(nao, "StandInit", 3.0)
    assert content_of(page_of(still, nao, certify(still, nao)))["dancer"] is None


# --- time --------------------------------------------------------------------------------


def test_a_dance_to_the_music_is_shown_on_the_song_s_clock(plan):
    times = page_times(plan)
    assert (times.start_s, times.end_s, times.slower) == (-2.0, pytest.approx(8.0), 1.0)


def test_a_slow_dance_is_shown_at_the_music_s_speed(nao):
    slow = replace(
        arm_dance(nao, 20.0, music_rate=0.5, music_start_s=2.0),
        human_times_s=np.array([0.0, 8.0]),
    )
    times = page_times(slow)
    assert times.slower == pytest.approx(2.0)
    assert times.start_s == pytest.approx(-1.0)
    np.testing.assert_allclose(times.robot(np.array([0.0, 4.0])), [2.0, 10.0])


def test_bent_time_is_shown_to_the_song_as_it_sounds(plan):
    bend = 0.2 * np.sin(np.pi * np.clip(plan.music_times_s, 0.0, 7.96) / 7.96) ** 2
    bent = replace(
        plan,
        music_times_s=plan.music_times_s + bend,
        human_times_s=np.linspace(0.0, 7.96, len(plan.human_times_s)),
    )
    times = page_times(bent)
    assert times.slower == 1.0
    np.testing.assert_allclose(times.robot(np.array([3.0])), [5.0])


# --- balance -----------------------------------------------------------------------------


def test_the_zmp_drawn_is_the_one_certified(plan, nao, certificate):
    """The certificate's own recursion finds the same margins, cell by cell."""
    points = balance_points(nao, plan, plan.times_s)
    polygon = support_polygon(nao, plan.positions_rad[0], plan.torso_pose[0])
    margin = stability_margin(points[:, :2], polygon)[:1000].reshape(-1, 10).min(axis=1)
    # A cell of the certificate ends with the sample that begins the next one.
    np.testing.assert_allclose(margin, certificate.trace.zmp_margin_m, atol=2e-3)
    assert np.median(np.abs(margin - certificate.trace.zmp_margin_m)) < 1e-5


def test_at_rest_zmp_and_centre_of_mass_are_one(nao):
    still = standing_plan(nao, "Crouch", 2.0)
    points = balance_points(nao, still, np.array([0.5, 1.0]))
    np.testing.assert_allclose(points[:, :2], points[:, 2:], atol=1e-9)


def test_a_swaying_torso_moves_the_zmp_as_a_pendulum_does(nao):
    """All of the body sways as one: the ZMP is c - (h / g) c'' of its centre of mass."""
    still = standing_plan(nao, "StandInit", 4.0)
    pose = np.array(still.torso_pose)
    sway, rate = 0.02, 2 * np.pi * 0.8
    pose[:, 1] += sway * np.sin(rate * still.times_s)
    moments = np.array([1.0, 1.3, 2.1])
    points = balance_points(nao, replace(still, torso_pose=pose), moments)
    resting = balance_points(nao, still, moments)
    c = sway * np.sin(rate * moments)
    zmp_away, com_away = points[:, 1] - resting[:, 1], points[:, 3] - resting[:, 3]
    np.testing.assert_allclose(com_away, c, atol=1e-6)
    height = (c / zmp_away)[0]  # 1 / (1 + h w^2 / g), the same at all moments
    np.testing.assert_allclose(com_away / zmp_away, height, rtol=1e-3)
    h = (1.0 / height - 1.0) * 9.81 / rate**2
    assert 0.2 < h < 0.32  # where a NAO's centre of mass is


def test_a_turning_torso_counts(nao):
    """Angular velocity and acceleration against differences of rotations."""
    from scipy.interpolate import CubicSpline

    from robodance.performance.preview.balance import _torso_motion

    times = np.arange(400) / 100
    turn = Rotation.from_euler(
        "zyx", np.column_stack([0.5 * np.sin(times), 0.3 * np.cos(2 * times), 0.2 * times])
    )
    pose = np.column_stack([np.zeros((400, 3)), turn.as_quat(canonical=False)])
    pose[:, 3:] *= np.sign(pose[:, 6:])
    _, base = _torso_motion(CubicSpline(times, pose), times[50:350])
    step = (turn[:-1].inv() * turn[1:]).as_rotvec() * 100  # body frame, between samples
    spin = 0.5 * (step[49:349] + step[50:350])
    np.testing.assert_allclose(base.angular_velocity_rad_s, spin, atol=2e-4)
    change = (step[50:350] - step[49:349]) * 100
    np.testing.assert_allclose(base.angular_acceleration_rad_s2, change, atol=2e-3)


# --- strips and marks --------------------------------------------------------------------


def test_strips_are_the_certificate_s_own_numbers(plan, certificate):
    strips = make_strips(plan, certificate, None, page_times(plan), 0.1)
    cells, joints = strips["cells"]["count"], strips["joints"]
    assert cells == 100
    shares = np.frombuffer(base64.b64decode(strips["velocity"]), np.uint8).reshape(-1, cells)
    column = [plan.joint_names.index(name) for name in joints]
    wanted = certificate.trace.velocity_shares[:, column].T
    np.testing.assert_allclose(shares / PER_SHARE, wanted, atol=1.01 / PER_SHARE)
    assert (shares / PER_SHARE >= wanted - 1e-6).all()  # rounded up: a limit is never hidden
    np.testing.assert_allclose(
        strips["clearance"], 1000 * certificate.trace.clearance_m, atol=0.051
    )
    assert "error" not in strips


def test_in_slow_motion_a_cell_holds_the_worst_of_its_time(nao, certificate):
    slow = replace(
        arm_dance(nao, 10.0, music_rate=0.5, music_start_s=2.0), human_times_s=np.array([0.0, 3.0])
    )
    strips = make_strips(slow, certificate, None, page_times(slow), 0.1)
    assert strips["cells"]["count"] == 50
    worst = 1000 * certificate.trace.clearance_m.reshape(50, 2).min(axis=1)
    np.testing.assert_allclose(strips["clearance"], worst, atol=0.051)


def test_marks_say_what_gave_way_and_when(plan, certificate, nao):
    count = 200
    before = np.full(count, 4.0)
    after = before + np.where((np.arange(count) > 75) & (np.arange(count) < 125), 12.0, 0.0)
    losses = replace(
        SILENT, times_s=np.arange(count) / 25.0, arm_error_deg=after, arm_error_before_deg=before
    )
    reduced = {"start_s": 4.0, "end_s": 6.0, "share": 0.5, "reason": "it leans"}
    told = replace(
        plan,
        metadata={"verification": {"reduced": [reduced]}, "retreated_s": [[3.0, 3.5]]},
    )
    trace = certificate.trace
    broken = replace(
        certificate,
        trace=replace(trace, clearance_m=np.where(np.arange(100) == 30, -0.001, trace.clearance_m)),
    )
    log = PerformanceLog(
        backend="simulation",
        joint_names=plan.joint_names,
        times_s=plan.times_s,
        commanded_rad=plan.positions_rad,
        measured_rad=plan.positions_rad,
        torso_pose=plan.torso_pose,
        tilt_rad=np.zeros(len(plan.times_s)),
        zmp_margin_m=np.zeros(len(plan.times_s)),
        falls=(9.0,),
    )
    marks = find_marks(told, broken, losses, page_times(told), log)
    found = {mark["kind"]: (mark["from"], mark["to"]) for mark in marks}
    ((begin, end),) = reduced_passages(losses)
    assert found == {
        "calmed": (2.0, 4.0),
        "retreated": (1.0, 1.5),
        "limited": (pytest.approx(begin, abs=1e-3), pytest.approx(end, abs=1e-3)),
        "broken": (pytest.approx(1.0), pytest.approx(1.1)),
        "fell": (7.0, 7.0),
    }
    assert marks == sorted(marks, key=lambda mark: mark["from"])
    assert find_marks(plan, certificate, None, page_times(plan)) == []
