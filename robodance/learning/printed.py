"""What ``variant: printed`` is trained on and judged by: whole dances at 25 frames a second.

The choreographies are rebuilt from the training units and spread over their part of the
song as published (first to last frame of the song); poses keep their facing direction,
and nothing is mirrored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, PHASE_DIM, BeatClock, resample
from robodance.choreography.body import clean_body
from robodance.choreography.generators.autoregressive import AutoregressiveNet
from robodance.choreography.generators.printed import PRINTED_RATE_HZ, dance_as_printed
from robodance.choreography.phrases import POSITION_DIM, PhraseFrames, Vocabulary
from robodance.choreography.sampling import Normaliser
from robodance.errors import DataError
from robodance.learning.corpus import Corpus, MusicShelf
from robodance.learning.dataset import UnitLibrary, rebuild_poses
from robodance.skeleton import decode_pose, encode_pose
from robodance.values import FEATURE_DIM, Beats, FloatArray, SongFeatures

__all__ = ["NO_WORDS", "printed_corpus", "printed_dances"]

NO_WORDS = Vocabulary((), np.zeros(0, np.int64), np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0))
LEAST_SPREAD = 1e-3


def printed_corpus(
    library: UnitLibrary, shelf: MusicShelf, normaliser: Normaliser | None = None
) -> tuple[Corpus, Normaliser]:
    """Rebuild the dances of a genre at 25 frames a second, each with its song.

    Dances whose song is not at hand are left out, unless none is. Without a ``normaliser``
    one is fitted to the dances.

    Raises:
        DataError: No dance can be rebuilt.
    """
    dances, music = [], []
    for dance in library.choreographies:
        poses = rebuild_poses(library, dance)
        features = shelf.by_dance.get(dance.name)
        if poses is None or (shelf.by_dance and features is None):
            continue
        count = round(dance.end_frame - dance.start_frame)
        rows = np.arange(count) * (len(poses) - 1.0) / max(count - 1.0, 1.0)
        joints = clean_body(resample(decode_pose(poses), rows), PRINTED_RATE_HZ)
        dances.append(encode_pose(joints, PRINTED_RATE_HZ))
        times: FloatArray = np.asarray((dance.start_frame + np.arange(count)) / PRINTED_RATE_HZ)
        music.append(np.zeros((count, FEATURE_DIM)) if features is None else features.at(times))
    if not dances:
        raise DataError(f"no dance of {library.genre} can be rebuilt from its training units")
    poses = np.concatenate(dances)
    if normaliser is None:
        spread = np.maximum(poses.std(axis=0), LEAST_SPREAD)
        normaliser = Normaliser(poses.mean(axis=0), spread, heading=True)
    borders = np.cumsum([len(part) for part in dances])[:-1]
    count = len(poses)
    return Corpus(
        poses=normaliser.standardise(poses),
        frames=_no_phrases(count),
        phase=np.zeros((count, PHASE_DIM)),
        music=np.concatenate(music),
        genre=np.zeros((count, 0)),
        borders=tuple(int(border) for border in borders),
    ), normaliser


def printed_dances(
    net: AutoregressiveNet,
    normaliser: Normaliser,
    music: FloatArray,
    *,
    beat_s: float,
    frames: int,
) -> list[FloatArray]:
    """Let a printed network dance; results as ``gate.free_run``, on the beat clock.

    Args:
        net: The network.
        normaliser: Its standardisation.
        music: Shape (B, T', 128), features on the beat clock, repeated where too short.
        beat_s: Duration of a beat.
        frames: Frames of each dance. It begins with the song, from zeros, as in the paper.
    """
    beats = -(-frames // FRAMES_PER_BEAT)
    clock = BeatClock(_even_beats(beats + 2, beat_s))
    heard = np.tile(music, (1, -(-(frames + FRAMES_PER_BEAT) // music.shape[1]), 1))
    return [
        dance_as_printed(net, normaliser, clock, _features(song, beat_s), 0, beats)[:frames]
        for song in heard
    ]


def _even_beats(count: int, beat_s: float) -> Beats:
    numbers = np.arange(count) % 4 + 1
    times = np.asarray(np.arange(count, dtype=np.float64) * beat_s)
    return Beats(times, numbers, 4, 60.0 / beat_s, 1.0)


def _features(values: FloatArray, beat_s: float) -> SongFeatures:
    names: Sequence[str] = [str(column) for column in range(FEATURE_DIM)]
    return SongFeatures(values, FRAMES_PER_BEAT / beat_s, "on the beat clock", tuple(names))


def _no_phrases(count: int) -> PhraseFrames:
    nothing = np.zeros(count, dtype=np.int64)
    return PhraseFrames(
        nothing, nothing, np.zeros(count), np.zeros((count, POSITION_DIM)), nothing.astype(bool)
    )
