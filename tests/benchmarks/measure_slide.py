"""How much the standing feet of finished dances slide, in two ways.

    python tests/benchmarks/measure_slide.py

One dance to each demo song, as it goes to the robot. Frame to frame is the measure of the
free-running gate: ankle and toe, between two frames in both of which the foot stands. The
central difference is stricter: the ankle alone, over the frames before and after each one
in which the foot stands, so the steps into and out of the stand count as well.
"""

import numpy as np

import robodance
from robodance.choreography.dance import create_dance
from robodance.config import PerformConfig
from robodance.learning.metrics import support, support_slide
from robodance.resources import launch_path
from robodance.skeleton import INDEX


def central_slide(joint_positions_m, frame_rate_hz):
    """Return the mean horizontal speed of the ankles of standing feet, m/s."""
    standing = support(joint_positions_m)[1:-1]
    ankles = joint_positions_m[:, [INDEX["right_ankle"], INDEX["left_ankle"]], :2]
    speeds = np.linalg.norm(ankles[2:] - ankles[:-2], axis=2) * frame_rate_hz / 2.0
    return float(speeds[standing].mean())


def main() -> None:
    """Measure and print."""
    config = PerformConfig()
    print("| dance | frame to frame m/s | central difference m/s |\n|-|-|-|")
    for song in sorted(launch_path("songs").glob("*.ogg")):
        dance = create_dance(robodance.analyse_song(song), config.choreography, seed=config.seed)
        found = [
            measure(np.asarray(dance.joint_positions_m), dance.frame_rate_hz)
            for measure in (support_slide, central_slide)
        ]
        print(f"| {song.stem} | {found[0]:.3f} | {found[1]:.3f} |", flush=True)


if __name__ == "__main__":
    main()
