"""The genre classifier: its card, its vote, and songs it never heard."""

import hashlib
import json

import numpy as np
import pytest

from robodance.audio.genre import GENRE_EVIDENCE, vote
from robodance.config import GENRES
from robodance.learning.genre_training import HeardSong, fit_classifier, leave_one_out
from robodance.resources import weights_path


@pytest.fixture(scope="module")
def card():
    return json.loads(weights_path("genre.json").read_text(encoding="utf-8"))


def test_the_card_names_its_weights_its_data_and_their_licence(card):
    content = weights_path("genre.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    assert tuple(card["genres"]) == GENRES
    assert tuple(card["evidence"]) == GENRE_EVIDENCE
    assert "ChoreoNet" in card["data"]
    assert "research" in card["licence"]
    assert sum(card["songs"].values()) == len(card["leave_one_song_out"]["songs"])


def made_up_songs(rng, centres, songs_each=5):
    songs = []
    for genre, centre in zip(GENRES, centres, strict=True):
        for count in range(songs_each):
            own = centre + rng.normal(scale=0.2, size=centre.shape)
            rows = own + rng.normal(scale=0.1, size=(6, centre.size))
            songs.append(HeardSong(f"{genre}/{count}", genre, 100.0, rows, rows + 0.05))
    return songs


def test_the_classifier_learns_what_parts_the_dances_and_only_that(rng):
    apart = np.eye(4) * 2.0
    songs = made_up_songs(rng, apart)
    for song, shares in zip(songs, leave_one_out(songs), strict=True):
        assert GENRES[int(shares.argmax())] == song.genre
        assert shares.sum() == pytest.approx(1.0)
    alike = made_up_songs(rng, np.zeros((4, 4)))
    guesses = [
        GENRES[int(s.argmax())] == t.genre for t, s in zip(alike, leave_one_out(alike), strict=True)
    ]
    assert np.mean(guesses) < 0.6  # chance is 0.25


def test_a_song_votes_with_all_its_stretches(rng):
    songs = made_up_songs(rng, np.eye(4) * 2.0)
    weights = fit_classifier(songs)
    mixed = np.vstack([songs[0].evidence, songs[0].evidence, songs[-1].evidence])
    shares = vote(mixed, weights)
    assert shares[0] > shares[3] > shares[1]


def test_songs_left_out_of_the_training(card):
    """What the card reports: four dances, chance is a quarter."""
    report = card["leave_one_song_out"]
    right = sum(report["confusion"][genre][genre] for genre in GENRES)
    assert report["accuracy"] == pytest.approx(right / len(report["songs"]))
    assert report["accuracy"] >= 0.8
