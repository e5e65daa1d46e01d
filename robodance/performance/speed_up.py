"""Bring a film of a slow dance to the music's speed, picture by picture, with the song.

Every picture of the result belongs to a moment of the song; the plan says when the robot
was there, and the film's clock (``sync``) which of its pictures shows that. So the film may
be slowed evenly or not, its pictures may come when they like, and the result is exact to
half the distance of two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from robodance.config import SpeedUpConfig
from robodance.errors import FilmError
from robodance.performance.encoding import FilmFormat, Picture, write_film
from robodance.performance.film_reader import FilmInfo, Shot, film_sound, look_at, shots, stamps
from robodance.performance.film_time import Timeline, film_timeline, robot_times, song_times
from robodance.performance.heard import heard_mono
from robodance.performance.soundtrack import Soundtrack, part_of
from robodance.performance.sync import SYNC_RATE_HZ, Sync, find_sync
from robodance.values import FloatArray, IntArray, Plan

__all__ = ["Schedule", "SpedUp", "schedule", "speed_up", "sync_by_sound"]

RATES_HZ = (24, 25, 30, 50, 60)
SHIFTS = 33  # beginnings that are tried: each a thirtieth of two pictures' distance apart
COVERED_S = 0.1  # of the song that may be missing at either end: a still picture takes its place


@dataclass(frozen=True)
class SpedUp:
    """A finished film.

    Attributes:
        path: The file.
        frames: Number of pictures.
        frame_rate_hz: Pictures per second.
        duration_s: Length.
        song_start_s: Song time of the first picture, and of the first sample heard.
        width: Pixels.
        height: Pixels.
        sync: How the film and the robot went together.
        slow_down: Mean robot seconds per song second.
        mean_error_s: Mean distance of the pictures shown from the moments they stand for, in
            song time, by their time stamps.
        largest_error_s: The largest of them.
    """

    path: Path
    frames: int
    frame_rate_hz: int
    duration_s: float
    song_start_s: float
    width: int
    height: int
    sync: Sync
    slow_down: float
    mean_error_s: float
    largest_error_s: float


@dataclass(frozen=True)
class Schedule:
    """Which pictures of a film make up each picture of another.

    Attributes:
        first: Shape (F,), the first picture used.
        last: Shape (F,), the last one; neither ever falls.
        weights: F arrays (last - first + 1,), each with the sum 1.
    """

    first: IntArray = field(repr=False)
    last: IntArray = field(repr=False)
    weights: tuple[FloatArray, ...] = field(repr=False)


def speed_up(
    film: Path,
    plan: Plan,
    sync: Sync,
    path: Path,
    *,
    config: SpeedUpConfig | None = None,
    soundtrack: Soundtrack | None = None,
    from_s: float | None = None,
    to_s: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> SpedUp:
    """Write a film at the music's speed.

    Args:
        film: The film of the performance.
        plan: What was danced.
        sync: Which moment of the film is which of the robot, see ``sync_by_sound``.
        path: The result; it appears under this name when it is complete.
        config: Rate, size, blending; None gives the defaults.
        soundtrack: The song, (N,) or (N, C), and its samples per second; None: no sound.
        from_s: Song time at which the result begins; None: where the song begins to sound.
        to_s: Song time at which it ends; None: with the plan, or the film if that shows the
            whole dance.
        progress: Told the share done, 0..1.

    Raises:
        FilmError: The film cannot be read or does not show that part of the dance.
        OutputError: The result cannot be written.
    """
    config = config or SpeedUpConfig()
    info = look_at(film)
    times_s = stamps(info)
    rate = config.frame_rate_hz or _good_rate(plan, sync, times_s)
    timeline = _timeline(plan, sync, info, times_s, rate, from_s, to_s)

    def film_times(robot_times_s: FloatArray) -> FloatArray:
        return sync.film_times(robot_times_s) + config.picture_delay_s

    timeline = _in_step(plan, timeline, rate, times_s, film_times)
    wanted = film_times(timeline.robot_times_s)
    chosen = schedule(times_s, wanted, blend=config.blend)
    width, height = _size(info, config.height)
    frames = len(wanted)
    shape = FilmFormat(width, height, rate, config.crf, info.colours)
    sound = (
        None if soundtrack is None else part_of(soundtrack, timeline.sound_start_s, frames / rate)
    )
    pictures = _retimed(shots(info), times_s, chosen, width, height)
    write_film(path, pictures, shape, frames=frames, sound=sound, progress=progress, option="--out")
    slowness = _slowness(timeline, rate)
    errors = _errors(times_s, wanted, slowness)
    return SpedUp(
        path=path,
        frames=frames,
        frame_rate_hz=rate,
        duration_s=frames / rate,
        song_start_s=timeline.sound_start_s,
        width=width,
        height=height,
        sync=sync,
        slow_down=float(slowness.mean()),
        mean_error_s=float(errors.mean()),
        largest_error_s=float(np.abs(errors).max()),
    )


def sync_by_sound(
    film: Path, plan: Plan, soundtrack: Soundtrack | None, *, method: str = "auto"
) -> Sync:
    """Find the performance in a film's own sound.

    Args:
        film: The film.
        plan: What was danced; its metadata say what was heard.
        soundtrack: The song, and its samples per second; None: only chirps can tell.
        method: ``chirps``, ``song`` or ``auto``.

    Raises:
        FilmError: The film has no sound, or the performance is not to be found in it.
    """
    sound = film_sound(look_at(film), SYNC_RATE_HZ)
    if sound is None:
        raise FilmError(
            f"{film}: has no sound track to find the dance by; say with --sync-at SECONDS at which "
            "moment of the film the song begins"
        )
    if method == "chirps" and not plan.sync_times_s.size:
        raise FilmError(f"{film}: this plan plays no chirps; use --sync song or --sync-at SECONDS")
    mode = str(plan.metadata.get("heard", "stretched"))
    return find_sync(
        plan,
        sound,
        lambda: heard_mono(plan, soundtrack, mode, SYNC_RATE_HZ),
        method=method,
        name=str(film),
    )


def schedule(times_s: FloatArray, wanted_s: FloatArray, *, blend: bool) -> Schedule:
    """Choose a film's pictures for given moments.

    Args:
        times_s: Shape (N,), when they were taken, rising.
        wanted_s: Shape (F,), the moments, rising, on the same clock.
        blend: Take all pictures between the middles to the neighbouring moments, each as
            long as it would be shown; otherwise the nearest one.
    """
    middles = 0.5 * (times_s[1:] + times_s[:-1])
    if not blend or len(wanted_s) < 2:
        nearest = np.searchsorted(middles, wanted_s)
        return Schedule(nearest, nearest, tuple(np.ones((len(nearest), 1))))
    between = 0.5 * (wanted_s[1:] + wanted_s[:-1])
    begin = np.concatenate([[2.0 * wanted_s[0] - between[0]], between])
    end = np.concatenate([between, [2.0 * wanted_s[-1] - between[-1]]])
    first, last = np.searchsorted(middles, begin), np.searchsorted(middles, end)
    shown = np.concatenate([[-np.inf], middles, [np.inf]])
    weights = []
    for low, high, since, until in zip(first, last, begin, end, strict=True):
        edges = np.clip(shown[low : high + 2], since, until)
        lengths = np.diff(edges)
        weights.append(lengths / lengths.sum())
    return Schedule(first, last, tuple(weights))


def _retimed(
    film: Iterator[Shot], times_s: FloatArray, chosen: Schedule, width: int, height: int
) -> Iterator[Picture]:
    """Yield the pictures of the result; a few of the film's are held at a time."""
    count, opened = len(chosen.first), 0
    sums: list[tuple[int, np.ndarray | None, float]] = []  # result, weighted sum, weight
    picture: Picture | None = None
    for shot in film:
        i = int(np.argmin(np.abs(times_s - shot.time_s)))
        while opened < count and chosen.first[opened] <= i:
            sums.append((opened, None, 0.0))
            opened += 1
        if any(chosen.last[k] >= i for k, _, _ in sums):
            picture = shot.picture(width, height)
            sums = [_added(entry, i, picture, chosen) for entry in sums]
        while sums and chosen.last[sums[0][0]] <= i and picture is not None:
            yield _mean(sums.pop(0), picture)
        if opened == count and not sums:
            return
    if picture is None:
        return
    for entry in sums:
        yield _mean(entry, picture)
    for _ in range(opened, count):  # only where the last pictures are damaged
        yield picture


def _added(
    entry: tuple[int, np.ndarray | None, float], i: int, picture: Picture, chosen: Schedule
) -> tuple[int, np.ndarray | None, float]:
    """Add a picture to a weighted sum, if it belongs there."""
    k, total, weight = entry
    low, high = int(chosen.first[k]), int(chosen.last[k])
    if not low <= i <= high:
        return entry
    share = float(chosen.weights[k][i - low])
    if low == high:
        return k, picture, share
    added = picture * np.float32(share)
    return k, added if total is None else total + added, weight + share


def _mean(entry: tuple[int, np.ndarray | None, float], otherwise: Picture) -> Picture:
    _, total, weight = entry
    if total is None or weight <= 0.0:
        return otherwise
    if total.dtype == np.uint8:
        return total
    return np.asarray(np.rint(total / weight), dtype=np.uint8)


def _timeline(
    plan: Plan,
    sync: Sync,
    info: FilmInfo,
    times_s: FloatArray,
    rate: int,
    from_s: float | None,
    to_s: float | None,
) -> Timeline:
    """Return which moments are shown.

    Raises:
        FilmError: The film does not show them.
    """
    first, last = (float(value) for value in sync.robot_times(times_s[[0, -1]]))
    danced = float(plan.human_times_s[-1])
    begin_s = float(song_times(plan, plan.music_start_s)) if from_s is None else from_s
    end_s = danced if to_s is None else to_s
    begins, ends = (float(value) for value in song_times(plan, np.array([first, last])))
    if begins > begin_s + COVERED_S or ends < end_s - COVERED_S:
        if ends <= begin_s or begins >= end_s:
            raise FilmError(f"{info.path}: does not show the dance at all; check plan and film")
        low, high = max(begins, begin_s), min(ends, end_s)
        raise FilmError(
            f"{info.path}: shows the song from {low:.1f} to {high:.1f} s, not from {begin_s:.1f} "
            f"to {end_s:.1f} s; film it again, or take what is there with "
            f"--from {np.ceil(10 * low) / 10:.1f} --to {np.floor(10 * high) / 10:.1f}"
        )
    shown = min(max(last, float(robot_times(plan, end_s))), float(plan.times_s[-1]))
    return film_timeline(plan, shown, rate, from_s=from_s, to_s=to_s)


def _in_step(
    plan: Plan,
    timeline: Timeline,
    rate: int,
    times_s: FloatArray,
    film_times: Callable[[FloatArray], FloatArray],
) -> Timeline:
    """Begin a few milliseconds earlier or later, so that no picture is late as a rule.

    Where the film's pictures come at an even pace, and so do the result's, each would be off
    by the same amount, up to half their distance. Sound can begin anywhere.
    """
    count = len(timeline.robot_times_s)
    moments = timeline.sound_start_s + np.arange(count) / rate
    reach = 0.5 * float(np.median(np.diff(times_s))) / float(np.median(_slowness(timeline, rate)))
    found = []
    for shift in np.linspace(-reach, reach, SHIFTS):
        robot = robot_times(plan, moments + shift)
        moved = Timeline(robot, timeline.sound_start_s + shift)
        errors = _errors(times_s, film_times(robot), _slowness(moved, rate))
        found.append((abs(float(errors.mean())), abs(shift), moved))
    return min(found, key=lambda entry: entry[:2])[2]


def _slowness(timeline: Timeline, rate: int) -> FloatArray:
    """Return robot seconds per song second at each picture, (F,)."""
    robot = timeline.robot_times_s
    pace = np.gradient(robot) * rate if len(robot) > 1 else np.ones(1)
    return np.asarray(np.maximum(pace, 1e-6))


def _errors(times_s: FloatArray, wanted_s: FloatArray, slowness: FloatArray) -> FloatArray:
    """Return how far the nearest pictures are from the moments wanted, in song time."""
    nearest = schedule(times_s, wanted_s, blend=False).first
    return np.asarray((times_s[nearest] - wanted_s) / slowness)


def _good_rate(plan: Plan, sync: Sync, times_s: FloatArray) -> int:
    """Return the highest usual rate that the film's pictures fill."""
    start, end = (float(t) for t in robot_times(plan, plan.human_times_s[[0, -1]]))
    slow_down = (end - start) / float(plan.human_times_s[-1] - plan.human_times_s[0])
    gaps = np.diff(times_s) / sync.rate
    given = slow_down / float(np.median(gaps)) * 1.02
    return max((rate for rate in RATES_HZ if rate <= given), default=RATES_HZ[0])


def _size(info: FilmInfo, height: int | None) -> tuple[int, int]:
    """Return an even size of the same proportions."""
    rows = height or info.height - info.height % 2
    columns = round(info.width * rows / info.height / 2) * 2
    return max(columns, 2), rows
