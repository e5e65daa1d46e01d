"""A dance frame by frame: what a network needs to dance while the music plays.

``PoseStream`` keeps the last poses and answers each frame's condition with the next pose.
A network of this size reads 17 MB of weights for every frame, so memory sets its pace:
shipped weights are numbers of half precision, and where the processor can read them as
such (FBGEMM, in every x86-64 build of torch) half as much is read. Sums are in single
precision either way, so the numbers are those of the network itself, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from robodance.skeleton import MIRROR_ORDER, MIRROR_SIGN, POSE_DIM

if TYPE_CHECKING:
    from robodance.choreography.generators.autoregressive import AutoregressiveNet

__all__ = ["LARGEST", "PoseStream"]

LARGEST = 12.0  # standard deviations; no network error may feed itself beyond this
LARGE_LAYER = 80_000  # weights from which reading half as much outweighs the call
BLOCK = 1024  # frames after which the history moves back to the front of its memory

Float32 = NDArray[np.float32]
Linear = Callable[[Tensor], Tensor]


class PoseStream:
    """One dance of a network, from a history of zeros, frame by frame.

    A mirrored frame is danced by showing the network the mirrored history and mirroring
    what it answers. Fastest with one thread of torch (``sampling.torch_threads``).
    """

    def __init__(self, net: AutoregressiveNet) -> None:
        self._next = _NextPose(net)
        self._past = net.config.history
        self._plain = np.zeros((self._past + BLOCK, POSE_DIM), dtype=np.float32)
        self._turned = np.zeros_like(self._plain)
        self._sign = MIRROR_SIGN.astype(np.float32)
        self._first = 0

    def step(self, told: Float32, mirrored: bool = False) -> Float32:
        """Return the next pose.

        Args:
            told: Shape (K,), the frame's condition, a row of ``AutoregressiveNet.tell``.
            mirrored: Whether the frame belongs to a mirrored unit.

        Returns:
            Shape (74,), standardised.
        """
        if self._first == BLOCK:
            for memory in (self._plain, self._turned):
                memory[: self._past] = memory[BLOCK:].copy()
            self._first = 0
        end = self._first + self._past
        shown = self._turned if mirrored else self._plain
        pose = np.clip(self._next(shown[self._first : end], told), -LARGEST, LARGEST)
        other = pose[MIRROR_ORDER] * self._sign
        plain, turned = (other, pose) if mirrored else (pose, other)
        if end < len(self._plain):
            self._plain[end], self._turned[end] = plain, turned
        self._first += 1
        return np.asarray(plain)


class _NextPose:
    """A network's forward pass for one dance, without the cost of a batch."""

    def __init__(self, net: AutoregressiveNet) -> None:
        self._slope = np.float32(net.config.slope)
        self._mask = net.without_heading.numpy()
        blocks = [block for block in net.blocks if isinstance(block, nn.Linear)]
        layers = [layer for layer in net.layers if isinstance(layer, nn.Linear)]
        self._blocks = [_linear(_by_tap(block)) for block in blocks]
        self._layers = [_linear(layer) for layer in layers]
        # Each block's input between two rows of zeros; a window of three rows is one row of
        # an overlapping view.
        self._inputs, self._windows = [], []
        length = net.config.history
        for block in blocks:
            padded = torch.zeros(length + 2, block.in_features // 3)
            shape, stride = (length, block.in_features), (padded.shape[1], 1)
            self._inputs.append(padded.numpy()[1:-1])
            self._windows.append(padded.as_strided(shape, stride))
            length //= 2
        row = torch.zeros(1, layers[0].in_features)
        self._row, joined = row, row.numpy()
        self._encoded = joined[:, : net.config.channels[-1]]
        self._told = joined[0, net.config.channels[-1] :]
        self._outputs = [*self._inputs[1:], self._encoded]

    def __call__(self, history: Float32, told: Float32) -> Float32:
        """Return the pose (74,) after a history (32, 74)."""
        with torch.inference_mode():
            np.multiply(history, self._mask, out=self._inputs[0])
            for block, windows, output in zip(
                self._blocks, self._windows, self._outputs, strict=True
            ):
                hidden = block(windows).numpy()
                pooled = np.maximum(hidden[0::2], hidden[1::2])
                np.maximum(pooled, self._slope * pooled, out=output)
            self._told[:] = told
            out = self._row
            for layer in self._layers[:-1]:
                hidden = layer(out).numpy()
                out = torch.from_numpy(np.maximum(hidden, self._slope * hidden))
            return np.asarray(self._layers[-1](out).numpy()[0] * self._mask)


def _by_tap(block: nn.Linear) -> nn.Linear:
    """Return a block whose weights run tap by tap, as rows of a sequence lie in memory."""
    channels = block.in_features // 3
    ordered = nn.Linear(block.in_features, block.out_features)
    with torch.no_grad():
        weight = block.weight.reshape(-1, channels, 3).transpose(1, 2)
        ordered.weight.copy_(weight.reshape(block.weight.shape))
        ordered.bias.copy_(block.bias)
    return ordered


def _linear(layer: nn.Linear) -> Linear:
    """Return a layer as a function; large ones of half precision read half the memory."""
    weight, bias = layer.weight.detach(), layer.bias.detach()
    exact = bool((weight.half().float() == weight).all())
    if weight.numel() < LARGE_LAYER or not exact or not _half_weights():
        return lambda rows: functional.linear(rows, weight, bias)
    packed = torch.ops.quantized.linear_prepack_fp16(weight, bias)
    multiply = torch.ops.quantized.linear_dynamic_fp16
    return lambda rows: multiply(rows, packed)


def _half_weights() -> bool:
    return "fbgemm" in torch.backends.quantized.supported_engines
