"""How an arm finds its angles: solvers behind one protocol, chosen by name.

``whole-song`` (the default) follows the bone directions over the whole song at once.
``ikpy`` asks the ikpy library (Manceron, "IKPy", https://github.com/Phylliade/ikpy) for
one frame after the other; its angles then take the bones' place as what the arm wants.
Either way the result goes through the same replanner and meets the same limits.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from robodance.errors import ConfigError
from robodance.motion.arm import Arm
from robodance.motion.branches import arm_start
from robodance.motion.limits import JointLimits
from robodance.motion.terms import AngleTerm, BoneTerm, WholeTerm
from robodance.robots.kinematics import topological_joints
from robodance.robots.model import Joint, RobotModel
from robodance.values import FloatArray

if TYPE_CHECKING:
    from ikpy.chain import Chain

__all__ = [
    "SOLVERS",
    "ArmSolver",
    "ArmTask",
    "ArmWish",
    "ikpy",
    "ikpy_chain",
    "load_solver",
    "whole_song",
]

Progress = Callable[[float], None]

SOLVERS = {
    "whole-song": "robodance.motion.ik:whole_song",
    "ikpy": "robodance.motion.ik:ikpy",
}
"""Name to ``module:function``; heavy libraries are imported when a solver runs."""

EVALUATIONS = 40  # of ikpy's optimiser in a frame; from the frame before it needs fewer
TELL_EVERY = 25  # frames


@dataclass(frozen=True)
class ArmTask:
    """What an arm should do at T moments.

    Attributes:
        arm: The arm.
        robot: Its robot.
        upper: Shape (T, 3), unit, where the upper arm should point, in the torso frame.
        fore: Shape (T, 3), the forearm.
        confidence: Shape (T, 2), 0..1, of upper arm and forearm.
        weights: Shape (T, 2), what they count in the cost: confidence times importance.
        posture_rad: Shape (4,), the arm in the stand posture.
        limits: Of the arm's four joints.
        step_s: Time between moments.
    """

    arm: Arm
    robot: RobotModel
    upper: FloatArray = field(repr=False)
    fore: FloatArray = field(repr=False)
    confidence: FloatArray = field(repr=False)
    weights: FloatArray = field(repr=False)
    posture_rad: FloatArray = field(repr=False)
    limits: JointLimits = field(repr=False)
    step_s: float


@dataclass(frozen=True)
class ArmWish:
    """What a solver found.

    Attributes:
        start_rad: Shape (T, 4), inside the position limits.
        terms: The cost by which the planner measures what it gives up.
    """

    start_rad: FloatArray = field(repr=False)
    terms: tuple[WholeTerm, ...] = field(repr=False)


class ArmSolver(Protocol):
    """Finds an arm's angles."""

    def __call__(self, task: ArmTask, progress: Progress) -> ArmWish:
        """Return the angles, and the cost of leaving them. ``progress`` hears 0..1."""
        ...


def load_solver(name: str) -> ArmSolver:
    """Return a solver of the table.

    Raises:
        ConfigError: There is no such solver.
    """
    if name not in SOLVERS:
        raise ConfigError(f"unknown solver {name!r}; known: {', '.join(SOLVERS)}")
    module, function = SOLVERS[name].split(":")
    solver: ArmSolver = getattr(importlib.import_module(module), function)
    return solver


def whole_song(task: ArmTask, progress: Progress) -> ArmWish:
    """Choose branches over the whole song, and leave the rest to the planner's cost on bones."""
    start = arm_start(
        task.arm,
        task.upper,
        task.fore,
        task.confidence,
        task.limits.position_rad,
        task.limits.velocity_rad_s * task.step_s,
        1.0 / task.step_s,
    )
    progress(1.0)
    bones = np.stack([task.upper, task.fore], axis=1)
    return ArmWish(start, (BoneTerm(task.arm, bones, task.weights),))


def ikpy(task: ArmTask, progress: Progress) -> ArmWish:
    """Follow the wrist and the forearm's direction frame by frame, each from the one before.

    The wrist's place is where the robot's own limbs would end if they pointed like the
    dancer's. ikpy knows a chain's end only; with the end's axis along the forearm that
    fixes the elbow too.
    """
    chain = ikpy_chain(task.arm, task.robot)
    shoulder, upper_m, fore_m = _limbs(task.arm, task.robot)
    wrist = shoulder + upper_m * task.upper + fore_m * task.fore  # (T, 3)
    mode, sign = _forearm_axis(task.arm)
    low, high = task.limits.position_rad.T
    angles = np.empty((len(wrist), 4))
    joints = np.concatenate([[0.0], task.posture_rad, [0.0]])
    for t, place in enumerate(wrist):
        joints = chain.inverse_kinematics(
            place,
            sign * task.fore[t],
            mode,
            initial_position=joints,
            optimizer_budget=EVALUATIONS,
        )
        angles[t] = np.clip(joints[1:5], low, high)
        if t % TELL_EVERY == 0:
            progress(t / len(wrist))
    weights = np.repeat(task.weights.mean(axis=1)[:, None], 4, axis=1)
    return ArmWish(angles, (AngleTerm(angles, weights),))


def ikpy_chain(arm: Arm, robot: RobotModel) -> Chain:
    """Return an arm from the trunk to the wrist, read by ikpy from the robot's URDF.

    Its six links are a fixed origin, the four joints with the URDF's limits, and the wrist.
    """
    from ikpy.chain import Chain
    from ikpy.link import OriginLink, URDFLink
    from ikpy.urdf.URDF import get_urdf_parameters

    joints = _joints(arm, robot)
    path = [robot.base_link]
    for joint in joints:
        path.extend([joint.name, joint.child])
    links = get_urdf_parameters(str(robot.urdf), path)[: len(joints)]
    elbow = sum(np.asarray(joint.origin_m) for joint in joints)
    # At the zero pose all frames are parallel, so the wrist in the last one is a difference.
    wrist = _at_zero(robot, f"{arm.side}_wrist") - elbow
    end = URDFLink(f"{arm.side}_wrist", wrist, np.zeros(3), joint_type="fixed")
    active = [False, *(True for _ in joints), False]
    return Chain([OriginLink(), *links, end], active_links_mask=active, name=f"{arm.side}_arm")


def _joints(arm: Arm, robot: RobotModel) -> tuple[Joint, ...]:
    last = next(joint.child for joint in robot.joints if joint.name == arm.joints[-1])
    return topological_joints(robot, [last])


def _limbs(arm: Arm, robot: RobotModel) -> tuple[FloatArray, float, float]:
    """Return the shoulder's place (3,) and the lengths of upper arm and forearm."""
    shoulder, elbow, wrist = (
        _at_zero(robot, f"{arm.side}_{part}") for part in ("shoulder", "elbow", "wrist")
    )
    return (
        shoulder,
        float(np.linalg.norm(elbow - shoulder)),
        float(np.linalg.norm(wrist - elbow)),
    )


def _at_zero(robot: RobotModel, landmark: str) -> FloatArray:
    """Return where a landmark is in the torso frame when all joints are at zero."""
    link, offset = robot.landmarks[landmark]
    carriers = topological_joints(robot, [link])
    return np.asarray(offset + sum((joint.origin_m for joint in carriers), np.zeros(3)))


def _forearm_axis(arm: Arm) -> tuple[str, float]:
    """Return the axis of the forearm's frame along the forearm, as ikpy calls it, and its sign.

    Raises:
        ConfigError: The forearm lies along no axis of its frame.
    """
    along = int(np.abs(arm.forearm).argmax())
    if abs(arm.forearm[along]) < 1.0 - 1e-6:
        raise ConfigError(
            f"the {arm.side} forearm lies along no axis of its frame, which the solver 'ikpy' "
            "needs; use the solver 'whole-song'"
        )
    return "XYZ"[along], float(np.sign(arm.forearm[along]))
