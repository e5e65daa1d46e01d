"""XML without surprises: no document types, no entities, nothing fetched, no depth to drown in."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from robodance.errors import DataError

__all__ = ["local", "read_xml"]

DEEPEST = 500
LARGEST_BYTES = 256 * 2**20


def read_xml(path: Path) -> Element:
    """Return the root of an XML file.

    Document types, which define entities and name other files, are refused, so nothing in
    the file can grow or reach out. Text between elements is left out.

    Raises:
        DataError: The file is no XML, is damaged, or has a document type.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    depth = 0

    def refuse(*_: Any) -> None:
        raise DataError(
            f"{path}: declares a document type or entities (<!DOCTYPE ...>), which no motion "
            "file needs; it was not read further"
        )

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise DataError(f"{path}: has elements in elements, more than {DEEPEST} deep")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise DataError(f"{path}: is larger than {LARGEST_BYTES // 2**20} MiB")
        with path.open("rb") as file:
            parser.ParseFile(file)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise DataError(f"{path}: not XML, or a damaged file ({error})") from error
    return builder.close()


def local(name: str) -> str:
    """Return a name without its namespace's prefix."""
    return name.rpartition(":")[2]
