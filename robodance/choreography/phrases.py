"""The order of a dance: which unit follows which, drawn before any frame is generated.

A network that predicts the mean of what may come next stops dancing; one that is told
which choreographic unit it is in, and how far, does not. So a dance is first drawn as a
chain of units: mostly as the training choreographies chain them, else where the poses
meet, units as lively as the music is there, never the same two units in a row again within
256 beats, and no long unit twice within 128. A unit and its mirror image count as two.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robodance.errors import DataError
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = [
    "POSITION_DIM",
    "UNREACHABLE_M",
    "Phrase",
    "PhraseDraw",
    "PhraseFrames",
    "Vocabulary",
    "beginnings",
    "draw_phrases",
    "lay_out",
    "passage_means",
]

POSITION_DIM = 16
REMEMBERED_BEATS = 272  # a 16-beat window may have no twin up to 256 beats away
LONG_UNIT_BEATS = 12  # such a unit makes a 16-beat window nearly alone
HALF_UNIT_BEATS = 8  # such a unit makes one alone where the music is danced at half its beat
KNOWN_SHARE = 0.65  # of the choices follow the choreographies where they know one
UNREACHABLE_M = 10.0  # the distance to a unit that is never to be chosen
NEAR_M = 0.08  # a join over more than a few of these is unlikely
NEXT_SEEN_BEATS = 1.5  # the next unit is told this long before it begins
PASSAGE_BEATS = 4
LIVELIEST = 2.0  # livelier units, and calmer ones than its negative, count as this
ASKED = 1.6  # spreads of the units' liveliness for one of the music's energy
FIT = 0.5  # spreads of the units' liveliness, by which a unit may miss what the music asks for
COURSE_FIT = 0.7  # the same from passage to passage, once the mean is right
USUAL = 0.2, 0.8  # quantiles of passages; what lies beyond them counts as they do for the scale
USUAL_SPREAD = 0.64  # spread of normally distributed values, clipped so, against their own
LOUDEST = 1.5  # spreads of the music's energy; louder passages, and softer ones, ask for no more


@dataclass(frozen=True)
class Vocabulary:
    """What a genre's units are called and how they join; N units.

    Attributes:
        tags: Names.
        beats: Shape (N,).
        follows: Shape (N, N), how often j follows i in the training choreographies.
        distance_m: Shape (N, 2 N), mean joint distance from the end of i to the start of
            j (columns 0..N-1) or of j's mirror image (N..2N-1).
        liveliness: Shape (N,), mean joint speed, standardised over the units.
        group: Shape (N,), index of the unit's genre, for units of several; None: all of one.
        course: Shape (N, B), liveliness of the passage around each beat of a unit, NaN beyond
            its end; None: as lively from beginning to end.
    """

    tags: tuple[str, ...]
    beats: IntArray
    follows: FloatArray = field(repr=False)
    distance_m: FloatArray = field(repr=False)
    liveliness: FloatArray = field(repr=False)
    group: IntArray | None = field(default=None, repr=False)
    course: FloatArray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        count = len(self.tags)
        longest = int(max(self.beats, default=0))
        shapes = {
            "beats": (count,),
            "follows": (count, count),
            "distance_m": (count, 2 * count),
            "liveliness": (count,),
            **({} if self.group is None else {"group": (count,)}),
            **({} if self.course is None else {"course": (count, longest)}),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise DataError(
                    f"vocabulary: {name} has shape {getattr(self, name).shape}, expected {shape}"
                )


@dataclass(frozen=True)
class Phrase:
    """One unit in a dance."""

    unit: int
    mirrored: bool
    beats: int


@dataclass(frozen=True)
class PhraseFrames:
    """A chain of phrases laid out on T frames of the beat clock.

    Attributes:
        unit: Shape (T,), index of the unit.
        upcoming: Shape (T,), index of the next unit, plus N where it is seen mirrored from
            the present one.
        seen: Shape (T,), 0..1, how far the next unit is already told.
        position: Shape (T, 16), where in the unit.
        mirrored: Shape (T,), whether the unit is danced mirrored.
    """

    unit: IntArray
    upcoming: IntArray
    seen: FloatArray
    position: FloatArray
    mirrored: BoolArray

    def first(self, count: int) -> PhraseFrames:
        """Return the first ``count`` frames."""
        return PhraseFrames(**{name: array[:count] for name, array in vars(self).items()})

    def after_run_up(self, count: int) -> PhraseFrames:
        """Return the chain with ``count`` frames before it that stand in its first moment."""
        return PhraseFrames(**{
            name: np.concatenate([np.repeat(array[:1], count, axis=0), array])
            for name, array in vars(self).items()
        })


def draw_phrases(
    vocabulary: Vocabulary,
    beats: int,
    rng: np.random.Generator,
    *,
    drive: FloatArray | None = None,
) -> list[Phrase]:
    """Draw a chain of units that covers some beats.

    Args:
        vocabulary: The genre's units.
        beats: Beats to cover; the last phrase may go on beyond.
        rng: Decides.
        drive: Shape (beats,), energy of the music per beat, or None. It is smoothed over
            four beats and standardised, and asks each phrase for the liveliness of its part,
            and for where in it to be lively.
    """
    draw, position = PhraseDraw(vocabulary, rng, drive), 0
    while position < beats:
        position += draw.next(position).beats
    return draw.phrases


class PhraseDraw:
    """Draws one phrase after the other, and remembers them.

    Attributes:
        phrases: What was drawn so far.
    """

    def __init__(
        self, vocabulary: Vocabulary, rng: np.random.Generator, drive: FloatArray | None = None
    ) -> None:
        self.vocabulary, self.phrases = vocabulary, list[Phrase]()
        self._rng, self._starts = rng, list[int]()
        self._drive = None if drive is None else _passages(drive)
        self._course = _courses(vocabulary)

    def next(self, position: int, group: int | None = None) -> Phrase:
        """Draw the phrase that begins at a beat.

        Args:
            position: The beat, not before the last phrase's end.
            group: Only units of this genre, of a vocabulary of several.
        """
        words = self.vocabulary
        eligible = np.ones(2 * len(words.tags))
        if group is not None:
            assert words.group is not None
            eligible = np.tile(words.group == group, 2) + 0.0
        weights = _weights(words, self.phrases, self._starts, position, eligible)
        if self._drive is not None and position < len(self._drive):
            weights *= np.tile(_fit(words, self._course, self._drive[position:]), 2)
        choice = int(self._rng.choice(len(weights), p=weights / weights.sum()))
        flipped, unit = divmod(choice, len(words.tags))
        mirrored = bool(flipped) != (self.phrases[-1].mirrored if self.phrases else False)
        self.phrases.append(Phrase(unit, mirrored, int(words.beats[unit])))
        self._starts.append(position)
        return self.phrases[-1]


def passage_means(values: FloatArray) -> FloatArray:
    """Return the mean over four beats around each beat, fewer where there are fewer."""
    reach = min(PASSAGE_BEATS, len(values))
    padded = np.pad(values, (reach // 2, reach - 1 - reach // 2), mode="edge")
    return np.convolve(padded, np.full(reach, 1.0 / reach), mode="valid")


def _courses(words: Vocabulary) -> FloatArray:
    """Return each unit's course in spreads of its genre's units around their mean; (N, B)."""
    lively = np.clip(words.liveliness, -LIVELIEST, LIVELIEST)
    course = words.course
    if course is None:
        lasts = np.arange(max(words.beats)) < words.beats[:, None]
        course = np.where(lasts, words.liveliness[:, None], np.nan)
    course = np.clip(course, -LIVELIEST, LIVELIEST)
    group = np.zeros(len(lively), dtype=np.int64) if words.group is None else words.group
    for one in np.unique(group):
        rows = group == one
        usual = float(np.average(lively[rows], weights=words.beats[rows]))
        spread = float(np.sqrt(np.average((lively[rows] - usual) ** 2, weights=words.beats[rows])))
        course[rows] = (course[rows] - usual) / max(spread, 1e-6)
    return np.asarray(course)


def _fit(words: Vocabulary, course: FloatArray, asked: FloatArray) -> FloatArray:
    """Return how well each unit fits what is asked of it, shape (N,), 1 for the best.

    A middling passage asks for middling units: only to prefer lively units where it is loud
    would make the whole dance faster, and its joins wider. A unit's mean counts, and less
    strictly its course: a long unit that is right on the whole may wander a little.

    Args:
        words: The units.
        course: Shape (N, B), of ``_courses``.
        asked: Shape (T,), energy of the music from the unit's first beat on, standardised.
    """
    count = np.minimum(words.beats, len(asked))
    ahead = np.zeros(course.shape[1])
    ahead[: len(asked)] = ASKED * np.clip(asked, -LOUDEST, LOUDEST)[: len(ahead)]
    counts = np.arange(len(ahead)) < count[:, None]
    missed = np.where(counts, course - ahead, 0.0)
    mean = missed.sum(axis=1) / count
    wander = (missed**2).sum(axis=1) / count - mean**2
    badness = 0.5 * (mean**2 / FIT**2 + wander / COURSE_FIT**2)
    return np.asarray(np.exp(badness.min() - badness))


def _passages(drive: FloatArray) -> FloatArray:
    """Return what a passage asks for: the mean over four beats, standardised over the song.

    The usual passages are the scale: the silence before a song, and an end that fades away,
    are far below all others, which beside them would seem alike. In a song of forty
    seconds they are more than a tenth of all passages.
    """
    smooth = passage_means(drive)
    usual = np.clip(smooth, *np.quantile(smooth, USUAL))
    return np.asarray((smooth - usual.mean()) / max(float(usual.std()) / USUAL_SPREAD, 1e-6))


def _weights(
    vocabulary: Vocabulary,
    phrases: list[Phrase],
    starts: list[int],
    position: int,
    eligible: FloatArray,
) -> FloatArray:
    """Return how likely each unit comes next: as seen from the present one, or mirrored.

    Among the ``eligible``, shape (2 N,), as if there were no others.
    """
    count = len(vocabulary.tags)
    if not phrases:
        return np.asarray((vocabulary.distance_m < UNREACHABLE_M).all(axis=0) * eligible)
    last = phrases[-1]
    near = eligible * np.exp(-vocabulary.distance_m[last.unit] / NEAR_M)
    near *= vocabulary.distance_m[last.unit] < UNREACHABLE_M
    near /= max(near.sum(), 1e-300)
    known = eligible * np.concatenate([vocabulary.follows[last.unit], np.zeros(count)])
    share = KNOWN_SHARE if known.sum() else 0.0
    weights = share * known / max(known.sum(), 1e-9) + (1.0 - share) * near
    allowed = np.ones(2 * count)
    for index, (phrase, start) in enumerate(zip(phrases, starts, strict=True)):
        if position - start > REMEMBERED_BEATS:
            continue
        column = phrase.unit + count * (phrase.mirrored != last.mirrored)
        length = vocabulary.beats[phrase.unit]
        recent = position - start <= REMEMBERED_BEATS // 2
        if length >= LONG_UNIT_BEATS or (length >= HALF_UNIT_BEATS and recent):
            allowed[column] = 0.0
        if index and phrases[index - 1].unit == last.unit:
            before = phrases[index - 1]
            if before.mirrored == last.mirrored:  # the mirrored pair is another pair
                allowed[column] = 0.0
    wanted = weights * allowed
    if wanted.sum() > 1e-12:
        return np.asarray(wanted)
    return np.asarray(near * allowed + 1e-9 * (near > 0.0) + 1e-300 * eligible)


def beginnings(phrases: list[Phrase], frames_per_beat: int) -> dict[int, int]:
    """Return the frames at which phrases begin, and how many frames each lasts."""
    lengths = [phrase.beats * frames_per_beat for phrase in phrases]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return {int(start): length for start, length in zip(starts, lengths, strict=False)}


def lay_out(vocabulary: Vocabulary, phrases: list[Phrase], frames_per_beat: int) -> PhraseFrames:
    """Lay phrases out frame by frame: what a network is told about its place in the dance."""
    count = len(vocabulary.tags)
    following = [*phrases[1:], phrases[-1]]
    frames = [phrase.beats * frames_per_beat for phrase in phrases]
    unit = np.repeat([phrase.unit for phrase in phrases], frames)
    mirrored = np.repeat([phrase.mirrored for phrase in phrases], frames)
    upcoming = np.repeat(
        [
            after.unit + count * (after.mirrored != phrase.mirrored)
            for phrase, after in zip(phrases, following, strict=True)
        ],
        frames,
    )
    beat = np.concatenate([np.arange(n) for n in frames]) / frames_per_beat
    length = np.repeat([float(phrase.beats) for phrase in phrases], frames)
    seen = np.clip((NEXT_SEEN_BEATS - (length - beat)) / NEXT_SEEN_BEATS, 0.0, 1.0)
    return PhraseFrames(unit, upcoming, seen, _position(beat, length), mirrored)


def _position(beat: FloatArray, length: FloatArray) -> FloatArray:
    """Return where in the unit a frame is: waves of half a beat to 32 beats, and ramps."""
    periods = np.array([0.5, 1.0, 4.0, 8.0, 16.0, 32.0])
    angles = 2.0 * np.pi * beat[:, None] / periods
    ramps = [beat / length, np.exp(-beat), np.exp(beat - length), length / 16.0]
    return np.concatenate([np.sin(angles), np.cos(angles), np.stack(ramps, axis=1)], axis=1)
