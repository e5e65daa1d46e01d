"""Bodies that turn about each other, written as BVH: y up, centimetres."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.errors import RobodanceError
from robodance.output import write_atomically
from robodance.values import FloatArray

__all__ = ["Bone", "write_bvh"]

TO_Y_UP = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])  # x left, z forward
ORDER: Final = "ZXY"
CM_PER_M = 100.0
DIGITS = 6


@dataclass(frozen=True)
class Bone:
    """A body of a BVH hierarchy.

    Attributes:
        name: Its name there.
        parent: Name of the body it hangs on, listed before it; None for the first.
        offset_m: Shape (3,), its origin in the parent's frame at rest (x forward, z up).
        turns: Shape (T, 3, 3), its frame to the world.
        end_m: Shape (3,), its end site in its frame, for bodies on which nothing hangs.
    """

    name: str
    parent: str | None
    offset_m: FloatArray
    turns: FloatArray = field(repr=False)
    end_m: FloatArray | None = None


def write_bvh(path: Path, bones: list[Bone], root_m: FloatArray, rate_hz: float) -> None:
    """Write a hierarchy and its frames.

    Args:
        path: The file.
        bones: Parents before children; the first is the root.
        root_m: Shape (T, 3), where the root is in the world, z up.
        rate_hz: Frames per second.

    Raises:
        OutputError: The file cannot be written.
    """
    ordered = _depth_first(bones)
    lines = ["HIERARCHY", *_hierarchy(ordered), "MOTION", f"Frames: {len(root_m)}"]
    lines.append(f"Frame Time: {1.0 / rate_hz:.9g}")
    by_name = {bone.name: bone for bone in bones}
    columns = [CM_PER_M * root_m @ TO_Y_UP.T]
    for bone in ordered:
        own = bone.turns
        if bone.parent is not None:
            own = by_name[bone.parent].turns.swapaxes(1, 2) @ bone.turns
        turn = Rotation.from_matrix(TO_Y_UP @ own @ TO_Y_UP.T)
        angles = np.unwrap(turn.as_euler(ORDER), axis=0)
        columns.append(np.degrees(angles))
    with write_atomically(path) as file:
        file.write("\n".join(lines).encode("ascii") + b"\n")
        np.savetxt(file, np.hstack(columns), fmt=f"%.{DIGITS}f")


def _depth_first(bones: list[Bone]) -> list[Bone]:
    """Return bones in the order in which a BVH file nests them."""
    result, stack = [], [bones[0]]
    while stack:
        bone = stack.pop()
        result.append(bone)
        stack.extend(other for other in reversed(bones) if other.parent == bone.name)
    if len(result) != len(bones):
        raise RobodanceError("the bones of a BVH must form one tree")
    return result


def _hierarchy(bones: list[Bone]) -> list[str]:
    lines: list[str] = []
    open_names: list[str] = []

    def close_to(parent: str | None) -> None:
        while open_names and open_names[-1] != parent:
            open_names.pop()
            lines.append(f"{'  ' * len(open_names)}}}")

    turns = " ".join(f"{axis}rotation" for axis in ORDER)
    parents = {bone.parent for bone in bones}
    for bone in bones:
        close_to(bone.parent)
        pad = "  " * len(open_names)
        lines += [f"{pad}{'JOINT' if open_names else 'ROOT'} {bone.name}", f"{pad}{{"]
        lines.append(f"{pad}  OFFSET {_centimetres(bone.offset_m)}")
        places = "3" if open_names else "6 Xposition Yposition Zposition"
        lines.append(f"{pad}  CHANNELS {places} {turns}")
        if bone.name not in parents:
            end = np.zeros(3) if bone.end_m is None else bone.end_m
            lines += [f"{pad}  End Site", f"{pad}  {{"]
            lines += [f"{pad}    OFFSET {_centimetres(end)}", f"{pad}  }}"]
        open_names.append(bone.name)
    close_to(None)
    return lines


def _centimetres(offset_m: FloatArray) -> str:
    return " ".join(f"{value:.{DIGITS}f}" for value in CM_PER_M * TO_Y_UP @ offset_m)
