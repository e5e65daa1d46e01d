"""The rest of ALMotion: protection, breathing, and the whole-body calls."""

from __future__ import annotations

from typing import Any

import numpy as np

from robodance.virtual_nao.deferred import Deferred, NaoqiError
from robodance.virtual_nao.joints import CHAINS
from robodance.virtual_nao.nao import VirtualNao
from robodance.virtual_nao.services.base import flag, number, text
from robodance.virtual_nao.services.motion import BREATHING_CHAINS, ALMotion

__all__ = ["FullMotion"]

ARMS = {"Arms": ("LArm", "RArm"), "LArm": ("LArm",), "RArm": ("RArm",)}
AROUND = {"All": ("Move", *ARMS["Arms"]), "Move": ("Move",), **ARMS}
FOOT_STATES = ("Fixed", "Plane", "Free")
LEGS = {"Legs": ("LLeg", "RLeg"), "LLeg": ("LLeg",), "RLeg": ("RLeg",)}
LEAN_RAD = 0.27  # of hips and ankles, until the middle of the body is over one foot


class FullMotion(ALMotion):
    """ALMotion with its protections and the whole-body calls.

    ``wbEnable`` keeps its documented rules (standing, off by default) but balances
    nothing by itself; ``wbGoToBalance`` leans hips and ankles until the weight is over a
    foot.
    """

    def __init__(self, nao: VirtualNao) -> None:
        super().__init__(nao)
        self._whole_body = False
        self._foot_states = {"LLeg": "Fixed", "RLeg": "Fixed"}
        self._smart_stiffness = True
        self._diagnosis = True
        self._idle = dict.fromkeys(CHAINS, False)
        self._push_recovery = True
        self._around = dict.fromkeys(("Move", *ARMS["Arms"]), True)
        self._distances_m = {"orthogonal": 0.4, "tangential": 0.1}

    def setCollisionProtectionEnabled(self, name: Any, enabled: Any) -> bool:
        """Protect arms from the body and each other: their way is bent, silently."""
        for chain in self._chains(ARMS, name):
            self._nao.guard.enabled[chain] = flag(enabled)
        return True

    def getCollisionProtectionEnabled(self, name: Any) -> bool:
        """Return whether arms are protected."""
        return all(self._nao.guard.enabled[chain] for chain in self._chains(ARMS, name))

    def isCollision(self, name: Any) -> str:
        """Return which of the protected arms is being held back: none, when nothing moves."""
        self._chains(ARMS, name)
        return "none"

    def setExternalCollisionProtectionEnabled(self, name: Any, enabled: Any) -> None:
        """Keep the setting; on a NAO it is about walking only, and this one does not walk."""
        for part in self._chains(AROUND, name):
            self._around[part] = flag(enabled)

    def getExternalCollisionProtectionEnabled(self, name: Any) -> bool:
        """Return the setting."""
        return all(self._around[part] for part in self._chains(AROUND, name))

    def setOrthogonalSecurityDistance(self, distance: Any) -> None:
        """Keep the setting: metres to what is ahead of a walk."""
        self._distances_m["orthogonal"] = number(distance, 1e-3)

    def getOrthogonalSecurityDistance(self) -> float:
        """Return the setting."""
        return self._distances_m["orthogonal"]

    def setTangentialSecurityDistance(self, distance: Any) -> None:
        """Keep the setting: metres to what is beside a walk."""
        self._distances_m["tangential"] = number(distance, 1e-3)

    def getTangentialSecurityDistance(self) -> float:
        """Return the setting."""
        return self._distances_m["tangential"]

    def setPushRecoveryEnabled(self, enabled: Any) -> None:
        """Keep the setting; nothing here answers a push."""
        self._push_recovery = flag(enabled)

    def getPushRecoveryEnabled(self) -> bool:
        """Return the setting."""
        return self._push_recovery

    def setFallManagerEnabled(self, enabled: Any) -> None:
        """Switch the fall manager on; off needs the owner's consent, which nobody gave."""
        if not flag(enabled):
            raise NaoqiError("the fall manager can only be disabled with the owner's consent")
        self._nao.falls.enabled = True

    def getFallManagerEnabled(self) -> bool:
        """Return whether the fall manager looks."""
        return self._nao.falls.enabled

    def setSmartStiffnessEnabled(self, enabled: Any) -> None:
        """Keep the setting; torques in static poses are not lowered here."""
        self._smart_stiffness = flag(enabled)

    def getSmartStiffnessEnabled(self) -> bool:
        """Return the setting."""
        return self._smart_stiffness

    def setDiagnosisEffectEnabled(self, enabled: Any) -> None:
        """Keep the setting."""
        self._diagnosis = flag(enabled)

    def getDiagnosisEffectEnabled(self) -> bool:
        """Return the setting."""
        return self._diagnosis

    def setBreathEnabled(self, name: Any, enabled: Any) -> None:
        """Let chains breathe while nothing moves them."""
        for chain in self._chains(BREATHING_CHAINS, name):
            self._nao.breathing[chain] = flag(enabled)

    def getBreathEnabled(self, name: Any) -> bool:
        """Return whether chains breathe."""
        return all(self._nao.breathing[c] for c in self._chains(BREATHING_CHAINS, name))

    def setIdlePostureEnabled(self, name: Any, enabled: Any) -> None:
        """Keep the setting; a joint that nothing moves stays where it is."""
        for chain in self._chains(BREATHING_CHAINS, name):
            self._idle[chain] = flag(enabled)

    def getIdlePostureEnabled(self, name: Any) -> bool:
        """Return the setting."""
        return all(self._idle[c] for c in self._chains(BREATHING_CHAINS, name))

    def setMotionConfig(self, config: Any) -> None:
        """Accept pairs of key and value; they change nothing here."""
        if not isinstance(config, list) or any(len(pair) != 2 for pair in config):
            raise NaoqiError("expected a list of [key, value]")

    def wbEnable(self, enabled: Any) -> None:
        """Switch whole-body control on or off; it needs a robot that stands."""
        if flag(enabled) and not (self._nao.awake and self._nao.posture()[1] == "Standing"):
            raise NaoqiError("whole-body control needs a standing robot")
        self._whole_body = flag(enabled)

    def wbFootState(self, state: Any, name: Any) -> None:
        """Say how feet are constrained."""
        if state not in FOOT_STATES:
            raise NaoqiError(f"{state!r}: expected one of {', '.join(FOOT_STATES)}")
        for leg in self._chains(LEGS, name):
            self._foot_states[leg] = str(state)

    def wbEnableBalanceConstraint(self, enabled: Any, name: Any) -> None:
        """Ask for balance over legs; not activated, silently, where it does not hold now."""
        flag(enabled)
        self._chains(LEGS, name)

    def wbGoToBalance(self, name: Any, duration: Any) -> Deferred:
        """Bring the weight over a leg or both; lasts until the end."""
        return self._balance(text(name), number(duration, 0.5, 60.0))

    def wbGoToBalanceWithSpeed(self, name: Any, fraction: Any) -> Deferred:
        """Bring the weight over a leg or both; answers whether it got there."""
        return self._balance(text(name), 1.0 / number(fraction, 0.01, 1.0))

    def _balance(self, name: str, duration_s: float) -> Deferred:
        if not self._whole_body:
            raise NaoqiError("whole-body control is not enabled")
        legs = self._chains(LEGS, name)
        lean = 0.0 if len(legs) == 2 else -LEAN_RAD if legs[0] == "LLeg" else LEAN_RAD
        joints = self._nao.joints
        columns = [joints.motor(n) for n in ("LHipRoll", "RHipRoll", "LAnkleRoll", "RAnkleRoll")]
        target = np.array([lean, lean, -lean, -lean])
        away = np.abs(target - joints.command[columns]).max()
        speed = self._nao.robot.velocity_limits_rad_s[columns].min()
        share = float(np.clip(1.5 * away / (duration_s * speed), 1e-3, 1.0))
        return self._finish_with(joints.go_to("wbGoToBalance", columns, target, share), True)

    @staticmethod
    def _chains(known: dict[str, tuple[str, ...]], name: Any) -> tuple[str, ...]:
        if not isinstance(name, str) or name not in known:
            raise NaoqiError(f"{name!r}: expected one of {', '.join(known)}")
        return known[name]
