"""The beats of a song: heard, or given by a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robodance.audio.bars import find_bars
from robodance.audio.beat_choice import BeatEvidence, Hearing, beat_strength, hearings
from robodance.audio.beat_paths import best_paths, tempo_ranges
from robodance.audio.beat_timing import Attacks, find_attacks, time_beats
from robodance.audio.beats_file import read_beats_file
from robodance.audio.onsets import ONSET_RATE_HZ, Onsets, find_onsets
from robodance.config import AudioConfig
from robodance.errors import AudioError
from robodance.values import Beats, FloatArray, IntArray

__all__ = ["NO_BEAT_BELOW", "HeardBeats", "cover_song", "hear_beats", "track_beats"]

NO_BEAT_BELOW = 0.15
_GIVEN_TEMPO_REACH = 1.06  # a tempo given by a person may be off by this factor
_MOST_WOBBLE = 1.0  # percent; free playing has no less of a beat than that
_EVEN_CREST, _EVEN_WEIGHT = 3.6, 4.0
_CLOSE, _MOST_TIMED = 4.0, 4  # how near a hearing must be to be timed, and how many are
_MOST_BONUS = 1.5
_NEIGHBOURS = 8  # intervals at an end that say how the grid goes on


@dataclass(frozen=True)
class HeardBeats:
    """What the ear has to say, before any judgement.

    Attributes:
        times_s: Shape (B,), from the first to the last moment of the song.
        numbers: Shape (B,).
        beats_per_bar: 3 or 4.
        confidence: 0..1, that there is a beat and that it is this one.
        is_beat: 0..1, that there is a beat.
        details: The numbers that these are made of.
    """

    times_s: FloatArray
    numbers: IntArray
    beats_per_bar: int
    confidence: float
    is_beat: float
    details: dict[str, float]


def track_beats(
    samples: NDArray[np.float32],
    sample_rate_hz: int,
    config: AudioConfig,
    *,
    onsets: Onsets | None = None,
    name: str = "song",
) -> Beats:
    """Find the beats of a song, from its first moment to its last.

    Args:
        samples: Shape (N,), mono.
        sample_rate_hz: Samples per second.
        config: ``beats_file`` overrides the ear; ``bpm`` tells it the tempo.
        onsets: Of the song, if they have been found already.
        name: What messages call the song.

    Raises:
        AudioError: There is no beat to be found and no tempo was given, or the beats
            file makes no sense.
    """
    duration_s = samples.size / sample_rate_hz
    if config.beats_file is not None:
        return _given_beats(config.beats_file, duration_s)
    heard = hear_beats(samples, sample_rate_hz, config, onsets=onsets)
    if heard is None and config.bpm is not None:
        heard = _plain_grid(config.bpm, duration_s)
    if heard is None or (heard.is_beat < NO_BEAT_BELOW and config.bpm is None):
        raise AudioError(
            f"{name}: no beat can be heard in it; give the tempo with --bpm X, "
            "or the beats with --beats FILE (one per line, in seconds)"
        )
    tempo_bpm = 60.0 / float(np.median(np.diff(heard.times_s)))
    return Beats(heard.times_s, heard.numbers, heard.beats_per_bar, tempo_bpm, heard.confidence)


def hear_beats(
    samples: NDArray[np.float32],
    sample_rate_hz: int,
    config: AudioConfig,
    *,
    onsets: Onsets | None = None,
) -> HeardBeats | None:
    """Listen for beats; None when the sound is too short for any.

    Onsets in three bands; for each range of tempi the beat sequence that gathers the most
    (dynamic programming); among those, and the same moved by half a beat, the one that
    explains the song best; each beat moved to its attack and all onto the stiffest tempo
    curve that fits; bars from changes of chord, bass and accents.
    """
    if onsets is None:
        onsets = find_onsets(samples, sample_rate_hz)
    evidence = BeatEvidence(onsets)
    if config.bpm is None:
        low, high = config.minimum_tempo_bpm, config.maximum_tempo_bpm
        ranges = tempo_ranges(low, high)
    else:
        low, high = config.bpm / _GIVEN_TEMPO_REACH, config.bpm * _GIVEN_TEMPO_REACH
        ranges = [(low, high)]
    found = hearings(best_paths(beat_strength(onsets), ONSET_RATE_HZ, ranges), evidence)
    found = [h for h in found if 0.98 * low <= h.tempo_bpm <= 1.02 * high] or found
    if not found:
        return None
    attacks = find_attacks(samples, sample_rate_hz)
    duration_s = samples.size / sample_rate_hz
    worthy = [h for h in found if h.score > found[0].score - _CLOSE][:_MOST_TIMED]
    timed = [_time_grid(hearing, attacks, evidence, duration_s) for hearing in worthy]
    totals = [h.score + grid.bonus for h, grid in zip(worthy, timed, strict=True)]
    best = int(np.argmax(totals))
    grid = timed[best]
    totals += [h.score - _MOST_BONUS for h in found[len(worthy) :]]
    choice = float(1.0 / np.exp(np.array(totals) - totals[best]).sum())
    numbers, beats_per_bar = find_bars(grid.times_s, onsets, evidence)
    details = {**grid.details, "choice": choice}
    is_beat = grid.is_beat
    return HeardBeats(grid.times_s, numbers, beats_per_bar, is_beat * choice, is_beat, details)


@dataclass(frozen=True)
class _Grid:
    """One hearing after its beats were moved to their attacks and over the whole song."""

    times_s: FloatArray
    details: dict[str, float]

    @property
    def odds(self) -> float:
        """Log odds that there is a beat at all.

        A logistic regression of sounds with a beat (synthesised and real songs, and short
        pieces of them) against noise, drones, pads, speech and notes at random moments: a
        few beats can always be found by chance, many cannot. Besides, where no onset
        stands out, as in noise, there is none.
        """
        wobble = min(100.0 * self.details["wobble"], _MOST_WOBBLE)
        chance = 24.7 / np.sqrt(len(self.times_s))
        strength, score = self.details["strength"], self.details["score"]
        even = _EVEN_WEIGHT * max(0.0, _EVEN_CREST - self.details["crest"])
        return float(1.84 * strength - 5.84 * wobble + 0.405 * score - chance - even - 0.9)

    @property
    def is_beat(self) -> float:
        return float(1.0 / (1.0 + np.exp(-self.odds)))

    @property
    def bonus(self) -> float:
        """What a regular grid that is hit adds to the evidence for a hearing."""
        return float(np.clip(0.5 * self.odds, -_MOST_BONUS, _MOST_BONUS))


def _time_grid(
    hearing: Hearing, attacks: Attacks, evidence: BeatEvidence, duration_s: float
) -> _Grid:
    timed = time_beats(hearing.path.frames / ONSET_RATE_HZ, attacks)
    times_s = cover_song(timed.times_s, duration_s)
    strength = evidence.at("all", times_s * ONSET_RATE_HZ)
    details = {
        "strength": float(strength.mean()),
        "covered": float(np.mean(strength > 0.5)),
        "spread_ms": 1000.0 * timed.spread_s,
        "steady": float(timed.steady),
        "wobble": _wobble(timed.times_s),
        "score": hearing.score,
        "crest": evidence.crest,
    }
    return _Grid(times_s, details)


def _plain_grid(bpm: float, duration_s: float) -> HeardBeats | None:
    """Lay a grid at a given tempo over a song too short to hear it in; None if too short."""
    times_s = np.arange(0.0, duration_s, 60.0 / bpm)
    if times_s.size < 2:
        return None
    numbers = np.arange(times_s.size) % 4 + 1
    return HeardBeats(times_s, numbers.astype(np.int64), 4, 0.0, 0.0, {})


def cover_song(times_s: FloatArray, duration_s: float) -> FloatArray:
    """Go on at the neighbouring tempo to both ends of the song; drop beats outside it."""
    first = float(np.median(np.diff(times_s[: _NEIGHBOURS + 1])))
    last = float(np.median(np.diff(times_s[-_NEIGHBOURS - 1 :])))
    before = np.maximum(np.arange(times_s[0] - first, -1e-9, -first)[::-1], 0.0)
    after = np.arange(times_s[-1] + last, duration_s, last)
    times_s = np.concatenate([before, times_s, after])
    return times_s[(times_s >= 0.0) & (times_s < duration_s)]


def _wobble(times_s: FloatArray) -> float:
    """Return by how much of itself the interval changes from beat to beat, RMS."""
    intervals = np.diff(times_s)
    return float(np.sqrt(np.mean(np.square(np.diff(intervals)))) / np.median(intervals))


def _given_beats(path: str, duration_s: float) -> Beats:
    times_s, numbers = read_beats_file(path)
    if times_s[0] >= duration_s or np.count_nonzero(times_s < duration_s) < 2:
        raise AudioError(
            f"{path}: its beats begin at {times_s[0]:.2f} s but the song lasts {duration_s:.2f} s; "
            "give the beats of this song, in seconds"
        )
    inside = times_s < duration_s
    times_s, numbers = times_s[inside], None if numbers is None else numbers[inside]
    beats_per_bar = 4 if numbers is None else int(numbers.max())
    covering = cover_song(times_s, duration_s)
    offset = int(np.argmin(np.abs(covering - times_s[0])))
    count = np.arange(len(covering)) - offset  # 0 at the first given beat
    given = np.arange(len(times_s))
    if numbers is None:
        numbers = given % 4 + 1
    numbering = np.where(
        count < 0,
        (numbers[0] - 1 + count) % beats_per_bar + 1,
        (numbers[-1] - 1 + count - given[-1]) % beats_per_bar + 1,
    )
    numbering[offset : offset + len(times_s)] = numbers
    tempo_bpm = 60.0 / float(np.median(np.diff(times_s)))
    return Beats(covering, numbering.astype(np.int64), beats_per_bar, tempo_bpm, 1.0)
