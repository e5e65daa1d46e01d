"""How weights are trained."""

from __future__ import annotations

from dataclasses import dataclass

from robodance.config.audio import GENRES
from robodance.settings import require

__all__ = ["TrainConfig"]


@dataclass(frozen=True)
class TrainConfig:
    """All settings of ``robodance train autoregressive``."""

    genre: str = "rumba"
    """What to learn: cha-cha, rumba, tango or waltz."""
    seed: int = 0
    """Same data, same seed: same weights."""
    updates: int = 4000
    """Steps of the optimiser."""
    batch: int = 48
    """Roll-outs per update."""
    rollout: int = 8
    """Frames per roll-out; gradients go through all of them."""
    learning_rate: float = 3e-4
    """Of Adam; falls along a cosine over the last 40 %."""
    forced_until: float = 0.6
    """Share of the run after which the network only sees its own poses."""
    history_noise: float = 0.05
    """Noise on the history, standard deviations."""
    history_kick: float = 0.5
    """Constant offset of a whole history, standard deviations, so that drift is unlearned."""
    history_swap: float = 0.05
    """Share of roll-outs that begin with the history of another moment."""
    speed_weight: float = 2.0
    """Weight of the error of the speed against the error of the pose."""
    music_dropout: float = 0.3
    """Share of roll-outs without music."""
    chain_beats: int = 4000
    """Length of the chain of units drawn for training."""
    average: float = 0.998
    """Of the running mean of the weights, which is what ships."""
    gate_every: int = 1000
    """Updates between two free runs, in the second half; the best one ships."""
    trial_dances: int = 6
    """Dances of such a free run, without music."""
    trial_frames: int = 2400
    """Frames of each of them."""
    gate_dances: int = 10
    """Dances of the last free run, whose figures the card carries."""
    gate_frames: int = 5000
    """Frames of each of them."""
    save_every: int = 250
    """Updates between two states on disk, from which a run goes on."""
    width: float = 1.0
    """Width of the network against the paper's; small ones are for trying things out."""
    threads: int = 1
    """Processor threads."""

    def __post_init__(self) -> None:
        require(self.genre in GENRES, f"genre must be one of {GENRES}")
        require(0.05 <= self.width <= 4.0, "width must lie in 0.05..4")
        require(self.save_every >= 1, "save_every must be at least 1")
        require(
            min(self.trial_dances, self.gate_dances) >= 1
            and min(self.trial_frames, self.gate_frames) >= 100,
            "a free run needs at least 1 dance of at least 100 frames",
        )
        require(self.updates >= 1 and self.batch >= 1, "updates and batch must be at least 1")
        require(1 <= self.rollout <= 64, "rollout must lie in 1..64")
        require(self.chain_beats >= 64, "chain_beats must be at least 64")
        require(0.0 < self.average < 1.0, "average must lie in 0..1")
        require(self.gate_every >= 1, "gate_every must be at least 1")
