"""Where exactly the beats are: each one at its attack, all of them on a smooth tempo curve."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.linalg
import scipy.ndimage
from numpy.typing import NDArray

from robodance.audio.onsets import frame_centres
from robodance.audio.spectrum import Float32, filtered_spectrum
from robodance.values import FloatArray

__all__ = ["Attacks", "TimedBeats", "find_attacks", "time_beats"]

ATTACK_RATE_HZ = 500.0

_FRAME = 256  # samples of 22,050 Hz: 12 ms
_EDGES_HZ = (0.0, 220.0, 700.0, 2000.0, 4500.0, 11_025.0)
_COMPRESSION = 20.0
_SEARCH_S = (0.050, 0.030)  # how far from the first and the second guess an attack is sought
_FOLD_S = 0.040
# From a slow curve to a straight line: beats over which the tempo is smoothed, to the 4th power.
_STIFFNESS = (1.0, 2.5**4, 6.0**4, 16.0**4, np.inf)
_SPARE_SHARE, _SPARE_S = 1.3, 0.0015  # how much worse a stiffer curve may fit
_STRETCH_BEATS, _STRAY_S = 12, 0.008  # a curve may not miss so many beats to one side by so much
_START_SHARE = 0.2  # an attack starts when this share of its rise is over ...
_START_BIAS_S = 0.0035  # ... which the 12 ms window sees this much too early


@dataclass(frozen=True)
class Attacks:
    """Loudness and its rise at ``ATTACK_RATE_HZ``, compressed, all bands together.

    Attributes:
        level: Shape (T,).
        rise: Shape (T,), not negative.
    """

    level: FloatArray
    rise: FloatArray


@dataclass(frozen=True)
class TimedBeats:
    """Beats on a smooth tempo curve.

    Attributes:
        times_s: Shape (B,).
        spread_s: How far the attacks lie from the curve (median absolute deviation).
        steady: True when a constant tempo explains the attacks.
    """

    times_s: FloatArray
    spread_s: float
    steady: bool


def find_attacks(samples: NDArray[np.float32], sample_rate_hz: int) -> Attacks:
    """Follow the loudness of five bands in steps of 2 ms."""
    frequencies = np.fft.rfftfreq(_FRAME, 1.0 / sample_rate_hz)
    bank = np.stack([
        (frequencies >= low) & (frequencies < high) for low, high in pairwise(_EDGES_HZ)
    ])
    centres = frame_centres(samples.size, ATTACK_RATE_HZ, sample_rate_hz)
    power = filtered_spectrum(samples, centres, _FRAME, bank.astype(np.float32))
    amplitude: Float32 = np.sqrt(power)
    typical = np.sqrt(power.mean(axis=0)) + 1e-9
    level = np.log1p(_COMPRESSION * amplitude / (typical**0.7 * typical.max() ** 0.3))
    rise = np.zeros_like(level)
    rise[1:-1] = np.maximum(0.0, level[2:] - level[:-2])
    return Attacks(level.sum(axis=1).astype(np.float64), rise.sum(axis=1).astype(np.float64))


def time_beats(rough_s: FloatArray, attacks: Attacks) -> TimedBeats:
    """Move rough beats onto attacks, then onto the stiffest tempo curve that fits them.

    Args:
        rough_s: Shape (B,), beats within about 30 ms.
        attacks: Of the same song.
    """
    smooth = scipy.ndimage.gaussian_filter1d(attacks.rise, 2.0)
    curve, spread, steady = rough_s, 0.0, False
    for reach in _SEARCH_S:
        reach = min(reach, 0.12 * float(np.median(np.diff(rough_s))))
        heard, weight = _nearest_attacks(curve, smooth, reach)
        curve, spread, steady = _stiffest_curve(heard, weight)
    return TimedBeats(curve + _attack_start(curve, attacks.level), spread, steady)


def _nearest_attacks(
    guess_s: FloatArray, rise: FloatArray, reach_s: float
) -> tuple[FloatArray, FloatArray]:
    """Find the strongest rise near each guess, (B,) seconds, and how clear it is, (B,) 0..1."""
    reach = max(2, round(reach_s * ATTACK_RATE_HZ))
    offsets = np.arange(-reach, reach + 1)
    frames = np.rint(guess_s * ATTACK_RATE_HZ).astype(np.int64)
    inside = (frames[:, None] + offsets >= 0) & (frames[:, None] + offsets < rise.size)
    window = np.where(inside, rise[np.clip(frames[:, None] + offsets, 0, rise.size - 1)], 0.0)
    near = window * np.exp(-0.5 * (offsets / (0.7 * reach)) ** 2)
    best = near.argmax(axis=1)
    peak = np.take_along_axis(window, best[:, None], axis=1)[:, 0]
    strong = float(np.percentile(rise, 98.0)) + 1e-9
    weight = np.clip((peak - np.median(rise)) / strong, 0.0, 1.0) + 1e-3
    return (frames + offsets[best] + _vertex(window, best)) / ATTACK_RATE_HZ, weight


def _vertex(window: FloatArray, best: NDArray[np.int64]) -> FloatArray:
    """Return by how much of a frame the top of a parabola through each peak is off it."""
    rows = np.arange(len(best))
    middle = np.clip(best, 1, window.shape[1] - 2)
    left, top, right = (window[rows, middle + k] for k in (-1, 0, 1))
    bend = left - 2.0 * top + right
    offset = np.where(bend < -1e-12, 0.5 * (left - right) / np.where(bend < -1e-12, bend, -1), 0.0)
    return np.where(middle == best, np.clip(offset, -0.5, 0.5), 0.0)


def _stiffest_curve(heard_s: FloatArray, weight: FloatArray) -> tuple[FloatArray, float, bool]:
    fits = [_robust_curve(heard_s, weight, stiffness) for stiffness in _STIFFNESS]
    allowed = _SPARE_SHARE * fits[0][1] + _SPARE_S
    chosen = len(fits) - 1
    for softer in range(len(fits) - 1, -1, -1):
        curve, spread = fits[softer]
        gaps = np.diff(curve)
        if gaps.min() < 0.5 * float(np.median(gaps)):
            break  # it follows the attacks where they are no beats; stay with the stiffer one
        chosen = softer
        if spread <= allowed and _strays_by(heard_s - curve, weight) <= _STRAY_S + spread:
            break
    curve, spread = fits[chosen]
    return curve, spread, chosen == len(fits) - 1


def _strays_by(error_s: FloatArray, weight: FloatArray) -> float:
    """How far all attacks of some stretch lie to one side of the curve, in seconds.

    Stretches in which little is heard have no say.
    """
    clear = 0.5 * float(weight.mean())
    stray = 0.0
    for start in range(0, max(1, len(error_s) - _STRETCH_BEATS // 2), _STRETCH_BEATS // 2):
        part = slice(start, start + _STRETCH_BEATS)
        if float(weight[part].mean()) > clear:
            stray = max(stray, abs(_weighted_median(error_s[part], weight[part])))
    return stray


def _robust_curve(
    heard_s: FloatArray, weight: FloatArray, stiffness: float
) -> tuple[FloatArray, float]:
    """Fit a smooth curve to beat times, giving less and less weight to those far off it."""
    trust = weight
    curve, spread = heard_s, 0.0
    for _ in range(8):
        curve = _curve(heard_s, trust, stiffness)
        error = np.abs(heard_s - curve)
        spread = _weighted_median(error, weight)
        trust = weight / (1.0 + (error / max(2.0 * spread, 0.002)) ** 2)
    return curve, spread


def _curve(heard_s: FloatArray, trust: FloatArray, stiffness: float) -> FloatArray:
    """Minimise sum of trust (x - heard)^2 plus stiffness times squared second differences."""
    index = np.arange(len(heard_s), dtype=np.float64)
    if np.isinf(stiffness):
        slope, start = np.polyfit(index, heard_s, 1, w=np.sqrt(trust))
        return np.asarray(start + slope * index)
    bands = np.zeros((3, len(heard_s)))  # upper form for solveh_banded
    bands[2] = trust
    second_difference = (1.0, -2.0, 1.0)
    for a, left in enumerate(second_difference):
        for b in range(a, 3):
            bands[2 - (b - a), b : len(heard_s) - 2 + b] += stiffness * left * second_difference[b]
    return np.asarray(scipy.linalg.solveh_banded(bands, trust * heard_s))


def _weighted_median(values: FloatArray, weight: FloatArray) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])])


def _attack_start(curve_s: FloatArray, level: FloatArray) -> float:
    """How far the start of the average attack is from the beats, in seconds.

    The level is averaged over all beats, so that only what keeps to the beat remains;
    its rise starts where it has climbed a fifth of the way.
    """
    offsets = np.arange(-_FOLD_S, _FOLD_S + 1e-9, 0.5 / ATTACK_RATE_HZ)
    moments = (curve_s[:, None] + offsets) * ATTACK_RATE_HZ
    mean = np.interp(moments, np.arange(level.size), level).mean(axis=0)
    steepest = int(np.gradient(mean).argmax())
    bottom = int(mean[: steepest + 1].argmin())
    top = steepest + int(mean[steepest:].argmax())
    threshold = mean[bottom] + _START_SHARE * (mean[top] - mean[bottom])
    start = int(np.argmax(mean[bottom : top + 1] >= threshold)) + bottom
    if start == 0:
        return 0.0
    part = (threshold - mean[start - 1]) / max(mean[start] - mean[start - 1], 1e-12)
    return float(np.interp(start - 1 + part, np.arange(len(offsets)), offsets)) + _START_BIAS_S
