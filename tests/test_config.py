"""Settings: one home, shown in full, strict about what they are given."""

import importlib.util

import pytest
import yaml

from robodance.config import PerformConfig, load_config, load_show
from robodance.errors import ConfigError
from robodance.resources import config_path, launch_path
from robodance.settings import as_dict, from_dict, override


def golden_text(repository):
    script = repository / "tests" / "data" / "make_perform_yaml.py"
    spec = importlib.util.spec_from_file_location("make_perform_yaml", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.content()


def test_the_shown_settings_are_the_typed_ones():
    shown = yaml.safe_load(config_path("perform.yaml").read_text(encoding="utf-8"))
    assert shown == as_dict(PerformConfig())
    assert load_config(config_path("perform.yaml")) == PerformConfig()


def test_every_shown_setting_has_its_comment(repository):
    text = config_path("perform.yaml").read_text(encoding="utf-8")
    assert text == golden_text(repository), "run tests/data/make_perform_yaml.py"
    values = [line for line in text.splitlines() if ": " in line and not line.startswith("#")]
    assert len(values) > 30
    assert all("  # " in line for line in values if not line.lstrip().startswith("#"))


def test_an_unknown_key_names_its_neighbour(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("motion:\n  tempos: slow\n")
    with pytest.raises(ConfigError, match="unknown key 'tempos'; did you mean 'tempo'"):
        load_config(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: fast", "seed: expected int, found 'fast'"),
        ("seed: true", "seed: expected int, found True"),
        ("seed: -1", "seed must lie in"),
        ("motion: 3", "motion: expected 'key: value' lines"),
        ("motion: {tempo: warped}", "tempo must be"),
        ("motion: {slow_motion: 2.0}", "slow_motion needs tempo: slow"),
        ("motion: {plan_rate_hz: 130}", "a multiple of knot_rate_hz"),
        ("audio: {genre: polka}", "genre must be one of"),
        ("- a\n- b", "expected 'key: value' lines, found list"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_wrong_value_is_a_clear_error(tmp_path, text, message):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(file)
    assert "mine.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_file_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "noise.yaml").write_bytes(bytes(range(256)))
    with pytest.raises(ConfigError, match=r"noise\.yaml"):
        load_config(tmp_path / "noise.yaml")


def test_override_reaches_any_depth_and_leaves_the_rest():
    changed = override(PerformConfig(), {"motion.lead_in_s": 3, "seed": 7})
    assert changed.motion.lead_in_s == 3.0
    assert changed.seed == 7
    assert override(changed, {"motion.lead_in_s": 2.0, "seed": 0}) == PerformConfig()


def test_files_named_in_a_yaml_are_relative_to_it(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("audio: {beats_file: taps.txt}\n")
    assert load_config(file).audio.beats_file == str(tmp_path / "taps.txt")


def test_settings_survive_a_round_trip_through_plain_values():
    config = override(PerformConfig(), {"audio.bpm": 120, "motion.tempo": "slow"})
    assert from_dict(PerformConfig, as_dict(config), where="here") == config


@pytest.mark.parametrize("show", sorted(p.name for p in launch_path("shows").glob("*.yaml")))
def test_every_show_that_ships_can_be_read(show):
    assert load_show(launch_path("shows") / show).song.endswith(".ogg")
