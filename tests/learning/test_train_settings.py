"""configs/train shows every setting of training with its default."""

from robodance.config import TrainConfig
from robodance.settings import as_dict, from_dict, read_yaml


def test_the_shown_settings_are_the_defaults(repository):
    shown = read_yaml(repository / "configs" / "train" / "autoregressive.yaml")
    assert shown == as_dict(TrainConfig())
    assert from_dict(TrainConfig, shown, where="shown") == TrainConfig()
