"""The dancer whom the robot follows, as a figure beside it: capsules between joints."""

from __future__ import annotations

import numpy as np

from robodance.performance.bullet import pybullet
from robodance.performance.felt import heading_of
from robodance.skeleton import JOINT_NAMES, facing_direction
from robodance.values import FloatArray, Plan

__all__ = ["ASIDE_M", "Figure", "bone_lengths", "figure_joints"]

ASIDE_M = 0.66  # to the robot's left, right in the picture
HEAD_HEIGHT_M = 0.50  # of the figure, about the robot's
UPRIGHT_S = 1.0  # slower turns of the dancer are taken out, and the robot's put in
COLOUR = (0.93, 0.55, 0.33, 1.0)
FAR_BELOW_M = 50.0
LIMB_M, TRUNK_M, HEAD_M = 0.016, 0.036, 0.05  # radii

INDEX = {name: i for i, name in enumerate(JOINT_NAMES)}
NECK, HEAD, CHEST = len(JOINT_NAMES), len(JOINT_NAMES) + 1, len(JOINT_NAMES) + 2
BONES: tuple[tuple[int, int, float], ...] = (
    (INDEX["waist"], CHEST, TRUNK_M),
    (CHEST, NECK, LIMB_M),
    (INDEX["right_shoulder"], INDEX["left_shoulder"], 0.8 * TRUNK_M),
    (INDEX["right_hip"], INDEX["left_hip"], TRUNK_M),
    *(
        (INDEX[f"{side}_{a}"], INDEX[f"{side}_{b}"], radius * LIMB_M)
        for side in ("right", "left")
        for a, b, radius in (
            ("shoulder", "elbow", 1.2),
            ("elbow", "wrist", 1.0),
            ("wrist", "hand", 0.9),
            ("hip", "knee", 1.5),
            ("knee", "ankle", 1.2),
            ("heel", "toe", 0.9),
        )
    ),
    (HEAD, HEAD, HEAD_M),
)


class Figure:
    """Capsules in a PyBullet world that can be put along a dancer's bones.

    Args:
        client: The world.
        lengths_m: Of the bones, as ``bone_lengths`` gives them; empty: there is no figure.
    """

    def __init__(self, client: int, lengths_m: tuple[float, ...]) -> None:
        self._client = client
        self._bodies = [
            self._capsule(radius, length)
            for (_, _, radius), length in zip(BONES, lengths_m, strict=False)
        ]

    def put(self, joints_m: FloatArray) -> None:
        """Put the figure somewhere: joints (21, 3), world."""
        points = _with_head(joints_m[None])[0]
        for body, (a, b, _) in zip(self._bodies, BONES, strict=True):
            pybullet.resetBasePositionAndOrientation(
                body,
                (0.5 * (points[a] + points[b])).tolist(),
                _turn_from_up(points[b] - points[a]),
                physicsClientId=self._client,
            )

    def _capsule(self, radius: float, length: float) -> int:
        kind = pybullet.GEOM_CAPSULE if length > 1e-6 else pybullet.GEOM_SPHERE
        size = {"length": length} if length > 1e-6 else {}
        shape = pybullet.createVisualShape(
            kind, radius=radius, rgbaColor=COLOUR, physicsClientId=self._client, **size
        )
        return int(
            pybullet.createMultiBody(
                0.0,
                baseVisualShapeIndex=shape,
                basePosition=(0.0, 0.0, -FAR_BELOW_M),
                physicsClientId=self._client,
            )
        )


def bone_lengths(joints_m: FloatArray) -> tuple[float, ...]:
    """Return the median lengths of the figure's bones, from joints (F, 21, 3)."""
    points = _with_head(joints_m)
    return tuple(
        float(np.median(np.linalg.norm(points[:, b] - points[:, a], axis=1))) for a, b, _ in BONES
    )


def figure_joints(plan: Plan, moments_s: FloatArray) -> FloatArray:
    """Return the dancer beside the robot, at its size, on the spot, facing where it faces.

    Args:
        plan: Whose dancer.
        moments_s: Shape (F,), moments of the song.

    Returns:
        Shape (F, 21, 3), world.
    """
    times, joints = plan.human_times_s, np.array(plan.human_joints_m)
    rate_hz = (len(times) - 1) / (times[-1] - times[0])
    forward = facing_direction(joints, rate_hz)
    yaw = _smooth(np.unwrap(np.arctan2(forward[:, 1], forward[:, 0])), UPRIGHT_S * rate_hz)
    yaw -= _robot_heading(plan, times)
    joints[:, :, :2] -= joints[:, INDEX["waist"], None, :2]
    cos, sin = np.cos(-yaw)[:, None], np.sin(-yaw)[:, None]
    x, y = joints[:, :, 0].copy(), joints[:, :, 1].copy()
    joints[:, :, 0], joints[:, :, 1] = cos * x - sin * y, sin * x + cos * y
    heads = joints[:, [INDEX["head_right"], INDEX["head_left"]], 2].mean(axis=1)
    joints *= HEAD_HEIGHT_M / max(float(np.percentile(heads, 90.0)), 1e-3)
    flat = joints.reshape(len(joints), -1)
    found = np.column_stack([np.interp(moments_s, times, column) for column in flat.T])
    found = found.reshape(len(moments_s), -1, 3)
    found[:, :, :2] += plan.torso_pose[0, :2]
    found[:, :, 1] += ASIDE_M
    return np.asarray(found)


def _robot_heading(plan: Plan, moments_s: FloatArray) -> FloatArray:
    """Return where a robot faces at moments (F,) of the song, (F,) rad; steps turn it."""
    heading = np.unwrap([heading_of(*turn) for turn in plan.torso_pose[:, 3:].tolist()])
    rate_hz = (len(plan.times_s) - 1) / plan.duration_s
    return np.interp(moments_s, plan.music_times_s, _smooth(heading, UPRIGHT_S * rate_hz))


def _with_head(joints_m: FloatArray) -> FloatArray:
    """Add the neck's upper end, the head's middle and the chest: (F, 24, 3)."""
    head = joints_m[:, [INDEX["head_right"], INDEX["head_left"]]].mean(axis=1)
    chest = joints_m[:, [INDEX["right_shoulder"], INDEX["left_shoulder"]]].mean(axis=1)
    return np.concatenate([joints_m, np.stack([head, head, chest], axis=1)], axis=1)


def _turn_from_up(direction: FloatArray) -> list[float]:
    """Return the quaternion (x, y, z, w) that turns z into a direction."""
    length = float(np.linalg.norm(direction))
    if length < 1e-9:
        return [0.0, 0.0, 0.0, 1.0]
    x, y, z = direction / length
    if z < -1.0 + 1e-9:
        return [1.0, 0.0, 0.0, 0.0]
    turn = np.array([-y, x, 0.0, 1.0 + z])
    return [float(value) for value in turn / np.linalg.norm(turn)]


def _smooth(values: FloatArray, width: float) -> FloatArray:
    """Return a running mean over about ``width`` samples, the ends held."""
    half = max(1, round(width / 2.0))
    padded = np.pad(values, half, mode="edge")
    return np.convolve(padded, np.full(2 * half + 1, 1.0 / (2 * half + 1)), mode="valid")
