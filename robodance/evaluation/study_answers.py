"""What people preferred: answers of a study, its key, and intervals."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from robodance.errors import DataError
from robodance.evaluation.statistics import binomial_interval, ratio_cell
from robodance.evaluation.study import KEY_FORMAT

__all__ = ["ANSWERS_FORMAT", "QUESTIONS", "answers_table", "read_answers"]

ANSWERS_FORMAT = "robodance-study-answers/1"
QUESTIONS = {
    "realism": "more realistic",
    "match": "matches the music better",
    "dynamics": "more dynamic",
}
SIDES = {"left", "right"}
FEWEST_RATERS = 5  # for an interval over raters
RESAMPLES = 2000


def read_answers(files: Sequence[Path], key_file: Path) -> dict[str, Any]:
    """Sum the answers of a study up.

    For each question and each two conditions: how often the first was preferred, with the
    exact binomial interval (Clopper and Pearson); from five raters on also one that draws
    raters with replacement, since answers of one person are not independent.

    Args:
        files: What the page saved, one for each person.
        key_file: ``key.json`` of the study.

    Raises:
        DataError: A file is missing, damaged, of another study, or read twice.
    """
    key = _json(key_file, KEY_FORMAT)
    sides = {pair["id"]: (pair["left"], pair["right"]) for pair in key["pairs"]}
    sheets: dict[str, Path] = {}
    votes: list[tuple[int, str, str, str, bool]] = []  # rater, question, pair, first preferred
    for number, file in enumerate(files):
        content = _json(file, ANSWERS_FORMAT)
        if content.get("study") != key["study"]:
            raise DataError(f"{file}: answers to another study than {key_file}'s; leave it out")
        text = json.dumps(content, sort_keys=True)
        if text in sheets:
            raise DataError(f"{file}: the same answers as {sheets[text]}; leave one out")
        sheets[text] = file
        for answer in content["answers"]:
            votes += _votes(answer, sides, number, file)
    return {
        "study": key["study"],
        "raters": len(files),
        "answers": len({(rater, *rest) for rater, *rest in votes}),
        "preferences": _preferences(votes),
    }


def answers_table(result: Mapping[str, Any]) -> str:
    """Return preferences as a Markdown table."""
    lines = [
        "| question | compared | preferred first | 95 % interval | n | over raters |",
        "|-|-|-|-|-|-|",
    ]
    for one in result["preferences"]:
        ends = f"{100 * one['low']:.0f} to {100 * one['high']:.0f} %"
        over = one["over_raters"]
        raters = "-" if over is None else f"{100 * over['low']:.0f} to {100 * over['high']:.0f} %"
        lines.append(
            f"| {QUESTIONS[one['question']]} | {one['first']} against {one['second']} | "
            f"{100 * one['share']:.1f} % | {ends} | {one['n']} | {raters} |"
        )
    return "\n".join(lines)


def _votes(
    answer: Mapping[str, Any],
    sides: Mapping[int, tuple[str, str]],
    rater: int,
    file: Path,
) -> list[tuple[int, str, str, str, bool]]:
    if not isinstance(answer, dict) or answer.get("pair") not in sides:
        raise DataError(f"{file}: holds an answer to a pair that the key does not know")
    left, right = sides[answer["pair"]]
    first, second = sorted((left, right))
    found = []
    for question in QUESTIONS:
        side = answer.get(question)
        if side not in SIDES:
            raise DataError(
                f"{file}: pair {answer['pair']}: {question} is {side!r}, neither left nor right"
            )
        preferred = left if side == "left" else right
        found.append((rater, question, first, second, preferred == first))
    return found


def _preferences(votes: Sequence[tuple[int, str, str, str, bool]]) -> list[dict[str, Any]]:
    import numpy as np

    found = []
    compared = sorted({(first, second) for _, _, first, second, _ in votes})
    for question in QUESTIONS:
        for first, second in compared:
            chosen = [
                (rater, won)
                for rater, q, a, b, won in votes
                if (q, a, b) == (question, first, second)
            ]
            cell = binomial_interval(sum(won for _, won in chosen), len(chosen))
            raters = sorted({rater for rater, _ in chosen})
            over = None
            if len(raters) >= FEWEST_RATERS:
                wins = [sum(won for r, won in chosen if r == rater) for rater in raters]
                counts = [sum(r == rater for r, _ in chosen) for rater in raters]
                drawn = ratio_cell(wins, counts, np.random.default_rng(0), RESAMPLES)
                over = None if drawn is None else drawn.as_dict()
            found.append({
                "question": question,
                "first": first,
                "second": second,
                "share": cell.value,
                "low": cell.low,
                "high": cell.high,
                "n": cell.n,
                "over_raters": over,
            })
    return found


def _json(file: Path, wanted: str) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "not JSON, or cut off"
        raise DataError(
            f"{file}: cannot be read ({reason}); give the file that was saved"
        ) from error
    if not isinstance(content, dict) or content.get("format") != wanted:
        raise DataError(f"{file}: not a file of the format {wanted}")
    needed = "pairs" if wanted == KEY_FORMAT else "answers"
    if not isinstance(content.get(needed), list) or "study" not in content:
        raise DataError(f"{file}: cut off or changed: {needed!r} is missing")
    return content
