"""Made-up plans of a NAO, for tests of what is written from them."""

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from robodance.motion.spline import Spline, resting_ends
from robodance.robots.model import load_robot
from robodance.values import Plan

NAO = load_robot("nao_v6")


def plan_of(positions, *, rate_hz=100.0, metadata=None, torso=None):
    """A plan of given angles (T, 26)."""
    times = np.arange(len(positions)) / rate_hz
    if torso is None:
        torso = np.tile([0.0, 0.0, 0.33, 0.0, 0.0, 0.0, 1.0], (len(times), 1))
    velocity = np.asarray(NAO.velocity_limits_rad_s)
    return Plan(
        joint_names=NAO.joint_names,
        times_s=times,
        positions_rad=positions,
        music_times_s=times - 0.1,
        music_start_s=0.1,
        torso_pose=torso,
        support=np.zeros(len(times), dtype=np.int8),
        beats_s=np.array([0.05, 0.1]),
        beat_numbers=np.array([1, 2]),
        sync_times_s=np.zeros(0),
        human_joints_m=np.zeros((2, 21, 3)),
        human_times_s=np.array([0.0, 0.1]),
        position_limits_rad=NAO.position_limits_rad,
        velocity_limits_rad_s=velocity,
        acceleration_limits_rad_s2=8.0 * velocity,
        metadata=metadata or {},
    )


def spline_plan(seed, knots, *, knot_rate_hz=25.0):
    """A plan as the planner makes them: a B-spline at rest at both ends, 100 samples a second."""
    rng = np.random.default_rng(seed)
    low, high = NAO.position_limits_rad.T
    control = rng.uniform(low, high, (knots + 2, len(low)))
    posture = NAO.posture("StandInit")
    half = len(control) // 2
    control[:half] = resting_ends(control, posture)[:half]
    control[half:] = resting_ends(control, posture)[half:]
    positions = Spline(control, 1.0 / knot_rate_hz).sampled(round(100 / knot_rate_hz))
    turns = Rotation.from_rotvec(
        0.2 * np.sin(np.arange(len(positions)) / 40.0)[:, None] * [1, 2, 3]
    )
    places = np.column_stack([
        *(0.1 * np.cos(np.arange(len(positions)) / 30.0) * k for k in (1, 2)),
        np.full(len(positions), 0.33),
    ])
    torso = np.hstack([places, turns.as_quat()])
    about = {"knot_rate_hz": knot_rate_hz, "robot_model": "nao_v6"}
    return plan_of(positions, metadata=about, torso=torso)


def rough_plan(seed, samples):
    """A plan with samples that no planner would make: anything inside the ranges."""
    rng = np.random.default_rng(seed)
    low, high = NAO.position_limits_rad.T
    return plan_of(rng.uniform(low, high, (samples, len(low))))


def curve(plan):
    """The curve a plan stands for, by scipy: the README's definition."""
    return CubicSpline(plan.times_s, plan.positions_rad, bc_type="clamped")
