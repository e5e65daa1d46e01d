"""How dances are judged."""

from __future__ import annotations

from dataclasses import dataclass

from robodance.settings import require

__all__ = ["EvaluateConfig"]


@dataclass(frozen=True)
class EvaluateConfig:
    """All settings of ``robodance evaluate``."""

    genres: str = "cha-cha, rumba, tango, waltz"
    """Which genres the data and the shipped generators are asked for."""
    seed: int = 0
    """Of the first unit split, the networks, every draw."""
    seeds: int = 10
    """Dances of each generator to each song."""
    dance_s: float = 48.0
    """Longest part of a dance that is judged, seconds."""
    splits: int = 1
    """Unit splits, each with its own held-out units; measures of real dance for each."""
    resamples: int = 1000
    """Bootstrap draws of an interval; Frechet distances take a twentieth of them."""
    novelty_segments: int = 120
    """Most 2-second segments of a row that are warped onto training segments."""
    tempi: str | None = "80, 120, 160"
    """Tempi at which shipped generators are compared, beats per minute; None: not."""
    tempo_seeds: int = 3
    """Dances at each of those tempi, genre by genre."""
    coded_beats: bool = True
    """Also hear music beats as published code does (librosa's onsets)."""

    def __post_init__(self) -> None:
        require(self.seeds >= 1, f"seeds must be at least 1, found {self.seeds}")
        require(self.splits >= 1, f"splits must be at least 1, found {self.splits}")
        require(self.resamples >= 40, f"resamples must be at least 40, found {self.resamples}")
        require(self.dance_s >= 4.0, f"dance_s must be at least 4, found {self.dance_s:g}")
        require(self.novelty_segments >= 1, "novelty_segments must be at least 1")
        require(self.tempo_seeds >= 1, f"tempo_seeds must be at least 1, found {self.tempo_seeds}")
        for bpm in self.tempo_list:
            require(30.0 <= bpm <= 300.0, f"tempi must lie in 30..300, found {bpm:g}")
        require(bool(self.genre_list), "genres names no genre")

    @property
    def genre_list(self) -> tuple[str, ...]:
        """The genres, one by one."""
        return tuple(name.strip() for name in self.genres.split(",") if name.strip())

    @property
    def tempo_list(self) -> tuple[float, ...]:
        """The tempi, one by one."""
        try:
            return tuple(float(text) for text in (self.tempi or "").split(",") if text.strip())
        except ValueError:
            require(False, f"tempi must be numbers with commas, found {self.tempi!r}")
            return ()
