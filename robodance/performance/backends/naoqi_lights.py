"""A NAO's eyes on the beat, slowly enough for everyone."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from robodance.errors import RobotError
from robodance.performance.backends.naoqi_link import Link
from robodance.values import Plan

__all__ = ["Lights", "flashes"]

FASTEST_HZ = 2.75  # under three flashes a second, which can cause seizures
COLOURS = (0x2060FF, 0xFF8020)
FADE_S = 0.15
PAUSE_S = 0.19  # from the answer of a flash: with the fade a little over a third of a second
APART_S = 0.95 / FASTEST_HZ  # for robots that answer at once; a little early is no matter


def flashes(plan: Plan) -> list[float]:
    """Return robot times of flashes: beats, left out where they come too fast."""
    inside = (plan.beats_s >= plan.music_times_s[0]) & (plan.beats_s <= plan.music_times_s[-1])
    times = np.interp(plan.beats_s[inside], plan.music_times_s, plan.times_s)
    kept: list[float] = []
    for moment in times:
        if not kept or moment - kept[-1] >= 1.0 / FASTEST_HZ:
            kept.append(float(moment))
    return kept


class Lights:
    """Fades the eyes' colour at each flash.

    However late orders and answers are, two flashes are never nearer than a third of a second
    at the robot: the next one is not ordered before the last one has been answered, which a
    robot does when it has faded, and some time has passed. A flash that cannot be in time is
    left out.

    Args:
        link: The robot.
        plan: Whose beats.
    """

    def __init__(self, link: Link, plan: Plan) -> None:
        self._link, self._due, self._count = link, flashes(plan), 0
        self._fading: Any = None
        self._sent_s = self._answered_s = -np.inf
        if not link.has("ALLeds"):
            self._due = []

    def tend(self, moment_s: float) -> None:
        """Flash if it is time to; never waits, and never ends a dance."""
        now = time.monotonic()
        if self._fading is not None and not self._link.running(self._fading):
            self._fading, self._answered_s = None, now
        if not self._due or moment_s < self._due[0]:
            return
        while self._due and self._due[0] <= moment_s:
            self._due.pop(0)
        if self._fading is not None or now < self._earliest_s:
            return
        try:
            colour = COLOURS[self._count % len(COLOURS)]
            self._fading = self._link.send("ALLeds", "fadeRGB", "FaceLeds", colour, FADE_S)
        except RobotError:
            self._due = []
        self._sent_s = now
        self._count += 1

    @property
    def _earliest_s(self) -> float:
        return max(self._answered_s + PAUSE_S, self._sent_s + APART_S)
