"""Whatever goes wrong: one clear line, the documented exit code, nothing half-written."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from robodance.cli import main
from robodance.resources import launch_path

RATE = 22050
DEMO = launch_path("songs/rumba.ogg")


def write_wav(path, samples):
    soundfile.write(path, np.asarray(samples, dtype=np.float32), RATE, subtype="FLOAT")


def missing(folder, rng):
    return folder / "missing.wav", "missing.wav"


def directory(folder, rng):
    (folder / "songs").mkdir()
    return folder / "songs", "folder"


def empty(folder, rng):
    (folder / "empty.wav").write_bytes(b"")
    return folder / "empty.wav", "empty"


def text(folder, rng):
    (folder / "notes.mp3").write_text("do re mi fa so\n" * 2000)
    return folder / "notes.mp3", "notes.mp3"


def noise_bytes(folder, rng):
    (folder / "noise.ogg").write_bytes(rng.bytes(40000))
    return folder / "noise.ogg", "noise.ogg"


def cut_short(folder, rng):
    (folder / "cut.ogg").write_bytes(DEMO.read_bytes()[:3000])
    return folder / "cut.ogg", "cut.ogg"


def silence(folder, rng):
    write_wav(folder / "silence.wav", np.zeros(20 * RATE))
    return folder / "silence.wav", "silen"


def short(folder, rng):
    write_wav(folder / "short.wav", 0.1 * rng.normal(size=4 * RATE))
    return folder / "short.wav", "5 s"


def not_numbers(folder, rng):
    samples = 0.1 * rng.normal(size=10 * RATE)
    samples[1000:2000] = np.nan
    write_wav(folder / "nan.wav", samples)
    return folder / "nan.wav", "not numbers"


def beatless(folder, rng):
    moment = np.arange(20 * RATE) / RATE
    write_wav(folder / "tone.wav", 0.3 * np.sin(2 * np.pi * 220 * moment))
    return folder / "tone.wav", "--bpm"


SONGS = (
    missing,
    directory,
    empty,
    text,
    noise_bytes,
    cut_short,
    silence,
    short,
    not_numbers,
    beatless,
)


@pytest.mark.parametrize("make", SONGS, ids=lambda make: make.__name__)
def test_a_bad_song_is_one_clear_line(make, tmp_path, rng, capfd):
    song, word = make(tmp_path, rng)
    out = tmp_path / "out"
    assert main(["perform", str(song), "--sim", "--out", str(out)]) == 3
    printed, said = capfd.readouterr()
    (line,) = [line for line in said.splitlines() if "done in" not in line]
    assert line.startswith("robodance: ")
    assert word in line
    assert printed == ""
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "beats"),
        ("hello\n", "line 1"),
        ("1.0\n0.5\n", "order"),
        ("1.0 1\n2.0 x\n", "line 2"),
        ("nan\n1\n", "line 1"),
    ],
)
def test_a_bad_beats_file_is_one_clear_line(content, word, tmp_path, capfd):
    beats = tmp_path / "taps.txt"
    beats.write_text(content)
    code = main(["perform", str(DEMO), "--dry-run", "--beats", str(beats), "--out", str(tmp_path)])
    assert code in {2, 3}
    (line,) = [x for x in capfd.readouterr().err.splitlines() if "done in" not in x]
    assert "taps.txt" in line
    assert word in line


def test_a_part_outside_the_song_is_one_clear_line(tmp_path, capfd):
    code = main(["perform", str(DEMO), "--dry-run", "--from", "500", "--out", str(tmp_path / "o")])
    assert code == 2
    assert "the song lasts" in capfd.readouterr().err
    assert not (tmp_path / "o").exists()


@pytest.fixture
def tiny_disk(tmp_path):
    """A real file system with room for 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except OSError:
        pytest.skip("no mount command here")
    if done.returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_no_space_for_the_film_is_one_clear_line(tiny_disk, tmp_path, capfd):
    film = tiny_disk / "film.mp4"
    code = main([
        *("perform", str(DEMO), "--sim", "--to", "8", "--record", str(film)),
        *("--out", str(tmp_path / "out"), "--set", "recording.width=320"),
        *("--set", "recording.height=180", "--set", "verification.disturbances=none"),
    ])
    assert code == 3
    (line,) = [x for x in capfd.readouterr().err.splitlines() if x.startswith("robodance: ")]
    assert "film.mp4" in line
    assert "space" in line
    assert list(tiny_disk.iterdir()) == []
    assert (tmp_path / "out" / "plan.npz").is_file(), "what was finished before is kept"


def test_an_interrupt_that_breaks_an_import_is_an_interrupt(monkeypatch, capfd):
    """Extensions turn what is raised while they begin into an ImportError."""

    def interrupted(options):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as cause:
            raise ImportError("initialization failed") from cause

    def broken(options):
        raise ImportError("no such library")

    monkeypatch.setattr("robodance.commands.perform._perform", interrupted)
    assert main(["perform", "a.wav", "--sim"]) == 130
    assert "stopped by Ctrl-C" in capfd.readouterr().err
    monkeypatch.setattr("robodance.commands.perform._perform", broken)
    with pytest.raises(ImportError, match="no such library"):
        main(["perform", "a.wav", "--sim"])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("share", [0.02, 0.15, 0.3, 0.5, 0.7, 0.85])
def test_ctrl_c_at_any_moment_ends_cleanly(share, number, tmp_path, performance_seconds):
    """The signal goes to the whole process group, as a terminal sends it."""
    command = performance_command(tmp_path / "out")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    time.sleep(max(share * performance_seconds, 0.3))
    if process.poll() is None:
        os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err, err
    assert process.returncode in {130, 0}, err
    if process.returncode == 130:
        assert err.splitlines()[-1].startswith("robodance: stopped by Ctrl-C")
        assert out == ""
    left = {path.name for path in (tmp_path / "out").glob("*")}
    finished = {"dance.npz", "plan.npz", "log.npz", "report.json", "report.html"}
    finished |= {"preview.html", "film.mp4"}
    assert left <= finished, "nothing half-written remains"


def performance_command(folder):
    return [
        *(sys.executable, "-m", "robodance", "perform", str(DEMO), "--sim", "--to", "4"),
        *("--record", "--out", str(folder), "--set", "recording.width=320"),
        *("--set", "recording.height=180", "--set", "verification.disturbances=pushes"),
    ]


@pytest.fixture(scope="module")
def performance_seconds(tmp_path_factory):
    """How long the whole command takes when nobody stops it."""
    start = time.monotonic()
    folder = tmp_path_factory.mktemp("whole") / "out"
    done = subprocess.run(performance_command(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - start


def test_an_interrupt_that_python_drops_is_raised_again():
    """In a weak reference's callback nothing can be raised; Ctrl-C there must not be lost."""
    program = """
import os, signal, time, weakref
import robodance.cli as cli

class Thing:
    pass

def main():
    thing = Thing()
    watch = weakref.ref(thing, lambda _: (os.kill(os.getpid(), signal.SIGINT), time.sleep(0.1)))
    del thing
    time.sleep(5.0)
    return 0

cli.main = main
cli.run()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 130
    assert done.stderr.startswith("robodance: stopped by Ctrl-C")
