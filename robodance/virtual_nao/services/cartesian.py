"""ALMotion's Cartesian control, and what it knows of the body: poses, centre of mass, mass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from robodance.values import FloatArray
from robodance.virtual_nao.deferred import Deferred, NaoqiError
from robodance.virtual_nao.effectors import EffectorPath, motors, read_paths, solve
from robodance.virtual_nao.frames import chain_links, figure, places, six_of
from robodance.virtual_nao.reach import follow_keys
from robodance.virtual_nao.sensors import TOUCH_KEYS
from robodance.virtual_nao.services.base import flag, number, text, whole
from robodance.virtual_nao.services.protection import FullMotion
from robodance.virtual_nao.tasks import Task

__all__ = ["CartesianMotion"]

POSITION, TRANSFORM = 6, 16  # numbers
KNOT_S = 0.12  # between two poses that are solved, at most
SENSORS = ("Accelerometer", "Gyrometer", "CameraTop", "CameraBottom")


class CartesianMotion(FullMotion):
    """ALMotion with effectors that can be asked for and moved, by name and frame."""

    def getPosition(self, name: Any, frame: Any, useSensors: Any) -> list[float]:
        """Return x y z and the turns about x y z of a joint, an effector or a sensor."""
        return six_of(self._pose(name, frame, useSensors))

    def getTransform(self, name: Any, frame: Any, useSensors: Any) -> list[float]:
        """Return the pose of a joint, an effector or a sensor: 16 numbers, row after row."""
        return [float(value) for value in self._pose(name, frame, useSensors).ravel()]

    def getCOM(self, name: Any, frame: Any, useSensors: Any) -> list[float]:
        """Return the centre of mass of the body, a chain or a joint's link, x y z."""
        robot = self._nao.robot
        wanted = set(chain_links(robot, text(name)))
        now = figure(self._nao, sensors=flag(useSensors))
        links = [link for link in robot.links if link.name in wanted]
        centres = np.array([now.link(link.name) @ [*link.com_m, 1.0] for link in links])
        masses = np.array([link.mass_kg for link in links])
        centre = now.frame(whole(frame)) @ (masses @ centres / masses.sum())
        return [float(value) for value in centre[:3]]

    def getMass(self, name: Any) -> float:
        """Return the mass of the body, a chain or a joint's link, kg."""
        robot = self._nao.robot
        wanted = set(chain_links(robot, text(name)))
        return float(sum(link.mass_kg for link in robot.links if link.name in wanted))

    def getSensorNames(self) -> list[str]:
        """Return the names of the sensors."""
        feet = [f"{side}Fsr{corner}" for side in "LR" for corner in ("FL", "FR", "RL", "RR")]
        return [*(key.replace("/", "") for key in TOUCH_KEYS.values()), *SENSORS, *feet]

    def getRobotConfig(self) -> list[list[Any]]:
        """Return names and values of what this robot is made of."""
        version = "VERSION_60" if self._nao.robot.name == "nao_v6" else "VERSION_50"
        parts = {
            "Model Type": "naoH25",
            "Head Version": version,
            "Body Version": version,
            "Arm Version": version,
            "Laser": False,
            "Legs": True,
            "Arms": True,
            "Extended Arms": True,
            "Hands": True,
            "Number of Legs": 2,
            "Number of Arms": 2,
            "Number of Hands": 2,
        }
        return [list(parts), list(parts.values())]

    def setPositions(
        self, names: Any, frames: Any, positions: Any, fraction: Any, axisMasks: Any
    ) -> None:
        """Let effectors go to positions, as setAngles does with joints; returns at once."""
        self._go(read_paths(names, frames, positions, axisMasks, 1.0, POSITION), fraction)

    def setTransforms(
        self, names: Any, frames: Any, transforms: Any, fraction: Any, axisMasks: Any
    ) -> None:
        """Let effectors go to poses, as setAngles does with joints; returns at once."""
        self._go(read_paths(names, frames, transforms, axisMasks, 1.0, TRANSFORM), fraction)

    def setPosition(
        self, name: Any, frame: Any, position: Any, fraction: Any, axisMask: Any
    ) -> None:
        """Let an effector go to a position; returns at once."""
        self._go(read_paths(text(name), frame, position, axisMask, 1.0, POSITION), fraction)

    def setTransform(
        self, name: Any, frame: Any, transform: Any, fraction: Any, axisMask: Any
    ) -> None:
        """Let an effector go to a pose; returns at once."""
        self._go(read_paths(text(name), frame, transform, axisMask, 1.0, TRANSFORM), fraction)

    def changePosition(
        self, name: Any, frame: Any, change: Any, fraction: Any, axisMask: Any
    ) -> None:
        """Let an effector go by an offset; returns at once."""
        self._go(read_paths(text(name), frame, change, axisMask, 1.0, POSITION, False), fraction)

    def positionInterpolations(
        self, names: Any, frames: Any, paths: Any, axisMasks: Any, times: Any, absolute: Any = True
    ) -> Deferred:
        """Move effectors through timed positions; lasts until the end."""
        asked = read_paths(names, frames, paths, axisMasks, times, POSITION, absolute)
        return self._follow("positionInterpolations", asked)

    def transformInterpolations(
        self, names: Any, frames: Any, paths: Any, axisMasks: Any, times: Any, absolute: Any = True
    ) -> Deferred:
        """Move effectors through timed poses; lasts until the end."""
        asked = read_paths(names, frames, paths, axisMasks, times, TRANSFORM, absolute)
        return self._follow("transformInterpolations", asked)

    def positionInterpolation(
        self, name: Any, frame: Any, path: Any, axisMask: Any, times: Any, absolute: Any
    ) -> Deferred:
        """Move an effector through timed positions; lasts until the end."""
        asked = read_paths(text(name), frame, path, axisMask, times, POSITION, absolute)
        return self._follow("positionInterpolation", asked)

    def transformInterpolation(
        self, name: Any, frame: Any, path: Any, axisMask: Any, times: Any, absolute: Any
    ) -> Deferred:
        """Move an effector through timed poses; lasts until the end."""
        asked = read_paths(text(name), frame, path, axisMask, times, TRANSFORM, absolute)
        return self._follow("transformInterpolation", asked)

    def _pose(self, name: Any, frame: Any, sensors: Any) -> FloatArray:
        known = places(self._nao.robot)
        if not isinstance(name, str) or name not in known:
            raise NaoqiError(f"{name!r} is neither a joint, an effector nor a sensor with a place")
        return figure(self._nao, sensors=flag(sensors)).of(known[name], whole(frame))

    def _go(self, paths: Sequence[EffectorPath], fraction: Any) -> None:
        """Find the angles at the end, and let the joints go there, each in its time."""
        share, joints = number(fraction, 0.0, 1.0), self._nao.joints
        columns = motors(joints, paths)
        end_s = np.array([max(path.times_s[-1] for path in paths)])
        now = figure(self._nao, sensors=False)
        (target,) = solve(now, joints.command, columns, paths, end_s)
        names = [self._nao.robot.joint_names[column] for column in columns]
        joints.set_angles(names, target.tolist(), [share] * len(names))

    def _follow(self, call: str, paths: Sequence[EffectorPath]) -> Deferred:
        """Queue a way of effectors; where it begins is only known then."""
        nao, joints = self._nao, self._nao.joints
        columns, cycle_s = motors(joints, paths), joints.cycle_s
        keys_s = np.concatenate([path.times_s for path in paths])
        grid_s: FloatArray = np.arange(np.ceil(keys_s.max() / cycle_s - 1e-9) + 1.0) * cycle_s
        between_s = np.arange(KNOT_S, keys_s.max(), KNOT_S)
        knots_s = np.unique(np.round(np.concatenate([keys_s, between_s]), 6))

        def plan(start: FloatArray) -> FloatArray:
            angles = solve(figure(nao, sensors=False), joints.command, columns, paths, knots_s)
            return follow_keys(start, angles, knots_s, grid_s)

        return joints.tasks.add(Task(call, columns, plan, Deferred())).answer
