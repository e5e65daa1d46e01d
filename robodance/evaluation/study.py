"""A blind study: a page on which people compare dances, and the key that stays away from it.

As in the papers' user studies (Lee et al. 2019: pairs to the same music, "more realistic
regardless of music" and "matches the music better"; Ban 2021 adds "more dynamic"). Sides
and order are drawn by a seed. The page and what it holds name no folder, file or
condition: pairs are numbers, films are copied without their metadata, and which side is
which stands in a file of its own.
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import secrets
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from robodance.errors import DataError, FilmError, OutputError, UsageError
from robodance.evaluation.beats import at_rate
from robodance.evaluation.dances import sized
from robodance.evaluation.folders import motion_files, read_motion_file
from robodance.evaluation.plots import FRONT_LIMBS
from robodance.evaluation.songs import SongPairs, find_songs
from robodance.output import write_atomically, write_json
from robodance.progress import Progress, Silence
from robodance.skeleton import INDEX, facing_direction
from robodance.values import FloatArray

__all__ = ["KEY_FORMAT", "write_study"]

KEY_FORMAT = "robodance-study-key/1"
FILM_ENDINGS = (".mp4", ".webm", ".mov", ".m4v")
RATE_HZ = 25.0
LONGEST_S = 30.0
SMOOTHING_S = 1.0  # of the direction from which a dancer is seen
CONTENT_MARK = "__CONTENT__"
LEFT, RIGHT = "#1d3f66", "#6f9fd0"


def write_study(
    folders: Sequence[Path],
    out: Path,
    *,
    songs: Sequence[Path] = (),
    seed: int = 0,
    most_pairs: int = 20,
    skeleton: str | None = None,
    frame_rate_hz: float | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write ``study.html`` and ``key.json`` into a new folder.

    Dances of two folders make a pair where they have the same name (a performance's dance
    has its folder's). Films are shown as they are; motions as skeletons from in front, with
    the song of the same name.

    Args:
        folders: One for each condition, two at least.
        out: New folder.
        songs: Folders of songs, or songs.
        seed: Decides sides and order.
        most_pairs: Pairs on the page.
        skeleton: As in ``read_motion``.
        frame_rate_hz: As in ``read_motion``.
        progress: Told how far the work has come.

    Raises:
        UsageError: There is nothing to compare.
        DataError: A file cannot be read.
        OutputError: The folder is there already, or cannot be written.
    """
    if len(folders) < 2:
        raise UsageError("--study compares at least two folders; give DIR DIR")
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise UsageError(f"two folders are called {max(names, key=names.count)!r}; rename one")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: exists already; choose a new folder with --out")
    known = SongPairs(find_songs(songs))
    files = {name: _files(folder) for name, folder in zip(names, folders, strict=True)}
    rng = np.random.default_rng(seed)
    chosen = _drawn_pairs(files, rng, most_pairs)
    content, key = _content(chosen, files, known, skeleton, frame_rate_hz, progress)
    page = _template().replace(CONTENT_MARK, json.dumps(content).replace("</", "<\\/"))
    _write(out, page, key)
    return {
        "page": str(out / "study.html"),
        "key": str(out / "key.json"),
        "pairs": len(content["pairs"]),
        "study": content["id"],
    }


def _files(folder: Path) -> dict[str, Path]:
    """Return films (or else motions) of a condition by the name they are paired by."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give a folder of films or motions")
    films = [f for f in sorted(folder.rglob("*")) if f.suffix.lower() in FILM_ENDINGS]
    found = films or motion_files(folder)
    named: dict[str, Path] = {}
    for file in found:
        own = file.stem not in {"dance", "plan", "film"}
        named.setdefault(file.stem if own else file.parent.name, file)
    return named


def _drawn_pairs(
    files: dict[str, dict[str, Path]], rng: np.random.Generator, most: int
) -> list[tuple[str, str, str]]:
    """Return (name, left condition, right condition), in random order and on random sides."""
    every = [
        (name, one, other)
        for one, other in itertools.combinations(files, 2)
        for name in sorted(files[one].keys() & files[other].keys())
    ]
    if not every:
        raise UsageError(
            "no dance of one folder has a partner of the same name in another; name them alike"
        )
    order = rng.permutation(len(every))[: max(1, most)]
    flips = rng.permutation(np.arange(len(order)) % 2 == 1)  # as often left as right
    found = []
    for k, flip in zip(order, flips, strict=True):
        name, one, other = every[k]
        found.append((name, other, one) if flip else (name, one, other))
    return found


def _content(
    chosen: Sequence[tuple[str, str, str]],
    files: dict[str, dict[str, Path]],
    songs: SongPairs,
    skeleton: str | None,
    rate_hz: float | None,
    progress: Progress | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the page holds, and the key."""
    study_id = secrets.token_hex(8)
    shown: dict[Path, dict[str, Any]] = {}
    sounds: dict[Path, tuple[str, str]] = {}
    pairs, keys, seconds = [], [], 0.0
    with (progress or Silence()).stage("making the page") as report:
        for number, (name, left, right) in enumerate(chosen):
            sides = {}
            for side, condition in (("left", left), ("right", right)):
                file = files[condition][name]
                if file not in shown:
                    shown[file] = _shown(file, skeleton, rate_hz)
                sides[side] = shown[file]
            song = songs.named(name)
            pair: dict[str, Any] = {"id": number, **sides}
            length = min(sides["left"]["length"], sides["right"]["length"])
            if song is not None and "film" not in sides["left"]:
                if song not in sounds:
                    sounds[song] = f"s{len(sounds)}", _sound(song, LONGEST_S)
                pair["sound"] = sounds[song][0]
            seconds += 2.0 * length + 10.0
            pairs.append(pair)
            keys.append({"id": number, "name": name, "left": left, "right": right})
            report((number + 1) / len(chosen))
    content = {
        "id": study_id,
        "seconds": round(seconds),
        "limbs": _limbs(),
        "sounds": dict(sounds.values()),
        "pairs": pairs,
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    key = {"format": KEY_FORMAT, "study": study_id, "page_sha256": digest, "pairs": keys}
    return content, key


def _shown(file: Path, skeleton: str | None, rate_hz: float | None) -> dict[str, Any]:
    if file.suffix.lower() in FILM_ENDINGS:
        return _film(file)
    dance = read_motion_file(file, skeleton, rate_hz)
    joints, _ = sized(dance)
    path = at_rate(joints, dance.frame_rate_hz, RATE_HZ)[: int(LONGEST_S * RATE_HZ) + 1]
    seen = np.clip(np.rint(1000.0 * _from_in_front(path)), -32000, 32000).astype("<i2")
    return {
        "joints": base64.b64encode(seen.tobytes()).decode(),
        "rate": RATE_HZ,
        "length": round((len(path) - 1) / RATE_HZ, 3),
    }


def _from_in_front(joints_m: FloatArray) -> FloatArray:
    """Return joints (T, 21, 2) as seen by somebody who walks around with the dancer."""
    from scipy.ndimage import gaussian_filter1d

    facing = facing_direction(joints_m, RATE_HZ)
    slow = gaussian_filter1d(facing, SMOOTHING_S * RATE_HZ, axis=0, mode="nearest")
    slow /= np.maximum(np.linalg.norm(slow, axis=1, keepdims=True), 1e-9)
    left = np.stack([-slow[:, 1], slow[:, 0]], axis=1)
    waist = gaussian_filter1d(
        joints_m[:, INDEX["waist"], :2], SMOOTHING_S * RATE_HZ, axis=0, mode="nearest"
    )
    aside = ((joints_m[..., :2] - waist[:, None]) * left[:, None]).sum(axis=2)
    return np.stack([aside, joints_m[..., 2]], axis=-1)  # the dancer's left is on our right


def _limbs() -> list[list[Any]]:
    """Return what is drawn: two groups of joints whose middles are joined, colour, width."""
    found: list[list[Any]] = []
    for first, second in FRONT_LIMBS:
        names = (*first, *second)
        right = all("right" in name for name in names)
        wide = all("head" in name for name in names)
        found.append([
            [INDEX[name] for name in first],
            [INDEX[name] for name in second],
            RIGHT if right else LEFT,
            10 if wide else 5,
        ])
    return found


def _film(file: Path) -> dict[str, Any]:
    """Return a film without its metadata, as a data address; pictures and sound untouched."""
    import av

    buffer = io.BytesIO()
    try:
        with av.open(str(file)) as source, av.open(buffer, "w", format="mp4") as target:
            streams = {
                stream.index: target.add_stream_from_template(stream)
                for stream in source.streams
                if stream.type in {"video", "audio"}
            }
            for stream in streams.values():
                stream.metadata.clear()
            for packet in source.demux(*[source.streams[k] for k in streams]):
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    target.mux(packet)
            length = float(source.duration or 0) / 1e6
    except (av.FFmpegError, ValueError, OSError) as error:
        raise FilmError(f"{file}: cannot be read as a film ({error}); give .mp4") from error
    if length <= 0.0:
        raise FilmError(f"{file}: holds no film")
    address = "data:video/mp4;base64," + base64.b64encode(buffer.getvalue()).decode()
    return {"film": address, "length": round(length, 3)}


def _sound(song: Path, length_s: float) -> str:
    from robodance.performance.preview.sound import page_sound
    from robodance.song_file import load_soundtrack

    sound = page_sound(load_soundtrack(song), 0.0, length_s, 0.0)
    return "data:audio/mp4;base64," + base64.b64encode(sound.m4a).decode()


def _template() -> str:
    return (Path(__file__).parent / "page" / "study.html").read_text(encoding="utf-8")


def _write(out: Path, page: str, key: dict[str, Any]) -> None:
    """Write both files; the folder appears when both are whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        with write_atomically(part / "study.html") as file:
            file.write(page.encode())
        write_json(key, part / "key.json")
        part.chmod(0o755)
        if out.is_dir():
            out.rmdir()
        part.replace(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
