"""The README's table of an evaluation: a line for each measure, a column for each row.

    python tests/benchmarks/evaluation_table.py evaluation.json [--genre NAME] [--row NAME ...]

Reads what ``robodance evaluate --data DIR --out FOLDER`` wrote; the interval is that of the
first ``--row`` (the shipped generators). Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LINES = (
    "frechet_style", "frechet_style_fair", "frechet_kinetic", "frechet_geometric", "nearest",
    "novelty", "style_dance", "style_clip", "speed", "slow", "fast", "slide", "fsr", "pfc_coded",
    "hit_directogram_70", "hit_deviation_70", "hit_drops_70", "hit_minima_70",
    "alignment_kinematic", "alignment_music", "lock", "energy", "cross_modal", "diversity",
    "multimodality", "twins",
)  # fmt: skip
ROWS = {
    "real, training units": "training",
    "real, held-out units": "held-out",
    "rebuilt": "rebuilt",
    "nearest copy": "copy",
    "chance: music shifted": "shifted",
    "chance: songs shuffled": "shuffled",
}
SHIPPED = "generated, shipped"


def number(cell: Mapping[str, Any] | None, digits: int) -> str:
    """Return a cell's number, or a dash."""
    return "-" if cell is None or cell["value"] is None else f"{cell['value']:.{digits}f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("evaluation", type=Path)
    parser.add_argument("--genre", default="all")
    parser.add_argument("--row", action="append", default=[])
    options = parser.parse_args()
    found = json.loads(options.evaluation.read_text(encoding="utf-8"))
    cells = next(t for t in found["tables"] if t["genre"] == options.genre)["cells"]
    judged = options.row or [row["name"] for row in found["rows"] if row["kind"] == "judged"]
    columns = {**ROWS, **{row: row.removeprefix("generated, ") for row in judged}}
    columns = {row: name for row, name in columns.items() if row in cells}
    print("|  | " + " | ".join(columns.values()) + f" | 95 % of {columns[judged[0]]} |")
    print("|-" * (len(columns) + 2) + "|")
    about = {measure["key"]: measure for measure in found["measures"]}
    for key in LINES:
        one = about[key]
        form = f", {one['form'].replace('_', ' ')}" if one["form"] else ""
        unit = f" ({one['unit']})" if one["unit"] else ""
        told = [number(cells[row].get(key), one["digits"]) for row in columns]
        first = cells[judged[0]].get(key)
        ends = (
            [number({"value": first[end]}, one["digits"]) for end in ("low", "high")]
            if first
            else []
        )
        title = one["title"].replace("é", "e") + form + unit
        print(f"| {title} | " + " | ".join([*told, " to ".join(ends)]) + " |")


if __name__ == "__main__":
    main()
