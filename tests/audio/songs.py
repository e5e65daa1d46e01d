"""Songs whose every beat is known: parameters drawn by a seed, sound made with numpy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.signal
from numpy.typing import NDArray

RATE_HZ = 22_050

CONDITIONS = (
    "steady",
    "waltz",
    "swing",
    "offbeat-hats",
    "no-drums",
    "intro",
    "noise",
    "drift",
)


@dataclass(frozen=True)
class SongRecipe:
    """What a synthesised song is made of."""

    tempo_bpm: float
    beats_per_bar: int
    duration_s: float
    seed: int
    drums: str  # rock | four | kick | waltz | none
    hats: str  # none | beats | eighths | offbeats
    bass: str  # beats | half | eighths | root-fifth | none
    chords: str  # pad | stabs | offbeat-stabs | arpeggio | none
    melody_density: float  # chance of a note on each eighth
    swing: float  # where the second eighth falls: 0.5 straight, 0.667 triplet
    drift: float  # tempo moves by plus or minus this share
    drift_period_s: float
    intro_s: float  # pad only, no beat
    noise_db: float | None  # signal over noise
    start_s: float
    level: float


@dataclass(frozen=True)
class KnownSong:
    """Samples with the truth about them."""

    recipe: SongRecipe
    samples: NDArray[np.float32]
    beats_s: NDArray[np.float64]  # every beat, from the first that sounds
    numbers: NDArray[np.int64]
    sample_rate_hz: int = RATE_HZ


def draw_recipe(condition: str, seed: int, *, duration_s: float = 40.0) -> SongRecipe:
    """Draw the parameters of a song of one kind; the tempo lies in 60..180."""
    rng = np.random.default_rng([CONDITIONS.index(condition), seed])
    meter = 3 if condition == "waltz" or rng.random() < 0.25 else 4
    recipe = SongRecipe(
        tempo_bpm=float(rng.uniform(60.0, 180.0)),
        beats_per_bar=meter,
        duration_s=duration_s,
        seed=int(rng.integers(1 << 31)),
        drums="waltz" if meter == 3 else str(rng.choice(["rock", "rock", "four", "kick"])),
        hats=str(rng.choice(["none", "beats", "eighths", "eighths"])),
        bass=str(rng.choice(["beats", "half", "eighths", "root-fifth", "none"])),
        chords=str(rng.choice(["pad", "stabs", "offbeat-stabs", "arpeggio", "none"])),
        melody_density=float(rng.choice([0.0, 0.3, 0.6])),
        swing=0.5,
        drift=0.0,
        drift_period_s=float(rng.uniform(15.0, 60.0)),
        intro_s=0.0,
        noise_db=None,
        start_s=float(rng.uniform(0.05, 1.0)),
        level=float(10.0 ** rng.uniform(-1.5, 0.0)),
    )
    if condition == "swing":
        return replace(recipe, swing=float(rng.uniform(0.58, 0.68)), hats="eighths")
    if condition == "offbeat-hats":
        return replace(recipe, hats="offbeats")
    if condition == "no-drums":
        chords = str(rng.choice(["stabs", "arpeggio"]))
        return replace(recipe, drums="none", hats="none", chords=chords, bass="beats")
    if condition == "intro":
        return replace(recipe, intro_s=float(rng.uniform(4.0, 9.0)))
    if condition == "noise":
        return replace(recipe, noise_db=float(rng.uniform(3.0, 15.0)))
    if condition == "drift":
        return replace(recipe, drift=0.06)
    return recipe


def beat_times(recipe: SongRecipe) -> NDArray[np.float64]:
    """Return the moments of all beats: the tempo follows a sine of the given depth."""
    t = np.arange(0.0, recipe.duration_s, 0.001)
    wobble = np.sin(2.0 * np.pi * t / recipe.drift_period_s + recipe.seed)
    beats = np.cumsum(recipe.tempo_bpm / 60.0 * (1.0 + recipe.drift * wobble)) * 0.001
    first = recipe.start_s + recipe.intro_s
    count = int(np.interp(recipe.duration_s - 0.3 - first, t, beats))
    return first + np.interp(np.arange(count), beats - beats[0], t)


def synthesise(recipe: SongRecipe) -> KnownSong:
    """Render a recipe; the same recipe gives the same samples."""
    rng = np.random.default_rng(recipe.seed)
    beats = beat_times(recipe)
    sound = np.zeros(int(recipe.duration_s * RATE_HZ))
    band = _Band(recipe, beats, sound, rng)
    band.play_drums()
    band.play_harmony()
    band.play_melody()
    if recipe.intro_s > 1.0:
        band.play_intro()
    sound /= np.abs(sound).max() + 1e-9
    if recipe.noise_db is not None:
        power = np.mean(sound**2) / 10.0 ** (recipe.noise_db / 10.0)
        sound = sound + rng.normal(scale=np.sqrt(power), size=sound.size)
        sound /= np.abs(sound).max()
    numbers = np.arange(len(beats)) % recipe.beats_per_bar + 1
    return KnownSong(recipe, (recipe.level * sound).astype(np.float32), beats, numbers)


def known_song(condition: str, seed: int, *, duration_s: float = 40.0) -> KnownSong:
    """Draw and render a song of one kind."""
    return synthesise(draw_recipe(condition, seed, duration_s=duration_s))


class _Band:
    """Everybody who plays; positions are in beats."""

    def __init__(self, recipe, beats, sound, rng):
        self.recipe, self.beats, self.sound, self.rng = recipe, beats, sound, rng
        self.root = int(rng.integers(40, 52))
        self.progression = rng.permutation([0, 5, 7, 9])
        self.attack_s = float(rng.uniform(0.001, 0.012))
        self.beat_s = float(np.median(np.diff(beats)))

    def when(self, position: float) -> float:
        whole = int(np.floor(position))
        part = position - whole
        if abs(part - 0.5) < 1e-6:
            part = self.recipe.swing
        whole = min(whole, len(self.beats) - 1)
        following = whole + 1 < len(self.beats)
        length = self.beats[whole + 1] - self.beats[whole] if following else self.beat_s
        return self.beats[whole] + part * length

    def put(self, tone, position: float, level: float) -> None:
        self.put_at(tone, self.when(position), level)

    def put_at(self, tone, second: float, level: float) -> None:
        at = round(second * RATE_HZ)
        tone = tone[: max(0, len(self.sound) - at)]
        self.sound[at : at + len(tone)] += level * tone

    def tone(self, midi: float, seconds: float, *, attack_s: float, decay: float, harmonics: int):
        t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
        hertz = 440.0 * 2.0 ** ((midi - 69) / 12.0)
        wave = sum(
            np.sin(2 * np.pi * k * hertz * t + k) / k**1.2
            for k in range(1, harmonics + 1)
            if k * hertz < 9000
        )
        wave = wave * np.exp(-decay * t) * np.minimum(1.0, t / attack_s)
        tail = min(len(t), int(0.02 * RATE_HZ))
        wave[-tail:] *= np.linspace(1.0, 0.0, tail)
        return wave

    def kick(self):
        t = np.arange(int(0.25 * RATE_HZ)) / RATE_HZ
        return np.sin(2 * np.pi * (50 * t + 3.0 * (1 - np.exp(-t / 0.02)))) * np.exp(-14 * t)

    def noise(self, seconds: float, decay: float, low_hz: float, high_hz: float):
        t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
        band = scipy.signal.butter(2, [low_hz, high_hz], "bandpass", fs=RATE_HZ, output="sos")
        return scipy.signal.sosfilt(band, self.rng.normal(size=t.size)) * np.exp(-decay * t)

    def snare(self):
        t = np.arange(int(0.2 * RATE_HZ)) / RATE_HZ
        return self.noise(0.2, 22, 300, 9000) + 0.5 * np.sin(2 * np.pi * 190 * t) * np.exp(-25 * t)

    def play_drums(self) -> None:
        recipe, rng = self.recipe, self.rng
        kick, snare, hat = rng.uniform(0.7, 1.2), rng.uniform(0.5, 1.0), rng.uniform(0.1, 0.35)
        for beat in range(len(self.beats)):
            place = beat % recipe.beats_per_bar
            if recipe.drums == "rock":
                self.put(
                    *((self.kick(), beat, kick) if place % 2 == 0 else (self.snare(), beat, snare))
                )
            elif recipe.drums == "four":
                self.put(self.kick(), beat, kick)
                if place % 2:
                    self.put(self.snare(), beat, snare)
            elif recipe.drums == "kick":
                self.put(self.kick(), beat, kick * (1.2 if place == 0 else 1.0))
            elif recipe.drums == "waltz":
                self.put(
                    *(
                        (self.kick(), beat, kick)
                        if place == 0
                        else (self.snare(), beat, 0.7 * snare)
                    )
                )
            offsets = {"none": (), "beats": (0.0,), "eighths": (0.0, 0.5), "offbeats": (0.5,)}
            for offset in offsets[recipe.hats]:
                self.put(self.noise(0.07, 60, 5000, 10_500), beat + offset, hat)

    def play_harmony(self) -> None:
        recipe, rng = self.recipe, self.rng
        low, loud = rng.uniform(0.3, 0.6), rng.uniform(0.08, 0.2)
        for beat in range(len(self.beats)):
            place, bar = beat % recipe.beats_per_bar, beat // recipe.beats_per_bar
            root = self.root + self.progression[bar % 4]
            steps = {
                "beats": (0.0,),
                "half": (0.0,) if place % 2 == 0 else (),
                "eighths": (0.0, 0.5),
                "root-fifth": (0.0,),
                "none": (),
            }[recipe.bass]
            for step in steps:
                fifth = 7 if recipe.bass == "root-fifth" and place % 2 else 0
                note = self.tone(
                    root - 12 + fifth, 0.8 * self.beat_s, attack_s=0.004, decay=4.0, harmonics=6
                )
                self.put(note, beat + step, low)
            triad = [root + 12, root + 16, root + 19]
            if recipe.chords == "pad" and place == 0:
                for midi in triad:
                    length = recipe.beats_per_bar * self.beat_s
                    self.put(
                        self.tone(midi, length, attack_s=0.05, decay=0.3, harmonics=8), beat, loud
                    )
            elif recipe.chords in {"stabs", "offbeat-stabs"}:
                offset = 0.5 if recipe.chords == "offbeat-stabs" else 0.0
                for midi in triad:
                    stab = self.tone(
                        midi, 0.45 * self.beat_s, attack_s=self.attack_s, decay=5.0, harmonics=8
                    )
                    self.put(stab, beat + offset, loud * (1.3 if place == 0 else 1.0))
            elif recipe.chords == "arpeggio":
                for half in (0, 1):
                    midi = triad[(2 * place + half) % 3]
                    note = self.tone(
                        midi, 0.6 * self.beat_s, attack_s=self.attack_s, decay=4.0, harmonics=8
                    )
                    self.put(note, beat + 0.5 * half, 1.6 * loud * (1.4 if half == 0 else 1.0))

    def play_melody(self) -> None:
        scale, midi = [0, 2, 4, 5, 7, 9, 11], 7
        for eighth in range(2 * len(self.beats)):
            if self.rng.random() < self.recipe.melody_density:
                midi = int(np.clip(midi + self.rng.integers(-2, 3), 0, 14))
                pitch = self.root + 24 + 12 * (midi // 7) + scale[midi % 7]
                note = self.tone(pitch, 0.4 * self.beat_s, attack_s=0.015, decay=2.0, harmonics=5)
                self.put(note, 0.5 * eighth, 0.15)

    def play_intro(self) -> None:
        for midi in (self.root + 12, self.root + 16, self.root + 19):
            pad = self.tone(midi, self.recipe.intro_s, attack_s=1.0, decay=0.1, harmonics=6)
            self.put_at(pad, self.recipe.start_s, 0.12)
