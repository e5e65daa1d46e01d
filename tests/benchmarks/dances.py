"""Dances to measure with: recorded ones, four of them joined, and robodance's own."""

from __future__ import annotations

import numpy as np
from measure_motion import SETS, read_dance

from robodance.motion.targets import chest_frame, resample
from robodance.skeleton import INDEX, pose_sequence

RATE_HZ = 25.0
MIX = ("15", "16", "ll_qq_02_2", "14")
MIX_FRAMES, BLEND_FRAMES = 4500, 50
DEMOS = ("cha-cha", "rumba", "tango", "waltz")


def dances(names, data, seconds):
    """Yield (set, name, dance)."""
    for name in names:
        if name == "mix":
            yield name, "mix", mixed(data, seconds)
        elif name == "generated":
            for genre in DEMOS:
                yield name, genre, imagined(genre, seconds)
        else:
            kind, takes = SETS[name]
            for take in takes:
                yield name, take, read_dance(data, kind, take, seconds)


def mixed(data, seconds):
    """Join four takes, each upright and facing forward, with two seconds between them."""
    each = (min(MIX_FRAMES, round(seconds * RATE_HZ)) + 3 * BLEND_FRAMES) // len(MIX)
    result = None
    for name in MIX:
        dance = read_dance(data, "c3d", name, 1e9)
        joints = resample(dance.joint_positions_m, dance.times_s, np.arange(each) / RATE_HZ)
        ahead = chest_frame(joints)[:, :, 0]
        yaw = np.arctan2(ahead[:, 1], ahead[:, 0])
        cos, sin, zero = np.cos(yaw), np.sin(yaw), np.zeros(len(yaw))
        turn = np.stack([cos, -sin, zero, sin, cos, zero, zero, zero, zero + 1.0], axis=1)
        centre = joints[:, [INDEX["waist"]]] * [1.0, 1.0, 0.0]
        joints = (joints - centre) @ turn.reshape(-1, 3, 3)
        if result is None:
            result = joints
            continue
        share = np.linspace(0.0, 1.0, BLEND_FRAMES)[:, None, None]
        both = (1.0 - share) * result[-BLEND_FRAMES:] + share * joints[:BLEND_FRAMES]
        result = np.concatenate([result[:-BLEND_FRAMES], both, joints[BLEND_FRAMES:]])
    return pose_sequence(result, RATE_HZ)


def imagined(genre, seconds):
    """Return robodance's own dance to a demo song."""
    from robodance.choreography.dance import create_dance
    from robodance.config import ChoreographyConfig
    from robodance.pipeline import analyse_song
    from robodance.resources import launch_path

    song = analyse_song(launch_path(f"songs/{genre}.ogg"))
    end = min(seconds, song.song.duration_s)
    return create_dance(song, ChoreographyConfig(), seed=0, from_s=0.0, to_s=end)
