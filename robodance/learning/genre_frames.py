"""Training of the paper's genre classifier, and what it is worth on songs left out.

Each song is left out in turn, another network is trained on the others, and its frames
vote. Confidence is calibrated afterwards on those votes: a temperature that makes the
songs left out as likely as can be.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from robodance.audio.decode import load_song
from robodance.audio.description import describe_song
from robodance.audio.genre_net import WINDOW_FRAMES, GenreNet, frames_of, vote_of_frames
from robodance.config import GENRES, GenreTrainConfig
from robodance.learning.pieces import PieceFolder
from robodance.learning.run_loop import spoken
from robodance.values import FloatArray

__all__ = [
    "FramedSong",
    "LeftOut",
    "both_together",
    "calibrated",
    "fit_temperature",
    "frame_report",
    "framed_songs",
    "leave_one_song_out",
    "log_loss",
    "train_net",
]

_NOISE = 0.3  # standard deviations, on the features
_BANDS = 16  # so many neighbouring features are blanked in a window, now and then


@dataclass(frozen=True)
class FramedSong:
    """A song as frames.

    Attributes:
        name: Folder and file.
        genre: Its dance.
        frames: Shape (T, 128), 25 a second.
    """

    name: str
    genre: str
    frames: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class LeftOut:
    """What a network says of the song that it never heard.

    Attributes:
        votes: Shape (V, G), log shares by its frames.
        losses: Shape (updates,), of its training on the others.
    """

    votes: FloatArray = field(repr=False)
    losses: FloatArray = field(repr=False)


def train_net(
    songs: Sequence[FramedSong],
    config: GenreTrainConfig,
    *,
    seed: int,
    losses: list[float] | None = None,
) -> GenreNet:
    """Train a network; genres and the songs of a genre are drawn equally often.

    Args:
        songs: What to learn from.
        config: Updates, batch, learning rate.
        seed: Decides everything.
        losses: Told the loss of each update.
    """
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = GenreNet(len(GENRES))
        optimiser = torch.optim.Adam(net.parameters(), lr=config.learning_rate, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.updates)
        net.train()
        for _ in range(config.updates):
            windows, wanted = _batch(songs, config.batch, rng)
            loss = functional.cross_entropy(net(windows), wanted, label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            if losses is not None:
                losses.append(loss.item())
    return net.eval()


def _batch(
    songs: Sequence[FramedSong], count: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    by_genre = [[song for song in songs if song.genre == genre] for genre in GENRES]
    wanted = rng.integers(len(GENRES), size=count)
    windows = np.zeros((count, WINDOW_FRAMES, 128), dtype=np.float32)
    for row, genre in enumerate(wanted):
        song = by_genre[genre][int(rng.integers(len(by_genre[genre])))]
        first = int(rng.integers(max(1, len(song.frames) - WINDOW_FRAMES)))
        part = song.frames[first : first + WINDOW_FRAMES]
        windows[row, : len(part)] = part
        band = int(rng.integers(128 - _BANDS))
        windows[row, :, band : band + _BANDS] *= rng.random() < 0.5
    windows += _NOISE * rng.normal(size=windows.shape).astype(np.float32)
    return torch.from_numpy(windows.transpose(0, 2, 1).copy()), torch.from_numpy(wanted)


def leave_one_song_out(
    songs: Sequence[FramedSong],
    config: GenreTrainConfig,
    *,
    pieces: PieceFolder | None = None,
    mine: Iterable[int] | None = None,
    told: Callable[[float, str], None] | None = None,
) -> list[LeftOut]:
    """Return what networks that never heard a song make of it, song by song.

    Args:
        songs: All of them.
        config: As ``train_net``.
        pieces: Where each is kept and found again.
        mine: Which songs to leave out; None: each in turn.
        told: Told the share done and a line about it.
    """
    wanted = list(range(len(songs)) if mine is None else mine)
    result, clock, made = [], time.monotonic(), 0
    for count, index in enumerate(wanted):
        kept = None if pieces is None else pieces.read(f"without-{index:03d}")
        if kept is None:
            losses: list[float] = []
            others = [other for other in songs if other is not songs[index]]
            net = train_net(others, config, seed=config.seed, losses=losses)
            kept = {
                "votes": vote_of_frames(net, songs[index].frames),
                "losses": np.array(losses),
            }
            made += 1
            if pieces is not None:
                pieces.keep(f"without-{index:03d}", **kept)
        result.append(LeftOut(kept["votes"], kept["losses"]))
        if told is not None and made:
            left = (len(wanted) - count - 1) * (time.monotonic() - clock) / made
            line = f"song {count + 1} of {len(wanted)} left out, loss {kept['losses'][-1]:.4f}"
            told((count + 1) / len(wanted), f"{line}, {spoken(left)}")
    return result


def frame_report(songs: Sequence[FramedSong], votes: Sequence[FloatArray]) -> dict[str, Any]:
    """Tell how frames and songs did: by the most frequent genre and by mean log share."""
    truth = [GENRES.index(song.genre) for song in songs]
    counts = [np.bincount(vote.argmax(axis=1), minlength=len(GENRES)) for vote in votes]
    right = sum(int(count[t]) for count, t in zip(counts, truth, strict=True))
    return {
        "frame_accuracy": right / sum(int(count.sum()) for count in counts),
        "songs_by_majority": sum(
            int(count.argmax()) == t for count, t in zip(counts, truth, strict=True)
        ),
        "songs_by_mean_log": sum(
            int(vote.mean(axis=0).argmax()) == t for vote, t in zip(votes, truth, strict=True)
        ),
        "songs": len(songs),
        "paper": "73.15 % of frames, 6 of 6 songs, on six songs left out of 62",
    }


def framed_songs(files: Sequence[tuple[Path, str]], config: GenreTrainConfig) -> list[FramedSong]:
    """Read songs as frames of the features that the settings name."""
    songs = []
    for path, genre in files:
        features = describe_song(load_song(path), config.features, config.encoder_weights)
        songs.append(FramedSong(f"{path.parent.name}/{path.stem}", genre, frames_of(features)))
    return songs


def calibrated(scores: FloatArray, temperature: float) -> FloatArray:
    """Return shares (S, G), summing to 1, from log shares at a temperature."""
    cooled = scores / temperature
    shares = np.exp(cooled - cooled.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def log_loss(scores: FloatArray, truth: Sequence[int], temperature: float) -> float:
    """Return the mean of minus the logarithm of the true genre's share."""
    shares = calibrated(scores, temperature)
    return float(-np.mean(np.log(shares[np.arange(len(shares)), list(truth)] + 1e-12)))


def fit_temperature(scores: FloatArray, truth: Sequence[int]) -> float:
    """Return the temperature that makes the true genres of songs left out most likely.

    Args:
        scores: Shape (S, G), log shares of each song.
        truth: Index of each song's genre.
    """
    temperatures = 2.0 ** np.linspace(-4.0, 4.0, 161)
    losses = [log_loss(scores, truth, float(one)) for one in temperatures]
    return float(temperatures[int(np.argmin(losses))])


def both_together(
    stretches: FloatArray, frames: FloatArray, truth: Sequence[int]
) -> dict[str, Any]:
    """Tell how the sum of both classifiers' log shares does on songs left out.

    How much the frames count, and the temperature, are chosen for each song on the
    others, so no song decides about its own verdict.
    """
    right, losses = 0, []
    for song in range(len(truth)):
        others = [other for other in range(len(truth)) if other != song]
        told = [truth[other] for other in others]
        best, chosen = np.inf, (0.0, 1.0)
        for share in np.linspace(0.0, 2.0, 11):
            mixed = stretches + share * frames
            temperature = fit_temperature(mixed[others], told)
            loss = log_loss(mixed[others], told, temperature)
            if loss < best:
                best, chosen = loss, (float(share), temperature)
        mixed = stretches[[song]] + chosen[0] * frames[[song]]
        right += int(mixed.argmax()) == truth[song]
        losses.append(log_loss(mixed, [truth[song]], chosen[1]))
    return {"songs_right": right, "songs": len(truth), "log_loss": float(np.mean(losses))}
