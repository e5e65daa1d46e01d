"""How a plan is tried, danced and filmed."""

from __future__ import annotations

from dataclasses import dataclass

from robodance.settings import require

__all__ = ["RecordingConfig", "SimulationConfig", "VerificationConfig"]


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
    inertial_feedback: bool = True
    """Whether ankles, hips and the clock answer the trunk's lean in dances with steps."""
    weight_shift: bool = True
    """Whether the trunk answers where the soles press at the start (with inertial_feedback)."""
    log_rate_hz: int = 60
    """Samples per second of the log; divides physics_rate_hz."""

    def __post_init__(self) -> None:
        require(self.physics_rate_hz >= 100, "physics_rate_hz must be at least 100")
        require(self.solver_iterations >= 1, "solver_iterations must be at least 1")
        require(self.servo_lag_s > 0.0, "servo_lag_s must be positive")
        require(
            self.log_rate_hz >= 1 and self.physics_rate_hz % self.log_rate_hz == 0,
            "log_rate_hz must divide physics_rate_hz",
        )


@dataclass(frozen=True)
class VerificationConfig:
    """How a full-body plan is tried in simulation before it is danced."""

    disturbances: str = "all"
    """Tried beside the undisturbed plan, separated by commas: pushes, lag, com, backlash, together
    (everything at once), together_left, _back, _right (floor and weight off to there); all: these
    eight; tilt, friction, torque, heavier, lighter; none: no verification at all."""
    nominal_tilt_deg: float = 2.0
    """The trunk may lean this much beside the plan without disturbance."""
    disturbed_tilt_deg: float = 6.0
    """The same under a disturbance."""
    together_tilt_deg: float = 10.0
    """The same under all of them at once, where it is to stay on its feet."""
    rounds: int = 8
    """How often a passage is tried at most; before the last three times its phrase ends as
    upper-body, then the dance loses its steps, then the dance ends as upper-body."""

    def __post_init__(self) -> None:
        require(self.nominal_tilt_deg > 0.0, "nominal_tilt_deg must be positive")
        require(self.disturbed_tilt_deg > 0.0, "disturbed_tilt_deg must be positive")
        require(self.together_tilt_deg > 0.0, "together_tilt_deg must be positive")
        require(self.rounds >= 1, "rounds must be at least 1")

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
    camera_path: str = "front"
    """front: the camera stands; orbit: it goes around the robot; beat: it moves with the bars."""
    side_by_side: bool = False
    """Whether the dancer whom the robot follows stands beside it."""
    overlay: bool = False
    """Whether title, tempo and beats are written into the pictures."""
    floor_plan: bool = False
    """Whether soles, support polygon, ZMP and centre of mass are drawn from above in a corner."""
    camera: str | None = None
    """Camera that films instead of drawing: a device, or a film that plays as one; None: drawn."""
    clock: str = "music"
    """music: a slow dance is shown at the music's speed; robot: at its own."""
    slow_audio: str = "stretched"
    """What is heard while a slow dance is performed: the song, stretched; clicks on the beats; or
    silent."""
    chirps: str = "auto"
    """Two chirps by which a camera's film is matched with the dance: always, never, or auto: in
    slow motion that is not silent."""

    def __post_init__(self) -> None:
        require(self.renderer in {"auto", "egl", "tiny"}, "renderer must be auto, egl or tiny")
        require(
            self.width > 0 and self.height > 0 and self.width % 2 == 0 and self.height % 2 == 0,
            "width and height must be positive and even",
        )
        require(1 <= self.frame_rate_hz <= 120, "frame_rate_hz must lie in 1..120")
        require(0 <= self.processes <= 64, "processes must lie in 0..64")
        require(
            self.camera_path in {"front", "orbit", "beat"},
            "camera_path must be front, orbit or beat",
        )
        require(self.clock in {"music", "robot"}, "clock must be music or robot")
        require(
            self.slow_audio in {"stretched", "clicks", "silent"},
            "slow_audio must be stretched, clicks or silent",
        )
        require(self.chirps in {"auto", "always", "never"}, "chirps must be auto, always or never")
