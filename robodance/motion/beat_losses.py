"""What the robot could not do of what the dancer did, beat by beat."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from robodance.motion.targets import STOP_WINDOW_S, arm_stops
from robodance.values import BeatLosses, BoolArray, FloatArray, IntArray

__all__ = ["beat_means", "frames_of_beats", "hit_beats", "marked_frames", "measure_beats", "near"]

HIT_FRAMES = 1
MINIMUM_SHARE = 0.5  # of the largest speed within half a second; a stop is under a fifth
MOVING_M_S = 0.02  # a hand that never gets faster rests, and a resting hand hits no beat

Hands = Mapping[str, FloatArray]


def measure_beats(
    beats_s: FloatArray,
    moments_s: FloatArray,
    arm_errors_deg: Mapping[str, FloatArray],
    hands: tuple[Hands, Hands, Hands],
    rate_hz: float,
) -> BeatLosses:
    """Return what was lost beat by beat.

    Args:
        beats_s: Shape (B,), the beats that are danced, song time.
        moments_s: Shape (F,), song time of the frames.
        arm_errors_deg: Bone to its direction error, (F,).
        hands: Side to the hand's path in the chest frame, (F, 3), of the dancer, of the
            motion without speed limits and of the plan.
        rate_hz: Frames per second.
    """
    frames = frames_of_beats(beats_s, moments_s)
    names = tuple(arm_errors_deg)
    per_beat = np.stack([beat_means(arm_errors_deg[name], frames, len(beats_s)) for name in names])
    stops = [{side: arm_stops(path, rate_hz) > 0.0 for side, path in who.items()} for who in hands]
    counts = [np.zeros(len(beats_s), dtype=np.int64) for _ in range(3)]
    for side in stops[0]:
        wanted = stops[0][side]
        counts[0] += _per_beat(wanted, frames, len(beats_s))
        for count, done in zip(counts[1:], stops[1:], strict=True):
            count += _per_beat(wanted & near(done[side]), frames, len(beats_s))
    hits = [hit_beats(beats_s, moments_s, who, rate_hz) for who in hands]
    return BeatLosses(
        times_s=beats_s,
        error_deg=per_beat.mean(axis=0),
        worst_bone=tuple(names[i] for i in per_beat.argmax(axis=0)),
        stops=counts[0],
        stops_hit_before=counts[1],
        stops_hit_after=counts[2],
        hit_by_dancer=hits[0],
        hit_before=hits[1],
        hit_after=hits[2],
    )


def frames_of_beats(beats_s: FloatArray, moments_s: FloatArray) -> IntArray:
    """Return the beat that each frame is nearest to. Shape (F,); all 0 without beats."""
    middles = (beats_s[1:] + beats_s[:-1]) / 2.0
    return np.asarray(np.searchsorted(middles, moments_s, side="right"), dtype=np.int64)


def beat_means(values: FloatArray, frames: IntArray, beats: int) -> FloatArray:
    """Return the mean of values (F,) over each beat's frames. Shape (B,)."""
    total = np.bincount(frames, weights=values, minlength=beats)[:beats]
    return np.asarray(total / np.maximum(np.bincount(frames, minlength=beats)[:beats], 1))


def marked_frames(path_m: FloatArray, rate_hz: float) -> BoolArray:
    """Return where a hand's movement has an end: its stops and its clear speed minima.

    A clear minimum is a local one under half of the largest speed within half a second on
    either side, of a hand that moves at all.

    Args:
        path_m: Shape (F, 3), the hand in the chest frame.
        rate_hz: Frames per second.

    Returns:
        Shape (F,).
    """
    if len(path_m) < 5:
        return np.zeros(len(path_m), dtype=bool)
    speed = np.linalg.norm(np.gradient(path_m, axis=0), axis=1) * rate_hz
    half = max(1, round(STOP_WINDOW_S * rate_hz / 2))
    padded = np.pad(speed, half, mode="edge")
    largest = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1).max(axis=1)
    lowest = np.zeros(len(speed), dtype=bool)
    lowest[1:-1] = (speed[1:-1] <= speed[:-2]) & (speed[1:-1] < speed[2:])
    return np.asarray(lowest & (speed < MINIMUM_SHARE * largest) & (largest > MOVING_M_S))


def hit_beats(
    beats_s: FloatArray, moments_s: FloatArray, hands: Hands, rate_hz: float
) -> BoolArray:
    """Return which beats a hand hits: with a stop or a clear minimum within one frame of it.

    Shape (B,).
    """
    hit = np.zeros(len(beats_s), dtype=bool)
    for path in hands.values():
        times = moments_s[marked_frames(path, rate_hz)]
        if len(times):
            after = np.clip(np.searchsorted(times, beats_s), 1, len(times)) - 1
            other = np.minimum(after + 1, len(times) - 1)
            apart = np.minimum(np.abs(times[after] - beats_s), np.abs(times[other] - beats_s))
            hit |= apart <= HIT_FRAMES / rate_hz + 1e-9
    return hit


def near(marks: BoolArray) -> BoolArray:
    """Return marks widened by one frame on either side."""
    return np.convolve(marks, np.ones(2 * HIT_FRAMES + 1), mode="same") > 0.5


def _per_beat(marks: BoolArray, frames: IntArray, beats: int) -> IntArray:
    return np.asarray(np.bincount(frames[marks], minlength=beats)[:beats], dtype=np.int64)
