"""Perform whole songs in simulation and print one table row for each.

    python tests/benchmarks/perform_songs.py OUT SONG [SONG ...] [--record] [--balance HOW]

Every song goes through the command line, as a user would call it; figures are read from
the JSON object it prints. A song that was done before (its report is in OUT) is not done
again unless --again is given.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

COLUMNS = (
    "song",
    "length s",
    "bpm",
    "genre",
    "exit",
    "violations",
    "clearance mm",
    "arm error deg",
    "stops hit before/after",
    "falls",
    "tilt deg",
    "plan s",
    "dance s",
    "film s",
)


def perform(song: Path, folder: Path, *, record: bool, balance: str) -> dict[str, object]:
    """Perform one song; returns its report with exit code and wall time."""
    command = [sys.executable, "-m", "robodance", "perform", str(song), "--sim", "--json"]
    command += ["--balance", balance, "--out", str(folder)] + (["--record"] if record else [])
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    report = json.loads(done.stdout)
    report["exit"] = done.returncode
    report["wall_s"] = time.perf_counter() - start
    return report


def row(song: Path, report: dict[str, object]) -> str:
    """Return one line of the table."""
    if report["exit"] != 0:
        return f"| {song.parent.name}/{song.stem} | {report['error']} |"
    proof, lost, done = report["certificate"], report["losses"], report["performance"]
    seconds = report["seconds"]
    bones = lost["bone_direction_errors"]
    arms = [bone["mean_deg"] for bone in bones if "arm" in bone["name"]]
    planning = sum(seconds[stage] for stage in ("hear", "imagine", "adapt", "prove"))
    cells = (
        f"{song.parent.name}/{song.stem}",
        f"{report['song']['duration_s']:.0f}",
        f"{report['song']['tempo_bpm']:.1f}",
        report["song"]["genre"],
        report["exit"],
        sum(proof["violations"].values()),
        f"{1000 * proof['self_collision']['minimum_clearance_m']:.1f}",
        f"{sum(arms) / len(arms):.1f}",
        f"{100 * lost['beat_hits']['before']:.0f}/{100 * lost['beat_hits']['after']:.0f} %",
        done["falls"],
        f"{done['tilt_max_deg']:.2f}",
        f"{planning:.0f}",
        f"{seconds['dance']:.0f}",
        f"{seconds.get('film', 0.0):.0f}",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def main() -> None:
    """Perform and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("songs", type=Path, nargs="+")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--balance", default="auto")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "-|" * len(COLUMNS))
    for song in options.songs:
        folder = options.out / f"{song.parent.name}-{song.stem}"
        kept = folder / "benchmark.json"
        if options.again or not kept.is_file():
            report = perform(song, folder, record=options.record, balance=options.balance)
            folder.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(report))
        print(row(song, json.loads(kept.read_text())), flush=True)


if __name__ == "__main__":
    main()
