"""The command ``robodance perform``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robodance.commands.options import factor, film_size, first, moment, pairs
from robodance.errors import UsageError

if TYPE_CHECKING:
    from robodance.config import PerformConfig, ShowConfig
    from robodance.motion_files.joint_keys import JointKeys
    from robodance.values import PoseSequence

__all__ = ["add_perform", "what_to_perform"]


def add_perform(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the command line."""
    perform = commands.add_parser(
        "perform",
        parents=[common],
        help="a song in, a dancing NAO out",
        description="Hear a song, imagine a dance, adapt it to the robot, prove it, perform it.",
    )
    what = perform.add_argument_group("what")
    what.add_argument("song", nargs="?", help="song file (wav, mp3, flac, ogg, opus, aiff, m4a...)")
    what.add_argument(
        "--demo",
        nargs="?",
        const="rumba",
        metavar="GENRE",
        help="perform a song that ships with robodance: cha-cha, rumba, tango or waltz",
    )
    what.add_argument("--show", metavar="FILE", help="perform what a show file says")
    what.add_argument("--music", metavar="FILE", help="the song, by another name")
    what.add_argument(
        "--motion",
        "--dance",
        dest="dance",
        metavar="FILE",
        help="a dance of your own instead of an imagined one, with or without a song: of a "
        "person (.bvh, .c3d, .npz, .npy, .pkl, skeletons.json) or of the robot's joints "
        "(Choregraphe's .py and .xar, .qianim, .csv, .json, a plan.npz, a ROS 2 bag)",
    )
    what.add_argument(
        "--plan",
        metavar="FILE",
        help="perform a plan.npz as it is, with its song: nothing is planned again; a verified "
        "full-body plan may go on a robot so",
    )
    what.add_argument(
        "--clip", metavar="NAME|N", help="which motion, when a file of joint motions holds several"
    )
    what.add_argument(
        "--skeleton",
        metavar="NAME|FILE",
        help="whose joints the dance's are (see configs/skeletons; default: by its format)",
    )
    what.add_argument("--fps", type=float, help="frames a second, when the dance does not say")
    what.add_argument("--from", dest="from_s", type=moment, metavar="S", help="begin at S seconds")
    what.add_argument("--to", dest="to_s", type=moment, metavar="S", help="end at S seconds")
    where = perform.add_argument_group("where")
    where.add_argument("--sim", action="store_true", help="perform in the PyBullet simulation")
    where.add_argument("--robot", metavar="HOST[:PORT]", help="perform on a physical NAO")
    where.add_argument(
        "--yes", action="store_true", default=None, help="let the robot move unasked"
    )
    where.add_argument("--gui", action="store_true", help="show the simulation, in real time")
    where.add_argument("--dry-run", action="store_true", help="stop at the plan; move nothing")
    where.add_argument("--robot-model", metavar="NAME", help="nao_v6 (default) or nao_v5")
    hear = perform.add_argument_group("hearing")
    hear.add_argument("--bpm", type=float, help="tempo, when the ear is wrong")
    hear.add_argument("--beats", metavar="FILE", help="beats: seconds, optionally beat number")
    hear.add_argument(
        "--genre",
        help="cha-cha, rumba, tango or waltz, when the ear is wrong; or a mixture: "
        "tango:0.7,rumba:0.3",
    )
    dance = perform.add_argument_group("dancing")
    dance.add_argument("--seed", type=int, help="another seed, another dance (default: 0)")
    dance.add_argument("--weights", metavar="FILE", help="weights to imagine with")
    dance.add_argument(
        "--data",
        metavar="DIR",
        help="folder of the data sets: dance the recorded motion nearest to the imagined one",
    )
    dance.add_argument(
        "--tempo",
        choices=("keep", "slow", "warp"),
        help="keep the tempo, slow motion, or slower only where it must be, bar by bar",
    )
    dance.add_argument(
        "--slow-motion",
        type=factor,
        metavar="K",
        help="how many times slower, or auto: as little as keeps the arms close (implies slow)",
    )
    dance.add_argument(
        "--vigour", type=float, metavar="V", help="share of speed and force to use, 0.3 to 1"
    )
    dance.add_argument(
        "--mirror", action="store_true", default=None, help="exchange the dance's left and right"
    )
    dance.add_argument(
        "--leave-alone", metavar="JOINTS", help="joints that do not move, separated by commas"
    )
    dance.add_argument("--start-posture", metavar="NAME", help="posture to start in")
    dance.add_argument("--end-posture", metavar="NAME", help="posture to end in")
    dance.add_argument("--solver", choices=("whole-song", "ikpy"), help="how arms find angles")
    dance.add_argument(
        "--balance", choices=("auto", "upper-body", "full-body"), help="how to stay on the feet"
    )
    leave = perform.add_argument_group("what is left behind")
    leave.add_argument(
        "-o", "--out", metavar="DIR", help="folder (default: performances/SONG-SEED)"
    )
    leave.add_argument(
        "--record",
        nargs="?",
        const="",
        metavar="FILE",
        help="film the performance (default: film.mp4 in the folder)",
    )
    leave.add_argument(
        "--film-size",
        type=film_size,
        metavar="SIZE",
        help="720p, 1080p, 720p50, 1080p60, ... (default: 720p25)",
    )
    leave.add_argument(
        "--camera-path",
        choices=("front", "orbit", "beat"),
        help="the camera stands, goes around the robot, or moves with the music",
    )
    leave.add_argument(
        "--side-by-side",
        action="store_true",
        default=None,
        help="film the dancer beside the robot that follows it",
    )
    leave.add_argument(
        "--overlay", action="store_true", default=None, help="write title, tempo and beats"
    )
    leave.add_argument(
        "--floor-plan",
        action="store_true",
        default=None,
        help="draw soles, support polygon and ZMP from above in a corner of the film",
    )
    leave.add_argument(
        "--camera", metavar="DEVICE", help="film with a camera of this computer: /dev/video0"
    )
    leave.add_argument(
        "--record-via",
        choices=("robot",),
        help="film with the robot's own camera, as --robot --record does without a --camera",
    )
    leave.add_argument(
        "--slow-audio",
        choices=("stretched", "clicks", "silent"),
        help="what is heard while a slow dance is performed (sound.wav; default: stretched)",
    )
    settings = perform.add_argument_group("settings")
    settings.add_argument("--config", metavar="FILE", help="YAML settings (see configs/)")
    settings.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any setting, for example --set motion.lead_in_s=3",
    )
    perform.set_defaults(run=_perform)


def _perform(options: argparse.Namespace) -> dict[str, Any] | None:
    song, config, show = what_to_perform(options)
    dance = None if options.plan else _dance_of_your_own(options)
    simulate = options.sim or options.gui or (show is not None and show.backend == "simulation")
    on_robot = config.naoqi.address is not None and not options.dry_run
    if on_robot and (options.sim or options.gui):
        raise UsageError("--sim and --robot exclude each other; choose one")
    if options.dry_run or on_robot:
        simulate = False
    elif not simulate and show is None:
        raise UsageError(
            "say where to perform: --sim in simulation, --robot HOST on a NAO, or --dry-run for a "
            "plan only"
        )
    from robodance.pipeline import default_folder, perform, perform_plan
    from robodance.progress import console_progress

    folder = options.out or (show.outputs.folder if show else None)
    record = options.record
    if record is None and show is not None and show.outputs.film and (simulate or on_robot):
        record = ""
    if record is not None and not simulate and not on_robot:
        raise UsageError("--record films a performance; it needs --sim or --robot, no --dry-run")
    if options.record_via == "robot" and (not on_robot or config.recording.camera is not None):
        raise UsageError(
            "--record-via robot is the robot's own camera; it needs --robot, no --camera"
        )
    if config.recording.camera is not None and record is None:
        raise UsageError("--camera says what films; add --record to film at all")
    if folder is None and options.plan is not None:
        folder = Path("performances") / f"{Path(options.plan).absolute().parent.name}-again"
    out = Path(folder) if folder else default_folder(song or Path(options.dance), config.seed)
    backend = "naoqi" if on_robot else "simulation" if simulate else None
    film = None if record is None else Path(record) if record else out / "film.mp4"
    if options.plan is not None:
        performance = perform_plan(
            options.plan,
            song,
            config,
            robot=options.robot_model,
            backend=backend,
            out=out,
            record=film,
            progress=console_progress(),
        )
    else:
        performance = perform(
            song,
            config,
            dance=dance,
            backend=backend,
            out=out,
            record=film,
            from_s=first(options.from_s, show.from_s if show else None, 0.0),
            to_s=first(options.to_s, show.to_s if show else None, None),
            progress=console_progress(),
        )
    if options.json:
        return dict(performance.report)
    print(performance.summary)
    return {"exit_code": performance.exit_code}


def what_to_perform(
    options: argparse.Namespace,
) -> tuple[Path | None, PerformConfig, ShowConfig | None]:
    """Put song, settings and show together: defaults < --config < --show < flags."""
    from robodance.config import load_config, load_show, said
    from robodance.resources import launch_path
    from robodance.settings import override

    songs = sum(x is not None for x in (options.song, options.music, options.demo, options.show))
    if options.plan is not None:
        _leave_out(options)
    if songs > 1 or (songs == 0 and options.dance is None and options.plan is None):
        raise UsageError(
            "give one song: a file, --music FILE, --demo, or --show FILE; or a --motion FILE, or a "
            "--plan FILE"
        )
    config = load_config(options.config)
    show = load_show(options.show) if options.show else None
    if show is not None:
        config = override(config, show.settings(), where=str(options.show))
    song: Path | None
    if options.demo:
        song = launch_path(f"songs/{options.demo}.ogg")
        if not song.is_file():
            there = ", ".join(sorted(file.stem for file in song.parent.glob("*.ogg")))
            raise UsageError(f"--demo {options.demo}: no such demo song; there are {there}")
    else:
        name = show.song if show else first(options.song, options.music)
        song = Path(name) if name is not None else None
    flags = {
        "robot": options.robot_model,
        "seed": options.seed,
        "audio.bpm": options.bpm,
        "audio.beats_file": options.beats,
        "audio.genre": options.genre,
        "choreography.weights": options.weights,
        "choreography.projection": options.data,
        "motion.tempo": options.tempo,
        "motion.slow_motion": options.slow_motion,
        "motion.vigour": options.vigour,
        "motion.mirror": options.mirror,
        "motion.leave_alone": options.leave_alone,
        "motion.start_posture": options.start_posture,
        "motion.end_posture": options.end_posture,
        "motion.balance": options.balance,
        "motion.solver": options.solver,
        "simulation.gui": options.gui or None,
        "naoqi.address": options.robot,
        "naoqi.unasked": options.yes,
        "recording.camera_path": options.camera_path,
        "recording.side_by_side": options.side_by_side,
        "recording.overlay": options.overlay,
        "recording.floor_plan": options.floor_plan,
        "recording.camera": options.camera,
        "recording.slow_audio": options.slow_audio,
    }
    for key, value in zip(
        ("width", "height", "frame_rate_hz"), options.film_size or (), strict=False
    ):
        flags[f"recording.{key}"] = value
    return song, override(config, {**said(flags), **pairs(options.set)}), show


def _leave_out(options: argparse.Namespace) -> None:
    """Refuse flags that would plan again what a plan has settled."""
    settled = (
        *("show", "dance", "clip", "skeleton", "fps", "from_s", "to_s", "bpm", "beats", "genre"),
        *("seed", "weights", "data", "tempo", "slow_motion", "vigour", "mirror", "leave_alone"),
        *("start_posture", "end_posture", "solver", "balance"),
    )
    for name in settled:
        if getattr(options, name) is not None:
            flag = {"dance": "motion", "from_s": "from", "to_s": "to"}.get(name, name)
            raise UsageError(
                f"--plan is performed as it is; leave out --{flag.replace('_', '-')}, or plan anew "
                "without --plan"
            )


def _dance_of_your_own(options: argparse.Namespace) -> PoseSequence | JointKeys | None:
    if options.dance is None:
        if any(x is not None for x in (options.skeleton, options.fps, options.clip)):
            raise UsageError("--skeleton, --fps and --clip say how to read a --motion FILE")
        return None
    from robodance.motion_files.joint_files import is_joint_file, read_joint_file
    from robodance.motion_files.read import read_motion

    path = Path(options.dance)
    if not is_joint_file(path):
        if options.clip is not None:
            raise UsageError(f"{path}: holds one dance of a person; leave out --clip")
        return read_motion(path, skeleton=options.skeleton, frame_rate_hz=options.fps)
    if options.skeleton is not None:
        raise UsageError(f"{path}: holds joints of the robot; leave out --skeleton")
    return read_joint_file(path, clip=options.clip, frame_rate_hz=options.fps)
