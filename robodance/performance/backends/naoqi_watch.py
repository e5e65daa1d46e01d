"""What ends a dance: the robot's own warnings, a touch, a key, a lost link."""

from __future__ import annotations

import contextlib
import select
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from robodance.config import NaoqiConfig
from robodance.errors import PerformanceAborted, RobotError, RobotTimeout
from robodance.performance.backends.naoqi_feet import SENSOR_KEYS
from robodance.performance.backends.naoqi_link import Link, LinkLost

__all__ = ["Watch", "key_pressed", "keys_unbuffered"]

READ_EVERY_S = 0.08
TRIPS = 9
BASE = "Device/SubDeviceList"
LOADED_KG = 0.3
LIMP = 0.1  # stiffness of a motor that has been switched off
FALLS = {"robotHasFallen": "the robot has fallen", "ALMotion/RobotIsFalling": "the robot falls"}
TOUCHES = {
    "ChestButtonPressed": "its chest button was pressed",
    "FrontTactilTouched": "its head was touched",
    "MiddleTactilTouched": "its head was touched",
    "RearTactilTouched": "its head was touched",
    "LeftBumperPressed": "its left bumper was pressed",
    "RightBumperPressed": "its right bumper was pressed",
}
FEET = tuple(f"{BASE}/{foot}Foot/FSR/TotalWeight/Sensor/Value" for foot in "LR")
TILT = tuple(f"{BASE}/InertialSensor/Angle{axis}/Sensor/Value" for axis in "XY")
CONTACT = "footContactChanged"
CHARGE = f"{BASE}/Battery/Charge/Sensor/Value"
POWER = "BatteryPowerPluggedChanged"
HOT = "HotDeviceDetected"


class Watch:
    """Reads the robot's memory again and again, without waiting.

    One question is under way at a time; a robot that does not answer it is lost.

    Args:
        link: The robot.
        joints: The joints that dance.
        config: Thresholds.

    Attributes:
        seen: What was read last, by key.
        fell: Whether the robot has fallen or falls.
        lifted: Whether its feet lost the floor.
        tilt_known_s: When the trunk's angles were found to be new (``time.monotonic``): NAOqi
            2.8 renews them twice a second only.
    """

    def __init__(self, link: Link, joints: Sequence[str], config: NaoqiConfig) -> None:
        self._link, self._config = link, config
        self._heat = {f"{BASE}/{j}/Temperature/Sensor/Status": j for j in joints}
        self._stiffness = {f"{BASE}/{j}/Hardness/Actuator/Value": j for j in joints}
        wanted = [*FALLS, *TOUCHES, *FEET, *SENSOR_KEYS, *TILT, CONTACT, CHARGE, POWER, HOT]
        self._keys = self._present([*wanted, *self._heat, *self._stiffness])
        self._asked: tuple[float, Any] | None = None
        self._next_s = 0.0
        self.seen: dict[str, Any] = dict(zip(self._keys, self._read(), strict=True))
        self._at_first = dict(self.seen)
        self.tilt_known_s = time.monotonic()
        self.fell = False
        self.lifted = False
        self._trips: deque[float] = deque(maxlen=TRIPS)

    @property
    def delay_s(self) -> float:
        """How long a message takes of late: half of the median answer."""
        return float(np.median(self._trips)) / 2.0 if self._trips else 0.0

    def tend(self) -> None:
        """Look; never waits.

        Raises:
            PerformanceAborted: Something ends the dance.
            LinkLost: The robot does not answer.
        """
        now = time.monotonic()
        if self._asked is None:
            if now >= self._next_s:
                self._next_s = now + READ_EVERY_S
                self._asked = now, self._link.send("ALMemory", "getListData", self._keys)
            return
        asked, future = self._asked
        if self._link.running(future):
            if now - asked > self._config.lost_after_s:
                raise LinkLost(f"the robot has not answered for {now - asked:.1f} s")
            return
        self._asked = None
        self._trips.append(now - asked)
        values = self._link.result(future, "ALMemory.getListData")
        before, self.seen = self.tilt(), dict(zip(self._keys, values, strict=True))
        if self.tilt() != before:
            self.tilt_known_s = (asked + now) / 2.0
        reason = self._reason()
        if reason:
            raise PerformanceAborted(f"{reason}; the dance was stopped")

    def look_now(self) -> str:
        """Look once, waiting for the answer; return what ends a dance, or nothing."""
        self._asked = None
        self.seen = dict(zip(self._keys, self._read(), strict=True))
        return self._reason()

    def tilt(self) -> tuple[float, float] | None:
        """Return the trunk's angles about x and y, where the robot tells them."""
        angles = [self.seen.get(key) for key in TILT]
        return None if None in angles else (float(angles[0] or 0.0), float(angles[1] or 0.0))

    def _reason(self) -> str:
        seen = self.seen
        for key, text in FALLS.items():
            if self._newly(key):
                self.fell = True
                return text
        for key, text in TOUCHES.items():
            if self._newly(key):
                return text
        feet = [seen[key] for key in FEET if seen.get(key) is not None]
        if (feet and max(feet) < LOADED_KG) or seen.get(CONTACT) is False:
            self.lifted = True
            return "the robot was lifted"
        for key, joint in self._heat.items():
            if (seen.get(key) or 0.0) >= 1.0:
                return f"{joint} is hot"
        if self._newly(HOT):
            return f"a joint is hot ({seen[HOT]})"
        charge = seen.get(CHARGE)
        if charge is not None and 100.0 * charge < self._config.stop_below_battery:
            return f"the battery holds {100.0 * charge:.0f} %"
        if self._newly(POWER):
            return "the charger was plugged in"
        limp = [j for k, j in self._stiffness.items() if (seen.get(k, 1.0) or 0.0) < LIMP]
        if limp:
            return f"{limp[0]} has lost its stiffness"
        return ""

    def _newly(self, key: str) -> bool:
        """Whether an event has happened since the watch began; memory keeps old ones."""
        return bool(self.seen.get(key)) and self.seen[key] != self._at_first.get(key)

    def _present(self, keys: Sequence[str]) -> list[str]:
        """Return the keys that this robot has; events appear once they were raised."""
        found = []
        futures = [self._link.send("ALMemory", "getData", key) for key in keys]
        for key, future in zip(keys, futures, strict=True):
            try:
                self._link.wait(future, "ALMemory.getData")
            except (LinkLost, RobotTimeout):
                raise
            except RobotError:
                if "/" in key and key not in FALLS:
                    continue  # hardware that is not there stays away
            found.append(key)
        return found

    def _read(self) -> list[Any]:
        values = self._link.call("ALMemory", "getListData", self._keys)
        if len(values) != len(self._keys):
            raise RobotError("ALMemory.getListData left values out; is this a NAO?")
        return list(values)


@contextlib.contextmanager
def keys_unbuffered() -> Iterator[None]:
    """Let single keys through without Enter, if there is a keyboard; then as before."""
    if not sys.stdin or not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def key_pressed() -> str:
    """Return a key that waits to be read, or nothing; never waits."""
    if not sys.stdin or not sys.stdin.isatty():
        return ""
    ready, _, _ = select.select([sys.stdin], [], [], 0.0)
    return sys.stdin.read(1) if ready else ""
