"""Dances on a virtual NAO in another process, over real qi: what it did and how it ends."""

import time
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hand_made_plans import arm_dance
from naoqi_judge import judge
from naoqi_process import FAST, dance, linked, real_time, virtual_nao
from scipy.interpolate import CubicSpline

from robodance.config import SimulationConfig
from robodance.errors import PerformanceAborted, PreflightRefused
from robodance.performance.backend import open_backend
from robodance.performance.backends.naoqi_ending import Ending
from robodance.performance.backends.naoqi_link import Link
from robodance.performance.backends.naoqi_music import COUNT_S, RobotSpeaker
from robodance.performance.conductor import conduct

TRACKING_DEG = 3.0  # RMS, of the joint that follows worst: what is promised
MUSIC_S = 0.02  # between dance and music: what is promised
SAME_DEG = 1.0  # between the simulation and the robot: what is promised
SOON_S = 8.0  # from the reason to a robot at rest: what is promised


@pytest.fixture(scope="module")
def url():
    with virtual_nao("--audio-latency", "0.25", "--life", "disabled") as address:
        yield address


@pytest.fixture
def standing(url):
    """The robot, well, and awake so that it stands as long as a test takes."""
    with linked(url) as link:
        link.call("RobodanceFaults", "mend")
        link.call("RobodanceFaults", "standUp", "StandInit")
        link.call("ALMotion", "wakeUp", timeout_s=10.0)
    return url


def song_for(tmp_path, seconds):
    file = tmp_path / "song.wav"
    noise = 0.1 * np.random.default_rng(3).standard_normal((round(22050 * seconds), 2))
    soundfile.write(file, noise, 22050)
    return file


def half_as_far(plan, **more):
    """A plan whose joints go half as far: about as vigorous as a robot's first dance."""
    start = plan.positions_rad[0]
    return replace(plan, positions_rad=start + 0.5 * (plan.positions_rad - start), **more)


def from_simulation(plan, robot, judged, chunks):
    """Return the largest difference from the same plan in the simulation, degrees.

    The robot plays the plan a little faster or slower to stay on the music, so its moments
    on the plan are those of its chunks.
    """
    with open_backend("simulation", robot, SimulationConfig()) as simulation:
        log = conduct(plan, simulation)
    ends_s = np.cumsum([0.0, *(chunk.duration_s for chunk in chunks)])
    on_plan = [chunks[0].start_s, *(chunk.end_s for chunk in chunks)]
    simulated = CubicSpline(log.times_s, log.measured_rad)

    def off(start_s):
        at = judged.times_s - start_s
        inside = (at > 0.0) & (at < ends_s[-1])
        there = simulated(np.interp(at[inside], ends_s, on_plan))
        return np.degrees(np.abs(judged.measured_rad[inside] - there)).max()

    waits_s = chunks[0].start_s - plan.times_s[0]  # the first chunk may begin with some waiting
    begins = judged.times_s[0] + waits_s + np.arange(-0.05, 0.05, 0.001)
    return min(off(start_s) for start_s in begins)


def test_a_dance_is_followed_on_the_music(standing, nao, tmp_path, monkeypatch):
    """However late a busy computer is with its orders: each goes out 60 ms after it was given."""
    plan = half_as_far(arm_dance(nao, 7.0), human_times_s=np.array([0.0, 7.0]))
    send = Link.send

    def send_late(link, service, method, *arguments):
        if method.startswith("angleInterpolation"):
            time.sleep(3.0 * MUSIC_S)
        return send(link, service, method, *arguments)

    monkeypatch.setattr(Link, "send", send_late)
    with real_time(standing):
        log, robot = dance(standing, plan, nao, song=song_for(tmp_path, 12.0), sound="robot")
    judged = judge(standing, plan)
    assert judged.tracking_deg.max() < TRACKING_DEG
    assert len(judged.ahead_s) >= 3
    assert np.abs(judged.ahead_s).max() < MUSIC_S, judged.ahead_s
    assert from_simulation(plan, nao, judged, robot.chunks) < SAME_DEG
    assert abs(log.metadata["start_ahead_s"]) < MUSIC_S
    by_client = log.metadata["tracking_error_rms_by_joint_deg"]
    assert max(by_client.values()) < TRACKING_DEG
    assert log.metadata["longest_wait_for_a_chunk_s"] == 0.0
    assert log.metadata["at_rest"]
    assert log.falls == ()
    assert asleep(standing)
    with linked(standing) as link:  # nothing that protects the robot was switched off
        calls = link.call("RobodanceJournal", "calls")
        assert link.call("ALMotion", "getFallManagerEnabled")
        assert link.call("ALMotion", "getCollisionProtectionEnabled", "Arms")
    switches = [name for name in calls if "ProtectionEnabled" in name or "FallManager" in name]
    assert all(".get" in name for name in switches)


def asleep(url):
    with linked(url) as link:
        return not link.call("ALMotion", "robotIsWakeUp")


@pytest.mark.parametrize(("kind", "says"), [("push", "fall|lifted"), ("hot", "hot")])
def test_what_is_known_of_a_dance_that_was_broken_off_is_kept(standing, nao, kind, says):
    """A push: a foot may leave the floor first."""
    happened, kept = [], []

    def stop():
        if not happened:
            happened.append(time.monotonic())
            with linked(standing) as link:
                link.call("RobodanceFaults", "happen", kind, "")
        return False

    with pytest.raises(PerformanceAborted, match=says):
        dance(standing, arm_dance(nao, 8.0), nao, stop=stop, keep=kept.append)
    assert time.monotonic() - happened[0] < SOON_S
    assert kept[0].metadata["aborted"]
    assert kept[0].metadata["at_rest"]
    assert asleep(standing)


def test_an_empty_battery_refuses_before_anything_moves(standing, nao):
    with linked(standing) as link:
        link.call("RobodanceFaults", "happen", "battery", "12")
        time.sleep(0.6)  # the robot's memory of its hardware is half a second old
        before = link.call("RobodanceJournal", "calls").get("ALMotion.angleInterpolation", 0)
    with pytest.raises(PreflightRefused, match="battery holds 12 %"):
        dance(standing, arm_dance(nao, 2.0), nao)
    with linked(standing) as link:
        calls = link.call("RobodanceJournal", "calls")
    assert calls.get("ALMotion.angleInterpolation", 0) == before


def test_a_robot_that_refuses_to_rest_is_not_said_to_rest(standing):
    said = []
    with linked(standing) as link:
        ending = Ending(link, said.append, reconnect_s=0.0)
        for call in ("rest", "setStiffnesses"):
            link.call("RobodanceFaults", "happen", "refuse", f"ALMotion.{call}/1")
        assert not ending.rest(fallen=False, finished=True)
        assert not asleep(standing)
        link.call("RobodanceFaults", "happen", "refuse", "ALMotion.rest/1")
        assert ending.rest(fallen=False, finished=True)
    assert asleep(standing)
    assert all("motors are switched off" in line for line in said)


@pytest.mark.parametrize("slow_s", [0.3, 0.9])
def test_the_silence_before_a_dance_is_not_spent_on_slow_answers(
    standing, nao, tmp_path, monkeypatch, slow_s
):
    """Answers take 0.3 s each; or 0.9 s, so that three of them last longer than the silence."""
    call, slow = Link.call, []

    def call_slowly(link, service, method, *arguments, **more):
        if method == "getCurrentPosition" and len(slow) * slow_s < 2.7:
            slow.append(method)
            time.sleep(slow_s)
        return call(link, service, method, *arguments, **more)

    monkeypatch.setattr(Link, "call", call_slowly)
    plan = arm_dance(nao, 2.0)
    plan = replace(plan, human_times_s=np.array([0.0, 2.0]))
    with linked(standing) as link:
        config = replace(FAST, sound="robot")
        speaker = RobotSpeaker(link, plan, song_for(tmp_path, 2.0), config)
        try:
            speaker.start()
            assert speaker.moment(time.monotonic()) < -COUNT_S / 2.0 + 0.1
        finally:
            link.call("ALAudioPlayer", "unloadFile", speaker.file)
    assert len(slow) >= 3
