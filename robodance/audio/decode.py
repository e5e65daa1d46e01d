"""Turn a song file into the samples that the ear works on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from robodance.errors import AudioError
from robodance.song_file import file_sha256, load_soundtrack
from robodance.values import Song

__all__ = ["SAMPLE_RATE_HZ", "SHORTEST_S", "load_song", "mix_to_mono"]

SAMPLE_RATE_HZ = 22_050
SHORTEST_S = 5.0
_SILENT = 1e-4  # peak: 80 dB under full scale, 3 steps of a 16-bit file
_CANCELLED = 0.05  # share of the channels' level under which their mean is not the song


def load_song(path: Path | str) -> Song:
    """Read a song file as one channel at 22,050 Hz.

    Args:
        path: Wav, mp3, flac, ogg, opus, aiff, m4a, mp4 ...; any rate, width and number
            of channels.

    Raises:
        AudioError: The file cannot be read, is silent or is shorter than 5 s.
    """
    channels, rate_hz = load_soundtrack(path)
    duration_s = channels.shape[0] / rate_hz
    if duration_s < SHORTEST_S:
        raise AudioError(
            f"{path}: lasts {duration_s:.2f} s; a dance needs a song of at least {SHORTEST_S:g} s"
        )
    mono = mix_to_mono(channels)
    mono -= mono.mean()
    if float(np.abs(mono).max()) < _SILENT:
        raise AudioError(f"{path}: is silent from beginning to end; give a song that sounds")
    if rate_hz != SAMPLE_RATE_HZ:
        mono = soxr.resample(mono, rate_hz, SAMPLE_RATE_HZ)
    return Song(
        path=str(path), sha256=file_sha256(path), samples=mono, sample_rate_hz=SAMPLE_RATE_HZ
    )


def mix_to_mono(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of the channels, or the loudest where they cancel each other.

    Args:
        channels: Shape (N, C).

    Returns:
        Shape (N,).
    """
    mono = channels.mean(axis=1)
    levels = np.sqrt(np.mean(np.square(channels), axis=0))
    if float(np.sqrt(np.mean(np.square(mono)))) < _CANCELLED * float(levels.max(initial=0.0)):
        mono = channels[:, int(np.argmax(levels))].copy()
    return np.asarray(mono, dtype=np.float32)
