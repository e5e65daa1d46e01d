"""What is heard while a robot dances: the song, drawn out as the dance is, or clicks.

Everything is made in blocks, in robot time, and comes out the same each time: so a film's
own sound can be compared with it afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robodance.config import RecordingConfig
from robodance.output import complete_file
from robodance.performance.chirps import chirp, chirp_times
from robodance.performance.film_time import at_music_speed, robot_times, song_times
from robodance.performance.soundtrack import Soundtrack
from robodance.performance.stretch import stretched
from robodance.values import FloatArray, Plan

__all__ = ["heard_blocks", "heard_mono", "heard_soundtrack", "with_sound", "write_heard"]

RATE_HZ = 44100  # when there is no song
BLOCK_S = 8.0
FADE_IN_S = 0.01
FADE_OUT_S = 0.3  # after the dance, so that the last chirp stands alone
CLICK_S, CLICK_LEVEL = 0.05, 0.6
DOWNBEAT_HZ, BEAT_HZ = 1600.0, 1100.0

Float32 = NDArray[np.float32]


def with_sound(plan: Plan, config: RecordingConfig) -> Plan:
    """Return a plan that says what is heard while it is danced, and when the chirps are."""
    slow = not at_music_speed(plan)
    mode = config.slow_audio if slow else "song"
    chirps = config.chirps == "always" or (config.chirps == "auto" and slow and mode != "silent")
    return replace(
        plan,
        sync_times_s=chirp_times(plan) if chirps else np.zeros(0),
        metadata={**plan.metadata, "heard": mode},
    )


def heard_blocks(
    plan: Plan, soundtrack: Soundtrack | None, mode: str
) -> tuple[int, Iterator[Float32]]:
    """Return the sound of a performance, from the plan's first moment to its last.

    Args:
        plan: What is danced; its chirps are always heard.
        soundtrack: The song, (N,) or (N, C), and its samples per second; None: no song.
        mode: What is heard of it where the robot is slower: ``stretched``, ``clicks`` or
            ``silent``. A dance at the music's speed is danced to the ``song`` as it is.

    Returns:
        Samples per second, and blocks of shape (n, 2).
    """
    rate_hz = RATE_HZ if soundtrack is None else soundtrack[1]
    return rate_hz, _blocks(plan, soundtrack, mode, rate_hz)


def write_heard(plan: Plan, soundtrack: Soundtrack | None, mode: str, path: Path) -> None:
    """Write the sound of a performance as a WAV file.

    Raises:
        OutputError: The file cannot be written.
    """
    import soundfile

    rate_hz, blocks = heard_blocks(plan, soundtrack, mode)
    failures = (OSError, soundfile.LibsndfileError)
    with (
        complete_file(path, failures=failures) as part,
        soundfile.SoundFile(part, "w", rate_hz, 2, "PCM_16", format="WAV") as file,
    ):
        for block in blocks:
            file.write(block)


def heard_soundtrack(plan: Plan, soundtrack: Soundtrack | None, mode: str) -> Soundtrack:
    """Return the sound of a performance, (N, 2), and its samples per second."""
    rate_hz, blocks = heard_blocks(plan, soundtrack, mode)
    return np.concatenate(list(blocks)), rate_hz


def heard_mono(plan: Plan, soundtrack: Soundtrack | None, mode: str, rate_hz: int) -> Float32:
    """Return the sound of a performance in one channel at another rate, (N,)."""
    import soxr

    own_hz, blocks = heard_blocks(plan, soundtrack, mode)
    stream = soxr.ResampleStream(own_hz, rate_hz, 1, dtype="float32")
    parts = [stream.resample_chunk(block.mean(axis=1)) for block in blocks]
    parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(parts)


def _blocks(
    plan: Plan, soundtrack: Soundtrack | None, mode: str, rate_hz: int
) -> Iterator[Float32]:
    start, count = float(plan.times_s[0]), round(plan.duration_s * rate_hz)
    song = _song_blocks(plan, soundtrack, mode, count)
    extras = _extras(plan, mode, rate_hz, song is None and mode == "clicks")
    step = round(BLOCK_S * rate_hz)
    for first in range(0, count, step):
        block = np.zeros((min(step, count - first), 2), dtype=np.float32)
        if song is not None:
            times = start + (first + np.arange(len(block))) / rate_hz
            block += next(song) * _gate(plan, times)[:, None]
        for at, sound in extras:
            begin, end = max(at, first), min(at + len(sound), first + len(block))
            if end > begin:
                block[begin - first : end - first] += sound[begin - at : end - at, None]
        yield np.clip(block, -1.0, 1.0)


def _song_blocks(
    plan: Plan, soundtrack: Soundtrack | None, mode: str, count: int
) -> Iterator[Float32] | None:
    """Return the song's blocks in robot time, or None where it is not heard."""
    if soundtrack is None:
        return None
    samples, rate_hz = soundtrack
    stereo = samples.reshape(len(samples), -1)
    stereo = stereo[:, [0, min(1, stereo.shape[1] - 1)]]
    start, step = float(plan.times_s[0]), round(BLOCK_S * rate_hz)
    if at_music_speed(plan):
        begins = float(song_times(plan, plan.music_start_s)) - plan.music_start_s
        return _as_it_is(stereo, round((start + begins) * rate_hz), count, step)
    if mode != "stretched":
        return None

    def place(frames: FloatArray) -> FloatArray:
        return song_times(plan, start + frames / rate_hz) * rate_hz

    return stretched(stereo, place, count, step)


def _as_it_is(stereo: Float32, first: int, count: int, step: int) -> Iterator[Float32]:
    """Yield blocks of a song; silence before its first sample and after its last."""
    for done in range(0, count, step):
        index = first + done + np.arange(min(step, count - done))
        inside = (index >= 0) & (index < len(stereo))
        yield np.where(inside[:, None], stereo[np.clip(index, 0, len(stereo) - 1)], np.float32(0))


def _gate(plan: Plan, times_s: FloatArray) -> Float32:
    """Return how loud the song is: silent until it begins, and gone before a last chirp."""
    gate = np.clip((times_s - plan.music_start_s) / FADE_IN_S, 0.0, 1.0)
    if plan.sync_times_s.size:
        danced = float(robot_times(plan, float(plan.human_times_s[-1])))
        gate *= np.clip(1.0 - (times_s - danced) / FADE_OUT_S, 0.0, 1.0)
    return gate.astype(np.float32)


def _extras(plan: Plan, mode: str, rate_hz: int, clicks: bool) -> list[tuple[int, Float32]]:
    """Return chirps and clicks, each with its first sample."""
    start = float(plan.times_s[0])
    found = [
        (round((time - start) * rate_hz), chirp(rate_hz, falling=k > 0))
        for k, time in enumerate(plan.sync_times_s)
    ]
    if clicks:
        first, last = plan.human_times_s[[0, -1]]
        for beat, number in zip(plan.beats_s, plan.beat_numbers, strict=True):
            if first <= beat <= last:
                at = float(robot_times(plan, float(beat)))
                sound = _click(DOWNBEAT_HZ if number == 1 else BEAT_HZ, rate_hz)
                found.append((round((at - start) * rate_hz), sound))
    return found


def _click(pitch_hz: float, rate_hz: int) -> Float32:
    """Return a struck wood block."""
    t = np.arange(round(CLICK_S * rate_hz)) / rate_hz
    wave = np.sin(2 * np.pi * pitch_hz * t) + 0.5 * np.sin(2 * np.pi * 2.76 * pitch_hz * t)
    return np.asarray(CLICK_LEVEL / 1.5 * wave * np.exp(-t / 0.008), dtype=np.float32)
