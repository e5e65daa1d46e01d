"""A process that begins with its libraries imported is a process like any other."""

import os
import signal
import subprocess
import sys

import pytest
from warm_process import WarmProcess

END_S = 20.0


def greets():
    print(f"{sys.argv[1]}, {sys.stdin.readline().strip()}", flush=True)
    print("no more", file=sys.stderr, flush=True)
    os._exit(7)


def waits():
    print("waiting", flush=True)
    sys.stdin.readline()


def test_it_hears_its_arguments_and_its_input_and_its_exit_code_is_its_own():
    process = WarmProcess(greets, ["good day"], talks=True)
    process.stdin.write("world\n")
    process.stdin.flush()
    assert process.wait(END_S) == 7
    assert process.pid != os.getpid()
    assert process.communicate() == ("good day, world\n", "no more\n")
    assert process.returncode == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_ends_it(number):
    process = WarmProcess(waits, talks=True)
    assert process.stdout.readline() == "waiting\n"
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.send_signal(number)
    code = process.wait(END_S)
    _, said = process.communicate()
    if number == signal.SIGINT:  # Python's own answer to it
        assert code == 1
        assert "KeyboardInterrupt" in said
    else:
        assert code == -number
