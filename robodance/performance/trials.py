"""Trials of a plan under several disturbances at once, which follow the plan as it changes.

Each core has a process that rehearses (``trial_worker.py``). Where every rehearsal was after
each piece is kept here, so that any process can go on with any of them, and so that a plan
which was changed from some moment on is tried again from shortly before it.
"""

from __future__ import annotations

import pickle
import queue
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import IO

import numpy as np

from robodance.config import SimulationConfig
from robodance.errors import MissingDependency
from robodance.performance.rehearsal import PIECE_S, Kept
from robodance.performance.trial import Piece, Trial, plain_plan
from robodance.performance.trial_worker import Setting, Task
from robodance.values import Plan
from robodance.workers import cores, last_words, start_worker

__all__ = ["Trials", "open_trials", "verify_plan"]

LEG_S = 4.0 * PIECE_S  # what all trials go together, at most one such leg apart
SAME = 1e-6  # rad, m and quaternion parts: what differs by less is the same
BEFORE_S = 0.5  # of a change: what the curve through the samples can feel of it
KEPT_PIECES, EVERY = 20, 8  # states kept: the last ones, and of those before each eighth

Gone = list[tuple[Piece, Kept]]


@contextmanager
def open_trials(
    robot: str,
    config: SimulationConfig,
    allowed_rad: Mapping[str, float],
    *,
    processes: int = 0,
) -> Iterator[Trials]:
    """Start processes that rehearse; they end with the block, on every way out of it.

    Args:
        robot: Name or file of the robot.
        config: Settings of the simulation; no window is opened.
        allowed_rad: Disturbance to the tilt error that still counts as standing.
        processes: At once; 0: one for each core.

    Raises:
        MissingDependency: The simulation cannot be run.
    """
    setting = Setting(robot, replace(config, gui=False), dict(allowed_rad))
    count = max(1, min(processes or cores(), len(allowed_rad)))
    pool = ThreadPoolExecutor(max_workers=count)
    workers: list[_Worker] = []
    with tempfile.TemporaryFile() as log:
        try:
            workers.extend(_Worker(setting, log) for _ in range(count))
            yield Trials(setting, workers, pool, log)
        finally:
            for worker in workers:
                worker.end()
            pool.shutdown(cancel_futures=True)
            for worker in workers:
                worker.close()


class Trials:
    """Trials of a plan, and of what it becomes when it is changed.

    Args:
        setting: Robot, simulation, disturbances.
        workers: Processes that rehearse.
        pool: As many threads.
        log: What the processes complain of.
    """

    def __init__(
        self,
        setting: Setting,
        workers: Sequence[_Worker],
        pool: ThreadPoolExecutor,
        log: IO[bytes],
    ) -> None:
        self._setting, self._pool, self._log = setting, pool, log
        self._piece_steps = round(PIECE_S * setting.config.physics_rate_hz)
        self._ways: dict[str, _Way] = {name: _Way() for name in setting.allowed_rad}
        self._ahead: dict[str, Future[Gone]] = {}
        self._plan: Plan | None = None
        self._version = 0
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in workers:
            self._idle.put(worker)

    def take(self, plan: Plan) -> None:
        """Try this plan from now on; what has been tried of it already stays."""
        same_s = 0.0 if self._plan is None else _same_until(self._plan, plan) - BEFORE_S
        for ahead in self._ahead.values():
            ahead.cancel()
        self._ahead.clear()
        for way in self._ways.values():
            way.go_back(same_s * self._setting.config.physics_rate_hz)
        self._plan, self._version = plan, self._version + 1

    @property
    def tried_s(self) -> float:
        """Seconds of robot time from the plan's beginning that all trials have behind them."""
        steps = min(way.step for way in self._ways.values())
        return steps / self._setting.config.physics_rate_hz

    @property
    def legs(self) -> range:
        """The plan's legs, by number."""
        return range(-(-self._steps // self._leg_steps))

    def go(self, leg: int, first: Collection[str] = ()) -> tuple[Trial, ...]:
        """Try the plan to the end of a leg; return how all of it has gone until there.

        Trials that fell go no further. Cores that would wait for the others begin with the
        next leg, of which nothing is told before its time.

        Args:
            leg: Number of the leg.
            first: Disturbances to try before the others; if the robot does not stand under
                one of them, the others are not tried, and nothing is told of them.
        """
        until = min((leg + 1) * self._leg_steps, self._steps)
        running: dict[str, Future[Gone]] = {}
        for name in sorted(self._ways, key=lambda name: name not in first):
            way = self._ways[name]
            if not way.fell and way.step < until:
                if name in self._ahead:
                    running[name] = self._ahead.pop(name)
                else:
                    running[name] = self._pool.submit(self._rehearse, name, way.kept, until)
        beyond = min(until + self._leg_steps, self._steps)
        for name, before in running.items():
            self._ahead[name] = self._pool.submit(self._rehearse_after, name, before, beyond)
        early = [name for name in running if name in first]
        for name in early:
            self._ways[name].add(running.pop(name).result())
        if any(self._ways[name].failed for name in first):
            for future in (*running.values(), *self._ahead.values()):
                future.cancel()
            self._ahead.clear()
            return tuple(self._told(name) for name in self._ways if name in first)
        for name, future in running.items():
            self._ways[name].add(future.result())
        return tuple(self._told(name) for name in self._ways)

    def _told(self, name: str) -> Trial:
        return Piece.joined(name, self._ways[name].pieces)

    @property
    def _leg_steps(self) -> int:
        return self._piece_steps * round(LEG_S / PIECE_S)

    @property
    def _steps(self) -> int:
        """Physics steps of the plan."""
        assert self._plan is not None
        rate_hz = self._setting.config.physics_rate_hz
        return int(np.floor(self._plan.duration_s * rate_hz + 1e-6))

    def _rehearse_after(self, name: str, before: Future[Gone], until: int) -> Gone:
        gone = before.result()
        if not gone or gone[-1][0].fell_s is not None:
            return []
        return self._rehearse(name, gone[-1][1], until)

    def _rehearse(self, name: str, kept: Kept | None, until: int) -> Gone:
        """Have an idle process do it."""
        plan, version = self._plan, self._version
        assert plan is not None
        worker = self._idle.get()
        try:
            return worker.gone(Task(name, kept, until), plan, version)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            self._log.seek(0)
            raise MissingDependency(
                "a simulation for the plan's verification did not run "
                f"({last_words(self._log.read())}); "
                "see robodance doctor, or set verification.disturbances: none"
            ) from error
        finally:
            self._idle.put(worker)


class _Way:
    """How far a trial has come, piece by piece."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._ends: list[tuple[int, Kept | None]] = []

    @property
    def fell(self) -> bool:
        """Whether the robot lies on the floor."""
        return bool(self.pieces) and self.pieces[-1].fell_s is not None

    @property
    def failed(self) -> bool:
        """Whether the robot fell or leaned too far."""
        return any(piece.failures_s for piece in self.pieces)

    @property
    def step(self) -> int:
        """Physics steps so far."""
        return self._ends[-1][0] if self._ends else 0

    @property
    def kept(self) -> Kept | None:
        """From where to go on; None: from the start."""
        return self._ends[-1][1] if self._ends else None

    def add(self, gone: Gone) -> None:
        """Note pieces that followed."""
        for piece, kept in gone:
            self.pieces.append(piece)
            self._ends.append((kept.step, kept))
            old = len(self._ends) - 1 - KEPT_PIECES
            if old >= 0 and old % EVERY:
                self._ends[old] = self._ends[old][0], None

    def go_back(self, step: float) -> None:
        """Forget what came after a step; earlier, if the state there is forgotten already."""
        while self._ends and (self._ends[-1][0] > step or self._ends[-1][1] is None):
            self._ends.pop()
            self.pieces.pop()


class _Worker:
    """A process that rehearses."""

    def __init__(self, setting: Setting, log: IO[bytes]) -> None:
        self._process = start_worker("robodance.performance.trial_worker", log)
        self._version = 0
        with suppress(BrokenPipeError):  # it has ended already; the first task will notice
            self._say(setting)

    def gone(self, task: Task, plan: Plan, version: int) -> Gone:
        """Return what came of a task."""
        if version != self._version:
            task = replace(task, plan=plain_plan(plan))
            self._version = version
        self._say(task)
        assert self._process.stdout is not None
        answer: Gone = pickle.load(self._process.stdout)
        return answer

    def end(self) -> None:
        """End it, wherever it is; who waits for its answer gets none."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Close what it was talked to through, when nobody does any more."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()

    def _say(self, what: object) -> None:
        assert self._process.stdin is not None
        pickle.dump(what, self._process.stdin)
        self._process.stdin.flush()


def verify_plan(
    plan: Plan,
    robot: str,
    config: SimulationConfig,
    allowed_rad: Mapping[str, float],
    *,
    processes: int = 0,
    progress: Callable[[float], None] | None = None,
) -> tuple[Trial, ...]:
    """Simulate a plan under several disturbances, as many at once as there are cores.

    Args:
        plan: The plan.
        robot: Its robot's name or file.
        config: Settings of the simulation; no window is opened.
        allowed_rad: Disturbance to the tilt error that still counts as standing.
        processes: At once; 0: one for each core.
        progress: Called with how much is done, 0..1.

    Raises:
        MissingDependency: The simulation cannot be run.
    """
    tell = progress or (lambda share: None)
    trials: tuple[Trial, ...] = ()
    with open_trials(robot, config, allowed_rad, processes=processes) as running:
        running.take(plan)
        for leg in running.legs:
            trials = running.go(leg)
            tell((leg + 1) / len(running.legs))
    return trials


def _same_until(plan: Plan, changed: Plan) -> float:
    """Return for how many seconds of robot time a changed plan is as it was."""
    if len(plan.times_s) != len(changed.times_s) or (plan.times_s != changed.times_s).any():
        return 0.0
    differs = (
        (np.abs(plan.positions_rad - changed.positions_rad) > SAME).any(axis=1)
        | (np.abs(plan.torso_pose - changed.torso_pose) > SAME).any(axis=1)
        | (np.asarray(plan.support) != changed.support)
    )
    if not differs.any():
        return float("inf")
    return float(plan.times_s[int(differs.argmax())] - plan.times_s[0])
