"""What one dance says: sums that rows add up and draw from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT
from robodance.evaluation.beats import (
    DETECTORS,
    TOLERANCES_S,
    acceleration_profile,
    aligned,
    beat_alignment,
    lock_sum,
    smooth_speed_minima,
    without_phase,
)
from robodance.evaluation.bench import CLIP_S, EVERY, Bench, describe_clips, segments_of
from robodance.evaluation.crossmodal import music_vector
from robodance.evaluation.dances import CLIP_HZ, Row, Sample, on_the_beat_clock
from robodance.evaluation.music import (
    CODED_TOLERANCE_S,
    energy_correlation,
    window_energies,
)
from robodance.evaluation.novelty import dtw_distances, nearest_distances
from robodance.evaluation.physics import foot_contact_score, foot_skate
from robodance.evaluation.style import clips_of
from robodance.learning.gate import FAST, SLOW
from robodance.learning.metrics import (
    TWIN_WINDOW_BEATS,
    joint_speed,
    root_relative,
    support,
    support_slide,
    twin_share,
    window_speeds,
)
from robodance.skeleton import bone_lengths
from robodance.values import FloatArray

__all__ = ["Record", "records_of"]

CLIP_HOP = 15  # frames of 30 a second between two clips of a dance
SHORT_HOP = 3  # the same in units of a few seconds
SHORT_S = 8.0
MUSIC_BLOCK_S = 4.0
GROUPS = frozenset({"realism", "style", "body", "beat", "music", "variety"})


@dataclass(frozen=True)
class Record:
    """What one dance says.

    Attributes:
        name: Of the dance.
        genre: Its genre.
        song: Names its song; empty: none.
        features: Clip features (N, 2, D) by space.
        clip_starts_s: Shape (N,).
        sums: Numerator and denominator by measure.
        locks: Complex sum and sum of sizes by period in beats.
        curves: What the page draws: distances, profiles, speeds.
    """

    name: str
    genre: str | None
    song: str
    features: Mapping[str, FloatArray] = field(repr=False)
    clip_starts_s: FloatArray = field(repr=False)
    sums: Mapping[str, tuple[float, float]] = field(repr=False)
    locks: Mapping[int, tuple[complex, float]] = field(repr=False)
    curves: Mapping[str, FloatArray] = field(repr=False)


def records_of(
    row: Row,
    bench: Bench,
    *,
    novelty_segments: int,
    progress: Callable[[float], None] | None = None,
) -> list[Record]:
    """Measure every dance of a row.

    Args:
        row: The row.
        bench: What it is measured against.
        novelty_segments: Most segments of the row that are warped.
        progress: Told the share done.
    """
    groups = row.only or GROUPS
    cap = max(1, round(novelty_segments / max(len(row.samples), 1)))
    found = []
    for number, sample in enumerate(row.samples):
        found.append(_record(sample, bench, groups, cap, realism_only=row.kind == "chance"))
        if progress is not None:
            progress((number + 1) / len(row.samples))
    return found


def _record(
    sample: Sample, bench: Bench, groups: frozenset[str], cap: int, *, realism_only: bool
) -> Record:
    sums: dict[str, tuple[float, float]] = {}
    curves: dict[str, FloatArray] = {}
    features: dict[str, FloatArray] = {}
    starts = np.zeros(0)
    if groups & {"realism", "style", "variety"}:
        hop = CLIP_HOP if sample.duration_s > SHORT_S else SHORT_HOP
        features, scores, starts = describe_clips(sample, bench.style, hop)
        if "style" in groups:
            sums |= _style(sample, bench, scores)
        if "realism" in groups:
            sums |= _distances(sample, bench, 0 if realism_only else cap, curves)
    if "body" in groups:
        sums |= _body(sample, bench, curves)
    locks: dict[int, tuple[complex, float]] = {}
    if "beat" in groups:
        sums |= _beats(sample, bench)
        for period in (1, 2):
            locks[period] = lock_sum(sample.joints_m, sample.rate_hz, sample.beats_s, period)
        curves["profile"] = acceleration_profile(sample.joints_m, sample.rate_hz, sample.beats_s)
    if "music" in groups:
        sums |= _music(sample, bench)
    if "variety" in groups:
        sums |= _twins(sample)
    song = sample.music.song if sample.music is not None else ""
    return Record(sample.name, sample.genre, song, features, starts, sums, locks, curves)


def _style(sample: Sample, bench: Bench, scores: FloatArray) -> dict[str, tuple[float, float]]:
    """Whole dance by its mean log-probability, and clip by clip."""
    if bench.style is None or sample.genre not in bench.style.genres or not len(scores):
        return {}
    wanted = bench.style.genres.index(sample.genre)
    right = scores.argmax(axis=1) == wanted
    return {
        "style_dance": (float(scores.mean(axis=0).argmax() == wanted), 1.0),
        "style_clip": (float(right.sum()), float(len(right))),
    }


def _distances(
    sample: Sample, bench: Bench, cap: int, curves: dict[str, FloatArray]
) -> dict[str, tuple[float, float]]:
    found = {}
    key = bench.key(sample.genre)
    sample = sample.at_usual_beat(bench.beats.get(key))
    if key in bench.windows:
        seen = segments_of(sample.joints_m, sample.rate_hz, CLIP_HOP / CLIP_HZ, CLIP_S)
        if len(seen):
            nearest = nearest_distances(seen, bench.windows[key])
            curves["nearest"] = nearest
            found["nearest"] = (100.0 * float(nearest.sum()), float(len(nearest)))
    if cap and len(bench.segments.get(key, ())):
        parts = segments_of(sample.joints_m, sample.rate_hz, 1.0)
        if len(parts) > cap:
            parts = parts[np.linspace(0, len(parts) - 1, cap).round().astype(int)]
        if len(parts):
            warped = dtw_distances(parts, bench.segments[key])
            curves["novelty"] = warped
            found["novelty"] = (100.0 * float(warped.sum()), float(len(warped)))
    return found


def _body(
    sample: Sample, bench: Bench, curves: dict[str, FloatArray]
) -> dict[str, tuple[float, float]]:
    joints, rate = sample.joints_m, sample.rate_hz
    frames = float(len(joints))
    speed = joint_speed(joints, rate)
    found = {
        "speed": (float(speed.sum()), float(len(speed))),
        "slide": (support_slide(joints, rate) * frames, frames),
        "contact": (float(support(joints).mean()) * frames, frames),
    }
    lengths = bone_lengths(joints)
    usual = np.median(lengths, axis=0)
    wobble = float(np.abs(lengths / np.maximum(usual, 1e-6) - 1.0).mean())
    found["bones"] = (100.0 * wobble * frames, frames)
    seen = window_speeds(joints, rate)
    curves["speed"] = seen
    reference = bench.speeds.get(bench.key(sample.genre))
    if reference is not None:
        found["speed_share"] = (100.0 * float(speed.sum()), reference * len(speed))
        if sample.duration_s >= 1.0:
            count = float(len(seen))
            found["slow"] = (100.0 * float((seen < SLOW * reference).sum()), count)
            found["fast"] = (100.0 * float((seen > FAST * reference).sum()), count)
    clip = sample.clip_joints_m
    if len(clip) > 4:
        found["pfc"] = (foot_contact_score(clip, per_second=True), 1.0)
        found["pfc_coded"] = (foot_contact_score(clip), 1.0)
        for name, coded in (("fsr", False), ("fsr_coded", True)):
            skating, contact = foot_skate(clip, coded=coded)
            found[name] = (100.0 * skating, contact)
    return found


def _beats(sample: Sample, bench: Bench) -> dict[str, tuple[float, float]]:
    beats = sample.beats_s
    if len(beats) < 2:
        return {}
    found: dict[str, tuple[float, float]] = {}
    inside: dict[str, FloatArray] = {}
    for name, detect in {**DETECTORS, "smooth": smooth_speed_minima}.items():
        phase = bench.phases.get((name, sample.genre or EVERY), 0.0)
        inside[name] = without_phase(detect(sample.joints_m, sample.rate_hz), beats, phase)
    for name in DETECTORS:
        kinematic = inside[name]
        found[f"coverage_{name}"] = (100.0 * len(kinematic), float(len(beats)))
        for tolerance in TOLERANCES_S:
            hits = aligned(kinematic, beats, tolerance)
            found[f"hit_{name}_{1000 * tolerance:.0f}"] = (100.0 * hits, float(len(kinematic)))
    found["alignment_kinematic"] = beat_alignment(inside["minima"], beats, over="kinematic")
    found["alignment_music"] = beat_alignment(inside["smooth"], beats, over="music")
    coded = sample.music.coded if sample.music is not None else None
    if coded is not None:
        raw = DETECTORS["drops"](sample.joints_m, sample.rate_hz)  # as coded: no phase
        hits = aligned(raw, coded[1], CODED_TOLERANCE_S)
        found["coverage_coded"] = (100.0 * len(raw), float(len(coded[0])))
        found["hit_coded"] = (100.0 * hits, float(len(raw)))
    return found


def _music(sample: Sample, bench: Bench) -> dict[str, tuple[float, float]]:
    if sample.music is None:
        return {}
    found = {}
    speeds, loudness = window_energies(
        sample.joints_m, sample.rate_hz, sample.music.loudness_db, sample.beats_s
    )
    correlation = energy_correlation(speeds, loudness)
    if np.isfinite(correlation):
        found["energy"] = (correlation, 1.0)
    if bench.cross_modal is not None:
        joints = sample.clip_joints_m
        block = int(MUSIC_BLOCK_S * CLIP_HZ)
        clips, music = [], []
        for first in range(0, len(joints) - block + 1, block):
            found_clips = clips_of(joints[first : first + block], CLIP_HOP)
            begin, end = (int(k / CLIP_HZ * sample.rate_hz) for k in (first, first + block))
            clips.append(found_clips)
            vector = music_vector(sample.music.features[begin : max(end, begin + 2)])
            music.append(np.tile(vector, (len(found_clips), 1)))
        if clips:
            printed, coded = bench.cross_modal.distances(
                np.concatenate(clips), np.concatenate(music)
            )
            found["cross_modal"] = (float(printed.sum()), float(len(printed)))
            found["cross_modal_coded"] = (float(coded.sum()), float(len(coded)))
    return found


def _twins(sample: Sample) -> dict[str, tuple[float, float]]:
    clock = on_the_beat_clock(sample)
    if clock is None or len(clock) < (TWIN_WINDOW_BEATS + 2) * FRAMES_PER_BEAT:
        return {}
    beat_s = float(np.median(np.diff(sample.beats_s)))
    seen = root_relative(clock, FRAMES_PER_BEAT / beat_s)
    count = float(len(clock) // FRAMES_PER_BEAT - TWIN_WINDOW_BEATS + 1)
    return {"twins": (100.0 * twin_share(seen, FRAMES_PER_BEAT) * count, count)}


def of_genre(records: Sequence[Record], genre: str) -> list[Record]:
    """Return the records of one genre; all for the empty name."""
    return [r for r in records if not genre or r.genre == genre]
