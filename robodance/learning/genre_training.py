"""Training of the genre classifier: songs of four dances -> ``genre.safetensors`` and its card.

There are few songs, so the classifier that ships is a regularised multinomial logistic
regression on numbers that have a meaning (``audio/genre.py``); each song is also heard
faster, slower, equalised and with noise. The paper's classifier of frames
(``learning/genre_frames.py``) is trained beside it, and so are both together. All are
measured by leaving one song out; their confidence is calibrated on the songs left out.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize
import scipy.signal
import soxr
from numpy.typing import NDArray
from safetensors.numpy import save
from threadpoolctl import threadpool_limits

from robodance.audio.beats import track_beats
from robodance.audio.decode import load_song
from robodance.audio.genre import GENRE_EVIDENCE, genre_evidence, vote
from robodance.audio.onsets import find_onsets
from robodance.choreography.sampling import torch_threads
from robodance.config import GENRES, AudioConfig, GenreTrainConfig
from robodance.errors import DataError
from robodance.learning.genre_frames import (
    FramedSong,
    LeftOut,
    both_together,
    calibrated,
    fit_temperature,
    frame_report,
    framed_songs,
    leave_one_song_out,
    log_loss,
)
from robodance.learning.pieces import PieceFolder
from robodance.learning.run_loop import draw_curves, open_world, spoken
from robodance.output import write_atomically, write_json
from robodance.values import FloatArray

__all__ = ["HeardSong", "confusion", "fit_classifier", "hear_songs", "leave_one_out", "train_genre"]

_FOLDERS = {"C": "cha-cha", "R": "rumba", "T": "tango", "W": "waltz"}  # as ChoreoNet has them
_PENALTY = 0.002  # on squared weights, per song
_TEMPI = (1.0, 0.95, 1.05)  # every song is also heard at these speeds
_TILT_DB, _NOISE_DB = 6.0, 25.0  # and those copies with a tilted spectrum and noise


@dataclass(frozen=True)
class HeardSong:
    """A training song.

    Attributes:
        name: Folder and file.
        genre: Its dance.
        tempo_bpm: As heard.
        evidence: Shape (S, F) of the song itself.
        altered: Shape (A, F) of its altered copies.
    """

    name: str
    genre: str
    tempo_bpm: float
    evidence: FloatArray
    altered: FloatArray


def train_genre(
    data: Path,
    out: Path,
    config: GenreTrainConfig | None = None,
    *,
    resume: bool = False,
    progress: Callable[[float, str], None] | None = None,
) -> dict[str, Any]:
    """Train the genre classifier on ChoreoNet's songs.

    Each song is kept in ``out`` as soon as it was heard, and so is what a network without it
    makes of it. Under ``torchrun`` the processes share these networks out.

    Args:
        data: Folder of the data sets (with ``choreonet/music``), or of ChoreoNet itself.
        out: Folder for ``genre.safetensors``, ``genre.json``, curves and what is kept.
        config: Settings; None: the defaults.
        resume: Go on with the run in ``out``.
        progress: Told the share done and a line about it.

    Returns:
        What was made and how it did, ready for JSON.

    Raises:
        DataError: No songs where ChoreoNet has them, or ``out`` holds another run.
    """
    config = config or GenreTrainConfig()
    files = find_songs(data)
    path = out / "genre.safetensors"
    pieces = PieceFolder(out, _about(files, config))
    half = 0.4 if config.frames else 1.0
    table: dict[str, Any] = {}
    # Sums depend on how many threads share them: one, so that the weights are everywhere the same.
    with threadpool_limits(1), torch_threads(1), open_world("cpu") as world:
        tell = progress if world.leads and progress is not None else _silent
        pieces.check(resume, path.name)
        world.wait()
        songs = []
        if world.leads:
            pieces.begin()
            songs = hear_songs(
                files,
                seed=config.seed,
                pieces=pieces,
                told=lambda share, line: tell(half * share, line),
            )
        framed = framed_songs(files, config) if config.frames else []
        leave_one_song_out(
            framed,
            config,
            pieces=pieces,
            mine=range(world.rank, len(framed), world.size),
            told=lambda share, line: tell(half + (1.0 - half) * share, line),
        )
        world.wait()
        if world.leads:
            left_out = leave_one_song_out(framed, config, pieces=pieces)
            table = _finish(songs, framed, left_out, config, path)
        world.wait()
    return {
        "family": "genre",
        "weights": str(path),
        "card": str(path.with_suffix(".json")),
        **table,
    }


def _silent(share: float, line: str) -> None:
    pass


def _about(files: Sequence[tuple[Path, str]], config: GenreTrainConfig) -> dict[str, Any]:
    """Return what decides the result."""
    songs = [[_name(path), genre, path.stat().st_size] for path, genre in files]
    return {"family": "genre", "config": asdict(config), "songs": songs}


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _finish(
    songs: list[HeardSong],
    framed: Sequence[FramedSong],
    left_out: Sequence[LeftOut],
    config: GenreTrainConfig,
    path: Path,
) -> dict[str, Any]:
    """Calibrate, write weights, card and curves; returns how the classifiers did."""
    votes = leave_one_out(songs)
    scores = np.log(np.stack(votes) + 1e-9)
    truth = [GENRES.index(song.genre) for song in songs]
    temperature = fit_temperature(scores, truth)
    table = confusion(songs, list(calibrated(scores, temperature)))
    table["log_loss"] = log_loss(scores, truth, temperature)
    if left_out:
        table["frames"] = _measured_frames(framed, left_out, scores, truth, config)
        _write_curves(framed, left_out, path.parent)
    weights = fit_classifier(songs) | {
        "temperature": np.array([temperature]),
        "song_octaves": np.array([song.evidence[:, 0].mean() for song in songs]),
        "song_genre": np.array(truth, dtype=np.float64),
    }
    content = save({name: value.astype(np.float32) for name, value in weights.items()})
    with write_atomically(path) as file:
        file.write(content)
    card = {
        "format_version": 1,
        "kind": "multinomial logistic regression over stretches of 32 beats, mean vote",
        "genres": list(GENRES),
        "evidence": list(GENRE_EVIDENCE),
        "data": "the songs of ChoreoNet (GitHub abcyzj/ChoreoNet, data/music): commercial "
        "recordings, no licence is stated. No recorded sound is in this file.",
        "licence": "for research use only, since the data state no licence",
        "songs": {genre: sum(s.genre == genre for s in songs) for genre in GENRES},
        "seed": config.seed,
        "penalty": _PENALTY,
        "leave_one_song_out": table,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_json(card, path.with_suffix(".json"))
    return table


def _measured_frames(
    framed: Sequence[FramedSong],
    left_out: Sequence[LeftOut],
    stretches: FloatArray,
    truth: list[int],
    config: GenreTrainConfig,
) -> dict[str, Any]:
    """Return what the paper's classifier and both together are worth on songs left out."""
    votes = [one.votes for one in left_out]
    scores = np.stack([vote.mean(axis=0) for vote in votes])
    temperature = fit_temperature(scores, truth)
    return {
        "features": config.features,
        **frame_report(framed, votes),
        "log_loss": log_loss(scores, truth, temperature),
        "together": both_together(stretches, scores, truth),
    }


def _write_curves(framed: Sequence[FramedSong], left_out: Sequence[LeftOut], out: Path) -> None:
    """Write the loss of each network, and draw their mean."""
    rows = [
        {"left_out": song.name, "update": update + 1, "loss": round(float(loss), 5)}
        for song, one in zip(framed, left_out, strict=True)
        for update, loss in enumerate(one.losses)
    ]
    with write_atomically(out / "curves.jsonl") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows).encode())
    mean = np.mean([one.losses for one in left_out], axis=0)
    drawn = [{"update": k + 1, "loss": float(loss)} for k, loss in enumerate(mean)]
    draw_curves(drawn, out / "curves.png", title="genre by frames, mean of all networks")


def find_songs(data: Path) -> list[tuple[Path, str]]:
    """List ChoreoNet's songs with their genres.

    Raises:
        DataError: There are none of some genre.
    """
    for root in (data / "choreonet" / "music", data / "music", data):
        if all((root / letter).is_dir() for letter in _FOLDERS):
            break
    else:
        raise DataError(
            f"{data}: no songs in choreonet/music/C, R, T and W; "
            "give the folder of the data sets as published"
        )
    songs = [
        (path, genre)
        for letter, genre in _FOLDERS.items()
        for path in sorted((root / letter).glob("*.mp3"))
    ]
    missing = [genre for genre in GENRES if genre not in {g for _, g in songs}]
    if missing:
        raise DataError(f"{root}: no songs of {', '.join(missing)}")
    return songs


def hear_songs(
    songs: Sequence[tuple[Path, str]],
    *,
    seed: int = 0,
    pieces: PieceFolder | None = None,
    told: Callable[[float, str], None] | None = None,
) -> list[HeardSong]:
    """Gather the evidence of all songs and of their altered copies.

    Args:
        songs: Files and their genres.
        seed: Of what alters the copies.
        pieces: Where each song is kept and found again.
        told: Told the share done and a line about it.
    """
    rng = np.random.default_rng(seed)
    heard, clock, made = [], time.monotonic(), 0
    for count, (path, genre) in enumerate(songs):
        kept = None if pieces is None else pieces.read(f"heard-{count:03d}")
        if kept is None:
            kept = _heard(path, rng)
            made += 1
            if pieces is not None:
                pieces.keep(f"heard-{count:03d}", **kept)
        else:  # go on as if it had been heard now
            rng.bit_generator.state = json.loads(str(kept["drawn"]))
        tempo_bpm = float(kept["tempo_bpm"])
        heard.append(HeardSong(_name(path), genre, tempo_bpm, kept["evidence"], kept["altered"]))
        if told is not None and made:
            left = (len(songs) - count - 1) * (time.monotonic() - clock) / made
            line = f"heard {heard[-1].name}, {tempo_bpm:.1f} bpm, {spoken(left)} for the others"
            told((count + 1) / len(songs), line)
    return heard


def _heard(path: Path, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Return a song's evidence, that of its altered copies, and where the draws have come."""
    song = load_song(path)
    rows, tempi = [], []
    for speed in _TEMPI:
        samples = song.samples if speed == 1.0 else _altered(song.samples, speed, rng)
        onsets = find_onsets(samples, song.sample_rate_hz)
        beats = track_beats(samples, song.sample_rate_hz, AudioConfig(), onsets=onsets)
        rows.append(genre_evidence(beats, onsets))
        tempi.append(beats.tempo_bpm)
    return {
        "evidence": rows[0],
        "altered": np.vstack(rows[1:]),
        "tempo_bpm": np.array(tempi[0]),
        "drawn": np.array(json.dumps(rng.bit_generator.state)),
    }


def _altered(
    samples: NDArray[np.float32], speed: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Play faster or slower (pitch moves along), tilt the spectrum, add noise."""
    copy = soxr.resample(samples, round(44_100 * speed), 44_100)
    strength = 10.0 ** (rng.uniform(0.0, _TILT_DB) / 20.0) - 1.0
    band = scipy.signal.butter(1, 1500.0, "high" if rng.random() < 0.5 else "low", fs=22_050)
    copy = copy + strength * scipy.signal.lfilter(*band, copy)
    noise = rng.normal(size=copy.size) * np.sqrt(np.mean(np.square(copy)))
    return np.asarray(copy + noise * 10.0 ** (-_NOISE_DB / 20.0), dtype=np.float32)


def fit_classifier(songs: list[HeardSong], *, penalty: float = _PENALTY) -> dict[str, FloatArray]:
    """Fit the logistic regression; genres weigh the same, and so do the songs of a genre.

    Returns:
        ``mean`` and ``scale`` (F,), ``weight`` (G, F), ``bias`` (G,).
    """
    rows, target, share = [], [], []
    for song in songs:
        fellows = sum(other.genre == song.genre for other in songs)
        for part, half in ((song.evidence, 0.5), (song.altered, 0.5)):
            rows.append(part)
            target += [GENRES.index(song.genre)] * len(part)
            share += [half / (fellows * len(GENRES) * len(part))] * len(part)
    evidence, weight = np.vstack(rows), np.array(share)
    mean, scale = evidence.mean(axis=0), evidence.std(axis=0) + 1e-6
    standard = np.clip((evidence - mean) / scale, -4.0, 4.0)
    wanted = np.eye(len(GENRES))[target]  # (S, G)
    shape = (len(GENRES), standard.shape[1] + 1)

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        table = flat.reshape(shape)
        logits = standard @ table[:, :-1].T + table[:, -1]
        logits -= logits.max(axis=1, keepdims=True)
        logarithm = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        error = weight[:, None] * (np.exp(logarithm) - wanted)
        gradient = np.hstack([error.T @ standard, error.sum(axis=0)[:, None]])
        gradient[:, :-1] += 2.0 * penalty * table[:, :-1]
        value = -float((weight[:, None] * wanted * logarithm).sum())
        return value + penalty * float(np.square(table[:, :-1]).sum()), gradient.ravel()

    found = scipy.optimize.minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B")
    fitted = found.x.reshape(shape)
    return {"mean": mean, "scale": scale, "weight": fitted[:, :-1], "bias": fitted[:, -1]}


def leave_one_out(songs: list[HeardSong], *, penalty: float = _PENALTY) -> list[FloatArray]:
    """Return each song's vote by a classifier that never heard it."""
    return [
        vote(song.evidence, fit_classifier([s for s in songs if s is not song], penalty=penalty))
        for song in songs
    ]


def confusion(songs: list[HeardSong], votes: list[FloatArray]) -> dict[str, Any]:
    """Tell how the votes did: accuracy, counts (true genre, then heard) and each song."""
    table = {genre: dict.fromkeys(GENRES, 0) for genre in GENRES}
    each = {}
    for song, shares in zip(songs, votes, strict=True):
        heard = GENRES[int(shares.argmax())]
        table[song.genre][heard] += 1
        each[song.name] = {
            "tempo_bpm": round(song.tempo_bpm, 1),
            "heard": heard,
            "confidence": round(float(shares.max()), 3),
        }
    right = sum(table[genre][genre] for genre in GENRES)
    return {"accuracy": right / len(songs), "confusion": table, "songs": each}
