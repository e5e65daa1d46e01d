"""How well tempo is heard: the music encoder against librosa and our own tracker.

    python tests/benchmarks/hear_tempo.py [--weights FILE] [--songs N] [--data DIR]

Three sets of songs that the encoder was never trained on: synthesised as for its training
but of other seeds; synthesised by the tests' own program (``tests/audio/songs.py``); real
songs, those the weights' card holds out, ``music/`` and ``annotated/``. The truth is
composed, annotated, or what our own tracker says where it is sure. Within 4 % counts as
right; the second share of each pair counts 1/3, 1/2, 2 and 3 times the tempo as well. The
encoder before any training is in the table, too: numbers drawn at random from a periodic
sound are periodic, and the reading of their turning finds that.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "audio"))
import songs

from robodance.audio.beats import hear_beats
from robodance.audio.decode import load_song
from robodance.audio.encoder import EncoderWeights, load_encoder, shipped_encoder
from robodance.audio.encoder_net import Heads, MusicEncoder
from robodance.audio.mu_law import mu_law_decode
from robodance.config import AudioConfig
from robodance.errors import AudioError
from robodance.learning.encoder_judgement import JUDGED_SEED, SONG_S, estimate_tempo, same_tempo
from robodance.learning.encoder_songs import find_held_out_songs
from robodance.learning.synthetic_songs import compose

RATE_HZ = 22_050
Ear = Callable[[np.ndarray], float]


def librosa_tempo(samples: np.ndarray) -> float:
    """Return the tempo that librosa's beat tracker finds."""
    return float(np.atleast_1d(librosa.beat.beat_track(y=samples, sr=RATE_HZ)[0])[0])


def tracker_tempo(samples: np.ndarray) -> float:
    """Return the tempo of our own tracker's beats."""
    times = hear_beats(samples, RATE_HZ, AudioConfig()).times_s
    return float(60.0 / np.median(np.diff(times)))


def ears(weights: EncoderWeights) -> dict[str, Ear]:
    """Return everybody who listens."""
    torch.manual_seed(0)
    blank = MusicEncoder(weights.net.config).eval(), Heads(weights.heads.mode).eval()
    return {
        "encoder": lambda samples: estimate_tempo(weights.net, weights.heads, samples, RATE_HZ),
        "untrained": lambda samples: estimate_tempo(*blank, samples, RATE_HZ),
        "tracker": tracker_tempo,
        "librosa": librosa_tempo,
    }


def composed(count: int) -> list[tuple[str, np.ndarray, float]]:
    """Return songs synthesised as for the training, of other seeds."""
    made = [compose((JUDGED_SEED, number), duration_s=SONG_S) for number in range(count)]
    return [(f"seed {n}", song.samples, song.tempo_bpm) for n, song in enumerate(made)]


def of_the_tests(count: int) -> list[tuple[str, np.ndarray, float]]:
    """Return songs of the tests' own synthesiser, as many of each kind."""
    each = max(1, count // len(songs.CONDITIONS))
    made = [
        (f"{condition} {seed}", songs.known_song(condition, 40_000 + seed, duration_s=SONG_S))
        for condition in songs.CONDITIONS
        for seed in range(each)
    ]
    return [(name, song.samples, song.recipe.tempo_bpm) for name, song in made]


def real(data: Path, held_out: str) -> list[tuple[str, np.ndarray, float]]:
    """Return songs that the encoder never heard, where their tempo is known."""
    held = find_held_out_songs(data, held_out)
    found = [(song.name, mu_law_decode(song.codes), song.tempo_bpm) for song in held]
    for path in sorted((data / "annotated").glob("*.beats.txt")):
        stem = path.name.removesuffix(".beats.txt")
        sound = next(p for p in sorted(path.parent.glob(f"{stem}.*")) if p.suffix != ".txt")
        beats = np.loadtxt(path, usecols=0)
        tempo = float(60.0 / np.median(np.diff(beats)))
        found.append((stem, load_song(sound).samples, tempo))
    return found


def table(
    title: str, known: list[tuple[str, np.ndarray, float]], listening: dict[str, Ear], *, each: bool
) -> None:
    """Print how everybody does on a set of songs."""
    print(f"\n{title}: {len(known)} songs")
    right: dict[str, list[tuple[bool, bool]]] = {name: [] for name in listening}
    seconds = dict.fromkeys(listening, 0.0)
    for song, samples, tempo in known:
        line = f"  {song:28s} {tempo:6.1f}"
        for name, ear in listening.items():
            begin = time.process_time()
            try:
                heard = ear(samples)
            except AudioError:  # no beat can be heard
                heard = 0.0
            seconds[name] += time.process_time() - begin
            right[name].append(same_tempo(heard, tempo))
            line += f"  {name} {heard:6.1f}"
        if each:
            print(line)
    sound_s = sum(len(samples) for _, samples, _ in known) / RATE_HZ
    print("             within 4 %   up to octaves   CPU s per minute of sound")
    for name, pairs in right.items():
        exact, octave = np.mean(pairs, axis=0)
        print(
            f"  {name:10s}   {exact:5.1%}         {octave:5.1%}          "
            f"{60.0 * seconds[name] / sound_s:.2f}"
        )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, help="weight file; default: the shipped one")
    parser.add_argument("--songs", type=int, default=64, help="songs of each synthesised set")
    parser.add_argument("--data", type=Path, default=os.environ.get("ROBODANCE_DATA"))
    options = parser.parse_args()
    weights = load_encoder(options.weights) if options.weights else shipped_encoder()
    listening = ears(weights)
    print(f"encoder: {weights.card['mode']}, {weights.card['parameters']} parameters")
    table("synthesised as in training", composed(options.songs), listening, each=False)
    table("synthesised otherwise", of_the_tests(options.songs), listening, each=False)
    if options.data:
        held_out = str(weights.card["training"]["held_out"])
        table("real, never trained on", real(Path(options.data), held_out), listening, each=True)


if __name__ == "__main__":
    main()
