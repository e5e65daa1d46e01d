"""The part of a song that a film or a page plays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Soundtrack", "part_of"]

AUDIO_RATES_HZ = (32000, 44100, 48000)  # those every player of MP4 knows

Soundtrack = tuple[NDArray[np.float32], int]


def part_of(soundtrack: Soundtrack, start_s: float, duration_s: float) -> Soundtrack:
    """Return a part of a song in stereo, (2, N), at a common rate; silence where it is not.

    Args:
        soundtrack: The song, (N,) or (N, C), and its samples per second.
        start_s: Where the part begins; below 0 it begins with silence.
        duration_s: Its length.
    """
    samples, rate_hz = np.atleast_2d(np.asarray(soundtrack[0], dtype=np.float32).T), soundtrack[1]
    first = round(start_s * rate_hz)
    count = round(duration_s * rate_hz)
    part = np.zeros((len(samples), count), dtype=np.float32)
    begin, end = max(first, 0), min(first + count, samples.shape[1])
    if end > begin:
        part[:, begin - first : end - first] = samples[:, begin:end]
    if len(part) != 2:
        part = np.repeat(part.mean(axis=0, keepdims=True), 2, axis=0)
    if rate_hz not in AUDIO_RATES_HZ:
        from scipy.signal import resample_poly

        common = np.gcd(rate_hz, 48000)
        part = resample_poly(part, 48000 // common, rate_hz // common, axis=1)
        rate_hz = 48000
    return np.ascontiguousarray(np.clip(part, -1.0, 1.0), dtype=np.float32), rate_hz
