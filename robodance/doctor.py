"""``robodance doctor``: what is here, what is missing, and the line that mends it."""

from __future__ import annotations

import ctypes.util
import hashlib
import importlib
import importlib.metadata
import json
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from robodance.errors import RobodanceError
from robodance.resources import data_path, weights_path

__all__ = ["Finding", "examine"]

PACKAGES = {
    # distribution: (module, what it is for)
    "numpy": ("numpy", "arrays"),
    "scipy": ("scipy.interpolate", "splines, filters"),
    "torch": ("torch", "imagining and training"),
    "librosa": ("librosa", "hearing"),
    "soundfile": ("soundfile", "reading songs"),
    "soxr": ("soxr", "resampling"),
    "av": ("av", "films, m4a songs"),
    "piqp": ("piqp", "adapting: the QP solver"),
    "ruckig": ("ruckig", "adapting: ways into the dance and out of it"),
    "toppra": ("toppra", "adapting: --tempo warp"),
    "pybullet": ("pybullet", "the simulation"),
    "ikpy": ("ikpy", "inverse kinematics, for comparison"),
    "qi": ("qi", "a physical NAO"),
    "miniaudio": ("miniaudio", "a robot dancing to this computer's loudspeaker"),
    "ezc3d": ("ezc3d", "reading motion capture"),
    "safetensors": ("safetensors", "weights"),
    "PyYAML": ("yaml", "settings"),
    "rich": ("rich", "progress bars"),
    "matplotlib": ("matplotlib", "the report page"),
    "trimesh": ("trimesh", "the preview page: its 3D code"),
    "pillow": ("PIL", "title and beats in films"),
}
GIGABYTE = 1e9
FREE_DISK_NEEDED_B = 1.0 * GIGABYTE


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        found: Whether it is in order.
        detail: What was found.
        mend: The line that mends it; empty when there is nothing to mend.
        needed: Whether ``robodance perform --sim`` needs it.
    """

    name: str
    found: bool
    detail: str
    mend: str = ""
    needed: bool = True

    def line(self) -> str:
        """Return the finding as one line for a person."""
        sign = "ok     " if self.found else "MISSING" if self.needed else "absent "
        mend = f"  ->  {self.mend}" if self.mend and not self.found else ""
        return f"{sign} {self.name:<22} {self.detail}{mend}"

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain values."""
        return asdict(self)


def examine(*, quick: bool = False) -> list[Finding]:
    """Look at everything robodance needs.

    Args:
        quick: Only look what is installed; import nothing and draw nothing.
    """
    return [
        _python(),
        *_packages(quick=quick),
        *_data_folders(),
        *_weights(),
        _renderer(quick=quick),
        _disk(),
    ]


def _python() -> Finding:
    version = platform.python_version()
    supported = sys.version_info[:2] == (3, 11) and sys.platform == "linux"
    return Finding(
        "Python",
        sys.version_info >= (3, 11),
        f"{version} on {sys.platform} {platform.machine()}"
        + ("" if supported else " (only CPython 3.11 on Linux x86-64 is tested)"),
        "install CPython 3.11",
    )


def _packages(*, quick: bool) -> Iterator[Finding]:
    for distribution, (module, purpose) in PACKAGES.items():
        mend = f'{sys.executable} -m pip install "{distribution}"'
        needed = distribution not in {"qi", "miniaudio", "ikpy", "ezc3d"}
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(distribution, False, f"not installed ({purpose})", mend, needed)
            continue
        try:
            if not quick:
                importlib.import_module(module)
        except (ImportError, OSError) as error:
            detail = f"{version} is installed but does not load: {' '.join(str(error).split())}"
            mend = f'{sys.executable} -m pip install --force-reinstall "{distribution}"'
            yield Finding(distribution, False, detail, mend, needed)
        else:
            yield Finding(distribution, True, f"{version} ({purpose})", "", needed)


def _data_folders() -> Iterator[Finding]:
    for kind in ("configs", "urdf", "launch"):
        try:
            yield Finding(kind, True, str(data_path(kind)))
        except RobodanceError as error:
            yield Finding(kind, False, str(error), "install robodance again")


def _weights() -> Iterator[Finding]:
    cards = sorted(weights_path("").glob("*.json"))
    if not cards:
        yield Finding("weights", False, f"none in {weights_path('')}", "install robodance again")
    for card in cards:
        name = f"weights {card.stem}"
        file = card.with_suffix(".safetensors")
        if not file.is_file():
            yield Finding(name, False, f"{file.name} is missing", "install robodance again")
            continue
        wanted = json.loads(card.read_text(encoding="utf-8")).get("sha256")
        intact = hashlib.sha256(file.read_bytes()).hexdigest() == wanted
        detail = f"{file.stat().st_size / 1e6:.1f} MB"
        yield Finding(
            name,
            intact,
            detail if intact else f"{detail}, but its SHA-256 is not the card's",
            "install robodance again",
        )


def _renderer(*, quick: bool) -> Finding:
    """Look at what draws films: quickly whether EGL is there, else whether it draws."""
    name, mend = "film renderer", "on Debian or Ubuntu: apt-get install libegl1 libgl1-mesa-dri"
    if quick:
        there = ctypes.util.find_library("EGL") is not None
        detail = "libEGL is here" if there else "no libEGL: films would be drawn in software (tiny)"
        return Finding(name, there, f"{detail} (not tried)", mend, needed=False)
    try:
        from robodance.performance.rendering import renderer_starts

        chosen = next((kind for kind in ("egl", "tiny") if renderer_starts(kind)), None)
    except (ImportError, OSError) as error:
        return Finding(name, False, f"cannot be tried: {error}", "see above", needed=False)
    detail = f"films are drawn by {chosen}" if chosen else "none starts: there can be no films"
    if chosen == "tiny":
        detail += " (software); OpenGL (egl) does not start"
    return Finding(name, chosen == "egl", detail, mend, needed=False)


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    return Finding(
        "disk",
        free > FREE_DISK_NEEDED_B,
        f"{free / GIGABYTE:.1f} GB free in {Path.cwd()}",
        "free some space",
        needed=False,
    )
