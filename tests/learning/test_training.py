"""Training goes on after a kill as if nothing had happened, and leaves a card."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from published_form import write_choreonet
from safetensors.torch import load_file

from robodance.choreography.checkpoint import load_checkpoint
from robodance.choreography.generators.autoregressive import AutoregressiveNet, NetConfig
from robodance.config import TrainConfig
from robodance.errors import DataError
from robodance.learning import training, training_run
from robodance.learning.commands import train as train_command

SETTINGS = TrainConfig(
    genre="rumba", updates=6, batch=4, rollout=3, chain_beats=64, gate_every=3, seed=5
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_choreonet(folder, units=8)
    return training.prepare(SETTINGS, folder)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A network and a trial small enough for a test; everything else is the real thing."""

    def net(config, vocabulary):
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            return AutoregressiveNet(
                NetConfig(units=len(vocabulary.tags), channels=(48,) * 5, hidden=(96, 96))
            )

    monkeypatch.setattr(training, "_new_net", net)
    monkeypatch.setattr(training, "GATE_TRIAL_FRAMES", 200)
    monkeypatch.setattr(training, "GATE_TRIAL_SEEDS", 2)
    monkeypatch.setattr(training, "GATE_FRAMES", 200)
    monkeypatch.setattr(training, "GATE_SEEDS", 2)
    monkeypatch.setattr(training, "SAVE_EVERY", 2)


class Killed(BaseException):
    pass


def test_a_killed_run_ends_with_the_same_weights(prepared, tmp_path, monkeypatch):
    whole = training.train(SETTINGS, tmp_path, tmp_path / "whole", prepared=prepared)

    update = training._update
    done = []

    def mortal(run, tensors, number):
        if number == 5 and not done:
            done.append(number)
            raise Killed
        return update(run, tensors, number)

    monkeypatch.setattr(training, "_update", mortal)
    with pytest.raises(Killed):
        training.train(SETTINGS, tmp_path, tmp_path / "killed", prepared=prepared)
    resumed = training.train(
        SETTINGS, tmp_path, tmp_path / "killed", prepared=prepared, resume=True
    )
    first, second = load_checkpoint(whole), load_checkpoint(resumed)
    for name, array in first.network.items():
        np.testing.assert_array_equal(array, second.network[name])
    notes = [json.loads((tmp_path / run / "state.json").read_text()) for run in ("whole", "killed")]
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
    settings = TrainConfig(
        genre="rumba",
        updates=300,
        batch=8,
        rollout=2,
        chain_beats=64,
        gate_every=1000,
        learning_rate=2e-3,
    )
    training.train(settings, tmp_path, tmp_path / "run", prepared=prepared)
    rows = json.loads((tmp_path / "run" / "state.json").read_text())["rows"]
    assert rows[-1]["loss"] < 0.7 * np.abs(prepared.corpus.poses).mean()


def test_another_run_is_not_overwritten(prepared, tmp_path):
    training.train(SETTINGS, tmp_path, tmp_path / "run", prepared=prepared)
    with pytest.raises(DataError, match="add --resume"):
        training.train(SETTINGS, tmp_path, tmp_path / "run", prepared=prepared)
    other = TrainConfig(genre="rumba", updates=9, batch=4, rollout=3, chain_beats=64)
    with pytest.raises(DataError, match="other settings"):
        training.train(other, tmp_path, tmp_path / "run", prepared=prepared, resume=True)


def test_a_run_goes_on_with_more_updates_and_its_card_says_so(prepared, tmp_path):
    training.train(SETTINGS, tmp_path, tmp_path / "run", prepared=prepared)
    longer = dataclasses.replace(SETTINGS, updates=8, batch=3)
    weights = training.train(longer, tmp_path, tmp_path / "run", prepared=prepared, resume=True)
    legs = load_checkpoint(weights).card["training"]["legs"]
    assert legs[0]["updates"] == 6
    assert legs[1] == {"from": 6, "updates": 8, "batch": 3}


def test_what_disturbs_histories_is_what_it_says(prepared):
    """Without noise, kick and swap a history stays, but for the few that are blank."""
    history = torch.ones(200, 32, 74)
    quiet = dataclasses.replace(SETTINGS, history_noise=0.0, history_kick=0.0, history_swap=0.0)
    rng = torch.Generator().manual_seed(0)
    same = (training._disturbed_history(history, quiet, rng) == history).all(dim=(1, 2))
    assert 0.9 < same.float().mean() < 1.0
    kicked = dataclasses.replace(quiet, history_kick=0.5)
    moved = training._disturbed_history(history, kicked, rng)
    offset = moved - moved[:, :1]
    assert offset.abs().max() == 0.0  # the whole history by the same amount
    assert 0.05 < (moved - 1.0).abs().median() < 0.5


def test_a_state_is_never_half_written(prepared, tmp_path, monkeypatch):
    """Whatever state.json names is there, also when writing the next one fails."""
    out = tmp_path / "run"
    training.train(SETTINGS, tmp_path, out, prepared=prepared)

    def broken(*_):
        raise OSError("no space")

    run = training_run.TrainingRun(SETTINGS, training._new_net(SETTINGS, prepared.vocabulary), out)
    run.restore(resume=True)
    monkeypatch.setattr(training_run, "save_file", broken)
    with pytest.raises(OSError, match="no space"):
        run.save(99)
    notes = json.loads((out / "state.json").read_text())
    assert notes["update"] == 6
    assert load_file(str(out / notes["tensors"]))


def test_the_command_line_trains(tmp_path, monkeypatch):
    write_choreonet(tmp_path / "data", units=8)
    result = train_command(
        "autoregressive",
        data=tmp_path / "data",
        genre="rumba",
        out=tmp_path / "run",
        changes={"updates": 2, "batch": 2, "rollout": 2, "chain_beats": 64},
        seed=1,
    )
    assert load_checkpoint(result["weights"]).card["training"]["seed"] == 1
    with pytest.raises(DataError, match="no such folder"):
        train_command("autoregressive", data=tmp_path / "nowhere")
