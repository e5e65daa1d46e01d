"""Who moves which joint: tasks that hold their joints, and the queue behind them.

Only blocking calls hold joints. A call on a joint that is held is postponed, not refused:
it starts at the first motion cycle at which all its joints are free, in the order of the
calls. Killing a task leaves its joints where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from robodance.values import FloatArray
from robodance.virtual_nao.deferred import Deferred

__all__ = ["Task", "TaskQueue"]


@dataclass
class Task:
    """A motion that lasts.

    Attributes:
        name: The call that made it.
        columns: The joints it moves.
        plan: Given the start angles (n,), its way over the motion cycles, (N + 1, n).
        answer: What its caller waits for.
        finish: What happens at its end, before the answer; it returns the answer's value.
        number: Its id.
        started: Motion cycle at which it began; None while it waits.
        way: Its way once it has begun, (N + 1, n).
    """

    name: str
    columns: list[int]
    plan: Callable[[FloatArray], FloatArray]
    answer: Deferred
    finish: Callable[[], object] = field(default=lambda: None)
    number: int = 0
    started: int | None = None
    way: FloatArray | None = None

    def at(self, cycle: int) -> FloatArray:
        """Return where its joints should be at a motion cycle, (n,)."""
        assert self.way is not None
        assert self.started is not None
        return np.asarray(self.way[min(cycle - self.started, len(self.way) - 1)])

    def over(self, cycle: int) -> bool:
        """Return whether its way has been gone by a motion cycle."""
        if self.way is None or self.started is None:
            return False
        return cycle - self.started >= len(self.way) - 1


class TaskQueue:
    """Running and waiting tasks, in the order of the calls."""

    def __init__(self) -> None:
        self._tasks: list[Task] = []
        self._next_number = 1

    def add(self, task: Task) -> Task:
        """Take a task in; it starts when its joints are free."""
        task.number = self._next_number
        self._next_number += 1
        self._tasks.append(task)
        task.answer.on_cancel = lambda: self._kill([task])
        return task

    def running(self) -> list[Task]:
        """Return the tasks that have begun."""
        return [task for task in self._tasks if task.started is not None]

    def all(self) -> list[Task]:
        """Return running and waiting tasks."""
        return list(self._tasks)

    def advance(self, cycle: int, command: FloatArray) -> None:
        """End what is over and begin what can begin, at a motion cycle.

        Args:
            cycle: Number of the motion cycle.
            command: Shape (J,), where the joints are told to be now.
        """
        for task in self.running():
            if task.over(cycle) and task in self._tasks:
                self._tasks.remove(task)
                task.answer.resolve(task.finish())
        held: set[int] = set()
        for task in list(self._tasks):
            if task.started is None and not held & set(task.columns):
                task.way = task.plan(command[task.columns])
                task.started = cycle
            held |= set(task.columns)

    def held(self) -> set[int]:
        """Return the joints of all tasks, waiting ones too."""
        return {column for task in self._tasks for column in task.columns}

    def kill(self, number: int) -> bool:
        """Kill one task; returns whether there was one."""
        found = [task for task in self._tasks if task.number == number]
        self._kill(found)
        return bool(found)

    def kill_using(self, columns: set[int]) -> None:
        """Kill every task that moves any of these joints."""
        self._kill([task for task in self._tasks if columns & set(task.columns)])

    def kill_all(self) -> None:
        """Kill every task."""
        self._kill(list(self._tasks))

    def _kill(self, tasks: list[Task]) -> None:
        for task in tasks:
            if task in self._tasks:
                self._tasks.remove(task)
            task.answer.kill()
