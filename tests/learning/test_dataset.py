"""Units are cut, split and chained as promised."""

import numpy as np
import pytest
from dancer import dancer
from published_form import BEAT_S, write_choreonet, write_collage

from robodance.choreography.beat_clock import FRAMES_PER_BEAT
from robodance.choreography.body import DANCER
from robodance.learning import corpus
from robodance.learning.corpus import build_corpus, build_vocabulary, fit_normaliser, load_music
from robodance.learning.dataset import (
    chain,
    load_library,
    mirrored,
    rebuild,
    rebuild_poses,
    scale_to_body,
)
from robodance.skeleton import bone_lengths, decode_pose, encode_pose, mirror_positions

JOIN_SPEED_RATIO = 2.5  # of the largest step at a join over the largest inside the units


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_choreonet(folder / "choreonet", units=10)
    return load_library(folder, "rumba")


def test_units_have_their_beats_and_their_tempo(library):
    assert len(library.units) == 10
    for unit in library.units.values():
        assert unit.poses.shape == (FRAMES_PER_BEAT * unit.beats, 74)
        assert unit.beat_s == pytest.approx(BEAT_S, abs=0.01)
    assert library.beat_s == pytest.approx(BEAT_S, abs=0.01)


def test_some_units_are_held_out_and_never_trained_on(library):
    assert library.held_out
    assert not library.held_out & set(library.training)
    assert library.held_out | set(library.training) == set(library.units)
    words = build_vocabulary(library)
    assert not library.held_out & set(words.tags)


def test_performers_of_any_size_get_one_body():
    small = scale_to_body(0.8 * dancer(4.0, 80.0))
    legs = bone_lengths(small).mean(axis=0)
    assert np.abs(legs / DANCER.bone_lengths() - 1.0).max() < 0.02


def test_joins_of_a_chain_are_smooth_and_without_blending_they_are_not(library):
    units = list(library.training.values())
    parts = [units[i].poses for i in (0, 4, 2, 6)]
    borders = np.cumsum([len(part) for part in parts])[:-1]

    def steps(poses):
        return np.linalg.norm(np.diff(poses[:, :63].reshape(-1, 21, 3), axis=0), axis=2).max(axis=1)

    inside = max(steps(part).max() for part in parts)
    assert steps(chain(parts))[borders - 1].max() < JOIN_SPEED_RATIO * inside
    assert steps(np.concatenate(parts))[borders - 1].max() > JOIN_SPEED_RATIO * inside


def test_a_chain_of_one_unit_is_the_unit(library):
    unit = next(iter(library.training.values()))
    np.testing.assert_array_equal(chain([unit.poses]), unit.poses)


def test_a_rebuilt_dance_keeps_holds_and_starts(library):
    (dance,) = library.choreographies
    poses = rebuild_poses(library, dance)
    known = sum(
        beats
        for tag, beats in zip(dance.tags, dance.beats, strict=True)
        if tag in {"HOLD", "START"} or tag in library.training
    )
    assert len(poses) == known * FRAMES_PER_BEAT
    start = poses[: 2 * FRAMES_PER_BEAT, :63]
    np.testing.assert_array_equal(start, np.tile(start[0], (len(start), 1)))
    cleaned = rebuild(library, dance)
    assert len(cleaned.poses) == len(poses)
    assert len(cleaned.beats_s) == known


def test_a_mirrored_unit_is_the_mirror_image(library):
    unit = next(iter(library.training.values()))
    joints = decode_pose(unit.poses)
    again = encode_pose(mirror_positions(joints), FRAMES_PER_BEAT / unit.beat_s)
    np.testing.assert_allclose(mirrored(unit).poses[2:, :63], again[2:, :63], atol=5e-3)


def test_a_corpus_is_standardised_and_reproducible(library, tmp_path):
    words, normaliser = build_vocabulary(library), fit_normaliser(library)
    shelf = load_music(library, tmp_path)  # no songs there: music is zeros
    first = build_corpus(library, words, normaliser, shelf, beats=80, seed=3)
    again = build_corpus(library, words, normaliser, shelf, beats=80, seed=3)
    np.testing.assert_array_equal(first.poses, again.poses)
    other = build_corpus(library, words, normaliser, shelf, beats=80, seed=4)
    assert first.poses.shape != other.poses.shape or np.abs(first.poses - other.poses).max() > 0.1
    assert np.abs(first.poses).max() < 15.0
    assert (first.music == 0.0).all()
    assert len(first.poses) == len(first.frames.unit) == len(first.phase)


def test_units_begin_at_every_beat_of_the_bar(library, tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "DANCE_BEATS", 32)
    words, normaliser = build_vocabulary(library), fit_normaliser(library)
    shelf = load_music(library, tmp_path)
    dances = build_corpus(library, words, normaliser, shelf, beats=160, seed=3)
    position = dances.frames.position
    starts = np.flatnonzero((position[1:] < position[:-1])[:, 12]) + 1  # how far in the unit
    bar = np.mod(np.arctan2(dances.phase[:, 2], dances.phase[:, 5]) / (2 * np.pi) * 4, 4)
    # The units here last 4 beats, so that all of a dance's begin at the same beat of the bar.
    assert set(np.rint(bar[starts]).astype(int) % 4) == {0, 1, 2, 3}


def test_missing_takes_come_from_the_collages(tmp_path):
    write_choreonet(tmp_path / "choreonet", letter="W", units=4, beats=3)
    (tmp_path / "choreonet" / "raw_c3d" / "7.c3d").unlink()
    import json

    path = tmp_path / "choreonet" / "choreography" / "W.json"
    (dance,) = json.loads(path.read_text())
    dance |= {"movements": [f"W-{i}-1" for i in range(1, 5)], "durations": [3, 3, 3, 3]}
    path.write_text(json.dumps([dance]))
    write_collage(tmp_path / "mdms", "DANCE_W_1", units=4, beats=3)
    library = load_library(tmp_path, "waltz")
    assert set(library.units) == {f"W-{i}-1" for i in range(1, 5)}
    unit = library.units["W-2-1"]
    assert unit.poses.shape == (48, 74)
    assert unit.beat_s == pytest.approx(17 / 25, abs=1e-6)


@pytest.mark.parametrize(("genre", "units"), [("rumba", 44), ("tango", 46)])
def test_the_published_data_give_their_units(data_folder, genre, units):
    library = load_library(data_folder, genre)
    assert len(library.units) == units
    speeds = []
    for unit in library.units.values():
        joints = decode_pose(unit.poses)
        np.testing.assert_allclose(
            bone_lengths(joints).mean(axis=0), DANCER.bone_lengths(), rtol=0.01
        )
        steps = np.linalg.norm(np.diff(joints, axis=0), axis=2)
        speeds.append(steps.max() * FRAMES_PER_BEAT / unit.beat_s)
    assert max(speeds) < 14.0  # m/s; a kick's toe reaches 11


def test_waltz_comes_from_the_collages(data_folder):
    library = load_library(data_folder, "waltz")
    assert len(library.units) == 32
    assert sum(unit.beats for unit in library.units.values()) == 123
