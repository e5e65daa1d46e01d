"""Training may begin with weights that dance already, also with other music features."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from published_form import write_all_genres

from robodance.choreography.checkpoint import load_checkpoint, save_checkpoint
from robodance.choreography.generators.autoregressive import Condition, build
from robodance.choreography.sampling import Normaliser
from robodance.config import TrainConfig
from robodance.errors import DataError, UsageError
from robodance.learning import training
from robodance.learning.commands import train as train_command
from robodance.learning.starting import begin_with
from robodance.values import FEATURE_DIM

TINY = {
    "genre": "rumba",
    "updates": 2,
    "batch": 4,
    "rollout": 3,
    "chain_beats": 64,
    "trial_dances": 1,
    "trial_frames": 100,
    "gate_dances": 1,
    "gate_frames": 100,
    "width": 0.1,
    "device": "cpu",
}
HALF = 1e-3  # relative rounding of weights that were stored in half precision
MEAN_POSE = 1e-3  # spreads: the zeros around a history are each network's own mean pose
MOVED = np.arange(74) < 63  # the joints, and not the facing direction


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_all_genres(folder, units=8)
    return folder


@pytest.fixture(scope="module")
def weights(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("first")
    return training.train(TrainConfig(**TINY), data, out / "run")


@pytest.fixture
def prepared(data, weights):
    return training.prepare(TrainConfig(**TINY, start_from=str(weights)), data)


def told(music, units):
    rows = torch.arange(len(music)) % units
    return Condition(
        music=torch.from_numpy(music).float(),
        phase=torch.zeros(len(music), 6),
        unit=rows,
        upcoming=rows,
        seen=torch.ones(len(music)),
        position=torch.zeros(len(music), 16),
        genre=torch.zeros(len(music), 0),
    )


def answers(net, music):
    history = torch.from_numpy(np.random.default_rng(1).normal(size=(len(music), 32, 74))).float()
    with torch.inference_mode():
        return net(history, net.tell(told(music, net.config.units))).numpy()


def test_a_run_begins_as_the_weights_end(prepared, weights):
    first = load_checkpoint(weights)
    net = training._new_net(TrainConfig(**TINY), prepared).eval()
    before = build(first.card["network"]).eval()
    before.load_state_dict({n: torch.from_numpy(a) for n, a in first.network.items()})
    music = np.random.default_rng(0).normal(size=(5, FEATURE_DIM))
    np.testing.assert_array_equal(answers(net, music), answers(before, music))
    np.testing.assert_array_equal(prepared.normaliser.mean, first.normaliser.mean)


def test_other_music_features_begin_as_silence(prepared, weights):
    """The new features change nothing yet; the named ones change every answer."""
    other = dataclasses.replace(prepared, music="encoder-128/0123456789ab")
    music = np.random.default_rng(0).normal(size=(5, FEATURE_DIM))
    deaf = training._new_net(TrainConfig(**TINY), other).eval()
    hears = training._new_net(TrainConfig(**TINY), prepared).eval()
    np.testing.assert_array_equal(answers(deaf, music), answers(hears, 0.0 * music))
    change = np.abs(answers(hears, music) - answers(hears, 0.0 * music))
    assert np.all(change.max(axis=1) > 0.0)


def test_units_are_found_by_their_names(prepared, weights):
    """In another order, and with a unit that was never seen."""
    first, words = load_checkpoint(weights), prepared.vocabulary
    order = np.roll(np.arange(len(words.tags)), 1)
    both = np.concatenate([order, order + len(order)])
    turned = dataclasses.replace(
        words,
        tags=("R-new-1", *(words.tags[row] for row in order[1:])),
        beats=words.beats[order],
        follows=words.follows[np.ix_(order, order)],
        distance_m=words.distance_m[np.ix_(order, both)],
        liveliness=words.liveliness[order],
    )
    net = training._new_net(TrainConfig(**TINY), dataclasses.replace(prepared, start=None))
    drawn = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    begin_with(net, first, turned, prepared.normaliser, prepared.music)
    for name, rows in (("unit_code.weight", order), ("upcoming_code.weight", both)):
        codes, known = net.state_dict()[name].numpy(), first.network[f"{name}"]
        new = [0] if len(rows) == len(order) else [0, len(order)]
        kept = [row for row in range(len(rows)) if row not in new]
        np.testing.assert_array_equal(codes[kept], known[rows[kept]])
        np.testing.assert_array_equal(codes[new], drawn[name].numpy()[new])


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_a_network_of_all_genres_begins_with_one_genres_weights(data, weights, shift):
    """It gives that genre's answers, whatever shares it is told, in its own standardisation."""
    first, config = load_checkpoint(weights), TrainConfig(**TINY)
    several = dataclasses.replace(config, genre="all", start_from=str(weights))
    prepared, was = training.prepare(several, data), first.normaliser
    assert set(prepared.libraries[2].held_out) - set(first.card["held_out_units"])
    other = Normaliser(was.mean + shift * was.spread * MOVED, 1.5 * was.spread)
    net = training._new_net(several, dataclasses.replace(prepared, normaliser=other)).eval()
    before = build(first.card["network"]).eval()
    before.load_state_dict({n: torch.from_numpy(a) for n, a in first.network.items()})
    rows = torch.tensor([prepared.vocabulary.tags.index(tag) for tag in first.vocabulary.tags])
    rng = np.random.default_rng(1)
    poses = was.restore(rng.normal(size=(3, 32, 74)))
    known = told(rng.normal(size=(3, FEATURE_DIM)), len(rows))
    shares = torch.from_numpy(rng.dirichlet(np.ones(4), 3)).float()
    asked = dataclasses.replace(
        known, unit=rows[known.unit], upcoming=rows[known.upcoming], genre=shares
    )
    with torch.inference_mode():
        here = net(torch.from_numpy(other.standardise(poses)).float(), net.tell(asked))
        there = before(torch.from_numpy(was.standardise(poses)).float(), before.tell(known))
    gap = (other.restore(here.numpy()) - was.restore(there.numpy())) / was.spread
    assert np.abs(gap).max() < MEAN_POSE


def test_the_command_begins_with_a_folder_of_weights_and_its_card_says_so(data, weights, tmp_path):
    small = {key: value for key, value in TINY.items() if key != "genre"}
    given = {"data": data, "genre": "rumba", "start_from": weights.parent}
    result = train_command("autoregressive", **given, out=tmp_path / "run", changes=small)
    card = load_checkpoint(result["weights"]).card
    assert card["began_with"]["sha256"] == load_checkpoint(weights).card["sha256"]
    assert card["training"]["start_from"] == weights.parent.name  # no path of this computer
    assert str(weights.parent) not in json.dumps(card)
    with pytest.raises(UsageError, match="encoder begins anew"):
        train_command("encoder", data=data, start_from=weights)


def test_a_run_that_began_with_weights_is_not_resumed_without(data, weights, tmp_path):
    config = TrainConfig(**TINY, start_from=str(weights))
    training.train(config, data, tmp_path / "run")
    anew = dataclasses.replace(config, start_from=None)
    with pytest.raises(DataError, match="other settings"):
        training.train(anew, data, tmp_path / "run", resume=True)
    longer = dataclasses.replace(config, updates=3)
    again = training.train(longer, data, tmp_path / "run", resume=True)
    assert (
        load_checkpoint(again).card["began_with"]["music"] == load_checkpoint(weights).card["music"]
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"genre": "tango"}, "holds the genre 'rumba', but 'tango'"),
        ({"variant": "printed"}, "holds the variant 'improved', but 'printed'"),
        ({"width": 0.2}, r"channels \(13, 13, 26, 51, 102\), but \(26, 26, 51, 102, 205\)"),
    ],
)
def test_weights_that_do_not_fit_are_refused(data, weights, tmp_path, changes, said):
    config = TrainConfig(**{**TINY, **changes}, start_from=str(weights))
    with pytest.raises(DataError, match=said):
        training.train(config, data, tmp_path / "run")


def test_weights_that_saw_what_is_held_out_are_refused(data, weights, tmp_path):
    first = load_checkpoint(weights)
    card = {**first.card, "held_out_units": []}
    path = tmp_path / "seen.safetensors"
    save_checkpoint(path, first.network, first.vocabulary, first.normaliser, card)
    with pytest.raises(DataError, match=r"was trained on R-.*which this run holds out"):
        training.prepare(TrainConfig(**TINY, start_from=str(path)), data)


def test_missing_weights_are_named(data, tmp_path):
    with pytest.raises(DataError, match=r"autoregressive_rumba\.json: the card of the weights"):
        training.prepare(TrainConfig(**TINY, start_from=str(tmp_path)), data)
