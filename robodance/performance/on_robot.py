"""A dance on a physical robot: looked at first, simulated, agreed to, danced, remembered."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robodance.config import PerformConfig
from robodance.errors import PreflightRefused, RobotError, UsageError
from robodance.performance.backend import open_backend
from robodance.performance.conductor import conduct
from robodance.performance.steadiness import legs_moved, unsteady
from robodance.robots.model import RobotModel, load_robot
from robodance.song_file import load_soundtrack
from robodance.values import Certificate, PerformanceLog, Plan, Recording

if TYPE_CHECKING:
    from robodance.performance.backends.naoqi import NaoqiRobot

__all__ = ["dance_on_robot", "look_at_robot", "require_steady"]

SWAYS_RAD = 0.09  # 5 degrees of lean in the simulation are too many for a real floor
AGREED = "dance"
EVERYTHING = "all"  # of the disturbances


def look_at_robot(
    config: PerformConfig, plan: Plan | None = None
) -> tuple[PerformConfig, tuple[str, ...]]:
    """Look at a robot before a dance is planned for it; nothing moves.

    Args:
        config: Settings; ``naoqi.address`` says where it is.
        plan: What it is to dance, where that is known already.

    Returns:
        The settings, calmer for a robot that has not danced before, and what to know.

    Raises:
        RobotError: It cannot be reached.
        PreflightRefused: It has to cool down first, or the plan is not one for it.
    """
    from robodance.performance.backends.naoqi import NaoqiRobot

    naoqi, model = config.naoqi, load_robot(config.robot)
    if plan is not None:
        require_steady(plan, model)
    with NaoqiRobot(model, naoqi) as robot:
        state = robot.state
    past = _past(naoqi.address, state.name)
    said = [f"{state.name} answers at {naoqi.address} (NAOqi {state.version})"]
    if plan is None and config.motion.full_body:
        config, more = _on_both_soles(config)
        said += more
    vigour = config.motion.vigour if plan is None else plan.metadata.get("vigour", 1.0)
    if past is None and plan is not None and vigour > naoqi.first_vigour:
        raise PreflightRefused(
            f"{state.name} has not danced before, and this plan is at {100 * vigour:.0f} % vigour; "
            f"let it dance one of --vigour {naoqi.first_vigour:g} first"
        )
    if past is None and vigour > naoqi.first_vigour:
        calmer = replace(config.motion, vigour=naoqi.first_vigour)
        config = replace(config, motion=calmer)
        said.append(f"its first dance is at {100 * naoqi.first_vigour:.0f} % vigour")
    elif past is not None:
        wait = past["ended"] + naoqi.cool_down * past["duration_s"] - time.time()
        if wait > 0:
            raise PreflightRefused(
                f"{state.name} has just danced for {past['duration_s']:.0f} s; let it cool down "
                f"for {wait:.0f} s more (--set naoqi.cool_down=0 to go on at once)"
            )
    return config, tuple(said)


def _on_both_soles(config: PerformConfig) -> tuple[PerformConfig, list[str]]:
    """Return settings with which a full-body plan may be given to a robot, and what changed."""
    said = []
    if config.motion.footwork != "planted":
        config = replace(config, motion=replace(config.motion, footwork="planted"))
        said.append("both its soles stay on the floor; steps are danced in simulation only")
    asked = config.verification
    known = replace(
        asked,
        disturbances=asked.disturbances if EVERYTHING in asked.disturbance_names else EVERYTHING,
        together_tilt_deg=min(asked.together_tilt_deg, asked.disturbed_tilt_deg),
    )
    if known != asked:
        config = replace(config, verification=known)
        said.append(
            "the plan has to pass its verification with all disturbances at once, too, and to lean "
            "no more than under one of them"
        )
    return config, said


def dance_on_robot(
    plan: Plan,
    config: PerformConfig,
    song: Path | None,
    certify: Callable[[Plan, RobotModel], Certificate],
    *,
    progress: Callable[[float], None] | None = None,
    keep: Callable[[PerformanceLog], None] | None = None,
    watch: Callable[[float], None] | None = None,
    film: Path | None = None,
) -> tuple[PerformanceLog, Recording | None]:
    """Perform a plan on a robot.

    Args:
        plan: A plan with a clean certificate.
        config: Settings.
        song: The song's file; None: silence.
        certify: The independent check, to judge the plan by this robot's own limits.
        progress: Told the share done.
        keep: As for ``conduct``.
        watch: Likewise.
        film: Film to make with the robot's camera.

    Returns:
        What was measured, and the film; None where there is none, which is then said.

    Raises:
        RobotError: It cannot be reached.
        PreflightRefused: It was not moved, for the reason given.
        PerformanceAborted: The dance was ended.
    """
    from robodance.performance.backends.naoqi import NaoqiRobot
    from robodance.performance.backends.naoqi_checks import narrowed

    model = load_robot(config.robot)
    require_steady(plan, model)
    _simulate(plan, model, config)
    with open_backend("naoqi", model, config.naoqi, song=song, film=film is not None) as robot:
        assert isinstance(robot, NaoqiRobot)
        own = certify(narrowed(plan, robot.state.limits), model)
        if not own.clean:
            broken = ", ".join(f"{kind} {n}" for kind, n in own.violations.items() if n)
            raise PreflightRefused(
                f"the plan breaks this robot's own limits ({broken} samples); try --vigour 0.8, "
                "or the other --robot-model"
            )
        robot.check(plan)
        _agree(plan, robot.state.name, config)
        began = time.time()
        try:
            log = conduct(plan, robot, progress=progress, keep=keep, watch=watch)
            return log, None if film is None else _film(robot, plan, film, song, config)
        finally:
            if robot.has_moved:
                _remember(config.naoqi.address, robot.state.name, time.time() - began)


def require_steady(plan: Plan, robot: RobotModel) -> None:
    """Refuse a plan on which a physical robot might fall.

    Raises:
        PreflightRefused: With the reason (``steadiness.unsteady``).
    """
    reason = unsteady(plan, robot.name)
    if reason:
        raise PreflightRefused(reason)


def _film(
    robot: NaoqiRobot, plan: Plan, path: Path, song: Path | None, config: PerformConfig
) -> Recording | None:
    """Fetch the film and set it to the song; a dance is not lost with its film."""
    from robodance.performance.film_time import at_music_speed
    from robodance.performance.robot_film import set_to_song
    from robodance.performance.speed_up import speed_up
    from robodance.performance.sync import by_hand

    silent = song is None or config.naoqi.sound == "none"
    try:
        with tempfile.TemporaryDirectory() as folder:
            seen = Path(folder) / "film.avi"
            span_s = robot.fetch_film(seen)
            sound = None if silent or song is None else load_soundtrack(song)
            if at_music_speed(plan):
                return set_to_song(seen, path, plan, span_s, config.recording, soundtrack=sound)
            slow = Path(folder) / "slow.mp4"
            set_to_song(seen, slow, plan, span_s, config.recording, soundtrack=None)
            sync = by_hand([(0.0, span_s[0]), (span_s[1] - span_s[0], span_s[1])])
            made = speed_up(slow, plan, sync, path, soundtrack=sound)
            return Recording(
                str(path), made.frames, made.frame_rate_hz, made.duration_s, "the robot's camera"
            )
    except RobotError as error:
        print(f"robodance: {error}", file=sys.stderr, flush=True)
        return None


def _simulate(plan: Plan, model: RobotModel, config: PerformConfig) -> None:
    """Dance this very plan in simulation first.

    Raises:
        PreflightRefused: The simulated robot falls or leans.
    """
    still = replace(config.simulation, gui=False)
    with open_backend("simulation", model, still) as simulation:
        log = conduct(plan, simulation)
    if log.falls:
        raise PreflightRefused(f"the robot fell in simulation, at {log.falls[0]:.1f} s")
    if log.tilt_rad.max() > SWAYS_RAD:
        raise PreflightRefused("the robot leaned too far in simulation; try --vigour 0.5")


def _agree(plan: Plan, name: str, config: PerformConfig) -> None:
    """Say what will happen and how to stop it, and ask.

    Raises:
        PreflightRefused: The person does not want it.
        UsageError: There is nobody to ask.
    """
    from robodance.performance.backends.naoqi_ending import CHEST_BUTTON

    lines = (
        f"{name} will stand up, dance for {plan.duration_s:.0f} s with "
        f"{'its whole body over planted soles' if legs_moved(plan) else 'head and arms'}, crouch "
        "and rest.",
        "It needs a flat floor, 1 m of free space around it, no table's edge, nobody's hands, and "
        "somebody within reach.",
        "Space, Enter or Ctrl-C here, or a touch of its head, a bumper or its chest button: it "
        "stops and rests.",
        f"If nothing helps: {CHEST_BUTTON}.",
    )
    for line in lines:
        print(line, file=sys.stderr)
    if config.naoqi.unasked:
        return
    if not sys.stdin or not sys.stdin.isatty():
        raise UsageError("there is nobody to ask whether the robot may move; say --yes if it may")
    print(f"Type {AGREED!r} and Enter: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != AGREED:
        raise PreflightRefused("not agreed to; nothing was moved")


def _past(address: str | None, name: str) -> Mapping[str, Any] | None:
    past = _read_history().get(f"{name}@{address}")
    return past if isinstance(past, dict) and {"ended", "duration_s"} <= set(past) else None


def _remember(address: str | None, name: str, duration_s: float) -> None:
    file = _history_file()
    history = dict(_read_history())
    history[f"{name}@{address}"] = {"ended": time.time(), "duration_s": round(duration_s, 1)}
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(history, indent=1), encoding="utf-8")
    part.replace(file)


def _read_history() -> Mapping[str, Any]:
    try:
        content = json.loads(_history_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _history_file() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "robodance" / "robots.json"
