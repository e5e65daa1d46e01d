"""When something begins to sound: how strongly, and in which part of the spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import soxr
from numpy.typing import NDArray

from robodance.audio.spectrum import (
    Float32,
    chroma_filters,
    filtered_spectrum,
    mel_centres_hz,
    mel_filters,
)
from robodance.values import FloatArray

__all__ = ["ONSET_RATE_HZ", "Onsets", "find_onsets", "frame_centres"]

ONSET_RATE_HZ = 125.0

_RATE_HZ = 22_050
_FRAME = 1024  # samples: 46 ms
_BANDS, _LOW_HZ, _HIGH_HZ = 64, 30.0, 10_000.0
_BASS_TOP_HZ, _MIDDLE_TOP_HZ = 160.0, 4000.0
_LAG = 3  # frames: 24 ms, half a window, over which a band must have risen
_COMPRESSION = 20.0  # the higher, the more quiet onsets count
_LOCAL_S = 8.0  # loudness is judged against this much of the song around


@dataclass(frozen=True)
class Onsets:
    """Onset strengths and the harmony between them, frame ``i`` at ``i / ONSET_RATE_HZ``.

    Attributes:
        bass: Shape (T,), rise under 160 Hz: kick drum, bass.
        middle: Shape (T,), rise from 160 Hz to 4 kHz: snare, chords, voices.
        treble: Shape (T,), rise above: hi-hats, shakers.
        bands: Shape (T, 64), log magnitudes in mel bands.
        chroma: Shape (T, 12), pitch classes over 0.37 s, each row of length 1 or 0.
    """

    bass: FloatArray
    middle: FloatArray
    treble: FloatArray
    bands: Float32
    chroma: Float32


def frame_centres(samples: int, rate_hz: float, sample_rate_hz: int) -> NDArray[np.int64]:
    """Return the samples on which frames at ``rate_hz`` are centred."""
    frames = int(np.ceil(samples * rate_hz / sample_rate_hz))
    return np.asarray(np.rint(np.arange(frames) * sample_rate_hz / rate_hz), dtype=np.int64)


def find_onsets(samples: NDArray[np.float32], sample_rate_hz: int) -> Onsets:
    """Measure onsets 125 times a second.

    The flux of log magnitudes against the loudest neighbouring band 24 ms before, as in
    SuperFlux (Boeck and Widmer 2013), so that vibrato is no onset. Each curve is scaled
    to unit power over the 8 s around, but never lifted from near silence.
    """
    if sample_rate_hz != _RATE_HZ:
        samples = soxr.resample(samples, sample_rate_hz, _RATE_HZ)
    centres = frame_centres(samples.size, ONSET_RATE_HZ, _RATE_HZ)
    filters = mel_filters(_RATE_HZ, _FRAME, _BANDS, _LOW_HZ, _HIGH_HZ)
    magnitudes = filtered_spectrum(samples, centres, _FRAME, filters, power=1.0)
    typical = np.sqrt(np.mean(np.square(magnitudes), axis=0)) + 1e-9
    # Judge each band against its own level, tempered: treble is weak in every recording.
    bands = np.log1p(_COMPRESSION * magnitudes / (typical**0.7 * typical.max() ** 0.3))
    flux = _superflux(bands)
    hertz = mel_centres_hz(_BANDS, _LOW_HZ, _HIGH_HZ)[1:-1]
    bass = hertz < _BASS_TOP_HZ
    treble = hertz > _MIDDLE_TOP_HZ
    groups = (bass, ~bass & ~treble, treble)
    low, middle, high = (_levelled(flux[:, group].mean(axis=1)) for group in groups)
    return Onsets(low, middle, high, bands, _chroma(samples, len(centres)))


def _superflux(bands: Float32) -> Float32:
    before = scipy.ndimage.maximum_filter1d(bands, size=3, axis=1)
    flux = np.zeros_like(bands)
    flux[_LAG:] = np.maximum(0.0, bands[_LAG:] - before[:-_LAG])
    return flux


def _levelled(curve: Float32) -> FloatArray:
    """Scale to unit RMS over ``_LOCAL_S``, at most eight times the song's own scale."""
    power = np.square(curve.astype(np.float64))
    width = max(3, int(_LOCAL_S * ONSET_RATE_HZ))
    local = scipy.ndimage.uniform_filter1d(power, width, mode="nearest")
    local = np.maximum(np.sqrt(np.maximum(local, 0.0)), np.sqrt(power.mean()) / 8.0)
    return np.asarray(curve / np.maximum(local, 1e-9))


def _chroma(samples: Float32, frames: int) -> Float32:
    slow_rate, length, every = 11_025, 4096, 8
    slow = soxr.resample(samples, _RATE_HZ, slow_rate)
    centres = np.rint(np.arange(0, frames, every) * slow_rate / ONSET_RATE_HZ).astype(np.int64)
    bank = chroma_filters(slow_rate, length, 55.0, 2000.0)
    chroma = filtered_spectrum(slow, centres, length, bank, power=1.0)
    chroma /= np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-6)
    position = np.arange(frames) / every
    low = np.minimum(position.astype(np.int64), len(chroma) - 1)
    high = np.minimum(low + 1, len(chroma) - 1)
    share = (position - low)[:, None]
    return np.asarray((1 - share) * chroma[low] + share * chroma[high], dtype=np.float32)
