"""Chirps that a performance plays before and after the dance, and how to find them again.

A chirp sweeps through 0.8 to 6 kHz: a room, a microphone and a codec can each take away a
part of that, but not all, and unlike a tone's its correlation has one sharp peak. The first
one rises, the last one falls, so a film that holds only one of them knows which it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from robodance.performance.film_time import robot_times
from robodance.values import FloatArray, Plan

__all__ = ["CHIRP_S", "Heard", "chirp", "chirp_times", "find_chirp", "local_peaks", "whitened"]

CHIRP_S = 0.5
LOWEST_HZ, HIGHEST_HZ = 800.0, 6000.0
LEVEL = 0.5
EDGE_S = 0.02  # fading in and out
BEFORE_MUSIC_S = 1.5  # from the first chirp's beginning to the song's
AFTER_DANCE_S = 0.5  # from the dance's end to the last chirp
BLOCK = 1 << 18  # samples of a film that are looked at in one go
SMOOTHING_HZ = 100.0  # over which a spectrum is called its level
APART_S = 0.05  # two peaks closer than this are one sound and its echo
DIRECT_S, DIRECT_SHARE = 0.03, 0.5  # an echo may be louder than the sound it comes from

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Heard:
    """Where a sound was found.

    Attributes:
        time_s: Its beginning, on the clock of the samples looked through.
        score: Height of the correlation's peak; only good for comparing.
        ratio: The same over that of the second best place.
    """

    time_s: float
    score: float
    ratio: float


def chirp(rate_hz: int, *, falling: bool = False) -> Float32:
    """Return a chirp: half a second, rising or falling evenly through its band.

    Args:
        rate_hz: Samples per second.
        falling: From high to low.
    """
    t = np.arange(round(CHIRP_S * rate_hz)) / rate_hz
    sweep = (HIGHEST_HZ - LOWEST_HZ) / CHIRP_S
    wave = np.sin(2.0 * np.pi * (LOWEST_HZ * t + 0.5 * sweep * t**2))
    edge = np.clip(np.minimum(t, t[::-1]) / EDGE_S, 0.0, 1.0)
    wave = LEVEL * wave * np.sin(0.5 * np.pi * edge) ** 2
    return np.asarray(wave[::-1] if falling else wave, dtype=np.float32)


def chirp_times(plan: Plan) -> FloatArray:
    """Return the robot times at which the two chirps of a performance begin, (2,)."""
    first = max(float(plan.times_s[0]), plan.music_start_s - BEFORE_MUSIC_S)
    danced = float(robot_times(plan, float(plan.human_times_s[-1])))
    last = min(danced + AFTER_DANCE_S, float(plan.times_s[-1]) - CHIRP_S)
    return np.array([first, last])


def find_chirp(samples: Float32, rate_hz: int, *, falling: bool) -> Heard | None:
    """Return where a chirp sounds most clearly; None when there is too little sound.

    Args:
        samples: Shape (N,).
        rate_hz: Samples per second.
        falling: Which chirp.
    """
    pattern = chirp(rate_hz, falling=falling)
    if len(samples) < len(pattern):
        return None
    correlation = np.empty(len(samples) - len(pattern) + 1, dtype=np.float32)
    for first, part in _correlated(samples, pattern, rate_hz):
        correlation[first : first + len(part)] = part
    peaks = local_peaks(correlation, round(APART_S * rate_hz), 2)
    at, score = peaks[0]
    second = peaks[1][1] if len(peaks) > 1 else 0.0
    place = _direct(correlation, at, rate_hz)
    return Heard(place / rate_hz, score, score / max(second, 1e-12))


def whitened(spectrum: NDArray[np.complex64], bin_hz: float) -> NDArray[np.complex64]:
    """Return a spectrum whose level is the same everywhere: each bin over its surroundings.

    Args:
        spectrum: Shape (..., K).
        bin_hz: Distance of two bins.
    """
    from scipy.ndimage import uniform_filter1d

    level = uniform_filter1d(np.abs(spectrum), max(1, round(SMOOTHING_HZ / bin_hz)), axis=-1)
    return np.asarray(spectrum / np.maximum(level, 1e-9), dtype=np.complex64)


def local_peaks(values: Float32, apart: int, count: int) -> list[tuple[int, float]]:
    """Return the highest places of a curve, each at least ``apart`` from those before it."""
    left = values.copy()
    found: list[tuple[int, float]] = []
    for _ in range(count):
        at = int(np.argmax(left))
        if not np.isfinite(left[at]) or left[at] <= 0.0:
            break
        found.append((at, float(left[at])))
        left[max(0, at - apart) : at + apart + 1] = -np.inf
    return found


def _correlated(samples: Float32, pattern: Float32, rate_hz: int) -> Iterator[tuple[int, Float32]]:
    """Correlate block by block, in the chirp's band, every frequency counting the same."""
    size = max(BLOCK, scipy.fft.next_fast_len(2 * len(pattern), real=True))
    bin_hz = rate_hz / size
    hz = np.arange(size // 2 + 1) * bin_hz
    band = ((hz > LOWEST_HZ) & (hz < HIGHEST_HZ)).astype(np.float32)
    wanted = scipy.fft.rfft(pattern, size)
    wanted = np.conj(wanted) / np.maximum(np.abs(wanted), 1e-3 * np.abs(wanted).max()) * band
    step = size - len(pattern) + 1
    for first in range(0, len(samples) - len(pattern) + 1, step):
        block = samples[first : first + size]
        spectrum = whitened(scipy.fft.rfft(block, size).astype(np.complex64), bin_hz)
        found = scipy.fft.irfft(spectrum * wanted, size)
        yield first, found[: min(step, len(samples) - len(pattern) + 1 - first)]


def _direct(correlation: Float32, at: int, rate_hz: int) -> float:
    """Return the place of the sound itself, to a fraction of a sample: its echoes come later."""
    first = max(0, at - round(DIRECT_S * rate_hz))
    before = correlation[first : at + 1]
    high = np.flatnonzero(before >= DIRECT_SHARE * correlation[at])
    place = first + int(high[0])
    while place + 1 < len(correlation) and correlation[place + 1] > correlation[place]:
        place += 1
    if not 0 < place < len(correlation) - 1:
        return float(place)
    left, middle, right = correlation[place - 1 : place + 2].astype(float)
    bend = left - 2.0 * middle + right
    return place + (0.5 * (left - right) / bend if bend < 0.0 else 0.0)
