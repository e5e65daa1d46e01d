"""The torso's quadratic program: legs, motors and floor made linear around a way of it.

The unknowns are B-spline control points of the torso (``legs.TORSO_AXES``), in units of what
is much for a NAO. Each round finds the legs under the present torso. As the legs' joints are
splines at the same knots, and their slopes change little from one knot to the next, limits
on their control points become rows on the torso's; so they hold between knots too. Only rows
near their bound take part.
"""

from __future__ import annotations

import numpy as np

from robodance.motion.limits import Rows
from robodance.motion.linear_rows import RowMaker
from robodance.motion.program import BandedQuadratic, solve_program
from robodance.motion.side_by_side import SecondProcess, side_by_side
from robodance.motion.spline import REST_POINTS, basis, fit_between
from robodance.motion.sway_effects import Effects, effects_of
from robodance.motion.sway_task import UNIT, SwayState, SwayTask, around, rotated
from robodance.motion.terms import knot_values
from robodance.motion.whole_motion import WholeMotion
from robodance.robots.legs import Legs, knee_columns, leg_columns, legs_under
from robodance.robots.model import RobotModel
from robodance.values import BoolArray, FloatArray

__all__ = ["SwayProgram"]

SMOOTH = 150.0  # of squared second differences of units, at 25 knots a second: what jerks, rocks
JERKS = np.array([0.0, 0.0, 0.0, 1e4, 1e4])
"""Of squared third differences of each of ``TORSO_AXES``: a trunk that is thrown about to help the
ZMP along makes the gears' play rock the robot, and late motors are worse at it than at swaying."""
KNEE_RAD = 0.15  # off a knee counts as a unit off the torso
NEAR = 0.3  # share of a limit beyond which its row takes part
NEAR_TORQUE = 0.6  # likewise, of a torque
TORQUE_PER_UNIT = 1.0  # by how much of that a torque changes at most when a unit does
NEAR_RAD = 0.2
NEAR_M = 0.06
MUCH_RAD, MUCH_M = 0.1, 0.02  # beyond a bound
USED = 0.94  # share of limits that the program uses; the rest is for what is not linear
POSITION_SLACK_RAD = 0.01  # likewise
COUPLED_SLACK_RAD = 0.005
TORQUE_SHARE = 0.8  # of the motors' torque, at most: a robot may be weaker than its data sheet
TORQUE_ASKED = 0.62  # likewise, and wherever it can be: the rest is for what a plan does not know
LOADED_SHARE, LOADED_ASKED = 0.65, 0.38
"""Of knees and ankle pitch: they give first where a robot is weaker or heavier than on paper."""
TORQUE_MUCH = 1.0  # of that
MARGIN_SHARE = 0.5  # of the margin that is asked for, beyond the least, and must be kept
TOLERANCE = 1e-6
CLOSED = 1e-7
FORESEEN_RAD = 0.3  # what slopes may say in advance
CUTS, CUT_WIDTH_S = 4, 0.5  # less of a step where the legs do not reach, and around there
MANY_KNOTS = 1000  # that are worth two processes


class SwayProgram:
    """A task's program, made linear wherever it is asked.

    Args:
        task: What is asked of the torso.
        second: Takes over half of the work on legs and dynamics.
    """

    def __init__(self, task: SwayTask, second: SecondProcess | None = None) -> None:
        self.task, self._second = task, second
        robot = task.robot
        self._columns = [
            c for c in leg_columns(robot) if robot.joint_names[c] not in robot.mirrored_joints
        ]
        self._all_legs = list(leg_columns(robot))
        self._most_nm = _torques(robot, self._all_legs, TORQUE_SHARE, LOADED_SHARE)
        self._asked_nm = _torques(robot, self._all_legs, TORQUE_ASKED, LOADED_ASKED)

    def part(self, first: int, last: int, state: SwayState) -> SwayProgram:
        """Return the program of some control points, ends held as a state has them."""
        return SwayProgram(self.task.part(first, last, state))

    def state(self, units: FloatArray, before: SwayState | None = None) -> SwayState:
        """Return legs, ZMP and torques under control points (N, 5)."""
        task = self.task
        robot = task.robot
        torso = task.home + units * UNIT
        at_knots = knot_values(torso)
        start, yaw = np.tile(task.posture_rad, (len(at_knots), 1)), task.heading_rad
        if before is not None:
            start, yaw = knot_values(before.legs), knot_values(before.torso[:, 5:])[:, 0]
            ahead = np.einsum("kjd,kd->kj", before.slopes, knot_values(units - before.units))
            start = start + np.clip(ahead, -FORESEEN_RAD, FORESEEN_RAD)
        found = self._legs_under(at_knots, start, yaw)
        knees = found.positions_rad[:, list(knee_columns(robot))]
        backwards: BoolArray = np.asarray((knees < 0.0).any(axis=1))
        if backwards.any():  # where a leg was nearly straight its knee may have gone through
            bent = np.tile(task.posture_rad, (int(backwards.sum()), 1))
            feet, heading = task.support.feet.at(backwards), task.heading_rad[backwards]
            again = legs_under(robot, at_knots[backwards], feet, bent, heading)
            found = found.with_rows(backwards, again)
        legs = np.array(task.upper_body)
        columns = [*self._all_legs, len(robot.joint_names)]
        values = np.column_stack([found.positions_rad[:, self._all_legs], found.yaw_rad])
        fitted = _held_spline(values, *(end[:, columns] for end in task.ends))
        legs[:, self._all_legs] = fitted[:, :-1]
        whole = np.hstack([torso, fitted[:, -1:]])
        motion = WholeMotion.at_knots(whole, legs, task.support)
        slopes, miss = found.slopes * UNIT, found.miss
        return SwayState(units, whole, legs, slopes, miss, motion, *self._dynamics(motion))

    def _legs_under(self, torso: FloatArray, start_rad: FloatArray, yaw_rad: FloatArray) -> Legs:
        robot, feet = self.task.robot, self.task.support.feet
        jobs = [
            (robot, torso[rows], feet.at(rows), start_rad[rows], yaw_rad[rows])
            for rows in _halves(len(torso))
        ]
        return Legs.joined(side_by_side(self._second, legs_under, jobs, [1.0] * len(jobs)))

    def _dynamics(self, motion: WholeMotion) -> tuple[FloatArray, FloatArray]:
        jobs = [
            (motion.part(np.arange(rows.start, rows.stop)), self.task.robot)
            for rows in _halves(len(motion.poses))
        ]
        done = side_by_side(self._second, WholeMotion.zmp_and_torques, jobs, [1.0] * len(jobs))
        zmp, torques = (np.concatenate(parts) for parts in zip(*done, strict=True))
        return zmp, torques

    def reached(self, state: SwayState, before: SwayTask) -> SwayState:
        """Return the state of another task here, calmer where the feet cannot be reached."""
        turned = np.pad(self.task.heading_rad - before.heading_rad, 1, mode="edge")
        units = np.array(state.units)
        units[:, :2] = rotated(units[:, :2], turned)
        at_home = np.zeros_like(units)
        return self._within_reach(at_home, units, state) or self.state(at_home)

    def effects(self, state: SwayState) -> Effects:
        """Return what units do to ZMP and torques around a state."""
        return effects_of(self.task.robot, state)

    def better(self, state: SwayState, effects: Effects, trust: float) -> SwayState:
        """Return the next state; the same where there is no better one.

        Args:
            state: The present one.
            effects: Around it; those around one nearby will do.
            trust: Units that a control point may go.
        """
        quadratic = self._cost(state)
        reach = np.full(len(state.units), trust)
        rows, slack = self._rows(state, effects, trust)
        aim = solve_program(quadratic, state.units, rows, self.task.free, reach, slack)
        if aim is None:
            return state
        return self._within_reach(state.units, aim, state) or state

    def _within_reach(
        self, start: FloatArray, aim: FloatArray, before: SwayState
    ) -> SwayState | None:
        """Return the state as near to ``aim`` as legs reach, less far around where they do not."""
        share = np.ones((len(aim), 1))
        for less in (*(0.5,) * CUTS, 1.0, 1.0):  # in the end, nothing of the step there
            result = self.state(start + share * (aim - start), before)
            far = np.pad(result.miss >= CLOSED, 1, mode="edge")
            if not far.any():
                return result
            share *= 1.0 - less * around(far, CUT_WIDTH_S / self.task.support.step_s)[:, None]
        return None

    def broken(self, state: SwayState) -> BoolArray:
        """Return at which control points (N,) a limit, the ZMP or a torque is beyond its bound."""
        step_s, limits = self.task.support.step_s, self.task.limits
        points = state.legs[:, self._columns]
        bad = np.zeros(len(points), dtype=bool)
        low, high = (np.asarray(b)[self._columns] for b in limits.position_rad.T)
        bad |= ((points < low - TOLERANCE) | (points > high + TOLERANCE)).any(axis=1)
        over = np.abs(np.diff(points, axis=0)) / step_s > limits.velocity_rad_s[self._columns]
        bad[:-1] |= over.any(axis=1)
        push = np.abs(np.diff(points, 2, axis=0)) / step_s**2
        bad[1:-1] |= (push > limits.acceleration_rad_s2[self._columns]).any(axis=1)
        for driver, joint, coefficients, bounds in self.task.coupled:
            values = state.legs[:, [driver, joint]] @ coefficients.T
            bad |= (values > bounds).any(axis=1)
        least = self.task.least_m + MARGIN_SHARE * (self.task.asked_m - self.task.least_m)
        bad[1:-1] |= self.task.support.margins(state.zmp, self.task.support.areas) < least
        bad[1:-1] |= (np.abs(state.torques[:, self._all_legs]) > self._most_nm).any(axis=1)
        bad[1:-1] |= state.miss >= CLOSED
        return bad & self.task.free

    def _cost(self, state: SwayState) -> BandedQuadratic:
        units = state.units
        quadratic = BandedQuadratic(*units.shape)
        weights = basis(np.zeros(1))[0]
        goal = self.task.wanted / UNIT
        knots = len(goal)
        one = np.broadcast_to(np.eye(len(UNIT)), (knots, len(UNIT), len(UNIT)))
        quadratic.add(np.arange(knots - 1), weights, one[:-1], (knot_values(units) - goal)[:-1])
        knees = list(knee_columns(self.task.robot))
        slopes = state.slopes[:, knees] / KNEE_RAD  # (K, 2, 5)
        miss = (state.motion.joints_rad[:, knees] - self.task.knees_rad) / KNEE_RAD
        quadratic.add(
            np.arange(knots - 1),
            weights,
            np.einsum("kji,kjd->kid", slopes, slopes)[:-1],
            np.einsum("kji,kj->ki", slopes, miss)[:-1],
        )
        scale = SMOOTH * (self.task.support.step_s / 0.04) ** -4
        quadratic.add_differences(units, 2, np.full(len(units) - 2, scale))
        jerks = JERKS * (self.task.support.step_s / 0.04) ** -6
        quadratic.add_differences(units, 3, np.tile(jerks, (len(units) - 3, 1)))
        quadratic.blocks[:, 0] += 1e-6 * np.eye(len(UNIT))
        return quadratic

    def _rows(self, state: SwayState, effects: Effects, trust: float) -> tuple[Rows, FloatArray]:
        """Return the rows, and what is much for those that are broken now."""
        made = RowMaker(state.units, trust)
        self._joint_rows(state, made)
        self._zmp_rows(state, effects, made)
        self._torque_rows(state, effects, made, trust)
        matrix, low, high, slack = made.done()
        size = state.units.size
        return Rows(matrix, low, high, np.full(size, -np.inf), np.full(size, np.inf)), slack

    def _joint_rows(self, state: SwayState, made: RowMaker) -> None:
        step_s, limits, columns = self.task.support.step_s, self.task.limits, self._columns
        points = state.legs[:, columns]
        slopes = np.pad(state.slopes[:, columns], ((1, 1), (0, 0), (0, 0)), mode="edge")
        low, high = self.task.low_rad[columns], self.task.high_rad[columns]
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
        for driver, joint, coefficients, bounds in self.task.coupled:
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

    def _zmp_rows(self, state: SwayState, effects: Effects, made: RowMaker) -> None:
        """Inside an edge of what carries the robot."""
        asked = self.task.asked_m
        inward, offsets = (
            part[self.task.support.areas]
            for part in (self.task.support.inward, self.task.support.offsets_m)
        )
        inside = np.einsum("kei,ki->ke", inward, state.zmp) - offsets
        k, edge = np.nonzero(inside < (asked + NEAR_M)[:, None])
        still, pushed = (
            np.einsum("si,sid->sd", inward[k, edge], slopes[k])
            for slopes in (effects.zmp, effects.zmp_pushed)
        )
        taps = [k + tap for tap in range(3)]
        place, bend = self._taps()
        parts = [-(place[tap] * still + bend[tap] * pushed) for tap in range(3)]
        made.add(taps, parts, -inside[k, edge], -asked[k], MUCH_M)

    def _taps(self) -> tuple[FloatArray, FloatArray]:
        step_s = self.task.support.step_s
        return basis(np.zeros(1))[0], basis(np.zeros(1), 2)[0] / step_s**2

    def _torque_rows(
        self, state: SwayState, effects: Effects, made: RowMaker, trust: float
    ) -> None:
        """Inside the motors' torque."""
        most, torques = self._asked_nm, state.torques[:, self._all_legs]
        near = np.abs(torques) > max(NEAR_TORQUE, 1.0 - TORQUE_PER_UNIT * trust) * most
        i, j = np.nonzero(near)
        sign = np.sign(torques[i, j])
        place, bend = self._taps()
        still, pushed = effects.torques[i, j], effects.torques_pushed[i, j]
        parts = [sign[:, None] * (place[tap] * still + bend[tap] * pushed) for tap in range(3)]
        made.add(
            [i + tap for tap in range(3)],
            parts,
            sign * torques[i, j],
            most[j],
            TORQUE_MUCH * most[j],
        )


def _halves(knots: int) -> list[slice]:
    """Return the knots of a song in two parts, in whole of anything shorter."""
    if knots < MANY_KNOTS:
        return [slice(0, knots)]
    return [slice(0, knots // 2), slice(knots // 2, knots)]


def _torques(robot: RobotModel, legs: list[int], usual: float, loaded: float) -> FloatArray:
    """Return shares of what the legs' motors can give, (legs,) Nm."""
    names = [robot.joint_names[column] for column in legs]
    shares = [loaded if name.endswith(("KneePitch", "AnklePitch")) else usual for name in names]
    return np.asarray(shares * robot.effort_limits_nm[legs])


def _held_spline(values: FloatArray, first: FloatArray, last: FloatArray) -> FloatArray:
    """Return control points through values (K, n) at the knots, the outer three as given."""
    result = fit_between(values, first[0], last[-1])
    result[:REST_POINTS], result[-REST_POINTS:] = first, last
    return result
