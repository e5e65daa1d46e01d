"""Music on this computer while a robot dances: where the sound is, and when there is none."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robodance.errors import AudioError
from robodance.performance.backends.naoqi_speaker import ComputerSpeaker, DeviceClock

RATE_HZ = 44_100
PERIOD = 882
CLOSE_S = 0.025  # a period of the device, and what a busy machine adds


@settings(max_examples=50, deadline=None)
@given(
    queue=st.integers(1, 8),
    late_s=st.floats(0.0, 0.04),
    rate=st.floats(0.9995, 1.0005),
    seed=st.integers(0, 2**31),
)
def test_questions_that_come_late_do_not_move_the_clock(queue, late_s, rate, seed):
    rng, clock = np.random.default_rng(seed), DeviceClock(RATE_HZ)
    for _ in range(queue):  # it fills its queue at once, then asks whenever it has played a period
        clock.asked(100.0, PERIOD)
    period_s = PERIOD / RATE_HZ / rate
    for k in range(1, 300):
        late = late_s if rng.random() < 0.7 else 0.0
        clock.asked(100.0 + k * period_s + late, PERIOD)
    now = 100.0 + 300 * period_s
    # What it really has played; a period, since its questions come once a period.
    assert clock.at(now) == pytest.approx(300 * PERIOD / RATE_HZ, abs=1.5 * period_s)


def test_the_dance_follows_the_device():
    """miniaudio's device without a loudspeaker: its own clock, its own thread."""
    speaker = ComputerSpeaker(np.zeros((RATE_HZ, 2), np.int16), RATE_HZ, 0.0, 2.5, "NULL")
    began = time.monotonic()
    speaker.start()
    assert time.monotonic() - began < 2.5  # before the silence is over
    now = time.monotonic()
    assert speaker.moment(now) == pytest.approx(now - began - 2.5, abs=2 * CLOSE_S)
    time.sleep(0.7)
    later = time.monotonic()
    assert speaker.moment(later) - speaker.moment(now) == pytest.approx(later - now, abs=CLOSE_S)
    speaker.stop()
    speaker.close()
    speaker.close()


def test_a_computer_without_sound_says_what_to_do():
    with pytest.raises(AudioError, match=r"no sound device.*naoqi.sound=none"):
        ComputerSpeaker(np.zeros((10, 2), np.int16), RATE_HZ, 0.0, 2.5, "JACK")
