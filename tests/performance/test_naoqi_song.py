"""A whole song on a virtual NAO, from the command line, as a person would have it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from naoqi_judge import judge
from naoqi_process import linked, real_time, virtual_nao

from robodance.plan_file import read_plan
from robodance.resources import launch_path

TRACKING_DEG = 3.0  # RMS, of the joint that follows worst: what is promised
MUSIC_S = 0.02  # between dance and music: what is promised


@pytest.mark.slow
def test_a_whole_song_is_danced_on_the_music(tmp_path):
    command = [
        *(sys.executable, "-m", "robodance", "perform", str(launch_path("songs/tango.ogg"))),
        *("--yes", "--json", "--out", str(tmp_path / "out"), "--set", "naoqi.first_vigour=1"),
    ]
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    with virtual_nao("--audio-latency", "0.2", "--audio-ppm", "100") as url:
        with real_time(url):
            done = subprocess.run(
                [*command, "--robot", url], env=env, capture_output=True, text=True, check=False
            )
        judged = judge(url, plan := read_plan(tmp_path / "out" / "plan.npz"))
        with linked(url) as link:
            assert not link.call("ALMotion", "robotIsWakeUp")
    assert done.returncode == 0, done.stderr
    assert plan.duration_s > 38.0
    assert judged.tracking_deg.max() < TRACKING_DEG
    assert len(judged.ahead_s) > 10
    assert np.abs(judged.ahead_s).max() < MUSIC_S, judged.ahead_s
    said = json.loads(done.stdout)["performance"]
    assert abs(said["start_ahead_s"]) < MUSIC_S
    assert said["longest_wait_for_a_chunk_s"] == 0.0
    assert (tmp_path / "out" / "report.html").is_file()
