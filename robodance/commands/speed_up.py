"""The command ``robodance speed-up``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robodance.commands.options import moment
from robodance.errors import UsageError

if TYPE_CHECKING:
    from robodance.performance.speed_up import SpedUp
    from robodance.performance.sync import Sync
    from robodance.values import Plan

__all__ = ["add_speed_up"]


def add_speed_up(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "speed-up",
        parents=[common],
        help="a film of a slow dance in, one at the music's speed out",
        description="Find a performance in a film shot with anything, by its chirps or its music, "
        "and show it at the speed of the song.",
    )
    command.add_argument("film", metavar="FILM", help="what a phone or a camera made")
    command.add_argument("--plan", metavar="FILE", required=True, help="plan.npz of the dance")
    command.add_argument("--song", metavar="FILE", help="the song; without it, no sound")
    command.add_argument(
        "-o", "--out", metavar="FILE", help="the result (default: FILM-at-speed.mp4)"
    )
    command.add_argument(
        "--sync",
        choices=("auto", "chirps", "song"),
        help="how the dance is found in the film's sound (default: auto, either)",
    )
    command.add_argument(
        "--sync-at",
        type=sync_point,
        action="append",
        metavar="S[=R]",
        help="second S of the film is where the song begins, or the robot's second R of the plan "
        "(0: it begins to move); twice, if the camera's clock is to be measured",
    )
    command.add_argument(
        "--from", dest="from_s", type=moment, metavar="S", help="begin at S of song"
    )
    command.add_argument("--to", dest="to_s", type=moment, metavar="S", help="end at S of the song")
    command.add_argument(
        "--blend", action="store_true", default=None, help="blend pictures instead of choosing one"
    )
    command.add_argument("--fps", type=int, help="pictures a second (default: what the film gives)")
    command.add_argument("--height", type=int, help="height in pixels (default: the film's)")
    command.add_argument(
        "--picture-delay",
        type=float,
        metavar="S",
        help="how much later than its sound the camera stamps its pictures (default: 0)",
    )
    command.set_defaults(run=_speed_up)


def sync_point(text: str) -> tuple[float, float | None]:
    """Read SECONDS or SECONDS=ROBOT."""
    film, equals, robot = text.partition("=")
    try:
        return float(film), float(robot) if equals else None
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected a moment of the film, such as 3.42, or 3.42=0"
        ) from None


def _speed_up(options: argparse.Namespace) -> dict[str, Any] | None:
    from robodance.config import SpeedUpConfig, said
    from robodance.performance.film_reader import look_at
    from robodance.performance.speed_up import speed_up, sync_by_sound
    from robodance.performance.sync import by_hand
    from robodance.plan_file import read_plan
    from robodance.progress import console_progress
    from robodance.settings import override

    flags = {
        "sync": options.sync,
        "blend": options.blend,
        "frame_rate_hz": options.fps,
        "height": options.height,
        "picture_delay_s": options.picture_delay,
    }
    config = override(SpeedUpConfig(), said(flags))
    film, out = Path(options.film), _result_path(options)
    plan = read_plan(Path(options.plan))
    look_at(film)
    soundtrack = None if options.song is None else _song_of(plan, Path(options.song))
    tell = console_progress()
    if options.sync_at:
        if len(options.sync_at) > 2:
            raise UsageError("--sync-at: one or two moments are enough")
        start = plan.music_start_s
        sync = by_hand([(f, start if r is None else r) for f, r in options.sync_at])
    else:
        with tell.stage("finding the dance in the film"):
            sync = sync_by_sound(film, plan, soundtrack, method=config.sync)
    with tell.stage("filming at the music's speed") as report:
        made = speed_up(
            film,
            plan,
            sync,
            out,
            config=config,
            soundtrack=soundtrack,
            from_s=options.from_s,
            to_s=options.to_s,
            progress=report,
        )
    warnings = _warnings(sync, options)
    if not options.json:
        print("\n".join(_summary(made, plan, warnings)))
    return _as_json(made, plan, warnings)


def _result_path(options: argparse.Namespace) -> Path:
    film = Path(options.film)
    out = Path(options.out) if options.out else film.with_name(f"{film.stem}-at-speed.mp4")
    if out.resolve() == film.resolve():
        raise UsageError(f"{out}: is the film itself; choose another result with --out")
    return out


def _song_of(plan: Plan, song: Path) -> Any:
    """Read the song, if it is the plan's.

    Raises:
        UsageError: It is another one.
    """
    from robodance.song_file import file_sha256, load_soundtrack

    wanted = plan.metadata.get("song_sha256")
    if wanted is not None and file_sha256(song) != wanted:
        raise UsageError(
            f"{song}: is not the song of this plan ({plan.metadata.get('song_path')}, "
            f"SHA-256 {wanted[:12]}...); give that file"
        )
    return load_soundtrack(song)


def _warnings(sync: Sync, options: argparse.Namespace) -> list[str]:
    found = []
    if options.song is None:
        found.append("no --song was given: the result is silent")
    if sync.method == "one chirp":
        found.append("only one chirp was heard: the camera's clock is taken as exact")
    return found


def _summary(made: SpedUp, plan: Plan, warnings: list[str]) -> list[str]:
    sync = made.sync
    begins = float(sync.film_times(plan.music_start_s))
    return [
        f"Film         {made.path} ({made.duration_s:.1f} s, {made.frames} pictures of "
        f"{made.width} x {made.height}, {made.frame_rate_hz} a second)",
        f"Sync         by {sync.method}, {sync.confidence:.0%} sure: the song begins at "
        f"{begins:.3f} s of the film, whose clock runs {sync.drift_ppm:+.0f} ppm",
        f"Speed        {made.slow_down:.2f} times the robot's; pictures "
        f"{1e3 * made.mean_error_s:+.1f} ms from the music on average, at most "
        f"{1e3 * made.largest_error_s:.1f} ms, by their time stamps",
        *(f"Warning      {warning}" for warning in warnings),
    ]


def _as_json(made: SpedUp, plan: Plan, warnings: list[str]) -> dict[str, Any]:
    sync = made.sync
    return {
        "film": made.path,
        "frames": made.frames,
        "frame_rate_hz": made.frame_rate_hz,
        "duration_s": made.duration_s,
        "song_start_s": made.song_start_s,
        "size": [made.width, made.height],
        "slow_down": made.slow_down,
        "sync": {
            "method": sync.method,
            "confidence": sync.confidence,
            "song_begins_at_s": float(sync.film_times(plan.music_start_s)),
            "clock_drift_ppm": sync.drift_ppm,
        },
        "picture_error_s": {"mean": made.mean_error_s, "largest": made.largest_error_s},
        "warnings": warnings,
    }
