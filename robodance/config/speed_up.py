"""How a film of a slow dance is brought to the music's speed."""

from __future__ import annotations

from dataclasses import dataclass

from robodance.settings import require

__all__ = ["SpeedUpConfig"]


@dataclass(frozen=True)
class SpeedUpConfig:
    """How a film of a slow dance is brought to the music's speed."""

    sync: str = "auto"
    """How the dance is found in the film's sound: chirps, song, or auto: either."""
    blend: bool = False
    """Blend all pictures that fall into one of the result, instead of taking the nearest."""
    frame_rate_hz: int | None = None
    """Pictures per second; None: as many as the film gives, 24 to 60."""
    height: int | None = None
    """Height of the picture; None: the film's own."""
    crf: int = 20
    """H.264 quality, smaller is better."""
    picture_delay_s: float = 0.0
    """How much later than its sound this camera's pictures are stamped."""

    def __post_init__(self) -> None:
        require(self.sync in {"auto", "chirps", "song"}, "sync must be auto, chirps or song")
        rate, height = self.frame_rate_hz, self.height
        require(rate is None or 1 <= rate <= 120, "frame_rate_hz must lie in 1..120")
        require(
            height is None or (16 <= height <= 4320 and height % 2 == 0),
            "height must be even and lie in 16..4320",
        )
        require(0 <= self.crf <= 51, "crf must lie in 0..51")
        require(abs(self.picture_delay_s) <= 1.0, "picture_delay_s must lie in -1..1")
