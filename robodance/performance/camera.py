"""Where the camera stands, and which part of its picture ever changes.

The camera stands in front of the robot, to its right and a little above its middle, and
leaves room for raised and stretched arms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import RobotModel
from robodance.robots.stability import to_world
from robodance.values import FloatArray

__all__ = ["LIGHT_FROM", "Camera", "Window", "changing_window"]

LIGHT_FROM = (1.3, 0.35, 2.2)
LOOK_AT_M = (0.0, 0.0, 0.305)  # from the point on the floor under the torso
AZIMUTH_RAD = -0.42
ELEVATION_RAD = 0.15
DISTANCE_M = 1.6
FIELD_OF_VIEW_DEG = 29.0  # vertical: 0.4 m above and below the middle
SIDE_ROOM_M = 0.12  # that a robot with its arms stretched leaves on either side
NEAR_M, FAR_M = 0.2, 12.0
SHELL_M = 0.04  # the shapes people see reach this far beyond the capsules (fingers, ears)
OTHERS_M = 0.06  # thickness of what else there is
SHADOW_M = 0.06  # and shadows are blurred
GRID = 4  # pixels; whole samples in colour and under oversampling by 1.5

Window = tuple[int, int, int, int]  # left, top, width, height in pixels


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks at the robot.

    Attributes:
        centre_m: x, y of the point on the floor that it looks over.
        width: Picture width, pixels.
        height: Picture height, pixels.
        azimuth_rad: Where it stands, seen from above; 0 is straight before the robot, + to its
            left.
        elevation_rad: How high it stands above its target.
        distance_m: From its target.
    """

    centre_m: tuple[float, float]
    width: int
    height: int
    azimuth_rad: float = AZIMUTH_RAD
    elevation_rad: float = ELEVATION_RAD
    distance_m: float = DISTANCE_M

    @property
    def target_m(self) -> FloatArray:
        """Shape (3,), the point in the middle of the picture."""
        return np.asarray(np.array(LOOK_AT_M) + np.array([*self.centre_m, 0.0]))

    @property
    def away(self) -> FloatArray:
        """Shape (3,), unit vector from there to the camera."""
        level = np.cos(self.elevation_rad)
        return np.array([
            level * np.cos(self.azimuth_rad),
            level * np.sin(self.azimuth_rad),
            np.sin(self.elevation_rad),
        ])

    def framing(self, places_m: FloatArray) -> Camera:
        """Return the same camera before the middle of places (F, 2), as far as they all need."""
        middle = (places_m.min(axis=0) + places_m.max(axis=0)) / 2.0
        here = replace(self, centre_m=(float(middle[0]), float(middle[1])))
        right, _, back = here._axes()
        nearer = float(((places_m - middle) @ back[:2]).max())
        aside = float(np.abs((places_m - middle) @ right[:2]).max())
        wide = np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2.0) * self.width / self.height
        room = max(aside - SIDE_ROOM_M, 0.0) / wide
        return replace(here, distance_m=self.distance_m + max(nearer, room))

    def moved(self, view: FloatArray) -> Camera:
        """Return the same camera at another elevation and distance, (2,)."""
        return replace(self, elevation_rad=float(view[0]), distance_m=float(view[1]))

    def view(self) -> list[float]:
        """Return OpenGL's view matrix, column by column."""
        right, up, back = self._axes()
        matrix = np.eye(4)
        matrix[:3, :3] = right, up, back
        matrix[:3, 3] = -matrix[:3, :3] @ (self.target_m + self.distance_m * self.away)
        return [float(value) for value in matrix.T.ravel()]

    def lens(self, window: Window | None = None) -> list[float]:
        """Return OpenGL's projection matrix for the picture or a window of it."""
        focal = 1.0 / np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2)
        matrix = np.zeros((4, 4))
        matrix[0, 0], matrix[1, 1] = focal * self.height / self.width, focal
        matrix[2, 2:] = (
            (FAR_M + NEAR_M) / (NEAR_M - FAR_M),
            2 * FAR_M * NEAR_M / (NEAR_M - FAR_M),
        )
        matrix[3, 2] = -1.0
        left, top, width, height = window or (0, 0, self.width, self.height)
        part = np.eye(4)
        part[0, 0], part[1, 1] = self.width / width, self.height / height
        part[0, 3] = -(2 * (left + width / 2) / self.width - 1) * part[0, 0]
        part[1, 3] = (2 * (top + height / 2) / self.height - 1) * part[1, 1]
        return [float(value) for value in (part @ matrix).T.ravel()]

    def pixels(self, points_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return where world points (..., 3) are in the picture.

        Returns:
            Columns and rows (..., 2), y downwards, and pixels per metre there (...).
        """
        right, up, back = self._axes()
        from_eye = points_m - (self.target_m + self.distance_m * self.away)
        focal = 0.5 * self.height / np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2)
        per_metre = focal / np.maximum(-(from_eye @ back), NEAR_M)
        x = 0.5 * self.width + per_metre * (from_eye @ right)
        y = 0.5 * self.height - per_metre * (from_eye @ up)
        return np.stack([x, y], axis=-1), per_metre

    def _axes(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The picture's right, up and backwards in the world."""
        back = self.away
        right = np.array([-np.sin(self.azimuth_rad), np.cos(self.azimuth_rad), 0.0])
        return right, np.cross(back, right), back


def changing_window(
    camera: Camera,
    robot: RobotModel,
    positions_rad: FloatArray,
    torso_pose: FloatArray,
    others_m: FloatArray | None = None,
) -> Window:
    """Return the part of the picture that the robot and its shadow ever reach.

    Args:
        camera: The picture.
        robot: Its capsules stand for its shape.
        positions_rad: Shape (F, J).
        torso_pose: Shape (F, 7), world.
        others_m: Shape (..., 3), points in the world that something else reaches.
    """
    poses = forward_kinematics(robot, positions_rad)
    light = np.array(LIGHT_FROM)
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    parts = [
        (to_world(torso_pose, poses.points(capsule.link, end)), capsule.radius_m)
        for capsule in robot.capsules
        for end in (capsule.start_m, capsule.end_m)
    ]
    if others_m is not None:
        parts.append((others_m.reshape(-1, 3), OTHERS_M))
    for world, radius in parts:
        shadow = world - light * (world[:, 2:] / light[2])
        for points, beyond in ((world, SHELL_M), (shadow, SHADOW_M)):
            at, per_metre = camera.pixels(points)
            reach = ((radius + beyond) * per_metre)[:, None]
            low = np.minimum(low, (at - reach).min(axis=0))
            high = np.maximum(high, (at + reach).max(axis=0))
    size = np.array([camera.width, camera.height])
    first = np.clip(np.floor(low / GRID) * GRID, 0, size - GRID).astype(int)
    last = np.clip(np.ceil(high / GRID) * GRID, first + GRID, size).astype(int)
    return int(first[0]), int(first[1]), int(last[0] - first[0]), int(last[1] - first[1])
