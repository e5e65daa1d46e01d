"""The "Dance with Melody" data (GitHub mhy12345/Music-to-Dance-Motion-Synthesis) as published.

Each folder ``DANCE_<letter>_<number>`` holds ``skeletons.json``: a whole dance as 23
points at 25 frames a second, centimetres, y up. The dances are collages of the units of
ChoreoNet, re-timed to a constant number of frames per beat and joined by straight lines
of about six frames. Reference: Tang et al., "Dance with Melody" (ACM MM 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robodance.errors import DataError
from robodance.learning.cleaning import low_pass
from robodance.learning.datasets.choreonet import Choreography
from robodance.motion_files.arrays import read_mdms
from robodance.motion_files.mapping import map_points
from robodance.motion_files.placing import level_locally, unit_of, upright
from robodance.motion_files.skeleton_file import load_skeleton
from robodance.skeleton import INDEX
from robodance.values import FloatArray, IntArray

__all__ = ["Collage", "find_joins", "read_collage", "unit_bounds"]

FRAME_RATE_HZ = 25.0
STRAIGHT_M = 2e-4  # second difference under which a frame lies on a straight line
SHORTEST_JOIN = 4  # frames in a row


@dataclass(frozen=True)
class Collage:
    """A dance of the set: joints (T, 21, 3) in metres, z up, and the frames of its joins."""

    name: str
    joint_positions_m: FloatArray
    joins: IntArray


def read_collage(folder: Path) -> Collage:
    """Read one ``DANCE_*`` folder; the floor is levelled locally.

    Raises:
        DataError: ``skeletons.json`` is missing or malformed.
    """
    skeleton = load_skeleton("mdms")
    source = read_mdms(folder / "skeletons.json", skeleton.points)
    standing, _ = upright(source, skeleton, unit_of(source, skeleton)[0])
    world = map_points(standing, skeleton).joint_positions_m
    joins = find_joins(world)
    feet = [INDEX[f"{side}_{part}"] for side in ("right", "left") for part in ("heel", "toe")]
    smooth = low_pass(world, FRAME_RATE_HZ, 8.0)
    smooth[..., 2] -= level_locally(smooth[:, feet, 2].min(axis=1), FRAME_RATE_HZ)[:, None]
    return Collage(name=folder.name, joint_positions_m=smooth, joins=joins)


def find_joins(joint_positions_m: FloatArray) -> IntArray:
    """Return the middle frame of every straight-line join: all joints without acceleration."""
    bend = np.linalg.norm(np.diff(joint_positions_m, 2, axis=0), axis=2).max(axis=1)
    straight = np.concatenate([[False], bend < STRAIGHT_M, [False]])
    edges = np.flatnonzero(np.diff(straight.astype(np.int8)))
    runs = edges.reshape(-1, 2)
    runs = runs[runs[:, 1] - runs[:, 0] >= SHORTEST_JOIN]
    return np.asarray(runs.mean(axis=1).round(), dtype=np.int64)


def unit_bounds(collage: Collage, dance: Choreography) -> FloatArray:
    """Return the frames at which the units of a dance begin, and the end: shape (units + 1,).

    Raises:
        DataError: The joins of the motion do not lie where the choreography changes units.
    """
    length = len(collage.joint_positions_m)
    total = sum(dance.beats)
    bounds = np.concatenate([[0.0], np.cumsum(dance.beats)]) * length / total
    inner = bounds[1:-1]
    if len(collage.joins):
        distance = np.abs(collage.joins[:, None] - inner[None]).min(axis=1)
        if np.median(distance) > 4.0:
            raise DataError(
                f"{collage.name}: its {len(collage.joins)} joins lie {np.median(distance):.1f} "
                f"frames (median) away from the {len(inner)} changes of unit in {dance.name}; "
                "is this the choreography of another release?"
            )
    return bounds
