"""The genre classifier of Ahn et al. 2020 (III.D): 30 frames of features -> a dance.

Blocks of convolution, max-pooling and leaky ReLU halve the window down to one step; a
last layer says a score for each genre. Each frame of a song votes.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from robodance.values import FEATURE_DIM, FloatArray, SongFeatures

__all__ = ["FRAME_RATE_HZ", "WINDOW_FRAMES", "GenreNet", "frames_of", "vote_of_frames"]

WINDOW_FRAMES = 30  # w_a
FRAME_RATE_HZ = 25.0
WIDTHS, POOLS = (128, 128, 256, 256), (2, 2, 2, 3)  # 30 -> 15 -> 7 -> 3 -> 1
SLOPE = 0.1


class GenreNet(nn.Module):
    """Scores of the genres from a window of features."""

    def __init__(self, genres: int, *, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        shapes = itertools.pairwise((FEATURE_DIM, *widths))
        self.blocks = nn.ModuleList(nn.Conv1d(a, b, 3, padding=1) for a, b in shapes)
        self.last = nn.Conv1d(widths[-1], genres, 1)
        self.dropout = nn.Dropout(0.3)

    def forward(self, windows: Tensor) -> Tensor:
        """Return scores (B, G) of windows (B, 128, 30)."""
        hidden = windows
        for block, pool in zip(self.blocks, POOLS, strict=True):
            pooled = functional.max_pool1d(block(hidden), pool)
            hidden = self.dropout(functional.leaky_relu(pooled, SLOPE))
        scores: Tensor = self.last(hidden)
        return scores[..., 0]


def frames_of(features: SongFeatures) -> NDArray[np.float32]:
    """Return a song's features at 25 frames a second, shape (T, 128)."""
    count = max(1, int(len(features.values) * FRAME_RATE_HZ / features.frame_rate_hz))
    return np.asarray(features.at(np.arange(count) / FRAME_RATE_HZ), dtype=np.float32)


def vote_of_frames(net: GenreNet, frames: NDArray[np.float32], *, every: int = 5) -> FloatArray:
    """Return the log shares of the genres at every fifth frame of a song, shape (V, G).

    Beyond the song there are zeros.
    """
    half = WINDOW_FRAMES // 2
    padded = torch.from_numpy(np.pad(frames, ((half, half), (0, 0))))
    windows = padded.unfold(0, WINDOW_FRAMES, every)  # (V, 128, 30)
    with torch.inference_mode():
        scores = torch.cat([net(part) for part in torch.split(windows, 256)])
    return np.asarray(scores.log_softmax(dim=1).double().numpy())
