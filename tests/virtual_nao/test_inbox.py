"""Where calls wait: in their order, none forgotten, and no longer than is asked for."""

import contextlib
import signal
import threading
import time

import pytest

from robodance.virtual_nao.inbox import Inbox

LATE_S = 1.0  # when something comes after all, for waits that would last for ever
CALLS = 3000


@contextlib.contextmanager
def interrupted(after_s, for_s):
    """A signal whose handler takes its time."""
    before = signal.signal(signal.SIGALRM, lambda number, frame: time.sleep(for_s))
    signal.setitimer(signal.ITIMER_REAL, after_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def later():
    """Brings something so much later that a test fails instead of waiting for ever."""
    timers = []

    def bring(put):
        timers.append(threading.Timer(LATE_S, put, [lambda: None]))
        timers[-1].start()

    yield bring
    for timer in timers:
        timer.cancel()
        timer.join()


def test_a_wait_that_a_signal_keeps_beyond_its_end_is_over_then(later):
    """With ``queue.SimpleQueue`` it lasts until something comes (CPython 3.11)."""
    inbox, start = Inbox(), time.monotonic()
    later(inbox.put)
    with interrupted(0.02, for_s=0.1):
        assert inbox.get(start + 0.05) is None
    assert time.monotonic() - start < LATE_S


def test_a_wait_ends_when_it_should():
    inbox, start = Inbox(), time.monotonic()
    assert inbox.get(start + 0.05) is None
    assert time.monotonic() - start >= 0.05
    assert inbox.get(start) is None  # in the past: it takes what is there, and waits for nothing
    inbox.put(time.monotonic)
    assert inbox.get(start) is time.monotonic


def test_every_call_wakes_the_thread_that_waits_and_keeps_its_place():
    inbox, answered, seen = Inbox(), threading.Semaphore(0), []

    def bring(caller):
        for number in range(CALLS):
            inbox.put(lambda pair=(caller, number): seen.append(pair))
            if number % 3 == 0:  # it waits for this one, so the robot waits for the next one
                answered.acquire()

    callers = [threading.Thread(target=bring, args=[name], daemon=True) for name in "ab"]
    for caller in callers:
        caller.start()
    while len(seen) < 2 * CALLS:
        call = inbox.get(time.monotonic() + 10.0)
        assert call is not None, f"nothing came after {len(seen)} calls"
        call()
        if seen[-1][1] % 3 == 0:
            answered.release()
    for caller in callers:
        caller.join()
    for name in "ab":
        assert [number for who, number in seen if who == name] == list(range(CALLS))
