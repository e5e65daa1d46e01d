"""Kinematic beats of a dance, and how they meet the beats of its music.

What a kinematic beat is no paper defines exactly. Three detectors are kept apart, each at
the frame rate of its own paper; thresholds that no paper prints are named here. Times are
seconds from the dance's first frame. A constant part of a beat may lie between the moments
that a detector finds and the beats that people dance to (``phase_of`` on training units);
it is taken out before anything is called a hit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import argrelextrema

from robodance.choreography.beat_clock import resample
from robodance.skeleton import facing_direction
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = [
    "DETECTORS",
    "TOLERANCES_S",
    "acceleration_lock",
    "acceleration_profile",
    "aligned",
    "at_rate",
    "beat_alignment",
    "beat_positions",
    "detect_deviation",
    "detect_directogram",
    "detect_speed_minima",
    "detect_velocity_drops",
    "lock_sum",
    "phase_of",
    "smooth_speed_minima",
    "without_phase",
]

TOLERANCES_S = (0.035, 0.070, 0.150)
ANGLE_BINS = 8  # of the directogram; the paper prints none
DIRECTOGRAM_HZ, DEVIATION_HZ, DROPS_HZ, MINIMA_HZ = 15.0, 15.0, 10.0, 60.0
MINIMA_ORDER = 10  # frames to either side at 60 a second
ALIGNMENT_S = 0.05  # sigma of both beat alignment scores: 3 frames at 60 a second
LOCK_HZ = 25.0  # accelerations are seen at this rate, whatever rate a motion comes at
SMOOTHING_FRAMES = 5.0  # of the speed in the later score, at 60 a second


def at_rate(joint_positions_m: FloatArray, rate_hz: float, wanted_hz: float) -> FloatArray:
    """Read a dance at another frame rate by a cubic spline; the first frame stays."""
    count = int((len(joint_positions_m) - 1) / rate_hz * wanted_hz + 1e-9) + 1
    return resample(joint_positions_m, np.arange(count) * rate_hz / wanted_hz)


def detect_directogram(joint_positions_m: FloatArray, rate_hz: float) -> FloatArray:
    """Return kinematic beats as Lee et al. 2019 (section 3.1) find them; seconds.

    ``D(t, theta)`` sums the joints' displacements by their direction; a beat is a strong
    *offset*, a fall of ``D`` from one frame to the next summed over the directions, so
    that a halt and a turn of direction both count. 15 frames a second as in the paper. Our
    choices: the frontal plane of the dancer stands for the camera's picture, 8 directions,
    and an offset is strong where it is a local peak above mean plus one deviation.
    """
    joints = at_rate(joint_positions_m, rate_hz, DIRECTOGRAM_HZ)
    if len(joints) < 4:
        return np.zeros(0)
    facing = facing_direction(joints, DIRECTOGRAM_HZ)[:-1]
    left = np.stack([-facing[:, 1], facing[:, 0]], axis=1)
    steps = np.diff(joints, axis=0)
    aside = (steps[..., :2] * left[:, None]).sum(axis=2)
    upward = steps[..., 2]
    size = np.hypot(aside, upward)
    angle = np.arctan2(upward, aside) / (2 * np.pi)
    bins = np.floor(np.mod(angle + 0.5 / ANGLE_BINS, 1.0) * ANGLE_BINS).astype(int) % ANGLE_BINS
    gram = np.stack([(size * (bins == k)).sum(axis=1) for k in range(ANGLE_BINS)], axis=1)
    offset = np.maximum(gram[:-1] - gram[1:], 0.0).sum(axis=1)  # at frames 1..T-2
    strong = offset > offset.mean() + offset.std()
    return np.asarray((_peaks(offset, strong) + 1) / DIRECTOGRAM_HZ, dtype=np.float64)


def detect_deviation(joint_positions_m: FloatArray, rate_hz: float) -> FloatArray:
    """Return kinematic beats by the standard deviation of motion, as printed; seconds.

    Huang et al. 2020 and Ban 2021 "use the standard deviation of motion" after Yalta et
    al. 2019, who "observe that kinematic beats occur when the direction of motion changes
    drastically". Here: local minima, under its own mean, of the deviation of all joints'
    coordinates' displacements, 15 frames a second; no formula is printed.
    """
    steps = np.diff(at_rate(joint_positions_m, rate_hz, DEVIATION_HZ), axis=0)
    if len(steps) < 3:
        return np.zeros(0)
    deviation = steps.reshape(len(steps), -1).std(axis=1)
    slow = _peaks(-deviation, deviation < deviation.mean())
    return np.asarray((slow + 0.5) / DEVIATION_HZ, dtype=np.float64)


def detect_velocity_drops(joint_positions_m: FloatArray, rate_hz: float) -> FloatArray:
    """Return kinematic beats by the code that Yalta et al. published and Ban 2021 used; seconds.

    After Ho et al. 2013 and Chu and Tsai 2012, at Ban's 10 frames a second: each joint's
    speed over its largest; its fall from the last peak to each minimum, summed over the
    joints; sums under one standard deviation are dropped and of neighbouring ones the
    largest is kept. The published test that the direction turns at the same moment is
    true for every minimum (an "or" in the place of an "and"), so it is left out, as coded.
    It works on quaternions there and on joints' positions here.
    """
    steps = np.diff(at_rate(joint_positions_m, rate_hz, DROPS_HZ), axis=0)
    speed = np.linalg.norm(steps, axis=2)  # (T-1, 21)
    if len(speed) < 3:
        return np.zeros(0)
    speed = speed / np.maximum(speed.max(axis=0), 1e-12)
    drops = np.zeros(len(speed))
    for path in speed.T:
        for low in _peaks(-path):
            before = _peaks(path[: low + 1])
            if len(before):
                drops[low] += path[before[-1]] - path[low]
    strong = drops >= max(float(drops.std()), 1e-12)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], strong.astype(int), [0]])))
    runs = edges.reshape(-1, 2)
    found = [first + int(drops[first:last].argmax()) for first, last in runs]
    return (np.array(found, dtype=np.float64) + 0.5) / DROPS_HZ


def detect_speed_minima(joint_positions_m: FloatArray, rate_hz: float) -> FloatArray:
    """Return kinematic beats as AIST++ has them (Li et al., ICCV 2021, mint); seconds.

    Strict local minima, over 10 frames to either side at 60 frames a second, of the summed
    speed of the joints.
    """
    steps = np.diff(at_rate(joint_positions_m, rate_hz, MINIMA_HZ), axis=0)
    speed = np.linalg.norm(steps, axis=2).sum(axis=1)
    found = argrelextrema(speed, np.less, order=MINIMA_ORDER)[0]
    return np.asarray((found + 0.5) / MINIMA_HZ)


def smooth_speed_minima(joint_positions_m: FloatArray, rate_hz: float) -> FloatArray:
    """Return every local minimum of the smoothed mean joint speed; seconds.

    The kinematic beats of Bailando (Siyao et al., CVPR 2022) and of most later papers: a
    Gaussian of 5 frames at 60 frames a second, any minimum counts.
    """
    steps = np.diff(at_rate(joint_positions_m, rate_hz, MINIMA_HZ), axis=0)
    speed = gaussian_filter1d(np.linalg.norm(steps, axis=2).mean(axis=1), SMOOTHING_FRAMES)
    return np.asarray((argrelextrema(speed, np.less)[0] + 0.5) / MINIMA_HZ)


DETECTORS: dict[str, Callable[[FloatArray, float], FloatArray]] = {
    "directogram": detect_directogram,
    "deviation": detect_deviation,
    "drops": detect_velocity_drops,
    "minima": detect_speed_minima,
}


def beat_positions(times_s: FloatArray, beats_s: FloatArray) -> FloatArray:
    """Return moments as positions in beats; NaN before the first beat and after the last."""
    return np.interp(times_s, beats_s, np.arange(len(beats_s)), left=np.nan, right=np.nan)


def phase_of(vectors: list[tuple[FloatArray, FloatArray]]) -> float:
    """Return by how much of a beat kinematic beats lie behind the beats, on average; -0.5..0.5.

    The circular mean over several dances.

    Args:
        vectors: Kinematic beats and beats of each dance, seconds.
    """
    total = 0j
    for kinematic, beats in vectors:
        if len(beats) < 2:
            continue
        position = beat_positions(kinematic, beats)
        total += np.exp(2j * np.pi * position[np.isfinite(position)]).sum()
    return float(np.angle(total) / (2 * np.pi)) if abs(total) > 1e-12 else 0.0


def without_phase(kinematic_s: FloatArray, beats_s: FloatArray, phase: float) -> FloatArray:
    """Move kinematic beats earlier by a share of the beat that they lie in; seconds."""
    if len(beats_s) < 2 or not len(kinematic_s):
        return np.asarray(kinematic_s)
    gaps = np.diff(beats_s)
    inside = np.clip(np.searchsorted(beats_s, kinematic_s, side="right") - 1, 0, len(gaps) - 1)
    return np.asarray(kinematic_s - phase * gaps[inside])


def aligned(kinematic_s: FloatArray, beats_s: FloatArray, tolerance_s: float) -> int:
    """Return how many kinematic beats have a beat of the music within a tolerance.

    ``B_a`` of Lee et al. 2019; beat coverage is ``B_k / B_m`` and beat hit rate
    ``B_a / B_k``, for kinematic beats ``B_k`` and musical ones ``B_m``. No paper prints the
    tolerance. Several kinematic beats may share a beat of the music, as printed.
    """
    if not len(kinematic_s) or not len(beats_s):
        return 0
    return int((_nearest(kinematic_s, beats_s) <= tolerance_s + 1e-12).sum())


def beat_alignment(
    kinematic_s: FloatArray, beats_s: FloatArray, *, over: str
) -> tuple[float, float]:
    """Return sum and count of a beat alignment score, ``exp(-d^2 / 2 sigma^2)``.

    Args:
        kinematic_s: Kinematic beats.
        beats_s: Beats of the music.
        over: ``kinematic``: d from each kinematic beat to the nearest musical one (AIST++,
            mint); ``music``: the other way round (Bailando and later; rewards many
            kinematic beats).

    Returns:
        The score is sum over count; 0 of 1 where there is no kinematic beat.
    """
    if not len(kinematic_s) or not len(beats_s):
        return 0.0, 1.0
    one, other = (kinematic_s, beats_s) if over == "kinematic" else (beats_s, kinematic_s)
    scores = np.exp(-0.5 * (_nearest(one, other) / ALIGNMENT_S) ** 2)
    return float(scores.sum()), float(len(scores))


def lock_sum(
    joint_positions_m: FloatArray, rate_hz: float, beats_s: FloatArray, period_beats: float = 1.0
) -> tuple[complex, float]:
    """Return what ``acceleration_lock`` divides: a complex sum over frames, and a sum.

    ``sum a exp(2 pi i b / p)`` with the summed size of the joints' accelerations ``a``, the
    position ``b`` in beats and a period of ``p`` beats, and ``sum a``.
    """
    size, position = _accelerations(joint_positions_m, rate_hz, beats_s)
    turned = (size * np.exp(2j * np.pi * position / period_beats)).sum()
    return complex(turned), float(size.sum())


def acceleration_lock(sums: Sequence[tuple[complex, float]]) -> float:
    """Return how much the accelerations of some dances come at one moment of the beat.

    ``|sum a exp(2 pi i b / p)| / sum a`` over all frames of all dances: 0 for dances that do
    not know the beat, 1 for a jerk at the same moment of each (the mean resultant length of
    Fisher, Statistical Analysis of Circular Data, 1993). No detector and no threshold comes
    in. All motions are read at 25 frames a second, the rate of the dances: a finer one also
    counts the tremor and the landings that a coarser one does not see. NaN without any
    acceleration.

    Args:
        sums: ``lock_sum`` of dances that share a genre, and so an accent.
    """
    total = sum(size for _, size in sums)
    return abs(sum(turned for turned, _ in sums)) / total if total > 0.0 else float("nan")


def acceleration_profile(
    joint_positions_m: FloatArray, rate_hz: float, beats_s: FloatArray, bins: int = 16
) -> FloatArray:
    """Return the sum of accelerations by part of the beat; shape (bins,)."""
    size, position = _accelerations(joint_positions_m, rate_hz, beats_s)
    part = np.floor(np.mod(position, 1.0) * bins).astype(int) % bins
    return np.asarray(np.bincount(part, weights=size, minlength=bins), dtype=np.float64)


def _accelerations(
    joint_positions_m: FloatArray, rate_hz: float, beats_s: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return sizes of acceleration and positions in beats of the frames between beats."""
    joints = at_rate(joint_positions_m, rate_hz, LOCK_HZ)
    if len(beats_s) < 2 or len(joints) < 3:
        return np.zeros(0), np.zeros(0)
    bends = np.diff(joints, n=2, axis=0) * LOCK_HZ**2
    size = np.linalg.norm(bends, axis=2).sum(axis=1)
    position = beat_positions((np.arange(len(size)) + 1) / LOCK_HZ, beats_s)
    inside = np.isfinite(position)
    return size[inside], position[inside]


def _peaks(curve: FloatArray, allowed: BoolArray | None = None) -> IntArray:
    """Return the places of local maxima (a plateau's first), the ends left out."""
    inner = (curve[1:-1] > curve[:-2]) & (curve[1:-1] >= curve[2:])
    if allowed is not None:
        inner = inner & allowed[1:-1]
    return np.asarray(np.flatnonzero(inner) + 1, dtype=np.int64)


def _nearest(times: FloatArray, others: FloatArray) -> FloatArray:
    """Return how far each moment is from the nearest of others, which rise."""
    right = np.clip(np.searchsorted(others, times), 1, max(len(others) - 1, 1))
    left = np.minimum(right - 1, len(others) - 1)
    right = np.minimum(right, len(others) - 1)
    return np.asarray(np.minimum(np.abs(times - others[left]), np.abs(times - others[right])))
