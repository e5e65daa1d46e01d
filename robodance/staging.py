"""What comes after a plan: it is written, danced, filmed, judged by what was measured, reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robodance.config import PerformConfig
from robodance.errors import InfeasibleDance, PerformanceAborted, UsageError
from robodance.output import write_json
from robodance.plan_file import write_dance, write_log, write_plan
from robodance.planning import PlannedDance, Stopwatch
from robodance.progress import Progress
from robodance.values import Certificate, PerformanceLog, PerformedBeats, Recording

if TYPE_CHECKING:
    from robodance.performance.capture import Capture

__all__ = ["Performance", "Stage", "open_capture", "stage_dance"]


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


@dataclass(frozen=True)
class Stage:
    """Where a plan is danced, and what is left behind.

    Attributes:
        config: Settings.
        backend: ``simulation``, ``naoqi``, or None: nothing moves.
        folder: Where files go; None: none are written.
        record: Film to make; None: none.
        capture: The camera that films, if one does.
        said: What is known already that a person should know.
    """

    config: PerformConfig
    backend: str | None
    folder: Path | None = None
    record: Path | None = None
    capture: Capture | None = None
    said: tuple[str, ...] = ()


def stage_dance(planned: PlannedDance, stage: Stage, tell: Progress) -> Performance:
    """Dance what was planned and say what became of it.

    Raises:
        RobodanceError: By kind, what went wrong; what was finished before is on disk.
    """
    from robodance.performance.page import write_page
    from robodance.performance.report import make_report, summarise

    config, backend, folder = stage.config, stage.backend, stage.folder
    record, capture, said = stage.record, stage.capture, stage.said
    clock = Stopwatch(planned.seconds)
    if folder is not None:
        with clock.stage("write"):
            if planned.dance is not None:
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
                recording = _film_of_camera(planned, capture, record, report)
            else:
                recording = _film(planned, log, record, config, report, tell.say)
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


def _dance(
    planned: PlannedDance,
    backend: str,
    config: PerformConfig,
    folder: Path | None,
    record: Path | None,
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

        film = record if capture is None else None
        return dance_on_robot(
            planned.plan,
            config,
            planned.song,
            certify,
            progress=report,
            keep=keep,
            watch=watch,
            film=film,
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


def open_capture(
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

    return None if planned.song is None else load_soundtrack(planned.song)


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

    write_preview(
        path,
        planned.plan,
        load_robot(config.robot),
        planned.certificate,
        planned.losses,
        content,
        log=log,
        soundtrack=_soundtrack(planned),
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
