"""Training of the genre classifier: a product that can be stopped, and never loses what it has."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from robodance.config import GenreTrainConfig
from robodance.errors import DataError
from robodance.learning.genre_training import train_genre

LETTERS = {"C": 124.0, "R": 100.0, "T": 132.0, "W": 88.0}
RATE_HZ = 22_050
QUICK = GenreTrainConfig(updates=12, batch=8)


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Two songs of clicks for each genre, in the folders and under the names of ChoreoNet."""
    data = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(3)
    for letter, tempo_bpm in LETTERS.items():
        folder = data / "choreonet" / "music" / letter
        folder.mkdir(parents=True)
        for number in (1, 2):
            sound = 0.01 * rng.normal(size=14 * RATE_HZ)
            period = round(60.0 / (tempo_bpm + number) * RATE_HZ)
            for start in range(0, len(sound) - 2000, period):
                sound[start : start + 2000] += np.hanning(2000) * rng.normal(size=2000)
            soundfile.write(folder / f"{number}.mp3", 0.3 * sound, RATE_HZ, format="MP3")
    return data


def command(data, out, *more):
    sizes = ("--set", f"updates={QUICK.updates}", "--set", f"batch={QUICK.batch}")
    return [
        *("-m", "robodance", "train", "genre", "--data", str(data), "--out", str(out)),
        *(*sizes, *more),
    ]


@pytest.fixture(scope="module")
def whole(music, tmp_path_factory):
    """A run that nothing stopped."""
    out = tmp_path_factory.mktemp("whole")
    lines = []
    train_genre(music, out, QUICK, progress=lambda share, line: lines.append((share, line)))
    return out, lines


def result(out):
    return (out / "genre.safetensors").read_bytes(), (out / "genre.json").read_bytes()


@pytest.mark.parametrize("after", ["heard-003.npz", "without-002.npz"])
def test_a_killed_run_ends_with_the_same_weights(music, whole, tmp_path, after):
    """SIGKILL while songs are heard, and while networks are trained."""
    out = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, *command(music, out)], stderr=subprocess.DEVNULL)
    while process.poll() is None and not (out / "pieces" / after).is_file():
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
    assert not (out / "genre.safetensors").exists()
    done = {path: path.stat().st_mtime_ns for path in (out / "pieces").glob("*.npz")}

    subprocess.run(
        [sys.executable, *command(music, out, "--resume")], check=True, capture_output=True
    )
    assert result(out) == result(whole[0])
    assert all(path.stat().st_mtime_ns == then for path, then in done.items())


def test_two_processes_give_the_same_weights(music, whole, tmp_path):
    out = tmp_path / "shared_out"
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    subprocess.run(
        [sys.executable, "-W", "ignore", *launcher, *command(music, out)],
        check=True,
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert result(out) == result(whole[0])


def test_it_says_how_long_it_takes_and_leaves_its_curves(whole):
    out, lines = whole
    shares = [share for share, _ in lines]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all("s left" in line or "for the others" in line for _, line in lines)
    rows = [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]
    assert len(rows) == 8 * QUICK.updates
    assert {row["left_out"] for row in rows} == {f"{k}/{n}" for k in LETTERS for n in (1, 2)}


@pytest.mark.parametrize(
    ("settings", "resume", "says"),
    [
        (QUICK, False, "add --resume"),
        (GenreTrainConfig(updates=13, batch=8), True, "other settings"),
    ],
)
def test_another_run_is_never_written_over(music, whole, settings, resume, says):
    before = result(whole[0])
    with pytest.raises(DataError, match=says):
        train_genre(music, whole[0], settings, resume=resume)
    assert result(whole[0]) == before


def test_weights_without_their_run_are_never_written_over(music, whole, tmp_path):
    weights = tmp_path / "genre.safetensors"
    weights.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"holds genre\.safetensors already"):
        train_genre(music, tmp_path, QUICK, resume=True)
    assert weights.read_bytes() == b"mine"


def test_a_damaged_piece_is_named(music, whole, tmp_path):
    pieces = tmp_path / "pieces"
    pieces.mkdir()
    (tmp_path / "state.json").write_bytes((whole[0] / "state.json").read_bytes())
    (pieces / "heard-000.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match=r"heard-000\.npz: not a piece of this run.*delete it"):
        train_genre(music, tmp_path, QUICK, resume=True)
