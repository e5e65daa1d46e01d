"""The values that travel between the stages.

Each is a frozen dataclass with read-only arrays, checked once when it is made. Units
are SI and radians throughout; a moment is in seconds as soon as it leaves ``audio``.
World frame: z up, floor at z = 0. Shapes: ``T`` samples in time, ``J`` joints of the
robot, ``B`` beats, ``H`` human frames, ``N`` audio samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.errors import RobodanceError

__all__ = [
    "BeatLosses",
    "Beats",
    "BoneLoss",
    "BoolArray",
    "Certificate",
    "CertificateTrace",
    "FloatArray",
    "Genre",
    "IntArray",
    "JointCertificate",
    "JointTrajectory",
    "Losses",
    "PerformanceLog",
    "Plan",
    "PoseSequence",
    "Recording",
    "Song",
    "SongAnalysis",
    "SongFeatures",
    "frozen_array",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

FEATURE_DIM = 128
POSE_DIM = 74
HUMAN_JOINTS = 21


def frozen_array(array: Any, dtype: Any = np.float64) -> Any:
    """Return a read-only copy of ``array``."""
    copy = np.array(array, dtype=dtype)
    copy.setflags(write=False)
    return copy


def _freeze(instance: object, **arrays: Any) -> None:
    for name, (dtype, shape) in arrays.items():
        array = frozen_array(getattr(instance, name), dtype)
        _check_shape(type(instance).__name__, name, array, shape)
        object.__setattr__(instance, name, array)


def _check_shape(owner: str, name: str, array: NDArray[Any], shape: tuple[int | None, ...]) -> None:
    fits = array.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        raise RobodanceError(f"{owner}.{name} has shape {array.shape}, expected {shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise RobodanceError(f"{owner}.{name} holds values that are not finite")


def _check_rising(owner: str, name: str, times: NDArray[Any]) -> None:
    if times.size > 1 and not (np.diff(times) > 0.0).all():
        raise RobodanceError(f"{owner}.{name} is not strictly increasing")


def _check_share(owner: str, name: str, shares: NDArray[Any]) -> None:
    if shares.size and not (shares.min() >= 0.0 and shares.max() <= 1.0):
        raise RobodanceError(f"{owner}.{name} holds values outside 0..1")


@dataclass(frozen=True)
class Song:
    """A decoded song: one channel, one sampling rate.

    Attributes:
        path: Where it was read from.
        sha256: Hash of the file's bytes; ties a plan to its song.
        samples: Shape (N,), float32, mono, about -1..1.
        sample_rate_hz: Samples per second of ``samples``.
    """

    path: str
    sha256: str
    samples: NDArray[np.float32] = field(repr=False)
    sample_rate_hz: int

    def __post_init__(self) -> None:
        _freeze(self, samples=(np.float32, (None,)))

    @property
    def duration_s(self) -> float:
        """Length of the song in seconds."""
        return self.samples.size / self.sample_rate_hz


@dataclass(frozen=True)
class SongFeatures:
    """128 numbers per frame that describe how the song sounds.

    Attributes:
        values: Shape (T, 128); frame ``i`` is centred on ``i / frame_rate_hz`` seconds.
        frame_rate_hz: Frames per second.
        kind: Name of the recipe (``audio/features.py``); weights record the one they know.
        names: What each of the 128 columns is.
    """

    values: FloatArray = field(repr=False)
    frame_rate_hz: float
    kind: str
    names: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        _freeze(self, values=(np.float64, (None, FEATURE_DIM)))
        if len(self.names) != FEATURE_DIM:
            raise RobodanceError(f"SongFeatures.names has {len(self.names)} names, expected 128")

    def at(self, times_s: FloatArray) -> FloatArray:
        """Interpolate the features linearly at any moments; clamped at the ends. Shape (T, 128)."""
        position = np.clip(
            np.asarray(times_s) * self.frame_rate_hz, 0, max(len(self.values) - 1, 0)
        )
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, len(self.values) - 1)
        share = (position - low)[:, None]
        return np.asarray((1 - share) * self.values[low] + share * self.values[high])


@dataclass(frozen=True)
class Beats:
    """Beats of a song, from its first moment to its last.

    The grid covers the whole song: before the first and after the last beat that was
    heard (a beatless intro, a fade-out) it goes on at the neighbouring tempo.

    Attributes:
        times_s: Shape (B,), strictly increasing, song time.
        numbers: Shape (B,), position in the bar, 1 is the downbeat.
        beats_per_bar: 3 or 4 (any positive number from a beats file).
        tempo_bpm: Median tempo.
        confidence: 0..1, how sure the ear is; 1 for beats given by a person.
    """

    times_s: FloatArray
    numbers: IntArray
    beats_per_bar: int
    tempo_bpm: float
    confidence: float

    def __post_init__(self) -> None:
        _freeze(self, times_s=(np.float64, (None,)), numbers=(np.int64, (None,)))
        _check_rising("Beats", "times_s", self.times_s)
        if self.times_s.shape != self.numbers.shape or self.times_s.size < 2:
            raise RobodanceError("Beats needs at least two beats, each with its number in the bar")


@dataclass(frozen=True)
class Genre:
    """What kind of dance the song asks for.

    Attributes:
        name: One of the genres of the configuration.
        confidence: 0..1; 1 when a person said so.
        scores: Every genre's share of the vote, summing to 1.
    """

    name: str
    confidence: float
    scores: Mapping[str, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", MappingProxyType(dict(self.scores)))


@dataclass(frozen=True)
class SongAnalysis:
    """All that was heard in a song."""

    song: Song
    beats: Beats
    features: SongFeatures
    genre: Genre
    warnings: tuple[str, ...] = ()


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

    def __post_init__(self) -> None:
        _freeze(
            self,
            poses=(np.float64, (None, POSE_DIM)),
            joint_positions_m=(np.float64, (len(self.poses), HUMAN_JOINTS, 3)),
            beats_s=(np.float64, (None,)),
            beat_numbers=(np.int64, (len(self.beats_s),)),
        )
        _check_rising("PoseSequence", "beats_s", self.beats_s)
        if not self.frame_rate_hz > 0.0:
            raise RobodanceError(f"PoseSequence.frame_rate_hz is {self.frame_rate_hz}")
        if self.confidence is not None:
            _freeze(self, confidence=(np.float64, (len(self.poses), HUMAN_JOINTS)))
            _check_share("PoseSequence", "confidence", self.confidence)
        if (self.palms is None) != (self.palm_confidence is None):
            raise RobodanceError("PoseSequence needs palms and palm_confidence, or neither")
        if self.palms is not None and self.palm_confidence is not None:
            _freeze(
                self,
                palms=(np.float64, (len(self.poses), 2, 3)),
                palm_confidence=(np.float64, (len(self.poses), 2)),
            )
            _check_share("PoseSequence", "palm_confidence", self.palm_confidence)
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    @property
    def times_s(self) -> FloatArray:
        """Shape (T,), the time of each frame."""
        return self.start_s + np.arange(len(self.poses)) / self.frame_rate_hz


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
        _freeze(
            self,
            times_s=(np.float64, (None,)),
            positions_rad=(np.float64, (len(self.times_s), len(self.joint_names))),
        )
        _check_rising("JointTrajectory", "times_s", self.times_s)


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
        _freeze(
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
            _check_rising("Plan", name, getattr(self, name))
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))

    @property
    def duration_s(self) -> float:
        """Robot seconds from the first sample to the last."""
        return float(self.times_s[-1] - self.times_s[0])


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
        _freeze(
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
        _freeze(self, times_s=(np.float64, shape), error_deg=(np.float64, shape))
        for name in ("stops", "stops_hit_before", "stops_hit_after"):
            _freeze(self, **{name: (np.int64, shape)})
        for name in ("hit_by_dancer", "hit_before", "hit_after"):
            _freeze(self, **{name: (np.bool_, shape)})


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
            _freeze(self, **{name: (np.float64, shape)})


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
        _freeze(
            self,
            times_s=(np.float64, (samples,)),
            commanded_rad=(np.float64, (samples, joints)),
            measured_rad=(np.float64, (samples, joints)),
            torso_pose=(np.float64, (samples, 7)),
            tilt_rad=(np.float64, (samples,)),
            zmp_margin_m=(np.float64, (samples,)),
        )
        _check_rising("PerformanceLog", "times_s", self.times_s)
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))


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
