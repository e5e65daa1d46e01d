"""``robodance speed-up`` on the command line: what it makes, and what it says of bad input."""

import json
import os
import resource
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from marked_films import Camera, picture_errors, shoot
from slow_plans import slow_plan

from robodance.cli import main
from robodance.commands.options import film_size
from robodance.commands.speed_up import sync_point
from robodance.plan_file import read_plan, write_plan
from robodance.resources import launch_path
from robodance.song_file import file_sha256, load_soundtrack

SONG = launch_path("songs/tango.ogg")
OTHER = launch_path("songs/waltz.ogg")
SECONDS = 3.0
SYNC_S = 0.0005
READ_S = 0.001  # at the default quality
CAMERA = Camera(clock_at_start_s=1.0, snr_db=10.0)


@pytest.fixture(scope="module")
def folder(nao, tmp_path_factory):
    """A film of a slow dance, its plan, and other things that are not."""
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(11)
    song = load_soundtrack(SONG)
    plan = slow_plan(nao, SECONDS, 2.0)
    known = {**plan.metadata, "song_sha256": file_sha256(SONG), "song_path": SONG.name}
    plan = replace(plan, metadata=known)
    write_plan(plan, folder / "plan.npz")
    other = replace(slow_plan(nao, SECONDS, 3.0), metadata=known)
    write_plan(other, folder / "other.npz")
    shoot(folder / "film.mp4", plan, song, CAMERA, rng)
    shoot(folder / "mute.mp4", plan, None, replace(CAMERA, sound=False), rng)
    shoot(folder / "short.mp4", plan, song, CAMERA, rng, until_s=5.5)
    quiet = replace(plan, sync_times_s=np.zeros(0))
    shoot(folder / "noise.mp4", quiet, None, replace(CAMERA, snr_db=0.0), rng, mode="clicks")
    content = (folder / "film.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(content[: len(content) // 2])
    broken = bytearray(content)
    start = broken.find(b"mdat") + 200
    size = int.from_bytes(broken[start - 204 : start - 200], "big")
    broken[start : start + size - 400] = rng.bytes(size - 400)
    (folder / "broken.mp4").write_bytes(broken)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("not a film\n" * 100)
    return folder


def speed_up(folder, film, *more, plan="plan.npz", song=SONG, out=None):
    arguments = ["speed-up", str(folder / film), "--plan", str(folder / plan)]
    if song is not None:
        arguments += ["--song", str(song)]
    return main([*arguments, "-o", str(out), *more])


def test_a_film_plan_and_song_in_a_film_in_step_out(folder, tmp_path, capsys):
    out = tmp_path / "out.mp4"
    assert speed_up(folder, "film.mp4", "--json", out=out) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sync"]["method"] == "chirps"
    assert told["sync"]["confidence"] > 0.9
    assert told["sync"]["song_begins_at_s"] == pytest.approx(CAMERA.stamps(2.0), abs=SYNC_S)
    assert told["slow_down"] == pytest.approx(2.0, abs=0.01)
    errors = picture_errors(out, read_plan(folder / "plan.npz"), told["song_start_s"])
    assert len(errors) == told["frames"]
    assert abs(errors.mean()) < 0.002
    assert np.abs(errors).max() < 0.5 / 30.0 / 2.0 + SYNC_S + READ_S
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


def test_without_a_name_the_result_lies_beside_the_film(folder, tmp_path, capsys):
    film = tmp_path / "phone.mp4"
    film.write_bytes((folder / "mute.mp4").read_bytes())
    code = main([
        *("speed-up", str(film), "--plan", str(folder / "plan.npz"), "--height", "90"),
        *("--sync-at", str(CAMERA.stamps(0.0)) + "=0", "--to", "2", "--fps", "10"),
    ])
    assert code == 0
    assert "no --song was given: the result is silent" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "phone-at-speed.mp4",
        "phone.mp4",
    ]


BAD = [
    # film, options, plan, song, exit code, what the line says
    ("none.mp4", (), "plan.npz", SONG, 3, "none.mp4: no such file"),
    ("empty.mp4", (), "plan.npz", SONG, 3, "empty.mp4: is not a film"),
    ("text.mp4", (), "plan.npz", SONG, 3, "text.mp4: is not a film"),
    ("cut.mp4", (), "plan.npz", SONG, 3, "cut.mp4: is not a film"),
    ("broken.mp4", ("--sync-at", "3"), "plan.npz", SONG, 3, "broken.mp4: "),
    ("plan.npz", (), "plan.npz", SONG, 3, "plan.npz: is not a film"),
    (str(SONG), (), "plan.npz", SONG, 3, "there are no pictures in this file"),
    ("film.mp4", (), "none.npz", SONG, 3, "none.npz: cannot be read as a plan"),
    ("film.mp4", (), "film.mp4", SONG, 3, "film.mp4: cannot be read as a plan"),
    ("film.mp4", (), "other.npz", SONG, 3, "another dance than this plan's"),
    ("film.mp4", (), "plan.npz", OTHER, 2, "is not the song of this plan"),
    ("film.mp4", (), "plan.npz", "none.wav", 3, "none.wav"),
    ("film.mp4", ("--fps", "1000"), "plan.npz", SONG, 2, "frame_rate_hz must lie in"),
    ("film.mp4", ("--sync-at", "9", "--sync-at", "9=0"), "plan.npz", SONG, 3, "--sync-at"),
    ("film.mp4", ("--sync-at", "300"), "plan.npz", SONG, 3, "does not show the dance at all"),
    ("mute.mp4", (), "plan.npz", SONG, 3, "has no sound track to find the dance by"),
    ("noise.mp4", (), "plan.npz", SONG, 3, "--sync-at SECONDS"),
    ("noise.mp4", ("--sync", "chirps"), "plan.npz", SONG, 3, "--sync-at SECONDS"),
    ("short.mp4", (), "plan.npz", SONG, 3, "film it again, or take what is there with"),
]


@pytest.mark.parametrize(("film", "more", "plan", "song", "code", "words"), BAD)
def test_bad_input_is_one_clear_line_and_nothing_is_left(
    folder, tmp_path, capfd, film, more, plan, song, code, words
):
    out = tmp_path / "out.mp4"
    assert speed_up(folder, film, *more, plan=plan, song=song, out=out) == code
    printed, said = capfd.readouterr()
    (line,) = [line for line in said.splitlines() if "done in" not in line]
    assert line.startswith("robodance: ")
    assert words in line
    assert printed == ""
    assert not list(tmp_path.iterdir())


def test_the_film_itself_is_never_written_over(folder, capsys):
    before = (folder / "film.mp4").read_bytes()
    assert speed_up(folder, "film.mp4", out=folder / "film.mp4") == 2
    assert "is the film itself" in capsys.readouterr().err
    assert (folder / "film.mp4").read_bytes() == before


def test_a_full_disk_is_one_clear_line(folder, tmp_path):
    def no_space():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))

    command = [
        *(sys.executable, "-m", "robodance", "speed-up", str(folder / "film.mp4")),
        *("--plan", str(folder / "plan.npz"), "-o", str(tmp_path / "out.mp4")),
        *("--sync-at", "5"),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, preexec_fn=no_space, timeout=120
    )
    assert done.returncode == 3
    assert "out.mp4: cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--camera", "/dev/video97", "--record", "--gui"), 3, "/dev/video97: no such camera"),
        (("--camera", "/dev/video97"), 2, "--camera says what films; add --record"),
        (("--camera", str(SONG), "--record"), 2, "films in real time"),
        (("--camera-path", "sideways", "--record"), 2, "invalid choice"),
        (("--film-size", "12"), 2, "is not a size"),
        (("--slow-audio", "loud"), 2, "invalid choice"),
    ],
)
def test_what_cannot_be_filmed_is_refused_before_anything_happens(
    tmp_path, capsys, more, code, words
):
    arguments = ["perform", str(SONG), "--sim", "--out", str(tmp_path / "out"), *more]
    try:
        found = main(arguments)
    except SystemExit as end:  # argparse's own way
        found = end.code
    assert found == code
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_sizes_and_moments_are_read_as_people_write_them():
    assert film_size("720p") == (1280, 720, None)
    assert film_size("1080p60") == (1920, 1080, 60)
    assert sync_point("3.42") == (3.42, None)
    assert sync_point("3.42=0") == (3.42, 0.0)


def test_help_names_the_command(capsys):
    assert main([]) == 2
    assert "speed-up" in capsys.readouterr().out
