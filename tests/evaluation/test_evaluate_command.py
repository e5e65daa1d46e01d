"""The command on synthesised dances: rows, files, bad input, nothing half-written."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from dancer import dancer

sys.path.append(str(Path(__file__).parents[1] / "learning"))
from published_form import write_choreonet

from robodance.cli import main
from robodance.evaluation.folders import motion_files, read_motion_file
from robodance.evaluation.songs import Pair, SongPairs
from robodance.plan_file import write_dance
from robodance.skeleton import pose_sequence

RATE_HZ = 25.0
QUICK = ("--set", "resamples=40", "--set", "dance_s=6", "--set", "novelty_segments=4")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def write_dances(folder, count, *, genre="rumba", first=0, seconds=6.0, step_s=0.5):
    """Dances of our own synthesised dancer, with beats and a genre."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first, first + count):
        joints = dancer(seconds, RATE_HZ, seed=seed, step_s=step_s)
        beats = np.arange(0.0, seconds - 0.1, step_s)
        dance = pose_sequence(joints, RATE_HZ, beats_s=beats, metadata={"genre": genre})
        write_dance(dance, folder / f"{genre}-{seed}.npz")


def run(capsys, *arguments):
    code = main(["evaluate", *map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_folder_alone_gets_the_measures_that_need_no_real_dance(tmp_path, capsys):
    write_dances(tmp_path / "mine", 3)
    code, found = run(capsys, "mine", *QUICK, "--out", "out")
    assert code == 0
    cells = found["tables"][0]["cells"]
    assert {"speed", "slide", "bones", "lock", "hit_minima_70", "pfc"} <= set(cells["mine"])
    assert not {"frechet_style", "nearest", "style_dance", "slow"} & set(cells["mine"])
    assert set(cells["chance: music shifted"]) <= set(cells["mine"])
    assert cells["mine"]["speed"]["n"] == 3
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["tables"]
    page = (tmp_path / "out" / "evaluation.html").read_text()
    assert page.count("data:image/png") >= 2
    assert "http" not in page.replace("http-equiv", "")  # nothing from elsewhere


def test_beside_real_dances_copies_are_near_and_strangers_far(tmp_path, capsys):
    for genre, step in (("rumba", 0.5), ("tango", 0.3)):
        write_dances(tmp_path / "real", 4, genre=genre, step_s=step)
    write_dances(tmp_path / "copies", 2, genre="rumba")
    write_dances(tmp_path / "wild", 2, genre="rumba")
    for file in (tmp_path / "wild").glob("*.npz"):
        joints = read_motion_file(file, None, None).joint_positions_m.copy()
        joints[:, :, 2] *= 0.7 + 0.3 * np.sin(np.arange(len(joints)) / 3.0)[:, None] ** 2
        write_dance(pose_sequence(joints, RATE_HZ, metadata={"genre": "rumba"}), file)
    code, found = run(capsys, "copies", "wild", "--real", "real", *QUICK, "--out", "out")
    assert code == 0
    cells = found["tables"][0]["cells"]
    assert cells["copies"]["nearest"]["value"] < 1.0 < cells["wild"]["nearest"]["value"]
    for key in ("frechet_style", "frechet_kinetic", "novelty"):
        assert cells["copies"][key]["value"] < cells["wild"][key]["value"], key
    assert cells["copies"]["style_dance"]["value"] == 100.0
    assert {row["name"] for row in found["rows"]} >= {
        "real, training units",
        "real, held-out units",
        "copies",
        "wild",
    }


def test_published_data_give_the_rows_of_real_dance(tmp_path, capsys):
    write_choreonet(tmp_path / "data", units=12)
    write_dances(tmp_path / "mine", 1)
    code, found = run(
        capsys, "mine", "--data", "data", "--genre", "rumba", "--splits", 2, *QUICK, "--out", "out"
    )
    assert code == 0
    rows = {row["name"]: row for row in found["rows"]}
    assert list(rows)[:3] == ["real, training units", "real, held-out units", "rebuilt"]
    names = [{d["name"] for d in rows[row]["dances"]} for row in list(rows)[:2]]
    assert names[0]
    assert names[1]
    assert not names[0] & names[1]  # a unit is on one side only
    cells = found["tables"][0]["cells"]
    assert cells["real, training units"]["nearest"]["value"] < 1.0  # cm; they are in the pool
    assert cells["rebuilt"]["speed_share"]["value"] == pytest.approx(100.0)
    assert cells["chance: frames shuffled"]["frechet_kinetic"]["value"] > (
        10 * cells["rebuilt"]["frechet_kinetic"]["value"]
    )
    assert found["unit_splits"]["real, held-out units"]["speed"]["splits"] == 2


def test_the_same_seed_gives_the_same_table(tmp_path, capsys):
    write_dances(tmp_path / "mine", 2, seconds=4.0)
    tables = [run(capsys, "mine", *QUICK, "--out", f"out{k}")[1]["tables"] for k in range(2)]
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], 3, "nowhere: no such folder"),
        (["empty"], 3, "empty: holds no motion"),
        (["mine", "--pairs", "none.csv"], 3, "none.csv: cannot be read"),
        (["mine", "--pairs", "bad.csv"], 3, "line 2: the song"),
        (
            ["mine", "--pairs", "ghost.csv"],
            3,
            "names ghost.npz, but there is no such motion in mine",
        ),
        (["mine", "--songs", "empty"], 3, "empty: holds no sound"),
        (["mine", "--data", "a", "--real", "b"], 2, "give one of them"),
        (["mine", "--genre", "polka"], 2, "unknown genre 'polka'"),
        (["mine", "--set", "seed=x"], 2, "seed: expected int"),
        (["mine", "--set", "splots=2"], 2, "did you mean 'splits'"),
        (["mine", "--out", "mine"], 2, "exists already"),
        (["mine", "--data", "nowhere"], 3, "nowhere: no such folder"),
        (["--study", "mine"], 2, "compares at least two folders"),
        (["--study-answers", "a.json"], 2, "needs --study-key"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, arguments, code, message):
    write_dances(tmp_path / "mine", 1, seconds=2.0)
    (tmp_path / "empty").mkdir()
    (tmp_path / "ghost.csv").write_text("motion,song\nghost.npz,\nrumba-0,\n")
    (tmp_path / "bad.csv").write_text("motion,song\nrumba-0.npz,none.wav\n")
    before = sorted(tmp_path.iterdir())
    assert main(["evaluate", *arguments]) == code
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert message in line
    assert sorted(p for p in tmp_path.iterdir() if p.name != "cache") == before


@pytest.mark.parametrize("damage", ["another folder", "a table cut off"])
def test_data_that_are_not_whole_are_told_before_anything_is_danced(tmp_path, capsys, damage):
    """Dancing takes most of a minute, and would be for nothing."""
    if damage == "another folder":
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "notes.txt").write_text("not it")
    else:
        write_choreonet(tmp_path / "data", units=4)
        table = next((tmp_path / "data").rglob("movement_interval.csv"))
        table.write_text(table.read_text()[:-3] + "\nR-1-1,x,y")
    assert main(["evaluate", "--data", "data", "--genre", "rumba", "--shipped"]) == 3
    said = capsys.readouterr().err
    assert "movement_interval.csv" in said.strip().splitlines()[-1]
    assert "dancing" not in said


def test_every_damaged_file_is_named_and_none_is_left_out_silently(tmp_path, capsys):
    write_dances(tmp_path / "mine", 2, seconds=2.0)
    whole = (tmp_path / "mine" / "rumba-0.npz").read_bytes()
    (tmp_path / "mine" / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "mine" / "foreign.bvh").write_text("this is no motion\n")
    assert main(["evaluate", "mine", "--out", "out"]) == 3
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "cut.npz" in line
    assert "foreign.bvh" in line
    assert not (tmp_path / "out").exists()


def test_songs_that_nothing_dances_to_are_told(tmp_path):
    write_dances(tmp_path / "mine", 1, seconds=2.0)
    songs = {name: tmp_path / f"{name}.wav" for name in ("rumba", "polka")}
    pairs = SongPairs(songs, {"rumba-0": Pair(), "ghost": Pair()})
    motions = [(tmp_path / "mine" / "rumba-0.npz", tmp_path / "mine")]
    assert pairs.left_over(motions) == (["ghost"], ["rumba.wav", "polka.wav"])
    assert SongPairs(songs).left_over(motions) == ([], ["polka.wav"])  # by its name


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    write_dances(tmp_path / "mine", 1, seconds=2.0)

    def interrupted(*arguments, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("robodance.evaluation.report._page", interrupted)  # between two files
    assert main(["evaluate", "mine", *QUICK, "--out", "out"]) == 130
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "cache") == ["mine"]


def test_of_a_performance_the_dance_counts(tmp_path):
    write_dances(tmp_path / "shows" / "a", 1, seconds=2.0)
    (tmp_path / "shows" / "a" / "rumba-0.npz").rename(tmp_path / "shows" / "a" / "dance.npz")
    for name in ("plan.npz", "log.npz", "report.json"):
        (tmp_path / "shows" / "a" / name).write_bytes(b"")
    assert [f.name for f in motion_files(tmp_path / "shows")] == ["dance.npz"]
    assert [f.name for f in motion_files(tmp_path / "shows", robot=True)] == ["plan.npz"]
