"""A film is a correct MP4 and shows the right moment."""

import dataclasses
import os

import av
import numpy as np
import pybullet
import pytest
import soundfile
from hand_made_plans import arm_dance, make_plan, standing_plan
from marked_films import slowed
from small_films import SMALL, film, log_of
from sound_files import AAC_START_UP, write_aac

from robodance.errors import MissingDependency
from robodance.performance import rendering
from robodance.performance.camera import Camera, changing_window
from robodance.performance.film_time import film_timeline
from robodance.performance.render_worker import RenderJob
from robodance.performance.scene import SceneSettings
from robodance.song_file import load_soundtrack

RATE_HZ = 44100
CLICK_S = 1.0  # song time
SYNC_S = 0.020  # the project's promise for sound against picture


def jump_at_the_click(robot, *, lead_in_s, slowness=np.ones_like):
    """A stand in which both arms are suddenly raised at song time ``CLICK_S``."""
    times_s = np.arange(1201) / 100
    positions = np.tile(robot.posture("StandInit"), (len(times_s), 1))
    plan = slowed(make_plan(robot, positions, music_start_s=lead_in_s), slowness)
    plan = cut_at(plan, 3.5 - lead_in_s)
    positions = np.array(plan.positions_rad)
    raised = plan.music_times_s >= CLICK_S - 1e-9
    for name in ("LShoulderPitch", "RShoulderPitch"):
        positions[raised, robot.index(name)] = -1.0
    return dataclasses.replace(plan, positions_rad=positions)


def cut_at(plan, moment_s):
    """The plan up to a moment of the song."""
    last = int(np.searchsorted(plan.music_times_s, moment_s + 1e-9))
    names = ("times_s", "positions_rad", "music_times_s", "torso_pose", "support")
    return dataclasses.replace(plan, **{name: getattr(plan, name)[:last] for name in names})


def click_track(channels=2):
    """Silence with one short tone burst at ``CLICK_S``."""
    samples = np.zeros((int(2.5 * RATE_HZ), channels), dtype=np.float32)
    burst = np.sin(2 * np.pi * 2000 * np.arange(800) / RATE_HZ)
    first = round(CLICK_S * RATE_HZ)
    samples[first : first + 800] = 0.8 * burst[:, None]
    return samples, RATE_HZ


def pictures(path):
    """Times and grey pictures of a film."""
    with av.open(str(path)) as film:
        frames = [(f.time, f.to_ndarray(format="gray")) for f in film.decode(video=0)]
    return np.array([t for t, _ in frames]), np.array([p for _, p in frames]).astype(float)


def sound(path, **options):
    """Time of each sample as a player hears it, and the samples of the first channel."""
    with av.open(str(path), options=options) as film:
        parts = [(f.time, f.to_ndarray()[0], f.sample_rate) for f in film.decode(audio=0)]
    times = [t + np.arange(len(x)) / rate for t, x, rate in parts]
    return np.concatenate(times), np.concatenate([x for _, x, _ in parts])


def seen_at(path):
    """When the picture changes most."""
    times, grey = pictures(path)
    return times[1:][np.abs(np.diff(grey, axis=0)).mean(axis=(1, 2)).argmax()]


def heard_at(path, **options):
    """When the burst of ``click_track`` begins."""
    times, samples = sound(path, **options)
    return times[np.flatnonzero(np.abs(samples) > 0.2)[0]]


def egl_works():
    return rendering.renderer_starts("egl")


def test_the_file_is_what_players_want(nao, tmp_path):
    plan = standing_plan(nao, "StandInit", 3.0, music_start_s=1.0)
    path, recording = film(tmp_path, plan, nao, soundtrack=click_track())
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.codec_context.name == "h264"
        assert video.codec_context.pix_fmt == "yuv420p"
        assert (video.width, video.height, video.average_rate) == (320, 180, 25)
        assert audio.codec_context.name == "aac"
        assert video.start_time == audio.start_time == 0
        video_s = float(video.duration * video.time_base)
        audio_s = float(audio.duration * audio.time_base)
    assert recording.frames == 50
    assert recording.duration_s == video_s == pytest.approx(2.0)
    assert audio_s == pytest.approx(2.0, abs=1024 / RATE_HZ)  # one AAC frame
    content = path.read_bytes()
    assert content.find(b"moov") < content.find(b"mdat")  # faststart
    assert os.listdir(tmp_path) == ["film.mp4"]


def test_picture_k_is_shown_at_k_over_25(nao, tmp_path):
    path, recording = film(tmp_path, standing_plan(nao, "StandInit", 2.0), nao)
    times, _ = pictures(path)
    np.testing.assert_allclose(times, np.arange(recording.frames) / 25, atol=1e-9)


@pytest.mark.parametrize("from_s", [None, 0.48])
@pytest.mark.parametrize("lead_in_s", [0.5, 1.23])
def test_sound_and_picture_agree(nao, tmp_path, from_s, lead_in_s):
    plan = jump_at_the_click(nao, lead_in_s=lead_in_s)
    path, _ = film(tmp_path, plan, nao, soundtrack=click_track(), from_s=from_s)
    seen, heard = seen_at(path), heard_at(path)
    expected = CLICK_S - (from_s or 0.0)
    assert heard == pytest.approx(expected, abs=0.002)
    assert seen == pytest.approx(expected, abs=SYNC_S)
    assert abs(seen - heard) <= SYNC_S


@pytest.mark.parametrize("ending", ["wav", "mp3", "m4a"])
def test_sound_and_picture_agree_for_songs_from_files(nao, tmp_path, ending):
    """The whole way of the sound: file, decoder, encoder, container, player."""
    samples, rate_hz = click_track()
    song = tmp_path / f"song.{ending}"
    if ending == "m4a":
        write_aac(song, samples, rate_hz)
    else:
        soundfile.write(song, samples, rate_hz)
    plan = jump_at_the_click(nao, lead_in_s=0.5)
    path, _ = film(tmp_path, plan, nao, soundtrack=load_soundtrack(song))
    seen, heard = seen_at(path), heard_at(path)
    assert heard == pytest.approx(CLICK_S, abs=0.002)  # lossy codecs smear an onset a little
    assert abs(seen - heard) <= SYNC_S
    late = heard_at(path, ignore_editlist="1")  # so the edit list takes the start-up off
    assert late - heard == pytest.approx(AAC_START_UP / RATE_HZ, abs=0.002)


def test_the_robot_really_moves_in_the_film(nao, tmp_path):
    plan = arm_dance(nao, 4.0)
    still = film(tmp_path, standing_plan(nao, "StandInit", 4.0), nao)[0]
    _, resting = pictures(still)
    _, dancing = pictures(film(tmp_path, plan, nao)[0])
    visible = 8.0  # grey levels; the codec's own changes are at a few edges only
    assert (dancing.std(axis=0) > visible).mean() > 0.02
    assert (resting.std(axis=0) > visible).mean() < 0.001


def test_the_film_does_not_depend_on_the_number_of_processes(nao, tmp_path):
    plan = arm_dance(nao, 2.0)

    def drawn(processes):
        config = dataclasses.replace(SMALL, processes=processes)
        return film(tmp_path, plan, nao, config=config)[0].read_bytes()

    assert drawn(1) == drawn(3)


@pytest.mark.parametrize("renderer", ["egl", "tiny"])
def test_drawing_only_the_window_changes_nothing(nao, renderer):
    if renderer == "egl" and not egl_works():
        pytest.skip("EGL does not start here (apt-get install libegl1 libgl1-mesa-dri)")
    plan = arm_dance(nao, 2.0)
    positions, poses = plan.positions_rad[::20], plan.torso_pose[::20]
    camera = Camera((0.0, 0.0), 320, 180)
    columns = {joint.name: nao.index(joint.name) for joint in nao.joints}
    drawn = []
    for window in (changing_window(camera, nao, positions, poses), (0, 0, 320, 180)):
        settings = SceneSettings(str(nao.urdf), columns, camera, window, renderer)
        job = RenderJob(settings, positions, poses)
        with rendering.draw_pictures(job) as drawing:
            drawn.append(np.array(list(drawing.pictures)).astype(int))
    difference = np.abs(drawn[0] - drawn[1])
    assert (difference > 3).mean() < 0.002  # grey levels; rounding decides single edge pixels


def test_the_window_is_smaller_than_the_picture_and_holds_all_that_moves(nao, tmp_path):
    plan = arm_dance(nao, 3.0)
    camera = Camera((0.0, 0.0), 320, 180)
    left, top, width, height = changing_window(
        camera, nao, plan.positions_rad[::4], plan.torso_pose[::4]
    )
    assert width * height < 0.7 * 320 * 180
    _, grey = pictures(film(tmp_path, plan, nao)[0])
    moved = grey.std(axis=0) > 8.0
    assert moved.any()
    moved[top : top + height, left : left + width] = False
    assert not moved.any()


def test_the_camera_is_opengls(nao):
    camera = Camera((0.1, -0.2), 1280, 720)
    eye = camera.target_m + 1.6 * camera.away
    view = pybullet.computeViewMatrix(eye.tolist(), camera.target_m.tolist(), [0, 0, 1])
    lens = pybullet.computeProjectionMatrixFOV(29.0, 1280 / 720, 0.2, 12.0)
    np.testing.assert_allclose(camera.view(), view, atol=1e-5)
    np.testing.assert_allclose(camera.lens(), lens, atol=1e-5)
    point = np.array([0.05, 0.3, 0.5])
    for window in ((0, 0, 1280, 720), (320, 100, 400, 600)):
        matrix = np.array(camera.lens(window)).reshape(4, 4).T @ np.array(view).reshape(4, 4).T
        clip = matrix @ [*point, 1.0]
        x = window[0] + window[2] * (clip[0] / clip[3] + 1) / 2
        y = window[1] + window[3] * (1 - clip[1] / clip[3]) / 2
        np.testing.assert_allclose(camera.pixels(point)[0], [x, y], atol=1e-3)


def even(since):
    return np.full_like(since, 2.5)


def uneven(since):
    return 2.5 + np.sin(2.0 * np.pi * since / 1.7)


@pytest.mark.parametrize("slowness", [even, uneven])
def test_slow_motion_comes_out_at_the_musics_speed_exact_to_the_picture(nao, tmp_path, slowness):
    plan = jump_at_the_click(nao, lead_in_s=0.5, slowness=slowness)
    path, recording = film(tmp_path, plan, nao, soundtrack=click_track())
    assert recording.duration_s == pytest.approx(3.0, abs=0.04)  # of song; one picture
    assert heard_at(path) == pytest.approx(CLICK_S, abs=0.002)
    assert seen_at(path) == pytest.approx(CLICK_S, abs=1e-9)  # the picture of that very moment


def test_a_film_can_keep_the_robots_pace(nao, tmp_path):
    plan = jump_at_the_click(nao, lead_in_s=0.5, slowness=even)
    config = dataclasses.replace(SMALL, clock="robot")
    path, recording = film(tmp_path, plan, nao, config=config)
    assert recording.duration_s == pytest.approx(2.5 * 3.0, abs=0.04)
    assert seen_at(path) == pytest.approx(2.5 * CLICK_S, abs=0.04)


def timeline_of(plan, until=None, **more):
    return film_timeline(plan, float(log_of(plan, until=until).times_s[-1]), 25, **more)


def test_a_dance_warped_inside_its_bars_is_shown_in_step_with_the_song(nao):
    plan = standing_plan(nao, "StandInit", 4.0, music_start_s=1.0)
    since = plan.times_s - 1.0
    inside = (since > 0.0) & (since < 1.0)  # the dancer's part of the song
    moments = since + np.where(inside, 0.1 * np.sin(2.0 * np.pi * since), 0.0)
    warped = dataclasses.replace(plan, music_times_s=moments)
    at_speed, own = timeline_of(warped), timeline_of(warped, clock="robot")
    assert (own.sound_start_s, own.robot_times_s[0]) == pytest.approx((1.0, 1.0))
    assert (at_speed.sound_start_s, at_speed.robot_times_s[0]) == pytest.approx((0.0, 1.0))
    seen = np.interp(at_speed.robot_times_s, warped.times_s, warped.music_times_s)
    np.testing.assert_allclose(seen, np.arange(len(seen)) / 25, atol=1e-9)
    assert np.abs(own.robot_times_s[:25] - at_speed.robot_times_s[:25]).max() > 0.05


def test_a_part_of_the_song_is_cut_out_on_both_sides(nao):
    plan = standing_plan(nao, "StandInit", 10.0, music_start_s=2.0)
    whole, part = timeline_of(plan), timeline_of(plan, from_s=1.0, to_s=4.0)
    assert (whole.sound_start_s, whole.robot_times_s[0]) == pytest.approx((0.0, 2.0))
    assert (part.sound_start_s, part.robot_times_s[0]) == pytest.approx((1.0, 3.0))
    assert len(whole.robot_times_s) == 8 * 25
    assert len(part.robot_times_s) == 3 * 25


def test_after_a_fall_the_film_ends_with_the_log(nao):
    plan = standing_plan(nao, "StandInit", 10.0)
    assert len(timeline_of(plan, until=401).robot_times_s) == 100


@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 8000), (2, 22050), (6, 96000)])
def test_songs_of_any_shape_become_the_sound_track(nao, tmp_path, channels, rate_hz):
    track = np.zeros((2 * rate_hz, channels), dtype=np.float32)
    track[rate_hz : rate_hz + rate_hz // 50] = 0.5 * np.sin(
        2 * np.pi * 1000 * np.arange(rate_hz // 50)[:, None] / rate_hz
    )
    plan = standing_plan(nao, "StandInit", 2.0)
    path, _ = film(tmp_path, plan, nao, soundtrack=(track, rate_hz))
    times, samples = sound(path)
    assert times[np.flatnonzero(np.abs(samples) > 0.1)[0]] == pytest.approx(1.0, abs=0.003)


def test_both_renderers_draw_the_same_robot(nao, tmp_path):
    if not egl_works():
        pytest.skip("EGL does not start here (apt-get install libegl1 libgl1-mesa-dri)")
    plan = arm_dance(nao, 1.0)
    drawn = {}
    for renderer in ("egl", "tiny"):
        config = dataclasses.replace(SMALL, renderer=renderer)
        path, recording = film(tmp_path, plan, nao, config=config)
        assert recording.renderer == renderer
        drawn[renderer] = pictures(path)[1][12]
    boxes = []
    for picture in drawn.values():
        rows, columns = np.nonzero(picture > 175)  # the white shell
        boxes.append((rows.min(), rows.max(), columns.min(), columns.max()))
    assert np.abs(np.subtract(*boxes)).max() <= 4  # pixels; the light differs, the place does not
    assert boxes[0][1] - boxes[0][0] > 100


def test_auto_takes_egl_where_it_starts_and_tiny_elsewhere(nao, tmp_path, monkeypatch):
    config = dataclasses.replace(SMALL, renderer="auto")
    plan = standing_plan(nao, "StandInit", 0.2)
    expected = "egl" if egl_works() else "tiny"
    assert film(tmp_path, plan, nao, config=config)[1].renderer == expected
    monkeypatch.setenv("LIBGL_DRIVERS_PATH", str(tmp_path))  # no driver can be found there
    monkeypatch.setenv("__EGL_VENDOR_LIBRARY_DIRS", str(tmp_path))
    assert film(tmp_path, plan, nao, config=config)[1].renderer == "tiny"
    only_egl = dataclasses.replace(SMALL, renderer="egl")
    with pytest.raises(MissingDependency, match="apt-get install -y libegl1"):
        film(tmp_path, plan, nao, config=only_egl)
