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
from robodance.skeleton import BONES, INDEX, JOINT_NAMES
from robodance.values import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FRONT_LIMBS", "drift_plot", "profile_plot", "shares_plot", "skeleton_strips"]

COLOURS = ("#444444", "#999999", "#2a6fbb", "#8fb7e0", "#c9a227", "#b5482a", "#6a8f3c", "#7b4fa3")
STRIP_POSES = 14
STRIP_STEP_BEATS = 0.5
STRIP_STEP_S = 0.25
STRIDE_M = 1.1  # from pose to pose on the page
DENSE_HZ = 100.0
Limb = tuple[tuple[str, ...], tuple[str, ...]]
_HIPS, _SHOULDERS = ("right_hip", "left_hip"), ("right_shoulder", "left_shoulder")
_HEADS = ("head_right", "head_left")
LIMBS: tuple[Limb, ...] = tuple(
    ((JOINT_NAMES[a],), (JOINT_NAMES[b],))
    for a, b in BONES
    if "waist" not in (JOINT_NAMES[a], JOINT_NAMES[b])
)
"""What is drawn of a body: lines between the middles of two groups of joints."""
FRONT_LIMBS: tuple[Limb, ...] = (
    *LIMBS,
    (_HIPS, ("waist",)),
    (("waist",), _SHOULDERS),
    (_SHOULDERS, _HEADS),
)
"""With the trunk, which from above is a point."""


def drift_plot(curves: Mapping[str, FloatArray]) -> str | None:
    """Return the curve of Huang et al. 2020: Frechet distance piece by piece; a data address."""
    if not any(len(curve) > 1 for curve in curves.values()):
        return None
    figure, axes = _figure(7.2, 3.0)
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        if len(curve) < 2:
            continue
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
    """Return a strip of 14 poses: from in front, and below each the same from above.

    As in the figures of Ahn et al. 2020, half a beat apart. The dancer's right side is
    lighter; seen from above it faces down the page, to whoever stands in front.

    Args:
        sample: The dance.
        from_s: Where the strip begins, if the dance is long enough.
    """
    beat = float(np.median(np.diff(sample.beats_s))) if len(sample.beats_s) > 1 else None
    step = STRIP_STEP_BEATS * beat if beat is not None else STRIP_STEP_S
    span = min(step * (STRIP_POSES - 1), sample.duration_s)
    start = max(0.0, min(from_s, sample.duration_s - span))
    dense = at_rate(sample.joints_m, sample.rate_hz, DENSE_HZ)
    rows = np.rint((start + np.linspace(0.0, span, STRIP_POSES)) * DENSE_HZ).astype(int)
    seen = root_relative(dense, DENSE_HZ)[np.minimum(rows, len(dense) - 1)]
    figure, (front, above) = _figure(10.0, 2.7, rows=2)
    for k, pose in enumerate(seen):
        _draw(front, pose[:, 1] + STRIDE_M * k, pose[:, 2], FRONT_LIMBS)
        _draw(above, pose[:, 1] + STRIDE_M * k, -pose[:, 0], LIMBS)
    front.axhline(0.0, color="#bbbbbb", lw=0.7, zorder=0)
    for axes, low, high in ((front, -0.05, 1.9), (above, -0.8, 0.6)):
        axes.set_xlim(-0.8, STRIDE_M * (STRIP_POSES - 1) + 0.8)
        axes.set_ylim(low, high)
        axes.set_aspect("equal")
        axes.set_axis_off()
    return _address(figure)


def _draw(axes: Any, x: FloatArray, y: FloatArray, limbs: Sequence[Limb]) -> None:
    """Draw lines between the middles of groups of joints; the right side is lighter."""
    for first, second in limbs:
        right = all("right" in name for name in (*first, *second))
        one, other = ([INDEX[name] for name in names] for names in (first, second))
        axes.plot(
            [x[one].mean(), x[other].mean()],
            [y[one].mean(), y[other].mean()],
            color="#7aa6d6" if right else "#1d3f66",
            lw=1.3,
            solid_capstyle="round",
        )


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
