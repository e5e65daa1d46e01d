"""Everything before the robot: hear, imagine, adapt, try, prove."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import robodance
from robodance.config import PerformConfig
from robodance.errors import UsageError
from robodance.motion_files.joint_keys import JointKeys
from robodance.progress import Progress, Silence
from robodance.values import Certificate, Losses, Plan, PoseSequence, SongAnalysis

if TYPE_CHECKING:
    from robodance.motion.attempt import Adaptation

__all__ = ["PlannedDance", "Stopwatch", "analyse_song", "plan_dance"]

SHORTEST_PART_S = 2.0


@dataclass(frozen=True)
class PlannedDance:
    """A song, the dance imagined for it, and what the robot will do.

    Attributes:
        analysis: What was heard; None for a dance without a song, or a plan read from a file.
        dance: What was imagined, or read from a file; None where only the plan is known.
        plan: What the robot will do.
        certificate: The proof.
        losses: What the robot cannot do of the dance.
        seconds: Seconds spent, by stage.
        warnings: What a person should know about the plan.
        song: The song's file; None: there is no music.
    """

    analysis: SongAnalysis | None = field(repr=False)
    dance: PoseSequence | None = field(repr=False)
    plan: Plan = field(repr=False)
    certificate: Certificate
    losses: Losses
    seconds: Mapping[str, float]
    warnings: tuple[str, ...] = ()
    song: Path | None = None


def analyse_song(
    song: Path | str, config: PerformConfig | None = None, *, progress: Progress | None = None
) -> SongAnalysis:
    """Hear a song: beats, bars, tempo, features, genre.

    Args:
        song: A sound file.
        config: Settings; None gives the defaults.
        progress: Told how far the work has come.

    Raises:
        AudioError: The song cannot be read, or has no beat.
    """
    from robodance.audio.analysis import analyse_song as hear

    config = config or PerformConfig()
    with (progress or Silence()).stage("hearing the song") as report:
        return hear(Path(song), config.audio, progress=report)


def _described(analysis: SongAnalysis, config: PerformConfig) -> SongAnalysis:
    """Return the song with the features that the generator asks for, or that were chosen."""
    from robodance.audio.description import described_as, features_for
    from robodance.choreography.mixture import music_kind

    wanted = config.choreography.features
    if wanted == "auto":
        wanted = features_for(music_kind(config.choreography, analysis.genre))
    return described_as(analysis, wanted, config.choreography.encoder_weights)


def plan_dance(
    song: Path | str | SongAnalysis | None,
    config: PerformConfig | None = None,
    *,
    dance: PoseSequence | JointKeys | None = None,
    from_s: float = 0.0,
    to_s: float | None = None,
    progress: Progress | None = None,
) -> PlannedDance:
    """Do everything before the robot: hear, imagine, adapt, prove.

    Args:
        song: A sound file, or what ``analyse_song`` made of it; None: no music, ``dance`` only.
        config: Settings; None gives the defaults.
        dance: A dance to do instead of an imagined one (``motion_files.read``), or a motion
            of the robot's joints (``motion_files.joint_files``); its first frame lies at
            ``from_s`` of the song.
        from_s: Where in the song (without one: in the dance) the dance begins.
        to_s: Where it ends; None: at the end of the song.
        progress: Told how far the work has come.

    Raises:
        AudioError: The song cannot be read.
        UsageError: The part asked for is not in the song.
        InfeasibleDance: No motion inside the robot's limits was found.
    """
    from robodance.choreography.dance import create_dance
    from robodance.motion.certificate import certify
    from robodance.motion.joint_dance import dance_of_joints
    from robodance.motion.losses import measure_losses
    from robodance.motion.plan import adapt
    from robodance.performance.heard import with_sound
    from robodance.robots.model import load_robot

    config = config or PerformConfig()
    tell = progress or Silence()
    clock = Stopwatch()
    robot = load_robot(config.robot)
    with clock.stage("hear"):
        if song is None or isinstance(song, SongAnalysis):
            analysis = song
        else:
            analysis = analyse_song(song, config, progress=tell)
    if isinstance(dance, JointKeys):
        dance = dance_of_joints(dance, robot, config.motion)
    if dance is not None:
        dance, remarks = _given_dance(dance, analysis, from_s, to_s)
    elif analysis is None:
        raise UsageError("there is neither a song nor a dance; give one of them, or both")
    else:
        remarks = ()
        with clock.stage("imagine"), tell.stage("imagining a dance") as report:
            windows = None
            if config.choreography.projection is not None:
                from robodance.learning.windows import load_windows

                genres = analysis.genre.shares or [analysis.genre.name]
                windows = load_windows(Path(config.choreography.projection), genres)
            dance = create_dance(
                _described(analysis, config),
                config.choreography,
                seed=config.seed,
                from_s=from_s,
                to_s=_end_of_part(analysis.song.duration_s, from_s, to_s),
                windows=windows,
                progress=report,
            )
    with clock.stage("adapt"), tell.stage("adapting it") as report:
        adapted = adapt(dance, robot, config.motion, progress=report)
    findings: tuple[str, ...] = ()
    if config.motion.full_body and config.verification.disturbances != "none":
        with clock.stage("verify"), tell.stage("trying it") as report:
            adapted, findings = _verified(adapted, config, report)
    plan = with_sound(_of_song(adapted.plan, analysis), config.recording)
    with clock.stage("prove"), tell.stage("proving it"):
        certificate = certify(plan, robot)
        losses = measure_losses(plan, dance, robot, adapted.unlimited)
    warnings = (*remarks, *adapted.warnings, *findings, *_retreats(adapted.retreated_share))
    file = None if analysis is None else Path(analysis.song.path)
    return PlannedDance(analysis, dance, plan, certificate, losses, clock.seconds, warnings, file)


def _verified(
    adapted: Adaptation, config: PerformConfig, report: Callable[[float], None]
) -> tuple[Adaptation, tuple[str, ...]]:
    """Return a full-body dance that was tried in simulation, and what that took."""
    from robodance.performance.steadiness import record_of
    from robodance.performance.verify import verify_and_attenuate

    found = verify_and_attenuate(
        adapted,
        config.robot,
        config.simulation,
        config.verification,
        config.motion.knot_rate_hz,
        report,
    )
    plan = found.made.plan
    verification = {**found.metadata(), **record_of(plan)}
    metadata = {**adapted.plan.metadata, "verification": verification}
    plan = replace(plan, metadata=metadata)
    return replace(found.made, plan=plan, warnings=adapted.warnings), found.warnings()


def _given_dance(
    dance: PoseSequence, analysis: SongAnalysis | None, from_s: float, to_s: float | None
) -> tuple[PoseSequence, tuple[str, ...]]:
    """Return a dance from a file, cut and on the song's clock, and what to know about it."""
    from robodance.motion_files.set_to_music import cut, set_to_music

    name = dance.metadata.get("file", "the dance")
    remarks = tuple(f"{name}: {remark}" for remark in dance.metadata.get("remarks", ()))
    if analysis is None:
        return cut(dance, from_s, to_s), remarks
    end_s = _end_of_part(analysis.song.duration_s, from_s, to_s)
    placed, more = set_to_music(dance, analysis.beats, from_s, end_s)
    return placed, (*remarks, *more)


def _end_of_part(duration_s: float, from_s: float, to_s: float | None) -> float:
    end_s = duration_s if to_s is None else to_s
    if from_s >= duration_s or end_s > duration_s + 0.5:
        raise UsageError(
            f"the song lasts {duration_s:.1f} s; --from {from_s:g} --to {end_s:g} is not in it"
        )
    if end_s - from_s < SHORTEST_PART_S:
        raise UsageError(
            f"--from {from_s:g} --to {end_s:g} leaves {end_s - from_s:.1f} s; "
            f"at least {SHORTEST_PART_S:g} s are needed"
        )
    return min(end_s, duration_s)


def _of_song(plan: Plan, analysis: SongAnalysis | None) -> Plan:
    """Return a plan that says which song it belongs to, if any, and what made it.

    What the stages know (genre, generator, seed; robot, modes) they have written.
    """
    song: dict[str, Any] = {}
    if analysis is not None:
        song = {
            "song_sha256": analysis.song.sha256,
            "song_path": Path(analysis.song.path).name,
            "tempo_bpm": analysis.beats.tempo_bpm,
        }
    metadata = {
        **plan.metadata,
        **song,
        "versions": {"robodance": robodance.__version__, "python": platform.python_version()},
    }
    return replace(plan, metadata=metadata)


def _retreats(share: float) -> tuple[str, ...]:
    if share == 0.0:
        return ()
    return (
        f"{100 * share:.1f} % of the plan was drawn back to the stand posture, since no motion "
        "near the dancer's obeys the limits there; --tempo slow --slow-motion 2 leaves more room",
    )


class Stopwatch:
    """Adds up the seconds spent in each stage."""

    def __init__(self, seconds: Mapping[str, float] | None = None) -> None:
        self.seconds: dict[str, float] = dict(seconds or {})

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the seconds until the block ends."""
        start = time.perf_counter()
        yield
        spent = time.perf_counter() - start
        self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)
