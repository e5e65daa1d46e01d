"""Make a film of a performance: pictures drawn from its log, with the song.

Drawing is apart from physics, so a film is the same however long drawing takes. Picture k
shows the moment k / 25 s after the film's beginning, and that beginning is the song's (or
the part's) first moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.config import RecordingConfig
from robodance.errors import MissingDependency
from robodance.output import complete_file
from robodance.performance.camera import Camera, changing_window
from robodance.performance.rendering import draw_pictures
from robodance.performance.scene import SceneSettings
from robodance.performance.soundtrack import Soundtrack, part_of
from robodance.robots.model import RobotModel
from robodance.values import FloatArray, PerformanceLog, Plan, Recording

try:
    import av
except ImportError as error:
    raise MissingDependency("films need PyAV: pip install av") from error

__all__ = ["Timeline", "encode", "film_timeline", "record"]

SAME_LENGTH_S = 1e-3  # a dance as long as its part of the song, up to this, is danced to it
AUDIO_BIT_RATE = 192_000
AUDIO_FRAME = 1024  # samples in a frame of AAC
KEYFRAME_EVERY_S = 10  # each one is a small visible step in a still picture


@dataclass(frozen=True)
class Timeline:
    """Which moment each picture shows.

    Attributes:
        robot_times_s: Shape (F,), robot time of each picture.
        song_start_s: Song time of the film's first moment; None: the film has no sound,
            because the robot dances at another speed than the music's.
    """

    robot_times_s: FloatArray = field(repr=False)
    song_start_s: float | None


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
) -> Recording:
    """Write a film of what happened: H.264, and AAC when there is sound, in MP4.

    A performance slower than the music (``slow``) is shown in robot time and without
    sound. After a fall the film ends with the log.

    Args:
        plan: What was to be done; it ties robot time to song time.
        log: What happened.
        path: The film; it appears under this name when it is complete.
        robot: Who danced.
        config: Size, rate, renderer, quality.
        soundtrack: The song, (N,) or (N, C), and its samples per second.
        from_s: Song time at which the film begins; None: where the song begins to sound.
        to_s: Song time at which it ends; None: with the performance.
        progress: Told the share done, 0..1.

    Raises:
        OutputError: The film cannot be written.
        MissingDependency: The renderer that is asked for does not start here.
    """
    timeline = film_timeline(plan, log, config.frame_rate_hz, from_s=from_s, to_s=to_s)
    positions, poses = _states(log, timeline.robot_times_s)
    centre = float(plan.torso_pose[0, 0]), float(plan.torso_pose[0, 1])
    camera = Camera(centre, config.width, config.height)
    settings = SceneSettings(
        urdf=str(robot.urdf),
        columns={joint.name: robot.index(joint.name) for joint in robot.joints},
        camera=camera,
        window=changing_window(camera, robot, positions, poses),
        renderer=config.renderer,
    )
    frames = len(positions)
    sound = None
    if soundtrack is not None and timeline.song_start_s is not None:
        sound = part_of(soundtrack, timeline.song_start_s, frames / config.frame_rate_hz)
    with (
        complete_file(path, failures=(OSError, av.FFmpegError), option="--record") as part,
        draw_pictures(settings, positions, poses, processes=config.processes) as (
            renderer,
            pictures,
        ),
    ):
        encode(part, pictures, sound, frames, config, progress or (lambda share: None))
    return Recording(
        path=str(path),
        frames=frames,
        frame_rate_hz=float(config.frame_rate_hz),
        duration_s=frames / config.frame_rate_hz,
        renderer=renderer,
    )


def film_timeline(
    plan: Plan,
    log: PerformanceLog,
    frame_rate_hz: int,
    *,
    from_s: float | None = None,
    to_s: float | None = None,
) -> Timeline:
    """Return the moments of a film's pictures.

    Args:
        plan: Ties robot time to song time.
        log: Its last moment ends the film.
        frame_rate_hz: Pictures per second.
        from_s: Song time of the first picture; None: where the song begins to sound.
        to_s: Song time of the end; None: the end of the log.
    """
    start = plan.music_start_s
    if from_s is not None:
        start = float(np.interp(from_s, plan.music_times_s, plan.times_s))
    end = float(log.times_s[-1])
    if to_s is not None:
        end = min(end, float(np.interp(to_s, plan.music_times_s, plan.times_s)))
    start = max(start, float(log.times_s[0]))
    count = max(1, round((end - start) * frame_rate_hz))
    # Time warped inside the bars is the music's over the whole dance: then it sounds as it is.
    first, last = plan.human_times_s[[0, -1]]
    danced = np.interp([first, last], plan.music_times_s, plan.times_s)
    same_speed = bool(abs((danced[1] - danced[0]) - (last - first)) < SAME_LENGTH_S)
    song = float(first + start - plan.music_start_s)
    return Timeline(start + np.arange(count) / frame_rate_hz, song if same_speed else None)


def _states(log: PerformanceLog, times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Joint angles (F, J) and torso poses (F, 7) at any moments of the log."""
    positions = np.column_stack([np.interp(times_s, log.times_s, c) for c in log.measured_rad.T])
    poses = np.array(log.torso_pose)
    flips = np.where(np.einsum("ti,ti->t", poses[1:, 3:], poses[:-1, 3:]) < 0.0, -1.0, 1.0)
    poses[1:, 3:] *= np.cumprod(flips)[:, None]
    between = np.column_stack([np.interp(times_s, log.times_s, column) for column in poses.T])
    between[:, 3:] /= np.linalg.norm(between[:, 3:], axis=1, keepdims=True)
    return positions, between


def encode(
    path: Path,
    pictures: Iterator[NDArray[np.uint8]],
    sound: Soundtrack | None,
    frames: int,
    config: RecordingConfig,
    progress: Callable[[float], None] = lambda share: None,
) -> None:
    """Write pictures and sound, interleaved, as they come."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = _video_stream(container, config)
        audio = None if sound is None else container.add_stream("aac", rate=sound[1])
        if audio is not None:
            audio.layout = "stereo"
            audio.bit_rate = AUDIO_BIT_RATE
        done = 0
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = k, Fraction(1, config.frame_rate_hz)
            container.mux(video.encode(frame))
            if sound is not None:
                until = (k + 1) * sound[1] // config.frame_rate_hz
                done = _encode_sound(container, audio, sound, done, until)
            if k % config.frame_rate_hz == 0:
                progress(k / frames)
        if sound is not None and audio is not None:
            _encode_sound(container, audio, sound, done, sound[0].shape[1] + AUDIO_FRAME)
            container.mux(audio.encode(None))
        container.mux(video.encode(None))
    progress(1.0)


def _video_stream(container: Any, config: RecordingConfig) -> Any:
    stream = container.add_stream("libx264", rate=config.frame_rate_hz)
    stream.width, stream.height, stream.pix_fmt = config.width, config.height, "yuv420p"
    stream.codec_context.gop_size = KEYFRAME_EVERY_S * config.frame_rate_hz
    stream.codec_context.max_b_frames = 0  # so no player has to know about reordering
    bt709 = 1  # what reformat() made of the colours
    stream.codec_context.colorspace = bt709
    stream.codec_context.color_primaries = bt709
    stream.codec_context.color_trc = bt709
    stream.codec_context.color_range = 1  # MPEG: 16..235
    stream.options = {"crf": str(config.crf), "preset": "veryfast", "bf": "0"}
    return stream


def _encode_sound(container: Any, stream: Any, sound: Soundtrack, done: int, until: int) -> int:
    """Encode whole AAC frames up to a sample; the last one may be shorter."""
    samples, rate_hz = sound
    while done < samples.shape[1] and done + AUDIO_FRAME <= until:
        piece = np.ascontiguousarray(samples[:, done : done + AUDIO_FRAME])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = rate_hz, done
        container.mux(stream.encode(frame))
        done += piece.shape[1]
    return done
