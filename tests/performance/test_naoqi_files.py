"""Music and films on their way to and from a robot: a real OpenSSH server on this machine."""

import os
import shutil
import time
from dataclasses import replace

import av
import numpy as np
import pytest
import soundfile
from hand_made_plans import arm_dance
from naoqi_judge import judge
from naoqi_process import FAST, excused, linked, virtual_nao
from sftp_server import HOST, sftp_server

from robodance.config import NaoqiConfig
from robodance.errors import RobotError
from robodance.performance.backends import naoqi_files
from robodance.performance.backends.naoqi import NaoqiRobot
from robodance.performance.backends.naoqi_files import KEPT, ROBOT_FOLDER, download, upload
from robodance.performance.backends.naoqi_link import parse_address
from robodance.performance.conductor import conduct
from robodance.robots.model import load_robot

ROBOT = parse_address(HOST)


@pytest.fixture
def server(tmp_path):
    with sftp_server(tmp_path) as there:
        yield there


def sound(folder, number, content=b"a sound"):
    file = folder / f"{number:024x}.wav"
    file.write_bytes(content)
    return file


def test_a_sound_is_copied_once_and_under_its_name_only_when_it_is_whole(
    server, tmp_path, monkeypatch
):
    config, file = NaoqiConfig(**server.settings), sound(tmp_path, 1)
    folder = server.home / ROBOT_FOLDER
    folder.mkdir()
    (folder / f"{file.stem}.part").write_bytes(b"a s")  # what an upload broken off has left
    path = upload(file, ROBOT, config)
    assert path == f"{server.home}/{ROBOT_FOLDER}/{file.name}"
    assert [each.name for each in folder.iterdir()] == [file.name]
    assert (folder / file.name).read_bytes() == b"a sound"
    scripts, sftp = [], naoqi_files._sftp
    monkeypatch.setattr(
        naoqi_files, "_sftp", lambda script, *more: (scripts.append(script), sftp(script, *more))[1]
    )
    assert upload(file, ROBOT, config) == path
    assert not any("put" in script for script in scripts)


def test_a_robots_disk_does_not_fill_up(server, tmp_path):
    folder = server.home / ROBOT_FOLDER
    folder.mkdir()
    for number in range(KEPT + 3):
        old = sound(folder, 100 + number)
        os.utime(old, (time.time() - 1000 + number,) * 2)
    (folder / "mine.wav").write_bytes(b"a person's own")
    upload(sound(tmp_path, 1), ROBOT, NaoqiConfig(**server.settings))
    names = {file.name for file in folder.iterdir()}
    newest = {f"{100 + number:024x}.wav" for number in range(4, KEPT + 3)}
    assert names == {*newest, f"{1:024x}.wav", "mine.wav"}


def test_names_with_spaces_and_quotes_go_both_ways(server, tmp_path):
    config = NaoqiConfig(**server.settings)
    there = server.home / 'a "film" [1].avi'
    there.write_bytes(b"pictures")
    download(f"/home/{config.user}/{there.name}", tmp_path / "my film.avi", ROBOT, config)
    assert (tmp_path / "my film.avi").read_bytes() == b"pictures"
    with pytest.raises(RobotError, match=r"nothing\.avi.*not found.*or fetch"):
        download(f"{server.home}/nothing.avi", tmp_path / "n.avi", ROBOT, config)


def test_a_robot_that_does_not_let_this_computer_in_is_one_line_with_the_remedy(server, tmp_path):
    server.authorized.write_text("")
    port = server.settings["ssh_port"]
    wanted = rf"Permission denied.*ssh-copy-id -p {port} \S+@{HOST}`, or dance in silence"
    with pytest.raises(RobotError, match=wanted) as error:
        upload(sound(tmp_path, 1), ROBOT, NaoqiConfig(**server.settings))
    assert "\n" not in str(error.value)


def test_a_robot_without_sftp_is_one_line_with_the_remedy(tmp_path):
    if not shutil.which("sftp"):
        pytest.skip("no sftp here")
    with pytest.raises(RobotError, match=r"Connection refused.*ssh-copy-id"):
        upload(sound(tmp_path, 1), ROBOT, NaoqiConfig(ssh_port=9))


def test_a_robot_elsewhere_plays_the_song_and_gives_its_film(server, tmp_path, monkeypatch):
    """Nothing but the wire and sftp joins robot and dancer; the robot's home is a folder here.

    It is a V5 with the oldest NAOqi, whose Autonomous Life is on.
    """
    nao = load_robot("nao_v5")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    song = tmp_path / "song.wav"
    noise = 0.1 * np.random.default_rng(3).standard_normal((8000 * 4, 2))
    soundfile.write(song, noise, 8000)
    plan = replace(arm_dance(nao, 4.0), human_times_s=np.array([0.0, 4.0]))
    whose = ["--user", server.settings["user"], "--home", str(server.home)]
    (server.home / "recordings" / "cameras").mkdir(parents=True)
    with virtual_nao("--host", HOST, "--version", "2.1", *whose) as url:
        config = replace(FAST, address=url, sound="robot", **server.settings)
        with NaoqiRobot(nao, config, song, film=True) as robot:
            with excused(url):
                log = conduct(plan, robot)
            robot.fetch_film(tmp_path / "seen.avi")
        judged = judge(url, plan)
        with linked(url) as link:
            assert link.call("RobodanceJournal", "calls")["ALAudioPlayer.loadFile"] == 1
    assert log.metadata["naoqi"].startswith("2.1")
    assert judged.times_s[-1] - judged.times_s[0] > 1.0  # it sounded; busy machines lose time
    (there,) = (server.home / ROBOT_FOLDER).iterdir()
    (here,) = (tmp_path / "cache").rglob("*.wav")
    assert there.read_bytes() == here.read_bytes()
    with av.open(str(tmp_path / "seen.avi")) as film:
        assert sum(1 for _ in film.decode(video=0)) >= 1
