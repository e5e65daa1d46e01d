"""The state of a generator's training on disk, and what is kept as its best."""

from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save

from robodance.choreography.generators.autoregressive import AutoregressiveNet
from robodance.config import TrainConfig
from robodance.learning.gate import Verdict
from robodance.learning.run_loop import RunFolder
from robodance.output import write_atomically, write_json

__all__ = ["TrainingRun", "draw_curves"]

FIXED = (
    "genre",
    "variant",
    "features",
    "start_from",
    "seed",
    "chain_beats",
    "width",
    "shards",
)  # settings that a run cannot change


class TrainingRun(RunFolder):
    """State of a generator's run, with the best free run so far."""

    def __init__(
        self, config: TrainConfig, net: AutoregressiveNet, out: Path, *, leads: bool = True
    ) -> None:
        optimiser = torch.optim.Adam(net.parameters(), lr=config.learning_rate, foreach=True)
        super().__init__(out, net, optimiser, asdict(config), fixed=FIXED, leads=leads)
        self.config: TrainConfig = config
        self.net: AutoregressiveNet = net

    def save(self, update: int) -> None:
        """Write the state, and the curves as a table."""
        super().save(update)
        if not self.leads:
            return
        columns = ["update", "loss", "updates_per_s"]
        with (self.out / "curves.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(self.rows)

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
