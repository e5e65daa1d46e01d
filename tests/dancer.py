"""A synthetic dancer with known steps, for tests that need human motion and no data."""

import numpy as np

from robodance.choreography.body import DANCER, fix_bones
from robodance.skeleton import INDEX


def dancer(seconds=8.0, rate_hz=25.0, *, step_s=0.5, stride_m=0.25, seed=0):
    """Joint positions (T, 21, 3) of somebody who walks on the spot and waves.

    Feet alternate: one stands still while the other swings to its next place, 8 cm up.
    """
    times = np.arange(int(seconds * rate_hz)) / rate_hz
    rng = np.random.default_rng(seed)
    arms = rng.uniform(0.5, 1.0, 4)
    joints = np.zeros((len(times), 21, 3))
    sway = 0.04 * np.sin(np.pi * times / step_s)
    pelvis = np.column_stack([np.zeros_like(times), sway, 0.80 + 0 * times])
    for side, sign in (("right", -1.0), ("left", 1.0)):
        toe = _steps(times, step_s, stride_m, swings_first=side == "left")
        toe[:, 1] += sign * 0.09
        toe[:, 2] += DANCER.sole_height
        heel = toe - [DANCER.heel_toe, 0.0, 0.0]
        joints[:, INDEX[f"{side}_toe"]] = toe
        joints[:, INDEX[f"{side}_heel"]] = heel
        joints[:, INDEX[f"{side}_ankle"]] = heel + np.array([
            DANCER.ankle_ahead,
            0.0,
            DANCER.ankle_above,
        ])
        hip = pelvis + np.array([0.0, sign * 0.5 * DANCER.hip_width, 0.0])
        joints[:, INDEX[f"{side}_hip"]] = hip
        middle = 0.5 * (hip + joints[:, INDEX[f"{side}_ankle"]])
        joints[:, INDEX[f"{side}_knee"]] = middle + np.array([0.12, 0.0, 0.0])
        shoulder = pelvis + np.array([0.0, sign * 0.5 * DANCER.shoulder_width, 0.50])
        swing = arms[0] * np.sin(2 * np.pi * times * arms[1] + sign)
        down = np.column_stack([np.sin(swing), sign * 0.3 + 0 * swing, -np.cos(swing)])
        bend = np.column_stack([np.cos(swing), 0 * swing, np.sin(swing) * arms[2]])
        elbow = shoulder + DANCER.upper_arm * down
        wrist = elbow + DANCER.forearm * bend
        joints[:, INDEX[f"{side}_shoulder"]] = shoulder
        joints[:, INDEX[f"{side}_elbow"]] = elbow
        joints[:, INDEX[f"{side}_wrist"]] = wrist
        joints[:, INDEX[f"{side}_hand"]] = wrist + DANCER.hand * bend
        joints[:, INDEX[f"head_{side}"]] = pelvis + np.array([0.05, sign * 0.055, 0.72])
    joints[:, INDEX["waist"]] = pelvis + np.array([0.0, 0.0, DANCER.waist_height])
    return fix_bones(joints, frame_rate_hz=rate_hz)


def _steps(times, step_s, stride_m, *, swings_first):
    """Path of a toe that swings every second step, forth and back along x."""
    path = np.zeros((len(times), 3))
    step = np.floor(times / step_s).astype(int)
    share = np.clip((times / step_s - step) / 0.6, 0.0, 1.0)
    smooth = share * share * (3 - 2 * share)
    swinging = (step % 2 == 0) == swings_first
    strides = step // 2 + 1 if swings_first else (step + 1) // 2  # finished or under way
    forth = strides % 2 == 1
    begin = np.where(forth, 0.0, stride_m) * (strides > 0)
    end = np.where(forth, stride_m, 0.0)
    path[:, 0] = np.where(swinging, begin + (end - begin) * smooth, end)
    path[:, 2] = np.where(swinging, 0.08 * np.sin(np.pi * share), 0.0)
    return path
