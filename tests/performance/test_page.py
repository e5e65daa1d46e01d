"""The report page is one well-formed file that needs nothing else, and says the main things."""

import re
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
from hand_made_plans import arm_dance

from robodance.errors import OutputError
from robodance.performance.page import make_page, write_page
from robodance.performance.plots import reduced_passages
from robodance.performance.report import make_report
from robodance.values import (
    BeatLosses,
    BoneLoss,
    Certificate,
    CertificateTrace,
    JointCertificate,
    Losses,
    PerformanceLog,
    PerformedBeats,
)

SONG_S = 240.0
PAGE_BYTES = 1.5e6
PAGE_CPU_S = 3.0
SILENT = Losses((BoneLoss("left_forearm", 8.0, 20.0),), 0, 1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def plan(nao):
    return replace(
        arm_dance(nao, SONG_S),
        human_times_s=np.array([0.0, SONG_S]),
        metadata={
            "robot_model": "nao_v6",
            "seed": 3,
            "versions": {"robodance": "1"},
            "song": "<&>",
        },
    )


@pytest.fixture(scope="module")
def certificate(plan):
    rng = np.random.default_rng(1)
    cells = round(10 * SONG_S)
    shares = rng.uniform(0.0, 1.0, (cells, len(plan.joint_names)))
    shares[:, 10:20] = 0.0
    return Certificate(
        rate_hz=1000.0,
        violations={"position": 0, "velocity": 0, "self_collision": 0},
        joints=tuple(JointCertificate(name, 0.5, 0.9, 0.7) for name in plan.joint_names),
        clearance_m=0.004,
        clearance_time_s=61.0,
        clearance_links=("LHand", "torso"),
        zmp_margin_m=0.021,
        zmp_margin_time_s=130.0,
        com_margin_m=0.05,
        torque_shares={"LShoulderPitch": 0.6},
        trace=CertificateTrace(
            times_s=0.05 + np.arange(cells) / 10.0,
            velocity_shares=shares,
            acceleration_shares=shares**0.5,
            clearance_m=rng.uniform(0.004, 0.03, cells),
            zmp_margin_m=rng.uniform(0.02, 0.06, cells),
            com_margin_m=rng.uniform(0.05, 0.06, cells),
        ),
    )


@pytest.fixture(scope="module")
def losses():
    rng = np.random.default_rng(2)
    times = np.arange(round(25 * SONG_S)) / 25.0
    before = 4.0 + rng.uniform(0.0, 2.0, len(times))
    beats = np.arange(0.0, SONG_S, 0.5)
    stops = rng.integers(0, 3, len(beats))
    return Losses(
        (BoneLoss("left_upper_arm", 8.0, 20.0), BoneLoss("right_upper_arm", 12.0, 30.0)),
        int(stops.sum()),
        0.9,
        0.8,
        0.87,
        hands=(BoneLoss("left_hand", 25.0, 40.0),),
        beats=BeatLosses(
            beats,
            rng.uniform(3.0, 9.0, len(beats)),
            ("left_forearm",) * len(beats),
            stops,
            np.minimum(stops, 2),
            np.minimum(stops, 1),
            *(rng.uniform(size=len(beats)) < share for share in (0.5, 0.6, 0.4)),
        ),
        times_s=times,
        arm_error_deg=before + np.where((times > 100.0) & (times < 104.0), 12.0, 0.5),
        arm_error_before_deg=before,
    )


@pytest.fixture(scope="module")
def log(plan):
    rng = np.random.default_rng(3)
    count = round(60 * SONG_S)
    return PerformanceLog(
        backend="simulation",
        joint_names=plan.joint_names,
        times_s=np.arange(count) / 60.0,
        commanded_rad=np.zeros((count, len(plan.joint_names))),
        measured_rad=np.zeros((count, len(plan.joint_names))),
        torso_pose=np.tile([0, 0, 0.3, 0, 0, 0, 1.0], (count, 1)),
        tilt_rad=np.radians(rng.uniform(0.0, 0.5, count)),
        zmp_margin_m=rng.uniform(0.0, 0.05, count),
        falls=(),
        metadata={
            "rms_torque_shares": {"LShoulderPitch": 1.4},
            "tracking_error_rms_by_joint_deg": {"LShoulderPitch": 1.23, "HeadYaw": 0.4},
            "temperatures_after_c": {"LShoulderPitch": 52.0},
        },
    )


def page_of(plan, certificate, losses, log=None):
    hit = None
    if log is not None:
        times = losses.beats.times_s
        odd = np.arange(len(times)) % 2 == 1
        hit = PerformedBeats(times, odd, odd, 10, 7, 8)
    content = make_report(plan, certificate, losses, log=log, performed=hit)
    return make_page(plan, certificate, losses, content, log, hit)


@pytest.fixture(scope="module")
def planned(plan, certificate, losses):
    return page_of(plan, certificate, losses)


@pytest.fixture(scope="module")
def performed(plan, certificate, losses, log):
    return page_of(plan, certificate, losses, log)


def figures(page):
    """Names of the figures that hold a drawing."""
    tree = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))  # well-formed
    return [f.get("id") for f in tree.iter("figure") if f.find("svg") is not None]


def test_the_page_has_all_figures_with_and_without_a_performance(planned, performed):
    assert figures(planned) == ["error", "stops", "shares", "margins"]
    assert "It was not performed." in planned
    assert figures(performed) == ["error", "stops", "shares", "margins", "performance"]
    assert "It was performed without a fall." in performed
    assert "140 %" in performed  # a torque over the nominal one
    for text in ("50 %", "robot hits", "1.2°", "52 °C"):
        assert text in performed
        assert text == "50 %" or text not in planned


def test_the_page_refers_to_nothing_outside_itself(performed):
    for word in ("http", "src=", "<script", "<link", "@import", "file:"):
        assert word not in performed
    ids = re.findall(r'\bid="([^"]+)"', performed)
    assert len(ids) == len(set(ids))
    inside = re.findall(r'href="([^"]*)"', performed) + re.findall(r"url\(([^)]*)\)", performed)
    for target in inside:
        assert target.startswith("data:image/png") or target.removeprefix("#") in ids


def test_the_page_is_small_and_soon_written(planned, plan, certificate, losses, log, tmp_path):
    content = make_report(plan, certificate, losses, log=log)
    began = time.process_time()
    write_page(tmp_path / "out" / "report.html", plan, certificate, losses, content, log)
    assert time.process_time() - began < PAGE_CPU_S  # matplotlib was imported before
    assert len(planned) < (tmp_path / "out" / "report.html").stat().st_size < PAGE_BYTES
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["report.html"]


def test_the_same_performance_gives_the_same_page(planned, plan, certificate, losses):
    assert page_of(plan, certificate, losses) == planned


def test_what_broke_a_limit_is_said(planned, plan, certificate):
    joints = (JointCertificate("HeadYaw", 0.5, 1.2, 0.7), *certificate.joints[1:])
    broken = replace(certificate, violations={"velocity": 3}, joints=joints, trace=None)
    page = page_of(plan, broken, SILENT)
    assert "breaks limits (velocity 3 samples)" in page
    assert '<td class="bad">120 %</td>' in page
    assert 'class="bad"' not in planned


def test_text_from_outside_is_escaped(planned):
    assert "&lt;&amp;&gt;" in planned
    assert "<&>" not in planned


def test_little_to_show_makes_a_short_page(plan, certificate):
    page = page_of(plan, replace(certificate, trace=None, clearance_m=np.inf), SILENT)
    assert figures(page) == []


def test_reduced_passages_are_where_the_limits_cost_much(losses):
    ((begin, end),) = reduced_passages(losses)
    assert (begin, end) == (pytest.approx(100.0, abs=0.3), pytest.approx(104.0, abs=0.3))
    free = replace(losses, arm_error_deg=losses.arm_error_before_deg)
    assert reduced_passages(free) == []


def test_a_folder_that_cannot_be_written_is_a_clear_error(plan, certificate, losses, tmp_path):
    (tmp_path / "file").write_text("")
    content = make_report(plan, certificate, losses)
    with pytest.raises(OutputError, match="cannot be written"):
        write_page(tmp_path / "file" / "report.html", plan, certificate, losses, content)
