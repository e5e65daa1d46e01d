"""How a dance lies in robot time: lead-in, music, lead-out, all on one grid of knots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robodance.config import MotionConfig
from robodance.values import FloatArray, PoseSequence

__all__ = ["Timeline", "timeline_of"]

ROUNDING = 1e-9


@dataclass(frozen=True)
class Timeline:
    """The plan's time axis.

    Robot time 0 is the start posture, ``music_start_s`` the first danced moment; music
    runs at one ``slow_motion``-th of its speed from beginning to end, so that beats keep
    their place.

    Attributes:
        knots: Number of spline knots.
        step_s: Robot time between knots.
        music_start_s: Robot time of the first danced moment; a knot.
        music_end_s: Robot time of the last danced moment.
        first_moment_s: Song time at ``music_start_s``.
        slow_motion: Robot seconds per song second.
    """

    knots: int
    step_s: float
    music_start_s: float
    music_end_s: float
    first_moment_s: float
    slow_motion: float

    @property
    def knot_times_s(self) -> FloatArray:
        """Shape (K,), robot time."""
        return np.arange(self.knots, dtype=np.float64) * self.step_s

    def music_times_s(self, robot_times_s: FloatArray) -> FloatArray:
        """Return the moment of the song that belongs to each robot time."""
        since = np.asarray(robot_times_s) - self.music_start_s
        return np.asarray(self.first_moment_s + since / self.slow_motion)

    def presence(self, robot_times_s: FloatArray) -> FloatArray:
        """Return 0 at the plan's ends, 1 while dancing, smooth in between (lead-in and -out)."""
        times = np.asarray(robot_times_s)
        end = (self.knots - 1) * self.step_s
        entry = np.clip(times / self.music_start_s, 0.0, 1.0)
        leave = np.clip((end - times) / max(end - self.music_end_s, self.step_s), 0.0, 1.0)
        share = np.minimum(entry, leave)
        return np.asarray(share**2 * (3.0 - 2.0 * share))


def timeline_of(dance: PoseSequence, config: MotionConfig) -> Timeline:
    """Lay a dance out in robot time.

    Lead-in and lead-out are rounded up to whole knots; ``slow_motion`` stretches the dance,
    not them.
    """
    rate = config.knot_rate_hz
    duration = (len(dance.poses) - 1) / dance.frame_rate_hz * config.slow_motion
    entry = int(np.ceil(config.lead_in_s * rate - ROUNDING))
    leave = int(np.ceil((duration + config.lead_out_s) * rate - ROUNDING))
    return Timeline(
        knots=entry + leave + 1,
        step_s=1.0 / rate,
        music_start_s=entry / rate,
        music_end_s=entry / rate + duration,
        first_moment_s=dance.start_s,
        slow_motion=config.slow_motion,
    )
