"""Songs to dance to: heard once, paired with motions by name or by a table."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from robodance.config import GENRES, AudioConfig
from robodance.errors import DataError
from robodance.learning.gate_song import SAMPLE_RATE_HZ, SONG_BEATS, render_song
from robodance.resources import launch_path
from robodance.values import SongAnalysis

__all__ = [
    "SONG_ENDINGS",
    "Ear",
    "Pair",
    "SongPairs",
    "demo_songs",
    "find_songs",
    "read_pairs",
    "rendered_song",
]

SONG_ENDINGS = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aiff", ".aif", ".mp4")
COLUMNS = ("motion", "song", "genre", "start_s")


class Ear:
    """Hears songs, each file once. A ``NAME.beats.txt`` beside a song is believed."""

    def __init__(self) -> None:
        self._heard: dict[tuple[Path, str | None], SongAnalysis] = {}

    def hear(self, path: Path, genre: str | None = None) -> SongAnalysis:
        """Return what is heard in a song; ``genre`` overrides the ear.

        Raises:
            AudioError: It cannot be read, or has no beat.
        """
        from robodance.audio.analysis import analyse_song

        key = path.resolve(), genre
        if key not in self._heard:
            beats = path.with_suffix(".beats.txt")
            config = AudioConfig(genre=genre, beats_file=str(beats) if beats.is_file() else None)
            self._heard[key] = analyse_song(path, config)
        return self._heard[key]


@dataclass(frozen=True)
class Pair:
    """The music of one motion.

    Attributes:
        song: The sound file; None: silence.
        genre: Given by a person; None: not.
        start_s: Moment of the song at the motion's first frame; None: as the motion says,
            or 0.
    """

    song: Path | None = None
    genre: str | None = None
    start_s: float | None = None


@dataclass(frozen=True)
class SongPairs:
    """Which song belongs to which motion.

    Attributes:
        songs: Name without ending to sound file.
        table: Name of a motion, as in the table, to its music.
    """

    songs: dict[str, Path] = field(default_factory=dict)
    table: dict[str, Pair] = field(default_factory=dict)

    def of(self, motion: Path, folder: Path) -> Pair:
        """Return the music of a motion file of a folder.

        The table comes first (a path in the folder, a name, or a name without ending).
        Without one, a song of the same name, or with the longest name that the motion's
        begins with; where a motion is called ``dance`` or ``plan``, its folder's name counts.
        """
        for key in _names(motion, folder):
            if key in self.table:
                return self.table[key]
        name = motion.parent.name if motion.stem in {"dance", "plan"} else motion.stem
        genre = next((g for g in GENRES if g in name.lower()), None)
        return Pair(self.named(name), genre)

    def named(self, name: str) -> Path | None:
        """Return the song whose name a name begins with, the longest; None: there is none."""
        fitting = [song for song in self.songs if name.startswith(song)]
        return self.songs[max(fitting, key=len)] if fitting else None

    def left_over(self, motions: Sequence[tuple[Path, Path]]) -> tuple[list[str], list[str]]:
        """Return names in the table, and files of songs, that none of some motions belongs to.

        Args:
            motions: Files, each with its folder.
        """
        known = {name for motion, folder in motions for name in _names(motion, folder)}
        danced = {self.of(motion, folder).song for motion, folder in motions}
        songs = [song.name for song in self.songs.values() if song not in danced]
        return [name for name in self.table if name not in known], songs


def _names(motion: Path, folder: Path) -> tuple[str, str, str]:
    """Return what a table may call a motion file of a folder."""
    inside = motion.relative_to(folder) if motion.is_relative_to(folder) else motion
    return inside.as_posix(), motion.name, motion.stem


def find_songs(folders: Sequence[Path]) -> dict[str, Path]:
    """Return the sound files of folders (and files themselves) by name without ending.

    Raises:
        DataError: A folder is not there, or holds no sound.
    """
    found: dict[str, Path] = {}
    for folder in folders:
        if folder.is_file():
            found[folder.stem] = folder
            continue
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder or file; give the folder of the songs")
        files = [f for f in sorted(folder.rglob("*")) if f.suffix.lower() in SONG_ENDINGS]
        if not files:
            raise DataError(f"{folder}: holds no sound ({', '.join(SONG_ENDINGS)})")
        found |= {file.stem: file for file in files}
    return found


def read_pairs(path: Path) -> dict[str, Pair]:
    """Read a table of pairs: ``motion, song``, perhaps ``genre`` and ``start_s``; with a header.

    Songs are seen from the table's own folder; an empty cell says nothing.

    Raises:
        DataError: It cannot be read, or a line of it makes no sense.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or "not a table"
        raise DataError(f"{path}: cannot be read ({reason}); give a CSV file") from error
    pairs: dict[str, Pair] = {}
    for number, row in enumerate(rows, start=2):
        where = f"{path}: line {number}"
        unknown = [str(key) for key in row if key not in COLUMNS]
        if unknown or not row.get("motion"):
            raise DataError(
                f"{where}: expected the columns {', '.join(COLUMNS)} with a motion in each line"
                + (f", found {', '.join(unknown)}" if unknown else "")
            )
        song = path.parent / row["song"] if row.get("song") else None
        if song is not None and not song.is_file():
            raise DataError(f"{where}: the song {song} is not there")
        genre = row.get("genre") or None
        try:
            start = float(row["start_s"]) if row.get("start_s") else None
        except ValueError:
            raise DataError(f"{where}: start_s is {row['start_s']!r}, not a number") from None
        pairs[row["motion"]] = Pair(song, genre, start)
    if not pairs:
        raise DataError(f"{path}: holds no pair; write a line 'motion,song' and one for each")
    return pairs


def demo_songs() -> dict[str, Path]:
    """Return the songs that travel with the package, by genre."""
    return {file.stem: file for file in sorted(launch_path("songs").glob("*.ogg"))}


def rendered_song(bpm: float, beats_per_bar: int, genre: str, *, seed: int) -> SongAnalysis:
    """Hear a song that is rendered here, with exactly known beats and of one tempo.

    Args:
        bpm: Tempo.
        beats_per_bar: Beats in a bar.
        genre: What it is to be danced as.
        seed: Decides loudness and accents, the same at every tempo, and chords.
    """
    import soundfile

    from robodance.audio.analysis import analyse_song

    samples = render_song(60.0 / bpm, beats_per_bar, np.random.default_rng(seed))
    with tempfile.TemporaryDirectory(prefix="robodance-") as folder:
        file, beats = Path(folder) / "rendered.wav", Path(folder) / "rendered.beats.txt"
        soundfile.write(file, samples, SAMPLE_RATE_HZ)
        lines = [
            f"{beat * 60.0 / bpm:.6f} {beat % beats_per_bar + 1}" for beat in range(SONG_BEATS)
        ]
        beats.write_text("\n".join(lines) + "\n", encoding="utf-8")
        heard = analyse_song(file, AudioConfig(genre=genre, beats_file=str(beats)))
    return replace(heard, song=replace(heard.song, path=f"rendered at {bpm:g} bpm"))
