"""A run made of pieces that do not depend on each other, each kept as soon as it is done.

``state.json`` says what the run is; ``pieces/NAME.npz`` appear one by one, each whole. A kill
at any moment costs the piece that was being made, which is made anew in the same way.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from robodance.errors import DataError
from robodance.output import plain, write_atomically, write_json

__all__ = ["PieceFolder"]


class PieceFolder:
    """The pieces of a run on disk.

    Attributes:
        out: The run's folder.
        about: All that decides what the pieces are, ready for JSON.
    """

    def __init__(self, out: Path, about: Mapping[str, Any]) -> None:
        self.out, self.about = out, json.loads(json.dumps(plain(about)))

    def check(self, resume: bool, result: str) -> None:
        """Refuse a folder that holds another run, or one that was not to go on.

        Args:
            resume: Whether to go on with what is there.
            result: Name of the file that a finished run leaves.

        Raises:
            DataError: It does.
        """
        state = self.out / "state.json"
        if not state.is_file():
            if (self.out / result).exists():
                raise DataError(f"{self.out}: holds {result} already; give another --out")
            return
        if not resume:
            raise DataError(f"{self.out}: holds a run already; add --resume or give another --out")
        try:
            before = json.loads(state.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{state}: not the state of a run ({error}); begin again") from error
        if before != self.about:
            raise DataError(
                f"{self.out}: holds a run with other settings or other data; give another --out"
            )

    def begin(self) -> None:
        """Say in the folder what this run is.

        Raises:
            OutputError: It cannot be written.
        """
        write_json(self.about, self.out / "state.json")

    def read(self, name: str) -> dict[str, NDArray[Any]] | None:
        """Return the arrays of a piece; None: it is not there yet.

        Raises:
            DataError: The file is damaged.
        """
        path = self._path(name)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return {key: arrays[key] for key in arrays.files}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path}: not a piece of this run ({error}); delete it, and --resume makes it anew"
            ) from error

    def keep(self, name: str, **arrays: Any) -> None:
        """Write a piece; it appears when it is whole.

        Raises:
            OutputError: It cannot be written.
        """
        with write_atomically(self._path(name)) as file:
            np.savez(file, **arrays)

    def _path(self, name: str) -> Path:
        return self.out / "pieces" / f"{name}.npz"
