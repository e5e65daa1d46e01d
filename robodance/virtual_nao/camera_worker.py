"""A process that draws what the virtual NAO's cameras see, and writes films of it.

Orders come on stdin as pickles, pictures and answers go back on stdout. It ends when its
stdin ends, so nothing is left behind however the robot's process dies.
"""

from __future__ import annotations

import os
import pickle
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from robodance.performance.bullet import pybullet
from robodance.performance.shell import dressed
from robodance.performance.world import place
from robodance.values import FloatArray

__all__ = ["Shot", "main"]

# Where the cameras sit in the head and how far they look down (documentation, video page).
CAMERAS = {0: ((0.05871, 0.0, 0.06364), 0.0209), 1: ((0.05071, 0.0, 0.01774), 0.6929)}
FIELD_OF_VIEW_DEG = 47.64  # vertical
TILE_M = 0.25
TILES = 7  # to each side
PILLARS = (
    ((1.5, 0.8), (0.85, 0.25, 0.2, 1.0)),
    ((2.0, -0.3), (0.2, 0.45, 0.85, 1.0)),
    ((1.3, -1.1), (0.95, 0.75, 0.15, 1.0)),
)


@dataclass(frozen=True)
class Shot:
    """A picture to take.

    Attributes:
        width: Pixels.
        height: Pixels.
        camera: 0 the upper, 1 the lower one.
        positions_rad: Joint name to angle.
        torso_pose: Shape (7,), world.
    """

    width: int
    height: int
    camera: int
    positions_rad: dict[str, float] = field(repr=False)
    torso_pose: FloatArray = field(repr=False)


class Room:
    """The robot in a room with tiles and pillars, drawn from inside its head."""

    def __init__(self, urdf: Path) -> None:
        self._client = int(pybullet.connect(pybullet.DIRECT))
        with dressed(urdf) as file:
            self._body = int(pybullet.loadURDF(str(file), physicsClientId=self._client))
        count = pybullet.getNumJoints(self._body, physicsClientId=self._client)
        about = [
            pybullet.getJointInfo(self._body, i, physicsClientId=self._client) for i in range(count)
        ]
        self._joints = {entry[1].decode(): entry[0] for entry in about}
        self._head = next(entry[0] for entry in about if entry[12] == b"Head")
        self._furnish()

    def draw(self, shot: Shot) -> NDArray[np.uint8]:
        """Return the picture, (H, W, 3), RGB."""
        client = self._client
        place(client, self._body, shot.torso_pose)
        for name, angle in shot.positions_rad.items():
            if name in self._joints:
                pybullet.resetJointState(
                    self._body, self._joints[name], angle, physicsClientId=client
                )
        state = pybullet.getLinkState(
            self._body, self._head, computeForwardKinematics=1, physicsClientId=client
        )
        turn = np.array(pybullet.getMatrixFromQuaternion(state[5])).reshape(3, 3)
        at, down = CAMERAS[shot.camera]
        eye = np.array(state[4]) + turn @ np.array(at)
        ahead = turn @ np.array([np.cos(down), 0.0, -np.sin(down)])
        up = turn @ np.array([np.sin(down), 0.0, np.cos(down)])
        picture = pybullet.getCameraImage(
            shot.width,
            shot.height,
            viewMatrix=pybullet.computeViewMatrix(
                eye.tolist(), (eye + ahead).tolist(), up.tolist()
            ),
            projectionMatrix=pybullet.computeProjectionMatrixFOV(
                FIELD_OF_VIEW_DEG, shot.width / shot.height, 0.01, 12.0
            ),
            shadow=0,
            renderer=pybullet.ER_TINY_RENDERER,
            flags=pybullet.ER_NO_SEGMENTATION_MASK,
            physicsClientId=client,
        )
        pixels = np.asarray(picture[2], dtype=np.uint8).reshape(shot.height, shot.width, 4)
        return np.ascontiguousarray(pixels[:, :, :3])

    def _furnish(self) -> None:
        for i in range(-TILES, TILES + 1):
            for k in range(-TILES, TILES + 1):
                grey = 0.78 if (i + k) % 2 else 0.45
                half = [TILE_M / 2, TILE_M / 2, 0.005]
                self._box(half, (TILE_M * i, TILE_M * k, -0.005), (grey, grey, grey + 0.04, 1.0))
        for (x, y), colour in PILLARS:
            self._box([0.06, 0.06, 0.45], (x, y, 0.45), colour)

    def _box(
        self, half: list[float], at: tuple[float, float, float], colour: tuple[float, ...]
    ) -> None:
        shape = pybullet.createVisualShape(
            pybullet.GEOM_BOX, halfExtents=half, rgbaColor=colour, physicsClientId=self._client
        )
        pybullet.createMultiBody(
            0.0, baseVisualShapeIndex=shape, basePosition=at, physicsClientId=self._client
        )


class Film:
    """A film that grows picture by picture."""

    def __init__(self, path: Path, width: int, height: int, rate_hz: int) -> None:
        import av

        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(path), "w")
        self._stream = self._container.add_stream("mjpeg", rate=rate_hz)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuvj420p"
        self.frames = 0

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Add a picture."""
        import av

        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = self.frames
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def close(self) -> int:
        """Finish; returns how many pictures there are."""
        self._container.mux(self._stream.encode())
        self._container.close()
        return self.frames


def main() -> None:
    """Do what stdin says until it ends."""
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    room: Room | None = None
    film: Film | None = None
    orders = sys.stdin.buffer
    while (order := _next(orders)) is not None:
        kind, content = order
        answer: Any = None
        if kind == "urdf":
            room = Room(Path(content))
        elif kind == "shot" and room is not None:
            answer = room.draw(content).tobytes()
        elif kind == "film":
            path, width, height, rate_hz = content
            film = Film(Path(path), width, height, rate_hz)
        elif kind == "frame" and room is not None and film is not None:
            film.add(room.draw(content))
        elif kind == "end" and film is not None:
            answer, film = film.close(), None
        pickle.dump(answer, out)
    if film is not None:
        film.close()


def _next(orders: BinaryIO) -> tuple[str, Any] | None:
    try:
        kind, content = pickle.load(orders)
    except EOFError:
        return None
    return kind, content


if __name__ == "__main__":
    main()
