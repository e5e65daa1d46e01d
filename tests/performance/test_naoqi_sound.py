"""What a robot plays: silence to read its clock in, then what is heard of the dance."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from still_dancer import STILL

from robodance.cli import main
from robodance.config import MotionConfig, RecordingConfig
from robodance.motion.plan import plan_motion
from robodance.performance.backends.naoqi_sound import LEAD_S, make_sound
from robodance.performance.heard import with_sound
from robodance.robots.model import load_robot
from robodance.skeleton import INDEX, pose_sequence

ROBOT = load_robot("nao_v6")
RATE_HZ = 22050


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """Ten seconds of noise, so that every moment is known by its samples."""
    path = tmp_path_factory.mktemp("song") / "song.wav"
    rng = np.random.default_rng(7)
    soundfile.write(path, 0.3 * rng.uniform(-1.0, 1.0, 10 * RATE_HZ), RATE_HZ, subtype="PCM_16")
    return path


def still_dance(start_s=1.0, seconds=4.0):
    joints = np.zeros((round(25 * seconds), len(INDEX), 3))
    for name, place in STILL.items():
        joints[:, INDEX[name]] = place
    return pose_sequence(joints, 25.0, start_s=start_s)


def plan_of(**settings):
    made = plan_motion(still_dance(), ROBOT, MotionConfig(**settings))
    return with_sound(made, RecordingConfig())


def test_at_the_musics_speed_the_song_is_where_the_plan_has_it(song):
    plan = plan_of()
    sound, rate = make_sound(plan, song)
    assert rate == RATE_HZ
    assert len(sound) == round((LEAD_S + plan.duration_s) * rate)
    silent = round((LEAD_S + plan.music_start_s) * rate)
    assert not sound[: silent - 1].any()
    read, _ = soundfile.read(song, dtype="int16")
    first = round(plan.human_times_s[0] * rate)
    later = rate  # a second on, when it has faded in
    played = sound[silent + later : silent + 2 * later, 0].astype(int)
    expected = read[first + later : first + 2 * later].astype(int)
    lags = [np.abs(played - np.roll(expected, k)).mean() for k in (-1, 0, 1)]
    assert min(lags) < 0.01 * np.abs(expected).mean()  # a sample of rounding, no more


def test_a_slow_dance_is_heard_for_as_long_as_it_lasts_with_chirps_to_find_it_by(song):
    plan = plan_of(tempo="slow", slow_motion=2.0)
    sound, rate = make_sound(plan, song)
    assert len(sound) == LEAD_S * rate + round(plan.duration_s * rate)
    assert plan.sync_times_s.size == 2
    chirp = round((LEAD_S + plan.sync_times_s[0]) * rate)
    assert np.abs(sound[chirp : chirp + rate // 4].astype(int)).max() > 1000
    silent = replace(plan, metadata={**plan.metadata, "heard": "silent"}, sync_times_s=np.zeros(0))
    assert not make_sound(silent, song)[0].any()


def test_the_robots_own_camera_films_robots_only(song, capsys):
    code = main(["perform", str(song), "--sim", "--record", "--record-via", "robot"])
    assert code == 2
    assert "it needs --robot" in capsys.readouterr().err
