"""ALRobotPosture: named postures, and the way between them while the robot stands."""

from __future__ import annotations

from typing import Any

import numpy as np

from robodance.virtual_nao.deferred import Deferred
from robodance.virtual_nao.nao import VirtualNao
from robodance.virtual_nao.services.base import Service, number, text, whole

__all__ = ["ALRobotPosture"]

NAMES = ("Stand", "StandInit", "StandZero", "Crouch", "Sit", "SitRelax", "LyingBelly", "LyingBack")
FAMILIES = ("Standing", "Sitting", "Crouching", "LyingBelly", "LyingBack")
SHARE_OF_SPEED = 0.5  # of the velocity limits at speed 1: ours


class ALRobotPosture(Service):
    """Postures. Sitting and lying ones are known, but no way to them: such calls fail."""

    NAME = "ALRobotPosture"

    def __init__(self, nao: VirtualNao) -> None:
        super().__init__(nao)
        self._tries = 3

    def goToPosture(self, name: Any, speed: Any) -> Any:
        """Go to a posture; lasts until the end and answers whether it got there."""
        share = SHARE_OF_SPEED * number(speed, 1e-3, 1.0)
        nao = self._nao
        reachable = (
            nao.awake and not nao.felt.fallen and nao.posture()[0] not in {"Sit", "SitRelax"}
        )
        if text(name) not in nao.robot.standing_postures or not reachable:
            return False
        columns = nao.joints.columns("Body")
        hands = {nao.robot.index(hand) for hand in nao.robot.hands}
        limbs = [k for k in columns if k not in hands]  # a hand that was closed has no motor
        target = np.array(nao.robot.posture(name))
        task = nao.joints.go_to("goToPosture", columns, target[columns], share, together=True)
        arrived = Deferred()
        arrived.on_cancel = task.answer.cancel

        def look() -> None:
            apart = np.abs(nao.felt.joints_rad - target)[limbs].max()
            arrived.resolve(bool(apart < 0.2 and not nao.felt.fallen))

        def ended(answer: Deferred) -> None:
            if answer.killed:
                arrived.resolve(False)
            else:
                nao.later(3 * nao.joints.cycle_s, look)

        task.answer.then(ended)
        return arrived

    def applyPosture(self, name: Any, speed: Any) -> Any:
        """Go to a posture without asking how it stands; the same here."""
        return self.goToPosture(name, speed)

    def stopMove(self) -> None:
        """Stop going to a posture."""
        tasks = self._nao.joints.tasks
        for task in tasks.all():
            if task.name == "goToPosture":
                tasks.kill(task.number)

    def getPosture(self) -> str:
        """Return the posture's name."""
        return self._nao.posture()[0]

    def getPostureFamily(self) -> str:
        """Return the posture's family."""
        return self._nao.posture()[1]

    def getPostureList(self) -> list[str]:
        """Return all names."""
        return list(NAMES)

    def getPostureFamilyList(self) -> list[str]:
        """Return all families."""
        return list(FAMILIES)

    def setMaxTryNumber(self, tries: Any) -> None:
        """Say how often to try; the first try settles it here."""
        self._tries = whole(tries, -1)
