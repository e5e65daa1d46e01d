"""The body of the virtual NAO: stands, falls, protects itself; without the wire."""

from itertools import pairwise

import numpy as np
import pytest
import soundfile

from robodance.config import SimulationConfig
from robodance.performance.backend import open_backend
from robodance.robots.stability import standing_torso_pose
from robodance.virtual_nao.curves import read_timed
from robodance.virtual_nao.deferred import NaoqiError
from robodance.virtual_nao.nao import VirtualNao
from robodance.virtual_nao.services.memory import ALMemory
from robodance.virtual_nao.services.posture import ALRobotPosture
from robodance.virtual_nao.services.protection import FullMotion
from robodance.virtual_nao.services.sound import ALAudioPlayer
from robodance.virtual_nao.services.state import ALLeds
from robodance.virtual_nao.settings import VirtualNaoSettings
from robodance.virtual_nao.sound import Loudspeaker


@pytest.fixture
def nao():
    there = VirtualNao(VirtualNaoSettings(posture="StandInit", life="disabled"))
    yield there
    there.close()


def live(nao, seconds):
    """Let robot time pass."""
    for _ in range(round(seconds / nao.world.period_s)):
        nao.step()


def finish(nao, answer, within_s=8.0):
    """Let robot time pass until a call has ended."""
    end = nao.time_s + within_s
    while not answer.done:
        assert nao.time_s < end
        nao.step()
    return answer.value


def awake(nao):
    """Its motion service, with the motors on."""
    motion = FullMotion(nao)
    assert finish(nao, motion.wakeUp()) is True
    return motion


def test_it_gets_up_and_rests_without_falling():
    nao = VirtualNao(VirtualNaoSettings(life="disabled"))
    motion = awake(nao)
    assert nao.posture() == ("StandInit", "Standing")
    assert motion.wakeUp() is True  # at once
    finish(nao, motion.rest())
    live(nao, 1.0)
    assert nao.posture()[1] == "Crouching"
    assert not nao.awake
    assert not nao.falls.fallen
    nao.close()


def test_it_stays_in_its_crouch_without_motors():
    nao = VirtualNao(VirtualNaoSettings(life="disabled"))
    live(nao, 20.0)  # with gears that only resist speed, it tipped over after 7 s
    assert not nao.falls.fallen
    assert np.degrees(nao.felt.tilt_rad[2]) < 5.0
    assert nao.posture()[1] == "Crouching"
    nao.close()


def test_a_push_makes_it_fall_and_the_fall_cuts_the_motors(nao):
    motion = awake(nao)
    live(nao, 0.5)
    assert nao.memory.get("robotHasFallen") is False  # without a push
    heard = []
    nao.memory.listen("ALMotion/RobotIsFalling", heard.append)
    dance = motion.angleInterpolation("HeadYaw", [0.5], [20.0], True)
    nao.push(60.0)
    live(nao, 2.5)
    assert heard[0] is True
    assert nao.memory.get("robotHasFallen") is True
    assert dance.killed
    assert not nao.joints.stiffness.any()
    assert nao.posture()[1].startswith("Lying")
    assert nao.memory.get("ALMotion/RobotIsFalling") is False  # it lies
    assert finish(nao, motion.wakeUp()) is True  # its motors can be switched on where it lies
    assert motion.rest() is None  # at once: there is no way to the crouch
    assert not nao.awake


def test_a_light_push_does_not_make_it_fall(nao):
    awake(nao)
    nao.push(3.0)
    live(nao, 2.0)
    assert nao.memory.get("robotHasFallen") is False


def test_feet_carry_the_robot_until_they_are_lifted(nao):
    awake(nao)
    live(nao, 0.5)
    assert sum(nao.felt.load_kg(side) for side in ("left", "right")) == pytest.approx(
        nao.robot.mass_kg,
        rel=0.1,  # contact forces of one moment
    )
    nao.lift(1.0)
    live(nao, 0.6)
    assert nao.memory.get("footContactChanged") is False
    live(nao, 1.4)
    assert nao.memory.get("footContactChanged") is True
    assert nao.memory.get("robotHasFallen") is False


def test_arms_stay_out_of_the_body_only_with_protection(nao):
    motion = awake(nao)
    names = ["LShoulderPitch", "LShoulderRoll", "LElbowRoll", "LElbowYaw"]
    into_the_body = ([[1.3], [-0.3], [-1.5], [-0.8]], [[1.0]] * 4)
    out = dict(zip(names, motion.getAngles(names, False), strict=True))
    finish(nao, motion.angleInterpolation(names, *into_the_body, True))
    assert nao.guard.bent > 0
    assert motion.getAngles("LElbowRoll", False)[0] > -1.4
    finish(nao, motion.angleInterpolation(names, [[a] for a in out.values()], [[1.0]] * 4, True))
    motion.setCollisionProtectionEnabled("Arms", False)
    bent = nao.guard.bent
    finish(nao, motion.angleInterpolation(names, *into_the_body, True))
    assert nao.guard.bent == bent
    assert motion.getAngles("LElbowRoll", False)[0] == pytest.approx(-1.5, abs=1e-6)


def test_protection_lets_a_dance_in_the_open_alone(nao):
    motion = awake(nao)
    finish(
        nao,
        motion.angleInterpolation(
            "LArm", [[0.0], [0.8], [-0.5], [-0.5], [0.0], [0.5]], [[1.5]] * 6, True
        ),
    )
    assert nao.guard.bent == 0


def test_a_hot_joint_loses_strength_and_says_so(nao):
    awake(nao)
    column = nao.robot.index("LShoulderPitch")
    live(nao, 0.1)
    assert nao.felt.stiffness[column] == 1.0
    nao.heat.temperatures_c[column] = 91.0
    live(nao, 0.1)
    assert nao.felt.stiffness[column] == 0.0
    assert nao.memory.get("HotDeviceDetected") == ["LShoulderPitch"]


def test_the_weight_goes_where_it_is_asked_to(nao):
    motion = awake(nao)
    with pytest.raises(NaoqiError, match="not enabled"):
        motion.wbGoToBalance("LLeg", 1.0)
    motion.wbEnable(True)
    finish(nao, motion.wbGoToBalance("LLeg", 2.0))
    live(nao, 0.4)
    assert nao.felt.load_kg("left") > 3.0 * nao.felt.load_kg("right")
    finish(nao, motion.wbGoToBalance("Legs", 2.0))
    live(nao, 0.4)
    assert nao.felt.load_kg("left") < 2.0 * nao.felt.load_kg("right")
    assert nao.memory.get("robotHasFallen") is False


def test_the_fall_manager_cannot_be_disabled_without_consent(nao):
    with pytest.raises(NaoqiError, match="consent"):
        FullMotion(nao).setFallManagerEnabled(False)


def test_it_follows_a_curve_as_the_simulation_does(nao):
    """The same arm curve in both, measured at the same moments: within 1 degree."""
    motion = awake(nao)
    cycle_s = nao.joints.cycle_s
    times = np.arange(1, 126) * cycle_s  # 3 s
    swing = 0.4 * np.sin(2 * np.pi * times / 1.5) * np.minimum(1.0, times)
    names = ["LShoulderPitch", "RShoulderPitch", "HeadYaw"]
    start = np.array(motion.getAngles(names, False))
    angles = [(a + swing).tolist() for a in start]
    begins = nao.time_s
    answer = nao.joints.follow(
        "x", names, read_timed(names, angles, [times.tolist()] * 3), absolute=True
    )
    finish(nao, answer.answer)
    rows = [m for m in nao.journal if m.time_s > begins + 0.1]
    columns = [nao.robot.index(name) for name in names]
    measured = np.array([m.measured[columns] for m in rows])
    at = np.array([m.time_s for m in rows])

    posture = np.array(nao.robot.posture("StandInit"))
    config = SimulationConfig(physics_rate_hz=250, log_rate_hz=250)
    with open_backend("simulation", nao.robot, config) as simulation:
        simulation.take_start(posture, standing_torso_pose(nao.robot, posture))
        fine = np.arange(0, 751) * 0.004
        path = np.interp(fine, [0.0, *times], [0.0, *swing])
        seen = []
        for before, after in pairwise(path):
            low, high = posture.copy(), posture.copy()
            low[columns] += before
            high[columns] += after
            simulation.move(low, high)
            seen.append(simulation.observe().measured_rad[columns])
    first = begins + (-begins / cycle_s % 1) * cycle_s  # the first cycle after the call
    expected = np.stack(
        [np.interp(at - first, fine[1:], column) for column in np.array(seen).T], axis=1
    )
    inside = (at > first + 0.1) & (at < first + 2.9)
    apart = np.degrees(np.abs(measured - expected)[inside])
    assert inside.sum() > 100
    assert apart.max() < 1.0


def test_a_robot_whose_motors_are_all_off_is_not_awake(nao):
    motion = awake(nao)
    motion.setStiffnesses("LArm", 0.0)
    assert motion.robotIsWakeUp()
    motion.setStiffnesses("Body", 0.0)  # the hips' common motor has two names
    assert not motion.robotIsWakeUp()


def test_a_hand_that_was_closed_does_not_keep_it_from_a_posture(nao):
    """Closing a hand cuts its motor, so it cannot open for a posture that wants it open."""
    motion = awake(nao)
    finish(nao, motion.closeHand("LHand"))
    assert motion.getStiffnesses("LHand") == [0.0]
    assert finish(nao, ALRobotPosture(nao).goToPosture("StandInit", 0.8)) is True


def test_a_sound_in_a_loop_begins_again_to_the_sample_until_it_is_stopped(nao, tmp_path):
    rate, length = 8000, 8000 // 3
    soundfile.write(tmp_path / "beat.wav", np.zeros(length), rate)
    player = ALAudioPlayer(nao, Loudspeaker(nao))
    begin_s = nao.time_s
    end = player.playFileInLoop(str(tmp_path / "beat.wav"))
    live(nao, 2.0)
    assert not end.done
    played = (nao.time_s - begin_s - nao.settings.audio_latency_s) * rate
    (file,) = player.getLoadedFilesIds()
    at = player.getCurrentPosition(file) * rate
    assert at == pytest.approx(played % length, abs=2.0)  # a sample of rounding each way
    player.stopAll()
    assert end.done
    finish(nao, player.playFile(str(tmp_path / "beat.wav")))  # once, as ever


def test_a_micro_event_is_told_and_not_kept(nao):
    memory, heard = ALMemory(nao), []
    nao.memory.listen("Mine", heard.append)
    memory.raiseMicroEvent("Mine", 3)
    assert heard == [3]
    with pytest.raises(NaoqiError, match="not found"):
        memory.getData("Mine")


def test_its_summary_tells_every_joint(nao):
    lines = FullMotion(nao).getSummary().splitlines()
    assert len(lines) == 2 + len(FullMotion(nao).getBodyNames("Body"))
    assert all(len(line.split()) == 4 for line in lines[1:])


def test_rasta_goes_through_its_colours_while_it_lasts(nao):
    leds = ALLeds(nao)
    finish(nao, leds.rasta(1.2))
    colours = [colour for _, group, colour in nao.lights if group == "AllLeds"]
    assert colours == [0x00FF00, 0xFFFF00, 0xFF0000]
