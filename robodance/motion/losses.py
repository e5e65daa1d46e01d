"""What the robot could not do of what the dancer did."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from robodance.config import MotionConfig
from robodance.motion.limits import joint_limits
from robodance.motion.retarget import retarget
from robodance.motion.spline import Spline
from robodance.motion.targets import SIDES, arm_stops, dance_targets, gaze_direction, resample
from robodance.motion.timing import timeline_of
from robodance.robots.kinematics import forward_kinematics, landmark_positions
from robodance.robots.model import RobotModel
from robodance.values import BoneLoss, FloatArray, JointTrajectory, Losses, Plan, PoseSequence

__all__ = ["bone_errors", "measure_losses", "unlimited_motion"]

RATE_HZ = 25.0
HIT_FRAMES = 1


def measure_losses(
    plan: Plan, dance: PoseSequence, robot: RobotModel, unlimited: JointTrajectory | None = None
) -> Losses:
    """Return what a plan lost against the dancer.

    Args:
        plan: The plan of ``dance``.
        dance: The dancer.
        robot: The robot.
        unlimited: The motion without speed limits (``Adaptation.unlimited``); None: it is
            made again.
    """
    if unlimited is None:
        unlimited = unlimited_motion(plan, dance, robot)
    times, dancer = _danced(plan)
    errors = bone_errors(plan, robot)
    bones = tuple(
        BoneLoss(name, float(e.mean()), float(np.percentile(e, 95))) for name, e in errors.items()
    )
    stops = dance_targets(dancer, RATE_HZ).stops
    done = _hands(robot, _at(plan.times_s, plan.positions_rad, times))
    ideal = _hands(robot, _at(unlimited.times_s, unlimited.positions_rad, times))
    total = sum(int(stops[side].sum()) for side in SIDES)
    before, after = (
        sum(_hits(stops[side], arm_stops(hands[side], RATE_HZ)) for side in SIDES)
        for hands in (ideal, done)
    )
    paths = [
        sum(float(np.linalg.norm(np.diff(hands[side], axis=0), axis=1).sum()) for side in SIDES)
        for hands in (ideal, done)
    ]
    return Losses(
        bones=bones,
        arm_stops=total,
        arm_stops_hit_before=before / total if total else 1.0,
        arm_stops_hit_after=after / total if total else 1.0,
        path_length_kept=paths[1] / paths[0] if paths[0] > 0.0 else 1.0,
    )


def unlimited_motion(plan: Plan, dance: PoseSequence, robot: RobotModel) -> JointTrajectory:
    """Return a plan's dance without speed limits and clearance, at the plan's times."""
    slow = float(plan.metadata.get("slow_motion", 1.0))
    duration = (len(dance.poses) - 1) / dance.frame_rate_hz * slow
    knot_rate = float(plan.metadata.get("knot_rate_hz", MotionConfig().knot_rate_hz))
    config = MotionConfig(
        tempo="slow" if slow > 1.0 else "keep",
        slow_motion=slow,
        stand=str(plan.metadata.get("stand", MotionConfig().stand)),
        knot_rate_hz=knot_rate,
        plan_rate_hz=1.0 / float(plan.times_s[1] - plan.times_s[0]),
        lead_in_s=plan.music_start_s,
        lead_out_s=plan.duration_s - plan.music_start_s - duration,
    )
    limits = joint_limits(robot, config)
    wanted = retarget(dance, robot, timeline_of(dance, config), limits, config)
    spline = Spline(wanted.control, 1.0 / knot_rate)
    return JointTrajectory(robot.joint_names, plan.times_s, spline.at(plan.times_s))


def bone_errors(
    plan: Plan, robot: RobotModel, motion: JointTrajectory | None = None
) -> dict[str, FloatArray]:
    """Return the angle between robot's and dancer's bones over the danced part, in degrees.

    Args:
        plan: The plan; the dancer travels in it.
        robot: The robot.
        motion: Another motion at the plan's times to be judged instead of the plan's.

    Returns:
        Bone name to (T,), at 25 samples per second of song.
    """
    times, dancer = _danced(plan)
    targets = dance_targets(dancer, RATE_HZ)
    source = plan if motion is None else motion
    positions = _at(source.times_s, source.positions_rad, times)
    marks = landmark_positions(robot, forward_kinematics(robot, positions))
    errors = {}
    for side in SIDES:
        shoulder, elbow, wrist = (
            marks[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist")
        )
        errors[f"{side}_upper_arm"] = _angle(elbow - shoulder, targets.upper_arm[side])
        errors[f"{side}_forearm"] = _angle(wrist - elbow, targets.forearm[side])
    columns = [robot.index("HeadYaw"), robot.index("HeadPitch")]
    resting = np.array([0.0, plan.positions_rad[0, columns[1]]])
    wanted = gaze_direction(targets.head_rad + resting)
    errors["head"] = _angle(gaze_direction(positions[:, columns]), wanted)
    return errors


def _danced(plan: Plan) -> tuple[FloatArray, FloatArray]:
    """Return robot times (T,) of the danced part, and the dancer there (T, 21, 3)."""
    first, last = plan.human_times_s[0], plan.human_times_s[-1]
    count = max(2, round((last - first) * RATE_HZ) + 1)
    moments = np.linspace(first, last, count)
    times = np.interp(moments, plan.music_times_s, plan.times_s)
    return times, resample(plan.human_joints_m, plan.human_times_s, moments)


def _at(times_s: FloatArray, positions: FloatArray, wanted_s: FloatArray) -> FloatArray:
    return np.asarray(CubicSpline(times_s, positions, bc_type="clamped")(wanted_s))


def _hands(robot: RobotModel, positions_rad: FloatArray) -> dict[str, FloatArray]:
    marks = landmark_positions(robot, forward_kinematics(robot, positions_rad))
    return {side: marks[f"{side}_wrist"] for side in SIDES}


def _hits(wanted: FloatArray, done: FloatArray) -> int:
    """Return how many stops have one of the robot's within a frame."""
    reach = np.convolve(done, np.ones(2 * HIT_FRAMES + 1), mode="same") > 0.0
    return int((reach & (wanted > 0.0)).sum())


def _angle(vectors: FloatArray, wanted: FloatArray) -> FloatArray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.degrees(np.arccos(np.clip((unit * wanted).sum(axis=1), -1.0, 1.0))))
