"""The figures of the report page: matplotlib figures, drawn without a window.

Colours are those of Okabe and Ito, which people with any colour vision tell apart, and
``cividis`` for shares of a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from robodance.values import (
    BeatLosses,
    BoolArray,
    Certificate,
    CertificateTrace,
    FloatArray,
    IntArray,
    Losses,
    PerformanceLog,
    PerformedBeats,
    Plan,
)

__all__ = [
    "drawn",
    "error_figure",
    "margins_figure",
    "performance_figure",
    "reduced_passages",
    "shares_figure",
    "stops_figure",
]

BLUE, SKY, ORANGE, RED, GREY, INK = (
    "#0072B2",
    "#56B4E9",
    "#E69F00",
    "#D55E00",
    "#8A8A8A",
    "#222222",
)
WIDTH_IN = 10.0
LEFT, RIGHT = 0.105, 0.985
COLUMNS = 900  # a screen shows no more
REDUCED_DEG = 5.0  # chosen by us: what the limits add to the arm error that is seen
REDUCED_WINDOW_S = 0.5
LONGEST_BEAT_ROW = 400  # more beats are not told apart on a screen
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.edgecolor": "#666666",
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "path.simplify": True,
    "path.simplify_threshold": 0.5,
}


@contextmanager
def drawn(name: str) -> Iterator[None]:
    """Set the style; ``name`` makes the names inside a figure its own, the same every time."""
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        yield


def error_figure(plan: Plan, losses: Losses) -> Figure:
    """Draw the arms' direction error along the song, beats and reduced passages marked."""
    figure, (axes, strip) = _stacked(2.9, (8.0, 1.0))
    times, columns = _columns(losses.times_s)
    after, before = (
        _binned(values, columns, np.mean)
        for values in (losses.arm_error_deg, losses.arm_error_before_deg)
    )
    axes.fill_between(times, before, color=SKY, alpha=0.45, lw=0, label="without speed limits")
    axes.plot(times, after, color=BLUE, lw=0.9, label="the plan")
    passages = reduced_passages(losses)
    for number, (begin, end) in enumerate(passages):
        label = f"limits add more than {REDUCED_DEG:.0f} degrees" if number == 0 else None
        axes.axvspan(begin, end, color=ORANGE, alpha=0.30, lw=0, label=label)
    axes.set_ylim(0.0, max(10.0, 1.05 * float(after.max(initial=0.0))))
    axes.set_ylabel("arm error, degrees")
    _legend(axes, 3)
    _beat_strip(strip, plan)
    _song_axis(strip, plan)
    return figure


def stops_figure(plan: Plan, beats: BeatLosses, performed: PerformedBeats | None = None) -> Figure:
    """Draw the stops of the dancer's hands and which of them the robot makes, and beats hit."""
    rows = [
        ("dancer hits", beats.times_s[beats.hit_by_dancer], GREY),
        ("plan hits", beats.times_s[beats.hit_after], BLUE),
    ]
    if performed is not None:
        rows.append(("robot hits", performed.times_s[performed.hit], ORANGE))
    figure, (axes, strip) = _stacked(2.0 + 0.3 * len(rows), (6.0, 0.65 * len(rows)))
    group = max(1, int(np.ceil(len(beats.times_s) / 120)))
    starts = np.arange(0, len(beats.times_s), group)
    edges = np.append(beats.times_s[starts], beats.times_s[-1] + _beat_length(beats.times_s))
    counts = [
        np.add.reduceat(values, starts)
        for values in (beats.stops, beats.stops_hit_before, beats.stops_hit_after)
    ]
    middle, width = edges[:-1], 0.9 * np.diff(edges)
    for values, colour, label in (
        (counts[0], "#D9D9D9", "stops of the dancer's hands"),
        (counts[1], SKY, "hit without speed limits"),
    ):
        axes.bar(middle, values, width, align="edge", color=colour, label=label)
    axes.bar(
        middle + 0.25 * width,
        counts[2],
        0.5 * width,
        align="edge",
        color=BLUE,
        label="hit by the plan",
    )
    axes.set_ylabel("stops per beat" if group == 1 else f"stops per {group} beats")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    _legend(axes, 3)
    for row, (_, times, colour) in enumerate(rows):
        strip.eventplot(times, lineoffsets=row, linelengths=0.7, linewidths=0.9, colors=colour)
    strip.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    strip.set_ylim(-0.6, len(rows) - 0.4)
    strip.invert_yaxis()
    strip.grid(visible=False)
    _song_axis(strip, plan)
    return figure


def shares_figure(plan: Plan, trace: CertificateTrace) -> Figure:
    """Draw each moving joint's use of its velocity and acceleration limits along the song."""
    moving = np.flatnonzero((trace.velocity_shares > 1e-3).any(axis=0))
    names = [plan.joint_names[j] for j in moving] or ["none moves"]
    figure, (upper, lower) = _stacked(1.1 + 0.31 * len(names), (1.0, 1.0), 0.6 / len(names) + 0.06)
    song = _song_times(plan, trace.times_s)
    times, columns = _columns(song)
    for axes, shares, title in (
        (upper, trace.velocity_shares, "velocity"),
        (lower, trace.acceleration_shares, "acceleration"),
    ):
        picked = [_binned(shares[:, j], columns, np.max) for j in moving]
        picture = axes.imshow(
            np.array(picked or [np.zeros(len(times))]),
            aspect="auto",
            interpolation="nearest",
            cmap="cividis",
            vmin=0.0,
            vmax=1.0,
            extent=(song[0], song[-1], len(names) - 0.5, -0.5),
        )
        axes.set_yticks(range(len(names)), names, fontsize=7.5)
        axes.grid(visible=False)
        axes.set_title(f"{title}, share of the limit", fontsize=9, loc="left")
    height = figure.get_figheight()
    scale = figure.add_axes((RIGHT - 0.25, 1.0 - 0.10 / height, 0.22, 0.08 / height))
    figure.colorbar(
        picture,
        cax=scale,
        orientation="horizontal",
        format=FuncFormatter(lambda share, _: f"{100 * share:.0f} %"),
    )
    scale.tick_params(labelsize=7, length=2, pad=1)
    _song_axis(lower, plan)
    return figure


def margins_figure(plan: Plan, certificate: Certificate, trace: CertificateTrace) -> Figure:
    """Draw the distance between the body's parts, and ZMP and CoM inside the soles."""
    figure, (upper, lower) = _stacked(3.6, (1.0, 1.0), 0.3)
    song = _song_times(plan, trace.times_s)
    times, columns = _columns(song)
    for axes, rows in (
        (upper, (("closest parts", trace.clearance_m, BLUE),)),
        (lower, (("centre of mass", trace.com_margin_m, GREY), ("ZMP", trace.zmp_margin_m, BLUE))),
    ):
        for label, values, colour in rows:
            axes.plot(
                times, 1000.0 * _binned(values, columns, np.min), color=colour, lw=1.0, label=label
            )
        _floor_line(axes)
    moments = _song_times(
        plan, np.array([certificate.clearance_time_s, certificate.zmp_margin_time_s])
    )
    for axes, moment, value in (
        (upper, moments[0], certificate.clearance_m),
        (lower, moments[1], certificate.zmp_margin_m),
    ):
        if np.isfinite(value):
            axes.plot(
                [moment],
                [1000.0 * value],
                "o",
                color=RED,
                ms=4.5,
                label=f"smallest: {1000.0 * value:.1f} mm",
            )
        _legend(axes, 3)
    upper.set_ylabel("clearance, mm")
    lower.set_ylabel("inside the soles, mm")
    _song_axis(lower, plan)
    return figure


def performance_figure(plan: Plan, log: PerformanceLog) -> Figure:
    """Draw what was measured: the trunk's tilt and the ZMP's margin."""
    figure, (upper, lower) = _stacked(3.6, (1.0, 1.0), 0.3)
    song = _song_times(plan, log.times_s)
    times, columns = _columns(song)
    upper.plot(times, _binned(np.degrees(log.tilt_rad), columns, np.max), color=BLUE, lw=1.0)
    upper.set_ylim(bottom=0.0)
    upper.set_ylabel("tilt, degrees")
    lower.plot(times, 1000.0 * _binned(log.zmp_margin_m, columns, np.min), color=BLUE, lw=1.0)
    _floor_line(lower)
    lower.set_ylabel("ZMP inside, mm")
    for number, fall in enumerate(_song_times(plan, np.asarray(log.falls, dtype=np.float64))):
        for axes in (upper, lower):
            axes.axvline(fall, color=RED, lw=1.2, label="fall" if number == 0 else None)
    if log.falls:
        _legend(upper, 1)
    _song_axis(lower, plan)
    return figure


def reduced_passages(losses: Losses) -> list[tuple[float, float]]:
    """Return where the limits take much from the arms' directions, as song times."""
    count = len(losses.times_s)
    if count < 2:
        return []
    step = (losses.times_s[-1] - losses.times_s[0]) / (count - 1)
    width = min(count, max(1, round(REDUCED_WINDOW_S / max(step, 1e-9))))
    added = np.convolve(
        losses.arm_error_deg - losses.arm_error_before_deg, np.ones(width) / width, mode="same"
    )
    marks: BoolArray = np.concatenate([[False], added > REDUCED_DEG, [False]])
    changes = np.flatnonzero(np.diff(marks.astype(np.int8)))
    return [
        (float(losses.times_s[begin]), float(losses.times_s[min(end, count - 1)]))
        for begin, end in zip(changes[::2], changes[1::2], strict=True)
    ]


def _stacked(
    height_in: float, ratios: tuple[float, float], gap: float = 0.12
) -> tuple[Figure, tuple[Axes, Axes]]:
    """Return two axes over each other, whose sides are at the same places in every figure."""
    figure = Figure(figsize=(WIDTH_IN, height_in))
    upper, lower = figure.subplots(
        2,
        1,
        sharex=True,
        height_ratios=ratios,
        gridspec_kw={
            "left": LEFT,
            "right": RIGHT,
            "top": 1.0 - 0.28 / height_in,
            "bottom": 0.45 / height_in,
            "hspace": gap,
        },
    )
    figure.align_ylabels()
    return figure, (upper, lower)


def _beat_strip(axes: Axes, plan: Plan) -> None:
    """Mark beats, and downbeats longer; in a long song the downbeats alone."""
    within = (plan.beats_s >= plan.human_times_s[0]) & (plan.beats_s <= plan.human_times_s[-1])
    beats, first = plan.beats_s[within], plan.beat_numbers[within] == 1
    few = len(beats) <= LONGEST_BEAT_ROW
    if few:
        axes.eventplot(beats[~first], lineoffsets=0.3, linelengths=0.6, linewidths=0.6, colors=GREY)
    axes.eventplot(beats[first], lineoffsets=0.5, linelengths=1.0, linewidths=0.9, colors=INK)
    axes.set_yticks([])
    axes.set_ylim(0.0, 1.1)
    axes.grid(visible=False)
    label = "beats" if few else "bars"
    axes.set_ylabel(label, rotation=0, ha="right", va="center", labelpad=8)


def _floor_line(axes: Axes) -> None:
    low, high = axes.get_ylim()
    axes.set_ylim(min(0.0, low), max(high, 5.0))
    axes.axhline(0.0, color=RED, lw=0.9)


def _legend(axes: Axes, columns: int) -> None:
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=columns, fontsize=8, borderaxespad=0.1
    )


def _song_axis(axes: Axes, plan: Plan) -> None:
    """Let the axis run from the plan's first moment to its last."""
    axes.set_xlim(float(plan.music_times_s[0]), float(plan.music_times_s[-1]))
    axes.xaxis.set_major_locator(MaxNLocator(12, steps=[1, 1.5, 2, 3, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: _clock(seconds)))
    axes.set_xlabel("song time, min:s")


def _clock(seconds: float) -> str:
    whole = round(abs(seconds), 1)
    minutes, rest = divmod(whole, 60.0)
    text = f"{minutes:.0f}:{rest:04.1f}" if rest != round(rest) else f"{minutes:.0f}:{rest:02.0f}"
    return f"-{text}" if seconds < 0.0 and whole else text


def _song_times(plan: Plan, robot_times_s: FloatArray) -> FloatArray:
    return np.interp(robot_times_s, plan.times_s, plan.music_times_s)


def _columns(times_s: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the times of at most so many columns, and where in the samples each begins."""
    every = max(1, int(np.ceil(len(times_s) / COLUMNS)))
    starts = np.arange(0, len(times_s), every)
    return times_s[np.minimum(starts + every // 2, len(times_s) - 1)], starts


def _binned(values: FloatArray, starts: IntArray, worst: object) -> FloatArray:
    """Return one value a column: the largest, the smallest or the mean."""
    if worst is np.max:
        return np.maximum.reduceat(values, starts)
    if worst is np.min:
        return np.minimum.reduceat(values, starts)
    return np.asarray(np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values))))


def _beat_length(beats_s: FloatArray) -> float:
    return float(np.median(np.diff(beats_s))) if len(beats_s) > 1 else 0.5
