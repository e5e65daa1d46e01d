"""How the generator of Ahn et al. dances as printed: at 25 frames a second, from zeros.

The network is told the music and nothing else, the poses keep their facing direction, and
the history begins with the mean pose (section III-C). The only thing added is the way
back: its frames are read at the moments of the beat clock, which all of robodance uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, BeatClock, resample
from robodance.choreography.streaming import PoseStream
from robodance.skeleton import decode_pose, encode_pose
from robodance.values import FloatArray, SongFeatures

if TYPE_CHECKING:
    from robodance.choreography.generators.autoregressive import AutoregressiveNet
    from robodance.choreography.sampling import Normaliser

__all__ = ["PRINTED_RATE_HZ", "dance_as_printed"]

PRINTED_RATE_HZ = 25.0


def dance_as_printed(
    net: AutoregressiveNet,
    normaliser: Normaliser,
    clock: BeatClock,
    features: SongFeatures,
    first_beat: int,
    beats: int,
) -> FloatArray:
    """Dance to a part of a song; arguments and result as ``Generator.generate``."""
    position = first_beat + np.arange(beats * FRAMES_PER_BEAT) / FRAMES_PER_BEAT
    times = clock.times_at(position)
    count = int(np.ceil((times[-1] - times[0]) * PRINTED_RATE_HZ)) + 2
    music = features.at(times[0] + np.arange(count) / PRINTED_RATE_HZ).astype(np.float32)
    stream = PoseStream(net)
    poses = normaliser.restore(np.stack([stream.step(told) for told in music]).astype(np.float64))
    joints = resample(decode_pose(poses), (times - times[0]) * PRINTED_RATE_HZ)
    return encode_pose(joints, 1.0 / float(np.median(np.diff(times))))
