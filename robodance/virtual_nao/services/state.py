"""What a NAO says of itself: life, heat, battery, lights, system."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from robodance.virtual_nao.deferred import Deferred, NaoqiError
from robodance.virtual_nao.nao import VirtualNao
from robodance.virtual_nao.services.base import Service, flag, number, text
from robodance.virtual_nao.services.motion import ALMotion

__all__ = ["ALAutonomousLife", "ALBattery", "ALBodyTemperature", "ALLeds", "ALSystem"]

STATES = ("disabled", "safeguard", "interactive", "solitary")
ABILITIES = (
    "AutonomousBlinking",
    "BackgroundMovement",
    "BasicAwareness",
    "ListeningMovement",
    "SpeakingMovement",
)
LED_GROUPS = (
    "AllLeds",
    "FaceLeds",
    "LeftFaceLeds",
    "RightFaceLeds",
    "EarLeds",
    "LeftEarLeds",
    "RightEarLeds",
    "BrainLeds",
    "ChestLeds",
    "FeetLeds",
    "LeftFootLeds",
    "RightFootLeds",
)
RASTA_S = 0.5  # between two colours: ours
COLOURS = {
    "white": 0xFFFFFF,
    "red": 0xFF0000,
    "green": 0x00FF00,
    "blue": 0x0000FF,
    "yellow": 0xFFFF00,
    "magenta": 0xFF00FF,
    "cyan": 0x00FFFF,
}


class ALAutonomousLife(Service):
    """Autonomous Life: in solitary and interactive an awake robot breathes.

    Disabling it makes the robot rest, as on a NAO.
    """

    NAME = "ALAutonomousLife"
    SINCE: ClassVar = {"setAutonomousAbilityEnabled": "2.4", "getAutonomousAbilityEnabled": "2.4"}

    def __init__(self, nao: VirtualNao, motion: ALMotion) -> None:
        super().__init__(nao)
        self._motion = motion
        self._abilities = dict.fromkeys(ABILITIES, True)
        self._state = nao.settings.life
        nao.memory.insert("AutonomousLife/State", self._state)
        self._breathe()

    def getState(self) -> str:
        """Return the state."""
        return self._state

    def setState(self, state: Any) -> Any:
        """Change the state; disabling lasts until the robot rests."""
        if state not in STATES:
            raise NaoqiError(f"{state!r}: expected one of {', '.join(STATES)}")
        if self._state == "interactive" and state == "solitary":
            raise NaoqiError("interactive does not become solitary by hand")
        changed, self._state = self._state != state, str(state)
        self._nao.memory.update("AutonomousLife/State", self._state)
        self._breathe()
        if changed and state == "disabled" and self._nao.version.rests_when_disabled:
            return self._motion.rest() if self._nao.awake else None
        return None

    def setAutonomousAbilityEnabled(self, name: Any, enabled: Any) -> None:
        """Switch an ability, or "All"."""
        if name != "All" and name not in self._abilities:
            raise NaoqiError(f"{name!r}: expected All or one of {', '.join(ABILITIES)}")
        for ability in ABILITIES if name == "All" else (name,):
            self._abilities[ability] = flag(enabled)
        self._breathe()

    def getAutonomousAbilityEnabled(self, name: Any) -> bool:
        """Return whether an ability is on."""
        if name not in self._abilities:
            raise NaoqiError(f"{name!r}: expected one of {', '.join(ABILITIES)}")
        return self._abilities[name]

    def _breathe(self) -> None:
        lively = self._state in {"interactive", "solitary"}
        for chain in self._nao.breathing:
            self._nao.breathing[chain] = lively and self._abilities["BackgroundMovement"]


class ALBodyTemperature(Service):
    """Heat of the motors."""

    NAME = "ALBodyTemperature"

    def __init__(self, nao: VirtualNao) -> None:
        super().__init__(nao)
        self._notifies = True

    def getTemperatureDiagnosis(self) -> list[Any]:
        """Return [status, [joints]] when something is hot, else an empty list."""
        nao = self._nao
        hot = [
            (int(status), name)
            for name, status in zip(nao.robot.joint_names, nao.felt.heat_status, strict=True)
            if status > 0
        ]
        return [max(status for status, _ in hot), [name for _, name in hot]] if hot else []

    def setEnableNotifications(self, enabled: Any) -> None:
        """Keep the setting: whether the robot says that it is hot."""
        self._notifies = flag(enabled)

    def areNotificationsEnabled(self) -> bool:
        """Return the setting."""
        return self._notifies


class ALBattery(Service):
    """The charge."""

    NAME = "ALBattery"

    def getBatteryCharge(self) -> int:
        """Return the charge, 0..100."""
        return round(100.0 * self._nao.battery)

    def enablePowerMonitoring(self, enabled: Any) -> None:
        """Accept the call."""
        flag(enabled)


class ALLeds(Service):
    """Lights; what they did is kept for judges. A fade lasts as long as it fades."""

    NAME = "ALLeds"

    def fadeRGB(self, name: Any, *colour_and_duration: Any) -> Deferred:
        """Fade to a colour: 0xRRGGBB, a name, or three parts 0..1; then the duration."""
        *colour, duration = colour_and_duration
        self._set(text(name), _colour(*colour))
        return self._after(number(duration, 0.0))

    def fadeListRGB(self, name: Any, colours: Any, times: Any) -> Deferred:
        """Fade through colours, each reached at its time."""
        if len(colours) != len(times):
            raise NaoqiError(f"{len(colours)} colours, but {len(times)} times")
        self._check(text(name))
        for colour, time_s in zip(colours, times, strict=True):
            value = _colour(colour)
            self._nao.later(number(time_s, 0.0), lambda v=value: self._set(name, v))  # type: ignore[misc]
        return self._after(max(number(t) for t in times))

    def fade(self, name: Any, intensity: Any, duration: Any) -> Deferred:
        """Fade to a brightness, 0..1."""
        self.setIntensity(name, intensity)
        return self._after(number(duration, 0.0))

    def setIntensity(self, name: Any, intensity: Any) -> None:
        """Set a brightness, 0..1."""
        level = round(255 * number(intensity, 0.0, 1.0))
        self._set(text(name), level * 0x010101)

    def on(self, name: Any) -> None:
        """Switch lights on."""
        self._set(text(name), 0xFFFFFF)

    def off(self, name: Any) -> None:
        """Switch lights off."""
        self._set(text(name), 0)

    def reset(self, name: Any) -> None:
        """Give lights their usual colour."""
        self._set(text(name), 0xFFFFFF)

    def rotateEyes(self, colour: Any, turn: Any, duration: Any) -> Deferred:
        """Let the eyes' colour go round."""
        number(turn, 0.0)
        self._set("FaceLeds", _colour(colour))
        return self._after(number(duration, 0.0))

    def randomEyes(self, duration: Any) -> Deferred:
        """Let the eyes go through all colours; in no order that is known, so in this one."""
        return self._one_after_the_other("FaceLeds", tuple(COLOURS.values()), duration)

    def rasta(self, duration: Any) -> Deferred:
        """Let all lights be green, yellow and red in turn."""
        return self._one_after_the_other("AllLeds", (0x00FF00, 0xFFFF00, 0xFF0000), duration)

    def listGroups(self) -> list[str]:
        """Return the names of all groups."""
        return list(LED_GROUPS)

    def _one_after_the_other(self, name: str, colours: tuple[int, ...], duration: Any) -> Deferred:
        end_s = number(duration, 0.0)
        for k in range(int(end_s / RASTA_S) + 1):
            colour = colours[k % len(colours)]
            self._nao.later(k * RASTA_S, partial(self._set, name, colour))
        return self._after(end_s)

    def _check(self, name: str) -> None:
        if name not in LED_GROUPS:
            raise NaoqiError(f"{name!r} is not a group of lights")

    def _set(self, name: str, colour: int) -> None:
        self._check(name)
        self._nao.lights.append((self._nao.time_s, name, colour))


class ALSystem(Service):
    """The system."""

    NAME = "ALSystem"

    def systemVersion(self) -> str:
        """Return the version of NAOqi."""
        return self._nao.version.full

    def robotName(self) -> str:
        """Return the robot's name."""
        return "virtual-nao"


def _colour(*parts: Any) -> int:
    if len(parts) == 3:
        red, green, blue = (round(255 * number(part, 0.0, 1.0)) for part in parts)
        return (red << 16) + (green << 8) + blue
    if len(parts) == 1 and isinstance(parts[0], str) and parts[0] in COLOURS:
        return COLOURS[parts[0]]
    if len(parts) == 1 and isinstance(parts[0], int):
        return parts[0] & 0xFFFFFF
    raise NaoqiError(
        f"{parts!r} is not a colour: 0xRRGGBB, one of {', '.join(COLOURS)}, or r, g, b"
    )
