"""The paper's genre classifier, its votes, and confidence calibrated on songs left out."""

import numpy as np
import pytest
import torch

from robodance.audio.genre import likeness
from robodance.audio.genre_net import WINDOW_FRAMES, GenreNet, frames_of, vote_of_frames
from robodance.config import GENRES, GenreTrainConfig
from robodance.errors import ConfigError
from robodance.learning.genre_frames import (
    FramedSong,
    both_together,
    calibrated,
    fit_temperature,
    frame_report,
    leave_one_song_out,
    log_loss,
    train_net,
)
from robodance.values import SongFeatures

QUICK = GenreTrainConfig(updates=25, batch=16)


def made_up_songs(rng, apart, *, each=2, length=80):
    """Songs of noise; those of a genre have one of the 128 numbers higher."""
    songs = []
    for index, genre in enumerate(GENRES):
        for count in range(each):
            frames = rng.normal(size=(length, 128)).astype(np.float32)
            frames[:, 10 * index : 10 * index + 8] += apart
            songs.append(FramedSong(f"{genre}/{count}", genre, frames))
    return songs


def test_blocks_take_a_window_of_thirty_frames_down_to_one_step():
    net = GenreNet(4)
    hidden, lengths = torch.zeros(1, 128, WINDOW_FRAMES), []
    for block, pool in zip(net.blocks, (2, 2, 2, 3), strict=True):
        hidden = torch.nn.functional.max_pool1d(block(hidden), pool)
        lengths.append(hidden.shape[2])
    assert lengths == [15, 7, 3, 1]
    assert net(torch.zeros(5, 128, WINDOW_FRAMES)).shape == (5, 4)


def test_frames_vote_every_fifth_and_their_shares_sum_to_one():
    frames = np.zeros((50, 128), np.float32)
    votes = vote_of_frames(GenreNet(4).eval(), frames)
    assert votes.shape == (11, 4)
    np.testing.assert_allclose(np.exp(votes).sum(axis=1), 1.0, atol=1e-5)


def test_features_of_any_rate_become_25_frames_a_second():
    ramp = np.repeat(np.arange(100.0)[:, None], 128, axis=1)
    features = SongFeatures(ramp, 50.0, "made up", tuple(f"{i}" for i in range(128)))
    np.testing.assert_allclose(frames_of(features)[:, 0], 2.0 * np.arange(50))


def test_the_network_learns_what_parts_the_genres_and_only_that(rng):
    """With and without a difference; the songs judged were never heard."""
    for apart, lowest, highest in ((2.0, 0.9, 1.0), (0.0, 0.0, 0.6)):
        net = train_net(made_up_songs(rng, apart), QUICK, seed=0)
        fresh = made_up_songs(rng, apart, each=1)
        report = frame_report(fresh, [vote_of_frames(net, song.frames) for song in fresh])
        assert lowest <= report["frame_accuracy"] <= highest


def test_the_same_seed_gives_the_same_network(rng):
    songs = made_up_songs(rng, 1.0, each=1)
    first, again = (train_net(songs, GenreTrainConfig(updates=2), seed=3) for _ in range(2))
    for one, two in zip(first.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=0.0, atol=0.0)


def test_a_song_is_judged_by_a_network_that_never_heard_it(rng):
    """The one song of its kind cannot be known when it is left out."""
    songs = made_up_songs(rng, 2.0, each=2)
    odd = FramedSong("odd", "tango", songs[0].frames)  # sounds like the first cha-cha
    votes = [one.votes for one in leave_one_song_out([*songs, odd], QUICK)]
    assert GENRES[int(votes[-1].mean(axis=0).argmax())] == "cha-cha"


def test_the_report_by_hand():
    songs = [FramedSong("a", "cha-cha", np.zeros((1, 128))), FramedSong("b", "rumba", np.zeros(0))]
    sure, torn = np.log([0.97, 0.01, 0.01, 0.01]), np.log([0.4, 0.3, 0.2, 0.1])
    wrong = np.log([0.01, 0.97, 0.01, 0.01])
    votes = [np.stack([sure, torn, torn]), np.stack([torn, torn, wrong])]
    report = frame_report(songs, votes)
    assert report["frame_accuracy"] == pytest.approx(4 / 6)
    assert report["songs_by_majority"] == 1  # two torn frames outvote the sure one
    assert report["songs_by_mean_log"] == 2


def test_the_temperature_is_the_one_that_made_the_answers(rng):
    """Answers drawn from known shares, told too surely: the temperature undoes it."""
    true_scores = rng.normal(scale=1.5, size=(4000, 4))
    shares = calibrated(true_scores, 1.0)
    truth = [int(rng.choice(4, p=row)) for row in shares]
    assert fit_temperature(3.0 * true_scores, truth) == pytest.approx(3.0, rel=0.15)
    assert log_loss(3.0 * true_scores, truth, 3.0) < log_loss(3.0 * true_scores, truth, 1.0)


def test_both_together_use_the_better_and_ignore_the_useless(rng):
    truth = list(rng.integers(4, size=24))
    good = 3.0 * np.eye(4)[truth] + rng.normal(size=(24, 4))
    noise = rng.normal(scale=3.0, size=(24, 4))
    alone = int(np.sum(good.argmax(axis=1) == truth))
    assert both_together(good, noise, truth)["songs_right"] >= alone - 2
    blind = both_together(noise, good, truth)
    assert blind["songs_right"] > np.sum(noise.argmax(axis=1) == truth)


WEIGHTS = {
    "temperature": np.array([2.0]),
    "song_octaves": np.array([0.0, 0.2, -0.5]),
    "song_genre": np.array([0.0, 0.0, 1.0]),
}


def test_confidence_is_cooled_and_falls_for_a_tempo_unlike_any_song_of_the_genre():
    shares = np.array([0.81, 0.09, 0.05, 0.05])
    usual = likeness(np.array([[0.1, 0.01, 0.0]]), shares, WEIGHTS)
    cooled = shares**0.5 / np.sum(shares**0.5)
    np.testing.assert_allclose(usual, cooled, atol=1e-6)
    strange = likeness(np.array([[0.45, 0.2, 0.0]]), shares, WEIGHTS)  # 2 eighths of an octave
    np.testing.assert_allclose(strange, 0.5 * cooled + 0.125, atol=1e-6)
    assert strange.sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(likeness(np.zeros((1, 3)), shares, {}), shares)


def test_settings_of_the_genre_training_are_checked():
    with pytest.raises(ConfigError, match="spine or encoder"):
        GenreTrainConfig(features="mfcc")
