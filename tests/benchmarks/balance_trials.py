"""Plan a passage once, try the plan in two kinds of physics: what the benchmark's workers do."""

from __future__ import annotations

import hashlib
import json
import resource
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from balance_figures import (
    RATE_HZ,
    ankles_of_dancer,
    ankles_of_robot,
    beat_grid,
    common_share,
    common_survived,
    knee_correlations,
    matched,
    share_of_time,
    slips,
    strikes,
    survived,
    touchdowns,
)
from balance_passages import Passage, load

from robodance import resources
from robodance.config import MotionConfig, SimulationConfig, VerificationConfig
from robodance.errors import InfeasibleDance
from robodance.motion.certificate import certify
from robodance.motion.plan import adapt
from robodance.motion.targets import resample
from robodance.performance.conductor import conduct
from robodance.performance.disturbances import DISTURBANCES, DisturbedSimulation, in_pybullet
from robodance.performance.inertial_feedback import stabilised
from robodance.performance.trial import judge, plain_plan
from robodance.performance.verify import verify_and_attenuate
from robodance.robots.model import load_robot
from robodance.values import Plan

__all__ = [
    "ENGINES",
    "MORE_ENGINES",
    "TRIED",
    "Settings",
    "TrialKind",
    "plan_passage",
    "trial_kinds",
    "try_plan",
]

ENGINES = ("pybullet", "mujoco")
MORE_ENGINES = ("mujoco-firm",)
"""MuJoCo with contacts that yield less than its own defaults."""
TRIED = [name for name in DISTURBANCES if not name.startswith("together_")]
SEEDED = ("pushes", "tilt", "com", "together")  # the others leave nothing open
MADE_BY = ("audio", "choreography", "config", "learning", "motion", "motion_files", "robots")
MADE_BY_PERFORMANCE = (
    *("calming", "conductor", "disturbances", "felt", "inertial_feedback", "leg_slopes"),
    *("rehearsal", "trial", "trials", "turning_back", "verify", "waiting", "weight_shift", "world"),
)
NOMINAL_RAD, DISTURBED_RAD = np.radians(2.0), np.radians(6.0)


@dataclass(frozen=True)
class Settings:
    """What every passage is planned and tried with.

    Attributes:
        robot: Its robot's name.
        seconds: Longest passage.
        balance: As ``motion.balance``.
        footwork: As ``motion.footwork``.
        verification: As ``verification.disturbances``; ``none``: the plan is not calmed.
        feedback: As ``simulation.inertial_feedback``.
    """

    robot: str = "nao_v6"
    seconds: float = 60.0
    balance: str = "full-body"
    footwork: str = MotionConfig().footwork
    verification: str = VerificationConfig().disturbances
    feedback: bool = SimulationConfig().inertial_feedback

    @property
    def simulation(self) -> SimulationConfig:
        """The simulated robot's settings."""
        return SimulationConfig(inertial_feedback=self.feedback)

    def plan_hash(self, passage: Passage) -> str:
        """Return what a plan depends on, in 16 digits: passage, settings, and our sources."""
        digest = hashlib.sha256(json.dumps([asdict(passage), asdict(self)]).encode())
        package = Path(resources.__file__).parent
        files = [file for room in MADE_BY for file in sorted((package / room).rglob("*.py"))]
        files += [package / "performance" / f"{name}.py" for name in MADE_BY_PERFORMANCE]
        data = resources.data_path("configs"), resources.data_path("urdf")
        files += [f for folder in data for f in sorted(folder.rglob("*.*")) if f.suffix != ".py"]
        for file in files:
            digest.update(file.read_bytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class TrialKind:
    """One way of trying a plan."""

    engine: str
    disturbance: str
    seed: int


def trial_kinds(engines, disturbances, seeds: int) -> tuple[TrialKind, ...]:
    """Return the ways asked for; seeds are 1, 2, ... since 0 is what plans are verified with."""
    return tuple(
        TrialKind(engine, name, seed)
        for engine in engines
        for name in disturbances
        for seed in (range(1, seeds + 1) if name in SEEDED else (0,))
    )


def plan_passage(
    passage: Passage, data: Path | None, settings: Settings
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Plan a passage and measure what the plan shows of the dancer.

    Returns:
        The figures, and the plan in a form that travels; None where there is none.
    """
    danced = load(passage, data, settings.seconds)
    robot, dance = load_robot(settings.robot), danced.dance
    began = _cpu_s()
    try:
        made = adapt(
            dance, robot, MotionConfig(balance=settings.balance, footwork=settings.footwork)
        )
    except InfeasibleDance as error:
        return {"units": danced.units, "infeasible": str(error)}, None
    planned = _cpu_s()
    reductions, rounds, passed = [], 0, None
    if settings.verification != "none":
        found = verify_and_attenuate(
            made,
            settings.robot,
            settings.simulation,
            VerificationConfig(disturbances=settings.verification),
            MotionConfig().knot_rate_hz,
        )
        made, rounds, passed = found.made, found.rounds, found.passed
        reductions = [(r.start_s, r.end_s, r.share) for r in found.reductions]
    verified = _cpu_s()
    plan, certificate = made.plan, certify(made.plan, robot)
    upper_body = [(start, end) for start, end, share in reductions if share <= 0.0]
    line = {
        "units": danced.units,
        "seconds": float(dance.times_s[-1] - dance.times_s[0]),
        "plan_seconds": plan.duration_s,
        "planning_cpu_s": round(planned - began, 2),
        "verification_cpu_s": round(verified - planned, 2),
        "rounds": rounds,
        "passed": passed,
        "reduced_share": share_of_time([r[:2] for r in reductions], plan.duration_s),
        "upper_body_share": share_of_time(upper_body, plan.duration_s),
        "calmed_share": made.calmed_share,
        "violations": dict(certificate.violations),
        "zmp_margin_mm": 1000.0 * certificate.zmp_margin_m,
        **shown_of(plan, dance, robot),
    }
    return line, plain_plan(plan)


def try_plan(plan: dict[str, Any], kind: TrialKind, settings: Settings) -> dict[str, Any]:
    """Try a plan and return how it went."""
    robot, began = load_robot(settings.robot), _cpu_s()
    what = replace(DISTURBANCES[kind.disturbance], seed=kind.seed)
    tried = Plan(**plan)
    config = settings.simulation
    with DisturbedSimulation(robot, config, what, physics(kind.engine)) as backend:
        log = conduct(tried, stabilised(backend, config))
    allowed = NOMINAL_RAD if kind.disturbance == "nominal" else DISTURBED_RAD
    trial = judge(tried, log, kind.disturbance, what.known_delay_s, allowed)
    moved = slips(robot, tried, log, what.known_delay_s)
    return {
        "fell_s": trial.fell_s,
        "why": log.metadata["fall_reason"],
        "waited_s": log.metadata.get("waited_s", 0.0),
        "tilt_deg": round(float(np.degrees(trial.tilt_rad)), 3),
        "tilt_time_s": round(trial.tilt_time_s, 2),
        "slip_max_mm": round(1000.0 * max(moved, default=0.0), 2),
        "slips_over_5_mm": sum(slip > 0.005 for slip in moved),
        "contacts": len(moved),
        "cpu_s": round(_cpu_s() - began, 2),
    }


def shown_of(plan: Plan, dance, robot) -> dict[str, Any]:
    """Return how much of the dancer's legs a plan shows."""
    moments = np.arange(dance.times_s[0], dance.times_s[-1], 1.0 / RATE_HZ)
    joints = resample(dance.joint_positions_m, dance.times_s, moments)
    times = np.interp(moments, plan.music_times_s, plan.times_s)
    wanted = ankles_of_dancer(dance, robot, moments)
    done = ankles_of_robot(robot, plan, times)
    struck = strikes(joints, moments[0])
    stepped = touchdowns(plan.support, plan.music_times_s)
    grid = beat_grid(dance.beats_s, moments[0], moments[-1])
    return {
        "variance_survived": survived(wanted, done),
        "common_share": common_share(wanted),
        "common_survived": common_survived(wanted, done),
        "knee_correlation": knee_correlations(robot, plan, joints, times),
        "strikes": len(struck),
        "steps": len(stepped),
        "strikes_stepped": matched(struck, stepped, grid),
        "single_support_share": float((np.asarray(plan.support) > 0).mean()),
    }


def physics(engine: str):
    """Return what opens a robot in an engine."""
    if engine == "pybullet":
        return in_pybullet
    from mujoco_robot import in_mujoco, on_firm_floor

    return on_firm_floor if engine == "mujoco-firm" else in_mujoco


def _cpu_s() -> float:
    """CPU seconds of this process and of those it has started and waited for."""
    parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)
