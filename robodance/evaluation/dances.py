"""What is judged: dances with their beats and music, and rows of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, resample
from robodance.choreography.body import DANCER
from robodance.evaluation.beats import at_rate
from robodance.evaluation.music import CodedBeats, coded_beats, loudness_db
from robodance.skeleton import INDEX
from robodance.values import FloatArray, PoseSequence, Song, SongFeatures

__all__ = [
    "CLIP_HZ",
    "Music",
    "Row",
    "Sample",
    "music_of",
    "on_the_beat_clock",
    "sized",
]

CLIP_HZ = 30.0
"""Frame rate of clips: that of the published foot and motion measures."""


@dataclass(frozen=True)
class Music:
    """A dance's music on the dance's own clock; T frames.

    Attributes:
        song: Names the song, for dances to the same one.
        features: Shape (T, 128), as the ear describes it.
        loudness_db: Shape (T,).
        coded: Beats as Ban's code hears them, seconds from the first frame; None: not heard.
    """

    song: str
    features: FloatArray = field(repr=False)
    loudness_db: FloatArray = field(repr=False)
    coded: CodedBeats | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Sample:
    """A dance to be judged.

    Attributes:
        name: Where it is from.
        genre: Its genre; None: not known.
        joints_m: Shape (T, 21, 3), world, z up.
        rate_hz: Frames per second.
        beats_s: Shape (B,), beats of its music, seconds from the first frame; may be empty.
        music: What is heard; None: nothing.
        bar: Beats in a bar.
    """

    name: str
    genre: str | None
    joints_m: FloatArray = field(repr=False)
    rate_hz: float
    beats_s: FloatArray = field(repr=False)
    music: Music | None = field(default=None, repr=False)
    bar: int = 4

    @property
    def duration_s(self) -> float:
        """From the first frame to the last."""
        return (len(self.joints_m) - 1) / self.rate_hz

    @property
    def clip_joints_m(self) -> FloatArray:
        """The dance at 30 frames a second."""
        return at_rate(self.joints_m, self.rate_hz, CLIP_HZ)

    def at_usual_beat(self, beat_s: float | None, *, danced: bool = False) -> Sample:
        """Return the dance at another tempo, at most half an octave away; whole if beatless.

        Where the beats are those that are danced, not perhaps every second of them, it is
        brought to the usual beat however far away that is.

        Distances to training motion are taken so: whether a dance is near to what was
        learned does not depend on the song's tempo.

        Args:
            beat_s: The usual beat; None: not known.
            danced: Whether the beats are known to be those that are danced.
        """
        if beat_s is None or len(self.beats_s) < 2:
            return self
        octaves = float(np.log2(np.median(np.diff(self.beats_s)) / beat_s))
        factor = 2.0 ** (octaves - (0 if danced else round(octaves)))
        return replace(self, rate_hz=self.rate_hz * factor, beats_s=self.beats_s / factor)

    def shifted(self, share: float) -> Sample:
        """Return the dance against music that comes a share of the whole dance later."""
        later = np.roll(np.arange(len(self.joints_m)), round(share * len(self.joints_m)))
        music = self.music
        if music is not None:
            coded = music.coded
            if coded is not None:
                length = len(self.joints_m) / self.rate_hz
                coded = (
                    np.sort(np.mod(coded[0] + share * length, length)),
                    np.sort(np.mod(coded[1] + share * length, length)),
                )
            music = replace(
                music,
                features=music.features[later],
                loudness_db=music.loudness_db[later],
                coded=coded,
            )
        beats = self.beats_s
        if len(beats) > 1:  # a constant grid moved by a part of a beat, then over the whole
            gap = float(np.median(np.diff(beats)))
            beats = beats + float(np.mod(share * 997.0, 1.0)) * gap
            beats = beats[beats <= self.duration_s]
        return replace(self, beats_s=beats, music=music)


@dataclass(frozen=True)
class Row:
    """Dances that are judged together.

    Attributes:
        name: As in the table.
        kind: ``real``, ``rebuilt``, ``copy``, ``chance`` or ``judged``.
        samples: The dances.
        only: Groups of measures that mean something for it; empty: all.
        note: What a reader should know.
    """

    name: str
    kind: str
    samples: tuple[Sample, ...] = field(repr=False)
    only: frozenset[str] = frozenset()
    note: str = ""


def music_of(
    song: Song, features: SongFeatures, times_s: FloatArray, rate_hz: float, *, code: bool = True
) -> Music:
    """Return what sounds at the frames of a dance.

    Args:
        song: The song.
        features: What was heard in it.
        times_s: Shape (T,), moment of the song at each frame, rising.
        rate_hz: Frames per second of the dance.
        code: Also hear the beats of Ban's code.
    """
    found = None
    if code:
        first = max(int(times_s[0] * song.sample_rate_hz), 0)
        last = int(times_s[-1] * song.sample_rate_hz) + 1
        part = song.samples[first:last]
        if part.size > song.sample_rate_hz:
            begin = first / song.sample_rate_hz
            clock = np.arange(len(times_s)) / rate_hz
            peaks, onsets = coded_beats(part, song.sample_rate_hz)
            found = (
                np.interp(peaks + begin, times_s, clock),
                np.interp(onsets + begin, times_s, clock),
            )
    return Music(
        song=song.sha256[:16],
        features=features.at(times_s),
        loudness_db=loudness_db(song.samples, song.sample_rate_hz, times_s),
        coded=found,
    )


def on_the_beat_clock(sample: Sample) -> FloatArray | None:
    """Read a dance at 16 frames a beat, from its first beat to its last; None: too few beats."""
    beats = sample.beats_s[sample.beats_s <= sample.duration_s + 1e-6]
    if len(beats) < 2:
        return None
    count = (len(beats) - 1) * FRAMES_PER_BEAT
    moments = np.interp(np.arange(count) / FRAMES_PER_BEAT, np.arange(len(beats)), beats)
    return resample(sample.joints_m, moments * sample.rate_hz)


def sized(dance: PoseSequence) -> tuple[FloatArray, float]:
    """Return a foreign dancer's joints at the size of ours, by the length of the legs.

    Bones keep their proportions: distances in centimetres become comparable, and nothing
    is repaired.

    Returns:
        Joints (T, 21, 3), and the factor.
    """
    joints = np.asarray(dance.joint_positions_m)
    legs = [
        np.linalg.norm(joints[:, INDEX[f"{s}_{a}"]] - joints[:, INDEX[f"{s}_{b}"]], axis=1)
        for s in ("right", "left")
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    leg = float(np.median(sum(legs) / 2.0))
    factor = DANCER.leg / leg if leg > 1e-6 else 1.0
    return joints * factor, factor
