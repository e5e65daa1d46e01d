"""Find a performance in a film's sound: which moment of the film is which of the robot.

Two chirps tell it best, and how fast the camera's clock runs besides. Where they cannot be
heard, the song itself does: pieces of what sounded during the dance are looked for in the
film, and most of them must lie on one line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from robodance.errors import FilmError
from robodance.performance.chirps import Heard, find_chirp, local_peaks, whitened
from robodance.values import FloatArray, Plan

__all__ = ["LEAST_CONFIDENCE", "SYNC_RATE_HZ", "Sync", "by_hand", "find_sync"]

SYNC_RATE_HZ = 16_000
LEAST_CONFIDENCE = 0.5
MOST_DRIFT = 500e-6  # of a camera's clock; quartz is within 100e-6
CLEAR_RATIO = 2.0  # a chirp that stands out so much is one
SURE_RATIO = 1.15  # enough when two chirps are as far apart as they should be
PIECE = 1 << 16  # samples of the song that are looked for in one go: 4 s
MOST_PIECES = 24
BLOCK = 1 << 19  # samples of the film
PEAKS = 5  # places a piece may be at
APART_S = 0.03
LOWEST_HZ, HIGHEST_HZ = 200.0, 7000.0
CHANCE = 6.0  # peaks over the mean square root that noise reaches by itself
ON_LINE_S = 0.002
OTHER_LINE_S = 0.05
QUIET = 1e-3  # a piece below this level holds nothing to be found
NEAR_CHIRP_S = 0.05

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Sync:
    """How a film's clock and the robot's go together: film = at + rate x robot.

    Attributes:
        at_s: The film's moment of robot time 0.
        rate: Film seconds per robot second.
        method: ``chirps``, ``one chirp``, ``song``, ``by hand`` or ``clock``.
        confidence: 0..1.
    """

    at_s: float
    rate: float
    method: str
    confidence: float

    @property
    def drift_ppm(self) -> float:
        """How much faster than the robot's the camera's clock runs."""
        return 1e6 * (self.rate - 1.0)

    def film_times(self, robot_times_s: FloatArray | float) -> FloatArray:
        """Return the film's moments of robot times; same shape."""
        return np.asarray(self.at_s + self.rate * np.asarray(robot_times_s, dtype=np.float64))

    def robot_times(self, film_times_s: FloatArray | float) -> FloatArray:
        """Return the robot times of the film's moments; same shape."""
        return np.asarray((np.asarray(film_times_s, dtype=np.float64) - self.at_s) / self.rate)


def by_hand(pairs: list[tuple[float, float]]) -> Sync:
    """Return what a person says: pairs of film and robot time, one or two.

    Raises:
        FilmError: The two contradict each other.
    """
    film, robot = pairs[0]
    if len(pairs) == 1:
        return Sync(film - robot, 1.0, "by hand", 1.0)
    (first, start), (last, end) = sorted(pairs)[0], sorted(pairs)[-1]
    rate = (last - first) / (end - start) if end > start else 0.0
    if not abs(rate - 1.0) < 0.05:
        raise FilmError(
            f"--sync-at: {last - first:.2f} s of the film cannot be {end - start:.2f} s of the "
            "robot; check the two moments"
        )
    return Sync(first - rate * start, rate, "by hand", 1.0)


def find_sync(
    plan: Plan,
    sound: tuple[float, Float32],
    heard: Callable[[], Float32],
    *,
    method: str = "auto",
    name: str = "the film",
) -> Sync:
    """Find the performance in a film's sound.

    Args:
        plan: What was danced.
        sound: Time of the film's first sample on its clock, and its samples (N,), at
            ``SYNC_RATE_HZ``.
        heard: Gives what sounded during the dance, from the plan's first moment on, at the
            same rate; only asked where the chirps do not tell.
        method: ``chirps``, ``song``, or ``auto``: chirps if they can be heard.
        name: The film, for messages.

    Raises:
        FilmError: It is not there, or of another plan, or nobody can tell where.
    """
    start_s, samples = sound
    loud = float(np.abs(samples).max(initial=0.0))
    if loud < 1e-6:
        raise _not_found(name, "its sound track is silent")
    chirps = _chirps(plan, samples) if method != "song" else ()
    whole = _both(plan, chirps, name)
    if whole is not None:
        return _moved(whole, start_s)
    one = next(((h, t) for h, t in chirps if h.ratio >= CLEAR_RATIO), None)
    found = None
    if method != "chirps":
        found = _song(plan, samples, heard(), one)
    if found is None and one is not None:
        chirp, time_s = one
        confidence = 1.0 - 1.0 / chirp.ratio
        found = Sync(chirp.time_s - time_s, 1.0, "one chirp", confidence)
    if found is None or found.confidence < LEAST_CONFIDENCE:
        what = "the chirps" if method == "chirps" else "neither the chirps nor the song"
        guess = ""
        if found is not None:
            begins = found.film_times(plan.music_start_s) + start_s
            guess = f" (best guess: the song begins at {begins:.2f} s, {found.confidence:.0%} sure)"
        raise _not_found(name, f"{what} can be made out in its sound{guess}")
    return _moved(found, start_s)


def _not_found(name: str, found: str) -> FilmError:
    return FilmError(
        f"{name}: {found}; check that the plan is that of this film, or say with --sync-at SECONDS "
        "at which moment of the film the song begins"
    )


def _moved(sync: Sync, start_s: float) -> Sync:
    return Sync(sync.at_s + start_s, sync.rate, sync.method, sync.confidence)


def _chirps(plan: Plan, samples: Float32) -> tuple[tuple[Heard, float], ...]:
    """Return each chirp that was played: where it may be, and its robot time."""
    found = []
    for k, time_s in enumerate(plan.sync_times_s):
        chirp = find_chirp(samples, SYNC_RATE_HZ, falling=k > 0)
        if chirp is not None:
            found.append((chirp, float(time_s)))
    return tuple(found)


def _both(plan: Plan, chirps: tuple[tuple[Heard, float], ...], name: str) -> Sync | None:
    """Return what two chirps say, if both are there.

    Raises:
        FilmError: They are clear, but not as far apart as in the plan.
    """
    if len(chirps) != 2:
        return None
    (first, start), (last, end) = chirps
    apart, planned = last.time_s - first.time_s, end - start
    rate = apart / planned
    weakest = min(first.ratio, last.ratio)
    if abs(rate - 1.0) <= MOST_DRIFT and weakest >= SURE_RATIO:
        confidence = 1.0 - 1.0 / (first.ratio * last.ratio) ** 2
        return Sync(first.time_s - rate * start, rate, "chirps", confidence)
    if weakest >= CLEAR_RATIO:
        raise FilmError(
            f"{name}: its chirps are {apart:.2f} s apart, those of the plan {planned:.2f} s; it "
            "shows another dance than this plan's, or has been cut"
        )
    return None


def _song(
    plan: Plan, film: Float32, heard: Float32, near: tuple[Heard, float] | None
) -> Sync | None:
    """Return the line on which most pieces of the song lie; None when there are none."""
    places = _places(film, heard)
    if not len(places):
        return None
    origin = float(plan.times_s[0])
    places[:, 0] += origin
    lines = _lines(places)
    if near is not None:
        chirp, time_s = near
        close = np.abs(lines[:, 0] + lines[:, 1] * time_s - chirp.time_s) < NEAR_CHIRP_S
        lines = lines[close]
    if not len(lines):
        return None
    at_s, rate, best = lines[0]
    middle = float(np.median(places[:, 0]))
    other = np.abs(lines[:, 0] + lines[:, 1] * middle - at_s - rate * middle) > OTHER_LINE_S
    second = float(lines[other, 2].max(initial=0.0))
    confidence = 1.0 - second / best
    if near is not None:
        confidence = 1.0 - (1.0 - confidence) / near[0].ratio
    # One piece by itself may be anywhere.
    return Sync(float(at_s), float(rate), "song", float(confidence if best > CHANCE else 0.0))


def _places(film: Float32, heard: Float32) -> FloatArray:
    """Return where pieces of the song may be in the film.

    Returns:
        Shape (P, 3): the piece's time in what was heard, a time in the film, and how far its
        peak stands above what noise reaches by chance.
    """
    level = np.sqrt(np.mean(heard**2)) if heard.size else 0.0
    possible = np.arange(0, max(len(heard) - PIECE, 0) + 1, PIECE // 4)
    loud = [k for k in possible if np.std(heard[k : k + PIECE]) > max(QUIET, 0.1 * level)]
    if not loud or len(film) < PIECE:
        return np.zeros((0, 3))
    count = min(MOST_PIECES, len(loud))
    chosen = [loud[k] for k in np.linspace(0, len(loud) - 1, count).round().astype(int)]
    hz = np.arange(BLOCK // 2 + 1) * SYNC_RATE_HZ / BLOCK
    band = ((hz > LOWEST_HZ) & (hz < HIGHEST_HZ)).astype(np.float32)
    pieces = [np.conj(_spectrum(heard[k : k + PIECE])) * band for k in chosen]
    found: list[list[tuple[int, float]]] = [[] for _ in chosen]
    fine: list[dict[int, float]] = [{} for _ in chosen]
    step = BLOCK - PIECE
    for first in range(0, len(film) - PIECE // 2, step):
        block = _spectrum(film[first : first + BLOCK])
        for k, piece in enumerate(pieces):
            likely = scipy.fft.irfft(block * piece, BLOCK)[:step]
            likely /= max(float(np.sqrt(np.mean(likely**2))), 1e-12)
            for at, height in local_peaks(likely, round(APART_S * SYNC_RATE_HZ), PEAKS):
                found[k].append((first + at, height))
                fine[k][first + at] = _top(likely, at)
    rows = []
    for k, peaks in enumerate(found):
        for at, height in sorted(peaks, key=lambda peak: -peak[1])[:PEAKS]:
            if height > CHANCE:
                time_s = (at + fine[k][at]) / SYNC_RATE_HZ
                rows.append((chosen[k] / SYNC_RATE_HZ, time_s, height - CHANCE))
    return np.array(rows).reshape(-1, 3)


def _spectrum(samples: Float32) -> NDArray[np.complex64]:
    spectrum = scipy.fft.rfft(samples, BLOCK).astype(np.complex64)
    return whitened(spectrum, SYNC_RATE_HZ / BLOCK)


def _top(values: Float32, at: int) -> float:
    """Return how far beside a sample the peak's top is."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, middle, right = values[at - 1 : at + 2].astype(float)
    bend = left - 2.0 * middle + right
    return 0.5 * (left - right) / bend if bend < 0.0 else 0.0


def _lines(places: FloatArray) -> FloatArray:
    """Return lines film = at + rate x heard through the places, best first.

    Returns:
        Shape (L, 3): at, rate and the sum of the heights of the pieces that lie on it.
    """
    found = []
    for heard_s, film_s, _ in places:
        since = places[:, 0] - heard_s
        miss = places[:, 1] - film_s - since
        near = np.abs(miss) < ON_LINE_S + MOST_DRIFT * np.abs(since)
        found.append(_fitted(places[near]))
    lines = np.array(found)
    return np.asarray(lines[np.argsort(-lines[:, 2])])


def _fitted(places: FloatArray) -> tuple[float, float, float]:
    """Fit a line to places, dropping those that do not lie on it."""
    rate, at = 1.0, float(np.median(places[:, 1] - places[:, 0]))
    for _ in range(4):
        miss = places[:, 1] - at - rate * places[:, 0]
        close = np.abs(miss - np.median(miss)) < ON_LINE_S + 2.0 * np.median(np.abs(miss))
        places = places[close]
        if len(np.unique(places[:, 0])) < 3:
            at = float(np.median(places[:, 1] - places[:, 0]))
            rate = 1.0
            break
        rate, at = np.polyfit(places[:, 0], places[:, 1], 1, w=np.sqrt(places[:, 2]))
        rate = float(np.clip(rate, 1.0 - MOST_DRIFT, 1.0 + MOST_DRIFT))
        at = float(np.average(places[:, 1] - rate * places[:, 0], weights=places[:, 2]))
    _, first = np.unique(places[:, 0], return_index=True)
    return at, rate, float(places[first, 2].sum())
