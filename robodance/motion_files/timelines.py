"""Timelines of Choregraphe (``.xar``) and animations of QiSDK (``.qianim``): curves in XML.

Both hold ``ActuatorCurve`` elements with ``Key`` elements at frames, each with up to two
``Tangent`` elements whose ends are given in frames and in the curve's unit. Timelines of
``.xar`` are in degrees whatever their ``unit`` says ("0" or "-1" in files found); a
``.qianim`` names its unit. Hands are a fraction in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

import numpy as np

from robodance.errors import DataError
from robodance.motion_files.joint_keys import (
    JointKeys,
    Keys,
    checked,
    choose_clip,
    is_hand,
)
from robodance.motion_files.plain_xml import local, read_xml
from robodance.output import write_atomically

__all__ = ["read_timelines", "write_qianim"]

USUAL_FPS = 25.0
EDITOR = "http://www.aldebaran.com/animation/editor"
STRAIGHT = {"linear", "constant"}
UNITS = {"degree": np.pi / 180.0, "radian": 1.0, "dimensionless": 1.0}


@dataclass(frozen=True)
class _Curve:
    """A curve where it was found."""

    element: Element
    owner: int  # of which timeline
    name: str  # of the box that holds it
    fps: str


def read_timelines(path: Path, clip: str | None = None) -> JointKeys:
    """Read the joint curves of a ``.xar`` or ``.qianim`` file.

    Args:
        path: The file.
        clip: Which timeline of a ``.xar``, where several hold curves: the name of its box, or
            a number from 1.

    Raises:
        DataError: The file is not XML, holds no curves, or its numbers make no sense.
    """
    by_owner: dict[int, list[_Curve]] = {}
    for curve in _curves(read_xml(path)):
        by_owner.setdefault(curve.owner, []).append(curve)
    if not by_owner:
        raise DataError(f"{path}: holds no ActuatorCurve; not a timeline of Choregraphe or QiSDK")
    clips = []
    for curves in by_owner.values():
        joints: dict[str, Keys] = {}
        remarks: list[str] = []
        for curve in curves:
            _add(path, curve, joints, remarks)
        if joints:
            motion = JointKeys(path.name, joints, tuple(dict.fromkeys(remarks)))
            clips.append((curves[0].name, checked(path, motion)))
    return choose_clip(path, clips, clip)


def _curves(root: Element) -> Iterator[_Curve]:
    """Yield all curves in the file's order, with the timeline they belong to."""
    stack = [(root, 0, "", "")]
    owners = 0
    while stack:
        element, owner, box, fps = stack.pop()
        kind = local(element.tag)
        if kind == "ActuatorCurve":
            yield _Curve(element, owner, box, element.get("fps", fps))
            continue
        if kind == "Box":
            box = element.get("name", box)
        if kind in {"Timeline", "Animation"}:
            owners += 1
            owner = owners
            fps = element.get("fps") or element.get("editor:fps") or fps
        stack.extend((child, owner, box, fps) for child in reversed(element))


def _add(path: Path, curve: _Curve, joints: dict[str, Keys], remarks: list[str]) -> None:
    name = curve.element.get("actuator", "")
    if not name:
        raise DataError(f"{path}: an ActuatorCurve does not say its actuator")
    if curve.element.get("mute", "false").lower() in {"true", "1"}:
        remarks.append(f"{name} is muted and left out")
        return
    if name in joints:
        raise DataError(f"{path}: {name} has two curves in one timeline")
    fps = _number(path, name, "fps", curve.fps) if curve.fps else USUAL_FPS
    if not 0.0 < fps <= 1000.0:
        raise DataError(f"{path}: {name} has {fps:g} frames a second")
    scale = _radians(path, curve.element, name)
    rows: dict[float, list[float]] = {}
    for key in curve.element:
        if local(key.tag) != "Key":
            continue
        frame, value = (_number(path, name, what, key.get(what)) for what in ("frame", "value"))
        left, right = _handles(path, name, key)
        rows[frame] = [value * scale, left[0], left[1] * scale, right[0], right[1] * scale]
    if not rows:
        return
    frames = sorted(rows)
    table = np.array([rows[frame] for frame in frames])
    seconds = np.array([1.0 / fps, 1.0])
    joints[name] = Keys(
        np.array(frames) / fps, table[:, 0], table[:, 1:3] * seconds, table[:, 3:5] * seconds
    )


def _radians(path: Path, curve: Element, name: str) -> float:
    """Return how many radians (for a hand: fractions) are in a curve's unit."""
    if is_hand(name):
        return 1.0
    unit = curve.get("unit", "degree").lower()
    if unit.lstrip("-").isdecimal():
        unit = "degree"
    if unit not in UNITS:
        raise DataError(f"{path}: {name} is in unit {unit!r}; known: {', '.join(UNITS)}")
    return UNITS[unit]


def _handles(path: Path, name: str, key: Element) -> list[tuple[float, float]]:
    """Return both handles of a key in frames and the curve's unit; 0 for a straight line."""
    handles = {"left": (0.0, 0.0), "right": (0.0, 0.0)}
    for tangent in key:
        if local(tangent.tag) != "Tangent":
            continue
        said = {local(word): value for word, value in tangent.attrib.items()}
        side = said.get("side", "")
        if side not in handles:
            raise DataError(f"{path}: {name} has a tangent on side {side!r}")
        if said.get("interpType", "").lower() not in STRAIGHT:
            handles[side] = (
                _number(path, name, "abscissaParam", said.get("abscissaParam")),
                _number(path, name, "ordinateParam", said.get("ordinateParam")),
            )
    return [handles["left"], handles["right"]]


def _number(path: Path, name: str, what: str, text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise DataError(f"{path}: {name} has {what} {text!r}, which is no number") from None


def write_qianim(path: Path, joints: dict[str, Keys], *, fps: int) -> None:
    """Write a QiSDK animation whose keys lie on frames.

    Args:
        path: The file.
        joints: Joint to its keys; their times are multiples of a frame.
        fps: Frames per second.

    Raises:
        OutputError: The file cannot be written.
    """
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<Animation typeVersion="2.0" xmlns:editor="{EDITOR}">',
    ]
    for name, keys in joints.items():
        unit = "dimensionless" if is_hand(name) else "radian"
        lines.append(
            f'  <ActuatorCurve fps="{fps}" actuator={quoteattr(name)} mute="false" unit="{unit}">'
        )
        for k, frame in enumerate(np.round(keys.times_s * fps).astype(int)):
            lines.append(f'    <Key value="{keys.angles[k]:.8f}" frame="{frame}">')
            for side, handle in (("left", keys.before[k]), ("right", keys.after[k])):
                if handle.any():
                    lines.append(
                        f'      <Tangent side="{side}" abscissaParam="{handle[0] * fps:.8f}" '
                        f'ordinateParam="{handle[1]:.8f}" editor:interpType="bezier"/>'
                    )
            lines.append("    </Key>")
        lines.append("  </ActuatorCurve>")
    lines.append("</Animation>")
    with write_atomically(path) as file:
        file.write("\n".join(lines).encode() + b"\n")
