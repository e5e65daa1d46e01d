"""Three clocks: this computer's, the music's, and the robot's motion.

The network delays every message by an unknown amount. A reading is worth most when its
answer came fast, since it was taken somewhere between question and answer. The robot's
motion is known from its chunks: they follow each other without a gap, so the moments at
which they end lie on a straight line.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

__all__ = ["DriftControl", "MusicClock", "RobotMotion"]

WINDOW_S = 4.0  # readings of the music that count; older ones know nothing of a stall
READINGS = 200
BEST = 8  # the readings that were answered fastest decide
GAP_S = 0.12  # a chunk that starts this much later was sent too late
ENDS = 8  # the last ends of chunks that count, and the guess that the first was based on
BELIEVED = 2
MOST_STRETCH = 0.03  # a correction is spread so that nobody sees it


@dataclass
class MusicClock:
    """Where the music is, told from readings of its position.

    Attributes:
        readings: Moment between question and answer, time between them, position; seconds.
    """

    readings: deque[tuple[float, float, float]] = field(
        default_factory=lambda: deque(maxlen=READINGS)
    )

    def add(self, asked_s: float, answered_s: float, position_s: float) -> None:
        """Take in a reading: when it was asked for, when it came, what it said."""
        self.readings.append(((asked_s + answered_s) / 2.0, answered_s - asked_s, position_s))

    @property
    def known(self) -> bool:
        """Whether there is a reading."""
        return bool(self.readings)

    def at(self, now_s: float) -> float:
        """Return the position at a moment of this computer's clock."""
        newest = self.readings[-1][0]
        young = [r for r in self.readings if r[0] >= newest - WINDOW_S]
        fastest = sorted(young, key=lambda r: r[1])[:BEST]
        return float(np.median([position - middle for middle, _, position in fastest])) + now_s


@dataclass
class RobotMotion:
    """Where the robot is on its plan, told from the ends of its chunks.

    A robot that has its next chunk goes on without a gap, so an answer that comes late says
    more about the network, or about this computer, than about the robot: the median of the
    last ends counts, and of ends that are far off only two in a row are believed.

    Attributes:
        delay_s: How long a message takes of late.
        began_s: When the playing chunk began, on this computer's clock.
        gap_s: The longest that a chunk began after its predecessor's end.
    """

    delay_s: float
    began_s: float = 0.0
    gap_s: float = 0.0
    _late_s: deque[float] = field(default_factory=lambda: deque([0.0], maxlen=ENDS))
    _odd: int = 0

    def start(self, sent_s: float, cycle_s: float) -> None:
        """Note when the first chunk was sent; it begins with the next motion cycle."""
        self.set(sent_s + self.delay_s + cycle_s / 2.0)

    def set(self, began_s: float) -> None:
        """Say when the playing chunk began; what was known before counts no more."""
        self.began_s, self._odd = began_s, 0
        self._late_s = deque([0.0], maxlen=ENDS)

    def next(self, answered_s: float, duration_s: float, sent_s: float) -> None:
        """Note that a chunk has ended and the next one plays.

        Args:
            answered_s: When the answer came.
            duration_s: How long the ended chunk took by plan.
            sent_s: When the next one was sent.
        """
        expected = self.began_s + duration_s
        arrived = sent_s + self.delay_s
        late = (answered_s - self.delay_s) - expected
        self._odd = self._odd + 1 if abs(late) > GAP_S else 0
        if arrived > expected + max(late, 0.0) and arrived - expected > GAP_S:
            self.set(arrived)  # it was not there in time: the robot stood and waited
            self.gap_s = max(self.gap_s, arrived - expected)
        elif self._odd >= BELIEVED:
            self.set(expected + late)
        else:
            self._late_s.append(late)
            shift = float(np.median(self._late_s))
            self.began_s = expected + shift
            self._late_s = deque((late_s - shift for late_s in self._late_s), maxlen=ENDS)


@dataclass(frozen=True)
class DriftControl:
    """How the next chunk is played so that dance and music meet at its end.

    Attributes:
        cycle_s: The robot's motion cycle; chunks last whole cycles.
    """

    cycle_s: float

    def next_span(
        self, start_s: float, border_s: float, ahead_s: float, faster: float
    ) -> tuple[float, float]:
        """Return where the next chunk ends on the plan, and how long it is played.

        Args:
            start_s: Where it begins on the plan.
            border_s: Where it should end.
            ahead_s: By how much the dance will be ahead of the music when it begins.
            faster: How many times faster it may be played inside the limits.
        """
        cycles = max(1, round((border_s - start_s) / self.cycle_s))
        duration = cycles * self.cycle_s
        quickest = min(faster - 1.0, MOST_STRETCH) * duration
        shift = float(np.clip(-ahead_s, -MOST_STRETCH * duration, max(quickest, 0.0)))
        return start_s + duration + shift, duration
