"""What came of a performance: ``report.json`` for programs, a summary for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from robodance.output import plain
from robodance.values import (
    BeatLosses,
    BoneLoss,
    Certificate,
    Losses,
    PerformanceLog,
    PerformedBeats,
    Plan,
    Recording,
    SongAnalysis,
)

__all__ = ["REPORT_VERSION", "make_report", "summarise"]

REPORT_VERSION = 1
HEAT_SHARE = 1.0  # a motor's nominal torque is what it can give for ever
LEANS_DEG = 5.0  # chosen by us: more than this is seen and worth a word
ON_TIME_S = 0.02  # how close to the music a robot should begin


def make_report(
    plan: Plan,
    certificate: Certificate,
    losses: Losses,
    *,
    log: PerformanceLog | None = None,
    performed: PerformedBeats | None = None,
    recording: Recording | None = None,
    analysis: SongAnalysis | None = None,
    seconds: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the content of ``report.json``: plain values, no NaN.

    Args:
        plan: What was to be done.
        certificate: What an independent check of the plan found.
        losses: What the robot could not do of what the dancer did.
        log: What happened; None when nothing was performed.
        performed: Which beats were hit then; None where that cannot be told.
        recording: The film, if there is one.
        analysis: What was heard, for a dance made for a song.
        seconds: Seconds spent in each stage.
        warnings: What else a person should know.
    """
    content = {
        "format_version": REPORT_VERSION,
        "song": None if analysis is None else _song(analysis),
        "plan": {
            "duration_s": plan.duration_s,
            "music_start_s": plan.music_start_s,
            **plan.metadata,
        },
        "certificate": _certificate(certificate),
        "losses": _losses(losses),
        "performance": None if log is None else _performance(log, performed),
        "film": None if recording is None else asdict(recording),
        "seconds": dict(seconds or {}),
        "warnings": [*warnings, *_warnings(certificate, log, analysis)],
    }
    return dict(plain(content))


def _song(analysis: SongAnalysis) -> dict[str, Any]:
    beats, genre = analysis.beats, analysis.genre
    return {
        "path": analysis.song.path,
        "sha256": analysis.song.sha256,
        "duration_s": analysis.song.duration_s,
        "tempo_bpm": beats.tempo_bpm,
        "beats": len(beats.times_s),
        "beats_per_bar": beats.beats_per_bar,
        "beat_confidence": beats.confidence,
        "genre": genre.name,
        "genre_confidence": genre.confidence,
        "genre_scores": dict(genre.scores),
    }


def _certificate(certificate: Certificate) -> dict[str, Any]:
    return {
        "clean": certificate.clean,
        "rate_hz": certificate.rate_hz,
        "violations": dict(certificate.violations),
        "joints": [asdict(joint) for joint in certificate.joints],
        "self_collision": {
            "minimum_clearance_m": certificate.clearance_m,
            "time_s": certificate.clearance_time_s,
            "links": list(certificate.clearance_links),
        },
        "balance": {
            "zmp_margin_m": certificate.zmp_margin_m,
            "zmp_margin_time_s": certificate.zmp_margin_time_s,
            "com_margin_m": certificate.com_margin_m,
            "com_margin_time_s": certificate.com_margin_time_s,
        },
        "rms_torque_over_nominal": dict(certificate.torque_shares),
    }


def _losses(losses: Losses) -> dict[str, Any]:
    return {
        "bone_direction_errors": [_bone(bone) for bone in losses.bones],
        "hand_direction_errors": [_bone(bone) for bone in losses.hands],
        "leg_direction_errors": [_bone(bone) for bone in losses.legs],
        "beat_hits": {
            "arm_stops": losses.arm_stops,
            "before": losses.arm_stops_hit_before,
            "after": losses.arm_stops_hit_after,
        },
        "path_length_kept": losses.path_length_kept,
        "path_length_kept_by_hand": dict(losses.path_kept),
        "per_beat": None if losses.beats is None else _per_beat(losses, losses.beats),
    }


def _bone(bone: BoneLoss) -> dict[str, Any]:
    return {"name": bone.name, "mean_deg": bone.mean_deg, "p95_deg": bone.p95_deg}


def _per_beat(losses: Losses, beats: BeatLosses) -> dict[str, Any]:
    """Return one list a figure, one entry a beat."""
    return {
        "beats_s": beats.times_s.round(3),
        "error_deg": beats.error_deg.round(2),
        "worst_bone": list(beats.worst_bone),
        "bones_deg": {
            bone.name: np.round(bone.per_beat_deg, 2)
            for bone in (*losses.bones, *losses.hands, *losses.legs)
        },
        "arm_stops": beats.stops,
        "arm_stops_hit_before": beats.stops_hit_before,
        "arm_stops_hit_after": beats.stops_hit_after,
        "hit_by_dancer": beats.hit_by_dancer,
        "hit_before": beats.hit_before,
        "hit_after": beats.hit_after,
    }


def _performance(log: PerformanceLog, performed: PerformedBeats | None) -> dict[str, Any]:
    metadata = dict(log.metadata)
    return {
        "backend": log.backend,
        "duration_s": float(log.times_s[-1] - log.times_s[0]),
        "falls": len(log.falls),
        "fall_times_s": list(log.falls),
        "tilt_max_deg": float(np.degrees(log.tilt_rad.max())),
        "tilt_p99_deg": float(np.degrees(np.percentile(log.tilt_rad, 99))),
        "zmp_margin_min_m": float(log.zmp_margin_m.min()),
        "zmp_margin_p1_m": float(np.percentile(log.zmp_margin_m, 1)),
        "beat_hits": None if performed is None else _performed(performed),
        **metadata,
    }


def _performed(performed: PerformedBeats) -> dict[str, Any]:
    """Return what was hit by measured joint angles, and of the same beats by the plan."""
    return {
        "beats": len(performed.times_s),
        "hit": int(performed.hit.sum()),
        "hit_by_plan": int(performed.hit_by_plan.sum()),
        "arm_stops": performed.stops,
        "arm_stops_hit": performed.stops_hit,
        "arm_stops_hit_by_plan": performed.stops_hit_by_plan,
        "beats_s": performed.times_s.round(3),
        "beats_hit": performed.hit,
    }


def _warnings(
    certificate: Certificate, log: PerformanceLog | None, analysis: SongAnalysis | None
) -> list[str]:
    """Return what a person should know, in sentences."""
    found = list(analysis.warnings) if analysis is not None else []
    for kind, count in certificate.violations.items():
        if count:
            found.append(f"the plan breaks its {kind} limits at {count} samples")
    shares = dict(certificate.torque_shares)
    if log is not None:
        for name, share in dict(log.metadata.get("rms_torque_shares", {})).items():
            shares[name] = max(shares.get(name, 0.0), share)
    hot = sorted((n for n in shares if shares[n] > HEAT_SHARE), key=lambda name: -shares[name])
    if hot:
        worst = ", ".join(f"{name} {100 * shares[name]:.0f} %" for name in hot[:4])
        found.append(
            f"{len(hot)} motors give more than their nominal torque on average and would get hot "
            f"on a real robot ({worst}); keep performances short and let it cool down"
        )
    ahead_s = None if log is None else log.metadata.get("start_ahead_s")
    if ahead_s is not None and abs(ahead_s) > ON_TIME_S:
        found.append(
            f"the robot began {1000 * abs(ahead_s):.0f} ms {'before' if ahead_s > 0 else 'behind'} "
            "the music, and was brought together with it as fast as its limits allow"
        )
    if log is not None and log.falls:
        reason = log.metadata.get("fall_reason") or "it fell"
        found.append(f"the robot fell at {log.falls[0]:.1f} s: {reason}")
    elif log is not None and np.degrees(log.tilt_rad.max()) > LEANS_DEG:
        found.append(
            f"the trunk leaned up to {np.degrees(log.tilt_rad.max()):.1f} degrees from the plan"
        )
    return found


def summarise(content: Mapping[str, Any], *, folder: Path | None = None) -> str:
    """Return a report in a few lines for a person.

    Args:
        content: What ``make_report`` returned.
        folder: Where the files are.
    """
    lines = [_headline(content), *_plan_lines(content), *_trial_lines(content)]
    lines += _performance_lines(content)
    film = content["film"]
    if film:
        lines.append(
            f"Film         {film['path']} ({_clock(film['duration_s'])}, {film['frames']} "
            f"pictures, drawn with {film['renderer']})"
        )
    if folder is not None:
        lines.append(f"Files        {folder}")
    seconds = content["seconds"]
    if seconds:
        spent = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
        lines.append(f"Seconds      {spent} (together {sum(seconds.values()):.1f})")
    lines += [f"Warning      {warning}" for warning in content["warnings"]]
    return "\n".join(lines)


def _headline(content: Mapping[str, Any]) -> str:
    song, plan = content["song"], content["plan"]
    robot = plan.get("robot_model", "the robot")
    if song is None:
        file = plan.get("file") or plan.get("song_path")
        name = f"{file}: " if file else ""
        return f"Dance        {name}{_clock(plan['duration_s'])} on {robot}"
    return (
        f"Dance        {Path(song['path']).name}: {song['genre']} "
        f"({100 * song['genre_confidence']:.0f} % sure), {song['tempo_bpm']:.1f} bpm, "
        f"{_clock(plan['duration_s'])} on {robot}, seed {plan.get('seed', '-')}"
    )


def _plan_lines(content: Mapping[str, Any]) -> list[str]:
    certificate, losses = content["certificate"], content["losses"]
    if certificate["clean"]:
        verdict = f"within every limit at {certificate['rate_hz']:.0f} samples a second"
    else:
        broken = (f"{kind} {n}" for kind, n in certificate["violations"].items() if n)
        verdict = f"BREAKS LIMITS ({', '.join(broken)} samples)"
    collision, balance = certificate["self_collision"], certificate["balance"]
    hits, bones = losses["beat_hits"], losses["bone_direction_errors"]
    lines = [
        f"Plan         {verdict}",
        f"             closest parts {_mm(collision['minimum_clearance_m'])} "
        f"({' and '.join(collision['links'])}), balance margin {_mm(balance['zmp_margin_m'])}",
    ]
    if bones:
        mean = sum(bone["mean_deg"] for bone in bones) / len(bones)
        worst = max(bones, key=lambda bone: bone["mean_deg"])
        lines.append(
            f"Lost         bones point {mean:.1f} degrees off on average ({worst['name']} "
            f"{worst['mean_deg']:.1f}), {100 * losses['path_length_kept']:.0f} % of the hands' way "
            "kept"
        )
    if hits["arm_stops"]:
        lines.append(
            f"             stops of the hands on time: {100 * hits['before']:.0f} % before, "
            f"{100 * hits['after']:.0f} % after the limits ({hits['arm_stops']} stops)"
        )
    return lines


def _trial_lines(content: Mapping[str, Any]) -> list[str]:
    tried = content["plan"].get("verification")
    if not tried:
        return []
    tilts = dict(tried["tilt_deg"])
    undisturbed = tilts.pop("nominal", None)
    ends = "stood" if tried["passed"] else "DOES NOT PASS"
    parts = [] if undisturbed is None else [f"{undisturbed:.1f} degrees off the plan undisturbed"]
    if tilts:
        worst = max(tilts, key=tilts.__getitem__)
        parts.append(f"{tilts[worst]:.1f} under {worst}, the worst of {len(tilts)} disturbances")
    calmed_s = sum(part["end_s"] - part["start_s"] for part in tried["reduced"])
    lines = [f"Tried        {ends}, trunk at most {', '.join(parts)}"]
    if calmed_s:
        lines.append(f"             torso and legs calmed for {calmed_s:.1f} s, see below")
    return lines


def _performance_lines(content: Mapping[str, Any]) -> list[str]:
    performance = content["performance"]
    if performance is None:
        return ["Performance  none"]
    falls = performance["falls"]
    ending = "no fall" if not falls else f"FELL at {performance['fall_times_s'][0]:.1f} s"
    stopped = ", stopped before the end" if performance.get("stopped") else ""
    lines = [
        f"Performance  {ending}{stopped}, trunk at most {performance['tilt_max_deg']:.1f} degrees "
        f"from the plan, ZMP at least {_mm(performance['zmp_margin_min_m'])} inside the soles "
        f"({performance['backend']})"
    ]
    if "drift_max_s" in performance:
        degrees = np.degrees(performance["tracking_error_rms_rad"])
        lines.append(
            f"             joints {degrees:.1f} degrees from the plan (RMS), dance and music at "
            f"most {1000 * performance['drift_max_s']:.0f} ms apart, both by what the robot says"
        )
    return [*lines, *_heat_lines(performance), *_hit_lines(performance.get("beat_hits"))]


def _heat_lines(performance: Mapping[str, Any]) -> list[str]:
    after = performance.get("temperatures_after_c") or {}
    if not after:
        return []
    before, name = performance.get("temperatures_before_c", {}), max(after, key=after.__getitem__)
    was = f", {before[name]:.0f} before" if name in before else ""
    return [f"             warmest motor {name}, {after[name]:.0f} degrees Celsius{was}"]


def _hit_lines(hits: Mapping[str, Any] | None) -> list[str]:
    if hits is None:
        return []
    parts = [
        f"{hits[hit]} of {hits[whole]} {what} (the plan {hits[planned]})"
        for what, whole, hit, planned in (
            ("beats", "beats", "hit", "hit_by_plan"),
            ("stops of the hands", "arm_stops", "arm_stops_hit", "arm_stops_hit_by_plan"),
        )
        if hits[whole]
    ]
    return [f"             hit {' and '.join(parts)}, by the joints measured"] if parts else []


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def _mm(metres: float | None) -> str:
    return "unlimited" if metres is None else f"{1000 * metres:.0f} mm"
