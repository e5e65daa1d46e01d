"""The finished plan: the dance from stand to stand, and the changes of posture around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from robodance.config import MotionConfig
from robodance.motion.balance import Stand
from robodance.motion.limits import joint_limits
from robodance.motion.postures import Change, planted_torso
from robodance.motion.spline import REST_POINTS, Spline
from robodance.motion.timing import Timeline
from robodance.robots.model import RobotModel
from robodance.robots.stability import moved_along
from robodance.values import BoolArray, FloatArray, IntArray, Plan, PoseSequence

__all__ = ["WholePlan"]

MOVED_RAD = 0.05  # legs that differ more from a named posture are worth a word


@dataclass(frozen=True)
class WholePlan:
    """A dance from stand to stand, with the changes of posture before and after it."""

    robot: RobotModel
    config: MotionConfig
    stand: Stand
    changes: tuple[Change | None, Change | None]
    timeline: Timeline

    def sampled(self, control: FloatArray) -> FloatArray:
        """Return the whole curve at the plan's samples, (T, J)."""
        return Spline(self._joined(control), self.timeline.step_s).sampled(self._per_knot)

    def plan(self, control: FloatArray, dance: PoseSequence) -> Plan:
        """Return the plan of a dance whose control points (K + 2, J) are given."""
        positions = self.sampled(control)
        times = np.arange(len(positions)) / self.config.plan_rate_hz
        before, _ = self._lengths
        limits = joint_limits(self.robot, self.config)
        return Plan(
            joint_names=self.robot.joint_names,
            times_s=times,
            positions_rad=positions,
            music_times_s=self.timeline.music_times_s(times - before * self.timeline.step_s),
            music_start_s=before * self.timeline.step_s + self.timeline.music_start_s,
            torso_pose=self._torso(positions),
            support=self._support(times - before * self.timeline.step_s).astype(np.int8),
            beats_s=dance.beats_s,
            beat_numbers=dance.beat_numbers,
            sync_times_s=np.zeros(0),
            human_joints_m=dance.joint_positions_m,
            human_times_s=dance.times_s,
            position_limits_rad=limits.position_rad,
            velocity_limits_rad_s=limits.velocity_rad_s,
            acceleration_limits_rad_s2=limits.acceleration_rad_s2,
            metadata={**dict(dance.metadata), **self._metadata()},
        )

    def notes(self) -> tuple[str, ...]:
        """Return what a person should know about the postures."""
        names = (self.config.start_posture, self.config.end_posture)
        return tuple(
            f"{name} is taken with the feet where {self.config.stand} has them, so its legs are "
            f"up to {np.degrees(change.away_rad):.0f} degrees from the documented posture"
            for name, change in zip(names, self.changes, strict=True)
            if change is not None and change.away_rad > MOVED_RAD
        )

    @property
    def _per_knot(self) -> int:
        return round(self.config.plan_rate_hz / self.config.knot_rate_hz)

    @property
    def _lengths(self) -> tuple[int, int]:
        """Knot intervals of the two changes of posture."""
        before, after = (0 if c is None else len(c.control) - 3 for c in self.changes)
        return before, after

    def _joined(self, control: FloatArray) -> FloatArray:
        before, after = self.changes
        pieces = [control]
        if before is not None:  # they meet at rest: three equal points are one and the same
            pieces = [before.control[:-REST_POINTS], *pieces]
        if after is not None:
            pieces = [*pieces, after.control[::-1][REST_POINTS:]]
        return np.concatenate(pieces)

    @property
    def knots_before(self) -> int:
        """Knots of the plan before the first one of the dance's own timeline."""
        return self._lengths[0]

    def passages_s(self, knots: BoolArray) -> list[list[float]]:
        """Return from when to when (robot time) knots of the dance's timeline are marked."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], knots, [False]]).astype(np.int8)))
        times = (edges + self.knots_before) * self.timeline.step_s
        return [[round(float(a), 3), round(float(b), 3)] for a, b in times.reshape(-1, 2)]

    def _support(self, times_s: FloatArray) -> IntArray:
        """Return what carries the robot at moments of the dance's own timeline."""
        if self.stand.support is None:
            return np.zeros(len(times_s), dtype=np.int64)
        return self.stand.support.numbers_at(times_s)

    def _torso(self, positions: FloatArray) -> FloatArray:
        poses = np.tile(self.stand.torso_pose, (len(positions), 1))
        if self.stand.torso is not None:
            times = np.arange(len(positions)) / self.config.plan_rate_hz
            first = self._lengths[0] * self.timeline.step_s
            poses = self.stand.torso.poses(times - first)
        before, after = (count * self._per_knot for count in self._lengths)
        for part in (slice(0, before), slice(len(positions) - after, len(positions))):
            if part.stop > part.start:
                poses[part] = planted_torso(self.robot, positions[part], self.stand)
        if after and self.stand.torso is not None:  # the feet have walked
            last = slice(len(positions) - after, len(positions))
            poses[last] = moved_along(poses[last], self.stand.torso_pose, poses[last.start - 1])
        return poses

    def _metadata(self) -> dict[str, Any]:
        config = self.config
        return {
            "robot_model": self.robot.name,
            "tempo_mode": config.tempo,
            "slow_motion": config.slow_factor,
            "vigour": config.vigour,
            "limit_share": config.limit_share,
            "mirror": config.mirror,
            "leave_alone": list(config.joints_left_alone),
            "balance_mode": "full-body" if config.full_body else "upper-body",
            "footwork": config.footwork,
            "stand": config.stand,
            "start_posture": config.start_posture or config.stand,
            "end_posture": config.end_posture or config.stand,
            "solver": config.solver,
            "knot_rate_hz": config.knot_rate_hz,
        }
