"""The page's sound track, small enough to travel inside it, and the picture of it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.errors import MissingDependency
from robodance.performance.preview.tracks import packed_bytes
from robodance.performance.soundtrack import Soundtrack, part_of

__all__ = ["PageSound", "page_sound", "waveform"]

BIT_RATE = 96_000  # stereo AAC: a minute is 0.7 MB
FRAME = 1024  # samples in a frame of AAC
COLUMNS_PER_S = 50.0


@dataclass(frozen=True)
class PageSound:
    """A sound track as the page holds it.

    Attributes:
        samples: Shape (2, N), as it is heard.
        rate_hz: Samples per second.
        m4a: The same as AAC in MP4, which every browser plays and finds its place in.
    """

    samples: NDArray[np.float32] = field(repr=False)
    rate_hz: int
    m4a: bytes = field(repr=False)


def page_sound(
    soundtrack: Soundtrack, start_s: float, end_s: float, silent_until_s: float
) -> PageSound:
    """Return the part of a song that the page plays.

    Its first sample is the page's first moment, so that the player's clock is the page's from
    the lead-in to the end.

    Args:
        soundtrack: The song, (N,) or (N, C), and its samples per second.
        start_s: Song time at which the page begins.
        end_s: Song time at which it ends.
        silent_until_s: Song time at which the music is switched on.

    Raises:
        MissingDependency: PyAV cannot be imported.
    """
    samples, rate_hz = part_of(soundtrack, start_s, end_s - start_s)
    samples = samples.copy()
    samples[:, : max(0, round((silent_until_s - start_s) * rate_hz))] = 0.0
    return PageSound(samples, rate_hz, _m4a(samples, rate_hz))


def waveform(sound: PageSound) -> dict[str, Any]:
    """Return the loudest sample and the effective value of each fiftieth of a second."""
    mono = np.abs(sound.samples).max(axis=0)
    width = round(sound.rate_hz / COLUMNS_PER_S)
    count = int(np.ceil(len(mono) / width))
    cells = np.pad(mono, (0, count * width - len(mono))).reshape(count, width)
    peak = cells.max(axis=1)
    loudest = max(float(peak.max(initial=0.0)), 1e-6)
    effective = np.sqrt((cells.astype(np.float64) ** 2).mean(axis=1))
    return {
        "rate": sound.rate_hz / width,
        "peak": packed_bytes(np.round(255 * peak / loudest)),
        "effective": packed_bytes(np.round(255 * effective / loudest)),
    }


def _m4a(samples: NDArray[np.float32], rate_hz: int) -> bytes:
    try:
        import av
    except ImportError as error:
        raise MissingDependency("the preview's sound needs PyAV: pip install av") from error
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=rate_hz)
        stream.layout, stream.bit_rate = "stereo", BIT_RATE
        stream.options = {"aac_coder": "fast"}  # half the time, and as good to the ear
        for first in range(0, samples.shape[1], FRAME):
            piece = np.ascontiguousarray(samples[:, first : first + FRAME])
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate_hz, first, Fraction(1, rate_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()
