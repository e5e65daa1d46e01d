"""Every setting, its default and its meaning: the only home of defaults.

The configuration is a tree of frozen dataclasses, one file for each stage. YAML fills it
(``load_config``), flags and shows change it (``settings.override``); an unknown key or a
wrong type is a ``ConfigError`` that names the key. ``configs/perform.yaml`` shows the same
tree to people; a test compares the two.
"""

from robodance.config.audio import GENRES, AudioConfig, genre_shares
from robodance.config.choreography import ChoreographyConfig
from robodance.config.evaluate import EvaluateConfig
from robodance.config.motion import MotionConfig
from robodance.config.perform import PerformConfig, load_config
from robodance.config.performance import RecordingConfig, SimulationConfig, VerificationConfig
from robodance.config.robot import NaoqiConfig
from robodance.config.show import ShowConfig, ShowOutputs, load_show, said
from robodance.config.speed_up import SpeedUpConfig
from robodance.config.train import (
    EncoderTrainConfig,
    GenreTrainConfig,
    TrainConfig,
    as_printed,
)

__all__ = [
    "GENRES",
    "AudioConfig",
    "ChoreographyConfig",
    "EncoderTrainConfig",
    "EvaluateConfig",
    "GenreTrainConfig",
    "MotionConfig",
    "NaoqiConfig",
    "PerformConfig",
    "RecordingConfig",
    "ShowConfig",
    "ShowOutputs",
    "SimulationConfig",
    "SpeedUpConfig",
    "TrainConfig",
    "VerificationConfig",
    "as_printed",
    "genre_shares",
    "load_config",
    "load_show",
    "said",
]
