"""What the virtual NAO's memory tells of its body, and sound that is sent piece by piece."""

import numpy as np
import pytest
from virtual_robot import wait

from robodance.robots.foot_sensors import FSR_POSITIONS_M
from robodance.virtual_nao.nao import VirtualNao
from robodance.virtual_nao.services.memory import ALMemory
from robodance.virtual_nao.services.protection import FullMotion
from robodance.virtual_nao.settings import VirtualNaoSettings

DEVICE = "Device/SubDeviceList"
GRAVITY_M_S2 = 9.81


@pytest.fixture
def nao():
    """A robot of an older NAOqi, whose memory is as fresh as its body; it is awake."""
    there = VirtualNao(VirtualNaoSettings(version="2.5", posture="StandInit", life="disabled"))
    answer = FullMotion(there).wakeUp()
    while not answer.done:
        there.step()
    yield there
    there.close()


def told(nao, *keys):
    return np.array([ALMemory(nao).getData(f"{DEVICE}/{key}/Sensor/Value") for key in keys])


def inertial(nao, what):
    return told(nao, *(f"InertialSensor/{what}{axis}" for axis in "XYZ"))


def live(nao, seconds):
    for _ in range(round(seconds / nao.world.period_s)):
        nao.step()


def test_a_robot_that_stands_feels_the_floor_push_and_no_turn(nao):
    live(nao, 1.0)
    pull, turn = inertial(nao, "Accelerometer"), inertial(nao, "Gyroscope")
    assert np.linalg.norm(pull) == pytest.approx(GRAVITY_M_S2, rel=0.02)
    lean = told(nao, "InertialSensor/AngleX", "InertialSensor/AngleY")
    assert np.arctan2(pull[1], pull[2]) == pytest.approx(lean[0], abs=0.02)
    assert np.arctan2(-pull[0], pull[2]) == pytest.approx(lean[1], abs=0.02)
    assert np.abs(turn).max() < 0.05


def test_the_gyrometer_tells_how_the_lean_changes(nao):
    live(nao, 0.5)
    nao.push(40.0)
    leans, turns = [], []
    for _ in range(60):
        live(nao, nao.joints.cycle_s)
        leans.append(told(nao, "InertialSensor/AngleX", "InertialSensor/AngleY"))
        turns.append(inertial(nao, "Gyroscope"))
    speeds = np.gradient(np.array(leans), nao.joints.cycle_s, axis=0)[:, 1]
    turned = np.array(turns)[:, 1]
    small = np.abs(np.array(leans)).max(axis=1) < 0.3  # where angles and turns nearly agree
    assert np.abs(turned[small]).max() > 0.2  # it does tip
    assert np.corrcoef(speeds[small], turned[small])[0, 1] > 0.95


def test_a_robot_that_is_lifted_presses_on_nothing_and_one_that_stands_on_its_soles(nao):
    live(nao, 0.5)
    for foot, side in (("LFoot", "left"), ("RFoot", "right")):
        at = told(nao, f"{foot}/FSR/CenterOfPressure/X", f"{foot}/FSR/CenterOfPressure/Y")
        corners = np.array(list(FSR_POSITIONS_M[side].values()))
        assert (corners.min(axis=0) <= at).all()
        assert (at <= corners.max(axis=0)).all()
        loads = told(nao, *(f"{foot}/FSR/{place}" for place in FSR_POSITIONS_M[side]))
        np.testing.assert_allclose(at, loads @ corners / loads.sum(), atol=1e-9)
    nao.lift(1.0)
    live(nao, 0.5)
    for foot in ("LFoot", "RFoot"):
        assert told(nao, f"{foot}/FSR/CenterOfPressure/X")[0] == 0.0


def test_every_listed_key_can_be_read(nao):
    memory = ALMemory(nao)
    keys = memory.getDataList(DEVICE)
    assert len(keys) > 150
    assert not [key for key in keys if memory.getListData([key]) == [None]]


def test_pieces_of_sound_follow_each_other_in_time(shared):
    device, clock = shared.service("ALAudioDevice"), shared.service("RobodanceJournal")
    device.setParameter("outputSampleRate", 16000)
    frames, begins = 8000, clock.time()
    silence = "\0" * (4 * frames)
    calls = [device.sendRemoteBufferToOutput(frames, silence, _async=True) for _ in range(3)]
    assert [wait(call) for call in calls] == [True] * 3
    assert clock.time() - begins > 0.95  # the third begins when two halves of a second are over
    device.flushAudioOutputs()
    with pytest.raises(RuntimeError, match=r"^ALAudioDevice::sendRemoteBufferToOutput\n\t.*8000"):
        device.sendRemoteBufferToOutput(8000, silence[:-4])
    with pytest.raises(RuntimeError, match="16385 is not between"):
        device.sendRemoteBufferToOutput(16385, silence)
    with pytest.raises(RuntimeError, match="expected one of 16000"):
        device.setParameter("outputSampleRate", 8000)


def test_speech_ends_when_it_is_told_to(shared):
    speech = shared.service("ALTextToSpeech")
    long = speech.say("word " * 200, _async=True)
    short = speech.say("word", _async=True)
    wait(short)
    assert not long.isFinished()
    speech.stopAll()
    wait(long)
    speech.setParameter("speed", 80.0)
    assert speech.getParameter("speed") == 80.0
    speech.setParameter("speed", 100.0)
    with pytest.raises(RuntimeError, match="ALTextToSpeech::setParameter"):
        speech.setParameter("charm", 1.0)
