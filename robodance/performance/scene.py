"""The picture: a robot in a studio, drawn by PyBullet from joint angles, without physics.

The studio is a round floor that bends up into a wall, so there is no horizon. Only a
window of the picture is drawn for each posture: what the robot never reaches stays.
"""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.errors import MissingDependency
from robodance.performance.bullet import pybullet
from robodance.performance.camera import LIGHT_FROM, Camera, Window
from robodance.performance.figure import Figure
from robodance.performance.shell import dressed
from robodance.values import FloatArray

__all__ = ["EGL_HELP", "Scene", "SceneSettings"]

EGL_HELP = "apt-get install -y libegl1 libgl1-mesa-dri"

SHADOW_WORLD_M = 3
SHADOW_PIXELS = 4096
STUDIO_COLOUR = (0.56, 0.62, 0.70, 1.0)
FLOOR_RADIUS_M = 1.6
BEND_RADIUS_M = 1.2
WALL_HEIGHT_M = 4.0
FAR_BELOW_M = 50.0
EGL_OVERSAMPLING = 1.5  # costs little there and smooths the edges


@dataclass(frozen=True)
class SceneSettings:
    """What a scene needs to know; plain values, so that it can go to another process.

    Attributes:
        urdf: The robot's file; its shell is drawn where it has one.
        columns: Name of each revolute joint to its column in the positions.
        camera: The whole picture.
        window: The part of it that is drawn for each posture.
        renderer: ``egl`` or ``tiny``.
        bones_m: Lengths of the figure's bones beside the robot; empty: no figure.
    """

    urdf: str
    columns: dict[str, int] = field(repr=False)
    camera: Camera
    window: Window
    renderer: str
    bones_m: tuple[float, ...] = ()


class Scene:
    """A robot that can be put into any posture and drawn.

    Raises:
        MissingDependency: ``egl`` is asked for, but this machine has no EGL.
    """

    def __init__(self, settings: SceneSettings) -> None:
        self._client = int(pybullet.connect(pybullet.DIRECT))
        egl = settings.renderer == "egl"
        if egl:
            self._load_egl()
        self._scale = EGL_OVERSAMPLING if egl else 1.0
        self._settings = settings
        self._look = _look(settings.camera, egl=egl)
        with dressed(Path(settings.urdf)) as urdf:
            self._body = int(pybullet.loadURDF(str(urdf), physicsClientId=self._client))
        self._columns: dict[int, int] = {}
        for index in range(pybullet.getNumJoints(self._body, physicsClientId=self._client)):
            name = pybullet.getJointInfo(self._body, index, physicsClientId=self._client)[1]
            if name.decode() in settings.columns:
                self._columns[settings.columns[name.decode()]] = index
        inertial = pybullet.getDynamicsInfo(self._body, -1, physicsClientId=self._client)
        self._inertial = inertial[3], inertial[4]
        self._figure = Figure(self._client, settings.bones_m)
        self._add_studio(settings.camera.centre_m)

    def draw(
        self,
        positions_rad: FloatArray,
        torso_pose: FloatArray,
        *,
        view: FloatArray | None = None,
        figure_m: FloatArray | None = None,
    ) -> NDArray[np.uint8]:
        """Return the window with a posture in it.

        Args:
            positions_rad: Shape (J,).
            torso_pose: Shape (7,), world.
            view: Shape (2,), elevation and distance of the camera; None: its own.
            figure_m: Shape (21, 3), the joints of the figure.

        Returns:
            Shape (H, W, 4), RGBA.
        """
        self._put(torso_pose)
        if figure_m is not None:
            self._figure.put(figure_m)
        if view is not None:
            self._look["viewMatrix"] = self._settings.camera.moved(view).view()
        for column, index in self._columns.items():
            pybullet.resetJointState(
                self._body, index, positions_rad[column], physicsClientId=self._client
            )
        return self._picture(self._settings.window)

    def draw_empty(self) -> NDArray[np.uint8]:
        """Return the whole picture without the robot."""
        self._put(np.array([0.0, 0.0, -FAR_BELOW_M, 0.0, 0.0, 0.0, 1.0]))
        camera = self._settings.camera
        return self._picture((0, 0, camera.width, camera.height))

    def _put(self, torso_pose: FloatArray) -> None:
        position, orientation = pybullet.multiplyTransforms(
            torso_pose[:3].tolist(), torso_pose[3:].tolist(), *self._inertial
        )
        pybullet.resetBasePositionAndOrientation(
            self._body, position, orientation, physicsClientId=self._client
        )

    def _picture(self, window: Window) -> NDArray[np.uint8]:
        width, height = (round(self._scale * size) for size in window[2:])
        picture = pybullet.getCameraImage(
            width,
            height,
            projectionMatrix=self._settings.camera.lens(window),
            physicsClientId=self._client,
            **self._look,
        )
        return np.asarray(picture[2], dtype=np.uint8).reshape(height, width, 4)

    def close(self) -> None:
        """Free the renderer."""
        pybullet.disconnect(self._client)

    def _load_egl(self) -> None:
        found = importlib.util.find_spec("eglRenderer")
        plugin = -1
        if found is not None and found.origin is not None:
            plugin = pybullet.loadPlugin(
                found.origin, "_eglRendererPlugin", physicsClientId=self._client
            )
        if plugin < 0:
            raise MissingDependency(f"PyBullet's EGL renderer does not start; {EGL_HELP}")
        pybullet.configureDebugVisualizer(
            shadowMapWorldSize=SHADOW_WORLD_M,
            shadowMapResolution=SHADOW_PIXELS,
            physicsClientId=self._client,
        )

    def _add_studio(self, centre_m: tuple[float, float]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "studio.obj"
            file.write_text(studio_obj(), encoding="utf-8")
            shape = pybullet.createVisualShape(
                pybullet.GEOM_MESH,
                fileName=str(file),
                rgbaColor=STUDIO_COLOUR,
                specularColor=(0.0, 0.0, 0.0),
                physicsClientId=self._client,
            )
        pybullet.createMultiBody(
            0.0,
            baseVisualShapeIndex=shape,
            basePosition=(*centre_m, 0.0),
            physicsClientId=self._client,
        )


def _look(camera: Camera, *, egl: bool) -> dict[str, Any]:
    """Return the arguments of ``getCameraImage`` that stay."""
    renderer = pybullet.ER_BULLET_HARDWARE_OPENGL if egl else pybullet.ER_TINY_RENDERER
    return {
        "viewMatrix": camera.view(),
        "renderer": renderer,
        "flags": pybullet.ER_NO_SEGMENTATION_MASK,
        "shadow": int(egl),  # Tiny's shadow is slow and hardly seen
        "lightDirection": LIGHT_FROM,
        "lightColor": (1.0, 1.0, 1.0),
        "lightDistance": 4.0,
        "lightAmbientCoeff": 0.48,
        "lightDiffuseCoeff": 0.62,
        "lightSpecularCoeff": 0.3 if egl else 0.0,
    }


def studio_obj() -> str:
    """Return the studio as Wavefront OBJ: floor, bend and wall, seen from inside.

    The floor's normals lean to the robot's left: so its highlight, which PyBullet draws
    as if the floor were polished, falls outside the picture.
    """
    bend = np.linspace(0.0, np.pi / 2, 13)
    radius = np.concatenate([
        np.linspace(0.0, FLOOR_RADIUS_M, 9)[:-1],
        FLOOR_RADIUS_M + BEND_RADIUS_M * np.sin(bend),
    ])
    height = np.concatenate([np.zeros(8), BEND_RADIUS_M * (1.0 - np.cos(bend))])
    radius, height = np.append(radius, radius[-1]), np.append(height, WALL_HEIGHT_M)
    slope = np.column_stack([np.gradient(radius), np.gradient(height)])
    slope /= np.linalg.norm(slope, axis=1, keepdims=True)
    lean = 1.5 * np.clip(1.0 - height / BEND_RADIUS_M, 0.0, 1.0)
    angles = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    lines = []
    for r, z in zip(radius, height, strict=True):
        lines += [f"v {r * np.cos(a):.4f} {r * np.sin(a):.4f} {z:.4f}" for a in angles]
    for (along, up), tilt in zip(slope, lean, strict=True):
        for a in angles:
            normal = np.array([-up * np.cos(a), -up * np.sin(a) + tilt, along])
            normal /= np.linalg.norm(normal)
            lines.append("vn " + " ".join(f"{value:.3f}" for value in normal))
    count = len(angles)
    for ring in range(len(radius) - 1):
        for k in range(count):
            p, q = ring * count + k + 1, ring * count + (k + 1) % count + 1
            lines += [
                "f " + " ".join(f"{i}//{i}" for i in corners)
                for corners in ((p, p + count, q), (q, p + count, q + count))
            ]
    return "\n".join(lines) + "\n"
