"""A dancer in a suit of optical markers, and the C3D file that cameras make of it."""

import ezc3d
import numpy as np

from robodance.motion_files.skeleton_file import load_skeleton
from robodance.skeleton import INDEX

PLACES = {name: places[0].along for name, places in load_skeleton("vicon-markers").joints.items()}
SHOULDER_DOWN_M = -PLACES["left_shoulder"]["thorax_up"]
SHOULDER_BACK_M = -PLACES["left_shoulder"]["thorax_forward"]
HIP_DOWN_M = -PLACES["left_hip"]["pelvis_up"]
HIP_INWARD_M = -PLACES["left_hip"]["to_left"]
KNEE_INWARD_M = -PLACES["left_knee"]["left_knee_axis"]
ANKLE_INWARD_M = -PLACES["left_ankle"]["left_knee_axis"]
RATE_HZ = 80.0


def markers_of(joints):
    """The markers that a dancer facing +x would wear, label to (T, 3)."""
    at = {name: joints[:, i] for name, i in INDEX.items()}
    forward, left, up = np.eye(3)
    middle = 0.5 * (at["right_shoulder"] + at["left_shoulder"])
    worn = {
        "CLAV": middle + 0.08 * forward + 0.02 * up,
        "C7": middle - 0.08 * forward + 0.02 * up,
        "STRN": middle + 0.08 * forward - 0.20 * up,
        "T10": middle - 0.08 * forward - 0.20 * up,
        "RBAC": middle - 0.08 * forward - 0.10 * up - 0.05 * left,
    }
    for letter, side, out in (("R", "right", -left), ("L", "left", left)):
        hip = at[f"{side}_hip"] + HIP_DOWN_M * up + HIP_INWARD_M * out
        thigh = 0.5 * (at[f"{side}_hip"] + at[f"{side}_knee"])
        worn |= {
            f"{letter}FHD": at[f"head_{side}"] + 0.08 * forward,
            f"{letter}BHD": at[f"head_{side}"] - 0.08 * forward,
            f"{letter}SHO": at[f"{side}_shoulder"]
            + SHOULDER_DOWN_M * up
            + SHOULDER_BACK_M * forward,
            f"{letter}UPA": 0.5 * (at[f"{side}_shoulder"] + at[f"{side}_elbow"]),
            f"{letter}ELB": at[f"{side}_elbow"],
            f"{letter}FRM": 0.5 * (at[f"{side}_wrist"] + at[f"{side}_elbow"]),
            f"{letter}WRA": at[f"{side}_wrist"] + 0.02 * up,
            f"{letter}WRB": at[f"{side}_wrist"] - 0.02 * up,
            f"{letter}FIN": at[f"{side}_hand"],
            f"{letter}FWT": hip + 0.10 * forward,
            f"{letter}BWT": hip - 0.10 * forward,
            f"{letter}THI": thigh + 0.08 * out,
            f"{letter}KNE": at[f"{side}_knee"] + KNEE_INWARD_M * out,
            f"{letter}SHN": 0.5 * (at[f"{side}_knee"] + at[f"{side}_ankle"]) + 0.05 * out,
            f"{letter}ANK": at[f"{side}_ankle"] + ANKLE_INWARD_M * out,
            f"{letter}HEE": at[f"{side}_heel"],
            f"{letter}TOE": at[f"{side}_toe"] - 0.03 * out,
            f"{letter}MT5": at[f"{side}_toe"] + 0.03 * out,
        }
    return worn


def write_c3d(path, worn, rate_hz=RATE_HZ, prefix="subject:"):
    """Write markers (label to (T, 3), metres; NaN is lost) as a C3D file in millimetres."""
    file = ezc3d.c3d()
    points = np.stack(list(worn.values()), axis=0)  # (M, T, 3)
    lost = np.isnan(points).any(axis=2)
    data = np.ones((4, *points.shape[:2]))
    data[:3] = np.moveaxis(np.where(lost[..., None], 0.0, points) * 1000.0, 2, 0)
    file["data"]["points"] = data
    file["parameters"]["POINT"]["RATE"]["value"] = [rate_hz]
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    file["parameters"]["POINT"]["LABELS"]["value"] = [prefix + label for label in worn]
    file.write(str(path))
