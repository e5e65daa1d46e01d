"""Rows made of recorded data: what generated dances are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, resample
from robodance.choreography.body import clean_body
from robodance.errors import AudioError, DataError
from robodance.evaluation.crossmodal import PairedClips, music_vector
from robodance.evaluation.dances import CLIP_HZ, Music, Row, Sample, music_of
from robodance.evaluation.style import CLIP_FRAMES, clips_of
from robodance.learning.corpus import BEATS_PER_BAR, SONG_FRAME_RATE_HZ
from robodance.learning.dataset import UnitLibrary, chain, find_published, held, resplit
from robodance.learning.datasets.choreonet import GENRE_LETTERS, Choreography
from robodance.skeleton import decode_pose
from robodance.values import FloatArray, Song, SongFeatures

__all__ = [
    "Heard",
    "chance_rows",
    "hear_choreographies",
    "nearest_copies",
    "paired_clips",
    "passages",
    "real_rows",
    "rebuilt_row",
    "unit_samples",
]

CLIP_HOP = 6  # frames of 30 a second between two clips of a training unit
EDGE_S = 0.25  # a song's part is heard by no more than this beyond its ends


@dataclass(frozen=True)
class Heard:
    """A song of the data, and what the ear makes of it."""

    song: Song = field(repr=False)
    features: SongFeatures = field(repr=False)


def hear_choreographies(data: Path, library: UnitLibrary, most: int) -> dict[str, Heard]:
    """Hear the songs of up to ``most`` choreographies; by the choreography's name.

    Only the part that is danced is heard. Songs that the data do not hold, or hold
    damaged, are passed over, as in training.
    """
    from robodance.audio.decode import load_song
    from robodance.audio.features import extract_features

    letter = GENRE_LETTERS[library.genre]
    found: dict[str, Heard] = {}
    for dance in library.choreographies:
        files = sorted(data.glob(f"**/music/{letter}/{dance.name.split('_')[-1]}.mp3"))
        if not files or len(found) >= most:
            continue
        try:
            whole = load_song(files[0])
        except AudioError:
            continue
        last = int((dance.end_frame / SONG_FRAME_RATE_HZ + EDGE_S) * whole.sample_rate_hz)
        song = replace(whole, samples=whole.samples[:last])
        if song.duration_s < dance.start_frame / SONG_FRAME_RATE_HZ + 4.0:
            continue
        features = extract_features(song.samples, song.sample_rate_hz)
        found[dance.name] = Heard(song, features)
    return found


def unit_samples(library: UnitLibrary, tags: Sequence[str]) -> tuple[Sample, ...]:
    """Return units as they were recorded, each a dance of its own, without opening poses."""
    samples = []
    for tag in tags:
        unit = library.units[tag]
        if unit.idle:
            continue
        beats = np.arange(unit.beats + 1, dtype=np.float64) * float(unit.beat_s)
        joints = decode_pose(unit.poses)
        rate = FRAMES_PER_BEAT / float(unit.beat_s)
        inside = beats[beats <= (len(joints) - 1) / rate + 1e-9]
        samples.append(
            Sample(
                tag, library.genre, joints, rate, inside, bar=BEATS_PER_BAR.get(library.genre, 4)
            )
        )
    return tuple(samples)


def real_rows(libraries: Sequence[UnitLibrary]) -> list[Row]:
    """Return training units and held-out units, unit by unit."""
    training = [s for lib in libraries for s in unit_samples(lib, sorted(lib.training))]
    held_out = [s for lib in libraries for s in unit_samples(lib, sorted(lib.held_out))]
    return [
        Row(
            "real, training units",
            "real",
            tuple(training),
            note="Frechet distances are those of two random halves of the units",
        ),
        Row("real, held-out units", "real", tuple(held_out)),
    ]


def rebuilt_row(
    libraries: Sequence[UnitLibrary],
    heard: dict[str, Heard],
    *,
    dances: int,
    dance_s: float,
    code: bool,
) -> Row:
    """Return dances of training units chained as the choreographies do, to their own music.

    Those whose song is at hand come first; the others are danced at the genre's mean beat,
    in silence.
    """
    samples = []
    for library in libraries:
        order = sorted(library.choreographies, key=lambda dance: dance.name not in heard)
        made = [_rebuilt(library, dance, heard.get(dance.name), dance_s, code) for dance in order]
        samples += [sample for sample in made if sample is not None][:dances]
    return Row("rebuilt", "rebuilt", tuple(samples))


def nearest_copies(songs: Sequence[Sample], rebuilt: Row) -> Row:
    """Return what a copying machine dances: the rebuilt dance of the most similar song.

    Similar by mean and spread of the ear's features, as Ren et al. 2020 choose; the dance
    is set to the beats of the song and is otherwise as it is.

    Args:
        songs: For each wanted dance any dance to its music.
        rebuilt: What is copied; never a dance to the same song.
    """
    copies = []
    for wanted in songs:
        pool = [
            s
            for s in rebuilt.samples
            if s.genre == wanted.genre and len(s.beats_s) > 2 and not _same_song(s, wanted)
        ]
        if pool and len(wanted.beats_s) > 2:
            copies.append(_copy(_most_similar(wanted, pool), wanted))
    return Row("nearest copy", "copy", tuple(copies))


def chance_rows(base: Row, seed: int) -> list[Row]:
    """Return what chance gives, made of a row of dances.

    *Music shifted*: each dance against its own music moved by a random part of the dance.
    *Songs shuffled*: each dance against another one's music, genre included. *Frames
    shuffled*: each dance's frames in random order, in place.
    """
    rng = np.random.default_rng([seed, 7])
    shifted = tuple(s.shifted(float(rng.uniform(0.2, 0.8))) for s in base.samples)
    order = _derangement(len(base.samples), rng)
    shuffled = tuple(
        _with_music_of(sample, base.samples[other])
        for sample, other in zip(base.samples, order, strict=True)
    )
    mixed = tuple(_frames_shuffled(sample, rng) for sample in base.samples)
    music = frozenset({"beat", "music"})
    return [
        Row("chance: music shifted", "chance", shifted, only=music),
        Row("chance: songs shuffled", "chance", shuffled, only=music | {"style"}),
        Row("chance: frames shuffled", "chance", mixed, only=frozenset({"realism", "body"})),
    ]


def passages(library: UnitLibrary) -> list[tuple[FloatArray, float]]:
    """Return training motion that is long enough for segments: units, and pairs in a row.

    Each pair that the choreographies join is joined once, so that units shorter than a
    segment are not left out. Joints (T, 21, 3) and frames per second, at the genre's beat.
    """
    units = library.training
    pairs = {
        (a, b)
        for dance in library.choreographies
        for a, b in zip(dance.tags, dance.tags[1:], strict=False)
        if a in units and b in units
    }
    alone = [unit.poses for unit in units.values() if not unit.idle]
    joined = [chain([units[a].poses, units[b].poses]) for a, b in sorted(pairs)]
    rate = FRAMES_PER_BEAT / library.beat_s
    return [(decode_pose(poses), rate) for poses in alone + joined]


def paired_clips(libraries: Sequence[UnitLibrary], heard: dict[str, Heard]) -> PairedClips | None:
    """Return clips of training units with the music that choreographies pair them with."""
    clips, music = [], []
    for library in libraries:
        for dance in library.choreographies:
            if dance.name not in heard:
                continue
            bounds = np.concatenate([[0], np.cumsum(dance.beats)]) / sum(dance.beats)
            span = dance.end_frame - dance.start_frame
            times = (dance.start_frame + span * bounds) / SONG_FRAME_RATE_HZ
            for tag, first, last in zip(dance.tags, times, times[1:], strict=False):
                if tag not in library.training or last - first < 0.2:
                    continue
                (unit,) = unit_samples(library, [tag]) or (None,)
                if unit is None:
                    continue
                found = clips_of(unit.clip_joints_m, CLIP_FRAMES // 2)
                around = np.arange(first, last, 1.0 / CLIP_HZ)
                vector = music_vector(heard[dance.name].features.at(around))
                clips.append(found)
                music.append(np.tile(vector, (len(found), 1)))
    if not clips or sum(map(len, clips)) < CLIP_FRAMES:
        return None
    return PairedClips(np.concatenate(clips), np.concatenate(music))


def splits(libraries: Sequence[UnitLibrary], count: int) -> list[list[UnitLibrary]]:
    """Return the libraries as they are, then with ``count - 1`` other unit splits."""
    return [list(libraries)] + [
        [resplit(library, seed) for library in libraries] for seed in range(1, count)
    ]


def _rebuilt(
    library: UnitLibrary, dance: Choreography, heard: Heard | None, dance_s: float, code: bool
) -> Sample | None:
    """Rebuild a dance, remembering which beat of the choreography each of its beats is."""
    units = library.training
    parts: list[FloatArray] = []
    beats: list[int] = []
    position = 0
    for tag, length in zip(dance.tags, dance.beats, strict=True):
        if tag in {"HOLD", "START"} and parts:
            parts.append(held(parts[-1][-1], length))
            beats += range(position, position + length)
        elif tag in units:
            parts.append(units[tag].poses)
            beats += range(position, position + units[tag].beats)
        position += length
    if not parts or len(beats) < 4:
        return None
    beat_s = library.beat_s
    most = max(4, int(dance_s / beat_s))
    poses, beats = chain(parts)[: most * FRAMES_PER_BEAT], beats[:most]
    rate = FRAMES_PER_BEAT / beat_s
    joints = clean_body(decode_pose(poses), rate)
    music = None
    if heard is not None:
        place = np.repeat(beats, FRAMES_PER_BEAT) + np.tile(
            np.arange(FRAMES_PER_BEAT) / FRAMES_PER_BEAT, len(beats)
        )
        # The published end of a dance is approximate, so only the music follows it: the
        # dance keeps the genre's beat.
        span = (dance.end_frame - dance.start_frame) / SONG_FRAME_RATE_HZ / sum(dance.beats)
        times = dance.start_frame / SONG_FRAME_RATE_HZ + span * place[: len(joints)]
        rising = bool((np.diff(times) > 0.0).all())
        music = music_of(heard.song, heard.features, times, rate, code=code and rising)
    grid = np.arange(len(joints) // FRAMES_PER_BEAT, dtype=np.float64) * beat_s
    return Sample(
        dance.name, library.genre, joints, rate, grid, music, BEATS_PER_BAR.get(library.genre, 4)
    )


def _most_similar(wanted: Sample, pool: Sequence[Sample]) -> Sample:
    with_music = [s for s in pool if s.music is not None]
    if wanted.music is None or not with_music:
        return pool[0]
    vectors = np.stack([music_vector(s.music.features) for s in with_music if s.music is not None])
    spread = np.maximum(vectors.std(axis=0), 1e-3)
    gaps = ((vectors - music_vector(wanted.music.features)) / spread) ** 2
    return with_music[int(gaps.sum(axis=1).argmin())]


def _same_song(one: Sample, other: Sample) -> bool:
    return one.music is not None and other.music is not None and one.music.song == other.music.song


def _copy(source: Sample, wanted: Sample) -> Sample:
    """Set a dance to the beats of a song: beat i of the one on beat i of the other."""
    times = np.arange(len(wanted.joints_m)) / wanted.rate_hz
    positions = np.interp(times, wanted.beats_s, np.arange(len(wanted.beats_s)))
    last = min(len(source.beats_s) - 1.0, positions[-1])
    inside = positions <= last
    moments = np.interp(positions[inside], np.arange(len(source.beats_s)), source.beats_s)
    joints = clean_body(resample(source.joints_m, moments * source.rate_hz), wanted.rate_hz)
    music = wanted.music
    if music is not None:
        end = len(joints) / wanted.rate_hz
        coded = music.coded
        music = Music(
            music.song,
            music.features[: len(joints)],
            music.loudness_db[: len(joints)],
            None if coded is None else (coded[0][coded[0] < end], coded[1][coded[1] < end]),
        )
    beats = wanted.beats_s[wanted.beats_s <= (len(joints) - 1) / wanted.rate_hz]
    return Sample(
        f"{source.name} to {wanted.name}",
        wanted.genre,
        joints,
        wanted.rate_hz,
        beats,
        music,
        wanted.bar,
    )


def _derangement(count: int, rng: np.random.Generator) -> list[int]:
    """Return a random order in which nothing stays in its place (where that is possible)."""
    order = rng.permutation(count)
    following = np.empty(count, dtype=int)
    following[order] = np.roll(order, 1)
    return [int(k) for k in following]


def _with_music_of(sample: Sample, other: Sample) -> Sample:
    """Return a dance against another one's beats, music and genre, as far as both last."""
    end = min(sample.duration_s, other.duration_s)
    frames = int(end * sample.rate_hz) + 1
    music = None
    if other.music is not None:
        rows = np.minimum(
            np.rint(np.arange(frames) / sample.rate_hz * other.rate_hz).astype(int),
            len(other.joints_m) - 1,
        )
        music = replace(
            other.music,
            features=other.music.features[rows],
            loudness_db=other.music.loudness_db[rows],
        )
    return Sample(
        f"{sample.name} to the music of {other.name}",
        other.genre,
        sample.joints_m[:frames],
        sample.rate_hz,
        other.beats_s[other.beats_s <= end],
        music,
        other.bar,
    )


def _frames_shuffled(sample: Sample, rng: np.random.Generator) -> Sample:
    return replace(sample, joints_m=sample.joints_m[rng.permutation(len(sample.joints_m))])


def check_data(data: Path) -> None:
    """Refuse a folder that is not there, or does not hold the data sets.

    Raises:
        DataError: It is none.
    """
    if not data.is_dir():
        raise DataError(f"{data}: no such folder; give the folder of the data sets as published")
    find_published(data, "movement_interval.csv")
