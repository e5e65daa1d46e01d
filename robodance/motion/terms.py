"""The parts of the planner's cost, each with its value and its Gauss-Newton model.

A term's value is given per control point (N,), so that separate windows of a song can be
judged and accepted one by one; it belongs to the point nearest in time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from robodance.motion.arm import Arm
from robodance.motion.program import BandedQuadratic
from robodance.motion.spline import basis
from robodance.values import FloatArray

__all__ = ["AngleTerm", "BoneTerm", "SmoothTerm", "StillTerm", "Term", "WholeTerm", "knot_values"]

KNOT_WEIGHTS = basis(np.zeros(1))[0]  # (1, 4, 1, 0) / 6

VELOCITY_WEIGHTS = basis(np.zeros(1), 1)[0]  # (-1, 0, 1, 0) / 2, per knot interval
EVENLY = 0.1  # chord, about 6 degrees, beyond which each further degree counts the same


class Term(Protocol):
    """A part of the cost."""

    def values(self, control: FloatArray) -> FloatArray:
        """Return the cost per control point (N,) of control points (N, n)."""

    def expand(self, control: FloatArray, model: BandedQuadratic) -> None:
        """Add gradient and Gauss-Newton Hessian at ``control`` to a model."""


class WholeTerm(Term, Protocol):
    """A term of a whole song, of which a piece can be had."""

    def cut(self, first: int, last: int) -> WholeTerm:
        """Return the term of control points ``first`` up to ``last``, that one left out."""


def knot_values(control: FloatArray) -> FloatArray:
    """Return the curve at its knots, (N - 2, n)."""
    return np.asarray((control[:-2] + 4.0 * control[1:-1] + control[2:]) / 6.0)


@dataclass(frozen=True)
class BoneTerm:
    """How far bones are from their targets at the knots.

    The chord between the two directions counts by half its square while it is small, and in
    proportion once it exceeds ``EVENLY``: where limits keep a bone from its target, the loss
    then stays there instead of being spread over moments and bones that could be exact.

    Attributes:
        arm: The arm.
        wanted: Shape (K, 2, 3), directions of upper arm and forearm.
        weights: Shape (K, 2).
    """

    arm: Arm
    wanted: FloatArray = field(repr=False)
    weights: FloatArray = field(repr=False)

    def cut(self, first: int, last: int) -> BoneTerm:
        """Return the term of some of the control points."""
        return BoneTerm(self.arm, self.wanted[first : last - 2], self.weights[first : last - 2])

    def values(self, control: FloatArray) -> FloatArray:
        """Return the cost per control point."""
        bones = np.stack(self.arm.directions(knot_values(control)), axis=1)
        growth = self._growth(bones)
        cost = (self.weights * EVENLY**2 * (growth - 1.0)).sum(1)
        return np.pad(cost, 1)

    def expand(self, control: FloatArray, model: BandedQuadratic) -> None:
        """Add the Gauss-Newton model."""
        bones, jacobian = self.arm.with_jacobians(knot_values(control))
        weighted = jacobian * (self.weights / self._growth(bones))[:, :, None, None]
        stacked = weighted.reshape(len(bones), 6, 4).swapaxes(1, 2)
        hessian = stacked @ jacobian.reshape(len(bones), 6, 4)
        miss = (bones - self.wanted).reshape(len(bones), 6, 1)
        gradient = (stacked @ miss)[:, :, 0]
        model.add(np.arange(len(bones)), KNOT_WEIGHTS, hessian, gradient)

    def _growth(self, bones: FloatArray) -> FloatArray:
        """Return ``sqrt(1 + (chord / EVENLY)^2)``, the pseudo-Huber loss over its scale, plus 1."""
        squared = ((bones - self.wanted) ** 2).sum(2)
        return np.asarray(np.sqrt(1.0 + squared / EVENLY**2))


@dataclass(frozen=True)
class AngleTerm:
    """Half the squared distance of joint angles from wanted ones at the knots.

    Attributes:
        wanted: Shape (K, n).
        weights: Shape (K, n).
    """

    wanted: FloatArray = field(repr=False)
    weights: FloatArray = field(repr=False)

    def cut(self, first: int, last: int) -> AngleTerm:
        """Return the term of some of the control points."""
        return AngleTerm(self.wanted[first : last - 2], self.weights[first : last - 2])

    def values(self, control: FloatArray) -> FloatArray:
        """Return the cost per control point."""
        miss = knot_values(control) - self.wanted
        return np.pad(0.5 * (self.weights * miss**2).sum(1), 1)

    def expand(self, control: FloatArray, model: BandedQuadratic) -> None:
        """Add the (exact) model."""
        hessian = self.weights[:, :, None] * np.eye(self.weights.shape[1])
        gradient = self.weights * (knot_values(control) - self.wanted)
        model.add(np.arange(len(gradient)), KNOT_WEIGHTS, hessian, gradient)


@dataclass(frozen=True)
class StillTerm:
    """Half the squared velocity at knots where the dancer stops, so that the robot does too.

    Attributes:
        weights: Shape (K,), of the squared way per knot interval.
    """

    weights: FloatArray = field(repr=False)

    def cut(self, first: int, last: int) -> StillTerm:
        """Return the term of some of the control points."""
        return StillTerm(self.weights[first : last - 2])

    def values(self, control: FloatArray) -> FloatArray:
        """Return the cost per control point."""
        way = (control[2:] - control[:-2]) / 2.0
        return np.pad(0.5 * self.weights * (way**2).sum(1), 1)

    def expand(self, control: FloatArray, model: BandedQuadratic) -> None:
        """Add the (exact) model."""
        eye = np.eye(control.shape[1])
        hessian = self.weights[:, None, None] * eye
        gradient = self.weights[:, None] * (control[2:] - control[:-2]) / 2.0
        model.add(np.arange(len(gradient)), VELOCITY_WEIGHTS, hessian, gradient)


@dataclass(frozen=True)
class SmoothTerm:
    """Squared second and third differences of the control points.

    Attributes:
        second: Shape (N - 2,), weights of the acceleration.
        third: Shape (N - 3,), weights of the jerk.
    """

    second: FloatArray = field(repr=False)
    third: FloatArray = field(repr=False)

    @classmethod
    def uniform(cls, points: int, step_s: float, second: float, third: float) -> SmoothTerm:
        """Weights for 25 knots a second, brought to another rate without changing the cost."""
        ratio = 0.04 / step_s
        return cls(np.full(points - 2, second * ratio**4), np.full(points - 3, third * ratio**6))

    def cut(self, first: int, last: int) -> SmoothTerm:
        """Return the term of some of the control points."""
        return SmoothTerm(self.second[first : last - 2], self.third[first : last - 3])

    def values(self, control: FloatArray) -> FloatArray:
        """Return the cost per control point."""
        second = (self.second[:, None] * np.diff(control, 2, axis=0) ** 2).sum(1)
        third = (self.third[:, None] * np.diff(control, 3, axis=0) ** 2).sum(1)
        return np.asarray(0.5 * (np.pad(second, 1) + np.pad(third, (1, 2))))

    def expand(self, control: FloatArray, model: BandedQuadratic) -> None:
        """Add the (exact) model."""
        model.add_differences(control, 2, self.second)
        model.add_differences(control, 3, self.third)
