"""Make a film of a performance: pictures drawn from its log, with the song.

Drawing is apart from physics, so a film is the same however long drawing takes. A robot that
danced slower than the music is filmed at its own pace and shown at the music's: picture k
shows where the robot was at the moment of the song that is heard with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from robodance.config import RecordingConfig
from robodance.performance.camera import Camera, changing_window
from robodance.performance.camera_path import camera_path, turned, turned_poses
from robodance.performance.encoding import FilmFormat, Picture, write_film
from robodance.performance.figure import ASIDE_M, bone_lengths, figure_joints
from robodance.performance.film_time import Timeline, film_timeline, robot_times, song_times
from robodance.performance.floor_plan import FloorPlan
from robodance.performance.overlay import Overlay, overlay_lines
from robodance.performance.render_worker import RenderJob
from robodance.performance.rendering import Drawing, draw_pictures
from robodance.performance.scene import SceneSettings
from robodance.performance.soundtrack import Soundtrack, part_of
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, PerformanceLog, Plan, Recording
from robodance.workers import cores

__all__ = ["record"]

ENCODING_S_PER_PIXEL = 1.2e-8  # measured with x264's veryfast: 11 ms for 1280 x 720


def record(
    plan: Plan,
    log: PerformanceLog,
    path: Path,
    robot: RobotModel,
    config: RecordingConfig,
    *,
    soundtrack: Soundtrack | None = None,
    from_s: float | None = None,
    to_s: float | None = None,
    progress: Callable[[float], None] | None = None,
    announce: Callable[[str], None] | None = None,
) -> Recording:
    """Write a film of what happened: H.264, and AAC when there is sound, in MP4.

    A performance slower than the music comes out at the music's speed, unless
    ``config.clock`` says otherwise. After a fall the film ends with the log.

    Args:
        plan: What was to be done; it ties robot time to song time.
        log: What happened.
        path: The film; it appears under this name when it is complete.
        robot: Who danced.
        config: Size, rate, renderer, quality.
        soundtrack: The song, (N,) or (N, C), and its samples per second; for a film at the
            robot's pace what was heard, from the plan's first moment on.
        from_s: Song time at which the film begins; None: where the song begins to sound.
        to_s: Song time at which it ends; None: with the performance.
        progress: Told the share done, 0..1.
        announce: Told beforehand what draws and how long it will take.

    Raises:
        OutputError: The film cannot be written.
        MissingDependency: The renderer that is asked for does not start here.
    """
    timeline = film_timeline(
        plan,
        float(log.times_s[-1]),
        config.frame_rate_hz,
        from_s=from_s,
        to_s=to_s,
        clock=config.clock,
    )
    job = _job(plan, log, timeline, robot, config)
    frames = len(job)
    film = FilmFormat(config.width, config.height, config.frame_rate_hz, config.crf)
    sound = None
    if soundtrack is not None:
        sound = part_of(soundtrack, timeline.sound_start_s, frames / config.frame_rate_hz)
    with draw_pictures(job, processes=config.processes) as drawing:
        if announce is not None and drawing.seconds is not None:
            announce(_forecast(drawing, frames, config))
        pictures = drawing.pictures
        if config.overlay:
            pictures = _written(pictures, plan, timeline, config)
        if config.floor_plan:
            pictures = _with_floor(pictures, plan, log, timeline, robot, config)
        write_film(path, pictures, film, frames=frames, sound=sound, progress=progress)
    return Recording(
        path=str(path),
        frames=frames,
        frame_rate_hz=float(config.frame_rate_hz),
        duration_s=frames / config.frame_rate_hz,
        renderer=drawing.renderer,
    )


def _job(
    plan: Plan,
    log: PerformanceLog,
    timeline: Timeline,
    robot: RobotModel,
    config: RecordingConfig,
) -> RenderJob:
    """Return what is to be drawn."""
    positions, poses = _states(log, timeline.robot_times_s)
    moments = song_times(plan, timeline.robot_times_s)
    places, figure = poses[:, :2], None
    if config.side_by_side:
        figure = figure_joints(plan, moments)
        places = np.vstack([places, plan.torso_pose[0, :2] + [0.0, ASIDE_M]])
    camera = Camera((0.0, 0.0), config.width, config.height).framing(places)
    path = camera_path(config.camera_path, camera, moments, plan.beats_s, plan.beat_numbers)
    poses = turned_poses(poses, path.turns_rad, camera.centre_m)
    if figure is not None:
        figure = turned(figure, path.turns_rad, camera.centre_m)
    window = (0, 0, config.width, config.height)
    if path.views is None:
        window = changing_window(camera, robot, positions, poses, figure)
    settings = SceneSettings(
        urdf=str(robot.urdf),
        columns={joint.name: robot.index(joint.name) for joint in robot.joints},
        camera=camera,
        window=window,
        renderer=config.renderer,
        bones_m=() if figure is None else bone_lengths(figure),
    )
    return RenderJob(settings, positions, poses, path.views, figure)


def _forecast(drawing: Drawing, frames: int, config: RecordingConfig) -> str:
    """Say what draws, and how long it will take."""
    pixels = config.width * config.height * frames
    seconds = (drawing.seconds or 0.0) + ENCODING_S_PER_PIXEL * pixels / cores()
    return (
        f"filming: {frames} pictures of {config.width} x {config.height}, drawn with "
        f"{drawing.renderer}; about {seconds:.0f} s"
    )


def _written(
    pictures: Iterator[Picture], plan: Plan, timeline: Timeline, config: RecordingConfig
) -> Iterator[Picture]:
    """Write title, tempo and beats into pictures."""
    moments = song_times(plan, timeline.robot_times_s)
    danced = robot_times(plan, plan.human_times_s[[0, -1]])
    length = float(plan.human_times_s[-1] - plan.human_times_s[0])
    slow_down = 1.0 if config.clock == "robot" else float(danced[1] - danced[0]) / length
    overlay = Overlay(
        overlay_lines(plan, slow_down), config.width, config.height, plan.beats_s, plan.beat_numbers
    )
    for picture, moment in zip(pictures, moments, strict=True):
        yield overlay.write(picture, float(moment))


def _with_floor(
    pictures: Iterator[Picture],
    plan: Plan,
    log: PerformanceLog,
    timeline: Timeline,
    robot: RobotModel,
    config: RecordingConfig,
) -> Iterator[Picture]:
    """Draw soles, support and ZMP into a corner of pictures."""
    times = timeline.robot_times_s
    drawn = FloorPlan(robot, plan, *_states(log, times), times, config.height, config.width)
    for number, picture in enumerate(pictures):
        yield drawn.write(picture, number)


def _states(log: PerformanceLog, times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Joint angles (F, J) and torso poses (F, 7) at any moments of the log."""
    positions = np.column_stack([np.interp(times_s, log.times_s, c) for c in log.measured_rad.T])
    poses = np.array(log.torso_pose)
    flips = np.where(np.einsum("ti,ti->t", poses[1:, 3:], poses[:-1, 3:]) < 0.0, -1.0, 1.0)
    poses[1:, 3:] *= np.cumprod(flips)[:, None]
    between = np.column_stack([np.interp(times_s, log.times_s, column) for column in poses.T])
    between[:, 3:] /= np.linalg.norm(between[:, 3:], axis=1, keepdims=True)
    return positions, between
