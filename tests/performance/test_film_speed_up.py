"""Films of slow dances, shot with anything, come out in step with the music."""

import dataclasses

import av
import numpy as np
import pytest
from marked_films import Camera, bounds, picture_errors, read, shoot
from slow_plans import slow_plan

from robodance.config import SpeedUpConfig
from robodance.errors import FilmError, OutputError
from robodance.performance.film_reader import look_at, shots, stamps
from robodance.performance.film_time import robot_times
from robodance.performance.speed_up import schedule, speed_up, sync_by_sound
from robodance.performance.sync import Sync, by_hand
from robodance.resources import launch_path
from robodance.song_file import load_soundtrack

SONG = launch_path("songs/rumba.ogg")
MEAN_S = 0.002  # the project's promise for picture against music
SYNC_S = 0.0005  # how well a noisy film's clock is found; measured: 0.3 ms
READ_S = 0.0005  # how well a hand is read from a picture; measured: 0.2 ms
SECONDS = 6.0
FINE = SpeedUpConfig(crf=8)  # at 20 the encoder leaves small movements out, up to 0.7 ms
PHONE = Camera(drift=100e-6, jitter=0.6, snr_db=-10.0, reverberation_s=0.5, clock_at_start_s=0.7)


@pytest.fixture(scope="module")
def song():
    return load_soundtrack(SONG)


def true_sync(camera):
    """What the camera's clock really shows."""
    at = float(camera.stamps(0.0))
    return Sync(at, 1.0 + camera.drift, "by hand", 1.0)


def check(path, plan, taken, made, *, extra_s=READ_S):
    """Compare what is seen with what is heard."""
    errors = picture_errors(path, plan, made.song_start_s)
    assert len(errors) == made.frames
    wanted = made.song_start_s + np.arange(made.frames) / made.frame_rate_hz
    assert abs(errors.mean()) < MEAN_S
    assert (np.abs(errors) < bounds(plan, taken, wanted) + extra_s).all()
    return errors


@pytest.mark.parametrize("swing", [0.0, 0.4])
@pytest.mark.parametrize("method", ["chirps", "song"])
@pytest.mark.parametrize("camera", [Camera(), PHONE], ids=["clean", "phone"])
def test_a_film_is_in_step_with_its_music(nao, tmp_path, rng, song, swing, method, camera):
    plan = slow_plan(nao, SECONDS, 3.0, swing=swing, chirps=method == "chirps")
    taken = shoot(tmp_path / "film.mp4", plan, song, camera, rng)
    sync = sync_by_sound(tmp_path / "film.mp4", plan, song)
    assert sync.method == method
    true = camera.stamps(plan.times_s[[0, -1]])
    np.testing.assert_allclose(sync.film_times(plan.times_s[[0, -1]]), true, atol=SYNC_S)
    out = tmp_path / "out.mp4"
    made = speed_up(tmp_path / "film.mp4", plan, sync, out, config=FINE, soundtrack=song)
    check(out, plan, taken, made, extra_s=READ_S + SYNC_S)


def test_the_result_is_what_players_want(nao, tmp_path, rng, song):
    plan = slow_plan(nao, SECONDS, 2.0)
    shoot(tmp_path / "film.mp4", plan, song, Camera(), rng)
    made = speed_up(
        tmp_path / "film.mp4", plan, true_sync(Camera()), tmp_path / "out.mp4", soundtrack=song
    )
    with av.open(str(tmp_path / "out.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert audio.codec_context.name == "aac"
        assert video.start_time == audio.start_time == 0
        assert float(video.duration * video.time_base) == pytest.approx(made.duration_s, abs=1e-6)
        assert float(audio.duration * audio.time_base) == pytest.approx(made.duration_s, abs=0.025)
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.find(b"moov") < content.find(b"mdat")  # faststart
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "out.mp4"]


@pytest.mark.parametrize("rate_hz", [24.0, 29.97, 120.0])
@pytest.mark.parametrize("dropped", [0.0, 0.15])
def test_any_frame_rate_will_do_and_dropped_pictures_cost_only_themselves(
    nao, tmp_path, rng, rate_hz, dropped
):
    plan = slow_plan(nao, 3.0, 2.0, swing=0.3)
    camera = Camera(rate_hz=rate_hz, jitter=0.5, dropped=dropped, sound=False)
    taken = shoot(tmp_path / "film.mp4", plan, None, camera, rng)
    out = tmp_path / "out.mp4"
    made = speed_up(tmp_path / "film.mp4", plan, true_sync(camera), out, config=FINE)
    assert made.frame_rate_hz == {24.0: 30, 29.97: 50, 120.0: 60}[rate_hz] or dropped
    errors = check(out, plan, taken, made)
    assert made.largest_error_s == pytest.approx(np.abs(errors).max(), abs=READ_S)


def test_the_number_of_a_picture_says_nothing(nao, tmp_path, rng):
    """With the pictures' numbers instead of their stamps the same film would be far off."""
    plan = slow_plan(nao, 3.0, 2.0)
    camera = Camera(jitter=0.8, dropped=0.15, sound=False)
    taken = shoot(tmp_path / "film.mp4", plan, None, camera, rng)
    numbered = taken[0] + np.arange(len(taken)) / camera.rate_hz
    assert np.abs(numbered - taken).max() > 0.5


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_films_stored_lying_are_shown_upright(nao, tmp_path, rng, turns):
    plan = slow_plan(nao, 2.0, 2.0)
    camera = Camera(turns=turns, sound=False)
    taken = shoot(tmp_path / "film.mp4", plan, None, camera, rng)
    info = look_at(tmp_path / "film.mp4")
    assert (info.width, info.height, info.quarter_turns) == (320, 180, turns)
    out = tmp_path / "out.mp4"
    made = speed_up(tmp_path / "film.mp4", plan, true_sync(camera), out, config=FINE)
    assert (made.width, made.height) == (320, 180)
    check(out, plan, taken, made)


def test_a_film_can_be_made_smaller(nao, tmp_path, rng):
    plan = slow_plan(nao, 2.0, 2.0)
    camera = Camera(sound=False, turns=1)
    shoot(tmp_path / "film.mp4", plan, None, camera, rng)
    config = SpeedUpConfig(height=90, frame_rate_hz=25)
    made = speed_up(
        tmp_path / "film.mp4", plan, true_sync(camera), tmp_path / "out.mp4", config=config
    )
    assert (made.width, made.height, made.frame_rate_hz) == (160, 90, 25)


def test_a_part_of_the_song(nao, tmp_path, rng, song):
    plan = slow_plan(nao, SECONDS, 2.0)
    taken = shoot(tmp_path / "film.mp4", plan, None, Camera(sound=False), rng)
    out = tmp_path / "out.mp4"
    made = speed_up(
        tmp_path / "film.mp4", plan, true_sync(Camera()), out, soundtrack=song, from_s=2.0, to_s=4.0
    )
    assert made.duration_s == pytest.approx(2.0)
    assert made.song_start_s == pytest.approx(2.0, abs=0.5 / 30.0 / 2.0)  # half a picture
    errors = picture_errors(out, plan, made.song_start_s)
    assert np.abs(errors).max() < 0.5 / 30.0 / 2.0 + READ_S
    assert len(taken) > made.frames


def test_blending_takes_every_picture_between_two_moments():
    times = np.arange(20) / 10.0
    nearest = schedule(times, np.array([0.52, 1.06]), blend=False)
    assert nearest.first.tolist() == nearest.last.tolist() == [5, 11]
    blended = schedule(times, np.array([0.5, 1.0]), blend=True)
    assert (blended.first[0], blended.last[0]) == (2, 7) or blended.first[0] == 3
    for first, last, weights in zip(blended.first, blended.last, blended.weights, strict=True):
        assert weights.sum() == pytest.approx(1.0)
        assert len(weights) == last - first + 1
        middle = float(weights @ times[first : last + 1])
        assert middle == pytest.approx([0.5, 1.0][int(first > 3)], abs=0.01)


def test_blended_pictures_show_the_same_moment_on_average(nao, tmp_path, rng):
    plan = slow_plan(nao, 2.0, 3.0)
    camera = Camera(sound=False)
    shoot(tmp_path / "film.mp4", plan, None, camera, rng)
    out = tmp_path / "out.mp4"
    config = SpeedUpConfig(blend=True, frame_rate_hz=30)
    made = speed_up(tmp_path / "film.mp4", plan, true_sync(camera), out, config=config)
    with av.open(str(out)) as film:
        seen = [read(f.to_ndarray(format="gray").astype(float)) for f in film.decode(video=0)]
    moments = made.song_start_s + np.arange(made.frames) / made.frame_rate_hz
    wanted = robot_times(plan, moments)
    assert np.abs(np.array(seen) - wanted)[1:-1].max() / 3.0 < 0.003  # a smeared hand's middle


def test_two_moments_by_hand_measure_the_clock():
    sync = by_hand([(13.0, 10.0), (3.0, 0.0)])
    assert (sync.at_s, sync.rate) == pytest.approx((3.0, 1.0))
    sync = by_hand([(3.0, 0.0), (103.01, 100.0)])
    assert sync.drift_ppm == pytest.approx(100.0)
    assert sync.robot_times(sync.film_times(42.0)) == pytest.approx(42.0)
    with pytest.raises(FilmError, match="--sync-at"):
        by_hand([(3.0, 0.0), (3.0, 10.0)])


def test_stamps_are_those_of_the_pictures(nao, tmp_path, rng):
    plan = slow_plan(nao, 2.0, 2.0)
    camera = Camera(jitter=0.5, dropped=0.1, sound=False, clock_at_start_s=5.0)
    taken = shoot(tmp_path / "film.mp4", plan, None, camera, rng)
    times = stamps(look_at(tmp_path / "film.mp4"))
    np.testing.assert_allclose(times, camera.stamps(taken), atol=1e-3)  # the file's own tick
    decoded = [shot.time_s for shot in shots(look_at(tmp_path / "film.mp4"))]
    np.testing.assert_allclose(decoded, times, atol=1e-9)


def test_another_dances_plan_is_refused(nao, tmp_path, rng, song):
    shot, other = slow_plan(nao, SECONDS, 3.0), slow_plan(nao, SECONDS, 2.5)
    shoot(tmp_path / "film.mp4", shot, song, PHONE, rng)
    with pytest.raises(FilmError, match=r"chirps are 20\.\d+ s apart.*another dance"):
        sync_by_sound(tmp_path / "film.mp4", other, song)


@pytest.mark.parametrize("method", ["auto", "chirps", "song"])
def test_nothing_to_be_found_is_said(nao, tmp_path, rng, song, method):
    plan = slow_plan(nao, SECONDS, 3.0)
    silent = dataclasses.replace(plan, sync_times_s=np.zeros(0))
    camera = dataclasses.replace(PHONE, snr_db=0.0)
    shoot(tmp_path / "film.mp4", silent, None, camera, rng, mode="clicks")
    with pytest.raises(FilmError, match=r"film\.mp4: .*--sync-at SECONDS"):
        sync_by_sound(tmp_path / "film.mp4", plan, song, method=method)


def test_a_film_that_is_too_short_says_what_it_shows(nao, tmp_path, rng, song):
    plan = slow_plan(nao, SECONDS, 3.0)
    shoot(tmp_path / "film.mp4", plan, song, Camera(), rng, until_s=11.0)
    sync = sync_by_sound(tmp_path / "film.mp4", plan, song)
    assert sync.method in {"song", "one chirp"}
    out = tmp_path / "out.mp4"
    with pytest.raises(FilmError, match=r"shows the song from 0\.0 to 3\.0 s.*--to 2\.9"):
        speed_up(tmp_path / "film.mp4", plan, sync, out)
    made = speed_up(tmp_path / "film.mp4", plan, sync, out, to_s=2.9)
    assert made.duration_s == pytest.approx(2.9, abs=0.02)


def test_a_result_that_cannot_be_written_leaves_nothing(nao, tmp_path, rng):
    plan = slow_plan(nao, 2.0, 2.0)
    shoot(tmp_path / "film.mp4", plan, None, Camera(sound=False), rng)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match=r"out\.mp4: cannot be written .*--out"):
        speed_up(tmp_path / "film.mp4", plan, true_sync(Camera()), tmp_path / "file" / "out.mp4")
