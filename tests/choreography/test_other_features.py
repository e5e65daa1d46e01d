"""What a dance does not lose when its network is told the encoder's numbers."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny_generators import heard, tiny_generator

from robodance.audio.description import described_as
from robodance.audio.encoder import load_encoder, save_encoder
from robodance.audio.encoder_net import EncoderConfig, Heads, MusicEncoder
from robodance.audio.features import extract_features
from robodance.choreography.beat_clock import FRAMES_PER_BEAT, BeatClock
from robodance.choreography.checkpoint import save_checkpoint
from robodance.choreography.generators.autoregressive import music_drive
from robodance.evaluation.generated import _as_told
from robodance.learning.gate_song import SAMPLE_RATE_HZ, render_song
from robodance.values import Beats, Genre, Song, SongAnalysis

BEATS, BEAT_S = 24, 0.4


@pytest.fixture(scope="module")
def analysis():
    """A song whose loudness changes, with its exact beats."""
    rng = np.random.default_rng(3)
    samples = render_song(BEAT_S, 4, rng)[: int(BEATS * BEAT_S * SAMPLE_RATE_HZ)]
    samples = samples * np.repeat(rng.uniform(0.1, 1.0, 6), -(-len(samples) // 6))[: len(samples)]
    beats = Beats(BEAT_S * np.arange(BEATS), np.arange(BEATS) % 4 + 1, 4, 60.0 / BEAT_S, 1.0)
    song = Song("rendered", "0" * 64, samples.astype(np.float32), SAMPLE_RATE_HZ)
    features = extract_features(song.samples, SAMPLE_RATE_HZ)
    return SongAnalysis(song, beats, features, Genre("rumba", 1.0, {}))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A narrow encoder, untrained."""
    torch.manual_seed(0)
    net = MusicEncoder(EncoderConfig(widths=(4, 4, 8, 8, 16, 16) + 4 * (128,))).eval()
    path = tmp_path_factory.mktemp("weights") / "music_encoder.safetensors"
    save_encoder(path, net, Heads("multitask"), (np.zeros(128), np.ones(128)), {})
    return path


def test_the_music_has_the_same_energy_however_it_is_described(analysis, encoder):
    """A dance to the encoder's numbers, which have no names, is as lively as to named ones."""
    encoded = described_as(analysis, "encoder", encoder)
    assert described_as(encoded, "encoder", encoder) is encoded
    assert described_as(analysis, "spine") is analysis
    times = BeatClock(analysis.beats).times_at(np.arange(BEATS * FRAMES_PER_BEAT) / FRAMES_PER_BEAT)
    named, blind = (music_drive(one.features, times) for one in (analysis, encoded))
    assert np.corrcoef(named, blind)[0, 1] > 0.9  # read at 25 moments a second instead of 50
    unknown = dataclasses.replace(encoded.features, energy=None)
    assert music_drive(unknown, times) is None


def test_energy_chooses_other_phrases():
    """With and without: the same features, the same seed."""
    clock, features = heard()
    generator = tiny_generator()
    silent = dataclasses.replace(features, names=tuple(f"f{i}" for i in range(128)))
    loud = dataclasses.replace(silent, energy=features.values[:, 124])
    dances = [generator.generate(clock, one, 0, 64, seed=0) for one in (features, silent, loud)]
    assert np.abs(dances[0] - dances[1]).max() > 1e-3  # other phrases, of a tiny network
    # what is known by its name does the same as what is given: drives are standardised
    np.testing.assert_allclose(dances[2], dances[0], atol=1e-9)


def test_an_encoder_beside_the_weights_tells_them_the_music(analysis, encoder):
    """Other people's weights are judged with the encoder that they were trained on."""
    path, kind = encoder.with_name("autoregressive_rumba.safetensors"), load_encoder(encoder).kind
    tiny = tiny_generator()
    state = {name: tensor.numpy() for name, tensor in tiny.net.state_dict().items()}
    told = {**tiny.card, "generator": "autoregressive", "music": kind}
    save_checkpoint(path, state, tiny.vocabulary, tiny.normaliser, told)
    assert _as_told(analysis, path).features.kind == kind
    save_checkpoint(path, state, tiny.vocabulary, tiny.normaliser, tiny.card)
    assert _as_told(analysis, path) is analysis
