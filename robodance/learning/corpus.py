"""What a network is trained on: endless chains of a genre's training units, with music."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, beat_phases
from robodance.choreography.body import clean_body
from robodance.choreography.phrases import (
    UNREACHABLE_M,
    Phrase,
    PhraseFrames,
    Vocabulary,
    draw_phrases,
    lay_out,
    passage_means,
)
from robodance.choreography.sampling import Normaliser, mirror_poses
from robodance.errors import AudioError
from robodance.learning.dataset import Unit, UnitLibrary, chain
from robodance.learning.datasets.choreonet import GENRE_LETTERS
from robodance.learning.metrics import joint_speed
from robodance.skeleton import FACING, decode_pose, encode_pose
from robodance.values import FEATURE_DIM, FloatArray, SongFeatures

__all__ = [
    "BEATS_PER_BAR",
    "Corpus",
    "MusicShelf",
    "build_corpus",
    "build_vocabulary",
    "fit_normaliser",
    "join_distances",
    "load_music",
    "music_of",
    "random_bars",
]

SONG_FRAME_RATE_HZ = 25.0  # in which the choreographies give their part of the song
BEATS_PER_BAR = {"waltz": 3}
DANCE_BEATS = 320
LONGEST_LIMB_JUMP_M = 0.2  # of one joint, from the end of a unit to the nearest start of another
STILL = 0.4  # share of the median unit speed under which a unit hardly moves


@dataclass(frozen=True)
class Corpus:
    """A chain of T frames as arrays.

    Attributes:
        poses: Shape (T, 74), standardised, each frame as seen in its own (un)mirrored unit.
        frames: Units, places and mirror flags of the frames.
        phase: Shape (T, 6).
        music: Shape (T, 128).
        genre: Shape (T, G), shares of the genres; G is 0 where there is only one.
        borders: Frames at which another dance begins, over which no history reaches.
    """

    poses: FloatArray
    frames: PhraseFrames
    phase: FloatArray
    music: FloatArray
    genre: FloatArray
    borders: tuple[int, ...] = ()


@dataclass(frozen=True)
class MusicShelf:
    """Music for units: the part of a song each unit was danced to, where that is known.

    Attributes:
        parts: Unit tag to (features, first second, last second) of its occurrences.
        songs: Every song's features, for units without a part of their own.
        by_dance: Name of a dance to its song's features.
    """

    parts: dict[str, list[tuple[SongFeatures, float, float]]] = field(repr=False)
    songs: list[SongFeatures] = field(repr=False)
    by_dance: dict[str, SongFeatures] = field(default_factory=dict, repr=False)


def load_music(
    library: UnitLibrary,
    data: Path,
    *,
    features: str = "spine",
    encoder_weights: Path | str | None = None,
) -> MusicShelf:
    """Read the songs of a genre and pair them with units as the choreographies say.

    The published pairing (first and last frame of the song, units spread evenly) is
    approximate. Songs that the data do not hold, or hold
    damaged, are passed over. ``features`` are ``spine`` or ``encoder``.
    """
    from robodance.audio.decode import load_song
    from robodance.audio.description import describe_song

    letter = GENRE_LETTERS[library.genre]
    shelf = MusicShelf({}, [])
    for dance in library.choreographies:
        number = dance.name.split("_")[-1]
        found = sorted(data.glob(f"**/music/{letter}/{number}.mp3"))
        if not found:
            continue
        try:
            song = load_song(found[0])
        except AudioError:  # some songs of the published set are cut off
            continue
        described = describe_song(song, features, encoder_weights)
        shelf.songs.append(described)
        shelf.by_dance[dance.name] = described
        bounds = np.concatenate([[0], np.cumsum(dance.beats)]) / sum(dance.beats)
        times = dance.start_frame + (dance.end_frame - dance.start_frame) * bounds
        times /= SONG_FRAME_RATE_HZ
        for tag, start, end in zip(dance.tags, times, times[1:], strict=False):
            shelf.parts.setdefault(tag, []).append((described, float(start), float(end)))
    return shelf


def build_vocabulary(library: UnitLibrary) -> Vocabulary:
    """Describe the units that dances are drawn from, and how they join.

    Opening and closing poses, and units that hardly move, are left out.
    """
    every = [unit for unit in library.training.values() if not unit.idle]
    usual = float(np.median([_speed(unit, library.beat_s) for unit in every]))
    units = [unit for unit in every if _speed(unit, library.beat_s) > STILL * usual]
    index = {unit.tag: number for number, unit in enumerate(units)}
    follows = np.zeros((len(units), len(units)))
    for dance in library.choreographies:
        tags = [tag for tag in dance.tags if tag not in {"HOLD", "START"}]
        for before, after in itertools.pairwise(tags):
            if before in index and after in index:
                follows[index[before], index[after]] += 1.0
    speed = np.array([_speed(unit, library.beat_s) for unit in units])
    usual, spread = float(speed.mean()), max(float(speed.std()), 1e-6)
    course = np.full((len(units), max(unit.beats for unit in units)), np.nan)
    for row, unit in zip(course, units, strict=True):
        row[: unit.beats] = (passage_means(_beat_speeds(unit, library.beat_s)) - usual) / spread
    distance_m = join_distances(units, follows)
    follows *= distance_m[:, : len(units)] < UNREACHABLE_M
    return Vocabulary(
        tags=tuple(unit.tag for unit in units),
        beats=np.array([unit.beats for unit in units], dtype=np.int64),
        follows=follows,
        distance_m=distance_m,
        liveliness=(speed - usual) / spread,
        course=course,
    )


def fit_normaliser(*libraries: UnitLibrary) -> Normaliser:
    """Return mean and spread of every pose number over training units and their mirror images."""
    units = [unit for library in libraries for unit in library.training.values()]
    poses = np.concatenate([unit.poses for unit in units])
    both = np.concatenate([poses, mirror_poses(poses)])
    both[:, FACING] = 0.0
    spread = both.std(axis=0)
    spread[FACING] = 1.0
    floor = np.full(len(spread), 0.05)  # metres
    floor[66:70] = 1e-3
    return Normaliser(mean=both.mean(axis=0), spread=np.maximum(spread, floor))


def build_corpus(
    library: UnitLibrary,
    vocabulary: Vocabulary,
    normaliser: Normaliser,
    shelf: MusicShelf,
    *,
    beats: int,
    seed: int,
) -> Corpus:
    """Draw, chain, clean and standardise a long dance of training units.

    Args:
        library: The genre's units.
        vocabulary: Their order.
        normaliser: Standardises the poses.
        shelf: Music.
        beats: Length of the chain.
        seed: Decides everything.
    """
    rng = np.random.default_rng(seed)
    phrases: list[Phrase] = []
    lengths: list[int] = []
    while sum(lengths) < beats:  # dances, end to end
        dance = draw_phrases(vocabulary, DANCE_BEATS, rng)
        phrases += dance
        lengths.append(sum(phrase.beats for phrase in dance))
    frames = lay_out(vocabulary, phrases, FRAMES_PER_BEAT)
    units = [library.training[vocabulary.tags[phrase.unit]] for phrase in phrases]
    poses = chain([
        mirror_poses(unit.poses) if phrase.mirrored else unit.poses
        for unit, phrase in zip(units, phrases, strict=True)
    ])
    rate = FRAMES_PER_BEAT / library.beat_s
    poses = encode_pose(clean_body(decode_pose(poses), rate), rate)
    poses = np.where(frames.mirrored[:, None], mirror_poses(poses), poses)
    return Corpus(
        poses=normaliser.standardise(poses),
        frames=frames,
        phase=random_bars(lengths, library.genre, rng),
        music=np.concatenate([music_of(unit, shelf, rng) for unit in units]),
        genre=np.zeros((len(poses), 0)),
    )


def random_bars(beats: Sequence[int], genre: str, rng: np.random.Generator) -> FloatArray:
    """Return the phases of dances whose bars begin at any beat, shape (16 * sum, 6).

    Each dance's bars begin one beat later than those of the dance before. Were the bar
    always at the same place against the units, a network would read its place in the unit
    off the bar, and be lost in music whose bars lie otherwise.

    Args:
        beats: Of each dance.
        genre: Says how many beats a bar has.
        rng: Decides where the first bar begins.
    """
    per_bar = BEATS_PER_BAR.get(genre, 4)
    first = int(rng.integers(per_bar))
    dances = []
    for number, length in enumerate(beats):
        place = np.arange(length * FRAMES_PER_BEAT) / FRAMES_PER_BEAT
        in_bar = np.mod(place + first + number, per_bar)
        dances.append(beat_phases(place, in_bar, per_bar))
    return np.concatenate(dances)


def music_of(unit: Unit, shelf: MusicShelf, rng: np.random.Generator) -> FloatArray:
    """Return music for one dancing of a unit: its own where known, else any of the genre."""
    count = unit.beats * FRAMES_PER_BEAT
    parts = shelf.parts.get(unit.tag)
    if parts:
        features, start, end = parts[rng.integers(len(parts))]
    elif shelf.songs:
        features = shelf.songs[rng.integers(len(shelf.songs))]
        length = unit.beats * unit.beat_s
        last = len(features.values) / features.frame_rate_hz - length
        start = float(rng.uniform(0.0, max(last, 0.0)))
        end = start + length
    else:
        return np.zeros((count, FEATURE_DIM))
    return features.at(start + (end - start) * np.arange(count) / count)


def join_distances(units: list[Unit], follows: FloatArray) -> FloatArray:
    """Return the mean joint distance from each unit's end to each unit's start or its mirror.

    A unit without a known successor that ends in a pose from which no unit goes on (a leg
    held high, say) would be left with a jump of that limb: it is made unreachable.
    """
    ends = np.stack([u.poses[-1, :63] + 0.5 * (u.poses[-1, :63] - u.poses[-3, :63]) for u in units])
    starts = np.stack([unit.poses[0] for unit in units])
    both = np.concatenate([starts, mirror_poses(starts)])[:, :63]
    gap = (ends[:, None] - both[None]).reshape(len(ends), len(both), 21, 3)
    joints = np.linalg.norm(gap, axis=3)
    stranded = joints.max(axis=2).min(axis=1) > LONGEST_LIMB_JUMP_M
    stranded &= follows.sum(axis=1) == 0.0
    distance = joints.mean(axis=2)
    distance[:, np.tile(stranded, 2)] = UNREACHABLE_M
    return np.asarray(distance)


def _speed(unit: Unit, beat_s: float) -> float:
    """Return a unit's mean joint speed at a beat of some seconds, m/s."""
    steps = np.diff(decode_pose(unit.poses), axis=0)
    return float(np.linalg.norm(steps, axis=2).mean() * FRAMES_PER_BEAT / beat_s)


def _beat_speeds(unit: Unit, beat_s: float) -> FloatArray:
    """Return a unit's mean joint speed in each of its beats, m/s; shape (beats,)."""
    joints = decode_pose(unit.poses)
    speed = joint_speed(
        np.concatenate([joints, 2.0 * joints[-1:] - joints[-2:-1]]), FRAMES_PER_BEAT / beat_s
    )
    return np.asarray(speed.reshape(unit.beats, FRAMES_PER_BEAT).mean(axis=1))
