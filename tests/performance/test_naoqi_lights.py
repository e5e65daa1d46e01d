"""A robot's eyes on the beat: on time, and never so fast that it could harm anybody."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hand_made_plans import arm_dance
from naoqi_process import dance, excused, linked, real_time, virtual_nao

from robodance.performance.backends.naoqi_lights import FASTEST_HZ, flashes

LEAST_S = 1.0 / 3.0  # three flashes a second can cause seizures
DANCE_S = 6.0


def with_beats(plan, bpm):
    beats = np.arange(0.5, plan.duration_s - 0.5, 60.0 / bpm)
    times = plan.times_s[0] + beats
    heard = np.interp(times, plan.times_s, plan.music_times_s)
    return replace(plan, beats_s=heard, beat_numbers=1 + np.arange(len(beats)) % 4), times


@pytest.fixture(scope="module")
def url():
    with virtual_nao("--life", "disabled") as address:
        yield address


def lights_of(url, plan, nao, network="0/0/0"):
    """Robot times and colours of a dance's lights; the network is slow from its first moment."""
    slow = []

    def stop():
        if not slow:
            with linked(url) as link:
                slow.append(link.call("RobodanceFaults", "happen", "slow", network))

    with linked(url) as link:
        before = len(link.call("RobodanceJournal", "lights"))
    try:
        log, _ = dance(url, plan, nao, lights=True, stop=stop)
    finally:
        with linked(url) as link:
            link.call("RobodanceFaults", "mend")
            lights = link.call("RobodanceJournal", "lights")[before:]
    assert log.metadata["at_rest"]
    return np.array([row[0] for row in lights]), [row[2] for row in lights]


@pytest.mark.parametrize("bpm", [60, 120, 150, 171, 200, 240])
def test_flashes_are_planned_on_beats_and_less_than_three_times_a_second(nao, bpm):
    plan, times = with_beats(arm_dance(nao, 20.0), bpm)
    planned = flashes(plan)
    assert np.isin(np.round(planned, 6), np.round(times, 6)).all()
    assert np.diff(planned).min() >= 1.0 / FASTEST_HZ - 1e-9
    if bpm <= 150:
        assert len(planned) == len(times)


def test_eyes_flash_on_each_beat_of_a_dance(url, nao):
    plan, times = with_beats(arm_dance(nao, DANCE_S), 120)
    with real_time(url):
        at, colours = lights_of(url, plan, nao)
    assert len(at) == len(times)
    assert np.diff(at) == pytest.approx(np.diff(times), abs=0.1)  # a busy machine is late
    assert all(one != other for one, other in itertools.pairwise(colours))


@pytest.mark.parametrize("network", ["0/0/0", "20/200/5"])
def test_a_slow_network_does_not_make_them_flash_faster(url, nao, network):
    """Orders 0.2 s early or late: a bunch of them would flash five times a second."""
    plan, _ = with_beats(arm_dance(nao, DANCE_S), 240)
    with excused(url):
        at, _ = lights_of(url, plan, nao, network)
        assert len(at) >= 3
    assert np.diff(at).min() > LEAST_S
