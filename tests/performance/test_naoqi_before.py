"""Before a robot moves: which plan it is given, how it is reached, what it will play."""

import json
import socket
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hand_made_plans import arm_dance, make_plan
from naoqi_process import FAST

from robodance.config import NaoqiConfig
from robodance.errors import RobotError, UsageError
from robodance.performance.backends.naoqi import NaoqiRobot
from robodance.performance.backends.naoqi_checks import (
    RobotState,
    faults,
    narrowed,
)
from robodance.performance.backends.naoqi_link import Link, parse_address
from robodance.performance.backends.naoqi_sound import LEAD_S, make_wav
from robodance.performance.disturbances import FIXED
from robodance.performance.steadiness import record_of


def state_of(robot, **more):
    rows = zip(robot.position_limits_rad, robot.velocity_limits_rad_s, strict=True)
    limits = {
        n: (*map(float, r), float(v)) for n, (r, v) in zip(robot.joint_names, rows, strict=True)
    }
    return RobotState("nao", "2.8", 0.02, limits, **more)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"battery": 10.0}, "battery"),
        ({"plugged": True}, "charger"),
        ({"temperatures_c": {"LElbowRoll": 80.0}}, "hot"),
        ({"heat": {"LElbowRoll": 1.0}}, "hot"),
        ({"fall_manager": False}, "fall manager"),
        ({"arm_protection": False}, "collision protection"),
        ({"feet_kg": (0.0, 0.1)}, "feet"),
        ({"tilt_rad": (0.0, 1.3)}, "upright"),
    ],
)
def test_each_check_refuses_what_it_is_for(nao, found, says):
    plan = arm_dance(nao, 4.0)
    assert faults(state_of(nao), plan, nao, FAST, standing=True) == []
    (line,) = faults(state_of(nao, **found), plan, nao, FAST, standing=True)
    assert says in line


def test_a_plan_that_moves_a_leg_is_refused_unless_it_was_verified(nao):
    moved = np.array(arm_dance(nao, 4.0).positions_rad)
    moved[:, nao.index("LKneePitch")] += 0.01 * np.sin(np.arange(len(moved)) / 50.0)
    plan = make_plan(nao, moved)
    (line,) = faults(state_of(nao), plan, nao, FAST, standing=False)
    assert "not verified" in line
    tilts = dict.fromkeys(["nominal", *FIXED], 1.0)
    passed = {"passed": True, "tilt_deg": tilts, **record_of(plan)}
    plan = replace(plan, metadata={**plan.metadata, "verification": passed})
    assert faults(state_of(nao), plan, nao, FAST, standing=False) == []


def test_narrower_limits_of_the_robot_are_the_plans(nao):
    plan = arm_dance(nao, 4.0)
    limits = dict(state_of(nao).limits)
    assert np.array_equal(narrowed(plan, limits).velocity_limits_rad_s, plan.velocity_limits_rad_s)
    limits["HeadYaw"] = (-0.2, 0.2, 1.0)
    own = narrowed(plan, limits)
    column = nao.index("HeadYaw")
    assert own.velocity_limits_rad_s[column] == pytest.approx(1.0, abs=2e-3)
    assert own.position_limits_rad[column] == pytest.approx([-0.2, 0.2], abs=2e-3)
    assert np.array_equal(own.position_limits_rad[1:], plan.position_limits_rad[1:])


@pytest.mark.parametrize(
    ("text", "password", "url_there"),
    [
        ("10.0.0.5", False, "tcp://10.0.0.5:9559"),
        ("10.0.0.5", True, "tcps://10.0.0.5:9503"),
        ("nao.local:1234", False, "tcp://nao.local:1234"),
        ("tcp://nao.local", True, "tcp://nao.local:9559"),
        ("tcps://nao.local:9503", False, "tcps://nao.local:9503"),
    ],
)
def test_addresses(text, password, url_there):
    assert parse_address(text, password=password).url == url_there


@pytest.mark.parametrize("text", ["", "nao:", "nao:port", "nao:70000", "http://nao", "a b", "::1"])
def test_what_is_no_address(text):
    with pytest.raises(UsageError, match="is no address"):
        parse_address(text)


def test_nobody_there_is_one_clear_line():
    with pytest.raises(RobotError, match=r"tcp://127.0.0.1:9 cannot be reached .*nothing listens"):
        Link(parse_address("127.0.0.1:9"), 2.0).connect()


def test_somebody_who_never_answers_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.monotonic()
        with pytest.raises(RobotError, match=r"did not answer within 0\.5 s"):
            Link(parse_address(f"127.0.0.1:{mute.getsockname()[1]}"), 0.5).connect()
    assert time.monotonic() - began < 3.0


def test_the_song_lies_where_the_plan_has_it(nao, tmp_path):
    plan = arm_dance(nao, 6.0, music_start_s=2.0)
    song_times = plan.times_s - 2.0 + 1.0
    plan = replace(plan, human_times_s=np.array([1.0, 3.0]), music_times_s=song_times)
    song = tmp_path / "click.wav"
    samples = np.zeros(22050 * 8)
    samples[22050 * 3] = 0.9  # at 3 s of the song
    soundfile.write(song, samples, 22050)
    (tmp_path / "out.wav").write_bytes(make_wav(plan, song))
    heard, rate = soundfile.read(tmp_path / "out.wav")
    # Song time 1 s is the first danced moment, robot time 2 s.
    assert np.abs(heard[:, 0]).argmax() / rate == pytest.approx(LEAD_S + 2.0 + 2.0, abs=1e-4)
    assert len(heard) / rate == pytest.approx(LEAD_S + plan.duration_s, abs=1e-3)


def test_the_command_line_says_who_is_missing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "robodance", "perform", "--demo", "--robot", "127.0.0.1:9",
         "--yes", "--json", "--out", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 6
    assert "nothing listens there" in json.loads(done.stdout)["error"]


def test_a_robot_that_is_not_connected_says_so(nao):
    backend = NaoqiRobot(nao, NaoqiConfig(address="127.0.0.1"))
    with pytest.raises(RobotError, match="not connected"):
        backend.preflight(arm_dance(nao, 2.0))
