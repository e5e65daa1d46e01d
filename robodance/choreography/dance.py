"""IMAGINE, the stage: a song that was heard becomes a human dance in the song's time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

import robodance
from robodance.choreography.beat_clock import FRAMES_PER_BEAT, BeatClock, resample
from robodance.choreography.body import clean_body
from robodance.choreography.mixture import choose_generator
from robodance.choreography.projection import MotionWindows, project
from robodance.config import ChoreographyConfig
from robodance.errors import DataError
from robodance.skeleton import decode_pose, pose_sequence
from robodance.values import Beats, PoseSequence, SongAnalysis

__all__ = ["create_dance", "dance_beats"]

OCTAVE = 1.8  # music faster than the genre by more is danced at half its beats, and so on
SHORTEST_S = 0.2


def create_dance(
    song: SongAnalysis,
    config: ChoreographyConfig,
    *,
    seed: int,
    from_s: float = 0.0,
    to_s: float | None = None,
    windows: MotionWindows | None = None,
    progress: Callable[[float], None] | None = None,
) -> PoseSequence:
    """Imagine a dance for a song.

    The dance is generated on the beat clock, read at uniform moments of the song and
    cleaned there, so that feet stand still from frame to frame.

    Args:
        song: What was heard.
        config: Generator, weights, frame rate.
        seed: Same song, same seed: same dance.
        from_s: First moment of the song to dance to.
        to_s: Last moment; None: the song's end.
        windows: Recorded motion to project the dance onto; None: it stays as imagined.
        progress: Called with the share done.

    Returns:
        The dance from ``from_s`` to ``to_s``, with the song's beats in between.

    Raises:
        DataError: The weights cannot be read or know other music features.
    """
    end_s = song.song.duration_s if to_s is None else to_s
    if end_s - from_s < SHORTEST_S:
        raise DataError(f"nothing to dance to from {from_s:.2f} s to {end_s:.2f} s")
    generator = choose_generator(config, song.genre)
    if generator.card.get("music") != song.features.kind:
        raise DataError(
            f"{config.weights or song.genre.name}: weights trained on the music features "
            f"{generator.card.get('music')!r}, but the song is described by "
            f"{song.features.kind!r}; train again or use matching weights"
        )
    shares = song.genre.shares or {song.genre.name: 1.0}
    usual_beat_s = _usual_beat_s(generator.card["beat_s"], shares)
    beats, ratio = dance_beats(song.beats, usual_beat_s)
    clock = BeatClock(beats)
    times = from_s + np.arange(int((end_s - from_s) * config.frame_rate_hz) + 1) / (
        config.frame_rate_hz
    )
    position = clock.beats_at(times)
    first = _downbeat_before(clock, position[0])
    count = int(np.ceil(position[-1])) + 1 - first
    poses = generator.generate(
        clock,
        song.features,
        first,
        count,
        seed=seed,
        shares=shares,
        progress=progress,
    )
    if windows is not None:
        poses = project(poses, windows)
    joints = resample(decode_pose(poses), (position - first) * FRAMES_PER_BEAT)
    # Whether a foot stands is judged by how fast it is at the genre's own tempo, so that
    # faster music does not leave fewer steps.
    own = float(np.median(np.diff(beats.times_s))) / usual_beat_s
    joints = clean_body(joints, config.frame_rate_hz * own)
    if progress is not None:
        progress(1.0)
    inside = (song.beats.times_s >= times[0]) & (song.beats.times_s <= times[-1])
    return pose_sequence(
        joints,
        config.frame_rate_hz,
        start_s=from_s,
        beats_s=song.beats.times_s[inside],
        beat_numbers=song.beats.numbers[inside],
        metadata={
            "genre": song.genre.name,
            **({"genre_shares": dict(song.genre.shares)} if song.genre.shares else {}),
            "generator": config.generator,
            "weights_sha256": generator.card["sha256"],
            "seed": seed,
            **({} if windows is None else {"projected": True}),
            "song_beats_per_dance_beat": ratio,
            "versions": {"robodance": robodance.__version__},
        },
    )


def dance_beats(beats: Beats, usual_beat_s: float) -> tuple[Beats, float]:
    """Return the beats to dance on: the song's, or every second, or twice as many.

    Music nearly twice as fast as the genre is danced at half its beat, as people do.

    Args:
        beats: Of the song.
        usual_beat_s: The genre's own beat.

    Returns:
        The beats, and how many beats of the song make one of the dance: 2, 1 or 0.5.
    """
    ratio = usual_beat_s / float(np.median(np.diff(beats.times_s)))
    times, numbers = np.asarray(beats.times_s), np.asarray(beats.numbers)
    if ratio > OCTAVE and len(times) >= 4:
        first = int(np.argmax(numbers == 1)) % 2  # keep the downbeats where bars are even
        return _renumbered(times[first::2], beats, first=0), 2.0
    if ratio < 1.0 / OCTAVE:
        middle = 0.5 * (times[1:] + times[:-1])
        both = np.insert(times, np.arange(1, len(times)), middle)
        return _renumbered(both, beats, first=2 * (int(numbers[0]) - 1)), 0.5
    return beats, 1.0


def _usual_beat_s(beat_s: float | Mapping[str, float], shares: Mapping[str, float]) -> float:
    """Return the beat of a genre, or the geometric mean of a mixture's."""
    if not isinstance(beat_s, Mapping):
        return float(beat_s)
    logs = [share * np.log(beat_s[name]) for name, share in shares.items() if name in beat_s]
    return float(np.exp(sum(logs) / sum(shares.values())))


def _renumbered(times: np.ndarray, beats: Beats, first: int) -> Beats:
    numbers = (first + np.arange(len(times))) % beats.beats_per_bar + 1
    return Beats(
        times_s=times,
        numbers=numbers,
        beats_per_bar=beats.beats_per_bar,
        tempo_bpm=60.0 / float(np.median(np.diff(times))),
        confidence=beats.confidence,
    )


def _downbeat_before(clock: BeatClock, position: float) -> int:
    """Return the last downbeat at or before a position, in beats."""
    beat = int(np.floor(position))
    return beat - round(float(clock.bar_position_at(np.array([float(beat)]))[0]))
