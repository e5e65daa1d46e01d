"""``robodance preview``: a page from files, documented exit codes, plain words."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from dancer import dancer
from hand_made_plans import arm_dance

from robodance.cli import main
from robodance.plan_file import write_plan
from robodance.song_file import file_sha256


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    file = tmp_path_factory.mktemp("song") / "song.flac"
    times = np.arange(6 * 22050) / 22050
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * 440.0 * times), 22050)
    return file


@pytest.fixture
def plan_file(nao, song, tmp_path):
    person = dancer(4.0)
    plan = replace(
        arm_dance(nao, 6.0, music_start_s=2.0),
        human_joints_m=person,
        human_times_s=np.arange(len(person)) / 25.0,
        metadata={
            "robot_model": "nao_v6",
            "song_path": song.name,
            "song_sha256": file_sha256(song),
        },
    )
    write_plan(plan, tmp_path / "plan.npz")
    return tmp_path / "plan.npz"


def test_a_plan_and_its_song_become_a_page_beside_it(plan_file, song, capsys):
    assert main(["preview", str(plan_file), "--song", str(song), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    page = plan_file.with_name("preview.html")
    assert (told["preview"], told["bytes"]) == (str(page), page.stat().st_size)
    assert told["warnings"] == []
    assert 'id="song">AAAA' in page.read_text()  # an MP4 begins so in base64


def test_without_the_song_it_warns_and_goes_on(plan_file, tmp_path, capsys):
    assert main(["preview", str(plan_file), "-o", str(tmp_path / "other" / "page.html")]) == 0
    assert "no sound; give the song with --song (song.flac)" in capsys.readouterr().err
    assert 'id="song"></script>' in (tmp_path / "other" / "page.html").read_text()


def test_another_song_is_refused(plan_file, tmp_path, capsys):
    other = tmp_path / "other.wav"
    soundfile.write(other, np.zeros(22050), 22050)
    assert main(["preview", str(plan_file), "--song", str(other)]) == 2
    assert "is not the song that the plan was made for" in capsys.readouterr().err
    assert not plan_file.with_name("preview.html").exists()


@pytest.mark.parametrize("content", [None, b"", b"not a plan"])
def test_what_is_no_plan_is_unreadable_input(content, tmp_path, capsys):
    file = tmp_path / "plan.npz"
    if content is not None:
        file.write_bytes(content)
    assert main(["preview", str(file)]) == 3
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "preview.html").exists()


def test_a_damaged_dance_is_unreadable_input(plan_file, tmp_path, capsys):
    (tmp_path / "dance.npz").write_bytes(b"not a dance")  # found beside the plan
    assert main(["preview", str(plan_file)]) == 3
    assert "dance.npz: cannot be read as a dance" in capsys.readouterr().err
