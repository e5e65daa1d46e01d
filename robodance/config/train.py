"""How weights are trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

from robodance.config.audio import GENRES
from robodance.settings import require

__all__ = ["EncoderTrainConfig", "GenreTrainConfig", "TrainConfig", "as_printed"]


@dataclass(frozen=True)
class TrainConfig:
    """All settings of ``robodance train autoregressive``."""

    genre: str = "rumba"
    """What to learn: cha-cha, rumba, tango, waltz, or all: one network that can mix them."""
    variant: str = "improved"
    """improved; or printed: as Ahn et al. print it, for comparison (see ``as_printed``)."""
    features: str = "spine"
    """What the network is told of the music: spine (named features) or encoder."""
    encoder_weights: str | None = None
    """Weight file of the music encoder; None: the shipped one (features: encoder)."""
    start_from: str | None = None
    """Weight file, or folder of weight files, to begin with; None: numbers drawn by the seed."""
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
    shards: int = 2
    """Parts of an update; under torchrun the processes share them out."""
    device: str = "auto"
    """cpu, cuda, or auto: a GPU where there is one."""
    threads: int = 1
    """Processor threads."""

    def __post_init__(self) -> None:
        require(self.genre in {*GENRES, "all"}, f"genre must be one of {GENRES}, or all")
        require(self.variant in {"improved", "printed"}, "variant must be improved or printed")
        require(self.features in {"spine", "encoder"}, "features must be spine or encoder")
        require(
            self.variant == "improved" or self.genre != "all",
            "variant printed has one network per genre; choose a genre",
        )
        require(self.device in {"auto", "cpu", "cuda"}, "device must be auto, cpu or cuda")
        require(0.05 <= self.width <= 4.0, "width must lie in 0.05..4")
        require(self.save_every >= 1, "save_every must be at least 1")
        require(
            min(self.trial_dances, self.gate_dances) >= 1
            and min(self.trial_frames, self.gate_frames) >= 100,
            "a free run needs at least 1 dance of at least 100 frames",
        )
        require(self.updates >= 1 and self.batch >= 1, "updates and batch must be at least 1")
        require(
            self.shards >= 1 and self.batch % self.shards == 0,
            "batch must be a multiple of shards",
        )
        require(1 <= self.rollout <= 64, "rollout must lie in 1..64")
        require(self.chain_beats >= 64, "chain_beats must be at least 64")
        require(0.0 < self.average < 1.0, "average must lie in 0..1")
        require(self.gate_every >= 1, "gate_every must be at least 1")


def as_printed(config: TrainConfig) -> TrainConfig:
    """Return settings with what the paper states: learning rate, schedule, a plain L1 error.

    Batch, roll-out and length of the run are not stated and stay as they are.
    """
    return replace(
        config,
        variant="printed",
        learning_rate=1e-5,
        history_noise=0.0,
        history_kick=0.0,
        history_swap=0.0,
        speed_weight=0.0,
        music_dropout=0.0,
        average=1e-6,  # the weights themselves
    )


@dataclass(frozen=True)
class EncoderTrainConfig:
    """All settings of ``robodance train encoder``."""

    mode: str = "multitask"
    """multitask: tempo, beat phase and onset; bpm: the tempo alone, as the paper has it."""
    seed: int = 0
    """Same data, same seed: same weights."""
    updates: int = 4000
    """Steps of the optimiser."""
    excerpts: int = 12
    """Excerpts of songs per update."""
    windows: int = 11
    """Windows of two seconds in each excerpt, a fifth of a second apart."""
    real: float = 0.5
    """Share of excerpts from real songs; the others are synthesised."""
    shards: int = 2
    """Parts of an update, each with its own batch norm; processes share them."""
    learning_rate: float = 1.5e-3
    """Of Adam; falls along a cosine over the last 70 %."""
    average: float = 0.995
    """Of the running mean of the weights, which is what ships."""
    plan: str = "exact"
    """Subsampling: exact (7,7,5,3,3,2,1,1,1,1) or paper (4,4,2x8, one window per excerpt)."""
    pooling: str = "centred"
    """Gaussian window over time: centred on the frame, or printed as in the paper."""
    dropout: float = 0.1
    """After each block."""
    width: float = 1.0
    """Width of the lower blocks against the paper's; small ones are for trying things out."""
    held_out: str = "C/8,R/9,T/7,W/7"
    """Songs that are never trained on, to be judged by; separated by commas."""
    judge_songs: int = 48
    """Synthesised songs that the card's figures are measured on, of seeds never trained on."""
    save_every: int = 50
    """Updates between two states on disk, from which a run goes on."""
    note_every: int = 25
    """Updates between two rows of the curves."""
    threads: int = 1
    """Processor threads."""
    device: str = "auto"
    """cpu, cuda, or auto: a GPU where there is one."""

    def __post_init__(self) -> None:
        require(self.mode in {"bpm", "multitask"}, "mode must be bpm or multitask")
        require(self.plan in {"exact", "paper"}, "plan must be exact or paper")
        require(self.plan == "exact" or self.windows == 1, "plan paper needs windows = 1")
        require(self.pooling in {"centred", "printed"}, "pooling must be centred or printed")
        require(self.device in {"auto", "cpu", "cuda"}, "device must be auto, cpu or cuda")
        require(self.updates >= 1 and self.windows >= 1, "updates and windows must be at least 1")
        require(
            self.shards >= 1 and self.excerpts % self.shards == 0 and self.excerpts >= 1,
            "excerpts must be a multiple of shards",
        )
        require(0.0 <= self.real <= 1.0, "real must lie in 0..1")
        require(0.0 <= self.dropout < 1.0, "dropout must lie in 0..1")
        require(0.0 < self.average < 1.0, "average must lie in 0..1")
        require(0.1 <= self.width <= 4.0, "width must lie in 0.1..4")
        require(
            min(self.save_every, self.note_every, self.judge_songs) >= 1,
            "save_every, note_every and judge_songs must be at least 1",
        )


@dataclass(frozen=True)
class GenreTrainConfig:
    """All settings of ``robodance train genre``."""

    seed: int = 0
    """Same data, same seed: same weights."""
    features: str = "spine"
    """What the frames' classifier listens to: spine (named features) or encoder."""
    encoder_weights: str | None = None
    """Weight file of the music encoder; None: the shipped one (features: encoder)."""
    updates: int = 150
    """Steps of the optimiser for each network of the frames' classifier."""
    batch: int = 64
    """Windows of 30 frames per step."""
    learning_rate: float = 1e-3
    """Of Adam; falls along a cosine."""
    frames: bool = True
    """Whether to measure the frames' classifier at all: it takes most of the time."""

    def __post_init__(self) -> None:
        require(self.features in {"spine", "encoder"}, "features must be spine or encoder")
        require(min(self.updates, self.batch) >= 1, "updates and batch must be at least 1")
