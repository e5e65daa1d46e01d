"""What was measured of a performance, and its film."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from robodance.values.arrays import (
    BoolArray,
    FloatArray,
    check_rising,
    freeze,
)

__all__ = [
    "PerformanceLog",
    "PerformedBeats",
    "Recording",
]


@dataclass(frozen=True)
class PerformanceLog:
    """What happened while a plan was performed.

    Attributes:
        backend: ``simulation`` or the name of another backend.
        times_s: Shape (T,), robot time.
        commanded_rad: Shape (T, J).
        measured_rad: Shape (T, J).
        torso_pose: Shape (T, 7), measured world pose x y z qx qy qz qw of the torso frame.
        tilt_rad: Shape (T,), angle between the planned and the measured trunk axis.
        zmp_margin_m: Shape (T,), distance of the measured ZMP to the edge of the support;
            0 where no foot touches the floor.
        falls: Robot times of falls.
        joint_names: J names, in the plan's order.
        metadata: Settings of the backend, its versions and figures of the run.
    """

    backend: str
    joint_names: tuple[str, ...]
    times_s: FloatArray = field(repr=False)
    commanded_rad: FloatArray = field(repr=False)
    measured_rad: FloatArray = field(repr=False)
    torso_pose: FloatArray = field(repr=False)
    tilt_rad: FloatArray = field(repr=False)
    zmp_margin_m: FloatArray = field(repr=False)
    falls: tuple[float, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        samples, joints = len(self.times_s), len(self.joint_names)
        freeze(
            self,
            times_s=(np.float64, (samples,)),
            commanded_rad=(np.float64, (samples, joints)),
            measured_rad=(np.float64, (samples, joints)),
            torso_pose=(np.float64, (samples, 7)),
            tilt_rad=(np.float64, (samples,)),
            zmp_margin_m=(np.float64, (samples,)),
        )
        check_rising("PerformanceLog", "times_s", self.times_s)
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))


@dataclass(frozen=True)
class PerformedBeats:
    """What of the beat was seen of a robot that danced; the words are those of ``BeatLosses``.

    Attributes:
        times_s: Shape (B,), the beats of the part that was performed, song time.
        hit: Shape (B,), by the joint angles that were measured.
        hit_by_plan: Shape (B,), by the plan.
        stops: Stops of the dancer's hands.
        stops_hit: By the joint angles that were measured.
        stops_hit_by_plan: By the plan.
    """

    times_s: FloatArray = field(repr=False)
    hit: BoolArray = field(repr=False)
    hit_by_plan: BoolArray = field(repr=False)
    stops: int
    stops_hit: int
    stops_hit_by_plan: int

    def __post_init__(self) -> None:
        shape = (len(self.times_s),)
        freeze(self, times_s=(np.float64, shape))
        freeze(self, hit=(np.bool_, shape), hit_by_plan=(np.bool_, shape))


@dataclass(frozen=True)
class Recording:
    """A finished film.

    Attributes:
        path: The file.
        frames: Number of pictures.
        frame_rate_hz: Pictures per second.
        duration_s: Length.
        renderer: What drew it.
    """

    path: str
    frames: int
    frame_rate_hz: float
    duration_s: float
    renderer: str
