"""Which moment of a performance each picture of a film shows.

There are three clocks: the robot's, in which plan and log are written; the song's; and the
film's own. The plan ties the first two together, at an even pace or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robodance.values import FloatArray, Plan

__all__ = ["Timeline", "at_music_speed", "film_timeline", "robot_times", "song_times"]

SAME_LENGTH_S = 1e-3  # a dance as long as its part of the song, up to this, is danced to it


@dataclass(frozen=True)
class Timeline:
    """Which moment each picture shows.

    Attributes:
        robot_times_s: Shape (F,), robot time of each picture.
        sound_start_s: Where in its sound the film begins: song time, or robot time in a film
            at the robot's pace.
    """

    robot_times_s: FloatArray = field(repr=False)
    sound_start_s: float


def film_timeline(
    plan: Plan,
    last_s: float,
    frame_rate_hz: int,
    *,
    from_s: float | None = None,
    to_s: float | None = None,
    clock: str = "music",
) -> Timeline:
    """Return the moments of a film's pictures.

    Args:
        plan: Ties robot time to song time.
        last_s: Robot time after which there is nothing to show.
        frame_rate_hz: Pictures per second.
        from_s: Song time of the first picture; None: where the song begins to sound.
        to_s: Song time of the end; None: ``last_s``.
        clock: ``music``: the film runs as the song does, whatever the robot's pace was;
            ``robot``: as the robot did.
    """
    start = plan.music_start_s if from_s is None else float(robot_times(plan, from_s))
    start = max(start, float(plan.times_s[0]))
    end = last_s if to_s is None else min(last_s, float(robot_times(plan, to_s)))
    if clock == "robot":
        count = max(1, round((end - start) * frame_rate_hz))
        return Timeline(start + np.arange(count) / frame_rate_hz, start)
    first, last = song_times(plan, np.array([start, end]))
    count = max(1, round((last - first) * frame_rate_hz))
    moments = first + np.arange(count) / frame_rate_hz
    return Timeline(np.minimum(robot_times(plan, moments), last_s), float(first))


def at_music_speed(plan: Plan) -> bool:
    """Return whether the robot dances to the song as it is.

    Time bent inside the bars is the music's over the whole dance: then it sounds as it is.
    """
    first, last = plan.human_times_s[[0, -1]]
    danced = robot_times(plan, np.array([first, last]))
    return bool(abs((danced[1] - danced[0]) - (last - first)) < SAME_LENGTH_S)


def robot_times(plan: Plan, moments_s: FloatArray | float) -> FloatArray:
    """Return the robot time of moments of the song; same shape."""
    return _through(moments_s, plan.music_times_s, plan.times_s)


def song_times(plan: Plan, robot_times_s: FloatArray | float) -> FloatArray:
    """Return the moment of the song at robot times; same shape."""
    return _through(robot_times_s, plan.times_s, plan.music_times_s)


def _through(values: FloatArray | float, xs: FloatArray, ys: FloatArray) -> FloatArray:
    """Interpolate between the plan's samples; beyond the ends go on at the pace there."""
    values = np.asarray(values, dtype=np.float64)
    before = (ys[1] - ys[0]) / (xs[1] - xs[0]) * np.minimum(values - xs[0], 0.0)
    after = (ys[-1] - ys[-2]) / (xs[-1] - xs[-2]) * np.maximum(values - xs[-1], 0.0)
    return np.asarray(np.interp(values, xs, ys) + before + after)
