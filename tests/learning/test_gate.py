"""THE GATE: the shipped weights dance by themselves as real dancers do.

For every genre, 10 seeds of 5,000 frames to songs rendered for this test, measured before
and after the body is cleaned, beside dances rebuilt from the training units and held-out
units. Those two come from the card; where the data are at hand they are measured again.
"""

import dataclasses

import numpy as np
import pytest

from robodance.choreography.beat_clock import FRAMES_PER_BEAT, beat_phases
from robodance.choreography.checkpoint import load_checkpoint
from robodance.choreography.generator import load_generator
from robodance.choreography.phrases import draw_phrases, lay_out
from robodance.choreography.sampling import rollout
from robodance.config import GENRES
from robodance.learning.dataset import load_library
from robodance.learning.gate import (
    GATE_FRAMES,
    GATE_SEEDS,
    Figures,
    failures,
    judge,
    reference_figures,
)
from robodance.learning.gate_song import gate_music
from robodance.resources import weights_path
from robodance.skeleton import LOCAL_POSITIONS
from robodance.values import FEATURE_DIM

CARD_ROUNDING = 2e-5  # cards keep five digits
BARS_APART_M = 0.06  # tango 0.044; waltz, when it read its place in a unit off the bar: over 0.09
PLATFORM = 0.05  # figures of one roll-out differ by processor; chaos, not quality


def weights_of(genre):
    return weights_path(f"autoregressive_{genre}.safetensors")


@pytest.fixture(scope="module", params=GENRES)
def judged(request):
    genre = request.param
    generator = load_generator("autoregressive", weights_of(genre))
    card = generator.card
    reference = {name: Figures(**values) for name, values in card["reference"].items()}
    verdict = judge(
        generator.net,
        generator.vocabulary,
        generator.normaliser,
        gate_music(card["beat_s"], card["beats_per_bar"], count=GATE_SEEDS, seed=77),
        reference,
        beat_s=card["beat_s"],
        beats_per_bar=card["beats_per_bar"],
        seeds=range(500, 500 + GATE_SEEDS),
    )
    rows = {**reference, "before": verdict.before, "after": verdict.after}
    print(f"\n{genre}, {GATE_SEEDS} dances of {GATE_FRAMES} frames")
    for name, figures in rows.items():
        numbers = "  ".join(f"{k} {v:.4g}" for k, v in dataclasses.asdict(figures).items())
        print(f"  {name:15s} {numbers}")
    return card, reference, verdict


@pytest.mark.slow
def test_the_shipped_weights_pass_the_gate(judged):
    _, _, verdict = judged
    assert list(verdict.misses) == []


@pytest.mark.slow
def test_the_card_tells_the_truth_about_the_gate(judged):
    card, _, verdict = judged
    assert card["gate"]["misses"] == []
    assert card["gate"]["after"]["speed_m_s"] == pytest.approx(
        verdict.after.speed_m_s, rel=PLATFORM
    )


@pytest.mark.slow
def test_cleaning_is_what_plants_the_feet(judged):
    """With and without: the raw prediction slides and its bones breathe."""
    _, reference, verdict = judged
    before = failures(verdict.before, reference["rebuilt"], cleaned=True)
    assert any("support slide" in miss for miss in before)
    assert verdict.before.bone_error > 10 * verdict.after.bone_error


@pytest.mark.parametrize("genre", GENRES)
def test_a_dance_is_the_same_wherever_the_bars_lie(genre):
    """Units begin at any beat of the bar where bars change or genres dance in turns."""
    generator = load_generator("autoregressive", weights_of(genre))
    per_bar, words = generator.card["beats_per_bar"], generator.vocabulary
    phrases = draw_phrases(words, 24, np.random.default_rng(1))
    laid = lay_out(words, phrases, FRAMES_PER_BEAT)
    place = np.arange(len(laid.unit)) / FRAMES_PER_BEAT
    dances = []
    for first in range(per_bar):
        phase = beat_phases(place, np.mod(place + first, per_bar), per_bar)
        silence = np.zeros((1, len(place), FEATURE_DIM))
        poses = generator.normaliser.restore(rollout(generator.net, [laid], phase[None], silence))
        dances.append(poses[0][:, LOCAL_POSITIONS].reshape(len(place), -1, 3))
    apart = np.linalg.norm(np.stack(dances) - dances[0], axis=3).mean(axis=(1, 2))
    assert apart.max() < BARS_APART_M


@pytest.mark.parametrize("genre", GENRES)
def test_the_reference_of_the_card_is_what_the_data_give(data_folder, genre):
    card = load_checkpoint(weights_of(genre)).card
    found = reference_figures(load_library(data_folder, genre))
    for name, figures in found.items():
        for key, value in dataclasses.asdict(figures).items():
            assert card["reference"][name][key] == pytest.approx(value, abs=CARD_ROUNDING)


def figures(**changes):
    usual = Figures(0.8, 0.02, 0.0, 2.0, 0.0, 0.01, 0.4, 0.1)
    return dataclasses.replace(usual, **changes)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"speed_m_s": 0.67}, "mean speed"),
        ({"slow_share": 0.06}, "slow windows"),
        ({"fast_share": 0.04}, "fast windows"),
        ({"slow_run_beats": 2.5}, "longest slow run"),
        ({"twin_share": 0.11}, "twins"),
        ({"bone_error": 0.02}, "bone error"),
        ({"slide_m_s": 0.06}, "support slide"),
        ({"contact_share": 0.27}, "contact share"),
    ],
)
def test_the_gate_shuts_on_each_fault(changes, name):
    assert failures(figures(), figures(), cleaned=True) == []
    (miss,) = failures(figures(**changes), figures(), cleaned=True)
    assert miss.startswith(name)


def test_gate_songs_differ_and_keep_to_the_range_of_features():
    songs = gate_music(0.5, 4, count=2)
    assert np.abs(songs).max() <= 4.0
    assert np.abs(songs[0] - songs[1]).mean() > 0.3
    np.testing.assert_array_equal(songs, gate_music(0.5, 4, count=2))
