"""Cut a dance and set it to a song: frames stay as they are, only the clock changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from robodance.errors import UsageError
from robodance.values import Beats, PoseSequence

__all__ = ["cut", "set_to_music"]

SHORTEST_FRAMES = 2
ROUNDING_FRAMES = 1e-6


def cut(dance: PoseSequence, from_s: float = 0.0, to_s: float | None = None) -> PoseSequence:
    """Return a part of a dance, its first frame at 0 s.

    Args:
        dance: The dance; its own beats, if any, come along.
        from_s: First moment, counted from the dance's first frame.
        to_s: Last moment; None: the end.

    Raises:
        UsageError: Fewer than two frames would be left.
    """
    rate = dance.frame_rate_hz
    first = int(np.ceil(from_s * rate - ROUNDING_FRAMES))
    last = len(dance.poses) if to_s is None else int(to_s * rate + ROUNDING_FRAMES) + 1
    if len(dance.poses[first:last]) < SHORTEST_FRAMES:
        raise UsageError(
            f"the dance lasts {(len(dance.poses) - 1) / rate:.2f} s; --from {from_s:g}"
            f"{'' if to_s is None else f' --to {to_s:g}'} leaves less than two frames of it"
        )
    part = slice(first, last)
    beats = dance.beats_s - dance.start_s - first / rate
    kept = (beats >= 0.0) & (beats <= (len(dance.poses[part]) - 1) / rate)
    return replace(
        dance,
        start_s=0.0,
        beats_s=beats[kept],
        beat_numbers=dance.beat_numbers[kept],
        **dance.frames(part),
    )


def set_to_music(
    dance: PoseSequence, beats: Beats, from_s: float, end_s: float
) -> tuple[PoseSequence, tuple[str, ...]]:
    """Return a dance on a song's clock with the song's beats, and remarks for a person.

    Args:
        dance: The dance; beats of its own are left behind.
        beats: Of the song.
        from_s: Moment of the song at which the dance's first frame lies.
        end_s: Moment at which the song or the part of it ends; the dance is cut there.
    """
    rate = dance.frame_rate_hz
    length_s = (len(dance.poses) - 1) / rate
    part = cut(dance, 0.0, min(length_s, end_s - from_s))
    remarks: tuple[str, ...] = ()
    if length_s > end_s - from_s + 1.0 / rate:
        remarks = (
            f"the dance lasts {length_s:.1f} s and was cut after {end_s - from_s:.1f} s, where "
            "the music ends",
        )
    inside = (beats.times_s >= from_s) & (beats.times_s <= from_s + (len(part.poses) - 1) / rate)
    placed = replace(
        part,
        start_s=from_s,
        beats_s=beats.times_s[inside],
        beat_numbers=beats.numbers[inside],
    )
    return placed, remarks
