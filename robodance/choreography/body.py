"""What makes a sequence of joint positions a body: fixed bones, planted feet, a floor.

A network predicts joint positions, so bones breathe and feet drift a little.
``clean_body`` puts that right in closed form over all frames at once: bones get the
lengths of one ``Body``, feet stand still by geometry (``feet.py``), legs follow by
two-bone inverse kinematics, and the pelvis sinks where a leg would have to be stretched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from robodance.choreography.feet import Foot, foot_from_joints, joints_from_foot, lock_foot
from robodance.skeleton import BONES, INDEX, JOINT_NAMES
from robodance.values import FloatArray

__all__ = ["DANCER", "Body", "clean_body", "fix_bones", "rest_heights"]

LONGEST_LEG = 0.99  # share of thigh + shank; a fully straight knee has no bending plane
SINK_SMOOTHING_S = 0.12
DEEPEST_SINK_M = 0.06  # beyond this a foot follows the leg instead
BEND_SMOOTHING_S = 0.08
AHEAD_M = 0.06  # how much a knee tends to point where its foot does


@dataclass(frozen=True)
class Body:
    """The lengths of a dancer, in metres; left and right are equal.

    The defaults are rounded means over the performers of the ChoreoNet takes.
    """

    head_width: float = 0.110
    shoulder_width: float = 0.320
    hip_width: float = 0.168
    waist_height: float = 0.066
    """Of the waist above the middle between the hips."""
    upper_arm: float = 0.295
    forearm: float = 0.215
    hand: float = 0.060
    thigh: float = 0.430
    shank: float = 0.360
    ankle_heel: float = 0.095
    ankle_toe: float = 0.140
    heel_toe: float = 0.168
    sole_height: float = 0.030
    """Of heel and toe above the floor when the foot stands flat."""

    @property
    def leg(self) -> float:
        """Length of the straight leg, hip to ankle."""
        return self.thigh + self.shank

    @property
    def ankle_ahead(self) -> float:
        """How far the ankle lies ahead of the heel in a flat foot."""
        squares = self.ankle_heel**2 - self.ankle_toe**2 + self.heel_toe**2
        return squares / (2.0 * self.heel_toe)

    @property
    def ankle_above(self) -> float:
        """How far the ankle lies above the line from heel to toe."""
        return float(np.sqrt(self.ankle_heel**2 - self.ankle_ahead**2))

    def bone_lengths(self) -> FloatArray:
        """Return the length of every bone in ``skeleton.BONES`` order."""
        by_parts = {
            ("head", "head"): self.head_width,
            ("shoulder", "shoulder"): self.shoulder_width,
            ("hip", "hip"): self.hip_width,
            ("shoulder", "elbow"): self.upper_arm,
            ("elbow", "wrist"): self.forearm,
            ("wrist", "hand"): self.hand,
            ("hip", "knee"): self.thigh,
            ("knee", "ankle"): self.shank,
            ("ankle", "heel"): self.ankle_heel,
            ("ankle", "toe"): self.ankle_toe,
            ("heel", "toe"): self.heel_toe,
            ("waist", "hip"): float(np.hypot(self.waist_height, 0.5 * self.hip_width)),
        }
        return np.array([by_parts[_part(a), _part(b)] for a, b in BONES])


DANCER = Body()


def clean_body(
    joint_positions_m: FloatArray, frame_rate_hz: float, body: Body = DANCER
) -> FloatArray:
    """Make a sequence physically clean: bones fixed, floor respected, feet locked.

    Args:
        joint_positions_m: Shape (T, 21, 3), world, about the proportions of ``body``.
        frame_rate_hz: Frames per second in real time (speeds decide about contact).
        body: The dancer.

    Returns:
        Shape (T, 21, 3). Where both ankle and toe of a foot are near the height at
        which they rest, that foot stands still.
    """
    positions = np.array(joint_positions_m, dtype=np.float64)
    positions[..., 2] -= _floor_offset(positions, body)
    feet = {
        side: lock_foot(foot_from_joints(positions, side), frame_rate_hz, body)
        for side in ("right", "left")
    }
    return _assemble(positions, feet, body, frame_rate_hz)


def fix_bones(
    joint_positions_m: FloatArray, body: Body = DANCER, frame_rate_hz: float = 25.0
) -> FloatArray:
    """Give every bone its length; feet keep their place and are not locked."""
    positions = np.array(joint_positions_m, dtype=np.float64)
    feet = {side: foot_from_joints(positions, side) for side in ("right", "left")}
    return _assemble(positions, feet, body, frame_rate_hz)


def rest_heights(joint_positions_m: FloatArray) -> FloatArray:
    """Return each joint's resting height: the 10th percentile over the dance, shape (21,)."""
    return np.asarray(np.percentile(np.asarray(joint_positions_m)[..., 2], 10, axis=0))


def _floor_offset(positions: FloatArray, body: Body) -> float:
    """Return by how much the dance floats: resting height of the toes over the sole's."""
    toes = positions[:, [INDEX["right_toe"], INDEX["left_toe"]], 2].min(axis=1)
    return float(np.percentile(toes, 20) - body.sole_height)


def _assemble(
    positions: FloatArray, feet: dict[str, Foot], body: Body, frame_rate_hz: float
) -> FloatArray:
    """Rebuild a body around given feet: pelvis, legs, then trunk, arms and head."""
    source = {name: positions[:, index] for name, index in INDEX.items()}
    joints: dict[str, FloatArray] = {}
    for side, foot in feet.items():
        for part, path in joints_from_foot(foot, body).items():
            joints[f"{side}_{part}"] = path
    lateral = _unit(source["left_hip"] - source["right_hip"])
    middle = 0.5 * (source["left_hip"] + source["right_hip"])
    up = source["waist"] - middle
    up = _unit(up - lateral * _dot(up, lateral))
    hips = {
        "right": middle - 0.5 * body.hip_width * lateral,
        "left": middle + 0.5 * body.hip_width * lateral,
    }
    sink = _sink(hips, {side: joints[f"{side}_ankle"] for side in feet}, body, frame_rate_hz)
    lowered = np.zeros_like(middle)
    lowered[:, 2] = -sink
    joints["waist"] = middle + body.waist_height * up + lowered
    for side, foot in feet.items():
        hip, ankle = hips[side] + lowered, joints[f"{side}_ankle"]
        bend = _bend(source, side, foot, frame_rate_hz)
        knee, reached = _two_bones(hip, ankle, bend, body)
        for part in ("heel", "toe"):
            joints[f"{side}_{part}"] = joints[f"{side}_{part}"] + (reached - ankle)
        joints[f"{side}_hip"], joints[f"{side}_knee"] = hip, knee
        joints[f"{side}_ankle"] = reached
    _add_upper_body(joints, source, lowered, body)
    return np.stack([joints[name] for name in JOINT_NAMES], axis=1)


def _add_upper_body(
    joints: dict[str, FloatArray], source: dict[str, FloatArray], lowered: FloatArray, body: Body
) -> None:
    """Set shoulders, arms and head: directions as they are, lengths of the body."""
    for part, width in (("shoulder", body.shoulder_width), ("head", body.head_width)):
        right, left = _pair(part)
        centre = 0.5 * (source[right] + source[left]) + lowered
        half = 0.5 * width * _unit(source[left] - source[right])
        joints[right], joints[left] = centre - half, centre + half
    for side in ("right", "left"):
        for above, below, length in (
            ("shoulder", "elbow", body.upper_arm),
            ("elbow", "wrist", body.forearm),
            ("wrist", "hand", body.hand),
        ):
            direction = _unit(source[f"{side}_{below}"] - source[f"{side}_{above}"])
            joints[f"{side}_{below}"] = joints[f"{side}_{above}"] + length * direction


def _sink(
    hips: dict[str, FloatArray], ankles: dict[str, FloatArray], body: Body, frame_rate_hz: float
) -> FloatArray:
    """Return how far the pelvis must go down so that both legs reach; smooth, shape (T,)."""
    reach = LONGEST_LEG * body.leg
    need = np.zeros(len(hips["right"]))
    for side, hip in hips.items():
        offset = hip - ankles[side]
        flat = np.minimum(np.hypot(offset[:, 0], offset[:, 1]), 0.9 * reach)
        need = np.maximum(need, offset[:, 2] - np.sqrt(reach**2 - flat**2))
    need = np.minimum(need, DEEPEST_SINK_M)
    sigma = SINK_SMOOTHING_S * frame_rate_hz
    covered = maximum_filter1d(need, 2 * round(2 * sigma) + 1, mode="nearest")
    return np.asarray(gaussian_filter1d(covered, sigma, mode="nearest", truncate=2.0))


def _bend(source: dict[str, FloatArray], side: str, foot: Foot, frame_rate_hz: float) -> FloatArray:
    """Return to which side a knee leans, metres; smooth, so that a straight leg cannot flip."""
    hip, knee, ankle = (source[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
    axis = _unit(ankle - hip)
    lean = knee - hip - axis * _dot(knee - hip, axis) + AHEAD_M * foot.forward
    return np.asarray(
        gaussian_filter1d(lean, BEND_SMOOTHING_S * frame_rate_hz, axis=0, mode="nearest")
    )


def _two_bones(
    hip: FloatArray, ankle: FloatArray, bend: FloatArray, body: Body
) -> tuple[FloatArray, FloatArray]:
    """Place the knee between hip and ankle, on the side to which ``bend`` leans.

    Returns:
        Knee and ankle; the ankle is moved only where it is out of reach.
    """
    axis = ankle - hip
    distance = np.linalg.norm(axis, axis=1, keepdims=True)
    axis = axis / np.maximum(distance, 1e-9)
    shortest = 1.02 * abs(body.thigh - body.shank) + 1e-3
    reached = np.clip(distance, shortest, LONGEST_LEG * body.leg)
    pole = _unit(bend - axis * _dot(bend, axis))
    along = (body.thigh**2 - body.shank**2 + reached**2) / (2.0 * reached)
    aside = np.sqrt(np.maximum(body.thigh**2 - along**2, 0.0))
    return hip + along * axis + aside * pole, hip + reached * axis


def _part(index: int) -> str:
    name = JOINT_NAMES[index]
    return "head" if name.startswith("head") else name.split("_")[-1]


def _pair(part: str) -> tuple[str, str]:
    return ("head_right", "head_left") if part == "head" else (f"right_{part}", f"left_{part}")


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray((a * b).sum(axis=1, keepdims=True))


def _unit(vectors: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    fallback = np.zeros_like(vectors)
    fallback[:, 2] = 1.0
    return np.asarray(np.where(lengths > 1e-6, vectors / np.maximum(lengths, 1e-9), fallback))
