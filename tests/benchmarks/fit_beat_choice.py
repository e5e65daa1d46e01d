"""Fit the weights of ``robodance/audio/beat_choice.py`` and print them.

    python tests/benchmarks/fit_beat_choice.py [SONGS_PER_CONDITION] [--data DIR]

The right hearing of a song against all its other hearings, over synthesised songs of all
kinds and, with ``--data`` (or ROBODANCE_DATA), over real songs and stretches of them whose
tempo is known. Printed first: how often songs held out of the fit are heard right.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import mir_eval
import numpy as np
import scipy.optimize

sys.path.insert(0, str(Path(__file__).parents[1] / "audio"))
import songs

from robodance.audio.beat_choice import EVIDENCE, BeatEvidence, Hearing, beat_strength, hearings
from robodance.audio.beat_paths import best_paths, tempo_ranges
from robodance.audio.decode import load_song
from robodance.audio.onsets import ONSET_RATE_HZ, find_onsets

# Beats a minute. Of ChoreoNet's songs the choreographies say the octave (beats over
# frames), of the others their composer; the digits after it are the tracker's own.
TEMPI = {
    **{"C/1": 124, "C/2": 126, "C/4": 125, "C/6": 115, "C/8": 123.8},
    **{"R/1": 70, "R/2": 87, "R/3": 95, "R/4": 93, "R/8": 90, "R/9": 90},
    **{"T/2": 128, "T/5": 127.9, "T/7": 128.2},
    **{"W/1": 87, "W/10": 87, "W/24": 87, "W/28": 84.3, "W/3": 86.4},
    **{"W/30": 86.8, "W/5": 83.8, "W/7": 87},
    **{"batty_mcfaddlin": 152, "four_beers_polka": 124, "hustle": 120},
    **{"hyperfun": 100, "sneaky_snitch": 87, "the_builder": 123},
    **{"gtzan_country_00000": 84.5, "hainsworth_001": 99.8},
}
STRETCH_S = 45.0
REAL_WEIGHT = 3.0
PENALTY = 3.0


@dataclass
class Case:
    name: str
    group: str  # folds are drawn by group
    evidence: np.ndarray
    right: np.ndarray
    tempi: np.ndarray
    weight: float


def hear(samples) -> list[Hearing]:
    onsets = find_onsets(samples, songs.RATE_HZ)
    paths = best_paths(beat_strength(onsets), ONSET_RATE_HZ, tempo_ranges(55.0, 190.0))
    found = hearings(paths, BeatEvidence(onsets))
    return [h for h in found if 54.0 < h.tempo_bpm < 193.0]


def case(name: str, group: str, found: list[Hearing], right, weight: float) -> Case:
    table = np.array([[h.evidence[n] for n in EVIDENCE] for h in found])
    tempi = np.array([h.tempo_bpm for h in found])
    return Case(name, group, table, np.asarray(right), tempi, weight)


def synthesised(count: int) -> list[Case]:
    cases = []
    for condition in songs.CONDITIONS:
        for seed in range(10_000, 10_000 + count):
            song = songs.known_song(condition, seed, duration_s=30.0)
            found = hear(song.samples)
            start = song.beats_s[0] - 0.2
            times = [h.path.frames / ONSET_RATE_HZ for h in found]
            scores = [mir_eval.beat.f_measure(song.beats_s, t[t > start], 0.05) for t in times]
            name = f"{condition} {seed} {song.recipe.tempo_bpm:.0f}"
            cases.append(case(name, name, found, np.array(scores) > 0.8, 1.0))
    return cases


def real(data: Path) -> list[Case]:
    cases = []
    files = [p for p in sorted(data.rglob("*")) if p.suffix in {".mp3", ".wav", ".flac"}]
    for path in files:
        key = f"{path.parent.name}/{path.stem}"
        key = key if key in TEMPI else path.stem
        if key not in TEMPI:
            continue
        samples = load_song(path).samples
        found = hear(samples)
        near = [abs(np.log(h.tempo_bpm / TEMPI[key])) < 0.04 for h in found]
        # At the right tempo, the beat sequence that gathers most is taken for the beat.
        right = max((h for h, n in zip(found, near, strict=True) if n), key=_gathered, default=None)
        if right is None:
            continue
        known = [h is right or not n for h, n in zip(found, near, strict=True)]
        kept = [h for h, k in zip(found, known, strict=True) if k]
        cases.append(case(key, key, kept, [h is right for h in kept], REAL_WEIGHT))
        cases += stretches(key, samples, right.path.frames / ONSET_RATE_HZ)
    return cases


def stretches(key: str, samples, beats_s) -> list[Case]:
    length = int(STRETCH_S * songs.RATE_HZ)
    cases = []
    for share in (0.05, 0.35, 0.65, 0.95) if samples.size > 1.3 * length else ():
        start = int(share * (samples.size - length))
        found = hear(samples[start : start + length])
        begin = start / songs.RATE_HZ
        wanted = beats_s[(beats_s > begin) & (beats_s < begin + STRETCH_S)] - begin
        times = [h.path.frames / ONSET_RATE_HZ for h in found]
        right = np.array([mir_eval.beat.f_measure(wanted, t, 0.06) for t in times]) > 0.8
        if right.any():
            cases.append(case(f"{key} at {begin:.0f} s", key, found, right, REAL_WEIGHT))
    return cases


def _gathered(hearing: Hearing) -> tuple[float, float]:
    return hearing.path.score, hearing.evidence["strength"]


def fit(cases: list[Case]) -> np.ndarray:
    scale = np.vstack([c.evidence for c in cases]).std(axis=0)

    def loss(weights):
        value, gradient = PENALTY * weights @ weights, 2.0 * PENALTY * weights
        for c in cases:
            if c.right.any() and not c.right.all():
                table = c.evidence / scale
                score = table @ weights
                share = np.exp(score - score.max())
                share /= share.sum()
                inside = max(share[c.right].sum(), 1e-12)
                value -= c.weight * np.log(inside)
                wanted = np.where(c.right, share / inside, 0.0)
                gradient = gradient - c.weight * table.T @ (wanted - share)
        return value, gradient

    start = np.zeros(len(EVIDENCE))
    return scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B").x / scale


def cross_validate(cases: list[Case], folds: int = 5) -> None:
    groups = sorted({c.group for c in cases})
    order = np.random.default_rng(0).permutation(len(groups)) % folds
    fold = dict(zip(groups, order, strict=True))
    hits: dict[str, list[bool]] = {}
    for k in range(folds):
        weights = fit([c for c in cases if fold[c.group] != k])
        for c in (c for c in cases if fold[c.group] == k):
            best = int((c.evidence @ weights).argmax())
            kind = c.name.split()[0] if c.weight == 1.0 else "real"
            hits.setdefault(kind, []).append(bool(c.right[best]))
            if not c.right[best]:
                possible = "" if c.right.any() else " (no hearing was right)"
                print(f"  missed: {c.name}, heard {c.tempi[best]:.1f}{possible}")
    for kind, right in hits.items():
        print(f"{kind:14s} {np.mean(right):.3f} of {len(right)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=60)
    parser.add_argument("--data", type=Path, default=os.environ.get("ROBODANCE_DATA"))
    options = parser.parse_args()
    cases = synthesised(options.count)
    if options.data:
        cases += real(Path(options.data))
    cross_validate(cases)
    for name, weight in zip(EVIDENCE, fit(cases), strict=True):
        print(f'    "{name}": {weight:.3f},')


if __name__ == "__main__":
    main()
