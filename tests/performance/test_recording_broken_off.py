"""A film that cannot be finished is never left half made."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from hand_made_plans import standing_plan
from small_films import SMALL, log_of

from robodance.errors import OutputError
from robodance.performance.recording import record

PROGRAM = """
    import sys
    sys.path[:0] = {path!r}
    from pathlib import Path
    from hand_made_plans import arm_dance
    from small_films import SMALL, log_of
    from robodance.performance.recording import record
    from robodance.robots.model import load_robot
    nao = load_robot("nao_v6")
    plan = arm_dance(nao, 60.0)
    print("filming", flush=True)
    record(plan, log_of(plan), Path({film!r}), nao, SMALL)
"""


def start_filming(tmp_path, **options):
    text = PROGRAM.format(path=sys.path, film=str(tmp_path / "film.mp4"))
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    assert program.stdout.readline() == "filming\n"
    return program


def test_ctrl_c_leaves_neither_files_nor_processes(tmp_path):
    program = start_filming(tmp_path)
    until = time.monotonic() + 30.0
    while len(children(program.pid)) < 1 and time.monotonic() < until:
        time.sleep(0.05)
    workers = children(program.pid)
    time.sleep(1.0)
    program.send_signal(signal.SIGINT)
    _, complaint = program.communicate(timeout=30.0)
    assert "KeyboardInterrupt" in complaint
    assert os.listdir(tmp_path) == []
    assert workers
    until = time.monotonic() + 10.0  # one that was just being born ends by itself
    while any(os.path.exists(f"/proc/{pid}") for pid in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [pid for pid in workers if os.path.exists(f"/proc/{pid}")]


def children(pid):
    """Processes whose parent is ``pid``."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


def test_a_full_disk_ends_in_one_line_and_no_file(nao, tmp_path):
    small = (150_000, 150_000)  # bytes a file may have; the film needs more

    def no_space():
        resource.setrlimit(resource.RLIMIT_FSIZE, small)

    program = start_filming(tmp_path, preexec_fn=no_space)
    _, complaint = program.communicate(timeout=60.0)
    assert program.returncode == 1
    last = complaint.strip().splitlines()[-1]
    assert "OutputError" in last
    assert "film.mp4: cannot be written" in last
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_named(nao, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    plan = standing_plan(nao, "StandInit", 0.2)
    with pytest.raises(OutputError, match=r"film\.mp4: cannot be written .*--record"):
        record(plan, log_of(plan), tmp_path / "file" / "film.mp4", nao, SMALL)
