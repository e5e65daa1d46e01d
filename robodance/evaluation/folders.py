"""Rows of other people's dances: any folder of motions, with songs where there are some."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from robodance.config import MotionConfig
from robodance.errors import DataError, RobodanceError
from robodance.evaluation.dances import Row, Sample, music_of, sized
from robodance.evaluation.songs import Ear, Pair, SongPairs
from robodance.motion_files.arrays import load_arrays
from robodance.motion_files.read import read_motion
from robodance.motion_files.set_to_music import cut
from robodance.plan_file import read_plan
from robodance.skeleton import pose_sequence
from robodance.values import FloatArray, PoseSequence

__all__ = ["MOST_NAMED", "MOTION_ENDINGS", "motion_files", "read_motion_file", "read_row"]

MOTION_ENDINGS = (".bvh", ".c3d", ".npz", ".npy", ".pkl", ".pickle")
NAMED = "skeletons.json"
NOT_A_DANCE = {"log.npz"}  # beside a dance in a performance's folder
MOST_NAMED = 4
SHORTEST_S = 1.0


def motion_files(folder: Path, *, robot: bool = False) -> list[Path]:
    """Return the motion files of a folder, at any depth, or the file itself.

    Of a performance's folder ``dance.npz`` counts, or with ``robot`` ``plan.npz``.

    Raises:
        DataError: There is none.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder or file; give a folder of motions")
    files = [
        file
        for file in sorted(folder.rglob("*"))
        if (file.suffix.lower() in MOTION_ENDINGS or file.name == NAMED)
        and file.is_file()
        and file.name not in NOT_A_DANCE
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    ]
    plans = {file.parent for file in files if file.name == "plan.npz"}
    both = {file.parent for file in files if file.name == "dance.npz"} & plans
    left_out = "dance.npz" if robot else "plan.npz"
    files = [file for file in files if not (file.parent in both and file.name == left_out)]
    if not files:
        raise DataError(f"{folder}: holds no motion ({', '.join(MOTION_ENDINGS)} or {NAMED})")
    return files


def read_row(
    folder: Path,
    pairs: SongPairs,
    ear: Ear,
    *,
    dance_s: float,
    skeleton: str | None = None,
    frame_rate_hz: float | None = None,
    robot: bool = False,
    code: bool = True,
    progress: Any = None,
) -> tuple[Row, list[str]]:
    """Read a folder of motions as one row.

    Args:
        folder: The folder, or a single file.
        pairs: Their songs.
        ear: Hears them.
        dance_s: Longest part that is kept.
        skeleton: As in ``read_motion``.
        frame_rate_hz: As in ``read_motion``.
        robot: Of a plan, what the robot does instead of the dancer it follows.
        code: Also hear beats as published code does.
        progress: Told the share done.

    Returns:
        The row, and remarks a reader should know.

    Raises:
        DataError: Files cannot be read; all of them are named.
    """
    samples, remarks, bad = [], [], []
    files = motion_files(folder, robot=robot)
    for number, file in enumerate(files):
        if progress is not None:
            progress(number / len(files))
        try:
            dance = read_motion_file(file, skeleton, frame_rate_hz, robot)
        except RobodanceError as error:
            bad.append(str(error))
            continue
        joints, factor = sized(dance)
        if abs(factor - 1.0) > 0.02:
            remarks.append(f"{file.name}: sized by {factor:.2f}, so that legs are as long as ours")
        if (len(joints) - 1) / dance.frame_rate_hz < SHORTEST_S:
            bad.append(f"{file}: lasts under {SHORTEST_S:g} s; too little to judge")
            continue
        samples.append(_sample(file, folder, dance, joints, pairs, ear, dance_s, code))
    if bad:
        more = f"; and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
        raise DataError("; ".join(bad[:MOST_NAMED]) + more + "; mend or move what cannot be judged")
    name = folder.stem if folder.is_file() else folder.resolve().name
    return Row(name, "judged", tuple(samples)), remarks


def read_motion_file(
    file: Path, skeleton: str | None, rate_hz: float | None, robot: bool = False
) -> PoseSequence:
    """Read any motion file; of a plan its dancer, or with ``robot`` the robot.

    Raises:
        DataError: It cannot be read.
        PlanError: A plan or dance that cannot be read.
    """
    if file.suffix.lower() == ".npz":
        arrays = load_arrays(file)
        if "human_joints_m" in arrays and "positions_rad" in arrays:
            return _of_plan(file, robot)
    return read_motion(file, skeleton=skeleton, frame_rate_hz=rate_hz)


def _of_plan(file: Path, robot: bool) -> PoseSequence:
    """Return the dancer of a plan, or the robot's own dance at a person's size."""
    plan = read_plan(file)
    metadata = {key: plan.metadata[key] for key in ("genre", "seed") if key in plan.metadata}
    if len(plan.human_times_s) < 2:
        raise DataError(f"{file}: the plan follows no dancer")
    if not robot:
        times = plan.human_times_s
        rate = (len(times) - 1) / float(times[-1] - times[0])
        inside = (plan.beats_s >= times[0]) & (plan.beats_s <= times[-1])
        return pose_sequence(
            plan.human_joints_m,
            rate,
            start_s=float(times[0]),
            beats_s=plan.beats_s[inside],
            beat_numbers=plan.beat_numbers[inside],
            metadata=metadata,
        )
    from robodance.motion.joint_dance import dance_of_joints
    from robodance.motion_files.joint_files import read_joint_file
    from robodance.robots.model import load_robot

    model = load_robot(str(plan.metadata.get("robot_model") or "nao_v6"))
    dance = dance_of_joints(read_joint_file(file), model, MotionConfig())
    first, last = np.interp(
        plan.human_times_s[[0, -1]], plan.music_times_s, plan.times_s - plan.times_s[0]
    )
    part = cut(dance, float(first), float(last))
    beats = np.interp(plan.beats_s, plan.music_times_s, plan.times_s - plan.times_s[0]) - first
    inside = (beats >= 0.0) & (beats <= last - first)
    return pose_sequence(
        part.joint_positions_m,
        part.frame_rate_hz,
        beats_s=beats[inside],
        beat_numbers=plan.beat_numbers[inside],
        metadata=metadata,
    )


def _sample(
    file: Path,
    folder: Path,
    dance: PoseSequence,
    joints: FloatArray,
    pairs: SongPairs,
    ear: Ear,
    dance_s: float,
    code: bool,
) -> Sample:
    pair: Pair = pairs.of(file, folder)
    rate = dance.frame_rate_hz
    joints = joints[: int(dance_s * rate) + 1]
    genre = pair.genre or dance.metadata.get("genre")
    beats, bar, music = dance.beats_s - dance.start_s, 4, None
    if pair.song is not None:
        heard = ear.hear(pair.song)
        start = dance.start_s if pair.start_s is None else pair.start_s
        end = min(start + (len(joints) - 1) / rate, heard.song.duration_s)
        joints = joints[: max(int((end - start) * rate) + 1, 2)]
        times = start + np.arange(len(joints)) / rate
        music = music_of(heard.song, heard.features, times, rate, code=code)
        beats, bar = heard.beats.times_s - start, heard.beats.beats_per_bar
        if genre is None and heard.genre.confidence >= 0.5:
            genre = heard.genre.name
    last = (len(joints) - 1) / rate
    name = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.name
    return Sample(
        name=name if name != "." else file.name,
        genre=str(genre) if genre else None,
        joints_m=joints,
        rate_hz=rate,
        beats_s=beats[(beats >= 0.0) & (beats <= last)],
        music=music,
        bar=bar,
    )
