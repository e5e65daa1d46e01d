"""Put the page together: HTML, style, scripts, the 3D library, what it shows, what it plays."""

from __future__ import annotations

import base64
import importlib.resources
import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from robodance.output import write_atomically
from robodance.performance.preview.content import gather
from robodance.performance.preview.library import three_js
from robodance.performance.preview.sound import page_sound, waveform
from robodance.performance.soundtrack import Soundtrack
from robodance.robots.model import RobotModel
from robodance.values import Certificate, Losses, PerformanceLog, Plan

__all__ = ["make_preview", "write_preview"]

SCRIPTS = ("tracks", "clock", "figures", "stage", "soles", "strips", "controls", "main")


def make_preview(
    plan: Plan,
    robot: RobotModel,
    certificate: Certificate,
    losses: Losses | None,
    content: Mapping[str, Any],
    *,
    log: PerformanceLog | None = None,
    soundtrack: Soundtrack | None = None,
) -> str:
    """Return the page.

    Args:
        plan: What is danced.
        robot: Who dances.
        certificate: What an independent check found.
        losses: What the robot could not do of the dance; None: not known.
        content: What ``make_report`` made of them.
        log: What was measured; None when nothing was performed.
        soundtrack: The song, (N,) or (N, C), and its samples per second; None: no sound.

    Raises:
        MissingDependency: The 3D code or, for the sound, PyAV is not installed.
    """
    shown = gather(plan, robot, certificate, losses, content, log)
    song = ""
    if soundtrack is not None:
        times = shown["times"]
        sound = page_sound(soundtrack, times["start"], times["end"], times["music"])
        shown["waveform"] = waveform(sound)
        song = base64.b64encode(sound.m4a).decode("ascii")
    parts = {
        "title": escape(f"{shown['about']['title']} - robodance"),
        "style": _file("style.css"),
        "library": three_js(),
        "content": json.dumps(shown, separators=(",", ":"), allow_nan=False).replace(
            "<", "\\u003c"
        ),
        "song": song,
        "scripts": "\n".join(_file(f"{name}.js") for name in SCRIPTS),
    }
    page = _file("preview.html")
    for name, text in parts.items():
        before, _, after = page.rpartition(f"{{{{{name}}}}}")
        page = before + text + after
    return page


def write_preview(path: Path, *values: Any, **more: Any) -> None:
    """Make a page (arguments of ``make_preview``) and write it to ``path``.

    Raises:
        MissingDependency: Something that it is made of is not installed.
        OutputError: The file cannot be written.
    """
    page = make_preview(*values, **more)
    with write_atomically(path) as file:
        file.write(page.encode())


def _file(name: str) -> str:
    folder = importlib.resources.files("robodance.performance.preview") / "page"
    return (folder / name).read_text(encoding="utf-8")
