"""The lines of an evaluation as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from balance_figures import fall_bound
from balance_passages import overlaps

from robodance.performance.disturbances import DISTURBANCES

__all__ = ["tables"]

SONG_S = 180.0
SAID = {
    "nominal": "nothing",
    "pushes": "pushes of 1.0 N.s (0.5 on one foot)",
    "lag": "delay + lag 40 + 40 ms",
    "torque": "torque -20 %",
    "tilt": "floor tilted by 2 degrees",
    "heavier": "mass +10 %",
    "lighter": "mass -10 %",
    "friction": "friction 0.4",
    "com": "CoM off by 10 mm",
    "backlash": "backlash 1.5 degrees",
    "together": "all together",
}
Line = dict[str, Any]


def tables(lines: Sequence[Line]) -> str:
    """Return all tables of what is known about the newest plan of every passage."""
    newest = {line["passage"]: line["plan"] for line in lines if line["engine"] is None}
    current = [line for line in lines if newest.get(line["passage"]) == line["plan"]]
    plans = {line["passage"]: line for line in current if line["engine"] is None}
    trials = [line for line in current if line["engine"] is not None]
    made = {name: line for name, line in plans.items() if "infeasible" not in line}
    parts = [_falls(trials), _engines(trials), _genres(made, trials)]
    parts += [_costs(made), _passages(made, trials)]
    said = [f"{name}: {line['infeasible']}" for name, line in plans.items() if "infeasible" in line]
    return "\n\n".join([*parts, *said])


def _falls(trials: Sequence[Line]) -> str:
    engines = sorted({line["engine"] for line in trials}, reverse=True)
    head = ["disturbed by"]
    for engine in engines:
        head += [f"falls in {engine}", "95 % bound", "tilt error, largest"]
    rows = []
    names = [name for name in DISTURBANCES if any(t["disturbance"] == name for t in trials)]
    alone = [name for name in names if name not in {"nominal", "together"}]
    groups = [(SAID.get(name, name), [name]) for name in names if name != "together"]
    if len(alone) > 1:
        groups.append(("each of these alone, summed", alone))
    if "together" in names:
        groups.append((SAID["together"], ["together"]))
    for said, group in groups:
        row = [said]
        for engine in engines:
            some = [t for t in trials if t["engine"] == engine and t["disturbance"] in group]
            row += _fall_cells(some)
        rows.append(row)
    return _table(head, rows)


def _fall_cells(trials: Sequence[Line]) -> list[str]:
    if not trials:
        return ["-", "-", "-"]
    falls = sum(t["fell_s"] is not None for t in trials)
    stood = [t["tilt_deg"] for t in trials if t["fell_s"] is None]
    bound = f"{100.0 * fall_bound(falls, len(trials)):.1f} %"
    return [f"{falls} of {len(trials)}", bound, f"{max(stood):.1f} deg" if stood else "-"]


def _engines(trials: Sequence[Line]) -> str:
    """How far soles slip undisturbed, and how long robots wait for their weight, by engine."""
    head = ["engine", "slip undisturbed, largest", "over 5 mm", "waited undisturbed", "disturbed"]
    rows = []
    for engine in sorted({line["engine"] for line in trials}, reverse=True):
        some = [t for t in trials if t["engine"] == engine]
        still = [t for t in some if t["disturbance"] == "nominal"]
        stood = [t for t in still if t["fell_s"] is None]
        over = sum(t["slips_over_5_mm"] for t in stood)
        moved = [t for t in some if t["disturbance"] != "nominal"]
        rows.append([
            engine,
            f"{max((t['slip_max_mm'] for t in stood), default=float('nan')):.1f} mm",
            f"{over} of {sum(t['contacts'] for t in stood)}",
            *(f"{max((t['waited_s'] for t in of), default=0.0):.2f} s" for of in (still, moved)),
        ])
    return _table(head, rows)


def _genres(plans: dict[str, Line], trials: Sequence[Line]) -> str:
    recorded = [name for name in plans if "/generated/" not in name]
    groups = {genre: [n for n in recorded if n.startswith(f"{genre}/")] for genre in _kinds(plans)}
    if len(recorded) < len(plans):
        groups["generated"] = [name for name in plans if name not in recorded]
    groups["all from data"] = recorded
    head = ["dance", "passages", "ankle variance survived", "of it common to both feet"]
    head += ["common part survived", "strikes shown by a step", "knees, left / right"]
    head += ["slip per contact, largest", "over 5 mm", "upper body only", "limits broken"]
    rows = []
    for said, names in groups.items():
        if not names:
            continue
        some = [plans[name] for name in names]
        struck = sum(line["strikes"] for line in some)
        shown = sum(line["strikes_stepped"] for line in some)
        knees = np.mean([line["knee_correlation"] for line in some], axis=0)
        standing = [
            t
            for t in trials
            if t["passage"] in names and t["disturbance"] == "nominal" and t["fell_s"] is None
        ]
        slip = max((t["slip_max_mm"] for t in standing), default=float("nan"))
        over = sum(t["slips_over_5_mm"] for t in standing)
        rows.append([
            said,
            str(len(some)),
            f"{_mean(some, 'variance_survived'):.2f}",
            f"{_mean(some, 'common_share'):.2f}",
            f"{_mean(some, 'common_survived'):.2f}",
            f"{shown} of {struck} ({100.0 * shown / max(struck, 1):.0f} %)",
            f"{knees[0]:.2f} / {knees[1]:.2f}",
            f"{slip:.1f} mm",
            f"{over} of {sum(t['contacts'] for t in standing)}",
            f"{100.0 * _share(some, 'upper_body_share'):.1f} %",
            str(sum(sum(line["violations"].values()) for line in some)),
        ])
    return _table(head, rows)


def _kinds(plans: dict[str, Line]) -> list[str]:
    return list(dict.fromkeys(name.split("/")[0] for name in plans if "/generated/" not in name))


def _costs(plans: dict[str, Line]) -> str:
    if not plans:
        return "no plan"
    seconds = sum(line["seconds"] for line in plans.values())
    planning = SONG_S / seconds * sum(line["planning_cpu_s"] for line in plans.values())
    trying = SONG_S / seconds * sum(line["verification_cpu_s"] for line in plans.values())
    rounds = [line["rounds"] for line in plans.values()]
    passed = sum(line["passed"] is True for line in plans.values())
    reduced = _share(list(plans.values()), "reduced_share")
    return _table(
        ["CPU for 3 minutes: planning", "verification", "rounds", "verified", "calmed"],
        [
            [
                f"{planning:.0f} s",
                f"{trying:.0f} s",
                f"{np.mean(rounds):.1f}, {max(rounds)} at most",
                f"{passed} of {len(plans)}",
                f"{100.0 * reduced:.1f} %",
            ]
        ],
    )


def _passages(plans: dict[str, Line], trials: Sequence[Line]) -> str:
    shared = overlaps({name: line["units"] for name, line in plans.items()})
    head = ["passage", "s", "beats in units that others dance too", "survived", "steps"]
    head += ["falls", "tilt nominal / disturbed"]
    rows = []
    for name, line in plans.items():
        some = [t for t in trials if t["passage"] == name]
        stood = [t for t in some if t["fell_s"] is None]
        tilts = [
            max(
                (t["tilt_deg"] for t in stood if (t["disturbance"] == "nominal") is nominal),
                default=None,
            )
            for nominal in (True, False)
        ]
        rows.append([
            name,
            f"{line['seconds']:.0f}",
            f"{100.0 * shared[name]:.0f} %" if line["units"] else "no units",
            f"{line['variance_survived']:.2f}",
            str(line["steps"]),
            f"{len(some) - len(stood)} of {len(some)}",
            " / ".join("-" if tilt is None else f"{tilt:.1f}" for tilt in tilts),
        ])
    return _table(head, rows)


def _mean(lines: Sequence[Line], name: str) -> float:
    return float(np.mean([line[name] for line in lines]))


def _share(lines: Sequence[Line], name: str) -> float:
    """Mean of a share of the plan, by its length."""
    return float(
        np.average([line[name] for line in lines], weights=[line["plan_seconds"] for line in lines])
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["-"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
