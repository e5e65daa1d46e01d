"""Files of ours: each appears under its name only when it is complete.

Below everything and light (no numpy), so that every command can tell its result as JSON.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from robodance.errors import OutputError, RobodanceError

__all__ = ["complete_file", "plain", "write_atomically", "write_json"]


@contextmanager
def complete_file(
    path: Path, *, failures: tuple[type[Exception], ...] = (OSError,), option: str = "--out"
) -> Iterator[Path]:
    """Give a temporary name beside ``path``; it becomes ``path`` when all went well.

    Args:
        path: The file; its folder is made.
        failures: What means that writing failed.
        option: The flag that chooses another place.

    Raises:
        OutputError: The folder or the file cannot be written.
    """
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        part = Path(name)
        yield part
        part.chmod(0o644)
        part.replace(path)
    except RobodanceError:
        raise
    except failures as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"{path}: cannot be written ({reason}); free some space or choose another place "
            f"with {option}"
        ) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


@contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the name ``path`` when all went well.

    Raises:
        OutputError: The folder or the file cannot be written.
    """
    with complete_file(path) as part, part.open("wb") as file:
        yield file


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write a JSON file.

    Raises:
        OutputError: The file cannot be written.
    """
    text = json.dumps(plain(content), indent=1, allow_nan=False)
    with write_atomically(path) as file:
        file.write(text.encode() + b"\n")


def plain(value: Any) -> Any:
    """Turn mappings, sequences, arrays and paths into what JSON knows.

    JSON has no NaN and no infinity: numbers that are not finite become None.

    Raises:
        TypeError: A value of another kind.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # an array or a number of numpy
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"{type(value).__name__} cannot go into a file")
