"""Music on the robot's speaker, and the clock that the dance follows.

The song becomes a WAV file that begins with silence. So the player can be started first,
however long it takes to sound, its clock can be read, and the dance begins when the clock
says so, although the robot moves before the song does.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from robodance.errors import RobotError, RobotTimeout
from robodance.performance.backends.naoqi_clock import MusicClock
from robodance.performance.backends.naoqi_link import Link
from robodance.song_file import load_soundtrack
from robodance.values import Plan

__all__ = ["LEAD_S", "Music", "RobotSpeaker", "SilentClock", "make_wav"]

LEAD_S = 2.5  # silence before the robot's first move, to read the clock in
QUIET_LEAD_S = 0.5  # without music only the network's delay is learnt
READ_EVERY_S = 0.1
SOUNDS_WITHIN_S = 5.0
SAME_LENGTH_S = 0.05
ROBOT_FOLDER = "robodance"  # under the home folder of the user
UPLOAD_S = 120.0


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


class RobotSpeaker:
    """The robot's audio player.

    Args:
        link: The robot.
        plan: The plan that is danced.
        song: The song's file on this computer.
        user: Who owns the files on the robot.

    Attributes:
        file: The song's number in the robot's player.

    Raises:
        AudioError: The song cannot be read.
        RobotError: It cannot be brought to the robot.
    """

    def __init__(self, link: Link, plan: Plan, song: Path, user: str) -> None:
        self._link = link
        self._first_s = float(plan.times_s[0])
        self._clock = MusicClock()
        self._asked: tuple[float, Any] | None = None
        self._played: Any = None
        self._next_s = 0.0
        path = _bring(make_wav(plan, song), link, user)
        self.file = link.call("ALAudioPlayer", "loadFile", path, timeout_s=30.0)

    def start(self) -> None:
        """Play, and wait until it sounds.

        Raises:
            RobotTimeout: It does not.
        """
        self._played = self._link.send("ALAudioPlayer", "play", self.file)
        end = time.monotonic() + SOUNDS_WITHIN_S
        while True:
            asked = time.monotonic()
            where = self._link.call("ALAudioPlayer", "getCurrentPosition", self.file)
            if where > 0.0:
                self._clock.add(asked, time.monotonic(), float(where))
                if len(self._clock.readings) >= 10:
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


def make_wav(plan: Plan, song: Path) -> bytes | None:
    """Return the sound of a plan: silence, then the song where the plan has it.

    Args:
        plan: The plan; sample 0 lies ``LEAD_S`` before its first moment.
        song: The song's file.

    Returns:
        A WAV file, 16 bits, two channels; None for slow motion, which has no sound.
    """
    import soundfile

    first, last = plan.human_times_s[[0, -1]]
    danced = np.interp([first, last], plan.music_times_s, plan.times_s)
    if abs((danced[1] - danced[0]) - (last - first)) > SAME_LENGTH_S:
        return None
    samples, rate = load_soundtrack(song)
    stereo = samples[:, [0, min(1, samples.shape[1] - 1)]]
    silent = round((LEAD_S + plan.music_start_s - plan.times_s[0]) * rate)
    count = round((LEAD_S + plan.duration_s) * rate)
    result = np.zeros((count, 2), dtype=np.float32)
    part = stereo[round(first * rate) :][: max(0, count - silent)]
    result[silent : silent + len(part)] = part
    file = io.BytesIO()
    soundfile.write(file, np.clip(result, -1.0, 1.0), rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def _bring(wav: bytes | None, link: Link, user: str) -> str:
    """Put a sound file where the robot finds it, once, and return its path there."""
    if wav is None:
        raise RobotError("slow motion has no music; dance in silence: --set naoqi.sound=none")
    name = f"{hashlib.sha256(wav).hexdigest()[:24]}.wav"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "robodance"
    cache.mkdir(parents=True, exist_ok=True)
    file = cache / name
    if not file.is_file():
        part = file.with_suffix(f".{os.getpid()}")
        part.write_bytes(wav)
        part.replace(file)
    if link.address.here:
        return str(file)
    _upload(file, f"{user}@{link.address.host}")
    return f"/home/{user}/{ROBOT_FOLDER}/{name}"


def _upload(file: Path, where: str) -> None:
    """Copy a file with OpenSSH's sftp, unless it is there; keys only, no password."""
    program = shutil.which("sftp")
    advice = f"try `ssh-copy-id {where}`, or dance in silence: --set naoqi.sound=none"
    if program is None:
        raise RobotError(f"music goes to the robot by sftp, which is not installed; {advice}")
    there = f"{ROBOT_FOLDER}/{file.name}"
    options = ["-q", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-b", "-", where]
    for script in (f"ls {there}\n", f"-mkdir {ROBOT_FOLDER}\nput {file} {there}\n"):
        try:
            done = subprocess.run(
                [program, *options],
                input=script,
                capture_output=True,
                text=True,
                timeout=UPLOAD_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RobotTimeout(f"{where}: copying the music took too long; {advice}") from error
        if done.returncode == 0:
            return
    reason = " ".join(done.stderr.split())[-200:]
    raise RobotError(f"{where}: the music cannot be copied there ({reason}); {advice}")
