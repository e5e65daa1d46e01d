"""The whole show on one screen: hear, imagine, adapt, dance.

Only this module and ``planning`` know all four stages; each of them knows only the values
of ``values``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robodance.config import PerformConfig
from robodance.errors import InfeasibleDance, PerformanceAborted, UsageError
from robodance.motion_files.joint_keys import JointKeys
from robodance.output import write_json
from robodance.plan_file import read_dance, read_plan, write_dance, write_log, write_plan
from robodance.planning import PlannedDance, Stopwatch, analyse_song, plan_dance
from robodance.progress import Progress, Silence
from robodance.values import (
    Certificate,
    Losses,
    PerformanceLog,
    PerformedBeats,
    PoseSequence,
    Recording,
    SongAnalysis,
)

if TYPE_CHECKING:
    from robodance.performance.capture import Capture

__all__ = [
    "Performance",
    "PlannedDance",
    "analyse_song",
    "default_folder",
    "perform",
    "plan_dance",
    "preview",
]

NO_LOSSES = Losses((), 0, 1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Performance:
    """A planned dance and what became of it.

    Attributes:
        planned: What was to be done.
        log: What was measured; None when nothing was to be moved.
        recording: The film, if one was asked for.
        report: The content of ``report.json``.
        summary: The same in a few lines for a person.
        folder: Where the files are; None when none were asked for.
        exit_code: 0, or the code of the error that ended it.
    """

    planned: PlannedDance
    log: PerformanceLog | None
    recording: Recording | None
    report: Mapping[str, Any] = field(repr=False)
    summary: str = field(repr=False)
    folder: Path | None
    exit_code: int = 0


def perform(
    song: Path | str | SongAnalysis | None,
    config: PerformConfig | None = None,
    *,
    dance: PoseSequence | JointKeys | None = None,
    backend: str | None = "simulation",
    out: Path | str | None = None,
    record: Path | str | None = None,
    from_s: float = 0.0,
    to_s: float | None = None,
    progress: Progress | None = None,
) -> Performance:
    """Make the robot dance to a song.

    Args:
        song: A sound file, or what ``analyse_song`` made of it; None: no music, ``dance`` only.
        config: Settings; None gives the defaults.
        dance: A dance to do instead of an imagined one, see ``plan_dance``.
        backend: ``simulation``, ``naoqi`` (a robot, see ``config.naoqi``), or None to stop at
            the plan.
        out: Folder for ``dance.npz``, ``plan.npz``, ``report.json``, ``report.html``,
            ``preview.html``; None writes nothing.
        record: Film to make of the performance.
        from_s: Where in the song the performance begins.
        to_s: Where it ends; None: at the end of the song.
        progress: Told how far the work has come.

    Raises:
        RobodanceError: By kind, what went wrong; what was finished before is on disk.
    """
    from robodance.performance.page import write_page
    from robodance.performance.report import make_report, summarise

    config = (config or PerformConfig()).danced_in(backend)
    folder = Path(out) if out is not None else None
    tell = progress or Silence()
    capture = _capture(config, backend, record)
    said: tuple[str, ...] = ()
    if backend == "naoqi":
        from robodance.performance.on_robot import look_at_robot

        with tell.stage("looking at the robot"):
            config, said = look_at_robot(config)
    planned = plan_dance(song, config, dance=dance, from_s=from_s, to_s=to_s, progress=tell)
    clock = Stopwatch(planned.seconds)
    if folder is not None:
        with clock.stage("write"):
            write_dance(planned.dance, folder / "dance.npz")
            write_plan(planned.plan, folder / "plan.npz")
            _write_sound(planned, folder / "sound.wav")
    log = recording = None
    performs = backend is not None and planned.certificate.clean
    if performs:
        with clock.stage("dance"), tell.stage("dancing") as report, capture or nullcontext():
            log, recording = _dance(planned, backend or "", config, folder, record, capture, report)
        if folder is not None:
            write_log(log, folder / "log.npz")
    by_robot = backend == "naoqi" and capture is None
    if log is not None and record is not None and not by_robot:
        with clock.stage("film"), tell.stage("filming") as report:
            if capture is not None:
                recording = _film_of_camera(planned, capture, Path(record), report)
            else:
                recording = _film(planned, log, Path(record), config, report, tell.say)
    performed = None if log is None else _performed(planned, log, config)
    content = make_report(
        planned.plan,
        planned.certificate,
        planned.losses,
        log=log,
        performed=performed,
        recording=recording,
        analysis=planned.analysis,
        seconds=clock.seconds,
        warnings=(*said, *planned.warnings),
    )
    if folder is not None:
        write_json(content, folder / "report.json")
        write_page(
            folder / "report.html",
            planned.plan,
            planned.certificate,
            planned.losses,
            content,
            log,
            performed,
        )
        _write_preview(planned, log, content, config, folder / "preview.html")
    _raise_if_failed(planned.certificate, log, folder)
    return Performance(
        planned=planned,
        log=log,
        recording=recording,
        report=content,
        summary=summarise(content, folder=folder),
        folder=folder,
    )


def preview(
    plan_path: Path | str,
    *,
    song: Path | str | None = None,
    dance: Path | str | None = None,
    robot: str | None = None,
    out: Path | str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make the preview page of a plan that is there.

    Args:
        plan_path: A ``plan.npz``.
        song: The song it was made for; None: the page has no sound.
        dance: The ``dance.npz`` it was made from; None: the page does not show what was lost.
        robot: The robot's description; None: the shipped one that the plan names.
        out: The page; None: ``preview.html`` beside the plan.
        progress: Told how far the work has come.

    Returns:
        ``preview``, its path; ``bytes``, its size; ``warnings``.

    Raises:
        UsageError: The song is another one than the plan's.
        RobodanceError: By kind, what cannot be read or written.
    """
    from robodance.motion.certificate import certify
    from robodance.motion.losses import measure_losses
    from robodance.performance.preview import write_preview
    from robodance.performance.report import make_report
    from robodance.robots.model import load_robot
    from robodance.song_file import load_soundtrack, require_song

    tell = progress or Silence()
    plan = read_plan(Path(plan_path))
    model = load_robot(robot or str(plan.metadata.get("robot_model", PerformConfig().robot)))
    warnings, wanted = [], plan.metadata.get("song_sha256")
    if song is not None and wanted:
        require_song(song, str(wanted))
    elif song is None and wanted:
        name = plan.metadata.get("song_path", "the song")
        warnings.append(f"the page has no sound; give the song with --song ({name})")
    soundtrack = None if song is None else load_soundtrack(song)
    danced = None if dance is None else read_dance(Path(dance))
    with tell.stage("proving it"):
        certificate = certify(plan, model)
    losses = None
    if danced is not None:
        with tell.stage("measuring what was lost"):
            losses = measure_losses(plan, danced, model)
    content = make_report(plan, certificate, losses or NO_LOSSES)
    path = Path(out) if out is not None else Path(plan_path).with_name("preview.html")
    with tell.stage("drawing it"):
        write_preview(path, plan, model, certificate, losses, content, soundtrack=soundtrack)
    return {"preview": str(path), "bytes": path.stat().st_size, "warnings": warnings}


def default_folder(song: Path | str, seed: int) -> Path:
    """Return where a performance goes when nobody says: performances/SONG-SEED (or DANCE-SEED)."""
    return Path("performances") / f"{Path(song).stem}-{seed}"


def _dance(
    planned: PlannedDance,
    backend: str,
    config: PerformConfig,
    folder: Path | None,
    record: Path | str | None,
    capture: Capture | None,
    report: Callable[[float], None],
) -> tuple[PerformanceLog, Recording | None]:
    """Perform; the robot's own camera has already filmed, where it is the one that films."""

    def keep(log: PerformanceLog) -> None:
        if folder is not None:
            write_log(log, folder / "log.npz")

    watch = None if capture is None else capture.note
    if backend == "naoqi":
        from robodance.motion.certificate import certify
        from robodance.performance.on_robot import dance_on_robot

        heard = planned.analysis
        song = None if heard is None else Path(heard.song.path)
        film = Path(record) if record is not None and capture is None else None
        return dance_on_robot(
            planned.plan, config, song, certify, progress=report, keep=keep, watch=watch, film=film
        )
    from robodance.performance.backend import open_backend
    from robodance.performance.conductor import conduct
    from robodance.performance.inertial_feedback import stabilised
    from robodance.robots.model import load_robot

    with open_backend(backend, load_robot(config.robot), config.simulation) as stage:
        steady = stabilised(stage, config.simulation)
        return conduct(planned.plan, steady, progress=report, watch=watch), None


def _performed(
    planned: PlannedDance, log: PerformanceLog, config: PerformConfig
) -> PerformedBeats | None:
    """Return which beats were hit by the joint angles that were measured."""
    from robodance.motion.performed import measure_performed
    from robodance.robots.model import load_robot

    return measure_performed(planned.plan, log, load_robot(config.robot))


def _capture(
    config: PerformConfig, backend: str | None, record: Path | str | None
) -> Capture | None:
    """Return the camera that films, if one is asked for.

    Raises:
        UsageError: It would film something that does not happen now.
    """
    name = config.recording.camera
    if name is None or record is None:
        return None
    if backend == "simulation" and not config.simulation.gui:
        raise UsageError(
            f"--camera {name} films in real time, the simulation runs as fast as it can; add --gui"
        )
    from robodance.performance.capture import Capture, open_camera

    film = Path(record)
    camera = open_camera(name, config.recording.width, config.recording.height)
    return Capture(camera, film.with_name(f"{film.stem}.capture.mp4"))


def _film_of_camera(
    planned: PlannedDance, capture: Capture, path: Path, report: Callable[[float], None]
) -> Recording:
    """Bring what a camera saw to the music's speed."""
    from robodance.performance.speed_up import speed_up

    capture.check()
    made = speed_up(
        capture.path,
        planned.plan,
        capture.sync(),
        path,
        soundtrack=_soundtrack(planned),
        progress=report,
    )
    return Recording(str(path), made.frames, made.frame_rate_hz, made.duration_s, "camera")


def _write_sound(planned: PlannedDance, path: Path) -> None:
    """Write what is heard while a slow dance is performed."""
    from robodance.performance.film_time import at_music_speed
    from robodance.performance.heard import write_heard

    plan = planned.plan
    if plan.metadata["heard"] == "silent" or (at_music_speed(plan) and not plan.sync_times_s.size):
        return
    write_heard(plan, _soundtrack(planned), plan.metadata["heard"], path)


def _soundtrack(planned: PlannedDance) -> tuple[Any, int] | None:
    from robodance.song_file import load_soundtrack

    heard = planned.analysis
    return None if heard is None else load_soundtrack(Path(heard.song.path))


def _film(
    planned: PlannedDance,
    log: PerformanceLog,
    path: Path,
    config: PerformConfig,
    report: Callable[[float], None],
    announce: Callable[[str], None],
) -> Recording:
    from robodance.performance.heard import heard_soundtrack
    from robodance.performance.recording import record
    from robodance.robots.model import load_robot

    soundtrack = _soundtrack(planned)
    if config.recording.clock == "robot":
        soundtrack = heard_soundtrack(planned.plan, soundtrack, planned.plan.metadata["heard"])
    return record(
        planned.plan,
        log,
        path,
        load_robot(config.robot),
        config.recording,
        soundtrack=soundtrack,
        progress=report,
        announce=announce,
    )


def _write_preview(
    planned: PlannedDance,
    log: PerformanceLog | None,
    content: Mapping[str, Any],
    config: PerformConfig,
    path: Path,
) -> None:
    from robodance.performance.preview import write_preview
    from robodance.robots.model import load_robot
    from robodance.song_file import load_soundtrack

    heard = planned.analysis
    write_preview(
        path,
        planned.plan,
        load_robot(config.robot),
        planned.certificate,
        planned.losses,
        content,
        log=log,
        soundtrack=None if heard is None else load_soundtrack(Path(heard.song.path)),
    )


def _raise_if_failed(
    certificate: Certificate, log: PerformanceLog | None, folder: Path | None
) -> None:
    where = f"; see {folder / 'report.json'}" if folder else ""
    if not certificate.clean:
        broken = ", ".join(f"{kind} {n}" for kind, n in certificate.violations.items() if n)
        raise InfeasibleDance(
            f"the plan breaks limits ({broken} samples) and was not performed; try --tempo slow "
            f"--slow-motion 2 or another --seed{where}"
        )
    if log is not None and log.falls:
        raise PerformanceAborted(
            f"the robot fell at {log.falls[0]:.1f} s and the performance was stopped{where}"
        )
