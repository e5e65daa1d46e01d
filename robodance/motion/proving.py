"""How a value is proved to stay above a floor although it is looked at now and then only.

A value that changes by at most ``rate`` per second cannot, between two looks ``d`` seconds
apart, fall under their mean less ``rate * d / 2``; one whose second derivative is at most
``bend`` cannot fall under the smaller of the two less ``bend * d^2 / 8``. Where that leaves
doubt, more looks are taken: at a thousand a second at first, then halving, until the doubt
is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from robodance.motion.curve import Moments, Piece
from robodance.values import BoolArray, FloatArray, IntArray

__all__ = ["SAMPLE_RATE_HZ", "Floor", "Least", "Look", "bent", "look_closely", "parts_of", "sloped"]

SAMPLE_RATE_HZ = 1000.0
HALVINGS = 10  # of a millisecond: to a microsecond

Look = Callable[[Moments, BoolArray], FloatArray]
"""Values (N, K) at N moments, wanted where the mask (N, K) says so; others may be infinite."""

Floor = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], FloatArray]
"""From two looks, a bound and the time between them: the smallest value possible there."""


def sloped(
    first: FloatArray, last: FloatArray, rate: FloatArray, length_s: FloatArray
) -> FloatArray:
    """Return the smallest possible value, where ``rate`` bounds the first derivative."""
    return np.asarray((first + last - rate * length_s) / 2.0)


def bent(first: FloatArray, last: FloatArray, bend: FloatArray, length_s: FloatArray) -> FloatArray:
    """Return the smallest possible value, where ``bend`` bounds the second derivative."""
    return np.asarray(np.minimum(first, last) - bend * length_s**2 / 8.0)


@dataclass
class Least:
    """The smallest value found so far, and what was found under the floor.

    Attributes:
        precision: How much smaller than ``value`` something unseen may be.
        slack: How far under zero an unseen value may be without counting.
        value: Smallest value.
        when_s: When.
        column: In which of the K columns.
        under: Samples under zero, at 1 kHz; an excess between samples counts as one.
    """

    precision: float
    slack: float = 0.0
    value: float = np.inf
    when_s: float = 0.0
    column: int = 0
    under: int = 0

    @property
    def goal(self) -> float:
        """What samples at 1 kHz are to be looked at for."""
        return max(self.value - self.precision, 0.0)

    @property
    def unseen_goal(self) -> float:
        """What must be proved of the time between them."""
        return max(self.value - self.precision, -self.slack)

    def note(self, values: FloatArray, times_s: FloatArray) -> None:
        """Keep the smallest of values (N, K) at times (N,)."""
        if not values.size:
            return
        flat = int(values.argmin())
        row, column = divmod(flat, values.shape[1])
        if values[row, column] < self.value:
            self.value, self.when_s = float(values[row, column]), float(times_s[row])
            self.column = column


def parts_of(piece: Piece) -> int:
    """Return into how many parts a segment is cut for at least 1,000 samples a second."""
    return max(1, int(np.ceil(piece.lengths_s.max() * SAMPLE_RATE_HZ - 1e-6)))


def look_closely(
    piece: Piece,
    segments: IntArray,
    ends: tuple[FloatArray, FloatArray],
    rates: FloatArray,
    look: Look,
    least: Least,
    floor: Floor = sloped,
) -> None:
    """Prove on some segments that no value is smaller than what is found; note what is.

    Args:
        piece: The curve.
        segments: Shape (M,), the segments.
        ends: Values (M, K) at their first and last moments.
        rates: Shape (M, K), the bound that ``floor`` takes.
        look: Evaluates.
        least: What was found before; is brought up to date.
        floor: What two looks prove of the time between them.
    """
    doubt = floor(*ends, rates, piece.lengths_s[segments][:, None]) < least.goal
    chosen = np.flatnonzero(doubt.any(axis=1))
    if not len(chosen):
        return
    parts = parts_of(piece)
    width = piece.lengths_s[segments[chosen]] / parts
    doubt, rates = doubt[chosen], rates[chosen]
    inner = Moments(
        np.repeat(segments[chosen], parts - 1),
        (width[:, None] * np.arange(1, parts)).ravel(),
    )
    values = np.empty((len(chosen), parts + 1, doubt.shape[1]))
    values[:, 0], values[:, -1] = (np.where(doubt, end[chosen], np.inf) for end in ends)
    if parts > 1:
        seen = look(inner, np.repeat(doubt, parts - 1, axis=0))
        least.note(seen, piece.times_of(inner))
        values[:, 1:-1] = seen.reshape(len(chosen), parts - 1, -1)
    least.under += int((values[:, :-1] < 0.0).any(axis=2).sum())
    if piece.final and segments[chosen[-1]] == len(piece.lengths_s) - 1:
        least.under += int((values[-1, -1] < 0.0).any())
    least.under += _between(piece, segments[chosen], values, rates, width, look, least, floor)


def _between(
    piece: Piece,
    segments: IntArray,
    values: FloatArray,
    rates: FloatArray,
    width_s: FloatArray,
    look: Look,
    least: Least,
    floor: Floor,
) -> int:
    """Halve the intervals between samples until they hold no doubt; count those under zero."""
    lowest = floor(values[:, :-1], values[:, 1:], rates[:, None], width_s[:, None, None])
    seen_under: BoolArray = np.asarray(((values[:, :-1] < 0.0) | (values[:, 1:] < 0.0)).any(axis=2))
    row, part, column = np.nonzero((lowest < least.unseen_goal) & ~seen_under[:, :, None])
    owner = row * values.shape[1] + part  # the interval of a millisecond that it lies in
    first, last = values[row, part, column], values[row, part + 1, column]
    rate, length, start = rates[row, column], width_s[row], part * width_s[row]
    under: set[int] = set()
    for _ in range(HALVINGS):
        if not len(row):
            return len(under)
        length = length / 2.0
        moments = Moments(segments[row], start + length)
        mask = np.zeros((len(row), values.shape[2]), dtype=bool)
        mask[np.arange(len(row)), column] = True
        seen = look(moments, mask)
        least.note(seen, piece.times_of(moments))
        middle = seen[np.arange(len(row)), column]
        under.update(owner[middle < 0.0].tolist())
        two = [np.concatenate(pair) for pair in ((first, middle), (middle, last))]
        keep = floor(two[0], two[1], np.tile(rate, 2), np.tile(length, 2)) < least.unseen_goal
        keep &= ~np.isin(np.tile(owner, 2), list(under))
        start = np.concatenate([start, start + length])[keep]
        first, last = two[0][keep], two[1][keep]
        row, column, owner, rate, length = (
            np.tile(array, 2)[keep] for array in (row, column, owner, rate, length)
        )
    # What cannot be excluded even so counts, too.
    under.update(owner[floor(first, last, rate, length) < -least.slack].tolist())
    return len(under)
