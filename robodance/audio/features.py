"""128 numbers per frame that describe how a song sounds.

The recipe ``logmel-onset-chroma-128/1``, at 50 frames a second, frame ``i`` centred on
``i / 50`` seconds of the song (its windows reach 46 ms, those of the chroma 186 ms, to
either side):

======== ============================ =====================================================
columns  names                        what
======== ============================ =====================================================
0-95     ``mel_00`` .. ``mel_95``     power in mel bands from 30 Hz to 10 kHz, dB, down to
                                      80 dB under the song's loudest
96-107   ``chroma_C`` .. ``chroma_B`` share of each pitch class, 110 Hz to 2.1 kHz
108-119  ``bass_C`` .. ``bass_B``     share of each pitch class, 41 Hz to 262 Hz
120-123  ``onset`` and ``onset_low``, rise of the mel bands since the frame before, mean
         ``_mid``, ``_high``          over all, under 200 Hz, to 2 kHz, above
124      ``loudness``                 power of the whole spectrum, dB
125      ``brightness``               mean mel band, weighted by power
126      ``noisiness``                spectral flatness, dB
127      ``harmonic_change``          distance of the chroma before and after, 0 to 2
======== ============================ =====================================================

Each column is then brought to zero mean and unit variance over the song and clipped to
plus or minus 4; a column that does not change in this song is 0 throughout. So neither
the level nor the equalisation of a recording matters, and quiet songs look like loud
ones. Weights record ``KIND``; when the recipe changes, so must its number.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from robodance.audio.spectrum import (
    Float32,
    chroma_filters,
    filtered_spectrum,
    mel_centres_hz,
    mel_filters,
    to_decibels,
)
from robodance.values import FEATURE_DIM, SongFeatures

__all__ = ["FEATURE_NAMES", "FRAME_RATE_HZ", "KIND", "extract_features"]

KIND = "logmel-onset-chroma-128/1"
FRAME_RATE_HZ = 50.0

_RATE_HZ = 22_050
_FRAME = 2048  # samples of 22,050 Hz: 93 ms
_MEL_BANDS, _MEL_LOW_HZ, _MEL_HIGH_HZ = 96, 30.0, 10_000.0
_LOW_HZ, _MID_HZ = 200.0, 2000.0  # where the low and the middle onset bands end
_CHROMA_RATE_HZ = 11_025
_CHROMA_FRAME = 4096  # samples of 11,025 Hz: 372 ms, tells semitones apart from about 90 Hz
_CLIP = 4.0
_STILL = 1e-4  # standard deviation under which a column counts as constant

_PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FEATURE_NAMES: tuple[str, ...] = (
    *(f"mel_{band:02d}" for band in range(_MEL_BANDS)),
    *(f"chroma_{pitch}" for pitch in _PITCHES),
    *(f"bass_{pitch}" for pitch in _PITCHES),
    *("onset", "onset_low", "onset_mid", "onset_high"),
    *("loudness", "brightness", "noisiness", "harmonic_change"),
)
assert len(FEATURE_NAMES) == FEATURE_DIM


def extract_features(samples: NDArray[np.float32], sample_rate_hz: int) -> SongFeatures:
    """Describe a song by 128 numbers, 50 times a second.

    Args:
        samples: Shape (N,), mono.
        sample_rate_hz: Samples per second; anything but 22,050 is resampled first.

    Returns:
        Features of shape (T, 128), T = ceil(50 N / sample_rate_hz), normalised over the
        song. The same samples always give the same numbers.
    """
    samples = np.asarray(samples, dtype=np.float32)
    frames = max(1, int(np.ceil(FRAME_RATE_HZ * samples.size / sample_rate_hz)))
    if sample_rate_hz != _RATE_HZ:
        samples = soxr.resample(samples, sample_rate_hz, _RATE_HZ)
    mel = filtered_spectrum(samples, _centres(frames, _RATE_HZ), _FRAME, _mel_bank())
    decibels = to_decibels(mel)
    chroma, bass = _pitch_classes(samples, frames)
    columns = np.hstack((
        decibels,
        chroma,
        bass,
        _onsets(decibels),
        _spectral_shape(mel, decibels),
        _harmonic_change(chroma)[:, None],
    ))
    return SongFeatures(_normalised(columns), FRAME_RATE_HZ, KIND, FEATURE_NAMES)


def _centres(frames: int, rate_hz: int) -> NDArray[np.int64]:
    return np.asarray(np.rint(np.arange(frames) * (rate_hz / FRAME_RATE_HZ)), dtype=np.int64)


def _mel_bank() -> Float32:
    return mel_filters(_RATE_HZ, _FRAME, _MEL_BANDS, _MEL_LOW_HZ, _MEL_HIGH_HZ)


def _pitch_classes(samples: Float32, frames: int) -> tuple[Float32, Float32]:
    """Return chroma and bass chroma, each (T, 12), rows summing to 1 (or 0 in silence)."""
    slow = soxr.resample(samples, _RATE_HZ, _CHROMA_RATE_HZ)
    bank = np.vstack([
        chroma_filters(_CHROMA_RATE_HZ, _CHROMA_FRAME, 110.0, 2100.0),
        chroma_filters(_CHROMA_RATE_HZ, _CHROMA_FRAME, 41.0, 262.0),
    ])
    # The window is 19 frames long: every second frame is enough, the others are between.
    half = _centres(frames, _CHROMA_RATE_HZ)[::2]
    energy = filtered_spectrum(slow, half, _CHROMA_FRAME, bank, power=1.0)
    energy = np.repeat(energy, 2, axis=0)[:frames]
    energy[1:-1:2] = 0.5 * (energy[0:-2:2] + energy[2::2])
    return _shares(energy[:, :12]), _shares(energy[:, 12:])


def _shares(energy: Float32) -> Float32:
    total = energy.sum(axis=1, keepdims=True)
    loud = total > 1e-4 * max(float(total.max(initial=0.0)), 1e-12)
    return np.where(loud, energy / np.where(loud, total, 1.0), 0.0).astype(np.float32)


def _onsets(decibels: Float32) -> Float32:
    """Return the mean rise of all, low, middle and high mel bands, shape (T, 4)."""
    rise = np.maximum(np.diff(decibels, axis=0, prepend=decibels[:1]), 0.0)
    hertz = mel_centres_hz(_MEL_BANDS, _MEL_LOW_HZ, _MEL_HIGH_HZ)[1:-1]
    bands = (hertz > 0.0, hertz < _LOW_HZ, (hertz >= _LOW_HZ) & (hertz < _MID_HZ), hertz >= _MID_HZ)
    return np.stack([rise[:, band].mean(axis=1) for band in bands], axis=1)


def _spectral_shape(mel: Float32, decibels: Float32) -> Float32:
    """Return loudness, brightness and noisiness, shape (T, 3)."""
    total = mel.sum(axis=1)
    brightness = mel @ np.arange(_MEL_BANDS, dtype=np.float32) / np.maximum(total, 1e-20)
    mean_db = to_decibels(mel.mean(axis=1))
    noisiness = decibels.mean(axis=1) - 10.0 * np.log10(
        np.maximum((10.0 ** (decibels / 10.0)).mean(axis=1), 1e-20)
    )
    silent = total <= 1e-8 * max(float(total.max(initial=0.0)), 1e-20)
    return np.stack(
        [mean_db, np.where(silent, 0.0, brightness), np.where(silent, 0.0, noisiness)], axis=1
    ).astype(np.float32)


def _harmonic_change(chroma: Float32) -> Float32:
    """Return the L1 distance of the mean chroma of 0.3 s before and after, shape (T,)."""
    reach = int(0.3 * FRAME_RATE_HZ)
    total = np.cumsum(np.pad(chroma, ((reach + 1, reach), (0, 0)), mode="edge"), axis=0)
    here = np.arange(reach, reach + len(chroma))
    before = total[here] - total[here - reach]
    after = total[here + reach] - total[here]
    return np.asarray(np.abs(after - before).sum(axis=1) / reach, dtype=np.float32)


def _normalised(columns: Float32) -> NDArray[np.float64]:
    values = columns.astype(np.float64)
    spread = values.std(axis=0)
    still = spread < _STILL
    scaled = (values - values.mean(axis=0)) / np.where(still, 1.0, spread)
    scaled[:, still] = 0.0
    return np.asarray(np.clip(scaled, -_CLIP, _CLIP))
