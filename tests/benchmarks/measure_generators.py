"""What the shipped generators do: energy, tempo, pace, joins; with data, projection too.

    python tests/benchmarks/measure_generators.py [--seeds N] [--data DIR] [--genre NAME]
        [--songs FILE ...] [--weights DIR] [--energy]

``--weights`` measures others, of each genre or of all; ``--energy`` the energy alone.
Rendered songs, with ``--data`` the songs of each genre in the published sets, and with
``--songs`` any songs, danced in every genre with one seed.
Figures: *energy*, the correlation of the dance's mean joint speed with the music's loudness
over 4-beat windows, mean over songs and seeds, and by how much the windows' loudness differs;
*fastest joint* on the finished dances, and on long chains of units before they are finished,
with and without bridged joins; the
gate's figures of one dance at 80, 120 and 160 beats a minute, at which speeds are divided by
the tempo; *pace*, processor time; NNw and FD (GENERATORS' definitions: mean joint distance
to the nearest one-second window of the training units; and the Frechet distance of such
windows on 16 principal components, in squared decimetres a joint; both seen from the body).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from robodance.audio.analysis import analyse_song
from robodance.choreography.beat_clock import FRAMES_PER_BEAT, BeatClock
from robodance.choreography.dance import create_dance, dance_beats
from robodance.choreography.generator import load_generator
from robodance.choreography.generators.autoregressive import Autoregressive, music_drive
from robodance.choreography.joins import Bridge
from robodance.choreography.phrases import beginnings
from robodance.choreography.sampling import torch_threads
from robodance.config import GENRES, AudioConfig, ChoreographyConfig
from robodance.errors import AudioError
from robodance.evaluation.generated import weights_of
from robodance.evaluation.music import LOUDNESS_WINDOW_S, loudness_db
from robodance.learning.dataset import load_library
from robodance.learning.datasets.choreonet import GENRE_LETTERS
from robodance.learning.gate import as_dict, measure
from robodance.learning.metrics import joint_speed, root_relative
from robodance.learning.windows import load_windows
from robodance.skeleton import decode_pose, mirror_poses
from robodance.values import Beats, Genre, Song, SongAnalysis

WINDOW_BEATS = 4
LONGEST_S = 120.0
JOIN_FRAMES = 4000
TEMPI_BPM = (80.0, 120.0, 160.0)
COMPONENTS = 16


def rendered(card, seed: int, *, bpm: float | None = None, seconds: float = 60.0) -> SongAnalysis:
    """Render a song of a genre whose loudness changes, with its exact beats."""
    from robodance.audio.features import extract_features
    from robodance.learning.gate_song import SAMPLE_RATE_HZ

    beat_s = 60.0 / bpm if bpm else card["beat_s"]
    rng = np.random.default_rng(seed)
    time_s = np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    beat = time_s / beat_s
    loud = np.repeat(rng.uniform(0.1, 1.0, int(beat[-1]) // 8 + 1), 8)[(beat).astype(int)]
    since = np.mod(beat, 1.0) * beat_s
    sound = np.sin(2 * np.pi * 60 * since) * np.exp(-since / 0.08)
    sound += 0.3 * rng.normal(size=len(beat)) * np.exp(-np.mod(since + beat_s / 2, beat_s) / 0.03)
    sound += 0.2 * np.sin(
        2
        * np.pi
        * 220.0
        * 2 ** (rng.integers(12, size=64) / 12)[(beat // 4).astype(int) % 64]
        * time_s
    )
    samples = (0.2 * loud * sound).astype(np.float32)
    times = np.arange(0.0, seconds, beat_s)
    per_bar = card["beats_per_bar"]
    return SongAnalysis(
        Song("rendered", "0" * 64, samples, SAMPLE_RATE_HZ),
        Beats(times, np.arange(len(times)) % per_bar + 1, per_bar, 60.0 / beat_s, 1.0),
        extract_features(samples, SAMPLE_RATE_HZ),
        Genre(card["genre"], 1.0, {}),
    )


def energy_correlation(song: SongAnalysis, dance, beat_s: float) -> float:
    """Correlate the dance's speed with the music's loudness over windows of four beats."""
    clock = BeatClock(dance_beats(song.beats, beat_s)[0])
    times = 0.5 * (dance.times_s[1:] + dance.times_s[:-1])
    speed = joint_speed(dance.joint_positions_m, dance.frame_rate_hz)
    loud = song.features.at(times)[:, song.features.names.index("loudness")]
    window = np.floor(clock.beats_at(times) / WINDOW_BEATS).astype(int)
    window -= window.min()
    count = np.bincount(window)
    whole = count > 0.9 * np.median(count)
    means = [(np.bincount(window, weights=x) / np.maximum(count, 1))[whole] for x in (speed, loud)]
    return float(np.corrcoef(*means)[0, 1])


def loudness_spread_db(song: SongAnalysis, beat_s: float) -> float:
    """Return by how much the level of a song's windows of four beats differs (deviation)."""
    clock = BeatClock(dance_beats(song.beats, beat_s)[0])
    end = min(song.song.duration_s, LONGEST_S)
    times = np.arange(0.0, end, LOUDNESS_WINDOW_S)
    level = loudness_db(song.song.samples, song.song.sample_rate_hz, times)
    window = np.floor(clock.beats_at(times) / WINDOW_BEATS).astype(int)
    window -= window.min()
    count = np.bincount(window)
    whole = count > 0.9 * np.median(count)
    return float((np.bincount(window, weights=level) / np.maximum(count, 1))[whole].std())


def songs_of(
    genre: str, card, data: Path | None, seeds: int, given: tuple[Path, ...] = ()
) -> dict[str, list[SongAnalysis]]:
    """Return rendered songs, the genre's songs in the data, and those that are given."""
    found = {"rendered": [rendered(card, seed) for seed in range(seeds)]}
    if data is not None:
        found["recorded"] = []
        for path in sorted(data.glob(f"**/music/{GENRE_LETTERS[genre]}/*.mp3")):
            try:
                found["recorded"].append(analyse_song(path, AudioConfig(genre=genre)))
            except AudioError:  # some songs of the published set are cut off
                continue
    if given:
        found["given"] = [analyse_song(path, AudioConfig(genre=genre)) for path in given]
    return found


def windows_seen(joints, rate_hz: float, step: int) -> np.ndarray:
    """Cut one-second windows, ``step`` frames apart, as seen from the body: (W, 63 * 12)."""
    seen = root_relative(joints, rate_hz).reshape(len(joints), 63)
    length = round(rate_hz)
    rows = np.linspace(0, length - 1, 12).round().astype(int)
    return np.stack([seen[start + rows].ravel() for start in range(0, len(seen) - length, step)])


def nearest_and_frechet(dances, real: np.ndarray) -> tuple[float, float]:
    """Return NNw in cm a joint, and FD, of windows against real ones."""
    from scipy.linalg import sqrtm

    made = np.concatenate(dances)
    gaps = [
        np.linalg.norm((real - one).reshape(len(real), -1, 3), axis=2).mean(axis=1).min()
        for one in made
    ]
    centre = real.mean(axis=0)
    _, _, axes = np.linalg.svd(real - centre, full_matrices=False)
    joints = np.sqrt(real.shape[1] / 3.0)
    a, b = [10.0 * ((x - centre) @ axes[:COMPONENTS].T) / joints for x in (real, made)]
    root = sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    shift = a.mean(axis=0) - b.mean(axis=0)
    frechet = shift @ shift + np.trace(np.cov(a.T) + np.cov(b.T) - 2.0 * root)
    return 100.0 * float(np.mean(gaps)), float(frechet)


def tell_energy(
    genre: str,
    card,
    config: ChoreographyConfig,
    data: Path | None,
    seeds: int,
    given: tuple[Path, ...] = (),
) -> None:
    """Print energy and fastest joint; songs that are given are danced with one seed."""
    for kind, songs in songs_of(genre, card, data, seeds, given).items():
        found, fastest = [], 0.0
        for song in songs:
            for seed in range(1 if kind == "given" else seeds):
                end = min(song.song.duration_s, LONGEST_S)
                dance = create_dance(song, config, seed=seed, to_s=end)
                found.append(energy_correlation(song, dance, card["beat_s"]))
                steps = np.linalg.norm(np.diff(dance.joint_positions_m, axis=0), axis=2)
                fastest = max(fastest, float(steps.max()) * dance.frame_rate_hz)
        print(
            f"{genre:8s} {kind:9s} {len(songs)} songs, loudness differs by "
            f"{np.mean([loudness_spread_db(song, card['beat_s']) for song in songs]):.1f} dB: "
            f"energy {np.mean(found):.2f} "
            f"(least {np.min(found):.2f}), fastest joint {fastest:.1f} m/s",
            flush=True,
        )


def tell_joins(genre: str, card, generator: Autoregressive, seeds: int) -> None:
    """Print the fastest joint of long chains as the network dances them, and bridged."""
    fastest = {"danced": 0.0, "bridged": 0.0}
    rate, beats = FRAMES_PER_BEAT / card["beat_s"], JOIN_FRAMES // FRAMES_PER_BEAT
    for seed in range(seeds):
        song = rendered(card, seed, seconds=beats * card["beat_s"])
        clock, frames = BeatClock(song.beats), np.arange(JOIN_FRAMES) / FRAMES_PER_BEAT
        drive = music_drive(song.features, clock.times_at(frames))
        phrases = generator._draw(beats, np.random.default_rng(seed), drive, {genre: 1.0})
        begins, bridge = beginnings(phrases, FRAMES_PER_BEAT), Bridge()
        with torch_threads(1):
            danced = generator.dance(phrases, clock, song.features, 0, shares={genre: 1.0})
            poses = list(danced)[:JOIN_FRAMES]
        bridged = [bridge.step(pose, begins.get(k, 0)) for k, pose in enumerate(poses)]
        for name, chain in (("danced", poses), ("bridged", bridged)):
            steps = np.linalg.norm(np.diff(decode_pose(np.stack(chain)), axis=0), axis=2)
            fastest[name] = max(fastest[name], float(steps.max()) * rate)
    print(
        f"{genre:8s} {seeds} chains of {JOIN_FRAMES} frames: fastest joint "
        f"{fastest['danced']:.1f} m/s, joins bridged {fastest['bridged']:.1f}",
        flush=True,
    )


def tell_tempo(genre: str, card, config: ChoreographyConfig, seeds: int) -> None:
    """Print the gate's figures at three tempi; speeds in metres a beat."""
    for bpm in TEMPI_BPM:
        dances, beat_s = [], 60.0 / bpm
        for seed in range(seeds):
            song = rendered(card, seed, bpm=bpm, seconds=96 * beat_s)
            dance = create_dance(
                song,
                replace(config, frame_rate_hz=min(FRAMES_PER_BEAT / beat_s, 120)),
                seed=seed,
            )
            dances.append(dance.joint_positions_m)
        ratio = dance.metadata["song_beats_per_dance_beat"]
        figures = as_dict(measure(dances, beat_s))
        figures["speed_m_a_beat"] = figures.pop("speed_m_s") * beat_s * ratio
        told = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        print(f"{genre:8s} {bpm:.0f} bpm (danced at 1/{ratio:g}): {told}", flush=True)


def tell_pace(genre: str, card, generator: Autoregressive) -> None:
    """Print how long a frame takes, whole dances and the slowest of single frames."""
    song = rendered(card, 0)
    clock, spent, told = BeatClock(song.beats), [], {"seed": 0, "shares": {genre: 1.0}}
    with torch_threads(1):
        frames = generator.stream(clock, song.features, 0, 64, **told)
        next(frames)  # what is drawn and told beforehand
        for _ in range(1000):
            start = time.thread_time()
            next(frames)
            spent.append(1e3 * (time.thread_time() - start))
        start = time.thread_time()
        generator.generate(clock, song.features, 0, 64, **told)
        whole = time.thread_time() - start
    median, late = np.percentile(spent, [50, 99])
    print(
        f"{genre:8s} a frame {median:.2f} ms (99 %: {late:.2f}); a dance "
        f"{64 * card['beat_s'] / whole:.0f} times real time at its own tempo",
        flush=True,
    )


def tell_projection(genre: str, card, config: ChoreographyConfig, data: Path, seeds: int) -> None:
    """Print NNw, FD and speed with and without projection."""
    library, rate = load_library(data, genre), FRAMES_PER_BEAT / card["beat_s"]
    real = np.concatenate([
        windows_seen(decode_pose(poses), rate, 1)
        for unit in library.training.values()
        for poses in (unit.poses, mirror_poses(unit.poses))
        if len(poses) > round(rate) + 1
    ])
    for name, windows in (("imagined", None), ("projected", load_windows(data, [genre]))):
        made, speeds = [], []
        for seed in range(seeds):
            dance = create_dance(
                rendered(card, seed),
                replace(config, frame_rate_hz=rate),
                seed=seed,
                windows=windows,
            )
            made.append(windows_seen(dance.joint_positions_m, rate, round(rate / 2)))
            speeds.append(joint_speed(dance.joint_positions_m, rate).mean())
        nearest, frechet = nearest_and_frechet(made, real)
        print(
            f"{genre:8s} {name:9s} NNw {nearest:.2f} cm  FD {frechet:.2f}  "
            f"speed {np.mean(speeds):.2f} m/s",
            flush=True,
        )


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--genre", choices=GENRES)
    parser.add_argument("--songs", type=Path, nargs="+", default=[])
    parser.add_argument("--weights", type=Path, help="folder of other weights")
    parser.add_argument("--energy", action="store_true", help="nothing but the energy")
    options = parser.parse_args()
    for genre in [options.genre] if options.genre else GENRES:
        weights = weights_of(options.weights, genre)
        config = ChoreographyConfig(weights=str(weights))
        generator = load_generator("autoregressive", weights)
        assert isinstance(generator, Autoregressive)
        card = {**generator.card, "genre": genre}
        for key in ("beat_s", "beats_per_bar"):
            if isinstance(card[key], dict):
                card[key] = card[key][genre]
        if not options.energy:
            tell_pace(genre, card, generator)
        tell_energy(genre, card, config, options.data, options.seeds, tuple(options.songs))
        if options.energy:
            continue
        tell_joins(genre, card, generator, options.seeds)
        tell_tempo(genre, card, config, options.seeds)
        if options.data is not None:
            tell_projection(genre, card, config, options.data, options.seeds)


if __name__ == "__main__":
    main()
