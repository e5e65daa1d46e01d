"""A plan that is there is performed as it is, with its own song and for its own robot."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hand_made_plans import arm_dance
from still_dancer import STILL

from robodance.cli import main
from robodance.plan_file import read_plan, write_plan
from robodance.skeleton import JOINT_NAMES
from robodance.song_file import file_sha256


@pytest.fixture
def planned(nao, tmp_path):
    """A folder with a plan and its song."""
    song = tmp_path / "song.wav"
    soundfile.write(song, 0.1 * np.sin(np.arange(32000) / 20.0), 8000)
    dancer = np.tile([STILL[name] for name in JOINT_NAMES], (2, 1, 1))
    plan = arm_dance(nao, 4.0)
    known = {"song_sha256": file_sha256(song), "song_path": song.name, "heard": "silent"}
    plan = replace(
        plan,
        human_joints_m=dancer,
        human_times_s=plan.times_s[[0, -1]],
        metadata={**plan.metadata, **known},
    )
    write_plan(plan, tmp_path / "plan.npz")
    return tmp_path


def perform(folder, *more):
    return main(["perform", "--plan", str(folder / "plan.npz"), *map(str, more)])


def test_the_plan_is_danced_sample_by_sample(planned, capsys):
    out = planned / "out"
    assert perform(planned, planned / "song.wav", "--sim", "--out", out, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["performance"]["falls"] == 0
    before, after = (read_plan(folder / "plan.npz") for folder in (planned, out))
    assert np.array_equal(before.positions_rad, after.positions_rad)
    with np.load(out / "log.npz") as log:
        times = np.clip(log["times_s"], 0.0, before.times_s[-1])
        wanted = [np.interp(times, before.times_s, row) for row in before.positions_rad.T]
        # between samples of 10 ms the danced curve is a spline, the line here is straight
        assert np.abs(log["commanded_rad"] - np.array(wanted).T).max() < 2e-3


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--seed", "2", "--sim"], "leave out --seed"),
        (["--from", "1", "--sim"], "leave out --from"),
        (["--motion", "dance.bvh", "--sim"], "leave out --motion"),
        (["--balance", "full-body", "--sim"], "leave out --balance"),
        (["--robot-model", "nao_v5", "--sim"], "made for nao_v6, not for nao_v5"),
        ([], "say where to perform"),
    ],
)
def test_what_a_plan_has_settled_is_not_asked_again(planned, capsys, flags, says):
    assert perform(planned, "--out", planned / "out", *flags) == 2
    assert says in capsys.readouterr().err
    assert not (planned / "out").exists()


def test_another_song_is_refused_and_silence_is_told(planned, capsys):
    other = planned / "other.wav"
    soundfile.write(other, np.zeros(16000), 8000)
    assert perform(planned, other, "--dry-run", "--out", planned / "out") == 2
    assert "is not the song" in capsys.readouterr().err
    assert perform(planned, "--dry-run", "--out", planned / "out") == 0
    assert "without its music; give song.wav" in capsys.readouterr().out


def test_a_plan_that_breaks_limits_is_not_danced(planned, nao, capsys):
    plan = read_plan(planned / "plan.npz")
    moved = np.array(plan.positions_rad)
    moved[100, nao.index("HeadYaw")] += 0.5
    write_plan(replace(plan, positions_rad=moved), planned / "plan.npz")
    assert perform(planned, "--sim", "--out", planned / "out") == 5
    assert "was not performed" in capsys.readouterr().err
    assert not (planned / "out" / "log.npz").exists()
