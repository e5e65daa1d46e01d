"""Pictures of the page: curves, and strips of skeletons from in front and from above."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from robodance.evaluation.beats import at_rate
from robodance.evaluation.dances import Sample
from robodance.evaluation.table import JudgedRow
from robodance.learning.metrics import root_relative
from robodance.skeleton import INDEX
from robodance.values import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["drift_plot", "profile_plot", "shares_plot", "skeleton_strips"]

COLOURS = ("#444444", "#999999", "#2a6fbb", "#8fb7e0", "#c9a227", "#b5482a", "#6a8f3c", "#7b4fa3")
STRIP_POSES = 14
STRIP_STEP_BEATS = 0.5
STRIP_STEP_S = 0.25
LIMBS = (
    ("head_right", "head_left"),
    ("right_shoulder", "left_shoulder"),
    ("right_hip", "left_hip"),
    *(
        (f"{side}_{a}", f"{side}_{b}")
        for side in ("right", "left")
        for a, b in (
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("wrist", "hand"),
            ("hip", "knee"),
            ("knee", "ankle"),
            ("ankle", "heel"),
            ("heel", "toe"),
            ("ankle", "toe"),
        )
    ),
)


def drift_plot(curves: Mapping[str, FloatArray]) -> str | None:
    """Return the curve of Huang et al. 2020: Frechet distance piece by piece; a data address."""
    there = {name: curve for name, curve in curves.items() if len(curve) > 1}
    if not there:
        return None
    figure, axes = _figure(7.2, 3.0)
    for colour, (name, curve) in zip(COLOURS, there.items(), strict=False):
        axes.plot(4.0 * np.arange(len(curve)) + 2.0, curve, "o-", ms=3, color=colour, label=name)
    axes.set_xlabel("second of the dance")
    axes.set_ylabel("Fréchet distance (style)")
    axes.set_ylim(bottom=0.0)
    axes.legend(fontsize=8, frameon=False)
    return _address(figure)


def profile_plot(rows: Sequence[JudgedRow], genre: str) -> str | None:
    """Return how acceleration is spread over the beat, against an even spread."""
    figure, axes = _figure(3.6, 2.4)
    drawn = False
    for colour, judged in zip(COLOURS, rows, strict=False):
        parts = [
            r.curves["profile"]
            for r in judged.records
            if "profile" in r.curves and r.genre == genre and r.curves["profile"].sum() > 0.0
        ]
        if not parts:
            continue
        total = np.sum(parts, axis=0)
        share = np.append(total, total[0]) / total.mean()
        axes.plot(np.arange(len(share)) / len(total), share, color=colour, label=judged.row.name)
        drawn = True
    axes.axhline(1.0, color="#cccccc", lw=0.8, zorder=0)
    axes.set_xlabel(f"part of the beat, {genre}")
    axes.set_ylabel("acceleration / mean")
    if not drawn:
        return None
    return _address(figure)


def shares_plot(rows: Sequence[JudgedRow], key: str, label: str, scale: float) -> str | None:
    """Return cumulative shares of one curve's values, row by row."""
    figure, axes = _figure(3.6, 2.6)
    drawn = False
    for colour, judged in zip(COLOURS, rows, strict=False):
        parts = [r.curves[key] for r in judged.records if len(r.curves.get(key, ()))]
        if not parts:
            continue
        values = np.sort(scale * np.concatenate(parts))
        shares = np.arange(1, len(values) + 1) / len(values)
        step = max(1, len(values) // 400)
        axes.plot(values[::step], shares[::step], color=colour, label=judged.row.name)
        drawn = True
    if not drawn:
        return None
    axes.set_xlabel(label)
    axes.set_ylabel("share of windows")
    axes.set_ylim(0.0, 1.0)
    axes.legend(fontsize=6.5, frameon=False)
    return _address(figure)


def skeleton_strips(sample: Sample, from_s: float = 4.0) -> str:
    """Return a strip of 14 poses, seen from in front (above) and from above (below).

    As in the figures of Ahn et al. 2020: half a beat apart, one beside the other, the
    dancer's right side in a lighter colour. The view from above shows the way over the
    floor, too.

    Args:
        sample: The dance.
        from_s: Where the strip begins, if the dance is long enough.
    """
    beat = float(np.median(np.diff(sample.beats_s))) if len(sample.beats_s) > 1 else None
    step = STRIP_STEP_BEATS * beat if beat is not None else STRIP_STEP_S
    span = min(step * (STRIP_POSES - 1), sample.duration_s)
    start = max(0.0, min(from_s, sample.duration_s - span))
    dense = at_rate(sample.joints_m, sample.rate_hz, 100.0)
    rows = np.rint((start + np.linspace(0.0, span, STRIP_POSES)) * 100.0).astype(int)
    rows = np.minimum(rows, len(dense) - 1)
    seen = root_relative(dense, 100.0)[rows]
    figure, (front, above) = _figure(10.0, 2.9, rows=2)
    for k, pose in enumerate(seen):
        shift = 0.9 * k
        _draw(front, -pose[:, 1] + shift, pose[:, 2])
    world = dense[rows]
    centre = world[:, INDEX["waist"], :2]
    _draw_path(above, dense[rows[0] : rows[-1] + 1, INDEX["waist"], :2])
    for k, pose in enumerate(world):
        if k % 3 == 0:
            _draw(above, -pose[:, 1], pose[:, 0], width=0.9)
    spread = np.abs(centre - centre.mean(axis=0)).max() + 0.7
    above.set_xlim(-centre[:, 1].mean() - 3.4 * spread, -centre[:, 1].mean() + 3.4 * spread)
    above.set_ylim(centre[:, 0].mean() - spread, centre[:, 0].mean() + spread)
    front.set_xlim(-0.7, 0.9 * (STRIP_POSES - 1) + 0.7)
    front.set_ylim(-0.05, 1.9)
    front.axhline(0.0, color="#bbbbbb", lw=0.7, zorder=0)
    for axes in (front, above):
        axes.set_aspect("equal")
        axes.set_axis_off()
    return _address(figure)


def _draw(axes: Any, x: FloatArray, y: FloatArray, width: float = 1.3) -> None:
    for a, b in LIMBS:
        colour = "#7aa6d6" if "right" in a and "right" in b else "#1d3f66"
        ends = [INDEX[a], INDEX[b]]
        axes.plot(x[ends], y[ends], color=colour, lw=width, solid_capstyle="round")
    shoulders = [INDEX["right_shoulder"], INDEX["left_shoulder"]]
    heads = [INDEX["head_right"], INDEX["head_left"]]
    for lower, upper in ((INDEX["waist"], shoulders), (shoulders, heads)):
        ends_x = [np.mean(x[lower]), np.mean(x[upper])]
        ends_y = [np.mean(y[lower]), np.mean(y[upper])]
        axes.plot(ends_x, ends_y, color="#1d3f66", lw=width)


def _draw_path(axes: Any, path: FloatArray) -> None:
    axes.plot(-path[:, 1], path[:, 0], color="#c9a227", lw=1.0, zorder=0)


def _figure(width: float, height: float, rows: int = 1) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, 1)
    for one in np.atleast_1d(axes):
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=8)
    return figure, axes


def _address(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
