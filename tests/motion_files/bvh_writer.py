"""Writes BVH files of a made-up dancer under the joint names of other people's rigs."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

# Joint, parent, offset in centimetres (y up, facing z, T-pose).
SIDE = (  # with x to the side
    ("collar", "chest", (3, 8, 0)),
    ("shoulder", "collar", (14, 0, 0)),
    ("elbow", "shoulder", (28, 0, 0)),
    ("wrist", "elbow", (25, 0, 0)),
    ("hip", "hips", (10, -4, 0)),
    ("knee", "hip", (0, -42, 0)),
    ("ankle", "knee", (0, -40, 0)),
    ("ball", "ankle", (0, -6, 13)),
)
TRUNK = (
    ("hips", None, (0, 0, 0)),
    ("spine", "hips", (0, 12, 0)),
    ("chest", "spine", (0, 30, 0)),
    ("neck", "chest", (0, 14, 0)),
    ("head", "neck", (0, 9, 1)),
)
TREE = (
    *TRUNK,
    *(
        (
            f"{side}_{part}",
            parent if parent in {"chest", "hips"} else f"{side}_{parent}",
            (sign * offset[0], offset[1], offset[2]),
        )
        for side, sign in (("left", 1), ("right", -1))
        for part, parent, offset in SIDE
    ),
)
ENDS = {"head": (0, 18, 0), "left_wrist": (16, 0, 0), "right_wrist": (-16, 0, 0)}
PLAIN = {name: name for name, _, _ in TREE}


def rig(pattern_by_part, **middle):
    """Names of a rig: part to a pattern with {Side}, {S}, {s}."""
    names = {}
    for part, pattern in pattern_by_part.items():
        for side in ("left", "right"):
            names[f"{side}_{part}"] = pattern.format(
                Side=side.capitalize(), side=side, S=side[0].upper(), s=side[0]
            )
    return {**PLAIN, **middle, **names}


RIGS = {
    "mixamo": rig(
        {
            "collar": "mixamorig:{Side}Shoulder",
            "shoulder": "mixamorig:{Side}Arm",
            "elbow": "mixamorig:{Side}ForeArm",
            "wrist": "mixamorig:{Side}Hand",
            "hip": "mixamorig:{Side}UpLeg",
            "knee": "mixamorig:{Side}Leg",
            "ankle": "mixamorig:{Side}Foot",
            "ball": "mixamorig:{Side}ToeBase",
        },
        hips="mixamorig:Hips",
        head="mixamorig:Head",
    ),
    "bandai": rig({
        "collar": "Shoulder_{S}",
        "shoulder": "UpperArm_{S}",
        "elbow": "LowerArm_{S}",
        "wrist": "Hand_{S}",
        "hip": "UpperLeg_{S}",
        "knee": "LowerLeg_{S}",
        "ankle": "Foot_{S}",
        "ball": "Toes_{S}",
    }),
    "100style": rig({
        "collar": "{Side}Collar",
        "shoulder": "{Side}Shoulder",
        "elbow": "{Side}Elbow",
        "wrist": "{Side}Wrist",
        "hip": "{Side}Hip",
        "knee": "{Side}Knee",
        "ankle": "{Side}Ankle",
        "ball": "{Side}Toe",
    }),
    "poser": rig(
        {
            "collar": "{s}Collar",
            "shoulder": "{s}Shldr",
            "elbow": "{s}ForeArm",
            "wrist": "{s}Hand",
            "hip": "{s}Thigh",
            "knee": "{s}Shin",
            "ankle": "{s}Foot",
            "ball": "{s}Toe",
        },
        hips="hip",
    ),
    "biped": rig(
        {
            "collar": "Bip01 {S} Clavicle",
            "shoulder": "Bip01 {S} UpperArm",
            "elbow": "Bip01 {S} Forearm",
            "wrist": "Bip01 {S} Hand",
            "hip": "Bip01 {S} Thigh",
            "knee": "Bip01 {S} Calf",
            "ankle": "Bip01 {S} Foot",
            "ball": "Bip01 {S} Toe0",
        },
        hips="Bip01 Pelvis",
        head="Bip01 Head",
    ),
    "rigify": rig(
        {
            "collar": "shoulder.{S}",
            "shoulder": "upper_arm.{S}",
            "elbow": "forearm.{S}",
            "wrist": "hand.{S}",
            "hip": "thigh.{S}",
            "knee": "shin.{S}",
            "ankle": "foot.{S}",
            "ball": "toe.{S}",
        },
        hips="hips",
    ),
    "smpl": rig(
        {
            "collar": "{S}_Collar",
            "shoulder": "{S}_Shoulder",
            "elbow": "{S}_Elbow",
            "wrist": "{S}_Wrist",
            "hip": "{S}_Hip",
            "knee": "{S}_Knee",
            "ankle": "{S}_Ankle",
            "ball": "{S}_Foot",
        },
        hips="Pelvis",
    ),
}


@dataclass
class BvhDance:
    """Angles of the made-up dancer: (T, joints, 3), and where the hips are (T, 3), cm."""

    angles_deg: np.ndarray
    hips: np.ndarray
    rate_hz: float


def bvh_dance(seconds=4.0, rate_hz=30.0, seed=1):
    """Smooth angles, enough to bend everything a little."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    rng = np.random.default_rng(seed)
    phase, speed = rng.uniform(0, 6.28, (2, len(TREE), 3))
    angles = 25.0 * np.sin(phase + times[:, None, None] * (0.5 + 0.3 * speed))
    hips = np.stack([10 * np.sin(times), 92 + 0 * times, 5 * times], axis=1)
    angles[:, :5] *= 0.2  # the trunk stays upright
    return BvhDance(angles, hips, rate_hz)


def positions_by_scipy(dance, order="ZXY"):
    """Joint name to (T, 3), by rotation matrices of scipy: a second way to the same places."""
    at, turn = {}, {}
    for k, (name, parent, offset) in enumerate(TREE):
        columns = ["XYZ".index(axis) for axis in order]
        own = Rotation.from_euler(order, dance.angles_deg[:, k][:, columns], degrees=True)
        if parent is None:
            at[name], turn[name] = dance.hips, own
        else:
            at[name] = at[parent] + turn[parent].apply(offset)
            turn[name] = turn[parent] * own
        if name in ENDS:
            at[f"{name}_end"] = at[name] + turn[name].apply(ENDS[name])
    return at


def write_bvh(path, dance, names=None, *, order="ZXY", every_joint_moves=False, per_line=True):
    """Write the dancer; optionally with position channels on every joint, or frames wrapped."""
    names = names or RIGS["100style"]
    children = {name: [] for name, _, _ in TREE}
    for name, parent, _ in TREE:
        if parent:
            children[parent].append(name)
    index = {name: k for k, (name, _, _) in enumerate(TREE)}
    lines, columns = ["HIERARCHY"], []

    def joint(name, depth):
        pad = "\t" * depth
        offset = TREE[index[name]][2]
        lines.extend([f"{pad}{'JOINT' if depth else 'ROOT'} {names[name]}", f"{pad}{{"])
        shown = (0, 0, 0) if every_joint_moves else offset
        lines.append(f"{pad}\tOFFSET {shown[0]} {shown[1]} {shown[2]}")
        turns = " ".join(f"{axis}rotation" for axis in order)
        if not depth or every_joint_moves:
            lines.append(f"{pad}\tCHANNELS 6 Xposition Yposition Zposition {turns}")
            place = dance.hips if not depth else np.tile(offset, (len(dance.hips), 1))
            columns.extend(place.T)
        else:
            lines.append(f"{pad}\tCHANNELS 3 {turns}")
        columns.extend(dance.angles_deg[:, index[name], "XYZ".index(axis)] for axis in order)
        for child in children[name]:
            joint(child, depth + 1)
        if not children[name]:
            end = ENDS.get(name, (0, 0, 5))
            lines.extend([f"{pad}\tEnd Site", f"{pad}\t{{"])
            lines.extend([f"{pad}\t\tOFFSET {end[0]} {end[1]} {end[2]}", f"{pad}\t}}"])
        lines.append(f"{pad}}}")

    joint("hips", 0)
    table = np.stack(columns, axis=1)
    lines += ["MOTION", f"Frames: {len(table)}", f"Frame Time: {1 / dance.rate_hz:.9f}"]
    rows = [" ".join(f"{value:.6f}" for value in row) for row in table]
    text = "\n".join(rows) if per_line else " ".join(rows).replace(" ", "\n")
    path.write_text("\n".join(lines) + "\n" + text + "\n", encoding="utf-8")
    return table
