"""How a song is heard."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from robodance.errors import ConfigError
from robodance.settings import require

__all__ = ["GENRES", "AudioConfig", "genre_shares"]

GENRES = ("cha-cha", "rumba", "tango", "waltz")


@dataclass(frozen=True)
class AudioConfig:
    """How a song is heard."""

    bpm: float | None = None
    """Tempo given by a person; None: estimated."""
    beats_file: str | None = None
    """Text file of beats (seconds, then optionally the beat's number in the bar)."""
    genre: str | None = None
    """Genre given by a person, or a mixture (tango:0.7,rumba:0.3); None: classified."""
    minimum_tempo_bpm: float = 55.0
    """Slowest tempo that is looked for."""
    maximum_tempo_bpm: float = 190.0
    """Fastest tempo that is looked for."""
    warn_below_confidence: float = 0.5
    """Beat confidence under which a warning says how to help."""

    def __post_init__(self) -> None:
        if self.genre is not None:
            genre_shares(self.genre)
        require(self.bpm is None or 20.0 <= self.bpm <= 400.0, "bpm must lie in 20..400")
        require(
            0.0 < self.minimum_tempo_bpm < self.maximum_tempo_bpm,
            "minimum_tempo_bpm must be positive and under maximum_tempo_bpm",
        )


def genre_shares(text: str) -> dict[str, float]:
    """Read a genre or a mixture of genres: ``tango``, or ``tango:0.7,rumba:0.3``.

    Genres without a share of their own get equal ones, if none of them has any.

    Returns:
        Shares that sum to 1, the largest first.

    Raises:
        ConfigError: A genre is unknown or comes twice, or a share is no positive number.
    """
    shares: dict[str, float] = {}
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        name, colon, share = part.partition(":")
        name = name.strip()
        if name not in GENRES:
            near = get_close_matches(name, GENRES, n=1)
            advice = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"genre must be one of {GENRES}, found {name!r}{advice}")
        require(name not in shares, f"genre {text!r} names {name} twice")
        require(bool(colon) == (":" in text), f"genre {text!r}: give every genre a share, or none")
        try:
            shares[name] = float(share) if colon else 1.0
        except ValueError:
            shares[name] = -1.0
        require(0.0 < shares[name] < 1e6, f"genre {text!r}: the share {share!r} is not positive")
    total = sum(shares.values())
    ordered = sorted(shares, key=lambda name: -shares[name])
    return {name: shares[name] / total for name in ordered}
