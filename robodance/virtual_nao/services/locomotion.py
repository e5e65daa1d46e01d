"""The last of ALMotion: walking, which this robot refuses, and where it stands."""

from __future__ import annotations

from typing import Any, Never

import numpy as np

from robodance.virtual_nao.deferred import Deferred, NaoqiError
from robodance.virtual_nao.frames import figure, six_of
from robodance.virtual_nao.joints import CHAINS
from robodance.virtual_nao.services.base import flag
from robodance.virtual_nao.services.cartesian import CartesianMotion

__all__ = ["WholeMotion"]

READY_SPEED = 0.35  # share of the velocity limits on the way to the posture walks begin in


class WholeMotion(CartesianMotion):
    """All of ALMotion. The robot takes the posture in which walks begin, but does not walk."""

    def moveInit(self) -> Deferred:
        """Take the posture in which walks begin; lasts until the end."""
        nao = self._nao
        if not nao.awake or nao.posture()[1] != "Standing":
            raise NaoqiError("the robot does not stand with its motors on")
        columns = nao.joints.columns([joint for leg in ("LLeg", "RLeg") for joint in CHAINS[leg]])
        target = np.array(nao.robot.posture("StandInit"))[columns]
        task = nao.joints.go_to("moveInit", columns, target, READY_SPEED, together=True)
        return task.answer

    def walkInit(self) -> Deferred:
        """Take the posture in which walks begin (before 2.1: the same as moveInit)."""
        return self.moveInit()

    def moveTo(self, *target: Any) -> Never:
        """Refuse to walk."""
        self._refuse()

    def walkTo(self, *target: Any) -> Never:
        """Refuse to walk."""
        self._refuse()

    def move(self, *velocity: Any) -> Never:
        """Refuse to walk."""
        self._refuse()

    def moveToward(self, *velocity: Any) -> Never:
        """Refuse to walk."""
        self._refuse()

    def setWalkTargetVelocity(self, *velocity: Any) -> Never:
        """Refuse to walk."""
        self._refuse()

    def setFootSteps(self, *steps: Any) -> Never:
        """Refuse to walk."""
        self._refuse()

    def setFootStepsWithSpeed(self, *steps: Any) -> Never:
        """Refuse to walk."""
        self._refuse()

    def waitUntilMoveIsFinished(self) -> None:
        """Return: there is no walking here."""

    def waitUntilWalkIsFinished(self) -> None:
        """Return: there is no walking here."""

    def stopMove(self) -> None:
        """Stop walking; there is none here."""

    def stopWalk(self) -> None:
        """Stop walking; there is none here."""

    def killMove(self) -> None:
        """Stop walking; there is none here."""

    def killWalk(self) -> None:
        """Stop walking; there is none here."""

    def moveIsActive(self) -> bool:
        """Return whether the robot walks: never."""
        return False

    def walkIsActive(self) -> bool:
        """Return whether the robot walks: never."""
        return False

    def getRobotPosition(self, useSensors: Any) -> list[float]:
        """Return where the robot stands in the world: x, y and its turn."""
        six = six_of(figure(self._nao, sensors=flag(useSensors)).robot_frame())
        return [six[0], six[1], six[5]]

    def getNextRobotPosition(self) -> list[float]:
        """Return where the robot will stand: where it stands."""
        return self.getRobotPosition(False)

    def getRobotVelocity(self) -> list[float]:
        """Return how fast the robot walks."""
        return [0.0, 0.0, 0.0]

    @staticmethod
    def _refuse() -> Never:
        raise NaoqiError("this virtual robot does not walk; it stands, and moves where it stands")
