"""What is danced: the human dance, and what the robot does of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.errors import RobodanceError
from robodance.values.arrays import (
    HUMAN_JOINTS,
    POSE_DIM,
    FloatArray,
    IntArray,
    check_rising,
    check_share,
    freeze,
)

__all__ = [
    "JointTrajectory",
    "Plan",
    "PoseSequence",
]


FRAMEWISE = (  # what a dance says of each frame, where it says it
    "poses",
    "joint_positions_m",
    "confidence",
    "palms",
    "palm_confidence",
    "robot_angles_rad",
)


@dataclass(frozen=True)
class PoseSequence:
    """A human dance: 74 numbers a frame (``skeleton.py`` holds the index table).

    Attributes:
        poses: Shape (T, 74), physical units, at ``frame_rate_hz``; the four rates
            (root velocity, yaw rate) are per frame, so the frame rate always travels along.
        joint_positions_m: Shape (T, 21, 3), world, the same dance as positions.
        frame_rate_hz: Frames per second.
        start_s: Time of frame 0 (song time for a dance made for a song).
        beats_s: Shape (B,), the dance's own beats, on the same clock as ``start_s``.
        beat_numbers: Shape (B,), position in the bar.
        metadata: Genre, generator, seed, versions, or the source of a recorded dance.
        confidence: Shape (T, 21), 0..1, how sure each joint is; 0 where it was bridged or
            put there; None: all are sure.
        palms: Shape (T, 2, 3), unit vectors in the world: where the right and the left palm
            face (zero where nothing tells); None: not known.
        palm_confidence: Shape (T, 2), 0..1, with ``palms``.
        robot_joints: J names of a robot's joints, for a dance that was made for one.
        robot_angles_rad: Shape (T, J), their angles (hands: a fraction), which are followed
            in the place of the body's directions; None: a dance of a person.
    """

    poses: FloatArray = field(repr=False)
    joint_positions_m: FloatArray = field(repr=False)
    frame_rate_hz: float
    start_s: float
    beats_s: FloatArray
    beat_numbers: IntArray
    metadata: Mapping[str, Any] = field(default_factory=dict)
    confidence: FloatArray | None = field(default=None, repr=False)
    palms: FloatArray | None = field(default=None, repr=False)
    palm_confidence: FloatArray | None = field(default=None, repr=False)
    robot_joints: tuple[str, ...] = ()
    robot_angles_rad: FloatArray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        freeze(
            self,
            poses=(np.float64, (None, POSE_DIM)),
            joint_positions_m=(np.float64, (len(self.poses), HUMAN_JOINTS, 3)),
            beats_s=(np.float64, (None,)),
            beat_numbers=(np.int64, (len(self.beats_s),)),
        )
        check_rising("PoseSequence", "beats_s", self.beats_s)
        if not self.frame_rate_hz > 0.0:
            raise RobodanceError(f"PoseSequence.frame_rate_hz is {self.frame_rate_hz}")
        if self.confidence is not None:
            freeze(self, confidence=(np.float64, (len(self.poses), HUMAN_JOINTS)))
            check_share("PoseSequence", "confidence", self.confidence)
        if (self.palms is None) != (self.palm_confidence is None):
            raise RobodanceError("PoseSequence needs palms and palm_confidence, or neither")
        if self.palms is not None and self.palm_confidence is not None:
            freeze(
                self,
                palms=(np.float64, (len(self.poses), 2, 3)),
                palm_confidence=(np.float64, (len(self.poses), 2)),
            )
            check_share("PoseSequence", "palm_confidence", self.palm_confidence)
        if self.robot_angles_rad is not None:
            shape = (len(self.poses), len(self.robot_joints))
            freeze(self, robot_angles_rad=(np.float64, shape))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    @property
    def times_s(self) -> FloatArray:
        """Shape (T,), the time of each frame."""
        return self.start_s + np.arange(len(self.poses)) / self.frame_rate_hz

    def frames(self, part: slice) -> dict[str, Any]:
        """Return what is known of some of the frames, by attribute."""
        there = {name: getattr(self, name) for name in FRAMEWISE}
        return {name: array[part] for name, array in there.items() if array is not None}


@dataclass(frozen=True)
class JointTrajectory:
    """Joint angles over time.

    Attributes:
        joint_names: J NAOqi names.
        times_s: Shape (T,), strictly increasing.
        positions_rad: Shape (T, J); hands are a fraction 0 (closed) to 1 (open).
    """

    joint_names: tuple[str, ...]
    times_s: FloatArray
    positions_rad: FloatArray = field(repr=False)

    def __post_init__(self) -> None:
        freeze(
            self,
            times_s=(np.float64, (None,)),
            positions_rad=(np.float64, (len(self.times_s), len(self.joint_names))),
        )
        check_rising("JointTrajectory", "times_s", self.times_s)


@dataclass(frozen=True)
class Plan:
    """What the robot will do: the content of ``plan.npz``, field by field.

    Between samples the executed curve is the cubic spline through ``positions_rad``
    with zero velocity at both ends; every claim of the certificate is about that curve.

    Attributes:
        joint_names: J NAOqi names; hip-yaw-pitch under both its names, equal.
        times_s: Shape (T,), robot time, uniform, at least 100 Hz.
        positions_rad: Shape (T, J); hands are a fraction 0..1.
        music_times_s: Shape (T,), the moment of the song each sample belongs to, strictly
            increasing; below the first danced moment in the lead-in.
        music_start_s: Robot time at which the song begins to sound.
        torso_pose: Shape (T, 7), planned world pose x y z qx qy qz qw of the torso frame.
        support: Shape (T,), 0 both feet, 1 left, 2 right.
        beats_s: Shape (B,), song time.
        beat_numbers: Shape (B,), position in the bar.
        sync_times_s: Robot times of the synchronisation chirps.
        human_joints_m: Shape (H, 21, 3), the dancer it follows, world.
        human_times_s: Shape (H,), song time.
        position_limits_rad: Shape (J, 2) used.
        velocity_limits_rad_s: Shape (J,) used.
        acceleration_limits_rad_s2: Shape (J,) used.
        metadata: Song hash and path hint, tempo, genre, generator, seed, modes, robot model,
            versions.
    """

    joint_names: tuple[str, ...]
    times_s: FloatArray = field(repr=False)
    positions_rad: FloatArray = field(repr=False)
    music_times_s: FloatArray = field(repr=False)
    music_start_s: float
    torso_pose: FloatArray = field(repr=False)
    support: NDArray[np.int8] = field(repr=False)
    beats_s: FloatArray = field(repr=False)
    beat_numbers: IntArray = field(repr=False)
    sync_times_s: FloatArray
    human_joints_m: FloatArray = field(repr=False)
    human_times_s: FloatArray = field(repr=False)
    position_limits_rad: FloatArray = field(repr=False)
    velocity_limits_rad_s: FloatArray = field(repr=False)
    acceleration_limits_rad_s2: FloatArray = field(repr=False)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        samples, joints = len(self.times_s), len(self.joint_names)
        humans, beats = len(self.human_times_s), len(self.beats_s)
        freeze(
            self,
            times_s=(np.float64, (samples,)),
            positions_rad=(np.float64, (samples, joints)),
            music_times_s=(np.float64, (samples,)),
            torso_pose=(np.float64, (samples, 7)),
            support=(np.int8, (samples,)),
            beats_s=(np.float64, (beats,)),
            beat_numbers=(np.int64, (beats,)),
            sync_times_s=(np.float64, (None,)),
            human_joints_m=(np.float64, (humans, HUMAN_JOINTS, 3)),
            human_times_s=(np.float64, (humans,)),
            position_limits_rad=(np.float64, (joints, 2)),
            velocity_limits_rad_s=(np.float64, (joints,)),
            acceleration_limits_rad_s2=(np.float64, (joints,)),
        )
        for name in ("times_s", "music_times_s", "human_times_s"):
            check_rising("Plan", name, getattr(self, name))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    @property
    def duration_s(self) -> float:
        """Robot seconds from the first sample to the last."""
        return float(self.times_s[-1] - self.times_s[0])
