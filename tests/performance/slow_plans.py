"""Plans of slow dances, made by hand, to a demo song."""

from dataclasses import replace

import numpy as np
from hand_made_plans import arm_dance
from marked_films import slowed

from robodance.performance.chirps import chirp_times
from robodance.performance.film_time import robot_times

LEAD_S = 2.0


def slow_plan(robot, seconds, factor, *, swing=0.0, chirps=True, mode="stretched"):
    """Return a plan of a dance to the first seconds of a song.

    Args:
        robot: Who dances.
        seconds: Of song.
        factor: Robot seconds per song second on average.
        swing: How far that goes up and down inside the bars, as a share; 0: even.
        chirps: Whether chirps are played.
        mode: What is heard.
    """
    plan = arm_dance(robot, seconds * factor + 2.0 * LEAD_S, music_start_s=LEAD_S)
    plan = slowed(plan, lambda t: factor * (1.0 + swing * np.sin(2.0 * np.pi * t / 3.1)))
    end = float(np.interp(LEAD_S + seconds * factor, plan.times_s, plan.music_times_s))
    beats = np.arange(0.0, end, 0.5)
    plan = replace(
        plan,
        human_times_s=np.array([0.0, end]),
        beats_s=beats,
        beat_numbers=np.arange(len(beats)) % 4 + 1,
        metadata={**plan.metadata, "heard": mode},
    )
    assert robot_times(plan, end) < plan.times_s[-1]
    return replace(plan, sync_times_s=chirp_times(plan)) if chirps else plan
