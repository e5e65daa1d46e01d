"""The report says everything in plain values, and the summary can be read."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hand_made_plans import standing_plan

from robodance.output import write_json
from robodance.performance.page import make_page
from robodance.performance.report import make_report, summarise
from robodance.values import (
    Beats,
    BoneLoss,
    Certificate,
    Genre,
    JointCertificate,
    Losses,
    PerformanceLog,
    PerformedBeats,
    Recording,
    Song,
    SongAnalysis,
    SongFeatures,
)


@pytest.fixture
def plan(nao):
    return standing_plan(nao, "StandInit", 2.0)


@pytest.fixture
def certificate(plan):
    return Certificate(
        rate_hz=1000.0,
        violations={"position": 0, "velocity": 0, "self_collision": 0},
        joints=tuple(
            JointCertificate(name, 0.5, 0.9, np.float64(0.7)) for name in plan.joint_names
        ),
        clearance_m=0.012,
        clearance_time_s=1.5,
        clearance_links=("LHand", "torso"),
        zmp_margin_m=0.041,
        zmp_margin_time_s=0.3,
        com_margin_m=0.05,
        torque_shares={"LShoulderPitch": 0.6},
    )


@pytest.fixture
def losses():
    bones = (BoneLoss("left_upper_arm", 8.0, 20.0), BoneLoss("right_upper_arm", 12.0, 30.0))
    return Losses(bones, 40, 0.9, 0.8, 0.87)


def log_of(plan, *, falls=(), tilt_deg=0.5, shares=None):
    count = len(plan.times_s)
    return PerformanceLog(
        backend="simulation",
        joint_names=plan.joint_names,
        times_s=plan.times_s,
        commanded_rad=plan.positions_rad,
        measured_rad=plan.positions_rad,
        torso_pose=plan.torso_pose,
        tilt_rad=np.full(count, np.radians(tilt_deg)),
        zmp_margin_m=np.full(count, 0.03),
        falls=falls,
        metadata={"rms_torque_shares": shares or {}, "fall_reason": "the torso sank"},
    )


@pytest.fixture
def analysis():
    song = Song("songs/example.wav", "0" * 64, np.zeros(100, dtype=np.float32), 10)
    beats = Beats(np.arange(10.0), np.arange(10) % 4 + 1, 4, 60.0, 0.9)
    names = tuple(str(i) for i in range(128))
    features = SongFeatures(np.zeros((4, 128)), 1.0, "test", names)
    genre = Genre("rumba", 0.75, {"rumba": 0.75, "tango": 0.25})
    return SongAnalysis(song, beats, features, genre, ("the beat is hard to hear",))


def test_the_report_holds_what_was_found_and_lost(plan, certificate, losses, analysis):
    recording = Recording("film.mp4", 50, 25.0, 2.0, "egl")
    content = make_report(
        plan,
        certificate,
        losses,
        log=log_of(plan),
        recording=recording,
        analysis=analysis,
        seconds={"hear": 1.0},
    )
    assert content["certificate"]["clean"] is True
    joint = content["certificate"]["joints"][0]
    assert joint == {
        "name": "HeadYaw",
        "position_share": 0.5,
        "velocity_share": 0.9,
        "acceleration_share": 0.7,
    }
    assert content["certificate"]["self_collision"]["minimum_clearance_m"] == 0.012
    assert content["certificate"]["self_collision"]["time_s"] == 1.5
    assert content["certificate"]["balance"]["com_margin_m"] == 0.05
    assert content["losses"]["beat_hits"] == {"arm_stops": 40, "before": 0.9, "after": 0.8}
    assert content["losses"]["path_length_kept"] == 0.87
    assert content["performance"]["falls"] == 0
    assert content["performance"]["tilt_max_deg"] == pytest.approx(0.5)
    assert content["song"]["genre"] == "rumba"
    assert content["film"]["frames"] == 50
    assert content["seconds"] == {"hear": 1.0}
    assert content["warnings"] == ["the beat is hard to hear"]


def test_the_report_is_plain_json_even_where_nothing_is_finite(plan, certificate, losses, tmp_path):
    endless = dataclasses.replace(certificate, clearance_m=math.inf, zmp_margin_m=math.nan)
    path = tmp_path / "report.json"
    content = make_report(plan, endless, losses)
    write_json(content, path)
    assert json.loads(path.read_text()) == content
    assert content["certificate"]["self_collision"]["minimum_clearance_m"] is None
    assert content["performance"] is None


def test_hot_motors_are_named_and_cool_ones_are_not(plan, certificate, losses):
    cool = make_report(plan, certificate, losses, log=log_of(plan, shares={"LHipRoll": 0.9}))
    assert cool["warnings"] == []
    hot = make_report(plan, certificate, losses, log=log_of(plan, shares={"LHipRoll": 1.3}))
    assert len(hot["warnings"]) == 1
    assert "LHipRoll 130 %" in hot["warnings"][0]


def test_falls_leaning_and_broken_limits_are_said(plan, certificate, losses):
    fallen = make_report(plan, certificate, losses, log=log_of(plan, falls=(1.25,)))
    assert fallen["performance"]["fall_times_s"] == [1.25]
    assert "the robot fell at 1.2 s: the torso sank" in fallen["warnings"][0]
    leaning = make_report(plan, certificate, losses, log=log_of(plan, tilt_deg=7.0))
    assert "leaned up to 7.0 degrees" in leaning["warnings"][0]
    broken = dataclasses.replace(certificate, violations={"velocity": 3})
    content = make_report(plan, broken, losses)
    assert "breaks its velocity limits at 3 samples" in content["warnings"][0]
    assert "BREAKS LIMITS (velocity 3 samples)" in summarise(content)


@pytest.mark.parametrize("passed", [True, False])
def test_how_a_plan_stood_when_it_was_tried_is_said(plan, certificate, losses, passed):
    tried = {
        "passed": passed,
        "rounds": 2,
        "tilt_deg": {"nominal": 0.51, "lag": 1.6, "backlash": 4.4},
        "falls": 0 if passed else 1,
        "fell_s": {} if passed else {"backlash": 1.2},
        "reduced": [{"start_s": 3.0, "end_s": 6.5, "share": 0.5, "reason": "it falls"}],
    }
    plan = dataclasses.replace(plan, metadata={**plan.metadata, "verification": tried})
    content = make_report(plan, certificate, losses)
    said = summarise(content)
    assert ("DOES NOT PASS" in said) != passed
    assert "0.5 degrees off the plan undisturbed, 4.4 under backlash, the worst of 2" in said
    assert "torso and legs calmed for 3.5 s, see below" in said
    page = make_page(plan, certificate, losses, content)
    assert "<td>backlash</td>" in page
    assert ("<td>1.2 s</td>" in page) != passed


def test_what_a_robot_hit_how_late_it_began_and_how_warm_it_got_is_said(plan, certificate, losses):
    log = dataclasses.replace(
        log_of(plan),
        metadata={
            "start_ahead_s": -0.044,
            "temperatures_before_c": {"HeadYaw": 38.0},
            "temperatures_after_c": {"HeadYaw": 41.0, "LHipRoll": 40.0},
        },
    )
    hit = PerformedBeats(np.arange(4.0), np.arange(4) < 3, np.ones(4, dtype=bool), 10, 7, 8)
    content = make_report(plan, certificate, losses, log=log, performed=hit)
    hits = content["performance"]["beat_hits"]
    assert (hits["beats"], hits["hit"], hits["hit_by_plan"]) == (4, 3, 4)
    assert hits["beats_hit"] == [True, True, True, False]
    assert (hits["arm_stops"], hits["arm_stops_hit"], hits["arm_stops_hit_by_plan"]) == (10, 7, 8)
    assert "began 44 ms behind the music" in content["warnings"][0]
    text = summarise(content)
    assert "hit 3 of 4 beats (the plan 4) and 7 of 10 stops of the hands (the plan 8)" in text
    assert "warmest motor HeadYaw, 41 degrees Celsius, 38 before" in text
    on_time = dataclasses.replace(log, metadata={"start_ahead_s": 0.01})
    assert make_report(plan, certificate, losses, log=on_time)["warnings"] == []


def test_the_summary_is_short_and_says_the_main_things(
    plan, certificate, losses, analysis, tmp_path
):
    content = make_report(plan, certificate, losses, log=log_of(plan), analysis=analysis)
    text = summarise(content, folder=tmp_path)
    assert "example.wav: rumba (75 % sure), 60.0 bpm" in text
    assert "within every limit at 1000 samples a second" in text
    assert "closest parts 12 mm (LHand and torso)" in text
    assert "bones point 10.0 degrees off on average (right_upper_arm 12.0)" in text
    assert "90 % before, 80 % after" in text
    assert "no fall" in text
    assert str(tmp_path) in text
    assert all(len(line) < 160 for line in text.splitlines())
