"""Every setting, its default and its meaning: the only home of defaults.

The configuration is a tree of frozen dataclasses. YAML fills it (``load_config``), flags
and shows change it (``override``); an unknown key or a wrong type is a ``ConfigError``
that names the key. ``configs/perform.yaml`` shows the same tree to people; a test
compares the two.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robodance.errors import ConfigError
from robodance.settings import from_dict, override, read_yaml

__all__ = [
    "AudioConfig",
    "ChoreographyConfig",
    "MotionConfig",
    "PerformConfig",
    "RecordingConfig",
    "ShowConfig",
    "ShowOutputs",
    "SimulationConfig",
    "TrainConfig",
    "VerificationConfig",
    "load_config",
    "load_show",
    "said",
]

GENRES = ("cha-cha", "rumba", "tango", "waltz")
TEMPO_MODES = ("keep", "slow", "warp")
BALANCE_MODES = ("upper-body", "full-body")


@dataclass(frozen=True)
class AudioConfig:
    """How a song is heard."""

    bpm: float | None = None
    """Tempo given by a person; None: estimated."""
    beats_file: str | None = None
    """Text file of beats (seconds, then optionally the beat's number in the bar)."""
    genre: str | None = None
    """Genre given by a person; None: classified over the whole song."""
    minimum_tempo_bpm: float = 55.0
    """Slowest tempo that is looked for."""
    maximum_tempo_bpm: float = 190.0
    """Fastest tempo that is looked for."""
    warn_below_confidence: float = 0.5
    """Beat confidence under which a warning says how to help."""

    def __post_init__(self) -> None:
        _require(self.genre is None or self.genre in GENRES, f"genre must be one of {GENRES}")
        _require(self.bpm is None or 20.0 <= self.bpm <= 400.0, "bpm must lie in 20..400")
        _require(
            0.0 < self.minimum_tempo_bpm < self.maximum_tempo_bpm,
            "minimum_tempo_bpm must be positive and under maximum_tempo_bpm",
        )


@dataclass(frozen=True)
class ChoreographyConfig:
    """How a dance is imagined."""

    generator: str = "autoregressive"
    """Generator family."""
    weights: str | None = None
    """Weight file to use instead of the shipped one of the genre."""
    frame_rate_hz: float = 25.0
    """Frames per second of the imagined dance."""

    def __post_init__(self) -> None:
        _require(10.0 <= self.frame_rate_hz <= 120.0, "frame_rate_hz must lie in 10..120")


@dataclass(frozen=True)
class MotionConfig:
    """How the dance is adapted to the robot."""

    solver: str = "whole-song"
    """whole-song: all moments of an arm at once; ikpy: that library, frame by frame (slow)."""
    tempo: str = "keep"
    """keep: the music's tempo, amplitude gives way; slow: uniform slow motion; warp: slower only
    where a limit binds, back with the music at every bar line."""
    slow_motion: float | str = 1.0
    """How many times slower than the music (with tempo: slow or warp), or auto (slow): as little
    as keeps the arms close."""
    vigour: float = 1.0
    """Share of limit_share that is used, 0.3..1: less is calmer."""
    mirror: bool = False
    """Whether to exchange the dance's left and right."""
    leave_alone: str | None = None
    """Joints that hold their start posture, separated by commas."""
    balance: str = "upper-body"
    """upper-body: the legs hold a stand; full-body: torso and legs dance on planted soles."""
    stand: str = "StandInit"
    """Named posture the legs hold, and the start and end posture unless those are named."""
    start_posture: str | None = None
    """Named standing posture to start in; None: the stand."""
    end_posture: str | None = None
    """Named standing posture to end in; None: the stand."""
    knot_rate_hz: float = 25.0
    """Control points of the cubic B-spline per second of robot time."""
    plan_rate_hz: float = 100.0
    """Samples per second of the finished plan; a multiple of knot_rate_hz."""
    limit_share: float = 0.98
    """Share of the velocity and acceleration limits that the planner uses."""
    acceleration_per_velocity_per_s: float = 8.0
    """Acceleration limit over velocity limit (no source states one)."""
    minimum_clearance_m: float = 0.005
    """Distance kept between parts of the body."""
    zmp_margin_m: float = 0.01
    """Distance kept between the ZMP and the edge of the support."""
    full_body_margin_m: float = 0.04
    """The same while torso and legs move on both soles (balance: full-body)."""
    single_support_margin_m: float = 0.025
    """The same while one sole carries the robot (balance: full-body)."""
    lead_in_s: float = 2.0
    """Time to get from the start posture into the dance."""
    lead_out_s: float = 2.0
    """Time to get from the dance into the end posture."""

    def __post_init__(self) -> None:
        _require(self.solver in {"whole-song", "ikpy"}, "solver must be whole-song or ikpy")
        _require(self.tempo in TEMPO_MODES, f"tempo must be one of {', '.join(TEMPO_MODES)}")
        _require(self.balance in BALANCE_MODES, f"balance must be {' or '.join(BALANCE_MODES)}")
        if isinstance(self.slow_motion, str):
            _require(self.slow_motion == "auto", "slow_motion must lie in 1..8 or be auto")
            _require(self.tempo == "slow", "slow_motion: auto needs tempo: slow")
        else:
            _require(1.0 <= self.slow_motion <= 8.0, "slow_motion must lie in 1..8")
            _require(
                self.tempo != "keep" or self.slow_motion == 1.0, "slow_motion needs tempo: slow"
            )
        _require(0.3 <= self.vigour <= 1.0, "vigour must lie in 0.3..1")
        _require(0.1 <= self.limit_share <= 1.0, "limit_share must lie in 0.1..1")
        _require(
            self.acceleration_per_velocity_per_s > 0.0,
            "acceleration_per_velocity_per_s must be positive",
        )
        ratio = self.plan_rate_hz / max(self.knot_rate_hz, 1e-9)
        _require(
            self.plan_rate_hz >= 100.0 and ratio >= 1.0 and ratio == int(ratio),
            "plan_rate_hz must be at least 100 and a multiple of knot_rate_hz",
        )
        _require(0.5 <= self.lead_in_s <= 30.0, "lead_in_s must lie in 0.5..30")
        _require(0.5 <= self.lead_out_s <= 30.0, "lead_out_s must lie in 0.5..30")

    @property
    def slow_factor(self) -> float:
        """Robot seconds per song second; 1 while ``auto`` has not been settled."""
        return 1.0 if isinstance(self.slow_motion, str) else self.slow_motion

    @property
    def used_share(self) -> float:
        """Share of the velocity and acceleration limits that the planner uses."""
        return self.limit_share * self.vigour

    @property
    def joints_left_alone(self) -> tuple[str, ...]:
        """Names of the joints that hold their start posture."""
        return tuple(name.strip() for name in (self.leave_alone or "").split(",") if name.strip())


@dataclass(frozen=True)
class SimulationConfig:
    """How PyBullet is driven."""

    gui: bool = False
    """Show a window and run in real time; otherwise as fast as it can."""
    physics_rate_hz: int = 240
    """Physics steps per second."""
    solver_iterations: int = 100
    """Constraint solver iterations per step (fewer let the robot lean)."""
    servo_lag_s: float = 0.025
    """Time constant of the simulated motors."""
    friction: float = 0.8
    """Friction coefficient between soles and floor."""
    log_rate_hz: int = 60
    """Samples per second of the log; divides physics_rate_hz."""

    def __post_init__(self) -> None:
        _require(self.physics_rate_hz >= 100, "physics_rate_hz must be at least 100")
        _require(self.solver_iterations >= 1, "solver_iterations must be at least 1")
        _require(self.servo_lag_s > 0.0, "servo_lag_s must be positive")
        _require(
            self.log_rate_hz >= 1 and self.physics_rate_hz % self.log_rate_hz == 0,
            "log_rate_hz must divide physics_rate_hz",
        )


@dataclass(frozen=True)
class VerificationConfig:
    """How a full-body plan is tried in simulation before it is danced."""

    disturbances: str = "pushes, lag"
    """Tried beside the undisturbed plan, separated by commas: pushes, lag, torque, tilt, heavier,
    friction, com, backlash; all: these eight; none: no verification at all."""
    nominal_tilt_deg: float = 2.0
    """The trunk may lean this much beside the plan without disturbance."""
    disturbed_tilt_deg: float = 6.0
    """The same under a disturbance."""
    rounds: int = 6
    """How often a plan is tried at most; before the last time all sway is left out."""

    def __post_init__(self) -> None:
        _require(self.nominal_tilt_deg > 0.0, "nominal_tilt_deg must be positive")
        _require(self.disturbed_tilt_deg > 0.0, "disturbed_tilt_deg must be positive")
        _require(self.rounds >= 1, "rounds must be at least 1")

    @property
    def disturbance_names(self) -> tuple[str, ...]:
        """The disturbances, by name."""
        return tuple(name.strip() for name in self.disturbances.split(",") if name.strip())


@dataclass(frozen=True)
class RecordingConfig:
    """How the film is made."""

    width: int = 1280
    """Picture width in pixels (even)."""
    height: int = 720
    """Picture height in pixels (even)."""
    frame_rate_hz: int = 25
    """Pictures per second."""
    renderer: str = "auto"
    """auto: the fastest present; egl: PyBullet's OpenGL; tiny: PyBullet's software renderer."""
    crf: int = 20
    """H.264 quality, smaller is better."""
    processes: int = 0
    """Processes that draw; 0: one for each processor, at most 8."""

    def __post_init__(self) -> None:
        _require(self.renderer in {"auto", "egl", "tiny"}, "renderer must be auto, egl or tiny")
        _require(
            self.width > 0 and self.height > 0 and self.width % 2 == 0 and self.height % 2 == 0,
            "width and height must be positive and even",
        )
        _require(1 <= self.frame_rate_hz <= 120, "frame_rate_hz must lie in 1..120")
        _require(0 <= self.processes <= 64, "processes must lie in 0..64")


@dataclass(frozen=True)
class PerformConfig:
    """All settings of ``robodance perform``."""

    robot: str = "nao_v6"
    """Robot description: the name of a file in configs/robots, or a path."""
    seed: int = 0
    """Same song, same seed: same dance."""
    audio: AudioConfig = field(default_factory=AudioConfig)
    choreography: ChoreographyConfig = field(default_factory=ChoreographyConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    verification: VerificationConfig = field(default_factory=VerificationConfig)
    recording: RecordingConfig = field(default_factory=RecordingConfig)

    def __post_init__(self) -> None:
        _require(0 <= self.seed < 2**32, "seed must lie in 0..4294967295")


@dataclass(frozen=True)
class ShowOutputs:
    """What a show leaves behind, besides plan, dance and report."""

    folder: str | None = None
    """Folder relative to the show file; None: performances/<song>-<seed>."""
    film: bool = False
    """Whether to record film.mp4."""


@dataclass(frozen=True)
class ShowConfig:
    """A show file: one performance, with all it needs, in a few lines.

    Settings that it leaves out (None) stay as the configuration file has them.
    """

    song: str
    """The song; a path relative to the show file."""
    genre: str | None = None
    """As ``audio.genre``."""
    seed: int | None = None
    """As ``seed``."""
    tempo: str | None = None
    """As ``motion.tempo``."""
    slow_motion: float | str | None = None
    """As ``motion.slow_motion``."""
    balance: str | None = None
    """As ``motion.balance``."""
    robot: str | None = None
    """As ``robot``."""
    backend: str = "simulation"
    """simulation, or none to stop at the plan."""
    from_s: float = 0.0
    """Where in the song the performance begins."""
    to_s: float | None = None
    """Where in the song it ends; None: at the end."""
    outputs: ShowOutputs = field(default_factory=ShowOutputs)

    def __post_init__(self) -> None:
        _require(self.backend in {"simulation", "none"}, "backend must be simulation or none")

    def settings(self) -> dict[str, Any]:
        """Return what the show says about the settings of ``perform``, by dotted key."""
        return said({
            "seed": self.seed,
            "robot": self.robot,
            "audio.genre": self.genre,
            "motion.tempo": self.tempo,
            "motion.slow_motion": self.slow_motion,
            "motion.balance": self.balance,
        })


def said(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a show or the flags really give: those that are not None.

    Tempo and slow motion are said together: a factor alone means ``slow``, and ``keep``
    takes back the factor of whoever spoke before.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    if "motion.slow_motion" in given:
        given.setdefault("motion.tempo", "slow")
    elif given.get("motion.tempo") == "keep":
        given["motion.slow_motion"] = 1.0
    return given


def load_show(path: Path | str) -> ShowConfig:
    """Read a show file; its song becomes a path that works from anywhere.

    Raises:
        ConfigError: The file cannot be read, or holds an unknown key or a wrong value.
    """
    file = Path(path)
    show = from_dict(ShowConfig, read_yaml(file), where=str(path))
    outputs = dataclasses.replace(
        show.outputs, folder=_beside(file, show.outputs.folder) if show.outputs.folder else None
    )
    return dataclasses.replace(show, song=_beside(file, show.song), outputs=outputs)


@dataclass(frozen=True)
class TrainConfig:
    """All settings of ``robodance train autoregressive``."""

    genre: str = "rumba"
    """What to learn: cha-cha, rumba, tango or waltz."""
    seed: int = 0
    """Same data, same seed: same weights."""
    updates: int = 4000
    """Steps of the optimiser."""
    batch: int = 48
    """Roll-outs per update."""
    rollout: int = 8
    """Frames per roll-out; gradients go through all of them."""
    learning_rate: float = 3e-4
    """Of Adam; falls along a cosine over the last 40 %."""
    forced_until: float = 0.6
    """Share of the run after which the network only sees its own poses."""
    history_noise: float = 0.05
    """Noise on the history, standard deviations."""
    history_kick: float = 0.5
    """Constant offset of a whole history, standard deviations, so that drift is unlearned."""
    history_swap: float = 0.05
    """Share of roll-outs that begin with the history of another moment."""
    speed_weight: float = 2.0
    """Weight of the error of the speed against the error of the pose."""
    music_dropout: float = 0.3
    """Share of roll-outs without music."""
    chain_beats: int = 4000
    """Length of the chain of units drawn for training."""
    average: float = 0.998
    """Of the running mean of the weights, which is what ships."""
    gate_every: int = 1000
    """Updates between two free runs, in the second half; the best one ships."""
    trial_dances: int = 6
    """Dances of such a free run, without music."""
    trial_frames: int = 2400
    """Frames of each of them."""
    gate_dances: int = 10
    """Dances of the last free run, whose figures the card carries."""
    gate_frames: int = 5000
    """Frames of each of them."""
    save_every: int = 250
    """Updates between two states on disk, from which a run goes on."""
    width: float = 1.0
    """Width of the network against the paper's; small ones are for trying things out."""
    threads: int = 1
    """Processor threads."""

    def __post_init__(self) -> None:
        _require(self.genre in GENRES, f"genre must be one of {GENRES}")
        _require(0.05 <= self.width <= 4.0, "width must lie in 0.05..4")
        _require(self.save_every >= 1, "save_every must be at least 1")
        _require(
            min(self.trial_dances, self.gate_dances) >= 1
            and min(self.trial_frames, self.gate_frames) >= 100,
            "a free run needs at least 1 dance of at least 100 frames",
        )
        _require(self.updates >= 1 and self.batch >= 1, "updates and batch must be at least 1")
        _require(1 <= self.rollout <= 64, "rollout must lie in 1..64")
        _require(self.chain_beats >= 64, "chain_beats must be at least 64")
        _require(0.0 < self.average < 1.0, "average must lie in 0..1")
        _require(self.gate_every >= 1, "gate_every must be at least 1")


def load_config(path: Path | str | None = None) -> PerformConfig:
    """Read the settings of ``perform`` from a YAML file.

    Args:
        path: The file; None gives the defaults.

    Raises:
        ConfigError: The file cannot be read, or holds an unknown key or a wrong value.
    """
    if path is None:
        return PerformConfig()
    file = Path(path)
    config = from_dict(PerformConfig, read_yaml(file), where=str(path))
    files = {
        key: _beside(file, value)
        for key, value in {
            "audio.beats_file": config.audio.beats_file,
            "choreography.weights": config.choreography.weights,
        }.items()
        if value is not None
    }
    return override(config, files, where=str(path))


def _beside(file: Path, name: str) -> str:
    """Return a path that a YAML file names, seen from that file's own folder."""
    return str(file.parent / Path(name).expanduser())


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)
