"""Write configs/perform.yaml: every setting of ``perform``, its default and its meaning.

The typed configuration is the one home of both; run this after changing it:

    python tests/data/make_perform_yaml.py
"""

import ast
import dataclasses
import inspect
import itertools
import json
from pathlib import Path

from robodance import config as home
from robodance.config import PerformConfig

TARGET = Path(__file__).parents[2] / "configs" / "perform.yaml"
HEADER = """\
# Every setting of `robodance perform`, with its default.
#
# Copy what you want to change into a file of your own and pass it with --config FILE;
# what a file leaves out keeps its default. Single settings: --set motion.lead_in_s=3.
"""


def meanings(kind: type) -> dict[str, str]:
    """Return the text under each field of a dataclass."""
    body = ast.parse(inspect.getsource(kind)).body[0].body
    found = {}
    for node, below in itertools.pairwise(body):
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(node, ast.AnnAssign) and is_text:
            found[node.target.id] = " ".join(below.value.value.split())
    return found


def lines(kind: type, indent: str = "") -> list[str]:
    """Return the YAML lines of one dataclass and those inside it."""
    text, notes = [], meanings(kind)
    for field in dataclasses.fields(kind):
        if field.default is not dataclasses.MISSING:
            value = "null" if field.default is None else json.dumps(field.default).strip('"')
            text.append(f"{indent}{field.name}: {value}  # {notes[field.name]}")
        else:
            inner = field.default_factory
            text.append(f"\n{indent}# {inspect.getdoc(inner)}")
            text.append(f"{indent}{field.name}:")
            text.extend(lines(inner, indent + "  "))
    return text


def content() -> str:
    """Return the whole file."""
    return HEADER + "\n" + "\n".join(lines(PerformConfig)) + "\n"


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(content(), encoding="utf-8")
    print(f"wrote {TARGET} from {home.__name__}")
