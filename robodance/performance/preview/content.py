"""What the page shows, gathered from the plan, its proof and what was lost, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from robodance.output import plain
from robodance.performance.preview.balance import balance_points
from robodance.performance.preview.dancer import dancer_figure
from robodance.performance.preview.figure import robot_figure
from robodance.performance.preview.marks import find_marks
from robodance.performance.preview.strips import make_strips
from robodance.performance.preview.times import PageTimes, page_times
from robodance.performance.preview.tracks import track
from robodance.robots.model import RobotModel
from robodance.values import Certificate, FloatArray, Losses, PerformanceLog, Plan

__all__ = ["gather"]

MOTION_RATE_HZ = 50.0
LONGEST_AT_FULL_RATE_S = 240.0  # a longer dance has fewer samples, so that the page stays small
LEAST_SHARE = 1 / 3  # of the full rates; at 16 Hz a rumba's hands were off by 4 mm at most
ANGLE_STEP_RAD = 2e-4
POSE_STEP = 1e-5  # m, and parts of a quaternion
FLOOR_STEP_M = 5e-4
BALANCE_RATE_HZ = 25.0
DANCER_RATE_HZ = 25.0
CELL_S = 0.1


def gather(
    plan: Plan,
    robot: RobotModel,
    certificate: Certificate,
    losses: Losses | None,
    content: Mapping[str, Any],
    log: PerformanceLog | None = None,
) -> dict[str, Any]:
    """Return everything but the sound.

    Args:
        plan: What is danced.
        robot: Who dances.
        certificate: What an independent check found.
        losses: What the robot could not do of the dance; None: not known.
        content: What ``make_report`` made of them.
        log: What was measured; None when nothing was performed.
    """
    times = page_times(plan)
    length_s = max(times.end_s - times.start_s, 1e-9)
    share = min(1.0, max(LONGEST_AT_FULL_RATE_S / length_s, LEAST_SHARE))
    inside = (plan.beats_s >= times.start_s) & (plan.beats_s <= times.end_s)
    gathered = {
        "about": _about(plan, content, times),
        "times": {
            "start": times.start_s,
            "end": times.end_s,
            "music": float(plan.human_times_s[0]),
            "slower": times.slower,
        },
        "beats": {
            "at": plan.beats_s[inside].round(4),
            "number": plan.beat_numbers[inside],
        },
        "robot": robot_figure(robot),
        "motion": _motion(plan, times, MOTION_RATE_HZ * share),
        "dancer": dancer_figure(plan, robot, times, DANCER_RATE_HZ * share),
        "balance": _balance(plan, robot, times, BALANCE_RATE_HZ * share),
        "strips": make_strips(plan, certificate, losses, times, CELL_S / share),
        "marks": find_marks(plan, certificate, losses, times, log),
    }
    return dict(plain(gathered))


def _motion(plan: Plan, times: PageTimes, rate_hz: float) -> dict[str, Any]:
    from robodance.performance.conductor import executed_curve

    even = times.even(rate_hz)
    moments = times.robot(even)
    pose = np.column_stack([np.interp(moments, plan.times_s, row) for row in plan.torso_pose.T])
    changes = np.flatnonzero(np.diff(plan.support, prepend=-1))
    return {
        "joints": track(executed_curve(plan)(moments), ANGLE_STEP_RAD, times.start_s, rate_hz),
        "torso": track(pose, POSE_STEP, times.start_s, rate_hz),
        "support": [[round(float(times.song_s[i]), 4), int(plan.support[i])] for i in changes],
    }


def _balance(plan: Plan, robot: RobotModel, times: PageTimes, rate_hz: float) -> dict[str, Any]:
    points: FloatArray = balance_points(robot, plan, times.robot(times.even(rate_hz)))
    return track(points, FLOOR_STEP_M, times.start_s, rate_hz)


def _about(plan: Plan, content: Mapping[str, Any], times: PageTimes) -> dict[str, Any]:
    """Return the words of the page."""
    about, song = content["plan"], content["song"]
    name = song["path"] if song else about.get("song_path") or about.get("file")
    tempo = song["tempo_bpm"] if song else about.get("tempo_bpm")
    words = [about.get("genre"), f"{tempo:.0f} bpm" if tempo else None]
    words += [about.get("robot_model", "the robot")]
    words += [f"seed {about['seed']}" if "seed" in about else None]
    if times.slower > 1.0 + 1e-6:
        words.append(f"danced {times.slower:.3g} times slower, shown at the music's speed")
    certificate, performance = content["certificate"], content["performance"]
    return {
        "title": Path(str(name)).stem.replace("_", " ") if name else "A dance",
        "subtitle": [str(word) for word in words if word],
        "clean": certificate["clean"],
        "broken": {kind: n for kind, n in certificate["violations"].items() if n},
        "performed": None if performance is None else {"falls": performance["falls"]},
        "warnings": content["warnings"],
        "robodance": dict(about.get("versions") or {}).get("robodance", ""),
    }
