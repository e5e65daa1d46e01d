"""A process that rehearses plans: questions on stdin, answers on stdout.

It keeps a world for each disturbance, and nothing of a rehearsal: where one goes on from
comes in with the question, and where it ended goes out with the answer. It ends when its
stdin closes.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from robodance.config import SimulationConfig
from robodance.performance.disturbances import DISTURBANCES
from robodance.performance.rehearsal import Kept, Rehearsal, Score
from robodance.robots.model import load_robot
from robodance.values import Plan

__all__ = ["Setting", "Task"]


@dataclass(frozen=True)
class Setting:
    """What all rehearsals of a worker have in common; its first question.

    Attributes:
        robot: Name or file of the robot.
        config: Settings of the simulation.
        allowed_rad: Disturbance to the tilt error that still counts as standing.
    """

    robot: str
    config: SimulationConfig
    allowed_rad: Mapping[str, float]


@dataclass(frozen=True)
class Task:
    """Seconds to rehearse.

    Attributes:
        disturbance: Its name.
        kept: From where; None: from the start.
        until: Physics step at which to end.
        plan: Fields of the plan; None: that of the task before.
    """

    disturbance: str
    kept: Kept | None = field(repr=False)
    until: int
    plan: dict[str, Any] | None = field(default=None, repr=False)


def main() -> None:
    """Answer the questions that come in on stdin."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # PyBullet may talk on stdout
    setting: Setting = pickle.load(sys.stdin.buffer)
    robot = load_robot(setting.robot)
    rehearsals: dict[str, Rehearsal] = {}
    score: Score | None = None
    while True:
        try:
            task: Task = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        if task.plan is not None:
            score = Score(Plan(**task.plan), robot, setting.config)
        assert score is not None
        name = task.disturbance
        if name not in rehearsals or task.kept is None:
            rehearsals[name] = Rehearsal(
                robot, setting.config, DISTURBANCES[name], setting.allowed_rad[name]
            )
        gone = list(rehearsals[name].on(score, task.kept, task.until))
        pickle.dump(gone, out)
        out.flush()


if __name__ == "__main__":
    main()
