"""Skeletons with joint angles in the BVH format of Biovision, read with a parser of our own.

Of the libraries, ``bvh`` stands still and knows no kinematics, and ``bvhio`` walks a tree of
Python objects per frame on top of two more dependencies; the format is two pages long.
Kept in mind, because files in use differ there: a joint may have position channels of its
own, which replace its offset; rotations come in any order, channel by channel from the
left; names may hold blanks; a frame is usually, but not always, one line.
"""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from robodance.errors import DataError
from robodance.motion_files.points import NamedPoints, multiply, turned, whole_steps
from robodance.values import FloatArray

__all__ = ["read_bvh"]

LONGEST_HEAD = 20_000  # lines; a hierarchy of a thousand joints has 6,000
AXES = "XYZ"


@dataclass
class _Joint:
    name: str
    parent: int
    offset: tuple[float, float, float] = (0.0, 0.0, 0.0)
    channels: tuple[str, ...] = ()
    first_channel: int = 0


@dataclass
class _Head:
    joints: list[_Joint] = field(default_factory=list)
    channels: int = 0
    frames: int = 0
    frame_time_s: float = 0.0


def read_bvh(path: Path, frame_rate_hz: float | None = None) -> NamedPoints:
    """Read a BVH file: where each joint is, how it is turned, and the skeleton at rest.

    An end site is a point named ``<its joint>_end``. The format states neither unit nor
    axes. Recordings that are very fast or long are thinned while they are read.

    Args:
        path: The file.
        frame_rate_hz: Frames per second, where the file is wrong about it.

    Raises:
        DataError: The file is not BVH, or is damaged.
    """
    with path.open("rb") as file:
        head = _read_head(path, file)
        rate = frame_rate_hz or 1.0 / head.frame_time_s
        steps = whole_steps(head.frames, rate)
        values = _read_frames(path, file, head, steps)
    remarks = []
    expected = -(-head.frames // steps)
    if len(values) < expected:
        remarks.append(
            f"the file promises {head.frames} frames and ends after {len(values) * steps}"
        )
    points, turns = _kinematics(head.joints, values)
    return NamedPoints(
        labels=tuple(joint.name for joint in head.joints),
        points=points,
        frame_rate_hz=rate / steps,
        turns=turns,
        rest=_at_rest(head.joints),
        remarks=tuple(remarks),
    )


def _read_head(path: Path, file: IO[bytes]) -> _Head:
    head, pending = _Head(), -1
    stack: list[int] = []
    for number, line in _lines(path, file):
        word, _, rest = line.partition(" ")
        word, rest = word.upper(), rest.strip()
        try:
            if number == 1 and word != "HIERARCHY":
                break
            if word in {"ROOT", "JOINT", "END"}:
                parent = stack[-1] if stack else -1
                name = f"{head.joints[parent].name}_end" if word == "END" else rest
                head.joints.append(_Joint(name, parent))
                pending = len(head.joints) - 1
            elif word == "{":
                stack.append(pending)
            elif word == "}":
                stack.pop()
            elif word == "OFFSET":
                x, y, z = (float(number) for number in rest.split())
                head.joints[stack[-1]].offset = (x, y, z)
            elif word == "CHANNELS":
                _add_channels(head, head.joints[stack[-1]], rest.split())
            elif word == "FRAMES:":
                head.frames = int(rest)
            elif line.upper().startswith("FRAME TIME:"):
                head.frame_time_s = float(line.partition(":")[2])
                return _checked(path, head)
            elif word not in {"HIERARCHY", "MOTION"}:
                raise ValueError(f"unknown word {word[:20]!r}")
        except (ValueError, IndexError) as error:
            raise DataError(f"{path}: line {number} is not BVH ({error})") from error
    raise DataError(f"{path}: not a BVH file; one begins with HIERARCHY and has a Frame Time")


def _lines(path: Path, file: IO[bytes]) -> Iterator[tuple[int, str]]:
    """Yield the lines of the head, numbered, one brace or statement each."""
    for number, raw in enumerate(itertools.islice(file, LONGEST_HEAD), start=1):
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not a BVH file (line {number} is not text)") from error
        for piece in re.split(r"([{}])", text):
            line = " ".join(piece.split())
            if line:
                yield number, line


def _add_channels(head: _Head, joint: _Joint, words: list[str]) -> None:
    names = [word[:1].upper() + word[1:].lower() for word in words[1:]]
    wrong = [name for name in names if name[:1] not in AXES or name[1:] not in _KINDS]
    if wrong or len(names) != int(words[0]):
        raise ValueError(f"channels {' '.join(words)!r}")
    joint.channels, joint.first_channel = tuple(names), head.channels
    head.channels += len(names)


_KINDS = ("position", "rotation")


def _checked(path: Path, head: _Head) -> _Head:
    if not head.joints or not head.channels:
        raise DataError(f"{path}: its hierarchy holds no joints that move")
    if not (np.isfinite(head.frame_time_s) and head.frame_time_s > 0.0):
        raise DataError(f"{path}: a frame time of {head.frame_time_s:g} s is impossible")
    if head.frames < 1:
        raise DataError(f"{path}: holds {head.frames} frames")
    return head


def _read_frames(path: Path, file: IO[bytes], head: _Head, steps: int) -> FloatArray:
    """Return the channels of every ``steps``-th frame, shape (T, C)."""
    lines = (line for line in file if line.strip())
    first = next(lines, b"")
    if len(first.split()) == head.channels:
        kept = itertools.islice(itertools.chain([first], lines), 0, head.frames, steps)
        numbers = _numbers(path, b"".join(kept))
    else:
        numbers = _numbers(path, first + b"".join(lines))
        whole = numbers[: len(numbers) // head.channels * head.channels]
        numbers = whole.reshape(-1, head.channels)[: head.frames : steps].ravel()
    frames = len(numbers) // head.channels
    if frames == 0:
        raise DataError(f"{path}: ends before its first frame; copy the file again")
    return numbers[: frames * head.channels].reshape(frames, head.channels)


def _numbers(path: Path, text: bytes) -> FloatArray:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # how numpy says "not a number"
        try:
            return np.fromstring(text.decode("ascii"), dtype=np.float64, sep=" ")
        except (ValueError, DeprecationWarning) as error:
            raise DataError(f"{path}: a frame holds something that is no number") from error


def _kinematics(joints: list[_Joint], values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return positions (T, M, 3) and orientations (T, M, 4) of all joints."""
    points = np.empty((len(values), len(joints), 3))
    turns = np.empty((len(values), len(joints), 4))
    for k, joint in enumerate(joints):
        shift = np.tile(joint.offset, (len(values), 1))
        own = np.tile([1.0, 0.0, 0.0, 0.0], (len(values), 1))
        for column, channel in enumerate(joint.channels, start=joint.first_channel):
            axis = AXES.index(channel[0])
            if channel.endswith("position"):
                shift[:, axis] = values[:, column]
            else:
                own = multiply(own, _about(axis, np.radians(values[:, column])))
        if joint.parent < 0:
            points[:, k], turns[:, k] = shift, own
        else:
            over = turns[:, joint.parent]
            points[:, k] = points[:, joint.parent] + turned(over, shift)
            turns[:, k] = multiply(over, own)
    return points, turns


def _about(axis: int, angles: FloatArray) -> FloatArray:
    turn = np.zeros((len(angles), 4))
    turn[:, 0], turn[:, 1 + axis] = np.cos(angles / 2.0), np.sin(angles / 2.0)
    return turn


def _at_rest(joints: list[_Joint]) -> FloatArray:
    rest = np.zeros((len(joints), 3))
    for k, joint in enumerate(joints):
        rest[k] = np.asarray(joint.offset) + (rest[joint.parent] if joint.parent >= 0 else 0.0)
    return rest
