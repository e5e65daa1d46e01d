"""Legs that bring a robot's weight back to where its plan has it.

A floor that slopes, or a load that nobody weighed, moves the pressure under the soles aside
for the whole dance, and a leg that carries alone soon has no torque left. At its beginning a
robot stands on both soles and hardly moves: how far the pressure is then from where the plan
has it is how far the weight is off. From there on, the trunk is held upright on a slope and
the pelvis kept above where it would be on level floor; against a load the trunk leans about
its hips, and the pelvis moves, too. Leaning takes the load's moment off the hip of the leg that
stands, which moving the pelvis alone leaves there, but who leans far has less room to rock. What
the slope has of it stays where it is in the world, also when a robot slips and no longer faces
where it should; a load turns with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot

import numpy as np

from robodance.performance.felt import Felt, standing_steps, turned
from robodance.performance.leg_slopes import LegSlopes, sampled_rows, stances
from robodance.robots.kinematics import (
    center_of_mass,
    forward_kinematics,
    topological_joints,
)
from robodance.robots.legs import knee_columns, legs_under
from robodance.robots.model import RobotModel
from robodance.robots.stability import to_world, zero_moment_point
from robodance.values import BoolArray, FloatArray, IntArray, Plan

__all__ = ["Shift", "WeightShift"]

RAMP_S = 1.5
FELT_M, FELT_RAD = 0.004, 0.005
"""Load and slope that are not told from none: a robot as planned, its motors late or with play,
feels 3.5 mm and 0.003 rad at most while it settles, in either physics."""
LEAN_RAD_PER_M = 8.0  # brings the hips' torque back to what it is without a load, as measured
LEANT_SHARE = 0.6  # of that; more of it lets a robot that rocks fall sooner, less does, too
LARGEST_LEAN_RAD = 0.09
LARGEST_M = 0.025
LARGEST_SLOPE_RAD_M = 15.0  # a guard: a straight knee would have none; plans come to 12.5


@dataclass(frozen=True)
class Shift:
    """How a trunk is kept beside its plan, in the plan's world.

    Attributes:
        moved_m: Its frame's origin, x and y.
        turned_rad: About x and y, the lean of the floor taken back included.
    """

    moved_m: tuple[float, float] = (0.0, 0.0)
    turned_rad: tuple[float, float] = (0.0, 0.0)


class WeightShift:
    """What a plan's legs do when its weight is off.

    Args:
        plan: The plan.
        robot: Its robot.
        period_s: Time between commands.

    Attributes:
        columns: Those of the L joints between torso and feet.
    """

    def __init__(self, plan: Plan, robot: RobotModel, period_s: float) -> None:
        since = plan.times_s - plan.times_s[0]
        standing = standing_steps(plan, period_s)
        slopes = LegSlopes.of(plan, robot, period_s, _slopes)
        self.columns = slopes.columns
        rows = sampled_rows(plan)
        self._hips_m = _hips_below(robot)
        from_s = standing.stop * period_s
        ramp = np.minimum(since[rows] - from_s, plan.duration_s - since[rows]) / RAMP_S
        ramp = ramp.clip(0.0, 1.0)
        ramp = ramp**2 * (3.0 - 2.0 * ramp)
        self._slopes = replace(slopes, values=slopes.values * ramp[:, None, None])
        self._shares: list[float] = ramp.tolist()
        felt = (since >= standing.start * period_s) & (since <= from_s)
        self._planned, self._height_m = _at_rest(plan, robot, felt)

    def against(self, felt: Felt, turned_rad: float, astray_rad: float) -> Shift:
        """Return how to keep the trunk.

        Args:
            felt: What was felt at the beginning.
            turned_rad: How far the plan has turned the robot since.
            astray_rad: How much further it has really turned.
        """
        middle = felt.middle_m
        if middle is None:
            return Shift()
        floor = felt.floor_rad
        slope = (-self._height_m * floor[1], self._height_m * floor[0])
        load = (self._planned[0] - middle[0] - slope[0], self._planned[1] - middle[1] - slope[1])
        if hypot(*floor) < FELT_RAD:
            floor = slope = (0.0, 0.0)
        if hypot(*load) < FELT_M:
            load = (0.0, 0.0)
        floor, slope = turned(floor, -astray_rad), turned(slope, -astray_rad)
        load = turned(load, turned_rad)
        # Against some of a load it leans, as far as that may go; what is left of it, it moves.
        most = LARGEST_LEAN_RAD / LEANT_SHARE
        leant = LEANT_SHARE * most / max(LEAN_RAD_PER_M * hypot(*load), most)
        lean = [leant * LEAN_RAD_PER_M * part for part in load]
        moved = [slope[k] + (1.0 - leant) * load[k] for k in (0, 1)]
        share = LARGEST_M / max(hypot(*moved), LARGEST_M)
        x, y = (share * moved[k] + self._hips_m * lean[k] for k in (0, 1))
        return Shift((x, y), (-lean[1] - floor[0], lean[0] - floor[1]))

    def turned_at(self, step: int, shift: Shift) -> tuple[float, float]:
        """Return how far a shift has turned the trunk at a command, about the world's x and y."""
        sample = round(step * self._slopes.samples_per_step)
        share = self._shares[min(sample, len(self._shares) - 1)]
        return share * shift.turned_rad[0], share * shift.turned_rad[1]

    def legs(self, step: int, shift: Shift) -> FloatArray:
        """Return what that adds to the legs at a command, (L,) rad."""
        return np.asarray(self._slopes.at(step) @ np.array([*shift.moved_m, *shift.turned_rad]))


def _slopes(plan: Plan, robot: RobotModel, rows: IntArray) -> FloatArray:
    """Return by how much joints change when the trunk moves over soles that stay, (N, J, 4).

    Along the world's x and y, and about them.
    """
    torso, feet, yaw = stances(plan, robot, rows)
    found = legs_under(robot, torso, feet, plan.positions_rad[rows], yaw)
    slopes = _knees_as_bent(robot, found.slopes)
    cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    about = slopes[:, :, 3], slopes[:, :, 4]  # roll and pitch, of the trunk's heading
    in_world = cos * about[0] - sin * about[1], sin * about[0] + cos * about[1]
    all_four = np.stack([slopes[:, :, 0], slopes[:, :, 1], *in_world], axis=2)
    return all_four.clip(-LARGEST_SLOPE_RAD_M, LARGEST_SLOPE_RAD_M)


def _knees_as_bent(robot: RobotModel, slopes: FloatArray) -> FloatArray:
    """Return slopes of a torso that rises or sinks so that its knees change least, (N, J, 5).

    At one height, a leg that leans would have to be longer or shorter: a nearly straight one
    cannot, and its torso leans instead.
    """
    knees = slopes[:, list(knee_columns(robot))]
    up = knees[:, :, 2]
    by_height = np.einsum("nk,nkd->nd", up, knees) / np.einsum("nk,nk->n", up, up)[:, None]
    return np.asarray(slopes - slopes[:, :, 2:3] * by_height[:, None])


def _hips_below(robot: RobotModel) -> float:
    """Return how far the hips are below the trunk's origin, metres."""
    hips = [topological_joints(robot, [foot])[0] for foot in robot.feet.values()]
    return -float(np.mean([hip.origin_m[2] for hip in hips]))


def _at_rest(plan: Plan, robot: RobotModel, rows: BoolArray) -> tuple[list[float], float]:
    """Return where a plan's postures press on the floor on the mean, x and y, and their height.

    That is the one of their centre of mass, all in the world, metres.
    """
    positions, pose = plan.positions_rad[rows], plan.torso_pose[rows]
    still = np.zeros_like(positions)
    press = zero_moment_point(robot, positions, still, still, pose).mean(axis=0)
    com = to_world(pose, center_of_mass(robot, forward_kinematics(robot, positions)))
    return press.tolist(), float(com[:, 2].mean())
