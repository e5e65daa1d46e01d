"""Whether a generator is as good at any tempo: what changes from 80 to 160 beats a minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from robodance.evaluation.beats import acceleration_lock, lock_sum
from robodance.evaluation.bench import CLIP_S, Bench, describe_clips, segments_of
from robodance.evaluation.generated import Danced
from robodance.evaluation.novelty import nearest_distances
from robodance.evaluation.statistics import frechet_distance
from robodance.learning.metrics import joint_speed

__all__ = ["TempoEquality", "tempo_equality"]


@dataclass(frozen=True)
class TempoEquality:
    """What a generator does at each tempo, dances brought to the genre's usual beat.

    Attributes:
        values: By measure, then by tempo: the mean over the genres.
        deviation: By measure, the largest deviation from the mean over the tempi, percent.
    """

    values: Mapping[str, Mapping[str, float]]
    deviation: Mapping[str, float]


def tempo_equality(danced: Sequence[Danced], bench: Bench) -> TempoEquality:
    """Compare dances to songs that are alike but for their tempo.

    Each dance is brought to its genre's usual beat first, so that equal dances on another
    clock are equal here: then the distance to the nearest training clip, the way of the
    joints in a beat, the Frechet distance (style), and the acceleration lock are measured.

    Args:
        danced: Dances of some genres at some tempi.
        bench: What they are measured against.
    """
    tempi = sorted({one.bpm for one in danced})
    genres = sorted({one.genre for one in danced})
    table = {
        bpm: [
            _measured([d for d in danced if d.bpm == bpm and d.genre == genre], bench)
            for genre in genres
        ]
        for bpm in tempi
    }
    keys = list(table[tempi[0]][0])
    values = {
        key: {f"{bpm:g}": float(np.mean([row[key] for row in table[bpm]])) for bpm in tempi}
        for key in keys
    }
    deviation = {}
    for key, by_tempo in values.items():
        numbers = np.array(list(by_tempo.values()))
        deviation[key] = float(100.0 * np.abs(numbers / numbers.mean() - 1.0).max())
    return TempoEquality(values, deviation)


def _measured(danced: Sequence[Danced], bench: Bench) -> dict[str, float]:
    key = bench.key(danced[0].genre)
    samples = [one.sample.at_usual_beat(bench.beats.get(key), danced=True) for one in danced]
    near = [
        nearest_distances(
            segments_of(s.joints_m, s.rate_hz, CLIP_S / 2, CLIP_S),
            bench.windows[key],
        )
        for s in samples
    ]
    found = {
        "nearest": 100.0 * float(np.concatenate(near).mean()),
        "way_per_beat": float(
            np.mean([
                joint_speed(s.joints_m, s.rate_hz).mean() * np.median(np.diff(s.beats_s))
                for s in samples
            ])
        ),
        "lock": acceleration_lock([lock_sum(s.joints_m, s.rate_hz, s.beats_s) for s in samples]),
    }
    if bench.style is not None:
        clips = np.concatenate([describe_clips(s, bench.style, 15)[0]["style"] for s in samples])
        both = bench.standard("style", clips.reshape(-1, clips.shape[2]))
        real = bench.standard("style", bench.features["style"][key])
        found["frechet_style"] = frechet_distance(both, real)
    return found
