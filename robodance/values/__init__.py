"""The values that travel between the stages.

Each is a frozen dataclass with read-only arrays, checked once when it is made. Units
are SI and radians throughout; a moment is in seconds as soon as it leaves ``audio``.
World frame: z up, floor at z = 0. Shapes: ``T`` samples in time, ``J`` joints of the
robot, ``B`` beats, ``H`` human frames, ``N`` audio samples.
"""

from robodance.values.arrays import (
    FEATURE_DIM,
    POSE_DIM,
    BoolArray,
    FloatArray,
    IntArray,
    frozen_array,
)
from robodance.values.dance import (
    JointTrajectory,
    Plan,
    PoseSequence,
)
from robodance.values.performance import (
    PerformanceLog,
    PerformedBeats,
    Recording,
)
from robodance.values.proof import (
    BeatLosses,
    BoneLoss,
    Certificate,
    CertificateTrace,
    JointCertificate,
    Losses,
)
from robodance.values.song import (
    Beats,
    Genre,
    Song,
    SongAnalysis,
    SongFeatures,
)

__all__ = [
    "FEATURE_DIM",
    "POSE_DIM",
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
    "PerformedBeats",
    "Plan",
    "PoseSequence",
    "Recording",
    "Song",
    "SongAnalysis",
    "SongFeatures",
    "frozen_array",
]
