"""The free-running gate: a network dances by itself and is measured against real dance.

A checkpoint is chosen by what it does in 5,000 frames on its own, never by its one-step
error (the study this rests on found that the error does not rank networks). Each figure
stands beside the same figure of *rebuilt* dances (training units chained as the
choreographies do) and of held-out units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, beat_phases
from robodance.choreography.body import DANCER, clean_body
from robodance.choreography.generators.autoregressive import AutoregressiveNet
from robodance.choreography.phrases import Vocabulary, draw_phrases, lay_out
from robodance.choreography.sampling import Normaliser, rollout
from robodance.learning.dataset import UnitLibrary, chain, rebuild_poses, to_sequence
from robodance.learning.metrics import (
    bone_error,
    joint_speed,
    longest_slow_run,
    root_relative,
    support,
    support_slide,
    twin_share,
    window_speeds,
)
from robodance.skeleton import decode_pose
from robodance.values import FloatArray

__all__ = [
    "Figures",
    "Verdict",
    "as_dict",
    "failures",
    "free_run",
    "judge",
    "measure",
    "reference_figures",
]

GATE_FRAMES = 5000
GATE_SEEDS = 10
WARM_UP_BEATS = 4
SLOW, FAST = 0.25, 2.2  # shares of the rebuilt mean speed

LEAST_SPEED = 0.85
LARGEST_EXCESS = 0.03
LARGEST_BONE_ERROR = 0.01
LARGEST_SLIDE_M_S = 0.05
LEAST_CONTACT = 0.7


@dataclass(frozen=True)
class Figures:
    """What was measured on a set of dances.

    Attributes:
        speed_m_s: Mean joint speed.
        slow_share: Share of 1-second windows under 25 % of the rebuilt mean speed.
        fast_share: Share of 1-second windows over 220 % of it.
        slow_run_beats: Longest time in slow windows, in beats.
        bone_error: Mean deviation of bone lengths, as a share.
        slide_m_s: Mean horizontal speed of ankle and toe of standing feet.
        contact_share: Share of frames in which a foot stands, mean of both.
        twin_share: Share of 16-beat windows that come again.
    """

    speed_m_s: float
    slow_share: float
    fast_share: float
    slow_run_beats: float
    bone_error: float
    slide_m_s: float
    contact_share: float
    twin_share: float


@dataclass(frozen=True)
class Verdict:
    """Figures of free runs before and after the body is cleaned, and what misses the gate.

    Attributes:
        before: As the network dances.
        after: With cleaned bodies; of several genres, both are the genres' means.
        misses: One line each.
        genres: What each of several genres was found to do.
    """

    before: Figures
    after: Figures
    misses: tuple[str, ...]
    genres: Mapping[str, Verdict] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return plain values for a card."""
        return {
            "before": as_dict(self.before),
            "after": as_dict(self.after),
            "misses": list(self.misses),
            **{name: one.as_dict() for name, one in self.genres.items()},
        }


def measure(
    dances: Sequence[FloatArray], beat_s: float, rebuilt_speed_m_s: float | None = None
) -> Figures:
    """Measure dances on the beat clock at one tempo.

    Args:
        dances: Joint positions (T, 21, 3) of each.
        beat_s: Duration of a beat.
        rebuilt_speed_m_s: What slow and fast refer to; None: these dances' own mean.
    """
    rate = FRAMES_PER_BEAT / beat_s
    usual = rebuilt_speed_m_s
    if usual is None:
        usual = float(np.concatenate([joint_speed(dance, rate) for dance in dances]).mean())
    windows = [window_speeds(dance, rate) for dance in dances]
    together = np.concatenate(windows)
    weights = np.array([len(dance) for dance in dances], dtype=np.float64)

    def mean(values: list[float]) -> float:
        return float(np.average(values, weights=weights))

    return Figures(
        speed_m_s=float(np.concatenate([joint_speed(dance, rate) for dance in dances]).mean()),
        slow_share=float((together < SLOW * usual).mean()),
        fast_share=float((together > FAST * usual).mean()),
        slow_run_beats=max(longest_slow_run(w < SLOW * usual) for w in windows) / FRAMES_PER_BEAT,
        bone_error=mean([bone_error(dance, DANCER.bone_lengths()) for dance in dances]),
        slide_m_s=mean([support_slide(dance, rate) for dance in dances]),
        contact_share=mean([float(support(dance).mean()) for dance in dances]),
        twin_share=mean([twin_share(root_relative(d, rate), FRAMES_PER_BEAT) for d in dances]),
    )


def failures(figures: Figures, rebuilt: Figures, *, cleaned: bool) -> list[str]:
    """Return what a generator's figures miss of the gate, one line each.

    Args:
        figures: Of generated dances.
        rebuilt: The same of rebuilt dances.
        cleaned: Whether the bodies are cleaned; bones and feet only count then.
    """
    rules = [
        ("mean speed", -figures.speed_m_s, -LEAST_SPEED * rebuilt.speed_m_s),
        ("slow windows", figures.slow_share, rebuilt.slow_share + LARGEST_EXCESS),
        ("fast windows", figures.fast_share, rebuilt.fast_share + LARGEST_EXCESS),
        ("longest slow run", figures.slow_run_beats, rebuilt.slow_run_beats),
        ("twins", figures.twin_share, rebuilt.twin_share),
    ]
    if cleaned:
        rules += [
            ("bone error", figures.bone_error, LARGEST_BONE_ERROR),
            ("support slide", figures.slide_m_s, LARGEST_SLIDE_M_S),
            ("contact share", -figures.contact_share, -LEAST_CONTACT * rebuilt.contact_share),
        ]
    return [
        f"{name}: {abs(value):.4g}, bound {abs(bound):.4g}"
        for name, value, bound in rules
        if value > bound + 1e-9
    ]


def free_run(
    net: AutoregressiveNet,
    vocabulary: Vocabulary,
    normaliser: Normaliser,
    music: FloatArray,
    *,
    seeds: Sequence[int],
    frames: int = GATE_FRAMES,
    beats_per_bar: int = 4,
) -> list[FloatArray]:
    """Let a network dance by itself from a history of zeros.

    Args:
        net: The network.
        vocabulary: Its units.
        normaliser: Its standardisation.
        music: Shape (B, T', 128), features on the beat clock, repeated where too short.
        seeds: One per dance, B of them.
        frames: Frames to keep; four beats before them are danced and dropped.
        beats_per_bar: Of the music.

    Returns:
        B arrays of poses (frames, 74), as predicted, not cleaned.
    """
    warm = WARM_UP_BEATS * FRAMES_PER_BEAT
    total = frames + warm
    beats = np.arange(total) / FRAMES_PER_BEAT
    laid = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        phrases = draw_phrases(vocabulary, total // FRAMES_PER_BEAT + 1, rng)
        laid.append(lay_out(vocabulary, phrases, FRAMES_PER_BEAT).first(total))
    phase = np.tile(
        beat_phases(beats, np.mod(beats, beats_per_bar), beats_per_bar), (len(seeds), 1, 1)
    )
    tiles = -(-total // music.shape[1])
    heard = np.tile(music, (1, tiles, 1))[:, :total]
    standard = rollout(net, laid, phase, heard)
    return list(normaliser.restore(standard)[:, warm:])


def judge(
    net: AutoregressiveNet,
    vocabulary: Vocabulary,
    normaliser: Normaliser,
    music: FloatArray,
    reference: Mapping[str, Figures],
    *,
    beat_s: float,
    beats_per_bar: int,
    seeds: Sequence[int] = range(GATE_SEEDS),
    frames: int = GATE_FRAMES,
) -> Verdict:
    """Let a network dance by itself and hold it against the gate.

    Args:
        net: The network.
        vocabulary: Its units.
        normaliser: Its standardisation.
        music: Shape (B, T', 128), on the beat clock.
        reference: ``rebuilt`` and ``rebuilt_before``, of ``reference_figures``.
        beat_s: The genre's own beat.
        beats_per_bar: Of the music.
        seeds: One per dance.
        frames: Length of each dance.
    """
    dances = free_run(
        net, vocabulary, normaliser, music, seeds=seeds, frames=frames, beats_per_bar=beats_per_bar
    )
    raw = [decode_pose(poses) for poses in dances]
    clean = [clean_body(dance, FRAMES_PER_BEAT / beat_s) for dance in raw]
    rebuilt, rebuilt_before = reference["rebuilt"], reference["rebuilt_before"]
    before = measure(raw, beat_s, rebuilt_before.speed_m_s)
    after = measure(clean, beat_s, rebuilt.speed_m_s)
    missed = [f"before cleaning, {m}" for m in failures(before, rebuilt_before, cleaned=False)]
    return Verdict(before, after, tuple(missed + failures(after, rebuilt, cleaned=True)))


def reference_figures(library: UnitLibrary) -> dict[str, Figures]:
    """Measure rebuilt dances (before and after cleaning) and held-out units."""
    rebuilt = [
        poses
        for dance in library.choreographies
        if (poses := rebuild_poses(library, dance)) is not None
    ]
    rate = FRAMES_PER_BEAT / library.beat_s
    raw = [decode_pose(poses) for poses in rebuilt]
    cleaned = [clean_body(dance, rate) for dance in raw]
    before = measure(raw, library.beat_s)
    after = measure(cleaned, library.beat_s)
    held = chain([library.units[tag].poses for tag in sorted(library.held_out)])
    held_out = to_sequence(held, library.beat_s, {}).joint_positions_m
    return {
        "rebuilt_before": before,
        "rebuilt": after,
        "held_out": measure([held_out], library.beat_s, after.speed_m_s),
    }


def as_dict(figures: Figures) -> dict[str, float]:
    """Return figures as plain numbers, rounded for reading."""
    return {name: round(value, 5) for name, value in asdict(figures).items()}
