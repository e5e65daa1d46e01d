"""ALMotion: stiffness, joints, tasks, protection.

Where the documents are silent the choice is ours: a task that is killed ends its call as
cancelled; ``wakeUp``, ``rest`` and ``goToPosture`` wait behind other tasks like any
blocking call; a joint that a task holds goes on with the task whatever ``setAngles`` says.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from robodance.virtual_nao.curves import read_bezier, read_timed
from robodance.virtual_nao.deferred import Deferred, NaoqiError
from robodance.virtual_nao.joints import CHAINS
from robodance.virtual_nao.services.base import Service, flag, number, numbers, text, whole
from robodance.virtual_nao.tasks import Task

__all__ = ["ALMotion"]

STAND_SPEED = 0.35  # share of the velocity limits on the way to and from the crouch
STIFFEN_S = 0.6
BREATHING_CHAINS = {
    "Body": tuple(CHAINS),
    "Arms": ("LArm", "RArm"),
    "Legs": ("LLeg", "RLeg"),
    **{chain: (chain,) for chain in CHAINS},
}


class ALMotion(Service):
    """Joint control as documented for 2.1 to 2.8."""

    NAME = "ALMotion"

    def wakeUp(self) -> Any:
        """Switch the motors on and stand, if the robot crouches."""
        nao = self._nao
        if nao.awake:
            return True
        if nao.charging and nao.version.robot == "nao_v6" and nao.battery < 0.01:
            raise NaoqiError("the battery is empty")
        nao.awake = True
        nao.joints.stiffness[:] = 1.0
        nao.memory.update("robotIsWakeUp", True)
        columns = nao.joints.columns("Body")
        family = nao.posture()[1]
        target = nao.robot.posture("StandInit") if family == "Crouching" else nao.joints.command
        return self._finish_with(
            nao.joints.go_to(
                "wakeUp",
                columns,
                np.array(target)[columns],
                STAND_SPEED,
                together=True,
                wait_s=STIFFEN_S,
            ),
            True,
        )

    def rest(self) -> Any:
        """Crouch, then switch the motors off; a robot that lies only switches them off."""
        nao = self._nao
        if not nao.awake or nao.felt.fallen:
            nao.joints.tasks.kill_all()
            nao.sleep()
            return None
        columns = nao.joints.columns("Body")
        target = np.array(nao.robot.posture("Crouch"))[columns]
        task = nao.joints.go_to("rest", columns, target, STAND_SPEED, together=True)
        task.finish = nao.sleep
        return task.answer

    def robotIsWakeUp(self) -> bool:
        """Return whether the motors are on."""
        return self._nao.awake

    def setStiffnesses(self, names: Any, stiffnesses: Any) -> None:
        """Set stiffness at once."""
        joints = self._nao.joints
        listed = joints.joint_names(names)
        for name, value in zip(listed, numbers(stiffnesses, len(listed), 0.0, 1.0), strict=True):
            joints.stiffen(joints.motor(name), value)
        self._nao.awake = bool((joints.stiffness > 0.0).any())

    def stiffnessInterpolation(self, names: Any, stiffnesses: Any, times: Any) -> Any:
        """Bring stiffness to values over time; the last value counts, in steps of cycles."""
        listed = self._nao.joints.joint_names(names)
        curves = read_timed(listed, stiffnesses, times)
        joints, cycle_s = self._nao.joints, self._nao.joints.cycle_s
        for name, curve in zip(listed, curves, strict=True):
            column = joints.motor(name)
            cycles = max(1, int(np.ceil(curve.times_s[-1] / cycle_s)))
            share, rest = curve.columns(cycles, cycle_s)
            way = np.clip(share * joints.stiffness[column] + rest, 0.0, 1.0)
            for k, value in enumerate(way):
                self._nao.later(k * cycle_s, partial(self._stiffen, column, float(value)))
        return self._after(max(float(curve.times_s[-1]) for curve in curves))

    def getStiffnesses(self, names: Any) -> list[float]:
        """Return the stiffness that was asked for."""
        joints = self._nao.joints
        return [float(joints.stiffness[joints.motor(n)]) for n in joints.joint_names(names)]

    def angleInterpolation(self, names: Any, angles: Any, times: Any, absolute: Any) -> Deferred:
        """Follow straight lines through timed keys; lasts until the end."""
        listed = self._nao.joints.joint_names(names)
        curves = read_timed(listed, angles, times)
        joints = self._nao.joints
        return joints.follow("angleInterpolation", listed, curves, absolute=flag(absolute)).answer

    def angleInterpolationBezier(self, names: Any, times: Any, points: Any) -> Deferred:
        """Follow a Bezier curve through timed control points; lasts until the end."""
        listed = self._nao.joints.joint_names(names)
        curves = read_bezier(listed, times, points)
        return self._nao.joints.follow(
            "angleInterpolationBezier", listed, curves, absolute=True
        ).answer

    def angleInterpolationWithSpeed(self, names: Any, targets: Any, fraction: Any) -> Deferred:
        """Go to one target per joint at a share of the highest speed; lasts until the end."""
        listed = self._nao.joints.joint_names(names)
        angles = numbers(targets, len(listed))
        share = number(fraction, 1e-3, 1.0)
        columns = self._nao.joints.columns(listed)
        chosen = dict(
            zip(map(self._nao.joints.motor, reversed(listed)), reversed(angles), strict=False)
        )
        target = np.array([chosen[column] for column in columns])
        return self._nao.joints.go_to("angleInterpolationWithSpeed", columns, target, share).answer

    def setAngles(self, names: Any, angles: Any, fraction: Any) -> None:
        """Give joints targets; returns at once and holds nothing."""
        listed = self._nao.joints.joint_names(names)
        values = numbers(angles, len(listed))
        self._nao.joints.set_angles(listed, values, numbers(fraction, len(listed), 0.0, 1.0))

    def changeAngles(self, names: Any, changes: Any, fraction: Any) -> None:
        """Move targets; returns at once and holds nothing."""
        joints = self._nao.joints
        listed = joints.joint_names(names)
        values = [
            joints.goal(name) + change
            for name, change in zip(listed, numbers(changes, len(listed)), strict=True)
        ]
        joints.set_angles(listed, values, numbers(fraction, len(listed), 0.0, 1.0))

    def getAngles(self, names: Any, useSensors: Any) -> list[float]:
        """Return commanded or measured angles."""
        joints = self._nao.joints
        source = self._nao.felt.joints_rad if flag(useSensors) else joints.command
        return [float(source[joints.motor(name)]) for name in joints.joint_names(names)]

    def openHand(self, name: Any) -> Deferred:
        """Open a hand, then cut its motor."""
        return self._hand("openHand", text(name), 1.0)

    def closeHand(self, name: Any) -> Deferred:
        """Close a hand, then cut its motor."""
        return self._hand("closeHand", text(name), 0.0)

    def getSummary(self) -> str:
        """Return a table of all joints, to be printed."""
        joints, felt = self._nao.joints, self._nao.felt
        lines = ["---------------------- Model ---------------------------"]
        lines.append(f"{'JointName':>20}{'Stiffness':>11}{'Command':>12}{'Sensor':>12}")
        for name in joints.joint_names("Body"):
            motor, column = joints.motor(name), self._nao.robot.index(name)
            command, sensor = joints.command[motor], felt.joints_rad[column]
            lines.append(f"{name:>20}{joints.stiffness[motor]:11.6f}{command:12.6f}{sensor:12.6f}")
        return "\n".join(lines)

    def getLimits(self, name: Any) -> list[list[float]]:
        """Return [lowest, highest, speed, torque] of each joint."""
        robot = self._nao.robot
        rows = np.column_stack([
            robot.position_limits_rad,
            robot.velocity_limits_rad_s,
            robot.effort_limits_nm,
        ])
        return [
            [float(value) for value in rows[robot.index(joint)]]
            for joint in self._nao.joints.joint_names(name)
        ]

    def getBodyNames(self, name: Any) -> list[str]:
        """Return the joints of a chain or group."""
        if name == "Chains":
            return list(CHAINS)
        if name == "Actuators":
            name = "JointActuators"
        return self._nao.joints.joint_names(name)

    def getJointNames(self, name: Any) -> list[str]:
        """Return the joints of a chain or group (before 2.4: the same as getBodyNames)."""
        return self.getBodyNames(name)

    def getMotionCycleTime(self) -> int:
        """Return the motion cycle in milliseconds."""
        return self._nao.version.cycle_ms

    def getTaskList(self) -> list[list[Any]]:
        """Return [name, id] of running and waiting tasks."""
        return [[task.name, task.number] for task in self._nao.joints.tasks.all()]

    def killTask(self, number_: Any) -> bool:
        """Kill a task; its joints stay where they are."""
        return self._nao.joints.tasks.kill(whole(number_))

    def killTasksUsingResources(self, names: Any) -> None:
        """Kill the tasks that hold or wait for joints."""
        columns = self._nao.joints.columns(names)
        self._nao.joints.tasks.kill_using(set(columns))
        self._nao.joints.stay(columns)

    def killAll(self) -> None:
        """Kill all tasks; every joint stays where it is."""
        self._nao.joints.stop()

    def areResourcesAvailable(self, names: Any) -> bool:
        """Return whether no task holds or waits for any of these joints."""
        return not set(self._nao.joints.columns(names)) & self._nao.joints.tasks.held()

    def _finish_with(self, task: Task, value: Any) -> Deferred:
        task.finish = lambda: value
        return task.answer

    def _stiffen(self, column: int, value: float) -> None:
        self._nao.joints.stiffen(column, value)
        self._nao.awake = bool((self._nao.joints.stiffness > 0.0).any())

    def _hand(self, call: str, name: str, target: float) -> Deferred:
        if name not in {"LHand", "RHand"}:
            raise NaoqiError(f"{name!r} is not a hand; LHand or RHand")
        column = self._nao.joints.motor(name)
        self._nao.joints.stiffness[column] = max(self._nao.joints.stiffness[column], 0.6)
        task = self._nao.joints.go_to(call, [column], np.array([target]), 0.6)
        task.finish = lambda: self._stiffen(column, 0.0)
        return task.answer
