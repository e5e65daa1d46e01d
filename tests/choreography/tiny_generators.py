"""Small generators with made-up weights: everything but the size is the real thing."""

import numpy as np
import torch
from test_phrases import vocabulary

from robodance.choreography.beat_clock import BeatClock
from robodance.choreography.checkpoint import Checkpoint
from robodance.choreography.generators.autoregressive import (
    Autoregressive,
    AutoregressiveNet,
    NetConfig,
)
from robodance.choreography.phrases import Vocabulary
from robodance.choreography.sampling import Normaliser
from robodance.values import Beats, SongFeatures

KIND = "logmel-onset-chroma-128/1"
SMALL = {"channels": (16, 16, 16, 16, 16), "hidden": (32, 32)}


def tiny_net(seed=0, **settings):
    """A network of random numbers, as half precision keeps them."""
    torch.manual_seed(seed)
    net = AutoregressiveNet(NetConfig(**{"units": 24, **SMALL, **settings})).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(parameter.half().float())
    return net


def tiny_generator(seed=0, words=None, *, beat_s=0.5, genre="rumba", **settings):
    words = words or vocabulary()
    net = tiny_net(seed, units=len(words.tags), **settings)
    card = {
        "network": vars(net.config),
        "music": KIND,
        "beat_s": beat_s,
        "genre": genre,
        "sha256": f"{seed}",
    }
    rng = np.random.default_rng(seed)
    mean = rng.normal(0.0, 0.3, 74)
    mean[66:70] = 0.0
    normaliser = Normaliser(mean, np.full(74, 0.1), heading=net.printed)
    state = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    return Autoregressive(Checkpoint(state, words, normaliser, card))


def words_of_two_genres():
    """Twelve units of each; of the second, none is known to follow one of the first."""
    first, second = vocabulary(12, seed=1), vocabulary(12, seed=2)
    rng = np.random.default_rng(0)
    follows = np.zeros((24, 24))
    follows[:12, :12], follows[12:, 12:] = first.follows, second.follows
    return Vocabulary(
        tags=tuple(f"{letter}-{number}-1" for letter in "AB" for number in range(12)),
        beats=np.concatenate([first.beats, second.beats]),
        follows=follows,
        distance_m=rng.uniform(0.05, 0.4, (24, 48)),
        liveliness=np.concatenate([first.liveliness, second.liveliness]),
        group=np.repeat([0, 1], 12),
    )


def heard(seconds=40.0, bpm=120.0, seed=0):
    """A clock of even beats, and features of noise whose loudness comes in passages."""
    times = np.arange(0.0, seconds, 60.0 / bpm)
    beats = Beats(times, np.arange(len(times)) % 4 + 1, 4, bpm, 1.0)
    rng = np.random.default_rng(seed)
    values = np.clip(rng.normal(size=(int(50 * seconds), 128)), -4, 4)
    values[:, 124] = np.repeat(rng.normal(size=len(values) // 100 + 1), 100)[: len(values)]
    names = tuple("loudness" if column == 124 else f"f{column}" for column in range(128))
    return BeatClock(beats), SongFeatures(values, 50.0, KIND, names)
