"""What a robot's dance keeps time with: its speaker, this computer's, or none."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from robodance.config import NaoqiConfig
from robodance.errors import AudioError, RobotError, RobotTimeout
from robodance.performance.backends.naoqi_clock import MusicClock
from robodance.performance.backends.naoqi_ending import Ending
from robodance.performance.backends.naoqi_link import Link
from robodance.performance.backends.naoqi_sound import (
    LEAD_S,
    bring,
    make_sound,
    make_wav,
)
from robodance.values import Plan

__all__ = ["LEAD_S", "Music", "RobotSpeaker", "SilentClock", "make_music"]

QUIET_LEAD_S = 0.6  # without music nobody hears how sure the start is
READ_EVERY_S = 0.1
SOUNDS_WITHIN_S = 5.0
STARTS = 3
READINGS, LEAST_READINGS = 10, 3  # of the clock, before the robot counts in
COUNT_S = 1.0  # of the silence is left for that


class Music(Protocol):
    """What the dance keeps time with."""

    def start(self) -> None:
        """Begin; the plan's first moment comes a little later."""
        ...

    def tend(self) -> None:
        """Read the clock if it is time to; never waits."""
        ...

    def moment(self, now_s: float) -> float:
        """Return the plan's moment that sounds at a moment of this computer's clock."""
        ...

    def stop(self) -> None:
        """Be silent; never waits."""
        ...

    def close(self) -> None:
        """Give back what this computer holds for it."""
        ...


class SilentClock:
    """No music: this computer's clock.

    Args:
        plan: Whose first moment is counted from.
    """

    def __init__(self, plan: Plan) -> None:
        self._first_s = float(plan.times_s[0])
        self._began_s = 0.0

    def start(self) -> None:
        """Begin."""
        self._began_s = time.monotonic() + QUIET_LEAD_S

    def tend(self) -> None:
        """Nothing to read."""

    def moment(self, now_s: float) -> float:
        """Return the plan's moment."""
        return self._first_s + now_s - self._began_s

    def stop(self) -> None:
        """Nothing sounds."""

    def close(self) -> None:
        """Nothing is held."""


class RobotSpeaker:
    """The robot's audio player.

    Args:
        link: The robot.
        plan: The plan that is danced.
        song: The song's file on this computer.
        config: Who owns the files on the robot, and how late its speaker is.

    Attributes:
        file: The song's number in the robot's player.

    Raises:
        AudioError: The song cannot be read.
        RobotError: It cannot be brought to the robot.
    """

    def __init__(self, link: Link, plan: Plan, song: Path, config: NaoqiConfig) -> None:
        self._link = link
        self._first_s = float(plan.times_s[0]) - config.sound_delay_s
        self._clock = MusicClock()
        self._asked: tuple[float, Any] | None = None
        self._played: Any = None
        self._next_s = 0.0
        path = bring(make_wav(plan, song), link, config)
        self.file = link.call("ALAudioPlayer", "loadFile", path, timeout_s=30.0)

    def start(self) -> None:
        """Play, and wait until it sounds.

        Where an answer came so late that the silence is nearly over, it begins again.

        Raises:
            RobotTimeout: It does not sound.
        """
        self._play()
        for _ in range(STARTS - 1):
            if self._left_s() > COUNT_S / 2.0:
                break
            self._link.call("ALAudioPlayer", "stopAll")
            self._play()

    def _left_s(self) -> float:
        return LEAD_S - self._clock.at(time.monotonic())

    def _play(self) -> None:
        self._clock = MusicClock()
        self._played = self._link.send("ALAudioPlayer", "play", self.file)
        end = time.monotonic() + SOUNDS_WITHIN_S
        while True:
            asked = time.monotonic()
            where = self._link.call("ALAudioPlayer", "getCurrentPosition", self.file)
            if where > 0.0:
                self._clock.add(asked, time.monotonic(), float(where))
                known = len(self._clock.readings)
                if known >= READINGS or (known >= LEAST_READINGS and self._left_s() < COUNT_S):
                    return
            if not self._link.running(self._played):
                self._link.result(self._played, "ALAudioPlayer.play")
            if time.monotonic() > end:
                raise RobotTimeout(
                    f"the robot's speaker has been silent for {SOUNDS_WITHIN_S:g} s since it was "
                    "told to play; dance without it: --set naoqi.sound=none"
                )
            time.sleep(0.02)

    def tend(self) -> None:
        """Read the clock now and then."""
        now = time.monotonic()
        if self._asked is not None:
            asked, future = self._asked
            if self._link.running(future):
                return
            self._asked = None
            where = self._link.result(future, "ALAudioPlayer.getCurrentPosition")
            self._clock.add(asked, now, float(where))
        elif now >= self._next_s and self._link.running(self._played):
            self._next_s = now + READ_EVERY_S
            future = self._link.send("ALAudioPlayer", "getCurrentPosition", self.file)
            self._asked = now, future

    def moment(self, now_s: float) -> float:
        """Return the plan's moment that sounds."""
        return self._first_s + self._clock.at(now_s) - LEAD_S

    def stop(self) -> None:
        """Stop the player."""
        self._link.send("ALAudioPlayer", "stopAll")

    def close(self) -> None:
        """Nothing is held here."""


def make_music(
    link: Link, plan: Plan, song: Path | None, config: NaoqiConfig, ending: Ending
) -> Music:
    """Bring the music to where it will sound; nothing sounds yet.

    Args:
        link: The robot.
        plan: What is danced.
        song: The song's file; None: silence.
        config: Where the music sounds.
        ending: Told what to put back.

    Raises:
        AudioError: The song cannot be read.
        RobotError: It cannot be brought to the robot.
    """
    if song is None or config.sound == "none":
        return SilentClock(plan)
    if config.sound == "computer":
        return _here(plan, song, config)
    if not link.has("ALAudioPlayer"):
        _say("this robot has no audio player; it dances in silence")
        return SilentClock(plan)
    _cap_volume(link, config.volume, ending)
    speaker = RobotSpeaker(link, plan, song, config)
    ending.restore.append(("ALAudioPlayer", "unloadFile", (speaker.file,)))
    return speaker


def _here(plan: Plan, song: Path, config: NaoqiConfig) -> Music:
    from robodance.performance.backends.naoqi_speaker import ComputerSpeaker

    sound = make_sound(plan, song)
    first_s = float(plan.times_s[0]) - config.sound_delay_s
    try:
        return ComputerSpeaker(*sound, first_s, LEAD_S)
    except AudioError as error:
        _say(f"{error}; it dances in silence")
        return SilentClock(plan)


def _cap_volume(link: Link, loudest: int, ending: Ending) -> None:
    with contextlib.suppress(RobotError):
        before = int(link.call("ALAudioDevice", "getOutputVolume"))
        if before > loudest:
            link.call("ALAudioDevice", "setOutputVolume", loudest)
            ending.restore.append(("ALAudioDevice", "setOutputVolume", (before,)))


def _say(text: str) -> None:
    print(f"robodance: {text}", file=sys.stderr, flush=True)
