"""How many of dancers' strikes any robot could show that sets one foot down after the other.

python tests/benchmarks/possible_strikes.py [--passages 40] [--data DATA] [--apart 0.68 0.52 0.44]

The full-body passages (``balance_passages.py``), a row for each time between two touchdowns:
whatever else a robot can do, it shows no more of the strikes within 80 ms of their beat.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from balance_figures import RATE_HZ, beat_grid, most_shown, strikes
from balance_passages import chosen, data_folder, load

from robodance.motion.targets import resample

APART_S = (0.68, 0.64, 0.60, 0.56, 0.52, 0.48, 0.44)


def main() -> None:
    """Print a table: time between touchdowns, and the share of strikes of each kind of dance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=40)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--apart", type=float, nargs="+", default=list(APART_S))
    options = parser.parse_args()
    found: dict[str, list[tuple[int, list[int]]]] = {}
    for passage in chosen(options.passages):
        dance = load(passage, data_folder(options.data)).dance
        moments = np.arange(dance.times_s[0], dance.times_s[-1], 1.0 / RATE_HZ)
        joints = resample(dance.joint_positions_m, dance.times_s, moments)
        struck = strikes(joints, moments[0])
        grid = beat_grid(dance.beats_s, moments[0], moments[-1])
        most = [most_shown(struck, grid, apart) for apart in options.apart]
        found.setdefault(passage.stratum, []).append((len(struck), most))
    kinds = sorted(found)
    print(f"| from touchdown to touchdown | {' | '.join(kinds)} |")
    print("|-|" + "-|" * len(kinds))
    for row, apart in enumerate(options.apart):
        shares = [
            sum(most[row] for _, most in found[kind]) / max(sum(n for n, _ in found[kind]), 1)
            for kind in kinds
        ]
        print(f"| {apart:.2f} s | {' | '.join(f'{share:.0%}' for share in shares)} |")


if __name__ == "__main__":
    main()
