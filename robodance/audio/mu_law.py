"""Mu-law companding with 255 steps: sound in a byte a sample, fine where it is quiet.

Ahn et al. keep their songs in this form and decode them when the network asks (after
van den Oord et al., WaveNet, 2016), so the network only ever sees sound that went
through it, here as there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["MU", "mu_law_decode", "mu_law_encode"]

MU = 255


def mu_law_encode(samples: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return codes 0..255 of samples of -1..1; what is louder is clipped.

    f(x) = sign(x) ln(1 + 255 |x|) / ln(256), then rounded to a grid of 256 values.
    """
    x = np.clip(samples, -1.0, 1.0)
    companded = np.sign(x) * np.log1p(MU * np.abs(x)) / np.log1p(MU)
    return np.asarray(np.floor((companded + 1.0) / 2.0 * MU + 0.5), dtype=np.uint8)


def mu_law_decode(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the samples that codes stand for, shape as given.

    |x| = (256 ** |f| - 1) / 255. There is no code for zero: 127 and 128 stand for minus
    and plus 0.00009.
    """
    return _TABLE[codes]


def _table() -> NDArray[np.float32]:
    companded = 2.0 * np.arange(MU + 1) / MU - 1.0
    loudness = ((1.0 + MU) ** np.abs(companded) - 1.0) / MU
    return np.asarray(np.sign(companded) * loudness, dtype=np.float32)


_TABLE = _table()
