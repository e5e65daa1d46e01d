"""Films as files: pictures and sound become H.264 and AAC in an MP4 that plays everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.errors import MissingDependency
from robodance.output import complete_file
from robodance.performance.soundtrack import Soundtrack

try:
    import av
except ImportError as error:
    raise MissingDependency("films need PyAV: pip install av") from error

__all__ = ["BT709", "FilmFormat", "Picture", "write_film"]

AUDIO_BIT_RATE = 192_000
AUDIO_FRAME = 1024  # samples in a frame of AAC
KEYFRAME_EVERY_S = 10  # each one is a small visible step in a still picture
BT709 = (1, 1, 1)  # colour space, primaries and transfer, as H.264 numbers them
VIDEO_RANGE = 1  # MPEG: 16..235

Picture = NDArray[np.uint8]  # YUV 4:2:0, (H * 3 / 2, W)


@dataclass(frozen=True)
class FilmFormat:
    """How a film is written.

    Attributes:
        width: Picture width, pixels, even.
        height: Picture height, pixels, even.
        frame_rate_hz: Pictures per second.
        crf: H.264 quality, smaller is better.
        colours: Colour space, primaries and transfer of the pictures.
    """

    width: int
    height: int
    frame_rate_hz: int
    crf: int = 20
    colours: tuple[int, int, int] = BT709


def write_film(
    path: Path,
    pictures: Iterable[Picture],
    film: FilmFormat,
    *,
    frames: int,
    sound: Soundtrack | None = None,
    progress: Callable[[float], None] | None = None,
    option: str = "--record",
) -> None:
    """Write pictures and sound, interleaved, as they come.

    Args:
        path: The film; it appears under this name when it is complete.
        pictures: In order; picture k is shown at k / frame rate.
        film: Size, rate, quality.
        frames: How many pictures there will be.
        sound: Stereo (2, N), as ``soundtrack.part_of`` returns it, and its samples per second.
        progress: Told the share done, 0..1.
        option: The flag that chooses another place.

    Raises:
        OutputError: The film cannot be written.
    """
    with complete_file(path, failures=(OSError, av.FFmpegError), option=option) as part:
        _write(part, pictures, film, frames, sound, progress or (lambda share: None))


def _write(
    path: Path,
    pictures: Iterable[Picture],
    film: FilmFormat,
    frames: int,
    sound: Soundtrack | None,
    progress: Callable[[float], None],
) -> None:
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = _video_stream(container, film)
        audio = None if sound is None else container.add_stream("aac", rate=sound[1])
        if audio is not None:
            audio.layout = "stereo"
            audio.bit_rate = AUDIO_BIT_RATE
        done = 0
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = k, Fraction(1, film.frame_rate_hz)
            container.mux(video.encode(frame))
            if sound is not None:
                until = (k + 1) * sound[1] // film.frame_rate_hz
                done = _encode_sound(container, audio, sound, done, until)
            if k % film.frame_rate_hz == 0:
                progress(k / max(frames, 1))
        if sound is not None and audio is not None:
            _encode_sound(container, audio, sound, done, sound[0].shape[1] + AUDIO_FRAME)
            container.mux(audio.encode(None))
        container.mux(video.encode(None))
    progress(1.0)


def _video_stream(container: Any, film: FilmFormat) -> Any:
    stream = container.add_stream("libx264", rate=film.frame_rate_hz)
    stream.width, stream.height, stream.pix_fmt = film.width, film.height, "yuv420p"
    context = stream.codec_context
    context.gop_size = KEYFRAME_EVERY_S * film.frame_rate_hz
    context.max_b_frames = 0  # so no player has to know about reordering
    context.colorspace, context.color_primaries, context.color_trc = film.colours
    context.color_range = VIDEO_RANGE
    stream.options = {"crf": str(film.crf), "preset": "veryfast", "bf": "0"}
    return stream


def _encode_sound(container: Any, stream: Any, sound: Soundtrack, done: int, until: int) -> int:
    """Encode whole AAC frames up to a sample; the last one may be shorter."""
    samples, rate_hz = sound
    while done < samples.shape[1] and done + AUDIO_FRAME <= until:
        piece = np.ascontiguousarray(samples[:, done : done + AUDIO_FRAME])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = rate_hz, done
        container.mux(stream.encode(frame))
        done += piece.shape[1]
    return done
