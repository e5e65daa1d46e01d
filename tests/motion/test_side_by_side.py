"""Half of the work in another process: nothing comes out differently, and nothing is left over."""

import os
import time
from dataclasses import fields

import numpy as np
import pytest
from dancer import dancer
from hypothesis import given
from hypothesis import strategies as st

from robodance.config import MotionConfig
from robodance.motion import side_by_side as sharing
from robodance.motion.plan import plan_motion
from robodance.motion.side_by_side import LONG_S, SecondProcess, second_process, side_by_side
from robodance.robots.model import load_robot
from robodance.skeleton import pose_sequence
from robodance.workers import start_worker


@pytest.fixture(scope="module")
def second():
    made = SecondProcess()
    assert side_by_side(made, abs, [(-1,), (-2,)], [1.0, 1.0]) == [1, 2]  # it has started
    yield made
    made.end()


@given(sizes=st.lists(st.floats(0.1, 10.0), max_size=6))
def test_what_comes_out_is_that_of_each_job_in_their_order(second, sizes):
    jobs = [(number, 3) for number in range(len(sizes))]
    assert side_by_side(second, divmod, jobs, sizes) == [divmod(n, 3) for n in range(len(sizes))]


def test_half_of_it_is_done_elsewhere_and_always_the_same_half(second):
    sizes = [1.0, 5.0, 3.0, 2.0, 1.0]
    once, again = (side_by_side(second, os.getpid, [()] * 5, sizes) for _ in range(2))
    assert once == again
    ours = [size for size, who in zip(sizes, once, strict=True) if who == os.getpid()]
    assert len(set(once)) == 2
    assert sum(ours) == pytest.approx(sum(sizes) / 2)
    assert max(sizes) in ours


def test_one_job_is_done_here(second):
    assert side_by_side(second, os.getpid, [()], [1.0]) == [os.getpid()]


def test_what_fails_there_fails_here_and_the_other_process_goes_on(second):
    with pytest.raises(ValueError, match="invalid literal"):
        side_by_side(second, int, [("1",), ("x",)], [2.0, 1.0])
    assert side_by_side(second, int, [("1",), ("2",)], [1.0, 1.0]) == [1, 2]


def test_without_a_second_process_or_after_its_end_all_is_done_here():
    ended = SecondProcess()
    ended.end()
    for nobody in (None, ended):
        assert side_by_side(nobody, os.getpid, [(), ()], [1.0, 1.0]) == [os.getpid()] * 2


def test_when_it_dies_its_half_is_done_here():
    dying = SecondProcess()
    try:
        os.kill(dying._process.pid, 9)
        assert side_by_side(dying, os.getpid, [(), ()], [1.0, 1.0]) == [os.getpid()] * 2
        assert side_by_side(dying, os.getpid, [(), ()], [1.0, 1.0]) == [os.getpid()] * 2
    finally:
        dying.end()


@pytest.fixture
def started(monkeypatch):
    """The processes that were started."""
    processes = []

    def noted(*asked, **more):
        processes.append(start_worker(*asked, **more))
        return processes[-1]

    monkeypatch.setattr(sharing, "start_worker", noted)
    monkeypatch.setattr(sharing, "cores", lambda: 2)
    return processes


def test_only_a_long_dance_on_more_than_one_core_has_a_second_process(started, monkeypatch):
    with second_process(LONG_S - 1.0) as nobody:
        assert nobody is None
    with second_process(LONG_S) as somebody:
        assert somebody.there
    monkeypatch.setattr(sharing, "cores", lambda: 1)
    with second_process(LONG_S) as nobody:
        assert nobody is None
    assert len(started) == 1


def test_where_no_process_can_be_started_all_is_done_here(monkeypatch):
    def nothing(*asked, **more):
        raise OSError("no more processes")

    monkeypatch.setattr(sharing, "start_worker", nothing)
    monkeypatch.setattr(sharing, "cores", lambda: 2)
    with second_process(LONG_S) as nobody:
        assert nobody is None


def test_it_ends_with_the_planning_even_while_it_works(started):
    def stopped():
        with second_process(LONG_S) as second:
            second.ask(time.sleep, [(60.0,)])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert [process.poll() for process in started] == [-9]


def test_a_robot_travels_whole(second):
    robot = load_robot("nao_v6")
    (_, there) = side_by_side(second, load_robot, [("nao_v6",), ("nao_v6",)], [1.0, 1.0])
    for part in fields(robot):
        np.testing.assert_equal(repr(getattr(there, part.name)), repr(getattr(robot, part.name)))
    with pytest.raises(TypeError):
        there.postures["StandInit"] = None


def test_a_long_dance_is_planned_the_same_with_and_without(started, monkeypatch):
    seconds = LONG_S + 5.0
    joints = dancer(seconds, step_s=0.7, stride_m=0.8)  # more than a NAO can do
    dance = pose_sequence(joints, 25.0, beats_s=np.arange(0.0, seconds - 0.1, 0.7))
    robot, config = load_robot("nao_v6"), MotionConfig(balance="full-body")
    asked = []
    ask = SecondProcess.ask

    def noted(self, function, jobs):
        asked.append(function.__name__)
        ask(self, function, jobs)

    monkeypatch.setattr(SecondProcess, "ask", noted)
    with_one = plan_motion(dance, robot, config)
    # Arms, stretches of the torso's way, and where the whole is looked at.
    assert {"_follow", "_solved", "look_at"} <= set(asked)
    monkeypatch.setattr(sharing, "cores", lambda: 1)
    alone = plan_motion(dance, robot, config)
    assert len(started) == 1
    np.testing.assert_array_equal(with_one.positions_rad, alone.positions_rad)
    np.testing.assert_array_equal(with_one.torso_pose, alone.torso_pose)
