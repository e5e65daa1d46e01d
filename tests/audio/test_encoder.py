"""The music encoder against the paper, layer by layer, and its fast form against the slow one."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional

from robodance.audio.description import describe_song, features_for
from robodance.audio.encoder import encode_song, load_encoder, save_encoder
from robodance.audio.encoder_net import (
    HOP,
    WINDOW,
    EncoderConfig,
    GatedBlock,
    Heads,
    MusicEncoder,
    pooling_weights,
)
from robodance.audio.mu_law import mu_law_decode, mu_law_encode
from robodance.choreography.dance import create_dance
from robodance.config import AudioConfig, ChoreographyConfig, PerformConfig
from robodance.errors import ConfigError, DataError, UsageError
from robodance.planning import _described
from robodance.settings import override

PAPER = EncoderConfig(pools=(4, 4) + 8 * (2,), context=0)
# Narrow below, so that tests are quick; everything else is the real thing.
SMALL = EncoderConfig(widths=(4, 4, 8, 8, 16, 16) + 4 * (128,))


def network(config, seed=0):
    """A network with statistics as training leaves them: no batch norm does nothing."""
    torch.manual_seed(seed)
    net = MusicEncoder(config)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(0.0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    return net.eval()


@pytest.fixture(scope="module")
def small():
    return network(SMALL)


# ------------------------------------------------------------------------- mu-law


def test_mu_law_by_hand():
    """f(x) = sign(x) ln(1 + 255 |x|) / ln 256, on 256 codes: 0, silence, a tenth, the top."""
    samples = np.array([-1.0, 0.0, 0.1, 1.0, 3.0], np.float32)
    assert mu_law_encode(samples).tolist() == [0, 128, 203, 255, 255]
    decoded = mu_law_decode(np.array([0, 203, 255], np.uint8))
    np.testing.assert_allclose(decoded, [-1.0, (256.0 ** (151 / 255) - 1) / 255, 1.0], rtol=1e-5)


def test_mu_law_is_finest_where_sound_is_quiet_and_decoding_undoes_encoding():
    codes = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(mu_law_encode(mu_law_decode(codes)), codes)
    samples = np.linspace(-1.0, 1.0, 2001, dtype=np.float32)
    error = np.abs(mu_law_decode(mu_law_encode(samples)) - samples)
    assert np.all(error <= 0.0221 * (np.abs(samples) + 1.0 / 255.0))  # half a step: ln(256) / 255


# ------------------------------------------------------------------------- layers


def test_pooling_weights_by_hand():
    printed, centred = pooling_weights("printed"), pooling_weights("centred")
    np.testing.assert_allclose(printed[:4], [0.8051, 0.1797, 0.0147, 0.0004], atol=5e-5)
    np.testing.assert_allclose(centred[:5], [0.0, 0.0009, 0.0175, 0.1295, 0.3521], atol=5e-5)
    np.testing.assert_allclose(centred, centred.flip(0), atol=1e-7)
    assert printed.sum() == pytest.approx(1.0)
    with pytest.raises(DataError, match="neither 'printed' nor 'centred'"):
        EncoderConfig(pooling="middle")


def test_a_block_is_what_the_paper_draws():
    """Convolution, batch norm, tanh times sigmoid, the way past, max-pooling: by hand."""
    torch.manual_seed(1)
    block = GatedBlock(2, 3, 2, 0.1).eval()
    block.norm.running_mean.normal_()
    block.norm.running_var.uniform_(0.5, 2.0)
    x = torch.randn(1, 2, 9)
    weight, past = block.convolution.weight, block.past
    made = torch.zeros(6, 9)
    padded = functional.pad(x, (1, 1))[0]
    for step in range(9):
        made[:, step] = (weight * padded[:, step : step + 3]).sum(dim=(1, 2))
    made = (made - block.norm.running_mean[:, None]) / (
        block.norm.running_var[:, None] + block.norm.eps
    ) ** 0.5
    whole = torch.tanh(made[:3]) * torch.sigmoid(made[3:])
    whole = whole + past.weight[:, :, 0] @ x[0] + past.bias[:, None]
    pooled = whole[:, :8].reshape(3, 4, 2).amax(dim=2)
    torch.testing.assert_close(block(x, padded=True)[0], pooled)
    torch.testing.assert_close(block(x, padded=False)[0], whole[:, 1:7].reshape(3, 3, 2).amax(2))


@pytest.mark.parametrize("config", [EncoderConfig(), PAPER], ids=["exact", "paper"])
def test_ten_blocks_leave_ten_steps_of_128(config):
    net = network(config)
    sound = torch.randn(1, WINDOW + 2 * config.margin())
    sizes, hidden = [], functional.pad(sound[:, None], (0, 0))
    for index, block in enumerate(net.blocks):
        hidden = block(hidden, padded=index >= config.context)
        sizes.append(hidden.shape[2])
    with torch.inference_mode():
        psi = net.psi(sound)
    assert psi.shape == (1, 1, 10, 128)
    if config is PAPER:
        assert sizes == [11_025, 2756, 1378, 689, 344, 172, 86, 43, 21, 10]
    else:
        assert sizes[5:] == [10] * 5
    torch.testing.assert_close(psi[0, 0], hidden[0].T)
    weights = pooling_weights("centred")
    torch.testing.assert_close(net.pooled(psi)[0, 0], (weights[:, None] * psi[0, 0]).sum(dim=0))


def test_the_parameters_are_counted_by_hand():
    widths = (1, *EncoderConfig().widths)
    pairs = list(itertools.pairwise(widths))
    convolutions = sum(3 * before * 2 * after for before, after in pairs)
    norms = sum(2 * 2 * after for _, after in pairs)
    past = sum(before * after + after for before, after in pairs if before != after)
    assert MusicEncoder(EncoderConfig()).parameter_count() == convolutions + norms + past == 598_208
    assert MusicEncoder(PAPER).parameter_count() == 598_208


def test_plans_that_do_not_end_at_ten_steps_are_refused():
    with pytest.raises(DataError, match="leave 20 steps"):
        EncoderConfig(pools=(7, 7, 5, 3, 3, 1, 1, 1, 1, 1))
    with pytest.raises(DataError, match="do not divide"):
        EncoderConfig(pools=(4, 4) + 8 * (2,))


def reach(net, samples, frame):
    """Return the first and last sample that a frame's numbers depend on, by gradient."""
    sound = torch.zeros(samples, requires_grad=True)
    net.encode_song(sound)[frame].square().sum().backward()
    where = torch.nonzero(sound.grad)
    return int(where.min()), int(where.max())


def test_a_frame_hears_its_two_seconds_and_little_more(small):
    """Which cell a pool takes depends on the sound, hence two steps of room inside."""
    frame, room = 50, 2 * 5 * HOP
    first, last = reach(small, 4 * 22_050, frame)
    lowest = frame * HOP - WINDOW // 2 - SMALL.margin()
    highest = frame * HOP + WINDOW // 2 - 1 + SMALL.margin()
    assert SMALL.margin() == 3242
    assert lowest <= first < lowest + room
    assert highest - room < last <= highest


def test_the_receptive_field_of_a_step_is_what_the_formula_says():
    """Seen without window edges: all blocks unpadded, one step left."""
    net = network(SMALL)
    field = SMALL.receptive_field()
    assert field == 46_174 == EncoderConfig().receptive_field()
    sound = torch.randn(1, 1, field, requires_grad=True)
    hidden = sound
    for block in net.blocks:
        hidden = block(hidden, padded=False)
    assert hidden.shape == (1, 128, 1)


# ------------------------------------------------------------------------ whole songs


@pytest.mark.parametrize("length", [WINDOW, 2 * 22_050 + 321, 400])
def test_a_whole_song_at_once_is_window_by_window(small, length):
    """Every frame, the first and last ones too, where beyond the song there is silence."""
    torch.manual_seed(2)
    sound = 0.1 * torch.randn(length)
    margin = SMALL.margin()
    padded = functional.pad(sound, (WINDOW // 2 + margin, WINDOW // 2 + margin + HOP))
    with torch.inference_mode():
        fast = small.encode_song(sound)
        frames = -(-length // HOP)
        windows = padded.unfold(0, WINDOW + 2 * margin, HOP)[:frames]
        slow = torch.cat([small(part)[:, 0] for part in windows.split(10)])
    assert fast.shape == (frames, 128)
    torch.testing.assert_close(fast, slow, atol=2e-5, rtol=1e-4)  # sums in another order


def test_windows_of_one_excerpt_are_those_of_the_song(small):
    sound = 0.1 * torch.randn(WINDOW + 2 * SMALL.margin() + 3 * 5 * HOP)
    with torch.inference_mode():
        together = small(sound[None])[0]
        alone = torch.cat([
            small(sound[None, k * 5 * HOP :][:, : WINDOW + 2 * SMALL.margin()])[0] for k in range(4)
        ])
    torch.testing.assert_close(together, alone, atol=2e-5, rtol=1e-4)


def test_the_papers_plan_encodes_songs_too():
    net = network(dataclasses.replace(PAPER, widths=SMALL.widths))
    with torch.inference_mode():
        assert net.encode_song(0.1 * torch.randn(3 * HOP)).shape == (3, 128)


def test_every_layer_gets_a_gradient():
    net, heads = MusicEncoder(SMALL), Heads("multitask")
    psi = net.psi(torch.randn(2, WINDOW + 2 * SMALL.margin()))
    heads(psi, net.pooled(psi)).square().sum().backward()
    for name, parameter in [*net.named_parameters(), *heads.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0.0, name


# ----------------------------------------------------------------------- weight files


@pytest.fixture
def weights(tmp_path, small):
    path = tmp_path / "music_encoder.safetensors"
    standard = (np.zeros(128), np.ones(128))
    save_encoder(path, small, Heads("multitask"), standard, {"data": "none"})
    return path


def test_a_weight_file_gives_the_network_back(weights, small):
    samples = 0.1 * np.random.default_rng(0).normal(size=22_050).astype(np.float32)
    encoder = load_encoder(weights)
    features = encode_song(samples, 22_050, encoder)
    assert features.values.shape == (25, 128)
    assert features.frame_rate_hz == 25.0
    assert features.kind == f"encoder-128/{encoder.card['sha256'][:12]}"
    assert features_for(features.kind) == "encoder"
    louder = encode_song(8.0 * samples, 22_050, encoder)
    np.testing.assert_allclose(louder.values, features.values, atol=1e-4)  # the level is no matter


def altered(path, change):
    card = json.loads(path.with_suffix(".json").read_text())
    change(card)
    path.with_suffix(".json").write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card.update(sha256="0" * 64), "SHA-256 differs"),
        (lambda card: card.update(format_version=2), "format 2; this version reads 1"),
        (lambda card: card["network"].update(widths=[8] * 10), "that its card describes"),
        (lambda card: card["network"].update(context=3), "SHA-256|card describes|leave"),
        (lambda card: card.pop("network"), "that its card describes"),
    ],
)
def test_weights_and_cards_that_do_not_belong_together_are_named(weights, change, message):
    altered(weights, change)
    if "SHA-256|" in message:
        load_encoder(weights)  # another context is another network of the same shape
        return
    with pytest.raises(DataError, match=message) as refusal:
        load_encoder(weights)
    assert "music_encoder" in str(refusal.value)


def test_damaged_or_missing_weights_are_named(weights, tmp_path):
    content = weights.read_bytes()
    weights.write_bytes(content[:-100])
    with pytest.raises(DataError, match="SHA-256 differs"):
        load_encoder(weights)
    weights.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        load_encoder(weights)
    with pytest.raises(DataError, match="the card of the weights cannot be read"):
        load_encoder(tmp_path / "nowhere.safetensors")
    weights.with_suffix(".json").write_text("{")
    with pytest.raises(DataError, match="not a card"):
        load_encoder(weights)


# --------------------------------------------------------------------------- the chain


@pytest.fixture(scope="module")
def analysis(tmp_path_factory):
    from songs import RATE_HZ, known_song

    from robodance.audio.analysis import analyse_song

    path = tmp_path_factory.mktemp("song") / "song.wav"
    soundfile.write(path, known_song("steady", 5, duration_s=8.0).samples, RATE_HZ)
    return analyse_song(path, AudioConfig())


def test_the_generators_that_ship_get_what_their_cards_ask_for(analysis):
    assert _described(analysis, PerformConfig()) is analysis


def test_features_that_the_weights_do_not_know_are_refused(analysis, weights):
    config = override(
        PerformConfig(),
        {"choreography.features": "encoder", "choreography.encoder_weights": str(weights)},
    )
    described = _described(analysis, config)
    assert described.features.kind.startswith("encoder-128/")
    assert described.beats is analysis.beats
    with pytest.raises(DataError, match="trained on the music features 'logmel"):
        create_dance(described, ChoreographyConfig(), seed=0)


def test_features_are_chosen_by_name(analysis):
    with pytest.raises(ConfigError, match="auto, spine or encoder"):
        ChoreographyConfig(features="mfcc")
    with pytest.raises(UsageError, match="known: spine, encoder"):
        describe_song(analysis.song, "mfcc")
