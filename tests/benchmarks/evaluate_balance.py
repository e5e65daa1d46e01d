"""Full-body dances on a stratified benchmark, in two physics engines, under disturbances.

    python tests/benchmarks/evaluate_balance.py [OUT] [--data DATA] [--passages 40]
        [--engines pybullet mujoco] [--disturbances nominal pushes ...] [--seeds 5]
        [--without-feedback] [--workers N | --scheduler ADDRESS] [--tables]

OUT/trials.jsonl gets a line for every plan and every trial; what is in it for the same plan
is not done again. Plans are kept in OUT/plans. Work runs through dask.distributed: on this
machine, or with --scheduler on a cluster whose workers have this checkout on their PYTHONPATH
(its root, and tests/benchmarks) and the data at the same place.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from balance_passages import PASSAGES, Passage, chosen, data_folder
from balance_tables import tables
from balance_trials import (
    ENGINES,
    MORE_ENGINES,
    TRIED,
    Settings,
    TrialKind,
    plan_passage,
    trial_kinds,
    try_plan,
)

from robodance.performance.disturbances import DISTURBANCES
from robodance.performance.trial import plain_plan
from robodance.plan_file import read_plan, write_plan
from robodance.values import Plan
from robodance.workers import cores


def key_of(line: dict[str, Any]) -> tuple[Any, ...]:
    """Return what tells a line of the file from all others."""
    return tuple(line.get(name) for name in ("passage", "plan", "engine", "disturbance", "seed"))


class Results:
    """The lines of ``trials.jsonl`` and the plans beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "trials.jsonl"
        (folder / "plans").mkdir(parents=True, exist_ok=True)
        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # it was ended in the middle of a line
            self.file.write_text(whole, encoding="utf-8")
        self.lines = [json.loads(line) for line in whole.splitlines()]
        self.known = {key_of(line) for line in self.lines}

    def add(self, passage: Passage, plan: str, kind: TrialKind | None, found: dict) -> None:
        """Write a line."""
        what = asdict(kind) if kind else {"engine": None, "disturbance": None, "seed": None}
        line = {"passage": passage.label, "plan": plan, **what, **found}
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.lines.append(line)
        self.known.add(key_of(line))

    def missing(self, passage: Passage, plan: str, kinds) -> list[TrialKind]:
        """Return the trials of a plan that are still to be done."""
        return [k for k in kinds if (passage.label, plan, *asdict(k).values()) not in self.known]

    def needs_plan(self, passage: Passage, plan: str) -> bool:
        """Whether a plan is still to be made: it is neither there nor known to be infeasible."""
        known = [n for n in self.lines if key_of(n) == (passage.label, plan, None, None, None)]
        made = self.plan_path(plan).exists()
        return not any(made or "infeasible" in line for line in known)

    def plan_path(self, plan: str) -> Path:
        """Return where a plan is kept."""
        return self.folder / "plans" / f"{plan}.npz"


@contextmanager
def connected(scheduler: str | None, workers: int) -> Iterator[Any]:
    """Give a client of a cluster: a running one, or one made here for the time being."""
    import dask
    from distributed import Client, LocalCluster

    dask.config.set({"distributed.worker.daemon": False})  # workers start processes themselves
    if scheduler is not None:
        with Client(scheduler) as client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def evaluate(passages, kinds, results: Results, settings: Settings, data, client) -> int:
    """Do what is missing; returns how many tasks failed."""
    from distributed import as_completed

    plans = {passage: settings.plan_hash(passage) for passage in passages}
    waiting, failed = {}, 0

    def try_all(passage: Passage, made: Any) -> list[Any]:
        futures = []
        for kind in results.missing(passage, plans[passage], kinds):
            future = client.submit(
                try_plan, made, kind, settings, pure=False, priority=-PASSAGES.index(passage)
            )
            waiting[future] = (passage, kind)
            futures.append(future)
        return futures

    queue = as_completed()
    for passage in passages:
        name = plans[passage]
        if results.needs_plan(passage, name):
            future = client.submit(
                plan_passage,
                passage,
                data,
                settings,
                pure=False,
                priority=-PASSAGES.index(passage),
            )
            waiting[future] = (passage, None)
            queue.add(future)
        elif results.plan_path(name).exists() and results.missing(passage, name, kinds):
            made = _sent(client, plain_plan(read_plan(results.plan_path(name))))
            queue.update(try_all(passage, made))
    for future in queue:
        passage, kind = waiting.pop(future)
        if future.status == "error":
            failed += 1
            print(f"{passage.label} {kind or 'plan'}: {future.exception()!r}", file=sys.stderr)
            continue
        if kind is not None:
            results.add(passage, plans[passage], kind, future.result())
            _tell(passage, kind, future.result())
            continue
        found, plan = future.result()
        if plan is not None:
            write_plan(Plan(**plan), results.plan_path(plans[passage]))
        results.add(passage, plans[passage], None, found)
        print(f"planned {passage.label}: {found.get('infeasible', 'done')}", flush=True)
        if plan is not None:
            queue.update(try_all(passage, _sent(client, plan)))
    return failed


def _sent(client: Any, plan: dict[str, Any]) -> Any:
    """Send a plan to the workers; in a list, since a dict's parts would be named by its keys."""
    return client.scatter([plan], hash=False)[0]


def _tell(passage: Passage, kind: TrialKind, found: dict[str, Any]) -> None:
    fell = "stood" if found["fell_s"] is None else f"FELL at {found['fell_s']:.1f} s"
    print(
        f"{passage.label} {kind.engine} {kind.disturbance} {kind.seed}: {fell}, "
        f"{found['tilt_deg']:.1f} degrees",
        flush=True,
    )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "out",
        type=Path,
        nargs="?",
        default=Path("runs/balance"),
        help="folder of results; may be gone on with",
    )
    parser.add_argument("--data", type=Path, help="published data sets; or set ROBODANCE_DATA")
    parser.add_argument("--passages", type=int, default=len(PASSAGES), help="how many, of 40")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each passage at most")
    parser.add_argument(
        "--engines", nargs="+", choices=(*ENGINES, *MORE_ENGINES), default=list(ENGINES)
    )
    parser.add_argument("--disturbances", nargs="+", choices=list(DISTURBANCES), default=TRIED)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--balance", default="full-body")
    parser.add_argument("--footwork", default=Settings().footwork)
    parser.add_argument("--verification", default=Settings().verification)
    parser.add_argument(
        "--without-feedback", action="store_true", help="ankles and hips answer no lean"
    )
    parser.add_argument("--robot", default="nao_v6")
    parser.add_argument("--workers", type=int, default=cores(), help="processes on this machine")
    parser.add_argument("--scheduler", help="address of a running dask scheduler")
    parser.add_argument("--tables", action="store_true", help="print what is known, do nothing")
    return parser.parse_args()


def main() -> int:
    """Evaluate and print the tables."""
    options = arguments()
    data = data_folder(options.data)
    passages = chosen(options.passages)
    if data is None and any(not p.name.startswith("launch/") for p in passages):
        print("give --data, or set ROBODANCE_DATA to the folder of the data sets", file=sys.stderr)
        return 2
    settings = Settings(
        robot=options.robot,
        seconds=options.seconds,
        balance=options.balance,
        footwork=options.footwork,
        verification=options.verification,
        feedback=not options.without_feedback,
    )
    kinds = trial_kinds(options.engines, options.disturbances, options.seeds)
    results, failed = Results(options.out), 0
    if not options.tables:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        with connected(options.scheduler, options.workers) as client:
            failed = evaluate(passages, kinds, results, settings, data, client)
    print(tables(results.lines))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
