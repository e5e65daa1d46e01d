"""What was found out about a plan: the proof, and what was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from robodance.values.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    freeze,
)

__all__ = [
    "BeatLosses",
    "BoneLoss",
    "Certificate",
    "CertificateTrace",
    "JointCertificate",
    "Losses",
]


@dataclass(frozen=True)
class JointCertificate:
    """One joint's peak use of its limits, as shares (1 is the limit), over all of the curve."""

    name: str
    position_share: float
    velocity_share: float
    acceleration_share: float


@dataclass(frozen=True)
class CertificateTrace:
    """What a certificate found along a plan: the worst of each of N short cells of time.

    Attributes:
        times_s: Shape (N,), robot time of the cells' middles.
        velocity_shares: Shape (N, J), use of the velocity limits, 1 is the limit.
        acceleration_shares: Shape (N, J).
        clearance_m: Shape (N,), smallest distance between parts of the body at the samples
            looked at.
        zmp_margin_m: Shape (N,), of the planned ZMP.
        com_margin_m: Shape (N,), of the centre of mass.
    """

    times_s: FloatArray = field(repr=False)
    velocity_shares: FloatArray = field(repr=False)
    acceleration_shares: FloatArray = field(repr=False)
    clearance_m: FloatArray = field(repr=False)
    zmp_margin_m: FloatArray = field(repr=False)
    com_margin_m: FloatArray = field(repr=False)

    def __post_init__(self) -> None:
        cells, joints = len(self.times_s), np.shape(self.velocity_shares)[-1]
        freeze(
            self,
            times_s=(np.float64, (cells,)),
            velocity_shares=(np.float64, (cells, joints)),
            acceleration_shares=(np.float64, (cells, joints)),
            clearance_m=(np.float64, (cells,)),
            zmp_margin_m=(np.float64, (cells,)),
            com_margin_m=(np.float64, (cells,)),
        )


@dataclass(frozen=True)
class Certificate:
    """What an independent check of a finished plan found.

    Attributes:
        rate_hz: Samples per second at which the curve was evaluated.
        violations: Samples that break each kind of limit: ``position``, ``coupled``,
            ``velocity``, ``acceleration``, ``mirrored`` (one motor's two names differ),
            ``self_collision``, ``footing`` (a planted sole slips or leaves the floor),
            ``balance``, ``timing`` (time does not run as promised).
        joints: One entry per joint, in plan order.
        clearance_m: Smallest distance between two parts of the body; negative is contact.
        clearance_time_s: Robot time of that moment.
        clearance_links: The two links.
        zmp_margin_m: Smallest distance of the planned ZMP to the edge of the support.
        zmp_margin_time_s: Robot time of that moment.
        com_margin_m: The same for the projection of the centre of mass.
        torque_shares: Joint name to RMS torque over nominal torque (heat).
        com_margin_time_s: Robot time of the smallest margin of the centre of mass.
        trace: The same along the plan.
    """

    rate_hz: float
    violations: Mapping[str, int]
    joints: tuple[JointCertificate, ...]
    clearance_m: float
    clearance_time_s: float
    clearance_links: tuple[str, str]
    zmp_margin_m: float
    zmp_margin_time_s: float
    com_margin_m: float
    torque_shares: Mapping[str, float] = field(default_factory=dict)
    com_margin_time_s: float = 0.0
    trace: CertificateTrace | None = field(default=None, repr=False)

    @property
    def clean(self) -> bool:
        """True when nothing is violated."""
        return not any(self.violations.values())


@dataclass(frozen=True)
class BoneLoss:
    """How far one bone's direction is from the dancer's, in degrees.

    Attributes:
        name: The bone.
        mean_deg: Mean over the dance.
        p95_deg: 95th percentile.
        per_beat_deg: Mean over the frames nearest to each beat that is danced.
    """

    name: str
    mean_deg: float
    p95_deg: float
    per_beat_deg: tuple[float, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class BeatLosses:
    """What was lost beat by beat; a frame counts for the beat nearest to it.

    A *stop* is a local minimum of a hand's speed under 20 % of its 1-second maximum; the
    robot hits the dancer's stop with one of its own within one frame of 25 per second. A
    *beat* is hit when a stop, or a minimum under half of the 1-second maximum, of either
    hand lies within one frame of it. *Before* is the motion without speed limits.

    Attributes:
        times_s: Shape (B,), the beats that are danced, song time.
        error_deg: Shape (B,), mean direction error of the arms' bones.
        worst_bone: B names.
        stops: Shape (B,), stops of the dancer's hands.
        stops_hit_before: Shape (B,).
        stops_hit_after: Shape (B,), by the plan.
        hit_by_dancer: Shape (B,), whether the dancer hits the beat.
        hit_before: Shape (B,).
        hit_after: Shape (B,), by the plan.
    """

    times_s: FloatArray = field(repr=False)
    error_deg: FloatArray = field(repr=False)
    worst_bone: tuple[str, ...] = field(repr=False)
    stops: IntArray = field(repr=False)
    stops_hit_before: IntArray = field(repr=False)
    stops_hit_after: IntArray = field(repr=False)
    hit_by_dancer: BoolArray = field(repr=False)
    hit_before: BoolArray = field(repr=False)
    hit_after: BoolArray = field(repr=False)

    def __post_init__(self) -> None:
        shape = (len(self.times_s),)
        freeze(self, times_s=(np.float64, shape), error_deg=(np.float64, shape))
        for name in ("stops", "stops_hit_before", "stops_hit_after"):
            freeze(self, **{name: (np.int64, shape)})
        for name in ("hit_by_dancer", "hit_before", "hit_after"):
            freeze(self, **{name: (np.bool_, shape)})


@dataclass(frozen=True)
class Losses:
    """What the robot could not do of what the dancer did.

    Attributes:
        bones: Direction errors of arms and head, robot against human.
        arm_stops: How many stops of the dancer's hands there are.
        arm_stops_hit_before: Share hit by the motion without speed limits.
        arm_stops_hit_after: Share hit by the plan.
        path_length_kept: Hand path length of the plan over that of the unlimited motion.
        path_kept: The same for each hand, by side.
        hands: Direction errors of the hands, which a NAO cannot bend at the wrist.
        legs: Direction errors of thighs and shanks; empty when the legs hold a stand.
        beats: The same beat by beat; None when no beat is danced.
        times_s: Shape (F,), song time of the frames of the next two.
        arm_error_deg: Shape (F,), mean direction error of the arms' bones.
        arm_error_before_deg: Shape (F,), that of the motion without speed limits.
    """

    bones: tuple[BoneLoss, ...]
    arm_stops: int
    arm_stops_hit_before: float
    arm_stops_hit_after: float
    path_length_kept: float
    path_kept: Mapping[str, float] = field(default_factory=dict)
    hands: tuple[BoneLoss, ...] = ()
    legs: tuple[BoneLoss, ...] = ()
    beats: BeatLosses | None = field(default=None, repr=False)
    times_s: FloatArray = field(default_factory=lambda: np.zeros(0), repr=False)
    arm_error_deg: FloatArray = field(default_factory=lambda: np.zeros(0), repr=False)
    arm_error_before_deg: FloatArray = field(default_factory=lambda: np.zeros(0), repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path_kept", MappingProxyType(dict(self.path_kept)))
        shape = (len(self.times_s),)
        for name in ("times_s", "arm_error_deg", "arm_error_before_deg"):
            freeze(self, **{name: (np.float64, shape)})
