"""Everything that can go wrong in mid-dance, once each: a robot and a dancer, two processes.

``launch/faults.sh`` does the same at random moments, again and again.
"""

import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from robot_faults import KINDS, good, in_time, trial

AFTER_S = 0.7  # the arms are on their way, and the second chunk is with the robot
SAYS = {
    "push": "fall|fell|lifted",  # a foot may leave the floor first
    "lift": "lifted",
    "hot": "hot",
    "battery": "battery",
    "charger": "charger",
    "touch": "touched|button|bumper",
    "refuse": "refused",
    "drop": "connection",
    "freeze": "answer",
    "silence": "answer",
    "crash": "connection|not reached|answer",
    "ctrl-c": "at rest",
    "terminate": "at rest",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_ends_as_written(kind):
    """Exit code, stopped, at rest, and the process gone: ``good`` holds the promised times."""
    found = trial(kind, 0, AFTER_S)
    if not in_time(found):
        pytest.skip(f"this machine is too busy for real time: {found['late_s']:.2f} s late")
    assert good(found), found
    assert re.search(SAYS.get(kind, ""), "\n".join(found["said"])), found
