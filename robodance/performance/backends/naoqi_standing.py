"""From wherever a robot is to the posture in which its dance begins."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import numpy as np

from robodance.errors import PerformanceAborted, RobotError
from robodance.performance.backends.naoqi_checks import RobotState
from robodance.performance.backends.naoqi_ending import Ending
from robodance.performance.backends.naoqi_link import Link
from robodance.values import FloatArray

__all__ = ["approach", "stand_up"]

STAND = "StandInit"
POSTURE_SPEED, POSTURE_S = 0.5, 20.0
WAKE_S = 15.0
APPROACH_SHARE = 0.25  # of the speed limits, on the way to the first posture
THERE_RAD = 0.03  # a robot that is so close is there: the stand is where most dances begin
SHORT_S, GENTLE_S = 0.3, 1.0  # a way lasts at least so long
STILL_RAD, STILL_S, SETTLE_S = 0.004, 0.1, 1.0  # between two looks; three steps of an encoder


def stand_up(link: Link, state: RobotState, ending: Ending) -> None:
    """Wake a robot up and let it stand, with nothing moving it but this program.

    Args:
        link: The robot.
        state: What it said about itself.
        ending: Told what to put back.

    Raises:
        PerformanceAborted: It cannot take the stand.
        RobotError: It refuses, or is gone.
    """
    ending.life = state.life
    if state.life not in {None, "disabled"}:
        link.call("ALAutonomousLife", "setState", "disabled", timeout_s=WAKE_S)
    _still_background(link, ending)
    link.call("ALMotion", "wakeUp", timeout_s=WAKE_S)
    there = link.call("ALRobotPosture", "goToPosture", STAND, POSTURE_SPEED, timeout_s=POSTURE_S)
    if there is False:
        raise PerformanceAborted(f"the robot could not take the posture {STAND}; it was stopped")


def approach(
    link: Link, names: Sequence[str], there_rad: FloatArray, limits_rad_s: FloatArray, wait_s: float
) -> None:
    """Go from the stand to the plan's first posture, slowly, and be still.

    Args:
        link: The robot.
        names: The n joints that have a motor of their own.
        there_rad: Shape (n,), where they go.
        limits_rad_s: Shape (n,), their speed limits.
        wait_s: How long the answer may take beside the motion.

    Raises:
        RobotError: It refuses, or is gone.
    """
    angles = link.call("ALMotion", "getAngles", list(names), True)
    way = np.abs(there_rad - np.array(angles, dtype=np.float64))
    least_s = SHORT_S if way.max() < THERE_RAD else GENTLE_S
    seconds = max(least_s, float((way / (APPROACH_SHARE * limits_rad_s)).max()))
    targets = [[float(angle)] for angle in there_rad]
    link.call(
        "ALMotion", "angleInterpolation", list(names), targets, [[seconds]] * len(targets), True,
        timeout_s=seconds + wait_s,
    )  # fmt: skip
    _settle(link)


def _settle(link: Link) -> None:
    """Wait until the joints are still, but not for ever."""
    end = time.monotonic() + SETTLE_S
    before = None
    while time.monotonic() < end:
        now = np.array(link.call("ALMotion", "getAngles", "Body", True), dtype=np.float64)
        if before is not None and np.abs(now - before).max() < STILL_RAD:
            return
        before = now
        time.sleep(STILL_S)


def _still_background(link: Link, ending: Ending) -> None:
    """Switch off the small motions that go on by themselves; protection stays."""
    for method, ask in (
        ("setBreathEnabled", "getBreathEnabled"),
        ("setIdlePostureEnabled", "getIdlePostureEnabled"),
    ):
        with contextlib.suppress(RobotError):
            if link.call("ALMotion", ask, "Body"):
                ending.restore.append(("ALMotion", method, ("Body", True)))
            link.call("ALMotion", method, "Body", False)
