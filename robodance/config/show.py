"""Shows: one performance, with all it needs, in a file of a few lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robodance.settings import beside, from_dict, read_yaml, require

__all__ = ["ShowConfig", "ShowOutputs", "load_show", "said"]


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
        require(self.backend in {"simulation", "none"}, "backend must be simulation or none")

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
        show.outputs, folder=beside(file, show.outputs.folder) if show.outputs.folder else None
    )
    return dataclasses.replace(show, song=beside(file, show.song), outputs=outputs)
