"""How a dance lies in robot time: lead-in, music, lead-out, all on one grid of knots.

Which moment of the song belongs to which robot time is a ``MusicMap``: a straight line
where the tempo is kept or slowed evenly, a smooth rising curve where it is warped
(``warp.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from robodance.config import MotionConfig
from robodance.errors import RobodanceError
from robodance.values import FloatArray, Plan, PoseSequence, frozen_array

__all__ = ["MusicMap", "Timeline", "even_map", "timeline_of", "timeline_of_plan"]

ROUNDING = 1e-9


@dataclass(frozen=True)
class MusicMap:
    """A strictly rising, continuously differentiable map between robot time and song time.

    Slowness, robot seconds per song second, is linear in song time between nodes, so robot
    time is a chain of parabolas through ``robot_times_s`` and its inverse has a closed form.
    Before the first and after the last node the slowness stays what it is there.

    Attributes:
        moments_s: Shape (N,), song times of the nodes, rising.
        robot_times_s: Shape (N,), their robot times.
        slowness: Shape (N,), robot seconds per song second at the nodes, positive.
    """

    moments_s: FloatArray = field(repr=False)
    robot_times_s: FloatArray = field(repr=False)
    slowness: FloatArray = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("moments_s", "robot_times_s", "slowness"):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))
        if (np.diff(self.moments_s) <= 0.0).any() or (self.slowness <= 0.0).any():
            raise RobodanceError("a MusicMap needs rising moments and a positive slowness")

    @classmethod
    def of_slowness(
        cls, moments_s: FloatArray, slowness: FloatArray, first_robot_time_s: float
    ) -> MusicMap:
        """Return the map whose slowness is given; robot times are its exact integral."""
        steps = np.diff(moments_s) * (slowness[1:] + slowness[:-1]) / 2.0
        times = first_robot_time_s + np.concatenate([[0.0], np.cumsum(steps)])
        return cls(moments_s, times, slowness)

    def robot_times(self, moments_s: FloatArray) -> FloatArray:
        """Return the robot time of moments of the song; same shape."""
        moments = np.asarray(moments_s, dtype=np.float64)
        i = self._piece(self.moments_s, moments)
        since = moments - self.moments_s[i]
        times = self.robot_times_s[i] + since * (self.slowness[i] + 0.5 * self._bend[i] * since)
        return self._outside(self.moments_s, moments, self.robot_times_s, times, 1.0)

    def song_times(self, robot_times_s: FloatArray) -> FloatArray:
        """Return the moment of the song at robot times: the exact inverse; same shape."""
        times = np.asarray(robot_times_s, dtype=np.float64)
        i = self._piece(self.robot_times_s, times)
        since = times - self.robot_times_s[i]
        # The root of a parabola, in the form that does not cancel where it is nearly straight.
        root = np.sqrt(np.maximum(self.slowness[i] ** 2 + 2.0 * self._bend[i] * since, 0.0))
        moments = self.moments_s[i] + 2.0 * since / (self.slowness[i] + root)
        return self._outside(self.robot_times_s, times, self.moments_s, moments, -1.0)

    def slowness_at(self, moments_s: FloatArray) -> FloatArray:
        """Return robot seconds per song second at moments of the song."""
        return np.asarray(np.interp(moments_s, self.moments_s, self.slowness))

    def later(self, seconds: float) -> MusicMap:
        """Return the same map ``seconds`` of robot time later."""
        return replace(self, robot_times_s=self.robot_times_s + seconds)

    @property
    def _bend(self) -> FloatArray:
        return np.asarray(np.diff(self.slowness) / np.diff(self.moments_s))

    @staticmethod
    def _piece(nodes: FloatArray, values: FloatArray) -> FloatArray:
        return np.clip(np.searchsorted(nodes, values, side="right") - 1, 0, len(nodes) - 2)

    def _outside(
        self,
        nodes: FloatArray,
        values: FloatArray,
        images: FloatArray,
        inside: FloatArray,
        power: float,
    ) -> FloatArray:
        """Continue straight on beyond the first and the last node."""
        first, last = self.slowness[0] ** power, self.slowness[-1] ** power
        result = np.where(values < nodes[0], images[0] + first * (values - nodes[0]), inside)
        return np.where(values > nodes[-1], images[-1] + last * (values - nodes[-1]), result)


@dataclass(frozen=True)
class Timeline:
    """The plan's time axis.

    Robot time 0 is the start posture, ``music_start_s`` the first danced moment.

    Attributes:
        knots: Number of spline knots.
        step_s: Robot time between knots.
        music_start_s: Robot time of the first danced moment; a knot.
        music_end_s: Robot time of the last danced moment.
        map: Robot time to song time.
    """

    knots: int
    step_s: float
    music_start_s: float
    music_end_s: float
    map: MusicMap = field(repr=False)

    @property
    def knot_times_s(self) -> FloatArray:
        """Shape (K,), robot time."""
        return np.arange(self.knots, dtype=np.float64) * self.step_s

    @property
    def end_s(self) -> float:
        """Robot time of the last knot."""
        return (self.knots - 1) * self.step_s

    def music_times_s(self, robot_times_s: FloatArray) -> FloatArray:
        """Return the moment of the song that belongs to each robot time."""
        return self.map.song_times(np.asarray(robot_times_s))

    @property
    def danced_knots(self) -> tuple[int, int]:
        """The first and the last knot that belong to the dance."""
        first = int(np.ceil(self.music_start_s / self.step_s - ROUNDING))
        last = int(np.floor(self.music_end_s / self.step_s + ROUNDING))
        return first, max(last, first)

    @property
    def dancing(self) -> FloatArray:
        """Shape (K,), 1 at the knots that belong to the dance, 0 at the others."""
        first, last = self.danced_knots
        result = np.zeros(self.knots)
        result[first : last + 1] = 1.0
        return result

    def presence(self, robot_times_s: FloatArray) -> FloatArray:
        """Return 0 at the plan's ends, 1 while dancing, smooth in between (lead-in and -out)."""
        times = np.asarray(robot_times_s)
        entry = np.clip(times / self.music_start_s, 0.0, 1.0)
        leave = np.clip(
            (self.end_s - times) / max(self.end_s - self.music_end_s, self.step_s), 0, 1
        )
        share = np.minimum(entry, leave)
        return np.asarray(share**2 * (3.0 - 2.0 * share))


def even_map(first_moment_s: float, duration_s: float, slow_motion: float) -> MusicMap:
    """Return the map of a dance whose tempo is the music's over ``slow_motion``; it begins at 0."""
    moments = first_moment_s + np.array([0.0, max(duration_s, 1e-3)])
    return MusicMap.of_slowness(moments, np.full(2, slow_motion), 0.0)


def timeline_of(
    dance: PoseSequence, config: MotionConfig, music_map: MusicMap | None = None
) -> Timeline:
    """Lay a dance out in robot time.

    Lead-in and lead-out are rounded up to whole knots; slow motion stretches the dance, not
    them.

    Args:
        dance: The dancer.
        config: Lead-in, lead-out, knots; ``slow_motion`` when no map is given.
        music_map: From the dance's first moment, at robot time 0, to its last; None: even.
    """
    rate = config.knot_rate_hz
    first, last = dance.times_s[[0, -1]]
    chosen = music_map or even_map(first, last - first, config.slow_factor)
    duration = float(chosen.robot_times(last))
    entry = int(np.ceil(config.lead_in_s * rate - ROUNDING))
    leave = int(np.ceil((duration + config.lead_out_s) * rate - ROUNDING))
    return Timeline(
        knots=entry + leave + 1,
        step_s=1.0 / rate,
        music_start_s=entry / rate,
        music_end_s=entry / rate + duration,
        map=chosen.later(entry / rate),
    )


def timeline_of_plan(plan: Plan, knot_rate_hz: float) -> Timeline:
    """Return the time axis of a finished plan, exact at the plan's samples.

    Args:
        plan: The plan.
        knot_rate_hz: Knots per second it was made with; the samples contain the knots.
    """
    times, moments = plan.times_s - plan.times_s[0], plan.music_times_s
    slowness = np.gradient(times, moments)
    last = plan.human_times_s[-1]
    return Timeline(
        knots=round(times[-1] * knot_rate_hz) + 1,
        step_s=1.0 / knot_rate_hz,
        music_start_s=plan.music_start_s,
        music_end_s=float(np.interp(last, moments, times)),
        map=MusicMap(moments, times, slowness),
    )
