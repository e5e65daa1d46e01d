"""Plans made by hand, so that this room's tests need no other room."""

import numpy as np

from robodance.robots.stability import standing_torso_pose
from robodance.values import Plan


def make_plan(robot, positions_rad, *, posture="StandInit", music_rate=1.0, music_start_s=0.0):
    """Return a plan at 100 Hz through given angles, standing on both feet."""
    count = len(positions_rad)
    times_s = np.arange(count) / 100
    return Plan(
        joint_names=robot.joint_names,
        times_s=times_s,
        positions_rad=positions_rad,
        music_times_s=(times_s - music_start_s) * music_rate,
        music_start_s=music_start_s,
        torso_pose=np.tile(standing_torso_pose(robot, robot.posture(posture)), (count, 1)),
        support=np.zeros(count),
        beats_s=np.arange(0.0, count / 100, 0.5),
        beat_numbers=np.arange(len(np.arange(0.0, count / 100, 0.5))) % 4 + 1,
        sync_times_s=np.zeros(0),
        human_joints_m=np.zeros((2, 21, 3)),
        human_times_s=np.array([0.0, 1.0]),
        position_limits_rad=robot.position_limits_rad,
        velocity_limits_rad_s=robot.velocity_limits_rad_s,
        acceleration_limits_rad_s2=8.0 * robot.velocity_limits_rad_s,
        metadata={"robot_model": robot.name, "seed": 0},
    )


def standing_plan(robot, posture, duration_s, **more):
    """Return a plan that holds a named posture."""
    count = round(100 * duration_s) + 1
    return make_plan(robot, np.tile(robot.posture(posture), (count, 1)), posture=posture, **more)


def arm_dance(robot, duration_s, **more):
    """Return a plan that swings arms and head, from a stand and back, within all limits."""
    times_s = np.arange(round(100 * duration_s) + 1) / 100
    fade = np.clip(np.minimum(times_s, times_s[-1] - times_s) / 1.5, 0.0, 1.0)
    fade = fade**2 * (3 - 2 * fade)
    positions = np.tile(robot.posture("StandInit"), (len(times_s), 1))
    for side, sign, phase in (("L", 1, 0.0), ("R", -1, 1.5)):
        swing = np.sin(2 * np.pi * 0.9 * times_s + phase)
        positions[:, robot.index(f"{side}ShoulderPitch")] += fade * (-0.7 + 0.7 * swing)
        positions[:, robot.index(f"{side}ShoulderRoll")] += sign * fade * (0.35 + 0.25 * swing)
        positions[:, robot.index(f"{side}ElbowYaw")] += sign * fade * 0.4 * swing
        positions[:, robot.index(f"{side}Hand")] += fade * 0.2 * swing
    positions[:, robot.index("HeadYaw")] += fade * 0.5 * np.sin(2 * np.pi * 0.5 * times_s)
    return make_plan(robot, positions, **more)
