"""Read films as phones and cameras make them: by time stamps, upright, in constant memory.

A phone's pictures come when they come, so the number of a picture says nothing; its time
stamp does. Some films are stored lying on their side with a note that says so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.errors import FilmError, MissingDependency
from robodance.performance.encoding import BT709, Picture
from robodance.values import FloatArray

try:
    import av
except ImportError as error:
    raise MissingDependency("films need PyAV: pip install av") from error

__all__ = ["FilmInfo", "Shot", "film_sound", "look_at", "shots", "stamps"]

FEWEST_PICTURES = 2
MOST_DAMAGED = 25  # packets in a row that cannot be read, until a film counts as damaged
LARGEST = 8192  # pixels
TAGGED = {1, 5, 6, 7, 9}  # colour spaces that H.264 and its players know, but for RGB
BT2020 = 9
STRAY_S = 3600.0  # a gap in the sound longer than this is a broken time stamp


@dataclass(frozen=True)
class FilmInfo:
    """What a film is.

    Attributes:
        path: The file.
        width: Width of the upright picture.
        height: Height of the upright picture.
        quarter_turns: How often a stored picture is turned anticlockwise to be upright.
        pictures_per_s: Mean rate as the file states it; 0 when it does not.
        colours: Colour space, primaries and transfer, as H.264 numbers them.
        has_sound: Whether there is a sound track.
    """

    path: Path
    width: int
    height: int
    quarter_turns: int
    pictures_per_s: float
    colours: tuple[int, int, int]
    has_sound: bool


@dataclass(frozen=True)
class Shot:
    """One picture of a film, not yet unpacked.

    Attributes:
        time_s: When it was taken, on the film's clock.
        frame: What the decoder gave.
        info: The film it is from.
    """

    time_s: float
    frame: Any
    info: FilmInfo

    def picture(self, width: int, height: int) -> Picture:
        """Return it upright, at a size, as YUV 4:2:0, (height * 3 / 2, width)."""
        turned = self.info.quarter_turns % 2 == 1
        plain = self.frame.reformat(
            *((height, width) if turned else (width, height)),
            "yuv420p",
            dst_color_range=1,  # MPEG: what the film is written as
        )
        return upright(_planes(plain), self.info.quarter_turns)


def look_at(path: Path) -> FilmInfo:
    """Return what a film is, after looking at its first picture.

    Raises:
        FilmError: It is missing, damaged, or holds no pictures.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        try:
            frame = next(container.decode(stream))
        except StopIteration:
            raise FilmError(f"{path}: holds no pictures; film it again") from None
        turns = round(float(frame.rotation) / 90.0) % 4
        width, height = frame.width, frame.height
        if not 2 <= min(width, height) <= max(width, height) <= LARGEST:
            raise FilmError(f"{path}: pictures of {width} x {height} cannot be used")
        if turns % 2:
            width, height = height, width
        rate = stream.average_rate or stream.guessed_rate or 0
        return FilmInfo(
            path=path,
            width=width,
            height=height,
            quarter_turns=turns,
            pictures_per_s=float(rate),
            colours=_colours(frame),
            has_sound=bool(container.streams.audio),
        )


def shots(info: FilmInfo) -> Iterator[Shot]:
    """Yield a film's pictures in order; those whose time does not rise are left out.

    Raises:
        FilmError: It is damaged from some moment on.
    """
    with _opened(info.path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        last = -np.inf
        for frame in _decoded(container, stream, info.path):
            if frame.time is not None and frame.time > last:
                last = frame.time
                yield Shot(last, frame, info)


def stamps(info: FilmInfo) -> FloatArray:
    """Return when a film's pictures were taken, (N,), rising, without unpacking them.

    Raises:
        FilmError: It is damaged, or holds a single picture.
    """
    with _opened(info.path) as container:
        stream = container.streams.video[0]
        times = [
            float(packet.pts * packet.time_base)
            for packet in container.demux(stream)
            if packet.pts is not None and not packet.is_discard and not packet.is_corrupt
        ]
    found = np.unique(np.array(times))
    if len(found) < FEWEST_PICTURES:
        raise FilmError(f"{info.path}: holds {len(found)} pictures; give the film of a dance")
    return found


def film_sound(info: FilmInfo, rate_hz: int) -> tuple[float, NDArray[np.float32]] | None:
    """Return a film's sound in one channel.

    Args:
        info: The film.
        rate_hz: Samples per second of the result.

    Returns:
        The time of the first sample on the film's clock, and the samples (N,), with silence
        where the film has none; None when there is no sound track.
    """
    if not info.has_sound:
        return None
    start_s = 0.0
    parts: list[NDArray[np.float32]] = []
    count = 0
    with _opened(info.path) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate_hz)
        for frame in _decoded(container, stream, info.path):
            if frame.time is not None:
                if not parts:
                    start_s = float(frame.time)
                # A recorder that lost sound says so by a jump in time.
                lost = round((frame.time - start_s) * rate_hz) - count
                if rate_hz // 20 < lost < STRAY_S * rate_hz:
                    parts.append(np.zeros(lost, dtype=np.float32))
                    count += lost
            frame.pts = None
            for piece in resampler.resample(frame):
                parts.append(piece.to_ndarray().ravel().astype(np.float32))
                count += len(parts[-1])
        for piece in resampler.resample(None):
            parts.append(piece.to_ndarray().ravel().astype(np.float32))
    return (start_s, np.concatenate(parts)) if parts else None


def upright(picture: Picture, quarter_turns: int) -> Picture:
    """Turn a YUV 4:2:0 picture (H * 3 / 2, W) anticlockwise by quarters."""
    if quarter_turns % 4 == 0:
        return picture
    rows, columns = picture.shape[0] * 2 // 3, picture.shape[1]
    colours = picture[rows:].reshape(2, rows // 2, columns // 2)
    planes = [np.rot90(plane, quarter_turns) for plane in (picture[:rows], *colours)]
    height, width = planes[0].shape
    result = np.empty((height * 3 // 2, width), dtype=np.uint8)
    result[:height] = planes[0]
    result[height:].reshape(2, height // 2, width // 2)[:] = planes[1:]
    return result


def _planes(frame: Any) -> Picture:
    return np.array(frame.to_ndarray(), dtype=np.uint8)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a film that has pictures."""
    if not path.is_file():
        found = "is not a file" if path.exists() else "no such file"
        raise FilmError(f"{path}: {found}; give the film of a performance")
    av.logging.set_level(None)
    try:
        container = av.open(str(path))
    except (av.FFmpegError, ValueError) as error:
        raise FilmError(
            f"{path}: is not a film that can be read ({_reason(error)}); copy it again, whole"
        ) from error
    with container:
        if not container.streams.video:
            raise FilmError(f"{path}: there are no pictures in this file; give a film")
        try:
            yield container
        except av.FFmpegError as error:
            raise FilmError(
                f"{path}: is damaged ({_reason(error)}); copy it again, whole"
            ) from error


def _decoded(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    """Yield frames; a few damaged ones are passed over."""
    damaged = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError as error:
            damaged += 1
            if damaged >= MOST_DAMAGED:
                raise FilmError(
                    f"{path}: is damaged ({_reason(error)}); copy it again, whole"
                ) from error
            continue
        for frame in frames:
            damaged = 0
            yield frame


def _colours(frame: Any) -> tuple[int, int, int]:
    """Return the tags to write; they travel with the pictures, which keep their colours."""
    space, primaries, transfer = (
        int(value) for value in (frame.colorspace, frame.color_primaries, frame.color_trc)
    )
    if space not in TAGGED:
        return BT709 if frame.height > 576 else (6, 6, 6)  # what players assume
    known = [space if value in {0, 2} else value for value in (primaries, transfer)]
    return space, known[0], known[1]


def _reason(error: Exception) -> str:
    return " ".join(str(getattr(error, "strerror", None) or error).split())
