"""What calls of Cartesian control ask of effectors, and the joint angles that do it.

Where the documents are silent the choice is ours: between the keys of a path the six numbers
of a position go along smooth curves, at rest at both ends; offsets are added number by number;
the torso keeps what its axis mask leaves out, and both feet stay where they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robodance.values import FloatArray
from robodance.virtual_nao.deferred import NaoqiError
from robodance.virtual_nao.frames import FRAME_TORSO, Figure, places, pose_of, six_of
from robodance.virtual_nao.joints import CHAINS, JointControl
from robodance.virtual_nao.reach import Goal, follow_keys, reach
from robodance.virtual_nao.services.base import flag, numbers, whole

__all__ = ["EffectorPath", "motors", "read_paths", "solve"]

LEGS = ("LLeg", "RLeg")
EFFECTORS = (*CHAINS, "Torso")
ALL_AXES = 63


@dataclass(frozen=True)
class EffectorPath:
    """What one effector is asked to do.

    Attributes:
        name: The effector.
        frame: Whose numbers these are.
        keys: Shape (K, 6).
        times_s: Shape (K,), from the start of the task.
        mask: Shape (6,).
        absolute: Whether the keys are poses; else offsets from the start.
    """

    name: str
    frame: int
    keys: FloatArray
    times_s: FloatArray
    mask: FloatArray
    absolute: bool

    def poses(self, start: FloatArray, grid_s: FloatArray) -> FloatArray:
        """Return poses (N, 4, 4) at moments (N,), from where the effector starts (4, 4)."""
        six = np.array(six_of(start))
        keys = self.keys if self.absolute else six + self.keys
        if self.name == "Torso":
            keys = np.where(self.mask, keys, six)
        keys = np.concatenate([six[None], keys])
        keys[:, 3:] = np.unwrap(keys[:, 3:], axis=0)
        way = follow_keys(six, keys[1:], self.times_s, grid_s)
        return np.array([pose_of(numbers_) for numbers_ in way])


def read_paths(
    names: Any, frames: Any, paths: Any, masks: Any, times: Any, size: int, absolute: Any = True
) -> list[EffectorPath]:
    """Read what a call says, for one effector or for several.

    Args:
        names: A name or a list of them.
        frames: A frame, or one for each.
        paths: For each a key or a list of keys.
        masks: An axis mask, or one for each.
        times: For each a time or a list of them.
        size: How many numbers a key has: 6, or 16 for a pose.
        absolute: Whether the keys are poses.

    Raises:
        NaoqiError: They do not fit together.
    """
    listed = names if isinstance(names, list) else [names]
    for name in listed:
        if name not in EFFECTORS:
            raise NaoqiError(f"{name!r} is not an effector: one of {', '.join(EFFECTORS)}")
    if len(set(listed)) != len(listed) or not listed:
        raise NaoqiError("expected each effector once")
    count = len(listed)
    found = []
    for name, frame, path, mask, when in zip(
        listed, _each(frames, count, 0), _each(paths, count, 2), _each(masks, count, 0),
        _each(times, count, 1), strict=True,
    ):  # fmt: skip
        keys = [numbers(key, size) for key in _nested(path, 2)]
        at = np.array(numbers(_nested(when, 1), len(keys), 0.0))
        if not keys or at[0] <= 0.0 or not (np.diff(at) > 0.0).all():
            raise NaoqiError(f"{name}: times must be positive and strictly increasing")
        rows = [six_of(np.array(key).reshape(4, 4)) if size == 16 else key for key in keys]
        bits = whole(mask, 1, ALL_AXES)
        axes = np.array([bool(bits >> axis & 1) for axis in range(6)])
        found.append(
            EffectorPath(name, whole(frame, 0, 2), np.array(rows), at, axes, flag(absolute))
        )
    return found


def motors(joints: JointControl, paths: Sequence[EffectorPath]) -> list[int]:
    """Return the motors that move the effectors."""
    names = [path.name for path in paths]
    chains = [name for name in names if name != "Torso"]
    chains += [leg for leg in LEGS if "Torso" in names and leg not in names]
    hands = joints.robot.hands
    return joints.columns([j for chain in chains for j in CHAINS[chain] if j not in hands])


def solve(
    now: Figure,
    start_rad: FloatArray,
    columns: Sequence[int],
    paths: Sequence[EffectorPath],
    grid_s: FloatArray,
) -> FloatArray:
    """Return the motors' angles (N, n) at moments (N,) of paths.

    Args:
        now: Where everything is when the paths begin.
        start_rad: Shape (J,), the joints then.
        columns: The n motors.
        paths: What is asked for.
        grid_s: Shape (N,).
    """
    known, stays = places(now.robot), np.tile(np.eye(4), (len(grid_s), 1, 1))
    torso = next((path for path in paths if path.name == "Torso"), None)
    moved = stays  # the torso, seen from where it was
    goals = []
    if torso is not None:
        frame = now.frame(torso.frame)
        moved = np.linalg.inv(frame) @ torso.poses(frame, grid_s)
        for leg in LEGS:
            if all(path.name != leg for path in paths):
                foot = np.linalg.inv(moved) @ now.of(known[leg], FRAME_TORSO)
                goals.append(Goal(known[leg], foot, stays[:, :3, :3], np.ones(6)))
    for path in paths:
        if path.name == "Torso":
            continue
        frames = stays if path.frame == FRAME_TORSO else now.frame(path.frame) @ moved
        wanted = path.poses(now.of(known[path.name], path.frame), grid_s)
        goals.append(
            Goal(known[path.name], np.linalg.inv(frames) @ wanted, frames[:, :3, :3], path.mask)
        )
    return reach(now.robot, start_rad, columns, goals)[:, list(columns)]


def _each(value: Any, count: int, depth: int) -> list[Any]:
    """Spread a value over effectors; one effector may go without its list."""
    if not isinstance(value, list):
        return [value] * count
    if count == 1:
        return [value[0]] if len(value) == 1 and _depth(value) > depth else [value]
    if len(value) != count:
        raise NaoqiError(f"{count} effectors, but {len(value)} lists")
    return value


def _depth(value: Any) -> int:
    return 1 + _depth(value[0]) if isinstance(value, list) and value else 0


def _nested(value: Any, depth: int) -> Any:
    while _depth(value) < depth:
        value = [value]
    return value
