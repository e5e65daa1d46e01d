"""How a dance is imagined."""

from __future__ import annotations

from dataclasses import dataclass

from robodance.settings import require

__all__ = ["ChoreographyConfig"]


@dataclass(frozen=True)
class ChoreographyConfig:
    """How a dance is imagined."""

    generator: str = "autoregressive"
    """Generator family."""
    weights: str | None = None
    """Weight file to use instead of the shipped one of the genre."""
    features: str = "auto"
    """How the generator is told the music: auto (as its weights ask), spine or encoder."""
    encoder_weights: str | None = None
    """Weight file of the music encoder; None: the shipped one."""
    projection: str | None = None
    """Folder of the data sets: the nearest recorded motion dances; None: the network does."""
    frame_rate_hz: float = 25.0
    """Frames per second of the imagined dance."""

    def __post_init__(self) -> None:
        require(
            self.features in {"auto", "spine", "encoder"}, "features must be auto, spine or encoder"
        )
        require(10.0 <= self.frame_rate_hz <= 120.0, "frame_rate_hz must lie in 10..120")
