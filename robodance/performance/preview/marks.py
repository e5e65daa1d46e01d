"""Where something was reduced, drawn back, lost or broken: passages with a word on each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from robodance.performance.preview.times import PageTimes
from robodance.values import BoolArray, Certificate, FloatArray, Losses, PerformanceLog, Plan

__all__ = ["find_marks"]

OVER = 1.0 + 1e-6

Mark = dict[str, Any]


def find_marks(
    plan: Plan,
    certificate: Certificate,
    losses: Losses | None,
    times: PageTimes,
    log: PerformanceLog | None = None,
) -> list[Mark]:
    """Return all marks in the order of time.

    Kinds: ``calmed`` torso and legs were asked for less after a trial, ``retreated`` drawn back
    to the stand posture, ``limited`` the limits take much from the arms' directions, ``broken``
    a limit is broken, ``fell``.
    """
    marks = [
        *_calmed(plan, times),
        *_retreated(plan, times),
        *_limited(losses),
        *_broken(certificate, times),
    ]
    for fall in () if log is None else log.falls:
        at = float(times.song(np.array([fall]))[0])
        marks.append(_mark("fell", at, at, "In the performance the robot fell here."))
    return sorted(marks, key=lambda mark: (mark["from"], mark["to"]))


def _calmed(plan: Plan, times: PageTimes) -> Iterator[Mark]:
    for entry in dict(plan.metadata.get("verification") or {}).get("reduced", ()):
        begin, end = times.song(np.array([entry["start_s"], entry["end_s"]]))
        text = (
            f"Torso and legs were calmed to {100 * entry['share']:.0f} %: {entry['reason']} "
            "(seconds of robot time)."
        )
        yield _mark("calmed", begin, end, text)


def _retreated(plan: Plan, times: PageTimes) -> Iterator[Mark]:
    for passage in plan.metadata.get("retreated_s", ()):
        begin, end = times.song(np.array(passage, dtype=np.float64))
        text = "Drawn back to the stand posture: no motion near the dancer's obeys the limits."
        yield _mark("retreated", begin, end, text)


def _limited(losses: Losses | None) -> Iterator[Mark]:
    if losses is None:
        return
    from robodance.performance.plots import REDUCED_DEG, reduced_passages

    for begin, end in reduced_passages(losses):
        here = (losses.times_s >= begin) & (losses.times_s <= end)
        added = float((losses.arm_error_deg - losses.arm_error_before_deg)[here].max(initial=0.0))
        text = (
            f"Speed limits and clearance turn the arms up to {added:.0f} degrees further from the "
            f"dancer's (marked from {REDUCED_DEG:.0f})."
        )
        yield _mark("limited", begin, end, text)


def _broken(certificate: Certificate, times: PageTimes) -> Iterator[Mark]:
    trace = certificate.trace
    if trace is None or len(trace.times_s) < 2:
        return
    half = (trace.times_s[1] - trace.times_s[0]) / 2.0
    for name, bad in (
        ("A joint is faster than its limit.", (trace.velocity_shares > OVER).any(axis=1)),
        ("A joint accelerates over its limit.", (trace.acceleration_shares > OVER).any(axis=1)),
        ("Parts of the body touch.", trace.clearance_m < 0.0),
        ("The zero moment point leaves the soles.", trace.zmp_margin_m < 0.0),
    ):
        for begin, end in _passages(trace.times_s, np.asarray(bad)):
            around = times.song(np.array([begin - half, end + half]))
            yield _mark("broken", around[0], around[1], name)


def _passages(times_s: FloatArray, which: BoolArray) -> Iterator[tuple[float, float]]:
    edges = np.diff(np.concatenate([[False], which, [False]]).astype(np.int8))
    for begin, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        yield float(times_s[begin]), float(times_s[end - 1])


def _mark(kind: str, begin: float, end: float, text: str) -> Mark:
    return {"kind": kind, "from": round(float(begin), 3), "to": round(float(end), 3), "text": text}
