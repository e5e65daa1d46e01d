"""Rows of robodance's own generators: as many dances as there are different ones."""

import numpy as np
import torch

from robodance.choreography.checkpoint import save_checkpoint
from robodance.choreography.generators.autoregressive import AutoregressiveNet, NetConfig
from robodance.choreography.sampling import Normaliser
from robodance.evaluation.generated import generator_row
from robodance.evaluation.songs import Ear, demo_songs
from robodance.learning.printed import NO_WORDS


def write_printed(folder):
    """Untrained weights of the printed variant; their poses stay near a standing body's."""
    torch.manual_seed(0)
    config = NetConfig(units=0, variant="printed", channels=(8, 8, 8, 8, 8), hidden=(16, 16))
    net = AutoregressiveNet(config)
    rng = np.random.default_rng(0)
    normaliser = Normaliser(rng.normal(0.0, 0.3, 74), np.full(74, 0.05), heading=True)
    card = {
        "generator": "autoregressive",
        "genre": "rumba",
        "network": vars(config),
        "music": "logmel-onset-chroma-128/1",
        "beat_s": 0.66,
        "beats_per_bar": 4,
    }
    state = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    folder.mkdir()
    path = folder / "autoregressive_printed_rumba.safetensors"
    save_checkpoint(path, state, NO_WORDS, normaliser, card)
    return folder


def test_each_seed_is_a_dance_but_what_draws_nothing_dances_once(tmp_path):
    songs, ear = [(demo_songs()["rumba"], "rumba")], Ear()

    def row(weights):
        return generator_row(
            "a row", songs, ear, weights=weights, seeds=range(4, 7), dance_s=4.0, code=False
        )

    names = [sample.name for sample in row(None).samples]
    assert names == ["rumba, seed 4", "rumba, seed 5", "rumba, seed 6"]
    first, second, _ = (sample.joints_m for sample in row(None).samples)
    assert np.abs(first - second).max() > 0.01
    assert len(row(write_printed(tmp_path / "printed")).samples) == 1
