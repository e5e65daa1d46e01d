"""How far the pictures of sped-up films are from the music: the table of the README.

    launch/benchmark_film.sh [--seconds 12] [--repeats 3] [--maps TEXT] [--cameras TEXT]

Each film is made: a clock with two hands is filmed instead of the robot, so that its true
time can be read from every picture; what sounds during the dance goes through a room into
the camera's microphone; the camera's clock has a drift, its pictures come when they like.
Then ``robodance speed-up`` gets the film, the plan and the song, and every picture of the
result is compared with the moment of the song that is heard with it.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from marked_films import Camera, bounds, picture_errors, shoot
from slow_plans import slow_plan

from robodance.config import SpeedUpConfig
from robodance.performance.speed_up import speed_up, sync_by_sound
from robodance.resources import launch_path
from robodance.robots.model import load_robot
from robodance.song_file import load_soundtrack

CLEAN = Camera(clock_at_start_s=0.7)
ROOM = replace(CLEAN, snr_db=-10.0, reverberation_s=0.5)
WORST = replace(ROOM, drift=100e-6, jitter=0.6, dropped=0.1)
CAMERAS = {
    "30 a second": CLEAN,
    "noise 10 dB above the sound": replace(CLEAN, snr_db=-10.0),
    "reverberation 0.5 s": replace(CLEAN, reverberation_s=0.5),
    "clock 100 ppm fast": replace(CLEAN, drift=100e-6),
    "uneven frame rate": replace(CLEAN, jitter=0.6),
    "10 % of the pictures lost": replace(CLEAN, dropped=0.1),
    "all of these": WORST,
    "all of these, 24 a second": replace(WORST, rate_hz=24.0),
    "all of these, 60 a second": replace(WORST, rate_hz=60.0),
    "all of these, 240 a second": replace(WORST, rate_hz=240.0),
}
MAPS = {"even, 3": (3.0, 0.0), "uneven, 1.5 to 3.5": (2.5, 0.4)}
SONGS = ("rumba", "tango", "waltz", "cha-cha")
FINE = SpeedUpConfig(crf=8)  # at 20 the encoder leaves small movements out, up to 0.7 ms


def measure(robot, name, plan, camera, method, rng, folder):
    """Return one film's figures."""
    song = load_soundtrack(launch_path(f"songs/{name}.ogg"))
    film, out = folder / "film.mp4", folder / "out.mp4"
    taken = shoot(film, plan, song, camera, rng)
    sync = sync_by_sound(film, plan, song, method=method)
    ends = plan.times_s[[0, -1]]
    clock = np.abs(sync.film_times(ends) - camera.stamps(ends)).max()
    made = speed_up(film, plan, sync, out, config=FINE, soundtrack=song)
    errors = picture_errors(out, plan, made.song_start_s)
    wanted = made.song_start_s + np.arange(made.frames) / made.frame_rate_hz
    half = bounds(plan, taken, wanted)
    return {
        "confidence": sync.confidence,
        "clock": 1e3 * clock,
        "drift": sync.drift_ppm,
        "mean": 1e3 * errors.mean(),
        "sd": 1e3 * errors.std(),
        "max": 1e3 * np.abs(errors).max(),
        "bound": 1e3 * half.max(),
        "beyond": 1e3 * (np.abs(errors) - half).max(),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12.0, help="of song in each film")
    parser.add_argument("--maps", default="", help="only slow-downs whose name begins so")
    parser.add_argument("--cameras", default="", help="only cameras whose name holds this")
    parser.add_argument("--repeats", type=int, default=3, help="films of each row")
    options = parser.parse_args()
    robot = load_robot("nao_v6")
    print(
        "| slow-down | camera | sync | least sure | clock off by at most ms | mean ms | sd ms | "
        "max ms | half the gap ms | beyond it ms |\n|-|-|-|-|-|-|-|-|-|-|"
    )
    with tempfile.TemporaryDirectory(prefix="robodance-") as name:
        for slow, (factor, swing) in MAPS.items():
            for about, camera in CAMERAS.items():
                if not slow.startswith(options.maps) or options.cameras not in about:
                    continue
                for method in ("chirps", "song"):
                    rows = []
                    for k in range(options.repeats):
                        rng = np.random.default_rng(100 + k)
                        plan = slow_plan(robot, options.seconds, factor, swing=swing)
                        song = SONGS[k % len(SONGS)]
                        rows.append(measure(robot, song, plan, camera, method, rng, Path(name)))
                    row = {key: np.array([found[key] for found in rows]) for key in rows[0]}
                    worst = row["mean"][np.abs(row["mean"]).argmax()]
                    print(
                        f"| {slow} | {about} | {method} | {row['confidence'].min():.0%} | "
                        f"{row['clock'].max():.2f} | {worst:+.2f} | {row['sd'].max():.1f} | "
                        f"{row['max'].max():.1f} | {row['bound'].max():.1f} | "
                        f"{max(row['beyond'].max(), 0.0):.2f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
