"""What a dance was like by the virtual NAO's own journal: its joints, its sound, one clock.

The journal counts physics steps and samples of the sound; nothing the client believes comes
in. Where the sound is says which moment of the plan it should be.
"""

from dataclasses import dataclass

import numpy as np
from naoqi_process import journal, linked, start_of_dance

from robodance.performance.backends.naoqi_sound import LEAD_S
from robodance.performance.conductor import executed_curve

WINDOW_S = 2.0
STEP_S = 0.02
STEPS = 4
CLEAR_RAD_S = 0.4  # root mean square; where the dance is slower its moment cannot be told


@dataclass(frozen=True)
class Judged:
    """One dance.

    Attributes:
        times_s: Shape (T,), robot times on the dance.
        moments_s: Shape (T,), the plan's moments that should be danced then.
        measured_rad: Shape (T, J).
        tracking_deg: Shape (J,), RMS of the measured angles from the plan's.
        ahead_s: Shape (W,), by how much commands are ahead of the sound, in windows.
        lead_s: Shape (W,), the plan's moments of the windows.
        slipped_s: By how much robot time fell behind wall time for good, so far.
    """

    times_s: np.ndarray
    moments_s: np.ndarray
    measured_rad: np.ndarray
    tracking_deg: np.ndarray
    ahead_s: np.ndarray
    lead_s: np.ndarray
    slipped_s: float


def judge(url, plan, *, sound=True, since_s=0.0):
    """Judge the dance that ended last."""
    times_s, audio_s, commands, measured = journal(url, since_s)
    if sound:
        heard = audio_s >= 0.0
        moments_s = np.interp(times_s, times_s[heard], audio_s[heard]) - LEAD_S
        moments_s[~heard] = np.nan
        moments_s += plan.times_s[0]
    else:
        moments_s = times_s - start_of_dance(plan, times_s, commands) + plan.times_s[0]
    on = (moments_s >= plan.times_s[0]) & (moments_s <= plan.times_s[-1])
    moments_s, commands = moments_s[on], commands[on]
    off = measured[on] - executed_curve(plan)(moments_s)
    with linked(url) as link:
        slipped = link.call("RobodanceJournal", "slipped")
    lead_s, ahead_s = ahead_of_sound(plan, moments_s, commands)
    return Judged(
        times_s[on], moments_s, measured[on],
        np.degrees(np.sqrt(np.square(off).mean(axis=0))), ahead_s, lead_s, slipped,
    )  # fmt: skip


def ahead_of_sound(plan, moments_s, commands):
    """Moments of windows along the plan, and by how much the dance is ahead in each."""
    curve = executed_curve(plan)
    moving = np.ptp(plan.positions_rad, axis=0) > 1e-9
    middles, found = [], []
    for first in np.arange(moments_s[0] + 1.0, moments_s[-1] - WINDOW_S - 1.0, 1.0):
        at = np.arange(first, first + WINDOW_S, STEP_S)
        said = np.column_stack([np.interp(at, moments_s, c) for c in commands[:, moving].T])
        shift = 0.0
        for _ in range(STEPS):
            speed = curve(at + shift, 1)[:, moving]
            energy = np.square(speed).sum()
            shift += float((speed * (said - curve(at + shift)[:, moving])).sum() / energy)
        if np.sqrt(energy / len(at)) > CLEAR_RAD_S:
            middles.append(first + WINDOW_S / 2.0)
            found.append(shift)
    return np.array(middles), np.array(found)
