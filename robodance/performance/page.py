"""``report.html``: a performance on one page, for a person, in one file that needs no network."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robodance.errors import MissingDependency
from robodance.output import write_atomically
from robodance.values import Certificate, Losses, PerformanceLog, PerformedBeats, Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["make_page", "write_page"]

CSS = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;max-width:1000px;
margin:2em auto;padding:0 1em}
h1{font-size:1.7em;margin:0}h2{font-size:1.15em;margin:2em 0 .2em}
p.sub{color:#555;margin:.1em 0 1em}p.note{color:#555;font-size:.9em;margin:.1em 0 .4em}
.verdict{border-left:5px solid #0072B2;padding:.4em .8em;background:#EEF5FA;margin:1em 0}
.verdict.bad{border-color:#D55E00;background:#FCEFE6}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:.7em}
.tile{border:1px solid #DDD;border-radius:6px;padding:.5em .8em}
.tile b{display:block;font-size:1.45em;font-weight:600}.tile span{color:#555;font-size:.86em}
svg{width:100%;height:auto;display:block}svg text{font-family:system-ui,sans-serif}
table{border-collapse:collapse;font-size:.88em;width:100%}
th,td{text-align:right;padding:.18em .6em;border-bottom:1px solid #E6E6E6}
th:first-child,td:first-child{text-align:left}td.bad{color:#B34700;font-weight:600}
ul{margin:.3em 0}
"""


def make_page(
    plan: Plan,
    certificate: Certificate,
    losses: Losses,
    content: Mapping[str, Any],
    log: PerformanceLog | None = None,
    performed: PerformedBeats | None = None,
) -> str:
    """Return the page.

    Args:
        plan: What was to be done.
        certificate: What an independent check of it found.
        losses: What the robot could not do of what the dancer did.
        content: What ``make_report`` made of them.
        log: What was measured; None when nothing was performed.
        performed: Which beats were hit by what was measured.
    """
    parts = [_head(plan, content), _verdict(content), _tiles(content, losses), _warnings(content)]
    parts += _figures(plan, certificate, losses, log, performed)
    parts += [_limits_table(content), _trials_table(content)]
    parts += [_joints_table(content), _bones_table(content)]
    parts.append(_provenance(content))
    body = "\n".join(part for part in parts if part)
    title = escape(_title(content))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>{title}</title>'
        f"<style>{CSS}</style></head><body>\n{body}\n</body></html>\n"
    )


def write_page(path: Path, *values: Any, **more: Any) -> None:
    """Make a page (arguments of ``make_page``) and write it to ``path``.

    Raises:
        MissingDependency: matplotlib cannot be imported.
        OutputError: The file cannot be written.
    """
    page = make_page(*values, **more)
    with write_atomically(path) as file:
        file.write(page.encode())


def _figures(
    plan: Plan,
    certificate: Certificate,
    losses: Losses,
    log: PerformanceLog | None,
    performed: PerformedBeats | None,
) -> list[str]:
    try:
        from robodance.performance import plots
    except ImportError as error:
        raise MissingDependency(
            f"the report page needs matplotlib, which cannot be imported ({error}); "
            "pip install matplotlib"
        ) from error
    parts = []
    if len(losses.times_s) > 1:
        parts.append(
            _section(
                "What was lost, along the song",
                "The angle between the robot's and the dancer's upper arms and forearms, on "
                "average. Light: the same dance without speed limits and clearance.",
                "error",
                lambda: plots.error_figure(plan, losses),
            )
        )
    if losses.beats is not None:
        beats = losses.beats
        parts.append(
            _section(
                "On the beat",
                "Stops of the hands are what people see of a beat. Below: the beats on which a "
                "hand stops or slows down clearly, within a 25th of a second.",
                "stops",
                lambda: plots.stops_figure(plan, beats, performed),
            )
        )
    trace = certificate.trace
    if trace is not None:
        parts.append(
            _section(
                "How hard the motors work",
                "Joints that do not move are left out. Nothing may pass 100 %.",
                "shares",
                lambda: plots.shares_figure(plan, trace),
            )
        )
        parts.append(
            _section(
                "Keeping clear and upright",
                "The distance of the two closest parts of the body; how far the planned zero "
                "moment point (ZMP) and the centre of mass are inside the soles.",
                "margins",
                lambda: plots.margins_figure(plan, certificate, trace),
            )
        )
    if log is not None and len(log.times_s) > 1:
        parts.append(
            _section(
                "As performed",
                "The angle between the planned and the measured trunk, and the measured ZMP.",
                "performance",
                lambda: plots.performance_figure(plan, log),
            )
        )
    return parts


def _section(title: str, note: str, name: str, draw: Callable[[], Figure]) -> str:
    return (
        f'<h2>{escape(title)}</h2><p class="note">{escape(note)}</p>'
        f'<figure id="{name}" style="margin:0">{_svg(name, title, draw)}</figure>'
    )


def _svg(name: str, title: str, draw: Callable[[], Figure]) -> str:
    """Return a figure as SVG that can stand in a page: no namespaces, no names that clash."""
    from robodance.performance.plots import drawn

    buffer = io.StringIO()
    with drawn(name):
        draw().savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))

    def keep(match: re.Match[str]) -> str:
        return f' id="{name}-{match[1]}"' if match[1] in used else ""

    text = re.sub(r' id="([^"]*)"', keep, text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1).strip()


def _title(content: Mapping[str, Any]) -> str:
    song = content["song"]
    return Path(song["path"]).stem.replace("_", " ") if song else "A dance"


def _head(plan: Plan, content: Mapping[str, Any]) -> str:
    song, about = content["song"], content["plan"]
    words = [str(about.get("robot_model", about.get("robot", "the robot")))]
    if song:
        words = [f"{song['genre']}, {song['tempo_bpm']:.1f} bpm", *words]
    words.append(f"{_clock(plan.duration_s)}")
    if "seed" in about:
        words.append(f"seed {about['seed']}")
    if float(about.get("slow_motion", 1.0)) > 1.0:
        words.append(f"{float(about['slow_motion']):g} times slower than the music")
    return f'<h1>{escape(_title(content))}</h1><p class="sub">{escape(" · ".join(words))}</p>'


def _verdict(content: Mapping[str, Any]) -> str:
    certificate = content["certificate"]
    if certificate["clean"]:
        text = (
            "The plan keeps every limit: angles, speeds, accelerations, distances between parts "
            "and balance, at every moment of the curve. "
        )
    else:
        broken = ", ".join(f"{kind} {n}" for kind, n in certificate["violations"].items() if n)
        text = f"The plan breaks limits ({broken} samples) and is not to be performed. "
    performance = content["performance"]
    if performance is None:
        text += "It was not performed."
    elif performance["falls"]:
        text += f"The robot fell {performance['falls']} time(s)."
    else:
        text += "It was performed without a fall."
    good = certificate["clean"] and not (performance and performance["falls"])
    return f'<p class="verdict{"" if good else " bad"}">{escape(text)}</p>'


def _tiles(content: Mapping[str, Any], losses: Losses) -> str:
    certificate, lost = content["certificate"], content["losses"]
    hits, balance = lost["beat_hits"], certificate["balance"]
    tiles = [
        (_degrees(_arm_error(losses)), "arms point off the dancer's, mean"),
        (
            f"{100 * hits['after']:.0f} %",
            f"of {hits['arm_stops']} hand stops on time ({100 * hits['before']:.0f} % without "
            "speed limits)",
        ),
    ]
    if losses.beats is not None and len(losses.beats.times_s):
        share, human = losses.beats.hit_after.mean(), losses.beats.hit_by_dancer.mean()
        tiles.append((
            f"{100 * share:.0f} %",
            f"of beats hit (dancer: {100 * human:.0f}\N{NO-BREAK SPACE}%)",
        ))
    tiles += [
        (f"{100 * lost['path_length_kept']:.0f} %", "of the hands' way kept"),
        (
            _mm(certificate["self_collision"]["minimum_clearance_m"]),
            f"closest parts: {' and '.join(certificate['self_collision']['links'])}",
        ),
        (_mm(balance["zmp_margin_m"]), "least balance margin (ZMP)"),
    ]
    performance = content["performance"]
    if performance is not None:
        hit = performance.get("beat_hits")
        if hit and hit["beats"]:
            share = 100.0 * hit["hit"] / hit["beats"]
            tiles.append((f"{share:.0f} %", "of beats hit as performed, by the joints measured"))
        tiles.append((str(performance["falls"]), "falls"))
        tiles.append((_degrees(performance["tilt_max_deg"]), "largest tilt of the trunk"))
    inner = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(label)}</span></div>'
        for value, label in tiles
    )
    return f'<div class="tiles">{inner}</div>'


def _arm_error(losses: Losses) -> float | None:
    means = [bone.mean_deg for bone in losses.bones if "arm" in bone.name]
    return float(np.mean(means)) if means else None


def _warnings(content: Mapping[str, Any]) -> str:
    if not content["warnings"]:
        return ""
    items = "".join(f"<li>{escape(str(warning))}</li>" for warning in content["warnings"])
    return f"<h2>Worth knowing</h2><ul>{items}</ul>"


def _limits_table(content: Mapping[str, Any]) -> str:
    certificate, performance = content["certificate"], content["performance"]
    planned = certificate["rms_torque_over_nominal"]
    measured = (performance or {}).get("rms_torque_shares") or {}
    rows = [
        [
            joint["name"],
            *(joint[f"{kind}_share"] for kind in ("position", "velocity", "acceleration")),
            planned.get(joint["name"]),
            *([measured.get(joint["name"])] if measured else []),
        ]
        for joint in certificate["joints"]
    ]
    head = ["joint", "position", "velocity", "acceleration", "torque, planned"]
    table = _table(head + (["torque, measured"] if measured else []), rows, _percent, 4)
    return (
        '<h2>Limits, joint by joint</h2><p class="note">Largest share of each limit, and the '
        f"average torque as a share of what the motor can give for ever.</p>{table}"
    )


def _trials_table(content: Mapping[str, Any]) -> str:
    """How the plan stood when it was tried."""
    tried = content["plan"].get("verification")
    if not tried:
        return ""
    names = {"nominal": "none", "com": "centre of mass", "tilt": "tilted floor"}
    fell = tried.get("fell_s") or {}
    rows = [
        [names.get(name, name), _degrees(tilt), f"{fell[name]:.1f} s" if name in fell else "-"]
        for name, tilt in tried["tilt_deg"].items()
    ]
    table = _table(["disturbance", "largest tilt of the trunk", "fell at"], rows, str, 0)
    return f"<h2>Tried in simulation</h2>{table}"


def _joints_table(content: Mapping[str, Any]) -> str:
    """How each joint followed, and how warm it is where the robot says so."""
    performance = content["performance"] or {}
    followed = performance.get("tracking_error_rms_by_joint_deg") or {}
    if not followed:
        return ""
    warm = [performance.get(f"temperatures_{when}_c") or {} for when in ("before", "after")]
    rows = [
        [name, _degrees(off), *(_celsius(degrees.get(name)) for degrees in warm if degrees)]
        for name, off in followed.items()
    ]
    head = ["joint", "off the plan, RMS"]
    head += [
        f"motor {when}" for when, degrees in zip(("before", "after"), warm, strict=True) if degrees
    ]
    return f"<h2>As performed, joint by joint</h2>{_table(head, rows, str, 0)}"


def _bones_table(content: Mapping[str, Any]) -> str:
    lost = content["losses"]
    bones = [
        bone
        for kind in ("bone", "hand", "leg")
        for bone in lost.get(f"{kind}_direction_errors") or []
    ]
    if not bones:
        return ""
    rows = [[b["name"].replace("_", " "), b["mean_deg"], b["p95_deg"]] for b in bones]
    note = (
        ""
        if not lost.get("hand_direction_errors")
        else (
            '<p class="note">A NAO cannot bend its wrists: hands point on along the forearms.</p>'
        )
    )
    table = _table(["bone", "mean error", "95th percentile"], rows, _degrees, 99)
    return f"<h2>Directions, bone by bone</h2>{note}{table}"


def _table(head: list[str], rows: list[list[Any]], show: Callable[[Any], str], judged: int) -> str:
    """Return a table; of the first ``judged`` columns, shares over 1 are marked."""

    def cell(column: int, value: Any) -> str:
        if column == 0:
            return f"<td>{escape(str(value))}</td>"
        over = show is _percent and column < judged and value is not None and value > 1.0 + 1e-6
        mark = ' class="bad"' if over else ""
        return f"<td{mark}>{escape(show(value))}</td>"

    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr>{''.join(cell(c, value) for c, value in enumerate(row))}</tr>" for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _provenance(content: Mapping[str, Any]) -> str:
    about = {k: v for k, v in content["plan"].items() if not isinstance(v, (Mapping, list))}
    versions = content["plan"].get("versions") or {}
    about |= {f"{name} version": value for name, value in dict(versions).items()}
    seconds = content["seconds"]
    rows = [[key.replace("_", " "), value] for key, value in about.items()]
    rows += [[f"seconds: {stage}", round(value, 1)] for stage, value in seconds.items()]
    return f"<h2>How it was made</h2>{_table(['', ''], rows, str, 0)}"


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d} min"


def _mm(metres: float | None) -> str:
    return "-" if metres is None else f"{1000 * metres:.1f} mm"


def _degrees(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}°"


def _celsius(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} °C"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"
