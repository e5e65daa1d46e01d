"""Verify and attenuate: a full-body plan is simulated before it is believed.

Undisturbed and under disturbances, all at once, leg by leg from its beginning to its end.
Where the robot would fall or lean too far, less of the dancer's sway is asked for around that
moment; then the dance is planned again, and tried again from shortly before the change, first
under what has made it fail in this dance. So every second of the plan that comes out has been
simulated on the way to the end, under every disturbance.

A passage gets seven tenths of its sway and its steps first, then half, then no steps, then no
sway either, then the same around it, for longer each time. If that does not help soon, the
phrase ends as upper-body; then the whole dance has no steps; then it ends as upper-body.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from robodance.config import SimulationConfig, VerificationConfig
from robodance.errors import ConfigError
from robodance.performance.calming import BEFORE_S, CALMER, FADE_S, calmed
from robodance.performance.disturbances import DISTURBANCES, FIXED, TOGETHER
from robodance.performance.trial import Trial
from robodance.performance.trials import open_trials
from robodance.robots.model import advice
from robodance.values import FloatArray, Plan

__all__ = ["Adaptable", "Reduction", "Verified", "verify_and_attenuate"]

ALL = "all"  # of the fixed disturbances


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
        share: Of the sway that is left at least.
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
        reductions: What was given up, by passage.
        rounds: How many plans were tried.
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
            f"the plan does not pass its verification: {failure.what} at {failure.moment_s:.1f} s"
            for failure in (_Failure.of(t, t.failures_s[0]) for t in self.trials if t.failures_s)
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
            "fell_s": {t.disturbance: t.fell_s for t in self.trials if t.fell_s is not None},
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
    failures: list[_Failure] = []
    hardest = set(TOGETHER) & set(allowed)  # what makes it fail goes first, and most often
    trials: tuple[Trial, ...] = ()
    rounds = 1
    with open_trials(robot, simulation, allowed) as running:
        running.take(made.plan)
        for leg in running.legs:
            tell(leg / len(running.legs))
            failures_s: list[list[float]] = []
            for number in range(1, config.rounds + 1):
                last = made.again is None or not share.any() or number == config.rounds
                trials = running.go(leg, () if last else hardest)
                found = [_Failure.of(t, moment) for t in trials for moment in t.failures_s]
                if last or made.again is None or not found:
                    break
                failures += found
                hardest.update(t.disturbance for t in trials if t.failures_s)
                failures_s.append([failure.moment_s for failure in found])
                share = calmed(share, failures_s, config.rounds, knot_rate_hz)
                made = made.again(share)
                running.take(made.plan)
                rounds += 1
    tell(1.0)
    return Verified(made, trials, _reductions(share, failures, knot_rate_hz), rounds)


def _allowed(config: VerificationConfig) -> dict[str, float]:
    """Return the disturbances to try and the tilt error that each allows."""
    names: list[str] = []
    for name in config.disturbance_names:
        if name not in {ALL, *DISTURBANCES}:
            known = [ALL, *DISTURBANCES]
            raise ConfigError(f"verification.disturbances: no {name!r}; {advice(name, known)}")
        names += FIXED if name == ALL else [name]
    allowed_deg = dict.fromkeys(["nominal", *names], config.disturbed_tilt_deg)
    allowed_deg["nominal"] = config.nominal_tilt_deg  # which is always tried
    allowed_deg |= {name: config.together_tilt_deg for name in names if name in TOGETHER}
    return {name: float(np.radians(tilt)) for name, tilt in allowed_deg.items()}


@dataclass(frozen=True)
class _Failure:
    """What happened in a trial, and when."""

    moment_s: float
    what: str

    @classmethod
    def of(cls, trial: Trial, moment_s: float) -> _Failure:
        under = "" if trial.disturbance == "nominal" else f" under {trial.disturbance}"
        fell = trial.fell_s is not None and moment_s >= trial.fell_s
        return cls(moment_s, f"it {'falls' if fell else 'leans too far'}{under}")


def _reductions(
    share: FloatArray, failures: Sequence[_Failure], knot_rate_hz: float
) -> tuple[Reduction, ...]:
    """Return the passages that were calmed, and what happened near them before that."""
    # Fades count where they are half over. 0: nothing is left, 1: less of it, 2: all.
    level = np.digitize(share, [min(filter(None, CALMER)) / 2.0, (1.0 + max(CALMER)) / 2.0])
    starts = [0, *(np.flatnonzero(np.diff(level)) + 1), len(level)]
    found = []
    for first, end in pairwise(starts):
        if level[first] < 2:
            begin_s, end_s = first / knot_rate_hz, (end - 1) / knot_rate_hz
            left = float(share[first:end].min())
            reason = _reason(failures, begin_s, end_s)
            found.append(Reduction(round(begin_s, 2), round(end_s, 2), left, reason))
    return tuple(found)


def _reason(failures: Sequence[_Failure], begin_s: float, end_s: float) -> str:
    """Say what happened in a passage, the first of each kind."""
    said: dict[str, float] = {}
    for failure in failures:
        if begin_s - FADE_S <= failure.moment_s <= end_s + BEFORE_S + FADE_S:
            said.setdefault(failure.what, failure.moment_s)
    if not said:
        return "passages of the dance kept failing in simulation"
    return "in simulation " + ", ".join(f"{what} at {at:.1f} s" for what, at in said.items())
