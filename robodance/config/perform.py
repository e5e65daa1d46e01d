"""All settings of ``robodance perform``, and the file that gives them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from robodance.config.audio import AudioConfig
from robodance.config.choreography import ChoreographyConfig
from robodance.config.motion import MotionConfig
from robodance.config.performance import RecordingConfig, SimulationConfig, VerificationConfig
from robodance.config.robot import NaoqiConfig
from robodance.settings import beside, from_dict, override, read_yaml, require

__all__ = ["PerformConfig", "load_config"]


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
    naoqi: NaoqiConfig = field(default_factory=NaoqiConfig)
    recording: RecordingConfig = field(default_factory=RecordingConfig)

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**32, "seed must lie in 0..4294967295")

    def danced_in(self, backend: str | None) -> PerformConfig:
        """Return the settings with ``motion.balance`` decided by who dances."""
        if self.motion.balance != "auto":
            return self
        balance = "full-body" if backend == "simulation" else "upper-body"
        return replace(self, motion=replace(self.motion, balance=balance))


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
        key: beside(file, value)
        for key, value in {
            "audio.beats_file": config.audio.beats_file,
            "choreography.weights": config.choreography.weights,
            "choreography.encoder_weights": config.choreography.encoder_weights,
            "choreography.projection": config.choreography.projection,
        }.items()
        if value is not None
    }
    return override(config, files, where=str(path))
