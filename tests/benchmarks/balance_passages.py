"""Forty one-minute passages to dance with the whole body, eight to a kind, always the same.

Recorded takes (the part that is cut into units), dances of "Dance with Melody" as published,
choreographies rebuilt from their units, and robodance's own dances to songs. Since all but
the last are made of the same units, every passage says which ones it dances.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from robodance.learning.dataset import load_library, rebuild
from robodance.learning.datasets.choreonet import (
    GENRE_LETTERS,
    read_choreographies,
    read_intervals,
    read_take,
)
from robodance.learning.datasets.dance_with_melody import read_collage
from robodance.motion_files.set_to_music import cut
from robodance.skeleton import pose_sequence

__all__ = ["PASSAGES", "Danced", "Passage", "chosen", "load", "overlaps"]

LONGEST_S = 60.0
COLLAGE_RATE_HZ = 25.0
STILL = {"HOLD", "START"}  # no units


@dataclass(frozen=True)
class Passage:
    """Where a dance comes from.

    Attributes:
        genre: What is danced.
        kind: ``take``, ``collage``, ``rebuilt`` or ``generated``.
        name: Of the take, dance, choreography or song (with the seed after a colon).
        from_s: Where in it the passage begins.
    """

    genre: str
    kind: str
    name: str
    from_s: float = 0.0

    @property
    def stratum(self) -> str:
        """One of five, of eight passages each."""
        return "generated" if self.kind == "generated" else self.genre

    @property
    def label(self) -> str:
        """A name that no other passage has."""
        return f"{self.genre}/{self.kind}/{self.name}@{self.from_s:g}"


@dataclass(frozen=True)
class Danced:
    """A passage that was read.

    Attributes:
        dance: At most a minute, with its beats.
        units: Unit to the beats for which the passage dances it; empty for generated ones.
    """

    dance: object = field(repr=False)
    units: dict[str, int]


_STRATA = (
    (
        Passage("cha-cha", "take", "15"),
        Passage("cha-cha", "rebuilt", "DANCE_C_1"),
        Passage("cha-cha", "collage", "DANCE_C_2"),
        Passage("cha-cha", "take", "ll_qq_02_2"),
        Passage("cha-cha", "rebuilt", "DANCE_C_7"),
        Passage("cha-cha", "rebuilt", "DANCE_C_4"),
        Passage("cha-cha", "rebuilt", "DANCE_C_3", 125.0),
        Passage("cha-cha", "rebuilt", "DANCE_C_5"),
    ),
    (
        Passage("rumba", "take", "16"),
        Passage("rumba", "rebuilt", "DANCE_R_7"),
        Passage("rumba", "collage", "DANCE_R_2"),
        Passage("rumba", "take", "ll_lb_06_2"),
        Passage("rumba", "rebuilt", "DANCE_R_1", 120.0),
        Passage("rumba", "rebuilt", "DANCE_R_3"),
        Passage("rumba", "rebuilt", "DANCE_R_10", 15.0),
        Passage("rumba", "rebuilt", "DANCE_R_6", 15.0),
    ),
    (
        Passage("tango", "take", "14"),
        Passage("tango", "rebuilt", "DANCE_T_2", 70.0),
        Passage("tango", "take", "17"),
        Passage("tango", "rebuilt", "DANCE_T_1"),
        Passage("tango", "rebuilt", "DANCE_T_7", 30.0),
        Passage("tango", "rebuilt", "DANCE_T_6"),
        Passage("tango", "rebuilt", "DANCE_T_3", 45.0),
        Passage("tango", "rebuilt", "DANCE_T_4", 120.0),
    ),
    (
        Passage("waltz", "collage", "DANCE_W_1"),
        Passage("waltz", "collage", "DANCE_W_20"),
        Passage("waltz", "rebuilt", "DANCE_W_21"),
        Passage("waltz", "collage", "DANCE_W_12"),
        Passage("waltz", "collage", "DANCE_W_30"),
        Passage("waltz", "rebuilt", "DANCE_W_13"),
        Passage("waltz", "rebuilt", "DANCE_W_31"),
        Passage("waltz", "rebuilt", "DANCE_W_29"),
    ),
    (
        Passage("cha-cha", "generated", "launch/songs/cha-cha.ogg:1"),
        Passage("waltz", "generated", "music/the_builder.mp3:1", 20.0),
        Passage("rumba", "generated", "launch/songs/rumba.ogg:1"),
        Passage("tango", "generated", "music/sneaky_snitch.mp3:1", 20.0),
        Passage("waltz", "generated", "launch/songs/waltz.ogg:1"),
        Passage("cha-cha", "generated", "music/hustle.mp3:1", 20.0),
        Passage("tango", "generated", "launch/songs/tango.ogg:1"),
        Passage("rumba", "generated", "music/hyperfun.mp3:1", 20.0),
    ),
)

PASSAGES = tuple(itertools.chain.from_iterable(zip(*_STRATA, strict=True)))
"""First one of every kind, then the second of every kind, and so on."""


def chosen(count: int) -> tuple[Passage, ...]:
    """Return the first passages: of each kind as many as of any other, up to one."""
    return PASSAGES[:count]


def load(passage: Passage, data: Path | None, seconds: float = LONGEST_S) -> Danced:
    """Read a passage.

    Args:
        passage: Which.
        data: The folder of the published data sets; not needed for songs of our own.
        seconds: Its length at most.
    """
    read = {"take": _take, "collage": _collage, "rebuilt": _rebuilt, "generated": _generated}
    return read[passage.kind](passage, data, seconds)


def overlaps(danced: dict[str, dict[str, int]]) -> dict[str, float]:
    """Return the share of each passage's beats whose unit another passage dances too.

    Args:
        danced: Passage to its units and their beats.
    """
    everywhere = Counter(tag for units in danced.values() for tag in units)
    shares = {}
    for label, units in danced.items():
        again = sum(beats for tag, beats in units.items() if everywhere[tag] > 1)
        shares[label] = again / sum(units.values()) if units else 0.0
    return shares


def _take(passage: Passage, data: Path, seconds: float) -> Danced:
    folder = data / "choreonet"
    joints, rate = read_take(folder, passage.name)
    units = sorted(
        (unit for unit in read_intervals(folder) if unit.take == passage.name),
        key=lambda unit: unit.start_frame,
    )
    beats = np.concatenate([
        np.linspace(u.start_frame, u.end_frame, u.beats, endpoint=False) for u in units
    ])
    beats = _without_gaps(beats / rate)
    start = units[0].start_frame / rate + passage.from_s
    end = min(start + seconds, max(u.end_frame for u in units) / rate, (len(joints) - 1) / rate)
    whole = pose_sequence(joints, rate, beats_s=beats)
    danced = [(u.tag, u.beats) for u in units if u.start_frame / rate < end]
    return Danced(cut(whole, start, end), _counted(danced))


def _collage(passage: Passage, data: Path, seconds: float) -> Danced:
    letter = passage.name.split("_")[1]
    genre = next(name for name, first in GENRE_LETTERS.items() if first == letter)
    dance = next(
        d for d in read_choreographies(data / "choreonet", genre) if d.name == passage.name
    )
    joints = read_collage(data / "mdms" / passage.name).joint_positions_m
    beat_s = len(joints) / COLLAGE_RATE_HZ / sum(dance.beats)
    beats = beat_s * np.arange(sum(dance.beats))
    whole = pose_sequence(joints, COLLAGE_RATE_HZ, beats_s=beats)
    return _part(whole, passage, seconds, dance, beat_s)


def _rebuilt(passage: Passage, data: Path, seconds: float) -> Danced:
    library = replace(load_library(data, passage.genre), held_out=frozenset())
    dance = next(d for d in library.choreographies if d.name == passage.name)
    return _part(rebuild(library, dance), passage, seconds, dance, library.beat_s)


def _part(whole, passage: Passage, seconds: float, dance, beat_s: float) -> Danced:
    end = min(passage.from_s + seconds, float(whole.times_s[-1]))
    starts = beat_s * np.concatenate([[0], np.cumsum(dance.beats)])
    danced = [
        (tag, round((min(until, end) - max(since, passage.from_s)) / beat_s))
        for tag, since, until in zip(dance.tags, starts, starts[1:], strict=False)
        if since < end and until > passage.from_s and tag not in STILL
    ]
    return Danced(cut(whole, passage.from_s, end), _counted(danced))


def _generated(passage: Passage, data: Path | None, seconds: float) -> Danced:
    from robodance.audio.analysis import analyse_song
    from robodance.choreography.dance import create_dance
    from robodance.config import AudioConfig, ChoreographyConfig
    from robodance.resources import launch_path

    name, seed = passage.name.rsplit(":", 1)
    ours = name.startswith("launch/")
    path = launch_path(name.removeprefix("launch/")) if ours else data / name
    song = analyse_song(Path(path), AudioConfig(genre=passage.genre))
    end = min(passage.from_s + seconds, song.song.duration_s)
    made = create_dance(song, ChoreographyConfig(), seed=int(seed), from_s=passage.from_s, to_s=end)
    return Danced(made, {})


def _counted(danced) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for tag, beats in danced:
        counted[tag] += max(beats, 1)
    return dict(counted)


def _without_gaps(beats_s):
    """Return rising beats with those that are missing between units put in evenly."""
    usual = float(np.median(np.diff(beats_s)))
    filled = [beats_s[:1]]
    for before, after in itertools.pairwise(beats_s):
        missing = round((after - before) / usual)
        if missing >= 1:
            filled.append(before + (after - before) * np.arange(1, missing + 1) / missing)
    return np.concatenate(filled)


def data_folder(given: Path | None) -> Path | None:
    """Return the folder of the data sets: as given, or as ROBODANCE_DATA has it."""
    named = os.environ.get("ROBODANCE_DATA")
    return given or (Path(named) if named else None)
