"""The command line: arguments in, one call, an exit code out.

Nothing heavy is imported here: ``robodance --help`` answers at once.

Exit codes: 0 done, 1 an error of our own (with a traceback), 2 usage or configuration,
3 unreadable input or unwritable output, 4 a library is missing, 5 no feasible motion,
6 robot unreachable, 7 refused before the start, 8 aborted while performing, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from robodance import __version__
from robodance.errors import OutputError, RobodanceError, UsageError
from robodance.output import plain
from robodance.virtual_nao.command import add_virtual_nao

if TYPE_CHECKING:
    from robodance.config import PerformConfig, ShowConfig
    from robodance.progress import Progress
    from robodance.values import PoseSequence

__all__ = ["main", "run"]

EXIT_INTERRUPTED = 130
ONCE_MORE_S = 0.01  # until an interrupt that Python dropped is raised again


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return UsageError.exit_code
    _set_up_logging(options.verbose)
    try:
        result = options.run(options)
    except KeyboardInterrupt:
        return _fail(options, "stopped by Ctrl-C; nothing half-written was left", EXIT_INTERRUPTED)
    except RobodanceError as error:
        return _fail(options, str(error), error.exit_code)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS}:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _fail(
            options,
            f"{where}cannot be written ({error.strerror}); choose another folder with --out",
            OutputError.exit_code,
        )
    if options.json and result is not None:
        json.dump(plain(result), sys.stdout)
        sys.stdout.write("\n")
    return int(result.get("exit_code", 0)) if isinstance(result, dict) else 0


def run() -> NoReturn:
    """Run one command and end the process: what the ``robodance`` script calls.

    From the first moment to the last Ctrl-C and a polite request to end (SIGTERM) mean the
    same. The process is left without asking CPython, which would end it by the signal
    itself, whatever the exit code, when the interrupt once passed through exec(), as in the
    making of a dataclass; by then everything is tidied up.
    """
    code = EXIT_INTERRUPTED
    try:
        _take_signals()
        code = main()
    except KeyboardInterrupt:
        print("robodance: stopped by Ctrl-C; nothing half-written was left", file=sys.stderr)
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(KeyboardInterrupt):
            signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError):  # whoever read our output has left
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _take_signals() -> None:
    """Let both signals interrupt, and keep an interrupt that hits where none can be raised."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def again(lost: sys.UnraisableHookArgs) -> None:
        # Python drops what is raised in a finaliser or a weak reference's callback.
        if issubclass(lost.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, ONCE_MORE_S)
        else:
            sys.__unraisablehook__(lost)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, interrupt)
    sys.unraisablehook = again


def _fail(options: argparse.Namespace, message: str, code: int) -> int:
    line = " ".join(message.split())
    print(f"robodance: {line}", file=sys.stderr)
    if options.json:
        json.dump({"error": line, "exit_code": code}, sys.stdout)
        sys.stdout.write("\n")
    return code


def _set_up_logging(verbosity: int) -> None:
    if verbosity:
        import logging

        level = logging.INFO if verbosity == 1 else logging.DEBUG
        logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
        logging.getLogger("robodance").setLevel(level)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-v", "--verbose", action="count", default=0, help="say more (-vv: all)")
    common.add_argument(
        "--json", action="store_true", help="print one JSON object, alone on stdout"
    )
    parser = argparse.ArgumentParser(prog="robodance", description="Make a NAO dance to any song.")
    parser.add_argument("--version", action="version", version=f"robodance {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_perform(commands, common)
    _add_train(commands, common)
    add_virtual_nao(commands, common)
    _add_doctor(commands, common)
    return parser


def _add_perform(commands: Any, common: argparse.ArgumentParser) -> None:
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
    what.add_argument(
        "--dance",
        metavar="FILE",
        help="a dance of your own instead of an imagined one (.bvh, .c3d, .npz, .npy, "
        "skeletons.json), with or without a song",
    )
    what.add_argument(
        "--skeleton",
        metavar="NAME|FILE",
        help="whose joints the dance's are (see configs/skeletons; default: by its format)",
    )
    what.add_argument("--fps", type=float, help="frames a second, when the dance does not say")
    what.add_argument("--from", dest="from_s", type=_moment, metavar="S", help="begin at S seconds")
    what.add_argument("--to", dest="to_s", type=_moment, metavar="S", help="end at S seconds")
    where = perform.add_argument_group("where")
    where.add_argument("--sim", action="store_true", help="perform in the PyBullet simulation")
    where.add_argument("--gui", action="store_true", help="show the simulation, in real time")
    where.add_argument("--dry-run", action="store_true", help="stop at the plan; move nothing")
    where.add_argument("--robot-model", metavar="NAME", help="nao_v6 (default) or nao_v5")
    hear = perform.add_argument_group("hearing")
    hear.add_argument("--bpm", type=float, help="tempo, when the ear is wrong")
    hear.add_argument("--beats", metavar="FILE", help="beats: seconds, optionally beat number")
    hear.add_argument("--genre", help="cha-cha, rumba, tango or waltz, when the ear is wrong")
    dance = perform.add_argument_group("dancing")
    dance.add_argument("--seed", type=int, help="another seed, another dance (default: 0)")
    dance.add_argument("--weights", metavar="FILE", help="weights to imagine with")
    dance.add_argument(
        "--tempo",
        choices=("keep", "slow", "warp"),
        help="keep the tempo, slow motion, or slower only where it must be, bar by bar",
    )
    dance.add_argument(
        "--slow-motion",
        type=_factor,
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
        "--balance", choices=("upper-body", "full-body"), help="how to stay on the feet"
    )
    leave = perform.add_argument_group("what is left behind")
    leave.add_argument("--out", metavar="DIR", help="folder (default: performances/SONG-SEED)")
    leave.add_argument(
        "--record",
        nargs="?",
        const="",
        metavar="FILE",
        help="film the performance (default: film.mp4 in the folder)",
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


def _add_train(commands: Any, common: argparse.ArgumentParser) -> None:
    train = commands.add_parser(
        "train",
        parents=[common],
        help="train a generator or the genre classifier on dance data",
        description="Train weights; a run that was stopped goes on where it was with --resume.",
    )
    train.add_argument("family", choices=("autoregressive", "genre"), help="what to train")
    train.add_argument("--data", required=True, metavar="DIR", help="folder of the data sets")
    train.add_argument("--genre", help="genre of the dances (autoregressive)")
    train.add_argument("--out", metavar="DIR", help="folder of the run (default: runs/...)")
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")
    train.add_argument("--seed", type=int, help="seed of the training (default: 0)")
    train.add_argument("--config", metavar="FILE", help="YAML settings of the training")
    train.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    train.set_defaults(run=_train)


def _add_doctor(commands: Any, common: argparse.ArgumentParser) -> None:
    doctor = commands.add_parser(
        "doctor",
        parents=[common],
        help="what is installed, what is missing, and the line that mends it",
    )
    doctor.add_argument("--quick", action="store_true", help="look only, import nothing")
    doctor.set_defaults(run=_doctor)


def _perform(options: argparse.Namespace) -> dict[str, Any] | None:
    song, config, show = _what_to_perform(options)
    dance = _dance_of_your_own(options)
    simulate = options.sim or options.gui or (show is not None and show.backend == "simulation")
    if options.dry_run:
        simulate = False
    elif not simulate and show is None:
        raise UsageError("say where to perform: --sim in simulation, or --dry-run for a plan only")
    from robodance.pipeline import default_folder, perform

    folder = options.out or (show.outputs.folder if show else None)
    record = options.record
    if record is None and show is not None and show.outputs.film and simulate:
        record = ""
    if record is not None and not simulate:
        raise UsageError("--record films a performance; it needs --sim and no --dry-run")
    out = Path(folder) if folder else default_folder(song or Path(options.dance), config.seed)
    performance = perform(
        song,
        config,
        dance=dance,
        backend="simulation" if simulate else None,
        out=out,
        record=None if record is None else Path(record) if record else out / "film.mp4",
        from_s=_first(options.from_s, show.from_s if show else None, 0.0),
        to_s=_first(options.to_s, show.to_s if show else None, None),
        progress=_progress(options),
    )
    if options.json:
        return dict(performance.report)
    print(performance.summary)
    return {"exit_code": performance.exit_code}


def _what_to_perform(
    options: argparse.Namespace,
) -> tuple[Path | None, PerformConfig, ShowConfig | None]:
    """Put song, settings and show together: defaults < --config < --show < flags."""
    from robodance.config import load_config, load_show, said
    from robodance.resources import launch_path
    from robodance.settings import override

    songs = sum(x is not None for x in (options.song, options.demo, options.show))
    if songs > 1 or (songs == 0 and options.dance is None):
        raise UsageError("give one song: a file, or --demo, or --show FILE; or a --dance FILE")
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
        name = show.song if show else options.song
        song = Path(name) if name is not None else None
    flags = {
        "robot": options.robot_model,
        "seed": options.seed,
        "audio.bpm": options.bpm,
        "audio.beats_file": options.beats,
        "audio.genre": options.genre,
        "choreography.weights": options.weights,
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
    }
    return song, override(config, {**said(flags), **_pairs(options.set)}), show


def _dance_of_your_own(options: argparse.Namespace) -> PoseSequence | None:
    if options.dance is None:
        if options.skeleton is not None or options.fps is not None:
            raise UsageError("--skeleton and --fps say how to read a --dance FILE; give one")
        return None
    from robodance.motion_files.read import read_motion

    return read_motion(options.dance, skeleton=options.skeleton, frame_rate_hz=options.fps)


def _train(options: argparse.Namespace) -> dict[str, Any] | None:
    from robodance.learning.commands import train

    return train(
        options.family,
        data=Path(options.data),
        genre=options.genre,
        out=Path(options.out) if options.out else None,
        resume=options.resume,
        seed=options.seed,
        config=options.config,
        changes=_pairs(options.set),
        progress=_progress(options),
    )


def _doctor(options: argparse.Namespace) -> dict[str, Any]:
    from robodance.doctor import examine

    findings = examine(quick=options.quick)
    if not options.json:
        for finding in findings:
            print(finding.line())
    missing = [finding.name for finding in findings if finding.needed and not finding.found]
    return {
        "findings": [finding.as_dict() for finding in findings],
        "missing": missing,
        "exit_code": 4 if missing else 0,
    }


def _progress(options: argparse.Namespace) -> Progress:
    from robodance.progress import console_progress

    return console_progress()


def _pairs(texts: Sequence[str]) -> dict[str, Any]:
    """Read KEY=VALUE settings; values are YAML."""
    import yaml

    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {text!r}: expected KEY=VALUE, such as motion.lead_in_s=3")
        try:
            pairs[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {text!r}: the value is not valid YAML") from error
    return pairs


def _moment(text: str) -> float:
    """Read a moment of a song: seconds, or minutes:seconds."""
    minutes, colon, seconds = text.rpartition(":")
    try:
        moment = (60.0 * int(minutes) if colon else 0.0) + float(seconds)
    except ValueError:
        moment = -1.0
    if not 0.0 <= moment < 1e6:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a moment; give seconds or minutes:seconds"
        )
    return moment


def _factor(text: str) -> float | str:
    """Read a slow-motion factor: a number, or auto."""
    try:
        return text if text == "auto" else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor auto") from None


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
