"""A plan's sound as a file on the robot.

It begins with silence. So the player can be started first, however long it takes to sound,
its clock can be read, and the dance begins when the clock says so, although the robot moves
before the song does.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robodance.config import NaoqiConfig
from robodance.output import write_atomically
from robodance.performance.backends.naoqi_files import KEPT, upload
from robodance.performance.backends.naoqi_link import Link
from robodance.performance.film_time import at_music_speed
from robodance.performance.heard import heard_soundtrack
from robodance.resources import cache_folder
from robodance.song_file import load_soundtrack
from robodance.values import Plan

__all__ = [
    "LEAD_S",
    "bring",
    "make_sound",
    "make_wav",
]

LEAD_S = 2.5  # silence before the robot's first move, to read the clock in


def make_sound(plan: Plan, song: Path) -> tuple[NDArray[np.int16], int]:
    """Return the sound of a plan: silence, then what is heard while it is danced.

    At the music's speed that is the song where the plan has it; of a slower dance, what the
    settings want of it (``heard``), with the chirps by which a film of it is found.

    Args:
        plan: The plan; sample 0 lies ``LEAD_S`` before its first moment.
        song: The song's file.

    Returns:
        Shape (N, 2), 16 bits, and samples per second.
    """
    mode = plan.metadata.get("heard", "song" if at_music_speed(plan) else "stretched")
    heard, rate = heard_soundtrack(plan, load_soundtrack(song), mode)
    silent = np.zeros((round(LEAD_S * rate), 2), dtype=np.int16)
    sound = np.round(32767.0 * np.clip(heard, -1.0, 1.0)).astype(np.int16)
    return np.concatenate([silent, sound]), rate


def make_wav(plan: Plan, song: Path) -> bytes:
    """Return the sound of a plan as a WAV file."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, *make_sound(plan, song), format="WAV", subtype="PCM_16")
    return file.getvalue()


def bring(wav: bytes, link: Link, config: NaoqiConfig) -> str:
    """Put a sound file where the robot finds it, once, and return its path there.

    The last few stay in a cache on this computer.

    Raises:
        RobotError: It cannot be copied.
    """
    name = f"{hashlib.sha256(wav).hexdigest()[:24]}.wav"
    file = cache_folder() / name
    if file.is_file():
        file.touch()
    else:
        with write_atomically(file) as part:
            part.write(wav)
    for old in sorted(cache_folder().glob("*.wav"), key=lambda path: -path.stat().st_mtime)[KEPT:]:
        old.unlink(missing_ok=True)
    if link.address.here:
        return str(file)
    return upload(file, link.address, config)
