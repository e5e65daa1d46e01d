"""What every training shares: updates, their state on disk, and several processes.

A run lives in a folder. ``state.json`` names the tensors that belong to it and appears
after them, so a kill at any moment leaves the last whole state. Every update must draw
its randomness from (seed, update), then a run that was killed ends exactly as it would
have. Under ``torchrun`` each process works on its share of the update's *shards*; the
sum over shards is the same whoever computes them.
"""

from __future__ import annotations

import ctypes
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from robodance.errors import DataError, UsageError
from robodance.output import write_atomically, write_json

__all__ = [
    "DEVICES",
    "RunFolder",
    "World",
    "draw_curves",
    "keep_memory",
    "learn",
    "open_world",
    "spoken",
]

SMOOTHING = 0.05  # share of an update's losses in the curves
DEVICES = ("auto", "cpu", "cuda")

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class World:
    """The processes of a run.

    Attributes:
        rank: Which one this is.
        size: How many there are.
        device: Where this one computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def shards(self, count: int) -> range:
        """Return which shards of an update this process works on.

        Raises:
            UsageError: They cannot be shared out evenly.
        """
        if count % self.size:
            raise UsageError(
                f"{self.size} processes cannot share {count} shards evenly; "
                f"start as many processes as divide {count}, or set shards"
            )
        return range(self.rank, count, self.size)

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""
        if self.size > 1 and tensors:
            flat = torch.cat([tensor.flatten() for tensor in tensors])
            torch.distributed.all_reduce(flat)
            parts = torch.split(flat, [tensor.numel() for tensor in tensors])
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def sum_gradients(self, net: nn.Module) -> None:
        """Sum the gradients of a network over all processes."""
        self.sum([p.grad for p in net.parameters() if p.grad is not None])

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            torch.distributed.barrier()


@contextmanager
def open_world(device: str = "auto") -> Iterator[World]:
    """Join the other processes where ``torchrun`` started several.

    Args:
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.

    Raises:
        UsageError: There is no GPU.
    """
    gpu = torch.cuda.is_available()
    if device == "cuda" and not gpu:
        raise UsageError("device cuda: this torch sees no GPU; take device auto or cpu")
    use_gpu = gpu and device != "cpu"
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    place = torch.device(f"cuda:{local}") if use_gpu else torch.device("cpu")
    if size == 1:
        yield World(0, 1, place)
        return
    torch.distributed.init_process_group("nccl" if use_gpu else "gloo")
    try:
        yield World(rank, size, place)
    finally:
        torch.distributed.destroy_process_group()


def keep_memory() -> None:
    """Let this process keep the memory that it frees (glibc; elsewhere nothing happens).

    Otherwise every large tensor is fetched from the system and cleared anew, which costs
    more than half of the time of training on sound: 29 against 10 ms per second of it.
    """
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(-4, 0)  # M_MMAP_MAX
        library.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD


class RunFolder:
    """The state of a run on disk: network, optimiser, running mean, notes.

    Attributes:
        rows: The curves so far.
        smooth: Running mean of the losses, which the curves show.
        best: What the run noted about its best state; survives a kill.
        legs: The settings it began with, and what was changed at which update.
        mean: Running mean of the parameters, where the run keeps one.
    """

    def __init__(
        self,
        out: Path,
        net: nn.Module,
        optimiser: torch.optim.Optimizer,
        settings: Mapping[str, Any],
        *,
        fixed: Sequence[str],
        leads: bool = True,
    ) -> None:
        self.out, self.net, self.optimiser = out, net, optimiser
        self.settings, self.fixed, self.leads = dict(settings), tuple(fixed), leads
        self.mean = {name: p.detach().clone() for name, p in net.named_parameters()}
        self.rows: list[dict[str, float]] = []
        self.smooth: dict[str, float] = {}
        self.best: dict[str, Any] = {}
        self.legs: list[dict[str, Any]] = [{"from": 0, **self.settings}]

    def restore(self, resume: bool) -> int:
        """Return the update to go on with; 0 for a new run.

        A run may go on with other settings (more updates, say), which ``legs`` then
        tells; the fixed ones stay.

        Raises:
            DataError: The folder holds another run, or a damaged one.
        """
        state = self.out / "state.json"
        if not state.is_file():
            return 0
        if not resume:
            raise DataError(f"{self.out}: holds a run already; add --resume or give another --out")
        try:
            notes = json.loads(state.read_text(encoding="utf-8"))
            before, update = notes["config"], int(notes["update"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{state}: not the state of a run ({error}); begin again") from error
        now = json.loads(json.dumps(self.settings))
        if any(now[key] != before.get(key) for key in self.fixed):
            raise DataError(f"{self.out}: holds a run with other settings; give another --out")
        self.legs = notes["legs"]
        changed = {key: now[key] for key in now if now[key] != before.get(key)}
        if changed:
            self.legs.append({"from": update, **changed})
        self._load(self.out / notes["tensors"], update)
        self.rows, self.best = notes["rows"], notes["best"]
        self.smooth = notes.get("smooth", {})
        return update

    def _load(self, path: Path, update: int) -> None:
        try:
            tensors = load_file(str(path))
            own = self.net.state_dict()
            self.net.load_state_dict({name: tensors[f"net.{name}"] for name in own})
            for index, (name, parameter) in enumerate(self.net.named_parameters()):
                self.mean[name].copy_(tensors[f"mean.{name}"])
                self.optimiser.state[parameter] = {
                    "step": torch.tensor(float(update)),
                    "exp_avg": tensors[f"first.{index}"].to(parameter.device, copy=True),
                    "exp_avg_sq": tensors[f"second.{index}"].to(parameter.device, copy=True),
                }
        except (OSError, SafetensorError, KeyError, RuntimeError) as error:
            raise DataError(f"{path}: not the state of this run ({error}); begin again") from error

    def save(self, update: int) -> None:
        """Write the state so that a kill at any moment leaves a whole one."""
        if not self.leads:
            return
        tensors = {f"net.{n}": t.detach().contiguous() for n, t in self.net.state_dict().items()}
        for index, (name, parameter) in enumerate(self.net.named_parameters()):
            memory = self.optimiser.state[parameter]
            tensors[f"mean.{name}"] = self.mean[name]
            tensors[f"first.{index}"] = memory["exp_avg"]
            tensors[f"second.{index}"] = memory["exp_avg_sq"]
        name = f"state-{update}.safetensors"
        with write_atomically(self.out / name) as file:
            file.write(save(tensors))
        notes = {
            "update": update,
            "tensors": name,
            "config": self.settings,
            "legs": self.legs,
            "rows": self.rows,
            "best": self.best,
            "smooth": self.smooth,
        }
        write_json(notes, self.out / "state.json")
        for old in self.out.glob("state-*.safetensors"):
            if old.name != name:
                old.unlink()
        self._write_curves()

    def _write_curves(self) -> None:
        lines = "".join(json.dumps(row) + "\n" for row in self.rows)
        with write_atomically(self.out / "curves.jsonl") as file:
            file.write(lines.encode())

    def smoothed(self, losses: Mapping[str, float]) -> dict[str, float]:
        """Take the losses of an update into their running mean, and return that."""
        for name, value in losses.items():
            before = self.smooth.get(name, float(value))
            self.smooth[name] = before + SMOOTHING * (float(value) - before)
        return self.smooth

    def note(self, row: dict[str, float]) -> None:
        """Add a row to the curves."""
        self.rows.append(row)

    def average(self, update: int, share: float) -> None:
        """Move the running mean of the parameters; ``share`` of it stays (early on, less)."""
        stays = min(share, (1.0 + update) / (10.0 + update))
        with torch.no_grad():
            now = [p.detach() for p in self.net.parameters()]
            torch._foreach_lerp_(list(self.mean.values()), now, 1.0 - stays)


def learn(
    run: RunFolder,
    step: Callable[[int], Mapping[str, float]],
    *,
    updates: int,
    first: int,
    save_every: int,
    note_every: int = 50,
    after: Callable[[int], None] | None = None,
    progress: Progress | None = None,
) -> None:
    """Do the updates from ``first`` on: note, judge, save, and say how long it still takes.

    Args:
        run: The run's folder.
        step: Does one update, counted from 0, and returns its losses, ``loss`` among them.
        updates: How many in all.
        first: With which to begin.
        save_every: Updates between two states on disk.
        note_every: Updates between two rows of the curves.
        after: Called with the number of updates done, before the state is saved.
        progress: Told the share done and a line about it.
    """
    clock = time.monotonic()
    for update in range(first, updates):
        losses = run.smoothed(step(update))
        done = update + 1
        if done % note_every == 0 or done == updates:
            pace = (done - first) / max(time.monotonic() - clock, 1e-9)
            rounded = {name: round(value, 5) for name, value in losses.items()}
            run.note({"update": done, **rounded, "updates_per_s": round(pace, 2)})
            if progress is not None:
                left = spoken((updates - done) / pace)
                line = (
                    f"update {done} of {updates}, loss {losses['loss']:.4f}, {pace:.2g}/s, {left}"
                )
                progress(done / updates, line)
        if after is not None:
            after(done)
        if done % save_every == 0 or done == updates:
            run.save(done)


def spoken(seconds: float) -> str:
    """Say how long something still takes."""
    if seconds < 90.0:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60.0:.0f} min left" if seconds < 5400.0 else f"{seconds / 3600:.1f} h left"


def draw_curves(rows: Sequence[Mapping[str, float]], path: Path, *, title: str) -> None:
    """Draw the curves of a run where matplotlib is installed, each on its own axes."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return
    names = [name for name in rows[-1] if name not in {"update", "updates_per_s"}] if rows else []
    if not names:
        return
    figure = Figure(figsize=(6, 1.0 + 1.8 * len(names)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    for axes, name in zip(figure.subplots(len(names), squeeze=False)[:, 0], names, strict=True):
        have = [row for row in rows if name in row]
        axes.plot([row["update"] for row in have], [row[name] for row in have])
        axes.set(xlabel="update", ylabel=name)
    with write_atomically(path) as file:
        figure.savefig(file, dpi=100, format="png")
