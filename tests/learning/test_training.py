"""Training goes on after a kill as if nothing had happened, and leaves a card."""

import dataclasses
import json
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from published_form import write_choreonet
from safetensors.torch import load_file

from robodance.choreography.checkpoint import load_checkpoint
from robodance.config import TrainConfig
from robodance.errors import DataError, OutputError
from robodance.learning import training, updates
from robodance.learning.commands import train as train_command

# A network and free runs small enough for a test; everything else is the real thing.
SMALL = {
    "batch": 4,
    "rollout": 3,
    "chain_beats": 64,
    "gate_every": 3,
    "trial_dances": 2,
    "trial_frames": 200,
    "gate_dances": 2,
    "gate_frames": 200,
    "width": 0.25,
}
SETTINGS = TrainConfig(**{**SMALL, "genre": "rumba", "updates": 6, "save_every": 2, "seed": 5})
NAME = "autoregressive_rumba.safetensors"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_choreonet(folder, units=8)
    return training.prepare(SETTINGS, folder)


def command(data, out, *more):
    """The command line of a small run, as a user would give it."""
    sizes = [f"{key}={value}" for key, value in {**SMALL, "updates": 60, "save_every": 10}.items()]
    return [
        *(sys.executable, "-m", "robodance", "train", "autoregressive", "--genre", "rumba"),
        *("--seed", "5", "--data", str(data), "--out", str(out), *more),
        *(part for size in sizes for part in ("--set", size)),
    ]


def test_a_killed_run_ends_with_the_same_weights(tmp_path):
    """SIGKILL, which no program can tidy up after, in the middle of a run of the command."""
    write_choreonet(tmp_path / "data", units=8)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(tmp_path / "data", whole), check=True, capture_output=True)

    process = subprocess.Popen(command(tmp_path / "data", killed), stderr=subprocess.DEVNULL)
    while process.poll() is None and not (killed / "state.json").is_file():
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
    assert 0 < json.loads((killed / "state.json").read_text())["update"] < 60
    assert not (killed / NAME).exists()
    subprocess.run(command(tmp_path / "data", killed, "--resume"), check=True, capture_output=True)

    first, second = load_checkpoint(whole / NAME), load_checkpoint(killed / NAME)
    for name, array in first.network.items():
        np.testing.assert_array_equal(array, second.network[name])
    notes = [json.loads((run / "state.json").read_text()) for run in (whole, killed)]
    assert notes[0]["best"]["update"] == notes[1]["best"]["update"]
    losses = [[row["loss"] for row in note["rows"]] for note in notes]
    assert losses[0] == losses[1]


def test_the_card_says_how_the_weights_were_made(prepared, tmp_path):
    weights = training.train(SETTINGS, tmp_path, tmp_path / "run", prepared=prepared)
    card = load_checkpoint(weights).card
    assert card["genre"] == "rumba"
    assert card["training"]["seed"] == 5
    assert card["held_out_units"] == sorted(prepared.library.held_out)
    assert card["music"].startswith("logmel-onset-chroma-128/")
    assert {"rebuilt", "held_out"} <= set(card["reference"])
    assert "data" in card
    assert "licence" in card
    assert (tmp_path / "run" / "curves.csv").read_text().startswith("update,loss")


def test_it_learns(prepared, tmp_path):
    """Far better than saying the mean pose, which is what an untrained network amounts to."""
    settings = dataclasses.replace(
        SETTINGS, updates=300, batch=8, rollout=2, gate_every=1000, learning_rate=2e-3
    )
    training.train(settings, tmp_path, tmp_path / "run", prepared=prepared)
    rows = json.loads((tmp_path / "run" / "state.json").read_text())["rows"]
    assert rows[-1]["loss"] < 0.7 * np.abs(prepared.corpus.poses).mean()


def test_training_leaves_the_threads_of_torch_as_they_were(prepared, tmp_path):
    before = torch.get_num_threads()
    settings = dataclasses.replace(
        SETTINGS, threads=before + 1, updates=1, trial_frames=100, gate_frames=100
    )
    inside = set()

    def look(share, line):
        inside.add(torch.get_num_threads())

    training.train(settings, tmp_path, tmp_path / "run", prepared=prepared, progress=look)
    assert inside == {before + 1}
    assert torch.get_num_threads() == before
    with pytest.raises(DataError, match="add --resume"):
        training.train(settings, tmp_path, tmp_path / "run", prepared=prepared)
    assert torch.get_num_threads() == before


def test_another_run_is_not_overwritten(prepared, tmp_path):
    training.train(SETTINGS, tmp_path, tmp_path / "run", prepared=prepared)
    with pytest.raises(DataError, match="add --resume"):
        training.train(SETTINGS, tmp_path, tmp_path / "run", prepared=prepared)
    other = dataclasses.replace(SETTINGS, seed=6)
    with pytest.raises(DataError, match="other settings"):
        training.train(other, tmp_path, tmp_path / "run", prepared=prepared, resume=True)


def test_a_run_goes_on_with_more_updates_and_its_card_says_so(prepared, tmp_path):
    training.train(SETTINGS, tmp_path, tmp_path / "run", prepared=prepared)
    longer = dataclasses.replace(SETTINGS, updates=8, batch=6)
    weights = training.train(longer, tmp_path, tmp_path / "run", prepared=prepared, resume=True)
    legs = load_checkpoint(weights).card["training"]["legs"]
    assert legs[0]["updates"] == 6
    assert legs[1] == {"from": 6, "updates": 8, "batch": 6}


def test_what_disturbs_histories_is_what_it_says(prepared):
    """Without noise, kick and swap a history stays, but for the few that are blank."""
    history = torch.ones(200, 32, 74)
    quiet = dataclasses.replace(SETTINGS, history_noise=0.0, history_kick=0.0, history_swap=0.0)
    rng = torch.Generator().manual_seed(0)
    same = (updates._disturbed_history(history, quiet, rng) == history).all(dim=(1, 2))
    assert 0.9 < same.float().mean() < 1.0
    kicked = dataclasses.replace(quiet, history_kick=0.5)
    moved = updates._disturbed_history(history, kicked, rng)
    offset = moved - moved[:, :1]
    assert offset.abs().max() == 0.0  # the whole history by the same amount
    assert 0.05 < (moved - 1.0).abs().median() < 0.5


@pytest.fixture
def small_files_only():
    """The system refuses every file over 20 kB, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_state_is_never_half_written(prepared, tmp_path, request):
    """Whatever state.json names is there, also when writing the next one fails."""
    out = tmp_path / "run"
    training.train(SETTINGS, tmp_path, out, prepared=prepared)
    there = sorted(path.name for path in out.iterdir())
    longer = dataclasses.replace(SETTINGS, updates=9, gate_every=1000)
    request.getfixturevalue("small_files_only")
    with pytest.raises(OutputError, match=r"state-8\.safetensors: cannot be written"):
        training.train(longer, tmp_path, out, prepared=prepared, resume=True)
    notes = json.loads((out / "state.json").read_text())
    assert notes["update"] == 6
    assert load_file(str(out / notes["tensors"]))
    assert sorted(path.name for path in out.iterdir()) == there


def test_the_command_line_trains(tmp_path):
    write_choreonet(tmp_path / "data", units=8)
    result = train_command(
        "autoregressive",
        data=tmp_path / "data",
        genre="rumba",
        out=tmp_path / "run",
        changes={**SMALL, "updates": 2},
        seed=1,
    )
    assert load_checkpoint(result["weights"]).card["training"]["seed"] == 1
    with pytest.raises(DataError, match="no such folder"):
        train_command("autoregressive", data=tmp_path / "nowhere")
