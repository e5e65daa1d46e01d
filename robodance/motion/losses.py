"""What the robot could not do of what the dancer did."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from robodance.config import MotionConfig
from robodance.motion.beat_losses import beat_means, frames_of_beats, measure_beats, near
from robodance.motion.joint_dance import mirrored
from robodance.motion.postures import held_limits, stand_posture
from robodance.motion.retarget import retarget
from robodance.motion.spline import Spline
from robodance.motion.targets import (
    HEAD_BONE,
    SIDES,
    Targets,
    arm_stops,
    chest_frame,
    dance_targets,
    gaze_direction,
    resample,
)
from robodance.motion.timing import timeline_of_plan
from robodance.robots.kinematics import forward_kinematics, landmark_positions, topological_joints
from robodance.robots.model import RobotModel
from robodance.skeleton import INDEX
from robodance.values import (
    BoneLoss,
    BoolArray,
    FloatArray,
    JointTrajectory,
    Losses,
    Plan,
    PoseSequence,
)

__all__ = ["Shown", "bone_errors", "danced_part", "measure_losses", "unlimited_motion"]

RATE_HZ = 25.0
LEGS_REST_RAD = 1e-6


def measure_losses(
    plan: Plan, dance: PoseSequence, robot: RobotModel, unlimited: JointTrajectory | None = None
) -> Losses:
    """Return what a plan lost against the dancer, as a whole and beat by beat.

    Args:
        plan: The plan of ``dance``.
        dance: The dancer.
        robot: The robot.
        unlimited: The motion without speed limits (``Adaptation.unlimited``); None: it is
            made again.
    """
    if unlimited is None:
        unlimited = unlimited_motion(plan, dance, robot)
    times, moments, dancer = danced_part(plan)
    targets = dance_targets(dancer, RATE_HZ)
    done = Shown(robot, _at(plan.times_s, plan.positions_rad, times))
    ideal = Shown(robot, _at(unlimited.times_s, unlimited.positions_rad, times))
    errors = _bone_errors(plan, robot, done, targets)
    arms, before = (
        {name: error for name, error in who.items() if name != HEAD_BONE}
        for who in (errors, _bone_errors(plan, robot, ideal, targets))
    )
    beats_s = plan.beats_s[(plan.beats_s >= moments[0]) & (plan.beats_s <= moments[-1])]
    frames = frames_of_beats(beats_s, moments)

    def loss(found: dict[str, FloatArray]) -> tuple[BoneLoss, ...]:
        return tuple(
            BoneLoss(
                name,
                float(error.mean()),
                float(np.percentile(error, 95)),
                tuple(beat_means(error, frames, len(beats_s)).tolist()),
            )
            for name, error in found.items()
        )

    hits = [
        sum(int((near(_stopped(who[side])) & (targets.stops[side] > 0.0)).sum()) for side in SIDES)
        for who in (ideal.hands, done.hands)
    ]
    total = sum(int(targets.stops[side].sum()) for side in SIDES)
    ways = [{side: _length(who[side]) for side in SIDES} for who in (ideal.hands, done.hands)]
    human = dict(zip(SIDES, _human_hands(dancer), strict=True))
    return Losses(
        bones=loss(errors),
        arm_stops=total,
        arm_stops_hit_before=hits[0] / total if total else 1.0,
        arm_stops_hit_after=hits[1] / total if total else 1.0,
        path_length_kept=_ratio(sum(ways[1].values()), sum(ways[0].values())),
        path_kept={side: _ratio(ways[1][side], ways[0][side]) for side in SIDES},
        hands=loss(_hand_errors(done, dancer)),
        legs=loss(_leg_errors(done, dancer) if _legs_move(plan, robot) else {}),
        beats=measure_beats(beats_s, moments, arms, (human, ideal.hands, done.hands), RATE_HZ)
        if len(beats_s)
        else None,
        times_s=moments,
        arm_error_deg=np.mean(list(arms.values()), axis=0),
        arm_error_before_deg=np.mean(list(before.values()), axis=0),
    )


def unlimited_motion(plan: Plan, dance: PoseSequence, robot: RobotModel) -> JointTrajectory:
    """Return a plan's dance without speed limits and clearance, at the plan's times."""
    config = _settings_of(plan)
    timeline = timeline_of_plan(plan, config.knot_rate_hz)
    danced = mirrored(dance, robot) if config.mirror else dance
    wanted = retarget(danced, robot, timeline, held_limits(robot, config), config)
    spline = Spline(wanted.control, timeline.step_s)
    return JointTrajectory(robot.joint_names, plan.times_s, spline.at(plan.times_s))


def _settings_of(plan: Plan) -> MotionConfig:
    """Return the settings a plan was made with, as far as they shape the unlimited motion."""
    known, default = plan.metadata, MotionConfig()
    return MotionConfig(
        stand=str(known.get("stand", default.stand)),
        start_posture=known.get("start_posture"),
        solver=str(known.get("solver", default.solver)),
        mirror=bool(known.get("mirror", default.mirror)),
        leave_alone=",".join(known.get("leave_alone", ())) or None,
        vigour=float(known.get("vigour", default.vigour)),
        limit_share=float(known.get("limit_share", default.limit_share)),
        knot_rate_hz=float(known.get("knot_rate_hz", default.knot_rate_hz)),
        plan_rate_hz=1.0 / float(plan.times_s[1] - plan.times_s[0]),
    )


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
    times, _, dancer = danced_part(plan)
    source = plan if motion is None else motion
    shown = Shown(robot, _at(source.times_s, source.positions_rad, times))
    return _bone_errors(plan, robot, shown, dance_targets(dancer, RATE_HZ))


class Shown:
    """What a robot shows of a dance: where its named points are, in the torso frame."""

    def __init__(self, robot: RobotModel, positions_rad: FloatArray) -> None:
        self.positions_rad = positions_rad
        self.marks = landmark_positions(robot, forward_kinematics(robot, positions_rad))
        self.hands = {side: self.marks[f"{side}_wrist"] for side in SIDES}

    def bone(self, first: str, second: str) -> FloatArray:
        """Return the vector from one point to another. Shape (F, 3)."""
        return np.asarray(self.marks[second] - self.marks[first])


def _bone_errors(
    plan: Plan, robot: RobotModel, shown: Shown, targets: Targets
) -> dict[str, FloatArray]:
    errors = {}
    for side in SIDES:
        shoulder, elbow, wrist = (f"{side}_{part}" for part in ("shoulder", "elbow", "wrist"))
        errors[f"{side}_upper_arm"] = _angle(shown.bone(shoulder, elbow), targets.upper_arm[side])
        errors[f"{side}_forearm"] = _angle(shown.bone(elbow, wrist), targets.forearm[side])
    columns = [robot.index("HeadYaw"), robot.index("HeadPitch")]
    resting = np.array([0.0, stand_posture(robot, _settings_of(plan))[columns[1]]])
    wanted = gaze_direction(targets.head_rad + resting)
    errors[HEAD_BONE] = _angle(gaze_direction(shown.positions_rad[:, columns]), wanted)
    return errors


def _hand_errors(shown: Shown, dancer: FloatArray) -> dict[str, FloatArray]:
    """Return the hands' direction errors; a NAO's hand points on along its forearm."""
    seen = dancer @ chest_frame(dancer)
    return {
        f"{side}_hand": _angle(
            shown.bone(f"{side}_wrist", f"{side}_hand"),
            _unit(seen[:, INDEX[f"{side}_hand"]] - seen[:, INDEX[f"{side}_wrist"]]),
        )
        for side in SIDES
    }


def _leg_errors(shown: Shown, dancer: FloatArray) -> dict[str, FloatArray]:
    """Return the legs' direction errors, the dancer seen from the pelvis.

    The pelvis' y axis runs along the hips to the left, its z axis up the trunk.
    """
    place = {name: dancer[:, i] for name, i in INDEX.items()}
    hips = (place["left_hip"] + place["right_hip"]) / 2.0
    left = _unit(place["left_hip"] - place["right_hip"])
    up = (place["left_shoulder"] + place["right_shoulder"]) / 2.0 - hips
    up = _unit(up - np.einsum("ti,ti->t", up, left)[:, None] * left)
    seen = dancer @ np.stack([np.cross(left, up), left, up], axis=2)
    errors = {}
    for side in SIDES:
        for bone, first, second in (("thigh", "hip", "knee"), ("shank", "knee", "ankle")):
            ends = (f"{side}_{first}", f"{side}_{second}")
            wanted = seen[:, INDEX[ends[1]]] - seen[:, INDEX[ends[0]]]
            errors[f"{side}_{bone}"] = _angle(shown.bone(*ends), _unit(wanted))
    return errors


def _legs_move(plan: Plan, robot: RobotModel) -> bool:
    legs = [robot.index(j.name) for j in topological_joints(robot, robot.feet.values())]
    first, last = plan.human_times_s[[0, -1]]
    danced = (plan.music_times_s >= first) & (plan.music_times_s <= last)
    return bool((np.ptp(plan.positions_rad[danced][:, legs], axis=0) > LEGS_REST_RAD).any())


def danced_part(plan: Plan) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return robot and song times (F,) of the danced part, and the dancer there (F, 21, 3)."""
    first, last = plan.human_times_s[0], plan.human_times_s[-1]
    count = max(2, round((last - first) * RATE_HZ) + 1)
    moments = np.linspace(first, last, count)
    times = np.interp(moments, plan.music_times_s, plan.times_s)
    return times, moments, resample(plan.human_joints_m, plan.human_times_s, moments)


def _human_hands(dancer: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the dancer's left and right wrist seen from the chest, (F, 3) each."""
    seen = dancer @ chest_frame(dancer)
    shoulders = [seen[:, INDEX[f"{side}_shoulder"]] for side in SIDES]
    middle = (shoulders[0] + shoulders[1]) / 2.0
    left, right = (seen[:, INDEX[f"{side}_wrist"]] - middle for side in SIDES)
    return left, right


def _at(times_s: FloatArray, positions: FloatArray, wanted_s: FloatArray) -> FloatArray:
    return np.asarray(CubicSpline(times_s, positions, bc_type="clamped")(wanted_s))


def _length(path_m: FloatArray) -> float:
    return float(np.linalg.norm(np.diff(path_m, axis=0), axis=1).sum())


def _ratio(kept: float, whole: float) -> float:
    return kept / whole if whole > 0.0 else 1.0


def _stopped(path_m: FloatArray) -> BoolArray:
    return arm_stops(path_m, RATE_HZ) > 0.0


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9))


def _angle(vectors: FloatArray, wanted: FloatArray) -> FloatArray:
    cosine = (_unit(vectors) * wanted).sum(axis=1)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
