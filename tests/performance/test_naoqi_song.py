"""A whole song on a virtual NAO, from the command line, as a person would have it."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from naoqi_judge import judge
from naoqi_process import linked, real_time, virtual_nao

from robodance.plan_file import read_plan
from robodance.resources import launch_path

TRACKING_DEG = 3.0  # RMS, of the joint that follows worst: what is promised
MUSIC_S = 0.02  # between dance and music: what is promised


def plays(url):
    with linked(url) as link:
        return "ALAudioPlayer.play" in link.call("RobodanceJournal", "calls")


@pytest.mark.slow
def test_a_whole_song_is_danced_on_the_music(tmp_path):
    command = [
        *(sys.executable, "-m", "robodance", "perform", str(launch_path("songs/tango.ogg"))),
        *("--yes", "--json", "--out", str(tmp_path / "out"), "--set", "naoqi.first_vigour=1"),
    ]
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    with virtual_nao("--audio-latency", "0.2", "--audio-ppm", "100") as url:
        dancing = subprocess.Popen(
            [*command, "--robot", url], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        while dancing.poll() is None and not plays(url):  # planning keeps a machine busy
            time.sleep(0.5)
        with real_time(url):
            out, said = dancing.communicate()
        assert dancing.returncode == 0, said
        plan = read_plan(tmp_path / "out" / "plan.npz")
        judged = judge(url, plan)
        with linked(url) as link:
            assert not link.call("ALMotion", "robotIsWakeUp")
    assert plan.duration_s > 38.0
    assert judged.tracking_deg.max() < TRACKING_DEG
    assert len(judged.ahead_s) > 10
    assert np.abs(judged.ahead_s).max() < MUSIC_S, judged.ahead_s
    known = json.loads(out)["performance"]
    assert abs(known["start_ahead_s"]) < MUSIC_S
    assert known["longest_wait_for_a_chunk_s"] == 0.0
    assert (tmp_path / "out" / "report.html").is_file()
