"""The state of a training run on disk: resumable, never half written."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from robodance.choreography.generators.autoregressive import AutoregressiveNet
from robodance.config import TrainConfig
from robodance.errors import DataError
from robodance.learning.gate import Verdict
from robodance.output import write_atomically, write_json

__all__ = ["TrainingRun", "draw_curves"]

FIXED = ("genre", "seed", "chain_beats", "width")  # settings that a run cannot change


class TrainingRun:
    """State of a training run: network, optimiser, running mean, notes."""

    def __init__(self, config: TrainConfig, net: AutoregressiveNet, out: Path) -> None:
        self.config, self.net, self.out = config, net, out
        self.optimiser = torch.optim.Adam(net.parameters(), lr=config.learning_rate, foreach=True)
        self.mean = {name: p.detach().clone() for name, p in net.named_parameters()}
        self.rows: list[dict[str, float]] = []
        self.best: dict[str, Any] = {}
        self.legs: list[dict[str, Any]] = [{"from": 0, **asdict(config)}]

    def restore(self, resume: bool) -> int:
        """Return the update to go on with; 0 for a new run.

        A run may go on with other settings of the training (more updates, say), which its
        card then tells; data and seed stay.
        """
        state = self.out / "state.json"
        if not state.is_file():
            return 0
        if not resume:
            raise DataError(f"{self.out}: holds a run already; add --resume or give another --out")
        notes = json.loads(state.read_text(encoding="utf-8"))
        now, before = asdict(self.config), notes["config"]
        if any(now[key] != before[key] for key in FIXED):
            raise DataError(f"{self.out}: holds a run with other settings; give another --out")
        self.legs = notes["legs"]
        changed = {key: now[key] for key in now if now[key] != before.get(key)}
        if changed:
            self.legs.append({"from": notes["update"], **changed})
        tensors = load_file(str(self.out / notes["tensors"]))
        with torch.no_grad():
            for index, (name, parameter) in enumerate(self.net.named_parameters()):
                parameter.copy_(tensors[f"net.{name}"])
                self.mean[name].copy_(tensors[f"mean.{name}"])
                self.optimiser.state[parameter] = {
                    "step": torch.tensor(float(notes["update"])),
                    "exp_avg": tensors[f"first.{index}"].clone(),
                    "exp_avg_sq": tensors[f"second.{index}"].clone(),
                }
        self.rows, self.best = notes["rows"], notes["best"]
        return int(notes["update"])

    def save(self, update: int) -> None:
        """Write the state so that a kill at any moment leaves a whole one."""
        tensors = {}
        for index, (name, parameter) in enumerate(self.net.named_parameters()):
            memory = self.optimiser.state[parameter]
            tensors[f"net.{name}"] = parameter.detach()
            tensors[f"mean.{name}"] = self.mean[name]
            tensors[f"first.{index}"] = memory["exp_avg"]
            tensors[f"second.{index}"] = memory["exp_avg_sq"]
        name = f"state-{update}.safetensors"
        with write_atomically(self.out / name) as file:
            file.write(save(tensors))
        notes = {
            "update": update,
            "tensors": name,
            "config": asdict(self.config),
            "legs": self.legs,
            "rows": self.rows,
            "best": self.best,
        }
        write_json(notes, self.out / "state.json")
        for old in self.out.glob("state-*.safetensors"):
            if old.name != name:
                old.unlink()
        with (self.out / "curves.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, ["update", "loss", "updates_per_s"])
            writer.writeheader()
            writer.writerows(self.rows)

    def note(self, row: dict[str, float]) -> None:
        """Add a row to the curves."""
        self.rows.append(row)

    def averaged(self) -> AutoregressiveNet:
        """Return a network with the running mean of the weights, as it ships (half precision)."""
        net = AutoregressiveNet(self.net.config)
        net.load_state_dict({name: p.half().float() for name, p in self.mean.items()})
        return net.eval()

    def consider(self, update: int, verdict: Verdict) -> None:
        """Keep these weights if their free run is the best so far.

        Fewer misses of the gate are better; among equals, sharper motion: a network that
        averages over what may come shortens the bones it predicts.
        """
        score = len(verdict.misses) + verdict.before.bone_error
        if self.best and score > self.best["score"]:
            return
        self.best = {"update": update, "score": score, "trial": verdict.as_dict()}
        with write_atomically(self.out / "best.safetensors") as file:
            file.write(save(dict(self.mean)))
        write_json(self.best, self.out / "best.json")


def draw_curves(out: Path) -> None:
    """Draw ``curves.csv`` as ``curves.png`` where matplotlib is installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return
    with (out / "curves.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot([float(row["update"]) for row in rows], [float(row["loss"]) for row in rows])
    axes.set(xlabel="update", ylabel="L1 error, standard deviations", yscale="log")
    figure.savefig(out / "curves.png", dpi=100)
