"""How a song is heard."""

from __future__ import annotations

from dataclasses import dataclass

from robodance.settings import require

__all__ = ["GENRES", "AudioConfig"]

GENRES = ("cha-cha", "rumba", "tango", "waltz")


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
        require(self.genre is None or self.genre in GENRES, f"genre must be one of {GENRES}")
        require(self.bpm is None or 20.0 <= self.bpm <= 400.0, "bpm must lie in 20..400")
        require(
            0.0 < self.minimum_tempo_bpm < self.maximum_tempo_bpm,
            "minimum_tempo_bpm must be positive and under maximum_tempo_bpm",
        )
