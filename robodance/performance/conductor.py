"""Perform a plan: one clock, the start posture, the dance, and a safe end on every way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from robodance.errors import RobodanceError
from robodance.performance.backend import Backend, Observation
from robodance.values import FloatArray, PerformanceLog, Plan

__all__ = ["conduct", "executed_curve", "tilt_between"]

FALLEN_TILT_RAD = np.radians(60.0)
FALLEN_HEIGHT_SHARE = 0.6  # of the planned height of the torso
REPORT_EVERY_S = 0.5  # of robot time
CHUNK_S = 10.0  # of robot time; the curve is evaluated in pieces


def conduct(
    plan: Plan,
    backend: Backend,
    *,
    progress: Callable[[float], None] | None = None,
    stop: Callable[[], bool] | None = None,
    keep: Callable[[PerformanceLog], None] | None = None,
    watch: Callable[[float], None] | None = None,
) -> PerformanceLog:
    """Perform a plan from its first sample to its last.

    A fall ends the performance: the log is kept, with the moment in ``falls`` and the
    reason in its metadata; what follows from it is the caller's decision.

    Args:
        plan: What to do.
        backend: Who does it.
        progress: Told the share done, 0..1, from time to time.
        stop: Asked twice a second of robot time; True ends the performance.
        keep: Given the log of a performance that an error or a person ended.
        watch: Told each moment of robot time that is observed, when it is.

    Raises:
        PreflightRefused: The backend will not perform this plan.
        PerformanceAborted: The robot or its surroundings ended it.
    """
    backend.preflight(plan)
    notes = _Notes(plan, watch or (lambda moment: None))
    try:
        try:
            backend.take_start(plan.positions_rad[0], plan.torso_pose[0])
            notes.add(0.0, plan.positions_rad[0], backend.observe())
            if not notes.fallen:
                _perform(plan, backend, notes, progress or (lambda share: None), stop)
        finally:
            backend.rest()
    except (RobodanceError, KeyboardInterrupt) as error:
        if keep is not None and notes.seen:
            notes.aborted = str(error) or "stopped by Ctrl-C"
            keep(notes.log(backend))
        raise
    return notes.log(backend)


def executed_curve(plan: Plan) -> CubicSpline:
    """Return the curve through the plan's samples that every claim is about."""
    return CubicSpline(plan.times_s, plan.positions_rad, bc_type="clamped")


def _perform(
    plan: Plan,
    backend: Backend,
    notes: _Notes,
    progress: Callable[[float], None],
    stop: Callable[[], bool] | None,
) -> None:
    curve = executed_curve(plan)
    steps = int(np.floor(plan.duration_s / backend.period_s + 1e-6))
    chunk = max(1, round(CHUNK_S / backend.period_s))
    report_every = max(1, round(REPORT_EVERY_S / backend.period_s))
    for first in range(0, steps, chunk):
        count = min(chunk, steps - first)
        elapsed = backend.period_s * np.arange(first, first + count + 1)
        targets = curve(plan.times_s[0] + np.minimum(elapsed, plan.duration_s))
        for i in range(count):
            step = first + i + 1
            backend.move(targets[i], targets[i + 1])
            if step % backend.observe_every == 0 or step == steps:
                seen = backend.observe()
                target = targets[i + 1]
                if seen.late_s:
                    late = min(elapsed[i + 1] + seen.late_s, plan.duration_s)
                    target = curve(plan.times_s[0] + late)
                notes.add(elapsed[i + 1], target, seen)
                if notes.fallen:
                    return
            if step % report_every == 0:
                progress(step / steps)
                if stop is not None and stop():
                    notes.stopped = True
                    return
    progress(1.0)


@dataclass
class _Notes:
    """What is written down while a plan is performed."""

    plan: Plan
    watch: Callable[[float], None]
    times_s: list[float] = field(default_factory=list)
    commanded_rad: list[FloatArray] = field(default_factory=list)
    seen: list[Observation] = field(default_factory=list)
    tilt_rad: list[float] = field(default_factory=list)
    fallen: str = ""
    stopped: bool = False
    aborted: str = ""

    def add(self, elapsed_s: float, commanded_rad: FloatArray, seen: Observation) -> None:
        """Write one observation down and decide whether the robot has fallen."""
        self.watch(self.plan.times_s[0] + elapsed_s)
        moment = self.plan.times_s[0] + elapsed_s + seen.late_s
        if self.times_s and moment <= self.times_s[-1]:
            return  # a slow answer: this moment is known already
        planned = _pose_at(self.plan, moment)
        tilt = tilt_between(planned[None], seen.torso_pose[None])[0]
        self.times_s.append(moment)
        self.commanded_rad.append(commanded_rad)
        self.seen.append(seen)
        self.tilt_rad.append(tilt)
        if tilt > FALLEN_TILT_RAD:
            self.fallen = f"the trunk is tilted by {np.degrees(tilt):.0f} degrees"
        elif seen.torso_pose[2] < FALLEN_HEIGHT_SHARE * planned[2]:
            self.fallen = f"the torso is at {seen.torso_pose[2]:.2f} m, planned {planned[2]:.2f} m"
        elif seen.touching:
            self.fallen = f"{', '.join(seen.touching)} touched the floor"

    def log(self, backend: Backend) -> PerformanceLog:
        """Return the finished log."""
        measured = np.array([seen.measured_rad for seen in self.seen])
        return PerformanceLog(
            backend=backend.name,
            joint_names=self.plan.joint_names,
            times_s=np.array(self.times_s),
            commanded_rad=np.array(self.commanded_rad),
            measured_rad=measured,
            torso_pose=np.array([seen.torso_pose for seen in self.seen]),
            tilt_rad=np.array(self.tilt_rad),
            zmp_margin_m=np.array([seen.zmp_margin_m for seen in self.seen]),
            falls=(float(self.times_s[-1]),) if self.fallen else (),
            metadata={**backend.metadata(), **self._figures(backend, measured)},
        )

    def _figures(self, backend: Backend, measured: FloatArray) -> dict[str, Any]:
        """Sum a run up in plain numbers."""
        error = np.abs(measured - np.array(self.commanded_rad))
        torques = np.array([seen.torques_nm for seen in self.seen])
        names = self.plan.joint_names
        return {
            "robot": backend.robot.name,
            "fall_reason": self.fallen,
            "stopped": self.stopped,
            "aborted": self.aborted,
            "tracking_error_rms_rad": float(np.sqrt((error**2).mean())),
            "tracking_error_max_rad": float(error.max()),
            "tracking_error_max_joint": names[int(error.max(axis=0).argmax())],
            "tracking_error_rms_by_joint_deg": dict(
                zip(names, np.degrees(np.sqrt((error**2).mean(axis=0))).tolist(), strict=True)
            ),
            **(self._heat(backend, torques) if np.isfinite(torques).all() else {}),
        }

    def _heat(self, backend: Backend, torques: FloatArray) -> dict[str, Any]:
        """Sum the motors' work up; not every robot measures it."""
        limits, nominal = backend.robot.effort_limits_nm, backend.robot.nominal_torques_nm
        names = self.plan.joint_names
        rms = np.sqrt((torques**2).mean(axis=0))
        saturated = (np.abs(torques) > 0.999 * limits).mean(axis=0)
        return {
            "rms_torques_nm": dict(zip(names, rms.tolist(), strict=True)),
            "rms_torque_shares": dict(zip(names, (rms / nominal).tolist(), strict=True)),
            "torque_saturated_shares": dict(zip(names, saturated.tolist(), strict=True)),
        }


def tilt_between(planned: FloatArray, measured: FloatArray) -> FloatArray:
    """Return the angle between two trunks' upward axes.

    Args:
        planned: Shape (T, 7), poses x y z qx qy qz qw.
        measured: Shape (T, 7).

    Returns:
        Shape (T,), rad; turning about the vertical does not count.
    """
    first, second = _up(planned), _up(measured)
    across = np.linalg.norm(np.cross(first, second), axis=1)
    along = np.einsum("ti,ti->t", first, second)
    return np.asarray(np.arctan2(across, along))


def _up(poses: FloatArray) -> FloatArray:
    """Third column of each pose's rotation matrix, (T, 3)."""
    x, y, z, w = poses[:, 3:].T
    return np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], axis=1)


def _pose_at(plan: Plan, moment_s: float) -> FloatArray:
    """The planned torso pose between two samples (T is uniform and fine: linear)."""
    step = (plan.times_s[-1] - plan.times_s[0]) / max(len(plan.times_s) - 1, 1)
    place = min(max((moment_s - plan.times_s[0]) / step, 0.0), len(plan.times_s) - 1.0)
    low = int(place)
    high = min(low + 1, len(plan.times_s) - 1)
    share = place - low
    pose = (1.0 - share) * plan.torso_pose[low] + share * plan.torso_pose[high]
    pose[3:] /= np.linalg.norm(pose[3:])
    return np.asarray(pose)
