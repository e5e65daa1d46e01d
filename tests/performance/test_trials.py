"""Trials go on from shortly before a change, and say what trials from the start say."""

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from hand_made_plans import arm_dance, standing_plan

from robodance.config import SimulationConfig
from robodance.errors import MissingDependency
from robodance.performance.disturbances import DISTURBANCES
from robodance.performance.rehearsal import PIECE_S, Rehearsal, Score
from robodance.performance.trial import run_trial
from robodance.performance.trials import LEG_S, open_trials, verify_plan
from robodance.robots.model import load_robot

NAO = load_robot("nao_v6")
SIMULATION = SimulationConfig()
SECONDS, CHANGE_S = 9.0, 7.0
ALLOWED = {"nominal": 0.05, "together": 0.2}


def dance():
    """Return a plan of which every layer has something to do: arms swing, ankles answer."""
    plan = arm_dance(NAO, SECONDS)
    lifted = (plan.times_s > 2.0) & (plan.times_s < 8.0)  # said, not done: the feedback works
    return dataclasses.replace(plan, support=np.where(lifted, 1, 0))


def changed_from(plan, moment_s):
    """Return a plan that bows a little from a moment on."""
    positions = np.array(plan.positions_rad)
    bow = 0.05 * np.clip(plan.times_s - moment_s, 0.0, 1.0)
    for name in ("LHipPitch", "RHipPitch"):
        positions[:, NAO.index(name)] -= bow
    return dataclasses.replace(plan, positions_rad=positions)


def gone_through(running):
    """Return what came of trials from where they are to the end."""
    for leg in running.legs:
        trials = running.go(leg)
    return trials


@pytest.fixture(scope="module")
def whole():
    """Trials of the changed plan from its beginning to its end, in this process."""
    changed = changed_from(dance(), CHANGE_S)
    return tuple(run_trial(changed, "nao_v6", SIMULATION, *pair) for pair in ALLOWED.items())


def test_trials_of_a_changed_plan_go_on_from_before_the_change_and_come_out_the_same(whole):
    plan = dance()
    with open_trials("nao_v6", SIMULATION, ALLOWED, processes=2) as running:
        running.take(plan)
        assert running.tried_s == 0.0
        before = gone_through(running)
        running.take(changed_from(plan, CHANGE_S))
        assert CHANGE_S - PIECE_S - 0.5 <= running.tried_s < CHANGE_S  # curves feel it 0.5 s before
        after = gone_through(running)
    assert after == whole  # to the bit: the state is kept whole, contacts and commands too
    assert before != after


def test_it_does_not_matter_how_many_processes_there_are(whole):
    with open_trials("nao_v6", SIMULATION, ALLOWED, processes=1) as running:
        running.take(dance())
        running.go(0)
        running.take(changed_from(dance(), CHANGE_S))
        assert gone_through(running) == whole


def test_where_the_robot_does_not_stand_under_what_goes_first_the_others_wait(whole):
    strict = {"nominal": ALLOWED["nominal"], "together": 1e-3}
    with open_trials("nao_v6", SIMULATION, strict, processes=2) as running:
        running.take(changed_from(dance(), CHANGE_S))
        leans = running.go(0, {"together"})
        assert [trial.disturbance for trial in leans] == ["together"]
        assert leans[0].failures_s
        assert running.tried_s == 0.0  # undisturbed, nothing is known yet
        both = running.go(0)
        assert both[1] == leans[0]
        assert [trial.disturbance for trial in both] == list(strict)
    with open_trials("nao_v6", SIMULATION, ALLOWED, processes=2) as running:
        running.take(changed_from(dance(), CHANGE_S))
        trials = [running.go(leg, {"together"}) for leg in running.legs]
    assert trials[-1] == whole  # as it stands, all are tried


def test_a_plan_that_is_the_same_is_not_tried_again():
    plan = standing_plan(NAO, "StandInit", 4.0)
    with open_trials("nao_v6", SIMULATION, {"nominal": 0.1}) as running:
        running.take(plan)
        trials = gone_through(running)
        running.take(dataclasses.replace(plan, metadata={"again": True}))
        assert running.tried_s == pytest.approx(4.0, abs=0.01)
        assert gone_through(running) == trials


def test_a_state_goes_on_in_another_world_to_the_bit():
    plan, what = dance(), DISTURBANCES["together"]
    score = Score(plan, NAO, SIMULATION)
    with Rehearsal(NAO, SIMULATION, what, 0.2) as first:
        gone = list(first.on(score, None, 1920))
    with Rehearsal(NAO, SIMULATION, what, 0.2) as second:
        list(second.on(score, gone[2][1], 1440))  # it has been somewhere else before
        again = list(second.on(score, gone[0][1], 1920))
    assert [piece for piece, _ in again] == [piece for piece, _ in gone[1:]]


def without_feedback(kept):
    return dataclasses.replace(kept, answered=type(kept.answered)(steps=kept.step))


def without_orders(kept):
    held = kept.under_way.late[:1] * len(kept.under_way.late)
    return dataclasses.replace(kept, under_way=dataclasses.replace(kept.under_way, late=held))


def without_play(kept):
    return dataclasses.replace(kept, under_way=dataclasses.replace(kept.under_way, behind=None))


@pytest.mark.parametrize(
    ("name", "poorer"),
    [("nominal", without_feedback), ("lag", without_orders), ("backlash", without_play)],
)
def test_what_is_not_kept_would_be_missed(name, poorer):
    score = Score(dance(), NAO, SIMULATION)
    with Rehearsal(NAO, SIMULATION, DISTURBANCES[name], 0.2) as robot:
        gone = list(robot.on(score, None, 1440))
        kept = gone[1][1]
        ((again, _),) = robot.on(score, kept, 1440)
        ((missing, _),) = robot.on(score, poorer(kept), 1440)
    assert again == gone[2][0]
    assert missing != again


def test_old_states_are_thinned_out_and_an_early_change_goes_further_back(monkeypatch):
    monkeypatch.setattr("robodance.performance.trials.KEPT_PIECES", 3)
    plan = standing_plan(NAO, "StandInit", 12 * PIECE_S)
    with open_trials("nao_v6", SIMULATION, {"nominal": 0.1}) as running:
        running.take(plan)
        trials = gone_through(running)
        running.take(changed_from(plan, 10.7 * PIECE_S))
        assert running.tried_s == 10 * PIECE_S  # one of the last
        running.take(changed_from(plan, 8.7 * PIECE_S))
        assert running.tried_s == PIECE_S  # of the others each eighth is kept: after 1, 9 ...
        assert trials[0].failures_s == ()


def test_a_robot_that_fell_goes_no_further_and_the_others_do():
    plan = standing_plan(NAO, "StandInit", 2.0 * LEG_S)
    weak = dataclasses.replace(DISTURBANCES["nominal"], torque_share=0.05)
    with Rehearsal(NAO, SIMULATION, weak, 0.1) as robot:
        gone = list(robot.on(Score(plan, NAO, SIMULATION), None, 3840))
    assert len(gone) == 1
    assert gone[0][0].fell_s is not None


PROGRAM = """
    import sys
    sys.path[:0] = {path!r}
    from hand_made_plans import standing_plan
    from robodance.config import SimulationConfig
    from robodance.performance.trials import verify_plan
    from robodance.robots.model import load_robot
    plan = standing_plan(load_robot("nao_v6"), "StandInit", 600.0)
    print("trying", flush=True)
    verify_plan(plan, "nao_v6", SimulationConfig(), {{"nominal": 0.1, "lag": 0.1}}, processes=2)
"""


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


def test_ctrl_c_ends_the_processes():
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM.format(path=sys.path))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout.readline() == "trying\n"
    until = time.monotonic() + 60.0
    while len(children(program.pid)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    workers = children(program.pid)
    time.sleep(1.0)
    program.send_signal(signal.SIGINT)
    _, complaint = program.communicate(timeout=60.0)
    assert "KeyboardInterrupt" in complaint
    assert len(workers) == 2
    assert not [pid for pid in workers if os.path.exists(f"/proc/{pid}")]


def test_a_simulation_that_cannot_run_says_so_in_one_line():
    plan = standing_plan(NAO, "StandInit", 2.0)
    with pytest.raises(MissingDependency, match="no_such_robot"):
        verify_plan(plan, "no_such_robot", SIMULATION, {"nominal": 0.1})
