"""One plan of a dance, with the time map it is given.

``plan.py`` asks for one attempt, or for several where the time map is to be chosen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from robodance.config import MotionConfig
from robodance.errors import ConfigError
from robodance.motion.balance import Stand
from robodance.motion.footsteps import choose_steps
from robodance.motion.footwork import Footwork, footwork
from robodance.motion.limits import JointLimits, require_reachable
from robodance.motion.pelvis import knee_bends, torso_sway
from robodance.motion.postures import (
    Change,
    held_limits,
    posture_change,
    standing,
)
from robodance.motion.replan import Replanned, replan
from robodance.motion.retarget import Wanted, retarget
from robodance.motion.side_by_side import SecondProcess
from robodance.motion.step_schedule import Swing, schedule
from robodance.motion.support import Support, planted, stepping
from robodance.motion.sway import Sway, plan_sway
from robodance.motion.targets import unseen_shares
from robodance.motion.timing import MusicMap, Timeline, timeline_of
from robodance.motion.whole_plan import WholePlan
from robodance.robots.legs import FeetPoses, leg_columns
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, JointTrajectory, Plan, PoseSequence

__all__ = ["Adaptation", "Progress", "attempt"]

Progress = Callable[[float], None]
RETARGET_SHARE = 0.1  # of the time, for the progress report
LONGEST_LEAD_S = 30.0
UNSEEN_SHARE = 0.1  # of the dance; less is bridged and hardly noticed


@dataclass(frozen=True)
class Adaptation:
    """A plan and how it came about.

    Attributes:
        plan: What the robot will do.
        unlimited: The same dance as if motors had no speed limit and bodies could pass
            through each other, at the plan's times.
        seconds: Stage to wall-clock seconds.
        repaired_share: Share of the plan in which the arms were planned again to keep clear
            or upright.
        retreated_share: Share that was drawn back to the stand posture, as a last resort.
        warnings: What a person should know about time and postures.
        sway_kept: With ``balance: full-body``, the share of the dancer's sway (variance, of
            ``legs.TORSO_AXES``) that is left.
        calmed_share: Share of the plan in which sway was drawn back to the stand by more than
            half.
        again: Plans the same dance in the same time with a calmer sway: takes the share of it
            (K,) that is asked for at the knots of the whole plan.
    """

    plan: Plan
    unlimited: JointTrajectory = field(repr=False)
    seconds: dict[str, float]
    repaired_share: float
    retreated_share: float
    warnings: tuple[str, ...] = ()
    sway_kept: tuple[float, ...] = ()
    calmed_share: float = 0.0
    again: Callable[[FloatArray], Adaptation] | None = field(default=None, repr=False)


def attempt(
    dance: PoseSequence,
    robot: RobotModel,
    config: MotionConfig,
    music_map: MusicMap | None = None,
    *,
    lift: float = 1.0,
    progress: Progress | None = None,
    second: SecondProcess | None = None,
) -> Adaptation:
    """Return a plan of a dance in a given time.

    Args:
        dance: The dancer, at least two frames.
        robot: The robot.
        config: Settings; ``slow_motion`` is a number.
        music_map: Robot time to song time; None: even.
        lift: Velocity and acceleration limits are raised by this factor, to see what they
            cost; such a plan cannot be danced.
        progress: Called with how much is done, 0..1.
        second: Takes over half of the work.

    Raises:
        ConfigError, UnreachableLimits, InfeasibleDance: As ``plan_motion``.
    """
    tell = progress or (lambda share: None)
    began = time.perf_counter()
    limits = held_limits(robot, config)
    stand = standing(robot, config)
    require_reachable(limits, stand.posture_rad, config.stand)
    _require_free_legs(robot, config)
    changes = _changes(robot, config, stand, limits.scaled(config.used_share))
    timeline, wanted, notes = _laid_out(
        dance, robot, config, music_map, limits, lambda share: tell(RETARGET_SHARE * share)
    )
    tell(RETARGET_SHARE)
    retargeted = time.perf_counter()
    task = _Task(
        dance,
        robot,
        config,
        stand,
        limits.scaled(lift * config.vigour),
        changes,
        timeline,
        wanted,
        second,
    )
    made = task.planned(None, lambda share: tell(RETARGET_SHARE + (1.0 - RETARGET_SHARE) * share))
    return replace(
        made,
        seconds={"retarget": retargeted - began, **made.seconds},
        warnings=(*notes, *made.warnings, *_unseen(wanted, timeline)),
    )


@dataclass(frozen=True)
class _Swayed:
    """A possible motion, and how torso and legs move in it."""

    possible: Replanned
    sway: Sway


@dataclass(frozen=True)
class _Task:
    """A dance laid out in time, ready to be planned, as often as it takes."""

    dance: PoseSequence
    robot: RobotModel
    config: MotionConfig
    stand: Stand
    limits: JointLimits
    changes: tuple[Change | None, Change | None]
    timeline: Timeline
    wanted: Wanted
    second: SecondProcess | None

    def planned(
        self, calm: FloatArray | None, tell: Progress, before: _Swayed | None = None
    ) -> Adaptation:
        """Return a plan whose sway is asked for in shares ``calm`` (K,); None: all of it.

        With ``before``, what came of more sway, only what lies around a change is new.
        """
        began = time.perf_counter()
        stand, wanted, config = self.stand, self.wanted, self.config
        swayed: list[Sway] = []
        seconds: dict[str, float] = {}

        def swaying(control: FloatArray) -> tuple[Stand, FloatArray]:
            nonlocal stand
            start = time.perf_counter()
            sway = self._swaying(control, calm, None if before is None else before.sway)
            stand = replace(stand, torso=sway.torso, support=sway.support)
            swayed.append(sway)
            seconds["sway"] = time.perf_counter() - start
            return stand, sway.control

        possible = replan(
            wanted,
            stand,
            self.limits,
            self.timeline.step_s,
            config,
            tell,
            swaying if config.full_body else None,
            None if before is None else before.possible,
            self.second,
        )
        seconds["replan"] = time.perf_counter() - began - seconds.get("sway", 0.0)
        whole = WholePlan(self.robot, self.config, stand, self.changes, self.timeline)
        done = possible.spline.control.copy()
        for name in config.joints_left_alone:  # what the solver's tolerance has left
            done[:, self.robot.index(name)] = stand.posture_rad[self.robot.index(name)]
        plan = whole.plan(done, self.dance)
        retreated = {"retreated_s": whole.passages_s(possible.retreated)}
        plan = replace(plan, metadata={**plan.metadata, **retreated})
        unlimited = whole.sampled(self._ideal(wanted.control, possible.spline.control))
        made = Adaptation(
            plan=plan,
            unlimited=JointTrajectory(self.robot.joint_names, plan.times_s, unlimited),
            seconds=seconds,
            repaired_share=float(possible.repaired.mean()),
            retreated_share=float(possible.retreated.mean()),
            warnings=whole.notes(),
        )
        if not swayed:
            return made
        sway = swayed[0]
        return replace(
            made,
            sway_kept=tuple(sway.kept().tolist()),
            calmed_share=float((sway.amplitude < 0.5).mean()),
            again=lambda share: self.planned(
                share[whole.knots_before :], lambda _: None, _Swayed(possible, sway)
            ),
        )

    def _ideal(self, wanted: FloatArray, done: FloatArray) -> FloatArray:
        """Return the wanted control points of arms and head on the legs as they are danced."""
        result = wanted.copy()
        legs = list(leg_columns(self.robot))
        result[:, legs] = done[:, legs]
        return result

    def _swaying(self, control: FloatArray, calm: FloatArray | None, before: Sway | None) -> Sway:
        """Return how torso and legs move under what the other joints do."""
        timeline = self.timeline
        share = np.ones(timeline.knots) if calm is None else calm[: timeline.knots]
        return plan_sway(
            self._wish,
            control,
            self._support,
            self.stand,
            self.limits.scaled(self.config.limit_share),
            self.config,
            share,
            before,
            self.second,
        )

    @cached_property
    def _wish(self) -> FloatArray:
        """The torso's sway and the knees' bends that are asked for (K, 7), before any calming."""
        timeline = self.timeline
        moments = timeline.music_times_s(timeline.knot_times_s)
        rate_hz = 1.0 / timeline.step_s
        steps = self.config.footwork == "steps"
        sway = torso_sway(self.dance, self.robot, moments, rate_hz, steps=steps)
        wish = np.hstack([sway, knee_bends(self.dance, moments, rate_hz)])
        return np.asarray(wish * timeline.presence(timeline.knot_times_s)[:, None])

    @cached_property
    def _footwork(self) -> Footwork:
        """What the dancer's feet do."""
        return footwork(self.dance, self.robot)

    @cached_property
    def _standing_feet(self) -> FeetPoses:
        """Where the feet are before and after the dance."""
        stand = self.stand
        return FeetPoses.standing(self.robot, stand.posture_rad, stand.torso_pose)

    @cached_property
    def _stance(self) -> dict[str, FloatArray]:
        """Side to where its foot is then, (2,)."""
        return {side: self._standing_feet.positions_m[side][0, :2] for side in self.robot.feet}

    @cached_property
    def _swings(self) -> list[Swing]:
        """Which foot steps when, before any calming."""
        home = self._stance["left"] - self._stance["right"]
        return schedule(self._footwork, self.dance.beats_s, self.timeline, home)

    def _support(self, calm: FloatArray) -> Support:
        """Return what carries the robot when shares (K,) of the steps are asked for."""
        robot, feet, timeline = self.robot, self._standing_feet, self.timeline
        if self.config.footwork == "planted":
            return planted(robot, feet, timeline.knots, timeline.step_s)
        steps = choose_steps(self._swings, self._footwork, timeline, self._stance, calm)
        return stepping(robot, feet, steps, timeline.knots, timeline.step_s)


def _require_free_legs(robot: RobotModel, config: MotionConfig) -> None:
    legs = {robot.joint_names[column] for column in leg_columns(robot)}
    held = sorted(legs.intersection(config.joints_left_alone))
    if config.full_body and held:
        raise ConfigError(
            f"leave_alone names {', '.join(held)}, but with balance: full-body the legs dance; "
            "leave one of the two out"
        )


def _laid_out(
    dance: PoseSequence,
    robot: RobotModel,
    config: MotionConfig,
    music_map: MusicMap | None,
    limits: JointLimits,
    tell: Progress,
) -> tuple[Timeline, Wanted, tuple[str, ...]]:
    """Return the time axis and the wanted motion; leads that are too short are made longer."""
    timeline = timeline_of(dance, config, music_map)
    wanted = retarget(dance, robot, timeline, limits, config, tell)
    entry, leave = (min(seconds, LONGEST_LEAD_S) for seconds in wanted.shortest_leads_s)
    if entry <= config.lead_in_s and leave <= config.lead_out_s:
        return timeline, wanted, ()
    longer = replace(
        config,
        lead_in_s=max(entry, config.lead_in_s),
        lead_out_s=max(leave, config.lead_out_s),
    )
    notes = tuple(
        f"the {name} grew from {before:.1f} to {after:.1f} s, which is what the joints need"
        for name, before, after in (
            ("lead-in", config.lead_in_s, longer.lead_in_s),
            ("lead-out", config.lead_out_s, longer.lead_out_s),
        )
        if after > before
    )
    timeline = timeline_of(dance, longer, music_map)
    return timeline, retarget(dance, robot, timeline, limits, config), notes


def _unseen(wanted: Wanted, timeline: Timeline) -> tuple[str, ...]:
    """Return a word on each bone of which the dance tells nothing for much of its time."""
    first, last = timeline.danced_knots
    shares = unseen_shares(wanted.targets, slice(first, last + 1))
    return tuple(
        f"the dancer's {bone} cannot be seen in {100 * share:.0f} % of the dance; the robot's does "
        "there what is easiest"
        for bone, share in shares.items()
        if share > UNSEEN_SHARE
    )


def _changes(
    robot: RobotModel, config: MotionConfig, stand: Stand, limits: JointLimits
) -> tuple[Change | None, Change | None]:
    """Return the way from the start posture to the stand, and (backwards) the way from it."""
    first, last = (
        None if name is None else posture_change(robot, config, stand, name, limits=limits)
        for name in (config.start_posture, config.end_posture)
    )
    return first, last
