"""The command ``robodance evaluate``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from robodance.commands.options import pairs
from robodance.errors import UsageError

__all__ = ["add_evaluate"]


def add_evaluate(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the command line."""
    evaluate = commands.add_parser(
        "evaluate",
        parents=[common],
        help="how good dances are, beside real dance and chance",
        description="Measure folders of motions (BVH, npz, plans ...) or robodance's own "
        "generators with the measures of the published systems, beside real dance and chance. "
        "With --study: a blind page on which people compare dances.",
    )
    evaluate.add_argument("motions", nargs="*", metavar="DIR", help="a folder of motions: a row")
    against = evaluate.add_argument_group("what they are held against")
    against.add_argument("--data", metavar="DIR", help="the data sets as published")
    against.add_argument("--real", metavar="DIR", help="a folder of real dances of any kind")
    against.add_argument("--splits", type=int, metavar="N", help="unit splits of the data (1)")
    music = evaluate.add_argument_group("music")
    music.add_argument(
        "--songs", action="append", default=[], metavar="DIR", help="songs, paired by name"
    )
    music.add_argument("--pairs", metavar="CSV", help="table: motion, song, genre, start_s")
    own = evaluate.add_argument_group("robodance's own generators")
    own.add_argument(
        "--shipped", action="store_true", help="judge them, too (by itself without any DIR)"
    )
    own.add_argument(
        "--weights", action="append", default=[], metavar="DIR", help="folder of other weights"
    )
    own.add_argument("--genre", action="append", default=[], help="only this genre (repeatable)")
    own.add_argument("--seeds", type=int, metavar="N", help="dances to each song (10)")
    reading = evaluate.add_argument_group("reading motions")
    reading.add_argument("--skeleton", metavar="NAME", help="as in perform --motion")
    reading.add_argument("--fps", type=float, help="frames per second, for files that do not say")
    reading.add_argument(
        "--robot-motion", action="store_true", help="of plans judge the robot, not the dancer"
    )
    study = evaluate.add_argument_group("a study with people")
    study.add_argument(
        "--study", nargs="+", metavar="DIR", help="write a blind page of pairs from these folders"
    )
    study.add_argument("--study-answers", nargs="+", metavar="FILE", help="sum answers up")
    study.add_argument("--study-key", metavar="FILE", help="the key that was written beside it")
    study.add_argument("--most-pairs", type=int, default=20, metavar="N", help="at most (20)")
    evaluate.add_argument("--seed", type=int, help="of splits, networks and draws (0)")
    evaluate.add_argument("-o", "--out", metavar="DIR", help="new folder (evaluations/...)")
    evaluate.add_argument("--config", metavar="FILE", help="YAML settings of the evaluation")
    evaluate.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    evaluate.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> dict[str, Any]:
    if options.study and options.study_answers:
        raise UsageError("--study writes a page and --study-answers reads one's; give one of them")
    if options.study:
        return _study(options)
    if options.study_answers:
        return _answers(options)
    from robodance.evaluation.evaluate import Wanted, evaluate
    from robodance.evaluation.report import as_json, text_table, write_evaluation
    from robodance.evaluation.songs import SongPairs, find_songs, read_pairs
    from robodance.progress import console_progress

    if options.data and options.real:
        raise UsageError("--data and --real both say what real dance is; give one of them")
    songs = find_songs([Path(name) for name in options.songs])
    table = read_pairs(Path(options.pairs)) if options.pairs else {}
    out = _new_folder(options)
    wanted = Wanted(
        motions=tuple(Path(name) for name in options.motions),
        data=Path(options.data) if options.data else None,
        real=Path(options.real) if options.real else None,
        pairs=SongPairs(songs, table),
        shipped=options.shipped or not (options.motions or options.weights),
        weights=tuple(Path(name) for name in options.weights),
        songs=() if options.motions else tuple(songs.values()),
        skeleton=options.skeleton,
        frame_rate_hz=options.fps,
        robot=options.robot_motion,
    )
    evaluation = evaluate(wanted, _settings(options), console_progress())
    written, page = write_evaluation(evaluation, out)
    if not options.json:
        for remark in evaluation.remarks:
            print(f"Note         {remark}", file=sys.stderr)
        print(text_table(evaluation))
        print(f"Table        {written}")
        print(f"Page         {page}")
    return {**as_json(evaluation), "json": str(written), "page": str(page)}


def _settings(options: argparse.Namespace) -> Any:
    from robodance.config import GENRES, EvaluateConfig
    from robodance.settings import from_dict, override, read_yaml

    settings = EvaluateConfig()
    if options.config:
        where = options.config
        settings = from_dict(EvaluateConfig, read_yaml(Path(where)), where=where)
    settings = override(settings, pairs(options.set), where="--set")
    flags: dict[str, Any] = {
        "seed": options.seed,
        "seeds": options.seeds,
        "splits": options.splits,
        "genres": ", ".join(options.genre) or None,
    }
    given = {key: value for key, value in flags.items() if value is not None}
    settings = override(settings, given, where="options")
    unknown = [name for name in settings.genre_list if name not in GENRES]
    if unknown:
        raise UsageError(f"unknown genre {unknown[0]!r}; known: {', '.join(GENRES)}")
    return settings


def _new_folder(options: argparse.Namespace) -> Path:
    """Return where the result goes; refused at once where something is there already."""
    if options.out:
        folder = Path(options.out)
    else:
        first = options.study or options.motions or options.weights
        name = Path(first[0]).resolve().name if first else "shipped"
        folder = Path("evaluations") / (f"study-{name}" if options.study else name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: exists already; choose a new folder with --out")
    return folder


def _study(options: argparse.Namespace) -> dict[str, Any]:
    from robodance.evaluation.study import write_study
    from robodance.progress import console_progress

    written = write_study(
        [Path(name) for name in options.study],
        _new_folder(options),
        songs=[Path(name) for name in options.songs],
        seed=options.seed or 0,
        most_pairs=options.most_pairs,
        skeleton=options.skeleton,
        frame_rate_hz=options.fps,
        progress=console_progress(),
    )
    if not options.json:
        print(f"Page         {written['page']} ({written['pairs']} pairs)")
        print(f"Key          {written['key']} (keep it away from those who answer)")
    return written


def _answers(options: argparse.Namespace) -> dict[str, Any]:
    from robodance.evaluation.study_answers import answers_table, read_answers

    if not options.study_key:
        raise UsageError("--study-answers needs --study-key FILE, which --study wrote")
    result = read_answers([Path(name) for name in options.study_answers], Path(options.study_key))
    if not options.json:
        print(answers_table(result))
    return result
