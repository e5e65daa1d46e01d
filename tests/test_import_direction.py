"""Imports point one way: each layer knows only those before it."""

import ast
from pathlib import Path

import pytest

import robodance

PACKAGE = Path(robodance.__file__).parent

# A module may import from its own room and from the rooms listed for it.
LOW = {"errors", "values", "skeleton", "resources", "plan_file", "progress", "motion_files", ""}
LOW |= {"song_file", "settings", "output", "weight_card", "workers"}
STAGES = ("audio", "choreography", "motion", "performance")
ALLOWED = {
    "errors": set(),
    "values": {"errors"},
    "skeleton": {"errors", "values"},
    "resources": {"errors"},
    "settings": {"errors"},
    "song_file": {"errors", "values"},
    "output": {"errors"},
    "weight_card": {"errors", "output"},
    "workers": {""},
    "plan_file": {"errors", "output", "values", "skeleton", ""},
    "progress": {"errors"},
    "motion_files": {
        *("errors", "values", "skeleton", "resources", "plan_file", "settings", "output"),
    },
    "config": LOW,
    "robots": LOW | {"config"},
    **{stage: LOW | {"config", "robots"} for stage in STAGES},
    "learning": LOW | {"config", "robots", "audio", "choreography"},
    "evaluation": LOW | {"config", "robots", "learning", *STAGES, ""},
    "planning": LOW | {"config", "robots", "learning", *STAGES},
    "staging": LOW | {"config", "robots", "planning", *STAGES},
    "pipeline": LOW | {"config", "robots", "planning", "staging", *STAGES},
    "doctor": LOW | {"config", "robots", *STAGES},
    "exporting": LOW | {"config", "robots"},
    "virtual_nao": LOW | {"config", "robots", "performance"},
    "commands": LOW
    | {"config", "doctor", "exporting", "performance", "pipeline", "learning", "evaluation"},
    "cli": LOW | {"commands", "virtual_nao"},
    "": {"errors", "config", "pipeline"},  # robodance/__init__.py, lazily
    "__main__": {"cli"},
}


def room_of(path: Path, package: Path) -> str:
    first = path.relative_to(package).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def arrows(package: Path):
    """Yield (file, its room, imported room) of every absolute import within the package."""
    for path in sorted(package.rglob("*.py")):
        if "_data" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                names = [node.module or ""]
                if node.module == "robodance":
                    names = [f"robodance.{alias.name}" for alias in node.names]
            for name in names:
                if name == "robodance" or name.startswith("robodance."):
                    parts = name.split(".")
                    imported = parts[1] if len(parts) > 1 else ""
                    yield (
                        path,
                        room_of(path, package),
                        "" if imported == "__version__" else imported,
                    )


def pointing_up(package: Path) -> list[str]:
    return [
        f"{path.relative_to(package)} imports {imported}"
        for path, room, imported in arrows(package)
        if imported != room and imported not in ALLOWED[room]
    ]


def test_imports_point_one_way():
    assert pointing_up(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("motion/planted.py", "from robodance.audio.beats import track_beats"),
        ("robots/planted.py", "import robodance.motion"),
        ("values.py", "from robodance import cli"),
        ("output.py", "from robodance.values import Plan"),
        ("performance/planted.py", "from robodance.doctor import examine"),
        ("doctor.py", "from robodance import pipeline"),
    ],
)
def test_a_planted_arrow_is_seen(tmp_path, file, line):
    planted = tmp_path / file
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(line + "\n")
    assert len(pointing_up(tmp_path)) == 1
