"""What protects a NAO by itself: the fall manager, and arms that do not hit the body."""

from __future__ import annotations

import numpy as np

from robodance.performance.bullet import pybullet
from robodance.performance.world import joint_indices, link_names, load_body
from robodance.robots.model import RobotModel
from robodance.values import FloatArray
from robodance.virtual_nao.joints import CHAINS
from robodance.virtual_nao.sensors import Feeling

__all__ = ["ArmGuard", "FallManager"]

OUTSIDE_CYCLES = 3  # in a row with the centre of mass outside the support: a fall
NEAR_M = 0.01  # pairs of links farther apart are not looked at


class FallManager:
    """Says when a fall begins and when the robot lies.

    Active with a foot on the ground; a fall begins when the centre of mass has left the
    support polygon.

    Attributes:
        enabled: Whether it looks.
        falling: Whether a fall has begun, until the robot lies or stands again.
        fallen: Whether the robot lies.
    """

    def __init__(self) -> None:
        self.enabled = True
        self.falling = False
        self.fallen = False
        self._outside = 0

    def look(self, felt: Feeling) -> bool:
        """Take a look; returns whether a fall begins now."""
        self._outside = self._outside + 1 if felt.loaded and felt.com_margin_m < 0.0 else 0
        upright = felt.loaded and felt.com_margin_m > 0.0 and felt.tilt_rad[2] < 0.5
        lay = self.fallen
        self.fallen = felt.fallen or (self.fallen and not upright)
        if self.falling or lay:
            self.falling = self.falling and not (upright or self.fallen)
            return False
        begins = self.fallen or self._outside >= OUTSIDE_CYCLES
        self.falling = begins and self.enabled
        return self.falling


class ArmGuard:
    """Bends arm commands that would bring an arm into the body or the other arm.

    A shadow of the robot in a world without physics takes each commanded posture. An arm
    whose command would touch something, and come closer to it than before, stays.

    Attributes:
        enabled: Chain (LArm, RArm) to whether it is protected.
        bent: How many commands were bent.
    """

    def __init__(self, robot: RobotModel) -> None:
        self.enabled = {"LArm": True, "RArm": True}
        self.bent = 0
        self._client = int(pybullet.connect(pybullet.DIRECT))
        self._body = load_body(self._client, robot)
        self._indices = joint_indices(self._client, self._body, robot)
        numbers = {name: i for i, name in link_names(self._client, self._body, robot).items()}
        for index in numbers.values():
            pybullet.changeDynamics(
                self._body, index, collisionMargin=0.0, physicsClientId=self._client
            )
        self._arms = {chain: [robot.index(j) for j in CHAINS[chain]] for chain in self.enabled}
        sides = {
            joint.child: chain
            for joint in robot.joints
            for chain in self.enabled
            if joint.name in CHAINS[chain]
        }
        capsules = robot.capsules
        links = {frozenset((capsules[i].link, capsules[k].link)) for i, k in robot.collision_pairs}
        self._pairs = [
            (numbers[first], numbers[second], {sides[x] for x in (first, second) if x in sides})
            for first, second in (sorted(pair) for pair in links)
            if first in sides or second in sides
        ]

    def close(self) -> None:
        """End the shadow's world."""
        pybullet.disconnect(self._client)

    def __call__(self, before: FloatArray, after: FloatArray) -> FloatArray:
        """Return the command (J,) to give instead of ``after``, coming from ``before``."""
        arms = [column for columns in self._arms.values() for column in columns]
        if not any(self.enabled.values()) or np.array_equal(before[arms], after[arms]):
            return after
        ahead = self._touching(after)
        if not ahead:
            return after
        behind = self._touching(before)
        result = after.copy()
        for pair, depth in ahead.items():
            if depth >= behind.get(pair, 0.0) - 1e-6:
                continue  # it does not come closer
            for chain in self._pairs[pair][2]:
                if self.enabled[chain]:
                    result[self._arms[chain]] = before[self._arms[chain]]
                    self.bent += 1
        return result

    def _touching(self, positions_rad: FloatArray) -> dict[int, float]:
        """Return pairs of links that touch in a posture, with their distance (negative)."""
        for column, index in self._indices.items():
            pybullet.resetJointState(
                self._body, index, positions_rad[column], physicsClientId=self._client
            )
        found = {}
        for k, (first, second, _) in enumerate(self._pairs):
            points = pybullet.getClosestPoints(
                self._body, self._body, NEAR_M, first, second, physicsClientId=self._client
            )
            distance = min((point[8] for point in points), default=NEAR_M)
            if distance < 0.0:
                found[k] = distance
        return found
