"""Settings as typed dataclasses: from YAML and flags, strict about keys and types.

What settings there are stands in ``config`` (and, for a robot or a generator, beside
its code); here is only how plain values become such a dataclass.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml

from robodance.errors import ConfigError

__all__ = ["as_dict", "beside", "from_dict", "override", "read_yaml", "require"]

Config = TypeVar("Config")


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        ConfigError: It is missing, not YAML, or not a mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ConfigError(f"{path}: cannot be read ({reason}); give a YAML file") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML ({_first_line(error)})") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected 'key: value' lines, found {type(content).__name__}")
    return content


def require(condition: bool, message: str) -> None:
    """Raise a ConfigError that says ``message`` unless ``condition`` holds."""
    if not condition:
        raise ConfigError(message)


def beside(file: Path, name: str) -> str:
    """Return a path that a YAML file names, seen from that file's own folder."""
    return str(file.parent / Path(name).expanduser())


def override(config: Config, changes: Mapping[str, Any], *, where: str = "options") -> Config:
    """Return ``config`` with some settings changed.

    Args:
        config: Any configuration dataclass.
        changes: Nested mapping, or dotted keys: ``{"motion.tempo": "slow"}``.
        where: Named in error messages.
    """
    tree = as_dict(config)
    for key, value in changes.items():
        node, parts = tree, key.split(".")
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        if isinstance(value, Mapping) and isinstance(node.get(parts[-1]), dict):
            node[parts[-1]] = {**node[parts[-1]], **value}
        else:
            node[parts[-1]] = value
    return from_dict(type(config), tree, where=where)


def as_dict(config: Any) -> dict[str, Any]:
    """Return a configuration as nested plain values, ready for YAML or JSON."""
    return dataclasses.asdict(config)


def from_dict(kind: type[Config], values: Mapping[str, Any], *, where: str) -> Config:
    """Build a configuration dataclass from plain values; absent keys keep their default.

    Raises:
        ConfigError: An unknown key, a wrong type or an impossible value.
    """
    hints = typing.get_type_hints(kind)
    allowed = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    needed = [
        f.name
        for f in dataclasses.fields(kind)  # type: ignore[arg-type]
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    for name in needed:
        if name not in values:
            raise ConfigError(f"{where}: the key {name!r} is missing")
    arguments = {}
    for key, value in values.items():
        if key not in allowed:
            hint = get_close_matches(str(key), allowed, n=1)
            advice = f"did you mean {hint[0]!r}?" if hint else f"allowed keys: {', '.join(allowed)}"
            raise ConfigError(f"{where}: unknown key {key!r}; {advice}")
        arguments[key] = _checked(hints[key], value, f"{where}: {key}")
    try:
        return kind(**arguments)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _checked(hint: Any, value: Any, where: str) -> Any:
    """Return ``value`` as the annotated type, or say what was expected."""
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected 'key: value' lines, found {value!r}")
        return from_dict(typing.cast("type[Any]", hint), value, where=where)
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in options:
        return None
    for option in options:
        if option is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if option in {bool, int, float, str} and type(value) is option:
            return value
    names = " or ".join("nothing" if o is type(None) else o.__name__ for o in options)
    raise ConfigError(f"{where}: expected {names}, found {value!r}")


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
