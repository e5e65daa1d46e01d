"""A song becomes a dance: on its beats, in its time, clean, and the same for the same seed."""

from dataclasses import replace

import numpy as np
import pytest

from robodance.choreography.body import DANCER
from robodance.choreography.dance import create_dance, dance_beats
from robodance.config import GENRES, ChoreographyConfig
from robodance.errors import DataError
from robodance.learning.metrics import support_slide
from robodance.skeleton import FACING, bone_lengths, decode_pose, encode_pose
from robodance.values import Beats, Genre, Song, SongAnalysis, SongFeatures

KIND = "logmel-onset-chroma-128/1"
CONFIG = ChoreographyConfig()
LARGEST_SLIDE_M_S = 0.05  # the gate's bound


def heard(seconds=16.0, bpm=100.0, genre="rumba", beats_per_bar=4, kind=KIND, seed=0, even=False):
    """What a song of one tempo, with made-up features, sounds like to the stage."""
    rng = np.random.default_rng(seed)
    times = np.arange(0.2, seconds, 60.0 / bpm)
    numbers = np.arange(len(times)) % beats_per_bar + 1
    features = np.clip(rng.normal(size=(int(50 * seconds), 128)), -4, 4)
    features *= not even
    names = tuple("loudness" if i == 124 else f"f{i}" for i in range(128))
    return SongAnalysis(
        song=Song("made up", "0" * 64, np.zeros(int(seconds * 1000), np.float32), 1000),
        beats=Beats(times, numbers, beats_per_bar, bpm, 1.0),
        features=SongFeatures(features, 50.0, kind, names),
        genre=Genre(genre, 1.0, {genre: 1.0}),
    )


@pytest.fixture(scope="module")
def rumba():
    return create_dance(heard(), CONFIG, seed=1)


def test_the_dance_covers_the_song_uniformly(rumba):
    assert rumba.frame_rate_hz == 25.0
    assert rumba.start_s == 0.0
    assert rumba.times_s[-1] == pytest.approx(16.0, abs=0.04)
    np.testing.assert_allclose(rumba.beats_s, heard().beats.times_s)
    assert rumba.metadata["genre"] == "rumba"
    assert rumba.metadata["seed"] == 1


def test_poses_and_joints_say_the_same(rumba):
    poses = encode_pose(rumba.joint_positions_m, rumba.frame_rate_hz)
    np.testing.assert_allclose(poses, rumba.poses, atol=1e-12)
    origin = tuple(rumba.joint_positions_m[0, 2, :2])
    back = decode_pose(rumba.poses, origin)
    np.testing.assert_allclose(back, rumba.joint_positions_m, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rumba.poses[:, FACING], axis=1), 1.0)


def test_same_seed_same_dance_other_seed_other_dance(rumba):
    again = create_dance(heard(), CONFIG, seed=1)
    np.testing.assert_array_equal(again.joint_positions_m, rumba.joint_positions_m)
    other = create_dance(heard(), CONFIG, seed=2)
    distance = np.linalg.norm(other.poses[:, :63] - rumba.poses[:, :63], axis=1)
    assert np.median(distance) > 0.2


def test_a_part_of_the_song_has_its_own_times():
    part = create_dance(heard(seconds=30.0), CONFIG, seed=1, from_s=10.0, to_s=15.0)
    assert part.start_s == 10.0
    assert part.times_s[-1] == pytest.approx(15.0, abs=0.04)
    assert part.beats_s.min() >= 10.0
    assert part.beats_s.max() <= 15.0


@pytest.mark.parametrize("bpm", [70.0, 100.0, 130.0])
@pytest.mark.parametrize("genre", GENRES)
def test_the_body_is_clean_in_the_songs_own_time(genre, bpm):
    per_bar = 3 if genre == "waltz" else 4
    dance = create_dance(heard(bpm=bpm, genre=genre, beats_per_bar=per_bar), CONFIG, seed=4)
    joints = dance.joint_positions_m
    np.testing.assert_allclose(bone_lengths(joints) / DANCER.bone_lengths(), 1.0, atol=1e-6)
    assert support_slide(joints, 25.0) < LARGEST_SLIDE_M_S
    assert joints[..., 2].min() > 0.0
    speed = np.linalg.norm(np.diff(joints, axis=0), axis=2) * 25.0
    assert speed.max() < 12.0  # m/s; kicks of the recordings reach 8 at their own tempo
    assert speed.mean() > 0.2  # it dances


def test_another_tempo_is_another_speed_not_another_dance():
    # Even music, so that its energy cannot ask for other units.
    slow = create_dance(heard(seconds=20.0, bpm=80.0, even=True), CONFIG, seed=3)
    fast = create_dance(heard(seconds=16.0, bpm=100.0, even=True), CONFIG, seed=3)
    # The same moments of the beat clock, away from the ends; feet may be cleaned otherwise.
    phases = np.linspace(4.0, 20.0, 60)
    slow_rows = np.rint((0.2 + phases * 0.75) * 25).astype(int)
    fast_rows = np.rint((0.2 + phases * 0.60) * 25).astype(int)
    gap = slow.poses[slow_rows, 9:27] - fast.poses[fast_rows, 9:27]  # the right arm
    assert np.abs(gap).mean() < 0.08


def test_music_twice_as_fast_is_danced_at_half_its_beat():
    fast = heard(bpm=176.0).beats
    beats, ratio = dance_beats(fast, usual_beat_s=0.68)
    assert ratio == 2.0
    np.testing.assert_allclose(beats.times_s, fast.times_s[::2])
    same, ratio = dance_beats(heard(bpm=100.0).beats, usual_beat_s=0.68)
    assert ratio == 1.0
    np.testing.assert_array_equal(same.times_s, heard(bpm=100.0).beats.times_s)
    slow, ratio = dance_beats(heard(bpm=50.0).beats, usual_beat_s=0.46)
    assert ratio == 0.5
    assert np.diff(slow.times_s).mean() == pytest.approx(0.6)


def test_features_of_another_recipe_are_refused():
    with pytest.raises(DataError, match="trained on the music features"):
        create_dance(heard(kind="something/2"), CONFIG, seed=0)


def test_a_genre_without_weights_says_how_to_get_them():
    song = replace(heard(), genre=Genre("polka", 1.0, {"polka": 1.0}))
    with pytest.raises(DataError, match="robodance train"):
        create_dance(song, CONFIG, seed=0)


def test_an_empty_part_is_refused():
    with pytest.raises(DataError, match="nothing to dance to"):
        create_dance(heard(), CONFIG, seed=0, from_s=5.0, to_s=5.0)


def test_progress_is_told_to_the_end():
    shares = []
    create_dance(heard(seconds=6.0), CONFIG, seed=0, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[0] >= 0.0
    assert shares[-1] == 1.0
