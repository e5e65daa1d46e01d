"""The 3D code of the page: three.js, as an installed library brings it along.

trimesh's own viewer holds the whole of three.js (MIT). It is read from there when a page is
made, and kept nowhere in this package.
"""

from __future__ import annotations

import importlib.metadata
import io
import re
import zipfile

from robodance.errors import MissingDependency

__all__ = ["three_js"]

ARCHIVE, MEMBER = "trimesh/resources/templates/viewer.zip", "viewer.html.template"
BUNDLE = re.compile(r"<script>\s*(/\*\*\s*\* @license.*?\*/\s*!function[^\n]*)", re.DOTALL)
NEEDED = ("REVISION", "PCFShadowMap", "MeshStandardMaterial", "ShadowMaterial", ".THREE=")
MEND = 'pip install "trimesh>=5,<6"'


def three_js() -> str:
    """Return three.js as a script that defines ``THREE``, its licence line first.

    Raises:
        MissingDependency: trimesh is not installed, or holds no such script.
    """
    try:
        distribution = importlib.metadata.distribution("trimesh")
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingDependency(
            f"the preview's 3D code comes with trimesh, which is not installed; {MEND}"
        ) from error
    try:
        with zipfile.ZipFile(io.BytesIO(_bytes(distribution))) as archive:
            page = archive.read(MEMBER).decode("utf-8")
    except (OSError, KeyError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise _changed(distribution) from error
    found = BUNDLE.search(page)
    if found is None or any(name not in found[1] for name in NEEDED) or "</script" in found[1]:
        raise _changed(distribution)
    return found[1]


def _bytes(distribution: importlib.metadata.Distribution) -> bytes:
    with open(str(distribution.locate_file(ARCHIVE)), "rb") as file:
        return file.read()


def _changed(distribution: importlib.metadata.Distribution) -> MissingDependency:
    return MissingDependency(
        f"trimesh {distribution.version} does not hold three.js in {ARCHIVE}, which the preview "
        f"needs; {MEND}"
    )
