"""``variant: printed`` is the generator of Ahn et al. 2020, layer by layer."""

import numpy as np
import pytest
import torch
from tiny_generators import heard, tiny_generator, tiny_net
from torch import nn

from robodance.choreography.generators.autoregressive import (
    AutoregressiveNet,
    Condition,
    NetConfig,
)
from robodance.skeleton import FACING

PARAMETERS = 4_150_090  # the paper prints no number; 4.15 M by these layers


@pytest.fixture(scope="module")
def net():
    return AutoregressiveNet(NetConfig(variant="printed")).eval()


def test_it_has_the_papers_layers_and_their_size(net):
    blocks = [(layer.in_features // 3, layer.out_features) for layer in net.blocks]
    assert blocks == [(74, 128), (128, 128), (128, 256), (256, 512), (512, 1024)]
    layers = [(layer.in_features, layer.out_features) for layer in net.layers]
    assert layers == [(1024 + 128, 1024), (1024, 512), (512, 512), (512, 74)]
    by_hand = sum(3 * i * o + o for i, o in blocks) + sum(i * o + o for i, o in layers)
    assert net.parameter_count() == by_hand == PARAMETERS


def test_each_block_halves_the_history(net):
    """32, 16, 8, 4, 2, 1: torch's own layers with the same numbers give the same pose."""
    modules = []
    for block in net.blocks:
        convolution = nn.Conv1d(block.in_features // 3, block.out_features, 3, padding=1)
        weight = block.weight.detach().reshape(block.out_features, -1, 3)
        convolution.load_state_dict({"weight": weight, "bias": block.bias.detach()})
        modules.append(nn.Sequential(convolution, nn.MaxPool1d(2), nn.LeakyReLU(0.1)))
    history, told = torch.randn(2, 32, 74), torch.randn(2, 128)
    hidden, lengths = history.transpose(1, 2), []
    with torch.inference_mode():
        for module in modules:
            hidden = module(hidden)
            lengths.append(hidden.shape[2])
        out = torch.cat([hidden[:, :, 0], told], dim=1)
        for layer in net.layers[:-1]:
            out = nn.functional.leaky_relu(layer(out), 0.1)
        assert lengths == [16, 8, 4, 2, 1]
        torch.testing.assert_close(net(history, told), net.layers[-1](out), atol=1e-5, rtol=1e-4)


def test_it_sees_all_32_poses_and_their_heading(net):
    history = torch.randn(1, 32, 74, requires_grad=True)
    net(history, torch.randn(1, 128)).sum().backward()
    assert (history.grad.abs().sum(dim=2) > 0.0).all()
    assert (history.grad[..., FACING].abs() > 0.0).any()


def test_it_is_told_the_music_and_nothing_else(net):
    music = torch.randn(1, 5, 128)
    nothing = torch.zeros(1, 5, dtype=torch.long)
    condition = Condition(
        music=music,
        phase=torch.randn(1, 5, 6),
        unit=nothing,
        upcoming=nothing,
        seen=torch.rand(1, 5),
        position=torch.randn(1, 5, 16),
        genre=torch.zeros(1, 5, 0),
    )
    assert torch.equal(net.tell(condition), music)
    assert not hasattr(net, "unit_code")


def test_improved_adds_what_it_is_told():
    assert tiny_net().parameter_count() > tiny_net(variant="printed").parameter_count()


def test_it_dances_on_a_clock_of_its_own():
    """At 25 frames a second from zeros, whatever the seed; read on the beat clock."""
    generator, (clock, features) = tiny_generator(variant="printed"), heard()
    dance = generator.generate(clock, features, 0, 16, seed=0)
    assert dance.shape == (16 * 16, 74)
    np.testing.assert_array_equal(generator.generate(clock, features, 0, 16, seed=1), dance)
    _, other = heard(seed=5)
    assert np.abs(generator.generate(clock, other, 0, 16, seed=0) - dance).max() > 1e-4
    np.testing.assert_array_equal(
        np.stack(list(generator.stream(clock, features, 0, 16, seed=0))), dance
    )
