"""Nothing half-written takes a name, and what is written is plain JSON."""

import json
import math
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from robodance.errors import OutputError
from robodance.output import complete_file, plain, write_atomically, write_json


def test_what_fails_halfway_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")

    def write_and_fail():
        with write_atomically(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_a_clear_error(tmp_path):
    full = tmp_path / "full"

    def write_to_a_full_disk():
        with write_atomically(full):
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left on device"):
        write_to_a_full_disk()
    assert list(tmp_path.iterdir()) == []


def test_another_library_may_write_the_file_and_fail_in_its_own_way(tmp_path):
    """FFmpeg opens the name itself, and its errors are not all of the operating system."""

    class LibraryError(Exception):
        pass

    with complete_file(tmp_path / "new" / "film.mp4") as part:
        part.write_text("whole")
        assert not (tmp_path / "new" / "film.mp4").exists()
    assert (tmp_path / "new" / "film.mp4").read_text() == "whole"

    def write_and_fail(failures):
        with complete_file(tmp_path / "film.mp4", failures=failures, option="--record"):
            raise LibraryError("broken")

    with pytest.raises(OutputError, match=r"film\.mp4: cannot be written \(broken\).*--record"):
        write_and_fail((OSError, LibraryError))
    with pytest.raises(LibraryError):
        write_and_fail((OSError,))
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_what_is_written_is_what_plain_says(tmp_path):
    content = MappingProxyType({
        "array": np.arange(4.0).reshape(2, 2),
        "number": np.float32(0.5),
        "whole": np.int64(3),
        "truth": np.bool_(True),
        "pair": (1, None),
        "where": Path("songs") / "a.wav",
        "inner": MappingProxyType({1: "one"}),
        "endless": math.inf,
        "unknown": np.array([math.nan, 1.0]),
    })
    write_json(content, tmp_path / "file.json")
    read = json.loads((tmp_path / "file.json").read_text())
    assert read == plain(content)
    assert read == {
        "array": [[0.0, 1.0], [2.0, 3.0]],
        "number": 0.5,
        "whole": 3,
        "truth": True,
        "pair": [1, None],
        "where": "songs/a.wav",
        "inner": {"1": "one"},
        "endless": None,
        "unknown": [None, 1.0],
    }


def test_what_json_does_not_know_is_refused():
    with pytest.raises(TypeError, match="object cannot go into a file"):
        plain({"thing": object()})
