"""The page's one clock: the song's, as it sounds, whatever the robot's time does."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from robodance.values import FloatArray, Plan

__all__ = ["PageTimes", "page_times"]

SAME_LENGTH_S = 1e-3  # a dance as long as its part of the song, up to this, is danced to it


@dataclass(frozen=True)
class PageTimes:
    """Ties the page's time, which is the song's, to the robot's.

    Attributes:
        song_s: Shape (T,), what sounds at each sample of the plan.
        robot_s: Shape (T,), robot time of each sample.
        slower: How many times slower than the song the robot really moves; 1: it dances to
            the song as it sounds, and time that is bent inside the bars shows as such.
    """

    song_s: FloatArray = field(repr=False)
    robot_s: FloatArray = field(repr=False)
    slower: float

    @property
    def start_s(self) -> float:
        """Song time of the plan's first sample; the song is silent until the dance begins."""
        return float(self.song_s[0])

    @property
    def end_s(self) -> float:
        """Song time of its last sample."""
        return float(self.song_s[-1])

    def even(self, rate_hz: float) -> FloatArray:
        """Return evenly spaced song times from start to end, the end included."""
        count = int(np.ceil((self.end_s - self.start_s) * rate_hz)) + 1
        return self.start_s + np.arange(count) / rate_hz

    def robot(self, song_s: FloatArray) -> FloatArray:
        """Return the robot times of song times."""
        return np.interp(song_s, self.song_s, self.robot_s)

    def song(self, robot_s: FloatArray) -> FloatArray:
        """Return the song times of robot times."""
        return np.interp(robot_s, self.robot_s, self.song_s)


def page_times(plan: Plan) -> PageTimes:
    """Return the times of a plan.

    A dance that takes as long as its part of the song is shown to the song as it sounds, also
    when its time is bent inside the bars. A slower one is shown at the music's speed, as a film
    of it is played.
    """
    first, last = float(plan.human_times_s[0]), float(plan.human_times_s[-1])
    begin, end = np.interp([first, last], plan.music_times_s, plan.times_s)
    if abs((end - begin) - (last - first)) < SAME_LENGTH_S:
        return PageTimes(first + plan.times_s - plan.music_start_s, plan.times_s, 1.0)
    slower = (end - begin) / max(last - first, 1e-9)
    return PageTimes(plan.music_times_s, plan.times_s, float(slower))
