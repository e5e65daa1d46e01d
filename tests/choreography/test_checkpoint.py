"""Weight files and cards belong together, and what ships keeps to its budget."""

import hashlib
import json

import numpy as np
import pytest
from test_phrases import vocabulary

from robodance.choreography.checkpoint import load_checkpoint, save_checkpoint
from robodance.choreography.generator import GENERATORS, load_generator
from robodance.choreography.sampling import Normaliser
from robodance.config import GENRES
from robodance.errors import DataError, UsageError
from robodance.resources import weights_path
from robodance.weight_card import card_path

BUDGET_MB = 40.0  # all weights of the package together


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "w.safetensors"
    network = {"layer.weight": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)}
    normaliser = Normaliser(mean=np.arange(74.0), spread=np.ones(74))
    save_checkpoint(path, network, vocabulary(), normaliser, {"generator": "autoregressive"})
    return path


def test_what_is_saved_comes_back(weights):
    found = load_checkpoint(weights)
    expected = np.linspace(-1, 1, 12).reshape(3, 4)
    np.testing.assert_allclose(found.network["layer.weight"], expected, atol=5e-4)  # half precision
    assert found.vocabulary.tags == vocabulary().tags
    np.testing.assert_allclose(found.vocabulary.distance_m, vocabulary().distance_m, atol=1e-6)
    np.testing.assert_array_equal(found.normaliser.mean, np.arange(74.0))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:-1] + b"x"), "SHA-256 differs"),
        (lambda p: card_path(p).unlink(), "must lie beside"),
        (lambda p: card_path(p).write_text("{"), "no valid JSON"),
        (lambda p: card_path(p).write_text('{"format_version": 99}'), "format 99"),
        (lambda p: p.unlink(), "cannot be read"),
    ],
)
def test_damaged_weights_say_what_is_wrong(weights, spoil, message):
    spoil(weights)
    with pytest.raises(DataError, match=message):
        load_checkpoint(weights)


def test_a_file_that_is_no_weight_file_is_refused(weights):
    weights.write_bytes(b"not safetensors")
    card = json.loads(card_path(weights).read_text())
    card["sha256"] = hashlib.sha256(b"not safetensors").hexdigest()
    card_path(weights).write_text(json.dumps(card))
    with pytest.raises(DataError, match="not a weight file"):
        load_checkpoint(weights)


def test_unknown_generators_are_refused_with_a_hint(weights):
    with pytest.raises(UsageError, match="did you mean 'autoregressive'"):
        load_generator("autoregresive", weights)


def test_weights_of_another_family_are_refused(weights):
    card = json.loads(card_path(weights).read_text())
    card["generator"] = "something"
    card_path(weights).write_text(json.dumps(card))
    with pytest.raises(DataError, match="'something'"):
        load_generator("autoregressive", weights)


@pytest.mark.parametrize("genre", GENRES)
@pytest.mark.parametrize("name", GENERATORS)
def test_every_genre_ships_with_weights_and_an_honest_card(name, genre):
    path = weights_path(f"{name}_{genre}.safetensors")
    found = load_checkpoint(path)  # checks the SHA-256
    card = found.card
    assert card["generator"] == name
    assert card["genre"] == genre
    assert "ChoreoNet" in json.dumps(card["data"])
    assert "research" in card["licence"]
    assert card["gate"]["misses"] == []
    assert load_generator(name, path).card["sha256"] == card["sha256"]


def test_all_weights_together_keep_to_the_budget():
    folder = weights_path("x").parent
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    assert size / 1e6 < BUDGET_MB
