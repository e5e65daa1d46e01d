"""A plan in the files of other tools: what ``robodance export`` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.errors import PlanError, UsageError
from robodance.motion_files.bvh_out import Bone, write_bvh
from robodance.motion_files.choregraphe import write_choregraphe
from robodance.motion_files.joint_tables import write_csv, write_json_joints
from robodance.motion_files.plan_keys import bezier_keys, plan_curve
from robodance.motion_files.rosbag import write_rosbag
from robodance.motion_files.timelines import write_qianim
from robodance.plan_file import read_plan
from robodance.robots.kinematics import forward_kinematics
from robodance.robots.model import RobotModel, load_robot
from robodance.values import FloatArray, JointTrajectory, Plan

__all__ = ["EXPORTS", "BvhBody", "bvh_bones", "export_plan"]


def export_plan(plan_file: Path, to: str, path: Path | None = None) -> Path:
    """Write a plan as another tool's file.

    Args:
        plan_file: A ``plan.npz``.
        to: One of ``EXPORTS``.
        path: The file (``rosbag``: the folder); None: beside the plan, under its name.

    Returns:
        What was written.

    Raises:
        UsageError: There is no such format.
        PlanError: The plan cannot be read.
        OutputError: The file cannot be written.
        MissingDependency: A library is missing.
    """
    if to not in EXPORTS:
        raise UsageError(f"--to {to}: unknown; there are {', '.join(EXPORTS)}")
    ending, write = EXPORTS[to]
    plan = read_plan(plan_file)
    if len(plan.times_s) < 2:
        raise PlanError(f"{plan_file}: holds {len(plan.times_s)} moment; there is no motion in it")
    target = path or plan_file.with_name(f"{plan_file.stem}{ending}")
    if target.resolve() == plan_file.resolve():
        raise UsageError(f"-o {target} is the plan itself; choose another name")
    write(plan, target)
    return target


def _motion(plan: Plan) -> JointTrajectory:
    """Return a plan's motion, its first sample at 0 s."""
    return JointTrajectory(plan.joint_names, plan.times_s - plan.times_s[0], plan.positions_rad)


def _csv(plan: Plan, path: Path) -> None:
    write_csv(path, _motion(plan))


def _json(plan: Plan, path: Path) -> None:
    write_json_joints(path, plan)


def _choregraphe(plan: Plan, path: Path) -> None:
    joints, _ = bezier_keys(plan)
    known = plan.metadata
    about = [
        "Written by robodance",
        f"{plan.duration_s:.2f} s for {known.get('robot_model', 'a NAO')}",
        f"{known.get('song_path') or 'no song'} starts {plan.music_start_s:.3f} s into the keys",
    ]
    posture = str(known.get("start_posture") or "StandInit")
    write_choregraphe(path, joints, about=about, posture=posture)


def _qianim(plan: Plan, path: Path) -> None:
    joints, fps = bezier_keys(plan)
    write_qianim(path, joints, fps=fps)


def _rosbag(plan: Plan, path: Path) -> None:
    motion = _motion(plan)
    write_rosbag(path, motion, plan_curve(plan)(motion.times_s, 1))


@dataclass(frozen=True)
class BvhBody:
    """One body of the exported BVH, named so that readers of human motion know it.

    Attributes:
        name: In the file.
        parent: In the file.
        link: The robot's link whose frame it is.
        mark: The landmark at its origin; None: the link's own origin.
        end: The landmark at its end.
    """

    name: str
    parent: str | None
    link: str
    mark: str | None = None
    end: str | None = None


def _bodies(robot: RobotModel) -> list[BvhBody]:
    """Return the bodies of a robot's BVH: what its landmarks are fixed to, parents first."""
    result = [
        BvhBody("Hips", None, robot.base_link, "waist"),
        BvhBody("Spine", "Hips", robot.base_link),
        BvhBody("Head", "Spine", robot.landmarks["head"][0], None, "head"),
    ]
    for side, word in (("left", "Left"), ("right", "Right")):
        links = {name: robot.landmarks[f"{side}_{name}"][0] for name in ("elbow", "wrist", "hand")}
        legs = {name: robot.landmarks[f"{side}_{name}"][0] for name in ("knee", "ankle", "toe")}
        result += [
            BvhBody(f"{word}Shoulder", "Spine", links["elbow"], f"{side}_shoulder"),
            BvhBody(f"{word}Elbow", f"{word}Shoulder", links["wrist"], f"{side}_elbow"),
            BvhBody(f"{word}Wrist", f"{word}Elbow", links["hand"], f"{side}_wrist", f"{side}_hand"),
            BvhBody(f"{word}Hip", "Hips", legs["knee"], f"{side}_hip"),
            BvhBody(f"{word}Knee", f"{word}Hip", legs["ankle"], f"{side}_knee"),
            BvhBody(f"{word}Ankle", f"{word}Knee", legs["toe"], f"{side}_ankle", f"{side}_toe"),
        ]
    return result


def bvh_bones(plan: Plan, robot: RobotModel) -> list[Bone]:
    """Return the robot's bodies over a plan, in the world."""
    missing = [name for name in robot.joint_names if name not in plan.joint_names]
    if missing:
        raise PlanError(f"the plan is of another robot than {robot.name}; it lacks {missing[0]}")
    columns = [plan.joint_names.index(name) for name in robot.joint_names]
    poses = forward_kinematics(robot, plan.positions_rad[:, columns])
    rest = forward_kinematics(robot, np.zeros((1, len(robot.joint_names))))
    world = Rotation.from_quat(plan.torso_pose[:, 3:]).as_matrix()

    def at_rest(mark: str | None, link: str) -> FloatArray:
        if mark is None:
            return np.asarray(rest.positions_m[0, rest.index(link)])
        holder, offset = robot.landmarks[mark]
        return np.asarray(rest.points(holder, offset)[0])

    found = _bodies(robot)
    places = {body.name: at_rest(body.mark, body.link) for body in found}
    return [
        Bone(
            body.name,
            body.parent,
            places[body.name] - places[body.parent] if body.parent else np.zeros(3),
            world @ poses.rotations[:, poses.index(body.link)],
            None if body.end is None else at_rest(body.end, body.link) - places[body.name],
        )
        for body in found
    ]


def _bvh(plan: Plan, path: Path) -> None:
    robot = load_robot(str(plan.metadata.get("robot_model", "nao_v6")))
    rate = (len(plan.times_s) - 1) / plan.duration_s
    link, offset = robot.landmarks["waist"]
    if link != robot.base_link:
        raise PlanError(f"the waist of {robot.name} is no part of its trunk; there is no root")
    turns = Rotation.from_quat(plan.torso_pose[:, 3:]).as_matrix()
    write_bvh(path, bvh_bones(plan, robot), plan.torso_pose[:, :3] + turns @ offset, rate)


EXPORTS: Mapping[str, tuple[str, Callable[[Plan, Path], None]]] = MappingProxyType({
    "bvh": (".bvh", _bvh),
    "csv": (".csv", _csv),
    "json": (".json", _json),
    "choregraphe": (".py", _choregraphe),
    "qianim": (".qianim", _qianim),
    "rosbag": ("-rosbag", _rosbag),
})
