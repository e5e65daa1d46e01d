"""As printed, and of all genres: how they are trained, and that processes do not matter."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from published_form import write_all_genres, write_choreonet

from robodance.choreography.beat_clock import BeatClock
from robodance.choreography.checkpoint import load_checkpoint
from robodance.choreography.generator import load_generator
from robodance.choreography.phrases import PhraseDraw, draw_phrases
from robodance.config import GENRES, TrainConfig, as_printed
from robodance.errors import ConfigError, DataError, UsageError
from robodance.evaluation.generated import tempo_dances, weights_of
from robodance.learning import training
from robodance.learning.all_genres import genre_part, words_of
from robodance.learning.commands import train as train_command
from robodance.learning.run_loop import World
from robodance.learning.training_run import TrainingRun
from robodance.learning.updates import CorpusTensors, do_update, true_pose_share
from robodance.skeleton import FACING
from robodance.values import Beats, SongFeatures

TINY = {
    "updates": 4,
    "batch": 4,
    "rollout": 3,
    "chain_beats": 320,
    "gate_every": 2,
    "trial_dances": 1,
    "trial_frames": 120,
    "gate_dances": 1,
    "gate_frames": 120,
    "save_every": 2,
    "width": 0.1,
    "device": "cpu",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_all_genres(folder, units=8)
    return folder


@pytest.fixture(scope="module")
def together(data):
    return training.prepare(TrainConfig(genre="all", **TINY), data)


def test_the_printed_schedule_is_the_papers():
    """0.999 every 40,000 steps: half only after 27.7 million."""
    printed = as_printed(TrainConfig())
    assert printed.learning_rate == 1e-5
    assert true_pose_share(printed, 39_999) == 1.0
    assert true_pose_share(printed, 40_000) == 0.999
    assert true_pose_share(printed, 27_700_000) == pytest.approx(0.5, abs=0.001)
    improved = TrainConfig(updates=100)
    assert true_pose_share(improved, 0) == 1.0
    assert true_pose_share(improved, 60) == 0.0


def test_a_printed_generator_is_trained_and_dances(data, tmp_path):
    result = train_command(
        "autoregressive",
        data=data,
        genre="rumba",
        variant="printed",
        out=tmp_path / "run",
        changes=TINY,
    )
    assert result["weights"].endswith("autoregressive_printed_rumba.safetensors")
    generator = load_generator("autoregressive", result["weights"])
    assert generator.card["variant"] == "printed"
    assert generator.card["training"]["learning_rate"] == 1e-5
    assert generator.card["training"]["speed_weight"] == 0.0
    assert generator.normaliser.heading
    assert generator.vocabulary.tags == ()
    assert {"before", "after", "misses"} <= set(generator.card["gate"])
    assert str(weights_of(tmp_path / "run", "rumba")) == result["weights"]  # can be judged


def test_what_printed_learns_from_keeps_its_heading_and_its_dances_apart(data):
    prepared = training.prepare(as_printed(TrainConfig(genre="rumba", **TINY)), data)
    turned = prepared.normaliser.mean.copy()
    turned[FACING] = [0.0, 1.0, 0.0]
    back = prepared.normaliser.restore(prepared.normaliser.standardise(turned))
    np.testing.assert_allclose(back, turned, atol=1e-9)
    assert not prepared.corpus.frames.mirrored.any()
    assert len(prepared.corpus.poses) == 500  # the dance's part of the song, at 25 a second


def test_histories_do_not_reach_over_borders(together):
    corpus, history, rollout = together.corpus, 32, 3
    assert corpus.borders
    firsts = CorpusTensors(corpus, history, rollout).firsts.numpy()
    for border in corpus.borders:
        near = firsts[(firsts > border - rollout) & (firsts < border + history)]
        assert near.size == 0
    loose = dataclasses.replace(corpus, borders=())
    assert len(CorpusTensors(loose, history, rollout).firsts) > len(firsts)


def test_all_genres_share_a_vocabulary_that_keeps_them_apart(together):
    words = together.vocabulary
    assert sorted(set(words.group)) == [0, 1, 2, 3]
    letters = "CRTW"
    assert all(tag[0] == letters[group] for tag, group in zip(words.tags, words.group, strict=True))
    part = words_of(words, 2)
    assert {tag[0] for tag in part.tags} == {"T"}
    assert part.distance_m.shape == (len(part.tags), 2 * len(part.tags))
    genre = together.corpus.genre
    np.testing.assert_allclose(genre.sum(axis=1), 1.0)
    assert ((genre > 0.0).sum(axis=1) == 2).any()  # some dances are mixed


@pytest.mark.parametrize("driven", [False, True])
def test_a_genre_is_drawn_as_if_there_were_no_other(together, driven):
    """Unit by unit, though units of other genres may be nearer."""
    words, beats = together.vocabulary, 200
    drive = np.random.default_rng(5).normal(size=beats) if driven else None
    for group in range(len(GENRES)):
        rows = np.flatnonzero(words.group == group)
        alone = draw_phrases(words_of(words, group), beats, np.random.default_rng(3), drive=drive)
        draw, position = PhraseDraw(words, np.random.default_rng(3), drive), 0
        while position < beats:
            position += draw.next(position, group).beats
        expected = [dataclasses.replace(phrase, unit=rows[phrase.unit]) for phrase in alone]
        assert draw.phrases == expected


def test_a_genre_cut_out_of_the_network_answers_as_the_network_does(together):
    settings = TrainConfig(genre="all", **TINY)
    net = training._new_net(settings, together).eval()
    part, words = genre_part(net, together.vocabulary, {"tango": 1.0})
    rows = np.flatnonzero(together.vocabulary.group == GENRES.index("tango"))
    tensors = CorpusTensors(together.corpus, 32, 3)
    inside = np.isin(together.corpus.frames.unit, rows) & (
        together.corpus.genre[:, GENRES.index("tango")] == 1.0
    )
    inside &= np.isin(together.corpus.frames.upcoming % len(together.vocabulary.tags), rows)
    frames = torch.from_numpy(np.flatnonzero(inside)[:20])
    condition = type(tensors.condition)(**{
        name: array[frames] for name, array in vars(tensors.condition).items()
    })
    number = {int(row): index for index, row in enumerate(rows)}
    total, count = len(together.vocabulary.tags), len(words.tags)
    own = dataclasses.replace(
        condition,
        unit=torch.tensor([number[int(unit)] for unit in condition.unit]),
        upcoming=torch.tensor([
            number[int(u) % total] + count * (int(u) >= total) for u in condition.upcoming
        ]),
        genre=torch.zeros(len(frames), 0),
    )
    history = torch.randn(len(frames), 32, 74)
    with torch.inference_mode():
        whole, cut = net(history, net.tell(condition)), part(history, part.tell(own))
    torch.testing.assert_close(cut, whole, atol=1e-5, rtol=1e-4)


def test_a_network_of_all_genres_is_trained_judged_and_mixes(data, together, tmp_path):
    weights = training.train(
        TrainConfig(genre="all", **TINY), data, tmp_path / "run", prepared=together
    )
    card = load_checkpoint(weights).card
    assert card["genre"] == "all"
    assert set(card["beat_s"]) == set(GENRES)
    assert set(card["reference"]) == set(GENRES)
    gate = card["gate"]  # the genres' mean, and each genre by itself
    speeds = [gate[genre]["after"]["speed_m_s"] for genre in GENRES]
    assert np.mean(speeds) == pytest.approx(gate["after"]["speed_m_s"], abs=1e-4)
    assert weights_of(weights.parent, "tango") == weights  # can be judged, in any genre
    (judged,) = tempo_dances(["waltz"], (120.0,), range(1), weights=weights.parent, dance_s=6.0)
    assert judged.sample.joints_m.shape[1:] == (21, 3)
    times = np.arange(0.0, 8.0, 0.5)
    clock = BeatClock(Beats(times, np.arange(16) % 4 + 1, 4, 120.0, 1.0))
    names = tuple(str(column) for column in range(128))
    music = SongFeatures(np.zeros((400, 128)), 50.0, card["music"], names)
    generator = load_generator("autoregressive", weights)
    shares = [{"tango": 0.7, "rumba": 0.3}, {"tango": 1.0}]
    mixed, pure = (generator.generate(clock, music, 0, 8, seed=0, shares=s) for s in shares)
    assert mixed.shape == (128, 74)
    assert np.abs(mixed - pure).max() > 1e-6


def test_two_processes_end_as_one_does(data, tmp_path):
    """Under torchrun, on the processor (gloo): bit for bit, since the shards are the same."""
    command = ["-m", "robodance", "train", "autoregressive", "--genre", "rumba"]
    command += ["--data", str(data), "--seed", "3"]
    command += [part for name, value in TINY.items() for part in ("--set", f"{name}={value}")]
    one, two = tmp_path / "one", tmp_path / "two"
    train_command("autoregressive", data=data, genre="rumba", seed=3, out=one, changes=TINY)
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    subprocess.run(
        [sys.executable, *launcher, *command, "--out", str(two)],
        check=True,
        capture_output=True,
        timeout=900,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    name = "autoregressive_rumba.safetensors"
    first, second = load_checkpoint(one / name), load_checkpoint(two / name)
    for key, array in first.network.items():
        np.testing.assert_array_equal(array, second.network[key])
    assert [
        json.loads(line)["loss"] for line in (one / "curves.jsonl").read_text().splitlines()
    ] == [json.loads(line)["loss"] for line in (two / "curves.jsonl").read_text().splitlines()]


def test_processes_that_cannot_share_the_work_are_refused(together, tmp_path):
    settings = TrainConfig(genre="all", **TINY)
    run = TrainingRun(settings, training._new_net(settings, together), tmp_path)
    tensors = CorpusTensors(together.corpus, 32, settings.rollout)
    with pytest.raises(UsageError, match="3 processes cannot share 2 shards"):
        do_update(settings, run, tensors, World(0, 3, torch.device("cpu")), 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"genre": "all", "variant": "printed"}, "one network per genre"),
        ({"variant": "painted"}, "improved or printed"),
        ({"batch": 5, "shards": 2}, "multiple of shards"),
        ({"device": "tpu"}, "auto, cpu or cuda"),
        ({"genre": "polka"}, "genre must be one of"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**changes)


def test_a_printed_run_is_not_continued_as_another(tmp_path):
    write_choreonet(tmp_path / "data", units=8)
    out, small = tmp_path / "run", {**TINY, "updates": 1}
    train_command("autoregressive", data=tmp_path / "data", out=out, changes=small)
    with pytest.raises(DataError, match="other settings"):
        train_command(
            "autoregressive",
            data=tmp_path / "data",
            out=out,
            variant="printed",
            resume=True,
            changes=small,
        )
