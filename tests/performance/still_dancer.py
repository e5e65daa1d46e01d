"""A dancer who stands and does nothing, joint by joint: something to add motion to."""

STILL = {
    "waist": (0.0, 0.0, 1.0),
    "head_left": (0.05, 0.07, 1.68),
    "head_right": (0.05, -0.07, 1.68),
    **{f"{s}_shoulder": (0.0, y * 0.18, 1.45) for s, y in (("left", 1), ("right", -1))},
    **{f"{s}_elbow": (0.0, y * 0.25, 1.15) for s, y in (("left", 1), ("right", -1))},
    **{f"{s}_wrist": (0.1, y * 0.25, 0.95) for s, y in (("left", 1), ("right", -1))},
    **{f"{s}_hand": (0.15, y * 0.25, 0.85) for s, y in (("left", 1), ("right", -1))},
    **{f"{s}_hip": (0.0, y * 0.1, 0.93) for s, y in (("left", 1), ("right", -1))},
    **{f"{s}_knee": (0.03, y * 0.1, 0.5) for s, y in (("left", 1), ("right", -1))},
    **{f"{s}_ankle": (0.0, y * 0.1, 0.09) for s, y in (("left", 1), ("right", -1))},
    **{f"{s}_heel": (-0.05, y * 0.1, 0.04) for s, y in (("left", 1), ("right", -1))},
    **{f"{s}_toe": (0.18, y * 0.1, 0.03) for s, y in (("left", 1), ("right", -1))},
}
