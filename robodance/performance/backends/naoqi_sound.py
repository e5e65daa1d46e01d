"""A plan's sound as a file on the robot.

It begins with silence. So the player can be started first, however long it takes to sound,
its clock can be read, and the dance begins when the clock says so, although the robot moves
before the song does.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robodance.errors import RobotError, RobotTimeout
from robodance.output import write_atomically
from robodance.performance.backends.naoqi_link import Link
from robodance.song_file import load_soundtrack
from robodance.values import Plan

__all__ = [
    "LEAD_S",
    "SLOW_MOTION",
    "bring",
    "cache_folder",
    "download",
    "make_sound",
    "make_wav",
]

LEAD_S = 2.5  # silence before the robot's first move, to read the clock in
SAME_LENGTH_S = 0.05
ROBOT_FOLDER = "robodance"  # under the home folder of the user
UPLOAD_S = 120.0
SLOW_MOTION = "slow motion has no music; dance in silence: --set naoqi.sound=none"


def make_sound(plan: Plan, song: Path) -> tuple[NDArray[np.int16], int] | None:
    """Return the sound of a plan: silence, then the song where the plan has it.

    Args:
        plan: The plan; sample 0 lies ``LEAD_S`` before its first moment.
        song: The song's file.

    Returns:
        Shape (N, 2), 16 bits, and samples per second; None for slow motion, which has no sound.
    """
    first, last = plan.human_times_s[[0, -1]]
    danced = np.interp([first, last], plan.music_times_s, plan.times_s)
    if abs((danced[1] - danced[0]) - (last - first)) > SAME_LENGTH_S:
        return None
    samples, rate = load_soundtrack(song)
    stereo = samples[:, [0, min(1, samples.shape[1] - 1)]]
    silent = round((LEAD_S + plan.music_start_s - plan.times_s[0]) * rate)
    count = round((LEAD_S + plan.duration_s) * rate)
    result = np.zeros((count, 2), dtype=np.int16)
    part = stereo[round(first * rate) :][: max(0, count - silent)]
    result[silent : silent + len(part)] = np.round(32767.0 * np.clip(part, -1.0, 1.0))
    return result, rate


def make_wav(plan: Plan, song: Path) -> bytes:
    """Return the sound of a plan as a WAV file.

    Raises:
        RobotError: It is slow motion.
    """
    import soundfile

    sound = make_sound(plan, song)
    if sound is None:
        raise RobotError(SLOW_MOTION)
    file = io.BytesIO()
    soundfile.write(file, *sound, format="WAV", subtype="PCM_16")
    return file.getvalue()


def bring(wav: bytes, link: Link, user: str) -> str:
    """Put a sound file where the robot finds it, once, and return its path there."""
    name = f"{hashlib.sha256(wav).hexdigest()[:24]}.wav"
    file = cache_folder() / name
    if not file.is_file():
        with write_atomically(file) as part:
            part.write(wav)
    if link.address.here:
        return str(file)
    _upload(file, f"{user}@{link.address.host}")
    return f"/home/{user}/{ROBOT_FOLDER}/{name}"


def cache_folder() -> Path:
    """Return the folder of this computer for files that can be made again."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "robodance"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _upload(file: Path, where: str) -> None:
    """Copy a file to a robot, unless it is there."""
    there = f"{ROBOT_FOLDER}/{file.name}"
    scripts = (f"ls {there}\n", f"-mkdir {ROBOT_FOLDER}\nput {file} {there}\n")
    _sftp(where, scripts, "or dance in silence: --set naoqi.sound=none")


def download(path: str, to: Path, where: str) -> None:
    """Copy a file from a robot.

    Raises:
        RobotError: It cannot be copied.
    """
    _sftp(where, (f"get {path} {to}\n",), f"or fetch {path} yourself")


def _sftp(where: str, scripts: tuple[str, ...], otherwise: str) -> None:
    """Run scripts with OpenSSH's sftp until one succeeds; keys only, no password."""
    program = shutil.which("sftp")
    advice = f"try `ssh-copy-id {where}`, {otherwise}"
    if program is None:
        raise RobotError(f"files go to and from a robot by sftp, which is not installed; {advice}")
    options = ["-q", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-b", "-", where]
    for script in scripts:
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
            raise RobotTimeout(f"{where}: copying took too long; {advice}") from error
        if done.returncode == 0:
            return
    reason = " ".join(done.stderr.split())[-200:]
    raise RobotError(f"{where}: a file cannot be copied ({reason}); {advice}")
