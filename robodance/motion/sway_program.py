"""The torso's quadratic program: legs, motors and floor made linear around a way of it.

The unknowns are B-spline control points of the torso (``legs.TORSO_AXES``), in units of what
is much for a NAO. Each round finds the legs under the present torso. As the legs' joints are
splines at the same knots, and their slopes change little from one knot to the next, limits
on their control points become rows on the torso's; so they hold between knots too. Only rows
near their bound take part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from robodance.config import MotionConfig
from robodance.motion.balance import Stand
from robodance.motion.legs import heading_pose, leg_columns, legs_under
from robodance.motion.limits import JointLimits, Rows, convex_region
from robodance.motion.linear_rows import RowMaker
from robodance.motion.program import BandedQuadratic, solve_program
from robodance.motion.spline import REST_POINTS, basis, fit_spline, resting_ends
from robodance.motion.support import HELD_KNOTS, Support
from robodance.motion.terms import knot_values
from robodance.motion.whole_motion import WholeMotion
from robodance.robots.dynamics import GRAVITY_M_S2
from robodance.robots.kinematics import center_of_mass, forward_kinematics
from robodance.robots.model import RobotModel
from robodance.robots.stability import to_world
from robodance.values import BoolArray, FloatArray

__all__ = ["UNIT", "SwayProgram", "SwayState"]

UNIT = np.array([0.02, 0.02, 0.02, 0.1, 0.1])  # m, rad
SMOOTH = 20.0  # of squared second differences of units, at 25 knots a second
NEAR = 0.3  # share of a limit beyond which its row takes part
NEAR_TORQUE = 0.6  # likewise, of a torque
NEAR_RAD = 0.2
NEAR_M = 0.06
MUCH_RAD, MUCH_M = 0.1, 0.02  # beyond a bound
USED = 0.94  # share of limits that the program uses; the rest is for what is not linear
POSITION_SLACK_RAD = 0.01  # likewise
COUPLED_SLACK_RAD = 0.005
STEPPING_KNEE_RAD = 0.35  # likewise: a straight leg lifts its foot only with haste
KNEE_RAD = 0.12  # a knee keeps this much bend: straight legs cannot steer
TORQUE_SHARE = 0.95  # of the motors' torque, at most
TORQUE_ASKED = 0.8  # likewise, and wherever it can be: the rest is for what a plan does not know
TORQUE_MUCH = 5.0  # of that: weakly asked, as floor and limits come first
ONE_LEG_SHARE = 0.5  # of knee bends and lean, where one leg carries the robot
MARGIN_SHARE = 0.5  # of the margin that is asked for, beyond the least, and must be kept
END_RAMP_S = 0.6
TOLERANCE = 1e-6
CLOSED = 1e-7
SMALL = 1e-5


@dataclass(frozen=True)
class SwayState:
    """What a torso's control points mean."""

    units: FloatArray  # (N, 5)
    torso: FloatArray  # (N, 6) control points, heading included
    legs: FloatArray  # (N, J)
    slopes: FloatArray  # (K, J, 5) rad per unit
    miss: float
    motion: WholeMotion  # at the knots
    zmp: FloatArray  # (K, 2)
    torques: FloatArray  # (K, J)


class SwayProgram:
    """One song's program, made linear wherever it is asked."""

    def __init__(
        self,
        wanted: FloatArray,
        upper_body: FloatArray,
        support: Support,
        stand: Stand,
        limits: JointLimits,
        config: MotionConfig,
        calm: FloatArray,
    ) -> None:
        self.support = support
        self.wish, self.middle = _in_the_world(wanted, support)
        share = np.repeat(calm[:, None], len(UNIT), axis=1)
        share[:, 2:] *= 1.0 - (1.0 - ONE_LEG_SHARE) * support.one_legged()[:, None]
        self.wanted = self.middle + self.wish * share
        self._upper, self._stand, self._limits, self._config = upper_body, stand, limits, config
        robot = stand.robot
        self._columns = [
            c for c in leg_columns(robot) if robot.joint_names[c] not in robot.mirrored_joints
        ]
        self._all_legs = list(leg_columns(robot))
        self._home, self._heading = _path(stand, support)
        self._free = np.ones(len(upper_body), dtype=bool)
        self._free[:HELD_KNOTS] = self._free[-HELD_KNOTS:] = False
        self._low, self._high = (np.array(part) for part in limits.position_rad.T)
        for name in robot.joint_names:
            if name.endswith("KneePitch"):
                column = robot.index(name)
                least = KNEE_RAD if (support.kinds == 0).all() else STEPPING_KNEE_RAD
                bend = min(least, stand.posture_rad[column])
                self._low[column] = max(self._low[column], bend)

    def state(self, units: FloatArray, before: SwayState | None = None) -> SwayState:
        """Return legs, ZMP and torques under control points (N, 5)."""
        robot, step_s = self._stand.robot, self.support.step_s
        torso = self._home + units * UNIT
        at_knots = knot_values(torso)
        start = np.tile(self._stand.posture_rad, (len(at_knots), 1))
        yaw = np.array(self._heading)
        if before is not None:
            start, yaw = knot_values(before.legs), knot_values(before.torso[:, 5:])[:, 0]
        found = legs_under(robot, at_knots, self.support.feet, start, yaw)
        legs = np.array(self._upper)
        fitted = fit_spline(found.positions_rad[:, self._all_legs], step_s).control
        rest = self._stand.posture_rad[self._all_legs]
        legs[:, self._all_legs] = resting_ends(fitted, rest)
        heading = np.array(fit_spline(found.yaw_rad[:, None], step_s).control)
        heading[:REST_POINTS], heading[-REST_POINTS:] = self._heading[0], self._heading[-1]
        whole = np.hstack([torso, heading])
        motion = WholeMotion.at_knots(whole, legs, self.support)
        slopes, miss = found.slopes * UNIT, float(found.miss.max())
        return SwayState(units, whole, legs, slopes, miss, motion, *motion.zmp_and_torques(robot))

    def reached(self, state: SwayState) -> SwayState:
        """Return a state of another program here, calmer where the feet cannot be reached."""
        for share in (1.0, 0.5, 0.0):
            result = self.state(share * state.units, state)
            if result.miss < CLOSED:
                break
        return result

    def better(self, state: SwayState, trust: float) -> SwayState:
        """Return the next state; the same where there is no better one."""
        quadratic = self._cost(state.units)
        reach = np.full(len(state.units), trust)
        rows, slack = self._rows(state)
        aim = solve_program(quadratic, state.units, rows, self._free, reach, slack)
        if aim is None:
            return state
        for share in (1.0, 0.5, 0.25):
            result = self.state(state.units + share * (aim - state.units), state)
            if result.miss < CLOSED:
                return result
        return state

    def broken(self, state: SwayState) -> BoolArray:
        """Return at which control points (N,) a limit, the ZMP or a torque is beyond its bound."""
        step_s, limits = self.support.step_s, self._limits
        points = state.legs[:, self._columns]
        bad = np.zeros(len(points), dtype=bool)
        low, high = (np.asarray(b)[self._columns] for b in limits.position_rad.T)
        bad |= ((points < low - TOLERANCE) | (points > high + TOLERANCE)).any(axis=1)
        over = np.abs(np.diff(points, axis=0)) / step_s > limits.velocity_rad_s[self._columns]
        bad[:-1] |= over.any(axis=1)
        push = np.abs(np.diff(points, 2, axis=0)) / step_s**2
        bad[1:-1] |= (push > limits.acceleration_rad_s2[self._columns]).any(axis=1)
        for driver, joint, coefficients, bounds in self._coupled():
            values = state.legs[:, [driver, joint]] @ coefficients.T
            bad |= (values > bounds).any(axis=1)
        asked, lowest = self._asked(), self._least_margin()
        least = lowest + MARGIN_SHARE * (asked - lowest)
        bad[1:-1] |= self.support.margins(state.zmp, self.support.areas) < least
        efforts = self._stand.robot.effort_limits_nm[self._all_legs]
        bad[1:-1] |= (np.abs(state.torques[:, self._all_legs]) > TORQUE_SHARE * efforts).any(axis=1)
        if state.miss > CLOSED:
            bad[:] = True
        return bad & self._free

    def _least_margin(self) -> float:
        return min(self._config.zmp_margin_m, self._stand.resting_margin() - 1e-3)

    def _asked(self) -> FloatArray:
        """Return the margin (K,) that is asked of the ZMP, less near the plan's ends."""
        knots = len(self.wanted)
        least = self._least_margin()
        inside = np.where(
            self.support.kinds[self.support.areas] == 0,
            self._config.full_body_margin_m,
            self._config.single_support_margin_m,
        )
        ends = np.minimum(np.arange(knots), np.arange(knots)[::-1]) - HELD_KNOTS
        ramp = np.clip(ends * self.support.step_s / END_RAMP_S, 0.0, 1.0)
        return np.asarray(least + ramp * np.maximum(inside - least, 0.0))

    def _cost(self, units: FloatArray) -> BandedQuadratic:
        quadratic = BandedQuadratic(*units.shape)
        weights = basis(np.zeros(1))[0]
        goal = self.wanted / UNIT
        knots = len(goal)
        one = np.broadcast_to(np.eye(len(UNIT)), (knots, len(UNIT), len(UNIT)))
        quadratic.add(np.arange(knots - 1), weights, one[:-1], (knot_values(units) - goal)[:-1])
        scale = SMOOTH * (self.support.step_s / 0.04) ** -4
        quadratic.add_differences(units, 2, np.full(len(units) - 2, scale))
        quadratic.blocks[:, 0] += 1e-6 * np.eye(len(UNIT))
        return quadratic

    def _coupled(self) -> list[tuple[int, int, FloatArray, FloatArray]]:
        result = []
        for pair in self._limits.coupled:
            driver, joint = (self._stand.robot.index(name) for name in (pair.driver, pair.joint))
            if driver in self._all_legs:
                result.append((driver, joint, *convex_region(pair)))
        return result

    def _rows(self, state: SwayState) -> tuple[Rows, FloatArray]:
        """Return the rows, and what is much for those that are broken now."""
        made = RowMaker(state.units)
        self._joint_rows(state, made)
        self._zmp_rows(state, made)
        self._torque_rows(state, made)
        matrix, low, high, slack = made.done()
        size = state.units.size
        return Rows(matrix, low, high, np.full(size, -np.inf), np.full(size, np.inf)), slack

    def _joint_rows(self, state: SwayState, made: RowMaker) -> None:
        step_s, limits, columns = self.support.step_s, self._limits, self._columns
        points = state.legs[:, columns]
        slopes = np.pad(state.slopes[:, columns], ((1, 1), (0, 0), (0, 0)), mode="edge")
        low, high = self._low[columns], self._high[columns]
        for sign, bound in ((1.0, high), (-1.0, -low)):
            i, j = np.nonzero(sign * points > bound - NEAR_RAD)
            most = (bound - POSITION_SLACK_RAD)[j]
            made.add([i], [sign * slopes[i, j]], sign * points[i, j], most, MUCH_RAD)
        for order, stencil, most in (
            (1, (-1.0, 1.0), limits.velocity_rad_s),
            (2, (1.0, -2.0, 1.0), limits.acceleration_rad_s2),
        ):
            value = np.diff(points, order, axis=0) / step_s**order
            for sign in (1.0, -1.0):
                i, j = np.nonzero(sign * value > NEAR * most[columns])
                taps = [i + k for k in range(order + 1)]
                parts = [
                    sign * weight * slopes[i + k, j] / step_s**order
                    for k, weight in enumerate(stencil)
                ]
                made.add(taps, parts, sign * value[i, j], *(USED * most[columns][j],) * 2)
        whole = np.pad(state.slopes, ((1, 1), (0, 0), (0, 0)), mode="edge")
        for driver, joint, coefficients, bounds in self._coupled():
            value = state.legs[:, [driver, joint]] @ coefficients.T
            i, row = np.nonzero(value > bounds - NEAR_RAD)
            both = whole[i][:, [driver, joint]]
            made.add(
                [i],
                [np.einsum("sj,sjd->sd", coefficients[row], both)],
                value[i, row],
                bounds[row] - COUPLED_SLACK_RAD,
                MUCH_RAD,
            )

    def _zmp_rows(self, state: SwayState, made: RowMaker) -> None:
        """Inside an edge: the ZMP moves as the CoM less its acceleration times height over g."""
        slopes, height = self._com_slopes(state)
        asked = self._asked()
        place, bend = basis(np.zeros(1))[0], basis(np.zeros(1), 2)[0] / self.support.step_s**2
        inward, offsets = (
            part[self.support.areas] for part in (self.support.inward, self.support.offsets_m)
        )
        inside = np.einsum("kei,ki->ke", inward, state.zmp) - offsets
        k, edge = np.nonzero(inside < (asked + NEAR_M)[:, None])
        along = np.einsum("si,sid->sd", inward[k, edge], slopes[k])
        lever = (height[k] / GRAVITY_M_S2)[:, None]
        taps = [k + tap for tap in range(3)]
        parts = [-(place[tap] - lever * bend[tap]) * along for tap in range(3)]
        made.add(taps, parts, -inside[k, edge], -asked[k], MUCH_M)

    def _torque_rows(self, state: SwayState, made: RowMaker) -> None:
        """Inside the motors' torque, as it changes with posture alone."""
        legs = self._all_legs
        most = TORQUE_ASKED * self._stand.robot.effort_limits_nm[legs]
        torques = state.torques[:, legs]
        near = np.abs(torques) > NEAR_TORQUE * most
        rows, which = np.flatnonzero(near.any(axis=1)), np.nonzero(near[near.any(axis=1)])
        if not len(rows):
            return
        motion = state.motion.part(rows)
        torso = knot_values(state.torso)[rows]
        slopes = np.empty((len(rows), len(legs), len(UNIT)))
        for d, unit in enumerate(UNIT):
            moved = torso.copy()
            moved[:, d] += SMALL * unit
            there = motion.beside(
                motion.joints_rad + SMALL * state.slopes[rows, :, d], _poses(moved)
            )
            changed = there.zmp_and_torques(self._stand.robot)[1]
            slopes[:, :, d] = (changed[:, legs] - torques[rows]) / SMALL
        place = basis(np.zeros(1))[0]
        for sign in (1.0, -1.0):
            i, j = (index[sign * torques[rows[which[0]], which[1]] > 0.0] for index in which)
            parts = [sign * place[tap] * slopes[i, j] for tap in range(3)]
            taps = [rows[i] + tap for tap in range(3)]
            made.add(taps, parts, sign * torques[rows[i], j], most[j], TORQUE_MUCH * most[j])

    def _com_slopes(self, state: SwayState) -> tuple[FloatArray, FloatArray]:
        """Return how the CoM follows the torso, (K, 2, 5) metres per unit, and its height (K,)."""
        robot, positions = self._stand.robot, state.motion.joints_rad
        torso = knot_values(state.torso)
        com = _com(robot, positions, state.motion.poses)
        slopes = np.empty((len(positions), 2, len(UNIT)))
        for d, unit in enumerate(UNIT):
            moved = torso.copy()
            moved[:, d] += SMALL * unit
            poses = _poses(moved)
            changed = _com(robot, positions + SMALL * state.slopes[:, :, d], poses)
            slopes[:, :, d] = (changed - com)[:, :2] / SMALL
        return slopes, com[:, 2]


def _com(robot: RobotModel, positions_rad: FloatArray, poses: FloatArray) -> FloatArray:
    return to_world(poses, center_of_mass(robot, forward_kinematics(robot, positions_rad)))


def _poses(torso: FloatArray) -> FloatArray:
    return heading_pose(torso[:, :5], torso[:, 5])


def _path(stand: Stand, support: Support) -> tuple[FloatArray, FloatArray]:
    """Return the way of a stand that goes along with the feet, and its heading.

    Returns:
        Control points (K + 2, 5) of ``TORSO_AXES`` and headings (K,) at the knots.
    """
    first, pitch, roll = Rotation.from_quat(stand.torso_pose[3:]).as_euler("ZYX")
    way = support.path()
    ahead = np.pad(way, ((1, 1), (0, 0)), mode="edge")
    start = support.middle[0, :2]
    offset = _rotated(np.tile(stand.torso_pose[:2] - start, (len(ahead), 1)), ahead[:, 3])
    still = np.tile([stand.torso_pose[2], roll, pitch], (len(ahead), 1))
    still[:, 0] += ahead[:, 2]
    return np.hstack([ahead[:, :2] + offset, still]), first + way[:, 3]


def _in_the_world(sway: FloatArray, support: Support) -> tuple[FloatArray, FloatArray]:
    """Return the sway (K, 5) in the world, and the feet's middle (K, 5) beside their path."""
    turned = np.array(sway)
    path = support.path()
    turned[:, :2] = _rotated(sway[:, :2], path[:, 3])
    beside = np.zeros_like(turned)
    beside[:, :2] = support.middle[:, :2] - path[:, :2]
    return turned, beside


def _rotated(vectors: FloatArray, angles_rad: FloatArray) -> FloatArray:
    cos, sin = np.cos(angles_rad), np.sin(angles_rad)
    x, y = vectors.T
    return np.column_stack([cos * x - sin * y, sin * x + cos * y])
