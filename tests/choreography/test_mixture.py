"""Genres are mixed by their shares: in turns, or by one network that knows them all."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_generators import heard, tiny_generator, words_of_two_genres

from robodance.choreography.dance import create_dance
from robodance.choreography.mixture import Mixture, choose_generator
from robodance.choreography.turns import STRETCH_BEATS, Turns
from robodance.config import GENRES, AudioConfig, ChoreographyConfig, genre_shares
from robodance.errors import ConfigError, DataError
from robodance.skeleton import LOCAL_POSITIONS
from robodance.values import Genre

LARGEST_STEP = 0.12  # of one coordinate in one frame, metres; tiny networks jump by up to 1


def mixture(shares):
    parts = {
        "tango": tiny_generator(1, beat_s=0.46, genre="tango"),
        "rumba": tiny_generator(2, beat_s=0.67, genre="rumba"),
    }
    return Mixture(parts, shares)


@given(
    shares=st.lists(st.floats(0.05, 1.0), min_size=1, max_size=4),
    lengths=st.lists(st.integers(2, 16), min_size=60, max_size=60),
)
def test_everybody_gets_their_share_of_the_beats(shares, lengths):
    turns, danced = Turns(np.array(shares)), np.zeros(len(shares))
    for beats in lengths:
        danced[turns.whose] += beats
        turns.take(beats)
    assert danced.sum() == turns.position
    wanted = np.array(shares) / sum(shares) * turns.position
    # Nobody is owed more than everybody's longest turn.
    assert np.abs(danced - wanted).max() <= len(shares) * (STRETCH_BEATS + 16)


def test_networks_dance_in_turns_without_a_jump():
    mixed, (clock, features) = mixture({"tango": 0.7, "rumba": 0.3}), heard()
    dance = mixed.generate(clock, features, 0, 64, seed=0)
    steps = np.abs(np.diff(dance[:, LOCAL_POSITIONS], axis=0)).max()
    assert 1e-3 < steps < LARGEST_STEP
    alone = [part.generate(clock, features, 0, 64, seed=0) for part in mixed._parts]
    apart = np.abs(alone[0] - alone[1])[:, LOCAL_POSITIONS].max()
    assert apart > 2 * LARGEST_STEP  # so that a change of hands would show
    np.testing.assert_array_equal(mixed.generate(clock, features, 0, 64, seed=0), dance)
    assert np.abs(mixed.generate(clock, features, 0, 64, seed=1) - dance).max() > 1e-3
    assert 0.46 < mixed.card["beat_s"] < 0.67


def test_the_share_decides_who_dances_more():
    clock, features = heard()
    position = np.arange(128 * 16) / 16
    times = clock.times_at(position)
    beats = []
    for share in (0.2, 0.5, 0.8):
        drawn = mixture({"tango": share, "rumba": 1.0 - share})._draw(128, features, times, 0)
        tango = sum(phrase.beats for who, _, phrases in drawn if who == 0 for phrase in phrases)
        beats.append(tango / 128)
    np.testing.assert_allclose(beats, [0.2, 0.5, 0.8], atol=0.15)


def test_a_network_of_several_genres_dances_what_it_is_asked_for():
    generator = tiny_generator(words=words_of_two_genres(), genres=("tango", "rumba"))
    clock, features = heard()
    rng = np.random.default_rng
    pure = generator._draw(64, rng(0), None, {"rumba": 1.0})
    assert {phrase.unit >= 12 for phrase in pure} == {True}
    mixed = generator._draw(200, rng(0), None, {"tango": 0.5, "rumba": 0.5})
    tango = sum(phrase.beats for phrase in mixed if phrase.unit < 12)
    assert 0.35 < tango / sum(phrase.beats for phrase in mixed) < 0.65
    shares = [{"tango": share, "rumba": 1.0 - share} for share in (1.0, 0.7)]
    one, other = (
        list(generator.dance(pure[:2], clock, features, 0, shares=share)) for share in shares
    )
    assert np.abs(np.array(one) - np.array(other)).max() > 1e-4  # the code is heard
    with pytest.raises(DataError, match="know tango, rumba, not waltz"):
        generator.generate(clock, features, 0, 8, seed=0, shares={"waltz": 1.0})


def test_shipped_networks_mix():
    genre = Genre("tango", 1.0, {}, {"tango": 0.7, "rumba": 0.3})
    generator = choose_generator(ChoreographyConfig(), genre)
    assert generator.card["genre"] == ["tango", "rumba"]


def test_a_mixed_dance_says_what_it_is():
    from test_dance import heard as heard_song

    song = heard_song(seconds=6.0)
    shares = {"cha-cha": 0.5, "waltz": 0.5}
    mixed = replace(song, genre=Genre("cha-cha", 1.0, shares, shares))
    dance = create_dance(mixed, ChoreographyConfig(), seed=0)
    assert dance.metadata["genre_shares"] == shares
    assert "genre_shares" not in create_dance(song, ChoreographyConfig(), seed=0).metadata


def test_weights_of_one_genre_cannot_mix():
    from robodance.resources import weights_path

    config = ChoreographyConfig(weights=str(weights_path("autoregressive_tango.safetensors")))
    genre = Genre("tango", 1.0, {}, {"tango": 0.7, "rumba": 0.3})
    with pytest.raises(DataError, match="holds tango alone"):
        choose_generator(config, genre)


@given(shares=st.dictionaries(st.sampled_from(GENRES), st.floats(0.01, 100.0), min_size=1))
def test_shares_are_read_and_sum_to_one(shares):
    text = ",".join(f"{name}:{share!r}" for name, share in shares.items())
    found = genre_shares(text)
    assert sum(found.values()) == pytest.approx(1.0)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    total = sum(shares.values())
    assert found == {name: pytest.approx(share / total) for name, share in shares.items()}


def test_a_genre_alone_and_equal_shares():
    assert genre_shares("waltz") == {"waltz": 1.0}
    assert genre_shares("waltz, tango") == {"waltz": 0.5, "tango": 0.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tanga", "genre must be one of .* did you mean 'tango'"),
        ("tango:0.7,polka:0.3", "genre must be one of .*'polka'"),
        ("tango:0.7,tango:0.3", "names tango twice"),
        ("tango:0.7,rumba", "give every genre a share, or none"),
        ("tango:-1,rumba:2", "not positive"),
        ("tango:x,rumba:2", "not positive"),
        ("tango:nan", "not positive"),
        ("", "genre must be one of"),
    ],
)
def test_what_is_no_mixture_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        AudioConfig(genre=text)
