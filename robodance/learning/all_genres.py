"""One network for all genres, which can mix them (the future work of Ahn et al.).

It learns from a dance of each genre, and from dances that take turns between two genres
and are told both shares. For its gate, each genre is cut out of it as a network of its
own: the genre's code becomes part of a bias, so nothing else changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from robodance.choreography.beat_clock import FRAMES_PER_BEAT
from robodance.choreography.body import clean_body
from robodance.choreography.generators.autoregressive import AutoregressiveNet
from robodance.choreography.joins import chain
from robodance.choreography.phrases import PhraseDraw, PhraseFrames, Vocabulary, lay_out
from robodance.choreography.sampling import Normaliser, mirror_poses
from robodance.choreography.turns import Turns
from robodance.learning.corpus import (
    Corpus,
    MusicShelf,
    build_corpus,
    build_vocabulary,
    join_distances,
    music_of,
    random_bars,
)
from robodance.learning.dataset import UnitLibrary
from robodance.skeleton import decode_pose, encode_pose
from robodance.values import FloatArray, IntArray

__all__ = ["build_mixed_corpus", "genre_part", "merge_vocabularies", "words_of"]

MIXED_SHARE = 0.2  # of the beats are danced in two genres
MIXED_BEATS = 64  # of one such dance


def merge_vocabularies(libraries: Sequence[UnitLibrary]) -> Vocabulary:
    """Return the units of several genres as one vocabulary; liveliness stays each genre's."""
    parts = [build_vocabulary(library) for library in libraries]
    units = [
        library.training[tag]
        for library, part in zip(libraries, parts, strict=True)
        for tag in part.tags
    ]
    count = len(units)
    follows = np.zeros((count, count))
    start = 0
    for part in parts:
        end = start + len(part.tags)
        follows[start:end, start:end] = part.follows
        start = end
    return Vocabulary(
        tags=tuple(unit.tag for unit in units),
        beats=np.concatenate([part.beats for part in parts]),
        follows=follows,
        distance_m=join_distances(units, follows),
        liveliness=np.concatenate([part.liveliness for part in parts]),
        group=np.repeat(np.arange(len(parts)), [len(part.tags) for part in parts]),
        course=_stacked([part.course for part in parts if part.course is not None]),
    )


def words_of(words: Vocabulary, group: int) -> Vocabulary:
    """Return the units of one genre out of several."""
    rows = _rows(words, group)
    return Vocabulary(
        tags=tuple(words.tags[row] for row in rows),
        beats=words.beats[rows],
        follows=words.follows[np.ix_(rows, rows)],
        distance_m=words.distance_m[np.ix_(rows, _both(rows, len(words.tags)))],
        liveliness=words.liveliness[rows],
        course=None if words.course is None else words.course[rows, : max(words.beats[rows])],
    )


def build_mixed_corpus(
    libraries: Sequence[UnitLibrary],
    vocabulary: Vocabulary,
    normaliser: Normaliser,
    shelves: Sequence[MusicShelf],
    *,
    beats: int,
    seed: int,
) -> Corpus:
    """Draw dances of each genre and of pairs of genres, ``beats`` beats in all."""
    count, rng = len(libraries), np.random.default_rng([seed, 1])
    parts = []
    for group, (library, shelf) in enumerate(zip(libraries, shelves, strict=True)):
        single = build_corpus(
            library,
            words_of(vocabulary, group),
            normaliser,
            shelf,
            beats=max(64, round((1.0 - MIXED_SHARE) * beats / count)),
            seed=seed + group,
        )
        genre = np.tile(np.eye(count)[group], (len(single.poses), 1))
        frames = _as_merged(single.frames, vocabulary, group)
        parts.append(replace(single, frames=frames, genre=genre))
    for _ in range(max(1, round(MIXED_SHARE * beats / MIXED_BEATS))):
        parts.append(_mixed_dance(libraries, vocabulary, normaliser, shelves, rng))
    return _end_to_end(parts)


def genre_part(
    net: AutoregressiveNet, vocabulary: Vocabulary, shares: Mapping[str, float]
) -> tuple[AutoregressiveNet, Vocabulary]:
    """Cut a genre out of a network of several: the same answers, told one genre less.

    Args:
        net: Knows several genres.
        vocabulary: Its units.
        shares: Of the genres it is told; the units are those of the largest.
    """
    names = net.config.genres
    told = torch.tensor([shares.get(name, 0.0) for name in names])
    rows = _rows(vocabulary, int(told.argmax()))
    part = AutoregressiveNet(replace(net.config, genres=(), units=len(rows)))
    state = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
    code = told @ state.pop("genre_code.weight")
    first = state["layers.0.weight"]
    state["layers.0.bias"] += first[:, -len(code) :] @ code
    state["layers.0.weight"] = first[:, : -len(code)].contiguous()
    state["unit_code.weight"] = state["unit_code.weight"][rows]
    state["upcoming_code.weight"] = state["upcoming_code.weight"][_both(rows, len(vocabulary.tags))]
    part.load_state_dict(state)
    return part.eval(), words_of(vocabulary, int(told.argmax()))


def _mixed_dance(
    libraries: Sequence[UnitLibrary],
    vocabulary: Vocabulary,
    normaliser: Normaliser,
    shelves: Sequence[MusicShelf],
    rng: np.random.Generator,
) -> Corpus:
    """Draw, chain and clean one dance in two genres, at their mean tempo."""
    pair = rng.choice(len(libraries), 2, replace=False)
    shares = np.zeros(len(libraries))
    shares[pair[0]] = rng.uniform(0.2, 0.8)
    shares[pair[1]] = 1.0 - shares[pair[0]]
    draw, turns, groups = PhraseDraw(vocabulary, rng), Turns(shares), []
    while turns.position < MIXED_BEATS:
        groups.append(turns.whose)
        turns.take(draw.next(turns.position, turns.whose).beats)
    units = [
        libraries[group].training[vocabulary.tags[phrase.unit]]
        for group, phrase in zip(groups, draw.phrases, strict=True)
    ]
    poses = chain([
        mirror_poses(unit.poses) if phrase.mirrored else unit.poses
        for unit, phrase in zip(units, draw.phrases, strict=True)
    ])
    rate = FRAMES_PER_BEAT / float(np.mean([libraries[group].beat_s for group in groups]))
    poses = encode_pose(clean_body(decode_pose(poses), rate), rate)
    frames = lay_out(vocabulary, draw.phrases, FRAMES_PER_BEAT)
    poses = np.where(frames.mirrored[:, None], mirror_poses(poses), poses)
    music = [music_of(unit, shelves[group], rng) for unit, group in zip(units, groups, strict=True)]
    return Corpus(
        poses=normaliser.standardise(poses),
        frames=frames,
        phase=random_bars([len(poses) // FRAMES_PER_BEAT], libraries[groups[0]].genre, rng),
        music=np.concatenate(music),
        genre=np.tile(shares, (len(poses), 1)),
    )


def _end_to_end(parts: Sequence[Corpus]) -> Corpus:
    frames = PhraseFrames(**{
        name: np.concatenate([getattr(part.frames, name) for part in parts])
        for name in vars(parts[0].frames)
    })
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("poses", "phase", "music", "genre")
    }
    borders = np.cumsum([len(part.poses) for part in parts])[:-1]
    return Corpus(frames=frames, borders=tuple(int(b) for b in borders), **arrays)


def _as_merged(frames: PhraseFrames, vocabulary: Vocabulary, group: int) -> PhraseFrames:
    """Renumber the units of one genre as the merged vocabulary numbers them."""
    rows = _rows(vocabulary, group)
    return replace(
        frames,
        unit=rows[frames.unit],
        upcoming=_both(rows, len(vocabulary.tags))[frames.upcoming],
    )


def _stacked(courses: Sequence[FloatArray]) -> FloatArray:
    """Put courses of several genres under each other, NaN beyond the end of each."""
    longest = max(course.shape[1] for course in courses)
    ends = [((0, 0), (0, longest - course.shape[1])) for course in courses]
    padded = [np.pad(c, end, constant_values=np.nan) for c, end in zip(courses, ends, strict=True)]
    return np.concatenate(padded)


def _rows(words: Vocabulary, group: int) -> IntArray:
    """Return which units belong to a genre."""
    assert words.group is not None
    return np.flatnonzero(words.group == group)


def _both(rows: IntArray, count: int) -> IntArray:
    """Return the rows of units and of their mirror images."""
    return np.concatenate([rows, rows + count])
