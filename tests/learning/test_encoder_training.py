"""Pre-training the encoder: resumable, the same on several processes, and it learns."""

import dataclasses
import json
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from robodance.audio.encoder import load_encoder
from robodance.audio.encoder_net import GRID
from robodance.config import EncoderTrainConfig
from robodance.errors import ConfigError, DataError, UsageError
from robodance.learning import encoder_judgement as judgement
from robodance.learning import encoder_training as training
from robodance.learning.encoder_songs import draw_excerpts
from robodance.learning.run_loop import RunFolder, World, learn, open_world

# Narrow, few and short; everything else is the real thing.
SMALL = {
    "width": 0.125,
    "excerpts": 2,
    "windows": 1,
    "real": 0.0,
    "held_out": "",
    "judge_songs": 1,
    "note_every": 2,
    "save_every": 1,
}
SETTINGS = EncoderTrainConfig(**{**SMALL, "updates": 3, "seed": 5})


@pytest.fixture(autouse=True)
def short_songs(monkeypatch):
    monkeypatch.setattr(judgement, "SONG_S", 4.0)


def script(out, updates):
    """A program that trains, as torchrun or a user would start it."""
    sizes = {**SMALL, "updates": updates, "seed": 5}
    return (
        "from pathlib import Path\n"
        "from robodance.config import EncoderTrainConfig\n"
        "from robodance.learning import encoder_judgement\n"
        "from robodance.learning.encoder_training import train_encoder\n"
        "encoder_judgement.SONG_S = 4.0\n"
        f"train_encoder(EncoderTrainConfig(**{sizes!r}), None, Path({str(out)!r}), resume=True)\n"
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of 12 updates that nobody disturbed."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    with pytest.MonkeyPatch.context() as shorter:
        shorter.setattr(judgement, "SONG_S", 4.0)
        config = EncoderTrainConfig(**{**SMALL, "updates": 12, "seed": 5})
        training.train_encoder(config, None, out)
    return out


def same_run(first, second):
    one, two = (load_file(str(run / "music_encoder.safetensors")) for run in (first, second))
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=0.0, atol=0.0)
    losses = [
        [row["loss"] for row in json.loads((run / "state.json").read_text())["rows"]]
        for run in (first, second)
    ]
    assert losses[0] == losses[1]


def test_a_killed_run_ends_with_the_same_weights(whole, tmp_path):
    """SIGKILL, which no program can tidy up after, in the middle of the run."""
    killed = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, "-c", script(killed, 12)])
    while process.poll() is None and not (killed / "state.json").is_file():
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
    assert 0 < json.loads((killed / "state.json").read_text())["update"] < 12
    assert not (killed / "music_encoder.safetensors").exists()
    subprocess.run([sys.executable, "-c", script(killed, 12)], check=True)
    same_run(whole, killed)


def test_two_processes_end_with_the_same_weights_as_one(whole, tmp_path):
    out = tmp_path / "pair"
    file = tmp_path / "train.py"
    file.write_text(script(out, 12))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = [
        *(sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--nproc-per-node=2"),
        *("--master-addr=127.0.0.1", f"--master-port={port}", str(file)),
    ]
    done = subprocess.run(launcher, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    same_run(whole, out)


def test_curves_weights_and_card_are_left(whole):
    rows = [json.loads(line) for line in (whole / "curves.jsonl").read_text().splitlines()]
    assert [row["update"] for row in rows] == [2, 4, 6, 8, 10, 12]
    assert {"loss", "tempo", "octave", "phase", "onset", "steps", "fine"} <= set(rows[0])
    assert (whole / "curves.png").read_bytes().startswith(b"\x89PNG")
    card = load_encoder(whole / "music_encoder.safetensors").card
    assert "Million Song Dataset of the paper was not at hand" in card["data"]
    assert card["training"]["seed"] == 5
    assert {"within_4_percent", "up_to_octaves"} <= set(card["figures"]["synthesised"])


def test_another_run_is_not_overwritten_and_a_damaged_one_is_named(tmp_path):
    out = tmp_path / "run"
    training.train_encoder(SETTINGS, None, out)
    with pytest.raises(DataError, match="add --resume"):
        training.train_encoder(SETTINGS, None, out)
    with pytest.raises(DataError, match="other settings"):
        training.train_encoder(dataclasses.replace(SETTINGS, seed=6), None, out, resume=True)
    notes = json.loads((out / "state.json").read_text())
    tensors = out / notes["tensors"]
    tensors.write_bytes(tensors.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"state-3\.safetensors: not the state of this run"):
        training.train_encoder(SETTINGS, None, out, resume=True)
    (out / "state.json").write_text("{}")
    with pytest.raises(DataError, match=r"state\.json: not the state of a run"):
        training.train_encoder(SETTINGS, None, out, resume=True)


def loss_of(net, config, excerpts):
    with torch.no_grad():
        said = net(torch.from_numpy(np.stack([one.sound for one in excerpts])))
        return training.losses(config.mode, said, excerpts)


@pytest.mark.parametrize("mode", ["multitask", "bpm"])
def test_it_learns_the_tempo_of_a_few_songs_and_only_by_its_updates(mode):
    """With and without: the same network before, which can only guess."""
    torch.manual_seed(0)
    config = EncoderTrainConfig(mode=mode, width=0.25)
    net = training.PretrainingNet(config).train()
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    shape = net.encoder.config
    excerpts = draw_excerpts([], (9,), 4, windows=1, config=shape, real=0.0)
    sound = torch.from_numpy(np.stack([one.sound for one in excerpts]))
    name = "tempo" if mode == "multitask" else "loss"
    before = loss_of(net, config, excerpts)[name]
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    for _ in range(25):
        optimiser.zero_grad()
        training.losses(mode, net(sound), excerpts)["loss"].backward()
        optimiser.step()
    after = loss_of(net, config, excerpts)[name]
    assert after < 0.6 * before


def test_the_tempo_loss_knows_octaves():
    """Right up to an octave: nothing to learn there; right as well: nothing to learn at all."""
    tempi = GRID.tempi_bpm
    one = torch.tensor([[80.0]])
    scores = torch.full((1, 1, len(tempi)), -20.0)
    scores[0, 0, np.argmin(np.abs(tempi - 160.0))] = 20.0
    octave_off = training._tempo_losses(scores, one)
    scores[0, 0] = -20.0
    scores[0, 0, np.argmin(np.abs(tempi - 80.0))] = 20.0
    right = training._tempo_losses(scores, one)
    assert octave_off["tempo"] == pytest.approx(float(right["tempo"]), abs=0.01)
    assert octave_off["octave"] > right["octave"] + 10.0


def test_tempi_are_judged_within_4_percent_and_up_to_octaves():
    assert judgement.same_tempo(103.0, 100.0) == (True, True)
    assert judgement.same_tempo(105.0, 100.0) == (False, False)
    assert judgement.same_tempo(51.0, 100.0) == (False, True)
    assert judgement.same_tempo(290.0, 100.0) == (False, True)
    assert judgement.same_tempo(150.0, 100.0) == (False, False)


def test_a_turning_phase_gives_the_tempo():
    """Phase that turns 1.7 times a second, in noise: the tempo is 102."""
    rng = np.random.default_rng(0)
    phase = np.exp(2j * np.pi * 1.7 * np.arange(500) / 25.0)
    phase = phase + rng.normal(size=500) + 1j * rng.normal(size=500)
    tempi = np.linspace(40.0, 300.0, 521)
    assert tempi[np.argmax(judgement._turning(phase, tempi / 60.0))] == pytest.approx(
        102.0, rel=0.01
    )


def test_several_processes_must_share_evenly_and_a_missing_gpu_is_named():
    with pytest.raises(UsageError, match="3 processes cannot share 2 shards"):
        World(0, 3, torch.device("cpu")).shards(2)
    assert list(World(1, 2, torch.device("cpu")).shards(4)) == [1, 3]
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="sees no GPU"), open_world("cuda"):
            pass
    with pytest.raises(ConfigError, match="multiple of shards"):
        EncoderTrainConfig(excerpts=3)


def test_the_loop_says_how_long_it_still_takes_and_keeps_the_last_state(tmp_path):
    net = torch.nn.Linear(2, 1)
    optimiser = torch.optim.Adam(net.parameters())

    def step(update):
        if update == 5:
            raise KeyboardInterrupt
        optimiser.zero_grad()
        loss = net(torch.ones(1, 2)).square().sum()
        loss.backward()
        optimiser.step()
        return {"loss": float(loss.detach())}

    lines = []
    run = RunFolder(tmp_path, net, optimiser, {"seed": 0}, fixed=("seed",))
    with pytest.raises(KeyboardInterrupt):
        learn(
            run,
            step,
            updates=8,
            first=0,
            save_every=2,
            note_every=2,
            progress=lambda share, line: lines.append(line),
        )
    assert lines[0].startswith("update 2 of 8, loss ")
    assert lines[0].endswith(" left")
    again = RunFolder(tmp_path, net, optimiser, {"seed": 0}, fixed=("seed",))
    assert again.restore(resume=True) == 4
    assert [row["update"] for row in again.rows] == [2, 4]
