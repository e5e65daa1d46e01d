"""Training of the autoregressive generator: one resumable run.

Every update draws its randomness from (seed, update, shard), so a run that was killed goes
on exactly as it would have, and ends the same with one process or several. The weights that
ship are the best of those that danced by themselves, never those of the smallest error.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from robodance.audio.description import kind_of_features
from robodance.choreography.checkpoint import Checkpoint, save_checkpoint
from robodance.choreography.generators.autoregressive import AutoregressiveNet, NetConfig
from robodance.choreography.phrases import Vocabulary
from robodance.choreography.sampling import Normaliser, torch_threads
from robodance.config import GENRES, TrainConfig
from robodance.learning.all_genres import build_mixed_corpus, merge_vocabularies
from robodance.learning.corpus import (
    BEATS_PER_BAR,
    Corpus,
    build_corpus,
    build_vocabulary,
    fit_normaliser,
    load_music,
)
from robodance.learning.dataset import UnitLibrary, load_library
from robodance.learning.gate import as_dict
from robodance.learning.judging import Judge
from robodance.learning.printed import NO_WORDS, printed_corpus
from robodance.learning.run_loop import draw_curves, learn, open_world
from robodance.learning.starting import begin_with, read_start, weights_name
from robodance.learning.training_run import TrainingRun
from robodance.learning.updates import CorpusTensors, do_update

__all__ = ["TrainingData", "finish", "prepare", "train"]

DATA_NOTICE = (
    "ChoreoNet (GitHub abcyzj/ChoreoNet, data/) and, for waltz, Dance with Melody (GitHub "
    "mhy12345/Music-to-Dance-Motion-Synthesis, Tang et al. 2018); no licence is stated with "
    "either. No recorded motion is in this file."
)
LICENCE_NOTICE = "for research use only, since the motion data state no licence"


@dataclass(frozen=True)
class TrainingData:
    """Everything a run needs of the data.

    Attributes:
        libraries: The units of each genre.
        vocabulary: Those that dances are drawn from; empty for the printed variant.
        normaliser: Standardises the poses.
        corpus: What is trained on.
        music: Recipe of the music features.
        start: Weights to begin with, or None.
    """

    libraries: tuple[UnitLibrary, ...]
    vocabulary: Vocabulary
    normaliser: Normaliser
    corpus: Corpus
    music: str
    start: Checkpoint | None = None

    @property
    def library(self) -> UnitLibrary:
        """The units of the (first) genre."""
        return self.libraries[0]


def prepare(config: TrainConfig, data: Path) -> TrainingData:
    """Read the data of a genre, or of all, and make the dances to train on.

    Raises:
        DataError: A data set is missing or malformed.
    """
    genres = GENRES if config.genre == "all" else (config.genre,)
    libraries = tuple(load_library(data, genre, seed=0) for genre in genres)
    start = read_start(config, {one.genre: one.held_out for one in libraries})
    encoder = config.encoder_weights
    shelves = [
        load_music(library, data, features=config.features, encoder_weights=encoder)
        for library in libraries
    ]
    music = kind_of_features(config.features, encoder)
    if config.variant == "printed":
        corpus, normaliser = printed_corpus(
            libraries[0], shelves[0], start.normaliser if start else None
        )
        return TrainingData(libraries, NO_WORDS, normaliser, corpus, music, start)
    alike = start is not None and start.card.get("genre") == config.genre
    normaliser = start.normaliser if start and alike else fit_normaliser(*libraries)
    size = {"beats": config.chain_beats, "seed": config.seed}
    if config.genre == "all":
        vocabulary = merge_vocabularies(libraries)
        corpus = build_mixed_corpus(libraries, vocabulary, normaliser, shelves, **size)
    else:
        vocabulary = build_vocabulary(libraries[0])
        corpus = build_corpus(libraries[0], vocabulary, normaliser, shelves[0], **size)
    return TrainingData(libraries, vocabulary, normaliser, corpus, music, start)


def train(
    config: TrainConfig,
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    progress: Callable[[float, str], None] | None = None,
    prepared: TrainingData | None = None,
) -> Path:
    """Train a generator; the best free run becomes ``weights.safetensors`` with its card.

    Args:
        config: Settings.
        data: Folder of the data sets, as published.
        out: Folder of the run: state, curves, weights.
        resume: Go on with the run in ``out``.
        progress: Called with the share done and a line about it.
        prepared: The data, where the caller has read them already.

    Returns:
        The weight file.

    Raises:
        DataError: The data cannot be read, or ``out`` holds another run.
        UsageError: The processes or the device cannot be had.
    """
    out.mkdir(parents=True, exist_ok=True)
    with torch_threads(config.threads), open_world(config.device) as world:
        prepared = prepared or prepare(config, data)
        net = _new_net(config, prepared).to(world.device)
        run = TrainingRun(config, net, out, leads=world.leads)
        first = run.restore(resume)
        judge = Judge(
            prepared.libraries,
            prepared.vocabulary,
            prepared.normaliser,
            features=config.features,
            encoder_weights=config.encoder_weights,
        )
        tensors = CorpusTensors(prepared.corpus, net.config.history, config.rollout, world.device)
        tell = progress if world.leads else None

        def after(done: int) -> None:
            late = done > config.updates // 2 and done % config.gate_every == 0
            if world.leads and (late or done == config.updates):
                verdict = judge.try_out(
                    run.averaged(),
                    dances=config.trial_dances,
                    frames=config.trial_frames,
                    first_seed=1000,
                    music=False,
                )
                run.consider(done, verdict)
                if tell is not None:
                    tell(done / config.updates, f"free run at {done}: {verdict.as_dict()}")

        learn(
            run,
            lambda update: do_update(config, run, tensors, world, update),
            updates=config.updates,
            first=first,
            save_every=config.save_every,
            after=after,
            progress=tell,
        )
        weights = out / f"{weights_name(config)}.safetensors"
        if world.leads:
            finish(config, net.config, prepared, judge, weights, run.legs)
            draw_curves(run.rows, out / "curves.png", title=f"{config.genre}, {config.variant}")
        world.wait()
    return weights


def finish(
    config: TrainConfig,
    shape: NetConfig,
    prepared: TrainingData,
    judge: Judge,
    weights: Path,
    legs: list[dict[str, Any]],
) -> None:
    """Write the best weights of a run with their card, after the whole gate.

    The gate's dances are danced to songs rendered for it.
    """
    out = weights.parent
    net = AutoregressiveNet(shape)
    best = {n: t.half().float() for n, t in load_file(str(out / "best.safetensors")).items()}
    net.load_state_dict(best)
    net.eval()
    verdict = judge.try_out(
        net, dances=config.gate_dances, frames=config.gate_frames, first_seed=0, music=True
    )
    reference = {
        genre: {name: as_dict(figures) for name, figures in one.items()}
        for genre, one in judge.references.items()
    }
    beat_s = {one.genre: round(one.beat_s, 5) for one in prepared.libraries}
    per_bar = {one.genre: BEATS_PER_BAR.get(one.genre, 4) for one in prepared.libraries}
    alone = None if config.genre == "all" else config.genre
    card = {
        "generator": "autoregressive",
        "genre": config.genre,
        "variant": config.variant,
        "paper": "Ahn et al., Generative Autoregressive Networks for 3D Dancing Move Synthesis "
        "from Music, IEEE RA-L 2020",
        "data": DATA_NOTICE,
        "licence": LICENCE_NOTICE,
        "beat_s": beat_s[alone] if alone else beat_s,
        "beats_per_bar": per_bar[alone] if alone else per_bar,
        "network": asdict(shape),
        "parameters": net.parameter_count(),
        "music": prepared.music,
        "training": {**_names_only(asdict(config)), "legs": [_names_only(leg) for leg in legs]},
        **({} if prepared.start is None else {"began_with": _began_with(prepared.start)}),
        "chosen_at_update": json.loads((out / "best.json").read_text(encoding="utf-8"))["update"],
        "held_out_units": sorted(tag for one in prepared.libraries for tag in one.held_out),
        "reference": reference[alone] if alone else reference,
        "gate": {
            "dances": config.gate_dances,
            "frames": config.gate_frames,
            **verdict.as_dict(),
        },
    }
    arrays = {name: tensor.numpy() for name, tensor in best.items()}
    save_checkpoint(weights, arrays, prepared.vocabulary, prepared.normaliser, card)


def _names_only(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings with the names of files instead of their paths."""
    files = {key: settings[key] for key in ("encoder_weights", "start_from") if settings.get(key)}
    return {**settings, **{key: Path(path).name for key, path in files.items()}}


def _began_with(start: Checkpoint) -> dict[str, Any]:
    """Return what a card says about the weights that a run began with."""
    return {key: start.card.get(key) for key in ("sha256", "music", "chosen_at_update")}


def _new_net(config: TrainConfig, prepared: TrainingData) -> AutoregressiveNet:
    """Return the network as it is before the first update."""
    vocabulary = prepared.vocabulary
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        shape = NetConfig(
            units=len(vocabulary.tags),
            variant=config.variant,
            genres=GENRES if config.genre == "all" else (),
        )
        net = AutoregressiveNet(
            replace(
                shape,
                channels=tuple(round(config.width * n) for n in shape.channels),
                hidden=tuple(round(config.width * n) for n in shape.hidden),
            )
        )
    if prepared.start is not None:
        begin_with(net, prepared.start, vocabulary, prepared.normaliser, prepared.music)
    return net
