"""How a dance is adapted to the robot."""

from __future__ import annotations

from dataclasses import dataclass

from robodance.settings import require

__all__ = ["MotionConfig"]

TEMPO_MODES = ("keep", "slow", "warp")
FOOTWORK = ("steps", "planted")
BALANCE_MODES = ("auto", "upper-body", "full-body")


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
    balance: str = "auto"
    """upper-body: the legs hold a stand; full-body: torso and legs dance, too; auto: full-body
    where a simulation dances, upper-body for a robot and wherever nobody dances yet."""
    footwork: str = "steps"
    """steps: feet lift and step where the dancer's strike; planted: both soles stay (balance:
    full-body)."""
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
    full_body_margin_m: float = 0.055
    """The same while torso and legs move on both soles (balance: full-body)."""
    single_support_margin_m: float = 0.03
    """The same while one sole carries the robot (balance: full-body)."""
    lead_in_s: float = 2.0
    """Time to get from the start posture into the dance."""
    lead_out_s: float = 2.0
    """Time to get from the dance into the end posture."""

    def __post_init__(self) -> None:
        require(self.solver in {"whole-song", "ikpy"}, "solver must be whole-song or ikpy")
        require(self.tempo in TEMPO_MODES, f"tempo must be one of {', '.join(TEMPO_MODES)}")
        require(self.balance in BALANCE_MODES, f"balance must be {', '.join(BALANCE_MODES)}")
        require(self.footwork in FOOTWORK, f"footwork must be {' or '.join(FOOTWORK)}")
        if isinstance(self.slow_motion, str):
            require(self.slow_motion == "auto", "slow_motion must lie in 1..8 or be auto")
            require(self.tempo == "slow", "slow_motion: auto needs tempo: slow")
        else:
            require(1.0 <= self.slow_motion <= 8.0, "slow_motion must lie in 1..8")
            require(
                self.tempo != "keep" or self.slow_motion == 1.0, "slow_motion needs tempo: slow"
            )
        require(0.3 <= self.vigour <= 1.0, "vigour must lie in 0.3..1")
        require(0.1 <= self.limit_share <= 1.0, "limit_share must lie in 0.1..1")
        require(
            self.acceleration_per_velocity_per_s > 0.0,
            "acceleration_per_velocity_per_s must be positive",
        )
        ratio = self.plan_rate_hz / max(self.knot_rate_hz, 1e-9)
        require(
            self.plan_rate_hz >= 100.0 and ratio >= 1.0 and ratio == int(ratio),
            "plan_rate_hz must be at least 100 and a multiple of knot_rate_hz",
        )
        require(0.5 <= self.lead_in_s <= 30.0, "lead_in_s must lie in 0.5..30")
        require(0.5 <= self.lead_out_s <= 30.0, "lead_out_s must lie in 0.5..30")

    @property
    def full_body(self) -> bool:
        """Whether torso and legs dance."""
        return self.balance == "full-body"

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
