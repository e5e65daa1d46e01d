"""Frame by frame and all at once, a network dances the same dance."""

import numpy as np
import pytest
import torch
from tiny_generators import heard, tiny_generator, tiny_net

from robodance.choreography import streaming
from robodance.choreography.generator import load_generator
from robodance.choreography.streaming import PoseStream
from robodance.resources import weights_path
from robodance.skeleton import MIRROR_ORDER, MIRROR_SIGN

ROUNDING = 1e-5  # single precision, summed in another order


def by_torch(net, told, mirrored):
    """The second method: torch's own forward pass over the whole history, each frame."""
    order, sign = torch.from_numpy(MIRROR_ORDER), torch.from_numpy(MIRROR_SIGN).float()
    plain = torch.zeros(32 + len(told), 74)
    with torch.inference_mode():
        for step, (row, flip) in enumerate(zip(told, mirrored, strict=True)):
            history = plain[step : step + 32]
            history = history[:, order] * sign if flip else history
            pose = net(history[None], torch.from_numpy(row)[None])[0]
            plain[32 + step] = pose[order] * sign if flip else pose
    return plain[32:].numpy()


@pytest.mark.parametrize("variant", ["improved", "printed"])
def test_the_stream_says_what_torch_says(variant, monkeypatch):
    """Also where the history moves in memory, and with mirrored units."""
    monkeypatch.setattr(streaming, "BLOCK", 50)
    monkeypatch.setattr(streaming, "LARGE_LAYER", 500)  # half precision in the small network, too
    net = tiny_net(variant=variant)
    rng = np.random.default_rng(0)
    told = rng.normal(size=(120, net.layers[0].in_features - 16)).astype(np.float32)
    mirrored = np.repeat(rng.random(6) < 0.5, 20)
    stream = PoseStream(net)
    said = np.stack([stream.step(*frame) for frame in zip(told, mirrored, strict=True)])
    expected = by_torch(net, told, mirrored)
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(said, expected, atol=ROUNDING)


def test_weights_that_half_precision_cannot_keep_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(streaming, "LARGE_LAYER", 500)
    net = tiny_net()
    with torch.no_grad():
        net.layers[0].weight += 1e-5
    told = np.ones((3, net.layers[0].in_features - 16), np.float32)
    stream = PoseStream(net)
    said = np.stack([stream.step(row) for row in told])
    np.testing.assert_allclose(said, by_torch(net, told, [False] * 3), atol=ROUNDING)


def test_streamed_frames_are_the_frames_of_the_finished_dance():
    """Bit for bit: they come from the same steps."""
    generator, (clock, features) = tiny_generator(), heard()
    whole = generator.generate(clock, features, 4, 24, seed=3)
    frames = list(generator.stream(clock, features, 4, 24, seed=3))
    np.testing.assert_array_equal(np.stack(frames), whole)
    assert np.abs(np.diff(whole[:, :63], axis=0)).max() > 1e-3  # it moves


def test_a_stream_can_be_left_at_any_frame():
    generator, (clock, features) = tiny_generator(), heard()
    frames = generator.stream(clock, features, 4, 24, seed=3)
    first = [next(frames) for _ in range(40)]
    whole = generator.generate(clock, features, 4, 24, seed=3)
    np.testing.assert_array_equal(np.stack(first), whole[:40])


def test_the_shipped_network_streams_what_torch_says():
    generator = load_generator("autoregressive", weights_path("autoregressive_rumba.safetensors"))
    net = generator.net
    rng = np.random.default_rng(1)
    told = rng.normal(size=(40, net.layers[0].in_features - 1024)).astype(np.float32)
    stream = PoseStream(net)
    said = np.stack([stream.step(row) for row in told])
    np.testing.assert_allclose(said, by_torch(net, told, [False] * 40), atol=1e-4)
