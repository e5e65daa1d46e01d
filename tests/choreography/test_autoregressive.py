"""The network of Ahn et al.: its size, its layers, its mirror."""

import numpy as np
import torch
from test_phrases import vocabulary
from torch import nn

from robodance.choreography.generators.autoregressive import AutoregressiveNet, NetConfig
from robodance.choreography.phrases import Phrase, lay_out
from robodance.choreography.sampling import MIRROR_ORDER, MIRROR_SIGN, Normaliser, rollout
from robodance.skeleton import FACING

PAPER_PARAMETERS = 4.15e6


def small_net(seed=0, units=24):
    torch.manual_seed(seed)
    return AutoregressiveNet(
        NetConfig(units=units, channels=(16, 16, 16, 16, 16), hidden=(32, 32))
    ).eval()


def test_it_has_about_the_papers_size():
    """4.15 M in the paper; ours adds what it is told about the unit and its place."""
    count = AutoregressiveNet(NetConfig(units=28)).parameter_count()
    assert abs(count / PAPER_PARAMETERS - 1.0) < 0.02


def test_a_block_is_a_convolution_with_max_pool_and_leaky_relu():
    """Second method: torch's own Conv1d with the same numbers."""
    net = small_net()
    history = torch.randn(3, 32, 74)
    hidden = (history * net.without_heading).transpose(1, 2)
    for block in net.blocks:
        inputs = block.in_features // 3
        convolution = nn.Conv1d(inputs, block.out_features, 3, padding=1)
        weight = block.weight.detach().reshape(block.out_features, inputs, 3)
        convolution.load_state_dict({"weight": weight, "bias": block.bias.detach()})
        hidden = nn.functional.leaky_relu(nn.functional.max_pool1d(convolution(hidden), 2), 0.1)
    told = torch.randn(3, net.layers[0].in_features - hidden.shape[1])
    out = torch.cat([hidden.flatten(1), told], dim=1)
    for layer in net.layers[:-1]:
        out = nn.functional.leaky_relu(layer(out), 0.1)
    expected = net.layers[-1](out) * net.without_heading
    # float32 sums in another order
    torch.testing.assert_close(net(history, told), expected, atol=1e-5, rtol=1e-4)


def test_the_compass_does_not_matter():
    net, history = small_net(), torch.randn(2, 32, 74)
    told = torch.randn(2, net.layers[0].in_features - 16)
    turned = history.clone()
    turned[..., FACING] += 1.0
    torch.testing.assert_close(net(history, told), net(turned, told))
    assert (net(history, told)[:, FACING] == 0.0).all()


def roll(net, mirrored):
    words = vocabulary()
    phrases = [Phrase(unit, mirrored, int(words.beats[unit])) for unit in (3, 5, 8)]
    frames = lay_out(words, phrases, 16)
    count = len(frames.unit)
    rng = np.random.default_rng(0)
    return rollout(net, [frames], rng.normal(size=(1, count, 6)), rng.normal(size=(1, count, 128)))


def test_a_mirrored_chain_is_the_mirror_image_of_the_dance():
    net = small_net()
    plain, mirrored = roll(net, mirrored=False), roll(net, mirrored=True)
    assert np.abs(plain - mirrored).max() > 0.01
    np.testing.assert_allclose(plain[..., MIRROR_ORDER] * MIRROR_SIGN, mirrored, atol=1e-6)


def test_standardising_and_restoring_are_inverse_but_for_the_compass():
    rng = np.random.default_rng(0)
    normaliser = Normaliser(mean=rng.normal(size=74), spread=rng.uniform(0.1, 2.0, 74))
    poses = rng.normal(size=(5, 74))
    poses[:, FACING] = [1.0, 0.0, 0.0]
    np.testing.assert_allclose(normaliser.restore(normaliser.standardise(poses)), poses, atol=1e-12)
