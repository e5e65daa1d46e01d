"""NAOqi over a real session with the virtual NAO in another process."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from virtual_robot import REPOSITORY, cpu_s, listening, robot, until, wait

from robodance.virtual_nao.wire import Inbox

SONG = str(REPOSITORY / "launch" / "songs" / "rumba.ogg")


@pytest.fixture
def motion(shared):
    yield shared.service("ALMotion")
    shared.service("ALMotion").killAll()
    shared.service("RobodanceFaults").mend()


@contextlib.contextmanager
def busy_machine():
    """Processes that want every processor."""
    count = 2 * (os.cpu_count() or 1)
    spin = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(spin) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def journal(robot, since):
    """The robot's own record: times, audio positions, commands, measured angles."""
    rows = wait(robot.service("RobodanceJournal").since(since, _async=True))
    return [np.array(column) for column in zip(*rows, strict=True)]


def turning(robot):
    """How fast the chest turns (rad/s), as the gyrometer has it."""
    key = "Device/SubDeviceList/InertialSensor/Gyroscope{}/Sensor/Value"
    memory = robot.service("ALMemory")
    return max(abs(memory.getData(key.format(axis))) for axis in "XYZ")


def test_it_starts_in_less_than_two_seconds_of_work_and_listens_here_only(shared):
    assert shared.cpu_at_start_s < 2.0
    assert set(listening(shared.process.pid)) == {"0100007F"}  # 127.0.0.1


def test_every_service_is_there_and_stays_on_the_relay(shared):
    session = shared.session()
    endpoints = {e for s in session.services() for e in s["endpoints"] if e.startswith("tcp")}
    assert endpoints == {shared.url}
    for name in (
        "ALMotion",
        "ALRobotPosture",
        "ALMemory",
        "ALAutonomousLife",
        "ALAudioPlayer",
        "ALLeds",
        "ALBodyTemperature",
        "ALBattery",
        "ALSystem",
        "ALVideoDevice",
        "ALVideoRecorder",
        "ALTextToSpeech",
        "ALAudioDevice",
        "RobodanceFaults",
        "RobodanceJournal",
    ):
        assert session.service(name)
    with pytest.raises(RuntimeError, match="Cannot find service"):
        session.service("ALNope")


def test_names_and_limits_are_those_of_a_nao(motion):
    names = motion.getBodyNames("Body")
    assert len(names) == 26
    assert names[0] == "HeadYaw"
    assert names[-1] == "RHand"
    (limits,) = motion.getLimits("HeadYaw")
    assert limits[:2] == pytest.approx([-2.0857, 2.0857])
    assert motion.getMotionCycleTime() == 24


def test_errors_have_naoqis_shape(motion):
    with pytest.raises(RuntimeError, match=r"^ALMotion::getAngles\n\t'Nope' is neither"):
        motion.getAngles("Nope", True)
    with pytest.raises(RuntimeError, match="Arguments types did not match for getAngles"):
        motion.getAngles("Body")


def test_nonsense_is_answered_and_stops_nothing(motion):
    for nonsense in ({"a": 1}, [[[]]], None, [float("nan")]):
        with pytest.raises(RuntimeError, match="ALMotion::angleInterpolation"):
            wait(motion.angleInterpolation(["HeadYaw"], nonsense, [1.0], True, _async=True))
    assert len(motion.getAngles("Body", True)) == 26


def test_chunks_sent_ahead_join_and_the_joint_follows_them(shared, motion):
    """Three calls in a queue are one curve: within 1 degree of it, measured."""
    cycle_s = 0.024
    times = [k * 3 * cycle_s for k in range(1, 15)]  # each chunk is 42 cycles long
    whole = 0.4 * np.sin(np.arange(1, 43) * 3 * cycle_s * 2.0)
    wait(motion.angleInterpolation("HeadYaw", [0.0], [0.5], True, _async=True))
    wait(motion.angleInterpolation("HeadYaw", [0.0], [0.2], True, _async=True))  # and at rest
    begins = shared.service("RobodanceJournal").time()
    chunks = [
        motion.angleInterpolation("HeadYaw", part.tolist(), times, True, _async=True)
        for part in np.split(whole, 3)
    ]
    assert motion.getTaskList()[0][0] == "angleInterpolation"
    assert not motion.areResourcesAvailable(["HeadYaw"])
    assert motion.areResourcesAvailable(["LArm"])
    for chunk in chunks:
        wait(chunk)
    at, _, commands, measured = journal(shared, begins)
    head = commands[:, 0]
    first = int(np.nonzero(np.abs(np.diff(head)) > 1e-9)[0][0])
    assert np.count_nonzero(np.diff(head[first : first + 127]) == 0.0) <= 2  # never stands still
    expected = np.interp(at - at[first], np.arange(1, 43) * 3 * cycle_s, whole)
    inside = slice(first + 5, first + 125)
    np.testing.assert_allclose(head[inside], expected[inside], atol=1e-6)
    assert np.degrees(np.abs(measured[inside, 0] - expected[inside])).max() < 1.0


def test_a_call_that_is_given_up_or_killed_ends_as_cancelled(motion):
    given_up = motion.angleInterpolation("HeadYaw", [0.5], [20.0], True, _async=True)
    killed = motion.angleInterpolation("HeadPitch", [0.2], [20.0], True, _async=True)
    assert until(lambda: len(motion.getTaskList()) == 2)
    given_up.cancel()
    assert until(given_up.isFinished)
    assert given_up.isCanceled()
    (task,) = motion.getTaskList()
    assert motion.killTask(task[1]) is True
    assert until(killed.isFinished)
    assert killed.isCanceled()
    assert motion.getTaskList() == []


def test_a_blocking_call_delays_no_other_call(motion):
    long = motion.angleInterpolation("HeadYaw", [0.3], [1.0], True, _async=True)
    start = time.monotonic()
    for _ in range(20):
        motion.getAngles("Body", True)
    assert not long.isFinished()
    assert time.monotonic() - start < 0.8
    wait(long)


def test_postures_are_reached_or_refused(shared):
    posture = shared.service("ALRobotPosture")
    assert wait(posture.goToPosture("Stand", 0.8, _async=True)) is True
    assert posture.getPosture() == "Stand"
    assert wait(posture.goToPosture("Sit", 0.8, _async=True)) is False
    assert wait(posture.goToPosture("StandInit", 0.8, _async=True)) is True
    assert posture.getPostureFamily() == "Standing"


def test_events_arrive_and_hardware_keys_refresh_twice_a_second(shared, motion):
    memory, faults = shared.service("ALMemory"), shared.service("RobodanceFaults")
    heard = []
    subscriber = memory.subscriber("ChestButtonPressed")
    link = subscriber.signal.connect(heard.append)
    faults.happen("touch", "chest")
    assert until(lambda: heard == [1.0, 0.0])
    subscriber.signal.disconnect(link)
    motion.setAngles("HeadYaw", 0.4, 0.3)
    key = "Device/SubDeviceList/HeadYaw/Position/Sensor/Value"
    start, values = time.monotonic(), set()
    while time.monotonic() - start < 1.5:
        values.add(memory.getData(key))
    assert 1 <= len(values) <= 5  # 2 Hz for 1.5 s, with both ends
    with pytest.raises(RuntimeError, match="ALMemory::getData"):
        memory.getData("Nope")


def test_sound_begins_after_the_latency_and_is_counted_in_samples(shared):
    player = shared.service("ALAudioPlayer")
    file = player.loadFile(SONG)
    begins = shared.service("RobodanceJournal").time()
    end = player.play(file, _async=True)
    assert player.getCurrentPosition(file) == 0.0
    assert until(lambda: player.getCurrentPosition(file) > 0.5)
    player.stopAll()
    assert until(end.isFinished)
    at, heard, *_ = journal(shared, begins)
    sounding = heard >= 0.0
    offsets = at[sounding] - heard[sounding]
    assert np.ptp(offsets) < 1e-3  # one sample, and the clock's last digits
    assert 0.12 - 1e-9 <= offsets[0] - begins < 0.12 + 0.1  # the call takes its time, too
    player.unloadFile(file)
    with pytest.raises(RuntimeError, match="no file with id"):
        player.play(file)


def test_pictures_come_from_the_head_and_change_with_it(shared, motion, tmp_path):
    assert wait(shared.service("ALRobotPosture").goToPosture("StandInit", 0.8, _async=True)) is True
    assert until(lambda: turning(shared) < 0.01)  # whatever the test before left swaying
    video = shared.service("ALVideoDevice")
    handle = video.subscribeCamera("test", 0, 0, 11, 10)
    ahead = wait(video.getImageRemote(handle, _async=True))
    assert ahead[:4] == [160, 120, 3, 11]
    pixels = np.frombuffer(ahead[6].encode("latin-1"), dtype=np.uint8)
    assert pixels.size == 160 * 120 * 3
    assert pixels.std() > 20.0  # a room, not one colour
    again = wait(video.getImageRemote(handle, _async=True))
    wait(motion.angleInterpolation("HeadYaw", [0.6], [0.5], True, _async=True))
    aside = wait(video.getImageRemote(handle, _async=True))

    def apart(one, other):
        first, second = (np.frombuffer(x[6].encode("latin-1"), np.uint8) for x in (one, other))
        return np.abs(first.astype(int) - second).mean()

    assert apart(ahead, aside) > 10.0 * apart(ahead, again) + 5.0
    recorder = shared.service("ALVideoRecorder")
    recorder.setResolution(0)
    recorder.setFrameRate(10)
    recorder.startRecording(str(tmp_path), "film")
    time.sleep(0.6)
    frames, path = wait(recorder.stopRecording(_async=True))
    import av

    with av.open(path) as film:
        assert sum(1 for _ in film.decode(video=0)) == frames >= 3


def test_disabling_life_makes_it_rest(shared):
    life, motion = shared.service("ALAutonomousLife"), shared.service("ALMotion")
    wait(life.setState("solitary", _async=True))
    assert motion.getBreathEnabled("Body") is True
    wait(life.setState("disabled", _async=True))
    assert motion.robotIsWakeUp() is False
    assert motion.getBreathEnabled("Body") is False
    assert wait(motion.wakeUp(_async=True)) is True


def test_lights_take_their_time(shared):
    leds, journal = shared.service("ALLeds"), shared.service("RobodanceJournal")
    start = journal.time()  # the robot's own: on a busy machine it falls behind and catches up
    wait(leds.fadeRGB("FaceLeds", 0xFF8000, 0.2, _async=True))
    wait(leds.fadeRGB("FaceLeds", "red", 0.2, _async=True))
    assert journal.time() - start >= 0.38  # less a motion cycle
    with pytest.raises(RuntimeError, match="not a colour"):
        leds.fadeRGB("FaceLeds", "pinkish", 0.1)


def test_calls_are_taken_in_their_order_on_a_busy_machine(shared):
    """With a service's calls on several threads, one burst in ten was out of order."""
    leds, journal = shared.service("ALLeds"), shared.service("RobodanceJournal")
    bursts, burst = 25, list(range(30))
    with busy_machine():
        for _ in range(bursts):
            for call in [leds.fadeRGB("FaceLeds", colour, 0.0, _async=True) for colour in burst]:
                wait(call)
    lights = wait(journal.lights(_async=True))[-bursts * len(burst) :]
    assert [colour for _, _, colour in lights] == bursts * burst


def test_a_wait_for_calls_that_a_signal_keeps_beyond_its_end_is_over_then():
    """With ``queue.SimpleQueue`` it lasts until something comes (CPython 3.11)."""
    inbox, late_s = Inbox(), 1.0
    rescue = threading.Timer(late_s, inbox.put, [lambda: None])  # so that it fails, not hangs
    before = signal.signal(signal.SIGALRM, lambda number, frame: time.sleep(0.1))
    start = time.monotonic()
    rescue.start()
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    try:
        with pytest.raises(queue.Empty):
            inbox.get(timeout=0.05)
        assert time.monotonic() - start < late_s
    finally:
        signal.signal(signal.SIGALRM, before)
        rescue.cancel()
        rescue.join()


def test_it_ends_when_the_signal_comes_late():
    """A wait that went on after its deadline once lasted for ever."""
    for _ in range(3):  # it waits for calls in most moments, not in all
        with robot() as there:
            there.process.send_signal(signal.SIGSTOP)
            time.sleep(0.05)
            there.process.send_signal(signal.SIGTERM)
            there.process.send_signal(signal.SIGCONT)
            assert there.process.wait(10.0) == 0


def test_it_idles_below_half_a_processor(shared):
    before, start = cpu_s(shared.process.pid), time.monotonic()
    time.sleep(1.0)
    assert (cpu_s(shared.process.pid) - before) / (time.monotonic() - start) < 0.6
