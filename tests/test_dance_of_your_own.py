"""A dance from a file, with and without a song: performed, filmed, reported, or refused."""

import json

import av
import numpy as np
import pytest
from dancer import dancer

import robodance
from robodance.cli import main
from robodance.plan_file import read_dance, read_plan
from robodance.resources import launch_path
from robodance.skeleton import pose_sequence

RATE_HZ = 25.0
DEMO = launch_path("songs/rumba.ogg")


@pytest.fixture
def waving(tmp_path):
    np.save(tmp_path / "waving.npy", dancer(6.0))
    return tmp_path / "waving.npy"


def perform(capsys, *arguments):
    code = main(["perform", *(str(argument) for argument in arguments), "--json"])
    said = capsys.readouterr()
    assert code == 0, said.err
    return json.loads(said.out)


def test_without_a_song_it_dances_in_silence(waving, tmp_path, capsys):
    out = tmp_path / "out"
    report = perform(
        capsys,
        *("--dance", waving, "--fps", "25", "--to", "2", "--sim", "--record", "--out", out),
        *("--set", "recording.width=320", "--set", "recording.height=180"),
        *("--set", "recording.renderer=tiny", "--set", "recording.frame_rate_hz=4"),
        *("--set", "verification.disturbances=none"),
    )
    assert report["song"] is None
    assert report["plan"]["generator"] == "file"
    assert report["plan"]["file"] == "waving.npy"
    assert report["certificate"]["clean"]
    assert report["performance"]["falls"] == 0
    plan = read_plan(out / "plan.npz")
    assert len(plan.beats_s) == 0
    assert plan.human_times_s[0] == 0.0
    assert plan.duration_s == pytest.approx(2.0 + 4.0, abs=0.1)  # lead-in and lead-out
    with av.open(str(out / "film.mp4")) as film:
        assert not film.streams.audio
        assert film.streams.video[0].frames > 10


def test_with_a_song_it_begins_where_it_is_told_and_has_the_songs_beats(waving, tmp_path, capsys):
    out = tmp_path / "out"
    report = perform(
        capsys, DEMO, "--dance", waving, "--fps", "25", "--from", "3", "--dry-run", "--out", out
    )
    assert report["song"]["genre"] == "rumba"
    plan, dance = read_plan(out / "plan.npz"), read_dance(out / "dance.npz")
    assert plan.human_times_s[0] == pytest.approx(3.0)
    assert plan.human_times_s[-1] == pytest.approx(3.0 + 5.96)
    song = np.loadtxt(DEMO.with_suffix(".beats.txt"))[:, 0]
    inside = song[(song > 2.98) & (song < 8.98)]
    np.testing.assert_allclose(plan.beats_s, inside, atol=0.02)  # what hearing is measured at
    assert dance.metadata["generator"] == "file"
    np.testing.assert_allclose(
        dance.joint_positions_m - dance.joint_positions_m[:, [2]],
        dancer(6.0) - dancer(6.0)[:, [2]],
        atol=1e-9,
    )


def test_a_dance_longer_than_the_part_is_cut_and_it_is_said(waving, tmp_path, capsys):
    report = perform(
        capsys,
        *(DEMO, "--dance", waving, "--fps", "25", "--to", "4", "--dry-run"),
        *("--out", tmp_path / "out"),
    )
    assert any("cut after 4.0 s" in warning for warning in report["warnings"])


def test_the_same_from_python(waving):
    dance = pose_sequence(dancer(4.0), RATE_HZ)
    planned = robodance.plan_dance(None, dance=dance, from_s=1.0)
    assert planned.analysis is None
    assert planned.certificate.clean
    assert planned.dance.times_s[-1] == pytest.approx(2.96)


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--dance", "missing.bvh"], 3, "no such file"),
        (["--dance", "waving.npy"], 3, "--fps"),
        (["--dance", "waving.npy", "--fps", "25", "--skeleton", "kinect"], 2, "kinect"),
        (["--dance", "waving.npy", "--fps", "25", "--from", "60"], 2, "lasts"),
        ([str(DEMO), "--fps", "25"], 2, "--motion"),
        ([], 2, "--motion"),
    ],
)
def test_a_wrong_order_is_one_clear_line(
    waving, tmp_path, capfd, monkeypatch, arguments, code, word
):
    monkeypatch.chdir(tmp_path)
    assert main(["perform", *arguments, "--dry-run", "--out", "out"]) == code
    printed, said = capfd.readouterr()
    (line,) = [x for x in said.splitlines() if "done in" not in x]
    assert line.startswith("robodance: ")
    assert word in line
    assert printed == ""
    assert not (tmp_path / "out").exists()


TABLE = "time_s,LShoulderPitch,RShoulderRoll_deg\n" + "".join(
    f"{k / 10},{1.4 - 0.05 * (k % 20)},{-20 - k % 20}\n" for k in range(50)
)


def test_motion_and_music_are_the_dance_and_the_song_by_other_names(tmp_path, capsys):
    (tmp_path / "wave.csv").write_text(TABLE, encoding="utf-8")
    out = tmp_path / "out"
    report = perform(
        capsys,
        *("--motion", tmp_path / "wave.csv", "--music", DEMO, "--from", "2", "--dry-run"),
        *("--out", out),
    )
    assert report["song"]["genre"] == "rumba"
    assert report["certificate"]["clean"]
    assert report["plan"]["file"] == "wave.csv"
    plan = read_plan(out / "plan.npz")
    assert plan.human_times_s[0] == pytest.approx(2.0)
    assert len(plan.beats_s) > 4


def test_a_plan_is_danced_again_without_its_song(waving, tmp_path, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    perform(capsys, "--dance", waving, "--fps", "25", "--to", "4", "--dry-run", "--out", first)
    perform(capsys, "--motion", first / "plan.npz", "--dry-run", "--out", second)
    one, two = read_plan(first / "plan.npz"), read_plan(second / "plan.npz")
    later = np.interp(two.times_s, two.times_s, two.music_times_s)
    inside = (later >= 0.0) & (later <= one.duration_s)
    for k, name in enumerate(one.joint_names):
        asked = np.interp(later[inside], one.times_s, one.positions_rad[:, k])
        assert np.abs(two.positions_rad[inside, k] - asked).max() < np.radians(4.0), name


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        ([str(DEMO), "--music", str(DEMO)], 2, "one song"),
        (["--motion", "wave.csv", "--skeleton", "smpl"], 2, "--skeleton"),
        (["--motion", "wave.csv", "--clip", "2"], 3, "--clip"),
        (["--motion", "waving.npy", "--fps", "25", "--clip", "2"], 2, "--clip"),
        (["--motion", "missing.xar"], 3, "no such file"),
        (["--motion", "pepper.csv"], 3, "names no joint"),
        (["--motion", "evil.pkl", "--fps", "25"], 3, "not executed"),
        (["--motion", "names.bvh"], 3, "names.bvh"),
        (["--motion", "bomb.qianim"], 3, "DOCTYPE"),
    ],
)
def test_a_file_that_cannot_be_danced_is_one_clear_line(
    waving, tmp_path, capfd, monkeypatch, arguments, code, word
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wave.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "pepper.csv").write_text("time_s,KneePitch\n0,0\n1,0.1\n", encoding="utf-8")
    (tmp_path / "evil.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    (tmp_path / "bomb.qianim").write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    (tmp_path / "names.bvh").write_text(
        "HIERARCHY\nROOT Foo\n{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition "
        "Zrotation Xrotation Yrotation\nJOINT Bar\n{\nOFFSET 0 10 0\nCHANNELS 3 Zrotation "
        "Xrotation Yrotation\nEnd Site\n{\nOFFSET 0 10 0\n}\n}\n}\nMOTION\nFrames: 3\n"
        "Frame Time: 0.04\n" + "0 0 0 0 0 0 0 0 0\n" * 3
    )
    assert main(["perform", *arguments, "--dry-run", "--out", "out"]) == code
    printed, said = capfd.readouterr()
    (line,) = [x for x in said.splitlines() if "done in" not in x]
    assert line.startswith("robodance: ")
    assert word in line
    assert printed == ""
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "ran").exists()
