"""A film that a robot's camera made of its own dance: set to the song."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from robodance.config import RecordingConfig
from robodance.errors import RobotError
from robodance.performance.encoding import FilmFormat, write_film
from robodance.performance.soundtrack import Soundtrack, part_of
from robodance.values import Plan, Recording

__all__ = ["set_to_song"]


def set_to_song(
    film: Path,
    path: Path,
    plan: Plan,
    span_s: tuple[float, float],
    config: RecordingConfig,
    *,
    soundtrack: Soundtrack | None,
) -> Recording:
    """Write a robot's film as MP4 with the song where the dance has it.

    A robot leaves pictures out when it is busy and says nothing of when; they are spread
    evenly over the time that the film took.

    Args:
        film: What its recorder made.
        path: The film to write.
        plan: What was danced.
        span_s: Moments of the plan at which the film began and ended.
        config: Pictures per second and quality.
        soundtrack: The song, or None: a silent film.

    Raises:
        RobotError: The robot's film holds no pictures.
        OutputError: The film cannot be written.
    """
    duration_s = span_s[1] - span_s[0]
    frames = max(1, round(duration_s * config.frame_rate_hz))
    size, count = _look(film)
    sound = None
    if soundtrack is not None:
        start_s = span_s[0] - plan.music_start_s + plan.human_times_s[0]
        sound = part_of(soundtrack, start_s, frames / config.frame_rate_hz)
    same_size = replace(config, width=size[0] // 2 * 2, height=size[1] // 2 * 2)
    written = FilmFormat(same_size.width, same_size.height, same_size.frame_rate_hz, same_size.crf)
    write_film(path, _pictures(film, count, frames, same_size), written, frames=frames, sound=sound)
    return Recording(
        str(path), frames, float(config.frame_rate_hz), frames / config.frame_rate_hz,
        "the robot's camera",
    )  # fmt: skip


def _look(film: Path) -> tuple[tuple[int, int], int]:
    """Return width and height, and how many pictures there are."""
    try:
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            size = stream.codec_context.width, stream.codec_context.height
            count = sum(1 for packet in container.demux(stream) if packet.size)
    except (av.FFmpegError, IndexError) as error:
        raise RobotError(f"{film}: the robot's film cannot be read ({error})") from error
    if count == 0:
        raise RobotError("the robot's film holds no pictures")
    return size, count


def _pictures(
    film: Path, count: int, frames: int, config: RecordingConfig
) -> Iterator[NDArray[np.uint8]]:
    """Yield ``frames`` pictures, each as often as its share of the film lasts."""
    done = 0
    with av.open(str(film)) as container:
        for k, frame in enumerate(container.decode(video=0)):
            until = min(frames, round((k + 1) * frames / count))
            fitting = frame.reformat(config.width, config.height, "yuv420p")
            picture = np.asarray(fitting.to_ndarray(), dtype=np.uint8)
            while done < until:
                yield picture
                done += 1
    while 0 < done < frames:  # the last ones could not be decoded
        yield picture
        done += 1
