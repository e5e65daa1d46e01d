"""Adapting at the edges: many random motions, an hour of dance, and strange input.

    python tests/benchmarks/stress_motion.py --random 1000 [--jobs 2] [--first 0]
    ROBODANCE_DATA=... python tests/benchmarks/stress_motion.py --hour [--seconds 3600]
    python tests/benchmarks/stress_motion.py --strange

``--random``: motions of 4 to 8 s, a third each: arms that wander about from frame to frame,
joints of a robot that swing anyhow within their ranges and far beyond their speeds, and a
dancer who teleports. Each becomes a plan that is certified at 1 kHz; the counts and the
worst are printed, and what was not clean is named by its seed.
``--hour``: peak memory, wall-clock and CPU time of an hour made of recorded dances.
``--strange``: what becomes of 1 and 1,000 frames a second, one frame, NaN, and others.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "motion"))

from robot_like_dancers import dancer_like, waving, wild

from robodance.config import MotionConfig
from robodance.errors import RobodanceError
from robodance.motion.certificate import certify
from robodance.motion.losses import bone_errors
from robodance.motion.plan import adapt
from robodance.robots.model import load_robot
from robodance.skeleton import INDEX, pose_sequence

KINDS = ("wandering", "swinging", "teleporting")
ROBOT = "nao_v6"


def random_dance(seed, robot):
    """Return the kind and the dance of one seed."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    rate = float(rng.choice([12.5, 25.0, 30.0, 60.0]))
    frames = round(rng.uniform(4.0, 8.0) * rate)
    if kind == "wandering":
        return kind, wild(rng, frames, rate, 10.0 ** rng.uniform(-2.5, -1.0))
    if kind == "swinging":
        return kind, dancer_like(robot, swinging(rng, robot, frames, rate), rate)
    _, dance = waving(robot, frames / rate, rate, slowness_s=rng.uniform(0.5, 2.0))
    joints = np.array(dance.joint_positions_m)
    for _ in range(rng.integers(1, 5)):
        first = int(rng.integers(0, len(joints)))
        joints[first:] += rng.normal(size=(21, 3)) * 10.0 ** rng.uniform(-1.0, 1.0)
    return kind, pose_sequence(joints, rate)


def swinging(rng, robot, frames, rate):
    """Return joint angles that are sums of sines, within the robot's ranges. Shape (T, J)."""
    times = np.arange(frames)[:, None] / rate
    low, high = np.array(robot.position_limits_rad).T
    share = np.zeros((frames, len(low)))
    for _ in range(4):
        speed = 10.0 ** rng.uniform(-0.7, 0.7, len(low))  # of a second
        share += rng.normal(size=len(low)) * np.sin(
            2.0 * np.pi * (times * speed + rng.uniform(size=len(low)))
        )
    return low + (high - low) * (0.5 + 0.5 * np.tanh(share))


def outcome(seed):
    """Adapt one random motion; return seed, kind, violations, clearance, retreat and error."""
    robot = load_robot(ROBOT)
    kind, dance = random_dance(seed, robot)
    try:
        adapted = adapt(dance, robot, MotionConfig())
        found = certify(adapted.plan, robot)
    except Exception as error:
        return seed, kind, {}, float("nan"), 0.0, f"{type(error).__name__}: {error}"
    bad = {name: count for name, count in found.violations.items() if count}
    return seed, kind, bad, found.clearance_m, adapted.retreated_share, ""


def many(count, jobs, first):
    """Print what became of random motions; return 0 if all were clean."""
    began = time.perf_counter()
    seeds = range(first, first + count)
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            outcomes = list(pool.map(outcome, seeds, chunksize=4))
    else:
        outcomes = [outcome(seed) for seed in seeds]
    unclean = [o for o in outcomes if o[2] or o[5]]
    for seed, kind, bad, _, _, error in unclean:
        print(f"seed {seed} ({kind}): {error or bad}")
    print(f"{count} random motions, seeds {first}..{first + count - 1}")
    print(
        "| kind | motions | unclean | samples | least clearance mm | under 5 mm | stood still % |"
    )
    print("|-|-|-|-|-|-|-|")
    for kind in KINDS:
        group = [o for o in outcomes if o[1] == kind]
        clear = np.array([o[3] for o in group])
        print(
            f"| {kind} | {len(group)} | {sum(bool(o[2] or o[5]) for o in group)} "
            f"| {sum(sum(o[2].values()) for o in group)} | {1000 * np.nanmin(clear):.2f} "
            f"| {int((clear < 0.005 - 1e-6).sum())} "
            f"| {100 * np.mean([o[4] for o in group]):.1f} |"
        )
    print(f"{time.perf_counter() - began:.0f} s")
    return 1 if unclean else 0


def long_dance(data, seconds):
    """Return an hour of recorded dances, joined smoothly, over and over."""
    from dances import BLEND_FRAMES, mixed

    piece = np.array(mixed(data, 180.0).joint_positions_m)
    share = np.linspace(0.0, 1.0, BLEND_FRAMES)[:, None, None]
    seam = (1.0 - share) * piece[-BLEND_FRAMES:] + share * piece[:BLEND_FRAMES]
    round_trip = np.concatenate([seam, piece[BLEND_FRAMES:-BLEND_FRAMES]])
    times = -(-round(seconds * 25.0) // len(round_trip))
    return pose_sequence(np.tile(round_trip, (times, 1, 1))[: round(seconds * 25.0)], 25.0)


def hour(seconds):
    """Print time and memory of a very long dance."""
    robot = load_robot(ROBOT)
    dance = long_dance(Path(os.environ["ROBODANCE_DATA"]), seconds)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    wall, used = time.perf_counter(), time.process_time()
    adapted = adapt(dance, robot, MotionConfig())
    halfway = time.perf_counter() - wall
    found = certify(adapted.plan, robot)
    wall, used = time.perf_counter() - wall, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    print(
        f"{seconds:.0f} s of dance: {wall:.0f} s wall clock (adapting {halfway:.0f}), {used:.0f} s "
        f"CPU, peak memory {peak:.0f} MiB ({before:.0f} before), violations "
        f"{sum(found.violations.values())}, clearance {1000 * found.clearance_m:.1f} mm, "
        f"stood still {100 * adapted.retreated_share:.1f} %"
    )


def strange_dances(robot):
    """Yield (what, a function that makes the dance)."""
    rng = np.random.default_rng(0)
    _, calm = waving(robot, 8.0, 25.0)
    joints = np.array(calm.joint_positions_m)

    def changed(change, rate=25.0):
        copy = joints.copy()
        result = change(copy)
        return pose_sequence(copy if result is None else result, rate)

    def without(name):
        def change(copy):
            copy[:, INDEX[name]] = 0.0

        return change

    def leap(copy):
        copy[100:] += [3.0, -2.0, 1.0]

    def scramble(copy):
        copy[100:101] = rng.normal(size=(1, 21, 3)) * 5.0

    def holes(copy):
        copy[50:60, INDEX["left_wrist"]] = np.nan

    yield "1 frame a second, 9 frames", lambda: waving(robot, 8.0, 1.0)[1]
    yield "1,000 frames a second, 8 s", lambda: waving(robot, 8.0, 1000.0)[1]
    yield "one frame", lambda: changed(lambda copy: copy[:1])
    yield "two frames", lambda: changed(lambda copy: copy[:2])
    yield "NaN in ten frames of a wrist", lambda: changed(holes)
    yield "the whole dancer leaps 3 m in a frame", lambda: changed(leap)
    yield "one frame of nonsense", lambda: changed(scramble)
    yield "a wrist that is missing (zeros)", lambda: changed(without("left_wrist"))
    yield "a shoulder that is missing (zeros)", lambda: changed(without("left_shoulder"))
    yield "all joints at one point", lambda: changed(np.zeros_like)
    yield "upside down", lambda: changed(lambda copy: copy * [1.0, -1.0, -1.0])
    yield "a dancer of 1 cm", lambda: changed(lambda copy: copy * 0.005)
    yield "a dancer of 1 km", lambda: changed(lambda copy: copy * 500.0)


def strange():
    """Print what becomes of strange input."""
    robot = load_robot(ROBOT)
    print("| input | outcome |\n|-|-|")
    for what, make in strange_dances(robot):
        began = time.process_time()
        try:
            dance = make()
            adapted = adapt(dance, robot, MotionConfig())
            found = certify(adapted.plan, robot)
            errors = [e for name, e in bone_errors(adapted.plan, robot).items() if name != "head"]
            told = (
                f"plan of {adapted.plan.duration_s:.1f} s, {sum(found.violations.values())} "
                f"violations, clearance {1000 * found.clearance_m:.1f} mm, arm error "
                f"{np.mean(errors):.1f} deg, {time.process_time() - began:.1f} s CPU"
            )
        except RobodanceError as error:
            told = f"{type(error).__name__}: {error}"
        except Exception as error:
            told = f"NOT A CLEAR ERROR: {type(error).__name__}: {error}"
        print(f"| {what} | {told} |", flush=True)


def main() -> int:
    """Do what the options say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--random", type=int, metavar="N", help="adapt N random motions")
    parser.add_argument("--first", type=int, default=0, help="seed of the first one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes for them")
    parser.add_argument("--hour", action="store_true", help="adapt a very long dance")
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long it is")
    parser.add_argument("--strange", action="store_true", help="adapt strange input")
    options = parser.parse_args()
    code = many(options.random, options.jobs, options.first) if options.random else 0
    if options.hour:
        hour(options.seconds)
    if options.strange:
        strange()
    return code


if __name__ == "__main__":
    sys.exit(main())
