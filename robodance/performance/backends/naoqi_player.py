"""Keep a robot supplied with the next piece of the curve, on the music's clock.

Before the dance the robot counts in: it is told to wait where it is, in short pieces. By the
moments at which they end its clock is known before it moves, however late this computer, the
network or the robot are with a message, and the first chunk lies in wait for its turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from robodance.errors import PerformanceAborted
from robodance.performance.backends.naoqi_chunks import (
    Chunk,
    borders,
    headroom,
    make_chunk,
    make_hold,
    moving_motors,
    worst_error,
)
from robodance.performance.backends.naoqi_clock import DriftControl, RobotMotion
from robodance.performance.backends.naoqi_link import Link
from robodance.performance.backends.naoqi_music import LEAD_S, Music
from robodance.performance.conductor import executed_curve
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, Plan

__all__ = ["Player"]

HELD = 2  # the playing chunk and the next: together under four seconds
HOPELESS_S = 1.0  # a dance that is so far from its music is stopped
LATE_RAD = 0.1  # a servo's lag is less
EARLY_S, FIT_S = 0.2, 0.01
BLOCKED_S = 0.5
TAKEN_S = 0.4  # until the robot has the first chunk
LATEST_ANSWER_S = 2.0  # after a chunk's end; then something is wrong
HOLD_S = 0.3  # of counting in; longer where messages take long
LEAST_HOLD_S = 0.1  # what is left of the count when the dance is sent


@dataclass
class _Sent:
    """A chunk on its way, or playing."""

    chunk: Chunk
    future: Any
    sent_s: float
    dances: bool


class Player:
    """Sends a plan in chunks and knows where the robot is on it.

    Args:
        link: The robot.
        plan: What to play.
        robot: Whose it is.
        music: The clock to follow.
        cycle_s: The robot's motion cycle.
        kind: ``bezier``, ``linear`` or ``auto``.
    """

    def __init__(
        self,
        link: Link,
        plan: Plan,
        robot: RobotModel,
        music: Music,
        cycle_s: float,
        kind: str,
    ) -> None:
        self._link, self._plan, self._music, self._cycle_s = link, plan, music, cycle_s
        self._kind = kind
        self._curve = executed_curve(plan)
        self._names = moving_motors(plan, robot) or plan.joint_names[:1]
        self._columns = [robot.index(name) for name in self._names]
        self._borders = list(borders(plan, robot)[1:])
        self._first_s = self._reached_s = float(plan.times_s[0])  # how far chunks were made
        self._queue: list[_Sent] = []
        self._motion = RobotMotion(0.0)
        self._delay: Callable[[], float] = lambda: 0.0
        self._control = DriftControl(cycle_s)
        self._next: Chunk | None = None
        self._looked_s = 0.0  # when the playing chunk was last seen not to have ended
        self._off_since = np.full(len(plan.joint_names), self._first_s)
        self.drifts_s: list[float] = []  # by how much the dance was ahead of the music
        self._borders_s: list[float] = []  # at these moments of the plan
        self.chunks: list[Chunk] = []

    @property
    def done(self) -> bool:
        """Whether all has been played."""
        return not self._queue and self._next is None and not self._borders

    def figures(self) -> dict[str, Any]:
        """Return how well the robot kept time, as far as it says."""
        drifts = np.abs(self.drifts_s or [0.0])
        return {
            "calls": sorted({chunk.method for chunk in self.chunks}),
            "chunks": len(self.chunks),
            "chunk_error_max_deg": float(np.degrees(worst_error(self.chunks))),
            "longest_wait_for_a_chunk_s": self._motion.gap_s,
            "start_ahead_s": self.drifts_s[0] if self.drifts_s else None,
            "ahead_s": list(self.drifts_s),
            "ahead_times_s": list(self._borders_s),
            "drift_max_s": float(drifts.max()),
            "drift_mean_s": float(drifts.mean()),
            "lead_s": LEAD_S,
        }

    def start(self, delay: Callable[[], float]) -> None:
        """Begin to count in; the dance follows by itself, on the music.

        Args:
            delay: Says how long a message takes of late.
        """
        self._delay = delay
        self._motion = RobotMotion(delay())
        self._motion.set(time.monotonic() + delay() + self._cycle_s / 2.0)
        self._prepare()
        self._send()
        self._motion.start(self._queue[0].sent_s, self._cycle_s)
        self._await_first()
        self._go_on()

    def _await_first(self) -> None:
        """Wait until the robot has the first piece: calls on their way may overtake each other."""
        end = time.monotonic() + min(TAKEN_S, self._queue[0].chunk.duration_s / 2.0)
        while time.monotonic() < end:
            if self._link.call("ALMotion", "getTaskList"):
                return

    def moment(self, now_s: float) -> float:
        """Return where the robot is on the plan at a moment of this computer's clock."""
        if not self._queue:
            return float(self._plan.times_s[-1]) if self.done else self._reached_s
        chunk = self._queue[0].chunk
        share = (now_s - self._motion.began_s) / chunk.duration_s
        if share > 1.0 and len(self._queue) > 1:
            after = self._queue[1].chunk
            more = min((share - 1.0) * chunk.duration_s / after.duration_s, 1.0)
            return after.start_s + more * (after.end_s - after.start_s)
        return chunk.start_s + min(max(share, 0.0), 1.0) * (chunk.end_s - chunk.start_s)

    def planned(self, moment_s: float) -> FloatArray:
        """Return the planned joint angles (J,) at a moment of the plan."""
        inside = np.clip(moment_s, self._plan.times_s[0], self._plan.times_s[-1])
        return np.asarray(self._curve(inside))

    def seen(self, measured_rad: FloatArray, moment_s: float) -> float:
        """Compare what was measured (J,) with the plan; returns the moment it belongs to.

        A robot far from the plan may only be late, after a stall. If another moment fits
        much better, it is there.
        """
        columns = self._columns
        off = np.abs(measured_rad - self.planned(moment_s))[columns]
        before = float(off.max(initial=0.0))
        if before < LATE_RAD or self.done:
            return moment_s
        moments = np.arange(moment_s - HOPELESS_S, moment_s + EARLY_S, FIT_S)
        there = self._curve(moments.clip(*self._plan.times_s[[0, -1]]))[:, columns]
        worst = np.abs(there - measured_rad[columns]).max(axis=1)
        if worst.min() > before / 3.0:
            return moment_s
        moment = float(moments[worst.argmin()])
        self._motion.set(self._motion.began_s - (moment - moment_s) / 2.0)
        return moment

    def note_blocked(self, measured_rad: FloatArray, moment_s: float, most_rad: float) -> None:
        """Look whether a joint (J,) stays far from the plan: it is blocked, or held.

        Raises:
            PerformanceAborted: One does.
        """
        if not self.chunks or not most_rad:
            return
        off = np.abs(measured_rad - self.planned(moment_s)) > most_rad
        self._off_since = np.where(off, self._off_since, moment_s)
        seconds = moment_s - self._off_since
        if seconds.max() > BLOCKED_S:
            name = self._plan.joint_names[int(seconds.argmax())]
            raise PerformanceAborted(f"{name} does not follow the plan; the dance was stopped")

    def tend(self) -> None:
        """Take note of what has ended and send what comes next; never waits.

        Raises:
            RobotError: The robot refused a chunk, or is gone.
            PerformanceAborted: Dance and music are hopelessly apart.
        """
        now = time.monotonic()
        for sent in self._queue[1:]:
            if not self._link.running(sent.future):  # before its turn: refused
                self._link.result(sent.future, f"ALMotion.{sent.chunk.method}")
        if not self._queue:
            return
        first = self._queue[0]
        end = self._motion.began_s + first.chunk.duration_s
        if self._link.running(first.future):
            if now > end + LATEST_ANSWER_S:
                raise PerformanceAborted(
                    f"the robot has not ended its motion {now - end:.1f} s after its time; it "
                    "was stopped"
                )
            self._looked_s = now
            return
        self._link.result(first.future, f"ALMotion.{first.chunk.method}")
        if now < end - LATEST_ANSWER_S / 4.0:
            raise PerformanceAborted(
                f"the robot ended its motion {end - now:.1f} s early: someone else stopped it"
            )
        self._queue.pop(0)
        self._motion.delay_s = self._delay()
        late = not self._queue
        if self.done:
            return
        ended = (max(self._looked_s, self._motion.began_s) + now) / 2.0
        self._motion.next(ended, first.chunk.duration_s, now if late else self._queue[0].sent_s)
        if not late:
            self._note_drift(self._queue[0])
        self._go_on()
        if late:  # the robot had nothing to go on with, and stood
            self._motion.start(self._queue[0].sent_s, self._cycle_s)
            self._note_drift(self._queue[0])

    def _go_on(self) -> None:
        """Send what comes next; what comes after it is prepared while there is time.

        While the robot counts in every end of a piece makes the start surer: nothing is
        prepared before it must be sent.
        """
        if self._next is None:
            self._prepare()
        self._send()
        if self.chunks:
            self._prepare()

    def _note_drift(self, sent: _Sent) -> None:
        """Note how far dance and music are apart where two chunks meet."""
        if not sent.dances:
            return
        drift = sent.chunk.start_s - self._music.moment(self._motion.began_s)
        self.drifts_s.append(drift)
        self._borders_s.append(sent.chunk.start_s)
        before = self.drifts_s[-2] if len(self.drifts_s) > 1 else 0.0
        if min(abs(drift), abs(before)) > HOPELESS_S:  # one answer may come late
            raise PerformanceAborted(
                f"dance and music are {abs(drift):.1f} s apart: the network is too slow to dance by"
            )

    def _ahead(self) -> float:
        """By how much the dance will be ahead of the music at the end of what was sent."""
        end = self._motion.began_s + sum(sent.chunk.duration_s for sent in self._queue)
        return self._reached_s - self._music.moment(end)

    def _send(self) -> None:
        chunk, self._next = self._next, None
        if chunk is None:
            return
        assert len(self._queue) < HELD
        sent_s = time.monotonic()
        future = self._link.send("ALMotion", chunk.method, *chunk.arguments())
        self._queue.append(_Sent(chunk, future, sent_s, bool(self.chunks)))

    def _prepare(self) -> None:
        """Make the chunk that will be sent next."""
        if not self._borders or (not self.chunks and self._count_in()):
            return
        ahead_s = self._ahead()
        start, border = self._reached_s, float(self._borders.pop(0))
        faster = headroom(self._plan, self._curve, start, border)
        if not self.chunks and ahead_s < 0.0:  # late: it begins slowly, so it can be made up for
            quickest = (border - start) / faster
            duration = self._cycles(max(border - start + ahead_s, quickest))
            end = border
        else:
            end, duration = self._control.next_span(start, border, ahead_s, faster)
        if not self._borders:
            end = border
            quickest = (border - start) / faster
            duration = self._cycles(max(border - start - max(-ahead_s, 0.0), quickest))
        self._next = self._fit((start, end), duration)
        self._reached_s = end
        self.chunks.append(self._next)

    def _count_in(self) -> bool:
        """Prepare a piece of waiting, or say where the dance begins; returns whether it waits."""
        sounds_s = self._reached_s - self._ahead()  # when the next piece begins
        left_s = self._first_s - sounds_s
        if left_s <= LEAST_HOLD_S:
            self._reached_s = min(sounds_s, self._first_s)
            return False
        pieces = max(1, round(left_s / (HOLD_S + 4.0 * self._delay())))
        seconds = max(1, int(left_s / pieces / self._cycle_s)) * self._cycle_s
        self._next = make_hold(self._curve, self._names, self._columns, sounds_s, seconds)
        self._reached_s = sounds_s + seconds
        return True

    def _cycles(self, seconds: float) -> float:
        """Return the least whole number of motion cycles that lasts so long."""
        return float(max(np.ceil(seconds / self._cycle_s - 1e-6), 1.0) * self._cycle_s)

    def _fit(self, span_s: tuple[float, float], duration_s: float) -> Chunk:
        return make_chunk(
            self._curve,
            self._names,
            self._columns,
            span_s,
            duration_s,
            cycle_s=self._cycle_s,
            first=span_s[0] <= self._plan.times_s[0],
            kind=self._kind,
        )
