"""Motions of a robot's own joints: timed keys, as Choregraphe, tables and bags hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from robodance.errors import DataError
from robodance.motion_files.bezier import bezier_curve
from robodance.values import FloatArray, JointTrajectory, frozen_array

__all__ = [
    "JointKeys",
    "Keys",
    "checked",
    "choose_clip",
    "from_trajectory",
    "is_hand",
    "straight",
]

FURTHEST_RAD = 2.0 * np.pi  # no joint turns further; more are degrees
MOST_OPEN = 1.5  # of a hand, whose fraction is 0 to 1; more is a percentage
LONGEST_S = 7200.0  # more are milliseconds or frames


@dataclass(frozen=True)
class Keys:
    """One joint's keys: when, where, and handles of a Bezier curve.

    Attributes:
        times_s: Shape (K,), rising, from the start of the motion.
        angles: Shape (K,), rad; a hand's are a fraction 0 (closed) to 1 (open).
        before: Shape (K, 2), handle towards the key before: time and angle offsets, 0 for
            straight lines.
        after: Shape (K, 2), handle towards the next key.
    """

    times_s: FloatArray = field(repr=False)
    angles: FloatArray = field(repr=False)
    before: FloatArray = field(repr=False)
    after: FloatArray = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("times_s", "angles", "before", "after"):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))

    def at(self, times_s: FloatArray, start: float) -> FloatArray:
        """Return the curve (T,) of a joint that is at ``start`` when the motion begins."""
        if not (self.before.any() or self.after.any()):
            first = self.times_s[0] > 0.0
            times = np.concatenate([[0.0], self.times_s]) if first else self.times_s
            angles = np.concatenate([[start], self.angles]) if first else self.angles
            return np.asarray(np.interp(times_s, times, angles))
        share, rest = bezier_curve(self.times_s, self.angles, self.before, self.after, times_s)
        return share * start + rest


@dataclass(frozen=True)
class JointKeys:
    """What a file of joint motions holds.

    Attributes:
        name: Of the file.
        joints: Joint to its keys, as the file names them.
        remarks: What a person should know about the file.
    """

    name: str
    joints: Mapping[str, Keys] = field(repr=False)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "joints", MappingProxyType(dict(self.joints)))

    @property
    def duration_s(self) -> float:
        """Moment of the last key."""
        return max(float(keys.times_s[-1]) for keys in self.joints.values())

    def sampled(self, rate_hz: float, start: Mapping[str, float]) -> JointTrajectory:
        """Return the motion at ``rate_hz``, from 0 s to the last key or just beyond it.

        Args:
            rate_hz: Samples per second.
            start: Where joints are at 0 s, which matters where their keys begin later.
        """
        times = np.arange(int(np.ceil(self.duration_s * rate_hz - 1e-6)) + 1) / rate_hz
        columns = [keys.at(times, start.get(name, 0.0)) for name, keys in self.joints.items()]
        return JointTrajectory(tuple(self.joints), times, np.column_stack(columns))


def is_hand(joint: str) -> bool:
    """Return whether a joint is a hand, whose unit is a fraction."""
    return joint.endswith("Hand")


def straight(times_s: FloatArray, angles: FloatArray) -> Keys:
    """Return keys (K,) that straight lines join."""
    none = np.zeros((len(times_s), 2))
    return Keys(times_s, angles, none, none)


def from_trajectory(name: str, motion: JointTrajectory, remarks: Sequence[str] = ()) -> JointKeys:
    """Return a densely sampled motion as keys, its first sample at 0 s."""
    times = motion.times_s - motion.times_s[0]
    joints = {
        joint: straight(times, motion.positions_rad[:, k])
        for k, joint in enumerate(motion.joint_names)
    }
    return JointKeys(name, joints, tuple(remarks))


def checked(path: Path, motion: JointKeys) -> JointKeys:
    """Return a motion whose numbers make sense, without joints that have no key.

    Raises:
        DataError: They do not: no keys, times that do not rise, other units.
    """
    joints = {name: keys for name, keys in motion.joints.items() if len(keys.times_s)}
    if not joints:
        raise DataError(f"{path}: holds no keys of any joint")
    for name, keys in joints.items():
        _check(path, name, keys)
    motion = replace(motion, joints=joints)
    if motion.duration_s > LONGEST_S:
        raise DataError(
            f"{path}: lasts {motion.duration_s:g} s; times must be in seconds, and a dance may "
            f"last {LONGEST_S:g} s"
        )
    return motion


def _check(path: Path, name: str, keys: Keys) -> None:
    numbers = (keys.times_s, keys.angles, keys.before, keys.after)
    if not all(np.isfinite(values).all() for values in numbers):
        raise DataError(f"{path}: {name} has a key that is no number (NaN or infinite)")
    if keys.times_s[0] < 0.0 or (np.diff(keys.times_s) <= 0.0).any():
        raise DataError(f"{path}: the times of {name} must not be negative, and must rise")
    furthest = float(np.abs(keys.angles).max())
    if is_hand(name) and furthest > MOST_OPEN:
        raise DataError(
            f"{path}: {name} opens to {furthest:g}; a hand is a fraction from 0 (closed) to 1"
        )
    if not is_hand(name) and furthest > FURTHEST_RAD:
        raise DataError(
            f"{path}: {name} turns by {furthest:g}, which would be {np.degrees(furthest):.0f} "
            "degrees; angles must be in radians (in a table, call the column "
            f"{name}_deg where they are in degrees)"
        )


def choose_clip(
    path: Path, clips: Sequence[tuple[str, JointKeys]], wanted: str | None
) -> JointKeys:
    """Return the motion of a file that holds several: by name, or by number from 1.

    Raises:
        DataError: There is none, no such one, or several and nobody says which.
    """
    names = [name or str(k) for k, (name, _) in enumerate(clips, start=1)]
    listed = ", ".join(f"{k} {name!r}" for k, name in enumerate(names, start=1))
    if not clips:
        raise DataError(f"{path}: holds no motion of joints")
    if wanted is None:
        if len(clips) > 1:
            raise DataError(
                f"{path}: holds {len(clips)} motions ({listed}); choose one with --clip"
            )
        return clips[0][1]
    if wanted.isdecimal() and wanted not in names and 1 <= int(wanted) <= len(clips):
        return clips[int(wanted) - 1][1]
    if names.count(wanted) != 1:
        raise DataError(
            f"{path}: --clip {wanted} names {names.count(wanted)} of its motions; it holds {listed}"
        )
    return clips[names.index(wanted)][1]
