"""Draw a song out, or push it together, along any map of time, without changing its pitch.

A phase vocoder: short spectra are read wherever the map says and put down at even
distances, each one's phases carried on from the last, neighbouring bins turned together
(after Laroche and Dolson, *Improved phase vocoder time-scale modification of audio*, 1999),
and the song's own phases where something is struck. Libraries stretch by one factor; here
the factor changes from frame to frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from robodance.values import FloatArray

__all__ = ["stretched"]

WINDOW = 2048
HOP = WINDOW // 4
BATCH = 128  # frames whose spectra are computed in one go
STRUCK = 0.6  # rise of the spectrum, over its level, from which a frame keeps its own phases

Float32 = NDArray[np.float32]
Spectra = NDArray[np.complex64]


def stretched(
    samples: Float32, place: Callable[[FloatArray], FloatArray], count: int, step: int
) -> Iterator[Float32]:
    """Yield ``count`` samples in blocks of ``step`` (the last one may be shorter).

    Args:
        samples: Shape (N, C), the song.
        place: Which sample of the song, (n,), sounds at samples (n,) of the result; rising.
        count: Length of the result.
        step: Length of a block.
    """
    ready = np.zeros((0, samples.shape[1]), dtype=np.float32)
    given = 0
    for piece in _pieces(samples, place, count):
        ready = np.concatenate([ready, piece])
        while len(ready) >= step or (given + len(ready) >= count > given):
            block = ready[: min(step, count - given)]
            ready = ready[len(block) :]
            given += len(block)
            yield block
            if given >= count:
                return


def _pieces(
    samples: Float32, place: Callable[[FloatArray], FloatArray], count: int
) -> Iterator[Float32]:
    """Yield the result from its first sample on, a batch of frames at a time."""
    channels = samples.shape[1]
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    level = float((window**2).sum()) / HOP
    tail = np.zeros((WINDOW, channels), dtype=np.float32)
    last: tuple[Spectra, Spectra] | None = None
    frames = count // HOP + WINDOW // HOP + 1
    for first in range(0, frames, BATCH):
        # Frame j is centred on sample j * HOP - WINDOW / 2 of the result: the first half
        # window, and the last, are thrown away.
        centres = np.arange(first, min(first + BATCH, frames)) * HOP - WINDOW // 2
        at = np.rint(place(centres.astype(np.float64))).astype(np.int64)
        now = _spectra(samples, at, window)  # (n, K, C)
        before = _spectra(samples, at - HOP, window).mean(axis=2)
        turned, last = _carried_on(now.mean(axis=2), before, last)
        waves = scipy.fft.irfft(now * turned[:, :, None], WINDOW, axis=1) * window[:, None]
        joined = np.zeros((len(at) * HOP + WINDOW, channels), dtype=np.float32)
        joined[:WINDOW] = tail
        for j, wave in enumerate(waves):
            joined[j * HOP : j * HOP + WINDOW] += wave
        tail = joined[len(at) * HOP :][:WINDOW]
        begin = WINDOW if first == 0 else 0
        yield joined[begin : len(at) * HOP] / level


def _spectra(samples: Float32, centres: NDArray[np.int64], window: Float32) -> Spectra:
    """Return windowed spectra (n, K, C) around samples; silence outside the song."""
    index = centres[:, None] + np.arange(-WINDOW // 2, WINDOW // 2)
    inside = (index >= 0) & (index < len(samples))
    frames = samples[np.clip(index, 0, len(samples) - 1)] * (inside * window)[:, :, None]
    return np.asarray(scipy.fft.rfft(frames, axis=1), dtype=np.complex64)


def _carried_on(
    now: Spectra, before: Spectra, last: tuple[Spectra, Spectra] | None
) -> tuple[Spectra, tuple[Spectra, Spectra]]:
    """Return how far each bin's phase is turned.

    Args:
        now: Shape (n, K), the frames' spectra.
        before: Shape (n, K), those of the song one distance earlier than each.
        last: The spectrum (K,) of the frame put down last, and how it was turned.

    Returns:
        Shape (n, K), numbers of length 1; and ``last`` for the next call.
    """
    turned = np.ones_like(now)
    louder = np.maximum(np.abs(now) - np.abs(before), 0.0).sum(axis=1)
    struck = louder > STRUCK * np.abs(now).sum(axis=1)
    previous = np.concatenate([now[:1] if last is None else last[0][None], now[:-1]])
    # What the song's phases did where it is read, against what they do where it is heard.
    steps = _unit(previous * np.conj(before))
    level = np.abs(now) + 1e-9
    turn = np.ones_like(now[0]) if last is None else last[1]
    for j in range(len(now)):
        if struck[j] or (j == 0 and last is None):
            turn = np.ones_like(turn)
        else:
            # Neighbouring bins belong to one partial: the loudest of them says how to turn.
            strong = level[j] * turn * steps[j]
            around = strong.copy()
            around[1:] += strong[:-1]
            around[:-1] += strong[1:]
            turn = _unit(around)
        turned[j] = turn
    return turned, (now[-1], turn)


def _unit(values: Spectra) -> Spectra:
    """Return numbers of length 1 in the same direction; 1 where there is none."""
    length = np.abs(values)
    return np.where(length > 1e-12, values / np.maximum(length, 1e-12), 1.0).astype(np.complex64)
