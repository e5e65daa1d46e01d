"""Short-time spectra and the filters that read them: numpy and scipy's FFT, nothing slow to load.

Frames are centred on the moments the caller names, so that no stage has to undo an
offset. Everything works block by block: memory does not grow with the song.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

__all__ = [
    "chroma_filters",
    "filtered_spectrum",
    "mel_centres_hz",
    "mel_filters",
    "to_decibels",
]

Float32 = NDArray[np.float32]

_BLOCK = 512  # frames transformed at a time
_MEL_KNEE_HZ = 1000.0  # Slaney's auditory toolbox: linear below, logarithmic above
_MEL_LINEAR_HZ = 200.0 / 3.0
_MEL_LOG_STEP = np.log(6.4) / 27.0


def filtered_spectrum(
    samples: Float32,
    centres: NDArray[np.int64],
    frame_length: int,
    filters: Float32,
    *,
    power: float = 2.0,
) -> Float32:
    """Pass the magnitude spectra of Hann-windowed frames through a bank of filters.

    Args:
        samples: Shape (N,); taken as zero outside.
        centres: Shape (T,), sample on which each frame is centred.
        frame_length: Samples per frame, even.
        filters: Shape (K, frame_length // 2 + 1).
        power: Exponent of the magnitude before the filters (2 is power).

    Returns:
        Shape (T, K). A full-scale sine has magnitude 1.
    """
    half = frame_length // 2
    padded = np.pad(np.asarray(samples, dtype=np.float32), half)
    window = np.hanning(frame_length + 1)[:-1].astype(np.float32)
    window *= 2.0 / window.sum()
    offsets = np.arange(frame_length)
    weights = np.ascontiguousarray(filters.T, dtype=np.float32)
    result = np.empty((len(centres), len(filters)), dtype=np.float32)
    for start in range(0, len(centres), _BLOCK):
        starts = np.clip(centres[start : start + _BLOCK], 0, len(samples))
        frames = padded[np.minimum(starts[:, None] + offsets, padded.size - 1)] * window
        spectrum = np.abs(scipy.fft.rfft(frames, axis=1))
        result[start : start + len(starts)] = spectrum**power @ weights
    return result


def mel_centres_hz(bands: int, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Return the ``bands + 2`` corner frequencies of a mel filter bank, Slaney's scale."""
    return _mel_to_hz(np.linspace(_hz_to_mel(low_hz), _hz_to_mel(high_hz), bands + 2))


def mel_filters(
    sample_rate_hz: int, frame_length: int, bands: int, low_hz: float, high_hz: float
) -> Float32:
    """Triangular filters on the mel scale, each summing to 1.

    Returns:
        Shape (bands, frame_length // 2 + 1).
    """
    corners = mel_centres_hz(bands, low_hz, high_hz)
    frequencies = np.fft.rfftfreq(frame_length, 1.0 / sample_rate_hz)
    # A filter narrower than two bins would see nothing: widen it to that.
    reach = np.maximum(np.diff(corners), sample_rate_hz / frame_length)
    rising = (frequencies - (corners[1:-1] - reach[:-1])[:, None]) / reach[:-1, None]
    falling = ((corners[1:-1] + reach[1:])[:, None] - frequencies) / reach[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    total = triangles.sum(axis=1, keepdims=True)
    return (triangles / np.where(total > 0.0, total, 1.0)).astype(np.float32)


def chroma_filters(
    sample_rate_hz: int, frame_length: int, low_hz: float, high_hz: float
) -> Float32:
    """Pitch classes C, C#, ... B (A4 = 440 Hz): Gaussian, a third of a semitone wide.

    Returns:
        Shape (12, frame_length // 2 + 1).
    """
    frequencies = np.fft.rfftfreq(frame_length, 1.0 / sample_rate_hz)
    semitone = 69.0 + 12.0 * np.log2(np.maximum(frequencies, 1.0) / 440.0)
    distance = (semitone - np.arange(12)[:, None] + 6.0) % 12.0 - 6.0
    weights = np.exp(-0.5 * (distance / 0.35) ** 2)
    weights[:, (frequencies < low_hz) | (frequencies > high_hz)] = 0.0
    return np.asarray(weights, dtype=np.float32)


def to_decibels(power: Float32, *, range_db: float = 80.0) -> Float32:
    """Convert power to dB relative to the loudest value, cut off ``range_db`` below it."""
    peak = max(float(power.max(initial=0.0)), 1e-20)
    floor = np.float32(peak * 10.0 ** (-range_db / 10.0))
    return np.asarray(10.0 * np.log10(np.maximum(power, floor) / peak), dtype=np.float32)


def _hz_to_mel(hertz: float) -> float:
    if hertz < _MEL_KNEE_HZ:
        return hertz / _MEL_LINEAR_HZ
    return float(_MEL_KNEE_HZ / _MEL_LINEAR_HZ + np.log(hertz / _MEL_KNEE_HZ) / _MEL_LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    knee = _MEL_KNEE_HZ / _MEL_LINEAR_HZ
    logarithmic = _MEL_KNEE_HZ * np.exp(_MEL_LOG_STEP * (mel - knee))
    return np.asarray(np.where(mel < knee, mel * _MEL_LINEAR_HZ, logarithmic))
