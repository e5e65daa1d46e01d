"""The dance in the robot's joints, as if its motors had no speed limits.

Directions are followed in the least-squares sense over the whole song at once, from a
start whose branches were chosen over the whole song too. What this motion loses against
the dancer is due to the robot's shape and joint ranges alone; ``replan`` then makes it
possible.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from robodance.config import MotionConfig
from robodance.motion.arm import Arm, arm_of
from robodance.motion.branches import cheapest_path
from robodance.motion.descent import minimise_in_box
from robodance.motion.ik import ArmSolver, ArmTask, load_solver
from robodance.motion.joint_dance import angles_at
from robodance.motion.leads import leads_of
from robodance.motion.limits import JointLimits, limit_rows
from robodance.motion.postures import stand_posture
from robodance.motion.spline import REST_POINTS, fit_spline, resting_ends
from robodance.motion.targets import SIDES, Targets, targets_at
from robodance.motion.terms import AngleTerm, SmoothTerm, StillTerm, WholeTerm, knot_values
from robodance.motion.timing import Timeline
from robodance.robots.model import RobotModel
from robodance.values import BoolArray, FloatArray, PoseSequence

__all__ = ["Part", "Wanted", "free_points", "retarget"]

SECOND_WEIGHT = 0.01  # of accelerations against squared chords, at 25 knots a second
THIRD_WEIGHT = 0.003
ASKED_SECOND = 1e-3  # the same where angles are given: whoever gave them has smoothed them
ASKED_THIRD = 3e-4
STOP_WEIGHT = 3.0  # an arm stop counts this much more than any other moment
STILL_WEIGHT = 2.0  # of the squared joint angle per knot interval at a stop, at 25 knots a second
BEAT_WEIGHT = 1.0
BEAT_WIDTH_S = 0.06
LEAD_WEIGHT = 0.005  # of the way into the dance and out of it: a guide whose corners are rounded
LEAD_ROUNDS = 3
REST_WEIGHT = 1e-4  # of the stand posture everywhere, where nothing else decides
PALM_WEIGHT = 0.3
HAND_REACH = (0.15, 0.75)  # hands open from the first to the second as the arm stretches
HAND_SMOOTHING_S = 0.4
BOX_ROUNDS = 12


@dataclass(frozen=True)
class Part:
    """A group of joints that is planned together.

    Attributes:
        name: ``head``, ``left_arm``, ``left_wrist``, ...
        columns: Columns of its joints in ``joint_names``.
        terms: What it should do.
        control: Shape (K + 2, n), the motion without speed limits.
        shortest_leads_s: What its ways into the dance and out of it need at least.
    """

    name: str
    columns: tuple[int, ...]
    terms: tuple[WholeTerm, ...] = field(repr=False)
    control: FloatArray = field(repr=False)
    shortest_leads_s: tuple[float, float] = (0.0, 0.0)

    def cut(self, first: int, last: int) -> Part:
        """Return the part of control points ``first`` up to ``last``, that one left out."""
        terms = tuple(term.cut(first, last) for term in self.terms)
        return Part(self.name, self.columns, terms, self.control[first:last])


@dataclass(frozen=True)
class Wanted:
    """The dance in joint angles before speed limits, and the cost it minimises.

    Attributes:
        parts: Groups of joints; all other joints keep the stand posture.
        stand_rad: Shape (J,).
        control: Shape (K + 2, J), all joints.
        targets: At the knots.
        presence: Shape (K,), 0 in the stand posture .. 1 dancing.
        shortest_leads_s: What the ways into the dance and out of it need at least.
    """

    parts: tuple[Part, ...]
    stand_rad: FloatArray = field(repr=False)
    control: FloatArray = field(repr=False)
    targets: Targets = field(repr=False)
    presence: FloatArray = field(repr=False)
    shortest_leads_s: tuple[float, float] = (0.0, 0.0)


def retarget(
    dance: PoseSequence,
    robot: RobotModel,
    timeline: Timeline,
    limits: JointLimits,
    config: MotionConfig,
    progress: Callable[[float], None] | None = None,
) -> Wanted:
    """Return the dance in the robot's joints, without speed limits.

    Args:
        dance: The dancer.
        robot: The robot.
        timeline: Where the dance lies in robot time.
        limits: Of all J joints; speeds count only on the way in and out.
        config: The stand posture, the solver of the arms and the share of the limits to use.
        progress: Called with how much is done, 0..1.
    """
    tell = progress or (lambda share: None)
    solver = load_solver(config.solver)
    stand = stand_posture(robot, config)
    limits = limits.scaled(config.used_share)
    moments = timeline.music_times_s(timeline.knot_times_s)
    targets = targets_at(dance, moments, 1.0 / timeline.step_s)
    presence = timeline.presence(timeline.knot_times_s)
    counts = timeline.dancing * importance(moments, dance.beats_s)
    control = np.tile(stand, (timeline.knots + 2, 1))
    asked = angles_at(dance, robot, moments)
    shares = dict.fromkeys(SIDES, 0.0)
    lock = Lock()

    def arm_and_hand(side: str) -> list[Part]:
        def report(share: float) -> None:
            with lock:
                shares[side] = share
                tell(sum(shares.values()) / len(shares))

        arm = arm_of(robot, side)
        part = _arm(arm, robot, stand, targets, counts, presence, timeline, limits, solver, report)
        return [part, *_hand(arm, part, robot, stand, targets, presence, timeline, limits)]

    if asked is not None:
        parts = _as_asked(asked, robot, stand, targets, counts, presence, timeline, limits)
    else:
        parts = [_head(robot, stand, targets, presence, timeline, limits)]
        with ThreadPoolExecutor(max_workers=len(SIDES)) as pool:  # each side on its own core
            for found in pool.map(arm_and_hand, SIDES):
                parts.extend(found)
    for part in parts:
        control[:, part.columns] = part.control
    entry, leave = (max(part.shortest_leads_s[i] for part in parts) for i in range(2))
    return Wanted(tuple(parts), stand, control, targets, presence, (entry, leave))


def importance(moments_s: FloatArray, beats_s: FloatArray) -> FloatArray:
    """Return how much each moment counts: more around beats. Shape (T,), at least 1."""
    if not len(beats_s):
        return np.ones(len(moments_s))
    after = np.clip(np.searchsorted(beats_s, moments_s), 1, max(len(beats_s) - 1, 1))
    before = np.abs(moments_s - beats_s[after - 1])
    nearest = np.minimum(before, np.abs(beats_s[np.minimum(after, len(beats_s) - 1)] - moments_s))
    return np.asarray(1.0 + BEAT_WEIGHT * np.exp(-0.5 * (nearest / BEAT_WIDTH_S) ** 2))


def free_points(points: int) -> BoolArray:
    """Return which control points may move: all but those that hold the rest at the ends."""
    free = np.ones(points, dtype=bool)
    free[:REST_POINTS] = free[-REST_POINTS:] = False
    return free


def _arm(
    arm: Arm,
    robot: RobotModel,
    stand: FloatArray,
    targets: Targets,
    counts: FloatArray,
    presence: FloatArray,
    timeline: Timeline,
    limits: JointLimits,
    solver: ArmSolver,
    progress: Callable[[float], None],
) -> Part:
    side = arm.side
    columns = tuple(robot.index(name) for name in arm.joints)
    weights = targets.confidence[side] * counts[:, None]
    weights = weights * (1.0 + STOP_WEIGHT * targets.stops[side])[:, None]
    posture = stand[list(columns)]
    own = limits.of(arm.joints)
    task = ArmTask(
        arm,
        robot,
        targets.upper_arm[side],
        targets.forearm[side],
        targets.confidence[side],
        weights,
        posture,
        own,
        timeline.step_s,
    )
    wish = solver(task, progress)
    start = posture + presence[:, None] * (wish.start_rad - posture)
    terms = (
        *wish.terms,
        StillTerm(
            STILL_WEIGHT * targets.stops[side] * timeline.dancing * (timeline.step_s / 0.04) ** -2
        ),
        SmoothTerm.uniform(timeline.knots + 2, timeline.step_s, SECOND_WEIGHT, THIRD_WEIGHT),
    )
    return _without_speed_limits(f"{side}_arm", columns, terms, start, posture, timeline, own)


def _hand(
    arm: Arm,
    part: Part,
    robot: RobotModel,
    stand: FloatArray,
    targets: Targets,
    presence: FloatArray,
    timeline: Timeline,
    limits: JointLimits,
) -> list[Part]:
    """Return the wrist, which turns the palm to the side the dancer's hand bends to, and the hand.

    The dancer's 21 joints do not say how open a hand is: it opens as the arm stretches.
    """
    angles = knot_values(part.control)
    result = []
    if arm.wrist is not None:
        frames = arm.forearm_frames(angles)
        local = np.einsum("tji,tj->ti", frames, targets.palm[arm.side])
        # At wrist yaw 0 the palm looks along -z of the forearm; +yaw turns -z towards +y.
        facing = np.arctan2(local[:, 1], -local[:, 2])
        sure = PALM_WEIGHT * targets.palm_confidence[arm.side] * timeline.dancing
        yaw = _settled(facing, sure, limits.of((arm.wrist,)), timeline.step_s)
        result.append(
            _single(
                f"{arm.side}_wrist", arm.wrist, yaw, sure, robot, stand, presence, timeline, limits
            )
        )
    name = robot.hands[SIDES.index(arm.side)]
    reach = np.clip(np.cos(angles[:, 3]), 0.0, 1.0)
    opening = HAND_REACH[0] + (HAND_REACH[1] - HAND_REACH[0]) * reach
    smooth = _running_mean(opening, round(HAND_SMOOTHING_S / timeline.step_s))
    result.append(
        _single(
            f"{arm.side}_hand",
            name,
            smooth,
            timeline.dancing,
            robot,
            stand,
            presence,
            timeline,
            limits,
        )
    )
    return result


def _settled(
    facing_rad: FloatArray, weights: FloatArray, limits: JointLimits, step_s: float
) -> FloatArray:
    """Return the angle of a wrist that does not jump between its stops.

    A palm may face where no wrist gets; both stops are then near, now one, now the other.
    Which of them it waits at is chosen over the whole song.

    Args:
        facing_rad: Shape (T,), wanted, in -pi..pi.
        weights: Shape (T,), how much it counts.
        limits: Of the wrist.
        step_s: Time between samples.
    """
    low, high = limits.position_rad[0]
    stops = [np.full(len(facing_rad), stop) for stop in (low, high)]
    ways = np.stack([np.clip(facing_rad, low, high), *stops])  # (3, T)
    cost = weights[:, None] * (1.0 - np.cos(ways - facing_rad)).T
    steps = limits.velocity_rad_s * step_s
    return cheapest_path(ways[:, :, None], cost, steps, 1.0 / step_s)[:, 0]


def _head(
    robot: RobotModel,
    stand: FloatArray,
    targets: Targets,
    presence: FloatArray,
    timeline: Timeline,
    limits: JointLimits,
) -> Part:
    names = ("HeadYaw", "HeadPitch")
    columns = tuple(robot.index(name) for name in names)
    posture = stand[list(columns)]
    wanted = targets.head_rad + np.array([0.0, posture[1]])
    terms = (
        AngleTerm(wanted, np.repeat(timeline.dancing[:, None], 2, axis=1)),
        SmoothTerm.uniform(timeline.knots + 2, timeline.step_s, SECOND_WEIGHT, THIRD_WEIGHT),
    )
    start = posture + presence[:, None] * (wanted - posture)
    return _without_speed_limits("head", columns, terms, start, posture, timeline, limits.of(names))


def _as_asked(
    asked: FloatArray,
    robot: RobotModel,
    stand: FloatArray,
    targets: Targets,
    counts: FloatArray,
    presence: FloatArray,
    timeline: Timeline,
    limits: JointLimits,
) -> list[Part]:
    """Return parts that follow joint angles (K, J) which the dance itself gives."""
    groups: list[tuple[str, tuple[str, ...]]] = [("head", ("HeadYaw", "HeadPitch"))]
    for side, hand in zip(SIDES, robot.hands, strict=True):
        arm = arm_of(robot, side)
        groups += [(f"{side}_arm", arm.joints), (f"{side}_hand", (hand,))]
        groups += [(f"{side}_wrist", (arm.wrist,))] if arm.wrist is not None else []
    parts = []
    for name, joints in groups:
        columns = tuple(robot.index(joint) for joint in joints)
        posture, own = stand[list(columns)], limits.of(joints)
        wanted = np.clip(asked[:, columns], *own.position_rad.T)
        side = name.partition("_")[0]
        stops = targets.stops[side] if side in SIDES else np.zeros(len(counts))
        weights = counts * (1.0 + STOP_WEIGHT * stops)
        terms = (
            AngleTerm(wanted, np.repeat(weights[:, None], len(columns), axis=1)),
            SmoothTerm.uniform(timeline.knots + 2, timeline.step_s, ASKED_SECOND, ASKED_THIRD),
        )
        start = posture + presence[:, None] * (wanted - posture)
        parts.append(_without_speed_limits(name, columns, terms, start, posture, timeline, own))
    return parts


def _single(
    name: str,
    joint: str,
    wanted: FloatArray,
    weights: FloatArray,
    robot: RobotModel,
    stand: FloatArray,
    presence: FloatArray,
    timeline: Timeline,
    limits: JointLimits,
) -> Part:
    column = robot.index(joint)
    posture = stand[[column]]
    own = limits.of((joint,))
    clipped = np.clip(wanted, *own.position_rad[0])[:, None]
    terms = (
        AngleTerm(clipped, weights[:, None]),
        SmoothTerm.uniform(timeline.knots + 2, timeline.step_s, 10 * SECOND_WEIGHT, THIRD_WEIGHT),
    )
    start = posture + presence[:, None] * (clipped - posture)
    return _without_speed_limits(name, (column,), terms, start, posture, timeline, own)


def _without_speed_limits(
    name: str,
    columns: tuple[int, ...],
    terms: tuple[WholeTerm, ...],
    start: FloatArray,
    posture: FloatArray,
    timeline: Timeline,
    limits: JointLimits,
) -> Part:
    rows = limit_rows(limits, timeline.knots + 2, timeline.step_s)
    free = free_points(timeline.knots + 2)
    resting = np.tile(posture, (timeline.knots, 1))
    weights = np.full(resting.shape, REST_WEIGHT)
    control = resting_ends(fit_spline(start, timeline.step_s).control, posture)
    alone = (*terms, AngleTerm(resting, weights))
    control = minimise_in_box(control, alone, rows, free, rounds=BOX_ROUNDS)
    # Only now is it known how the dance begins and ends: find the ways in and out.
    leads = leads_of(control, posture, timeline, limits)
    dancing = timeline.dancing[:, None] > 0.0
    terms = (
        *terms,
        AngleTerm(
            np.where(dancing, resting, leads.reference), np.where(dancing, weights, LEAD_WEIGHT)
        ),
    )
    control = resting_ends(fit_spline(leads.reference, timeline.step_s).control, posture)
    control = minimise_in_box(control, terms, rows, free, rounds=LEAD_ROUNDS)
    return Part(name, columns, terms, control, leads.shortest_s)


def _running_mean(values: FloatArray, width: int) -> FloatArray:
    half = max(width // 2, 0)
    if half == 0:
        return values
    padded = np.pad(values, half, mode="edge")
    kernel = np.hanning(2 * half + 3)[1:-1]
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")
