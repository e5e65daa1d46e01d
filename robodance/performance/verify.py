"""Verify and attenuate: a full-body plan is simulated before it is believed.

Nominal and under disturbances, all at once. Where the robot would fall or lean too far, less
of the dancer's sway is asked for around that moment, and a little before it; then the dance
is planned and tried again, until it passes. A phrase that does not pass at half its sway
ends as upper-body; if rounds run out, so does the whole dance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from robodance.config import SimulationConfig, VerificationConfig
from robodance.errors import ConfigError
from robodance.performance.disturbances import FIXED
from robodance.performance.trial import Trial, verify_plan
from robodance.robots.model import advice
from robodance.values import FloatArray, Plan

__all__ = ["Adaptable", "Reduction", "Verified", "verify_and_attenuate"]

BEFORE_S, AFTER_S = 2.5, 0.5  # of a failure: what is asked for less
FADE_S = 0.6
HALF = 0.5


class Adaptable(Protocol):
    """A plan that can be made again with a calmer sway (``motion.attempt.Adaptation``)."""

    @property
    def plan(self) -> Plan:
        """The plan."""
        ...

    @property
    def again(self) -> Callable[[FloatArray], Self] | None:
        """Plans again with shares of the sway at the knots; None: there is none to calm."""
        ...


Made = TypeVar("Made", bound=Adaptable)


@dataclass(frozen=True)
class Reduction:
    """Less sway, and why.

    Attributes:
        start_s: Robot time from which less is asked for.
        end_s: Until when.
        share: Of the sway that is left.
        reason: What happened otherwise.
    """

    start_s: float
    end_s: float
    share: float
    reason: str


@dataclass(frozen=True)
class Verified(Generic[Made]):
    """What came of a verification.

    Attributes:
        made: The plan as it was tried last, with all that belongs to it.
        trials: Of that plan.
        reductions: What was given up, in the order in which it was.
        rounds: How often the plan was tried.
    """

    made: Made
    trials: tuple[Trial, ...]
    reductions: tuple[Reduction, ...] = field(repr=False)
    rounds: int

    @property
    def passed(self) -> bool:
        """Whether the robot stood in all trials."""
        return not any(trial.failures_s for trial in self.trials)

    def warnings(self) -> tuple[str, ...]:
        """Return what a person should know."""
        said = [
            f"torso and legs were calmed to {100 * r.share:.0f} % from {r.start_s:.1f} to "
            f"{r.end_s:.1f} s of robot time: {r.reason}"
            for r in self.reductions
        ]
        said += [
            f"the plan does not pass its verification: {_reason(trial, trial.failures_s[0])}"
            for trial in self.trials
            if trial.failures_s
        ]
        return tuple(said)

    def metadata(self) -> dict[str, Any]:
        """Return what a plan should say about it: plain values."""
        return {
            "passed": self.passed,
            "rounds": self.rounds,
            "tilt_deg": {
                t.disturbance: round(float(np.degrees(t.tilt_rad)), 2) for t in self.trials
            },
            "falls": sum(t.fell_s is not None for t in self.trials),
            "reduced": [
                {"start_s": r.start_s, "end_s": r.end_s, "share": r.share, "reason": r.reason}
                for r in self.reductions
            ],
        }


def verify_and_attenuate(
    made: Made,
    robot: str,
    simulation: SimulationConfig,
    config: VerificationConfig,
    knot_rate_hz: float,
    progress: Callable[[float], None] | None = None,
) -> Verified[Made]:
    """Try a plan, calm it where it fails, and try again.

    Args:
        made: The plan, and how to make it again.
        robot: Its robot's name or file.
        simulation: Settings of the simulation.
        config: Disturbances, what counts as standing, rounds.
        knot_rate_hz: Knots per second of the plan.
        progress: Called with how much is done, 0..1.

    Raises:
        ConfigError: There is no such disturbance.
    """
    tell = progress or (lambda share: None)
    allowed = _allowed(config)
    share = np.ones(round(made.plan.duration_s * knot_rate_hz) + 1)
    reductions: list[Reduction] = []
    for number in range(1, config.rounds + 1):
        trials = verify_plan(
            made.plan, robot, simulation, allowed, progress=lambda part: tell(min(part, 0.99))
        )
        passed = not any(trial.failures_s for trial in trials)
        if passed or made.again is None or number == config.rounds:
            break
        last = number == config.rounds - 1
        tried = share
        for trial in trials:
            for moment in trial.failures_s:
                calmer = np.zeros_like(share) if last else _calmer(tried, moment, knot_rate_hz)
                if (calmer < share).any():
                    share = np.minimum(share, calmer)
                    reductions.append(_reduction(share, trial, moment, knot_rate_hz, whole=last))
        made = made.again(share)
    tell(1.0)
    return Verified(made, trials, tuple(reductions), number)


def _allowed(config: VerificationConfig) -> dict[str, float]:
    """Return the disturbances to try and the tilt error that each allows."""
    names = tuple(FIXED) if config.disturbances == "all" else config.disturbance_names
    for name in names:
        if name not in FIXED:
            raise ConfigError(f"verification.disturbances: no {name!r}; {advice(name, FIXED)}")
    allowed = {"nominal": float(np.radians(config.nominal_tilt_deg))}
    return allowed | dict.fromkeys(names, float(np.radians(config.disturbed_tilt_deg)))


def _calmer(share: FloatArray, moment_s: float, knot_rate_hz: float) -> FloatArray:
    """Return half the share around a failure; nothing where it was half already."""
    times = np.arange(len(share)) / knot_rate_hz
    outside = np.maximum(moment_s - BEFORE_S - times, times - moment_s - AFTER_S)
    fade = np.clip(1.0 - outside / FADE_S, 0.0, 1.0)
    fade = fade**2 * (3.0 - 2.0 * fade)
    there = share[(fade >= 1.0)]
    aim = HALF if there.max(initial=0.0) > HALF else 0.0
    return np.asarray(np.minimum(share, 1.0 - (1.0 - aim) * fade))


def _reduction(
    share: FloatArray, trial: Trial, moment_s: float, knot_rate_hz: float, *, whole: bool
) -> Reduction:
    end_s = (len(share) - 1) / knot_rate_hz
    start, end = max(moment_s - BEFORE_S, 0.0), min(moment_s + AFTER_S, end_s)
    if whole:
        start, end = 0.0, end_s
    within = slice(round(start * knot_rate_hz), round(end * knot_rate_hz) + 1)
    left = float(share[within].min())
    return Reduction(round(start, 2), round(end, 2), left, _reason(trial, moment_s))


def _reason(trial: Trial, moment_s: float) -> str:
    under = "" if trial.disturbance == "nominal" else f" under the disturbance {trial.disturbance}"
    if trial.fell_s is not None and moment_s >= trial.fell_s:
        return f"in simulation it falls at {moment_s:.1f} s{under}"
    return (
        f"in simulation it leans too far at {moment_s:.1f} s{under} "
        f"(up to {np.degrees(trial.tilt_rad):.1f} degrees)"
    )
