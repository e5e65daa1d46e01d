"""How late a robot's answers, its speaker and its joints are: what can be measured from here."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from robodance.config import NaoqiConfig
from robodance.errors import RobotTimeout
from robodance.performance.backends.naoqi_link import Link
from robodance.performance.backends.naoqi_sound import bring
from robodance.values import FloatArray

__all__ = ["Latency", "SpeakerLatency", "measure_latency"]

ROUND_TRIPS = 100
HOLDS, HOLD_S = 20, 0.2
RATE_HZ = 16_000
SOUNDS_WITHIN_S = 5.0
READ_EVERY_S = 0.05


@dataclass(frozen=True)
class SpeakerLatency:
    """How a robot's audio player keeps time.

    Attributes:
        start_s: From the order to play to the first sample, by its own clock.
        start_spread_s: Between the quickest and the slowest of all tries.
        fast_ppm: By how many millionths its clock is faster than this computer's.
        fast_ppm_error: Standard error of that.
    """

    start_s: float
    start_spread_s: float
    fast_ppm: float
    fast_ppm_error: float


@dataclass(frozen=True)
class Latency:
    """What was measured.

    Attributes:
        round_trip_s: Median time of a question and its answer.
        round_trip_p95_s: Nineteen of twenty are quicker.
        motion_s: From sending a motion to its beginning, the answer's way taken off.
        motion_spread_s: Between the quickest tenth and the slowest.
        cycle_s: The robot's motion cycle.
        speaker: Its audio player; None: it has none.
    """

    round_trip_s: float
    round_trip_p95_s: float
    motion_s: float
    motion_spread_s: float
    cycle_s: float
    speaker: SpeakerLatency | None


def measure_latency(link: Link, config: NaoqiConfig, *, listen_s: float, tries: int) -> Latency:
    """Measure a robot; nothing moves and nothing is heard.

    Args:
        link: The robot, connected.
        config: Who owns its files.
        listen_s: How long its player's clock is watched.
        tries: How often its player is started.

    Raises:
        RobotError: It does not answer, or refuses.
    """
    trips = np.array([_trip(link) for _ in range(ROUND_TRIPS)])
    trip_s = float(np.median(trips))
    cycle_s = float(link.call("ALMotion", "getMotionCycleTime")) / 1000.0
    holds = np.array([_hold(link, cycle_s, k / HOLDS) for k in range(HOLDS)]) - trip_s / 2.0
    return Latency(
        round_trip_s=trip_s,
        round_trip_p95_s=float(np.percentile(trips, 95)),
        motion_s=float(np.median(holds)),
        motion_spread_s=float(np.ptp(np.percentile(holds, [10, 90]))),
        cycle_s=cycle_s,
        speaker=_speaker(link, config, listen_s, tries) if link.has("ALAudioPlayer") else None,
    )


def _trip(link: Link) -> float:
    asked = time.monotonic()
    link.call("ALMotion", "getAngles", "HeadYaw", True)
    return time.monotonic() - asked


def _hold(link: Link, cycle_s: float, share: float) -> float:
    """Tell the head to stay where it is told to be; returns by how much that took longer.

    Motions end with a motion cycle, so some share of one passes before the next is ordered.
    """
    seconds = cycle_s * round(HOLD_S / cycle_s)
    there = [float(angle) for angle in link.call("ALMotion", "getAngles", "HeadYaw", False)]
    time.sleep(share * cycle_s)
    asked = time.monotonic()
    link.call("ALMotion", "angleInterpolation", ["HeadYaw"], [there], [[seconds]], True)
    return time.monotonic() - asked - seconds


def _speaker(link: Link, config: NaoqiConfig, listen_s: float, tries: int) -> SpeakerLatency:
    import soundfile

    file = io.BytesIO()
    silence = np.zeros((round((listen_s + SOUNDS_WITHIN_S) * RATE_HZ), 2), dtype=np.int16)
    soundfile.write(file, silence, RATE_HZ, format="WAV", subtype="PCM_16")
    path = bring(file.getvalue(), link, config)
    number = link.call("ALAudioPlayer", "loadFile", path, timeout_s=30.0)
    starts, offsets = [], np.zeros((0, 2))
    try:
        for k in range(tries):
            last = k == tries - 1
            asked, offsets = _listen(link, number, listen_s if last else READ_EVERY_S)
            starts.append(float(np.median(offsets[:10, 1])) - asked)
            link.call("ALAudioPlayer", "stopAll")
    finally:
        link.call("ALAudioPlayer", "unloadFile", number)
    slope, error = _slope(offsets)
    return SpeakerLatency(
        start_s=float(np.median(starts)),
        start_spread_s=float(np.ptp(starts)),
        fast_ppm=-1e6 * slope,
        fast_ppm_error=1e6 * error,
    )


def _listen(link: Link, number: Any, listen_s: float) -> tuple[float, FloatArray]:
    """Play; returns when, and readings (N, 2): moment, and the beginning they point to."""
    asked = time.monotonic()
    link.send("ALAudioPlayer", "play", number)
    readings: list[tuple[float, float]] = []
    while not readings or time.monotonic() - readings[0][0] < listen_s:
        before = time.monotonic()
        where = float(link.call("ALAudioPlayer", "getCurrentPosition", number))
        middle = (before + time.monotonic()) / 2.0
        if where > 0.0:
            readings.append((middle, middle - where))
        elif middle - asked > SOUNDS_WITHIN_S:
            raise RobotTimeout(
                f"the robot's speaker has been silent for {SOUNDS_WITHIN_S:g} s since it was told "
                "to play; is its sound muted or broken?"
            )
        time.sleep(READ_EVERY_S if readings else 0.002)
    return asked, np.array(readings)


def _slope(offsets: FloatArray) -> tuple[float, float]:
    """Return slope and standard error of a line through readings (N, 2)."""
    x = offsets[:, 0] - offsets[:, 0].mean()
    spread = float(x @ x)
    if len(x) < 3 or spread <= 0.0:
        return 0.0, float("inf")
    slope = float(x @ offsets[:, 1]) / spread
    rest = offsets[:, 1] - offsets[:, 1].mean() - slope * x
    return slope, float(np.sqrt((rest @ rest) / (len(x) - 2) / spread))
