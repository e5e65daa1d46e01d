"""A plan exported for Choregraphe, run as a program against the virtual NAO."""

import subprocess
import sys

import numpy as np

from robodance.exporting import export_plan
from robodance.motion.spline import Spline, resting_ends
from robodance.plan_file import read_plan, write_plan
from robodance.robots.model import load_robot
from robodance.values import Plan

NAO = load_robot("nao_v6")
CYCLE_S = 0.012  # of the virtual NAO 6: a command is held for one
FOLLOWED_RAD = np.radians(0.1)
MOVING = {"HeadYaw": 0.6, "LShoulderPitch": -0.8, "RElbowRoll": 0.3, "LHand": 0.4}


def calm_plan():
    """Four joints that move there and back in four seconds."""
    posture = NAO.posture("StandInit")
    knots = 100
    control = np.tile(posture, (knots + 2, 1))
    bell = np.sin(np.linspace(0.0, np.pi, knots + 2)) ** 4
    for name, size in MOVING.items():
        control[:, NAO.index(name)] += size * bell
    control = resting_ends(control, posture)
    positions = Spline(control, 0.04).sampled(4)
    times = np.arange(len(positions)) / 100.0
    velocity = np.asarray(NAO.velocity_limits_rad_s)
    return Plan(
        joint_names=NAO.joint_names,
        times_s=times,
        positions_rad=positions,
        music_times_s=times,
        music_start_s=0.0,
        torso_pose=np.tile([0.0, 0.0, 0.33, 0.0, 0.0, 0.0, 1.0], (len(times), 1)),
        support=np.zeros(len(times), dtype=np.int8),
        beats_s=np.zeros(0),
        beat_numbers=np.zeros(0),
        sync_times_s=np.zeros(0),
        human_joints_m=np.zeros((2, 21, 3)),
        human_times_s=np.array([0.0, 1.0]),
        position_limits_rad=NAO.position_limits_rad,
        velocity_limits_rad_s=velocity,
        acceleration_limits_rad_s2=8.0 * velocity,
        metadata={"knot_rate_hz": 25.0, "robot_model": "nao_v6", "start_posture": "StandInit"},
    )


def test_the_script_makes_the_robot_do_the_plan(shared, tmp_path):
    """What ALMotion was told on each cycle is the plan, a constant time later."""
    write_plan(calm_plan(), tmp_path / "plan.npz")
    script = export_plan(tmp_path / "plan.npz", "choregraphe")
    clock = shared.service("RobodanceJournal")
    begins = clock.time()
    done = subprocess.run(
        [sys.executable, str(script), shared.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = clock.since(begins)
    names = shared.service("ALMotion").getBodyNames("Body")
    plan = read_plan(tmp_path / "plan.npz")
    times = np.array([row[0] for row in rows])
    commands = np.array([row[2] for row in rows])
    asked = commands[:, names.index("LShoulderPitch")]
    low = times[asked.argmin()] - plan.times_s[plan.positions_rad[:, 2].argmin()]
    for name in MOVING:
        wanted = plan.positions_rad[:, plan.joint_names.index(name)]
        found = np.interp(plan.times_s + low, times, commands[:, names.index(name)])
        slack = np.abs(np.gradient(wanted, plan.times_s)) * 2 * CYCLE_S
        assert (np.abs(found - wanted) <= FOLLOWED_RAD + slack).all(), name
