"""How well a pre-trained encoder hears tempo, on songs it was never trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from robodance.audio.encoder import as_heard, save_encoder
from robodance.audio.encoder_net import (
    FRAME_RATE_HZ,
    GRID,
    HOP,
    SAMPLE_RATE_HZ,
    WINDOW,
    EncoderConfig,
    Heads,
    MusicEncoder,
)
from robodance.config import EncoderTrainConfig
from robodance.errors import RobodanceError
from robodance.learning.encoder_songs import HeldSong, draw_excerpts, find_held_out_songs
from robodance.learning.run_loop import RunFolder
from robodance.learning.synthetic_songs import compose
from robodance.values import FloatArray

__all__ = ["JUDGED_SEED", "TOLERANCE", "estimate_tempo", "finish", "judge", "same_tempo"]

JUDGED_SEED = 77_000_000  # of songs that no training draws
TOLERANCE = 0.04  # of the tempo, as the tempo estimation contests have it
OCTAVES = (1.0 / 3.0, 0.5, 1.0, 2.0, 3.0)
_LOCAL_S = 8.0  # over so much of a song is the beat's phase read as one rotation
_PHASE_WEIGHT = 0.5
SONG_S = 20.0


def same_tempo(heard_bpm: float, true_bpm: float) -> tuple[bool, bool]:
    """Return whether a tempo is right within 4 %, and whether it is up to octaves (2 and 3)."""
    off = [abs(heard_bpm / (factor * true_bpm) - 1.0) for factor in OCTAVES]
    return off[2] <= TOLERANCE, min(off) <= TOLERANCE


def estimate_tempo(
    net: MusicEncoder, heads: Heads, samples: np.ndarray, sample_rate_hz: int
) -> float:
    """Return the tempo of a song as an encoder hears it, in beats per minute.

    ``bpm``: the mean of what each window says, a fifth of a second apart, as printed.
    ``multitask``: the tempo that the frames' distributions and the turning of the beat's
    phase agree on best.
    """
    sound = as_heard(samples, sample_rate_hz)
    with torch.inference_mode():
        if heads.mode == "bpm":
            return _mean_tempo(net, heads, sound)
        pooled = net.encode_song(sound)[None]
        said = heads(pooled, pooled)[0]
    count = len(GRID.tempi_bpm)
    belief = said[:, :count].log_softmax(dim=1).mean(dim=0).double().numpy()
    phase = said[:, count].double().numpy() + 1j * said[:, count + 1].double().numpy()
    octaves = np.linspace(0.0, GRID.octaves - 1.0 / GRID.per_octave, 2000)
    tempi = GRID.slowest_bpm * 2.0**octaves
    score = np.interp(octaves * GRID.per_octave, np.arange(count), belief)
    score += _PHASE_WEIGHT * np.log(_turning(phase, tempi / 60.0) + 1e-6)
    return float(tempi[np.argmax(score)])


def _turning(phase: np.ndarray, hertz: FloatArray) -> FloatArray:
    """Return the share of the phase's power that turns with each frequency, mean over a song."""
    length = min(len(phase), round(_LOCAL_S * FRAME_RATE_HZ))
    window = np.hanning(length + 2)[1:-1]
    wave = np.exp(-2j * np.pi * np.outer(hertz, np.arange(length) / FRAME_RATE_HZ)) * window
    starts = range(0, max(1, len(phase) - length + 1), max(1, length // 2))
    parts = np.stack([phase[start : start + length] for start in starts], axis=1)
    power = np.abs(wave @ parts) ** 2 / (np.sum(window**2) * length)
    return np.asarray(power.mean(axis=1) / max(float(np.mean(np.abs(parts) ** 2)), 1e-12))


def _mean_tempo(net: MusicEncoder, heads: Heads, sound: torch.Tensor) -> float:
    from robodance.learning.encoder_training import TEMPO_MEAN_BPM, TEMPO_SPREAD_BPM

    margin, stride = net.config.margin(), 5 * HOP
    sound = nn.functional.pad(sound, (margin, margin + max(0, WINDOW - len(sound))))
    windows = sound.unfold(0, WINDOW + 2 * margin, stride)
    means = []
    for part in torch.split(windows, 16):
        psi = net.psi(part)
        means.append(heads(psi, net.pooled(psi)).flatten())
    return float(torch.cat(means).mean()) * TEMPO_SPREAD_BPM + TEMPO_MEAN_BPM


def judge(net: MusicEncoder, heads: Heads, songs: int, held: Sequence[HeldSong]) -> dict[str, Any]:
    """Return the figures for a card: synthesised songs never trained on, and held-out ones."""
    from robodance.audio.mu_law import mu_law_decode

    made = [compose((JUDGED_SEED, number), duration_s=SONG_S) for number in range(songs)]
    right = [
        same_tempo(estimate_tempo(net, heads, song.samples, SAMPLE_RATE_HZ), song.tempo_bpm)
        for song in made
    ]
    each = {}
    for song in held:
        heard = estimate_tempo(net, heads, mu_law_decode(song.codes), SAMPLE_RATE_HZ)
        exact, octave = same_tempo(heard, song.tempo_bpm)
        each[song.name] = {
            "tempo_bpm": round(song.tempo_bpm, 1),
            "heard_bpm": round(heard, 1),
            "within_4_percent": exact,
            "up_to_octaves": octave,
            "truth": song.source,
        }
    return {
        "synthesised": {
            "songs": songs,
            "seconds": SONG_S,
            "within_4_percent": float(np.mean([one for one, _ in right])),
            "up_to_octaves": float(np.mean([one for _, one in right])),
        },
        "held_out_songs": each,
    }


def finish(
    config: EncoderTrainConfig,
    run: RunFolder,
    shape: EncoderConfig,
    songs: Sequence[HeldSong],
    data: Path | None,
    path: Path,
) -> None:
    """Write the running mean of a run's weights, with a card of what it hears."""
    state = {name: tensor.detach().cpu() for name, tensor in run.net.state_dict().items()}
    state.update({name: mean.detach().cpu() for name, mean in run.mean.items()})
    encoder, heads = MusicEncoder(shape), Heads(config.mode)
    for name, module in (("encoder", encoder), ("heads", heads)):
        own = module.state_dict()
        module.load_state_dict({n: state[f"{name}.{n}"].half().to(t.dtype) for n, t in own.items()})
        module.eval()
    standard = _standard(config, encoder, songs)
    held = [] if data is None else find_held_out_songs(data, config.held_out)
    card = {
        "paper": "Ahn et al., Generative Autoregressive Networks for 3D Dancing Move Synthesis "
        "from Music, IEEE RA-L 2020, III.B",
        "parameters": encoder.parameter_count(),
        "data": _data_notice(songs),
        "licence": "for research use only, since the songs' publishers state no licence"
        if songs
        else "trained on synthesised songs only",
        "songs": {song.name: song.source for song in songs},
        "training": {**asdict(config), "legs": run.legs},
        "figures": judge(encoder, heads, config.judge_songs, held),
    }
    save_encoder(path, encoder, heads, standard, card)


def _data_notice(songs: Sequence[HeldSong]) -> str:
    notice = "songs synthesised by robodance, of exactly known tempo"
    if songs:
        notice += (
            f"; {len(songs)} songs of ChoreoNet (GitHub abcyzj/ChoreoNet, data/music), played "
            "faster and slower, with the beats of robodance's own tracker where it is sure or "
            "the choreography agrees: commercial recordings, no licence is stated"
        )
    return (
        f"{notice}. The Million Song Dataset of the paper was not at hand. No recorded sound is in "
        "this file."
    )


def _standard(
    config: EncoderTrainConfig, net: MusicEncoder, songs: Sequence[HeldSong]
) -> tuple[FloatArray, FloatArray]:
    """Return mean and spread of the 128 numbers over excerpts as in training."""
    excerpts = draw_excerpts(
        songs,
        (config.seed, JUDGED_SEED),
        max(config.judge_songs, config.excerpts),
        windows=config.windows,
        config=net.config,
        real=config.real,
    )
    with torch.inference_mode():
        numbers = torch.cat([
            net(torch.from_numpy(one.sound)[None]).flatten(0, 1) for one in excerpts
        ]).double()
    if not bool(torch.isfinite(numbers).all()):
        raise RobodanceError(
            "the trained encoder gives numbers that are not finite; lower the rate"
        )
    return numbers.mean(dim=0).numpy(), np.maximum(numbers.std(dim=0).numpy(), 1e-3)
