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
from typing import TYPE_CHECKING, NoReturn

from robodance import __version__
from robodance.commands.calibrate import add_calibrate
from robodance.commands.doctor import add_doctor
from robodance.commands.evaluate import add_evaluate
from robodance.commands.export import add_export
from robodance.commands.perform import add_perform
from robodance.commands.preview import add_preview
from robodance.commands.speed_up import add_speed_up
from robodance.commands.train import add_train
from robodance.errors import OutputError, RobodanceError, UsageError
from robodance.output import plain
from robodance.virtual_nao.command import add_virtual_nao

if TYPE_CHECKING:
    pass

__all__ = ["main", "run"]

EXIT_INTERRUPTED = 130
INTERRUPTED = "stopped by Ctrl-C; nothing half-written was left"
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
        return _fail(options, INTERRUPTED, EXIT_INTERRUPTED)
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
    except ImportError as error:  # an extension was told of the interrupt while it began
        if not _caused_by_interrupt(error):
            raise
        return _fail(options, INTERRUPTED, EXIT_INTERRUPTED)
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
        print(f"robodance: {INTERRUPTED}", file=sys.stderr)
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(KeyboardInterrupt):
            signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError):  # whoever read our output has left
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _caused_by_interrupt(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__
    return False


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
    add_perform(commands, common)
    add_export(commands, common)
    add_preview(commands, common)
    add_speed_up(commands, common)
    add_train(commands, common)
    add_evaluate(commands, common)
    add_virtual_nao(commands, common)
    add_calibrate(commands, common)
    add_doctor(commands, common)
    return parser
