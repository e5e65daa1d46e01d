"""Choregraphe's Python exports: names, times and keys, read as text and never executed.

The scripts found in the wild are of any age: most are no Python 3, some are one line, many
were pasted into larger programs. So only the lists are read, by a reader that knows
strings, numbers and brackets and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from robodance.errors import DataError
from robodance.motion_files.joint_keys import JointKeys, Keys, checked, choose_clip
from robodance.output import write_atomically

__all__ = ["read_choregraphe", "write_choregraphe"]

LARGEST_BYTES = 64 * 2**20
DEEPEST = 4  # a list of points, of key and handles

STATEMENT = re.compile(
    r"\b(?P<role>names|times|timeLists|keys|angles|angleLists)(?P<suffix>_?\d*)\s*"
    r"(?:\.\s*(?P<append>append)\s*\(|=(?!=))\s*"
)
ROLES = {
    "names": "names",
    "times": "times",
    "timeLists": "times",
    "keys": "keys",
    "angles": "keys",
    "angleLists": "keys",
}
TOKEN = re.compile(
    r"\s*(?:(?P<open>[\[(])|(?P<close>[\])])|(?P<comma>,)"
    r"|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])"
    r"|[uUbB]?(?P<quote>[\"'])(?P<text>[^\"'\\\n]*)(?P=quote))"
)
PLAIN_NAMES = re.compile(r"\[\s*[uU]?[\"']\w+[\"']\s*[,\]]")
EMPTY = re.compile(r"list\s*\(\s*\)|\[\s*\]")
COMMENT = re.compile(r"(\"[^\"\n]*\"|'[^'\n]*')|#[^\n]*")
RELATIVE = re.compile(r"angleInterpolation\s*\(\s*names\w*\s*,[^()]*,\s*(?:False|0)\s*\)")


def read_choregraphe(path: Path, clip: str | None = None) -> JointKeys:
    """Read a Choregraphe export in Python, simplified or with Bezier handles.

    Args:
        path: The script.
        clip: Which of its motions, where it holds several: a number from 1.

    Raises:
        DataError: It holds no such lists, or they do not fit together.
    """
    text = _text(path)
    if RELATIVE.search(text):
        raise DataError(
            f"{path}: its angles are relative (angleInterpolation with isAbsolute False); only "
            "absolute ones say where the robot is"
        )
    found: dict[str, list[dict[str, list[Any]]]] = {}
    for match in STATEMENT.finditer(text):
        parts = found.setdefault(match["suffix"], [])
        _take(path, text, match, parts)
    clips = [
        ("", checked(path, JointKeys(path.name, _joined(path, part))))
        for parts in found.values()
        for part in parts
        if part["names"] and (part["times"] or part["keys"])
    ]
    if not clips:
        raise DataError(
            f"{path}: not a Choregraphe export in Python; one has lists names, times and keys"
        )
    return choose_clip(path, clips, clip)


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST_BYTES:
        raise DataError(f"{path}: is larger than {LARGEST_BYTES // 2**20} MiB; no export is")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    text = raw.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    if "\n" not in text.strip():  # a script on one line, of which a comment would be all
        return text
    return COMMENT.sub(lambda found: found[1] or "", text)


def _take(path: Path, text: str, match: re.Match[str], parts: list[dict[str, list[Any]]]) -> None:
    """Add what a statement says to the motion it belongs to."""
    role = ROLES[match["role"]]
    end = match.end()
    empty = EMPTY.match(text, end)
    if not match["append"]:
        if empty is None and text[end : end + 1] != "[":
            return  # some other use of the word
        if empty is None and role == "names" and not PLAIN_NAMES.match(text, end):
            return
        if not parts or parts[-1][role]:  # a list begins anew: another motion
            parts.append({"names": [], "times": [], "keys": []})
        if empty is None:
            parts[-1][role] = _value(path, text, end)
        return
    if not parts:
        parts.append({"names": [], "times": [], "keys": []})
    parts[-1][role].append(_value(path, text, end))


def _value(path: Path, text: str, at: int) -> Any:
    """Read one value: a text, a number, or lists of them."""
    stack: list[list[Any]] = []
    while True:
        token = TOKEN.match(text, at)
        if token is None or (not stack and (token["close"] or token["comma"])):
            line = text.count("\n", 0, at) + 1
            raise DataError(
                f"{path}: line {line}: {text[at : at + 20].strip()!r} is neither a number nor a "
                "list of numbers; scripts are read, not run"
            )
        at = token.end()
        if token["open"]:
            if len(stack) == DEEPEST:
                raise DataError(f"{path}: lists in lists in lists; not a Choregraphe export")
            stack.append([])
            continue
        if token["comma"]:
            continue
        value: Any
        if token["close"]:
            value = stack.pop()
        else:
            value = token["text"] if token["quote"] else float(token["number"])
        if not stack:
            return value
        stack[-1].append(value)


def _joined(path: Path, part: dict[str, list[Any]]) -> dict[str, Keys]:
    counts = {role: len(values) for role, values in part.items()}
    if len(set(counts.values())) != 1:
        raise DataError(
            f"{path}: {counts['names']} names, {counts['times']} lists of times and "
            f"{counts['keys']} of keys; they must be as many"
        )
    joints: dict[str, Keys] = {}
    for name, times, keys in zip(part["names"], part["times"], part["keys"], strict=True):
        if not isinstance(name, str):
            raise DataError(f"{path}: {name!r} is no name of a joint")
        times = times if isinstance(times, list) else [times]
        keys = keys if isinstance(keys, list) else [keys]
        if len(times) != len(keys):
            raise DataError(f"{path}: {name} has {len(times)} times and {len(keys)} keys")
        if name in joints:
            raise DataError(f"{path}: {name} comes twice")
        table = np.array([_point(path, name, point) for point in keys]).reshape(-1, 5)
        if not all(isinstance(time, float) for time in times):
            raise DataError(f"{path}: {name} has a time that is no number")
        joints[name] = Keys(np.array(times), table[:, 0], table[:, 1:3], table[:, 3:5])
    return joints


def _point(path: Path, name: str, point: Any) -> list[float]:
    """Return angle and handles of a key: a number, or [angle, [type, dt, da], [type, dt, da]]."""
    if isinstance(point, float):
        return [point, 0.0, 0.0, 0.0, 0.0]
    handles = point[1:] if isinstance(point, list) and point else None
    fits = (
        handles is not None
        and isinstance(point[0], float)
        and len(handles) <= 2
        and all(
            isinstance(handle, list)
            and len(handle) == 3
            and all(isinstance(number, float) for number in handle)
            for handle in handles
        )
    )
    if not fits or handles is None:
        raise DataError(
            f"{path}: a key of {name} is {str(point)[:40]!r}; expected an angle, or "
            "[angle, [type, dTime, dAngle], [type, dTime, dAngle]]"
        )
    row = [point[0], 0.0, 0.0, 0.0, 0.0]
    for k, handle in enumerate(handles):
        row[1 + 2 * k : 3 + 2 * k] = handle[1:]
    return row


SCRIPT = '''# Choregraphe bezier export in Python.
# {about}
names = list()
times = list()
keys = list()

{lists}

START_S = 0.2  # from the call to the first key; ALMotion takes none at 0


def main(url):
    """Dance: go to the start posture, then all joints at once; returns at the end."""
    import qi

    session = qi.Session()
    session.connect(url)
    motion = session.service("ALMotion")
    motion.wakeUp()
    session.service("ALRobotPosture").goToPosture("{posture}", 0.5)
    later = [[round(START_S + time, 6) for time in row] for row in times]
    motion.angleInterpolationBezier(names, later, keys)


if __name__ == "__main__":
    import sys

    main(sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:9559")
'''


def write_choregraphe(
    path: Path, joints: dict[str, Keys], *, about: Sequence[str] = (), posture: str = "StandInit"
) -> None:
    """Write a script of the shape of Choregraphe's Bezier exports, which NAOqi can run.

    Args:
        path: The script.
        joints: Joint to its keys.
        about: What a person should know, in the script's head.
        posture: NAOqi's name of the posture it begins in.

    Raises:
        DataError: A name is none that a program could hold.
        OutputError: The file cannot be written.
    """
    for word in (*joints, posture):  # they become part of a program
        if not re.fullmatch(r"[A-Za-z]\w*", word, re.ASCII):
            raise DataError(f"{path}: {word!r} is no name for a joint or a posture")
    blocks = []
    for name, keys in joints.items():
        points = ", ".join(
            f"[{_digits(angle)}, [3, {_digits(b[0])}, {_digits(b[1])}], "
            f"[3, {_digits(a[0])}, {_digits(a[1])}]]"
            for angle, b, a in zip(keys.angles, keys.before, keys.after, strict=True)
        )
        times = ", ".join(_digits(time) for time in keys.times_s)
        blocks.append(f'names.append("{name}")\ntimes.append([{times}])\nkeys.append([{points}])')
    said = "".join(c if " " <= c <= "~" else "?" for c in "; ".join(about))
    script = SCRIPT.format(about=said, lists="\n\n".join(blocks), posture=posture)
    with write_atomically(path) as file:
        file.write(script.encode("ascii"))


def _digits(number: float) -> str:
    text = f"{number:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
