"""A film's corner from above: soles, what carries the robot, and where its weight pushes.

The soles are where the robot had them; the support polygon is that of the plan's moment,
drawn around them. A dot is the plan's zero moment point, with a trail of half a second: red
where it is outside. A ring is the centre of mass. Down is towards the audience.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.spatial.transform import Rotation

from robodance.errors import MissingDependency
from robodance.performance.encoding import Picture
from robodance.performance.preview.balance import balance_points
from robodance.performance.render_worker import paste, yuv
from robodance.robots.description import convex_hull
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import RobotModel
from robodance.robots.stability import SIDES_BY_SUPPORT, stability_margin
from robodance.values import FloatArray, Plan

__all__ = ["FloorPlan"]

SIDE_SHARE, MARGIN_SHARE = 0.36, 0.04  # of the picture's height
WIDTH_M = 0.5
STEADY_S = 2.0  # the view follows the feet without haste
TRAIL_S = 0.5
FINE = 2  # drawn so many times larger
DOT_M, RING_M = 0.008, 0.010
BACK, GRID, SOLE, LIFTED = (38, 40, 46), (62, 65, 73), (196, 200, 208), (104, 108, 118)
CARRYING, INSIDE, OUTSIDE, WEIGHT = (86, 140, 190), (92, 214, 128), (236, 78, 66), (250, 206, 84)


class FloorPlan:
    """What is drawn from above into the pictures of a film.

    Args:
        robot: Who danced.
        plan: What.
        positions_rad: Shape (F, J), measured joint angles, of each picture.
        poses: Shape (F, 7), the torso's.
        times_s: Shape (F,), robot time.
        height: Of the pictures, pixels.
        width: Likewise.

    Raises:
        MissingDependency: Pillow is not installed.
    """

    def __init__(
        self,
        robot: RobotModel,
        plan: Plan,
        positions_rad: FloatArray,
        poses: FloatArray,
        times_s: FloatArray,
        height: int,
        width: int,
    ) -> None:
        try:
            from PIL import Image, ImageDraw
        except ImportError as error:
            raise MissingDependency("drawing in films needs Pillow: pip install pillow") from error
        self._image, self._drawing = Image, ImageDraw
        self._side = int(SIDE_SHARE * height) // 4 * 4
        edge = int(MARGIN_SHARE * height) // 4 * 4
        self._window = ((width - self._side - edge) // 4 * 4, edge, self._side, self._side)
        self._soles = _soles(robot, positions_rad, poses)
        self._points = balance_points(robot, plan, times_s)
        sample = np.searchsorted(plan.times_s, times_s, side="right") - 1
        self._support = plan.support[np.clip(sample, 0, len(plan.support) - 1)]
        rate_hz = (len(times_s) - 1) / max(times_s[-1] - times_s[0], 1e-9)
        self._trail = max(1, round(TRAIL_S * rate_hz))
        middle = np.mean([sole.mean(axis=1) for sole in self._soles.values()], axis=0)
        self._middle = uniform_filter1d(middle, max(1, round(STEADY_S * rate_hz)), axis=0)

    def write(self, picture: Picture, number: int) -> Picture:
        """Return a picture of the film, the number of which is given, with the corner drawn."""
        written = np.array(picture)
        paste(written, yuv(self._drawn(number), self._side, self._side), self._window)
        return written

    def _drawn(self, number: int) -> NDArray[np.uint8]:
        size = FINE * self._side
        image = self._image.new("RGBA", (size, size), (*BACK, 255))
        draw = self._drawing.Draw(image)
        self._draw_grid(draw, number, size)
        carrying = SIDES_BY_SUPPORT[int(self._support[number])]
        polygon = convex_hull(np.concatenate([self._soles[side][number] for side in carrying]))
        draw.polygon(self._on_picture(polygon, number), fill=(*CARRYING, 255))
        for side, sole in self._soles.items():
            outline = SOLE if side in carrying else LIFTED
            shape = self._on_picture(sole[number], number)
            draw.line([*shape, shape[0]], fill=(*outline, 255), width=2 * FINE)
        zmp = self._points[max(number - self._trail, 0) : number + 1, :2]
        inside = float(stability_margin(zmp[-1:], polygon)[0]) >= 0.0
        colour = INSIDE if inside else OUTSIDE
        if len(zmp) > 1:
            draw.line(self._on_picture(zmp, number), fill=(*colour, 255), width=FINE)
        for point, radius, fill in (
            (self._points[number, 2:], RING_M, None),
            (zmp[-1], DOT_M, (*colour, 255)),
        ):
            (x, y), r = self._on_picture(point[None], number)[0], radius * size / WIDTH_M
            ring = None if fill else (*WEIGHT, 255)
            draw.ellipse((x - r, y - r, x + r, y + r), fill=fill, outline=ring, width=2 * FINE)
        return np.asarray(image)

    def _draw_grid(self, draw: object, number: int, size: int) -> None:
        """Draw lines on the floor every ten centimetres, so that travelling can be seen."""
        for axis in (0, 1):
            centre = self._middle[number, axis]
            first = np.ceil((centre - WIDTH_M / 2.0) * 10.0) / 10.0
            for place in np.arange(first, centre + WIDTH_M / 2.0, 0.1):
                at = float((place - centre) / WIDTH_M + 0.5) * size
                ends = [(0.0, at), (size, at)] if axis == 0 else [(at, 0.0), (at, size)]
                draw.line(ends, fill=(*GRID, 255), width=FINE)  # type: ignore[attr-defined]

    def _on_picture(self, points_m: FloatArray, number: int) -> list[tuple[float, float]]:
        """Return places on the floor (P, 2) as pixels: x down, y to the right."""
        size = FINE * self._side
        shown = ((points_m - self._middle[number]) / WIDTH_M + 0.5) * size
        return [(float(y), float(x)) for x, y in shown]


def _soles(
    robot: RobotModel, positions_rad: FloatArray, poses: FloatArray
) -> dict[str, FloatArray]:
    """Return the corners of the soles on the floor, (F, P, 2) of each side."""
    found = forward_kinematics(robot, positions_rad, robot.feet.values())
    turn = Rotation.from_quat(poses[:, 3:]).as_matrix()
    result = {}
    for side, foot in robot.feet.items():
        outline = robot.soles_m[side]
        sole = np.column_stack([outline, np.full(len(outline), -robot.sole_height_m)])
        k = found.index(foot)
        corners = sole @ found.rotations[:, k].swapaxes(1, 2) + found.positions_m[:, k, None]
        world = corners @ turn.swapaxes(1, 2) + poses[:, None, :3]
        result[side] = np.asarray(world[:, :, :2])
    return result
