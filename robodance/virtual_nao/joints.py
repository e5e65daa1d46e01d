"""The joint commands of the virtual NAO: what ALMotion does on every motion cycle."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from robodance.robots.model import RobotModel
from robodance.values import FloatArray
from robodance.virtual_nao.curves import JointCurve, blend
from robodance.virtual_nao.deferred import Deferred, NaoqiError
from robodance.virtual_nao.tasks import Task, TaskQueue

__all__ = ["CHAINS", "JointControl"]

CHAINS = {
    "Head": ("HeadYaw", "HeadPitch"),
    "LArm": ("LShoulderPitch", "LShoulderRoll", "LElbowYaw", "LElbowRoll", "LWristYaw", "LHand"),
    "LLeg": ("LHipYawPitch", "LHipRoll", "LHipPitch", "LKneePitch", "LAnklePitch", "LAnkleRoll"),
    "RLeg": ("RHipYawPitch", "RHipRoll", "RHipPitch", "RKneePitch", "RAnklePitch", "RAnkleRoll"),
    "RArm": ("RShoulderPitch", "RShoulderRoll", "RElbowYaw", "RElbowRoll", "RWristYaw", "RHand"),
}
GROUPS = {"Arms": ("LArm", "RArm"), "Legs": ("LLeg", "RLeg")}
ACCELERATION_PER_S = 8.0  # of setAngles, times the velocity limit: ours, no source states one
SHORTEST_MOVE_S = 0.2


class JointControl:
    """Commands of all joints (J,), one motion cycle after the other.

    A joint follows the task that holds it, else the target that setAngles gave it, else it
    stays. Commands keep position limits, coupled ones too, and velocity limits: a joint
    that is asked for more lags behind. A joint without stiffness is commanded to where it
    is.

    Attributes:
        robot: The robot.
        cycle_s: Length of a motion cycle.
        cycle: Number of the motion cycle that begins now.
        command: Shape (J,), where the joints are told to be now.
        stiffness: Shape (J,), 0..1.
        tasks: Motions that hold joints.
        guard: Bends a command (J,) given the last one, to protect; none by default.
        sway: Shape (J,), small offsets for joints that nothing moves (breathing).
    """

    def __init__(self, robot: RobotModel, cycle_s: float, command: FloatArray) -> None:
        self.robot = robot
        self.cycle_s = cycle_s
        self.cycle = 0
        self.command = np.array(command, dtype=np.float64)
        self.stiffness = np.zeros(len(command))
        self.tasks = TaskQueue()
        self.guard: Callable[[FloatArray, FloatArray], FloatArray] | None = None
        self.sway = np.zeros(len(command))
        self._swayed = np.zeros(len(command))
        self._speed = np.zeros(len(command))
        self._goal = np.array(command, dtype=np.float64)
        self._fraction = np.ones(len(command))
        self._twins = {robot.index(a): robot.index(b) for a, b in robot.mirrored_joints.items()}

    def advance(self, measured: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Go on by a motion cycle; returns the command now and at its end, each (J,).

        Args:
            measured: Shape (J,), where the joints are.
        """
        limp = self.stiffness <= 0.0
        self.command[limp] = measured[limp]
        self._goal[limp] = measured[limp]
        self._speed[limp] = 0.0
        before = self.command.copy()
        self.tasks.advance(self.cycle, self.command)
        wanted = self._towards_goals()
        moved: set[int] = set()
        for task in self.tasks.running():
            wanted[task.columns] = task.at(self.cycle + 1)
            moved |= set(task.columns)
        self._add_sway(wanted, moved)
        for twin, leader in self._twins.items():
            wanted[twin] = wanted[leader]
        after = self._limited(wanted, before)
        if self.guard is not None:
            after = self.guard(before, after)
        after[limp] = measured[limp]
        held = sorted(moved)
        self._goal[held] = wanted[held]
        self._fraction[held] = 1.0
        self._speed[held] = (after[held] - before[held]) / self.cycle_s
        self.command = after
        self.cycle += 1
        return before, after

    def columns(self, names: object) -> list[int]:
        """Return the joints of a name, a chain or a list of them, each motor once.

        Raises:
            NaoqiError: There is no such joint or chain.
        """
        found: list[int] = []
        for name in self.joint_names(names):
            column = self.motor(name)
            if column not in found:
                found.append(column)
        return found

    def joint_names(self, names: object) -> list[str]:
        """Return the joints of a name, a chain or a list of them, in order.

        Raises:
            NaoqiError: There is no such joint or chain.
        """
        listed = names if isinstance(names, list) else [names]
        found: list[str] = []
        for name in listed:
            found += self._expand(name)
        return found

    def motor(self, name: str) -> int:
        """Return the column of the motor that moves a joint (RHipYawPitch: the left's)."""
        column = self.robot.index(name)
        return self._twins.get(column, column)

    def stiffen(self, motor: int, stiffness: float) -> None:
        """Set a motor's stiffness (0..1), under both its names if it has two."""
        twins = [twin for twin, leader in self._twins.items() if leader == motor]
        self.stiffness[[motor, *twins]] = stiffness

    def set_angles(
        self, names: Sequence[str], angles: Sequence[float], fractions: Sequence[float]
    ) -> None:
        """Give joints targets to go to and stop at; holds nothing."""
        for name, angle, fraction in zip(names, angles, fractions, strict=True):
            column = self.motor(name)
            self._goal[column] = angle
            self._fraction[column] = fraction

    def goal(self, name: str) -> float:
        """Return where a joint is going."""
        return float(self._goal[self.motor(name)])

    def follow(
        self, name: str, names: Sequence[str], curves: Sequence[JointCurve], *, absolute: bool
    ) -> Task:
        """Queue timed curves; where one motor has two names, the left one wins."""
        chosen: dict[int, JointCurve] = {}
        for joint, curve in zip(names, curves, strict=True):
            column = self.motor(joint)
            if column not in chosen or self.robot.index(joint) == column:
                chosen[column] = curve
        columns = list(chosen)
        longest = max(float(curve.times_s[-1]) for curve in chosen.values())
        cycles = max(1, int(np.ceil(longest / self.cycle_s - 1e-9)))
        pairs = [curve.columns(cycles, self.cycle_s) for curve in chosen.values()]
        share, rest = (np.stack(column, axis=1) for column in zip(*pairs, strict=True))

        def plan(start: FloatArray) -> FloatArray:
            if not absolute:  # keys are offsets from the start, where the offset is zero
                return np.asarray(start + rest)
            return np.asarray(share * start + rest)

        return self.tasks.add(Task(name, columns, plan, Deferred()))

    def go_to(
        self,
        name: str,
        columns: list[int],
        target: FloatArray,
        fraction: float,
        *,
        together: bool = False,
        wait_s: float = 0.0,
    ) -> Task:
        """Queue a smooth way to target angles (n,) at a share of the velocity limits.

        Args:
            name: The call that asks for it.
            columns: The joints.
            target: Shape (n,).
            fraction: Share of each joint's velocity limit at the fastest moment.
            together: Whether all joints arrive at the same time.
            wait_s: Time to stay still before.
        """
        speeds = self.robot.velocity_limits_rad_s[columns] * fraction

        def plan(start: FloatArray) -> FloatArray:
            durations = np.maximum(1.5 * np.abs(target - start) / speeds, SHORTEST_MOVE_S)
            if together:
                durations = np.full_like(durations, durations.max())
            still = np.repeat(start[None], round(wait_s / self.cycle_s), axis=0)
            return np.concatenate([still, blend(start, target, durations, self.cycle_s)])

        return self.tasks.add(Task(name, columns, plan, Deferred()))

    def stop(self) -> None:
        """Kill every task and let every joint stay where it is."""
        self.tasks.kill_all()
        self.stay(range(len(self.command)))

    def stay(self, columns: Sequence[int]) -> None:
        """Let joints stay where they are."""
        for column in columns:
            self._goal[column] = self.command[column]
            self._speed[column] = 0.0

    def _expand(self, name: object) -> list[str]:
        everything = list(self.robot.joint_names)
        if name in {"Body", "Joints"}:
            return everything
        if name == "JointActuators":
            return [joint for joint in everything if joint != "RHipYawPitch"]
        if isinstance(name, str) and name in GROUPS:
            return [joint for chain in GROUPS[name] for joint in CHAINS[chain]]
        if isinstance(name, str) and name in CHAINS:
            return list(CHAINS[name])
        if isinstance(name, str) and name in everything:
            return [name]
        raise NaoqiError(f"{name!r} is neither a joint nor a chain")

    def _towards_goals(self) -> FloatArray:
        """One cycle of setAngles: faster, as fast as asked, and down to a stop at the goal."""
        top = self.robot.velocity_limits_rad_s * self._fraction
        push = ACCELERATION_PER_S * self.robot.velocity_limits_rad_s
        away = self._goal - (self.command - self._swayed)
        # The fastest speed from which braking in steps of one cycle still ends at the goal.
        half = 0.5 * push * self.cycle_s
        braking = np.sqrt(half**2 + 2.0 * push * np.abs(away)) - half
        speed = np.sign(away) * np.minimum(np.minimum(top, braking), np.abs(away) / self.cycle_s)
        change = push * self.cycle_s
        # Braking may take twice as much: the way to a stop is no whole number of cycles.
        slower = np.where(self._speed > 0.0, 2.0, 1.0) * change
        faster = np.where(self._speed < 0.0, 2.0, 1.0) * change
        self._speed = np.clip(speed, self._speed - slower, self._speed + faster)
        return np.asarray(self.command + self._speed * self.cycle_s)

    def _add_sway(self, wanted: FloatArray, moved: set[int]) -> None:
        """Add the change of the sway to joints that no task moves."""
        still = np.array([column not in moved for column in range(len(wanted))])
        change = np.where(still, self.sway - self._swayed, 0.0)
        wanted += change
        self._swayed = np.where(still, self.sway, 0.0)

    def _limited(self, wanted: FloatArray, before: FloatArray) -> FloatArray:
        robot = self.robot
        most = robot.velocity_limits_rad_s * self.cycle_s
        after = np.clip(wanted, *robot.position_limits_rad.T)
        for limit in robot.coupled_limits:
            column, driver = robot.index(limit.joint), after[robot.index(limit.driver)]
            low = np.interp(driver, limit.driver_rad, limit.lower_rad)
            high = np.interp(driver, limit.driver_rad, limit.upper_rad)
            after[column] = np.clip(after[column], low, high)
        return np.clip(after, before - most, before + most)
