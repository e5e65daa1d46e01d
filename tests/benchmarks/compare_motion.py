"""Adapting dances against other people's solvers on the same targets, in one run.

    ROBODANCE_DATA=... python tests/benchmarks/compare_motion.py [--sets cha-cha mix ...]
        [--seconds 20] [--accelerations 8 4] [--solvers NAME ...]

Sets: recorded dances (cha-cha, rumba, tango, waltz, g1), ``mix`` (4,500 frames of the two
cha-cha takes, a rumba and a tango joined) and ``generated`` (robodance's own, one for each
demo song). Tables with and without self-collision, for each acceleration limit.
``--solvers`` names others' solvers to run (all by default, none for a quick look). Columns:

* ms: CPU milliseconds per frame of dance (25 a second), all of it: for robodance targets,
  retargeting, replanning and the certificate. Median over the dances of a set.
* times: that over robodance's, median of the dances' ratios.
* error, p95: angle between the arms' four bones and the dancer's, degrees.
* above, p95 above: the same less the floor's (``motion_floor.py``).
* pos, vel, acc: share of samples at 1 kHz that break a limit, percent. Where a solver
  gives frames only, the curve is the cubic spline through them.
* touch: share of samples at 1 kHz in which two parts of the robot touch, percent.
* stops: share of the dancer's arm stops made within a frame, percent.
* slower: duration over the song's.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import os
import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import motion_peers as peers
import numpy as np
from dances import dances
from measure_motion import SETS
from motion_floor import clear_floor, dancer_overlaps, free_floor
from scipy.interpolate import CubicSpline

from robodance.config import MotionConfig
from robodance.motion.certificate import certify
from robodance.motion.collision import Bodies
from robodance.motion.limits import joint_limits
from robodance.motion.plan import adapt
from robodance.motion.targets import SIDES, arm_stops, dance_targets, resample
from robodance.robots.kinematics import forward_kinematics, jacobian, landmark_positions
from robodance.robots.model import load_robot
from robodance.skeleton import pose_sequence

RATE_HZ = 25.0
TOLERANCE = 1e-3  # of a limit; solvers of others are not asked for more
NEAR_M = 0.03  # parts further apart at 100 Hz cannot meet within 5 ms at arm speeds
PEERS = ("pink", "mink", "toppra", "daqp")
OURS, FLOOR = "robodance", "floor"
SOLVERS = [*peers.settings_of(True), "toppra", f"{OURS}, solver ikpy"]


@dataclass
class Result:
    """What one solver made of one dance."""

    solver: str
    setting: str
    ms: float
    errors: np.ndarray = field(repr=False)  # (T, 4) degrees
    broken: tuple[float, float, float]  # percent
    touch: float
    stops: float
    slower: float = 1.0


def cpu():
    """Return the CPU seconds of this process and of those it waited for."""
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


class Judge:
    """Measures motions of one dance, all in the same way."""

    def __init__(self, dance, robot):
        self.robot = robot
        self.duration = (len(dance.poses) - 1) / dance.frame_rate_hz
        self.times = np.arange(int(self.duration * RATE_HZ) + 1) / RATE_HZ
        self.dancer = resample(dance.joint_positions_m, dance.times_s - dance.start_s, self.times)
        self.targets = dance_targets(self.dancer, RATE_HZ)
        moving = tuple(range(len(robot.joint_names)))
        self.bodies = Bodies.of(robot, np.asarray(robot.posture("StandInit")), moving, 0.0)
        self.seen = {}

    def aims(self, limits):
        return peers.Aims(self.robot, self.targets, limits)

    def stops(self, positions):
        marks = landmark_positions(self.robot, forward_kinematics(self.robot, positions))
        hit, total = 0, 0
        for side in SIDES:
            wanted = self.targets.stops[side] > 0.0
            done = arm_stops(marks[f"{side}_wrist"], RATE_HZ)
            hit += int((wanted & (np.convolve(done, np.ones(3), mode="same") > 0.0)).sum())
            total += int(wanted.sum())
        return 100.0 * hit / max(total, 1)

    def broken(self, curve, limits, duration):
        """Return the share of samples that break position, velocity, acceleration limits."""
        times = np.linspace(0.0, duration, round(duration * 1000.0) + 1)
        low, high = limits.position_rad.T
        middle, half = (low + high) / 2.0, (high - low) / 2.0
        allowed = (half, limits.velocity_rad_s, limits.acceleration_rad_s2)
        bad = np.zeros(3)
        for first in range(0, len(times), 20_000):
            for order in range(3):
                values = curve(times[first : first + 20_000], order)
                values = values - (middle if order == 0 else 0.0)
                bad[order] += (np.abs(values) > (1.0 + TOLERANCE) * allowed[order]).any(1).sum()
        return tuple(100.0 * bad / len(times))

    def touch(self, positions_at, duration):
        """Return the share of samples in contact."""
        coarse = np.linspace(0.0, duration, round(duration * 100.0) + 1)
        near = coarse[self.apart(positions_at(coarse), NEAR_M) < NEAR_M]
        fine = (near[:, None] + np.arange(-5, 5) / 1000.0).ravel()
        fine = fine[(fine >= 0.0) & (fine <= duration)]
        if not len(fine):
            return 0.0
        met = self.apart(positions_at(fine), 0.001) < 0.0
        return 100.0 * float(met.sum()) / (duration * 1000.0)

    def apart(self, positions, within):
        """Return the smallest distance of two parts, as far as it is under ``within``."""
        pieces = np.array_split(positions, len(positions) // 5000 + 1)
        return np.concatenate([self.bodies.clearances(p, within).min(axis=1) for p in pieces])


def ours(dance, body, judge, aims, config, name=OURS):
    """Adapt to ``body`` and prove; return result, curve from the first danced moment, unlimited."""
    began = cpu()
    adapted = adapt(dance, body, config)
    certify(adapted.plan, judge.robot)
    ms = 1000.0 * (cpu() - began) / len(judge.times)
    plan, shift = adapted.plan, adapted.plan.music_start_s
    spline = CubicSpline(plan.times_s, plan.positions_rad, bc_type="clamped")
    limits = joint_limits(judge.robot, config)

    def curve(times_s, order=0):
        return spline(times_s + shift, order)

    positions = curve(judge.times)
    free = CubicSpline(plan.times_s, adapted.unlimited.positions_rad, bc_type="clamped")
    unlimited = free(judge.times + shift)
    result = Result(
        name,
        "",
        ms,
        aims.errors(positions[:, aims.columns]),
        judge.broken(curve, limits, judge.duration),
        judge.touch(curve, judge.duration),
        judge.stops(positions),
    )
    return result, curve, unlimited


def framed(name, setting, ms, angles, judge, aims, others):
    """Judge a solver that gives frames; all other joints are where robodance has them."""
    spline = CubicSpline(judge.times, angles)

    def whole(times_s):
        positions = others(times_s)
        positions[:, aims.columns] = spline(times_s)
        return positions

    duration = judge.times[-1]
    key = name, angles.tobytes()
    if key not in judge.seen:  # the same frames in another table
        judge.seen[key] = judge.touch(whole, duration), judge.stops(whole(judge.times))
    errors, broken = aims.errors(angles), judge.broken(spline, aims.own, duration)
    return Result(name, setting, ms, errors, broken, *judge.seen[key])


def compare(dance, robot, accelerations, without, solvers):
    """Return {(clear, acceleration): (floor errors, kept frames, results)} of one dance."""
    judge = Judge(dance, robot)
    frames, tables, floors = {}, {}, {}
    for acceleration in accelerations:
        config = MotionConfig(acceleration_per_velocity_per_s=acceleration)
        aims = judge.aims(joint_limits(robot, config))
        for clear, body in ((True, robot), (False, without)):
            mine, curve, unlimited = ours(dance, body, judge, aims, config)
            if clear not in floors:
                floors[clear] = floor(judge, aims, curve, floors.get("kept"), clear)
                floors["kept"] = floors[clear][2]
            aims.begin = floors[True][3]
            results = [mine]
            if clear and f"{OURS}, solver ikpy" in solvers:
                other = dataclasses.replace(config, solver="ikpy")
                results.append(ours(dance, body, judge, aims, other, f"{OURS}, solver ikpy")[0])
            for name, settings in peers.settings_of(clear).items():
                if name not in solvers:
                    continue
                if name not in frames or "acceleration" in name:
                    setting = peers.best(settings, aims)
                    began = cpu()
                    angles = setting.solve(aims)
                    frames[name] = setting.name, 1000.0 * (cpu() - began) / len(aims), angles
                results.append(framed(name, *frames[name], judge, aims, curve))
            free = unlimited[:, aims.columns]
            path = framed("robodance without limits", "", float("nan"), free, judge, aims, curve)
            results.append(path)
            if not clear and "toppra" in solvers:
                results.append(fastest(free, path, judge, aims, acceleration))
            errors, kept = floors[clear][:2]
            tables[clear, acceleration] = errors, kept, results
    return tables


def warm_up(dance, robot):
    """Run everything once on two seconds, so that nobody's imports are timed."""
    frames = round(2.0 * dance.frame_rate_hz)
    short = pose_sequence(dance.joint_positions_m[:frames], dance.frame_rate_hz)
    judge = Judge(short, robot)
    aims = judge.aims(joint_limits(robot, MotionConfig()))
    ours(short, robot, judge, aims, MotionConfig())
    peers.warm_up(aims)


def floor(judge, aims, curve, kept, clear):
    """Return the floor's errors, the frames that count, the arms' good poses, the first pose."""
    angles, good = kept if kept is not None else free_floor(aims)
    frames = np.ones(len(aims), dtype=bool)
    found = angles
    if clear:
        found, missing = clear_floor(aims, angles, good, curve(judge.times), peers.CLEARANCE_M)
        frames = (missing <= 0.0) & ~dancer_overlaps(judge.dancer)
    return aims.errors(found), frames, (angles, good), found[0]


def fastest(angles, path, judge, aims, acceleration):
    """Judge toppra on the path without limits."""
    curve, duration, seconds = peers.toppra_path(angles, aims, acceleration)
    ms = 1000.0 * seconds / len(aims)
    if curve is None:
        return dataclasses.replace(path, solver="toppra", setting="failed", ms=ms, slower=np.nan)

    def sampled(times_s, order=0):
        return curve(times_s, order)[:, :-1]

    broken = judge.broken(sampled, aims.own, duration)
    slower = duration / judge.times[-1]
    return dataclasses.replace(path, solver="toppra", ms=ms, broken=broken, slower=slower)


HEADER = (
    "| set | solver | ms | times | error | p95 | above | p95 above | pos | vel | acc | touch "
    "| stops | slower |\n|-|-|-|-|-|-|-|-|-|-|-|-|-|-|"
)


def table(clear, acceleration, by_dance):
    """Yield the lines of one table."""
    yield (
        f"\n{'With' if clear else 'Without'} self-collision, acceleration limit "
        f"{acceleration:g} per second times velocity\n\n{HEADER}"
    )
    summary = {}
    for name in dict.fromkeys(group for group, _ in by_dance):
        found = [tables[clear, acceleration] for group, tables in by_dance if group == name]
        base = np.concatenate([errors[kept] for errors, kept, _ in found])
        out = 100.0 * (1.0 - np.mean(np.concatenate([kept for _, kept, _ in found])))
        yield (
            f"| {name} | {FLOOR} ({out:.1f} % of frames left out) | | | {base.mean():.2f} "
            f"| {np.percentile(base, 95):.1f} | | | | | | | | |"
        )
        for i, first in enumerate(found[0][2]):
            group = [results[i] for _, _, results in found]
            errors = np.concatenate([
                r.errors[kept] for r, (_, kept, _) in zip(group, found, strict=True)
            ])
            ratios = [r.ms / results[0].ms for r, (_, _, results) in zip(group, found, strict=True)]
            above = errors.mean() - base.mean()
            tail = np.percentile(errors, 95) - np.percentile(base, 95)
            summary.setdefault(first.solver, []).append((above, np.median(ratios)))
            chosen = ", ".join(dict.fromkeys(r.setting for r in group if r.setting))
            broken = np.mean([r.broken for r in group], axis=0)
            yield (
                f"| {name} | {first.solver}{f' ({chosen})' if chosen else ''} "
                f"| {np.median([r.ms for r in group]):.2f} | {np.median(ratios):.2f} "
                f"| {errors.mean():.2f} | {np.percentile(errors, 95):.1f} | {above:.2f} "
                f"| {tail:.1f} | {broken[0]:.1f} | {broken[1]:.1f} | {broken[2]:.1f} "
                f"| {np.mean([r.touch for r in group]):.2f} "
                f"| {np.mean([r.stops for r in group]):.0f} "
                f"| {np.max([r.slower for r in group]):.2f} |"
            )
    for solver, values in summary.items():
        above, ratio = np.array(values).T
        yield (
            f"| all | {solver} | | {np.median(ratio):.2f} | | | {above.mean():.2f} "
            f"(worst set {above.max():.2f}) | | | | | | | |"
        )


def speed(robot, dance):
    """Yield lines on kinematics and the whole chain, for 4,500 frames."""
    rng = np.random.default_rng(0)
    low, high = np.array(robot.position_limits_rad).T
    positions = rng.uniform(low, high, (4500, len(low)))
    spent = []
    for _ in range(5):
        began = time.process_time()
        poses = forward_kinematics(robot, positions)
        for link, offset in robot.landmarks.values():
            if link != robot.base_link:
                jacobian(robot, poses, link, offset)
        spent.append(time.process_time() - began)
    ms = 1000.0 * np.median(spent)
    yield f"FK and the Jacobians of all landmarks, 4,500 frames: {ms:.0f} ms CPU"
    began, used = time.perf_counter(), cpu()
    adapted = adapt(dance, robot, MotionConfig())
    certify(adapted.plan, robot)
    wall, used = time.perf_counter() - began, cpu() - used
    yield (
        f"retarget + replan + self-collision + certificate, {len(dance.poses)} frames: "
        f"{wall:.1f} s wall clock, {used:.1f} s CPU, {os.cpu_count()} cores"
    )


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = [*SETS, "mix", "generated"]
    parser.add_argument("--sets", nargs="*", choices=every, default=every)
    parser.add_argument("--seconds", type=float, default=1e9, help="of each dance at most")
    parser.add_argument("--accelerations", type=float, nargs="*", default=[8.0, 4.0])
    parser.add_argument("--solvers", nargs="*", choices=SOLVERS, default=SOLVERS, metavar="NAME")
    parser.add_argument("--robot", default="nao_v6")
    options = parser.parse_args()
    data = os.environ.get("ROBODANCE_DATA")
    if not data:
        print("ROBODANCE_DATA does not name the folder of the data sets", file=sys.stderr)
        return 2
    missing = [name for name in PEERS if importlib.util.find_spec(name) is None]
    if missing:
        print(f"{', '.join(missing)} missing: pip install '.[peers]'", file=sys.stderr)
        return 4
    robot = load_robot(options.robot)
    without = dataclasses.replace(robot, collision_pairs=())
    how = options.accelerations, without, options.solvers
    by_dance = []
    try:
        for group, name, dance in dances(options.sets, Path(data), options.seconds):
            if not by_dance:
                warm_up(dance, robot)
            began = time.perf_counter()
            by_dance.append((group, compare(dance, robot, *how)))
            spent = time.perf_counter() - began
            print(f"{group} {name}: {spent:.0f} s", file=sys.stderr, flush=True)
            if name == "mix":
                print("\n".join(speed(robot, dance)), flush=True)
    except KeyboardInterrupt:
        print("interrupted: the tables are of the dances done so far", file=sys.stderr)
    for acceleration in options.accelerations:
        for clear in (True, False):
            print("\n".join(table(clear, acceleration, by_dance)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
