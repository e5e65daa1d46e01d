"""Where the files that travel with the package are: the only code that knows.

In a wheel ``configs/``, ``urdf/`` and ``launch/`` lie inside the package under
``_data``; in a checkout and an editable install they lie beside it.
"""

from __future__ import annotations

import importlib.resources
import os
from pathlib import Path

from robodance.errors import RobodanceError

__all__ = ["cache_folder", "config_path", "data_path", "launch_path", "urdf_path", "weights_path"]


def data_path(kind: str) -> Path:
    """Return the folder of one kind of data file.

    Args:
        kind: ``configs``, ``urdf`` or ``launch``.

    Raises:
        RobodanceError: The package is not unpacked on disk, or the folder is missing.
    """
    package = importlib.resources.files("robodance")
    if not isinstance(package, Path):
        raise RobodanceError(
            f"robodance runs from {package}, which is not a folder; "
            "install it with pip, which unpacks it"
        )
    for folder in (package / "_data" / kind, package.parent / kind):
        if folder.is_dir():
            return folder
    raise RobodanceError(
        f"the folder {kind!r} that belongs to robodance is neither in {package / '_data'} nor in "
        f"{package.parent}; install robodance again"
    )


def config_path(name: str) -> Path:
    """Return the shipped configuration ``name``, such as ``robots/nao_v6.yaml``."""
    return data_path("configs") / name


def urdf_path(name: str) -> Path:
    """Return the shipped robot description ``name``, such as ``nao/nao_v6.urdf``."""
    return data_path("urdf") / name


def launch_path(name: str) -> Path:
    """Return the shipped launch file ``name``, such as ``shows/rumba.yaml``."""
    return data_path("launch") / name


def weights_path(name: str) -> Path:
    """Return the shipped weight file ``name``, such as ``autoregressive_rumba.safetensors``."""
    package = importlib.resources.files("robodance")
    if not isinstance(package, Path):
        raise RobodanceError(f"robodance runs from {package}, which is not a folder")
    return package / "weights" / name


def cache_folder() -> Path:
    """Return the user's folder for files that can be made again; it is made."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "robodance"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
