"""How a physical robot is reached and looked after."""

from __future__ import annotations

from dataclasses import dataclass

from robodance.settings import require

__all__ = ["NaoqiConfig"]


@dataclass(frozen=True)
class NaoqiConfig:
    """How a physical NAO is reached and looked after; thresholds are chosen by us."""

    address: str | None = None
    """HOST, HOST:PORT, or a tcp:// or tcps:// URL; None: no robot."""
    user: str = "nao"
    """Who logs in where a password is needed (ROBODANCE_ROBOT_PASSWORD, or asked for)."""
    ssh_port: int | None = None
    """Port at which it takes files (sftp); None: OpenSSH's own choice."""
    ssh_config: str | None = None
    """File of OpenSSH settings (key, known hosts) for that; None: your own."""
    unasked: bool = False
    """Whether the robot may move without asking first (--yes)."""
    sound: str = "robot"
    """robot: on its speaker; computer: on this computer's; none: in silence, timed by this one."""
    sound_delay_s: float = 0.0
    """How much later the speaker is heard than its clock says (robodance calibrate latency)."""
    volume: int = 60
    """Loudest volume of its speaker, 0..100."""
    lights: bool = False
    """Whether its eyes flash on the beat, less than three times a second."""
    interpolation: str = "auto"
    """bezier, linear, or auto: whichever follows the plan closer."""
    call_timeout_s: float = 5.0
    """How long a call may take to be answered before the dance."""
    lost_after_s: float = 1.5
    """In the dance, a link that answers nothing for so long is lost."""
    reconnect_s: float = 30.0
    """How long a lost robot is called again to bring it to rest."""
    minimum_battery: float = 30.0
    """Percent of charge to begin with."""
    stop_below_battery: float = 10.0
    """Percent of charge at which the dance ends."""
    hot_c: float = 75.0
    """Joint temperature from which a dance does not begin; in the dance the robot's own warning
    counts."""
    maximum_duration_s: float = 360.0
    """Longest dance in one go."""
    cool_down: float = 0.5
    """Rest before the next dance, as a share of the last one's length."""
    first_vigour: float = 0.5
    """Vigour of the first dance on a robot that has not danced before."""
    blocked_rad: float = 0.35
    """A joint so far from the plan for half a second is blocked."""

    def __post_init__(self) -> None:
        require(
            self.sound in {"robot", "computer", "none"}, "sound must be robot, computer or none"
        )
        require(abs(self.sound_delay_s) <= 1.0, "sound_delay_s must lie in -1..1")
        require(
            self.interpolation in {"auto", "bezier", "linear"},
            "interpolation must be auto, bezier or linear",
        )
        require(0 <= self.volume <= 100, "volume must lie in 0..100")
        require(self.ssh_port is None or 0 < self.ssh_port < 65536, "ssh_port must lie in 1..65535")
        require(0.3 <= self.first_vigour <= 1.0, "first_vigour must lie in 0.3..1")
        require(
            min(self.call_timeout_s, self.lost_after_s) >= 0.2 and self.reconnect_s >= 0.0,
            "call_timeout_s and lost_after_s must be at least 0.2, reconnect_s at least 0",
        )
