"""What dances are measured against: everything that is learned from real training motion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from robodance.evaluation.beats import DETECTORS, at_rate, phase_of, smooth_speed_minima
from robodance.evaluation.crossmodal import CrossModal, PairedClips, train_cross_modal
from robodance.evaluation.dances import CLIP_HZ, Sample
from robodance.evaluation.features import (
    AIST_RATE_HZ,
    CODED_GEOMETRIC_FRAME_S,
    CODED_KINETIC_FRAME_S,
    SMPL_LENGTHS,
    geometric_features,
    kinetic_features,
)
from robodance.evaluation.novelty import windows
from robodance.evaluation.style import CLIP_FRAMES, StyleNet, clips_of, train_style
from robodance.learning.metrics import joint_speed, root_relative
from robodance.skeleton import mirror_positions
from robodance.values import FloatArray

__all__ = [
    "CLIP_S",
    "SEGMENT_HZ",
    "SPACES",
    "Bench",
    "build_bench",
    "describe_clips",
    "segments_of",
]

SPACES = ("style", "kinetic", "kinetic_coded", "geometric", "geometric_coded")
TRAINING_HOP = 6  # frames of 30 a second between training clips
SEGMENT_HZ, SEGMENT_S, CLIP_S = 15.0, 2.0, 1.0
SEGMENT_HOP_S = 0.25
LEAST_SPREAD = 0.02
"""Of a feature over real clips (published: 1e-10, so that a relation which real dance never
shows counts for everything)."""
EVERY = ""  # all genres together


@dataclass(frozen=True)
class Bench:
    """What is known of real training motion; by genre, and under ``""`` for all together.

    Attributes:
        genres: Those that the training motion has.
        style: Tells them apart; None: fewer than two genres.
        features: Clip features (N, D) by space and genre, each clip and its mirror image.
        scales: Mean and spread of each space over all training clips.
        windows: Clips (N, 15, 21, 3) of 1 s at 15 frames a second seen from the body, of
            units and of the joins that choreographies make, with mirror images, by genre.
        segments: Segments (N, 30, 21, 3) of 2 s, with mirror images, by genre.
        phases: Part of a beat that a detector's beats lie behind, by detector and genre.
        speeds: Mean joint speed of rebuilt dances, by genre.
        beats: Usual beat in seconds, by genre.
        cross_modal: Compares dance and music; None: no music.
    """

    genres: tuple[str, ...]
    style: StyleNet | None = field(repr=False)
    features: Mapping[str, Mapping[str, FloatArray]] = field(repr=False)
    scales: Mapping[str, tuple[FloatArray, FloatArray]] = field(repr=False)
    windows: Mapping[str, FloatArray] = field(repr=False)
    segments: Mapping[str, FloatArray] = field(repr=False)
    phases: Mapping[tuple[str, str], float]
    speeds: Mapping[str, float]
    beats: Mapping[str, float]
    cross_modal: CrossModal | None = field(default=None, repr=False)

    def key(self, genre: str | None) -> str:
        """Return under what a genre is found: itself where it is known, else all together."""
        return genre if genre in self.genres and genre is not None else EVERY

    def standard(self, space: str, features: FloatArray) -> FloatArray:
        """Return features on the scale of the training clips (as published: real statistics)."""
        mean, spread = self.scales[space]
        return np.asarray((features - mean) / spread)


EMPTY = Bench((), None, {}, {}, {}, {}, {}, {}, {})


def describe_clips(
    sample: Sample, style: StyleNet | None, hop: int
) -> tuple[dict[str, FloatArray], FloatArray, FloatArray]:
    """Return what each feature space says of a dance's clips.

    Args:
        sample: The dance.
        style: The classifier, or None.
        hop: Frames of 30 a second between two clips.

    Returns:
        Features by space, (N, 2, D) with the mirror image's second; log-probabilities
        (N, G); the clips' starts (N,) in seconds.
    """
    joints = sample.clip_joints_m
    both = (joints, mirror_positions(joints))
    found: dict[str, FloatArray] = {}
    scores = np.zeros((max(0, (len(joints) - CLIP_FRAMES) // hop + 1), 0))
    if style is not None:
        judged = [style.judge(clips_of(path, hop)) for path in both]
        found["style"] = np.stack([vectors for vectors, _ in judged], axis=1)
        scores = judged[0][1]
    clips = [windows(path, CLIP_FRAMES, hop) for path in both]
    double = int(AIST_RATE_HZ / CLIP_HZ)
    fine = [
        windows(at_rate(path, CLIP_HZ, AIST_RATE_HZ), double * CLIP_FRAMES - 1, double * hop)[
            : len(clips[0])
        ]
        for path in both
    ]
    frame_s = 1.0 / CLIP_HZ
    found["kinetic"] = np.stack([kinetic_features(c, frame_s) for c in clips], axis=1)
    found["kinetic_coded"] = np.stack(
        [kinetic_features(c, CODED_KINETIC_FRAME_S) for c in fine], axis=1
    )
    found["geometric"] = np.stack([geometric_features(c, frame_s) for c in clips], axis=1)
    found["geometric_coded"] = np.stack(
        [geometric_features(c, CODED_GEOMETRIC_FRAME_S, SMPL_LENGTHS) for c in fine], axis=1
    )
    return found, scores, np.arange(len(clips[0])) * hop / CLIP_HZ


def segments_of(
    joints_m: FloatArray, rate_hz: float, hop_s: float, length_s: float = SEGMENT_S
) -> FloatArray:
    """Return parts of a dance at 15 frames a second, seen from the body; (N, W, 21, 3)."""
    relative = root_relative(at_rate(joints_m, rate_hz, SEGMENT_HZ), SEGMENT_HZ)
    width = int(length_s * SEGMENT_HZ)
    if len(relative) < width:
        return np.zeros((0, width, 21, 3))
    return windows(relative, width, max(1, round(hop_s * SEGMENT_HZ)))


def build_bench(
    training: Sequence[Sample],
    rebuilt: Sequence[Sample],
    passages: Mapping[str, Sequence[tuple[FloatArray, float]]],
    *,
    beats: Mapping[str, float] | None = None,
    pairs: PairedClips | None = None,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Bench:
    """Learn everything from real training motion.

    Args:
        training: Real dances or units; none of those that are judged as held out.
        rebuilt: Dances whose mean speed is the usual one (the training itself, if none).
        passages: Real motion for segments by genre, joints and frame rate of each.
        beats: Usual beat of each genre, at which the passages are; None: the training's mean.
        pairs: Clips with their music, for the cross-modal measure.
        seed: Of the networks.
        progress: Told the share done.
    """
    tell = progress or (lambda share: None)
    genres = tuple(sorted({s.genre for s in training if s.genre is not None}))
    beats = _beats(training, genres) if beats is None else beats
    style = _style(training, genres, seed, lambda share: tell(0.6 * share))
    features: dict[str, dict[str, list[FloatArray]]] = {}
    for number, sample in enumerate(training):
        described, _, _ = describe_clips(sample, style, TRAINING_HOP)
        for key in {sample.genre or EVERY, EVERY}:
            for space, values in described.items():
                flat = values.reshape(-1, values.shape[2])
                features.setdefault(space, {}).setdefault(key, []).append(flat)
        tell(0.6 + 0.2 * number / len(training))
    joined = {
        space: {key: np.concatenate(parts) for key, parts in by_genre.items()}
        for space, by_genre in features.items()
    }
    cross = train_cross_modal(pairs, seed=seed) if pairs is not None else None
    tell(0.95)
    return Bench(
        genres=genres,
        style=style,
        features=joined,
        scales={
            space: (by[EVERY].mean(axis=0), np.maximum(by[EVERY].std(axis=0), LEAST_SPREAD))
            for space, by in joined.items()
        },
        windows=_parts(passages, CLIP_S, 1.0 / SEGMENT_HZ),
        segments=_parts(passages, SEGMENT_S, SEGMENT_HOP_S),
        phases=_phases(training, genres),
        speeds=_speeds(rebuilt or training, genres),
        beats=beats,
        cross_modal=cross,
    )


def _style(
    training: Sequence[Sample],
    genres: tuple[str, ...],
    seed: int,
    progress: Callable[[float], None],
) -> StyleNet | None:
    if len(genres) < 2:
        return None
    clips, labels = [], []
    for sample in training:
        if sample.genre is None:
            continue
        joints = sample.clip_joints_m
        for path in (joints, mirror_positions(joints)):
            found = clips_of(path, TRAINING_HOP // 2)
            clips.append(found)
            labels.append(np.full(len(found), genres.index(sample.genre)))
    together = np.concatenate(clips)
    if len(together) < 2:
        return None
    return train_style(
        together, np.concatenate(labels).astype(np.int64), genres, seed=seed, progress=progress
    )


def _parts(
    passages: Mapping[str, Sequence[tuple[FloatArray, float]]], length_s: float, hop_s: float
) -> dict[str, FloatArray]:
    found: dict[str, list[FloatArray]] = {}
    for genre, motions in passages.items():
        for joints, rate in motions:
            parts = segments_of(joints, rate, hop_s, length_s)
            found.setdefault(genre, []).extend([parts, mirror_positions(parts)])
    return _with_every({
        key: np.asarray(np.concatenate(parts), dtype=np.float32) for key, parts in found.items()
    })


def _with_every(by_genre: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Add everything together, thinned to what one genre has: for dances of other genres."""
    if EVERY in by_genre or not by_genre:
        return by_genre
    thin = len(by_genre)
    return by_genre | {EVERY: np.concatenate([parts[::thin] for parts in by_genre.values()])}


def _phases(training: Sequence[Sample], genres: tuple[str, ...]) -> dict[tuple[str, str], float]:
    """Return one constant phase for each detector and genre."""
    found: dict[tuple[str, str], float] = {}
    for name, detect in {**DETECTORS, "smooth": smooth_speed_minima}.items():
        beats = [
            (s.genre, detect(s.joints_m, s.rate_hz), s.beats_s)
            for s in training
            if len(s.beats_s) > 1
        ]
        for genre in genres:
            found[name, genre] = phase_of([(k, b) for g, k, b in beats if g == genre])
    return found


def _beats(training: Sequence[Sample], genres: tuple[str, ...]) -> dict[str, float]:
    """Return the mean beat of each genre's training motion."""
    found = {}
    for genre in genres:
        gaps = [np.diff(s.beats_s) for s in training if s.genre == genre and len(s.beats_s) > 1]
        if gaps:
            found[genre] = float(np.concatenate(gaps).mean())
    return found


def _speeds(samples: Sequence[Sample], genres: tuple[str, ...]) -> dict[str, float]:
    def mean(chosen: list[Sample]) -> float:
        speeds = [joint_speed(s.joints_m, s.rate_hz).mean() for s in chosen]
        return float(np.average(speeds, weights=[s.duration_s for s in chosen]))

    by_genre = {g: [s for s in samples if s.genre == g] for g in genres}
    return {g: mean(chosen) for g, chosen in by_genre.items() if chosen} | {
        EVERY: mean(list(samples))
    }
