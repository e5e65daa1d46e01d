"""What a row of an evaluation reaches of what was asked of the generators.

    python tests/benchmarks/numbers_reached.py evaluation.json [--row NAME]

Reads what ``robodance evaluate --data DIR --splits 5 --out FOLDER`` wrote and holds a row
against the other rows of the same table, all genres together and each: *yes* or *no*, and the
two numbers. Prints the table in Markdown.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

SHIPPED, HELD_OUT = "generated, shipped", "real, held-out units"
BEATS = {
    "hit_directogram_70": "directogram",
    "hit_deviation_70": "deviation, printed",
    "hit_drops_70": "deviation, coded",
    "hit_minima_70": "speed minima",
    "alignment_kinematic": "alignment",
    "alignment_music": "alignment, from the music",
}
SPLIT_BY = ("frechet_style_fair", "nearest", "style_clip", "speed")

Cells = Mapping[str, Mapping[str, Mapping[str, Any]]]
Bound = Callable[[Cells], float]
Rule = Callable[[Cells, str], tuple[bool, str]]


def value(cells: Cells, row: str, key: str) -> float:
    """Return a number of the table."""
    return float(cells[row][key]["value"])


def of(row: str, key: str, *, factor: float = 1.0, plus: float = 0.0) -> Bound:
    """Return a bound that another row of the table gives."""
    return lambda cells: factor * value(cells, row, key) + plus


def at_most(key: str, digits: int, bound: Bound) -> Rule:
    """Ask that a number is at most another."""

    def rule(cells: Cells, row: str) -> tuple[bool, str]:
        has, may = value(cells, row, key), bound(cells)
        return has <= may + 1e-9, f"{has:.{digits}f} / {may:.{digits}f}"

    return rule


def at_least(key: str, digits: int, bound: Bound) -> Rule:
    """Ask that a number is at least another."""

    def rule(cells: Cells, row: str) -> tuple[bool, str]:
        has, must = value(cells, row, key), bound(cells)
        return has >= must - 1e-9, f"{has:.{digits}f} / {must:.{digits}f}"

    return rule


def near_rebuilt(key: str) -> Rule:
    """Ask that a share is within three points of the rebuilt dances'."""

    def rule(cells: Cells, row: str) -> tuple[bool, str]:
        has, real = value(cells, row, key), value(cells, "rebuilt", key)
        return abs(has - real) <= 3.0, f"{has:.1f} / {real:.1f}"

    return rule


def like_held_out(key: str) -> Rule:
    """Ask that a number lies in the bootstrap interval of held-out real dance."""

    def rule(cells: Cells, row: str) -> tuple[bool, str]:
        has, real = value(cells, row, key), cells[HELD_OUT][key]
        digits = 1 if key.startswith("hit") else 3
        told = f"{has:.{digits}f} / {real['low']:.{digits}f} to {real['high']:.{digits}f}"
        return real["low"] <= has <= real["high"], told

    return rule


def rules() -> Iterator[tuple[str, Rule]]:
    """Yield everything that is asked: what it is called, and how it is decided."""
    for key, name in (
        ("frechet_style_fair", "equal counts"),
        ("frechet_style", "as printed"),
    ):
        yield (
            f"Frechet distance, style, {name}: at most twice rebuilt's",
            at_most(key, 2, of("rebuilt", key, factor=2.0)),
        )
        yield (
            f"Frechet distance, style, {name}: at most held-out's",
            at_most(key, 2, of(HELD_OUT, key)),
        )
    yield "nearest training clip, cm: at most 6", at_most("nearest", 2, lambda _: 6.0)
    yield (
        "mean speed, m/s: at least 90 % of rebuilt's",
        at_least("speed", 3, of("rebuilt", "speed", factor=0.9)),
    )
    yield "frozen windows, %: within 3 of rebuilt's", near_rebuilt("slow")
    yield "over-fast windows, %: within 3 of rebuilt's", near_rebuilt("fast")
    yield (
        "16-beat twins, %: at most rebuilt's",
        at_most("twins", 2, of("rebuilt", "twins")),
    )
    yield (
        "acceleration lock: at least training units'",
        at_least("lock", 3, of("real, training units", "lock")),
    )
    for key, name in BEATS.items():
        yield f"beats, {name}: in held-out's interval", like_held_out(key)
    for key, name in (("style_dance", "dances"), ("style_clip", "clips")):
        yield (
            f"style accuracy, {name}, %: at least held-out's - 5",
            at_least(key, 1, of(HELD_OUT, key, plus=-5.0)),
        )
    yield "support-foot slide, m/s: under 0.05", at_most("slide", 3, lambda _: 0.05)
    yield "energy follows loudness: at least 0.3", at_least("energy", 2, lambda _: 0.3)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("evaluation", type=Path)
    parser.add_argument("--row", default=SHIPPED)
    options = parser.parse_args()
    found = json.loads(options.evaluation.read_text(encoding="utf-8"))
    tables = found["tables"]
    print("| has / asked | " + " | ".join(table["genre"] for table in tables) + " |")
    print("|" + "-|" * (len(tables) + 1))
    for name, rule in rules():
        told = []
        for table in tables:
            try:
                reached, numbers = rule(table["cells"], options.row)
                told.append(f"{'yes' if reached else 'no'}, {numbers}")
            except KeyError:
                told.append("-")
        print(f"| {name} | " + " | ".join(told) + " |")
    print("\nlargest deviation over the tempi, %, at most 10:")
    tempo = found["tempo"].get(options.row, {"values": {}, "deviation_percent": {}})
    for measure, percent in tempo["deviation_percent"].items():
        values = ", ".join(f"{number:.3g}" for number in tempo["values"][measure].values())
        print(f"  {measure}: {'yes' if percent <= 10.0 else 'no'}, {percent:.1f} ({values})")
    print("\nreal dance, unit splits: mean (least to largest)")
    for row, measures in found["unit_splits"].items():
        for key in SPLIT_BY:
            if key in measures:
                one = measures[key]
                print(
                    f"  {row}, {key}: {one['mean']:.2f} ({one['least']:.2f} to "
                    f"{one['largest']:.2f}), {one['splits']} splits"
                )


if __name__ == "__main__":
    main()
