"""Whose turn it is where a dance mixes genres."""

from __future__ import annotations

import numpy as np

from robodance.values import FloatArray

__all__ = ["Turns"]

STRETCH_BEATS = 8  # danced in one genre before another may follow


class Turns:
    """Gives each genre its share of the beats, in stretches of whole phrases.

    Attributes:
        position: Beats danced so far.
        whose: Index of the genre that dances next.
    """

    def __init__(self, shares: FloatArray) -> None:
        self._shares = np.asarray(shares) / np.sum(shares)
        self._danced = np.zeros(len(self._shares))
        self._stretch = self.position = 0
        self.whose = int(self._shares.argmax())

    def take(self, beats: int) -> None:
        """Note that the genre whose turn it was has danced some beats."""
        self._danced[self.whose] += beats
        self.position += beats
        self._stretch += beats
        if self._stretch >= STRETCH_BEATS:
            owed = self._shares * (self.position + STRETCH_BEATS) - self._danced
            owed[self._shares == 0.0] = -np.inf
            self.whose, self._stretch = int(owed.argmax()), 0
