"""Which of several ways to hear the beat is the one people dance to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage

from robodance.audio.beat_paths import BeatPath
from robodance.audio.onsets import ONSET_RATE_HZ, Onsets
from robodance.values import FloatArray, IntArray

__all__ = [
    "EVIDENCE",
    "BeatEvidence",
    "Hearing",
    "beat_strength",
    "contrast",
    "hearings",
    "repeats",
]

_TOLERANCE_S = 0.024
_HARMONY_REACH_S = 0.25
_USUAL_TEMPO_BPM = 115.0
_PHASES = 24
_BETWEEN = np.array([1 / 3, 0.4, 0.45, 0.5, 0.55, 0.6, 2 / 3])  # swing moves the half beat

# What speaks for a way to hear the beat, and how loudly: the weights of a conditional
# logistic regression (the right hearing of a song against all others of that song), fitted
# by tests/benchmarks/fit_beat_choice.py to synthesised songs of all kinds and to real
# songs of known tempo. Strengths are counted from what a moment drawn at random shows.
EVIDENCE: dict[str, float] = {
    "strength": 1.341,  # onsets on the beats
    "weaker_of_two": 0.908,  # ... on the weaker of every other beat: hats only means half tempo
    "weakest_of_three": 0.526,
    "between": 0.152,  # onsets half-way between beats
    "thirds": -0.755,  # onsets a third and two thirds of the way
    "bass": 1.073,
    "bass_between": -0.459,
    "bass_ratio": 0.702,
    "middle": 0.830,
    "treble": 0.565,
    "treble_between": 0.261,
    "harmony": -0.520,  # changes of harmony
    "harmony_between": -1.677,
    "covered": 5.207,  # share of beats that hit something
    "even_odd": -0.321,  # every other beat is much weaker
    "bar_repeat": 0.437,  # the sound repeats after 3 or 4 beats rather than 1, 2 or 5
    "harmony_2": -1.691,  # the harmony changes every 2, 3, 4 beats
    "harmony_3": 1.954,
    "harmony_4": 2.424,
    "tempo": 0.849,  # octaves over 115 beats a minute
    "tempo_squared": -4.422,
}


@dataclass(frozen=True)
class Hearing:
    """A beat sequence with the evidence for it.

    Attributes:
        path: The beats.
        evidence: One number per name in ``EVIDENCE``.
    """

    path: BeatPath
    evidence: dict[str, float]

    @property
    def tempo_bpm(self) -> float:
        """Median tempo."""
        return 60.0 * ONSET_RATE_HZ / self.path.interval

    @property
    def score(self) -> float:
        """Weighted evidence; differences are logarithms of odds."""
        return sum(EVIDENCE[name] * value for name, value in self.evidence.items())


def beat_strength(onsets: Onsets) -> FloatArray:
    """How much each frame wants to be a beat: zero mean around, unit variance, at most 4.

    Treble counts least: hi-hats and shakers fill the time between beats.
    """
    return _standard(_all(onsets))


def _all(onsets: Onsets) -> FloatArray:
    return onsets.bass + onsets.middle + 0.3 * onsets.treble


def _standard(curve: FloatArray) -> FloatArray:
    smooth = scipy.ndimage.gaussian_filter1d(curve, 1.2)
    smooth = smooth - scipy.ndimage.uniform_filter1d(smooth, int(4.0 * ONSET_RATE_HZ))
    return np.asarray(np.minimum(smooth / max(float(smooth.std()), 1e-9), 4.0))


def hearings(paths: list[BeatPath], evidence: BeatEvidence) -> list[Hearing]:
    """Weigh every path, and every path moved to the other accents; the same beats only once.

    Returns:
        The most convincing first.
    """
    found: list[Hearing] = []
    for path in sorted(paths, key=lambda p: -p.score):
        if len(path.frames) < 4:
            continue
        gaps = np.diff(path.frames)
        for phase in (0.0, *evidence.other_phases(path)):
            frames = np.rint(path.frames[:-1] + phase * gaps).astype(np.int64)
            candidate = BeatPath(frames if phase else path.frames, path.score)
            if not any(_same(candidate, other.path) for other in found):
                found.append(Hearing(candidate, evidence.of(candidate)))
    return sorted(found, key=lambda hearing: -hearing.score)


def _same(a: BeatPath, b: BeatPath) -> bool:
    if abs(np.log(a.interval / b.interval)) > 0.04:
        return False
    nearest = np.abs(a.frames[:, None] - b.frames[None, :]).min(axis=1)
    return float(np.mean(nearest < 0.12 * a.interval)) > 0.7


class BeatEvidence:
    """Onset curves pooled over the tolerance, ready to be read at any frame.

    Attributes:
        bands: Shape (T, 64), log magnitudes in mel bands.
        crest: The strongest onsets over the mean: about 2.7 in noise, from 4 in music.
    """

    def __init__(self, onsets: Onsets) -> None:
        self.bands = onsets.bands
        everything = _all(onsets)
        self.crest = float(np.percentile(everything, 98.0) / max(float(everything.mean()), 1e-9))
        curves = {
            "all": _all(onsets),
            "bass": onsets.bass,
            "middle": onsets.middle,
            "treble": onsets.treble,
        }
        standard = {name: _standard(curve) for name, curve in curves.items()}
        standard["harmony"] = _harmonic_change(onsets)
        self._pooled = {name: _pool(curve) for name, curve in standard.items()}
        self._chance = {name: float(curve.mean()) for name, curve in self._pooled.items()}
        self._loud = {name: _pool(curves[name]) for name in ("all", "bass")}

    def at(self, name: str, frames: FloatArray | IntArray) -> FloatArray:
        """Strength of one curve at any frames, over chance, in standard deviations."""
        return np.asarray(self._pooled[name][self._index(frames)] - self._chance[name])

    def of(self, path: BeatPath) -> dict[str, float]:
        """Gather the evidence for a path."""
        frames = path.frames.astype(np.float64)
        gaps = np.diff(frames)
        between = frames[:-1] + 0.5 * gaps
        about = frames[:-1] + _BETWEEN[:, None] * gaps  # (P, B - 1)
        thirds = np.concatenate([frames[:-1] + gaps / 3.0, frames[:-1] + 2.0 * gaps / 3.0])
        strength, harmony = self.at("all", frames), self.at("harmony", frames)
        loud = self._loud["all"][self._index(frames)]
        bass = self._loud["bass"][self._index(frames)].mean()
        bass_between = self._loud["bass"][self._index(about)].mean(axis=1).max()
        octaves = float(np.log2(60.0 * ONSET_RATE_HZ / path.interval / _USUAL_TEMPO_BPM))
        return {
            "strength": float(strength.mean()),
            "weaker_of_two": _weakest(strength, 2),
            "weakest_of_three": _weakest(strength, 3),
            "between": float(self.at("all", between).mean()),
            "thirds": float(self.at("all", thirds).mean()),
            "bass": float(self.at("bass", frames).mean()),
            "bass_between": float(self.at("bass", about).mean(axis=1).max()),
            "bass_ratio": _log_ratio(bass, bass_between),
            "middle": float(self.at("middle", frames).mean()),
            "treble": float(self.at("treble", frames).mean()),
            "treble_between": float(self.at("treble", between).mean()),
            "harmony": float(harmony.mean()),
            "harmony_between": float(self.at("harmony", between).mean()),
            "covered": float(np.mean(strength > 0.5)),
            "even_odd": abs(_log_ratio(loud[::2].mean(), loud[1::2].mean())),
            "bar_repeat": self._bar_repeat(path.frames),
            "harmony_2": contrast(harmony, 2),
            "harmony_3": contrast(harmony, 3),
            "harmony_4": contrast(harmony, 4),
            "tempo": octaves,
            "tempo_squared": octaves**2,
        }

    def other_phases(self, path: BeatPath) -> list[float]:
        """Find where else within the beat there are accents; half a beat is always one.

        Swing puts the second eighth anywhere up to two thirds.
        """
        phases = np.arange(_PHASES) / _PHASES
        gaps = np.diff(path.frames)
        curve = np.array([self.at("all", path.frames[:-1] + p * gaps).mean() for p in phases])
        peak = (curve > np.roll(curve, 1)) & (curve >= np.roll(curve, -1)) & (curve > 0.0)
        peak &= (phases > 0.2) & (phases < 0.8)
        strong = sorted(np.flatnonzero(peak), key=lambda k: -curve[k])[:2]
        return [0.5, *(float(phases[k]) for k in strong)]

    def beat_spectra(self, frames: IntArray) -> FloatArray:
        """Mean spectrum from each beat to the next, less the mean of all, (B - 1, 64)."""
        index = np.unique(self._index(frames))
        sums = np.add.reduceat(self.bands, index, axis=0)[:-1] / np.diff(index)[:, None]
        return np.asarray(sums - sums.mean(axis=0), dtype=np.float64)

    def _index(self, frames: FloatArray | IntArray) -> IntArray:
        return np.clip(np.rint(frames).astype(np.int64), 0, len(self.bands) - 1)

    def _bar_repeat(self, frames: IntArray) -> float:
        lag = repeats(self.beat_spectra(frames), 5)
        return max(lag[2], lag[3]) - (lag[0] + lag[1] + lag[4]) / 3.0


def contrast(values: FloatArray, groups: int) -> float:
    """How much one of every ``groups`` beats stands out from the mean; 0 for a few beats."""
    if values.size < 2 * groups:
        return 0.0
    return float(max(values[k::groups].mean() for k in range(groups)) - values.mean())


def repeats(spectra: FloatArray, longest: int) -> list[float]:
    """Correlation of the sound with itself 1, 2 ... ``longest`` beats later; 0 if too short."""
    power = float(np.mean(np.square(spectra))) + 1e-9
    return [
        float(np.mean(spectra[k:] * spectra[:-k])) / power if len(spectra) >= k + 7 else 0.0
        for k in range(1, longest + 1)
    ]


def _pool(curve: FloatArray) -> FloatArray:
    reach = 2 * round(_TOLERANCE_S * ONSET_RATE_HZ) + 1
    return np.asarray(scipy.ndimage.maximum_filter1d(curve, reach))


def _weakest(strength: FloatArray, groups: int) -> float:
    return float(min(strength[k::groups].mean() for k in range(groups)))


def _log_ratio(a: float, b: float) -> float:
    return float(np.log((a + 0.3) / (b + 0.3)))


def _harmonic_change(onsets: Onsets) -> FloatArray:
    """Distance between the mean chroma after and before each frame, standardised."""
    reach = int(_HARMONY_REACH_S * ONSET_RATE_HZ)
    mean = scipy.ndimage.uniform_filter1d(onsets.chroma, reach, axis=0)
    after = np.roll(mean, -(reach // 2), axis=0)
    before = np.roll(mean, reach // 2, axis=0)
    change = np.linalg.norm(after - before, axis=1)
    change[:reach] = change[-reach:] = change.mean()
    change = change - scipy.ndimage.uniform_filter1d(change, int(4.0 * ONSET_RATE_HZ))
    return np.asarray(change / max(float(change.std()), 1e-9))
