"""What an evaluation leaves behind: ``evaluation.json``, a page, and a table on the screen."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from robodance.errors import OutputError
from robodance.evaluation.evaluate import Evaluation, mean_of_splits
from robodance.evaluation.measures import MEASURES, Measure
from robodance.evaluation.plots import drift_plot, profile_plot, shares_plot, skeleton_strips
from robodance.evaluation.statistics import Cell
from robodance.evaluation.table import Table
from robodance.output import write_atomically, write_json
from robodance.settings import as_dict

__all__ = ["FORMAT_VERSION", "as_json", "show", "text_table", "write_evaluation"]

FORMAT_VERSION = 1
LARGE = 1e4
GROUP_TITLES = {
    "realism": "Realism",
    "style": "Style",
    "body": "Body and feet",
    "beat": "Beat",
    "music": "Music",
    "variety": "Variety",
}
BETTER = {"low": "lower is better", "high": "higher is better", "real": "as real dance has it"}


def write_evaluation(evaluation: Evaluation, folder: Path) -> tuple[Path, Path]:
    """Write ``evaluation.json`` and ``evaluation.html`` into a new folder.

    The folder appears when both are whole.

    Raises:
        OutputError: It exists with something in it, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: exists already; choose a new folder with --out")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from error
    try:
        write_json(as_json(evaluation), part / "evaluation.json")
        with write_atomically(part / "evaluation.html") as file:
            file.write(_page(evaluation).encode())
        part.chmod(0o755)
        if folder.is_dir():
            folder.rmdir()
        part.replace(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error})") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder / "evaluation.json", folder / "evaluation.html"


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return everything that was found as plain values."""
    first, others = evaluation.tables[0], evaluation.splits
    about = dict(evaluation.about)
    return {
        "format_version": FORMAT_VERSION,
        "about": {**about, "settings": as_dict(about["settings"])},
        "remarks": evaluation.remarks,
        "measures": [as_dict(measure) for measure in MEASURES],
        "rows": [
            {
                "name": j.row.name,
                "kind": j.row.kind,
                "note": j.row.note,
                "dances": [{"name": r.name, "genre": r.genre} for r in j.records],
                "seconds": round(sum(s.duration_s for s in j.row.samples), 1),
            }
            for j in evaluation.rows
        ],
        "tables": [_table_json(table) for table in evaluation.tables],
        "unit_splits": {
            row: {
                m.key: found
                for m in MEASURES
                if (found := mean_of_splits(first, others, row, m.key)) is not None
            }
            for row in first.cells
            if row.startswith("real")
        }
        if others
        else {},
        "phases": {f"{d}, {g}": p for (d, g), p in evaluation.bench.phases.items()},
        "drift": dict(evaluation.drift),
        "tempo": {
            name: {"values": one.values, "deviation_percent": one.deviation}
            for name, one in evaluation.tempo.items()
        },
    }


def _table_json(table: Table) -> dict[str, Any]:
    return {
        "genre": table.genre or "all",
        "clips": table.clips,
        "cells": {
            row: {key: cell.as_dict() for key, cell in cells.items()}
            for row, cells in table.cells.items()
        },
    }


def show(cell: Cell | None, measure: Measure, *, interval: bool = True) -> str:
    """Return a cell as people read it: the number, and its interval in brackets."""
    if cell is None:
        return "-"

    def number(value: float) -> str:
        if value != value:
            return "?"
        return f"{value:.1e}" if abs(value) >= LARGE else f"{value:.{measure.digits}f}"

    ends = f" [{number(cell.low)}, {number(cell.high)}]" if interval else ""
    return number(cell.value) + ends


def text_table(evaluation: Evaluation, *, interval: bool = False) -> str:
    """Return the main measures of all genres together as a Markdown table."""
    table = evaluation.tables[0]
    main = [m for m in MEASURES if m.main and any(m.key in cells for cells in table.cells.values())]
    head = ["row", "n", *[f"{m.title}{f' ({m.unit})' if m.unit else ''}" for m in main]]
    lines = [head, ["-"] * len(head)]
    for judged in evaluation.rows:
        cells = table.cells[judged.row.name]
        lines.append([
            judged.row.name,
            str(len(judged.records)),
            *[show(cells.get(m.key), m, interval=interval) for m in main],
        ])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1180px; margin: 2em auto;
  padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin-top: 2em; } h3 { font-size: 1em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 12.5px; white-space: nowrap; }
th, td { padding: 3px 9px; text-align: right; border-bottom: 1px solid #e4e4e4; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
th { vertical-align: bottom; font-weight: 600; }
tr.judged td { background: #f2f7fd; } tr.chance td { color: #777; }
td small { display: block; color: #888; font-size: 10.5px; }
th small { display: block; font-weight: 400; color: #666; }
p.note, figcaption { color: #666; font-size: 13px; }
figure { margin: 0.6em 0; } img { max-width: 100%; }
.side { display: flex; flex-wrap: wrap; gap: 1em; }
details { margin: 0.4em 0; } dt { font-weight: 600; margin-top: 0.5em; } dd { margin: 0 0 0 1em; }
"""


def _page(evaluation: Evaluation) -> str:
    """Return one HTML page that needs nothing else."""
    rows = [j for j in evaluation.rows if not j.row.only]
    parts = [
        "<h1>How good these dances are</h1>",
        "<p class='note'>Each cell: the number, its 95 % interval (dances drawn with "
        "replacement), and how many dances it rests on. Real dance and chance stand in the same "
        "table: no number means anything without them.</p>",
        _remarks(evaluation.remarks),
    ]
    for table in evaluation.tables:
        title = table.genre or "All genres"
        opened = " open" if not table.genre else ""
        parts.append(f"<details{opened}><summary><b>{escape(title.capitalize())}</b></summary>")
        parts += [_group(evaluation, table, group) for group in GROUP_TITLES]
        parts.append("</details>")
    parts.append(_splits(evaluation))
    parts.append(_tempo(evaluation))
    parts.append("<h2>Curves</h2>")
    parts.append(
        _figure(drift_plot(evaluation.drift), "Fréchet distance (style) of pieces of 4 seconds")
    )
    shares = [
        shares_plot(rows, "nearest", "nearest training clip, cm", 100.0),
        shares_plot(rows, "novelty", "novelty (DTW), cm", 100.0),
        shares_plot(rows, "speed", "mean joint speed of a second, m/s", 1.0),
    ]
    beats = [j for j in evaluation.rows if not j.row.only or "beat" in j.row.only]
    profiles = [profile_plot(beats, genre) for genre in evaluation.bench.genres]
    parts.append(_side([_figure(one, "") for one in shares]))
    parts.append(_side([_figure(one, "") for one in profiles]))
    parts.append(
        "<h2>Strips</h2><p class='note'>Half a beat from pose to pose, from in front; below, "
        "the same from above. The right side is lighter.</p>"
    )
    for judged in rows:
        for genre in dict.fromkeys(s.genre for s in judged.row.samples):
            of_it = [s for s in judged.row.samples if s.genre == genre]
            sample = max(of_it, key=lambda s: s.duration_s)
            caption = f"{judged.row.name}, {genre or 'genre not known'}: {sample.name}"
            parts.append(_figure(skeleton_strips(sample), caption))
    parts.append(_meanings())
    body = "\n".join(part for part in parts if part)
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>Evaluation</title><style>{STYLE}</style></head><body>{body}</body></html>\n"
    )


def _remarks(remarks: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in remarks)
    return f"<ul class='note'>{items}</ul>" if items else ""


def _group(evaluation: Evaluation, table: Table, group: str) -> str:
    measures = [
        m
        for m in MEASURES
        if m.group == group and any(m.key in cells for cells in table.cells.values())
    ]
    if not measures:
        return ""
    head = "".join(
        f"<th title='{escape(m.meaning, quote=True)}'>{escape(m.title)}"
        f"<small>{escape(', '.join(x for x in (m.unit, m.form) if x))}</small>"
        f"<small>{BETTER[m.better]}</small></th>"
        for m in measures
    )
    lines = []
    for judged in evaluation.rows:
        cells = table.cells[judged.row.name]
        if not any(m.key in cells for m in measures):
            continue
        inner = "".join(_html_cell(cells.get(m.key), m) for m in measures)
        lines.append(
            f"<tr class='{judged.row.kind}'><td>{escape(judged.row.name)}</td>{inner}</tr>"
        )
    return (
        f"<h3>{GROUP_TITLES[group]}</h3><div class='scroll'><table><thead><tr><th></th>{head}</tr>"
        f"</thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _html_cell(cell: Cell | None, measure: Measure) -> str:
    if cell is None:
        return "<td>-</td>"
    value, _, ends = show(cell, measure).partition(" ")
    return f"<td>{escape(value)}<small>{escape(ends)} n {cell.n}</small></td>"


def _splits(evaluation: Evaluation) -> str:
    if not evaluation.splits:
        return ""
    first, others = evaluation.tables[0], evaluation.splits
    real = [row for row in first.cells if row.startswith("real")]
    lines = []
    for m in MEASURES:
        found = [mean_of_splits(first, others, row, m.key) for row in real]
        if any(one is not None for one in found):
            cells = "".join(
                "<td>-</td>"
                if one is None
                else f"<td>{one['mean']:.{m.digits}f}<small>{one['least']:.{m.digits}f} to "
                f"{one['largest']:.{m.digits}f}</small></td>"
                for one in found
            )
            lines.append(f"<tr><td>{escape(m.title)} {m.form}</td>{cells}</tr>")
    head = "".join(f"<th>{escape(row)}</th>" for row in real)
    return (
        f"<h2>Real dance over {len(others) + 1} unit splits</h2><p class='note'>Mean, least and "
        "largest.</p><div class='scroll'><table><thead><tr><th></th>"
        f"{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _tempo(evaluation: Evaluation) -> str:
    if not evaluation.tempo:
        return ""
    parts = [
        "<h2>The same at any tempo?</h2><p class='note'>Songs alike but for their tempo; dances "
        "brought to the genre's usual beat, then measured; mean over the genres.</p>"
    ]
    for name, one in evaluation.tempo.items():
        tempi = list(next(iter(one.values.values())))
        head = "".join(f"<th>{bpm} bpm</th>" for bpm in tempi)
        lines = "".join(
            f"<tr><td>{escape(key.replace('_', ' '))}</td>"
            + "".join(f"<td>{values[bpm]:.3g}</td>" for bpm in tempi)
            + f"<td>{one.deviation[key]:.0f} %</td></tr>"
            for key, values in one.values.items()
        )
        parts.append(
            f"<h3>{escape(name)}</h3><table><thead><tr><th></th>{head}<th>largest deviation</th>"
            f"</tr></thead><tbody>{lines}</tbody></table>"
        )
    return "".join(parts)


def _meanings() -> str:
    items = "".join(
        f"<dt>{escape(m.title)}{f' ({m.form})' if m.form else ''}</dt><dd>{escape(m.meaning)}</dd>"
        for m in MEASURES
    )
    return f"<h2>What is measured</h2><dl>{items}</dl>"


def _figure(address: str | None, caption: str) -> str:
    if address is None:
        return ""
    text = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure><img alt='{escape(caption, quote=True)}' src='{address}'>{text}</figure>"


def _side(figures: Sequence[str]) -> str:
    inner = "".join(figure for figure in figures if figure)
    return f"<div class='side'>{inner}</div>" if inner else ""
