"""What a dance's music does, on the dance's clock."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from robodance.learning.metrics import joint_speed
from robodance.values import FloatArray

__all__ = ["CodedBeats", "coded_beats", "energy_correlation", "loudness_db", "window_energies"]

LOUDNESS_WINDOW_S = 0.1
FLOOR_DB = -80.0
WINDOW_BEATS = 4
FEWEST_WINDOWS = 4  # fewer say nothing about a correlation
CODED_TOLERANCE_S = 0.15  # of Ban's hit rate

CodedBeats = tuple[FloatArray, FloatArray]


def loudness_db(
    samples: NDArray[np.float32], sample_rate_hz: int, times_s: FloatArray
) -> FloatArray:
    """Return the level of a song around some moments: 100 ms of power, dB under full scale."""
    power = np.concatenate([[0.0], np.cumsum(np.asarray(samples, dtype=np.float64) ** 2)])
    half = LOUDNESS_WINDOW_S / 2
    first = np.clip(((times_s - half) * sample_rate_hz).astype(int), 0, len(power) - 1)
    last = np.clip(((times_s + half) * sample_rate_hz).astype(int), 0, len(power) - 1)
    mean = (power[last] - power[first]) / np.maximum(last - first, 1)
    return np.asarray(np.maximum(10.0 * np.log10(np.maximum(mean, 1e-12)), FLOOR_DB))


def coded_beats(samples: NDArray[np.float32], sample_rate_hz: int) -> CodedBeats:
    """Return the "music beats" of Ban 2021 as coded: for coverage, and for hits; seconds.

    Peaks of librosa's onset strength (``peak_pick`` with 3, 3, 3, 3, 0.5, 2) count for the
    coverage; *all onsets* that ``onset_detect`` finds count for the hits, within 150 ms.
    """
    import librosa

    strength = librosa.onset.onset_strength(y=np.asarray(samples), sr=sample_rate_hz)
    picked = librosa.util.peak_pick(
        strength, pre_max=3, post_max=3, pre_avg=3, post_avg=3, delta=0.5, wait=2
    )
    onsets = librosa.onset.onset_detect(onset_envelope=strength, sr=sample_rate_hz)
    peaks = librosa.frames_to_time(picked, sr=sample_rate_hz)
    return np.asarray(peaks), np.asarray(librosa.frames_to_time(onsets, sr=sample_rate_hz))


def window_energies(
    joint_positions_m: FloatArray,
    rate_hz: float,
    loudness: FloatArray,
    beats_s: FloatArray,
    beats: int = WINDOW_BEATS,
) -> tuple[FloatArray, FloatArray]:
    """Return the mean joint speed and the mean loudness of windows of four beats.

    Windows begin one beat apart.

    Args:
        joint_positions_m: Shape (T, 21, 3).
        rate_hz: Frames per second.
        loudness: Shape (T,), dB.
        beats_s: Shape (B,), seconds from the first frame.
        beats: Beats in a window.
    """
    speed = joint_speed(joint_positions_m, rate_hz)
    edges = np.clip(np.rint(beats_s * rate_hz).astype(int), 0, len(speed))
    first, last = edges[:-beats], edges[beats:]
    keep = last > first
    first, last = first[keep], last[keep]

    def mean(values: FloatArray) -> FloatArray:
        total = np.concatenate([[0.0], np.cumsum(values)])
        return np.asarray((total[last] - total[first]) / (last - first))

    return mean(speed), mean(np.asarray(loudness)[: len(speed)])


def energy_correlation(speeds: FloatArray, loudness: FloatArray) -> float:
    """Return Pearson's correlation of window speeds and loudness; NaN where either is constant."""
    if len(speeds) < FEWEST_WINDOWS or speeds.std() < 1e-9 or loudness.std() < 1e-9:
        return float("nan")
    return float(np.corrcoef(speeds, loudness)[0, 1])
