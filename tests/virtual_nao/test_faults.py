"""Every fault on demand does what it says, and nothing is left behind."""

import signal
import socket
import time

import pytest
import qi
from virtual_robot import children, robot, runs, until, wait

from robodance.errors import UsageError
from robodance.virtual_nao.relay import Rewriter
from robodance.virtual_nao.settings import FAULT_KINDS, Fault, read_fault

SLOW_CALL_MS = 80.0  # two ways of 50 ms, less what a clock may miss


@pytest.fixture
def faults(shared):
    yield shared.service("RobodanceFaults")
    shared.service("RobodanceFaults").mend()


def call_ms(robot, times=5):
    """How long a call takes."""
    motion = robot.service("ALMotion")
    start = time.monotonic()
    for _ in range(times):
        wait(motion.getAngles("HeadYaw", True, _async=True))
    return 1000.0 * (time.monotonic() - start) / times


def test_the_command_line_names_faults():
    assert read_fault("hot@2.5:LElbowRoll/88") == Fault("hot", 2.5, "LElbowRoll/88")
    for wrong in ("hot", "nope@1", "hot@x", "hot@1.2.3"):
        with pytest.raises(UsageError, match="expected KIND@SECONDS"):
            read_fault(wrong)


def test_what_can_go_wrong_is_told_and_nonsense_is_refused(faults):
    assert faults.kinds() == FAULT_KINDS
    for kind, argument in (("nope", ""), ("hot", "Nose/90"), ("touch", "nose"), ("battery", "x")):
        with pytest.raises(RuntimeError, match="RobodanceFaults::happen"):
            faults.happen(kind, argument)


def test_a_fault_that_makes_no_sense_stops_nothing(shared, faults):
    faults.happenAfter("hot", 0.05, "Nose/90")
    time.sleep(0.3)
    assert len(shared.service("ALMotion").getAngles("Body", True)) == 26
    assert "Nose/90" not in str(faults.happened())


def test_a_slow_network_is_slow_until_it_is_mended(shared, faults):
    assert call_ms(shared) < SLOW_CALL_MS
    faults.happen("slow", "50/10/0")
    time.sleep(0.1)
    assert call_ms(shared) > SLOW_CALL_MS
    faults.mend()
    time.sleep(0.1)
    assert call_ms(shared) < SLOW_CALL_MS


@pytest.mark.parametrize(("kind", "clock_stops"), [("freeze", True), ("silence", False)])
def test_nothing_answers_for_a_while_and_then_everything(shared, faults, kind, clock_stops):
    clock = shared.service("RobodanceJournal")
    before = clock.time()
    faults.happen(kind, "0.8")
    time.sleep(0.1)
    pending = shared.service("ALMotion").getAngles("Body", True, _async=True)
    assert pending.wait(300) == qi.FutureState.Running
    assert len(wait(pending)) == 26
    assert (clock.time() - before < 0.7) == clock_stops


def test_a_call_is_refused_as_often_as_asked(shared, faults):
    posture = shared.service("ALRobotPosture")
    faults.happen("refuse", "ALRobotPosture.getPosture/1")
    with pytest.raises(RuntimeError, match=r"ALRobotPosture::getPosture\n\tthe call is refused"):
        posture.getPosture()
    assert posture.getPosture()


def test_battery_charger_and_heat_are_told(shared, faults):
    memory = shared.service("ALMemory")
    faults.happen("battery", "5")
    faults.happen("charger", "1")
    faults.happen("hot", "LElbowRoll/86")
    assert until(lambda: memory.getData("BatteryLowDetected") is True)
    assert shared.service("ALBattery").getBatteryCharge() == 5
    assert until(lambda: memory.getData("BatteryPowerPluggedChanged") is True)
    assert until(lambda: memory.getData("HotDeviceDetected") == ["LElbowRoll"])
    assert shared.service("ALBodyTemperature").getTemperatureDiagnosis() == [2, ["LElbowRoll"]]


def test_a_broken_connection_comes_back_and_a_crash_ends_the_process():
    """On a NAOqi of another version, which refreshes its memory on each 20 ms cycle."""
    with robot("--version", "2.1", "--fault", "drop@1.5:0.4") as there:
        session = there.session()
        motion = session.service("ALMotion")
        assert motion.getMotionCycleTime() == 20
        with pytest.raises(AttributeError, match="setAutonomousAbilityEnabled"):
            session.service("ALAutonomousLife").setAutonomousAbilityEnabled("All", False)
        assert until(lambda: not session.isConnected())
        with pytest.raises(RuntimeError, match=r"(?i)socket|session|connect"):
            motion.getAngles("Body", True)

        def again():
            try:
                return there.session().service("ALMotion").getAngles("HeadYaw", True)
            except RuntimeError:
                return None

        assert until(again)
        session = there.session()
        pending = session.service("ALMotion").wakeUp(_async=True)
        session.service("RobodanceFaults").happen("crash")
        with pytest.raises(RuntimeError, match="Session closed"):
            wait(pending)
        assert there.process.wait(3) == 70


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_behind(number):
    with robot() as there:
        there.session()
        if number == signal.SIGKILL:  # the worst case: with a camera, and no chance to tidy up
            video = there.service("ALVideoDevice")
            wait(video.getImageRemote(video.subscribeCamera("x", 0, 0, 11, 5), _async=True))
            started = children(there.process.pid)
            assert len(started) == 1
        else:
            started = []
        port = int(there.url.rsplit(":", 1)[1])
        assert there.end(number) == (0 if number != signal.SIGKILL else -signal.SIGKILL)
        assert until(lambda: not any(runs(pid) for pid in started))
        with socket.create_server(("127.0.0.1", port), reuse_port=False):
            pass  # the port is free again


def test_a_taken_port_is_said_in_one_line():
    import os
    import subprocess
    import sys

    from virtual_robot import REPOSITORY

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "robodance",
                "virtual-nao",
                "--port",
                str(taken.getsockname()[1]),
            ],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
    assert done.returncode == 6
    assert "choose another --port" in done.stderr
    assert "Traceback" not in done.stderr


def test_addresses_are_rewritten_in_whole_messages_however_they_arrive():
    import struct

    old, new = "tcp://127.0.0.1:45678", "tcp://192.168.100.100:9559"
    payload = b"ab" + struct.pack("<I", len(old)) + old.encode() + b"cd"
    head = struct.pack("<4sII", b"\x42\xde\xad\x42", 7, len(payload)) + bytes(range(16))
    rewriter = Rewriter(old, new)
    stream = (head + payload) * 2
    found = b"".join(rewriter.feed(stream[k : k + 5]) for k in range(0, len(stream), 5))
    changed = b"ab" + struct.pack("<I", len(new)) + new.encode() + b"cd"
    expected = struct.pack("<4sII", b"\x42\xde\xad\x42", 7, len(changed)) + bytes(range(16))
    assert found == (expected + changed) * 2
