"""Writes tiny data sets of our own in the form in which the real ones are published."""

import json

import numpy as np
from dancer import dancer
from marker_suit import RATE_HZ, markers_of, write_c3d

BEAT_S = 0.5


def write_choreonet(folder, letter="R", units=6, beats=4):
    """Write a small ``data/`` folder: one take, its units, one choreography; no music."""
    (folder / "raw_c3d").mkdir(parents=True)
    (folder / "choreography").mkdir()
    seconds = units * beats * BEAT_S + 1.0
    joints = dancer(seconds, RATE_HZ)
    write_c3d(folder / "raw_c3d" / "7.c3d", markers_of(joints))
    rows = ["c3d_file,movement_tag,fake_start_frame,fake_end_frame,start_frame,end_frame,beats"]
    length = beats * BEAT_S * RATE_HZ
    tags = [f"{letter}-{number}-1" for number in range(1, units + 1)]
    for number, tag in enumerate(tags):
        start = 10 + number * length
        rows.append(f"7,{tag},0,0,{start:.1f},{start + length:.1f},{beats}")
    rows += [f"7,{letter}-99-1,0,0,0,5,", "7,NIL,0,0,0,50,1"]
    (folder / "movement_interval.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    movements = ["START", *tags, "HOLD", tags[0], tags[2]]
    dance = {
        "name": f"DANCE_{letter}_1",
        "dance_type": letter,
        "dance_id": 1,
        "start_pos": 0,
        "end_pos": 500,
        "movements": movements,
        "durations": [2, *[beats] * units, 2, beats, beats],
    }
    path = folder / "choreography" / f"{letter}.json"
    path.write_text(json.dumps([dance]), encoding="utf-8")
    return tags


def write_all_genres(folder, units=6):
    """Write one ``data/`` folder with units of all four genres, from the same take."""
    write_choreonet(folder, "R", units)
    table = folder / "movement_interval.csv"
    rows = table.read_text(encoding="utf-8")
    dances = (folder / "choreography" / "R.json").read_text(encoding="utf-8")
    for letter in "CTW":
        rows += "".join(
            line.replace("R-", f"{letter}-") + "\n"
            for line in rows.splitlines()
            if line.startswith("7,R-")
        )
        same = dances.replace('"R-', f'"{letter}-').replace("DANCE_R", f"DANCE_{letter}")
        (folder / "choreography" / f"{letter}.json").write_text(same, encoding="utf-8")
    table.write_text(rows, encoding="utf-8")


def write_collage(folder, name, units=4, beats=3, frames_per_beat=17):
    """Write a ``DANCE_*`` folder: units at 25 fps, joined by straight lines of six frames."""
    length = beats * frames_per_beat
    joints = dancer(units * length / 25.0 + 1.0, 25.0)[: units * length].copy()
    for number in range(1, units):
        middle = number * length
        share = np.linspace(0.0, 1.0, 7)[:, None, None]
        before, after = joints[middle - 3], joints[middle + 3]
        joints[middle - 3 : middle + 4] = (1 - share) * before + share * after
    points = np.concatenate([joints, joints[:, [6, 15]]], axis=1)  # two extra hand points
    shown = 100.0 * np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)
    centre = shown[:, 2] * [1.0, 0.0, 1.0]
    content = {
        "length": len(shown),
        "center": centre.tolist(),
        "skeletons": (shown - centre[:, None]).tolist(),
    }
    (folder / name).mkdir(parents=True)
    (folder / name / "skeletons.json").write_text(json.dumps(content), encoding="utf-8")
    return joints
