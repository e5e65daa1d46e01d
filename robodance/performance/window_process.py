"""The process behind a window: postures come in on stdin, the latest one is shown.

It ends when its stdin ends or when somebody closes the window.
"""

from __future__ import annotations

import os
import pickle
import select
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from robodance.performance.bullet import pybullet
from robodance.performance.camera import AZIMUTH_RAD, ELEVATION_RAD, LIGHT_FROM, LOOK_AT_M
from robodance.performance.scene import STUDIO_COLOUR
from robodance.performance.shell import dressed
from robodance.performance.window import READY, WindowJob
from robodance.values import FloatArray

SIZE = "--width=1280 --height=720"
DISTANCE_M = 0.75
FLOOR_M = 4.0
TICK_S = 0.05  # how soon a closed window is noticed
HIDDEN = (
    "COV_ENABLE_GUI",
    "COV_ENABLE_RGB_BUFFER_PREVIEW",
    "COV_ENABLE_DEPTH_BUFFER_PREVIEW",
    "COV_ENABLE_SEGMENTATION_MARK_PREVIEW",
)


def main() -> None:
    """Show what comes in on stdin."""
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the window talks on stdout
    job: WindowJob = pickle.load(os.fdopen(0, "rb", buffering=0, closefd=False))
    client = int(pybullet.connect(pybullet.GUI, options=_options()))
    if client < 0:
        sys.exit("PyBullet's window does not open on this display")
    body, indices = _load(client, job)
    os.write(answer, READY)
    with suppress(pybullet.error):  # somebody closed the window
        _show(client, body, indices, len(job.joint_names))
    os._exit(0)  # the window's threads need not be waited for


def _options() -> str:
    parts = zip(("red", "green", "blue"), STUDIO_COLOUR[:3], strict=True)
    return " ".join([SIZE, *(f"--background_color_{name}={value}" for name, value in parts)])


def _load(client: int, job: WindowJob) -> tuple[int, list[tuple[int, int]]]:
    """Load robot and floor; returns the robot, and column and joint of what moves."""
    for name in HIDDEN:
        pybullet.configureDebugVisualizer(getattr(pybullet, name), 0, physicsClientId=client)
    pybullet.configureDebugVisualizer(lightPosition=LIGHT_FROM, physicsClientId=client)
    pybullet.configureDebugVisualizer(pybullet.COV_ENABLE_RENDERING, 0, physicsClientId=client)
    with dressed(Path(job.urdf)) as urdf:
        body = int(pybullet.loadURDF(str(urdf), physicsClientId=client))
    _paint(client, body)
    floor = pybullet.createVisualShape(
        pybullet.GEOM_BOX,
        halfExtents=(FLOOR_M, FLOOR_M, 0.01),
        rgbaColor=STUDIO_COLOUR,
        specularColor=(0.0, 0.0, 0.0),
        physicsClientId=client,
    )
    pybullet.createMultiBody(
        0.0, baseVisualShapeIndex=floor, basePosition=(0.0, 0.0, -0.01), physicsClientId=client
    )
    pybullet.resetDebugVisualizerCamera(
        cameraDistance=DISTANCE_M,
        cameraYaw=90.0 + float(np.degrees(AZIMUTH_RAD)),
        cameraPitch=-float(np.degrees(ELEVATION_RAD)),
        cameraTargetPosition=LOOK_AT_M,
        physicsClientId=client,
    )
    pybullet.configureDebugVisualizer(pybullet.COV_ENABLE_RENDERING, 1, physicsClientId=client)
    indices = []
    for index in range(pybullet.getNumJoints(body, physicsClientId=client)):
        name = pybullet.getJointInfo(body, index, physicsClientId=client)[1].decode()
        if name in job.joint_names:
            indices.append((job.joint_names.index(name), index))
    return body, indices


def _paint(client: int, body: int) -> None:
    """Give each link the colour of its first shape: a window shows one colour for a link."""
    colours: dict[int, tuple[float, ...]] = {}
    for shape in pybullet.getVisualShapeData(body, physicsClientId=client):
        colours.setdefault(shape[1], shape[7])
    for link, colour in colours.items():
        pybullet.changeVisualShape(body, link, rgbaColor=colour, physicsClientId=client)


def _show(client: int, body: int, indices: list[tuple[int, int]], joints: int) -> None:
    """Show the latest posture until stdin ends."""
    inertial = pybullet.getDynamicsInfo(body, -1, physicsClientId=client)
    columns = [column for column, _ in indices]
    size, waiting = 8 * (joints + 7), b""
    while pybullet.isConnected(client):
        if not select.select([0], [], [], TICK_S)[0]:
            continue
        data = os.read(0, 64 * size)
        if not data:
            return
        waiting += data
        whole = len(waiting) // size * size
        if not whole:
            continue
        posture: FloatArray = np.frombuffer(waiting[whole - size : whole])
        waiting = waiting[whole:]
        position, orientation = pybullet.multiplyTransforms(
            posture[joints : joints + 3].tolist(), posture[joints + 3 :].tolist(), *inertial[3:5]
        )
        pybullet.resetBasePositionAndOrientation(
            body, position, orientation, physicsClientId=client
        )
        pybullet.resetJointStatesMultiDof(
            body,
            [index for _, index in indices],
            [[posture[column]] for column in columns],
            physicsClientId=client,
        )


if __name__ == "__main__":
    main()
