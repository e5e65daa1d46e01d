"""The whole show on one screen: hear, imagine, adapt, dance.

Only this module, ``planning`` and ``staging`` know all four stages; each of them knows only the
values of ``values``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robodance.config import PerformConfig
from robodance.errors import UsageError
from robodance.motion_files.joint_keys import JointKeys
from robodance.plan_file import read_dance, read_plan
from robodance.planning import PlannedDance, Stopwatch, analyse_song, plan_dance
from robodance.progress import Progress, Silence
from robodance.staging import Performance, Stage, open_capture, stage_dance
from robodance.values import Losses, Plan, PoseSequence, SongAnalysis

if TYPE_CHECKING:
    from robodance.robots.model import RobotModel

__all__ = [
    "Performance",
    "PlannedDance",
    "analyse_song",
    "default_folder",
    "perform",
    "perform_plan",
    "plan_dance",
    "preview",
]

NO_LOSSES = Losses((), 0, 1.0, 1.0, 1.0)


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
    config = (config or PerformConfig()).danced_in(backend)
    folder = Path(out) if out is not None else None
    tell = progress or Silence()
    capture = open_capture(config, backend, record)
    said: tuple[str, ...] = ()
    if backend == "naoqi":
        from robodance.performance.on_robot import look_at_robot

        with tell.stage("looking at the robot"):
            config, said = look_at_robot(config)
    planned = plan_dance(song, config, dance=dance, from_s=from_s, to_s=to_s, progress=tell)
    stage = Stage(config, backend, folder, None if record is None else Path(record), capture, said)
    return stage_dance(planned, stage, tell)


def perform_plan(
    plan_path: Path | str,
    song: Path | str | None = None,
    config: PerformConfig | None = None,
    *,
    robot: str | None = None,
    backend: str | None = "simulation",
    out: Path | str | None = None,
    record: Path | str | None = None,
    progress: Progress | None = None,
) -> Performance:
    """Perform a plan that is there, as it is: nothing is heard, imagined or planned again.

    Args:
        plan_path: A ``plan.npz``; a ``dance.npz`` beside it tells what was lost of the dance.
        song: The song it was made for; None: it is danced without music.
        config: Settings of simulation, robot and film; None gives the defaults.
        robot: The robot's description; None: the shipped one that the plan names.
        backend: As for ``perform``.
        out: Likewise.
        record: Likewise.
        progress: Told how far the work has come.

    Raises:
        PlanError: The plan cannot be read.
        UsageError: The plan is for another robot, or the song another one than the plan's.
        RobodanceError: By kind, what went wrong; what was finished before is on disk.
    """
    from robodance.robots.model import load_robot
    from robodance.song_file import require_song

    path, tell = Path(plan_path), progress or Silence()
    plan = read_plan(path)
    config = config or PerformConfig()
    made_for = str(plan.metadata.get("robot_model", config.robot))
    config = replace(config, robot=robot or made_for)
    model = load_robot(config.robot)
    if model.name != made_for:
        raise UsageError(f"{path}: was made for {made_for}, not for {model.name}; plan it again")
    wanted, said = plan.metadata.get("song_sha256"), []
    if song is not None and wanted:
        require_song(song, str(wanted))
    elif song is None and wanted:
        name = plan.metadata.get("song_path", "a song")
        said.append(f"it is danced without its music; give {name} to hear it")
    capture = open_capture(config, backend, record)
    if backend == "naoqi":
        from robodance.performance.on_robot import look_at_robot

        with tell.stage("looking at the robot"):
            config, more = look_at_robot(config, plan)
        said += more
    planned = _planned(plan, path.with_name("dance.npz"), model, song, tell)
    folder, film = (None if x is None else Path(x) for x in (out, record))
    return stage_dance(planned, Stage(config, backend, folder, film, capture, tuple(said)), tell)


def _planned(
    plan: Plan, beside: Path, model: RobotModel, song: Path | str | None, tell: Progress
) -> PlannedDance:
    """Prove a plan again, and measure what it lost of the dance beside it, if there is one."""
    from robodance.motion.certificate import certify
    from robodance.motion.losses import measure_losses

    clock = Stopwatch()
    dance = read_dance(beside) if beside.is_file() else None
    with clock.stage("prove"), tell.stage("proving it"):
        certificate = certify(plan, model)
        losses = NO_LOSSES if dance is None else measure_losses(plan, dance, model)
    return PlannedDance(
        analysis=None,
        dance=dance,
        plan=plan,
        certificate=certificate,
        losses=losses,
        seconds=clock.seconds,
        song=None if song is None else Path(song),
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
