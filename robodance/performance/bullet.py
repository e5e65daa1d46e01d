"""PyBullet, imported without the line that it prints, or a clear word where it is absent."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from robodance.errors import MissingDependency

__all__ = ["pybullet"]


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Keep what C code writes to stderr away from people (its build time, at import)."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


try:
    with _silent_stderr():
        import pybullet
except ImportError as error:
    raise MissingDependency(
        "the simulation and films need PyBullet, which has wheels for CPython up to 3.11 on "
        "Linux: pip install pybullet"
    ) from error
